"""Why a request's signature is refused, and how each kind of service says it.

In come reasons with their facts; out go AwsErrors. The one place where signature errors are worded. Knows nothing
of how signatures are made.
https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from yobu.base.errors import AwsError


class Reason(Enum):
    """What is wrong. The facts each brings are named behind it."""

    UNSIGNED = auto()
    UNSUPPORTED = auto()  # another scheme than AWS4-HMAC-SHA256; facts as INCOMPLETE
    TWO_SIGNATURES = auto()
    INCOMPLETE = auto()  # missing (names, joined by a space), authorization
    NOT_A_PAIR = auto()  # pair, authorization
    BAD_CREDENTIAL = auto()  # credential
    BAD_DATE = auto()  # date
    QUERY_INCOMPLETE = auto()
    QUERY_ALGORITHM = auto()
    QUERY_DATE = auto()
    QUERY_EXPIRES_NUMBER = auto()
    QUERY_EXPIRES_NEGATIVE = auto()
    QUERY_EXPIRES_WEEK = auto()
    HOST_UNSIGNED = auto()
    HEADERS_UNSIGNED = auto()  # names
    NO_CONTENT_HASH = auto()
    WRONG_CONTENT_HASH = auto()  # client, server
    SCOPE_DATE = auto()  # scope_date, date, timestamp
    SCOPE_SERVICE = auto()  # service, expected
    SCOPE_REGION = auto()  # region, expected
    SCOPE_TERMINATOR = auto()  # terminator
    EXPIRED = auto()  # timestamp, limit, now, minutes
    NOT_YET = auto()  # timestamp, limit, now, minutes
    SKEWED = auto()  # timestamp, now
    PRESIGNED_EXPIRED = auto()  # expires, until, now
    V2_INCOMPLETE = auto()
    V2_EXPIRED = auto()  # until, now
    UNKNOWN_KEY = auto()  # access_key
    WRONG_TOKEN = auto()  # token
    EXPIRED_TOKEN = auto()  # token
    MISMATCH = auto()  # access_key, canonical, to_sign, signature


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason and its facts."""

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)


S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_V2_INCOMPLETE = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
_MALFORMED = "The authorization header is malformed; "
_TOKEN_IS = "The security token included in the request is "  # noqa: S105


def error(refusal: Refusal, service: str, protocol: str) -> AwsError:
    """The error of a botocore service that speaks `protocol`, as that kind of service words it."""
    if service in ("s3", "s3control"):
        return _S3[refusal.reason](refusal.facts)
    code, message = _worded(refusal)
    status = 400 if code == "IncompleteSignatureException" else 403
    if protocol in ("query", "ec2", "rest-xml"):
        # AWS's older services use other names for the same errors.
        return AwsError(_QUERY_CODES.get(code, code), message, status)
    if service in ("dynamodb", "dynamodbstreams") and code == "MissingAuthenticationTokenException":
        message = "Request is missing Authentication Token"
    # Services that speak JSON without resources in the path answer every error of the client's with 400.
    return AwsError(code, message, status if protocol == "rest-json" else 400)


_QUERY_CODES = {
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ExpiredTokenException": "ExpiredToken",
}

_CODES: dict[Reason, str] = {
    Reason.UNSIGNED: "MissingAuthenticationTokenException",
    Reason.UNKNOWN_KEY: "UnrecognizedClientException",
    Reason.WRONG_TOKEN: "UnrecognizedClientException",
    Reason.EXPIRED_TOKEN: "ExpiredTokenException",
    Reason.UNSUPPORTED: "IncompleteSignatureException",
    Reason.TWO_SIGNATURES: "IncompleteSignatureException",
    Reason.INCOMPLETE: "IncompleteSignatureException",
    Reason.NOT_A_PAIR: "IncompleteSignatureException",
    Reason.BAD_CREDENTIAL: "IncompleteSignatureException",
    Reason.BAD_DATE: "IncompleteSignatureException",
    Reason.QUERY_INCOMPLETE: "IncompleteSignatureException",
    Reason.QUERY_ALGORITHM: "IncompleteSignatureException",
    Reason.QUERY_DATE: "IncompleteSignatureException",
    Reason.QUERY_EXPIRES_NUMBER: "IncompleteSignatureException",
    Reason.QUERY_EXPIRES_NEGATIVE: "IncompleteSignatureException",
    Reason.QUERY_EXPIRES_WEEK: "IncompleteSignatureException",
}

