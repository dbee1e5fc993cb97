"""Reading 10^4 damaged answers of a judge: nothing damaged is ever taken for a verdict."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judges.examples import THREE_POINTS
from tests.judges.llm_answers import (
    ABOUT,
    CELLS,
    NOT_A_DEGREE,
    check_range,
    check_true,
    true_answer,
)
from valuecompass.judges.llm.answers import read_answer

FUZZED = 10_000


def _somewhere(answer: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    return rng.choice(rng.choice(answer["parts"])["verdicts"])


def worse_field(answer: dict[str, Any], rng: random.Random) -> None:
    field = rng.choice(["dimension", "expressed", "stance", "confidence", "evidence"])
    junk = rng.choice([*NOT_A_DEGREE, float("nan"), float("inf"), "Power", "Craft!", "SUPPORTS"])
    if field == "evidence" and isinstance(junk, str):
        junk = None
    _somewhere(answer, rng)[field] = junk


def lost_field(answer: dict[str, Any], rng: random.Random) -> None:
    row = _somewhere(answer, rng)
    row.pop(rng.choice(list(row)), None)


def other_dimension(answer: dict[str, Any], rng: random.Random) -> None:
    part = rng.choice(answer["parts"])
    names = [*ABOUT.dimensions, "Power", "", "Craft and Thrift"]
    rng.choice(part["verdicts"])["dimension"] = rng.choice(names)


def part_number(answer: dict[str, Any], rng: random.Random) -> None:
    # 1 to 3 would be a lie that nobody can tell from the truth, unless it is told twice
    rng.choice(answer["parts"])["part"] = rng.choice([0, -3, 4, 99, 10**40, 2.5, "2", None, False])


def doubled_part(answer: dict[str, Any], rng: random.Random) -> None:
    part = copy.deepcopy(rng.choice(answer["parts"]))
    for row in part["verdicts"]:
        row["expressed"] = rng.choice([row["expressed"], 0, 1])
    answer["parts"].insert(rng.randrange(4), part)


def extra_keys(answer: dict[str, Any], rng: random.Random) -> None:
    _somewhere(answer, rng)[rng.choice(["why", "part", "\u0000", "💥"])] = copy.deepcopy(
        answer["parts"][0]
    )


def lost_rows(answer: dict[str, Any], rng: random.Random) -> None:
    rows = rng.choice(answer["parts"])["verdicts"]
    del rows[rng.randrange(len(rows)) :]
    rows.append(rng.choice([None, 7, "x", [], {}]))


def quotation(answer: dict[str, Any], rng: random.Random) -> None:
    start = rng.randrange(len(THREE_POINTS))
    quote = THREE_POINTS[start : start + rng.randrange(40)]
    frame = rng.choice(["{}", '"{}"', " {} ", "{}?", "…{}", "{}\u200b"])
    _somewhere(answer, rng)["evidence"] = frame.format(quote)


UNREADABLE = (worse_field, lost_field, part_number, extra_keys, lost_rows, quotation)
CONTRADICTING = (other_dimension, doubled_part)
"""Well-formed falsehoods: found out as long as the true verdict stands beside them."""


def damage_structure(answer: dict[str, Any], rng: random.Random) -> None:
    if rng.random() < 0.2:
        rng.choice(CONTRADICTING)(answer, rng)
        return
    for _ in range(rng.randrange(1, 5)):
        # an earlier damage may have taken away what this one wants to hit
        with contextlib.suppress(IndexError, KeyError, TypeError, AttributeError):
            rng.choice(UNREADABLE)(answer, rng)


def damaged_text(text: str, rng: random.Random) -> str:
    """Damage of the letters: cut, garbled, interleaved."""
    for _ in range(rng.randrange(1, 6)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        to = min(to, at + rng.randrange(1, 60))
        text = rng.choice(
            [
                text[:at],
                text[at:],
                text[:at] + text[to:],
                text[:to] + text[at:],
                text[:at] + rng.choice('{}[]",:0-.eE\\ux\u0000é💥\ud800') + text[at:],
                text[:at] + "".join(chr(rng.randrange(0x250)) for _ in range(5)) + text[to:],
            ]
        )
    return text


def test_ten_thousand_damaged_answers():
    rng = random.Random(20261120)
    read = {"structure": 0, "letters": 0}
    for number in range(FUZZED):
        answer = true_answer()
        if number % 2:
            damage_structure(answer, rng)
            found, complaint = read_answer(json.dumps(answer, skipkeys=True), ABOUT)
            check_true(found)
            read["structure"] += len(found)
        else:
            found, complaint = read_answer(damaged_text(json.dumps(answer), rng), ABOUT)
            check_range(found)
            read["letters"] += len(found)
        assert (complaint == "") == (sorted(found) == sorted(CELLS))
    # the test would show nothing if everything, or nothing, came through
    assert 0.2 < read["structure"] / (9 * FUZZED / 2) < 0.9
    assert 0.001 < read["letters"] / (9 * FUZZED / 2) < 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["parts", "part", "verdicts", "dimension", "expressed", "stance", "confidence"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_without_an_error(value):
    for text in (json.dumps(value), json.dumps({"parts": value}), repr(value)):
        found, _ = read_answer(text, ABOUT)
        check_range(found)


@given(st.text(st.characters(exclude_categories=())))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_without_an_error(text):
    assert read_answer(text, ABOUT)[0] == {}
