"""From a request to an answer: which service, who asks, which operation, its handler, and every failure worded.

In: requests and their bodies from app.py. Out: responses; nothing is raised. Also the `call` by which rooms reach each
other behind the wire. Knows rooms only by their port, and services only by their models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yobu.aws import chunked, refusals, sigv4
from yobu.aws.http import Answer, Params, Request, Response
from yobu.aws.refusals import Reason, Refusal
from yobu.aws.service import Catalogue, Service
from yobu.base.clock import Clock
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.base.log import logger
from yobu.base.settings import Settings
from yobu.server import failures
from yobu.server.auth import UNSIGNED, Auth, browser_refusal
from yobu.server.body import HashCheck, Incoming, StreamedBody, gather, gunzip
from yobu.server.port import Handler, Principals, Room, Signer
from yobu.server.route import Router
from yobu.server.telemetry import Telemetry
from yobu.store.port import StoreClosed, StoreFull

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of a body that an operation takes whole."""

# Lambda takes packages of 50 MB, which base64 makes a third larger.
_BODY_LIMITS = {"lambda": 70_167_211}

_HASH_LENGTH = 64
_EMPTY = frozenset({"", sigv4.UNSIGNED, sigv4.EMPTY_HASH})

_log = logger("dispatch")


@dataclass(frozen=True, slots=True)
class DispatchParts:
    """What dispatch stands on."""

    rooms: Sequence[Room]
    catalogue: Catalogue
    principals: Principals
    settings: Settings
    clock: Clock
    ids: Ids


class _Exchange:
    """What is known of a request so far: enough to word a failure at any point."""

    __slots__ = ("claim", "context", "id", "operation", "request", "service", "signer", "wire")

    def __init__(self, request: Request, request_id: str) -> None:
        self.request = request  # as it was sent, which is what its signature covers
        self.wire = request  # as the codec reads it
        self.id = request_id
        self.claim = UNSIGNED
        self.signer: Signer | None = None
        self.service: Service | None = None
        self.operation: str | None = None
        self.context: Context | None = None


