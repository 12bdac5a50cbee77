"""Signature Version 4: read what a request claims, check it against a secret, and sign.

In come requests as they were sent (before any rewriting of host or path), secrets and times; out go `Signature`s
and `Refusal`s, which refusals.py words. No I/O; the only state is a bounded cache of signing keys.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from yobu.aws import times
from yobu.aws.http import Request
from yobu.aws.refusals import Reason, Refusal
from yobu.aws.routes import query_pairs

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_HASH = sha256(b"").hexdigest()
WEEK = 604800
S3_SKEW = 900
SKEW = 300

_S3 = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~-]*\Z")
# A text in its one canonical encoding already: nothing to do, and that is what SDKs send.
_ESCAPE = r"%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF])"
_CANONICAL = re.compile(rf"(?:[A-Za-z0-9._~-]++|{_ESCAPE})*+\Z")
_CANONICAL_QUERY = re.compile(rf"(?:[A-Za-z0-9._~&=-]++|{_ESCAPE})*+\Z")
_NUMBER = re.compile(r"-?[0-9]+\Z")
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z\Z", re.ASCII)


class Signature(NamedTuple):
    """What a request claims: who signed what, when, for which service.

    `timestamp` is `YYYYMMDDTHHMMSSZ`, `time` the same in epoch seconds; `expires` the seconds that a presigned
    URL lives (None: the signature is in the header); `payload` what x-amz-content-sha256 says, or "".
    """

    access_key: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    time: int
    expires: int | None = None
    token: str | None = None
    payload: str = ""

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"

    @property
    def s3(self) -> bool:
        """Whether S3's rules hold: paths are encoded once and not normalised, bodies may be unsigned."""
        return self.service in _S3

    @property
    def streaming(self) -> bool:
        """Whether the body is aws-chunked."""
        return self.payload.startswith("STREAMING-")


def read(request: Request) -> Signature | Refusal | None:
    """The signature of a request, None where there is none, or why it cannot be read."""
    authorization = request.header("authorization")
    presigned = "X-Amz-Algorithm=" in request.query or "X-Amz-Signature=" in request.query
    if presigned:
        return Refusal(Reason.TWO_SIGNATURES) if authorization else _from_query(request)
    if authorization:
        return _from_header(request, authorization)
    if "Signature=" in request.query and "AWSAccessKeyId=" in request.query:
        return _incomplete(Reason.UNSUPPORTED, ["Credential", "Signature", "SignedHeaders"], "", "")
    return None


def _incomplete(reason: Reason, missing: list[str], date: str, authorization: str) -> Refusal:
    names = missing if date else [*missing, "Date"]
    return Refusal(reason, {"missing": " ".join(names), "authorization": authorization})


def _from_header(request: Request, authorization: str) -> Signature | Refusal:
    scheme, _, rest = authorization.strip().partition(" ")
    date = request.header("x-amz-date") or request.header("date")
    if scheme != ALGORITHM:
        return _incomplete(Reason.UNSUPPORTED, ["Credential", "Signature", "SignedHeaders"], date, authorization)
    parts: dict[str, str] = {}
    for pair in rest.split(","):
        key, equals, value = pair.strip().partition("=")
        if not equals:
            return Refusal(Reason.NOT_A_PAIR, {"pair": pair.strip(), "authorization": authorization})
        parts[key] = value
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing or not date:
        return _incomplete(Reason.INCOMPLETE, missing, date, authorization)
    stamp = _stamp(date)
    if stamp is None:
        return Refusal(Reason.BAD_DATE, {"date": date})
    credential = parts["Credential"].rsplit("/", 4)
    if len(credential) != 5:
        return Refusal(Reason.BAD_CREDENTIAL, {"credential": parts["Credential"]})
    access_key, day, region, service, terminator = credential
    return Signature(
        access_key,
        day,
        region,
        service,
        terminator,
        signed_headers=tuple(parts["SignedHeaders"].lower().split(";")),
        signature=parts["Signature"],
        timestamp=stamp[0],
        time=stamp[1],
        token=request.header("x-amz-security-token") or None,
        payload=request.header("x-amz-content-sha256"),
    )


