from __future__ import annotations

from yobu.store.interned import Interned
from yobu.store.memory import MemoryStore
from yobu.store.port import Tx


async def test_a_name_keeps_its_id_until_it_is_forgotten() -> None:
    store = MemoryStore()
    tables, queues = Interned("table"), Interned("queue")

    async def first(tx: Tx) -> list[int]:
        return [
            await tables.id(tx, "000000000000", "photos"),
            await tables.id(tx, "000000000000", "users"),
            await tables.id(tx, "000000000000", "photos"),
            await queues.id(tx, "000000000000", "photos"),
        ]

    assert await store.write(first) == [1, 2, 1, 1]
    assert await tables.find(store, "000000000000", "photos") == 1
    assert await tables.find(store, "000000000000", "none") is None

    async def again(tx: Tx) -> int:
        tables.forget(tx, "000000000000", "photos")
        assert await tables.find(tx, "000000000000", "photos") is None
        return await tables.id(tx, "000000000000", "photos")

    assert await store.write(again) == 3
