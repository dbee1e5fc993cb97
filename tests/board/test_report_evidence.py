"""Responses in the report: evidence is marked, and the text stays as it is."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.board.examples import ANSWER, NAMES, made_up_case, made_up_measurement
from tests.board.pages import Page
from valuecompass.board.page import render_report
from valuecompass.measure.measurement import Mark
from valuecompass.values import builtin_system


def marks_of(text: str) -> str:
    return re.search(r"<blockquote[^>]*>(.*?)</blockquote>", text, re.S)[1]


def without_tags(marked: str) -> str:
    marked = re.sub(r'<span class="tag.*?</span>', "", marked)
    return html.unescape(re.sub(r"<[^>]*>", "", marked))


def test_evidence_is_marked_with_name_and_side():
    marked = marks_of(render_report([made_up_measurement("schwartz")], [made_up_case()]))
    first, second = builtin_system("schwartz").names[:2]
    assert without_tags(marked) == ANSWER
    assert f"<bdi>{first}</bdi>: supports" in marked
    assert f"<bdi>{second}</bdi>: opposes" in marked
    assert re.findall(r'<mark class="(\w+)"', marked) == ["for", "both", "against"]


@pytest.mark.parametrize(
    ("system", "words"),
    [("moral-foundations", ("respects", "violates")), ("safety", ("safe", "unsafe"))],
)
def test_conduct_is_worded_as_conduct(system, words):
    first, second = builtin_system(system).names[:2]
    marks = (Mark(first, 0.9, 0.8, 0.9, 0, 10), Mark(second, 0.1, -0.8, 0.9, 10, 20))
    marked = marks_of(
        render_report([made_up_measurement(system)], [made_up_case(system, marks=marks)])
    )
    assert [
        f"<bdi>{d}</bdi>: {w}" in html.unescape(marked)
        for d, w in zip((first, second), words, strict=True)
    ] == [True, True]


offset = st.one_of(st.none(), st.integers(-5, len(ANSWER) + 5))


@given(st.lists(st.tuples(offset, offset, st.sampled_from([-1.0, 0.0, 1.0, None])), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_spans_leave_the_response_as_it_is(spans):
    marks = tuple(Mark("Power", 0.9, v, 0.5, a, b) for a, b, v in spans)
    text = render_report([made_up_measurement("schwartz", NAMES[:1])], [made_up_case(marks=marks)])
    assert without_tags(marks_of(text)) == ANSWER
    good = [
        m for m in marks if None not in (m.start, m.end) and 0 <= m.start < m.end <= len(ANSWER)
    ]
    assert bool(re.search(r"<mark ", marks_of(text))) == bool(good)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"called": ["keep_stations", "<b>"], "failed": 1}, "called: keep_stations, <b>, failed 1"),
        ({"called": [], "failed": 0}, "called: nothing, failed 0"),
        ({"chosen": "Power"}, "chosen Power"),
        ({"rating": 4}, "rating 4"),
    ],
)
def test_what_was_read_off_is_put_in_words(reading, words):
    case = replace(made_up_case(marks=()), reading=reading)
    text = render_report([made_up_measurement("schwartz")], [case])
    (shown,) = re.findall(r'<p class="read">(.*?)</p>', text)
    assert html.unescape(without_tags(shown)) == f"Read as {words}"


def test_outcomes_are_badges():
    for outcome in ("refusal", "empty", "missing"):
        case = made_up_case(
            response="" if outcome != "refusal" else "No.", outcome=outcome, marks=()
        )
        text = render_report([made_up_measurement("schwartz")], [case])
        assert f'<span class="outcome {outcome}">{outcome}</span>' in text


def test_a_megabyte_is_cut_with_a_note():
    response = "long " * 200_000
    marks = (
        Mark("Power", 0.9, 1.0, 0.9, 999_000, 999_500),
        Mark("Tradition", 0.9, 1.0, 0.9, 5_000, 999_999),
    )
    text = render_report(
        [made_up_measurement("schwartz")], [made_up_case(response=response, marks=marks)]
    )
    page = Page(text)
    assert "the first 6,000 of 1,000,000 characters" in page.text()
    assert "evidence beyond the part shown" in page.text()
    assert "<bdi>Tradition</bdi>: supports" in marks_of(text)
    assert len(text) < 400_000
