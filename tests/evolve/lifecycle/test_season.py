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
from valuecompass.models import Price, budget
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
            change, gap = person["change"], person["after"]["score"] - person["before"]["score"]
            # by comparing answers one by one, and not the difference of both positions
            assert abs(change["difference"] - gap) < change["high"] - change["low"]
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


def test_a_budget_holds_for_all_steps_together(
    first: Path, served: MockProvider, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(model: str) -> Price:
        return Price(input=1, output=1)

    monkeypatch.setattr(budget, "listed_price", same)
    assert season(cli, first).code == 0
    selection = json.loads((first / "2027-01" / "selection.json").read_text())
    accounts = selection["accounts"]
    paid = dict(rows(first / "ws", "select plan, sum(usd) from ledger group by plan"))
    assert len(accounts) == 2 and all(paid[one] > 0 for one in accounts)
    spent = sum(paid[one] for one in accounts)
    asked = served.stats()["requests"]
    # a new respondent alone would cost less than that
    said = season(cli, first, "-m", "openai-api/mock/w", "--max-usd", spent)
    assert said.code == 3 and "budget reached" in said.err
    # here a token costs a millionth of a dollar
    said = season(cli, first, "-m", "openai-api/mock/w", "--max-tokens", round(1e6 * spent))
    assert said.code == 3 and "tokens spent or reserved" in said.err
    assert served.stats()["requests"] == asked
    assert season(cli, first, "-m", "openai-api/mock/w", "--max-usd", 2 * spent).code == 0


def test_a_limit_of_tokens_holds_from_the_first_step_on_and_a_higher_one_goes_on(
    first: Path, served: MockProvider, cli: Command
) -> None:
    begun = sum(n for (n,) in rows(first / "ws", "select sum(tokens) from ledger"))
    said = season(cli, first, "--max-tokens", 40_000)
    assert said.code == 3 and "higher limit" in said.err
    whole = sum(n for (n,) in rows(first / "ws", "select sum(tokens) from ledger"))
    asked = served.stats()["requests"]
    assert asked > 0 and whole - begun <= 40_000
    said = season(cli, first, "--max-tokens", 10_000_000)
    assert said.code == 0, said.err
    assert served.stats()["requests"] > asked
    paid = sum(n for (n,) in rows(first / "ws", "select sum(tokens) from ledger")) - begun
    assert 40_000 < paid <= 10_000_000


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
        (("--out", "."), "write over"),
    ],
)
def test_wrong_settings_are_told(
    first: Path,
    served: MockProvider,
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    complaint: str,
) -> None:
    before = (first / "bank.jsonl").read_bytes()
    monkeypatch.chdir(first)
    said = season(cli, first, *more)
    assert (first / "bank.jsonl").read_bytes() == before
    assert said.code == 2 and complaint in said.err
    if "--size" not in more:
        assert served.stats()["requests"] == 0


def test_a_season_is_not_taken_up_with_other_settings(
    first: Path, served: MockProvider, cli: Command
) -> None:
    assert season(cli, first).code == 0
    for more, name in ((("--seed", 3), "seed"), (("--size", 12), "size")):
        said = season(cli, first, *more)
        assert said.code == 2 and f"{name}: this season was begun with" in said.err
    more = [item for item in seed_items("schwartz") if item.kind == "question"][60:62]
    write_items(more, first / "more.jsonl")
    said = season(cli, first, "--items", first / "more.jsonl")
    assert said.code == 2 and "items: this season was begun with" in said.err


@pytest.mark.parametrize("name", [".", ".."])
def test_a_season_is_not_named_after_a_folder(
    first: Path, served: MockProvider, cli: Command, name: str
) -> None:
    said = season(cli, first, "--out", first / "out", name=name)
    assert said.code == 2 and "plain name" in said.err


def test_a_season_that_could_not_select_goes_on_with_other_rules(
    first: Path, served: MockProvider, cli: Command
) -> None:
    refused = season(cli, first, "--most-uses", 1)  # all anchors are used up by then
    assert refused.code == 2 and "--most-uses" in refused.err
    asked = served.stats()["requests"]
    assert asked > 0 and season(cli, first).code == 0


def test_what_was_taken_back_a_repeated_season_leaves(
    first: Path, served: MockProvider, cli: Command
) -> None:
    bank = read_items(first / "bank.jsonl", SYSTEM)
    write_items(form_items(read_form(first / "first.json"), bank)[:4], first / "some.jsonl")
    said = cli(
        *("run", "-m", BOARD[0], "--judge", JUDGE, "--items", first / "some.jsonl"),
        *("--occasion", "again", "-w", first / "ws"),
    )
    assert said.code == 0, said.err
    assert season(cli, first, "--most-uses", 2).code == 0
    gone = rows(first / "ws", "select item, json_extract(detail, '$.season') from retirements")
    assert len(gone) >= 4 and {name for _, name in gone} == {"2027-01"}
    for item, _ in gone:
        assert cli("items", "retire", "--undo", item, "-w", first / "ws").code == 0
    assert season(cli, first, "--most-uses", 2).code == 0
    kept = ("items", "list", "--retired", "-w", first / "ws", "--json")
    assert json.loads(cli(*kept).out)["retired"] == []


# --- dry runs ---


