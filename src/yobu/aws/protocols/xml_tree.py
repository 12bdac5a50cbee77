"""XML elements to and from an operation's members: the trees of rest-xml and of the query protocol's answers.

In come elements and params; out go params and pieces of XML text. Raises `Malformed` where an element does not
fit its shape; the protocol words it. Knows nothing of HTTP.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

from yobu.aws import times
from yobu.aws.protocols.rest import float_text, from_text
from yobu.aws.shapes import FLOATS, INTEGERS, TEXTS, Memo, Shape, timestamp_format, wire_name
from yobu.base.errors import YobuError

Read = Callable[[Element], Any]
Write = Callable[[list[str], Any], None]
Text = Callable[[Any], str]


class Malformed(Exception):
    """XML that is not well-formed, or an element that does not fit its shape."""


def parse_xml(body: bytes) -> Element:
    """The root element. Document types are refused: nothing AWS takes has one, and entities can explode."""
    # Always read as UTF-8, whatever the declaration says, and never as UTF-16 (which a zero byte gives away): no
    # other encoding can hide a document type.
    if b"<!DOCTYPE" in body or b"\0" in body:
        raise Malformed("document types are not allowed")
    parser = XMLParser(encoding="utf-8")  # noqa: S314 (without a document type there are no entities)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise Malformed(str(error)) from error
    return root


def local(tag: str) -> str:
    """An element's name without its namespace."""
    return tag.rpartition("}")[2]


class Reader:
    """Closures from elements to params, by shape."""

    def __init__(self) -> None:
        self._memo: Memo[Read] = Memo(self._build)

    def get(self, shape: Shape) -> Read:
        """The closure that turns an element into the shape's value. It raises Malformed."""
        return self._memo.get(shape)

    def structure(self, shape: Shape, names: tuple[str, ...]) -> Read:
        """As `get`, for only the members `names` of a structure."""
        return self._structure(shape, names)

    def _build(self, shape: Shape) -> Read:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, tuple(shape.members))
        if kind == "list":
            convert = self._memo.get(shape.member)
            return lambda element: [convert(child) for child in element]
        if kind == "map":
            entry = self._entry(shape)
            return lambda element: dict(map(entry, element))
        return _scalar(shape)

    def _entry(self, shape: Shape) -> Callable[[Element], tuple[Any, Any]]:
        key_name, value_name = wire_name(shape.key, "key"), wire_name(shape.value, "value")
        key_of, value_of = self._memo.get(shape.key), self._memo.get(shape.value)

        def entry(element: Element) -> tuple[Any, Any]:
            found = {local(child.tag): child for child in element}
            if key_name not in found or value_name not in found:
                raise Malformed(f"an entry of {local(element.tag)} lacks its key or value")
            return key_of(found[key_name]), value_of(found[value_name])

        return entry

    def _structure(self, shape: Shape, names: tuple[str, ...]) -> Read:
        plain: dict[str, tuple[str, Read]] = {}
        lists: dict[str, tuple[str, Read]] = {}
        maps: dict[str, tuple[str, Callable[[Element], tuple[Any, Any]]]] = {}
        attributes: list[tuple[str, str]] = []
        for name in names:
            member = shape.members[name]
            wire = wire_name(member, name)
            if member.serialization.get("xmlAttribute"):
                attributes.append((wire.rpartition(":")[2], name))
            elif not member.serialization.get("flattened"):
                plain[wire] = name, self._memo.get(member)
            elif member.type_name == "map":
                maps[wire] = name, self._entry(member)
            else:
                lists[wire] = lists[wire_name(member.member, wire)] = name, self._memo.get(member.member)

        def read(element: Element) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for child in element:
                tag = child.tag.rpartition("}")[2]
                if tag in plain:
                    name, convert = plain[tag]
                    out[name] = convert(child)
                elif tag in lists:
                    name, convert = lists[tag]
                    out.setdefault(name, []).append(convert(child))
                elif tag in maps:
                    name, entry = maps[tag]
                    out.setdefault(name, {}).update([entry(child)])
            if attributes:
                _attributes(element, attributes, out)
            return out

        return read


def _attributes(element: Element, wanted: list[tuple[str, str]], out: dict[str, Any]) -> None:
    found = {local(key): value for key, value in element.attrib.items()}
    for wire, name in wanted:
        if wire in found:
            out[name] = found[wire]


def _scalar(shape: Shape) -> Read:
    if shape.type_name in ("string", "character"):
        return _string
    convert = from_text(shape, "iso8601")

    def read(element: Element) -> Any:
        if len(element):
            raise Malformed(f"{local(element.tag)} holds elements")
        try:
            return convert((element.text or "").strip())
        except ValueError as error:
            raise Malformed(f"{local(element.tag)}: {error}") from error

    return read


def _string(element: Element) -> str:
    if len(element):
        raise Malformed(f"{local(element.tag)} holds elements")
    return element.text or ""


