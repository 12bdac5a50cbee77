from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from yobu.base import discover


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    root = tmp_path / "found_things"
    for name in ("alpha", "beta", "folder_without_init"):
        (root / name).mkdir(parents=True)
    for name in ("alpha", "beta"):
        (root / name / "__init__.py").write_text("")
    (root / "__init__.py").write_text("")
    (root / "alpha" / "api.py").write_text("NAME = 'alpha'\n")
    (root / "beta" / "target.py").write_text("NAME = 'beta'\n")
    (root / "beta" / "api").mkdir()
    (root / "beta" / "api" / "__init__.py").write_text("NAME = 'beta, a package'\n")
    (root / "single.py").write_text("NAME = 'single'\n")
    (root / "_private.py").write_text("")
    (root / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("found_things")
    for name in [name for name in sys.modules if name.startswith("found_things")]:
        del sys.modules[name]


def test_names_are_modules_and_packages_only(package: ModuleType) -> None:
    assert discover.names(package) == ["alpha", "beta", "single"]


def test_a_new_folder_with_a_face_is_found(package: ModuleType) -> None:
    assert {name: module.NAME for name, module in discover.faces(package, "api")} == {
        "alpha": "alpha",
        "beta": "beta, a package",
    }
    assert [name for name, _ in discover.faces(package, "target")] == ["beta"]
    assert [name for name, _ in discover.faces(package, "front")] == []


def test_every_module_is_found_where_each_is_a_face(package: ModuleType) -> None:
    assert [name for name, _ in discover.modules(package)] == ["alpha", "beta", "single"]
