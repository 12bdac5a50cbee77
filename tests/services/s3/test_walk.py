"""The listing walk against a model that knows nothing of seeking."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.services.s3.walk import Page, Walk, list_page
from yobu.store.memory import MemoryStore
from yobu.store.port import MAX_SCAN, Range
from yobu.store.space import Space

ROWS: Space[int] = Space(("t", "rows"), int)
KEYS = st.text(alphabet="ab/é\x00\U0001f600", min_size=1, max_size=6)
BITS = st.text(alphabet="ab/é\x00", max_size=3)


async def filled(keys: set[str]) -> MemoryStore:
    store = MemoryStore()

    async def fill(tx: object) -> None:
        for other in (6, 8):
            ROWS.put(tx, (other, "a"), 0)  # neighbours that must never show
        for at, key in enumerate(sorted(keys)):
            ROWS.put(tx, (7, key), at)

    await store.write(fill)
    return store


def model(keys: set[str], walk: Walk) -> list[tuple[str, bool]]:
    """Every entry behind `walk.after`, as (text, is a prefix), in S3's order of UTF-8 bytes."""
    entries: dict[str, bool] = {}
    for key in sorted(keys, key=str.encode):
        if not key.startswith(walk.prefix):
            continue
        head, cut, _ = key[len(walk.prefix) :].partition(walk.delimiter) if walk.delimiter else (key, "", "")
        common = walk.prefix + head + cut if cut else None
        if key.encode() <= walk.after.encode():
            continue
        if common is not None and walk.told and walk.after.startswith(common):
            continue
        entries.setdefault(common if common is not None else key, common is not None)
    return list(entries.items())


def entries(page: Page[int]) -> list[tuple[str, bool]]:
    found = [(parts[0], False) for parts, _ in page.rows] + [(prefix, True) for prefix in page.prefixes]
    return sorted(found, key=lambda entry: entry[0].encode())


class TestPages:
    @settings(max_examples=300, deadline=None)
    @given(
        keys=st.sets(KEYS, max_size=30),
        prefix=BITS,
        delimiter=BITS,
        after=BITS,
        told=st.booleans(),
        limit=st.integers(1, 8),
    )
    async def test_one_page_is_the_first_entries_of_the_model(
        self, keys: set[str], prefix: str, delimiter: str, after: str, told: bool, limit: int
    ) -> None:
        walk = Walk(7, prefix, delimiter, after, told, limit)
        page = await list_page(await filled(keys), ROWS, walk)
        wanted = model(keys, walk)
        assert entries(page) == sorted(wanted[:limit], key=lambda entry: entry[0].encode())
        assert page.truncated == (len(wanted) > limit)
        if page.truncated:
            assert page.last == wanted[limit - 1][0]

    @settings(max_examples=100, deadline=None)
    @given(keys=st.sets(KEYS, max_size=40), prefix=BITS, delimiter=BITS, limit=st.integers(1, 5))
    async def test_pages_together_are_the_whole(self, keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
        store = await filled(keys)
        seen: list[tuple[str, bool]] = []
        after, truncated = "", True
        while truncated:
            page = await list_page(store, ROWS, Walk(7, prefix, delimiter, after, True, limit))
            seen += entries(page)
            after, truncated = page.last, page.truncated
        assert seen == model(keys, Walk(7, prefix, delimiter))

    async def test_nothing_is_read_for_a_limit_of_zero(self) -> None:
        assert await list_page(await filled({"a"}), ROWS, Walk(7, limit=0)) == Page()

    async def test_nothing_behind_a_marker_past_the_prefix(self) -> None:
        assert entries(await list_page(await filled({"a", "b", "c"}), ROWS, Walk(7, "a", after="b"))) == []


class Counting(MemoryStore):
    """Counts the rows that scans return."""

    rows_read = 0

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        rows = await super().scan(range, limit, reverse)
        self.rows_read += len(rows)
        return rows


class TestCost:
    async def test_a_page_reads_what_it_holds_and_no_more(self) -> None:
        store = Counting()

        async def fill(tx: object) -> None:
            for folder in range(10):
                for at in range(400):
                    ROWS.put(tx, (7, f"f{folder}/{at:04}"), at)

        await store.write(fill)
        page = await list_page(store, ROWS, Walk(7, delimiter="/"))
        assert page.prefixes == [f"f{folder}/" for folder in range(10)]
        assert store.rows_read <= 100
        store.rows_read = 0
        page = await list_page(store, ROWS, Walk(7, "f3/", limit=10))
        assert len(page.rows) == 10
        assert page.truncated
        assert store.rows_read == 11
