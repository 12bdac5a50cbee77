"""Find the faces of a floor: one folder scan plus entry points, so that adding one edits nothing else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType


def names(package: ModuleType) -> list[str]:
    """The modules and sub-packages that lie in `package`'s folder, sorted; private ones (`_x`) left out."""
    found: set[str] = set()
    for folder in package.__path__:
        with os.scandir(folder) as entries:
            for entry in entries:
                name, dot, ending = entry.name.partition(".")
                if name.startswith("_") or (dot and ending != "py"):
                    continue
                if dot or os.path.exists(os.path.join(entry.path, "__init__.py")):
                    found.add(name)
    return sorted(found)


def has_face(package: ModuleType, name: str, face: str) -> bool:
    """Whether the sub-package `name` has a module or package called `face`."""
    return any(
        os.path.exists(os.path.join(folder, name, face + ending))
        for folder in package.__path__
        for ending in (".py", "/__init__.py")
    )


def faces(package: ModuleType, face: str) -> Iterator[tuple[str, ModuleType]]:
    """`(name, module)` of every sub-package of `package` that has the face, then those of installed add-ons.

    An add-on names its module under the entry-point group `<package>.<face>`, for example
    `yobu.services.api`.
    """
    for name in names(package):
        if has_face(package, name, face):
            yield name, importlib.import_module(f"{package.__name__}.{name}.{face}")
    for point in entry_points(group=f"{package.__name__}.{face}"):
        yield point.name, point.load()


def modules(package: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    """`(name, module)` of everything in `package`'s folder, for floors where each module itself is the face.

    An add-on names its module under the entry-point group of the package, for example `yobu.runtimes`.
    """
    for name in names(package):
        yield name, importlib.import_module(f"{package.__name__}.{name}")
    for point in entry_points(group=package.__name__):
        yield point.name, point.load()
