"""Which node of the host is taken for a runtime string."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from yobu.base.errors import YobuError
from yobu.runtimes import node
from yobu.runtimes.node import interpreters


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host with no other node than what the test puts into this folder."""
    monkeypatch.setattr(interpreters, "_FOLDERS", ())
    monkeypatch.setattr(interpreters, "_INSTALLS", (f"{tmp_path}/versions/v{{}}.*/bin/node",))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NVM_DIR", raising=False)
    interpreters.interpreter.cache_clear()
    interpreters._ask.cache_clear()
    yield tmp_path
    interpreters.interpreter.cache_clear()
    interpreters._ask.cache_clear()


def put(path: Path, says: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_serves_nodejs_only() -> None:
    assert [name for name in ("nodejs18.x", "nodejs20.x", "nodejs26.x", "nodejs99.x") if not node.serves(name)] == []
    assert [
        name for name in ("nodejs", "nodejs20", "nodejs4.3", "python3.11", "xnodejs20.x") if node.serves(name)
    ] == []


def test_the_one_on_the_path(host: Path) -> None:
    path = put(host / "node", "echo v20.11.1")
    launch = node.launch("nodejs20.x", "app.handler", "/code", 7)
    assert launch.argv[0] == path
    assert launch.argv[-1] == "7"
    assert launch.warning is None
    assert launch.cwd == "/code"
    assert launch.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"
    assert launch.environment["PATH"].split(":")[0] == str(host)
    assert launch.environment["NODE_PATH"] == "/code"


def test_the_heap_is_bound_by_the_memory(host: Path) -> None:
    put(host / "node", "echo v20.11.1")
    argv = node.launch("nodejs20.x", "app.handler", "/code", 7, 128).argv
    assert argv[1:3] == ("--max-semi-space-size=6", "--max-old-space-size=116")


def test_an_exact_one_goes_before_the_paths(host: Path) -> None:
    put(host / "node", "echo v20.11.1")
    put(host / "versions" / "v22.9.0" / "bin" / "node", "echo v22.9.0")
    newest = put(host / "versions" / "v22.10.0" / "bin" / "node", "echo v22.10.0")
    assert interpreters.interpreter(22) == interpreters.Interpreter(newest, "v22.10.0")
    assert interpreters.interpreter(20).path == str(host / "node")


def test_without_an_exact_one_another_serves_and_says_so(host: Path) -> None:
    path = put(host / "node", "echo v20.11.1")
    launch = node.launch("nodejs24.x", "app.handler", "/code", 7)
    assert launch.argv[0] == path
    assert launch.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs24.x"
    assert launch.warning == f"Node.js 24 is not installed on this host: the function runs on v20.11.1 ({path})."


def test_another_among_installs_serves_too(host: Path) -> None:
    path = put(host / "versions" / "v22.10.0" / "bin" / "node", "echo v22.10.0")
    assert interpreters.interpreter(18).path == path


def test_a_version_manager_on_the_path_is_passed_over(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(host / "shims" / "node", "echo v20.11.1")
    put(host / "bin" / "volta-shim", "echo v20.11.1")
    (host / "bin" / "node").symlink_to(host / "bin" / "volta-shim")
    path = put(host / "versions" / "v20.9.0" / "bin" / "node", "echo v20.9.0")
    for folder in ("shims", "bin"):
        monkeypatch.setenv("PATH", str(host / folder))
        interpreters.interpreter.cache_clear()
        assert interpreters.interpreter(20).path == path


@pytest.mark.parametrize("says", ["exit 127", "echo v16.0.0", "echo", "echo v20.0.0; exit 1", "echo 20"])
def test_none_that_runs_is_an_error_with_a_hint(host: Path, says: str) -> None:
    put(host / "node", says)
    with pytest.raises(YobuError, match=r"No Node.js of version 18 or newer .* install one"):
        node.launch("nodejs20.x", "app.handler", "/code", 7)


def test_one_that_is_installed_later_is_found(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_FOLDERS", (str(host),))
    with pytest.raises(YobuError):
        interpreters.interpreter(20)
    put(host / "node", "echo v20.11.1")
    assert interpreters.interpreter(20).version == "v20.11.1"


def test_it_is_tried_once(host: Path) -> None:
    put(host / "node", f"echo tried >> {host}/tries; echo v20.11.1")
    for major in (18, 20, 20, 22):
        interpreters.interpreter(major)
    assert (host / "tries").read_text() == "tried\n"
