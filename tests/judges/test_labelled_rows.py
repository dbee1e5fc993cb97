"""Files of labelled responses: what is read, judged once, and what a wrong file is told."""

from __future__ import annotations

import json

import pytest

from tests.judges.evaluated import ROW, Scripted, evaluated, many, written
from tests.judges.examples import own_system
from valuecompass.errors import InputError
from valuecompass.judges import Subject, Verdict, all_missing
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import contradicting, read_labels
from valuecompass.values import builtin_system


def test_rows_become_subjects_as_in_a_measurement(tmp_path):
    rows = read_labels(
        written(
            tmp_path,
            ROW | {"respondent": "somebody", "score": 3.5, "valence": 1},
            "",
            {**ROW, "system": "moral-foundations", "dimension": "care", "principle": "Be kind."},
            {**ROW, "system": "moral-foundations", "dimension": "Care/Harm", "expressed": 0},
            {**ROW, "system": "safety", "dimension": "Malicious Use"},
            {**ROW, "system": "schwartz", "dimension": "Power", "response": "1. Yes.\n2. No."},
        )
    )
    stem, kind, plain, request, question = rows
    assert (stem.system.id, stem.dimension, stem.expressed) == ("llm-unique", "Professional", 1)
    assert [r.subject.item.kind for r in rows] == [
        *("stem", "opening", "opening", "request", "question")
    ]
    assert kind.subject.item.principle == "Be kind." and kind.dimension == "Care/Harm"
    definition = builtin_system("moral-foundations").dimension("Care/Harm").definition
    assert plain.subject.item.principle == definition
    assert request.subject.dimensions == ("Malicious Use",)
    assert question.subject.dimensions == builtin_system("schwartz").names
    assert len(question.subject.parts) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "maslow"}, "system: 'maslow' is unknown; known: schwartz, "),
        ({"system": 3}, "system: 3, expected text"),
        ({"system": "big-five"}, "system: big-five is scored from ratings, not by a judge"),
        ({"dimension": "Power"}, "dimension: 'Power' is not a dimension of llm-unique; known: "),
        ({"dimension": None}, "dimension: None, expected text"),
        ({"item": ""}, "item: String should have at least 1 character"),
        ({"item": ["a"]}, "item: ['a'], expected text"),
        ({"response": 0}, "response: 0, expected text"),
        ({"expressed": True}, "expressed: True, expected 0 or 1"),
        ({"expressed": "1"}, "expressed: '1', expected 0 or 1"),
        ({"expressed": 0.5}, "expressed: 0.5, expected 0 or 1"),
        ({"expressed": float("nan")}, "expressed: nan, expected 0 or 1"),
        ({"expressed": {"a": [1]}}, "expressed: {'a': [1]}, expected 0 or 1"),
        ({"principle": 1}, "principle: 1, expected text"),
        ({"principle": "x" * 20_001}, "principle: String should have at most 20000 characters"),
    ],
)
def test_a_bad_row_is_told_by_file_line_and_field(tmp_path, change, message):
    path = written(tmp_path, ROW, "", ROW | change)
    with pytest.raises(InputError) as error:
        read_labels(path)
    assert str(error.value).startswith(f"{path}, line 3: {message}")


@pytest.mark.parametrize("field", ["system", "item", "response", "dimension", "expressed"])
def test_a_missing_field_is_told(tmp_path, field):
    path = written(tmp_path, {k: v for k, v in ROW.items() if k != field})
    with pytest.raises(InputError, match=f"line 1: {field}: missing, expected"):
        read_labels(path)


@pytest.mark.parametrize("line", ["{", "[1]", "nonsense", '{"a": 1} {"b": 2}', "[" * 100_000])
def test_a_line_that_is_no_object_is_told(tmp_path, line):
    with pytest.raises(InputError, match="line 2"):
        read_labels(written(tmp_path, ROW, line))


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(InputError, match="no rows"):
        read_labels(written(tmp_path, "", "  "))
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "absent.jsonl")
    path = tmp_path / "latin.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n\xe9")
    with pytest.raises(InputError, match="line 2: byte 0xe9 is not UTF-8"):
        read_labels(path)


def test_a_system_of_ones_own(tmp_path):
    path = written(tmp_path, ROW | {"system": "workshop", "dimension": "fun"})
    with pytest.raises(InputError, match="'workshop' is unknown"):
        read_labels(path)
    (row,) = read_labels(path, [own_system()])
    assert row.dimension == "Mirth" and row.subject.dimensions == own_system().names


@pytest.mark.anyio
async def test_opinions_are_joined_by_the_largest_and_missing_stays_missing(tmp_path):
    base = ROW | {"system": "schwartz"}
    rows = read_labels(
        written(
            tmp_path,
            *(base | {"response": "a", "dimension": d} for d in ("Power", "Security", "Hedonism")),
            base | {"response": "b", "dimension": "Power"},
        )
    )
    judge = Scripted({("a", "Power"): [0.2, 0.7, None], ("a", "Security"): [None, None]})
    assert [s.expressed for s in await judge_rows(judge, rows)] == [0.7, None, None, None]
    # the rows of one response share one verdict
    assert sorted(s.response for s in judge.seen) == ["a", "b"]


@pytest.mark.anyio
async def test_rows_that_differ_in_item_or_principle_are_judged_apart(tmp_path):
    moral = ROW | {"system": "moral-foundations", "dimension": "Care"}
    rows = read_labels(
        written(tmp_path, moral, moral | {"principle": "Be kind."}, moral | {"item": "Else"}, moral)
    )
    judge = Scripted({})
    told: list[tuple[int, int]] = []
    await judge_rows(judge, rows, lambda *counts: told.append(counts))
    assert len(judge.seen) == 3 and told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.anyio
async def test_a_judge_that_says_nothing(tmp_path):
    class Silent(Scripted):
        async def judge(self, subject: Subject) -> list[Verdict]:
            return all_missing(subject, "silent")

    rows = read_labels(written(tmp_path, *many(60)))
    values = [s.expressed for s in await judge_rows(Silent({}), rows)]
    found = evaluated(rows, values)["llm-unique"]
    assert found["coverage"] == 0 and found["n"] == 60
    assert (found["auc"], found["accuracy"], found["macro_auc"], found["useful"]) == (None,) * 4
    assert found["kappa"] is None and found["intervals"] == {}
    assert set(found["shortcuts"].values()) == {None} and not found["margins"]
    notes = {found["note"], *(d["note"] for d in found["dimensions"].values())}
    assert notes == {"not estimable: the judge gave no verdict"}
    json.dumps(found, allow_nan=False)


def test_responses_with_both_labels_for_a_dimension_are_counted(tmp_path):
    row = {"system": "schwartz", "item": "Ban cars?", "response": "1. Yes.", "dimension": "Power"}
    other = row | {"dimension": "Security"}
    again = [row | {"expressed": 1}, other | {"expressed": 0}, row | {"expressed": 0}]
    apart = [row | {"expressed": 1}, row | {"item": "Ban bikes?", "expressed": 0}]
    for rows, count in ((again, 1), (again[:2], 0), (apart, 0)):
        assert contradicting(read_labels(written(tmp_path, *rows))) == count
