"""The report: what it says of respondents, scores and how they were made."""

import json
import re
from itertools import pairwise

import pytest

from tests.board.examples import (
    NAMES,
    SYSTEMS,
    corrected_measurement,
    made_up_case,
    made_up_measurement,
)
from tests.board.pages import Page, report
from valuecompass.board.page import render_report
from valuecompass.measure.measurement import Measurement, Row, Score
from valuecompass.values import builtin_system


def test_everything_is_in_its_order():
    page = Page(report())
    ids = [a["id"] for tag, a in page.elements if tag == "section"]
    assert ids == ["reading", *(f"system-{i}" for i in (1, 2, 3, 4)), "cases", "making"]
    headings = re.sub(r"\s+", " ", page.text("h2"))
    for before, after in pairwise(builtin_system(s).name for s in SYSTEMS):
        assert headings.index(before) < headings.index(after)
    text = page.text()
    assert text.index("What it shows.") < text.index("Respondents")
    assert "14 March 2026" in text
    for word in ("Interval", "Refused", "Missing", "Not measured", "Limits", "Manifest"):
        assert word in text


def test_rows_and_columns_keep_their_order():
    page = Page(render_report([made_up_measurement("schwartz")], []))
    board = page.text("table").split("Dimension")[0]
    heads = [board.index(d) for d in builtin_system("schwartz").circle]
    assert heads == sorted(heads)
    at = [board.index(n.split("/")[1].split("&")[0]) for n in NAMES[:4]]
    assert at == sorted(at)


def test_simulated_respondents_are_marked_by_a_word_everywhere():
    measurement = made_up_measurement("schwartz", NAMES[:1] + NAMES[3:4])
    with_one = render_report([measurement], [made_up_case(respondent=NAMES[3])])
    assert Page(with_one).text().count("simulated") > 8
    none = render_report([made_up_measurement("schwartz", NAMES[:2])], [made_up_case()])
    assert "simulated" not in Page(none).text()


def test_a_dimension_without_data_is_not_measured_and_never_zero():
    empty = Score(None, None, None, 0, 3, 4)
    row = Row("made-up/a", False, "safety", dict.fromkeys(builtin_system("safety").names, empty))
    source = made_up_measurement("safety")
    page = render_report([Measurement("i", source.created, "safety", source.manifest, (row,))], [])
    section = page[page.index('id="system-1"') : page.index('id="making"')]
    assert section.count("not measured") >= 6
    assert "3 refused" in section
    assert "4 missing" in section
    assert 'class="score"' not in section
    assert '<svg class="range' not in section
    assert '<svg class="radar' not in section


def test_a_builtin_system_is_shown_as_it_was_measured():
    measurement = made_up_measurement("safety")
    measurement.manifest["system"]["dimensions"][0]["definition"] = (
        "As it was defined in the old days."
    )
    page = Page(render_report([measurement], []))
    assert "As it was defined in the old days." in page.text()


def test_two_measurements_of_one_system_are_told_apart_by_their_date():
    text = Page(render_report([made_up_measurement("safety")] * 2, [])).text()
    assert "Safety domains, 14 March 2026" in text


def test_nothing_at_all_is_a_page_too():
    assert "no measurements" in Page(render_report([], [])).text()


def test_a_demonstration_is_marked_with_its_reason():
    reason = "No better than the length of a text."
    page = Page(render_report([corrected_measurement("safety", "failed", reason, 30)], []))
    badges = [a["class"] for a in page.tags("span") if "demonstration" in a.get("class", "")]
    assert badges == ["badge demonstration"]
    assert f"Demonstration. {reason}" in page.text()
    for status in ("passed", "unmeasured"):
        page = Page(render_report([corrected_measurement("safety", status, reason, 30)], []))
        assert reason in page.text() and "emonstration" not in page.text()


@pytest.mark.parametrize("system", ["schwartz", "safety"])
def test_shares_stand_raw_and_corrected(system):
    page = Page(render_report([corrected_measurement(system, "passed", "Good.", 30)], []))
    text = re.sub(r"\s", "", page.text(inside="tbody"))
    dimensions = len(builtin_system(system).names)
    assert text.count("4030–50") == text.count("3025–35") == dimensions
    assert "share corrected for the judge's errors" in page.text()
    page = Page(render_report([corrected_measurement(system, "passed", "Good.", None)], []))
    assert page.text().count("not corrected") == dimensions
    assert "Corrected for" not in Page(render_report([made_up_measurement(system)], [])).text()


def test_manifests_are_shown_once_where_they_agree():
    measurements = [
        made_up_measurement(s, prompts={"own": f"hash-{s}", "common": "cafe"}) for s in SYSTEMS
    ]
    making = render_report(measurements, []).split('id="making"')[1].split("<script")[0]
    assert making.count("cafe") == 1
    assert all(making.count(f"hash-{s}") == 1 for s in SYSTEMS)


def test_embedded_data_is_the_documented_json():
    measurements = [made_up_measurement(s, notes=("</script><!-- \u2028 ü",)) for s in SYSTEMS]
    text = render_report(measurements, [])
    data = Page(text).script(data=True)
    assert "<" not in data
    assert data.isascii()
    found = json.loads(data)["measurements"]
    for m, back in zip(measurements, found, strict=True):
        assert back["rows"] == json.loads(json.dumps([r.json() for r in m.rows]))
        assert back["manifest"] == m.manifest
        assert (back["id"], back["created"]) == (m.id, m.created.isoformat())


def test_numbers_json_cannot_say_are_null():
    text = render_report([made_up_measurement("safety", spread=float("nan"))], [])
    data = json.loads(Page(text).script(data=True), parse_constant=pytest.fail)
    assert data["measurements"][0]["manifest"]["spread"] is None


def test_ids_are_unique_and_every_reference_resolves():
    page = Page(report())
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.elements if "href" in a}
    wanted |= {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert wanted <= set(ids)


def test_size_of_a_full_report():
    text = report(per_respondent=5)
    assert text.count('<details class="case"') == 100
    assert len(text.encode()) < 1_500_000


def test_it_is_the_same_every_time():
    assert report() == report()
