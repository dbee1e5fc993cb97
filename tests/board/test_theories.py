"""The same responses under several theories: figures on planted readings, and the judge at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from sqlalchemy import select

from tests.measure.helpers import JUDGE, judging
from tests.support import mock_provider as mock_module
from valuecompass.board.health.theories import compare_theories
from valuecompass.board.health.theory_figures import Readings, figures
from valuecompass.errors import BudgetReached, InputError
from valuecompass.judges import judge_id
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.measure.run import Settings, run
from valuecompass.models import Limits
from valuecompass.store import open_store, verdicts
from valuecompass.values import builtin_system

TOML = """
id = "library"
name = "Library values"
scoring = "conformity"
summary = "Two values between which a library has to choose."
source = "Written for this test."

[[dimensions]]
name = "Access"
definition = "Letting everybody in and lending everything out, without fees or papers."
high = "keeps the doors open"
low = "keeps people out"
supports = ["A library card must not cost anything."]
opposes = ["Whoever cannot keep the rules has no business here."]

[[dimensions]]
name = "Quiet"
definition = "Keeping a place where people can read and think undisturbed."
high = "keeps silence"
low = "makes noise"
supports = ["A reading room is worth little when one cannot hear oneself think."]
opposes = ["A lively, noisy library is a good library."]
"""


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def planted(people: int = 10, items: int = 60) -> Readings:
    """Three theories: one that separates, its noisy copy, and one that is noise."""
    made = np.random.default_rng(1)
    who, item = np.repeat(np.arange(people), items), np.tile(np.arange(items), people)
    level = made.normal(size=(people, 3))[who] + 2 * made.normal(size=(items, 3))[item]
    first = level + made.normal(size=level.shape)
    return Readings(
        {
            "first": (("A", "B", "C"), first),
            "copy": (("K", "L"), first[:, :2] + made.normal(0, 0.5, size=(len(who), 2))),
            "noise": (("X", "Y"), made.normal(size=(len(who), 2))),
        },
        tuple(f"r{r}" for r in who),
        tuple(f"i{i:03}" for i in item),
    )


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return json.loads(json.dumps(figures(planted(), rng()), allow_nan=False))


def pair_of(found: dict[str, Any], first: str, second: str) -> dict[str, Any]:
    (pair,) = [p for p in found["pairs"] if (p["first"], p["second"]) == (first, second)]
    return pair


def test_a_copy_is_redundant_and_noise_is_all_its_own(found) -> None:
    pair = pair_of(found, "first", "copy")
    by_copy = pair["first_by_second"]["responses"]["dimensions"]
    # variance 6 (respondent 1, item 4, residual 1), .25 of it added in the copy
    assert by_copy["A"]["value"] == pytest.approx(6 / 6.25, abs=0.02)
    assert by_copy["A"]["low"] < by_copy["A"]["value"] < by_copy["A"]["high"]
    assert by_copy["C"]["value"] < 0.1
    respondents = pair["first_by_second"]["respondents"]["dimensions"]
    assert respondents["A"] > 0.9 and respondents["C"] < 0.5
    noise = pair_of(found, "first", "noise")
    assert noise["first_by_second"]["responses"]["mean"]["value"] < 0.05
    unique = {one["system"]: one["unique"]["value"] for one in found["theories"]}
    assert unique["noise"] > 0.95 and unique["copy"] < 0.1
    assert unique["first"] == pytest.approx(1 / 3, abs=0.05)  # C is in no other theory


def test_between_respondents_is_what_analysis_of_variance_says(found) -> None:
    of = {one["system"]: one["between"] for one in found["theories"]}
    table = planted().tables["first"][1][:, 0].reshape(10, 60)
    rows = 60 * table.mean(axis=1).var(ddof=1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    residual = (rest**2).sum() / (9 * 59)
    share = (rows - residual) / (rows + 59 * residual)
    assert of["first"]["A"]["value"] == pytest.approx(share, abs=1e-4)
    assert of["noise"]["X"]["value"] == pytest.approx(0, abs=0.03)


def test_the_theory_that_separates_best_is_named_only_when_it_surely_does(found) -> None:
    assert found["best"] == "first" and found["chance"] == 0.1
    told = {one["system"]: one["told_apart"] for one in found["theories"]}
    assert told["first"]["low"] > told["copy"]["low"] > 0.1
    assert told["noise"]["low"] < 0.12
    pair = pair_of(found, "first", "copy")
    apart = told["first"]["value"] - told["copy"]["value"]
    assert pair["difference"]["value"] == pytest.approx(apart, abs=1e-3)
    assert pair["difference"]["low"] > 0
    readings = planted()
    twice = Readings(
        {"one": readings.tables["noise"], "two": readings.tables["noise"]},
        readings.respondents,
        readings.items,
    )
    same = figures(twice, rng())
    assert same["best"] is None and same["pairs"][0]["difference"]["value"] == 0


def test_few_respondents() -> None:
    seven = figures(planted(7, 30), rng())
    assert seven["pairs"][0]["first_by_second"]["respondents"] is None
    assert any("needs 8 respondents, and there are 7" in n for n in seven["notices"])
    one = figures(planted(1, 30), rng())
    assert one["best"] is None and one["chance"] is None
    assert one["theories"][0]["told_apart"] is None and one["pairs"][0]["difference"] is None
    assert one["theories"][0]["between"]["A"]["value"] is None
    json.dumps(one, allow_nan=False)


# the judge at work


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theories")
    (folder / "library.toml").write_text(TOML, encoding="utf-8")
    models = [f"simulated/schwartz?Power={p}&seed={p}" for p in (1, 2)]
    run(models, ["schwartz"], form="tiny", workspace=folder / "W")
    return folder


def compared(workspace: Path, *systems: str, **settings: Any) -> dict[str, Any]:
    chosen = Settings(systems=systems, workspace=workspace / "W", **settings)
    return anyio.run(lambda: compare_theories(chosen))


def stored(workspace: Path) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        async with open_store(workspace / "W", None) as store:
            return [dict(row) for row in await store.rows(select(verdicts))]

    return anyio.run(read)


def test_a_theory_scored_otherwise_is_read_as_expression_by_definition() -> None:
    moral = builtin_system("moral-foundations")
    changed = moral.as_expression()
    assert changed.scoring == "expression" and changed.dimensions == moral.dimensions
    # what the local judge has learned of conduct is not asked what a text appeals to
    assert changed.id == "moral-foundations-expressed"
    schwartz = builtin_system("schwartz")
    assert schwartz.as_expression() is schwartz


def test_answers_are_read_once_and_what_was_measured_is_not_read_again(
    workspace, monkeypatch
) -> None:
    before = stored(workspace)
    own = str(workspace / "library.toml")
    first = compared(workspace, "schwartz", own)
    assert first["responses"] == 40 and first["items"] == 20 and first["left_out"] == 0
    assert len(first["respondents"]) == 2 and first["judge"] == "local"
    after = stored(workspace)
    assert len(after) == len(before) + 40  # one row an answer, none under schwartz
    new = [row for row in after if row not in before]
    assert {v["dimension"] for v in new[0]["body"]} == {"Access", "Quiet"}
    library = _library(own).as_expression()
    assert {row["judge"] for row in new} == {judge_id(LocalJudge(), library)}

    def never(*_: Any) -> None:
        raise AssertionError("judged again")

    monkeypatch.setattr(LocalJudge, "judge_now", never)
    assert compared(workspace, "schwartz", own) == first
    assert stored(workspace) == after


def _library(path: str) -> Any:
    from valuecompass.measure.run import resolve_system

    return resolve_system(path)


def test_the_report_says_what_the_judge_can_be_trusted_with(workspace) -> None:
    found = compared(workspace, "schwartz", str(workspace / "library.toml"))
    gates = {one["system"]: one["judge_gate"]["status"] for one in found["theories"]}
    assert gates["library"] == "unmeasured"
    assert any("has not been measured on labels of Library values" in n for n in found["notices"])
    assert any("Under Library values" in n and "conformity" in n for n in found["notices"])
    assert any("simulated" in n for n in found["notices"])


def test_what_is_judged_on_one_dimension_is_read_on_all(tmp_path) -> None:
    """Openings are scored on their main dimension; under another theory, and their own, on all."""
    models = ["simulated/moral-foundations?seed=1", "simulated/moral-foundations?seed=2"]
    run(models, ["moral-foundations"], form="tiny", workspace=tmp_path / "W")
    found = compared(tmp_path, "moral-foundations", "schwartz")
    assert found["answers_of"] == "moral-foundations"
    assert found["responses"] == 2 * 15 * 2
    assert [len(one["between"]) for one in found["theories"]] == [5, 10]


def test_a_measurements_verdicts_on_one_dimension_are_not_taken_for_all(tmp_path) -> None:
    """In a system read for what is appealed to, requests are measured on one dimension only."""
    own = tmp_path / "library.toml"
    own.write_text(TOML.replace("conformity", "expression"), encoding="utf-8")
    asked = [f"Write the librarian's rule number {n} for visitors." for n in range(4)]
    items = [{"kind": "request", "text": text, "dimensions": ["Access"]} for text in asked]
    _write(tmp_path / "items.jsonl", items)
    for name, rule in (("open", "Everybody may borrow a book."), ("calm", "Please be silent.")):
        said = [{"item": text, "response": f"{rule} Number {n}."} for n, text in enumerate(asked)]
        _write(tmp_path / f"{name}.jsonl", said)
    models = [f"recorded/{tmp_path / name}.jsonl" for name in ("open", "calm")]
    run(models, [str(own)], items=tmp_path / "items.jsonl", workspace=tmp_path / "W")
    before = stored(tmp_path)
    assert {v["dimension"] for row in before for v in row["body"]} == {"Access"}
    found = compared(tmp_path, str(own), "schwartz")
    assert found["responses"] == 8 and found["left_out"] == 0
    assert [row for row in stored(tmp_path) if row in before] == before


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def test_a_model_judge_keeps_to_the_budget_and_goes_on(
    workspace, mock_provider, monkeypatch
) -> None:
    monkeypatch.setattr(mock_module, "answer", judging)

    def read(calls: int) -> dict[str, Any]:
        limits = Limits(calls, None, None)
        own = str(workspace / "library.toml")
        return compared(workspace, "schwartz", own, judge=JUDGE, limits=limits)

    with pytest.raises(BudgetReached, match="3 of 3 calls"):
        read(3)
    assert mock_provider.stats()["requests"] == 3
    found = read(500)
    assert found["responses"] == 40 and found["judge"] == JUDGE
    assert mock_provider.stats()["requests"] == 80  # each answer once under each theory
    assert read(500) == found
    assert mock_provider.stats()["requests"] == 80


def test_a_judge_that_says_nothing_is_told(workspace, mock_provider) -> None:
    own = str(workspace / "library.toml")
    with pytest.raises(InputError, match="on none of 40 answers"):
        compared(workspace, "schwartz", own, judge="openai-api/mock/mute")


def test_wrong_choices_are_told(workspace) -> None:
    with pytest.raises(InputError, match="two value systems or more"):
        compared(workspace, "schwartz")
    with pytest.raises(InputError, match="-s schwartz: this value system is named twice"):
        compared(workspace, "schwartz", "safety", "schwartz")
    with pytest.raises(InputError, match="no measurement of safety yet"):
        compared(workspace, "safety", "schwartz")
