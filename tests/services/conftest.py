"""A machine for testing rooms without a server: the store in memory, a fake fleet, a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from yobu.base.clock import FakeClock
from yobu.base.context import Context, Principal
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.services.port import Parts
from yobu.store.blobs import Blobs
from yobu.store.memory import MemoryStore
from yobu.store.packed import Packed

ACCOUNT, REGION = "123456789012", "us-east-1"


class Doors:
    """Takes the admin doors that rooms register, so that a test can call them."""

    def __init__(self) -> None:
        self.doors: dict[tuple[str, str], Any] = {}

    def add(self, method: str, path: str, handler: Any, *, public: bool = False) -> None:
        self.doors[method, path] = handler


def context(account: str = ACCOUNT, region: str = REGION) -> Context:
    principal = Principal("root", account, f"arn:aws:iam::{account}:root", account)
    return Context(account, region, principal, "11111111-2222-3333-4444-555555555555")


@pytest.fixture
def ctx() -> Context:
    return context()


@pytest.fixture
async def records_parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """Parts for rooms that keep records only: whatever runs functions is left out and fails loudly when touched."""
    clock, ids, store = FakeClock(), SeededIds(), MemoryStore()
    packed = await Packed.open(None, clock)
    blobs = await Blobs.open(tmp_path / "blobs", store, clock, ids)
    missing: Any = None
    yield Parts(
        settings=Settings(data=tmp_path),
        clock=clock,
        ids=ids,
        store=store,
        blobs=blobs,
        packed=packed,
        fleet=missing,
        code=missing,
        invoker=missing,
        events=missing,
        deliveries=missing,
        call=missing,
        admin=Doors(),
    )
    await blobs.stop()
    await packed.close()
    await store.close()
