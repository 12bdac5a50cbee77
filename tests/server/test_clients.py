"""Unmodified boto3 clients through the whole front door, over real sockets, to a tiny room."""

from __future__ import annotations

import asyncio
import io
import socket
import urllib.request
from functools import partial

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from yobu.base.errors import AwsError


async def in_thread(call, *args, **kwargs):
    """boto3 blocks: it runs beside the loop that serves it."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(call, *args, **kwargs))


def client(url, service, **more):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    settings = Config(retries={"total_max_attempts": 1}).merge(more.pop("config", Config()))
    return boto3.client(service, endpoint_url=url, **{"region_name": "eu-west-1", **keys, **more}, config=settings)


async def keep_body(room, ctx, params):
    room.bodies["Body"] = b"".join([piece async for piece in params["Body"]])
    return {"ETag": '"x"'}


@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
async def test_s3_put_and_get(door, auth):
    house = await door(auth=auth)
    house.principals.add("test", "test")
    house.room.answers["PutObject"] = partial(keep_body, house.room)
    s3 = client(house.url, "s3")
    data = bytes(range(256)) * 4096
    put = await in_thread(s3.put_object, Bucket="bucket", Key="a b/ü+%", Body=io.BytesIO(data), Metadata={"k": "v"})
    service, operation, ctx, params = house.room.calls[0]
    assert (service, operation, params["Bucket"], params["Key"]) == ("s3", "PutObject", "bucket", "a b/ü+%")
    assert house.room.bodies["Body"] == data
    assert ctx.region == "eu-west-1"
    assert put["ResponseMetadata"]["RequestId"] == ctx.request_id
    assert params["Metadata"] == {"k": "v"}

    async def get(ctx, params):
        async def pieces():
            for at in range(0, len(data), 65_536):
                yield data[at : at + 65_536]

        return {"Body": pieces(), "ContentLength": len(data), "ContentType": "image/jpeg"}

    house.room.answers["GetObject"] = get
    got = await in_thread(s3.get_object, Bucket="bucket", Key="k")
    assert await in_thread(got["Body"].read) == data
    assert got["ContentType"] == "image/jpeg"


@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
@pytest.mark.parametrize(
    ("service", "method", "arguments", "operation", "answer"),
    [
        ("dynamodb", "list_tables", {"Limit": 3}, "ListTables", {"TableNames": ["a"]}),
        ("dynamodbstreams", "list_streams", {"Limit": 3}, "ListStreams", {"Streams": []}),
        ("lambda", "list_functions", {"MaxItems": 3}, "ListFunctions", {"Functions": []}),
        ("sqs", "get_queue_url", {"QueueName": "q"}, "GetQueueUrl", {"QueueUrl": "http://q"}),
        ("sts", "get_caller_identity", {}, "GetCallerIdentity", {"Account": "1", "Arn": "a", "UserId": "u"}),
        ("iam", "get_role", {"RoleName": "r"}, "GetRole", {"Role": {"RoleName": "r"}}),
        ("logs", "create_log_group", {"logGroupName": "g"}, "CreateLogGroup", {}),
        ("cloudwatch", "list_metrics", {"MetricName": "m"}, "ListMetrics", {"Metrics": []}),
    ],
)
async def test_every_protocol(door, auth, service, method, arguments, operation, answer):
    house = await door(auth=auth)
    house.principals.add("test", "test")
    house.room.answers[operation] = answer
    caller = client(house.url, service)
    said = await in_thread(getattr(caller, method), **arguments)
    assert house.room.calls[0][:2] == (service, operation)
    assert house.room.calls[0][3] == arguments
    for name, value in answer.items():
        assert said[name].items() >= value.items() if isinstance(value, dict) else said[name] == value
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert house.dispatch.stats()[f"{service}:{operation}"]["calls"] == 1


async def test_requests_that_are_compressed_are_unpacked(door):
    house = await door()
    house.room.answers["PutMetricData"] = {}
    cloudwatch = client(house.url, "cloudwatch", config=Config(request_min_compression_size_bytes=1))
    points = [{"MetricName": f"m{n}", "Value": 1.0} for n in range(50)]
    await in_thread(cloudwatch.put_metric_data, Namespace="n", MetricData=points)
    assert [point["MetricName"] for point in house.room.calls[0][3]["MetricData"]] == [f"m{n}" for n in range(50)]


async def test_a_twelve_digit_key_selects_the_account(door):
    house = await door()
    house.room.answers["ListTables"] = {"TableNames": []}
    await in_thread(client(house.url, "dynamodb", aws_access_key_id="123456789012").list_tables)
    await in_thread(client(house.url, "dynamodb").list_tables)
    assert [call[2].account for call in house.room.calls] == ["123456789012", "000000000000"]


async def test_presigned_and_anonymous_s3(door):
    house = await door()
    house.room.answers["GetObject"] = {"Body": b"hello", "ContentLength": 5}
    s3 = client(house.url, "s3")
    url = s3.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
    body = await in_thread(lambda: urllib.request.urlopen(url).read())
    assert body == b"hello"
    anonymous = client(house.url, "s3", config=Config(signature_version=UNSIGNED))
    got = await in_thread(anonymous.get_object, Bucket="bucket", Key="key")
    assert await in_thread(got["Body"].read) == b"hello"
    assert [call[3]["Key"] for call in house.room.calls] == ["key", "key"]
    assert house.room.calls[1][2].region == "us-east-1"


async def test_virtual_hosts(door, monkeypatch):
    resolve = socket.getaddrinfo  # not every machine's resolver knows names below localhost
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more))
    house = await door(auth=True)
    house.principals.add("test", "test")
    house.room.answers["HeadObject"] = {"ContentLength": 7}
    house.room.answers["ListObjectsV2"] = {"KeyCount": 0}
    url = f"http://s3.localhost:{house.bound.port}"
    s3 = client(url, "s3", config=Config(s3={"addressing_style": "virtual"}))
    head = await in_thread(s3.head_object, Bucket="bucket", Key="a/b c")
    await in_thread(s3.list_objects_v2, Bucket="bucket", Prefix="p/")
    assert head["ContentLength"] == 7
    (_, _, _, first), (_, _, _, second) = house.room.calls
    assert (first["Bucket"], first["Key"]) == ("bucket", "a/b c")
    assert (second["Bucket"], second["Prefix"]) == ("bucket", "p/")


@pytest.mark.parametrize(
    ("service", "method", "arguments", "operation", "code", "status"),
    [
        ("s3", "get_object", {"Bucket": "bucket", "Key": "k"}, "GetObject", "InternalError", 500),
        ("lambda", "invoke", {"FunctionName": "f"}, "Invoke", "ServiceException", 500),
        ("dynamodb", "list_tables", {}, "ListTables", "InternalServerError", 500),
        ("iam", "get_role", {"RoleName": "r"}, "GetRole", "ServiceFailure", 500),
        ("sqs", "get_queue_url", {"QueueName": "q"}, "GetQueueUrl", "InternalFailure", 500),
    ],
)
async def test_a_broken_handler_is_the_services_internal_error(
    door, caplog, service, method, arguments, operation, code, status
):
    house = await door()
    house.room.answers[operation] = ZeroDivisionError("secret detail")
    with pytest.raises(ClientError) as caught:
        await in_thread(getattr(client(house.url, service), method), **arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    request_id = house.room.calls[0][2].request_id
    assert request_id in answer["Error"]["Message"]
    assert "secret" not in str(answer)
    (record,) = [r for r in caplog.records if r.name == "yobu.dispatch"]
    assert request_id in record.getMessage() and record.exc_info
    assert house.dispatch.stats()[f"{service}:{operation}"]["server_errors"] == 1


async def test_a_rooms_error_is_the_clients_exception(door):
    house = await door()
    house.room.answers["GetItem"] = AwsError("ResourceNotFoundException", "Requested resource not found")
    dynamodb = client(house.url, "dynamodb")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException, match="Requested resource not found"):
        await in_thread(dynamodb.get_item, TableName="table", Key={"k": {"S": "v"}})


async def test_what_is_not_built_says_so(door):
    house = await door()
    for service, method, arguments, text in [
        ("s3", "get_bucket_acl", {"Bucket": "bucket"}, "yobu does not offer s3:GetBucketAcl yet."),
        ("dynamodb", "list_backups", {}, "yobu does not offer dynamodb:ListBackups yet."),
        ("kinesis", "list_streams", {}, "yobu does not offer the service kinesis yet."),
        ("ecs", "list_clusters", {}, "yobu does not offer the service ecs yet."),
        ("sns", "list_topics", {}, "yobu does not offer the service sns yet."),
    ]:
        with pytest.raises(ClientError) as caught:
            await in_thread(getattr(client(house.url, service), method), **arguments)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("NotImplemented", text)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


async def test_constraints_of_the_model_in_awss_words(door):
    house = await door()
    house.room.answers["DescribeTable"] = {}
    dynamodb = client(house.url, "dynamodb", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        await in_thread(dynamodb.describe_table, TableName="")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["Error"]["Message"] == (
        "1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: Member must have length "
        "greater than or equal to 1"
    )
    assert not house.room.calls


async def test_a_room_may_check_a_member_alone(door):
    house = await door()
    house.room.checked_here = frozenset({"Runtime"})
    house.room.answers["UpdateFunctionConfiguration"] = {}
    functions = client(house.url, "lambda", config=Config(parameter_validation=False))
    await in_thread(functions.update_function_configuration, FunctionName="f", Runtime="cobol", Handler="a")
    assert house.room.calls[0][3] == {"FunctionName": "f", "Runtime": "cobol", "Handler": "a"}
    with pytest.raises(ClientError, match=r"1 validation error detected: Value 'a b' at 'handler'"):
        await in_thread(functions.update_function_configuration, FunctionName="f", Runtime="cobol", Handler="a b")


async def test_warnings_come_in_a_header_and_the_log(door, caplog):
    house = await door()

    async def warn(ctx, params):
        ctx.warn("no effect:\nTags – yet")
        return {"TableNames": []}

    house.room.answers["ListTables"] = warn
    said = await in_thread(client(house.url, "dynamodb").list_tables)
    assert said["ResponseMetadata"]["HTTPHeaders"]["x-yobu-warning"] == "no effect: Tags ? yet"
    assert "no effect" in caplog.text


async def test_rooms_call_each_other_behind_the_wire(door):
    house = await door()
    house.room.answers["HeadBucket"] = {"BucketRegion": "eu-west-1"}
    ctx = object()
    assert await house.dispatch.call(ctx, "s3", "HeadBucket", {"Bucket": "b"}) == {"BucketRegion": "eu-west-1"}
    assert house.room.calls == [("s3", "HeadBucket", ctx, {"Bucket": "b"})]
    with pytest.raises(AwsError, match="does not offer s3:GetBucketAcl yet"):
        await house.dispatch.call(ctx, "s3", "GetBucketAcl", {})
    with pytest.raises(AwsError, match="does not offer ecs:ListClusters yet"):
        await house.dispatch.call(ctx, "ecs", "ListClusters", {})
