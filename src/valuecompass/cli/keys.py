"""One key at a time from a terminal that allows it; else, and in a pipe, one line at a time."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable, Generator

Keys = Callable[[], str | None]
"""Returns the next key in lower case; None when there is no more input."""
END = "\x04"
"""Ctrl-D, which a terminal in this mode hands on as a key."""
REST = 0.02
"""Seconds in which the rest of an arrow key or of a letter outside ASCII follows its first byte."""


@contextlib.contextmanager
def keys() -> Generator[Keys]:
    """Yield a reader of keys; the terminal is put back as it was."""
    if not sys.stdin.isatty() or sys.platform == "win32":
        yield _line
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield lambda: _key(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _line() -> str | None:
    line = sys.stdin.buffer.readline()
    return line.decode("utf-8", "replace").strip().lower() if line else None


def _key(terminal: int) -> str | None:
    data = os.read(terminal, 1)
    if data == b"\x1b" or data >= b"\x80":
        while select.select([terminal], [], [], REST)[0] and (more := os.read(terminal, 1)):
            data += more
    key = data.decode("utf-8", "replace").lower()
    return None if key in ("", END) else key
