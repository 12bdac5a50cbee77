"""Signatures against botocore's own signers."""

from __future__ import annotations

import collections
from hashlib import sha256
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws import sigv4
from yobu.aws.http import Request
from yobu.aws.refusals import Reason, Refusal, error

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Credentials("AKIDEXAMPLE", SECRET)
TEMPORARY = Credentials("ASIAEXAMPLE", SECRET, "a/token+with=signs")


def as_request(signed: AWSRequest) -> Request:
    """What a server sees of a request that botocore has prepared."""
    prepared = signed.prepare()
    url = urlsplit(prepared.url)
    headers = [
        (name.lower(), value.decode() if isinstance(value, bytes) else str(value))
        for name, value in prepared.headers.items()
    ]
    if not any(name == "host" for name, _ in headers):
        headers.append(("host", url.netloc))
    return Request(prepared.method, url.path or "/", url.query, headers)


def check(request: Request, body: bytes = b"", secret: str = SECRET, late: float = 0) -> Refusal | None:
    signature = sigv4.read(request)
    assert isinstance(signature, sigv4.Signature), signature
    payload = sigv4.payload_hash(signature, body)
    assert isinstance(payload, str)
    return sigv4.Verifier().verify(signature, request, secret, payload, signature.time + late)


def aws(method: str, url: str, body: bytes = b"", **headers: str) -> AWSRequest:
    return AWSRequest(method, url, {name.replace("_", "-"): value for name, value in headers.items()}, data=body)


def test_header_signature() -> None:
    request = aws("POST", "http://127.0.0.1:4566/", b'{"a":1}', X_Amz_Target="DynamoDB_20120810.GetItem")
    SigV4Auth(KEYS, "dynamodb", "us-east-1").add_auth(request)
    got = as_request(request)
    assert check(got, b'{"a":1}') is None
    refusal = check(got, b'{"a":2}')
    assert refusal is not None
    assert refusal.reason is Reason.MISMATCH
    assert check(got, b'{"a":1}', secret="other") is not None


def test_token_is_read_and_signed() -> None:
    request = aws("GET", "http://localhost:4566/2015-03-31/functions/")
    SigV4Auth(TEMPORARY, "lambda", "eu-west-1").add_auth(request)
    got = as_request(request)
    signature = sigv4.read(got)
    assert isinstance(signature, sigv4.Signature)
    assert (signature.token, signature.region, signature.service) == (TEMPORARY.token, "eu-west-1", "lambda")
    assert check(got) is None
    got.headers = [(n, "other" if n == "x-amz-security-token" else v) for n, v in got.headers]
    got._index = None
    assert check(got) is not None


@pytest.mark.parametrize("key", ["a b", "a+b", "a//b/../c", "%41", "é/ü", "a~b*c'()!", "a:b@c,d;e=f&g$h", "/"])
def test_s3_paths_are_encoded_once_and_not_normalised(key: str) -> None:
    request = aws("PUT", f"http://localhost:4566/bucket/{quote(key, safe='/~')}", b"body", X_Amz_Meta_A="x   y ")
    S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    got = as_request(request)
    signature = sigv4.read(got)
    assert isinstance(signature, sigv4.Signature)
    assert sigv4.states_hash(signature)
    assert sigv4.wrong_payload(signature, sha256(b"body").hexdigest()) is None
    assert sigv4.wrong_payload(signature, sha256(b"bodx").hexdigest()) is not None
    assert check(got) is None


@pytest.mark.parametrize("name", ["arn:aws:lambda:us-east-1:0:function:f", "a b", "f%2Fg", "x/../y", "x//y/./z"])
def test_other_paths_are_normalised_and_encoded_twice(name: str) -> None:
    request = aws("GET", f"http://localhost/2015-03-31/functions/{quote(name, safe='/%')}")
    SigV4Auth(KEYS, "lambda", "us-east-1").add_auth(request)
    assert check(as_request(request)) is None


@pytest.mark.parametrize("credentials", [KEYS, TEMPORARY])
@pytest.mark.parametrize("service", ["s3", "sts", "lambda"])
def test_presigned(credentials: Credentials, service: str) -> None:
    signer = (S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth)(credentials, service, "us-east-1", expires=60)
    request = aws("GET", "http://localhost:4566/b/k%20k?response-content-type=text%2Fplain&x=%C3%A9&empty=")
    signer.add_auth(request)
    got = as_request(request)
    assert check(got, late=59) is None
    late = check(got, late=61)
    assert late is not None
    assert late.reason is Reason.PRESIGNED_EXPIRED
    got.query = got.query.replace("text%2Fplain", "text%2Fhtml")
    assert check(got) is not None