_MESSAGES: dict[Reason, str] = {
    Reason.UNSIGNED: "Missing Authentication Token",
    Reason.TWO_SIGNATURES: "Only one of the Authorization header and the X-Amz-Algorithm parameter may be given.",
    Reason.NOT_A_PAIR: "'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: "
    "'{authorization}'.",
    Reason.BAD_CREDENTIAL: "Credential must have exactly 5 slash-delimited elements, e.g. "
    "keyid/date/region/service/term, got '{credential}'",
    Reason.BAD_DATE: "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
    Reason.QUERY_INCOMPLETE: "AWS query-string parameters must include 'X-Amz-Algorithm', 'X-Amz-Credential', "
    "'X-Amz-Signature', 'X-Amz-SignedHeaders' and 'X-Amz-Date'. Re-examine the query-string parameters.",
    Reason.QUERY_ALGORITHM: "Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported.",
    Reason.QUERY_DATE: "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601",
    Reason.QUERY_EXPIRES_NUMBER: "X-Amz-Expires should be a number",
    Reason.QUERY_EXPIRES_NEGATIVE: "X-Amz-Expires must be non-negative",
    Reason.QUERY_EXPIRES_WEEK: "X-Amz-Expires must be less than 604800 seconds",
    Reason.HOST_UNSIGNED: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    Reason.HEADERS_UNSIGNED: "There were headers present in the request which were not signed: {names}",
    Reason.NO_CONTENT_HASH: "Missing required header for this request: x-amz-content-sha256",
    Reason.WRONG_CONTENT_HASH: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    Reason.SCOPE_DATE: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
    "'{scope_date}' != '{date}', from '{timestamp}'.",
    Reason.SCOPE_SERVICE: "Credential should be scoped to correct service: '{expected}'. ",
    Reason.SCOPE_REGION: "Credential should be scoped to a valid region. ",
    Reason.SCOPE_TERMINATOR: "Credential should be scoped with a valid terminator: 'aws4_request', "
    "not '{terminator}'. ",
    Reason.EXPIRED: "Signature expired: {timestamp} is now earlier than {limit} ({now} - {minutes} min.)",
    Reason.NOT_YET: "Signature not yet current: {timestamp} is still later than {limit} ({now} + {minutes} min.)",
    Reason.SKEWED: "Signature expired: {timestamp} is too far from {now}",
    Reason.PRESIGNED_EXPIRED: "Signature expired: {until} is now earlier than {now}",
    Reason.V2_INCOMPLETE: _V2_INCOMPLETE,
    Reason.V2_EXPIRED: "Signature expired: {until} is now earlier than {now}",
    Reason.UNKNOWN_KEY: _TOKEN_IS + "invalid.",
    Reason.WRONG_TOKEN: _TOKEN_IS + "invalid.",
    Reason.EXPIRED_TOKEN: _TOKEN_IS + "expired",
}


def _worded(refusal: Refusal) -> tuple[str, str]:
    facts = refusal.facts
    code = _CODES.get(refusal.reason, "InvalidSignatureException")
    if refusal.reason in (Reason.INCOMPLETE, Reason.UNSUPPORTED):
        return code, _incomplete(facts)
    if refusal.reason is Reason.MISMATCH:
        shown = (
            f"\n\nThe Canonical String for this request should have been\n'{facts['canonical']}'"
            f"\n\nThe String-to-Sign should have been\n'{facts['to_sign']}'\n"
        )
        return code, _MISMATCH + shown
    return code, _MESSAGES[refusal.reason].format_map(facts)


def _incomplete(facts: Mapping[str, str]) -> str:
    words = []
    for name in facts["missing"].split():
        if name == "Date":
            words.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        else:
            words.append(f"Authorization header requires '{name}' parameter.")
    return " ".join(words) + f" Authorization={facts['authorization']}"


Words = Callable[[Mapping[str, str]], AwsError]


def _fixed(code: str, message: str, status: int = 400, **members: str) -> Words:
    """Words with fixed code and message; `members` maps element names to the facts that fill them."""

    def make(facts: Mapping[str, str]) -> AwsError:
        filled = {name.replace("_", "-"): facts.get(fact, fact) for name, fact in members.items()}
        return AwsError(code, message.format_map(facts), status, members=filled)

    return make


def _query_error(message: str) -> Words:
    return _fixed("AuthorizationQueryParametersError", message)


