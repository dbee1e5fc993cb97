"""The workspace's database: look-ups, and writes that are on disk before the next step uses them.

Writers meet in one task that commits whatever has gathered in a single transaction (group commit):
a hundred responses that arrive together cost one `fsync`, and every caller goes on only after the
commit that holds its rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel
from sqlalchemy import (
    URL,
    Connection,
    Executable,
    Insert,
    NullPool,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from valuecompass.errors import InputError, StoreError

T = TypeVar("T")
DATABASE = "valuecompass.sqlite"
HEAD = "0006"
"""Newest migration that this version knows."""
MOST_WRITES_IN_A_COMMIT = 500
BUSY = 20.0
"""Seconds that a write waits for another process's."""
UPGRADE_LOCK = 0x56616C436F
"""Key of the advisory lock under which a PostgreSQL database is upgraded."""
MIGRATION = 60.0
"""Seconds that an opening waits for another process's upgrade."""


@dataclass
class _Write:
    statements: Sequence[tuple[Executable, list[dict[str, Any]]]]
    done: anyio.Event = field(default_factory=anyio.Event)
    error: BaseException | None = None


class Store:
    """An open workspace database. Made by `open_store`."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self.engine = engine
        self.name = name
        self._reader: Connection | None = None
        self._inserts: dict[str, Insert] = {}
        self._send, self._receive = anyio.create_memory_object_stream[_Write](1_000)

    async def rows(
        self, query: Executable, values: dict[str, Any] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Run a query, with values for its parameters, and return its rows as mappings."""
        found: list[Mapping[str, Any]] = []
        # a read that is cancelled half-way leaves a connection that never closes
        with _explained(self.name), anyio.CancelScope(shield=True):
            async with self.engine.connect() as connection:
                result = await connection.execute(query, values)
                found = [dict(cast(Mapping[str, Any], row)) for row in result.mappings()]
        return found

    async def row(self, query: Executable, values: dict[str, Any]) -> Mapping[str, Any] | None:
        """Run a query for one row by its key; None: there is none.

        Every request looks up what is stored, and on SQLite a look-up takes a fraction of what it
        takes to hand it to another thread: there it is made at once, on a connection of its own.
        A query that is made once, its key a parameter, takes half of one that is made anew.
        """
        if self._reader is None:
            found = await self.rows(query, values)
            return found[0] if found else None
        with _explained(self.name):
            row = self._reader.execute(query, values).mappings().first()
        return None if row is None else dict(cast(Mapping[str, Any], row))

    async def stream(
        self, query: Executable, block: int = 256
    ) -> AsyncGenerator[list[Mapping[str, Any]]]:
        """Run a query and yield its rows in blocks as they are fetched: memory for one block.

        Close the generator (`contextlib.aclosing`) when it is left before its end.
        """
        with _explained(self.name):
            # as in `rows`: who is cancelled is told between two blocks
            connection = await _whole(self.engine.connect())
            try:
                options = {"yield_per": block}
                result = await _whole(connection.stream(query, execution_options=options))
                partitions = result.mappings().partitions()
                while (rows := await _whole(anext(partitions, None))) is not None:
                    yield [dict(cast(Mapping[str, Any], row)) for row in rows]
                    await anyio.lowlevel.checkpoint_if_cancelled()
            finally:
                await _whole(connection.close())

    async def write(self, *statements: tuple[Executable, list[dict[str, Any]]]) -> None:
        """Run statements in one transaction; return when they are committed.

        Raises:
            StoreError: the database is locked, read-only, full or damaged; nothing was written.
        """
        write = _Write(statements)
        # from here on the write happens even if the caller is cancelled: what was paid is kept
        with anyio.CancelScope(shield=True):
            await self._send.send(write)
            await write.done.wait()
        if write.error is not None:
            raise write.error

    async def load(self, blocks: Iterable[tuple[Executable, list[dict[str, Any]]]]) -> None:
        """Run the statements that an iterable yields, in one transaction: memory for one of them.

        For one long write of a command that writes nothing else at the same time. Whatever the
        iterable raises undoes everything.

        Raises:
            StoreError: as `write`.
        """
        with _explained(self.name):
            async with self.engine.begin() as connection:
                for statement, rows in blocks:
                    await connection.execute(statement, rows)

    def insert_new(self, table: Table) -> Insert:
        """Return an insert that leaves rows alone whose key is already there.

        The same one each time: what many write together is one statement.
        """
        if table.name not in self._inserts:
            self._inserts[table.name] = self._insert_new(table)
        return self._inserts[table.name]

    def _insert_new(self, table: Table) -> Insert:
        if self.engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert
        return insert(table).on_conflict_do_nothing()

    async def run_writer(self) -> None:
        """Commit writes in groups until the store closes."""
        # ends by `close_writer` alone: who is cancelled still waits for the writes it handed over
        with anyio.CancelScope(shield=True):
            async for first in self._receive:
                group = [first]
                with contextlib.suppress(anyio.WouldBlock):
                    while len(group) < MOST_WRITES_IN_A_COMMIT:
                        group.append(self._receive.receive_nowait())
                await self._commit_group(group)

    async def _commit_group(self, group: list[_Write]) -> None:
        error = await self._commit(group)
        if error is not None and len(group) > 1 and not _of_the_database(error):
            # one bad row must not take its neighbours down: each on its own
            for write in group:
                await self._commit([write])
        for write in group:
            write.done.set()

    async def _commit(self, group: list[_Write]) -> Exception | None:
        try:
            with _explained(self.name):
                async with self.engine.begin() as connection:
                    for statement, rows in _merged(group):
                        await connection.execute(statement, rows or None)
        except Exception as error:
            for write in group:
                write.error = error
            return error
        for write in group:
            write.error = None
        return None

    def close_writer(self) -> None:
        """Let the writer finish what it holds and stop."""
        self._send.close()

    def open_reader(self) -> None:
        """Open what `row` reads with, where that is a file."""
        if self.engine.dialect.name == "sqlite":
            engine = create_engine(self.engine.url.set(drivername="sqlite"), poolclass=NullPool)
            event.listen(engine, "connect", _reader_settings)
            # each query sees what was committed before it
            self._reader = engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close_reader(self) -> None:
        """Close it."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _merged(group: Sequence[_Write]) -> Iterable[tuple[Executable, list[dict[str, Any]]]]:
    """Return the statements of a group, rows for the same one together, in the order they came.

    Whoever writes waits for the commit before writing what rests on it, so that no write of a group
    rests on another.
    """
    found: dict[object, tuple[Executable, list[dict[str, Any]]]] = {}
    for write in group:
        for statement, rows in write.statements:
            key = (id(statement), *rows[0]) if rows else object()
            found.setdefault(key, (statement, []))[1].extend(rows)
    return found.values()


def blocks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield so many values at a time: no statement holds any number of them."""
    left = iter(values)
    while block := list(islice(left, size)):
        yield block


