"""What the platform raises. `AwsError` is an answer that AWS would give; a room words each one once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class YobuError(Exception):
    """A failure of the platform itself, said to its owner (not to a client of an AWS API)."""


class AwsError(Exception):
    """An error answer of an AWS API.

    `code` is the error code as the service's documentation spells it (the wire form, with prefixes, is made in
    aws/errors.py); `status` the HTTP status; `members` further members of the error's shape (such as
    `CancellationReasons` or `Type`); `headers` extra HTTP headers.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}
        self.headers: Mapping[str, str] = headers or {}
