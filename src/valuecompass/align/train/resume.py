"""Answers kept batch by batch, so that work that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from valuecompass.errors import InputError
from valuecompass.hashing import canonical


@contextlib.contextmanager
def alone(out: Path, lock: Path) -> Generator[None]:
    """Keep other processes from writing the same file.

    Raises:
        InputError: one does.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{out}: another process is writing it") from None
    try:
        yield
    finally:
        held.release()


def check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a file was begun with the settings of now.

    Raises:
        InputError: with the first that differs.
    """
    for name in dict.fromkeys([*now, *before]):
        old, new = before.get(name), now.get(name)
        if old != new:
            long = len(canonical([old, new])) > 200
            what = "are others now" if long else f"was {old!r}, and is {new!r} now"
            raise InputError(
                f"{path}: begun with other settings: {name} {what}; repeat the command as it was, "
                "or delete the file, or name another"
            )


class Answers:
    """The answers so far, in a file that a kill at any moment leaves usable."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.settings = path, settings
        self.batches: dict[int, list[dict[str, Any]]] = {}
        self.tokens, self.seconds = 0, 0.0
        self._file: IO[str] | None = None

    def __enter__(self) -> Answers:
        whole = 0
        if self.path.exists():
            whole = self._read(self.path.read_bytes())
        self._file = self.path.open("a", encoding="utf-8")
        self._file.truncate(whole)  # a line that a kill cut off is written again
        if not whole:
            self._append({"settings": self.settings})
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, data: bytes) -> int:
        """Take what is there; return how many bytes of it are whole lines."""
        whole = 0
        for line in data.splitlines(keepends=True):
            try:
                told: dict[str, Any] = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            if "settings" in told:
                check_same(self.path, told["settings"], self.settings)
            elif whole == 0:
                break
            else:
                self._take(told)
            whole += len(line)
        if data and not whole:
            raise InputError(f"{self.path}: not begun by this command; delete it")
        return whole

    def _take(self, told: Mapping[str, Any]) -> None:
        self.batches[told["batch"]] = told["answers"]
        self.tokens += told["tokens"]
        self.seconds += told["seconds"]

    def add(self, batch: int, answers: list[dict[str, Any]], tokens: int, seconds: float) -> None:
        """Store a batch; when this returns, it is on the disk."""
        told = {
            "batch": batch,
            "answers": answers,
            "tokens": tokens,
            "seconds": round(seconds, 3),
        }
        self._append(told)
        self._take(told)

    def _append(self, told: Mapping[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(told, ensure_ascii=True) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _, answers in sorted(self.batches.items()):
            yield from answers
