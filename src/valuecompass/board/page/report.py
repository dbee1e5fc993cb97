"""The report: one HTML file that needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from valuecompass.board.page import svg, view
from valuecompass.board.page.evidence import Piece, Seen, cut, seen, unjudged, weak
from valuecompass.board.page.facts import facts, script_json, shared, without
from valuecompass.board.page.gaps import gap_section
from valuecompass.board.page.templating import asset, environment
from valuecompass.board.page.view import Respondent, Section
from valuecompass.measure.measurement import Case, Mark, Measurement
from valuecompass.values import BUILTIN, builtin_system

__all__ = ["render_report"]

_TEXT_LIMIT = 6_000
"""Characters of a response or an item shown; enough for three pages, so that one text of a
megabyte neither freezes the browser nor hides the next case."""


@dataclass(frozen=True)
class _Verdict:
    mark: Mark
    seen: Seen
    cut_off: bool


@dataclass(frozen=True)
class _Case:
    case: Case
    respondent: Respondent
    system_name: str
    pieces: tuple[Piece, ...]
    omitted: int
    verdicts: tuple[_Verdict, ...]
    weak: tuple[tuple[str, float], ...]
    """Dimensions below one half and without evidence, with their degree."""
    unjudged: tuple[str, ...]
    """Dimensions without a verdict."""


def render_report(
    measurements: Sequence[Measurement],
    cases: Sequence[Case],
    *,
    gaps: Mapping[str, Mapping[str, Any]] | None = None,
    lead: Sequence[str] = (),
    title: str = "Value Compass report",
) -> str:
    """Return a self-contained HTML report.

    Nothing is loaded from anywhere; a content security policy forbids it and every script but the
    report's own. All texts are escaped, and characters that act instead of being read are made
    visible. The page is complete without scripts; they add the filter of the cases.

    Args:
        measurements: one section each, in this order; rows and columns keep their order.
        cases: responses to read, chosen by the caller.
        gaps: by id of the measurement what `board.stated.gaps_of` found; None: not looked at.
        lead: paragraphs that say what the report shows, plain text.
        title: heading of the page.

    Returns:
        HTML5, to be written as UTF-8.
    """
    known = view.people(measurements, cases)
    systems = Counter(m.system for m in measurements)
    sections = [
        view.section(m, known, i, dated=systems[m.system] > 1)
        for i, m in enumerate(measurements, start=1)
    ]
    found = gaps or {}
    manifests = [facts(m.manifest) for m in measurements]
    common = shared(manifests)
    script = asset("valuecompass.board.page", "report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            lead=lead,
            dates=list(dict.fromkeys(s.when for s in sections)),
            created=max((m.created for m in measurements), default=None),
            respondents=list(known.values()),
            sections=sections,
            gaps={m.id: gap_section(found[m.id], known) for m in measurements if m.id in found},
            scorings={s.system.scoring for s in sections},
            traded=any("within" in s.details for s in sections),
            cases=_grouped(_case(case, known, sections) for case in cases),
            common=common,
            manifests=[without(m, common) for m in manifests],
            data=script_json(_data(title, measurements, found)),
            style=Markup(asset("valuecompass.board.page", "report.css")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _data(
    title: str, measurements: Sequence[Measurement], gaps: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "title": title,
        "measurements": [
            {
                "id": m.id,
                "created": m.created.isoformat(),
                "system": m.system,
                "rows": [row.json() for row in m.rows],
                "stated_and_shown": gaps.get(m.id),
                "manifest": m.manifest,
            }
            for m in measurements
        ],
    }


def _case(case: Case, known: dict[str, Respondent], sections: Sequence[Section]) -> _Case:
    system = next((s.system for s in sections if s.measurement.system == case.system), None)
    if system is None and case.system in BUILTIN:
        system = builtin_system(case.system)
    scoring = system.scoring if system else None
    shown = min(_TEXT_LIMIT, len(case.response))
    verdicts = [
        _Verdict(m, seen(m, scoring), m.end is not None and shown < m.end <= len(case.response))
        for m in case.marks
        if not (unjudged(m) or weak(m, scoring))
    ]
    told = {v.mark.dimension for v in verdicts}
    faint: dict[str, float] = {}
    for m in case.marks:
        if weak(m, scoring) and m.dimension not in told:
            faint[m.dimension] = max(faint.get(m.dimension, 0.0), m.expressed or 0.0)
    return _Case(
        case=case,
        respondent=known[case.respondent],
        system_name=system.name if system else case.system,
        pieces=cut(case.response, case.marks, scoring, _TEXT_LIMIT),
        omitted=len(case.response) - shown,
        verdicts=tuple(verdicts),
        weak=tuple(faint.items()),
        unjudged=tuple(
            dict.fromkeys(
                m.dimension for m in case.marks if unjudged(m) and m.dimension not in told
            )
        ),
    )


def _grouped(cases: Iterable[_Case]) -> list[list[_Case]]:
    groups: dict[str, list[_Case]] = {}
    for case in cases:
        groups.setdefault(case.case.system, []).append(case)
    return list(groups.values())


@cache
def _environment() -> Environment:
    made = environment("valuecompass.board.page")
    names: dict[str, Any] = made.globals
    names |= {
        "estimate": view.estimate,
        "detail": view.detail,
        "detail_label": view.detail_label,
        "violation": view.VIOLATION,
        "text_limit": _TEXT_LIMIT,
        "example": svg.Estimate(62, 48, 75),
    }
    return made
