"""Sizes and names that keep the house walkable (DESIGN: files <= 600 lines, classes <= 300, functions <= 60)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

MAX_FILE, MAX_CLASS, MAX_FUNCTION, MAX_PARAMETERS = 600, 300, 60, 6
BANNED = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}

# place -> why it may break the rule
EXEMPT: dict[str, str] = {
    "base/errors.py:AwsError.__init__": "the six parts of an AWS error; four have defaults and are given by name",
}


def place(path: Path, name: str) -> str:
    return f"{path.relative_to(ROOT / 'src' / 'yobu')}:{name}"


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = prefix + node.name
            yield name, node
            yield from definitions(node, name + ".")
        else:
            yield from definitions(node, prefix)


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([parameter for parameter in every if parameter.arg not in ("self", "cls")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_file_keeps_the_sizes(path: Path) -> None:
    text = path.read_text()
    breaches = []
    if text.count("\n") > MAX_FILE:
        breaches.append(f"{path}: {text.count(chr(10))} lines")
    for name, node in definitions(ast.parse(text)):
        where = place(path, name)
        lines = node.end_lineno - node.lineno + 1
        if isinstance(node, ast.ClassDef):
            if lines > MAX_CLASS:
                breaches.append(f"{where}: a class of {lines} lines")
            continue
        if lines > MAX_FUNCTION:
            breaches.append(f"{where}: a function of {lines} lines")
        if parameters(node) > MAX_PARAMETERS and where not in EXEMPT:
            breaches.append(f"{where}: {parameters(node)} parameters: a value object is missing")
    assert not breaches, "\n".join(breaches)


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    bad = [path for path in SOURCES if {part.removesuffix(".py") for part in path.parts} & BANNED]
    assert not bad


def test_every_exemption_is_still_needed() -> None:
    known = {place(path, name) for path in SOURCES for name, _ in definitions(ast.parse(path.read_text()))}
    assert set(EXEMPT) <= known
