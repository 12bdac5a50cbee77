"""The service models that come with botocore: a service's whole model, and the metadata of all without loading them.

In come service names; out go ServiceModels and metadata. Reads the files of the installed botocore, nothing else
(not the user's own in ~/.aws/models).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from botocore import BOTOCORE_ROOT

from yobu.aws.http import Request
from yobu.aws.shapes import ServiceModel
from yobu.base.errors import YobuError

_HEAD = 16 * 1024
_MODEL = "service-2.json.gz"
_EXTRAS = "service-2.sdk-extras.json"


class UnknownService(YobuError):
    """A name that botocore has no model of."""


class Source:
    """A folder of models: `<service>/<API version>/service-2.json.gz`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """All services."""
        return sorted(path.name for path in self._folder.iterdir() if any(path.glob(f"*/{_MODEL}")))

    def path(self, name: str) -> Path:
        """The newest model of a service. Raises UnknownService."""
        found = sorted((self._folder / name).glob(f"*/{_MODEL}")) if name.isidentifier() or "-" in name else []
        if not found:
            raise UnknownService(f"botocore has no model of a service {name!r}")
        return found[-1]


def loader() -> Source:
    """The models of the installed botocore."""
    return Source(Path(BOTOCORE_ROOT, "data"))


def load(source: Source, name: str) -> ServiceModel:
    """The newest model of a service. Raises UnknownService."""
    path = source.path(name)
    description = msgspec.json.decode(gzip.decompress(path.read_bytes()))
    extras = path.with_name(_EXTRAS)
    if extras.is_file():
        _merge(description, msgspec.json.decode(extras.read_bytes())["merge"])
    # Two thirds of a model are documentation, which nobody reads here.
    _drop_documentation(description)
    return ServiceModel(description, name)


def _merge(base: dict[str, Any], extra: dict[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _drop_documentation(value: Any) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("documentation"), str):
            del value["documentation"]
        for item in value.values():
            _drop_documentation(item)
    elif isinstance(value, list):
        for item in value:
            _drop_documentation(item)


def metadata(source: Source, name: str) -> Mapping[str, Any]:
    """A service's metadata. It stands at the head of the file, so that the rest need not be unpacked."""
    return _head(source.path(name)) or load(source, name).metadata


def _head(path: Path) -> Mapping[str, Any] | None:
    with gzip.open(path) as file:
        text = file.read(_HEAD).decode(errors="ignore")
    start = text.find('"metadata":')
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, text.index("{", start))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


# Signing names under which a service is reached beside its own.
_ALIASES = {"s3express": "s3", "s3-outposts": "s3", "s3-object-lambda": "s3"}


class Index:
    """The services by what a request tells of them. Holds metadata only."""

    def __init__(self, source: Source, names: tuple[str, ...] | None) -> None:
        self.targets: dict[str, str] = {}
        self._signing: dict[str, list[str]] = {}
        self._endpoints: dict[str, list[str]] = {}
        self._kinds: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        for name in names if names is not None else source.names():
            self._add(name, metadata(source, name))

    def _add(self, name: str, found: Mapping[str, Any]) -> None:
        if "targetPrefix" in found:
            self.targets.setdefault(found["targetPrefix"], name)
        endpoint = found["endpointPrefix"]
        self._signing.setdefault(found.get("signingName", endpoint), []).append(name)
        self._endpoints.setdefault(endpoint, []).append(name)
        self._kinds[name] = found["protocol"]
        self._versions[name] = found["apiVersion"]

    def candidates(self, request: Request, signing_name: str | None) -> list[str]:
        """As Catalogue.candidates."""
        target = _target(request)
        if target is not None:
            found = self.targets.get(target)
            return [found] if found is not None else self._signed(signing_name)
        if signing_name is not None:
            return self._likeliest(self._signed(signing_name), signing_name, request)
        named = self._by_host(request.header("host"))
        return named or self._unsigned()

    def _signed(self, signing_name: str | None) -> list[str]:
        if signing_name is None:
            return []
        return self._signing.get(_ALIASES.get(signing_name, signing_name), [])

    def _likeliest(self, names: list[str], signing_name: str, request: Request) -> list[str]:
        """REST paths often begin with the API's version: that one first, then the service of that very name."""
        first = request.path[1:].partition("/")[0]
        return sorted(names, key=lambda name: (self._versions[name] != first, name != signing_name))

    def _by_host(self, host: str) -> list[str]:
        labels = host.partition(":")[0].split(".")
        for length in (2, 1):
            found = self._endpoints.get(".".join(labels[:length])) if len(labels) > length else None
            if found:
                return found
        return []

    def _unsigned(self) -> list[str]:
        """Everything, S3 last: its paths match anything."""
        return sorted(self._kinds, key=lambda name: (name == "s3", self._kinds[name] == "rest-xml"))


def _target(request: Request) -> str | None:
    """The prefix in X-Amz-Target, or in an rpc-v2-cbor path `/service/<prefix>/operation/<name>`."""
    header = request.header("x-amz-target")
    if header:
        return header.rpartition(".")[0]
    if request.header("smithy-protocol"):
        parts = request.path.split("/")
        if len(parts) == 5 and parts[1] == "service" and parts[3] == "operation":
            return parts[2]
    return None
