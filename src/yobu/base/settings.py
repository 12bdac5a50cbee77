"""The node's settings: one frozen value, read once in node.py from flags and `YOBU_*` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path

from yobu.base.errors import YobuError


@dataclass(frozen=True, slots=True)
class Settings:
    """What `yobu up` was told.

    `account` is 12 digits; `isolation` is the execution tier (`process` until the sandbox is built); `idle_s` is
    how many seconds an idle execution environment is kept; `concurrency` the account's concurrent executions.
    """

    host: str = "127.0.0.1"
    port: int = 4566
    data: Path = Path("yobu-data")
    account: str = "000000000000"
    region: str = "us-east-1"
    auth: bool = False
    tls: bool = False
    isolation: str = "process"
    idle_s: float = 300.0
    concurrency: int = 1000

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.tls else "http"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the node."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    def check(self) -> None:
        """Raise YobuError with the mend where the settings do not fit together."""
        if not (len(self.account) == 12 and self.account.isascii() and self.account.isdigit()):
            raise YobuError(f"--account must be 12 digits, not {self.account!r}")
        if not 0 <= self.port <= 65535:
            raise YobuError(f"--port must be 0 to 65535, not {self.port}")
        try:
            loopback = self.loopback
        except ValueError:
            raise YobuError(f"--host must be an IP address or localhost, not {self.host!r}") from None
        if not loopback and not self.auth:
            raise YobuError(
                f"--host {self.host} is reachable from other machines: add --auth, so that requests must be signed "
                "with the keys in the data folder"
            )
        if self.isolation != "process":
            raise YobuError(
                f"--isolation {self.isolation} is not built yet: only 'process' (a separate process for each "
                "environment, without a sandbox) is offered"
            )
        if self.idle_s <= 0 or self.concurrency < 1:
            raise YobuError("--idle-s and --concurrency must be above 0")


def from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """The settings that `YOBU_*` variables name, by field. Raises YobuError for a value that does not parse."""
    found: dict[str, object] = {}
    for field in fields(Settings):
        text = environment.get(f"YOBU_{field.name.upper()}")
        if text is not None:
            found[field.name] = parse(field.name, text)
    return found


_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def parse(name: str, text: str) -> object:
    """One setting's value from its text. Raises YobuError."""
    default = getattr(Settings(), name)
    try:
        if isinstance(default, bool):
            return _TRUTH[text.lower()]
        return type(default)(text)
    except (KeyError, ValueError):
        raise YobuError(f"{name}: {text!r} is not a {type(default).__name__}") from None
