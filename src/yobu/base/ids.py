"""Ids and randomness. Everything random in the platform comes from one `Ids`, so that tests can seed it."""

from __future__ import annotations

import os
import random
import uuid


class Ids:
    """Random ids from the operating system's generator."""

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        return os.urandom(count)

    def uuid(self) -> str:
        """A version 4 UUID: request ids, revision ids."""
        return str(uuid.UUID(bytes=self.random_bytes(16), version=4))

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
        self._random = random.Random(seed)  # noqa: S311  (reproducible on purpose)

    def random_bytes(self, count: int) -> bytes:
        """`count` bytes of the seeded sequence."""
        return self._random.randbytes(count)
