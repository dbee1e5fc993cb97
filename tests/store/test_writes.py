import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from sqlalchemy import event

from tests.store.rows import keys_on_disk, response
from valuecompass.errors import StoreError
from valuecompass.store import Store, ledger, open_store, responses
from valuecompass.store import store as store_module

pytestmark = pytest.mark.anyio


def insert(key: str, **changed: object) -> tuple:
    return responses.insert(), [response(key, **changed)]


async def test_what_a_caller_wrote_is_on_disk_when_it_goes_on(workspace: Path) -> None:
    commits = 0

    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    async def one(store: Store, key: str) -> None:
        await store.write(insert(key))
        if key.endswith("7"):
            assert key in keys_on_disk(workspace)

    async with open_store(workspace) as store:
        event.listen(store.engine.sync_engine, "commit", count)
        async with anyio.create_task_group() as tasks:
            for i in range(300):
                tasks.start_soon(one, store, f"key{i}")
    assert len(keys_on_disk(workspace)) == 300
    assert commits < 30  # a commit for each would be 300


async def test_a_bad_row_does_not_take_its_neighbours_down(workspace: Path) -> None:
    refused: list[str] = []

    async def one(store: Store, key: str) -> None:
        try:
            await store.write(insert(key, text=None if key == "bad" else "fine"))
        except StoreError as error:
            assert "NOT NULL" in str(error)
            refused.append(key)

    async with open_store(workspace) as store, anyio.create_task_group() as tasks:
        for key in ("a", "b", "bad", "c", "d"):
            tasks.start_soon(one, store, key)
    assert refused == ["bad"]
    assert keys_on_disk(workspace) == {"a", "b", "c", "d"}


async def test_a_write_is_whole_or_nothing(workspace: Path) -> None:
    async with open_store(workspace) as store:
        with pytest.raises(StoreError):
            await store.write(insert("a"), (ledger.insert(), [{"plan": "p"}]))
        assert keys_on_disk(workspace) == set()
        await store.write(insert("a"))
    assert keys_on_disk(workspace) == {"a"}


async def test_an_answer_without_its_response_is_refused(workspace: Path) -> None:
    from valuecompass.store import verdicts

    row = {"key": "none", "repeat": 0, "judge": "j", "item": "i", "body": []}
    async with open_store(workspace) as store:
        with pytest.raises(StoreError, match=r"FOREIGN KEY"):
            created = response("x")["created"]
            await store.write((verdicts.insert(), [row | {"created": created}]))


async def test_rows_that_are_there_are_left_alone(workspace: Path) -> None:
    async with open_store(workspace) as store:
        await store.write(insert("a", text="first"))
        both = [response("a", text="second"), response("b")]
        await store.write((store.insert_new(responses), both))
        found = {row["key"]: row["text"] for row in await store.rows(responses.select())}
    assert found == {"a": "first", "b": "the answer to b"}


async def test_a_cancelled_caller_still_keeps_what_was_paid(workspace: Path) -> None:
    async with open_store(workspace) as store:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.write(insert("a"))
    assert keys_on_disk(workspace) == {"a"}


def test_cancelling_everything_ends_with_the_writes_done(tmp_path: Path) -> None:
    # in a process of its own, because a store that waited for ever could not be cancelled
    command = [sys.executable, "-m", "tests.store.child", "cancelled", str(tmp_path / "ws")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    *printed, last = done.stdout.split()
    assert last == "over"
    assert set(printed) <= keys_on_disk(tmp_path / "ws")
    assert len(keys_on_disk(tmp_path / "ws")) == 50


async def test_two_tasks_may_open_a_fresh_workspace_together(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MIGRATION", 10.0)

    async def one(key: str) -> None:
        async with open_store(workspace) as store:
            await store.write(insert(key))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one, "a")
        tasks.start_soon(one, "b")
    assert keys_on_disk(workspace) == {"a", "b"}


async def test_an_error_in_the_body_arrives_as_it_is(workspace: Path) -> None:
    with pytest.raises(LookupError, match="ours"):
        async with open_store(workspace):
            raise LookupError("ours")


async def test_an_error_in_the_body_does_not_lose_writes(workspace: Path) -> None:
    async def late(store: Store) -> None:
        await store.write(insert("late"))

    with pytest.raises(ExceptionGroup):
        async with open_store(workspace) as store, anyio.create_task_group() as tasks:
            tasks.start_soon(late, store)
            await anyio.sleep(0)
            raise RuntimeError("something else broke")
    assert keys_on_disk(workspace) <= {"late"}
    async with open_store(workspace) as store:
        await store.write(insert("next"))
    assert "next" in keys_on_disk(workspace)
