from __future__ import annotations

import pytest

from yobu.base.errors import AwsError
from yobu.services.lambda_.model import payload


@pytest.mark.parametrize("body", [b"{}", b"1", b'"x"', b"null", b" [1, 2] ", '"größer"'.encode(), b"1e5"])
def test_every_json_value_is_a_payload(body: bytes) -> None:
    payload.check(body)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"Hello World", "Unrecognized token 'Hello': was expecting (JSON String, Number, Array, Object or token "),
        (b"{'a': 1}", "Unexpected character (''' (code 39))"),
        (b'{"a": 1', "Unexpected end-of-input"),
        (b'{"a": 1} x', "Unexpected character ('x' (code 120))"),
        (b'"\xff"', "Invalid UTF-8 start byte 0xff"),
        (b"\xff", "Invalid UTF-8 start byte 0xff"),
        (b"[" * 100_000, "Document nesting depth exceeds the maximum allowed"),
        (b"NaN", "Unrecognized token 'NaN'"),
        (b"", "Unexpected end-of-input"),
    ],
)
def test_anything_else_is_refused_with_its_place(body: bytes, detail: str) -> None:
    with pytest.raises(AwsError) as caught:
        payload.check(body)
    assert (caught.value.code, caught.value.status) == ("InvalidRequestContentException", 400)
    assert caught.value.message.startswith(
        f"Could not parse request body into json: Could not parse payload into json: {detail}"
    )


def test_the_place_is_a_line_and_a_column() -> None:
    with pytest.raises(AwsError, match=r"line: 2, column: 2\]$"):
        payload.check(b"{\n x: 1}")
