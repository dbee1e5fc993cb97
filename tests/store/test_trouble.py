"""Other processes, missing rights, full disks, broken files."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import anyio
import pytest
from sqlalchemy import event

from tests.store.rows import damage, keys_on_disk, response
from valuecompass.errors import StoreError
from valuecompass.store import DATABASE, Store, open_store, responses
from valuecompass.store import store as store_module

pytestmark = pytest.mark.anyio


def child(deed: str, workspace: Path, *rest: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.child", deed, str(workspace), *rest]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finished(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return out.splitlines()


async def add(workspace: Path, *keys: str) -> None:
    async with open_store(workspace) as store:
        for key in keys:
            await store.write((responses.insert(), [response(key)]))


def test_two_processes_fill_a_fresh_workspace_together(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    both = [child("write", workspace, prefix, "150") for prefix in "ab"]
    (tmp_path / "go").touch()
    printed = [finished(process) for process in both]
    expected = {f"{prefix}{i}" for prefix in "ab" for i in range(150)}
    assert {key for lines in printed for key in lines} == expected
    assert keys_on_disk(workspace) == expected
    assert damage(workspace) == "ok"


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    process = child("write_forever", workspace, "0.001")
    assert process.stdout is not None
    seen = [process.stdout.readline().strip() for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    seen += process.stdout.read().split("\n")[:-1]
    process.communicate()
    assert set(seen) <= keys_on_disk(workspace)
    assert damage(workspace) == "ok"


async def test_a_workspace_locked_by_another_process(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(workspace, "a")
    monkeypatch.setattr(store_module, "BUSY", 0.2)
    process = child("hold", workspace)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    async with open_store(workspace) as store:
        assert len(await store.rows(responses.select())) == 1  # reading goes on beside it
        with pytest.raises(StoreError, match="another process holds it; wait"):
            await store.write((responses.insert(), [response("b")]))
        finished(process)
        await store.write((responses.insert(), [response("b")]))
    assert keys_on_disk(workspace) == {"a", "b"}


async def test_many_writes_wait_for_a_lock_together(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(workspace, "a")
    monkeypatch.setattr(store_module, "BUSY", 0.2)
    tries, refused = 0, 0

    def count(_: object) -> None:
        nonlocal tries
        tries += 1

    async def one(store: Store, key: str) -> None:
        nonlocal refused
        with pytest.raises(StoreError, match="another process holds it"):
            await store.write((responses.insert(), [response(key)]))
        refused += 1

    process = child("hold", workspace)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    async with open_store(workspace) as store:
        event.listen(store.engine.sync_engine, "begin", count)
        async with anyio.create_task_group() as tasks:
            for i in range(30):
                tasks.start_soon(one, store, f"b{i}")
    finished(process)
    assert refused == 30
    assert tries <= 5  # a few groups; each write on its own would be 30 more
    assert keys_on_disk(workspace) == {"a"}


async def test_an_upgrade_that_another_process_never_ends(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.mkdir()
    monkeypatch.setattr(store_module, "MIGRATION", 0.2)
    process = child("upgrade_forever", workspace)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match="another process is upgrading it"):
        await add(workspace, "a")
    finished(process)
    await add(workspace, "a")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter (pytest's own are private)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["file", "folder", "no folder"])
async def test_a_workspace_that_may_not_be_written(open_folder: Path, what: str) -> None:
    workspace = open_folder / "ws"
    if what == "no folder":
        mode, place = 0o555, open_folder
    else:
        await add(workspace, "a")
        assert sorted(p.name for p in workspace.iterdir()) == [".migration.lock", DATABASE]
        mode, place = (0o444, workspace / DATABASE) if what == "file" else (0o555, workspace)
    (open_folder / "warm").mkdir(exist_ok=True)
    place.chmod(mode)
    if what == "file" and os.geteuid() == 0:
        workspace.chmod(0o777)  # only the file is to be closed to the other user
    [*_, last] = finished(child("unprivileged", workspace))
    assert last.startswith("refused: "), last
    assert str(open_folder) in last
    assert any(word in last for word in ("read-only", "rights", "Permission denied")), last
    if what != "no folder":
        place.chmod(0o755)
        assert keys_on_disk(workspace) == {"a"}


def test_a_file_that_can_grow_no_further(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    lines = finished(child("cramped", workspace, "400000"))
    [refused] = [line for line in lines if line.startswith("refused: ")]
    assert "is full" in refused or "is it full?" in refused
    acknowledged = [line for line in lines if line != refused]
    assert acknowledged.count("big0") == 1  # some fitted in
    assert set(acknowledged) == keys_on_disk(workspace)
    assert {"before0", "after4"} <= set(acknowledged)
    assert damage(workspace) == "ok"


async def test_a_full_disk(workspace: Path) -> None:
    await add(workspace, "a")

    def crowd(connection: object, _: object) -> None:
        # SQLite answers SQLITE_FULL, as for ENOSPC, when the file has this many pages
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages + 20}")

    stored = ["a"]
    async with open_store(workspace) as store:
        event.listen(store.engine.sync_engine, "connect", crowd)
        await store.engine.dispose()
        with pytest.raises(StoreError, match="the disk is full; free space, then repeat"):
            for i in range(100):
                noise = Random(i).randbytes(5_000).hex()  # a text that packing leaves long
                long = response(f"key{i}", text=noise)
                await store.write((responses.insert(), [long]))
                stored.append(f"key{i}")
    assert 1 < len(stored) < 100
    await add(workspace, "after")
    assert keys_on_disk(workspace) == {*stored, "after"}


async def test_a_file_that_is_no_database(workspace: Path) -> None:
    workspace.mkdir()
    (workspace / DATABASE).write_text("Dear diary, " * 1_000)
    with pytest.raises(StoreError, match="not a database of ours"):
        await add(workspace, "a")
    assert (workspace / DATABASE).read_text() == "Dear diary, " * 1_000


async def test_a_damaged_file(workspace: Path) -> None:
    await add(workspace, *(f"key{i}" for i in range(400)))
    with (workspace / DATABASE).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4_096)
        file.write(b"\xa5" * (size - 4_096))
    with pytest.raises(StoreError, match="damaged; restore it from a backup"):
        async with open_store(workspace) as store:
            await store.rows(responses.select())


async def test_a_folder_where_the_database_should_be(workspace: Path) -> None:
    (workspace / DATABASE).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        await add(workspace, "a")
    await anyio.sleep(0.05)  # the driver's thread reports to this loop once more


async def test_a_file_where_the_workspace_should_be(workspace: Path) -> None:
    workspace.write_text("a file")
    with pytest.raises(StoreError, match=r"ws: cannot be made"):
        await add(workspace, "a")


@pytest.mark.parametrize("name", ["ws?x", "ws%20x", "a#b", "täg 1"])
async def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    async with open_store(tmp_path / name) as store:
        await store.write((responses.insert(), [response(1)]))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / DATABASE).is_file()
    async with open_store(tmp_path / name, create=False) as store:
        assert len(await store.rows(responses.select())) == 1
