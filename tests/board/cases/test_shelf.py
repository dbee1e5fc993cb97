"""Indexes that a server makes while it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.board.cases.made import made
from tests.board.cases.test_search import GIVEN
from valuecompass.board.cases import CaseIndex, shelf
from valuecompass.board.cases.shelf import Shelf
from valuecompass.errors import StoreError

pytestmark = pytest.mark.anyio
build = shelf.build_index


async def waited(own: Shelf, measurement: Any) -> CaseIndex:
    with anyio.fail_after(60):
        while not isinstance(found := await own.index(measurement), CaseIndex):
            await anyio.sleep(0.01)
    return found


async def test_many_who_ask_at_once_have_it_made_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = await made(workspace, GIVEN)
    begun: list[int] = []

    async def counted(*given: Any) -> bool:
        begun.append(1)
        return await build(*given)

    monkeypatch.setattr(shelf, "build_index", counted)
    own = Shelf(workspace, None)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(waited, own, measurement)
    assert len(begun) == 1


async def test_a_failure_that_is_none_of_ours_is_told_and_tried_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = await made(workspace, GIVEN)

    async def broken(*given: Any) -> bool:
        raise MemoryError

    own = Shelf(workspace, None)
    with monkeypatch.context() as patched:
        patched.setattr(shelf, "build_index", broken)
        patched.setattr("threading.excepthook", print)  # its trace is expected
        with pytest.raises(StoreError, match="could not be made"):
            await waited(own, measurement)
    assert len(await waited(own, measurement)) == len(GIVEN)
