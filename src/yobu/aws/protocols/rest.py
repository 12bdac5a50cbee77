"""Where the members of a REST operation stand: path labels, query, headers, status and body.

In come a request or an output; out go params, or headers and a status. Bodies are the business of rest_json.py
and rest_xml.py. Raises `BadValue` where a text does not fit its shape; the protocol words it.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from yobu.aws import times
from yobu.aws.http import Params, Request
from yobu.aws.routes import query_pairs, split_uri
from yobu.aws.shapes import FLOATS, INTEGERS, OperationModel, Shape, timestamp_format, wire_name
from yobu.base.errors import YobuError

FromText = Callable[[str], Any]
ToText = Callable[[Any], str]
Bind = Callable[[Request, Params], None]


class BadValue(Exception):
    """A header, label or query value that does not fit its shape."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name}={value}")
        self.name = name
        self.value = value


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ValueError("not a boolean")
    return lowered == "true"


def _jsonvalue(text: str) -> Any:
    return msgspec.json.decode(b64decode(text, validate=True))


def from_text(shape: Shape, timestamps: str) -> FromText:
    """The closure that reads a scalar from a header, label or query value. It raises ValueError."""
    kind = shape.type_name
    if kind == "boolean":
        return _boolean
    if kind in INTEGERS:
        return _integer
    if kind in FLOATS:
        return float
    if kind == "timestamp":
        form = timestamp_format(shape, timestamps)
        return times.from_any if form != "rfc822" else _date
    if kind == "blob":
        return lambda text: b64decode(text, validate=True)
    if kind == "list":
        return _header_list(from_text(shape.member, timestamps), shape.member.type_name == "timestamp")
    return _jsonvalue if shape.serialization.get("jsonvalue") else str


def _date(text: str) -> Any:
    return times.from_any(text.strip())


def _integer(text: str) -> int:
    # int() also takes underscores and other scripts' digits.
    if not text.isascii() or "_" in text:
        raise ValueError("not an integer")
    return int(text)


_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|\Z)')
_DATE_ITEM = re.compile(r"\s*([^,]+,[^,]+|[^,]+)\s*(?:,|\Z)")


def _header_list(convert: FromText, dates: bool) -> FromText:
    def split(text: str) -> Iterator[str]:
        pattern = _DATE_ITEM if dates else _LIST_ITEM
        at = 0
        while at < len(text):
            match = pattern.match(text, at)
            if match is None:
                raise ValueError("malformed list")
            at = match.end()
            if not dates and match.group(1) is not None:
                yield re.sub(r"\\(.)", r"\1", match.group(1))
            else:
                yield match.group(match.lastindex or 0).strip()

    return lambda text: [convert(item) for item in split(text)]


class Inputs:
    """The members of an operation's input that stand outside its body, compiled."""

    def __init__(self, operation: OperationModel) -> None:
        shape = operation.input_shape
        members = dict(shape.members) if shape is not None else {}
        self.body = tuple(name for name, member in members.items() if "location" not in member.serialization)
        self._binds: list[Bind] = []
        labels: dict[str, tuple[str, FromText]] = {}
        headers: list[_HeaderMember] = []
        for name, member in members.items():
            location = member.serialization.get("location")
            if location == "uri":
                labels[wire_name(member, name)] = (name, from_text(member, "iso8601"))
            elif location == "header":
                headers.append(_header_member(name, member))
            elif location == "headers":
                self._binds.append(_headers(name, member))
        if headers:
            self._binds.append(_header(headers))
        if labels:
            self._binds.append(_labels(operation, labels))
        if any(member.serialization.get("location") == "querystring" for member in members.values()):
            self._binds.append(_query(members, split_uri(operation.http["requestUri"])[1]))

    def read(self, request: Request) -> Params:
        """Every member outside the body. Raises BadValue."""
        params: Params = {}
        for bind in self._binds:
            bind(request, params)
        return params


@dataclass(frozen=True, slots=True)
class _HeaderMember:
    name: str
    wire: str
    convert: FromText
    lenient: bool


def _header_member(name: str, member: Shape) -> _HeaderMember:
    wire = wire_name(member, name)
    # A conditional header that cannot be read counts as absent (RFC 9110, 13.1).
    conditional = wire.lower().removeprefix("x-amz-copy-source-").startswith("if-")
    lenient = member.type_name == "timestamp" and conditional
    return _HeaderMember(name, wire, from_text(member, "rfc822"), lenient)


def _header(members: list[_HeaderMember]) -> Bind:
    """All members that are headers. A request has a few of PutObject's 45: look at what came, not at what might."""
    known = {member.wire.lower(): member for member in members}

    def bind(request: Request, params: Params) -> None:
        for key, _ in request.headers:
            member = known.get(key)
            if member is None or member.name in params:
                continue
            text = request.header(key)
            if not text:
                continue
            try:
                params[member.name] = text if member.convert is str else member.convert(text)
            except (ValueError, msgspec.DecodeError) as error:
                if not member.lenient:
                    raise BadValue(member.wire, text) from error

    return bind


def _headers(name: str, member: Shape) -> Bind:
    prefix = wire_name(member, name).lower() if "name" in member.serialization else ""
    cut = len(prefix)

    def bind(request: Request, params: Params) -> None:
        found: dict[str, str] = {}
        for key, _ in request.headers:
            if key.startswith(prefix):
                found[key[cut:]] = request.header(key)
        if found:
            params[name] = found

    return bind


