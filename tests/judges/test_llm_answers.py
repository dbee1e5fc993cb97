"""Reading a judge's answer: whole ones, damage that must be told, and evidence."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.judges.examples import OPENING, REQUEST, STEM, subject
from tests.judges.llm_answers import ABOUT, CELLS, NOT_A_DEGREE, TRUTH, check_true, true_answer
from valuecompass.judges import Verdict
from valuecompass.judges.llm.answers import read_answer

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
