"""PutBucketNotificationConfiguration and its reading. In: context and parameters; out: answers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from yobu.aws.http import Params
from yobu.base.arn import parse_arn
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.port import not_built
from yobu.services.s3 import faults
from yobu.services.s3.depot import Depot
from yobu.services.s3.model import BUCKETS, Bucket, Rule, find_bucket
from yobu.services.s3.notify import EVENTS, OCCURRING, SERVICE, Origin, overlapping, trial
from yobu.store.port import Reader, Tx

MAX_RULES = 100
MAX_FILTER_BYTES = 1024


class _Kind(NamedTuple):
    """One list of the configuration: its member, the member of the ARN, and the service that the ARN must name."""

    member: str
    arn: str
    service: str


_KINDS = (
    _Kind("TopicConfigurations", "TopicArn", "sns"),
    _Kind("QueueConfigurations", "QueueArn", "sqs"),
    _Kind("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"),
)


class Notifications:
    """The notification configuration of buckets."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def put_bucket_notification_configuration(self, ctx: Context, params: Params) -> Params:
        """Replace the configuration. Destinations are validated unless SkipDestinationValidation says otherwise."""
        configuration: Mapping[str, Any] | None = params.get("NotificationConfiguration")
        if configuration is None:
            raise faults.malformed_xml()
        if configuration.get("EventBridgeConfiguration") is not None:
            raise not_built("notifications to EventBridge")
        rules = [self._rule(kind, entry) for kind in _KINDS for entry in configuration.get(kind.member) or ()]
        _check_together(rules)
        for rule in rules:
            if not any(event.startswith(OCCURRING) for event in rule.events):
                ctx.warn(f"Notification {rule.id}: {', '.join(rule.events)} never happens here.")
        origin = self._depot.origin(ctx)
        validate = not params.get("SkipDestinationValidation")

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            if validate:
                await self._validate(tx, bucket, rules)
            BUCKETS.put(tx, (bucket.name,), msgspec.structs.replace(bucket, rules=tuple(rules)))
            if validate:
                await self._try_out(tx, bucket, rules, origin)

        await self._depot.store.write(commit)
        return {}

    async def get_bucket_notification_configuration(self, ctx: Context, params: Params) -> Params:
        """The configuration, ids and all; empty where there is none."""
        bucket = await find_bucket(self._depot.store, ctx, params)
        output: Params = {}
        for kind in _KINDS:
            entries = [_shown(kind, rule) for rule in bucket.rules if parse_arn(rule.target).service == kind.service]
            if entries:
                output[kind.member] = entries
        return output

    def _rule(self, kind: _Kind, entry: Mapping[str, Any]) -> Rule:
        """One entry, checked by itself."""
        target: str = entry.get(kind.arn) or ""
        try:
            service = parse_arn(target).service
        except ValueError:
            service = ""
        if service != kind.service:
            raise faults.invalid_argument("The ARN could not be parsed", _argument(kind), target)
        events = tuple(entry.get("Events") or ())
        if not events:
            raise faults.malformed_xml()
        for event in events:
            if event not in EVENTS:
                raise faults.invalid_argument("The event is not supported for notifications", "Event", event)
        name: str = entry.get("Id") or self._depot.ids.uuid()
        if len(name) > 255:
            raise faults.invalid_argument("ID length exceeded allowed limit of 255", "Id", name)
        prefix, suffix = _filter(entry)
        return Rule(name, target, events, prefix, suffix)

    async def _validate(self, read: Reader, bucket: Bucket, rules: Iterable[Rule]) -> None:
        """Ask each destination; all that refuse are told in one error, as AWS does."""
        members: dict[str, str] = {}
        for rule in rules:
            name, reason = rule.target, await self._reason_against(read, bucket, rule)
            if reason is not None:
                number = len(members) // 2 + 1
                if parse_arn(rule.target).service == "lambda":
                    name, reason = f"{name}, null", f"Not authorized to invoke function [{rule.target}]"
                members[f"ArgumentName{number}"] = name
                members[f"ArgumentValue{number}"] = reason
        if members:
            raise AwsError(
                "InvalidArgument", "Unable to validate the following destination configurations", members=members
            )

    async def _reason_against(self, read: Reader, bucket: Bucket, rule: Rule) -> str | None:
        if parse_arn(rule.target).region != bucket.region:
            return "The notification destination service region is not valid for the bucket location constraint"
        return await self._depot.sends.check(read, rule.target, bucket.arn, SERVICE, bucket.account)

    async def _try_out(self, tx: Tx, bucket: Bucket, rules: Iterable[Rule], origin: Origin) -> None:
        targets = [rule.target for rule in rules if parse_arn(rule.target).service != "lambda"]
        sent = trial(bucket, list(dict.fromkeys(targets)), origin)
        if sent:
            await self._depot.sends.send(tx, sent)


def _filter(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Prefix and suffix of an entry's filter. Names are case-insensitive; each may come once."""
    found: dict[str, str] = {}
    for rule in ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ():
        if rule.get("Name") is None or rule.get("Value") is None:
            raise faults.malformed_xml()
        name, value = rule["Name"].lower(), rule["Value"]
        if name not in ("prefix", "suffix"):
            raise faults.invalid_argument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", rule["Name"]
            )
        if name in found:
            raise faults.invalid_argument(
                f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", rule["Name"]
            )
        if len(value.encode()) > MAX_FILTER_BYTES:
            raise faults.invalid_argument(
                "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation", "FilterRule.Value", value
            )
        found[name] = value
    return found.get("prefix", ""), found.get("suffix", "")


def _check_together(rules: list[Rule]) -> None:
    """What the entries must not be to one another."""
    if len(rules) > MAX_RULES:
        raise faults.invalid_argument(
            "The maximum number of allowed notification configurations is 100", "NotificationConfiguration", len(rules)
        )
    if len({rule.id for rule in rules}) < len(rules):
        raise AwsError("InvalidArgument", "Same ID used for multiple configurations. IDs must be unique")
    for one, other in overlapping(rules):
        if one.prefix or one.suffix or other.prefix or other.suffix:
            raise AwsError(
                "InvalidArgument",
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
                "are overlapping for the same event type.",
            )
        raise faults.invalid_argument(
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            "Event",
            f"{one.events[0]}, {other.events[0]}",
        )


def _argument(kind: _Kind) -> str:
    return {"sns": "Topic", "sqs": "Queue", "lambda": "CloudFunction"}[kind.service]


def _shown(kind: _Kind, rule: Rule) -> Params:
    entry: Params = {"Id": rule.id, kind.arn: rule.target, "Events": list(rule.events)}
    filters = [
        {"Name": name, "Value": value} for name, value in (("Prefix", rule.prefix), ("Suffix", rule.suffix)) if value
    ]
    if filters:
        entry["Filter"] = {"Key": {"FilterRules": filters}}
    return entry