# What XML text cannot hold as it is. S3 writes a quotation mark as an entity too (every ETag has two).
_UNSAFE = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028\ufffe\uffff\ud800-\udfff]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def escape(text: str) -> str:
    """`text` as XML content or attribute value. Characters that XML 1.0 lacks become references, as S3 does it."""
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda match: _ENTITIES.get(match[0]) or f"&#x{ord(match[0]):x};", text)


class Writer:
    """Closures from params to XML text, by shape. Members that are None are left out.

    `timestamps` writes a timestamp that has no form of its own.
    """

    def __init__(self, timestamps: Text = times.iso8601) -> None:
        self._timestamps = timestamps
        self._contents: Memo[Write] = Memo(self._content)

    def structure(self, shape: Shape, names: tuple[str, ...]) -> Write:
        """The closure that appends the members `names` of a structure, without an element around them.

        Other members in the value are passed over: they stand in headers.
        """
        write = self._members(shape, names)
        wanted = frozenset(names)

        def partial(out: list[str], value: dict[str, Any]) -> None:
            write(out, {name: item for name, item in value.items() if name in wanted})

        return partial

    def element(self, shape: Shape, tag: str) -> Write:
        """The closure that appends a value as the element `tag` (flattened: as several)."""
        if shape.type_name in TEXTS:
            return self._text_element(shape, tag)
        flattened = shape.serialization.get("flattened")
        if shape.type_name == "list" and flattened:
            named = "name" in shape.serialization
            return _each(self.element(shape.member, tag if named else wire_name(shape.member, tag)))
        if shape.type_name == "map":
            return self._map(shape, "" if flattened else tag, tag if flattened else "entry")
        content = self._contents.get(shape)
        begin, end = f"<{tag}{_namespace(shape)}", f"</{tag}>"
        attributes = attribute_writer(shape)

        def write(out: list[str], value: Any) -> None:
            out.append(f"{begin}{attributes(value)}>" if attributes else f"{begin}>")
            content(out, value)
            out.append(end)

        return write

    def _content(self, shape: Shape) -> Write:
        if shape.type_name == "list":
            return _each(self.element(shape.member, wire_name(shape.member, "member")))
        return self._members(shape, tuple(shape.members))

    def _members(self, shape: Shape, names: tuple[str, ...]) -> Write:
        owner = shape.name
        members: dict[str, Write | None] = {}
        for name in names:
            member = shape.members[name]
            attribute = member.serialization.get("xmlAttribute")
            members[name] = None if attribute else self.element(member, wire_name(member, name))

        def write(out: list[str], value: dict[str, Any]) -> None:
            for name, item in value.items():
                if item is None:
                    continue
                try:
                    member = members[name]
                except KeyError:
                    raise YobuError(f"{owner} has no member {name}") from None
                if member is not None:
                    member(out, item)

        return write

    def _map(self, shape: Shape, tag: str, entry: str) -> Write:
        key = self.element(shape.key, wire_name(shape.key, "key"))
        item = self.element(shape.value, wire_name(shape.value, "value"))
        begin, end = (f"<{tag}{_namespace(shape)}>", f"</{tag}>") if tag else ("", "")

        def write(out: list[str], value: dict[str, Any]) -> None:
            out.append(begin)
            for name, content in value.items():
                out.append(f"<{entry}>")
                key(out, name)
                item(out, content)
                out.append(f"</{entry}>")
            out.append(end)

        return write

    def _text_element(self, shape: Shape, tag: str) -> Write:
        begin, end = f"<{tag}{_namespace(shape)}>", f"</{tag}>"
        text = self.text(shape)

        def write(out: list[str], value: Any) -> None:
            out.append(f"{begin}{text(value)}{end}")

        return write

    def text(self, shape: Shape) -> Text:
        """The closure that writes a scalar as escaped text."""
        kind = shape.type_name
        if kind == "timestamp":
            form = timestamp_format(shape, "")
            return _TIMESTAMPS.get(form, self._timestamps)
        if kind == "boolean":
            return lambda value: "true" if value else "false"
        if kind in INTEGERS:
            return lambda value: str(int(value))
        if kind in FLOATS:
            return float_text
        if kind == "blob":
            return lambda value: b64encode(value.encode() if isinstance(value, str) else value).decode()
        return lambda value: escape(str(value))


_TIMESTAMPS: dict[str, Text] = {
    "unixtimestamp": lambda value: str(times.epoch(value)),
    "iso8601": times.iso8601,
    "rfc822": times.http_date,
}


def _each(item: Write) -> Write:
    def write(out: list[str], value: Any) -> None:
        for element in value:
            item(out, element)

    return write


def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape(namespace["uri"])}"'


def attribute_writer(shape: Shape) -> Callable[[dict[str, Any]], str] | None:
    """The closure that writes a structure's XML attributes, or None where it has none."""
    if shape.type_name != "structure":
        return None
    wanted = [
        (name, wire_name(member, name))
        for name, member in shape.members.items()
        if member.serialization.get("xmlAttribute")
    ]
    if not wanted:
        return None
    return lambda value: "".join(f' {wire}="{escape(value[name])}"' for name, wire in wanted if value.get(name))
