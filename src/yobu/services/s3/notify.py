"""Notifications as values: which rules match an event, and the record that AWS sends. Pure.

In: a bucket's rules and what happened. Out: `Delivery` values; who takes them is not known here.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from yobu.aws.protocols.rest_xml import host_id
from yobu.base.clock import iso_millis
from yobu.base.context import Context
from yobu.invoke.values import Delivery
from yobu.services.s3.model import Bucket, Rule, owner_principal

SERVICE = "s3.amazonaws.com"

EVENTS = frozenset(
    {
        "s3:ReducedRedundancyLostObject",
        *(f"s3:ObjectCreated:{what}" for what in ("*", "Put", "Post", "Copy", "CompleteMultipartUpload")),
        *(f"s3:ObjectRemoved:{what}" for what in ("*", "Delete", "DeleteMarkerCreated")),
        *(f"s3:ObjectRestore:{what}" for what in ("*", "Post", "Completed", "Delete")),
        "s3:Replication:*",
        "s3:Replication:OperationFailedReplication",
        "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationMissedThreshold",
        "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:LifecycleTransition",
        "s3:IntelligentTiering",
        "s3:ObjectAcl:Put",
        *(f"s3:LifecycleExpiration:{what}" for what in ("*", "Delete", "DeleteMarkerCreated")),
        *(f"s3:ObjectTagging:{what}" for what in ("*", "Put", "Delete")),
    }
)
"""Every event name that a configuration may hold; a `*` form means all of its kind."""

OCCURRING = ("s3:ObjectCreated:", "s3:ObjectRemoved:", "s3:ObjectTagging:")
"""The kinds that can happen here; the others are accepted with a warning."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What was done to an object: `event` without its rules (`ObjectCreated:Put`); size and ETag where one remains."""

    event: str
    key: str
    size: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The request behind a happening, and `seed` (a UUID) for the ids of its deliveries."""

    ctx: Context
    now: float
    seed: str


def matches(rule: Rule, event: str, key: str) -> bool:
    """Whether `event` (`s3:ObjectCreated:Put`) on `key` is meant by the rule."""
    if not (key.startswith(rule.prefix) and key.endswith(rule.suffix)):
        return False
    return event in rule.events or event.rpartition(":")[0] + ":*" in rule.events


def deliveries(bucket: Bucket, happening: Happening, origin: Origin, stamp: int) -> list[Delivery]:
    """A delivery to every rule that matches. `stamp` becomes the sequencer, and makes the ids the happening's own."""
    if not bucket.rules:
        return []
    event = f"s3:{happening.event}"
    return [
        Delivery(
            id=str(uuid.uuid5(uuid.UUID(origin.seed), f"{stamp} {rule.id}")),
            target=rule.target,
            payload=encode({"Records": [record(bucket, rule, happening, origin, stamp)]}),
            source=bucket.arn,
            service=SERVICE,
            account=bucket.account,
            region=bucket.region,
            created_ms=int(origin.now * 1000),
        )
        for rule in bucket.rules
        if matches(rule, event, happening.key)
    ]


def record(bucket: Bucket, rule: Rule, happening: Happening, origin: Origin, stamp: int) -> dict[str, Any]:
    """One event record, version 2.1 (2.3 for tagging, which has no sequencer), its members in AWS's order."""
    ctx = origin.ctx
    what: dict[str, Any] = {"key": quote_plus(happening.key, safe="/*")}
    if happening.size is not None:
        what["size"] = happening.size
    if happening.etag is not None:
        what["eTag"] = happening.etag
    tagging = happening.event.startswith("ObjectTagging:")
    if not tagging:
        what["sequencer"] = f"{stamp:016X}"
    return {
        "eventVersion": "2.3" if tagging else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": iso_millis(origin.now),
        "eventName": happening.event,
        "userIdentity": {"principalId": f"AWS:{ctx.principal.user_id}"},
        "requestParameters": {"sourceIPAddress": ctx.source_ip},
        "responseElements": {"x-amz-request-id": ctx.request_id, "x-amz-id-2": host_id(ctx.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule.id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": owner_principal(bucket.account)},
                "arn": bucket.arn,
            },
            "object": what,
        },
    }


def trial(bucket: Bucket, targets: Sequence[str], origin: Origin) -> list[Delivery]:
    """The `s3:TestEvent` that queues and topics get when they are configured; functions get none."""
    payload = encode(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": iso_millis(origin.now),
            "Bucket": bucket.name,
            "RequestId": origin.ctx.request_id,
            "HostId": host_id(origin.ctx.request_id),
        }
    )
    return [
        Delivery(
            id=str(uuid.uuid5(uuid.UUID(origin.seed), target)),
            target=target,
            payload=payload,
            source=bucket.arn,
            service=SERVICE,
            account=bucket.account,
            region=bucket.region,
            created_ms=int(origin.now * 1000),
        )
        for target in targets
    ]


def encode(document: dict[str, Any]) -> bytes:
    """Compact JSON, as AWS sends it."""
    return json.dumps(document, separators=(",", ":")).encode()


def overlapping(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Pairs of rules that some event on some key would both match."""
    for at, one in enumerate(rules):
        for other in rules[at + 1 :]:
            if _share_event(one, other) and _prefixes(one, other) and _suffixes(one, other):
                yield one, other


def _share_event(one: Rule, other: Rule) -> bool:
    return any(
        a == b or (a.endswith(":*") and b.startswith(a[:-1])) or (b.endswith(":*") and a.startswith(b[:-1]))
        for a in one.events
        for b in other.events
    )


def _prefixes(one: Rule, other: Rule) -> bool:
    return one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)


def _suffixes(one: Rule, other: Rule) -> bool:
    return one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
