"""The same work on a real PostgreSQL server: same numbers, nothing twice, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import func, select, text

from tests.board.measured import board_of, imported, level, measured
from tests.store.rows import response
from tests.support.postgresql import programs, server
from valuecompass.board.boards import load_board
from valuecompass.board.comparison import compare
from valuecompass.errors import StoreError
from valuecompass.store import ledger, open_store, responses
from valuecompass.store import store as store_module

pytestmark = pytest.mark.skipif(
    programs() is None, reason="no PostgreSQL server here: install one (Debian: postgresql)"
)

GIVEN = {"a": level(2, 3, 4, 5, 6), "b": level(6, 1, 3.5), "none": {}}
NOBODY = Path("/nonexistent")
"""The workspace, of which commands that only read need nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as found:
        yield found


@pytest.fixture
def db(url: str) -> Iterator[str]:
    """A database without any table."""
    yield url
    anyio.run(emptied, url)


async def emptied(url: str) -> None:
    engine = store_module._engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()


async def counted(url: str) -> dict[str, int]:
    """Return how many requests were answered and paid."""
    async with open_store(NOBODY, url, create=False) as store:
        return {
            table.name: (await store.rows(select(func.count().label("n")).select_from(table)))[0][
                "n"
            ]
            for table in (responses, ledger)
        }


def test_a_measurement_has_the_numbers_that_it_has_on_sqlite(tmp_path: Path, db: str) -> None:
    here, there = measured(tmp_path, GIVEN), measured(tmp_path, GIVEN, db=db)
    assert (here.id, here.rows) == (there.id, there.rows)
    before = anyio.run(counted, db)
    assert before == {"responses": 60, "ledger": 60}
    assert measured(tmp_path, GIVEN, db=db) == there  # nothing is asked again
    assert anyio.run(counted, db) == before

    boards = board_of(tmp_path / "ws"), anyio.run(partial(load_board, NOBODY, db, "big-five"))
    for name in ("scores", "low", "high", "n", "draws", "items"):
        one, other = (getattr(board, name) for board in boards)
        assert (one == other)[one == one].all(), name
    pairs: list[Any] = [
        anyio.run(partial(compare, workspace, url, "big-five", ("a", "b")))
        for workspace, url in ((tmp_path / "ws", None), (NOBODY, db))
    ]
    assert pairs[0] == pairs[1]


def test_a_table_is_imported_once(tmp_path: Path, db: str) -> None:
    for _ in range(2):
        imported(tmp_path, [{"model": "a", "Openness": 0.5}], "2026-02-05", db=db)
    board = anyio.run(partial(load_board, NOBODY, db, "big-five", date="2026-02-05"))
    assert board.imported and board.scores.tolist() == [[0.5]]


def test_processes_may_open_a_fresh_database_together(tmp_path: Path, db: str) -> None:
    table = tmp_path / "t.json"
    table.write_text('[{"model": "a", "Openness": 0.5}]')
    more = [
        "--json",
        "-s",
        "big-five",
        "--date",
        "2026-02-05",
        "-w",
        str(tmp_path / "ws"),
        "--db",
        db,
    ]
    command = [sys.executable, "-m", "valuecompass", "board", "import", str(table), *more]
    # the same table at the same time: one of them imports it
    together = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60) for process in together]
    assert [process.returncode for process in together] == [0, 0, 0], said
    assert sorted(json.loads(out)["new"] for out, _ in said) == [False, False, True]


@pytest.mark.anyio
async def test_a_bad_row_does_not_take_its_neighbours_down(db: str) -> None:
    refused: list[str] = []
    async with open_store(NOBODY, db) as store:

        async def one(key: str) -> None:
            told = None if key == "bad" else "fine"
            try:
                await store.write((responses.insert(), [response(key, text=told)]))
            except StoreError as error:
                assert "null value" in str(error)
                refused.append(key)

        async with anyio.create_task_group() as tasks:
            for key in ("a", "b", "bad", "c", "d"):
                tasks.start_soon(one, key)
        kept = {row["key"] for row in await store.rows(select(responses.c.key))}
    assert refused == ["bad"] and kept == {"a", "b", "c", "d"}


@pytest.mark.anyio
async def test_what_is_wrong_with_the_address_is_told_without_the_password(url: str) -> None:
    address = url.partition("@")[2]
    for wrong, said in (
        (f"postgresql://tester:Secret@{address}-none", 'database "postgres-none" does not exist'),
        (f"postgresql://stranger:Secret@{address}", 'role "stranger" does not exist'),
        ("postgresql://tester:Secret@127.0.0.1:1/x", "cannot be reached"),
    ):
        with pytest.raises(StoreError, match=said) as told:
            async with open_store(NOBODY, wrong):
                pass
        assert "Secret" not in str(told.value)
