"""The board in the terminal: dimensions down, respondents across, every score with its interval."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from valuecompass.board.page.svg import Estimate
from valuecompass.board.page.view import (
    Line,
    Respondent,
    Section,
    detail,
    detail_label,
    people,
    section,
)
from valuecompass.measure.measurement import Measurement, Score
from valuecompass.wording import elide, interval, number, short_labels, visible

__all__ = ["terminal_board"]

_TRACK = 13
"""Cells of an interval bar: an odd number, so that 50 has a cell of its own."""
_GAP = 2
_NAME = 24
_LABEL = 60
_HEAD_LINES = 3
_CHOSEN = ("self_report", "within")
"""Further scores that rest on choices and ratings alone."""
_NAME_LIMIT = 200
_MARKS = "●■▲◆▼★"
_COLOURS = ("bright_blue", "red", "green", "magenta", "cyan", "yellow")
_ASCII = str.maketrans(
    {"–": "-", "−": "-", "·": "-", "…": "~", "▕": "|", "▏": "|", "━": "=", "▨": "#", "→": ">"}
    | dict(zip("●■▲◆▼★", "ox^+v*", strict=True))
)


@dataclass(frozen=True)
class _Pen:
    """Makes texts: nothing is read as markup, and nothing is sent that the console cannot show."""

    ascii_only: bool
    labels: dict[str, str]

    def text(self, text: str, style: str = "") -> Text:
        shown = visible(text).replace("\n", " ").replace("\t", " ").replace("\r", " ")
        if self.ascii_only:
            shown = shown.translate(_ASCII).encode("ascii", "replace").decode()
        return Text(shown, style=style)


def terminal_board(measurements: Sequence[Measurement], console: Console) -> None:
    """Print one table for each measurement, after a list of the respondents.

    Cells show the score and its 95 % interval as a bar on 0-100 and in numbers, on one line where
    the console is wide enough, on two otherwise; respondents that still do not fit go on in a
    further table below.

    Args:
        measurements: what to show; respondents and systems keep their order.
        console: where to; its width decides the layout.
    """
    known = people(measurements)
    pen = _Pen(console.options.ascii_only, short_labels(list(known), _LABEL))
    key = "▕━●━▏ score and 95 % interval on 0–100; where intervals overlap widely, read a tie"
    rows = [(_mark(who, pen), _named(who, pen)) for who in known.values()]
    _print_rows([(pen.text(""), pen.text(key, "dim")), *rows], console)
    for position, measurement in enumerate(measurements, start=1):
        _print_section(section(measurement, known, position, dated=False), console, pen)
    console.print()


def _named(who: Respondent, pen: _Pen) -> Text:
    text = pen.text(elide(who.name, _NAME_LIMIT))
    return text.append("  ").append(pen.text("▨ simulated", "italic")) if who.simulated else text


def _print_rows(rows: Sequence[tuple[Text, Text]], console: Console) -> None:
    """Print texts behind their marks, continued lines indented."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    for mark, text in rows:
        grid.add_row(mark, text)
    if rows:
        console.print(Padding(grid, (0, 0, 0, 1)))


