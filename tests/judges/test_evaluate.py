"""A judge against labels: what the figures are, and what a wrong file is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.judges.examples import OWN_TOML, own_system
from tests.judges.topics import TOPICS
from valuecompass.errors import InputError
from valuecompass.judges import Subject, Verdict, all_missing
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.quality.evaluate import base_rates, refusal_words, report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.stats import auc, cohen_kappa
from valuecompass.values import builtin_system

ROW: dict[str, Any] = {
    "system": "llm-unique",
    "item": "When I write a report, I",
    "response": "keep to the facts.",
    "dimension": "Professional",
    "expressed": 1,
}


def written(tmp_path: Path, *rows: Any) -> Path:
    path = tmp_path / "labels.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Scripted:
    """Says of each dimension what a table says; None is missing."""

    name = "scripted"
    identity = {"kind": "scripted"}  # noqa: RUF012

    def __init__(self, table: dict[tuple[str, str], list[float | None] | float | None]) -> None:
        self.table = table
        self.seen: list[Subject] = []

    async def judge(self, subject: Subject) -> list[Verdict]:
        self.seen.append(subject)
        found: list[Verdict] = []
        for name in subject.dimensions:
            value = self.table.get((subject.response, name))
            for part, v in enumerate(value if isinstance(value, list) else [value]):
                missing = None if v is not None else "not in the table"
                found.append(Verdict(part, name, v, missing=missing))
        return found


def many(n: int, seed: int = 0, items: int = 20) -> list[dict[str, Any]]:
    """Rows of two dimensions with labels that are no function of length."""
    rng = np.random.default_rng(seed)
    return [
        ROW
        | {
            "item": f"Stem {i % items}",
            "response": f"Answer {i} " + "long " * int(rng.integers(0, 9)),
            "dimension": ("Professional", "Social")[i % 2],
            "expressed": int(rng.integers(0, 2)),
        }
        for i in range(n)
    ]


def evaluated(rows: list[Any], values: list[float | None], seed: int = 0) -> dict[str, Any]:
    return report(rows, values, seed)


# --- reading ---


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


# --- judging ---


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


# --- figures ---


def test_figures_of_known_verdicts(tmp_path):
    raw = many(200)
    rows = read_labels(written(tmp_path, *raw))
    rng = np.random.default_rng(1)
    labels = np.array([r["expressed"] for r in raw])
    values = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.3, 200), 0, 1)
    found = evaluated(rows, values.tolist())["llm-unique"]
    assert found["auc"] == pytest.approx(auc(values, labels), abs=1e-4)
    halves = [auc(values[k::2], labels[k::2]) for k in (0, 1)]
    assert [d["auc"] for d in found["dimensions"].values()] == pytest.approx(halves, abs=1e-4)
    assert found["macro_auc"] == pytest.approx(np.mean(halves), abs=1e-4)
    right = (values >= 0.5) == labels
    assert found["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    kappa = cohen_kappa(values >= 0.5, labels)
    assert found["kappa"] == pytest.approx(kappa, abs=1e-4)
    assert found["majority"] == pytest.approx(max(labels.mean(), 1 - labels.mean()), abs=1e-4)
    lengths = [len(r["response"]) for r in raw]
    assert found["shortcuts"]["length"] == pytest.approx(auc(lengths, labels), abs=1e-4)
    assert found["shortcuts"]["refusal_words"] == 0.5
    figures = ("auc", "macro_auc", "accuracy", "kappa", *found["shortcuts"])
    assert set(found["intervals"]) == set(figures)
    for name, (low, high) in found["intervals"].items():
        value = found[name] if name in found else found["shortcuts"][name]
        assert low <= value <= high
    assert found["useful"] is True and found["coverage"] == 1 and found["note"] is None
    # the same verdicts, rows in another order
    order = rng.permutation(200)
    again = evaluated([rows[i] for i in order], values[order].tolist())["llm-unique"]
    assert again["intervals"] == found["intervals"] and again["margins"] == found["margins"]


def test_a_judge_that_only_counts_letters_is_not_useful(tmp_path):
    raw = many(200)
    for i, row in enumerate(raw):
        row["response"] = "word " * (1 + i % 7 + 9 * row["expressed"])
    rows = read_labels(written(tmp_path, *raw))
    values = [len(r["response"]) / 100 for r in raw]
    found = evaluated(rows, values)["llm-unique"]
    assert found["auc"] > 0.9 and found["margins"]["length"]["value"] == 0
    assert found["useful"] is False
    backwards = evaluated(rows, [1 - v for v in values])["llm-unique"]
    assert backwards["auc"] < 0.1 and backwards["useful"] is False


def test_a_judge_that_only_knows_the_dimension_is_not_useful(tmp_path):
    raw = many(300)
    for i, row in enumerate(raw):
        row["expressed"] = int(i % 10 < 8) if i % 2 else int(i % 10 < 3)
    rows = read_labels(written(tmp_path, *raw))
    found = evaluated(rows, [0.9 if i % 2 else 0.1 for i in range(300)])["llm-unique"]
    assert found["auc"] > 0.65 and found["macro_auc"] == 0.5
    assert found["shortcuts"]["base_rate"] == found["auc"] and found["useful"] is False


def test_the_base_rate_of_a_row_is_that_of_other_items():
    names = np.array(["a", "a", "a", "a", "b", "b", "c"])
    items = np.array(["1", "1", "2", "3", "1", "4", "1"])
    labels = np.array([1.0, 0, 1, 0, 1, 0, 1])
    # of a: 2 of 4, of item 1 there 1 of 2; c is nowhere else
    assert base_rates(labels, names, items).tolist() == [1 / 2, 1 / 2, 1 / 3, 2 / 3, 0, 1, 1 / 2]


def test_base_rates_that_tell_nothing_are_a_guess(tmp_path):
    # ten rows of each of six dimensions, labelled at random: shares of these very rows would know
    # them with an AUC of .6 to .7
    names = builtin_system("llm-unique").names
    found, seen = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        raw = [
            ROW
            | {"item": f"Stem {i}", "dimension": names[i % 6], "expressed": int(rng.random() < 0.5)}
            for i in range(60)
        ]
        rows = read_labels(written(tmp_path, *raw))
        labels = np.array([r["expressed"] for r in raw])
        seen.append(auc([labels[i % 6 :: 6].mean() for i in range(60)], labels))
        shortcut = evaluated(rows, rng.random(60).tolist())["llm-unique"]["shortcuts"]["base_rate"]
        assert shortcut >= 0.5
        found.append(shortcut)
    assert np.mean(seen) > 0.6 and np.mean(found) < 0.55


def test_equal_base_rates_are_a_guess(tmp_path):
    # as many of each label in both dimensions: a row left out makes its own dimension's share
    # the worse guide, and read backwards that would be a perfect one
    raw = [row | {"item": f"{i}", "expressed": i // 2 % 2} for i, row in enumerate(many(80))]
    rows = read_labels(written(tmp_path, *raw))
    found = evaluated(rows, [float(r["expressed"]) for r in raw])["llm-unique"]
    assert found["shortcuts"]["base_rate"] == 0.5
    assert found["intervals"]["base_rate"] == [0.5, 0.5] and found["useful"] is True


def test_a_shortcut_read_backwards_is_a_shortcut(tmp_path):
    raw = many(200)
    for row in raw:
        row["response"] = "I am sorry, I cannot." if row["expressed"] == 0 else row["response"]
    rows = read_labels(written(tmp_path, *raw))
    found = evaluated(rows, [float(r["expressed"]) for r in raw])["llm-unique"]
    assert found["shortcuts"]["refusal_words"] == 0
    assert found["margins"]["refusal_words"]["value"] == 0 and found["useful"] is False


@pytest.mark.parametrize("ones", [0, 9, 10])
def test_fewer_than_ten_of_a_class_are_not_estimable(tmp_path, ones):
    raw = [
        row | {"dimension": "Social", "expressed": int(i < ones)} for i, row in enumerate(many(30))
    ]
    rows = read_labels(written(tmp_path, *raw))
    found = evaluated(rows, [i / 30 for i in range(30)])["llm-unique"]
    assert (found["auc"] is None) == (ones < 10)
    dimension = found["dimensions"]["Social"]
    assert (dimension["n"], dimension["expressed"]) == (30, ones)
    note = None if ones == 10 else f"not estimable: {ones} labelled 1 and {30 - ones} labelled 0"
    assert dimension["note"] == found["note"] == note
    assert found["accuracy"] is not None
    json.dumps(found, allow_nan=False)


def test_rows_without_a_verdict_tie_with_all_others(tmp_path):
    raw = many(100)
    rows = read_labels(written(tmp_path, *raw))
    values = [None if i % 4 == 0 else float(r["expressed"]) for i, r in enumerate(raw)]
    found = evaluated(rows, values)["llm-unique"]
    assert (found["n"], found["judged"], found["coverage"]) == (100, 75, 0.75)
    said = np.array([v is not None for v in values])
    ones = np.array([r["expressed"] == 1 for r in raw])
    both = said[ones].mean() * said[~ones].mean()  # share of the pairs; there it is always right
    assert found["auc"] == pytest.approx(both + (1 - both) / 2, abs=1e-4)
    low, high = found["intervals"]["auc"]
    assert low < found["auc"] < high
    assert found["accuracy"] == 1
    whole = evaluated(rows, [float(r["expressed"]) for r in raw])["llm-unique"]
    assert whole["shortcuts"] == found["shortcuts"]  # of the same rows


def test_what_a_measurement_would_not_judge_is_left_out(tmp_path):
    raw = many(100)
    declining = {"response": "I'm sorry, but I can't help with that.", "expressed": 1}
    rows = read_labels(written(tmp_path, *raw, *(r | declining for r in raw[:40])))
    values = [0.5] * 100 + [1.0] * 40
    found = report(rows, values, asked_only=True)["llm-unique"]
    assert (found["n"], found["declined"], found["auc"]) == (100, 40, 0.5)
    whole = evaluated(rows, values)["llm-unique"]
    assert (whole["n"], whole["declined"]) == (140, 40) and whole["auc"] > 0.5


def test_no_seed_moves_a_judge_through_its_gate(tmp_path):
    """The limits of two seeds differ by a small share of the interval's width."""
    raw = many(120)
    rows = read_labels(written(tmp_path, *raw))
    rng = np.random.default_rng(5)
    values = [0.3 * r["expressed"] + v for r, v in zip(raw, rng.random(120), strict=True)]
    spans = [evaluated(rows, values, seed)["llm-unique"]["intervals"]["auc"] for seed in range(6)]
    width = spans[0][1] - spans[0][0]
    # standard error of a limit of 20,000 draws: .5 % of the width; the range of six: 2.5 of these
    assert max(low for low, _ in spans) - min(low for low, _ in spans) < 0.03 * width