class Dispatch:
    """The middle of the front door. `call` is the port by which rooms call each other (services/port.py)."""

    def __init__(self, parts: DispatchParts) -> None:
        self._catalogue = parts.catalogue
        self._settings = parts.settings
        self._clock = parts.clock
        self._ids = parts.ids
        self._rooms = {service: room for room in parts.rooms for service in room.services}
        own = () if parts.settings.loopback else (parts.settings.host,)
        self.router = Router(parts.catalogue, tuple(self._rooms), own)
        self.auth = Auth(parts.principals, parts.settings, parts.clock)
        self.telemetry = Telemetry()
        self.closing = asyncio.Event()

    def close(self) -> None:
        """The node is stopping: serve only what running functions still ask for."""
        self.closing.set()

    def stats(self) -> dict[str, Any]:
        """Calls, failures and times by operation."""
        return self.telemetry.stats()

    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        """Run an operation of another room and return its output. Raises AwsError."""
        room = self._rooms.get(service)
        handler = room.operation(service, operation) if room is not None else None
        if handler is None:
            raise failures.not_offered(service, operation)
        answer = await self._run(service, operation, handler, ctx, params)
        return answer.output if isinstance(answer, Answer) else answer

    async def answer(self, request: Request, incoming: Incoming) -> Response:
        """The answer to a request to an AWS API; never raises for what a request or a handler does."""
        exchange = _Exchange(request, self._ids.uuid())
        try:
            response = await self._serve(exchange, incoming)
        except AwsError as error:
            response = self._word(exchange, error)
        except StoreFull:
            response = self._word(exchange, failures.unavailable("the disk is full"))
        except StoreClosed:
            response = self._word(exchange, failures.unavailable("its store is closed"))
        except Exception:  # noqa: BLE001  (the outer edge: the client gets an id, the log the cause)
            name = exchange.service.name if exchange.service is not None else "?"
            _log.exception("%s:%s failed (%s)", name, exchange.operation, exchange.id)
            service = exchange.service or self._stranger(request)
            response = self._word(exchange, failures.internal(service, exchange.id))
        if exchange.context is not None and exchange.context.warnings:
            self._warn(exchange, exchange.context.warnings, response)
        return response

    async def _serve(self, exchange: _Exchange, incoming: Incoming) -> Response:
        early = await self._find(exchange, incoming)
        if self.closing.is_set() and (exchange.signer is None or exchange.signer.environment is None):
            raise failures.unavailable("it is stopping")
        service, room = exchange.service, self._room(exchange)
        assert service is not None
        body = await self._body(exchange, service, incoming, early)
        operation = exchange.operation
        assert operation is not None
        handler = room.operation(service.name, operation)
        if handler is None:
            raise failures.not_offered(service.name, operation)
        params = service.parse(operation, exchange.wire, body)
        if room.constraint_code is not None:
            own = room.checked_here
            checked = params if own.isdisjoint(params) else {name: params[name] for name in params.keys() - own}
            problems = service.constraints(operation, checked)
            if problems:
                raise failures.constraints(room.constraint_code, problems)
        context = exchange.context = self._context(exchange)
        answer = await self._run(service.name, operation, handler, context, params)
        return service.serialise(operation, answer, exchange.id, exchange.wire)

    async def _find(self, exchange: _Exchange, incoming: Incoming) -> bytes | None:
        """Service and sender. Gives the body where it had to be read for that."""
        request, router = exchange.request, self.router
        claim = exchange.claim = self.auth.claim(request)
        place = router.hosts.place(request.header("host"))
        if not place.valid:
            raise AwsError("InvalidHostHeader", "The Host header is not valid.", 400)
        if not self.auth.required:
            why = browser_refusal(request, place)
            if why is not None:
                raise AwsError("AccessDenied", why, 403)
        early = None
        if router.needs_body(request, claim.service):
            early = await incoming.collect(BODY_LIMIT, lambda: failures.too_large("", BODY_LIMIT))
        route = router.route(request, claim.service, place, early or b"")
        if route is None:
            raise AwsError("NotImplemented", "yobu knows no such service.", 501)
        service = exchange.service = route.service
        exchange.wire = route.request
        if self.auth.required or router.offers(service.name):
            names = router.signing_names(service) if self.auth.required else []
            exchange.signer = self._admitted(await self.auth.admit(claim, names, place), service)
        if not claim.region and route.region is not None:
            exchange.claim = claim._replace(region=route.region)
        return early

    def _room(self, exchange: _Exchange) -> Room:
        service = exchange.service
        assert service is not None
        room = self._rooms.get(service.name)
        if room is None:
            raise failures.not_offered(service.name)
        return room

    async def _body(
        self, exchange: _Exchange, service: Service, incoming: Incoming, early: bytes | None
    ) -> bytes | StreamedBody:
        """The body as the operation takes it, with signature and payload checked; finds the operation on the way."""
        waits = self.auth.waits_for_body(exchange.claim)
        if not waits:
            self._verify(exchange, service)
            if service.protocol.startswith("rest"):
                exchange.operation = service.route(exchange.wire, b"")
                if service.streams_input(exchange.operation):
                    return self._stream(exchange, incoming)
        limit = _BODY_LIMITS.get(service.name, BODY_LIMIT)

        def too_large() -> AwsError:
            return failures.too_large(service.name, limit)

        if early is not None:
            body = early
        elif service.name != "s3" or (incoming.ended and exchange.request.header("x-amz-content-sha256") in _EMPTY):
            body = await incoming.collect(limit, too_large)
        else:
            body = await gather(self._stream(exchange, incoming), limit, too_large)
        if waits:
            self._verify(exchange, service, body)
        if body and service.name != "s3" and exchange.request.header("content-encoding") == "gzip":
            body = gunzip(body, limit, too_large)
        if exchange.operation is None:
            exchange.operation = service.route(exchange.wire, body)
        return body

    def _verify(self, exchange: _Exchange, service: Service, body: bytes = b"") -> None:
        assert exchange.signer is not None
        refusal = self.auth.verify(exchange.claim, exchange.signer, exchange.request, body, exchange.wire)
        if refusal is not None:
            raise refusals.error(refusal, service.name, service.protocol)

    def _admitted(self, found: Signer | Refusal, service: Service) -> Signer:
        if isinstance(found, Refusal):
            raise refusals.error(found, service.name, service.protocol)
        return found

    def _stream(self, exchange: _Exchange, incoming: Incoming) -> StreamedBody:
        """S3's bodies: aws-chunked decoded, a stated SHA-256 compared at the end."""
        request = exchange.request
        signature = exchange.claim.signature
        payload = request.header("x-amz-content-sha256") or (signature.payload if signature is not None else "")
        if not payload.startswith("STREAMING-"):
            stated = len(payload) == _HASH_LENGTH or (self.auth.required and payload not in ("", sigv4.UNSIGNED))
            return StreamedBody(incoming, incoming.length, check=_hash_check(payload) if stated else None)
        assert exchange.signer is not None
        coding = chunked.coding(
            payload,
            request.header("x-amz-decoded-content-length"),
            request.header("x-amz-trailer"),
            self.auth.chain(exchange.claim, exchange.signer),
        )
        return StreamedBody(incoming, coding.length, chunked.Decoder(coding))

    def _context(self, exchange: _Exchange) -> Context:
        request, signer = exchange.request, exchange.signer
        assert signer is not None
        return Context(
            account=signer.principal.account,
            region=exchange.claim.region or self._settings.region,
            principal=signer.principal,
            request_id=exchange.id,
            host=request.header("host") or "127.0.0.1",
            scheme=request.scheme,
            source_ip=request.peer,
            source_environment=signer.environment,
            trace=request.header("x-amzn-trace-id") or None,
        )

    async def _run(
        self, service: str, operation: str, handler: Handler, ctx: Context, params: Params
    ) -> Params | Answer:
        """The port call: the one place where calls are counted and timed."""
        began = self._clock.elapsed()
        status = 500
        try:
            answer = await handler(ctx, params)
            status = 200
        except AwsError as error:
            status = error.status
            raise
        finally:
            self.telemetry.record(service, operation, status, self._clock.elapsed() - began)
        return answer

    def _word(self, exchange: _Exchange, error: AwsError) -> Response:
        service = exchange.service or self._stranger(exchange.request)
        return service.error(error, exchange.operation, exchange.id, exchange.wire)

    def _stranger(self, request: Request) -> Service:
        """Whose words a request gets that belongs to no service: JSON for those that speak it, else XML."""
        json = request.header("x-amz-target") or "json" in request.header("content-type")
        return self._catalogue.service("lambda" if json else "s3")

    def _warn(self, exchange: _Exchange, warnings: list[str], response: Response) -> None:
        """What is accepted without effect is said in the log and to the client (law 10)."""
        name = exchange.service.name if exchange.service is not None else "?"
        for text in warnings:
            _log.warning("%s:%s: %s", name, exchange.operation, text)
            response.headers.append(("x-yobu-warning", " ".join(text.encode("ascii", "replace").decode().split())))


def _hash_check(stated: str) -> HashCheck:
    def check(computed: str) -> AwsError | None:
        if computed == stated.lower():
            return None
        refusal = Refusal(Reason.WRONG_CONTENT_HASH, {"client": stated, "server": computed})
        return refusals.error(refusal, "s3", "rest-xml")

    return check
