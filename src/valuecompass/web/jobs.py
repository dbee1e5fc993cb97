"""Jobs of operators: what was asked for, how far it is, and the processes that do it.

A job is worked on by a process of its own (`valuecompass.web.worker`) that outlives the server: who
stops or upgrades the server loses no run. The database holds all they say to each other. A file
lock that the process holds while it lives tells the living from the dead, also after a kill.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
from filelock import FileLock, Timeout
from sqlalchemy import Executable, Update, func, select
from sqlalchemy.exc import IntegrityError

from valuecompass.errors import InputError, StoreError, ValueCompassError
from valuecompass.measure.archive import utc
from valuecompass.store import Store, job_events, jobs
from valuecompass.web.pricing import Price, price_in_process
from valuecompass.web.secrets import told_of
from valuecompass.web.specs import BudgetSpec, EvolveSpec, RunSpec, parse_spec, same

State = Literal["queued", "running", "stopping", "done", "failed", "stopped", "lost", "budget"]
AT_WORK = ("running", "stopping")
ENDED = ("done", "failed", "stopped", "lost", "budget")
AGAIN = ("failed", "stopped", "lost", "budget")
"""States from which a job can be taken up."""
TICK = 1.0
"""Seconds between two looks of the supervisor."""
STALE = timedelta(seconds=60)
"""After its last sign of life a job is dead, where several machines may serve a database."""
_LOG = logging.getLogger("valuecompass.web")
DATABASE = "VALUECOMPASS_DB"
"""Variable that tells a worker the database's URL, which may hold a password."""
LOST = (
    "The process of this job ended without a word: it was killed, or the machine went down. All "
    "that was answered until then is stored. Resume the job to go on; none of it is asked again."
)


class Unknown(InputError):
    """There is no such job."""


class Conflict(ValueCompassError):
    """What is asked of a job does not fit its state."""


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    by: name of the token that started it.
    progress: how far it is; None before the first sign of life.
    result: what it made, when done.
    """

    id: str
    kind: Literal["run", "evolve"]
    spec: dict[str, Any]
    by: str
    state: State
    created: datetime
    started: datetime | None
    finished: datetime | None
    heartbeat: datetime | None
    message: str | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        """Whether nobody is at work on it, nor will be by itself."""
        return self.state in ENDED


@dataclass(frozen=True)
class Event:
    """Something that happened in a job; numbers rise from 1."""

    number: int
    created: datetime
    body: dict[str, Any]


async def find_job(store: Store, id: str) -> Job:
    """Return a job.

    Raises:
        Unknown: there is none of this id.
    """
    row = await store.row(select(jobs).where(jobs.c.id == id), {})
    if row is None:
        raise Unknown(f"job {id[:40]}: there is none of this id")
    return _job(row)


async def list_jobs(store: Store, most: int = 200) -> list[Job]:
    """Return the newest jobs, the newest first."""
    query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.id).limit(most)
    return [_job(row) for row in await store.rows(query)]


async def events_after(store: Store, id: str, number: int, most: int = 500) -> list[Event]:
    """Return a job's events after a number, oldest first."""
    query = (
        select(job_events)
        .where(job_events.c.job == id, job_events.c.number > number)
        .order_by(job_events.c.number)
        .limit(most)
    )
    rows = await store.rows(query)
    return [Event(row["number"], utc(row["created"]), row["body"]) for row in rows]


async def last_event(store: Store, id: str) -> int:
    """Return the number of a job's last event; 0: none."""
    query = select(func.max(job_events.c.number).label("last")).where(job_events.c.job == id)
    return int((await store.rows(query))[0]["last"] or 0)


async def add_job(store: Store, spec: RunSpec | EvolveSpec, by: str) -> Job:
    """Put a job into the queue.

    Args:
        store: the open store.
        spec: what is to be done.
        by: name of who asks for it.

    Raises:
        Conflict: a job of the same specification waits or is at work.
    """
    mark, now = same(spec), datetime.now(UTC)
    id = secrets.token_hex(8)
    row = {
        "id": id,
        "kind": spec.kind,
        "spec": spec.model_dump(mode="json", exclude_none=True),
        "same": mark,
        "by": by,
        "state": "queued",
        "created": now,
        "queued": now,
    }
    await _alone(store, mark, (jobs.insert(), [row]))
    return await find_job(store, id)


async def _alone(store: Store, mark: str, change: tuple[Executable, list[dict[str, Any]]]) -> None:
    """Queue a job unless another of the same mark is there: the database lets one in at a time.

    Raises:
        Conflict: naming the other one.
    """
    try:
        return await store.write(change)
    except StoreError as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise
    query = select(jobs.c.id).where(jobs.c.same == mark, jobs.c.state.not_in(ENDED))
    other = [row["id"] for row in await store.rows(query)]
    raise Conflict(f"job {' '.join(other) or mark} already does this; watch it, or stop it first")


