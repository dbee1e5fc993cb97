"""A judge against labels: what the figures are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.judges.evaluated import ROW, evaluated, many, written
from valuecompass.judges.quality.evaluate import base_rates, refusal_words, report
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.stats import auc, cohen_kappa
from valuecompass.values import builtin_system


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
    assert found["macro_dimensions"] == 2
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