def _from_query(request: Request) -> Signature | Refusal:
    query = dict(query_pairs(request.query))
    wanted = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")
    if not all(query.get(name) for name in wanted):
        return Refusal(Reason.QUERY_INCOMPLETE)
    if query["X-Amz-Algorithm"] != ALGORITHM:
        return Refusal(Reason.QUERY_ALGORITHM)
    credential = query["X-Amz-Credential"].rsplit("/", 4)
    if len(credential) != 5:
        return Refusal(Reason.BAD_CREDENTIAL, {"credential": query["X-Amz-Credential"]})
    stamp = _stamp(query["X-Amz-Date"])
    if stamp is None:
        return Refusal(Reason.QUERY_DATE)
    s3 = credential[3] in _S3
    expires = query.get("X-Amz-Expires", "" if s3 else str(S3_SKEW))
    if not expires:
        return Refusal(Reason.QUERY_INCOMPLETE)
    if not _NUMBER.match(expires):
        return Refusal(Reason.QUERY_EXPIRES_NUMBER)
    if not 0 <= int(expires[:20]) <= WEEK:
        return Refusal(Reason.QUERY_EXPIRES_NEGATIVE if expires.startswith("-") else Reason.QUERY_EXPIRES_WEEK)
    access_key, day, region, service, terminator = credential
    return Signature(
        access_key,
        day,
        region,
        service,
        terminator,
        signed_headers=tuple(query["X-Amz-SignedHeaders"].lower().split(";")),
        signature=query["X-Amz-Signature"],
        timestamp=stamp[0],
        time=stamp[1],
        expires=int(expires),
        token=query.get("X-Amz-Security-Token") or request.header("x-amz-security-token") or None,
        payload=request.header("x-amz-content-sha256") or query.get("X-Amz-Content-Sha256", UNSIGNED if s3 else ""),
    )


