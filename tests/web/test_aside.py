"""Work beside the server, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from valuecompass.store import Store, open_store

SERVER = """
import anyio
from pathlib import Path
from tests.web.test_aside import endless
from valuecompass.web import aside

anyio.run(aside._in_process, (Path({workspace!r}), None, endless, {{"told": Path({told!r})}}))
"""


async def endless(store: Store, told: Path) -> None:
    """Say which process works, and go on for long."""
    told.with_suffix(".part").write_text(str(os.getpid()))
    told.with_suffix(".part").rename(told)
    await anyio.sleep(600)


def gone(pid: int) -> bool:
    """Return whether a process is no more, or only its entry is left."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(") ", 1)[1].startswith("Z")


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
def test_a_process_at_work_ends_with_its_server(tmp_path: Path) -> None:
    async def make() -> None:
        async with open_store(tmp_path / "w"):
            pass

    anyio.run(make)
    told = tmp_path / "pid"
    code = SERVER.format(workspace=str(tmp_path / "w"), told=str(told))
    server = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while not told.exists():
        assert server.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    pid = int(told.read_text())
    assert not gone(pid)
    server.send_signal(signal.SIGKILL)  # so that it can do nothing itself
    server.wait()
    while not gone(pid):
        assert time.monotonic() < until
        time.sleep(0.05)
