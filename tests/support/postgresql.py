"""A PostgreSQL server of the tests' own, on loopback, with nothing in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"
"""Who runs the server where the tests are run by root, whom PostgreSQL refuses."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else Path("/usr/lib/postgresql").glob("*/bin")
    return max((f for f in folders if (f / "pg_ctl").exists()), default=None)


@contextmanager
def server() -> Iterator[str]:
    """Start a server; yield the URL of an empty database. Stopped and removed afterwards."""
    folder = programs()
    assert folder is not None
    place = Path(tempfile.mkdtemp(prefix="valuecompass-pg-", dir="/tmp"))
    as_user = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(place, USER)

    def call(program: str, *arguments: str) -> None:
        command = [*as_user, str(folder / program), "-D", str(place / "data"), *arguments]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        call("initdb", "-A", "trust", "-U", "tester", "--no-sync", "-E", "UTF8")
        call("pg_ctl", "-o", options, "-l", str(place / "log"), "-w", "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place)