def storable(text: str) -> str:
    """Replace what no database takes: half of a surrogate pair (an emoji cut in two), and NUL."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\ufffd")


async def _whole(awaitable: Awaitable[T]) -> T:
    """Wait for what must not be left half-way when the waiting task is cancelled."""
    found: list[T] = []
    with anyio.CancelScope(shield=True):
        found.append(await awaitable)
    return found[0]


def _of_the_database(error: Exception) -> bool:
    """Say whether every write would fail alike: locked, full, read-only, away."""
    return isinstance(error.__cause__ or error, (OperationalError, OSError))


@contextlib.contextmanager
def _explained(name: str) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _explain(error, name) from error
    except OSError as error:  # a server that cannot be reached
        raise StoreError(f"{name}: cannot be reached ({error.strerror or error})") from None


def _explain(error: SQLAlchemyError, name: str) -> StoreError:
    detail = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    for sign, meaning in (
        ("database is locked", "another process holds it; wait for it, then repeat the command"),
        ("readonly", "it is read-only; make file and folder writable or choose another workspace"),
        ("disk is full", "the disk is full; free space, then repeat the command"),
        ("disk I/O error", "the disk reports an error (is it full?)"),
        ("unable to open", "it cannot be opened or made; check the folder's rights"),
        ("malformed", "the file is damaged; restore it from a backup"),
        ("not a database", "the file is not a database of ours"),
    ):
        if sign in detail:
            return StoreError(f"{name}: {meaning}")
    return StoreError(f"{name}: {detail}")


@contextlib.asynccontextmanager
async def open_store(
    workspace: Path, url: str | None = None, *, create: bool = True
) -> AsyncGenerator[Store]:
    """Open a workspace's database, making or upgrading it when needed.

    Args:
        workspace: folder of the SQLite file; made when absent.
        url: SQLAlchemy URL of another database with the same schema (PostgreSQL), or None.
        create: False: a workspace that is not there is an error, not made.

    Raises:
        InputError: there is no such workspace and none is to be made.
        StoreError: it cannot be opened, or was written by a newer version.
    """
    if url is None:
        if not create and not (workspace / DATABASE).is_file():
            raise InputError(
                f"{workspace}: no measurements here yet; make one with: "
                "valuecompass run -m MODEL -s SYSTEM, or name another workspace with -w"
            )
        try:
            workspace.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{workspace}: cannot be made ({error.strerror})") from None
        name = str(workspace / DATABASE)
        # not as a text: signs of a URL may stand in a path
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=name))
        event.listen(engine.sync_engine, "connect", _sqlite_settings)
    else:
        engine = _engine(url)
        name = engine.url.render_as_string(hide_password=True)
    store = Store(engine, name)
    failure: Exception | None = None
    try:
        await _upgrade(store, workspace if url is None else None)
        with _explained(name):
            store.open_reader()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.run_writer)
            try:
                yield store
            except Exception as error:
                failure = error  # raised below, not in a group that callers would have to unpack
            finally:
                store.close_writer()
        if failure is not None:
            raise failure
    finally:
        store.close_reader()
        with anyio.CancelScope(shield=True):
            await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    """Return the engine of a PostgreSQL URL; messages never show it, it may hold a password."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not rest:
        raise InputError("--db: give a URL such as postgresql://user@host/name")
    try:
        return create_async_engine(f"postgresql+asyncpg://{rest}")
    except ModuleNotFoundError as error:
        raise InputError(
            f"--db: needs the package {error.name}: pip install 'valuecompass[server]'"
        ) from None
    except (SQLAlchemyError, ValueError):
        raise InputError(
            "--db: not a URL of a PostgreSQL database; percent-encode signs in the password"
        ) from None


