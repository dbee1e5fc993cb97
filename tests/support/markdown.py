"""Reads fenced blocks out of Markdown and runs them as a reader would, in a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\s*$")
_SAVE = re.compile(r"[Ss]ave this as\s+`([^`]+)`")
WIDTH = "88"
"""Columns of the terminal in which a page's output was made."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    line: int
    """Of the opening fence, 1 = first."""
    text: str
    save_as: str | None
    """Name that the sentence before the block gives to the file it holds."""


@dataclass(frozen=True)
class Command:
    """One command of a console block and the output lines shown under it."""

    text: str
    line: int
    shown: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        at += 1
        if opening is None:
            continue
        start = at
        while lines[at] != "```":
            at += 1
        before = " ".join(line for line in lines[max(0, start - 5) : start - 1] if line)
        saved = _SAVE.search(before)
        name = saved[1] if saved else None
        found.append(Block(opening[1], start, "\n".join(lines[start:at]) + "\n", name))
        at += 1
    return found


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block: lines after `$ `, continued by `> `."""
    text, line, shown = "", 0, list[str]()
    for number, row in enumerate(block.text.splitlines(), start=block.line + 1):
        if row.startswith("$ "):
            if text:
                yield Command(text, line, tuple(shown))
            text, line, shown = row[2:], number, []
        elif row.startswith("> ") and not shown:
            text += "\n" + row[2:]
        else:
            assert text, f"line {number}: output before the first command"
            shown.append(row)
    yield Command(text, line, tuple(shown))


def environment() -> dict[str, str]:
    """Return an environment in which `valuecompass` and `python3` are those of this test run."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": WIDTH, "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def run(command: str, folder: Path, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a shell command in a folder; return its exit code and what it printed."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environ or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    return done.returncode, done.stdout.decode("utf-8")


def absent(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first shown line that was not printed, in order; `...` stands for any text.

    Lines may be left out of what is shown, but none may be added, changed or moved.
    """
    rest = iter(line.rstrip() for line in printed.splitlines())
    for line in shown:
        if not line.strip():
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("...")))
        if not any(pattern.fullmatch(other) for other in rest):
            return line
    return None


def follow(page: Path, folder: Path) -> list[str]:
    """Do what a page says: save its files, run its console and Python blocks, compare outputs.

    Returns:
        What went wrong, one sentence each with the page's line.
    """
    wrong: list[str] = []
    for block in blocks(page):
        if block.save_as:
            (folder / block.save_as).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            script = folder / f"block-{block.line}.py"
            script.write_text(block.text, encoding="utf-8")
            code, printed = run(f"python3 {script.name}", folder)
            if code:
                wrong.append(f"{page.name}:{block.line}: exit code {code}\n{printed}")
        if block.language == "console":
            for command in commands(block):
                code, printed = run(command.text, folder)
                missing = absent(command.shown, printed)
                if code or missing is not None:
                    said = f"exit code {code}" if code else f"not printed: {missing}"
                    wrong.append(
                        f"{page.name}:{command.line}: {command.text}: {said}\n{printed[:6_000]}"
                    )
    return wrong
