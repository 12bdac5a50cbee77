"""The documents are true: links lead somewhere, promises have their tests, commands and settings exist."""

from __future__ import annotations

import ast
import re
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path

import pytest

import yobu.cli
from yobu.aws.service import Catalogue
from yobu.base.discover import names
from yobu.base.settings import Settings
from yobu.node import open_node

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changes").glob("*.md")])
PROMISE = re.compile(r"^\| (?P<id>[A-Z]+-\d+) \| (?P<promise>[^|]+) \| (?P<test>[^|]+) \|$", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_in_code_spans_exist(path: Path) -> None:
    spans = re.findall(r"`((?:src|tests|docs|bench|requirements|changes|\.ci)/[\w./-]*)`", path.read_text())
    assert [span for span in spans if not (ROOT / span).exists()] == []


def test_every_promise_names_a_test_that_exists_or_says_that_it_is_pending() -> None:
    missing = []
    for row in PROMISE.finditer(read("SPECIFICATION.md")):
        test = row["test"].strip()
        if test == "test pending":
            continue
        found = re.fullmatch(r"`(tests/[\w/.-]+\.py)(?:::([\w:]+))?`", test)
        if found is None or not (ROOT / found[1]).exists():
            missing.append(f"{row['id']}: {test}")
            continue
        defined = {
            node.name
            for node in ast.walk(ast.parse((ROOT / found[1]).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        missing += [f"{row['id']}: {test}" for name in (found[2] or "").split("::") if name and name not in defined]
    assert missing == []


def test_promises_are_numbered_once_and_there_are_some() -> None:
    ids = [row["id"] for row in PROMISE.finditer(read("SPECIFICATION.md"))]
    assert len(ids) > 20
    assert len(ids) == len(set(ids))
    assert len(ids) == len(re.findall(r"^\| [A-Z]+-\d+ \|", read("SPECIFICATION.md"), re.MULTILINE))


def test_the_readme_names_every_command_and_no_other() -> None:
    said = set(re.findall(r"`yobu ([a-z]+)", read("README.md")))
    assert said == set(names(yobu.cli)) - {"main"}


def test_the_readme_names_every_verb_of_the_makefile() -> None:
    verbs = set(re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)[1].split())
    said = set(re.findall(r"make ([a-z-]+)", read("README.md") + read("CONTRIBUTING.md")))
    assert said == verbs


def test_every_setting_is_documented() -> None:
    text = read("docs/settings.md")
    assert [field.name for field in fields(Settings) if f"`YOBU_{field.name.upper()}`" not in text] == []


def test_every_library_has_its_reason() -> None:
    listed = re.search(r"^dependencies = \[(.+?)^\]", read("pyproject.toml"), re.MULTILINE | re.DOTALL)[1]
    wanted = set(re.findall(r'"([a-z0-9-]+)[>=]', listed))
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", read("ARCHITECTURE.md"), re.MULTILINE))
    assert wanted <= explained


def test_the_readme_s_test_command_is_what_ci_runs() -> None:
    assert "make check" in read("README.md")
    assert "make check" in read(".ci/run")


async def test_every_room_says_which_operations_it_has(tmp_path: Path) -> None:
    """docs/services.md lists each room's operations; the list is held against a node's rooms."""
    text, catalogue, wrong = read("docs/services.md"), Catalogue(), []
    async with AsyncExitStack() as stack:
        node = await open_node(Settings(port=0, data=tmp_path), stack, print)
        for room in node.rooms.values():
            for name in room.services:
                section = re.search(rf"^## {name}\n(.+?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
                said = set(re.findall(r"`([A-Z]\w+)`", section[1])) if section else set()
                built = {
                    operation
                    for operation in catalogue.service(name).model.operation_names
                    if room.operation(name, operation) is not None
                }
                if said != built:
                    wrong.append(f"{name}: not in the docs {sorted(built - said)}, not built {sorted(said - built)}")
    assert wrong == []
