"""S3's error answers, each worded once: code, message, status and the members that AWS adds.

In: the names and numbers that an error tells. Out: `AwsError`. Knows nothing of requests or of the store.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from yobu.base.errors import AwsError

MAX_KEY_BYTES = 1024
MAX_METADATA_BYTES = 2048
MAX_PUT_BYTES = 5 * 1024**3
MIN_PART_BYTES = 5 * 1024**2
MAX_PART_NUMBER = 10_000


def no_such_bucket(bucket: str) -> AwsError:
    """404: there is no such bucket."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, members={"BucketName": bucket})


def bucket_taken(bucket: str) -> AwsError:
    """409: another account has the name."""
    return AwsError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
        409,
        members={"BucketName": bucket},
    )


def bucket_yours(bucket: str) -> AwsError:
    """409: the caller's account has it already."""
    return AwsError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        members={"BucketName": bucket},
    )


def bucket_not_empty(bucket: str) -> AwsError:
    """409: it still holds objects."""
    return AwsError(
        "BucketNotEmpty", "The bucket you tried to delete is not empty", 409, members={"BucketName": bucket}
    )


def invalid_bucket_name(bucket: str) -> AwsError:
    """400: the name breaks the naming rules."""
    return AwsError("InvalidBucketName", "The specified bucket is not valid.", members={"BucketName": bucket})


def access_denied() -> AwsError:
    """403: the bucket is another account's, or not of the account that was expected."""
    return AwsError("AccessDenied", "Access Denied", 403)


def illegal_location(constraint: str) -> AwsError:
    """400: the endpoint's region and the constraint (`unspecified` for none) do not fit."""
    return AwsError(
        "IllegalLocationConstraintException",
        f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
        "sent to.",
    )


def invalid_location(constraint: str) -> AwsError:
    """400: there is no such region, or it is us-east-1, which is never named."""
    return AwsError(
        "InvalidLocationConstraint",
        "The specified location-constraint is not valid",
        members={"LocationConstraint": constraint},
    )


def no_such_key(key: str) -> AwsError:
    """404: there is no such object."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, members={"Key": key})


def no_such_version(key: str, version: str) -> AwsError:
    """404: the object has no such version."""
    return AwsError(
        "NoSuchVersion", "The specified version does not exist.", 404, members={"Key": key, "VersionId": version}
    )


def no_such_upload(upload: str) -> AwsError:
    """404: the multipart upload was never begun, is completed or aborted."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        404,
        members={"UploadId": upload},
    )


def key_too_long(size: int) -> AwsError:
    """400: the key has more than 1,024 bytes of UTF-8."""
    return AwsError(
        "KeyTooLongError", "Your key is too long", members={"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
    )


def entity_too_large(size: int) -> AwsError:
    """400: more than 5 GB in one request."""
    return AwsError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        members={"ProposedSize": str(size), "MaxSizeAllowed": str(MAX_PUT_BYTES)},
    )


def entity_too_small(size: int, number: int, etag: str) -> AwsError:
    """400: a part that is not the last has less than 5 MB."""
    return AwsError(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        members={
            "ProposedSize": str(size),
            "MinSizeAllowed": str(MIN_PART_BYTES),
            "PartNumber": str(number),
            "ETag": etag,
        },
    )


def metadata_too_large(size: int) -> AwsError:
    """400: user metadata of more than 2 KB."""
    return AwsError(
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
        members={"Size": str(size), "MaxSizeAllowed": str(MAX_METADATA_BYTES)},
    )


def invalid_argument(message: str, name: str, value: object) -> AwsError:
    """400 that names the argument and its value."""
    return AwsError("InvalidArgument", message, members={"ArgumentName": name, "ArgumentValue": str(value)})


def invalid_request(message: str) -> AwsError:
    """400 with a sentence alone."""
    return AwsError("InvalidRequest", message)


def malformed_xml() -> AwsError:
    """400: the document lacks what the schema wants."""
    return AwsError(
        "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
    )


def precondition_failed(condition: str) -> AwsError:
    """412: `condition` is the header that did not hold."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        members={"Condition": condition},
    )


def not_implemented(header: str, detail: str = "") -> AwsError:
    """501 as AWS gives it: a header (`header` is its name) with a value that the operation does not take."""
    members = {"Header": header, "additionalMessage": detail} if detail else {"Header": header}
    return AwsError(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        501,
        members=members,
    )


def invalid_range(text: str, size: int) -> AwsError:
    """416: no byte of the object lies in the range."""
    return AwsError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        members={"RangeRequested": text, "ActualObjectSize": str(size)},
    )


def invalid_part_number(number: int, count: int) -> AwsError:
    """416: the object has fewer parts."""
    return AwsError(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        416,
        members={"PartNumberRequested": str(number), "ActualPartCount": str(count)},
    )


def invalid_part(upload: str, number: int, etag: str) -> AwsError:
    """400: CompleteMultipartUpload names a part that is not there, or is another one."""
    return AwsError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        members={"UploadId": upload, "PartNumber": str(number), "ETag": etag},
    )


def invalid_part_order(upload: str) -> AwsError:
    """400: the parts are not in ascending order."""
    return AwsError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        members={"UploadId": upload},
    )


def bad_md5(expected: str, calculated: str) -> AwsError:
    """400: the body's MD5 is not Content-MD5."""
    return AwsError(
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        members={"ExpectedDigest": expected, "CalculatedDigest": calculated},
    )


def invalid_md5(text: str) -> AwsError:
    """400: Content-MD5 is not the base64 of 16 bytes."""
    return AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", members={"Content-MD5": text})


def bad_checksum(algorithm: str) -> AwsError:
    """400: the body's checksum is not the one that came with it."""
    return AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def no_such_tag_set(bucket: str) -> AwsError:
    """404: the bucket has no tags."""
    return AwsError("NoSuchTagSet", "The TagSet does not exist", 404, members={"BucketName": bucket})


def invalid_tag(message: str, key: str = "") -> AwsError:
    """400: a tag breaks the rules."""
    return AwsError("InvalidTag", message, members={"TagKey": key} if key else {})


def acls_disabled() -> AwsError:
    """400: the bucket enforces its owner (the default), so that an ACL cannot be given."""
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
