"""Ids and randomness. Everything random in the platform comes from one `Ids`, so that tests can seed it."""

from __future__ import annotations

import os
import random

PAGE = 4096


class Ids:
    """Random ids from the operating system's generator, which is asked for a page at a time.

    Each byte is given out once. A process that forks without exec must make an `Ids` of its own.
    """

    def __init__(self) -> None:
        self._page = b""
        self._used = 0

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        start = self._used
        end = start + count
        if end > len(self._page):
            self._page = os.urandom(max(PAGE, count))
            start, end = 0, count
        self._used = end
        return self._page[start:end]

    def uuid(self) -> str:
        """A version 4 UUID: request ids, revision ids."""
        digits = self.random_bytes(16).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def hex(self, count: int) -> str:
        """`count` lower-case hexadecimal digits."""
        return self.random_bytes((count + 1) // 2).hex()[:count]

    def text(self, count: int, alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") -> str:
        """`count` characters of `alphabet` (at most 256 characters; the default is that of AWS's access keys)."""
        return "".join(alphabet[byte % len(alphabet)] for byte in self.random_bytes(count))

    def fraction(self) -> float:
        """A number from 0 up to, not including, 1: weights and jitter."""
        return int.from_bytes(self.random_bytes(6), "big") / 2**48


class SeededIds(Ids):
    """The same ids at every run. A shipped product for tests."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._random = random.Random(seed)  # noqa: S311  (reproducible on purpose)

    def random_bytes(self, count: int) -> bytes:
        """`count` bytes of the seeded sequence."""
        return self._random.randbytes(count)
