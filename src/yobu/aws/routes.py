"""Which operation of a REST service a request means: path, method, query and headers against the model's URIs.

In comes a request; out goes an operation's name, or the reason why there is none. Knows nothing of bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, unquote_plus

from yobu.aws.http import Request
from yobu.aws.shapes import OperationModel


class Miss(Enum):
    """Why no operation answers."""

    PATH = "no such path"
    METHOD = "the path has no such method"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation at a path: what its request must carry beside method and path."""

    name: str
    literals: tuple[tuple[str, str], ...]
    required: tuple[tuple[bool, str], ...]  # (is a header, name)
    deprecated: bool


@dataclass(slots=True)
class _Ends:
    """The operations that end at one place of the tree, for one method."""

    plain: list[Candidate] = field(default_factory=list)
    by_key: dict[str, list[Candidate]] = field(default_factory=dict)


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: list[tuple[tuple[str, ...], dict[str, _Ends]]] = field(default_factory=list)
    ends: dict[str, _Ends] = field(default_factory=dict)


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The decoded pairs of a raw query string, in order. A key without `=` has an empty value."""
    if not query:
        return []
    pairs = []
    for part in query.split("&"):
        if part:
            key, _, value = part.partition("=")
            pairs.append((_decoded(key), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def split_uri(uri: str) -> tuple[list[str], list[tuple[str, str]]]:
    """A model's requestUri as path segments (`{Label}`, `{Greedy+}` or literal) and literal query pairs."""
    path, _, query = uri.partition("?")
    return path.strip("/").split("/") if path.strip("/") else [], query_pairs(query)


class Router:
    """A tree over the segments of a service's URIs. Literals win over labels, labels over greedy labels."""

    def __init__(self, operations: Iterable[OperationModel]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: OperationModel) -> None:
        segments, literals = split_uri(operation.http["requestUri"])
        ends = self._place(segments).setdefault(operation.http["method"], _Ends())
        candidate = Candidate(operation.name, tuple(literals), _required(operation), bool(operation.deprecated))
        if literals:
            ends.by_key.setdefault(literals[0][0], []).append(candidate)
        else:
            ends.plain.append(candidate)

    def _place(self, segments: list[str]) -> dict[str, _Ends]:
        node = self._root
        for index, segment in enumerate(segments):
            if segment.endswith("+}"):
                suffix = tuple(segments[index + 1 :])
                for known, ends in node.greedy:
                    if known == suffix:
                        return ends
                node.greedy.append((suffix, {}))
                return node.greedy[-1][1]
            if segment.startswith("{"):
                node.label = node = node.label or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        return node.ends

    def find(self, request: Request) -> str | Miss:
        """The operation's name, or why there is none."""
        segments = request.path[1:].split("/")
        ends = _match(self._root, segments, 0, request.method)
        if ends is None:
            return Miss.PATH
        for_method = ends.get(request.method)
        if for_method is None:
            return Miss.METHOD
        if len(for_method.plain) == 1 and not for_method.by_key:
            # The only one: what it lacks is for the operation to say.
            return for_method.plain[0].name
        return _choose(for_method, request) or Miss.METHOD


def _required(operation: OperationModel) -> tuple[tuple[bool, str], ...]:
    shape = operation.input_shape
    if shape is None:
        return ()
    required = []
    for name in shape.required_members:
        traits = shape.members[name].serialization
        if traits.get("location") in ("querystring", "header"):
            is_header = traits["location"] == "header"
            wire = traits.get("name", name)
            required.append((is_header, wire.lower() if is_header else wire))
    return tuple(required)


def _match(node: _Node, segments: list[str], at: int, method: str) -> dict[str, _Ends] | None:
    """The ends that the segments reach; those that know the method are preferred to those that do not."""
    rest = len(segments) - at
    if rest == 0 or (rest == 1 and not segments[at]):
        return node.ends or None
    found = None
    segment = segments[at]
    for child in (node.literals.get(segment) or node.literals.get(unquote(segment)), node.label if segment else None):
        if child is not None:
            ends = _match(child, segments, at + 1, method)
            if ends is not None:
                if method in ends:
                    return ends
                found = found or ends
    for suffix, ends in node.greedy:
        tail = len(suffix)
        if tail < rest and (not tail or tuple(segments[-tail:]) == suffix):
            if method in ends:
                return ends
            found = found or ends
    return found


def _choose(ends: _Ends, request: Request) -> str | None:
    """The operation whose literal query and required members fit best."""
    query = dict(query_pairs(request.query))
    pool = [
        candidate
        for key in query
        for candidate in ends.by_key.get(key, ())
        if all(query.get(k) == v or (not v and k in query) for k, v in candidate.literals)
    ]
    if pool:
        longest = max(len(candidate.literals) for candidate in pool)
        pool = [candidate for candidate in pool if len(candidate.literals) == longest]
    fitting = [candidate for candidate in pool or ends.plain if _fits(candidate, query, request)] or pool
    if not fitting:
        return None
    hint = query.get("x-id")
    # x-id is a hint of some SDKs and says nothing to the service: it only decides between equals.
    return max(fitting, key=lambda c: (len(c.required), not c.deprecated, c.name == hint)).name


def _fits(candidate: Candidate, query: Mapping[str, str], request: Request) -> bool:
    return all(request.header(name) if is_header else name in query for is_header, name in candidate.required)
