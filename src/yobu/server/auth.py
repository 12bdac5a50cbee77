"""Who sends a request, and whether it may come in.

In: a request, the holders of access keys, the node's settings. Out: a `Signer`, or a refusal in the words of
aws/refusals.py. Without `--auth` (on loopback only) every key is taken and no signature is checked. Decides nothing
about operations: permissions are not this file's.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote

from yobu.aws import refusals, sigv2, sigv4
from yobu.aws.chunked import Chain
from yobu.aws.http import Request
from yobu.aws.refusals import Reason, Refusal
from yobu.aws.sigv4 import Signature
from yobu.base.clock import Clock
from yobu.base.settings import Settings
from yobu.server.hosts import Place
from yobu.server.port import Principals, Signer

ADMIN_SERVICE = "yobu"


class Claim(NamedTuple):
    """What a request says of its sender, before anything is checked.

    `signature` is set where it is going to be checked, and is well-formed; else `refusal` says what is wrong with it,
    unless the request is unsigned.
    """

    access_key: str = ""
    region: str = ""
    service: str | None = None
    signature: Signature | None = None
    refusal: Refusal | None = None


UNSIGNED = Claim()


class Auth:
    """Checks senders. One per node."""

    def __init__(self, principals: Principals, settings: Settings, clock: Clock) -> None:
        self._principals = principals
        self._clock = clock
        self._verifier = sigv4.Verifier()
        self.required = settings.auth

    def claim(self, request: Request) -> Claim:
        """What the request claims. Without `--auth` dummy credentials that no SDK would send tell enough."""
        if not self.required:
            scope = _loose_scope(request)
            return Claim(*scope) if scope else UNSIGNED
        found = sigv2.read(request) if sigv2.presigned(request) else sigv4.read(request)
        if found is None:
            return UNSIGNED
        if isinstance(found, Signature):
            return Claim(found.access_key, found.region, found.service, found)
        scope = _loose_scope(request)
        return Claim(*scope, refusal=found) if scope else Claim(refusal=found)

    async def admit(self, claim: Claim, names: list[str], place: Place) -> Signer | Refusal:
        """The sender as far as it can be known before the body: key, token, scope; `verify` comes after.

        `names` are the scope's permitted services. Without `--auth` a key that is known still stands for its owner, so
        that functions are told apart; any other key stands for an account.
        """
        if not self.required:
            signer = await self._principals.find(claim.access_key) if claim.access_key else None
            return signer or Signer("", self._principals.anyone(claim.access_key))
        if claim.signature is None:
            return claim.refusal or Refusal(Reason.UNSIGNED)
        signer_or_refusal = await self._holder(claim.signature)
        if isinstance(signer_or_refusal, Refusal):
            return signer_or_refusal
        if claim.signature.terminator == sigv2.ALGORITHM and "s3" in names:
            return signer_or_refusal  # it has no scope
        return sigv4.check_scope(claim.signature, names, place.region) or signer_or_refusal

    async def _holder(self, signature: Signature) -> Signer | Refusal:
        signer = await self._principals.find(signature.access_key)
        if signer is None:
            return Refusal(Reason.UNKNOWN_KEY, {"access_key": signature.access_key})
        if not hmac.compare_digest((signer.session_token or "").encode(), (signature.token or "").encode()):
            return Refusal(Reason.WRONG_TOKEN, {"token": signature.token or ""})
        if signer.expires is not None and self._clock.real() >= signer.expires:
            return Refusal(Reason.EXPIRED_TOKEN, {"token": signature.token or ""})
        return signer

    def waits_for_body(self, claim: Claim) -> bool:
        """Whether `verify` needs the body: outside S3 it is part of what was signed."""
        return self.required and claim.signature is not None and not claim.signature.s3

    def verify(
        self, claim: Claim, signer: Signer, request: Request, body: bytes = b"", wire: Request | None = None
    ) -> Refusal | None:
        """Why the request, as it was sent, is not signed with the sender's secret; None where it is.

        `wire` is the request in path style, which is what the older signatures of S3 cover.
        """
        signature = claim.signature
        if not self.required or signature is None:
            return None
        if signature.terminator == sigv2.ALGORITHM:
            return sigv2.verify(signature, wire or request, signer.secret, self._clock.real())
        payload = sigv4.payload_hash(signature, body)
        if isinstance(payload, Refusal):
            return payload
        return self._verifier.verify(signature, request, signer.secret, payload, self._clock.real())

    def chain(self, claim: Claim, signer: Signer) -> Chain | None:
        """What checks the chunks of an aws-chunked body; None where nothing is checked."""
        if not self.required or claim.signature is None:
            return None
        return self._verifier.chunks(claim.signature, signer.secret)

    async def admin(self, request: Request, place: Place, body: bytes) -> str | None:
        """Why the request may not use the admin doors, or None.

        From this machine no signature is needed; from elsewhere one of the node's owner for the service `yobu`.
        """
        if is_loopback(request.peer) and not _forwarded(request):
            return browser_refusal(request, place, admin=True)
        signature = sigv4.read(request)
        if not isinstance(signature, Signature):
            return "from another machine the admin doors need a signature with the node's keys"
        signer = await self._holder(signature)
        if isinstance(signer, Refusal) or signer.principal.kind != "root":
            return "these are not the node's keys"
        refusal = sigv4.check_scope(signature, (ADMIN_SERVICE,)) or self._verifier.verify(
            signature, request, signer.secret, sha256(body).hexdigest(), self._clock.real()
        )
        if refusal is not None:
            return refusals.error(refusal, ADMIN_SERVICE, "json").message
        return None


def browser_refusal(request: Request, place: Place, admin: bool = False) -> str | None:
    """Why a request that needs no signature looks like a web page's attack on this machine, or None.

    Any page can make the browser send to 127.0.0.1: as a plain form or fetch (which then carries the page's Origin),
    or after pointing its own name here (DNS rebinding, which then carries that name as Host). Pages of this machine
    may call the AWS APIs and the admin doors; others neither.
    """
    if not place.familiar:
        return (
            f"the host name {request.header('host')!r} is not one of this machine: use localhost, an address, or "
            "--auth, so that requests must be signed"
        )
    origin = request.header("origin")
    if origin and not _is_local_origin(origin):
        return f"requests of the web page {origin} are refused: without --auth only pages of this machine may call"
    if admin and request.header("sec-fetch-site") == "cross-site":
        return "requests of other web sites are refused"
    return None


def is_loopback(peer: str) -> bool:
    """Whether an address is of this machine."""
    if peer == "127.0.0.1":
        return True
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _forwarded(request: Request) -> bool:
    """A proxy on this machine passes on what others send: that is not this machine speaking."""
    return bool(request.header("x-forwarded-for") or request.header("forwarded"))


def _is_local_origin(origin: str) -> bool:
    scheme, separator, rest = origin.partition("://")
    if not separator or scheme not in ("http", "https"):
        return False
    name = rest[1:].partition("]")[0] if rest.startswith("[") else rest.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _loose_scope(request: Request) -> tuple[str, str, str] | None:
    """Key, region and service of a credential, however well the request is signed otherwise, or None."""
    parts = request.header("authorization").partition("Credential=")[2].split("/", 4)
    if len(parts) < 5:
        text = request.query.partition("X-Amz-Credential=")[2].partition("&")[0]
        parts = unquote(text).split("/", 4)
    return (parts[0], parts[2], parts[3]) if len(parts) == 5 else None
