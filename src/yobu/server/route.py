"""Which service and region a request means, and the request as that service's codec reads it.

In: a request, what its signature claims, its host. Out: a `Route`. Order: X-Amz-Target, the signature's scope, the
host, an Action parameter, the path; S3 where nothing else fits. Reads models' metadata, never a body's meaning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from yobu.aws import models
from yobu.aws.http import Request
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError
from yobu.server.hosts import Hosts, Place

# Signing names under which a service is reached beside its own.
_OTHER_SIGNING = {"s3express": "s3", "s3-outposts": "s3", "s3-object-lambda": "s3"}
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Route:
    """A service, the region that is meant (None: not said), and the request in the codec's terms."""

    service: Service
    request: Request
    region: str | None


class Router:
    """Finds the service. `offered` are the botocore names of the services that rooms answer."""

    def __init__(self, catalogue: Catalogue, offered: Sequence[str], own_names: tuple[str, ...] = ()) -> None:
        self._catalogue = catalogue
        self._targets: dict[str, str] = {}
        self._signing: dict[str, list[str]] = {}
        self._protocols: dict[str, str] = {}
        endpoints: dict[str, str] = {}
        source = models.loader()
        for name in offered:
            found = models.metadata(source, name)
            endpoint = found["endpointPrefix"]
            endpoints.setdefault(endpoint, name)
            self._signing.setdefault(found.get("signingName", endpoint), []).append(name)
            self._protocols[name] = found["protocol"]
            if "targetPrefix" in found:
                self._targets[found["targetPrefix"]] = name
        for alias, name in _OTHER_SIGNING.items():
            if name in self._signing:
                self._signing[alias] = self._signing[name]
        self.hosts = Hosts(endpoints, own_names)

    def offers(self, service: str) -> bool:
        """Whether a room answers this service."""
        return service in self._protocols

    def signing_names(self, service: Service) -> list[str]:
        """The scope's service in a signature for this service, the first of them its own name."""
        own = service.signing_name
        return [own, *(alias for alias, name in _OTHER_SIGNING.items() if name == own)]

    def needs_body(self, request: Request, signing_name: str | None) -> bool:
        """Whether only the body can tell the service: an unsigned form."""
        return signing_name is None and request.method == "POST" and request.header("content-type").startswith(_FORM)

    def route(self, request: Request, signing_name: str | None, place: Place, body: bytes = b"") -> Route | None:
        """Where the request goes, or None where no AWS service is meant.

        The service may be one that no room offers (`offers`). `body` is needed where `needs_body` says so.
        """
        name = self._name(request, signing_name, place, body)
        if name is None:
            return None
        service = self._catalogue.service(name)
        return Route(service, _path_style(request, place) if name == "s3" else request, place.region)

    def _name(self, request: Request, signing_name: str | None, place: Place, body: bytes) -> str | None:
        target = request.header("x-amz-target")
        if target:
            name = self._targets.get(target.rpartition(".")[0])
            if name is not None:
                return name
        if signing_name is not None:
            names = self._signing.get(signing_name)
            if names is None:
                known = self._catalogue.candidates(request, signing_name)
                return known[0] if known else None
            return names[0] if len(names) == 1 else self._first_fit(names, request, body) or names[0]
        if target or request.header("smithy-protocol"):
            known = self._catalogue.candidates(request, None)
            return known[0] if len(known) == 1 else None
        return self._unsigned(request, place, body)

    def _unsigned(self, request: Request, place: Place, body: bytes) -> str | None:
        if place.service is not None:
            return place.service
        names: list[str] = []
        if "Action=" in request.query or body.startswith(b"Action=") or b"&Action=" in body:
            names = [name for name, protocol in self._protocols.items() if protocol == "query"]
        names += [name for name, protocol in self._protocols.items() if protocol == "rest-json"]
        return self._first_fit(names, request, body) or "s3"

    def _first_fit(self, names: list[str], request: Request, body: bytes) -> str | None:
        for name in names:
            try:
                self._catalogue.service(name).route(request, body)
            except AwsError:
                continue
            return name
        return None


def _path_style(request: Request, place: Place) -> Request:
    """S3's codec reads path style: a bucket in the host moves into the path."""
    bucket = place.bucket or (place.prefix if place.service != "s3" else "")
    return dataclasses.replace(request, path=f"/{bucket}{request.path}") if bucket else request
