"""Which interpreter of the host is taken for a runtime string."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from yobu.runtimes import python
from yobu.runtimes.python import interpreters

OWN = sys.version_info[:2]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What was found on this host is forgotten before and after."""
    interpreters.interpreter.cache_clear()
    interpreters.sdk_folder.cache_clear()
    yield
    interpreters.interpreter.cache_clear()
    interpreters.sdk_folder.cache_clear()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with no other Python than what the test puts into this folder."""
    monkeypatch.setattr(interpreters, "_FOLDERS", ())
    monkeypatch.setattr(interpreters, "_INSTALLS", ())
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return tmp_path


def put(path: Path, says: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_serves_python_3_only() -> None:
    assert [name for name in ("python3.8", "python3.13", "python3.99") if not python.serves(name)] == []
    assert [
        name for name in ("python2.7", "python3", "nodejs22.x", "xpython3.1", "python3.1x") if python.serves(name)
    ] == []


def test_the_nodes_own_version_runs_on_its_own_interpreter() -> None:
    launch = python.launch(f"python{OWN[0]}.{OWN[1]}", "app.handler", "/code", 7)
    assert launch.warning is None
    assert launch.cwd == "/code"
    assert "7" in launch.argv
    assert not launch.argv[0].startswith(sys.prefix) or sys.prefix == sys.base_prefix


def test_an_exact_one_on_the_path(host: Path) -> None:
    path = put(host / "python3.99", "echo 3.99")
    assert interpreters.interpreter((3, 99)) == interpreters.Interpreter(path, (3, 99), own=False)
    launch = python.launch("python3.99", "app.handler", "/code", 7)
    assert launch.argv[0] == path
    assert launch.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.99"
    assert launch.environment["PATH"].split(":")[0] == str(host)


@pytest.mark.parametrize("says", ["exit 127", "echo 3.98", "echo", "echo 3.99; exit 1"])
def test_one_that_does_not_really_run_is_passed_over(host: Path, says: str) -> None:
    put(host / "python3.99", says)
    assert interpreters.interpreter((3, 99)).own


def test_one_among_installs(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(host / "root" / "shims" / "python3.99", "exit 127")
    older = put(host / "root" / "versions" / "3.99.1" / "bin" / "python3.99", "echo 3.99")
    newer = put(host / "root" / "versions" / "3.99.2" / "bin" / "python3.99", "echo 3.99")
    monkeypatch.setenv("PYENV_ROOT", str(host / "root"))
    monkeypatch.setenv("PATH", f"{host}/root/shims:{os.environ['PATH']}")
    assert interpreters.interpreter((3, 99)).path == newer
    Path(newer).unlink()
    interpreters.interpreter.cache_clear()
    assert interpreters.interpreter((3, 99)).path == older


def test_it_is_tried_once(host: Path) -> None:
    put(host / "python3.99", f"echo tried >> {host}/tries; echo 3.99")
    for _ in range(3):
        interpreters.interpreter((3, 99))
    assert (host / "tries").read_text() == "tried\n"


def test_without_one_the_nodes_own_serves_and_says_so(host: Path) -> None:
    launch = python.launch("python3.99", "app.handler", "/code", 7)
    assert launch.warning is not None
    assert launch.warning.startswith(f"python3.99 is not installed on this host: the function runs on python{OWN[0]}.")
    assert launch.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.99"


def test_a_version_too_old_for_the_bootstrap_runs_on_the_nodes_own(host: Path) -> None:
    put(host / "python3.7", "echo 3.7")
    assert interpreters.interpreter((3, 7)).own
    assert "older than" in (python.launch("python3.7", "app.handler", "/code", 7).warning or "")


def test_boto3_is_offered_to_versions_that_can_run_it() -> None:
    assert interpreters.sdk_folder(OWN) is not None
    assert interpreters.sdk_folder((3, 0)) is None
    assert "boto3" not in (python.launch(f"python{OWN[0]}.{OWN[1]}", "a.b", "/code", 7).warning or "")
