"""S3's XML and the query protocol, beyond what the round trips show."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from yobu.aws.http import Request
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


def parse(operation: str, body: bytes, method: str = "PUT", query: str = "") -> dict[str, Any]:
    return service("s3").parse(operation, Request(method, "/b", query, []), body)


def written(operation: str, output: dict[str, Any]) -> str:
    response = service("s3").serialise(operation, output, "r", Request("GET", "/b", "", []))
    assert isinstance(response.body, bytes)
    return response.body.decode().removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n')


NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def test_a_body_with_and_without_its_namespace() -> None:
    for namespace in (b"", b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'):
        body = b"<Tagging" + namespace + b"><TagSet><Tag><Key>a</Key><Value>b &amp; c</Value></Tag></TagSet></Tagging>"
        assert parse("PutBucketTagging", body) == {
            "Bucket": "b",
            "Tagging": {"TagSet": [{"Key": "a", "Value": "b & c"}]},
        }


def test_a_flattened_list_and_spaces_in_keys() -> None:
    body = b"<Delete><Quiet>true</Quiet><Object><Key> a </Key></Object>\n<Object><Key>b</Key></Object></Delete>"
    assert parse("DeleteObjects", body, "POST")["Delete"] == {"Quiet": True, "Objects": [{"Key": " a "}, {"Key": "b"}]}


def test_an_attribute() -> None:
    body = (
        b"<AccessControlPolicy><AccessControlList><Grant>"
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>me</ID></Grantee>'
        b"<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    grants = parse("PutBucketAcl", body)["AccessControlPolicy"]["Grants"]
    assert grants == [{"Grantee": {"Type": "CanonicalUser", "ID": "me"}, "Permission": "READ"}]
    assert (
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>me</ID></Grantee>'
        in written("GetBucketAcl", {"Grants": grants})
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<Tagging>",
        b"not xml",
        b"<Other/>",
        b"<Tagging><TagSet><Tag><Key><b/></Key></Tag></TagSet></Tagging>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Tagging/>',
        b"\xff\xfe<\x00T\x00",
        b"<Tagging>\xff</Tagging>",
        b"<Tagging>\x00</Tagging>",
        '<?xml version="1.0" encoding="utf-16"?><Tagging/>'.encode("utf-16"),
        b"<a>" * 50000,
    ],
)
def test_malformed_bodies(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse("PutBucketTagging", body)
    assert caught.value.code == "MalformedXML"
    with pytest.raises(AwsError, match="MalformedXML"):
        parse("PutBucketVersioning", b"<Tagging/>")


def test_wrong_scalars() -> None:
    with pytest.raises(AwsError, match="MalformedXML"):
        parse("DeleteObjects", b"<Delete><Quiet>maybe</Quiet></Delete>", "POST")
    with pytest.raises(AwsError) as caught:
        parse("ListObjectsV2", b"", "GET", "list-type=2&max-keys=many")
    assert caught.value.code == "InvalidArgument"
    assert caught.value.members == {"ArgumentName": "max-keys", "ArgumentValue": "many"}
    with pytest.raises(AwsError) as caught:
        service("s3").parse("GetObject", Request("GET", "/b/%ff", "", []), b"")
    assert caught.value.code == "InvalidURI"


def test_a_condition_that_cannot_be_read_counts_as_absent() -> None:
    request = Request("GET", "/b/k", "", [("if-modified-since", "yesterday"), ("if-none-match", '"x"')])
    assert service("s3").parse("GetObject", request, b"") == {"Bucket": "b", "Key": "k", "IfNoneMatch": '"x"'}


def test_roots() -> None:
    assert written("GetBucketLocation", {"LocationConstraint": "eu-west-1"}) == (
        f"<LocationConstraint {NS}>eu-west-1</LocationConstraint>"
    )
    assert written("GetBucketLocation", {}) == f"<LocationConstraint {NS}></LocationConstraint>"
    assert written("ListBuckets", {"Buckets": []}) == (
        f"<ListAllMyBucketsResult {NS}><Buckets></Buckets></ListAllMyBucketsResult>"
    )
    assert written("CopyObject", {"CopyObjectResult": {"ETag": '"e"', "LastModified": 0}}) == (
        f"<CopyObjectResult {NS}><ETag>&quot;e&quot;</ETag><LastModified>1970-01-01T00:00:00.000Z</LastModified>"
        "</CopyObjectResult>"
    )
    assert written("GetBucketVersioning", {}) == f"<VersioningConfiguration {NS}></VersioningConfiguration>"


def test_characters_that_xml_cannot_hold() -> None:
    out = written("ListObjects", {"Contents": [{"Key": "a\x00\x0b\r<&>\ud800"}]})
    assert "<Key>a&#x0;&#xb;&#13;&lt;&amp;&gt;&#xd800;</Key>" in out


def test_statuses_without_a_body() -> None:
    s3 = service("s3")
    deleted = s3.serialise("DeleteObject", {"DeleteMarker": True}, "r", Request("DELETE", "/b/k", "", []))
    assert (deleted.status, deleted.body) == (204, b"")
    assert ("x-amz-delete-marker", "true") in deleted.headers
    head = s3.serialise("HeadObject", {"ContentLength": 7, "LastModified": 0}, "r", Request("HEAD", "/b/k", "", []))
    assert (head.status, head.body, head.length) == (200, b"", 7)
    assert ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT") in head.headers
    policy = s3.serialise("GetBucketPolicy", {"Policy": "{}"}, "r", Request("GET", "/b", "", []))
    assert policy.body == b"{}"
    assert ("content-type", "application/json") in policy.headers


def test_unknown_methods_and_paths() -> None:
    with pytest.raises(AwsError) as caught:
        service("s3").route(Request("POST", "/b/k", "", []), b"")
    assert (caught.value.code, caught.value.status) == ("MethodNotAllowed", 405)
    with pytest.raises(AwsError, match="MethodNotAllowed"):
        service("s3").route(Request("PATCH", "/", "", []), b"")


def query(name: str, operation: str, body: bytes, uri: str = "") -> dict[str, Any]:
    request = Request("POST", "/", uri, [])
    assert service(name).route(request, body) == operation
    return service(name).parse(operation, request, body)


def test_forms() -> None:
    tags = b"&Tags.member.2.Key=y&Tags.member.1.Key=x&Tags.member.10.Key=z"
    assert query("iam", "CreateRole", b"Action=CreateRole&Version=2010-05-08&RoleName=a+b%2B" + tags) == {
        "RoleName": "a b+",
        "Tags": [{"Key": "x"}, {"Key": "y"}, {"Key": "z"}],
    }
    assert query("sts", "GetCallerIdentity", b"", "Action=GetCallerIdentity&Version=2011-06-15") == {}
    assert query("iam", "ListRoles", b"Action=ListRoles&MaxItems=3") == {"MaxItems": 3}
    assert query("iam", "TagRole", b"Action=TagRole&Tags=") == {"Tags": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingAction"),
        (b"Action=Nothing&Version=2010-05-08", "InvalidAction"),
        (b"Action=ListRoles&MaxItems=many", "MalformedInput"),
        (b"Action=TagRole&Tags.member.x.Key=a", "MalformedInput"),
        (b"Action=TagRole&RoleName.x=a", "MalformedInput"),
        (b"Action=TagRole&" + b"x." * 1000 + b"=1", "MalformedInput"),
        (b"\xff", "MalformedInput"),
    ],
)
def test_malformed_forms(body: bytes, code: str) -> None:
    request = Request("POST", "/", "", [])
    with pytest.raises(AwsError) as caught:
        service("iam").parse(service("iam").route(request, body), request, body)
    assert caught.value.code == code


def test_a_query_answer() -> None:
    response = service("sts").serialise("GetCallerIdentity", {"Account": "1"}, "r", Request("POST", "/", "", []))
    assert response.body == (
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        b"<Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        b"</GetCallerIdentityResponse>"
    )
