"""The process of one job: ``python -m valuecompass.web.worker work JOB -w WORKSPACE``.

It does what the command line would, and says in the database how far it is. A wish to stop that it
finds there acts as Ctrl-C does on the command: nothing new is asked, what is in flight is stored.
``price`` reads a specification from standard input and prints what it would take.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from filelock import Timeout
from sqlalchemy import select

from valuecompass.blocking import pressable
from valuecompass.errors import (
    BudgetReached,
    InputError,
    Interrupted,
    StoreError,
    ValueCompassError,
    ungrouped,
)
from valuecompass.models.budget import Budget
from valuecompass.store import Store, jobs, open_store
from valuecompass.web.addresses import Endpoint, look_up, pin
from valuecompass.web.following import Heard, carry_out, priced
from valuecompass.web.jobs import DATABASE, Job, State, find_job, job_lock, own, told
from valuecompass.web.phrasing import for_pages
from valuecompass.web.secrets import covered, covered_in, told_of
from valuecompass.web.specs import EvolveSpec, RunSpec, parse_spec

BEAT = 1.0
"""Seconds between two signs of life."""
SUMS = 5
"""Beats between two sums of what is spent: over a large account they take a moment."""
LAST_TRIES, REST = 6, 10.0
"""How often, and seconds apart, the end of a job is written while the database cannot be."""
STOPPED = "Stopped as asked. All that was answered is stored; resume the job to go on."
OF_A_DEFECT = (
    "The job ended by a defect of Value Compass ({what}); the server's files have the details. All "
    "that was answered is stored."
)


class Work:
    """One job in this process.

    Args:
        store: the open store, for what is said of the job; the run opens its own.
        job: as it was found.
        workspace, db: where it is to be done.
        allow_private: endpoints may lie in private networks.
    """

    def __init__(
        self, store: Store, job: Job, workspace: Path, db: str | None, allow_private: bool
    ) -> None:
        self._store, self._job = store, job
        self._place, self._private = (workspace, db), allow_private
        self._heard = Heard()
        self._scope = anyio.CancelScope()
        self._pressed = False
        self._pid = os.getpid()

    async def claim(self) -> bool:
        """Take the job; False: it is no longer to be done."""
        now = datetime.now(UTC)
        take = jobs.update().where(jobs.c.id == self._job.id, jobs.c.state == "queued")
        values = {"state": "running", "pid": self._pid, "started": now, "heartbeat": now}
        await self._store.write((take.values(**values, finished=None, message=None), []))
        row = await self._store.rows(select(jobs.c.pid).where(jobs.c.id == self._job.id))
        return row[0]["pid"] == self._pid

    async def do(self) -> None:
        """Do it to its end, whichever that is, and say which."""
        self._heard.say({"event": "state", "state": "running"})
        state: State = "failed"
        message: str | None = None
        result: dict[str, Any] | None = None
        async with anyio.create_task_group() as tasks:
            with pressable() as press:
                tasks.start_soon(self._beats, press)
                tasks.start_soon(self._signals, press)
                with self._scope:
                    try:
                        with ungrouped():
                            result = await self._run()
                        state = "done"
                    except Exception as error:
                        state, message = _end(error)
            if self._scope.cancelled_caught:
                state, message = "stopped", STOPPED
            tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            told = None if message is None else told_of(message, self._place[0])
            await self._finish(state, told, result)

    async def _run(self) -> dict[str, Any]:
        spec = parse_spec(self._job.spec)
        endpoints = await reach(spec, allow_private=self._private)
        return await carry_out(spec, *self._place, endpoints, self._heard)

    async def _beats(self, press: Callable[[], bool]) -> None:
        beat = 0
        while True:
            try:
                if not self._pressed and await self._to_stop():
                    self._stop(press)
                if beat % SUMS == 0:
                    await self._sum()
                await self._tell(heartbeat=datetime.now(UTC))
            except StoreError as error:  # the run finds out by itself, or it passes
                print(f"valuecompass: {covered(str(error))}", file=sys.stderr, flush=True)
            beat += 1
            await anyio.sleep(BEAT)

    async def _signals(self, press: Callable[[], bool]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self._stop(press)

    def _stop(self, press: Callable[[], bool]) -> None:
        self._pressed = True
        if not press():  # it has not begun to ask
            self._scope.cancel()

    async def _to_stop(self) -> bool:
        rows = await self._store.rows(select(jobs.c.state).where(jobs.c.id == self._job.id))
        return rows[0]["state"] == "stopping"

    async def _sum(self) -> None:
        if (account := self._heard.account) is not None:
            budget = Budget(self._store, account)
            await budget.load()
            spent = {"calls": budget.calls, "tokens": budget.tokens, "usd": budget.usd}
            self._heard.progress["spent"] = spent

    async def _tell(self, **values: Any) -> None:
        """Write what is new: the progress, and events in their order."""
        progress = covered_in(self._heard.progress) or None
        await self._store.write(own(self._job.id, self._pid, progress=progress, **values))
        events = list(self._heard.events)
        if events:
            await told(self._store, self._job.id, *map(covered_in, events))
            del self._heard.events[: len(events)]

    async def _finish(self, state: State, message: str | None, result: Any) -> None:
        self._heard.say({"event": "state", "state": state, "message": message})
        end = {"state": state, "message": message, "result": result, "pid": None}
        for left in reversed(range(LAST_TRIES)):
            try:
                await self._sum()
                await self._tell(heartbeat=(now := datetime.now(UTC)))
                await self._store.write(own(self._job.id, self._pid, finished=now, **end))
                return
            except StoreError as error:
                print(f"valuecompass: {covered(str(error))}", file=sys.stderr, flush=True)
                if not left:
                    raise
                await anyio.sleep(REST)


async def reach(spec: RunSpec | EvolveSpec, *, allow_private: bool) -> dict[str, Endpoint]:
    """Look up the endpoints of a specification and let this process reach them and their keys.

    Raises:
        InputError: one leads inside, or nowhere.
    """
    found: dict[str, Endpoint] = {}
    for url in dict.fromkeys(one.base_url for one in spec.named if one.base_url):
        found[url] = await look_up(url, allow_private=allow_private)
        os.environ.update(found[url].environment(os.environ))
    pin(list(found.values()))
    return found


def _end(error: Exception) -> tuple[State, str]:
    """Say which end an error is, in words for who reads them on a page."""
    if isinstance(error, Interrupted):
        return "stopped", STOPPED
    if not isinstance(error, ValueCompassError):
        import traceback

        print(covered("".join(traceback.format_exception(error))), file=sys.stderr, flush=True)
        return "failed", OF_A_DEFECT.format(what=type(error).__name__)
    return ("budget" if isinstance(error, BudgetReached) else "failed"), for_pages(str(error))


async def work(id: str, workspace: Path, db: str | None, allow_private: bool) -> None:
    """Do a job in this process.

    Raises:
        InputError: there is no such job, or another process is at it.
        StoreError: its end could not be written.
    """
    async with open_store(workspace, db, create=False) as store:
        job = await find_job(store, id)
        try:
            # a supervisor that looks whether this lives holds the lock for a moment
            lock = job_lock(workspace, id).acquire(timeout=5)
        except Timeout:
            raise InputError(f"job {id}: another process is at it") from None
        with lock:
            found = Work(store, job, workspace, db, allow_private)
            if await found.claim():
                await found.do()


async def price(workspace: Path, db: str | None, allow_private: bool) -> dict[str, Any]:
    """Return what the specification on standard input would take."""
    spec = parse_spec(json.load(sys.stdin))
    endpoints = await reach(spec, allow_private=allow_private)
    return await priced(spec, workspace, db, endpoints)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command of this module; return its exit code."""
    parser = argparse.ArgumentParser(prog="valuecompass.web.worker")
    parser.add_argument("deed", choices=("work", "price"))
    parser.add_argument("job", nargs="?")
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("--allow-private", action="store_true")
    given = parser.parse_args(words)
    place = given.workspace, os.environ.pop(DATABASE, None), given.allow_private
    try:
        with ungrouped():
            if given.deed == "work":
                anyio.run(work, given.job, *place)
            else:
                print(json.dumps(anyio.run(price, *place), allow_nan=False, default=str))
    except ValueCompassError as error:
        message = told_of(for_pages(str(error)), given.workspace)
        if given.deed == "price":
            print(json.dumps({"error": message}))
        else:
            print(f"valuecompass: {message}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
