"""Reading a judge's answer: nothing damaged is ever taken for a verdict."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judges.examples import OPENING, REQUEST, STEM, THREE_POINTS, subject
from valuecompass.judges import Subject, Verdict
from valuecompass.judges.llm.answers import VALENCE, read_answer

ABOUT = subject()
CELLS = [(part, name) for part in range(3) for name in ABOUT.dimensions]
FUZZED = 10_000


def true_answer() -> dict[str, Any]:
    """A whole answer in which no two verdicts are equal and none is 0."""
    rows = iter(range(1, 10))
    return {
        "parts": [
            {
                "part": part + 1,
                "verdicts": [
                    {
                        "dimension": name,
                        "expressed": (n := next(rows)) / 10,
                        "stance": ("supports", "opposes", "neither")[n % 3],
                        "confidence": 1 - n / 20,
                        "evidence": ABOUT.parts[part].text[3:20],
                    }
                    for name in ABOUT.dimensions
                ],
            }
            for part in range(3)
        ]
    }


TRUTH = {
    (part["part"] - 1, row["dimension"]): row
    for part in true_answer()["parts"]
    for row in part["verdicts"]
}


def check_range(found: dict[tuple[int, str], Verdict], about: Subject = ABOUT) -> None:
    for (part, name), verdict in found.items():
        assert 0 <= part < len(about.parts) and name in about.dimensions
        assert (verdict.part, verdict.dimension, verdict.missing) == (part, name, None)
        assert type(verdict.expressed) is float and 0 <= verdict.expressed <= 1
        assert verdict.valence in (-1, 0, 1)
        assert type(verdict.confidence) is float and 0 <= verdict.confidence <= 1
        assert (verdict.start is None) == (verdict.end is None)
        if verdict.start is not None and verdict.end is not None:
            piece = about.parts[part]
            assert piece.start <= verdict.start < verdict.end <= piece.end


def check_true(found: dict[tuple[int, str], Verdict]) -> None:
    """Every verdict found is the one that was given for that part and dimension."""
    check_range(found)
    for cell, verdict in found.items():
        row = TRUTH[cell]
        assert verdict.expressed == row["expressed"]
        assert verdict.valence == VALENCE[row["stance"]]
        assert verdict.confidence == row["confidence"]


# --- whole answers ---


def as_numbers_in_text(answer: dict[str, Any]) -> str:
    for part in answer["parts"]:
        for row in part["verdicts"]:
            row["expressed"] = str(row["expressed"])
    return json.dumps(answer)


def as_split_parts(answer: dict[str, Any]) -> str:
    single = [
        {"part": part["part"], "verdicts": [row]}
        for part in answer["parts"]
        for row in part["verdicts"]
    ]
    return json.dumps({"parts": single[::-1]})


def as_aliases(answer: dict[str, Any]) -> str:
    names = {"Craft": " workmanship", "Thrift": "SAVING", "Mirth": "F u n"}
    for part in answer["parts"]:
        for row in part["verdicts"]:
            row["dimension"] = names[row["dimension"]]
    return json.dumps(answer)


def as_extra_keys(answer: dict[str, Any]) -> str:
    for part in answer["parts"]:
        part["note"] = {"deep": [1, {"er": None}]}
        for row in part["verdicts"]:
            row["reasoning"] = "because } { of ``` this"
    return json.dumps(answer | {"thoughts": [float("nan")]})


def as_fenced_with_fence_in_evidence(answer: dict[str, Any]) -> str:
    answer["parts"][0]["verdicts"][0]["evidence"] = "```\ncode\n```"
    return f"```json\n{json.dumps(answer, indent=2)}\n```"


def as_whole_floats(answer: dict[str, Any]) -> str:
    for part in answer["parts"]:
        part["part"] = float(part["part"])
    return json.dumps(answer)


WHOLE = {
    "compact": lambda a: json.dumps(a, separators=(",", ":")),
    "indented": lambda a: json.dumps(a, indent=4),
    "ascii": lambda a: json.dumps(a, ensure_ascii=True),
    "fenced": lambda a: f"```json\n{json.dumps(a)}\n```",
    "fenced in prose": lambda a: f"Here it is.\n\n```\n{json.dumps(a)}\n```\nDone.",
    "in prose": lambda a: f"My rating: {json.dumps(a)} I am sure.",
    "byte order mark": lambda a: "\ufeff" + json.dumps(a),
    "shuffled": lambda a: json.dumps({"parts": a["parts"][::-1]}),
    "repeated": lambda a: json.dumps({"parts": a["parts"] * 3}),
    "numbers in text": as_numbers_in_text,
    "split parts": as_split_parts,
    "aliases": as_aliases,
    "extra keys": as_extra_keys,
    "fence in evidence": as_fenced_with_fence_in_evidence,
    "parts as 1.0": as_whole_floats,
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_valid_answer_is_read_whole(form):
    found, complaint = read_answer(WHOLE[form](true_answer()), ABOUT)
    assert complaint == ""
    assert sorted(found) == sorted(CELLS)
    check_true(found)


@pytest.mark.parametrize("kind", [OPENING, REQUEST, STEM])
@pytest.mark.parametrize("value", [0, 0.0, 1, 1.0, 0.37, 5e-324])
def test_edges_of_the_range_are_verdicts(kind, value):
    about = subject(**kind)
    row = {
        "dimension": about.dimensions[0],
        "expressed": value,
        "stance": "neither",
        "confidence": value,
        "evidence": "",
    }
    found, complaint = read_answer(json.dumps({"parts": [{"verdicts": [row]}]}), about)
    assert complaint == ""
    assert found[0, about.dimensions[0]].expressed == value


# --- damage that must be told ---

NOT_A_DEGREE = [
    *(-0.01, 1.01, -1, 2, 100, 1e308, -(10**400), 10**400),
    *(True, False, None, "", " ", "high", "1/2", "NaN", "inf", "0,5", "٠٫٥x", [], [0.5], {}),
    *({"value": 0.5}, "-0.2", "1e9", "0x1"),
]


@pytest.mark.parametrize("field", ["expressed", "confidence"])
@pytest.mark.parametrize("value", NOT_A_DEGREE, ids=lambda v: repr(v)[:20])
def test_what_is_not_a_degree_is_no_verdict(field, value):
    answer = true_answer()
    answer["parts"][1]["verdicts"][2][field] = value
    found, complaint = read_answer(json.dumps(answer), ABOUT)
    assert set(CELLS) - set(found) == {(1, "Mirth")}
    assert complaint == "1 of 9 verdicts are absent or out of range"
    check_true(found)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_no_verdict(literal):
    text = json.dumps(true_answer()).replace('"expressed": 0.5', f'"expressed": {literal}')
    found, complaint = read_answer(text, ABOUT)
    assert len(found) == 8 and complaint
    check_true(found)


@pytest.mark.parametrize("part", [0, -1, 4, 10**30, True, "1", "one", None, [], 1.5, 1e300])
def test_parts_off_range_make_the_numbering_worthless(part):
    answer = true_answer()
    answer["parts"][0]["part"] = part
    found, complaint = read_answer(json.dumps(answer), ABOUT)
    assert found == {} and complaint == "its parts are not numbered from 1 to 3"


def test_parts_counted_from_zero_are_not_taken_for_their_neighbours():
    answer = true_answer()
    for part in answer["parts"]:
        part["part"] -= 1
    assert read_answer(json.dumps(answer), ABOUT)[0] == {}


def test_two_different_verdicts_on_one_dimension_are_none():
    answer = true_answer()
    answer["parts"].append(copy.deepcopy(answer["parts"][0]))
    answer["parts"][3]["verdicts"][0]["expressed"] = 0.95
    found, complaint = read_answer(json.dumps(answer), ABOUT)
    assert set(CELLS) - set(found) == {(0, "Craft")} and complaint
    check_true(found)


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "0",
        '"parts"',
        "[]",
        "{}",
        "}{",
        '{"parts": null}',
        '{"parts": {}}',
        '{"parts": [null, 1, "x", [], {}]}',
        '{"parts": [{"part": 1, "verdicts": {}}]}',
        '{"parts": [{"part": 1, "verdicts": [null, 1, "x", [], {}]}]}',
        "[" * DEEP + "]" * DEEP,
        '{"parts":' * DEEP + "1" + "}" * DEEP,
        '{"parts": [{"part": 1, "verdicts": [{"evidence": ' + "[" * DEEP + "]" * DEEP + "}]}]}",
        '{"parts": [{"part": ' + "9" * 10_000 + ', "verdicts": []}]}',
        "\ud800\x00\uffff",
        '{"parts": [{"part": 1, "verdicts": [{"dimension": "\\ud800"}]}]}',
        "{" * 1_000_000,
        "x" * 1_000_000,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_an_answer_without_a_verdict_is_unreadable(text):
    found, complaint = read_answer(text, ABOUT)
    assert found == {} and complaint


# --- 10^4 damaged answers ---


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


# --- evidence ---


def located(quote: str, part: int = 1) -> tuple[str | None, Verdict]:
    answer = true_answer()
    answer["parts"][part]["verdicts"][0]["evidence"] = quote
    found, complaint = read_answer(json.dumps(answer), ABOUT)
    assert complaint == ""
    verdict = found[part, "Craft"]
    if verdict.start is None:
        return None, verdict
    return ABOUT.response[verdict.start : verdict.end], verdict


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("cost us next to nothing", "cost us next to nothing"),
        ('"cost us next to nothing"', "cost us next to nothing"),
        ("  boards were left over. ", "boards were left over."),
        ("cost us nothing", None),
        ("COST US", None),
        ("The bench was planed by hand", None),  # stands in another part
        ("nothing, since the boards were left over.\n3. We", None),  # crosses into another part
        ("", None),
        ('""', None),
        ("   ", None),
    ],
)
def test_a_quotation_is_located_in_its_part_or_dropped(quote, shown):
    assert located(quote)[0] == shown


def test_a_quotation_that_stands_twice_is_located_in_its_own_part():
    about = subject(response="1. We sing. Always.\n2. We sing. Sometimes.")
    rows = [{**row, "evidence": "We sing."} for (part, _), row in TRUTH.items() if part == 0]
    answer = {"parts": [{"part": n, "verdicts": rows} for n in (1, 2)]}
    found, _ = read_answer(json.dumps(answer), about)
    assert [found[part, "Craft"].start for part in (0, 1)] == [3, 23]


def test_offsets_count_characters_of_the_response():
    about = subject("stem", "  Ünder 💥 the oak\n we sang — “long live” 😀 oak.  ")
    row = {**TRUTH[0, "Mirth"], "dimension": "Craft", "evidence": "“long live” 😀"}
    found, _ = read_answer(json.dumps({"parts": [{"part": 1, "verdicts": [row]}]}), about)
    verdict = found[0, "Craft"]
    assert about.response[verdict.start : verdict.end] == "“long live” 😀"
