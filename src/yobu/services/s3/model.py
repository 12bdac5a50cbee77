"""What the S3 room keeps, and under which keys. In: a reader or a transaction. Out: records. No HTTP, no files.

The layout is that of the whole of S3 (versions, multipart uploads), of which this room builds a part:

    ("s3", "bucket", name)                  -> Bucket    names are global over accounts
    ("s3", "owned", account, name)          -> int       the bucket's id, for ListBuckets
    ("s3", "tags", bucket)                  -> dict      further documents of a bucket lie beside, each under its word
    ("s3", "object", bucket, key)           -> Object    what the key means now: ListObjects is a walk over these rows,
                                                         one seek a result, however many versions there are
    ("s3", "version", bucket, key, -stamp)  -> Object    (to come) once versioning was on: every version, newest first,
                                                         delete markers too; the row above is then a copy of the newest
                                                         one, absent where that is a delete marker
    ("s3", "body", stamp)                   -> bytes     a body of at most 64 KB; longer ones are files (store.blobs)
    ("s3", "upload", bucket, key, upload)   -> Upload    a multipart upload under way
    ("s3", "part", stamp, number)           -> Part      its parts, by the upload's stamp

`bucket` is a number that no other bucket ever gets, so that a name used again sees nothing of what was before.
`stamp` is the store's stamp of the write: the record's sequencer, the version's order and the key of a short body,
whose rows are therefore written in order. A completed multipart object stays where its parts were written: its record
names the upload's stamp and the parts in `runs`, and its bytes are never copied.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yobu.base.context import Context
from yobu.services.s3 import faults, rules
from yobu.services.s3.conditions import Span
from yobu.store.port import Reader
from yobu.store.space import Space

INLINE = 64 * 1024
"""Bodies up to this many bytes lie in the store."""


class Rule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One notification: which events of which keys go to which ARN."""

    id: str
    target: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""


class Bucket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A bucket. `location` is the constraint it was made with: empty for us-east-1."""

    id: int
    name: str
    account: str
    location: str
    created_ms: int
    rules: tuple[Rule, ...] = ()

    @property
    def region(self) -> str:
        """The region it lies in."""
        return {"": "us-east-1", "EU": "eu-west-1"}.get(self.location, self.location)

    @property
    def arn(self) -> str:
        """Its ARN, which names neither region nor account."""
        return f"arn:aws:s3:::{self.name}"


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`count` parts with numbers from `first` on, of `size` bytes each."""

    first: int
    count: int
    size: int


class Object(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A version of an object.

    The body is inline (under `stamp`), a file (`blob`), or the parts in `runs` of the upload `upload`. `etag` has
    no quotes. `headers` are content headers by member name; `checksums` are in base64 by algorithm.
    """

    stamp: int
    size: int
    etag: str
    modified_ms: int
    blob: str = ""
    upload: int = 0
    runs: tuple[Run, ...] = ()
    content_type: str = ""
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    checksums: dict[str, str] = {}
    checksum_type: str = "FULL_OBJECT"
    storage_class: str = "STANDARD"
    tags: dict[str, str] = {}

    @property
    def modified_s(self) -> int:
        """LastModified: S3 tells whole seconds."""
        return self.modified_ms // 1000

    @property
    def quoted_etag(self) -> str:
        """The ETag as it is sent."""
        return f'"{self.etag}"'


class Upload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A multipart upload: what the object will be, and `revision`, the stamp of the latest change of its parts."""

    stamp: int
    initiated_ms: int
    revision: int
    content_type: str = ""
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    algorithm: str = ""
    checksum_type: str = ""
    storage_class: str = "STANDARD"
    tags: dict[str, str] = {}


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part of an upload; its body is inline (under `stamp`) or a file."""

    stamp: int
    size: int
    etag: str
    modified_ms: int
    blob: str = ""
    checksums: dict[str, str] = {}

    @property
    def quoted_etag(self) -> str:
        """The ETag as it is sent."""
        return f'"{self.etag}"'


BUCKETS = Space(("s3", "bucket"), Bucket)
OWNED = Space(("s3", "owned"), int)
BUCKET_TAGS: Space[dict[str, str]] = Space(("s3", "tags"), dict[str, str])
OBJECTS = Space(("s3", "object"), Object)
BODIES = Space(("s3", "body"), bytes)
UPLOADS = Space(("s3", "upload"), Upload)
PARTS = Space(("s3", "part"), Part)


async def find_bucket(read: Reader, ctx: Context, params: Mapping[str, Any]) -> Bucket:
    """The bucket of `params`, if the caller may use it.

    Raises NoSuchBucket (InvalidBucketName for a name that none can have); AccessDenied where it is another account's
    (bucket policies are not built) or not that of ExpectedBucketOwner.
    """
    return await find_bucket_named(read, ctx, params["Bucket"], params.get("ExpectedBucketOwner"))


async def find_bucket_named(read: Reader, ctx: Context, name: str, expected: str | None) -> Bucket:
    """As `find_bucket`, by name."""
    bucket = await BUCKETS.get(read, name)
    if bucket is None:
        rules.check_bucket_name(name)
        raise faults.no_such_bucket(name)
    if bucket.account != ctx.account or (expected is not None and expected != bucket.account):
        raise faults.access_denied()
    return bucket


async def find_object(read: Reader, bucket: Bucket, params: Mapping[str, Any]) -> Object:
    """The object of `params`. Raises NoSuchKey, and InvalidArgument for a version: versioning is not built."""
    key = params["Key"]
    rules.check_key(key)
    check_version(params.get("VersionId"))
    found = await OBJECTS.get(read, bucket.id, key)
    if found is None:
        raise faults.no_such_key(key)
    return found


def check_version(version: str | None) -> None:
    """Without versioning every object has the one version `null`."""
    if version is not None and version != "null":
        raise faults.invalid_argument("Invalid version id specified", "versionId", version)


def upload_id(stamp: int, salt: str) -> str:
    """An upload's id: opaque to clients, in the order of initiation."""
    return f"{stamp:016x}{salt}"


def owner_id(account: str) -> str:
    """The canonical user id of an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner_principal(account: str) -> str:
    """The short id that event records give a bucket's owner."""
    return "A" + base64.b32encode(hashlib.sha256(f"owner {account}".encode()).digest()).decode()[:13]


def part_spans(runs: tuple[Run, ...]) -> Iterator[tuple[int, Span]]:
    """Number and bytes of every part."""
    start = 0
    for run in runs:
        for number in range(run.first, run.first + run.count):
            yield number, Span(start, start + run.size)
            start += run.size


def make_runs(parts: list[tuple[int, int]]) -> tuple[Run, ...]:
    """Runs of parts given as ascending (number, size)."""
    runs: list[Run] = []
    for number, size in parts:
        last = runs[-1] if runs else None
        if last is not None and last.size == size and last.first + last.count == number:
            runs[-1] = Run(last.first, last.count + 1, size)
        else:
            runs.append(Run(number, 1, size))
    return tuple(runs)


def holds(runs: tuple[Run, ...], number: int) -> bool:
    """Whether the part `number` is among `runs` (ascending)."""
    at = bisect_right(runs, number, key=lambda run: run.first) - 1
    return at >= 0 and number < runs[at].first + runs[at].count
