"""Digests of bodies: MD5 for the ETag, and the checksums that clients send. Computed as the body streams.

In: chunks, and what the request claims. Out: the values that are kept, in AWS's forms (MD5 in hexadecimal,
checksums in base64). Raises AwsError where a claim is malformed or wrong. No I/O.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from yobu.services.s3 import faults

DEFAULT = "CRC64NVME"
"""What S3 computes where the client names none."""


class _Sum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC as hashlib would offer it."""

    def __init__(self, step: Callable[[bytes, int], int], width: int) -> None:
        self._step = step
        self._width = width
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _Xx:
    """An XXHash as hashlib would offer it."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def update(self, data: bytes) -> None:
        self._state.update(data)

    def digest(self) -> bytes:
        return bytes(self._state.finalize())


# awscrt takes 50 ms to import: only when a body asks for what the standard library lacks.
def _crc32c() -> _Sum:
    from awscrt import checksums

    return _Crc(checksums.crc32c, 4)


def _crc64nvme() -> _Sum:
    from awscrt import checksums

    return _Crc(checksums.crc64nvme, 8)


def _xxhash(name: str) -> Callable[[], _Sum]:
    def make() -> _Sum:
        from awscrt.checksums import XXHash

        return _Xx(getattr(XXHash, f"new_{name}")())

    return make


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm: how many bytes its value has, and which types a multipart upload may use it with."""

    name: str
    width: int
    make: Callable[[], _Sum]
    composite: bool = True
    full_object: bool = False

    @property
    def member(self) -> str:
        """The member of requests and answers that carries the value."""
        return f"Checksum{self.name}"

    @property
    def header(self) -> str:
        """The header or trailer that carries the value."""
        return f"x-amz-checksum-{self.name.lower()}"

    @property
    def default_type(self) -> str:
        """The type of a multipart upload that names none."""
        return "COMPOSITE" if self.composite else "FULL_OBJECT"


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, lambda: _Crc(zlib.crc32, 4), full_object=True),
        Algorithm("CRC32C", 4, _crc32c, full_object=True),
        Algorithm("CRC64NVME", 8, _crc64nvme, composite=False, full_object=True),
        Algorithm("SHA1", 20, hashlib.sha1),
        Algorithm("SHA256", 32, hashlib.sha256),
        Algorithm("SHA512", 64, hashlib.sha512),
        Algorithm("MD5", 16, hashlib.md5),
        Algorithm("XXHASH64", 8, _xxhash("xxhash64")),
        Algorithm("XXHASH3", 8, _xxhash("xxhash3_64")),
        Algorithm("XXHASH128", 16, _xxhash("xxhash3_128")),
    )
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its body.

    `algorithm` is the one it names, by value or by announcement; `value` its checksum in base64 where it came as
    a header (else a trailer may bring it); `md5` the digest of Content-MD5.
    """

    algorithm: str | None = None
    value: str | None = None
    md5: bytes | None = None


def read_claim(params: Mapping[str, Any]) -> Claim:
    """The claim of a PutObject or UploadPart. Raises InvalidDigest or InvalidRequest where it is malformed."""
    md5 = None
    if params.get("ContentMD5") is not None:
        md5 = _decode(params["ContentMD5"], 16)
        if md5 is None:
            raise faults.invalid_md5(params["ContentMD5"])
    given = [algorithm for algorithm in ALGORITHMS.values() if params.get(algorithm.member) is not None]
    if len(given) > 1:
        raise faults.invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    named = params.get("ChecksumAlgorithm")
    if named is not None and named.upper() not in ALGORITHMS:
        raise faults.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if not given:
        return Claim(named.upper() if named else None, None, md5)
    value: str = params[given[0].member]
    if named is not None and named.upper() != given[0].name:
        raise faults.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    check_form(given[0], value)
    return Claim(given[0].name, value, md5)


def check_form(algorithm: Algorithm, value: str, kind: str = "header") -> None:
    """Raise InvalidRequest where `value` is not the base64 of as many bytes as the algorithm gives."""
    if _decode(value, algorithm.width) is None:
        raise faults.invalid_request(f"Value for {algorithm.header} {kind} is invalid.")


def trailing(trailers: Mapping[str, str]) -> tuple[str, str] | None:
    """Algorithm and value of the checksum among a body's trailers, or None."""
    for algorithm in ALGORITHMS.values():
        value = trailers.get(algorithm.header)
        if value is not None:
            check_form(algorithm, value, "trailing header")
            return algorithm.name, value
    return None


class Digest:
    """MD5 and checksums of one body, fed in order. Not safe for two feeders at once."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._md5 = hashlib.md5()
        self._sums = {name: ALGORITHMS[name].make() for name in algorithms}

    def update(self, data: bytes) -> None:
        """Take the next bytes. For long ones call it in a thread: hashlib lets the interpreter lock go."""
        self._md5.update(data)
        for checksum in self._sums.values():
            checksum.update(data)

    @property
    def md5(self) -> bytes:
        """The 16 bytes of the MD5 so far."""
        return self._md5.digest()

    def values(self) -> dict[str, str]:
        """The checksums in base64, by algorithm. Call once, at the end."""
        return {name: b64encode(checksum.digest()).decode() for name, checksum in self._sums.items()}


def check_md5(claim: Claim, md5: bytes) -> None:
    """Raise BadDigest where Content-MD5 says otherwise."""
    if claim.md5 is not None and claim.md5 != md5:
        raise faults.bad_md5(b64encode(claim.md5).decode(), md5.hex())


def composite(algorithm: str, values: Sequence[str]) -> str:
    """The checksum of the parts' checksums, with their number: `base64-N`."""
    checksum = ALGORITHMS[algorithm].make()
    for value in values:
        checksum.update(b64decode(value))
    return f"{b64encode(checksum.digest()).decode()}-{len(values)}"


def combined(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """The CRC of the whole from the CRCs (base64) and sizes of its parts, without reading them again."""
    from awscrt import checksums

    combine: Callable[[int, int, int], int] = getattr(checksums, f"combine_{algorithm.lower()}")
    total = 0
    for value, size in parts:
        total = combine(total, int.from_bytes(b64decode(value), "big"), size)
    return b64encode(total.to_bytes(ALGORITHMS[algorithm].width, "big")).decode()


def _decode(text: str, width: int) -> bytes | None:
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return raw if len(raw) == width else None
