"""Lists in pages: markers that hide the last key shown.

In: the operation's `Marker` and `MaxItems`. Out: where to go on, how many, the next marker. Knows no store.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from yobu.aws.http import Params
from yobu.services.lambda_.model import errors

MAX_ITEMS = 50


def limit(params: Params) -> int:
    """How many items a page holds: AWS never shows more than 50."""
    return min(int(params.get("MaxItems") or MAX_ITEMS), MAX_ITEMS)


def marker(last: tuple[Any, ...]) -> str:
    """The text that stands for the last key shown."""
    return base64.urlsafe_b64encode(json.dumps(last, separators=(",", ":")).encode()).decode()


def after(params: Params, kinds: tuple[type, ...]) -> tuple[Any, ...] | None:
    """The key after which the page begins, its parts of these types; None at the beginning."""
    text = params.get("Marker")
    if not text:
        return None
    try:
        last = json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        last = None
    if not isinstance(last, list) or tuple(map(type, last)) != kinds:
        raise errors.invalid("Invalid Marker")
    return tuple(last)
