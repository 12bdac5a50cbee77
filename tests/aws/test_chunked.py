"""aws-chunked bodies, cut anywhere."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws import chunked, sigv4
from yobu.aws.http import Request
from yobu.base.errors import AwsError

EMPTY = sha256(b"").hexdigest()


def chain() -> sigv4.ChunkChain:
    """The chain of the example in AWS's documentation of signed uploads."""
    key = sigv4.SigningKeys().get("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3")
    signature = sigv4.Signature(
        "AKIAIOSFODNN7EXAMPLE",
        "20130524",
        "us-east-1",
        "s3",
        "aws4_request",
        ("host",),
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "20130524T000000Z",
        0,
    )
    return sigv4.ChunkChain(key, signature)


def decode(how: chunked.Coding, body: bytes, step: int = 1 << 20) -> tuple[bytes, dict[str, str]]:
    decoder = chunked.Decoder(how)
    pieces: list[bytes] = []
    for at in range(0, len(body), step):
        pieces += decoder.feed(body[at : at + step])
    decoder.finish()
    assert decoder.done
    return b"".join(pieces), decoder.trailers


def test_the_example_of_the_documentation() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    body = chunked.encode([b"a" * 65536, b"a" * 1024], chain())
    assert b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648" in body
    assert b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497" in body
    assert b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9" in body
    how = chunked.coding(chunked.SIGNED, "66560", chain=chain())
    assert decode(how, body)[0] == b"a" * 66560


def test_unsigned_with_a_trailer() -> None:
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    how = chunked.coding(chunked.UNSIGNED_TRAILER, "5", "x-amz-checksum-crc32")
    for step in (1, 2, 7, 100):
        assert decode(how, body, step) == (b"hello", {"x-amz-checksum-crc32": "NhCmhg=="})


def test_a_signed_trailer() -> None:
    links = chain()
    parts = []
    for chunk in (b"x" * 9000, b"tail", b""):
        signature = links.sign(sha256(chunk).hexdigest())
        parts.append(f"{len(chunk):x};chunk-signature={signature}\r\n".encode() + chunk + (b"\r\n" if chunk else b""))
    trailer = b"x-amz-checksum-crc32c:sOO8/Q==\n"
    signed = links.sign_trailer(sha256(trailer).hexdigest())
    body = (
        b"".join(parts)
        + b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n"
        + f"x-amz-trailer-signature:{signed}\r\n\r\n\r\n".encode()
    )
    how = chunked.coding(chunked.SIGNED_TRAILER, "9004", "x-amz-checksum-crc32c", chain())
    assert decode(how, body) == (b"x" * 9000 + b"tail", {"x-amz-checksum-crc32c": "sOO8/Q=="})
    how = chunked.coding(chunked.SIGNED_TRAILER, "9004", "x-amz-checksum-crc32c", chain())
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        decode(how, body.replace(b"sOO8", b"sOO9"))


UNSIGNED = chunked.coding(chunked.UNSIGNED_TRAILER, "5", "x-amz-checksum-crc32")
TRAILER = b"x-amz-checksum-crc32:NhCmhg==\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "IncompleteBody"),
        (b"5\r\nhel", "IncompleteBody"),
        (b"5\r\nhello\r\n", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n", "IncompleteBody"),
        (b"4\r\nhell\r\n0\r\n" + TRAILER, "IncompleteBody"),
        (b"6\r\nhello!\r\n0\r\n" + TRAILER, "IncompleteBody"),
        (b"ffffffffffff\r\nhello!", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:NhCmhg==\r\n\r\n", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nno colon\r\n\r\n", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nx:\xff\r\n\r\n", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\n" + b"x:1\r\n" * 5000, "MalformedTrailerError"),
        (b"5\r\nhelloo\r\n0\r\n" + TRAILER, "InvalidRequest"),
        (b"five\r\nhello\r\n", "InvalidRequest"),
        (b"-5\r\nhello\r\n", "InvalidRequest"),
        (b"5" * 5000, "InvalidRequest"),
        (b"5\r\nhello\r\n0\r\n" + TRAILER + b"more", "InvalidRequest"),
        (b"1\r\nh\r\n4\r\nello\r\n0\r\n" + TRAILER, "InvalidChunkSizeError"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_is_refused(body: bytes, code: str, step: int) -> None:
    with pytest.raises(AwsError) as caught:
        decode(UNSIGNED, body, step)
    assert caught.value.code == code


def test_a_changed_chunk_is_refused() -> None:
    body = chunked.encode([b"hello"], chain()).replace(b"hello", b"hallo")
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        decode(chunked.coding(chunked.SIGNED, "5", chain=chain()), body)
    assert decode(chunked.coding(chunked.SIGNED, "5"), body)[0] == b"hallo", "unchecked without a chain"


def test_the_headers() -> None:
    with pytest.raises(AwsError, match="MissingContentLength"):
        chunked.coding(chunked.SIGNED, "")
    with pytest.raises(AwsError, match="InvalidRequest"):
        chunked.coding("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "1")


def test_the_chain_of_a_request() -> None:
    identity = sigv4.Identity("AK", "secret", "us-east-1", "s3")
    request = Request("PUT", "/b/k", "", [("host", "localhost")])
    sigv4.sign(request, identity, 1_700_000_000.0, chunked.SIGNED)
    signature = sigv4.read(request)
    assert isinstance(signature, sigv4.Signature)
    assert signature.streaming
    verifier = sigv4.Verifier()
    assert verifier.verify(signature, request, "secret", chunked.SIGNED, 1_700_000_000.0) is None
    body = chunked.encode([b"hello"], verifier.chunks(signature, "secret"))
    how = chunked.coding(chunked.SIGNED, "5", chain=verifier.chunks(signature, "secret"))
    assert decode(how, body)[0] == b"hello"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(8192, 20000), max_size=3), st.integers(0, 9000), st.integers(1, 9999))
def test_any_cut_gives_the_same(sizes: list[int], last: int, step: int) -> None:
    chunks = [bytes([n % 251]) * size for n, size in enumerate([*sizes, last]) if size]
    body = chunked.encode(chunks, chain())
    how = chunked.coding(chunked.SIGNED, str(sum(map(len, chunks))), chain=chain())
    assert decode(how, body, step)[0] == b"".join(chunks)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([chunked.SIGNED, chunked.SIGNED_TRAILER, chunked.UNSIGNED_TRAILER]))
def test_noise_is_refused_with_an_aws_error(body: bytes, name: str) -> None:
    with pytest.raises(AwsError):
        decode(chunked.coding(name, "17", chain=chain()), body)
