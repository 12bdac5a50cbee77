"""What one invocation used: the record that the bill is made from.

In: facts of an invocation that ran. Out: one flat value, as it is stored. It must not know prices.
"""

from __future__ import annotations

import msgspec


class UsageRecord(msgspec.Struct, frozen=True, array_like=True):
    """One invocation that reached an environment (throttled calls use nothing and leave no record).

    `function` is the unqualified ARN, `version` what ran; `cause` is what called (`api`, `s3.amazonaws.com`, an
    ARN), `kind` RequestResponse or Event. `start_ms` is platform time in milliseconds since 1970, the other
    times are durations in milliseconds; sizes are MB. `error` is the error's type, None where it succeeded;
    `cold` says that an environment was started for it. Fields are only ever added at the end.
    """

    request_id: str
    account: str
    region: str
    function: str
    version: str
    cause: str
    kind: str
    start_ms: int
    init_ms: float | None
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    architecture: str
    cold: bool
    error: str | None = None
    ephemeral_mb: int = 512


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UsageRecord)


def encode(record: UsageRecord) -> bytes:
    """The record as it is packed."""
    return _encoder.encode(record)


def decode(data: bytes) -> UsageRecord:
    """The record of `encode`. Raises msgspec.DecodeError or ValidationError."""
    return _decoder.decode(data)
