"""A server of its own process for tests of the web platform."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(workspace: Path, *options: str) -> Generator[str]:
    """Yield the address of a server that shows a workspace."""
    command = [sys.executable, "-m", "valuecompass", "serve", "--port", "0", "-w", str(workspace)]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, *options], stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert "Value Compass is at" in line, process.stderr.read()
        yield line.split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.communicate(timeout=20)
