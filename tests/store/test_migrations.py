import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from tests.store.rows import keys_on_disk, response
from valuecompass.errors import InputError, StoreError
from valuecompass.store import DATABASE, metadata, open_store, responses
from valuecompass.store.store import HEAD

pytestmark = pytest.mark.anyio


async def test_a_fresh_workspace_has_the_schema_of_the_code(workspace: Path) -> None:
    async with open_store(workspace):
        pass
    engine = create_engine(f"sqlite:///{workspace / DATABASE}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        # autogeneration does not look at primary keys
        for table in metadata.sorted_tables:
            there = inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
            assert there == [c.name for c in table.primary_key.columns]
    engine.dispose()


async def test_the_head_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "valuecompass.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_opening_again_changes_nothing(workspace: Path) -> None:
    async with open_store(workspace) as store:
        await store.write((responses.insert(), [response("a")]))
    before = (workspace / DATABASE).read_bytes()
    async with open_store(workspace) as store:
        assert [row["key"] for row in await store.rows(responses.select())] == ["a"]
    assert (workspace / DATABASE).read_bytes() == before


async def test_a_newer_workspace_is_refused_and_left_alone(workspace: Path) -> None:
    async with open_store(workspace) as store:
        await store.write((responses.insert(), [response("a")]))
    connection = sqlite3.connect(workspace / DATABASE)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"newer version.*9999.*upgrade the package"):
        async with open_store(workspace):
            pass
    assert keys_on_disk(workspace) == {"a"}


async def test_a_half_done_upgrade_leaves_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    make = op.create_table

    def breaks(name: str, *columns: Any) -> Any:
        if name == "scores":
            raise RuntimeError("the machine went away")
        return make(name, *columns)

    monkeypatch.setattr(op, "create_table", breaks)
    with pytest.raises(RuntimeError):
        async with open_store(workspace):
            pass
    monkeypatch.undo()
    async with open_store(workspace) as store:
        await store.write((responses.insert(), [response("a")]))
    assert keys_on_disk(workspace) == {"a"}


async def test_a_workspace_that_is_not_there_is_not_made(workspace: Path) -> None:
    with pytest.raises(InputError, match="no measurements here yet"):
        async with open_store(workspace, create=False):
            pass
    assert not workspace.exists()
