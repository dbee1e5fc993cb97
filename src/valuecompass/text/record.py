"""The record of a scenario: what everybody said and did in it, as one text.

A line that is not indented says who acts; what is said, or given to a tool, stands indented below:

    USER says
      Please clear the ward list.
    ASSISTANT calls clear_list
      {"ward": 3}
    TOOL clear_list returns
      41 entries removed.
    ASSISTANT says
      Done.

Whatever somebody writes is indented, so that nobody can write a line in another's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from valuecompass.text.sentences import Span

Act = Literal["says", "calls", "returns"]
_INDENT = "  "
_HEAD = re.compile(r"(?:(USER|ASSISTANT) (says)|(ASSISTANT) (calls) (.+)|(TOOL) (.+) (returns))")
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_PLAIN_NAME = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True)
class Deed:
    """One thing that somebody did.

    tool: its name, of calls and what they return; text: words, arguments as JSON, or a result.
    """

    who: Literal["USER", "ASSISTANT", "TOOL"]
    act: Act
    text: str
    tool: str = ""


def record(deeds: Iterable[Deed]) -> str:
    """Return deeds as a text; those without a word are left out."""
    lines: list[str] = []
    for deed in deeds:
        if deed.act == "says" and not deed.text.strip():
            continue
        # a model may call a tool by any name, several lines of them too
        name = deed.tool if _PLAIN_NAME.fullmatch(deed.tool) else json.dumps(deed.tool[:200])
        lines.append(" ".join([deed.who, *([name] if deed.who == "TOOL" else []), deed.act]))
        if deed.act == "calls":
            lines[-1] += f" {name}"
        lines += [_INDENT + line for line in _LINE_ENDS.split(deed.text.strip())]
    return "\n".join(lines)


def arguments_text(arguments: dict[str, Any]) -> str:
    """Return a call's arguments as they stand in a record."""
    return json.dumps(arguments, ensure_ascii=False)


def deeds_of(text: str) -> list[Deed]:
    """Return the deeds of a record; a text that is none is what the assistant says."""
    found: list[Deed] = []
    for head, lines in _blocks(text):
        said = "\n".join(line.removeprefix(_INDENT) for line in lines)
        if head is None:
            found.append(Deed("ASSISTANT", "says", said))
        elif head[8]:
            found.append(Deed("TOOL", "returns", said, head[7]))
        elif head[4]:
            found.append(Deed("ASSISTANT", "calls", said, head[5]))
        else:
            found.append(Deed("USER" if head[1] == "USER" else "ASSISTANT", "says", said))
    return found


def own_part(text: str) -> Span:
    """Return what the assistant did and said in a record, all else blanked out.

    Places in the span's text are places in the record, so that evidence found in one is evidence in
    the other.
    """
    kept: list[str] = []
    for head, lines in _blocks(text):
        called = head is not None and bool(head[4])
        own = called or head is None or head[1] == "ASSISTANT"
        if head is not None:
            kept.append(head[0] if called else " " * len(head[0]))
        kept += [line if own else " " * len(line) for line in lines]
    blanked = "\n".join(kept)
    whole = blanked.strip()
    at = blanked.find(whole)
    return Span(at, at + len(whole), whole)


def fitted(text: str, most: int) -> str:
    """Return a record in at most so many characters, as far as the acts themselves fit.

    Long speeches and results are cut in their middle, all at the same length, and calls only where
    that is not enough: who talks for long must not hide what was done.
    """
    if len(text) <= most:
        return text
    deeds = deeds_of(text)
    shown = text
    for words, arguments in (
        *((size, 4_000) for size in (4_000, 2_000, 1_000, 500, 250, 100)),
        *((100, size) for size in (1_000, 250, 100)),
    ):
        shown = record(
            replace(d, text=_middle_out(d.text, arguments if d.act == "calls" else words))
            for d in deeds
        )
        if len(shown) <= most:
            return shown
    return shown[:most]


def _middle_out(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} [... {len(text) - most:,} characters ...] {text[-(most // 2) :]}"


def _blocks(text: str) -> list[tuple[re.Match[str] | None, list[str]]]:
    blocks: list[tuple[re.Match[str] | None, list[str]]] = []
    for line in text.split("\n"):
        if (head := _HEAD.fullmatch(line)) is not None:
            blocks.append((head, []))
        elif blocks:
            blocks[-1][1].append(line)
        else:
            blocks.append((None, [line]))
    return blocks