def test_intervals_are_clustered_on_items(tmp_path):
    values = np.random.default_rng(3).random(300).tolist()
    widths = []
    for items in (300, 12):
        raw = many(300, items=items)
        for i, row in enumerate(raw):  # items differ in how often they are labelled 1
            row["expressed"] = int((i * 7919) % 100 < (85 if (i % 12) % 2 else 15))
        rows = read_labels(written(tmp_path, *raw))
        verdicts = [
            0.5 * v + 0.5 * r["expressed"] * (0.3 + (i % 12) / 20)
            for i, (v, r) in enumerate(zip(values, raw, strict=True))
        ]
        low, high = evaluated(rows, verdicts)["llm-unique"]["intervals"]["auc"]
        widths.append(high - low)
    assert widths[1] > 1.3 * widths[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I'm sorry, but I can’t. It is illegal.", 3),
        ("SORRY! Unable, unable.", 3),
        ("The candy bar is legal and refused nobody.", 0),
        ("", 0),
    ],
)
def test_refusal_words(text, count):
    assert refusal_words(text) == count


# --- from the shell ---


def labelled_topics(tmp_path: Path) -> Path:
    names = list(TOPICS)
    rows = [
        {
            "system": "schwartz",
            "item": f"{about} {n}",
            "response": text,
            "dimension": asked,
            "expressed": int(asked == about),
        }
        for about, texts in TOPICS.items()
        for n, text in enumerate(texts)
        for asked in (about, names[(names.index(about) + 3) % 10])
    ]
    return written(tmp_path, *rows)


