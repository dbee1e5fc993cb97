"""A workspace of the first version opens with the newest: nothing is lost, nothing asked again."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from tests.board.measured import board_of, imported, level, measured
from tests.measure.helpers import rows
from tests.store.rows import damage
from valuecompass.board.drift import drift
from valuecompass.measure.archive import latest_measurements
from valuecompass.store import DATABASE, open_store
from valuecompass.store.store import HEAD

GIVEN = {"a": level(2, 3, 4, 5, 6), "b": level(6, 1, 3.5), "none": {}}
FIRST = "0001"
LATER = ("kind", "calls", "parts")
"""Columns of later versions."""
DATA = ("responses", "verdicts", "ledger", "items", "measurements", "scores", "answers")


def migrate(path: Path, revision: str, down: bool = False) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "valuecompass.store:migrations")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()


def schema(path: Path) -> dict[str, Any]:
    """Return the columns and indexes of every table."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        found = {
            name: sorted(connection.execute(f"pragma table_info({name})").fetchall())
            for (name,) in tables
        }
        indexes = connection.execute("select name from sqlite_master where type = 'index'")
        return found | {"indexes": sorted(name for (name,) in indexes)}


def contents(workspace: Path) -> dict[str, list[Any]]:
    """Return all rows of the tables that hold data, with the columns of the first version."""
    found: dict[str, list[Any]] = {}
    for table in DATA:
        there = [r[1] for r in rows(workspace, f"pragma table_info({table})")]
        names = [name for name in there if name not in LATER]
        found[table] = sorted(map(repr, rows(workspace, f"select {', '.join(names)} from {table}")))
    return found


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, str]:
    """A workspace as the first version left it, and the id of its measurement."""
    found = measured(tmp_path, GIVEN, day="2026-01-05")
    path = tmp_path / "ws" / DATABASE
    migrate(path, FIRST, down=True)
    fresh = tmp_path / "fresh.sqlite"
    migrate(fresh, FIRST)
    assert schema(path) == schema(fresh)
    return tmp_path, found.id


def test_nothing_is_lost(old: tuple[Path, str]) -> None:
    folder, measurement = old
    workspace = folder / "ws"
    before = contents(workspace)
    assert len(before["responses"]) == 60 and len(before["scores"]) == 15
    board = board_of(workspace)
    assert contents(workspace) == before and damage(workspace) == "ok"
    assert rows(workspace, "select version_num from alembic_version") == [(HEAD,)]
    assert rows(workspace, "select kind from measurements") == [("measured",)]
    assert board.respondents == ("a", "b", "none") and not board.imported
    assert board.scores[0].tolist() == [20, 40, 60, 80, 100]
    assert board.draws is not None and [m.id for m in board.measurements] == [measurement]
    fresh = folder / "fresh.sqlite"
    migrate(fresh, "head")
    assert schema(workspace / DATABASE) == schema(fresh)


def test_nothing_is_asked_again(old: tuple[Path, str]) -> None:
    folder, measurement = old
    ledger = contents(folder / "ws")["ledger"]
    assert measured(folder, GIVEN).id == measurement
    assert contents(folder / "ws")["ledger"] == ledger


@pytest.mark.anyio
async def test_reports_find_what_they_found(old: tuple[Path, str]) -> None:
    folder, measurement = old
    async with open_store(folder / "ws", create=False) as store:
        (found,) = await latest_measurements(store)
    assert found.id == measurement and [row.respondent for row in found.rows] == list(GIVEN)
    series = (await drift(folder / "ws", None, "a", "big-five"))["series"]
    assert [entry["measurement"] for entry in series] == [measurement]


def test_tables_are_imported_beside_it(old: tuple[Path, str]) -> None:
    folder, measurement = old
    imported(folder, [{"model": "a", "Openness": 0.5}], "2026-02-05")
    kinds = rows(folder / "ws", "select kind from measurements order by created")
    assert kinds == [("measured",), ("published",)]
    assert board_of(folder / "ws").imported
    board = board_of(folder / "ws", date="2026-01-05")
    assert [m.id for m in board.measurements] == [measurement]


def test_a_half_done_upgrade_leaves_the_old_one(
    old: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    workspace = old[0] / "ws"
    before, shape = contents(workspace), schema(workspace / DATABASE)

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("the machine went away")

    monkeypatch.setattr(op, "create_table", breaks)
    with pytest.raises(RuntimeError):
        board_of(workspace)
    assert schema(workspace / DATABASE) == shape and contents(workspace) == before
    monkeypatch.undo()
    assert board_of(workspace).respondents == ("a", "b", "none")