def _labels(operation: OperationModel, labels: dict[str, tuple[str, FromText]]) -> Bind:
    segments = split_uri(operation.http["requestUri"])[0]
    at_greedy = next((i for i, s in enumerate(segments) if s.endswith("+}")), len(segments))
    before = [(i, s[1:-1], *labels[s[1:-1]]) for i, s in enumerate(segments[:at_greedy]) if s.startswith("{")]
    after = len(segments) - at_greedy - 1
    greedy = (segments[at_greedy][1:-2], *labels[segments[at_greedy][1:-2]]) if after >= 0 else None
    behind = [
        (i - len(segments), s[1:-1], *labels[s[1:-1]])
        for i, s in enumerate(segments)
        if i > at_greedy and s.startswith("{")
    ]

    def bind(request: Request, params: Params) -> None:
        parts = request.path[1:].split("/")
        for index, wire, name, convert in before + behind:
            params[name] = _label(parts[index], wire, convert)
        if greedy is not None:
            end = len(parts) - after
            params[greedy[1]] = _label("/".join(parts[at_greedy:end]), greedy[0], greedy[2])

    return bind


def _label(raw: str, wire: str, convert: FromText) -> Any:
    try:
        return convert(unquote(raw, errors="strict") if "%" in raw else raw)
    except ValueError as error:
        raise BadValue(wire, raw) from error


@dataclass(frozen=True, slots=True)
class _QueryMember:
    name: str
    convert: FromText
    many: bool


def _query(members: dict[str, Shape], literals: list[tuple[str, str]]) -> Bind:
    known: dict[str, _QueryMember] = {}
    rest: tuple[str, bool] | None = None
    for name, member in members.items():
        if member.serialization.get("location") != "querystring":
            continue
        if member.type_name == "map":
            rest = name, member.value.type_name == "list"
        else:
            many = member.type_name == "list"
            convert = from_text(member.member if many else member, "iso8601")
            known[wire_name(member, name)] = _QueryMember(name, convert, many)
    skip = frozenset(key for key, _ in literals)

    def bind(request: Request, params: Params) -> None:
        for key, text in query_pairs(request.query):
            member = known.get(key)
            if member is not None:
                _set_query(params, member, key, text)
            elif rest is not None and key not in skip:
                target = params.setdefault(rest[0], {})
                if rest[1]:
                    target.setdefault(key, []).append(text)
                else:
                    target.setdefault(key, text)

    return bind


def _set_query(params: Params, member: _QueryMember, key: str, text: str) -> None:
    try:
        value = member.convert(text)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadValue(key, text) from error
    if member.many:
        params.setdefault(member.name, []).append(value)
    else:
        params.setdefault(member.name, value)


def to_text(shape: Shape, timestamps: str = "rfc822") -> ToText:
    """The closure that writes a scalar or list as a header's value."""
    kind = shape.type_name
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind in INTEGERS:
        return lambda value: str(int(value))
    if kind in FLOATS:
        return float_text
    if kind == "timestamp":
        return _TIMESTAMPS[timestamp_format(shape, timestamps)]
    if kind == "blob":
        return lambda value: b64encode(value).decode()
    if kind == "list":
        convert = to_text(shape.member, timestamps)
        if shape.member.type_name == "string":
            return lambda value: ", ".join(_quoted(convert(item)) for item in value)
        return lambda value: ", ".join(convert(item) for item in value)
    if shape.serialization.get("jsonvalue"):
        return lambda value: b64encode(msgspec.json.encode(value)).decode()
    return str


def _quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def float_text(value: Any) -> str:
    """A float as AWS writes it in texts: `NaN`, `Infinity`, `-Infinity` or digits."""
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number)


_TIMESTAMPS: dict[str, ToText] = {
    "unixtimestamp": lambda value: str(times.epoch(value)),
    "iso8601": times.iso8601,
    "rfc822": times.http_date,
}


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def one_line(text: str) -> str:
    """A header's value without line ends and other control characters, which would begin another header."""
    return text if _CONTROL.search(text) is None else _CONTROL.sub(" ", text)


# Other locations mean something in requests only.
_OUTSIDE = ("header", "headers", "statusCode")


class Outputs:
    """The members of an operation's output that stand outside its body, compiled."""

    def __init__(self, operation: OperationModel) -> None:
        shape = operation.output_shape
        members = dict(shape.members) if shape is not None else {}
        self.body = tuple(
            name for name, member in members.items() if member.serialization.get("location") not in _OUTSIDE
        )
        self._status = operation.http.get("responseCode", 200)
        self._headers: dict[str, tuple[str, ToText]] = {}
        self._maps: dict[str, str] = {}
        self._status_member: str | None = None
        self._length: str | None = None
        self._owner = operation.name
        self._known = frozenset(members)
        for name, member in members.items():
            location = member.serialization.get("location")
            wire = wire_name(member, name)
            if location == "statusCode":
                self._status_member = name
            elif location == "headers":
                self._maps[name] = wire.lower() if "name" in member.serialization else ""
            elif location == "header" and wire.lower() == "content-length":
                self._length = name
            elif location == "header":
                self._headers[name] = wire.lower(), to_text(member)

    def write(self, output: Params, headers: list[tuple[str, str]]) -> tuple[int, int | None]:
        """Append the headers; return status and the body's length where a member says it."""
        named = self._headers
        maps = self._maps
        known = self._known
        for name, value in output.items():
            if name not in known:
                raise YobuError(f"the output of {self._owner} has no member {name}")
            if name in named and value is not None:
                wire, text = named[name]
                headers.append((wire, one_line(text(value))))
            elif name in maps and value is not None:
                prefix = maps[name]
                headers.extend((prefix + one_line(key.lower()), one_line(str(item))) for key, item in value.items())
        status = output.get(self._status_member) if self._status_member else None
        length = output.get(self._length) if self._length else None
        return (self._status if status is None else int(status)), length
