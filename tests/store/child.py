"""What the tests of the store let other processes do: `python -m tests.store.child DEED ...`."""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import time
from pathlib import Path
from random import Random

import anyio

from tests.store.rows import response
from valuecompass.errors import StoreError
from valuecompass.store import DATABASE, Store, open_store, responses


async def _writes(store: Store, prefix: str, count: int) -> None:
    async def one(key: str) -> None:
        await store.write((responses.insert(), [response(key)]))
        print(key, flush=True)

    async with anyio.create_task_group() as tasks:
        for i in range(count):
            tasks.start_soon(one, f"{prefix}{i}")
            await anyio.sleep(0)


async def write(workspace: Path, prefix: str, count: str) -> None:
    """Wait for the file `go`, open the workspace, write rows, print the keys that are stored."""
    while not (workspace.parent / "go").exists():
        time.sleep(0.001)
    async with open_store(workspace) as store:
        await _writes(store, prefix, int(count))


async def write_forever(workspace: Path, pause: str) -> None:
    """Write rows one after the other until killed; print the keys that are stored."""
    async with open_store(workspace) as store:
        number = 0
        while True:
            await _writes(store, f"{number}-", 3)
            await anyio.sleep(float(pause))
            number += 1


async def hold(workspace: Path) -> None:
    """Hold SQLite's write lock until standard input ends."""
    connection = sqlite3.connect(workspace / DATABASE)
    connection.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    sys.stdin.read()


async def upgrade_forever(workspace: Path) -> None:
    """Hold the lock of an upgrade until standard input ends."""
    from filelock import FileLock

    with FileLock(workspace / ".migration.lock"):
        print("held", flush=True)
        sys.stdin.read()


async def cancelled(workspace: Path) -> None:
    """Cancel everything around an open store while its writes are on the way."""
    with anyio.CancelScope() as scope:
        async with open_store(workspace) as store, anyio.create_task_group() as tasks:
            for i in range(50):
                tasks.start_soon(_writes, store, f"{i}-", 1)
            await anyio.sleep(0)
            await anyio.sleep(0)
            scope.cancel()
    print("over", flush=True)


async def unprivileged(workspace: Path) -> None:
    """Open the workspace and write a row as a user who has no special rights."""
    async with open_store(workspace.parent / "warm") as store:  # everything is imported as root
        await _writes(store, "warm", 1)
    if os.geteuid() == 0:
        os.setuid(65_534)
    try:
        async with open_store(workspace) as store:
            await store.write((responses.insert(), [response("new")]))
    except StoreError as error:
        print("refused:", error, flush=True)


async def cramped(workspace: Path, room: str) -> None:
    """Write rows while no file may grow beyond `room` bytes, then once more with room."""
    async with open_store(workspace) as store:
        await _writes(store, "before", 5)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), most))
        try:
            for i in range(2_000):
                text = Random(i).randbytes(2_500).hex()  # packing leaves it long
                await store.write((responses.insert(), [response(f"big{i}", text=text)]))
                print(f"big{i}", flush=True)
        except StoreError as error:
            print("refused:", error, flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        await _writes(store, "after", 5)


DEEDS = (write, write_forever, hold, upgrade_forever, cancelled, unprivileged, cramped)

if __name__ == "__main__":
    deed = {d.__name__: d for d in DEEDS}[sys.argv[1]]
    anyio.run(deed, Path(sys.argv[2]), *sys.argv[3:])
