"""The rules of names and headers: buckets, keys, user metadata, storage classes, tags. Pure.

In: what a request says. Out: the same, in the form that is kept; AwsError where AWS refuses it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.port import not_built
from yobu.services.s3 import faults

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

ENCRYPTION = "AES256"
"""What AWS says of every object since 2023; yobu keeps bodies as they are (see README)."""

_CLASSES = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})

_TAG_TEXT = re.compile(r"[\w\s+\-=.,:/@]*")
MAX_OBJECT_TAGS = 10
MAX_BUCKET_TAGS = 50

HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "WebsiteRedirectLocation")
"""The members that are kept with an object and sent back as they came."""


def check_bucket_name(name: str) -> None:
    """Raise InvalidBucketName for a name that no general purpose bucket may have."""
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(_PREFIXES)
        or name.endswith(_SUFFIXES)
    ):
        raise faults.invalid_bucket_name(name)


def check_key(key: str) -> None:
    """Raise KeyTooLongError above 1,024 bytes of UTF-8."""
    size = len(key) if key.isascii() else len(key.encode())
    if size > faults.MAX_KEY_BYTES:
        raise faults.key_too_long(size)


def user_metadata(params: Mapping[str, Any]) -> dict[str, str]:
    """The user's metadata, names in lower case. Raises MetadataTooLarge above 2 KB of names and values."""
    found = {str(name).lower(): str(value) for name, value in (params.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in found.items())
    if size > faults.MAX_METADATA_BYTES:
        raise faults.metadata_too_large(size)
    return found


def content_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """The content headers to keep, by member name. `aws-chunked` is of the transfer, not of the content."""
    found = {}
    for name in HEADERS:
        value = params.get(name)
        if name == "ContentEncoding" and value:
            value = ",".join(part for part in str(value).split(",") if part.strip() and part.strip() != "aws-chunked")
        if value:
            found[name] = str(value)
    expires = params.get("Expires")
    if expires is not None:
        found["Expires"] = str(int(seconds(expires)))
    return found


def seconds(value: datetime | float | str) -> float:
    """Seconds since 1970 of a timestamp as the wire code gives it. Raises AwsError for one that is none."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    try:
        return float(value)
    except ValueError:
        raise faults.invalid_argument("The timestamp is not valid", "timestamp", value) from None


def storage_class(ctx: Context, params: Mapping[str, Any]) -> str:
    """The object's storage class. Raises InvalidStorageClass; archives, to be restored before a read, are not built."""
    name = str(params.get("StorageClass") or "STANDARD")
    if name in _ARCHIVES:
        raise not_built(f"the storage class {name}")
    if name not in _CLASSES:
        raise AwsError(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
            members={"StorageClassRequested": name},
        )
    if name != "STANDARD":
        ctx.warn(f"StorageClass {name} is kept and shown; objects are stored as STANDARD.")
    return name


def refuse_unbuilt(ctx: Context, params: Mapping[str, Any]) -> None:
    """Refuse what an object's writer may ask for and nothing here does; warn of what has no effect."""
    acl = params.get("ACL")
    if (acl and acl != "bucket-owner-full-control") or any(
        params.get(name) for name in ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
    ):
        raise faults.acls_disabled()
    encryption = params.get("ServerSideEncryption")
    if encryption and encryption != ENCRYPTION:
        raise not_built(f"ServerSideEncryption {encryption}")
    if encryption:
        ctx.warn("ServerSideEncryption AES256 is shown; bodies are not encrypted on disk.")
    refuse_customer_keys(params)
    if params.get("SSEKMSKeyId") or params.get("SSEKMSEncryptionContext") or params.get("BucketKeyEnabled"):
        raise not_built("encryption with KMS keys")
    if any(value for name, value in params.items() if name.startswith("ObjectLock") and value is not None):
        raise faults.invalid_request("Bucket is missing Object Lock Configuration")
    if params.get("WriteOffsetBytes") is not None:
        raise faults.not_implemented("x-amz-write-offset-bytes")
    if params.get("WebsiteRedirectLocation"):
        ctx.warn("WebsiteRedirectLocation is kept and shown; website endpoints are not offered.")


def refuse_customer_keys(params: Mapping[str, Any]) -> None:
    """Refuse encryption with keys that the client brings."""
    if any(value for name, value in params.items() if "SSECustomer" in name and value):
        raise not_built("encryption with customer-provided keys")


def copy_source(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of an `x-amz-copy-source` header (`/bucket/key?versionId=...`, percent-encoded)."""
    path, _, query = text.partition("?versionId=")
    bucket, slash, key = unquote(path).removeprefix("/").partition("/")
    if not slash or not bucket:
        raise faults.invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text
        )
    if not key:
        raise faults.invalid_argument("Invalid copy source object key", "x-amz-copy-source", text)
    return bucket, key, query or None


def check_tags(tags: Iterable[tuple[str, str]], most: int, what: str) -> dict[str, str]:
    """The tags as a mapping. Raises InvalidTag, or BadRequest above `most` (`what`: `Object` or `Bucket`)."""
    found: dict[str, str] = {}
    for key, value in tags:
        if not key or len(key) > 128 or not _TAG_TEXT.fullmatch(key):
            raise faults.invalid_tag("The TagKey you have provided is invalid", key)
        if len(value) > 256 or not _TAG_TEXT.fullmatch(value):
            raise faults.invalid_tag("The TagValue you have provided is invalid", key)
        if key.startswith("aws:"):
            raise faults.invalid_tag("System tags cannot be added/updated by requester", key)
        if key in found:
            raise faults.invalid_tag("Cannot provide multiple Tags with the same key", key)
        found[key] = value
    if len(found) > most:
        raise AwsError("BadRequest", f"{what} tags cannot be greater than {most}")
    return found


def header_tags(text: str | None) -> dict[str, str]:
    """The tags of an `x-amz-tagging` header: a query string."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise faults.invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            "x-amz-tagging",
            text,
        ) from None
    return check_tags(pairs, MAX_OBJECT_TAGS, "Object")
