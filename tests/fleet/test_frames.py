import json
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.fleet.frames import MESSAGE_LIMIT_BYTES, Answer, BadMessage, Decoder, Request, message


def raw(header: bytes, body: bytes) -> bytes:
    return pack(">II", 4 + len(header) + len(body), len(header)) + header + body


def test_an_event_is_its_header_and_the_payload_untouched() -> None:
    data = message(Request("id", "arn", 3000, client='{"a":1}'), b'{"b": 2}')
    top = int.from_bytes(data[4:8], "big")
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert json.loads(data[8 : 8 + top]) == {"id": "id", "arn": "arn", "timeout_ms": 3000, "client": '{"a":1}'}
    assert data[8 + top :] == b'{"b": 2}'


@given(
    answers=st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=200)), max_size=5),
    cuts=st.lists(st.integers(min_value=0, max_value=1500)),
)
def test_messages_come_whole_however_they_are_cut(answers: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = b"".join(raw(json.dumps({"kind": kind}).encode(), body) for kind, body in answers)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    decoder = Decoder()
    found = [one for start, end in pairwise(edges) for one in decoder.feed(stream[start:end])]
    assert found == [(Answer(kind), body) for kind, body in answers]
    assert not decoder.waiting


def test_a_begun_message_is_waited_for() -> None:
    decoder = Decoder()
    assert list(decoder.feed(raw(b'{"kind":"reply"}', b"x")[:-1])) == []
    assert decoder.waiting
    assert list(decoder.feed(b"x")) == [(Answer("reply"), b"x")]


@pytest.mark.parametrize(
    "data",
    [
        pack(">II", MESSAGE_LIMIT_BYTES + 1, 2),
        pack(">II", 10, 11) + b"x" * 20,
        raw(b"not json", b""),
        raw(b'{"kind":5}', b""),
        raw(b"{}", b""),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        list(Decoder().feed(data))
