"""Whether a payload is JSON, and where it is not, in the words of AWS's parser.

In: bytes. Out: nothing, or InvalidRequestContentException. Costs a few us for a small payload: nothing is built.
"""

from __future__ import annotations

import re

import msgspec

from yobu.services.lambda_.model import errors

_SYNTAX: msgspec.json.Decoder[msgspec.Raw] = msgspec.json.Decoder(msgspec.Raw)
_TOKEN = re.compile(rb"\s*([A-Za-z_$][A-Za-z0-9_$]*)")
_POSITION = re.compile(r"\(byte (\d+)\)$")
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def check(body: bytes) -> None:
    """Refuse what is not one JSON value in UTF-8."""
    try:
        if not body.isascii():
            body.decode()
        _SYNTAX.decode(body)
    except msgspec.DecodeError as error:
        raise errors.bad_payload(_detail(body, str(error))) from None
    except RecursionError:
        raise errors.bad_payload(f"Document nesting depth exceeds the maximum allowed{_source(body, 0)}") from None
    except UnicodeDecodeError as error:
        byte = body[error.start]
        raise errors.bad_payload(f"Invalid UTF-8 start byte 0x{byte:x}{_source(body, error.start)}") from None


def _detail(body: bytes, reason: str) -> str:
    """The parser's complaint as AWS's wording has it: an unknown word, an early end, or a character out of place."""
    token = _TOKEN.match(body)
    if token is not None and token[1] not in (b"true", b"false", b"null"):
        word = token[1].decode()
        return f"Unrecognized token '{word}': was expecting {_EXPECTED}{_source(body, token.end())}"
    found = _POSITION.search(reason)
    if found is None:
        return f"Unexpected end-of-input{_source(body, len(body))}"
    # msgspec counts what it has read, the character behind a whole value included.
    at = min(int(found[1]) - reason.count("trailing characters"), len(body) - 1)
    character = body[at : at + 4].decode(errors="replace")[:1]
    return f"Unexpected character ('{character}' (code {ord(character)})){_source(body, at)}"


def _source(body: bytes, at: int) -> str:
    line = body.count(b"\n", 0, at) + 1
    column = at - body.rfind(b"\n", 0, at)
    return (
        "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
        f"line: {line}, column: {column}]"
    )
