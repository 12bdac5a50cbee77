"""Who calls, from where: built once at the door, then passed down as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request.

    `arn` is the caller's ARN as GetCallerIdentity shows it, `user_id` its unique id.
    """

    kind: Literal["root", "user", "role", "anonymous", "service"]
    account: str
    arn: str
    user_id: str
    access_key: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """An access key's owner. `session_token` must come with the request where it is not None."""

    secret: str
    principal: Principal
    session_token: str | None = None
    expires: float | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings. All state is keyed by `account` and `region`.

    `host` is the Host header (`name:port`) and `scheme` http or https, for answers that hold URLs; `source_ip`
    the peer's address; `source_environment` the execution environment that sent the request, where one did;
    `trace` the X-Amzn-Trace-Id header.
    """

    account: str
    region: str
    principal: Principal
    request_id: str
    host: str = "127.0.0.1"
    scheme: str = "http"
    source_ip: str = "127.0.0.1"
    source_environment: str | None = None
    trace: str | None = None
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Say that something in the request is accepted but has no effect: sent back as `x-yobu-warning`."""
        self.warnings.append(text)