def test_the_clock() -> None:
    request = aws("GET", "http://localhost/b")
    S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    got = as_request(request)
    assert check(got, late=899) is None
    assert check(got, late=-899) is None
    late = check(got, late=901)
    assert late is not None
    assert error(late, "s3", "rest-xml").code == "RequestTimeTooSkewed"
    other = aws("GET", "http://localhost/")
    SigV4Auth(KEYS, "lambda", "us-east-1").add_auth(other)
    expired = check(as_request(other), late=301)
    assert expired is not None
    worded = error(expired, "lambda", "rest-json")
    assert worded.code == "InvalidSignatureException"
    assert worded.message.startswith("Signature expired: ")
    assert "is now earlier than" in worded.message
    assert worded.message.endswith("- 5 min.)")
    early = check(as_request(other), late=-301)
    assert early is not None
    assert "is still later than" in error(early, "iam", "query").message


def test_unsigned_amz_headers_are_refused_by_s3() -> None:
    request = aws("PUT", "http://localhost/b/k")
    S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    got = as_request(request)
    got.headers.append(("x-amz-acl", "public-read"))
    refusal = check(got)
    assert refusal is not None
    assert refusal.reason is Reason.HEADERS_UNSIGNED
    assert error(refusal, "s3", "rest-xml").members == {"HeadersNotSigned": "x-amz-acl"}


def test_the_day_of_the_scope_must_be_the_date() -> None:
    request = aws("GET", "http://localhost/")
    SigV4Auth(KEYS, "iam", "us-east-1").add_auth(request)
    got = as_request(request)
    got.headers = [(n, v.replace("/20", "/19") if n == "authorization" else v) for n, v in got.headers]
    refusal = check(got)
    assert refusal is not None
    assert refusal.reason is Reason.SCOPE_DATE
    assert error(refusal, "iam", "query").code == "SignatureDoesNotMatch"


def test_scopes() -> None:
    request = aws("GET", "http://localhost/")
    SigV4Auth(KEYS, "lambda", "us-east-1").add_auth(request)
    signature = sigv4.read(as_request(request))
    assert isinstance(signature, sigv4.Signature)
    assert sigv4.check_scope(signature, ["lambda"]) is None
    assert sigv4.check_scope(signature, ["lambda"], "us-east-1") is None
    service = sigv4.check_scope(signature, ["dynamodb"])
    assert service is not None
    assert "correct service: 'dynamodb'" in error(service, "dynamodb", "json").message
    region = sigv4.check_scope(signature, ["lambda"], "eu-west-1")
    assert region is not None
    assert error(region, "s3", "rest-xml").members == {"Region": "eu-west-1"}


CREDENTIAL = "Credential=AK/20200101/us-east-1/s3/aws4_request"
GOOD = f"{CREDENTIAL}, SignedHeaders=host, Signature=00"


