"""Measurements as tables for notebooks: dimensions down, respondents across."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from valuecompass.measure.measurement import Measurement, Row, Score
from valuecompass.wording import date, interval, number, visible


def html_tables(measurements: Sequence[Measurement]) -> str:
    """Return one HTML table a measurement: score, 95 % limits and n; names are text, never markup.

    Nothing is loaded and no colour set, so that it reads in light and dark notebooks.
    """
    return str(Markup("").join(map(_one, measurements)))


def _one(measurement: Measurement) -> Markup:
    rows, manifest = measurement.rows, measurement.manifest
    gate = measurement.gate
    told: list[str] = []
    if gate is not None and gate.status != "passed":
        told.append(("Demonstration. " if gate.status == "failed" else "") + gate.reason)
    told += [f"{row.respondent}: {note}" for row in rows for note in row.notes]
    names = list(rows[0].dimensions) if rows else []
    return Markup(
        "<div><strong>{}</strong> <small>{}, form {}, judge {}, {}</small>"
        "<table><thead><tr><th></th>{}</tr></thead><tbody>{}</tbody></table>"
        "<small>Score on 0–100 [95 % interval], n answers or ratings.{}</small></div>"
    ).format(
        _text(manifest["system"]["name"]),
        date(measurement.created),
        _text(manifest["form"]["name"]),
        _text(manifest["judge_name"]),
        measurement.id,
        Markup("").join(map(_head, rows)),
        Markup("").join(_line(name, rows) for name in names),
        Markup("").join(Markup("<br>{}").format(_text(sentence)) for sentence in told),
    )


def _head(row: Row) -> Markup:
    mark = Markup("<br><em>simulated</em>") if row.simulated else ""
    return Markup("<th>{}{}</th>").format(_text(row.respondent), mark)


def _line(name: str, rows: Sequence[Row]) -> Markup:
    cells = Markup("").join(_cell(row.dimensions[name]) for row in rows)
    return Markup("<tr><th>{}</th>{}</tr>").format(_text(name), cells)


def _cell(score: Score) -> Markup:
    ends = interval(score.low, score.high)
    limits = f"[{ends}] " if ends else ""
    return Markup("<td>{} <small>{}n {:,}</small></td>").format(
        number(score.score), limits, score.n
    )


def _text(text: str) -> Markup:
    # bdi: a name written from right to left does not turn what stands beside it
    return Markup("<bdi>{}</bdi>").format(" ".join(visible(text).split()))
