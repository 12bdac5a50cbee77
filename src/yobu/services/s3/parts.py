"""How an object is made of parts. Pure: the list that a client sends and the parts that are there in, facts out.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from yobu.services.s3 import faults
from yobu.services.s3.checksums import ALGORITHMS, DEFAULT, check_form, combined, composite
from yobu.services.s3.conditions import unquoted
from yobu.services.s3.model import Part, Run, Upload, make_runs


@dataclass(frozen=True, slots=True)
class Assembly:
    """The object to be; `extra` says that parts were uploaded which it does not hold."""

    size: int
    etag: str
    runs: tuple[Run, ...]
    checksums: dict[str, str]
    checksum_type: str
    extra: bool


def assemble(
    params: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]], upload: Upload, present: Mapping[int, Part]
) -> Assembly:
    """Hold the client's list against the parts.

    Raises InvalidPartOrder, InvalidPart, EntityTooSmall, BadDigest and InvalidRequest.
    """
    chosen = _choose(params, wanted, upload, present)
    size = sum(part.size for _, part in chosen)
    claimed = params.get("MpuObjectSize")
    if claimed is not None and claimed != size:
        raise faults.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}"
        )
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for _, part in chosen)).hexdigest()
    return Assembly(
        size=size,
        etag=f"{digest}-{len(chosen)}",
        runs=make_runs([(number, part.size) for number, part in chosen]),
        checksums=_checksum(params, upload, [part for _, part in chosen]),
        checksum_type=upload.checksum_type,
        extra=len(chosen) < len(present),
    )


def _choose(
    params: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]], upload: Upload, present: Mapping[int, Part]
) -> list[tuple[int, Part]]:
    """The listed parts, each as the client says it is."""
    if any(entry.get("PartNumber") is None or entry.get("ETag") is None for entry in wanted):
        raise faults.malformed_xml()
    numbers: list[int] = [entry["PartNumber"] for entry in wanted]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise faults.invalid_part_order(params["UploadId"])
    chosen = []
    for number, entry in zip(numbers, wanted, strict=True):
        part = present.get(number)
        if part is None or unquoted(entry["ETag"]) != part.etag or not _same_checksum(entry, part):
            raise faults.invalid_part(params["UploadId"], number, unquoted(entry["ETag"]))
        if upload.algorithm and upload.checksum_type == "COMPOSITE" and not entry.get(f"Checksum{upload.algorithm}"):
            raise faults.invalid_request(
                f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must "
                f"include the checksum for each part. It was missing for part {number} in the request."
            )
        chosen.append((number, part))
    for number, part in chosen[:-1]:
        if part.size < faults.MIN_PART_BYTES:
            raise faults.entity_too_small(part.size, number, part.etag)
    return chosen


def _same_checksum(entry: Mapping[str, Any], part: Part) -> bool:
    """Whether every checksum that the client lists is the part's."""
    return all(
        part.checksums.get(name) in (None, entry[algorithm.member])
        for name, algorithm in ALGORITHMS.items()
        if entry.get(algorithm.member) is not None
    )


def _checksum(params: Mapping[str, Any], upload: Upload, parts: Sequence[Part]) -> dict[str, str]:
    """The object's checksum from its parts', held against the one that the client may send."""
    name = upload.algorithm or DEFAULT
    if upload.checksum_type == "COMPOSITE":
        value = composite(name, [part.checksums[name] for part in parts])
    else:
        value = combined(name, [(part.checksums[name], part.size) for part in parts])
    kind = params.get("ChecksumType")
    if kind is not None and upload.algorithm and kind != upload.checksum_type:
        raise faults.invalid_request(
            f"The upload was created using the {upload.checksum_type} checksum mode. The complete request must use "
            "the same checksum mode."
        )
    claimed = params.get(ALGORITHMS[name].member)
    if claimed is not None and upload.algorithm:
        check_form(ALGORITHMS[name], claimed.partition("-")[0])
        if claimed.partition("-")[0] != value.partition("-")[0]:
            raise faults.bad_checksum(name)
    return {name: value}
