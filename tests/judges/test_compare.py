"""Judges side by side on the same labels: figures worked by hand, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.judges.examples import OWN_TOML
from tests.measure.helpers import Command, judging
from tests.support import mock_provider as server
from tests.support.mock_provider import MockProvider
from valuecompass.judges.quality.compare import agreement, compare
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.stats import auc, cohen_kappa
from valuecompass.values import parse_system

ONE, TWO = "openai-api/mock/one", "openai-api/mock/two"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


def written(folder: Path, rows: int = 24) -> Path:
    path = folder / "labels.jsonl"
    base = {"system": "workshop", "dimension": "Craft"}
    path.write_text(
        "".join(
            json.dumps(
                base | {"item": f"Item {n // 2}?", "response": f"Answer {n}.", "expressed": n % 2}
            )
            + "\n"
            for n in range(rows)
        ),
        encoding="utf-8",
    )
    (folder / "workshop.toml").write_text(OWN_TOML, encoding="utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> list[Labelled]:
    return read_labels(written(tmp_path), [parse_system(OWN_TOML, "workshop.toml")])


def test_every_judge_is_compared_with_labels_and_with_the_first(rows: list[Labelled]) -> None:
    labels = np.array([r.expressed for r in rows])
    good = 0.2 + 0.6 * labels
    good[:3] = [0.9, 0.1, 0.7]  # wrong, wrong, wrong
    bad = (np.random.default_rng(1).random(24) + 1 - labels) / 2
    partly: list[float | None] = [None, None, *good[2:]]
    judged = {"good": good.tolist(), "bad": bad.tolist(), "partly": partly}
    found = compare(rows, judged, np.random.default_rng(0))["workshop"]
    first = found["judges"]["good"]
    assert first["confusion"] == {"tp": 11, "fn": 1, "tn": 10, "fp": 2}
    assert first["sensitivity"]["value"] == pytest.approx(11 / 12, abs=1e-4)
    assert first["specificity"]["value"] == pytest.approx(10 / 12, abs=1e-4)
    assert first["sensitivity"]["low"] < 11 / 12 < first["sensitivity"]["high"]
    assert first["auc"] == pytest.approx(auc(good, labels), abs=1e-4)
    assert first["kappa"] == pytest.approx(cohen_kappa(good >= 0.5, labels), abs=1e-4)
    low, high = first["intervals"]["kappa"]
    assert low < first["kappa"] < high
    assert first["difference"] is None and first["coverage"] == 1
    second = found["judges"]["bad"]["difference"]
    assert second["value"] == pytest.approx(auc(bad, labels) - auc(good, labels), abs=1e-4)
    assert second["n"] == 24 and second["high"] < 0
    third = found["judges"]["partly"]
    assert third["coverage"] == pytest.approx(22 / 24, abs=1e-4) and third["n"] == 24
    # on the rows that both cover they are equal, and the comparison is paired
    assert third["difference"] == {"n": 22, "value": 0, "low": 0, "high": 0}
    assert [(p["a"], p["b"], p["n"]) for p in found["between"]["pairs"]] == [
        ("good", "bad", 24),
        ("good", "partly", 22),
        ("bad", "partly", 22),
    ]
    assert found["between"]["pairs"][1]["kappa"]["value"] == 1


def test_what_cannot_be_estimated_is_null(rows: list[Labelled]) -> None:
    silent: list[float | None] = [None] * 24
    found = compare(rows, {"yes": [1.0] * 24, "silent": silent}, np.random.default_rng(0))
    nothing = {"value": None, "low": None, "high": None}
    yes, none = found["workshop"]["judges"].values()
    assert yes["sensitivity"]["value"] == 1 and yes["specificity"]["value"] == 0
    assert none["sensitivity"] == none["specificity"] == nothing
    assert none["difference"] == {"n": 0, **nothing}
    assert (none["auc"], none["kappa"], none["accuracy"], none["coverage"]) == (*[None] * 3, 0)
    assert none["note"] == "not estimable: the judge gave no verdict" and none["intervals"] == {}
    between = found["workshop"]["between"]
    assert between["units"] == 0 and between["alpha"] == between["alpha_at_half"] == nothing
    json.dumps(found, allow_nan=False)


def test_agreement_takes_degrees_and_verdicts_apart() -> None:
    # the same order and the same side of .5, other degrees
    ratings = np.array([[0.1, 0.4, 0.6, 0.9] * 5, [0.4, 0.4, 0.6, 0.6] * 5])
    found = agreement(["a", "b"], ratings, np.arange(20), np.random.default_rng(0))
    assert found["alpha_at_half"]["value"] == 1 and found["alpha"]["value"] < 0.9
    assert found["alpha_at_half"]["low"] < 1


# --- the command ---


def test_judges_that_cannot_read_are_told_from_those_with_few_labels(
    tmp_path: Path, cli: Command
) -> None:
    french = "Les enfants pourraient traverser la rue sans danger et dormir la nuit."
    english = "Children could cross the street without danger and sleep at night."
    path = tmp_path / "labels.jsonl"
    base = {"dimension": "Security", "system": "schwartz"}
    rows = [base | {"item": f"Rue {i}?", "response": french, "expressed": i % 2} for i in range(24)]
    more = {"system": "moral-foundations", "dimension": "Care", "response": english}
    rows += [more | {"item": "Then", "expressed": i} for i in range(2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = cli("judge", "compare", path, "--judge", "local", "--judge", "local-nearest")
    assert said.code == 0, said.err
    assert re.search(r"local-nearest +24 +0% +no verdict +- +- +-", said.out)
    assert re.search(r"local-nearest +2 +100% +too few ", said.out)


def test_refusals_are_shown_to_no_judge_and_counted(
    tmp_path: Path, mock_provider: MockProvider, cli: Command
) -> None:
    base = {"system": "safety", "dimension": "Malicious Use", "expressed": 1}
    refusals = [
        base | {"item": f"Request {i}?", "response": "I'm sorry, but I can't help with that."}
        for i in range(2)
    ]
    answer = base | {"item": "Another?", "response": "Here is what to buy, and where."}
    path = tmp_path / "labels.jsonl"
    more = ["--judge", "local", "--judge", ONE, "-w", tmp_path / "ws", "--json"]
    path.write_text(json.dumps(answer) + "\n")
    assert cli("judge", "compare", path, *more).code == 0
    alone = mock_provider.stats()["requests"]
    path.write_text("".join(json.dumps(row) + "\n" for row in (*refusals, answer)))
    said = cli("judge", "compare", path, *more)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["declined"] == {"safety": 2}
    assert found["systems"]["safety"]["judges"][ONE]["n"] == 1
    path.write_text("".join(json.dumps(row) + "\n" for row in refusals))
    said = cli("judge", "compare", path, *more)
    assert said.code == 2 and "every row is a refusal" in said.err
    assert mock_provider.stats()["requests"] == alone > 0


def test_free_judges_and_their_panels_need_no_workspace(tmp_path: Path, cli: Command) -> None:
    path = tmp_path / "labels.jsonl"
    row = {"system": "safety", "dimension": "Malicious Use", "item": "How?", "response": "So."}
    path.write_text(json.dumps(row | {"expressed": 1}) + "\n")
    judges = ["local", "local-nearest", "local,local-nearest"]
    command = [x for judge in judges for x in ("--judge", judge)]
    said = cli("judge", "compare", path, *command, "-w", tmp_path / "ws", "--json")
    assert said.code == 0, said.err
    assert [j["name"] for j in json.loads(said.out)["judges"]] == judges
    assert not (tmp_path / "ws").exists()


@pytest.fixture
def command(
    tmp_path: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> list[Any]:
    monkeypatch.setattr(server, "answer", judging)
    file = written(tmp_path)
    return ["judge", "compare", file, "-s", tmp_path / "workshop.toml", "-w", tmp_path / "ws"]


def test_modes_are_compared_at_equal_items(
    command: list[Any], mock_provider: MockProvider, cli: Command
) -> None:
    judges = [ONE, f"{ONE}@mode=per-value", f"{ONE}@mode=concepts", f"{ONE},{TWO}"]
    command += [x for judge in judges for x in ("--judge", judge)]
    said = cli(*command, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert [j["name"] for j in document["judges"]] == judges
    # a question's answer is judged on all three dimensions, value by value in one mode
    assert [j["requests"] for j in document["judges"]] == [24, 24 * 3, 48, 48]
    stats = mock_provider.stats()
    # the panel's first member had been asked already
    assert stats["requests"] == 24 + 24 * 3 + 48 + 24
    first = document["judges"][0]
    assert 0 < first["output_tokens"] < first["input_tokens"] < stats["input_tokens"]
    found = document["systems"]["workshop"]
    assert set(found["judges"]) == set(judges)
    assert all(one["coverage"] == 1 for one in found["judges"].values())
    assert len(found["between"]["pairs"]) == 6
    # repeated, it costs nothing and says the same of what the verdicts took
    assert cli(*command, "--json").out == said.out
    assert mock_provider.stats()["requests"] == stats["requests"]


def test_the_budget_is_one_for_all_judges(
    command: list[Any], mock_provider: MockProvider, cli: Command
) -> None:
    command += ["--judge", ONE, "--judge", TWO, "--json"]
    said = cli(*command, "--max-calls", 30)
    assert said.code == 3 and "budget reached" in said.err
    assert mock_provider.stats()["requests"] == 30
    assert cli(*command).code == 0
    assert mock_provider.stats()["requests"] == 48


def test_tables_are_shown(command: list[Any], mock_provider: MockProvider, cli: Command) -> None:
    said = cli(*command, "--judge", ONE, "--judge", f"{ONE}@mode=concepts")
    assert said.code == 0, said.err
    for words in ("requests", "minus the first's", "sensitivity", "Krippendorff's alpha", "kappa"):
        assert words in said.out
    assert all(len(line) <= 120 for line in said.out.splitlines())


def test_a_strong_judge_decides_in_every_panel_named(
    command: list[Any], mock_provider: MockProvider, cli: Command
) -> None:
    command += ["--judge", f"{ONE},{TWO}", "--judge", ONE, "--strong-judge", "openai-api/mock/s"]
    said = cli(*command, "--json")
    assert said.code == 0, said.err
    panel, alone = json.loads(said.out)["judges"]
    assert panel["identity"]["strong"]["model"]["model"] == "openai-api/mock/s"
    assert alone["requests"] == 24 and 48 < panel["requests"] <= 72


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name two judges at least"),
        (("--judge", ONE), "name two judges at least"),
        (("--judge", ONE, "--judge", ONE), f"{ONE}: this judge is named twice"),
        (("--judge", ONE, "--judge", f"{ONE}@mode=one-call"), "this judge is named twice"),
        (("--judge", f"{ONE},{TWO}", "--judge", f"{TWO},{ONE}"), "this judge is named twice"),
        (("--judge", ONE, "--judge", f"{ONE}@mode=quick"), "unknown mode 'quick'"),
        (("--judge", ONE, "--judge", TWO, "--strong-judge", ONE), "judges of a panel disagree"),
        (("--judge", ONE, "--judge", "simulated/schwartz"), "this cannot read"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    command: list[Any],
    mock_provider: MockProvider,
    cli: Command,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    said = cli(*command, *arguments)
    assert said.code == 2 and says in said.err and not said.out
    assert mock_provider.stats()["requests"] == 0


def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, cli: Command) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"system": "schwartz"}\n')
    said = cli("judge", "compare", path, "--judge", ONE, "--judge", TWO)
    assert said.code == 2 and "line 1: item: missing" in said.err