async def stop_job(store: Store, id: str) -> Job:
    """Ask a job to stop: one that waits does at once, one at work after what is in flight.

    Raises:
        Unknown: there is no such job.
        Conflict: it has ended.
    """
    job = await find_job(store, id)
    if job.ended:
        raise Conflict(f"job {id} is {job.state} already")
    message = "Stopped before it began; resume starts it."
    of = jobs.c.id == id
    waiting = {"state": "stopped", "finished": datetime.now(UTC), "message": message}
    # in this order: one that is taken between the two is found at work by the second
    await store.write(
        (jobs.update().where(of, jobs.c.state == "queued").values(**waiting), []),
        (jobs.update().where(of, jobs.c.state == "running").values(state="stopping"), []),
    )
    return await find_job(store, id)


async def resume_job(store: Store, id: str, budget: BudgetSpec | None = None) -> Job:
    """Put a job that did not come to its end into the queue again.

    What is stored is not asked again, and counts against the budget.

    Args:
        store: the open store.
        id: of the job.
        budget: in place of the one it had; None: the same.

    Raises:
        Unknown: there is no such job.
        Conflict: it is under way or done, or another job does the same.
    """
    job = await find_job(store, id)
    if job.state not in AGAIN:
        raise Conflict(f"job {id} is {job.state}; only {', '.join(AGAIN)} ones are resumed")
    spec = parse_spec(job.spec)
    if budget is not None:
        spec = spec.model_copy(update={"budget": budget})
    values = {
        "state": "queued",
        "queued": datetime.now(UTC),
        "spec": spec.model_dump(mode="json", exclude_none=True),
        **dict.fromkeys(("message", "finished", "started", "pid", "heartbeat")),
    }
    again = jobs.update().where(jobs.c.id == id, jobs.c.state.in_(AGAIN)).values(**values)
    await _alone(store, same(spec), (again, []))
    return await find_job(store, id)


def job_lock(workspace: Path, id: str) -> FileLock:
    """Return the lock that a job's process holds while it lives."""
    folder = workspace / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"job-{id}.lock", timeout=0)


def log_of(workspace: Path, id: str) -> Path:
    """Return the file that a job's process writes its last words to."""
    return workspace / "jobs" / f"{id}.log"


@dataclass(frozen=True)
class _Started:
    """A process, and when the job it is for was put into the queue: a later time is another try."""

    process: subprocess.Popen[bytes]
    queued: datetime


