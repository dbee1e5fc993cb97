"""Who sat on a form, and which of it is reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.evolve.lifecycle.examples import NAMES, SCHWARTZ, bank, table
from valuecompass.evolve.lifecycle.bank import due
from valuecompass.evolve.lifecycle.changes import change_log
from valuecompass.evolve.lifecycle.history import Past, Sitting, past_of, pool_occasion
from valuecompass.evolve.lifecycle.information import joined, worth
from valuecompass.evolve.lifecycle.retire import RetireRules, saturated
from valuecompass.items import Form, Item
from valuecompass.items.io import write_items
from valuecompass.measure.item_table import Answered, ItemTable
from valuecompass.measure.run import Settings, run_async
from valuecompass.store import open_store
from valuecompass.values import builtin_system

ITEMS = bank(3)
IDS = tuple(item.id for item in ITEMS)
FORM = Form(name="schwartz/a", system="schwartz", asking={}, items=IDS)


def answers(names: str, seed: int = 0, *, level: float = 0.0) -> ItemTable:
    rng = np.random.default_rng(seed)
    n = len(ITEMS)
    theta = level + rng.normal(size=(len(names), len(NAMES)))
    told = table(ITEMS, theta, np.full(n, 1.5), rng.normal(size=n), rng)
    return replace(told, respondents=tuple(names))


def sitting(
    names: str, occasion: str | None = None, seed: int = 0, *, form: Form = FORM, judge: str = "j"
) -> Sitting:
    answered = Answered(answers(names, seed), ("question",) * len(ITEMS))
    return Sitting(form.hash, occasion, judge, (f"{names} {occasion}",), answered)


def past(*sittings: Sitting) -> Past:
    return Past(sittings, (), {}, {})


def test_a_board_is_all_that_sat_and_no_pool() -> None:
    known = past(
        sitting("abc", "spring", 1),
        sitting("d", "between", 2),
        sitting("a", "again", 3),
        sitting("wxyz", pool_occasion("aborted"), 4),
        sitting("q", "spring", 5, judge="another"),
    )
    found = known.reported(FORM.hash, "j")
    assert found is not None and set(found.respondents) == set("abcd")
    assert set(found.measurements) == {"abc spring", "d between", "a again"}
    row = {name: found.table.totals[k] for k, name in enumerate(found.table.respondents)}
    assert np.array_equal(row["a"], known.sittings[2].table.totals[0])  # the newest
    assert np.array_equal(row["b"], known.sittings[0].table.totals[1])
    assert known.latest == ("a", "b", "c")
    assert past(sitting("wxyz", pool_occasion("aborted"))).reported(FORM.hash) is None


def test_a_season_is_linked_to_all_of_the_board_before() -> None:
    form = Form(
        name="schwartz/b", system="schwartz", asking={}, items=IDS, anchors=IDS, previous=FORM.hash
    )
    known = past(
        sitting("abcd", "spring", 1),
        sitting("e", "between", 2),
        sitting("wxyz", pool_occasion("aborted"), 3),
        sitting("abcen", "2027-01", 4, form=form),
    )
    selection: dict[str, Any] = {"new": [], "retired": [], "barred": {}, "items": [], "overlap": []}
    about = {"simulated": True}
    log, _ = change_log("2027-01", SCHWARTZ, FORM, form, selection, known, about)
    assert log["measurements"]["before"] == ["abcd spring", "e between"]
    people = log["linked"]["Self-direction"]["respondents"]
    assert {who for who, one in people.items() if one["before"]} == set("abcde")
    assert {who for who, one in people.items() if one["change"]} == set("abce")
    assert any("not measured before: n" in note for note in log["notes"])


def test_drift_is_of_boards_and_not_of_pools() -> None:
    rng = np.random.default_rng(1)
    items = bank(12, NAMES[:1])
    theta, a, b = rng.normal(size=(20, len(NAMES))), np.full(12, 1.5), rng.normal(size=12)
    moved = b.copy()
    b[0], moved[0] = -3, 3

    def sat(occasion: str, where: np.ndarray, who: int) -> Sitting:
        answered = Answered(table(items, theta[:who], a, where, rng), ("question",) * 12)
        return Sitting(FORM.hash, occasion, "j", (occasion,), answered)

    board = sat("one", b, 20), sat("two", moved, 20)
    told, rules = worth(items, None), RetireRules(saturated=0)
    alone = due(past(*board), told, rules)
    assert [(one.item, one.reason) for one in alone] == [(items[0].id, "drifting")]
    later = sat(pool_occasion("2027-01"), moved, 4), sat("three", moved, 1)
    assert due(past(*board, *later), told, rules) == alone


def test_saturated_needs_six_of_those_that_count() -> None:
    others, own = answers("abcdefgh", 1), answers("wxyz", 2)
    evidence = joined([others, own])
    found = worth(ITEMS, evidence, tuple("wxyz"))
    assert (found.answered == 12).all() and (found.counted == 4).all()
    assert not saturated(found, 99)
    assert len(saturated(worth(ITEMS, evidence), 99)) == len(ITEMS)


@pytest.mark.anyio
async def test_questions_of_a_system_scored_otherwise_are_its_own(tmp_path: Path) -> None:
    moral = builtin_system("moral-foundations")
    asked = [
        Item(kind="question", system=moral.id, text=text, dimensions=moral.names[:1])
        for text in ("Should soldiers disobey an unjust order?", "May a town sell its only park?")
    ]
    write_items(asked, tmp_path / "own.jsonl")
    settings = Settings(
        models=["embedded/smollm2-135m-instruct"],
        systems=[moral.id],
        items=tmp_path / "own.jsonl",
        form="tiny",
        occasion="spring",
        workspace=tmp_path / "ws",
    )
    (measured,) = await run_async(settings)
    assert measured.system == "moral-foundations-expressed"
    async with open_store(tmp_path / "ws") as store:
        known = await past_of(store, moral)
        other = await past_of(store, SCHWARTZ)
    assert known.uses == {item.id: 1 for item in asked} and known.evidence is not None
    told = worth(asked, known.evidence)
    assert told.answered.tolist() == [1, 1]
    assert other.evidence is None and not other.uses