def _stamp(date: str) -> tuple[str, int] | None:
    """A date as `YYYYMMDDTHHMMSSZ` and epoch seconds; HTTP dates are taken too."""
    if not _TIMESTAMP.match(date):
        try:
            seconds = int(times.from_http_date(date).timestamp())
        except ValueError:
            return None
        return basic(seconds), seconds
    fields = (int(date[:4]), int(date[4:6]), int(date[6:8]), int(date[9:11]), int(date[11:13]), int(date[13:15]))
    try:
        return date, int(datetime(*fields, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def basic(seconds: float) -> str:
    """Epoch seconds as `YYYYMMDDTHHMMSSZ`."""
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


def payload_hash(signature: Signature, body: bytes) -> str | Refusal:
    """What stands for the body in the canonical request.

    S3's requests say it themselves; where they state a hash, the caller compares it with the body
    (`wrong_payload`). Elsewhere it is the body's own hash, unless the request says that the body is unsigned.
    """
    if signature.s3:
        return signature.payload or Refusal(Reason.NO_CONTENT_HASH)
    if signature.payload == UNSIGNED or signature.streaming:
        return signature.payload
    return sha256(body).hexdigest() if body else EMPTY_HASH


def states_hash(signature: Signature) -> bool:
    """Whether the request states its body's SHA-256, so that the body must be compared with it."""
    return signature.s3 and signature.payload != UNSIGNED and not signature.streaming


def wrong_payload(signature: Signature, computed: str) -> Refusal | None:
    """Why a body whose SHA-256 is `computed` is not the one that was signed, or None."""
    if hmac.compare_digest(signature.payload.lower().encode(), computed.encode()):
        return None
    return Refusal(Reason.WRONG_CONTENT_HASH, {"client": signature.payload, "server": computed})


def check_scope(signature: Signature, services: Iterable[str], region: str | None = None) -> Refusal | None:
    """Why the scope does not fit a service with one of these signing names (and the region, if given), or None."""
    expected = tuple(services)
    if signature.terminator != "aws4_request":
        return Refusal(Reason.SCOPE_TERMINATOR, {"terminator": signature.terminator})
    if signature.service not in expected:
        return Refusal(Reason.SCOPE_SERVICE, {"service": signature.service, "expected": expected[0]})
    if region is not None and signature.region != region:
        return Refusal(Reason.SCOPE_REGION, {"region": signature.region, "expected": region})
    return None


def check_time(signature: Signature, now: float) -> Refusal | None:
    """Why the signature does not hold at real time `now` (epoch seconds), or None."""
    age = now - signature.time
    if signature.expires is not None:
        if age > signature.expires:
            until = signature.time + signature.expires
            facts = {"expires": str(signature.expires), "until": times.iso8601(until), "now": times.iso8601(int(now))}
            return Refusal(Reason.PRESIGNED_EXPIRED, facts)
        if age > -S3_SKEW:
            return None
    skew = S3_SKEW if signature.s3 else SKEW
    if -skew <= age <= skew:
        return None
    facts = {"timestamp": signature.timestamp, "now": basic(now), "minutes": str(skew // 60)}
    if age > 0:
        return Refusal(Reason.EXPIRED, {**facts, "limit": basic(now - skew)})
    return Refusal(Reason.NOT_YET, {**facts, "limit": basic(now + skew)})


class SigningKeys:
    """Signing keys by secret, date, region and service. Holds at most `limit`; the oldest go first."""

    def __init__(self, limit: int = 1024) -> None:
        self._limit = limit
        self._keys: dict[tuple[str, str, str, str], bytes] = {}

    def get(self, secret: str, date: str, region: str, service: str) -> bytes:
        """The key that signs for a day, region and service."""
        name = (secret, date, region, service)
        key = self._keys.get(name)
        if key is None:
            key = ("AWS4" + secret).encode()
            for part in (date, region, service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            while len(self._keys) >= self._limit:
                del self._keys[next(iter(self._keys))]
            self._keys[name] = key
        return key


class Verifier:
    """Checks signatures; one per node, for its cache of signing keys."""

    def __init__(self, keys: SigningKeys | None = None) -> None:
        self.keys = keys or SigningKeys()

    def verify(self, signature: Signature, request: Request, secret: str, payload: str, now: float) -> Refusal | None:
        """Why the request is not signed with `secret`, or None.

        `payload` is what `payload_hash` gave; `now` is real time, epoch seconds. The caller has found the secret
        by `signature.access_key` and compares session token, scope and body by the functions above.
        """
        refusal = check_time(signature, now) or _check_headers(signature, request)
        if refusal is not None:
            return refusal
        canonical = canonical_request(signature, request, payload)
        to_sign = string_to_sign(signature, canonical)
        key = self.keys.get(secret, signature.date, signature.region, signature.service)
        if hmac.compare_digest(_hex(key, to_sign).encode(), signature.signature.encode()):
            return None
        facts = {
            "access_key": signature.access_key,
            "canonical": canonical,
            "to_sign": to_sign,
            "signature": signature.signature,
        }
        return Refusal(Reason.MISMATCH, facts)

    def chunks(self, signature: Signature, secret: str) -> ChunkChain:
        """The chain of chunk signatures that begins with this (verified) signature."""
        key = self.keys.get(secret, signature.date, signature.region, signature.service)
        return ChunkChain(key, signature)


def _check_headers(signature: Signature, request: Request) -> Refusal | None:
    signed = signature.signed_headers
    if "host" not in signed:
        return Refusal(Reason.HOST_UNSIGNED)
    if signature.timestamp[:8] != signature.date:
        facts = {"scope_date": signature.date, "date": signature.timestamp[:8], "timestamp": signature.timestamp}
        return Refusal(Reason.SCOPE_DATE, facts)
    if signature.s3:
        loose = [
            name
            for name, _ in request.headers
            if name.startswith("x-amz-") and name not in signed and name != "x-amz-content-sha256"
        ]
        if loose:
            return Refusal(Reason.HEADERS_UNSIGNED, {"names": ", ".join(loose)})
    return None


def _hex(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def canonical_request(signature: Signature, request: Request, payload: str) -> str:
    """The canonical request: what both sides hash."""
    lines = [request.method, _canonical_path(request.path, signature.s3), _canonical_query(request.query)]
    for name in signature.signed_headers:
        value = request.header(name)
        lines.append(f"{name}:{' '.join(value.split()) if ' ' in value else value}")
    lines += ["", ";".join(signature.signed_headers), payload]
    return "\n".join(lines)


def string_to_sign(signature: Signature, canonical: str) -> str:
    """The string that the signing key signs."""
    digest = sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def _canonical_path(path: str, s3: bool) -> str:
    if s3:
        # Encoded once: what the client has encoded in its own way is brought into one.
        return path if _PLAIN_PATH.match(path) else "/".join(_encoded(part) for part in path.split("/"))
    if "//" in path or "/." in path:
        path = _without_dots(path)
    return (path or "/") if _PLAIN_PATH.match(path) else quote(path, safe="/-_.~")


def _without_dots(path: str) -> str:
    """RFC 3986's removal of dot segments, and of empty ones."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment and segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    clean = _CANONICAL_QUERY.match(query) is not None
    pairs = []
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if part and key != "X-Amz-Signature":
            pairs.append((key, value) if clean and "=" not in value else (_encoded(key), _encoded(value)))
    pairs.sort()
    return "&".join(f"{key}={value}" for key, value in pairs)


def _encoded(text: str) -> str:
    return text if _CANONICAL.match(text) else quote(unquote_to_bytes(text), safe="-_.~")


class ChunkChain:
    """The signatures of an aws-chunked body: each covers its chunk and the signature before it."""

    def __init__(self, key: bytes, signature: Signature) -> None:
        self._key = key
        self._head = f"{signature.timestamp}\n{signature.scope}\n"
        self._previous = signature.signature

    def sign(self, digest: str) -> str:
        """The signature of the next chunk, by the SHA-256 (hex) of its data; the chain moves on."""
        text = f"{ALGORITHM}-PAYLOAD\n{self._head}{self._previous}\n{EMPTY_HASH}\n{digest}"
        self._previous = _hex(self._key, text)
        return self._previous

    def sign_trailer(self, digest: str) -> str:
        """The signature of the trailer, by the SHA-256 (hex) of its lines."""
        return _hex(self._key, f"{ALGORITHM}-TRAILER\n{self._head}{self._previous}\n{digest}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs, for `sign`: keys, and the scope's region and service."""

    access_key: str
    secret: str
    region: str
    service: str
    token: str | None = None


def sign(request: Request, identity: Identity, now: float, payload: str = "", keys: SigningKeys | None = None) -> str:
    """Sign a request: adds x-amz-date (and token, and S3's content hash) and Authorization to its headers.

    `payload`: the body's SHA-256, UNSIGNED-PAYLOAD or a STREAMING name; the empty body's hash if it is "". Signs
    host, content-type and every x-amz header. Returns the signature, where a chunk chain begins.
    """
    stamp = basic(now)
    payload = payload or EMPTY_HASH
    added = [("x-amz-date", stamp)]
    if identity.token:
        added.append(("x-amz-security-token", identity.token))
    if identity.service in _S3:
        added.append(("x-amz-content-sha256", payload))
    request.headers.extend(added)
    request._index = None
    names = {name for name, _ in request.headers if name.startswith("x-amz-") or name in ("host", "content-type")}
    unsigned = Signature(
        identity.access_key,
        stamp[:8],
        identity.region,
        identity.service,
        "aws4_request",
        tuple(sorted(names)),
        "",
        stamp,
        int(now),
    )
    key = (keys or SigningKeys()).get(identity.secret, stamp[:8], identity.region, identity.service)
    signature = _hex(key, string_to_sign(unsigned, canonical_request(unsigned, request, payload)))
    authorization = (
        f"{ALGORITHM} Credential={identity.access_key}/{unsigned.scope}, "
        f"SignedHeaders={';'.join(unsigned.signed_headers)}, Signature={signature}"
    )
    request.headers.append(("authorization", authorization))
    request._index = None
    return signature