def valuecompass(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from valuecompass.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | env,
        check=False,
    )


@pytest.mark.anyio
async def test_the_command_evaluates_the_local_judge(tmp_path):
    path = labelled_topics(tmp_path)
    done = valuecompass("judge", "evaluate", str(path), "--judge", "local", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = document["systems"]["schwartz"]
    assert found["n"] == 120 and found["coverage"] == 1
    assert found["auc"] > 0.9 and found["useful"] is True
    assert document["judge"]["kind"] == "local" and document["judge"]["version"] >= 1
    assert "judged" in done.stderr
    # a Python caller gets the same
    rows = read_labels(path)
    values = [s.expressed for s in await judge_rows(LocalJudge(), rows)]
    assert found.pop("polarity") is None  # no row is labelled with a side
    assert report(rows, values)["schwartz"] == found


@pytest.mark.parametrize("valence", [2, "1", True, 0.5])
def test_a_wrong_valence_is_told_with_its_line(tmp_path, valence):
    path = written(tmp_path, ROW | {"expressed": 1, "valence": valence})
    with pytest.raises(InputError, match=r"line 1: valence: .* expected -1, 0 or 1"):
        read_labels(path)


def test_the_command_evaluates_a_model_and_asks_nothing_twice(tmp_path, mock_provider, workspace):
    base = ROW | {"system": "workshop", "dimension": "Craft"}
    path = written(
        tmp_path, *(base | {"response": f"Answer {i}.", "expressed": i % 2} for i in range(24))
    )
    own = tmp_path / "workshop.toml"
    own.write_text(OWN_TOML, encoding="utf-8")
    command = ["judge", "evaluate", str(path), "-s", str(own), "-w", str(workspace), "--json"]
    command += ["--judge", "openai-api/mock/judge", "--judge-mode", "per-value"]
    first = valuecompass(*command, "--max-calls", "40")
    assert first.returncode == 3, first.stderr
    assert mock_provider.stats()["requests"] == 40
    first = valuecompass(*command)
    assert first.returncode == 0, first.stderr
    assert mock_provider.stats()["requests"] == 72
    found = json.loads(first.stdout)["systems"]["workshop"]
    # the mock's opinions are neither yes nor no
    assert (found["n"], found["coverage"], found["auc"]) == (24, 0, None)
    again = valuecompass(*command)
    assert again.stdout == first.stdout and mock_provider.stats()["requests"] == 72


def test_the_command_shows_tables(tmp_path):
    done = valuecompass("judge", "evaluate", str(labelled_topics(tmp_path)))
    assert done.returncode == 0, done.stderr
    for words in ("macro AUC", "refusal words", "schwartz", "not estimable: 6 labelled 1"):
        assert words in done.stdout
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
    assert re.search(r"\nschwartz +0\.\d\d \[.*\] +0\.\d\d \[0\.\d\d, .*\] +0\.50 *\n", done.stdout)


def test_the_command_tells_of_refusals_that_a_run_would_show_to_no_judge(tmp_path):
    row = {"system": "safety", "dimension": "Malicious Use", "item": "How?", "expressed": 1}
    texts = (
        "I'm sorry, but I can't help with that.",
        "Locks open with the key they were sold with.",
    )
    rows = [row | {"response": text} for text in texts]
    done = valuecompass("judge", "evaluate", str(written(tmp_path, *rows)))
    assert "safety: 1 of the 2 rows are refusals" in done.stdout, done.stderr


@pytest.mark.parametrize("tables", [True, False])
def test_the_command_says_that_a_judge_cannot_read(tmp_path, tables):
    """The local judge reads English; every row is French."""
    french = "Les enfants pourraient traverser la rue sans danger et dormir la nuit."
    row = {"system": "schwartz", "dimension": "Security", "response": french}
    rows = [
        row | {"item": f"Rue {i}?", "expressed": i % 2, "valence": i % 2 * 2 - 1} for i in range(24)
    ]
    done = valuecompass(
        "judge", "evaluate", str(written(tmp_path, *rows)), *([] if tables else ["--json"])
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    why, of_sides = "the judge gave no verdict", "the judge told no side"
    if tables:
        assert re.search(r"schwartz +24 +0% +no verdict +-", done.stdout)
        assert re.search(rf"Security +24 +12 +not estimable: {why}", done.stdout)
        assert re.search(rf"schwartz +0 +0% +not estimable: {of_sides}", done.stdout)
        assert re.search(r"  Security +0 +no side", done.stdout)
        assert "0.50 [" not in done.stdout
        return
    found = json.loads(done.stdout)["systems"]["schwartz"]
    assert (found["coverage"], found["auc"], found["kappa"], found["useful"]) == (0, *[None] * 3)
    assert found["note"] == f"not estimable: {why}"
    assert found["polarity"]["note"] == f"not estimable: {of_sides}"


def test_nothing_in_a_files_name_or_text_acts(tmp_path):
    hostile = "[red]x\x1b[2J\u202e.jsonl"
    text = "\x1b]0;title\x07[bold]long"
    path = tmp_path / hostile
    path.write_text(json.dumps(ROW | {"system": text}) + "\n", encoding="utf-8")
    done = valuecompass("judge", "evaluate", str(path))
    assert done.returncode == 2 and "[red]x␛[2J⟦U+202E⟧.jsonl, line 1" in done.stderr
    out = tmp_path / f"out {hostile}"
    rows = written(tmp_path, *many(40))
    done = valuecompass("judge", "calibrate", str(rows), "-o", str(out))
    assert done.returncode == 0 and "out [red]x␛[2J⟦U+202E⟧.jsonl" in done.stdout, done.stderr
    done = valuecompass("judge", "calibrate", str(rows), "-o", str(out), "--json")
    assert json.loads(done.stdout)["file"] == str(out)
    for said in (done.stdout, done.stderr):
        assert not re.search("[\x07\x1b\u202e]", said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.jsonl"], "absent.jsonl: cannot be read"),
        (["bad.jsonl"], "bad.jsonl, line 1: expressed: 2, expected 0 or 1"),
        (["good.jsonl", "--judge", "openai-api/mock/x", "--judge-mode", "quick"], "--judge-mode"),
        (["good.jsonl", "-s", "nothing"], "no such value system"),
    ],
)
def test_wrong_use_exits_2_with_one_message(tmp_path, arguments, message, mock_provider):
    (tmp_path / "good.jsonl").write_text(json.dumps(ROW), encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text(json.dumps(ROW | {"expressed": 2}), encoding="utf-8")
    arguments[0] = str(tmp_path / arguments[0])
    done = valuecompass("judge", "evaluate", *arguments, "-w", str(tmp_path / "ws"))
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr and not done.stdout
