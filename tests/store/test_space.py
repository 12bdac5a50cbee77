from __future__ import annotations

import msgspec
import pytest

from yobu.store.memory import MemoryStore
from yobu.store.port import Tx
from yobu.store.space import Space


class Row(msgspec.Struct, array_like=True, frozen=True):
    name: str
    size: int = 0


ROWS: Space[Row] = Space(("room", 1), Row)


async def filled(*parts: tuple[object, ...]) -> MemoryStore:
    store = MemoryStore()

    async def fill(tx: Tx) -> None:
        for each in parts:
            ROWS.put(tx, each, Row(str(each)))
        Space(("room", 2), int).put(tx, ("a",), 5)

    await store.write(fill)
    return store


async def test_values_come_back_typed() -> None:
    store = await filled(("a",), ("b", 2))
    assert await ROWS.get(store, "b", 2) == Row("('b', 2)")
    assert await ROWS.get(store, "b") is None
    assert await ROWS.get_many(store, [("a",), ("c",)]) == [Row("('a',)"), None]


async def test_a_value_is_deleted() -> None:
    store = await filled(("a",), ("b",))

    async def fn(tx: Tx) -> None:
        ROWS.delete(tx, "a")

    await store.write(fn)
    assert await ROWS.scan(store, ROWS.range()) == [(("b",), Row("('b',)"))]


async def test_ranges_stay_in_the_space() -> None:
    store = await filled(("a", 1), ("a", 2), ("ab", 1), ("b",))
    assert [parts for parts, _ in await ROWS.scan(store, ROWS.range())] == [("a", 1), ("a", 2), ("ab", 1), ("b",)]
    assert [parts for parts, _ in await ROWS.scan(store, ROWS.range("a"))] == [("a", 1), ("a", 2)]
    assert [parts for parts, _ in await ROWS.scan(store, ROWS.starting("a"))] == [("a", 1), ("a", 2), ("ab", 1)]
    assert [parts for parts, _ in await ROWS.scan(store, ROWS.range(), 1, reverse=True)] == [("b",)]
    assert await ROWS.scan(store, ROWS.range("b")) == []


def test_keys_and_parts() -> None:
    assert ROWS.parts(ROWS.key("a", 1)) == ("a", 1)
    with pytest.raises(ValueError, match="outside"):
        ROWS.parts(Space(("room", 2), int).key("a"))


async def test_a_value_of_another_type_is_refused() -> None:
    store = await filled(("a",))
    with pytest.raises(msgspec.ValidationError):
        await Space(("room", 1), int).get(store, "a")