@pytest.mark.parametrize(
    ("authorization", "date", "reason", "s3_code", "json_code"),
    [
        ("AWS AK:sig", "20200101T000000Z", Reason.UNSUPPORTED, "InvalidRequest", "IncompleteSignatureException"),
        ("Bearer x", "20200101T000000Z", Reason.UNSUPPORTED, "InvalidRequest", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL}", "20200101T000000Z", Reason.INCOMPLETE, "AuthorizationHeaderMalformed",
         "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD}", "", Reason.INCOMPLETE, "AuthorizationHeaderMalformed",
         "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential", "", Reason.NOT_A_PAIR, "AuthorizationHeaderMalformed",
         "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD}", "yesterday", Reason.BAD_DATE, "AccessDenied", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD}", "20201301T000000Z", Reason.BAD_DATE, "AccessDenied",
         "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace('/s3', '')}", "20200101T000000Z", Reason.BAD_CREDENTIAL,
         "AuthorizationHeaderMalformed", "IncompleteSignatureException"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_read(
    authorization: str, date: str, reason: Reason, s3_code: str, json_code: str
) -> None:
    headers = [("authorization", authorization), *([("x-amz-date", date)] if date else [])]
    refusal = sigv4.read(Request("GET", "/", "", headers))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert error(refusal, "s3", "rest-xml").code == s3_code
    assert error(refusal, "lambda", "rest-json").code == json_code


QUERY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AK%2F20200101%2Fus-east-1%2Fs3%2Faws4_request",
    "X-Amz-Date": "20200101T000000Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "00",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"X-Amz-Date": ""}, Reason.QUERY_INCOMPLETE),
        ({"X-Amz-Expires": ""}, Reason.QUERY_INCOMPLETE),
        ({"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}, Reason.QUERY_ALGORITHM),
        ({"X-Amz-Date": "2020"}, Reason.QUERY_DATE),
        ({"X-Amz-Expires": "ten"}, Reason.QUERY_EXPIRES_NUMBER),
        ({"X-Amz-Expires": "--1"}, Reason.QUERY_EXPIRES_NUMBER),
        ({"X-Amz-Expires": "9" * 5000}, Reason.QUERY_EXPIRES_WEEK),
        ({"X-Amz-Expires": "-1"}, Reason.QUERY_EXPIRES_NEGATIVE),
        ({"X-Amz-Expires": "604801"}, Reason.QUERY_EXPIRES_WEEK),
        ({"X-Amz-Credential": "AK"}, Reason.BAD_CREDENTIAL),
    ],
)
def test_presigned_urls_that_cannot_be_read(changes: dict[str, str], reason: Reason) -> None:
    query = "&".join(f"{name}={value}" for name, value in {**QUERY, **changes}.items())
    refusal = sigv4.read(Request("GET", "/", query, []))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_signature_version_2_and_two_signatures_are_refused() -> None:
    old = sigv4.read(Request("GET", "/b/k", "AWSAccessKeyId=AK&Signature=x%3D&Expires=1", []))
    assert isinstance(old, Refusal)
    assert "Please use AWS4-HMAC-SHA256" in error(old, "s3", "rest-xml").message
    both = sigv4.read(Request("GET", "/b/k", "X-Amz-Algorithm=AWS4-HMAC-SHA256", [("authorization", "x")]))
    assert isinstance(both, Refusal)
    assert both.reason is Reason.TWO_SIGNATURES
    assert sigv4.read(Request("GET", "/b/k", "", [])) is None


def test_every_reason_is_worded_for_every_kind_of_service() -> None:
    facts: dict[str, str] = collections.defaultdict(lambda: "x")
    for reason in Reason:
        for service, protocol in (("s3", "rest-xml"), ("lambda", "rest-json"), ("dynamodb", "json"), ("iam", "query")):
            worded = error(Refusal(reason, facts), service, protocol)
            assert worded.code
            assert "{" not in worded.message
            assert worded.status in (400, 403)


@pytest.mark.parametrize(
    ("service", "protocol", "status"),
    [
        ("lambda", "rest-json", 403),
        ("logs", "json", 400),
        ("dynamodb", "json", 400),
        ("iam", "query", 403),
        ("s3", "rest-xml", 403),
    ],
)
def test_the_status_of_an_unknown_key_is_the_protocols(service: str, protocol: str, status: int) -> None:
    assert error(Refusal(Reason.UNKNOWN_KEY, {"access_key": "x"}), service, protocol).status == status


def test_keys_are_bounded() -> None:
    keys = sigv4.SigningKeys(limit=2)
    first = keys.get(SECRET, "20200101", "us-east-1", "s3")
    for day in range(10):
        keys.get(SECRET, f"2020020{day}", "us-east-1", "s3")
    assert len(keys._keys) == 2
    assert keys.get(SECRET, "20200101", "us-east-1", "s3") == first


def test_own_signer() -> None:
    body = b"{}"
    digest = sha256(body).hexdigest()
    for service in ("s3", "dynamodb"):
        identity = sigv4.Identity("AK", SECRET, "us-east-1", service, "token")
        request = Request("POST", "/a%20b", "b=2&a=1", [("host", "localhost:4566"), ("content-type", "x")])
        sigv4.sign(request, identity, 1_700_000_000.0, digest)
        assert check(request, body) is None


names = st.text("abcdefghij-", min_size=1, max_size=8).map(lambda n: "x-amz-" + n)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(texts.filter(lambda t: t not in (".", "..")), max_size=4),
    st.lists(st.tuples(texts.filter(bool), texts), max_size=4),
    st.dictionaries(names, values, max_size=3),
    st.sampled_from(["s3", "lambda"]),
)
def test_whatever_botocore_signs_is_accepted(
    path: list[str], query: list[tuple[str, str]], headers: dict[str, str], service: str
) -> None:
    url = "http://localhost:4566/" + "/".join(quote(part, safe="~") for part in path)
    if query:
        url += "?" + "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in query)
    request = AWSRequest("GET", url, dict(headers))
    (S3SigV4Auth if service == "s3" else SigV4Auth)(KEYS, service, "us-east-1").add_auth(request)
    got = as_request(request)
    got.headers = [(name, value.strip()) for name, value in got.headers]
    assert check(got) is None
