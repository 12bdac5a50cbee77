"""The bill of functions that ran, called either way: yobu bill as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.journeys.calling import ECHO
from tests.journeys.commands import run
from tests.journeys.running import RunningNode, create_function, eventually

FAILS = "def handler(event, context):\n    raise ValueError('no such order')\n"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
COSTS = ("request_cost", "compute_cost", "ephemeral_cost")


@pytest.fixture
def used(node: RunningNode) -> RunningNode:
    """A node on which `good` ran twice and `bad` once, each called by `api`, one of them as an event."""
    create_function(node, "good", ECHO, MemorySize=1024)
    create_function(node, "bad", FAILS)
    client = node.client("lambda")
    client.put_function_event_invoke_config(FunctionName="bad", MaximumRetryAttempts=0)
    assert client.invoke(FunctionName="good", Payload=b"1")["StatusCode"] == 200
    assert client.invoke(FunctionName="good", Payload=b"2", InvocationType="Event")["StatusCode"] == 202
    assert client.invoke(FunctionName="bad", InvocationType="Event")["StatusCode"] == 202
    eventually(lambda: len(node.admin("GET", "usage")["records"]) == 3)
    return node


def bill(node: RunningNode, *arguments: str, **more: Any) -> str:
    shown: str = run("bill", "--data", str(node.data), *arguments, COLUMNS="80", **more).stdout
    return shown


def test_each_invocation_is_on_the_bill_once(used: RunningNode) -> None:
    made = json.loads(bill(used, "--by", "function", "--json"))
    counts = {row["group"]: (row["requests"], row["errors"]) for row in made["rows"]}
    assert counts == {ARN + "good": (2, 0), ARN + "bad": (1, 1)}
    for row in made["rows"]:
        assert Decimal(row["total"]) == sum(Decimal(row[name]) for name in COSTS)
    assert Decimal(made["total"]["total"]) == sum(Decimal(row["total"]) for row in made["rows"])
    records = used.admin("GET", "usage")["records"]
    billed = sum(Decimal(record["memory_mb"] * record["billed_ms"]) for record in records)
    assert Decimal(made["total"]["gb_seconds"]) == billed / 1_024_000
    assert made["total"]["cold_starts"] == sum(record["cold"] for record in records)
    assert 0 < made["time"]["busy_ms"] <= sum(record["billed_ms"] for record in records)
    assert made["time"]["exact"] is True


def test_the_groups(used: RunningNode) -> None:
    for by, groups in (("source", ["api"]), ("tenant", ["000000000000"])):
        assert [row["group"] for row in json.loads(bill(used, "--by", by, "--json"))["rows"]] == groups
    for day in json.loads(bill(used, "--by", "day", "--json"))["rows"]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", day["group"])
    assert json.loads(bill(used, "--json", "--account", "111111111111"))["rows"] == []
    assert json.loads(bill(used, "--json", "--region", "eu-west-1"))["total"]["total"] == "0"
    assert json.loads(bill(used, "--json", "--since", "2000-01-01", "--until", "2001-01-01"))["rows"] == []


def test_as_csv(used: RunningNode) -> None:
    rows = list(csv.DictReader(io.StringIO(bill(used, "--csv"))))
    assert list(rows[0]) == [
        *("group", "requests", "errors", "cold_starts", "gb_seconds"),
        *("request_cost", "compute_cost", "ephemeral_cost", "total"),
    ]
    assert {row["group"]: row["requests"] for row in rows} == {ARN + "good": "2", ARN + "bad": "1"}


def test_as_a_table(used: RunningNode) -> None:
    shown = bill(used)
    assert re.search(r"^ *function +calls +errors +cold +GB-s +compute \$ +total \$ *$", shown, re.MULTILINE)
    assert re.search(r"^ *good +2 +0 +\d +[\d.]+ +0\.\d{8} +0\.\d{8} *$", shown, re.MULTILINE)
    assert re.search(r"^ *all +3 +1 ", shown, re.MULTILINE)
    assert re.search(r"^3 invocations: \$0\.00000060 requests \+ \$0\.\d{8} compute \+ \$0\.0{8} ", shown, re.MULTILINE)
    assert re.search(
        r"^idle time costs nothing: \$0\. No function ran in (99|100)(\.\d+)? % of 2\S+ \S+ to \S+ \S+ UTC$",
        shown,
        re.MULTILINE,
    )
    assert max(len(line) for line in shown.splitlines()[:8]) <= 80


def test_an_empty_node_owes_nothing(node: RunningNode) -> None:
    shown = bill(node, "--since", "1h")
    assert "0 invocations: " in shown
    assert re.search(r"= \$0\.0+\nidle time costs nothing: \$0\. No function ran in 100 % of ", shown)


@pytest.mark.parametrize("by", ["function", "day"])
def test_as_a_picture(used: RunningNode, tmp_path: Path, by: str) -> None:
    path = tmp_path / "bill.svg"
    assert "invocations: " in bill(used, "--by", by, "--plot", str(path))
    root = ElementTree.fromstring(path.read_bytes())
    assert f"Cost by {by}: $0.0" in "".join(root.itertext())
    pytest.importorskip("PIL")
    path = tmp_path / "bill.png"
    assert json.loads(bill(used, "--by", by, "--json", "--plot", str(path)))["by"] == by
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "soon"), r"since must be a date \(2026-11-25\), a time \(2026-11-25T14:30:00Z\), or how long ago"),
        (("--account", "1"), "account must be 12 digits, not '1'"),
        (("--plot", "bill.gif"), r"--plot takes a file that ends with .svg or .png, not 'bill.gif'"),
        (("--plot", "/nowhere/bill.svg"), "cannot write /nowhere/bill.svg: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_one_line(node: RunningNode, arguments: tuple[str, ...], words: str) -> None:
    done = run("bill", "--data", str(node.data), *arguments, status=1)
    assert re.search(words, done.stderr)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
