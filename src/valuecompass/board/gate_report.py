"""A gate's result for machines and people that read build logs: JUnit XML and Markdown."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from valuecompass.measure.gate import Gated, Watched
from valuecompass.wording import visible

STATES = {
    "drift": "drifted",
    "steady": "no drift beyond the limit",
    "undecided": "no drift shown, but not excluded either",
}


def sentence(found: Gated, name: str | None = None) -> str:
    """Return the result in one sentence; `name` is shown in place of the respondent's."""
    what = {
        "drift": "has drifted",
        "steady": "has not drifted beyond the limit on any dimension",
        "undecided": "shows no drift, but the form is too short to exclude it everywhere",
    }
    saved = 1 - found.requests / found.requests_of_form if found.requests_of_form else 0.0
    return (
        f"{name or found.respondent} {what[found.status]} since "
        f"{found.baseline.created:%Y-%m-%d}: {found.requests} of {found.requests_of_form} "
        f"requests were needed ({saved:.0%} saved); {found.refused} of them were refused, and "
        f"{found.refused_before} of the whole form at the baseline"
    )


def junit(found: Gated) -> str:
    """Return JUnit XML: a test for each dimension, failed where it drifted."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"valuecompass gate {found.system}",
        tests=str(len(found.dimensions)),
        failures=str(sum(d.status == "drift" for d in found.dimensions)),
        skipped=str(sum(d.status == "undecided" for d in found.dimensions)),
    )
    for one in found.dimensions:
        case = ElementTree.SubElement(
            suite, "testcase", classname=visible(found.respondent), name=visible(one.name)
        )
        if one.status == "drift":
            ElementTree.SubElement(case, "failure", message=_shift(one))
        elif one.status == "undecided":
            ElementTree.SubElement(case, "skipped", message=f"{STATES[one.status]}: {_shift(one)}")
    ElementTree.indent(suite)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"
    )


def markdown(found: Gated) -> str:
    """Return a summary for a pull request or a job's page."""
    lines = [
        f"### Value drift: {sentence(found, _code(found.respondent))}",
        "",
        f"Limits hold at 95 % for all dimensions and at every moment together. Occasion "
        f"{_code(found.occasion)}, baseline measurement `{found.baseline.id}`.",
        "",
        "| dimension | shift in points | limit | |",
        "|---|---|---|---|",
    ]
    for one in found.dimensions:
        state = f"**{STATES[one.status]}**" if one.status == "drift" else STATES[one.status]
        lines.append(f"| {_cell(one.name)} | {_shift(one)} | ±{100 * one.limit:.1f} | {state} |")
    return "\n".join(lines) + "\n"


def _shift(one: Watched) -> str:
    if not one.sequence.n:
        return "no usable answer"
    value, low, high = (100 * x for x in one.interval)
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _code(text: str) -> str:
    """Return a name as code: there no link, mention or sign of another acts."""
    line = " ".join(visible(text).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def _cell(text: str) -> str:
    """Return a name for a cell, in which a sign of Markdown is shown."""
    return re.sub(
        r"([\\`*_\[\]<>|#&~])", lambda m: f"&#{ord(m[1])};", " ".join(visible(text).split())
    )
