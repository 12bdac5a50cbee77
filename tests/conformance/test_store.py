"""What every engine of the Store port must do, over whatever engines are installed, with and without reruns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from yobu.base.ids import SeededIds
from yobu.store.engines import engines
from yobu.store.port import (
    MAX_KEY,
    MAX_SCAN,
    MAX_TX_BYTES,
    MAX_TX_KEYS,
    MAX_VALUE,
    Range,
    Reader,
    Store,
    StoreClosed,
    Tx,
)
from yobu.store.transaction import Rerun, SuspendedError

EVERYTHING = Range(b"\x00", b"\xff")


@pytest.fixture(params=[(name, rerun) for name in engines() for rerun in (False, True)], ids=str)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    name, rerun = request.param
    store = await engines()[name](tmp_path, rerun=Rerun(SeededIds(1)) if rerun else None)
    yield store
    await store.close()


async def put(store: Store, *pairs: tuple[bytes, bytes]) -> None:
    async def fn(tx: Tx) -> None:
        for key, value in pairs:
            tx.put(key, value)

    await store.write(fn)


async def delete(store: Store, *keys: bytes) -> None:
    async def fn(tx: Tx) -> None:
        for key in keys:
            tx.delete(key)

    await store.write(fn)


def test_both_engines_are_found() -> None:
    assert {"memory", "sqlite"} <= set(engines())


async def test_a_value_is_set_replaced_and_removed(store: Store) -> None:
    assert await store.get(b"k") is None
    await put(store, (b"k", b"one"))
    assert await store.get(b"k") == b"one"
    await put(store, (b"k", b"two"))
    assert await store.get(b"k") == b"two"
    await delete(store, b"k", b"never there")
    assert await store.get(b"k") is None


@pytest.mark.parametrize("size", [0, 1, 1_000, 1_001, 4_096, MAX_VALUE])
async def test_values_of_every_size_come_back(store: Store, size: int) -> None:
    value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    await put(store, (b"k", value), (b"n", b"next"))
    assert await store.get(b"k") == value
    assert await store.get_many([b"n", b"k"]) == [b"next", value]
    assert await store.scan(EVERYTHING) == [(b"k", value), (b"n", b"next")]


async def test_values_change_between_small_and_large(store: Store) -> None:
    large = b"L" * 5_000
    for value in (b"small", large, large[::-1], b"", large):
        await put(store, (b"k", value), (b"other", large))
        assert await store.get(b"k") == value
    await delete(store, b"k")
    assert await store.scan(EVERYTHING) == [(b"other", large)]


async def test_get_many_keeps_the_order_asked_for(store: Store) -> None:
    await put(store, (b"a", b"1"), (b"b", b"2"))
    assert await store.get_many([b"b", b"x", b"a", b"b"]) == [b"2", None, b"1", b"2"]
    assert await store.get_many([]) == []


async def test_scans_go_in_key_order_from_either_end(store: Store) -> None:
    keys = [bytes((first, second)) for first in range(1, 30) for second in range(30)]
    await put(store, *((key, b"v" + key) for key in reversed(keys)))
    expected = [(key, b"v" + key) for key in keys]
    assert await store.scan(EVERYTHING) == expected
    assert await store.scan(EVERYTHING, reverse=True) == expected[::-1]
    assert await store.scan(EVERYTHING, 3) == expected[:3]
    assert await store.scan(EVERYTHING, 3, reverse=True) == expected[:-4:-1]
    assert await store.scan(EVERYTHING, 500, reverse=True) == expected[:-501:-1]
    assert await store.scan(EVERYTHING, 0) == []
    inner = Range(keys[5], keys[9])
    assert await store.scan(inner) == expected[5:9]
    assert await store.scan(inner, reverse=True) == expected[8:4:-1]
    assert await store.scan(Range(b"\xf0", b"\xf1")) == []
    assert await store.scan(Range(keys[9], keys[5])) == []


async def test_a_scan_reads_a_thousand_pairs_at_most(store: Store) -> None:
    async def fn(tx: Tx) -> None:
        await tx.scan(EVERYTHING, MAX_SCAN + 1)

    with pytest.raises(ValueError, match="at most 1000"):
        await store.scan(EVERYTHING, MAX_SCAN + 1)
    with pytest.raises(ValueError, match="at most 1000"):
        await store.read(lambda read: read.scan(EVERYTHING, MAX_SCAN + 1))
    with pytest.raises(ValueError, match="at most 1000"):
        await store.write(fn)


async def test_a_transaction_reads_its_own_writes(store: Store) -> None:
    await put(store, (b"a", b"old"), (b"b", b"old"))

    async def fn(tx: Tx) -> list[object]:
        tx.put(b"a", b"new")
        tx.delete(b"b")
        tx.put(b"c", b"N" * 2_000)
        return [await tx.get(b"a"), await tx.get_many([b"b", b"a"]), await tx.scan(EVERYTHING), await tx.get(b"c")]

    large = b"N" * 2_000
    assert await store.write(fn) == [b"new", [None, b"new"], [(b"a", b"new"), (b"c", large)], large]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(b"", b"v")], "1 to 2500 bytes"),
        ([(b"k" * (MAX_KEY + 1), b"v")], "1 to 2500 bytes"),
        ([(b"k", b"v" * (MAX_VALUE + 1))], "at most 524288 bytes"),
        ([(b"%d" % i, b"") for i in range(MAX_TX_KEYS + 1)], "at most 5000 keys"),
        ([(b"%d" % i, b"v" * MAX_VALUE) for i in range(MAX_TX_BYTES // MAX_VALUE)], "at most 8388608 bytes"),
    ],
)
async def test_what_is_too_large_is_refused_and_changes_nothing(
    store: Store, pairs: list[tuple[bytes, bytes]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await put(store, (b"first", b"v"), *pairs)
    assert await store.scan(EVERYTHING) == []


async def test_the_longest_key_and_the_most_keys_are_taken(store: Store) -> None:
    await put(store, (b"k" * MAX_KEY, b"v"))
    assert await store.get(b"k" * MAX_KEY) == b"v"
    await put(store, *((b"%d" % i, b"") for i in range(MAX_TX_KEYS)))
    assert len(await store.scan(EVERYTHING)) == MAX_SCAN


async def test_anything_but_bytes_is_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="bytes"):
        await put(store, (b"k", "text"))  # type: ignore[arg-type]
    assert await store.get(b"k") is None


async def test_a_failing_function_is_undone_alone(store: Store) -> None:
    await put(store, (b"kept", b"before"))

    async def work(number: int) -> int:
        async def fn(tx: Tx) -> int:
            tx.put(b"row%02d" % number, b"v")
            tx.put(b"kept", b"%d" % number)
            if number % 3 == 0:
                tx.delete(b"row01")
                tx.put(b"kept", b"L" * 3_000)
                raise LookupError(number)
            return number

        return await store.write(fn)

    outcomes = await asyncio.gather(*(work(number) for number in range(20)), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        assert (str(outcome) == str(number)) and isinstance(outcome, LookupError if number % 3 == 0 else int)
    rows = [key for key, _ in await store.scan(Range(b"row", b"rox"))]
    assert rows == [b"row%02d" % number for number in range(20) if number % 3]
    assert await store.get(b"kept") == b"19"


async def test_functions_are_serial(store: Store) -> None:
    async def add(tx: Tx) -> int:
        count = int(await tx.get(b"count") or b"0") + 1
        tx.put(b"count", b"%d" % count)
        return count

    assert sorted(await asyncio.gather(*(store.write(add) for _ in range(300)))) == list(range(1, 301))
    assert await store.get(b"count") == b"300"


async def test_a_function_that_waits_for_something_else_fails_loudly(store: Store) -> None:
    async def fn(tx: Tx) -> None:
        tx.put(b"k", b"v")
        await asyncio.sleep(0)

    with pytest.raises(SuspendedError):
        await store.write(fn)
    assert await store.get(b"k") is None
    await put(store, (b"k", b"works on"))
    assert await store.get(b"k") == b"works on"


async def test_a_transaction_is_over_when_its_function_returns(store: Store) -> None:
    leaked: list[Tx] = []

    async def fn(tx: Tx) -> None:
        leaked.append(tx)

    await store.write(fn)
    with pytest.raises(RuntimeError, match="over"):
        leaked[0].put(b"k", b"v")
    with pytest.raises(RuntimeError, match="over"):
        await leaked[0].get(b"k")
    assert await store.get(b"k") is None


async def test_stamps_are_unique_and_ascend_in_commit_order(store: Store) -> None:
    committed: list[int] = []

    async def fn(tx: Tx) -> list[int]:
        stamps = [tx.stamp(), tx.stamp()]
        tx.after_commit(lambda: committed.extend(stamps))
        return stamps

    async def fail(tx: Tx) -> None:
        tx.stamp()
        raise LookupError

    results = await asyncio.gather(
        *(store.write(fail if i % 5 == 4 else fn) for i in range(50)), return_exceptions=True
    )
    stamps = [stamp for result in results if isinstance(result, list) for stamp in result]
    assert len(stamps) == len(set(stamps)) == 80
    assert committed == sorted(stamps)
    assert committed[0] > 0 and committed[-1] < 2**63


async def test_effects_come_after_the_commit_and_only_with_one(store: Store) -> None:
    seen: list[str] = []
    woken = store.wait("topic")
    other = asyncio.ensure_future(store.wait("other"))

    async def fn(tx: Tx) -> str:
        tx.put(b"k", b"v")
        tx.after_commit(lambda: seen.append("first"))
        tx.after_commit(lambda: seen.append("second"))
        tx.wake("topic")
        return "result"

    async def fail(tx: Tx) -> None:
        tx.after_commit(lambda: seen.append("never"))
        tx.wake("other")
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fail)
    assert seen == []
    assert await store.write(fn) == "result"
    assert seen == ["first", "second"]
    await woken
    assert not other.done()
    other.cancel()


async def test_a_failing_call_after_a_commit_harms_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def fn(tx: Tx) -> str:
        tx.after_commit(lambda: seen.remove("not there"))
        tx.after_commit(lambda: seen.append("next"))
        return "done"

    assert await store.write(fn) == "done"
    assert seen == ["next"]
    assert "a call after a commit failed" in caplog.text


async def test_a_wait_is_registered_at_once_and_wakes_once(store: Store) -> None:
    async def wake(tx: Tx) -> None:
        tx.wake("topic")

    first, second = store.wait("topic"), store.wait("topic")
    await store.write(wake)
    await asyncio.gather(first, second)
    third = asyncio.ensure_future(store.wait("topic"))
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()
    await store.write(wake)


async def test_a_snapshot_holds_still(store: Store) -> None:
    await put(store, *((b"%04d" % number, b"old") for number in range(600)))

    async def sum_up(read: Reader) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
        first = await read.scan(EVERYTHING)
        assert await read.get_many([b"0000", b"none"]) == [b"old", None]
        return first, await read.scan(EVERYTHING, reverse=True)

    async def change() -> None:
        await put(store, *((b"%04d" % number, b"new") for number in range(0, 1200, 2)))

    (first, second), _ = await asyncio.gather(store.read(sum_up), change())
    assert first == second[::-1] == [(b"%04d" % number, b"old") for number in range(600)]
    assert await store.get(b"0002") == b"new"


async def test_a_snapshots_failure_is_raised(store: Store) -> None:
    async def fail(read: Reader) -> None:
        await read.get(b"k")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await store.read(fail)


async def test_clear_drops_rows_but_not_stamps(store: Store) -> None:
    async def stamp(tx: Tx) -> int:
        return tx.stamp()

    await put(store, (b"a", b"1"), (b"b", b"L" * 2_000))
    before = await store.write(stamp)
    await store.clear()
    assert await store.scan(EVERYTHING) == []
    assert await store.write(stamp) > before
    await put(store, (b"b", b"M" * 3_000))
    assert await store.scan(EVERYTHING) == [(b"b", b"M" * 3_000)]


async def test_a_closed_store_takes_no_writes(store: Store) -> None:
    late = asyncio.create_task(put(store, (b"a", b"1")))
    await asyncio.sleep(0)
    await store.close()
    await late
    with pytest.raises(StoreClosed):
        await put(store, (b"b", b"2"))
    await store.close()


@pytest.mark.parametrize("name", list(engines()))
async def test_rerun_functions_leave_what_one_run_leaves(name: str, tmp_path: Path) -> None:
    store = await engines()[name](tmp_path, rerun=Rerun(SeededIds(7), share=0.6))
    runs = 0
    effects: list[int] = []

    async def add(tx: Tx) -> int:
        nonlocal runs
        runs += 1
        count = int(await tx.get(b"count") or b"0") + 1
        tx.put(b"count", b"%d" % count)
        tx.after_commit(lambda: effects.append(count))
        return count

    for expected in range(1, 41):
        assert await store.write(add) == expected
    assert runs > 60
    assert effects == list(range(1, 41))
    await store.close()
