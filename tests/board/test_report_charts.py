"""Charts of the report: full axes, gaps, intervals, names and tables."""

import re

from tests.board.examples import NAMES, made_up_measurement
from tests.board.pages import Page, report
from valuecompass.board.page import render_report
from valuecompass.measure.measurement import Measurement, Row, Score
from valuecompass.values import builtin_system


def test_a_gap_in_a_profile_is_not_drawn_through():
    source = made_up_measurement("safety", NAMES[:1])
    first = source.rows[0]
    missing = {
        **first.dimensions,
        builtin_system("safety").names[2]: Score(None, None, None, 0, 0, 0),
    }
    gap = Measurement(
        "i",
        source.created,
        "safety",
        source.manifest,
        (Row(first.respondent, False, "safety", missing),),
    )
    path = re.compile(r'class="profile s0 r0"><path class="line" [^>]*d="([^"]*)"')
    whole, broken = (path.search(render_report([m], []))[1] for m in (source, gap))
    assert (whole.count("M"), whole.count("L")) == (1, 6)
    assert (broken.count("M"), broken.count("L")) == (2, 4)


def test_the_axis_is_full_whatever_the_scores():
    scores = {d: Score(41, 40, 42, 9, 0, 0) for d in builtin_system("safety").names}
    source = made_up_measurement("safety")
    row = Row("made-up/a", False, "safety", scores)
    text = render_report([Measurement("i", source.created, "safety", source.manifest, (row,))], [])
    ticks = re.findall(r'<text class="tick"[^>]*>(\d+)</text>', text)
    assert ticks == ["0", "25", "50", "75", "100"]
    rings = [float(r) for r in re.findall(r'<circle class="ring t\d+" r="([\d.]+)"', text)]
    assert rings == sorted(rings)
    assert rings[-1] == 150
    assert re.findall(r'<text x="(\d+)%"[^>]*>(\d+)<', text)[:5] == [(t, t) for t in ticks]
    assert '<rect class="bar" y="-7" height="14" width="41%"/>' in text


def test_every_chart_has_a_name_and_a_table():
    page = Page(report(("schwartz", "moral-foundations")))
    charts = [
        a
        for tag, a in page.elements
        if tag == "svg" and a.get("aria-hidden") != "true" and "viewbox" in a
    ]
    assert len(charts) == 2
    assert all(a["role"] == "img" and re.search("Power|Care", a["aria-label"]) for a in charts)
    text = page.text()
    for twin in (
        "The radar as a table",
        "All numbers as a table",
        "The trade-off scales as a table",
    ):
        assert twin in text
    assert "EVR" in text
    regions = [a for _, a in page.elements if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in regions)


def test_trade_off_scale_is_not_shown_where_there_is_none():
    assert "Trade-off scale: compares dimensions within one respondent" in report(("schwartz",))
    assert "Trade-off scale" not in report(("safety",))
    assert "How principles are violated" not in report(("safety",))


def test_intervals_stand_in_the_radar_at_once_only_while_they_are_readable():
    few = render_report([made_up_measurement("schwartz", NAMES[:3])], [])
    many = render_report([made_up_measurement("schwartz")], [])
    assert 'class="radar-figure all-bands"' in few
    assert 'type="radio"' not in few
    assert 'class="radar-figure all-bands"' not in many
    assert many.count('type="radio"') == 6


def test_more_respondents_than_colours():
    names = tuple(f"made-up/model-{i}" for i in range(11))
    page = Page(render_report([made_up_measurement("schwartz", names)], []))
    assert {a["class"] for a in page.tags("g")} == {f"profile s{i % 8} r{i}" for i in range(11)}


def test_systems_of_one_or_two_dimensions_have_no_radar():
    system = {
        "id": "own",
        "name": "Own",
        "scoring": "rating",
        "summary": "One thing.",
        "source": "Own.",
        "dimensions": [
            {"name": "Calm", "definition": "Being calm.", "high": "calm", "low": "not calm"}
        ],
    }
    row = Row("made-up/a", False, "own", {"Calm": Score(40, 30, 50, 9, 0, 0)})
    when = made_up_measurement("safety").created
    text = render_report([Measurement("i", when, "own", {"system": system}, (row,))], [])
    assert '<svg class="radar' not in text
    assert "Being calm." in Page(text).text()
