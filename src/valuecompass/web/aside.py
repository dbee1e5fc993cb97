"""Work that takes seconds, beside the loop that answers everybody else.

What reads each answer of a board in Python would hold up every other request. It runs in a thread
with a loop and a connection of its own; where answers are many, in a process that ends with it: of
hundreds of megabytes that it takes, many would stay with the server.
"""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
from sqlalchemy import select

from valuecompass.errors import ValueCompassError
from valuecompass.store import answers, open_store

if TYPE_CHECKING:
    from valuecompass.web.site import Site

T = TypeVar("T")
MANY = 100_000
"""Answers of a workspace from which on a process, which takes seconds to start, is worth it."""
_COMMAND = (sys.executable, "-m", "valuecompass.web.aside")


async def aside(here: Site, work: Callable[..., Awaitable[T]], **given: Any) -> T:
    """Run work on the workspace beside the server, one at a time.

    Args:
        here: the server.
        work: a function of a module; its first argument is the open store.
        given: its other arguments.

    Raises:
        ValueCompassError: what the work raises; or its process failed.
    """
    asked = (here.settings.workspace, here.settings.db, work, given)
    # whether there is such a row is told sooner than how many there are
    many = await here.store.rows(select(answers.c.item).offset(MANY - 1).limit(1))
    async with here.aside:
        if not many:
            run = functools.partial(_worked, *asked)
            found = await anyio.to_thread.run_sync(anyio.run, run)
        else:
            found = await _in_process(asked)
    if isinstance(found, ValueCompassError):
        raise found
    return cast("T", found)


async def _in_process(asked: tuple[Any, ...]) -> Any:
    # one thread each: the server and another such process need the other cores
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = await anyio.run_process(
        _COMMAND, input=pickle.dumps(asked), stderr=subprocess.DEVNULL, check=False, env=env
    )
    if done.returncode:
        raise ValueCompassError("this could not be worked out: its process was ended")
    return pickle.loads(done.stdout)  # written by a process of ours, through a pipe of ours


async def _worked(
    workspace: Path, db: str | None, work: Callable[..., Awaitable[Any]], given: dict[str, Any]
) -> Any:
    try:
        async with open_store(workspace, db, create=False) as store:
            return await work(store, **given)
    except ValueCompassError as error:
        return error


def main() -> None:
    """Do what standard input asks, and write what came of it to standard output."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may stand there
    asked = pickle.load(sys.stdin.buffer)
    with out:
        pickle.dump(anyio.run(functools.partial(_worked, *asked)), out)


def _end_with(parent: int) -> None:
    """End this process once its server is gone, however that went: nobody waits for the result."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