def _sqlite_settings(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    # WAL survives a killed process, lets readers work beside the writer; NORMAL syncs at
    # checkpoints: after a power cut the last transactions may be asked again, none is half there
    busy = f"busy_timeout={int(BUSY * 1_000)}"
    for pragma in (busy, "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _reader_settings(connection: Any, record: Any) -> None:
    # readers never wait for the writer in WAL mode; should one have to, the loop must not stand
    connection.execute("PRAGMA busy_timeout=1000")
    connection.execute("PRAGMA query_only=ON")


async def _upgrade(store: Store, workspace: Path | None) -> None:
    # on an empty file every connection would switch to WAL, and of two at once SQLite refuses one
    file = None if workspace is None else workspace / DATABASE
    empty = file is not None and not (file.is_file() and file.stat().st_size)
    version = None if empty else await _version(store)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise StoreError(
            f"{store.name}: written by a newer version of Value Compass "
            f"(schema {version}, known here: {HEAD}); upgrade the package"
        )
    if workspace is None:
        await _migrate(store)
        return
    from filelock import AsyncFileLock, Timeout

    try:
        # two processes, or two tasks of this one, may open a fresh workspace together
        async with AsyncFileLock(workspace / ".migration.lock", timeout=MIGRATION):
            if await _version(store) != HEAD:
                await _migrate(store)
    except Timeout:
        raise StoreError(
            f"{workspace}: another process is upgrading it; wait for it, then repeat the command"
        ) from None
    except OSError as error:
        raise StoreError(f"{workspace}: cannot be written ({error.strerror})") from None


async def _version(store: Store) -> str | None:
    def read(connection: Any) -> str | None:
        from sqlalchemy import inspect

        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    with _explained(store.name):
        connection = await _whole(store.engine.connect())
        try:
            return await _whole(connection.run_sync(read))
        finally:
            await _whole(connection.close())


async def _migrate(store: Store) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "valuecompass.store:migrations")

    def upgrade(connection: Any) -> None:
        if connection.dialect.name == "sqlite":
            # Python's driver begins no transaction for CREATE TABLE: a kill would leave half
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # another process may open the same fresh database: who waited finds it done
            connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    with _explained(store.name):
        async with store.engine.begin() as connection:
            await connection.run_sync(upgrade)


@contextlib.asynccontextmanager
async def opened(workspace: Path, db: str | None, *, make: bool) -> AsyncGenerator[Store]:
    """Open a workspace; where there is none and none is to be made, an empty one for now."""
    if make or db is not None or (workspace / DATABASE).is_file():
        async with open_store(workspace, db) as store:
            yield store
        return
    with TemporaryDirectory() as folder:
        async with open_store(Path(folder)) as store:
            yield store