class Supervisor:
    """Starts a process for each job in turn and notices the dead ones; one a server.

    Args:
        store: the open store.
        workspace: its folder; locks and logs are there.
        db: URL of its database, if that is not there.
        workers: processes at a time, 1 or more.
        allow_private: endpoints may lie in private networks.
    """

    def __init__(
        self,
        store: Store,
        workspace: Path,
        db: str | None = None,
        *,
        workers: int = 1,
        allow_private: bool = False,
    ) -> None:
        self._store, self._workspace, self._db = store, workspace, db
        self._workers, self._private = workers, allow_private
        self._started: dict[str, _Started] = {}
        self._wake = anyio.Event()
        self._prices = anyio.CapacityLimiter(1)

    def wake(self) -> None:
        """Look now: there may be something to start."""
        self._wake.set()

    async def run(self) -> None:
        """Look again and again, until cancelled; what the processes do goes on without."""
        while True:
            try:
                await self.look()
            except (StoreError, OSError):  # locked or full just now: the next look finds the same
                pass
            except Exception:  # a defect here must not end the server that shows the pages
                _LOG.exception("the supervisor of jobs failed; it looks again")
            with anyio.move_on_after(TICK):
                await self._wake.wait()
            self._wake = anyio.Event()

    async def look(self) -> None:
        """Note who has died, and start who is next while there is room.

        Raises:
            StoreError: the database cannot be read or written.
            OSError: no process can be started.
        """
        columns = (jobs.c.id, jobs.c.state, jobs.c.pid, jobs.c.queued, jobs.c.heartbeat)
        query = select(*columns).where(jobs.c.state.not_in(ENDED))
        rows = await self._store.rows(query.order_by(jobs.c.queued, jobs.c.id))
        alive = 0
        next_ones: list[Mapping[str, Any]] = []
        for row in rows:
            if row["state"] in AT_WORK:
                alive += not await self._buried(row)
                continue
            started = self._started.get(row["id"])
            if started is None or started.queued != row["queued"]:
                next_ones.append(row)
            else:  # its process has not taken it yet
                alive += not await self._failed_to_start(row["id"], started)
        for row in next_ones[: max(0, self._workers - alive)]:
            self._start(row["id"], row["queued"])
        waiting = {row["id"] for row in rows}
        for id in [i for i, s in self._started.items() if s.process.poll() is not None]:
            if id not in waiting:
                del self._started[id]

    async def price(self, spec: RunSpec | EvolveSpec) -> Price:
        """Return what a job would take, without asking anybody, as ``--dry-run`` says it.

        A process of its own works it out: the server stays small, and what it loads is let go.

        Raises:
            InputError: a name in the specification stands for nothing, or it cannot be afforded.
        """
        async with self._prices:
            return await price_in_process(spec, self.command("price"), self.environment())

    def command(self, deed: str, *more: str) -> list[str]:
        """Return the command of a worker process."""
        private = ["--allow-private"] if self._private else []
        module = [sys.executable, "-m", "valuecompass.web.worker", deed, *more]
        return [*module, "-w", str(self._workspace), *private]

    def environment(self) -> dict[str, str]:
        """Return the environment of a worker process."""
        of_db = {} if self._db is None else {DATABASE: self._db}
        return {k: v for k, v in os.environ.items() if k != DATABASE} | of_db

    def _start(self, id: str, queued: datetime) -> None:
        log = log_of(self._workspace, id)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as words:
            process = subprocess.Popen(
                self.command("work", id),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                # Ctrl-C at the server's terminal is not meant for it
                start_new_session=True,
            )
        self._started[id] = _Started(process, queued)

    async def _buried(self, row: Mapping[str, Any]) -> bool:
        """Note that the process of a job is dead, if it is."""
        started = self._started.get(row["id"])
        if started is not None:
            started.process.poll()  # a child that is not waited for keeps its place
        beat = row["heartbeat"]
        if self._db is not None and beat is not None and datetime.now(UTC) - utc(beat) < STALE:
            return False  # others may serve this database, from machines whose locks are not here
        try:
            lock = job_lock(self._workspace, row["id"])
            with lock:
                pass
        except Timeout:
            return False
        words = last_words(self._workspace, row["id"])
        values = {
            "state": "lost",
            "message": f"{LOST} Its last words: {words}" if words else LOST,
            "finished": datetime.now(UTC),
            "pid": None,
        }
        same_one = jobs.c.pid.is_not_distinct_from(row["pid"])
        lost = jobs.update().where(jobs.c.id == row["id"], jobs.c.state.in_(AT_WORK), same_one)
        event = {"event": "state", "state": "lost", "message": values["message"]}
        # together: who sees the end finds the event, and looks no further
        events = await _new_events(self._store, row["id"], event)
        await self._store.write((lost.values(**values), []), events)
        return True

    async def _failed_to_start(self, id: str, started: _Started) -> bool:
        """Note that a process ended before it took its job, if it did."""
        code = started.process.poll()
        if code is None:
            return False
        words = last_words(self._workspace, id) or ended(code)
        values = {
            "state": "failed",
            "message": f"The process of this job could not begin: {words}",
            "finished": datetime.now(UTC),
        }
        failed = jobs.update().where(jobs.c.id == id, jobs.c.state == "queued").values(**values)
        await self._store.write((failed, []))
        return True


def last_words(workspace: Path, id: str) -> str | None:
    """Return the last line that a job's process left, its keys covered; None: nothing."""
    try:
        data = log_of(workspace, id).read_bytes()[-4_000:]
    except OSError:
        return None
    said = data.decode("utf-8", "replace").strip()
    return told_of(said.splitlines()[-1], workspace)[:600] if said else None


def ended(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"it ended with code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


async def told(store: Store, id: str, *bodies: Mapping[str, Any]) -> None:
    """Add events to a job."""
    if bodies:
        await store.write(await _new_events(store, id, *bodies))


async def _new_events(
    store: Store, id: str, *bodies: Mapping[str, Any]
) -> tuple[Executable, list[dict[str, Any]]]:
    number, now = await last_event(store, id), datetime.now(UTC)
    rows = [
        {"job": id, "number": number + i, "created": now, "body": dict(body)}
        for i, body in enumerate(bodies, 1)
    ]
    return store.insert_new(job_events), rows


def own(id: str, pid: int, /, **values: Any) -> tuple[Update, list[Any]]:
    """Return the change of a job by its process: nothing where it is no longer its own."""
    where = jobs.c.id == id, jobs.c.pid == pid
    return jobs.update().where(*where).values(**values), []


def _job(row: Mapping[str, Any]) -> Job:
    names = ("id", "kind", "spec", "by", "state", "message", "progress", "result")
    times = {
        name: None if row[name] is None else utc(row[name])
        for name in ("created", "started", "finished", "heartbeat")
    }
    return Job(**{name: row[name] for name in names}, **times)  # pyright: ignore
