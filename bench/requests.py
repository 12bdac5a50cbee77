"""Single requests under load: invoke, DynamoDB and S3, each in turn with a bare server."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench.deploying import create
from bench.figures import Figure, median
from bench.processes import Load, Server, hello, node, wrk
from bench.signing import dynamodb, signed

ROUNDS = 3
SECONDS = 2.0
EVENT = json.dumps({"key": "x" * 89}).encode()  # 100 bytes
HELLO = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n" + EVENT


def run() -> list[Figure]:
    """All of them, over one node."""
    with node() as server, hello() as bare:
        create(server.client("lambda"), "echo", MemorySize=1769)
        path = "/2015-03-31/functions/echo/invocations"
        invoke = [signed(server.port, "lambda", "POST", path, EVENT)]
        figures = []
        for clients in (1, 8, 32):
            figures += against(server, bare, "invoke", invoke, clients, wanted="at least 0.33x" if clients > 1 else "")
        _fill(server)
        for name, requests in _data(server.port).items():
            figures += against(server, bare, name, requests, 8)
        return figures


def against(
    server: Server, bare: Server, name: str, requests: Sequence[bytes], clients: int, wanted: str = ""
) -> list[Figure]:
    """Rounds in turn: the node, then the bare server."""
    wrk(server.port, requests, clients, 1)
    runs: list[tuple[Load, float, Load]] = []
    for _ in range(ROUNDS):
        before = server.cpu_s()
        load = wrk(server.port, requests, clients, SECONDS)
        cpu = (server.cpu_s() - before) / load.requests * 1e6
        runs.append((load, cpu, wrk(bare.port, [HELLO], clients, SECONDS)))
    failed = sum(load.errors for load, _, _ in runs)
    note = f"{failed} errors" if failed else ""
    rate, base = median([load.rate for load, _, _ in runs]), median([load.rate for _, _, load in runs])
    ratio = median([load.rate / other.rate for load, _, other in runs])
    group, label = "Requests", f"{name}, {clients} clients" if clients > 1 else f"{name}, 1 client"
    cpu_limit = "at most 120" if name == "invoke" else ""
    return [
        Figure(group, label, rate, "1/s", f"bare server {base:,.0f}/s", ratio, wanted, note),
        Figure(
            group,
            f"{label}, p50",
            median([load.p50 for load, _, _ in runs]),
            "ms",
            "bare server",
            median([load.p50 / other.p50 for load, _, other in runs]),
        ),
        Figure(group, f"{label}, node CPU", median([cpu for _, cpu, _ in runs]), "us", limit=cpu_limit),
    ]


def _fill(server: Server) -> None:
    table = server.client("dynamodb")
    table.create_table(
        TableName="bench",
        AttributeDefinitions=[
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "s", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(100):
        item = {"p": {"S": "query"}, "s": {"N": str(number)}, "text": {"S": "x" * 100}}
        table.put_item(TableName="bench", Item=item)
    store = server.client("s3")
    store.create_bucket(Bucket="bench")
    for number in range(100):
        store.put_object(Bucket="bench", Key=f"key-{number}", Body=b"x" * 1024)


def _data(port: int) -> dict[str, list[bytes]]:
    put, get, query = [], [], []
    for number in range(200):
        key = {"p": {"S": f"item-{number}"}, "s": {"N": str(number)}}
        item = {**key, "text": {"S": "x" * 100}, "count": {"N": "17"}}
        put.append(dynamodb(port, "PutItem", json.dumps({"TableName": "bench", "Item": item}).encode()))
        get.append(dynamodb(port, "GetItem", json.dumps({"TableName": "bench", "Key": key}).encode()))
    query.append(
        dynamodb(
            port,
            "Query",
            json.dumps(
                {
                    "TableName": "bench",
                    "KeyConditionExpression": "p = :p AND s >= :s",
                    "ExpressionAttributeValues": {":p": {"S": "query"}, ":s": {"N": "10"}},
                    "Limit": 10,
                }
            ).encode(),
        )
    )
    body = b"x" * 1024
    return {
        "PutItem 200 B": put,
        "GetItem": get,
        "Query of 10": query,
        "PutObject 1 KB": [signed(port, "s3", "PUT", f"/bench/new-{number}", body) for number in range(200)],
        "GetObject 1 KB": [signed(port, "s3", "GET", f"/bench/key-{number}") for number in range(100)],
    }