def _bytes(text: str) -> str:
    return text.encode().hex(" ")


def _s3_mismatch(facts: Mapping[str, str]) -> AwsError:
    members = {
        "AWSAccessKeyId": facts["access_key"],
        "StringToSign": facts["to_sign"],
        "SignatureProvided": facts["signature"],
        "StringToSignBytes": _bytes(facts["to_sign"]),
        "CanonicalRequest": facts["canonical"],
        "CanonicalRequestBytes": _bytes(facts["canonical"]),
    }
    return AwsError("SignatureDoesNotMatch", S3_MISMATCH, 403, members=members)


_DENIED_DATE = _fixed("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403)
_TOO_SKEWED = _fixed(
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
    403,
    RequestTime="timestamp",
    ServerTime="now",
    MaxAllowedSkewMilliseconds="900000",
)

_S3: dict[Reason, Words] = {
    Reason.UNSIGNED: _fixed("AccessDenied", "Access Denied", 403),
    Reason.UNSUPPORTED: _fixed(
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
    Reason.TWO_SIGNATURES: _fixed(
        "InvalidArgument",
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
        "parameter or the Authorization header should be specified",
        ArgumentName="Authorization",
    ),
    Reason.INCOMPLETE: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
    ),
    Reason.NOT_A_PAIR: _fixed("AuthorizationHeaderMalformed", _MALFORMED + "'{pair}' is not a key=value pair."),
    Reason.BAD_CREDENTIAL: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    ),
    Reason.BAD_DATE: _DENIED_DATE,
    Reason.QUERY_INCOMPLETE: _query_error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    ),
    Reason.QUERY_ALGORITHM: _query_error('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    Reason.QUERY_DATE: _query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
    Reason.QUERY_EXPIRES_NUMBER: _query_error("X-Amz-Expires should be a number"),
    Reason.QUERY_EXPIRES_NEGATIVE: _query_error("X-Amz-Expires must be non-negative"),
    Reason.QUERY_EXPIRES_WEEK: _query_error(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
        "604800 seconds"
    ),
    Reason.HOST_UNSIGNED: _fixed(
        "AccessDenied",
        "There were headers present in the request which were not signed",
        403,
        HeadersNotSigned="host",
    ),
    Reason.HEADERS_UNSIGNED: _fixed(
        "AccessDenied",
        "There were headers present in the request which were not signed",
        403,
        HeadersNotSigned="names",
    ),
    Reason.NO_CONTENT_HASH: _fixed("InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
    Reason.WRONG_CONTENT_HASH: _fixed(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ClientComputedContentSHA256="client",
        S3ComputedContentSHA256="server",
    ),
    Reason.SCOPE_DATE: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + 'Invalid credential date "{scope_date}". This date is not the same as X-Amz-Date: "{date}".',
    ),
    Reason.SCOPE_SERVICE: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + 'incorrect service "{service}". This endpoint belongs to "{expected}".',
    ),
    Reason.SCOPE_REGION: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + "the region '{region}' is wrong; expecting '{expected}'",
        Region="expected",
    ),
    Reason.SCOPE_TERMINATOR: _fixed(
        "AuthorizationHeaderMalformed",
        _MALFORMED + 'incorrect terminal "{terminator}". This endpoint uses "aws4_request".',
    ),
    Reason.EXPIRED: _TOO_SKEWED,
    Reason.NOT_YET: _TOO_SKEWED,
    Reason.SKEWED: _TOO_SKEWED,
    Reason.PRESIGNED_EXPIRED: _fixed(
        "AccessDenied", "Request has expired", 403, X_Amz_Expires="expires", Expires="until", ServerTime="now"
    ),
    Reason.V2_INCOMPLETE: _fixed("AccessDenied", _V2_INCOMPLETE, 403),
    Reason.V2_EXPIRED: _fixed("AccessDenied", "Request has expired", 403, Expires="until", ServerTime="now"),
    Reason.UNKNOWN_KEY: _fixed(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
        AWSAccessKeyId="access_key",
    ),
    Reason.WRONG_TOKEN: _fixed(
        "InvalidToken", "The provided token is malformed or otherwise invalid.", 400, **{"Token_0": "token"}
    ),
    Reason.EXPIRED_TOKEN: _fixed("ExpiredToken", "The provided token has expired.", 400, **{"Token_0": "token"}),
    Reason.MISMATCH: _s3_mismatch,
}
