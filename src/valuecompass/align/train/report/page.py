"""A report for people: the tables of a terminal and of a page, from its JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from valuecompass.align.train.report.gate import sentence
from valuecompass.wording import visible

HEAD = ("", "before", "after", "difference [95 %]", "items", "answers", "")
NAMES = {
    "harm": "harmful answers, %",
    "harm_elsewhere": "of items not trained on, %",
    "refusals": "refusals, %",
    "empty": "empty answers, %",
    "informative": "informative answers, %",
    "on_question": "on the question, %",
    "loops": "loops, %",
    "content_words": "new content words",
}

FIRST = ("harm", "harm_elsewhere", "refusals", "empty")


@dataclass(frozen=True)
class Table:
    """A table with its title; cells are plain texts."""

    title: str
    head: tuple[str, ...]
    rows: list[list[str]]


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Return the tables of a report."""
    made: list[Table] = []
    for system, shown in found["systems"].items():
        first = {name: shown[name] for name in FIRST if shown.get(name)}
        rows = [_row(NAMES[n], one) for n, one in (first | shown["informativeness"]).items()]
        made.append(Table(system, HEAD, rows))
        rows = [_row(name, one) for name, one in shown["dimensions"].items() if one["answers"]]
        made.append(Table(f"{system}: scores of its dimensions, 0-100", HEAD, rows))
    fluent, able = found["gate"]["fluency"], found["gate"]["ability"]
    made.append(
        Table(
            f"Side effects: {found['gate']['status']}",
            (*HEAD[:4], "texts", "margin", ""),
            [
                _checked("benign texts, nats a token", fluent, f"+{fluent['margin']:g}"),
                _checked("plain questions right, %", able, f"-{able['margin']:g}"),
            ],
        )
    )
    return made


def _row(name: str, one: Mapping[str, Any]) -> list[str]:
    counts = [str(one["items"]), str(one["answers"])]
    return [name, *_figures(one, 1), *counts, "differs" if one.get("discovered") else ""]


def _checked(name: str, one: Mapping[str, Any], margin: str) -> list[str]:
    return [name, *_figures(one, 3), str(one["items"]), margin, one["status"]]


def _figures(one: Mapping[str, Any], digits: int) -> list[str]:
    if one["difference"] is None:
        return ["-", "-", "not measured"]
    told = f"{one['difference']:+.{digits}f}"
    if one["low"] is not None:
        told += f" [{one['low']:+.{digits}f}, {one['high']:+.{digits}f}]"
    return [f"{one['before']:.{digits}f}", f"{one['after']:.{digits}f}", told]


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return what stands below the tables."""
    engine = found["engine"]
    return [
        sentence(found["gate"]),
        "Differences are after less before, paired on the same items and the same random draws. "
        "'differs': a false discovery rate of 5 % over the dimensions of a system.",
        f"Both in {engine['dtype']} on {engine['device']}, {engine['batch']} prompts a batch, seed "
        f"{engine['seed']}, judge {engine['judge']}.",
        *(f"Note: {note}" for note in found["notes"]),
    ]


def html(found: Mapping[str, Any]) -> str:
    """Return a page that loads nothing; names and notes are text, never markup."""
    title = f"{found['before']['name']} and {found['after']['name']}"
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            '<meta name="color-scheme" content="light dark"><title>{0}</title><style>'
            "body{{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}}"
            "table{{border-collapse:collapse;display:block;overflow-x:auto}}"
            "td,th{{padding:.2rem .7rem;text-align:right}}td:first-child{{text-align:left}}"
            "</style></head><body><h1>Before and after training</h1>"
            "<p>Before: <bdi>{1}</bdi><br>After: <bdi>{2}</bdi></p>{3}{4}</body></html>\n"
        ).format(
            visible(title),
            visible(found["before"]["name"]),
            visible(found["after"]["name"]),
            Markup("").join(map(_table, tables(found))),
            Markup("").join(Markup("<p>{}</p>").format(visible(one)) for one in lines(found)),
        )
    )


def _table(one: Table) -> Markup:
    return Markup("<h2>{}</h2><table><thead>{}</thead><tbody>{}</tbody></table>").format(
        visible(one.title),
        _cells(one.head, "th"),
        Markup("").join(_cells(row, "td") for row in one.rows),
    )


def _cells(row: Sequence[str], tag: str) -> Markup:
    cells = (Markup(f"<{tag}>{{}}</{tag}>").format(visible(cell)) for cell in row)
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))
