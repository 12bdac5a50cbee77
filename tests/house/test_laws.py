"""Laws of the house that a reader of the syntax tree can check."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "yobu"
INSIDE = ("runtimes/python/bootstrap", "kits/demo/function")  # runs in an environment, not in the node
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if not str(path.relative_to(ROOT)).startswith(INSIDE)]

# Law 6: time, ids and randomness come from base. `time.monotonic`, `time.sleep` and random pictures are for kits and
# commands, which stand outside the node.
CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "datetime.now", "datetime.utcnow"}
CHANCE = {"os.urandom", "uuid.uuid4", "uuid.uuid1", "random.random", "random.Random", "secrets.token_hex"}


def called(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def read(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
class TestFile:
    def test_opens_with_a_docstring(self, path: Path) -> None:
        assert ast.get_docstring(read(path))

    def test_takes_time_and_chance_from_base(self, path: Path) -> None:
        if path.relative_to(ROOT).parts[0] in ("base", "kits", "cli"):
            return
        assert not called(read(path)) & (CLOCKS | CHANCE)

    def test_holds_no_mutable_state_at_module_level(self, path: Path) -> None:
        """Law 5. A constant table is written in capitals and never assigned to."""
        loose = []
        for node in read(path).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(
                node.value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
            ):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                name = ast.unparse(target)
                if name != "__all__" and not name.lstrip("_").isupper():
                    loose.append(name)
        globals_ = [node for node in ast.walk(read(path)) if isinstance(node, ast.Global)]
        assert not loose
        assert not globals_

    def test_never_reaches_a_shell_or_eval(self, path: Path) -> None:
        tree = read(path)
        assert not called(tree) & {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput"}
        shells = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False"
        ]
        assert not shells

    def test_no_silent_except(self, path: Path) -> None:
        silent = [
            node.lineno
            for node in ast.walk(read(path))
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
            and all(isinstance(line, ast.Pass) for line in node.body)
        ]
        assert not silent
