"""Every engine against a dict: transactions at random, some of which fail, with reruns."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.base.ids import SeededIds
from yobu.store.engines import engines
from yobu.store.port import Range, Store, Tx
from yobu.store.transaction import Rerun

keys = st.binary(min_size=1, max_size=2)
values = st.binary(max_size=3) | st.integers(990, 1_010).map(lambda size: b"x" * size)
steps = st.tuples(st.just("put"), keys, values) | st.tuples(
    st.sampled_from(["delete", "get", "scan", "back"]), keys, keys
)
transactions = st.tuples(st.lists(steps, max_size=8), st.booleans())
batches = st.lists(st.lists(transactions, min_size=1, max_size=6), max_size=6)

Model = dict[bytes, bytes]


class Undo(Exception):
    """A function that changes its mind."""


def scan_model(model: Model, first: bytes, last: bytes, back: bool) -> list[tuple[bytes, bytes]]:
    found = [(key, model[key]) for key in sorted(model) if first <= key < last]
    return (found[::-1] if back else found)[:5]


def run_model(model: Model, work: list[Any], fails: bool) -> list[Any]:
    after, seen = dict(model), []
    for step, key, value in work:
        if step == "put":
            after[key] = value
        elif step == "delete":
            after.pop(key, None)
        elif step == "get":
            seen.append(after.get(key))
        else:
            seen.append(scan_model(after, key, value, step == "back"))
    if not fails:
        model.clear()
        model.update(after)
    return seen


async def run_store(store: Store, work: list[Any], fails: bool) -> list[Any]:
    async def fn(tx: Tx) -> list[Any]:
        seen: list[Any] = []
        for step, key, value in work:
            if step == "put":
                tx.put(key, value)
            elif step == "delete":
                tx.delete(key)
            elif step == "get":
                seen.append(await tx.get(key))
            else:
                seen.append(await tx.scan(Range(key, value), 5, reverse=step == "back"))
        if fails:
            raise Undo(seen)
        return seen

    try:
        return await store.write(fn)
    except Undo as undone:
        seen: list[Any] = undone.args[0]
        return seen


@pytest.mark.parametrize("name", list(engines()))
@settings(max_examples=40, deadline=None)
@given(batches)
def test_an_engine_agrees_with_a_dict(name: str, batches: list[list[tuple[list[Any], bool]]]) -> None:
    async def compare(folder: Path) -> None:
        store = await engines()[name](folder, rerun=Rerun(SeededIds(3), share=0.3))
        model: Model = {}
        for batch in batches:
            found = await asyncio.gather(*(run_store(store, work, fails) for work, fails in batch))
            assert found == [run_model(model, work, fails) for work, fails in batch]
            assert await store.scan(Range(b"", b"\xff\xff\xff")) == sorted(model.items())
            assert await store.get_many(sorted(model)) == [model[key] for key in sorted(model)]
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))
