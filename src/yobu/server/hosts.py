"""What a Host header says: a service, a region, a bucket, and whether it can be this machine's name at all.

In: the header's text and the endpoint names of the services on offer. Out: a `Place`. Pure, but for a bounded cache.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

_CACHE = 1024
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d\Z")
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")
# LocalStack's public name resolves to 127.0.0.1: configurations that were made for it keep working.
_LOCAL = (".localhost", ".localhost.localstack.cloud")
# Names below these are in no public DNS (RFC 6761; ICANN's .internal, which Docker Desktop uses for this machine).
_PRIVATE = (".internal", ".test")
# Endpoint names of AWS that are not the service's endpoint prefix: account-based DynamoDB, and the old SQS.
_OTHER_NAMES = {"ddb": "dynamodb", "queue": "sqs"}
# Hosts that begin like S3's but belong to other APIs.
_NOT_S3 = frozenset({"s3-control", "s3-outposts", "s3-object-lambda", "s3tables"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a host means.

    `prefix` is what stands before a local base name: with a signature of S3 it is a bucket. `bucket` is set where
    the host says it by itself. `service` is a botocore service name. `familiar` is False for names that anybody may
    let point at this machine (DNS rebinding); `valid` is False for what is no host.
    """

    familiar: bool = True
    valid: bool = True
    service: str | None = None
    region: str | None = None
    bucket: str | None = None
    prefix: str = ""


class Hosts:
    """Reads Host headers. `endpoints` maps endpoint prefixes to service names; `own` are this machine's names."""

    def __init__(self, endpoints: Mapping[str, str], own: tuple[str, ...] = ()) -> None:
        self._endpoints = endpoints
        self._own = frozenset({"localhost", socket.gethostname().lower(), *(name.lower() for name in own)})
        self._cache: dict[str, Place] = {}

    def place(self, host: str) -> Place:
        """What the header's text (`name`, `name:port`, `[v6]:port`, or nothing) means."""
        found = self._cache.get(host)
        if found is None:
            if len(self._cache) >= _CACHE:
                self._cache.clear()
            found = self._cache[host] = self._read(host)
        return found

    def _read(self, host: str) -> Place:
        name = _without_port(host.lower())
        if name is None:
            return Place(valid=False, familiar=False)
        if not name or name in self._own or _is_address(name):
            return Place()
        name = name.removesuffix(".")
        for base in _LOCAL:
            if name.endswith(base):
                return self._local(name.removesuffix(base))
            if name == base[1:]:
                return Place()
        for base in _AWS:
            if name.endswith(base):
                return self._aws(name.removesuffix(base))
        # A name without a dot is found in no public DNS: a container's or a machine's in this network.
        return Place(familiar="." not in name or name.endswith(_PRIVATE))

    def _local(self, prefix: str) -> Place:
        bucket = _s3(prefix)
        if bucket is not None:
            return Place(service="s3", bucket=bucket[0], region=bucket[1], prefix=prefix)
        service, region = self._endpoint(prefix)
        return Place(service=service, region=region, prefix=prefix)

    def _aws(self, prefix: str) -> Place:
        bucket = _s3(prefix)
        if bucket is not None:
            return Place(service="s3", bucket=bucket[0], region=bucket[1])
        service, region = self._endpoint(prefix)
        return Place(service=service, region=region)

    def _endpoint(self, prefix: str) -> tuple[str | None, str | None]:
        labels = prefix.split(".")
        regions = [label for label in labels if _REGION.match(label)]
        names = [label.removesuffix("-fips") for label in labels if label not in regions and label != "dualstack"]
        region = regions[-1] if regions else None
        for name in (".".join(names), names[-1] if names else ""):
            service = self._endpoints.get(_OTHER_NAMES.get(name, name))
            if service is not None:
                return service, region
        return None, region


def _without_port(host: str) -> str | None:
    """The host alone, or None where the text cannot be a Host header."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())):
            return None
        return name
    name, colon, port = host.partition(":")
    if (colon and port and not port.isdigit()) or not all(c.isalnum() or c in "-._" for c in name):
        return None
    return name


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _s3(prefix: str) -> tuple[str | None, str | None] | None:
    """`(bucket, region)` of an S3 host without its base, or None where it is not S3's.

    A bucket's name may hold dots, and even `s3`: the rightmost label that can be S3's own counts.
    """
    labels = prefix.split(".")
    for at in range(len(labels) - 1, -1, -1):
        label, behind = labels[at], labels[at + 1 :]
        if not (label == "s3" or label.startswith("s3-")) or label in _NOT_S3:
            continue
        regions = [part for part in behind if part != "dualstack"]
        if len(regions) > 1 or not all(_REGION.match(part) for part in regions):
            continue
        legacy = label.removeprefix("s3-")
        region = regions[0] if regions else (legacy if _REGION.match(legacy) else None)
        return ".".join(labels[:at]) or None, region
    return None
