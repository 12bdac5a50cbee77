"""The admin doors, `/_yobu/*`: JSON in, JSON out, for the command line and test suites.

In: a request whose sender may come in (auth.py decided, but for public doors), handlers that rooms and node.py
registered. Out: JSON, JSON lines where a handler streams, or the response that a handler made. Knows no handler's
business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from yobu.aws.http import Request, Response
from yobu.base.errors import AwsError, YobuError
from yobu.base.ids import Ids
from yobu.base.log import logger

PREFIX = "/_yobu/"
MAX_BODY = 1024 * 1024

AdminHandler = Callable[[dict[str, Any]], Awaitable[Any]]

_log = logger("admin")


class Admin:
    """The table of doors. Handlers take the query's and the JSON body's members in one dict.

    A handler returns what msgspec can encode as JSON (None: `{}`), an async iterator of such values, which is sent
    as JSON lines while the client stays, or a `Response`, which is sent as it is.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._doors: dict[str, dict[str, AdminHandler]] = {}
        self._public: set[tuple[str, str]] = set()

    def add(self, method: str, path: str, handler: AdminHandler, *, public: bool = False) -> None:
        """Answer `method /_yobu/<path>` with `handler`. Raises ValueError where that door is taken.

        `public`: for everybody, unsigned; the handler itself decides whom it answers.
        """
        methods = self._doors.setdefault(path.strip("/"), {})
        if method in methods:
            raise ValueError(f"{method} {PREFIX}{path} is registered twice")
        methods[method] = handler
        if public:
            self._public.add((method, path.strip("/")))

    def is_public(self, request: Request) -> bool:
        """Whether the door that the request means asks for no signature."""
        return (request.method, request.path.removeprefix(PREFIX).strip("/")) in self._public

    async def answer(self, request: Request, body: bytes) -> Response:
        """The door's answer; never raises."""
        path = request.path.removeprefix(PREFIX).strip("/")
        methods = self._doors.get(path)
        if methods is None:
            return failure(404, f"there is no door {PREFIX}{path}")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return failure(405, f"{PREFIX}{path} takes {', '.join(methods)}", [("allow", ", ".join(methods))])
        try:
            return _success(await handler(_arguments(request, body)))
        except YobuError as error:
            return failure(400, str(error))
        except AwsError as error:
            return failure(error.status, str(error))
        except Exception:  # noqa: BLE001  (an outer edge: the detail goes to the log)
            error_id = self._ids.uuid()
            _log.exception("%s %s%s failed (%s)", request.method, PREFIX, path, error_id)
            return failure(500, f"internal error {error_id}: see the node's log")


def failure(status: int, message: str, headers: list[tuple[str, str]] | None = None) -> Response:
    """An error answer: `{"error": message}`."""
    body = msgspec.json.encode({"error": message})
    return Response(status, [("content-type", "application/json"), *(headers or [])], body)


def _success(value: Any) -> Response:
    if isinstance(value, Response):
        return value
    if isinstance(value, AsyncIterator):
        return Response(200, [("content-type", "application/x-ndjson")], _lines(value))
    body = msgspec.json.encode({} if value is None else value)
    return Response(200, [("content-type", "application/json")], body)


async def _lines(values: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for value in values:
        yield msgspec.json.encode(value) + b"\n"


def _arguments(request: Request, body: bytes) -> dict[str, Any]:
    """Query and JSON body merged, the body's members first. Raises YobuError where the body is no JSON object."""
    arguments: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True))
    if body.strip():
        try:
            members = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise YobuError(f"the body is not JSON: {error}") from None
        if not isinstance(members, dict):
            raise YobuError("the body must be a JSON object")
        arguments.update(members)
    return arguments
