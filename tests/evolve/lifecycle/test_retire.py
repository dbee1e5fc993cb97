"""The rules of retirement, and their log."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.evolve.lifecycle.examples import NAMES, bank, table, worth_of
from tests.evolve.served import JUDGE
from tests.measure.helpers import Command, rows
from tests.support.mock_provider import MockProvider
from valuecompass.evolve.lifecycle.information import joined, worth
from valuecompass.evolve.lifecycle.retire import RetireRules, drifting, exposed, saturated
from valuecompass.items import seed_items
from valuecompass.items.io import write_items


def test_items_that_all_answer_alike_are_saturated_and_no_others():
    rng = np.random.default_rng(1)
    items = bank(40, NAMES[:1])
    theta = np.zeros((16, len(NAMES)))
    theta[:, 0] = rng.normal(size=16)
    a = np.full(40, 4.0)
    b = np.where(np.arange(40) < 20, -6.0, rng.uniform(-1, 1, 40))
    told = worth(items, table(items, theta, a, b, rng))
    found = saturated(told, RetireRules().saturated)
    easy = {item.id for item in items[:20]}
    assert {one.item for one in found} <= easy and len(found) >= 18
    assert all(one.detail["high"] < 0.15 and one.detail["respondents"] == 16 for one in found)
    # what five models answered alike is not known to be alike for all
    few = table(items, theta, a, b, rng)
    few.counts[5:] = few.totals[5:] = 0
    assert not saturated(worth(items, few), 5)


def test_a_bound_of_nothing_retires_nothing():
    items = bank(2)
    assert not saturated(worth_of(items, np.zeros(20)), 0.0)


def test_exposure_counts_occasions():
    found = exposed({"a": 4, "b": 3, "c": 9}, 4, {"a", "b"})
    assert [(one.item, one.detail["uses"]) for one in found] == [("a", 4)]


@pytest.mark.parametrize("same", [True, False])
def test_an_item_that_changes_its_meaning_drifts(same):
    rng = np.random.default_rng(8)
    items = bank(60, NAMES[:1])
    false, seen = 0, 0
    for _ in range(4):
        theta = np.zeros((24, len(NAMES)))
        theta[:, 0] = rng.normal(size=24)
        later = theta if same else theta[rng.permutation(24)] + 0.3
        a, b = np.full(60, 1.5), rng.normal(0, 1, 60)
        moved = b.copy()
        b[0], moved[0] = -1.5, 2.5
        before = table(items, theta, a, b, rng)
        after = table(items, later, a, moved, rng, prefix="model" if same else "new")
        found = {one.item for one in drifting(before, after)}
        seen += items[0].id in found
        false += len(found - {items[0].id})
    assert seen >= 3
    assert false <= 4  # of 236


def test_nothing_shared_is_nothing_drifting():
    rng = np.random.default_rng(2)
    items = bank(4, NAMES[:1])
    theta, one = np.zeros((7, len(NAMES))), np.ones(2)
    tables = [table(items[k : k + 2], theta, one, one, rng) for k in (0, 2)]
    assert not drifting(*tables)
    assert joined(tables).counts.sum() > 0


# --- through the command line ---


@pytest.fixture
def measured(served: MockProvider, cli: Command, tmp_path: Path) -> Path:
    questions = [item for item in seed_items("schwartz") if item.kind == "question"][:12]
    write_items(questions, tmp_path / "bank.jsonl")
    for occasion in ("one", "two"):
        said = cli(
            *("run", "-m", "openai-api/mock/x", "-m", "openai-api/mock/y"),
            *("-m", "openai-api/mock/z", "--judge", JUDGE, "--items", tmp_path / "bank.jsonl"),
            *("--occasion", occasion, "-w", tmp_path / "ws"),
        )
        assert said.code == 0, said.err
    return tmp_path


def test_retired_items_are_logged_left_out_and_taken_back(cli: Command, measured: Path) -> None:
    bank_file, workspace = measured / "bank.jsonl", measured / "ws"
    words = ("items", "retire", "--items", bank_file, "-w", workspace, "--saturated", 0)
    dry = json.loads(cli(*words, "--most-uses", 2, "--dry-run", "--json").out)
    assert len(dry["retired"]) == 12 and not dry["logged"]
    assert {one["reason"] for one in dry["retired"]} == {"exposed"}
    assert rows(workspace, "select count(*) from retirements") == [(0,)]
    assert json.loads(cli(*words, "--most-uses", 3, "--json").out)["retired"] == []
    done = cli(*words, "--most-uses", 2)
    assert done.code == 0 and "12 retired of 12" in done.out
    assert json.loads(cli(*words, "--most-uses", 2, "--json").out)["retired"] == []

    listed = json.loads(cli("items", "list", "--retired", "-w", workspace, "--json").out)["retired"]
    assert len(listed) == 12 and listed[0]["detail"] == {"uses": 2, "most": 2}
    form = measured / "form.json"
    make = ("items", "form", form, "--size", 3, "--items", bank_file, "-w", workspace)
    refused = cli(*make)
    assert refused.code == 2 and "only 0 of 12" in refused.err
    assert cli(*make, "--include-retired").code == 0

    for row in listed[:3]:
        assert "back in use" in cli("items", "retire", "--undo", row["item"], "-w", workspace).out
    told = json.loads(cli(*make, "--json").out)
    assert {one["item"] for one in told["items"]} == {row["item"] for row in listed[:3]}
    assert told["retired"] == 9 and all(one["uses"] == 2 for one in told["items"])
    again = cli("items", "retire", "--undo", listed[0]["item"], "-w", workspace)
    assert again.code == 2 and "not retired here" in again.err
    # nothing was taken out of the log
    assert rows(workspace, "select count(*) from retirements") == [(15,)]


def test_what_is_known_of_items_comes_from_the_workspace(cli: Command, measured: Path) -> None:
    form = measured / "form.json"
    make = ("items", "form", form, "--size", 6, "--items", measured / "bank.jsonl", "--json")
    known = json.loads(cli(*make, "-w", measured / "ws").out)
    assert all(one["respondents"] == 3 and one["information"] > 0 for one in known["items"])
    nowhere = json.loads(cli(*make, "-w", measured / "absent").out)
    assert all(one["respondents"] == 0 for one in nowhere["items"])
    assert not (measured / "absent").exists()


def test_there_is_nothing_to_retire_where_nothing_was_measured(
    cli: Command, tmp_path: Path
) -> None:
    said = cli("items", "retire", "-w", tmp_path / "absent")
    assert said.code == 2 and "no measurements here" in said.err


@pytest.mark.parametrize("words", [("--size", "many"), ("--size", "tiny", "--anchors", 3)])
def test_wrong_sizes_are_told(cli: Command, tmp_path: Path, words: tuple[object, ...]) -> None:
    said = cli("items", "form", tmp_path / "form.json", *words)
    assert said.code == 2 and str(words[0]) in said.err
    assert not (tmp_path / "form.json").exists()
