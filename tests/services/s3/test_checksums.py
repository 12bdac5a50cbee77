"""Digests: known values, claims that are wrong or malformed, and checksums of parts."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.base.errors import AwsError
from yobu.services.s3.checksums import ALGORITHMS, Claim, Digest, combined, composite, read_claim, trailing

CHECK = b"123456789"
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(CHECK).hexdigest(),
    "SHA256": hashlib.sha256(CHECK).hexdigest(),
    "SHA512": hashlib.sha512(CHECK).hexdigest(),
    "MD5": hashlib.md5(CHECK).hexdigest(),
    "XXHASH64": "8cb841db40e6ae83",
}


def coded(hexadecimal: str) -> str:
    return b64encode(bytes.fromhex(hexadecimal)).decode()


class TestDigest:
    @pytest.mark.parametrize(("name", "value"), KNOWN.items())
    def test_known_values(self, name: str, value: str) -> None:
        digest = Digest((name,))
        digest.update(CHECK[:4])
        digest.update(CHECK[4:])
        assert digest.values() == {name: coded(value)}
        assert digest.md5 == hashlib.md5(CHECK).digest()

    @pytest.mark.parametrize("name", ALGORITHMS)
    def test_widths(self, name: str) -> None:
        digest = Digest((name,))
        assert len(digest.values()[name]) == len(b64encode(bytes(ALGORITHMS[name].width)))


class TestClaims:
    def test_nothing(self) -> None:
        assert read_claim({}) == Claim()

    def test_announced_for_a_trailer(self) -> None:
        assert read_claim({"ChecksumAlgorithm": "CRC32"}) == Claim("CRC32")

    def test_by_value(self) -> None:
        value = coded(KNOWN["SHA256"])
        assert read_claim({"ChecksumSHA256": value, "ChecksumAlgorithm": "SHA256"}) == Claim("SHA256", value)

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"ContentMD5": "!!!"}, "InvalidDigest"),
            ({"ContentMD5": coded("00" * 15)}, "InvalidDigest"),
            ({"ChecksumCRC32": "AAAA"}, "InvalidRequest"),
            ({"ChecksumCRC32": "not base64"}, "InvalidRequest"),
            ({"ChecksumAlgorithm": "CRC17"}, "InvalidRequest"),
            ({"ChecksumCRC32": coded(KNOWN["CRC32"]), "ChecksumSHA1": coded(KNOWN["SHA1"])}, "InvalidRequest"),
            ({"ChecksumCRC32": coded(KNOWN["CRC32"]), "ChecksumAlgorithm": "SHA1"}, "InvalidRequest"),
        ],
    )
    def test_malformed(self, params: dict, code: str) -> None:
        with pytest.raises(AwsError) as caught:
            read_claim(params)
        assert (caught.value.code, caught.value.status) == (code, 400)

    def test_trailers(self) -> None:
        value = coded(KNOWN["CRC64NVME"])
        assert trailing({"x-amz-checksum-crc64nvme": value}) == ("CRC64NVME", value)
        assert trailing({"x-amz-meta-a": "b"}) is None
        with pytest.raises(AwsError, match="x-amz-checksum-sha1 trailing header is invalid"):
            trailing({"x-amz-checksum-sha1": "AAAA"})


def one(name: str, data: bytes) -> str:
    digest = Digest((name,))
    digest.update(data)
    return digest.values()[name]


class TestParts:
    @given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
    def test_combined_crcs_are_those_of_the_whole(self, parts: list[bytes]) -> None:
        for name in ("CRC32", "CRC32C", "CRC64NVME"):
            assert combined(name, [(one(name, part), len(part)) for part in parts]) == one(name, b"".join(parts))

    def test_composite(self) -> None:
        values = [one("SHA256", b"a"), one("SHA256", b"b")]
        whole = hashlib.sha256(hashlib.sha256(b"a").digest() + hashlib.sha256(b"b").digest()).digest()
        assert composite("SHA256", values) == b64encode(whole).decode() + "-2"
