"""Writes docs/cli.md from the commands' own help: ``python docs/generate_cli.py``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 96
HEAD = """# Commands

Made by `python docs/generate_cli.py` from `valuecompass COMMAND --help`; do not edit.

`python -m valuecompass` is the same as `valuecompass`. Exit codes: 0 done, 1 a check that was asked
for failed, 2 wrong usage or input, 3 budget reached, 130 interrupted.
"""


def page() -> str:
    """Return the page."""
    from typer.main import get_command

    from valuecompass.cli import app

    for name in app.COMMANDS:
        import_module(f"valuecompass.cli.{name}")
    sections = [HEAD]
    for words, text in _helps("valuecompass", get_command(app.app)):
        sections.append(
            f"{'#' * (2 if words.count(' ') < 2 else 3)} {words}\n\n```text\n{text}\n```\n"
        )
    return "\n".join(sections)


def _helps(words: str, command: Any, parent: Any = None) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        words.rpartition(" ")[2],
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    yield words, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).strip()
    for name, child in getattr(command, "commands", {}).items():
        yield from _helps(f"{words} {name}", child, context)


if __name__ == "__main__":
    os.environ.pop("VALUECOMPASS_WORKSPACE", None)
    PAGE.write_text(page(), encoding="utf-8")
