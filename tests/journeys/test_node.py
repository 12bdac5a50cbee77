"""JavaScript functions as their owners use them: create, invoke, see them fail, read their log."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from typing import Any

import pytest
from tests.journeys.calling import call, fail, log_text, refusal
from tests.journeys.running import RunningNode, create_function, eventually

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this host's PATH")

SHOP = """
exports.handler = async (event, context) => {
    console.log("order", event.order);
    if (event.order === "late") await new Promise((resolve) => setTimeout(resolve, 60_000));
    if (event.order === "none") throw new RangeError("no such order");
    return { order: event.order, name: context.functionName, stage: process.env.STAGE };
};
"""
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def package(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


def create(node: RunningNode, name: str, source: str = SHOP, **more: Any) -> dict[str, Any]:
    options = {"Runtime": "nodejs20.x", "Code": {"ZipFile": package(app_js=source)}, **more}
    return create_function(node, name, "", **options)


def test_a_function_answers_with_what_its_handler_returns(node: RunningNode) -> None:
    made = create(node, "shop", Environment={"Variables": {"STAGE": "test"}})
    assert made["Runtime"] == "nodejs20.x"
    assert call(node, "shop", {"order": "呼ぶ"}) == {"order": "呼ぶ", "name": "shop", "stage": "test"}


def test_an_error_has_lambdas_shape_and_is_in_the_log(node: RunningNode) -> None:
    create(node, "shop")
    error, tail = fail(node, "shop", {"order": "none"})
    assert (error["errorType"], error["errorMessage"]) == ("RangeError", "no such order")
    assert error["trace"] == ["RangeError: no such order", "    at exports.handler (/var/task/app.js:5:39)"]
    assert re.search(rf"^{STAMP}\t[0-9a-f-]{{36}}\tINFO\torder none$", tail, re.MULTILINE)
    assert re.search(rf"^{STAMP}\t[0-9a-f-]{{36}}\tERROR\tInvoke Error \t{{", tail, re.MULTILINE)
    eventually(lambda: "\tINFO\torder none" in log_text(node, "shop"))


def test_a_handler_is_stopped_at_its_timeout(node: RunningNode) -> None:
    create(node, "shop", Timeout=1)
    error, tail = fail(node, "shop", {"order": "late"})
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "Status: timeout" in tail
    assert call(node, "shop", {"order": 1})["order"] == 1


def test_a_package_that_does_not_load_says_why(node: RunningNode) -> None:
    create(node, "shop", "require('@aws-sdk/client-s3');")
    error, _ = fail(node, "shop")
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"].startswith("Error: Cannot find module '@aws-sdk/client-s3'\nRequire stack:\n")


def test_an_es_module_reaches_the_node(node: RunningNode) -> None:
    """With what the environment gives any SDK: an address, a region, keys."""
    source = """
        export const handler = async () => {
            const answer = await fetch(`${process.env.AWS_ENDPOINT_URL}/_yobu/health`);
            return [answer.status, process.env.AWS_REGION, process.env.AWS_SESSION_TOKEN.length > 0];
        };
        """
    create(node, "shop", Code={"ZipFile": package(app_mjs=source)})
    assert call(node, "shop") == [200, "us-east-1", True]


def test_an_event_runs_after_202(node: RunningNode) -> None:
    create(node, "shop")
    answer = node.client("lambda").invoke(
        FunctionName="shop", InvocationType="Event", Payload=json.dumps({"order": 41})
    )
    assert answer["StatusCode"] == 202
    eventually(lambda: "\tINFO\torder 41" in log_text(node, "shop"))


def test_a_version_that_this_host_lacks_is_said(node: RunningNode) -> None:
    made = create(node, "future", Runtime="nodejs98.x")
    warning = made["ResponseMetadata"]["HTTPHeaders"]["x-yobu-warning"]
    assert "Node.js 98 is not installed on this host" in warning


def test_a_runtime_of_no_family_is_refused(node: RunningNode) -> None:
    error = refusal(create, node=node, name="old", Runtime="nodejs4.3")
    assert "Member must satisfy enum value set: [nodejs20.x" in str(error)
