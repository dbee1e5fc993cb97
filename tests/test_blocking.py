"""Callers who wait, with and without a loop of their own; Ctrl-C reaches what they wait for."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import anyio
import pytest

from tests.measure.helpers import MODEL
from tests.measure.test_resume import stored, until
from tests.support.mock_provider import in_process
from valuecompass.blocking import blocking, interruptions
from valuecompass.errors import InputError, ungrouped

RUN = """
import asyncio, sys
import valuecompass as vc

async def main():
    try:
        print(vc.run([sys.argv[1]], workspace=sys.argv[2], form="tiny"))
    except vc.ValueCompassError as error:
        print(type(error).__name__, error)

asyncio.run(main())
"""


async def twice(number: int) -> int:
    await anyio.sleep(0)
    return 2 * number


async def fails() -> None:
    raise InputError("this field is wrong")


async def with_a_loop(function: object, *arguments: object) -> object:
    return blocking(function, *arguments)  # type: ignore[arg-type]


def test_it_gives_what_the_function_gives_with_and_without_a_loop() -> None:
    assert blocking(twice, 3) == asyncio.run(with_a_loop(twice, 3)) == 6


async def heard(error: Exception, many: int) -> None:
    async def raises() -> None:
        raise error

    with ungrouped():
        async with anyio.create_task_group() as outer, anyio.create_task_group() as inner:
            for _ in range(many):
                inner.start_soon(raises)
            outer.start_soon(anyio.sleep, 0)


def test_an_error_of_a_callers_own_comes_out_of_task_groups() -> None:
    with pytest.raises(KeyError, match="a listener's own"):
        blocking(heard, KeyError("a listener's own"), 1)
    with pytest.raises(InputError, match="this field"):
        blocking(heard, InputError("this field"), 3)
    with pytest.raises(ExceptionGroup):  # two stories are not made one
        blocking(heard, KeyError("both"), 2)


def test_an_error_comes_through_alone() -> None:
    with pytest.raises(InputError, match="this field is wrong"):
        blocking(fails)
    with pytest.raises(InputError, match="this field is wrong"):
        asyncio.run(with_a_loop(fails))


def test_the_callers_own_loop_and_thread_are_left_alone() -> None:
    async def where() -> tuple[int, int]:
        return threading.get_ident(), id(asyncio.get_running_loop())

    async def caller() -> None:
        before = signal.getsignal(signal.SIGINT)
        thread, loop = blocking(where)
        assert thread != threading.get_ident() and loop != id(asyncio.get_running_loop())
        assert signal.getsignal(signal.SIGINT) is before

    asyncio.run(caller())


def test_ctrl_c_is_told_to_who_listens_and_cancels_who_does_not() -> None:
    ended: list[str] = []

    def press() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    async def listening() -> str:
        with interruptions() as presses:
            threading.Thread(target=press).start()
            await anext(presses)
        return "heard"

    async def deaf() -> None:
        threading.Thread(target=press).start()
        try:
            await anyio.sleep(60)
        finally:
            ended.append("cancelled")

    assert asyncio.run(with_a_loop(listening)) == "heard"
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(with_a_loop(deaf))
    assert ended == ["cancelled"]


def test_a_run_inside_a_running_loop_can_be_interrupted_and_goes_on(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    command = [sys.executable, "-c", RUN, MODEL, str(workspace)]
    with in_process("--latency-ms", "400") as mock:
        environ = {**os.environ, **mock.env}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        try:
            until(lambda: stored(workspace) >= 5 and mock.stats()["in_flight"] > 0, process)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        stats = mock.stats()
        assert said.startswith("Interrupted interrupted; everything answered is stored"), said
        assert stats["requests"] == stats["completed"] == stored(workspace) < 130
        mock.faults(latency_ms=0)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        assert "<Measurement " in done.stdout
        assert set(mock.stats()["by_body"].values()) == {1}