def _print_section(shown: Section, console: Console, pen: _Pen) -> None:
    title = pen.text(shown.title, "bold").append(pen.text(f"  {shown.when}", "dim"))
    console.print(Padding(title, (1, 0, 0, 1)))
    _print_gate(shown, console, pen)
    names = min(_NAME, max(cell_len(visible(n)) for n in shown.names))
    room = console.width - names - _GAP - 1
    numbers = [_numbers(s) for line in shown.measured for s in line.scores if s]
    across = _TRACK + 2 + 1 + max((sum(map(len, n)) for n in numbers), default=0)
    one_line = len(shown.measured) * (across + _GAP) <= room
    width = across if one_line else _TRACK + 2
    for lines in _chunks(shown.measured, max(1, room // (width + _GAP))):
        table = _table(shown, lines, names, width, one_line=one_line, pen=pen)
        console.print(Padding(table, (0, 0, 0, 1)))
    if not shown.measured:
        _print_details(shown, names, room, console, pen)
    if shown.corrected:
        _print_corrected(shown, names, room, console, pen)
    rows = [(pen.text(""), pen.text(_footing(shown), "dim"))]
    absent = pen.text("not measured", "dim italic")
    for line in shown.lines:
        mark = _mark(line.respondent, pen)
        if not line.measured and not _told(line):
            rows.append((mark, _named(line.respondent, pen).append("  ").append(absent)))
        notes = [note.removeprefix("not measured: ") for note in line.notes]
        rows += [(mark, pen.text(note, "dim")) for note in notes]
    _print_rows(rows, console)


def _told(line: Line) -> bool:
    """Say whether a respondent has choices or ratings to show."""
    return any(detail(score, key) for score in line.scores for key in _CHOSEN)


def _print_details(shown: Section, names: int, room: int, console: Console, pen: _Pen) -> None:
    """Print self-reports and the trade-off scale of a form that asks for no free text."""
    lines, width = [line for line in shown.lines if _told(line)], _TRACK + 2
    for key in (k for k in _CHOSEN if k in shown.details):
        title = f"{detail_label(key)} (the form has no score of free text)"
        console.print(Padding(pen.text(title, "dim"), (1, 0, 0, 1)))
        for part in _chunks(lines, max(1, room // (width + _GAP))):
            table = _frame(part, names, width, pen)
            for at, name in enumerate(shown.names):
                found = [(detail(line.scores[at], key), line.respondent) for line in part]
                table.add_row(pen.text(name), *(_cell(s, who, False, pen) for s, who in found))
            console.print(Padding(table, (0, 0, 0, 1)))


def _print_gate(shown: Section, console: Console, pen: _Pen) -> None:
    """Say before the numbers when the judge failed its gate, or that nobody knows."""
    gate = shown.gate
    if gate is None or gate.status == "passed":
        return
    text = pen.text(gate.reason, "dim")
    if gate.status == "failed":
        text = pen.text("DEMONSTRATION: ", "bold red").append(pen.text(gate.reason))
    _print_rows([(pen.text(""), text)], console)


def _print_corrected(shown: Section, names: int, room: int, console: Console, pen: _Pen) -> None:
    """Print the share of answers as judged and, below it, corrected."""
    title = "share of answers, judged → corrected for the judge's errors"
    console.print(Padding(pen.text(title, "dim"), (1, 0, 0, 1)))
    width = _TRACK + _GAP
    for lines in _chunks(shown.measured, max(1, room // (width + _GAP))):
        table = _frame(lines, names, width, pen)
        for at, name in enumerate(shown.names):
            scores = (line.scores[at] for line in lines)
            table.add_row(pen.text(name), *(_shares(s, shown.share, pen) for s in scores))
        console.print(Padding(table, (0, 0, 0, 1)))


def _shares(score: Score | None, share: str, pen: _Pen) -> Text:
    raw, found = detail(score, share), detail(score, "corrected")
    if raw is None:
        return pen.text("not measured", "dim italic")
    text = pen.text(" {}{}".format(*_numbers(raw)), "dim")
    if found is None:
        return text.append("\n").append(pen.text("→ not corrected", "dim italic"))
    told, ends = _numbers(found)
    text.append("\n").append(pen.text(f"→{told}", "bold"))
    return text.append(pen.text(ends, "dim"))


def _chunks(lines: Sequence[Line], most: int) -> list[Sequence[Line]]:
    """Split into as few parts as fit, of even size."""
    parts = -(-len(lines) // most)
    size = -(-len(lines) // max(1, parts))
    return [lines[i : i + size] for i in range(0, len(lines), max(1, size))]


def _table(
    shown: Section, lines: Sequence[Line], names: int, width: int, *, one_line: bool, pen: _Pen
) -> Table:
    table = _frame(lines, names, width, pen)
    for at, name in enumerate(shown.names):
        cells = [_cell(line.scores[at], line.respondent, one_line, pen) for line in lines]
        table.add_row(pen.text(name), *cells)
    return table


def _frame(lines: Sequence[Line], names: int, width: int, pen: _Pen) -> Table:
    """Return a table with a column for each respondent and no rows."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, _GAP, 0, 0),
        pad_edge=False,
        show_edge=False,
        border_style="dim",
    )
    table.add_column("", width=names, overflow="fold")
    for line in lines:
        table.add_column(_head(line.respondent, width, pen), width=width, overflow="fold")
    return table


def _head(who: Respondent, width: int, pen: _Pen) -> Text:
    style = f"not dim {_colour(who)}"
    text = _mark(who, pen).append(" ")
    lines = _wrap(pen.labels[who.name], width - 2)
    text.append(pen.text(lines[0], style))
    for line in lines[1:]:
        text.append("\n").append(pen.text(f"  {line}", style))
    if who.simulated:
        text.append("\n  ").append(pen.text("▨ simulated", f"italic {style}"))
    return text


def _wrap(label: str, width: int) -> list[str]:
    """Break a name at its joints into at most three lines; the list above has it in full."""
    lines = [""]
    for part in re.split(r"(?=[@?&])|(?<=[-/,_ ])", label):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    kept = [elide(line, width) for line in lines[:_HEAD_LINES]]
    if len(lines) > _HEAD_LINES:
        kept[-1] = kept[-1][: width - 1] + "…"
    return kept


def _mark(who: Respondent, pen: _Pen) -> Text:
    return pen.text(_MARKS[who.index % len(_MARKS)], _colour(who))


def _colour(who: Respondent) -> str:
    return _COLOURS[who.index % len(_COLOURS)]


def _cell(score: Score | Estimate | None, who: Respondent, one_line: bool, pen: _Pen) -> Text:
    if score is None or score.score is None:
        return pen.text("not measured", "dim italic")
    text = Text()
    text.append(pen.text("▕", "dim"))
    for sign, style in _track(score.score, score.low, score.high, _MARKS[who.index % len(_MARKS)]):
        text.append(pen.text(sign, f"{style} {_colour(who)}".strip()))
    text.append(pen.text("▏", "dim"))
    text.append(" " if one_line else "\n ")
    told, ends = _numbers(score)
    return text.append(pen.text(told, "bold")).append(pen.text(ends, "dim"))


def _numbers(score: Score | Estimate) -> tuple[str, str]:
    ends = interval(score.low, score.high, 0)
    return f"{number(score.score):>3}", f" ({ends})" if ends else ""


def _track(score: float, low: float | None, high: float | None, mark: str) -> list[tuple[str, str]]:
    """Return the cells of an interval bar, each a sign and a style."""
    cells = [(" ", "")] * _TRACK
    if low is not None and high is not None:
        for at in range(_position(low), _position(high) + 1):
            cells[at] = ("━", "")
    cells[_position(score)] = (mark, "bold")
    return cells


def _position(value: float) -> int:
    return round(min(100.0, max(0.0, value)) / 100 * (_TRACK - 1))


def _footing(shown: Section) -> str:
    scores = [s for line in shown.measured for s in line.scores if s and s.score is not None]
    parts = [f"{word} {_range([pick(s) for s in scores])}" for word, pick in _COUNTS if scores]
    none = "no free text was scored" if any(map(_told, shown.lines)) else "nothing was measured"
    told = "in each cell: " + ", ".join(parts) if parts else none
    manifest = shown.measurement.manifest
    judge = manifest.get("judge_name") or _judge(manifest.get("judge"))
    return told + (f" · judge {judge}" if judge else "")


_COUNTS: tuple[tuple[str, Callable[[Score], int]], ...] = (
    ("n", lambda s: s.n),
    ("refused", lambda s: s.refused),
    ("missing", lambda s: s.missing),
)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _judge(entry: Any) -> str:
    if isinstance(entry, dict):
        fields = cast("dict[str, Any]", entry)
        return next((str(fields[k]) for k in ("name", "model", "id", "kind") if fields.get(k)), "")
    return str(entry or "")
