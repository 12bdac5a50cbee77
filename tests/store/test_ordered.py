from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yobu.store.ordered import OrderedMap
from yobu.store.port import Range

keys = st.binary(min_size=1, max_size=2)
steps = st.lists(st.tuples(st.sampled_from(["set", "set", "set", "remove"]), keys), max_size=200)


@given(steps, keys, keys, st.integers(0, 20))
def test_it_agrees_with_a_sorted_dict(steps: list[tuple[str, bytes]], start: bytes, end: bytes, limit: int) -> None:
    model: dict[bytes, bytes] = {}
    ordered = OrderedMap()
    for number, (step, key) in enumerate(steps):
        if step == "set":
            model[key] = b"%d" % number
            ordered.set(key, b"%d" % number)
        else:
            model.pop(key, None)
            ordered.remove(key)
    inside = [(key, model[key]) for key in sorted(model) if start <= key < end]
    assert ordered.scan(Range(start, end), limit, False) == inside[:limit]
    assert ordered.scan(Range(start, end), limit, True) == inside[::-1][:limit]
    assert len(ordered) == len(model)
    assert all(ordered.get(key) == value for key, value in model.items())


def test_many_keys_in_any_order() -> None:
    numbers = [(number * 7_919) % 20_011 for number in range(20_011)]
    ordered = OrderedMap()
    for number in numbers:
        ordered.set(number.to_bytes(2, "big"), b"v")
    for number in numbers[::2]:
        ordered.remove(number.to_bytes(2, "big"))
    left = sorted(set(numbers) - set(numbers[::2]))
    found = [int.from_bytes(key, "big") for key, _ in ordered.scan(Range(b"", b"\xff\xff\xff"), 20_011, False)]
    assert found == left
    assert [int.from_bytes(key, "big") for key, _ in ordered.scan(Range(b"", b"\xff\xff\xff"), 9, True)] == left[
        :-10:-1
    ]
    ordered.clear()
    assert ordered.scan(Range(b"", b"\xff\xff\xff"), 10, False) == []
