"""What a JavaScript function sees and what its callers get, through a real process."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yobu.fleet.port import FunctionSpec
from yobu.runtimes.node import interpreters

Make = Callable[..., FunctionSpec]
COMMON = "exports.handler = async () => 'here';"
MODULE = "export const handler = async () => 'here';"
AS_MODULES = '{"type": "module"}'
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def error_of(reply: Any) -> Any:
    assert reply.error == "Unhandled", reply.payload
    return json.loads(reply.payload)


def output(bench: Any, request_id: str = "id") -> list[str]:
    """The lines between START and END."""
    lines = bench.lines.all
    start = next(number for number, line in enumerate(lines) if line.startswith(f"START RequestId: {request_id}"))
    return lines[start + 1 : lines.index(f"END RequestId: {request_id}")]


class TestTheContext:
    async def test_has_what_lambda_documents(self, bench: Any, function: Make) -> None:
        spec = function(
            """
            exports.handler = async (event, context) => ({
                ...context,
                left: context.getRemainingTimeInMillis(),
                kinds: Object.values(context).map((value) => typeof value),
            });
            """,
            version="7",
        )
        found = await bench.value(spec, request_id="id", invoked_arn=spec.arn + ":live")
        assert 19_000 < found.pop("left") <= 20_000
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}", found.pop("logStreamName"))
        assert found.pop("kinds").count("function") == 4
        assert found == {
            "functionName": "job",
            "functionVersion": "7",
            "invokedFunctionArn": spec.arn + ":live",
            "memoryLimitInMB": "256",
            "awsRequestId": "id",
            "logGroupName": "/aws/lambda/job",
            "callbackWaitsForEmptyEventLoop": True,
        }

    async def test_has_the_callers_own_context(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async (event, context) => context.clientContext.custom;")
        assert await bench.value(spec, client_context=json.dumps({"custom": {"a": 1}})) == {"a": 1}
        shape = error_of(await bench.call(spec, client_context="{"))
        assert shape["errorMessage"].startswith("Cannot parse ClientContext as json: SyntaxError: ")

    async def test_a_trace_is_there_for_its_event_only(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => process.env._X_AMZN_TRACE_ID;")
        assert await bench.value(spec, trace="Root=1-5759e988") == "Root=1-5759e988"
        assert await bench.value(spec) is None

    async def test_is_smaller_from_node_24_on(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = (event, context) => Object.keys(context);", runtime="nodejs24.x")
        found = await bench.value(spec)
        assert "awsRequestId" in found
        assert not {"callbackWaitsForEmptyEventLoop", "done", "succeed", "fail"} & set(found)


class TestHandlers:
    @pytest.mark.parametrize(
        ("file", "source", "files", "handler"),
        [
            ("app.js", COMMON, {}, "app.handler"),
            ("app.cjs", COMMON, {}, "app.handler"),
            ("app.mjs", MODULE, {}, "app.handler"),
            ("app.js", MODULE, {"package.json": AS_MODULES}, "app.handler"),
            ("app.cjs", COMMON, {"package.json": AS_MODULES}, "app.handler"),
            ("dist/src/app.js", COMMON, {}, "dist/src/app.handler"),
            ("dist/app.js", MODULE, {"dist/package.json": AS_MODULES}, "dist/app.handler"),
            ("app.js", "exports.api = { get: async () => 'here' };", {}, "app.api.get"),
            ("lib/index.js", COMMON, {}, "lib.handler"),
            ("node_modules/kit/index.js", COMMON, {}, "kit.handler"),
            (
                "app.mjs",
                "const x = await Promise.resolve('here'); export const handler = async () => x;",
                {},
                "app.handler",
            ),
        ],
    )
    async def test_are_found(
        self, bench: Any, function: Make, file: str, source: str, files: dict[str, str], handler: str
    ) -> None:
        assert await bench.value(function(source, file, files, handler=handler)) == "here"

    @pytest.mark.parametrize(
        "handler",
        [
            "async () => 5",
            "() => Promise.resolve(5)",
            "() => ({ then: (done) => done(5) })",
            "(event, context, callback) => callback(null, 5)",
            "(event, context, callback) => { setTimeout(() => callback(null, 5), 1); }",
            "(event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false;"
            " setInterval(() => {}, 1000); callback(null, 5); }",
            "(event, context) => context.succeed(5)",
            "(event, context) => context.done(null, 5)",
            "(event, context) => { setInterval(() => {}, 1000); context.done(null, 5); }",
            "(event, context, callback) => { callback(null, 5); callback(null, 6); context.fail('too late'); }",
        ],
    )
    async def test_answer_in_many_ways(self, bench: Any, function: Make, handler: str) -> None:
        spec = function(f"exports.handler = {handler};")
        assert [await bench.value(spec), await bench.value(spec)] == [5, 5]

    async def test_of_callbacks_wait_for_the_event_loop(self, bench: Any, function: Make) -> None:
        source = """
            exports.handler = (event, context, callback) => {
                setTimeout(() => console.log("last"), 20);
                callback(null, 5);
            };
            """
        assert await bench.value(function(source), request_id="id") == 5
        assert output(bench)[0].endswith("\tid\tINFO\tlast")

    @pytest.mark.parametrize("handler", ["async () => {}", "() => {}", "() => 5", "async () => null"])
    async def test_that_answer_nothing_answer_null(self, bench: Any, function: Make, handler: str) -> None:
        assert (await bench.call(function(f"exports.handler = {handler};"))).payload == b"null"

    async def test_what_is_left_in_the_loop_goes_on_with_the_next_event(self, bench: Any, function: Make) -> None:
        source = """
            let ticks = 0;
            exports.handler = async (event) => {
                if (event) setTimeout(() => ticks++, 1);
                else await new Promise((resolve) => setTimeout(resolve, 5));
                return ticks;
            };
            """
        spec = function(source)
        assert [await bench.value(spec, 1), await bench.value(spec, 0)] == [0, 1]

    async def test_from_node_24_on_return_values_count(self, bench: Any, function: Make) -> None:
        assert await bench.value(function("exports.handler = () => 5;", runtime="nodejs24.x")) == 5
        source = "export default { handler: (event, context) => 6 };"
        assert await bench.value(function(source, "app.mjs", runtime="nodejs24.x")) == 6

    async def test_from_node_24_on_callbacks_are_refused(self, bench: Any, function: Make) -> None:
        source = "exports.handler = (event, context, callback) => callback(null, 5);"
        shape = error_of(await bench.call(function(source, runtime="nodejs24.x")))
        assert shape["errorType"] == "Runtime.CallbackHandlerDeprecated"
        assert "has removed support for callback-based function handlers" in shape["errorMessage"]


class TestAnswers:
    async def test_are_json(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async (event) => event;")
        assert (
            await bench.call(spec, {"a": [1, 2.5, None, "é\u2028"]})
        ).payload == '{"a":[1,2.5,null,"é\u2028"]}'.encode()

    @pytest.mark.parametrize("answer", ["1n", "(() => { const a = {}; a.a = a; return a; })()"])
    @pytest.mark.parametrize(
        ("runtime", "error"), [("nodejs20.x", "Error"), ("nodejs24.x", "Runtime.JSONStringifyError")]
    )
    async def test_that_json_cannot_hold(
        self, bench: Any, function: Make, answer: str, runtime: str, error: str
    ) -> None:
        reply = await bench.call(function(f"exports.handler = async () => {answer};", runtime=runtime))
        assert error_of(reply) == {
            "errorType": error,
            "errorMessage": "Unable to stringify response body",
            "trace": [f"{error}: Unable to stringify response body"],
        }

    async def test_at_the_limit_of_6_mb(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async (event) => 'x'.repeat(event);")
        assert len((await bench.call(spec, 6_291_554)).payload) == 6_291_556
        assert error_of(await bench.call(spec, 6_291_555))["errorType"] == "Function.ResponseSizeTooLarge"
        assert (await bench.call(spec, 1)).payload == b'"x"'

    async def test_to_events_of_6_mb(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async (event) => event.length;")
        assert await bench.value(spec, "é" * 3_000_000) == 3_000_000

    async def test_to_an_event_that_is_no_json(self, bench: Any, function: Make) -> None:
        reply = await bench.call(function("exports.handler = async () => 1;"), payload=b"{")
        assert error_of(reply)["errorType"] == "SyntaxError"


class TestErrors:
    async def test_of_a_handler(self, bench: Any, function: Make) -> None:
        spec = function(
            """
            class NoOrder extends Error {}
            NoOrder.prototype.name = "NoOrder";
            exports.handler = async () => {
                await null;
                throw Object.assign(new NoOrder("no such order"), { code: "E1", order: 7 });
            };
            """
        )
        reply = await bench.call(spec, request_id="id")
        trace = ["NoOrder: no such order", "    at exports.handler (/var/task/app.js:6:25)"]
        assert reply.error_type == "NoOrder"
        assert error_of(reply) == {"errorType": "NoOrder", "errorMessage": "no such order", "trace": trace}
        (line,) = output(bench)
        match = re.fullmatch(rf"{STAMP}\tid\tERROR\tInvoke Error \t(.+)", line)
        assert match is not None
        assert json.loads(match[1]) == {
            "errorType": "NoOrder",
            "errorMessage": "no such order",
            "code": "E1",
            "order": 7,
            "stack": trace,
        }
        assert "Status" not in bench.lines.all[-1]

    @pytest.mark.parametrize(
        "handler",
        [
            "() => { throw new Error('no'); }",
            "() => Promise.reject(new Error('no'))",
            "(event, context, callback) => callback(new Error('no'))",
            "(event, context) => context.fail(new Error('no'))",
            "(event, context) => context.done(new Error('no'))",
        ],
    )
    async def test_come_in_many_ways(self, bench: Any, function: Make, handler: str) -> None:
        spec = function(f"exports.handler = {handler};")
        first, second = await bench.call(spec), await bench.call(spec)
        assert first.environment == second.environment
        assert (error_of(second)["errorType"], error_of(second)["errorMessage"]) == ("Error", "no")
        assert error_of(second)["trace"][0] == "Error: no"
        assert not [line for line in error_of(second)["trace"] if "bootstrap" in line or "node:internal" in line]

    @pytest.mark.parametrize(
        ("thrown", "error_type", "message"),
        [
            ("'text'", "string", "text"),
            ("{ a: 1 }", "object", "[object Object]"),
            ("7", "number", "7"),
            ("undefined", "string", "handled"),
            ("Object.create(null)", "handled", "callback called with Error argument, but there was a problem"),
        ],
    )
    async def test_that_are_no_errors(
        self, bench: Any, function: Make, thrown: str, error_type: str, message: str
    ) -> None:
        shape = error_of(await bench.call(function(f"exports.handler = async () => {{ throw {thrown}; }};")))
        assert shape["errorType"] == error_type
        assert shape["errorMessage"].startswith(message)
        assert shape["trace"] == []

    async def test_that_nobody_handles(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => { Promise.reject(new Error('lost')); return 1; };")
        reply = await bench.call(spec, request_id="id")
        assert error_of(reply) == {
            "errorType": "Runtime.UnhandledPromiseRejection",
            "errorMessage": "Error: lost",
            "trace": ["Runtime.UnhandledPromiseRejection: Error: lost"],
        }
        logged = json.loads(output(bench)[0].split("\tERROR\tUnhandled Promise Rejection \t")[1])
        assert logged["reason"]["errorMessage"] == "lost"
        assert (await bench.call(spec)).environment != reply.environment

    async def test_that_nobody_catches(self, bench: Any, function: Make) -> None:
        source = """
            exports.handler = () => new Promise(() => {
                setTimeout(() => { throw new TypeError("late"); }, 1);
            });
            """
        spec = function(source)
        reply = await bench.call(spec, request_id="id")
        assert (error_of(reply)["errorType"], error_of(reply)["errorMessage"]) == ("TypeError", "late")
        assert "\tid\tERROR\tUncaught Exception \t" in output(bench)[0]
        assert (await bench.call(spec)).environment != reply.environment

    async def test_of_a_promise_that_is_never_settled(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => new Promise(() => {});")
        assert error_of(await bench.call(spec))["errorType"] == "Runtime.NodeJsExit"

    @pytest.mark.parametrize(("status", "words"), [(0, "without providing a reason"), (3, "with error: exit status 3")])
    async def test_of_a_process_that_exits(self, bench: Any, function: Make, status: int, words: str) -> None:
        reply = await bench.call(function(f"exports.handler = async () => process.exit({status});"), request_id="id")
        assert error_of(reply) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: id Error: Runtime exited {words}",
        }

    async def test_of_more_memory_than_it_may_have(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => { for (const all = [];;) all.push({ all: [all.length] }); };")
        reply = await bench.call(spec)
        assert reply.error_type in ("Runtime.OutOfMemory", "Runtime.ExitError")

    @pytest.mark.parametrize(
        ("source", "handler", "error_type", "message"),
        [
            (
                "require('nothing-there');",
                "app.handler",
                "Runtime.ImportModuleError",
                "Error: Cannot find module 'nothing-there'\n"
                "Require stack:\n- /var/task/app.js\n- /var/runtime/index.mjs",
            ),
            (
                "",
                "none.handler",
                "Runtime.ImportModuleError",
                "Error: Cannot find module 'none'\nRequire stack:\n- /var/runtime/index.mjs",
            ),
            ("", "app.handler", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
            ("exports.handler = 5;", "app.handler", "Runtime.HandlerNotFound", "app.handler is not a function"),
            ("", "app", "Runtime.MalformedHandlerName", "Bad handler"),
            (
                "",
                "../app.handler",
                "Runtime.MalformedHandlerName",
                "'../app.handler' is not a valid handler name. "
                "Use absolute paths when specifying root directories in handler names.",
            ),
            (
                "exports.handler = (",
                "app.handler",
                "Runtime.UserCodeSyntaxError",
                "SyntaxError: Unexpected end of input",
            ),
            (
                "exports.handler = awslambda.streamifyResponse(async (event, stream) => {});",
                "app.handler",
                "Runtime.StreamingNotBuilt",
                "app.handler streams its response (awslambda.streamifyResponse), which this node does not do yet",
            ),
        ],
    )
    async def test_of_loading(
        self, bench: Any, function: Make, source: str, handler: str, error_type: str, message: str
    ) -> None:
        reply = await bench.call(function(source, handler=handler), request_id="id")
        shape = error_of(reply)
        assert (shape["errorType"], shape["errorMessage"], reply.error_type) == (error_type, message, error_type)
        lines = bench.lines.all
        assert lines[0].startswith("INIT_START Runtime Version: nodejs:20.v1\tRuntime Version ARN: arn:aws:lambda:")
        assert re.match(rf"{STAMP}\tundefined\tERROR\tUncaught Exception \t", lines[1])
        assert lines[2].endswith(f"Phase: init\tStatus: error\tError Type: {error_type}")
        assert lines[-1].endswith(f"Status: error\tError Type: {error_type}")

    async def test_of_a_syntax_show_where(self, bench: Any, function: Make) -> None:
        shape = error_of(await bench.call(function("const x = 1;\nexports.handler = ;\n")))
        assert shape["trace"][:2] == ["/var/task/app.js:2", "exports.handler = ;"]

    async def test_of_a_modules_own_code(self, bench: Any, function: Make) -> None:
        shape = error_of(await bench.call(function("throw new RangeError('too soon');")))
        assert (shape["errorType"], shape["errorMessage"]) == ("RangeError", "too soon")
        assert shape["trace"][:2] == ["RangeError: too soon", "    at Object.<anonymous> (/var/task/app.js:1:7)"]

    async def test_of_an_es_module_that_misses_a_package(self, bench: Any, function: Make) -> None:
        shape = error_of(await bench.call(function("import 'nothing-there'; export const handler = 1;", "app.mjs")))
        assert shape["errorMessage"] == "Cannot find package 'nothing-there' imported from /var/task/app.mjs"

    async def test_of_a_rejection_while_loading(self, bench: Any, function: Make) -> None:
        source = """
            export const handler = 1;
            Promise.reject(new Error("early"));
            await new Promise((done) => setTimeout(done, 50));
            """
        shape = error_of(await bench.call(function(source, "app.mjs")))
        assert shape["errorType"] == "Runtime.UnhandledPromiseRejection"


class TestOutput:
    async def test_keeps_its_order_whoever_writes(self, bench: Any, function: Make) -> None:
        spec = function(
            """
            const { execFileSync } = require("child_process");
            exports.handler = async () => {
                console.log("a %s of", "line", { a: 1 });
                process.stdout.write("raw\\n");
                execFileSync("echo", ["from a child"], { stdio: "inherit" });
                process.stderr.write("to standard error\\n");
                console.warn("in\\ntwo lines");
                console.error(1); console.debug(2); console.trace(3);
                process.stdout.write("without an end");
            };
            """
        )
        await bench.value(spec, request_id="id")
        lines = [re.sub(f"^{STAMP}", "NOW", line) for line in output(bench)]
        assert lines == [
            "NOW\tid\tINFO\ta line of { a: 1 }",
            "raw",
            "from a child",
            "to standard error",
            "NOW\tid\tWARN\tin\ntwo lines",
            "NOW\tid\tERROR\t1",
            "NOW\tid\tDEBUG\t2",
            "NOW\tid\tTRACE\t3",
            "without an end",
        ]

    async def test_of_loading_comes_before_the_start(self, bench: Any, function: Make) -> None:
        await bench.value(function("console.log('loading'); exports.handler = async () => {};"))
        assert [re.split(r"[ \t]", line)[0] for line in bench.lines.all if "loading" not in line] == [
            "INIT_START",
            "START",
            "END",
            "REPORT",
        ]
        assert re.fullmatch(rf"{STAMP}\tundefined\tINFO\tloading", bench.lines.all[1])

    @pytest.mark.parametrize("write", ["process.stdout.write(`line ${n}\\n`)", "console.log(n)"])
    async def test_of_many_lines_arrives_whole(self, bench: Any, function: Make, write: str) -> None:
        spec = function(f"exports.handler = async () => {{ for (let n = 0; n < 50000; n++) {write}; }};")
        await bench.value(spec, request_id="id")
        assert [int(re.split(r"[ \t]", line)[-1]) for line in output(bench)] == list(range(50_000))

    async def test_of_a_long_event_shows_before_its_end(self, bench: Any, function: Make) -> None:
        source = """
            exports.handler = async (event) => {
                process.stdout.write("working\\n");
                await require("fs").promises.readFile(event);
            };
            """
        gate = bench.folder / "gate"
        os.mkfifo(gate)
        call = asyncio.create_task(bench.value(function(source), str(gate), request_id="id"))
        await bench.lines.wait_for("working")
        assert not call.done()
        await asyncio.to_thread(gate.write_text, "")
        await call


class TestTheProcess:
    async def test_sees_only_its_own_world(self, bench: Any, function: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NODE_OPTIONS", "--require=/node/only")
        spec = function(
            """
            const fs = require("fs");
            exports.handler = async () => ({
                names: Object.keys(process.env), cwd: process.cwd(), argv: process.argv.length,
                main: require.main === module, home: require("os").homedir(),
                temporary: fs.existsSync(process.env.TMPDIR),
            });
            """
        )
        found = await bench.value(spec)
        assert found["cwd"] == str(spec.code)
        assert (found["argv"], found["main"], found["temporary"]) == (2, False, True)
        assert found["home"].startswith(str(bench.folder / "run" / "environments"))
        assert not {"NODE_OPTIONS", "YOBU_CACHE"} & set(found["names"])

    async def test_finds_modules_from_the_packages_root(self, bench: Any, function: Make) -> None:
        spec = function(
            "exports.handler = async () => require('lib/x');", files={"lib/x.js": "module.exports = 'found';"}
        )
        assert await bench.value(spec) == "found"

    async def test_honours_node_options(self, bench: Any, function: Make) -> None:
        spec = function(
            "exports.handler = async () => globalThis.early;",
            files={"early.js": "globalThis.early = 'set';"},
            environment={"NODE_OPTIONS": "--require ./early.js"},
        )
        assert await bench.value(spec) == "set"

    async def test_may_have_files_named_like_ours(self, bench: Any, function: Make) -> None:
        spec = function(
            "exports.handler = async () => require('./errors').mine;", "handlers.js", handler="handlers.handler"
        )
        (spec.code / "errors.js").write_text("exports.mine = 1;")
        assert await bench.value(spec) == 1

    async def test_leaves_nothing_in_its_package(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => 1;")
        await bench.value(spec)
        assert os.listdir(spec.code) == ["app.js"]

    async def test_keeps_compiled_code_where_its_node_can(self, bench: Any, function: Make) -> None:
        spec = function("exports.handler = async () => require('module').getCompileCacheDir?.();", runtime="nodejs24.x")
        found = interpreters.interpreter(24)
        if found.major < 24:
            pytest.skip(f"no Node.js with a compile cache on this host, only {found.version}")
        cache = bench.folder / "run" / "cache" / "node"
        assert Path(await bench.value(spec)).is_relative_to(cache)
        await bench.value(spec)
        assert [path for path in cache.rglob("*") if path.is_file()]

    async def test_collects_garbage_within_its_memory(self, bench: Any, function: Make) -> None:
        source = """
            exports.handler = async () => {
                let kept = [];
                for (let n = 0; n < 400_000; n++) {
                    kept.push(JSON.parse(JSON.stringify({ a: [1, 2, 3], b: "x".repeat(500), n })));
                    if (kept.length > 20_000) kept = [];
                }
                return kept.length;
            };
            """
        reply = await bench.call(function(source, memory_mb=128))
        assert reply.error is None
        assert reply.max_memory_mb < 128

    async def test_ends_with_the_node(self, bench: Any, function: Make, gone: Any) -> None:
        spec = function(
            """
            const { spawn } = require("child_process");
            exports.handler = async () => [process.pid, spawn("sleep", ["60"], { stdio: "ignore" }).pid];
            """
        )
        pids = await bench.value(spec)
        bench.fleet._starter.close()  # what the kernel does when the node is killed
        assert await gone(*pids)

    async def test_reports_its_own_memory_not_the_nodes(self, bench: Any, function: Make) -> None:
        ballast = bytearray(120_000_000)
        spec = function("exports.handler = async (event) => Buffer.alloc(event, 1).length;")
        small, large = await bench.call(spec, 1), await bench.call(spec, 100_000_000)
        assert 20 < small.max_memory_mb < 80
        assert large.max_memory_mb > small.max_memory_mb + 80
        assert len(ballast) == 120_000_000


def test_the_bootstrap_names_nothing_of_ours() -> None:
    folder = Path(__file__).parents[3] / "src" / "yobu" / "runtimes" / "node"
    required = {
        name for file in folder.glob("*.cjs") for name in re.findall(r"require\(['`]([^'`]+)['`]\)", file.read_text())
    }
    assert required == {"fs", "module", "path", "url", "util", "./${name}.cjs", "./handlers.cjs"}
