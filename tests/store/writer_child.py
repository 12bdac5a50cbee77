"""A process that writes to a store and says on its standard output what was acknowledged, one line a key.

Run as `writer_child.py STORE WRITERS COUNT PREFIX`; it ends with the line `stopped: ...` where the store stops.
"""

import asyncio
import os
import sys
from pathlib import Path

from yobu.store.port import StoreClosed, Tx
from yobu.store.sqlite import SqliteStore


def say(text: str) -> None:
    # One system call, not buffered: what is said was acknowledged before.
    os.write(1, f"{text}\n".encode())


async def write(store: SqliteStore, name: str, count: int) -> None:
    for number in range(count):
        key = f"{name}-{number}"

        async def fn(tx: Tx, key: str = key, size: int = number % 3 * 900) -> None:
            tx.put(key.encode(), key.encode() + b"." * size)
            tx.put(b"last-" + name.encode(), b"%d" % tx.stamp())

        await store.write(fn)
        say(key)


async def main(path: str, writers: str, count: str, prefix: str) -> None:
    store = await SqliteStore.open(Path(path))
    say("open")
    try:
        await asyncio.gather(*(write(store, f"{prefix}{number}", int(count)) for number in range(int(writers))))
    except StoreClosed as error:
        say(f"stopped: {error}")
    await store.close()


asyncio.run(main(*sys.argv[1:]))
