"""AWS Lambda's operations: one mixin for each resource, put together here."""

from __future__ import annotations

from yobu.services.lambda_.api.account import Account
from yobu.services.lambda_.api.aliases import Aliases
from yobu.services.lambda_.api.code import CodeUpdates
from yobu.services.lambda_.api.concurrency import Concurrency
from yobu.services.lambda_.api.event_invoke import EventInvoke
from yobu.services.lambda_.api.functions import FunctionRecords
from yobu.services.lambda_.api.invoke import Invoke
from yobu.services.lambda_.api.permissions import Permissions
from yobu.services.lambda_.api.tags import Tags
from yobu.services.lambda_.api.versions import Versions


class Api(
    FunctionRecords,
    CodeUpdates,
    Versions,
    Aliases,
    Invoke,
    Permissions,
    Concurrency,
    EventInvoke,
    Tags,
    Account,
):
    """The Lambda room. `functions` is the node's one provider of resolved functions."""