def test_a_dry_run_says_what_the_season_then_takes_and_writes_nothing(
    first: Path, served: MockProvider, cli: Command
) -> None:
    there = sorted(first.rglob("*"))
    stored = count(first / "ws", "responses")
    said = season(cli, first, "--dry-run", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert served.stats()["requests"] == 0 and sorted(first.rglob("*")) == there
    assert count(first / "ws", "responses") == stored
    evolve, pool, board = told["steps"]
    assert [s["step"] for s in told["steps"]] == ["evolve", "pool", "measure"]
    assert told["usd"] is None and set(board["unpriced"]) == {*BOARD, JUDGE}
    assert told["requests"] == sum(s["requests"] for s in told["steps"])
    assert told["tokens_in"] == sum(p["tokens_in"] for s in told["steps"] for p in s["parts"]) > 0
    # an answer and a judgement of 20 items by each
    assert pool["requests"] == 2 * 20 * len(POOL) and board["requests"] == 2 * 20 * len(BOARD)
    assert season(cli, first).code == 0
    made = served.stats()["requests"]
    assert 0.5 < made / told["requests"] <= 1.01
    accounts = json.loads((first / "2027-01" / "selection.json").read_text())["accounts"]
    asked = dict(rows(first / "ws", "select plan, count(*) from ledger group by plan"))
    assert 0.5 < asked[accounts[0]] / evolve["requests"] <= 1.01
    assert 0.9 < asked[accounts[1]] / pool["requests"] <= 1.01
    # of what is done nothing is left to pay
    left = json.loads(season(cli, first, "--dry-run", "--json").out)
    assert left["requests"] == 0 and left["steps"][2]["stored"] == 20 * len(BOARD)
    assert served.stats()["requests"] == made


def test_a_dry_run_prices_every_step_and_names_what_has_no_price(
    first: Path, served: MockProvider, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = season(cli, first, "--dry-run", "--size", 40)
    assert shown.code == 0 and shown.out == "" and "No price is known of" in shown.err, shown.err
    assert all(name in shown.err for name in (*POOL, *BOARD, WRITER, JUDGE, "evolve", "measure"))
    assert "like those of the form before" in shown.err

    def same(model: str) -> Price:
        return Price(input=1, output=2)

    monkeypatch.setattr(budget, "listed_price", same)
    told, larger = (
        json.loads(season(cli, first, "--dry-run", "--json", "--size", size).out)
        for size in (20, 40)
    )
    for one in told["steps"]:
        assert one["unpriced"] == []
        assert one["usd"] == pytest.approx(
            (one["tokens_in"] + 2 * one["tokens_out"]) / 1e6, rel=0.01
        )
    assert told["usd"] == pytest.approx(sum(s["usd"] for s in told["steps"]))
    assert larger["steps"][2]["usd"] == pytest.approx(2 * told["steps"][2]["usd"])
    assert larger["steps"][:2] == told["steps"][:2]
    notes = json.loads(season(cli, first, "--dry-run", "--json", "--max-usd", 1e-6).out)["notes"]
    assert any("and may spend 1e-06 in all" in note for note in notes)


def test_a_dry_run_counts_what_was_spent_on_the_season_before(
    first: Path, served: MockProvider, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(model: str) -> Price:
        return Price(input=1, output=1)

    monkeypatch.setattr(budget, "listed_price", same)

    def dry(*more: object) -> dict[str, Any]:
        return json.loads(season(cli, first, "--dry-run", "--json", *more).out)

    def over(usd: float) -> bool:
        # a token costs a millionth of a dollar
        limits = (("--max-usd", usd, "US dollars"), ("--max-tokens", round(1e6 * usd), "tokens"))
        said = [
            any("may spend" in note and unit in note for note in dry(option, most)["notes"])
            for option, most, unit in limits
        ]
        assert said[0] == said[1]
        return said[0]

    # another occasion's answers to the form before are no part of the season
    ask = ("run", *respondents(), "--judge", JUDGE, "--form", first / "first.json")
    ask += ("--items", first / "bank.jsonl", "-w", first / "ws")
    assert cli(*ask, "--occasion", "2026-01").code == 0
    elsewhere = {one for (one,) in rows(first / "ws", "select distinct plan from ledger")}
    told = dry()
    assert told["spent"] == {"tokens": 0, "usd": 0} and told["usd"] > 0
    assert over(0.99 * told["usd"]) and not over(1.01 * told["usd"])
    # broken off while items evolve: what that took before is in its forecast
    assert season(cli, first, "--max-usd", 0.3 * told["steps"][0]["usd"]).code == 3
    begun = dry()
    assert begun["spent"]["usd"] > 0.1 * begun["steps"][0]["usd"]
    assert over(0.99 * begun["usd"]) and not over(1.01 * begun["usd"])
    # done: nothing more is to come, and all of it was spent
    assert season(cli, first).code == 0
    done = dry()
    paid = dict(rows(first / "ws", "select plan, sum(usd) from ledger group by plan"))
    spent = sum(usd for plan, usd in paid.items() if plan not in elsewhere)
    assert done["usd"] == 0 and done["spent"]["usd"] == pytest.approx(spent)
    assert over(0.99 * spent) and not over(1.01 * spent)
    (note,) = dry("--max-usd", 0.5 * spent)["notes"]
    assert f"{spent:,.6g} of them spent so far, and may spend {spent / 2:,.6g} in all" in note


def test_a_dry_run_refuses_what_the_season_would(
    first: Path, served: MockProvider, cli: Command
) -> None:
    assert season(cli, first).code == 0
    for more in (("--seed", 3), ("--size", 12), ("--anchors", 1)):
        assert season(cli, first, "--dry-run", *more).code == 2
    asked = served.stats()["requests"]
    assert season(cli, first, "--dry-run", "--calls", 2, name="2027-07").code == 2
    assert served.stats()["requests"] == asked
