"""A season from end to end, over a local server with the true wire format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evolve.served import JUDGE, POOL, WRITER
from tests.measure.helpers import Command, Said, count, rows
from tests.support.mock_provider import MockProvider
from valuecompass.items import form_items, read_form, seed_items
from valuecompass.items.io import read_items, write_items
from valuecompass.values import builtin_system

SYSTEM = builtin_system("schwartz")
BOARD = ("openai-api/mock/x", "openai-api/mock/y", "openai-api/mock/z")
CALLS = 150


def respondents() -> list[str]:
    return [word for name in BOARD for word in ("-m", name)]


@pytest.fixture
def first(served: MockProvider, cli: Command, tmp_path: Path) -> Path:
    """A folder with a bank of questions, a form of 20, and its measurement."""
    questions = [item for item in seed_items("schwartz") if item.kind == "question"][:60]
    write_items(questions, tmp_path / "bank.jsonl")
    form = tmp_path / "first.json"
    bank, workspace = tmp_path / "bank.jsonl", tmp_path / "ws"
    said = cli("items", "form", form, "--size", 20, "--items", bank, "-w", workspace)
    assert said.code == 0, said.err
    said = cli(
        *("run", *respondents(), "--judge", JUDGE, "--form", form, "--items", bank),
        *("-w", workspace),
    )
    assert said.code == 0, said.err
    served.reset()
    return tmp_path


def season(cli: Command, folder: Path, *more: object, name: str = "2027-01") -> Said:
    players = [word for model in POOL for word in ("--pool", model)]
    return cli(
        *("season", name, "--previous", folder / "first.json", "--items", folder / "bank.jsonl"),
        *(*players, "--explorer", WRITER, "--judge", JUDGE, *respondents()),
        *("--calls", CALLS, "--size", 20, "--anchors", 6, "-w", folder / "ws"),
        *("--out", folder / name, *more),
    )


def test_a_season_renews_the_form_and_links_the_scores(
    first: Path, served: MockProvider, cli: Command
) -> None:
    said = season(cli, first, "--json")
    assert said.code == 0, said.err
    log: dict[str, Any] = json.loads(said.out)
    out = first / "2027-01"
    form, previous = read_form(out / "form.json"), read_form(first / "first.json")
    assert len(form.items) == 20 and len(form.anchors) == 6 and form.previous == previous.hash
    assert set(form.anchors) <= set(previous.items)
    bank = read_items(out / "bank.jsonl", SYSTEM)
    items = form_items(form, bank)
    evolved = [item for item in items if item.lineage.method == "adaem"]
    assert evolved and {i.id for i in evolved} <= {
        e["item"] for e in log["entered"] if e["why"] == "evolved"
    }
    # everybody answered both forms, the second time anew
    assert set(log["linked"]) == set(SYSTEM.names)
    for one in log["linked"].values():
        assert one["anchors"] == 6 - sum(a["drifting"] for a in log["anchors"])
        assert set(one["respondents"]) == set(BOARD)
        for person in one["respondents"].values():
            assert person["before"]["low"] <= person["before"]["score"] <= person["before"]["high"]
            change = person["change"]
            gap = person["after"]["score"] - person["before"]["score"]
            assert change["difference"] == pytest.approx(gap, abs=1e-5)
            assert change["low"] < change["difference"] < change["high"]
    assert {e["item"] for e in log["entered"]} == set(form.items) - set(previous.items)
    assert {e["item"] for e in log["left"]} == set(previous.items) - set(form.items)
    text = (out / "changes.md").read_text(encoding="utf-8")
    assert "## Linked scores" in text and all(e["item"] in text for e in log["left"])
    assert "occasion" not in log["notes"] and len(log["measurements"]["before"]) == 1


def test_the_same_command_asks_nobody_twice(
    first: Path, served: MockProvider, cli: Command
) -> None:
    log = json.loads(season(cli, first, "--json").out)
    asked, retired = served.stats()["requests"], count(first / "ws", "retirements")
    assert asked > 0
    again = json.loads(season(cli, first, "--json").out)
    assert again == log
    assert served.stats()["requests"] == asked
    assert count(first / "ws", "retirements") == retired


def test_a_season_that_ran_out_of_money_goes_on(
    first: Path, served: MockProvider, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    import valuecompass.evolve.lifecycle.season as module
    from valuecompass.errors import BudgetReached

    whole = module.run_async
    calls: list[str] = []

    async def broke(settings: Any, listener: Any) -> Any:
        calls.append(settings.form)
        if len(calls) == 2:  # the form is selected and frozen, its measurement begins
            raise BudgetReached("no money")
        return await whole(settings, listener)

    monkeypatch.setattr(module, "run_async", broke)
    said = season(cli, first)
    assert said.code == 3 and "no money" in said.err
    frozen = (first / "2027-01" / "form.json").read_bytes()
    assert season(cli, first).code == 0
    assert (first / "2027-01" / "form.json").read_bytes() == frozen


def test_a_second_season_stands_on_the_first(
    first: Path, served: MockProvider, cli: Command
) -> None:
    assert season(cli, first).code == 0
    there = first / "2027-01"
    said = season(
        cli, first, "--json", "--previous", there / "form.json", "--items", there / "bank.jsonl",
        # answers here are drawn by lot: nothing tells models apart
        "--saturated", 0, name="2027-07",
    )  # fmt: skip
    assert said.code == 0, said.err
    log = json.loads(said.out)
    assert log["previous"]["hash"] == read_form(there / "form.json").hash
    before, after = log["measurements"]["before"], log["measurements"]["after"]
    occasions = dict(
        rows(first / "ws", "select id, json_extract(manifest, '$.respondents[0].occasion')"
             " from measurements")
    )  # fmt: skip
    assert {occasions[i] for i in before} == {"2027-01"}
    assert {occasions[i] for i in after} == {"2027-07"}


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--anchors", "1"), "--anchors"),
        (("--anchors", "20"), "fewer than --size"),
        (("--size", "2000"), "--size 2000"),
        (("--system", "safety"), "a form of schwartz"),
    ],
)
def test_wrong_settings_are_told(
    first: Path, served: MockProvider, cli: Command, more: tuple[str, ...], complaint: str
) -> None:
    said = season(cli, first, *more)
    assert said.code == 2 and complaint in said.err
    if "--size" not in more:
        assert served.stats()["requests"] == 0


def test_a_season_is_not_taken_up_with_other_settings(
    first: Path, served: MockProvider, cli: Command
) -> None:
    assert season(cli, first).code == 0
    said = season(cli, first, "--seed", 3)
    assert said.code == 2 and "seed" in said.err and "0" in said.err
