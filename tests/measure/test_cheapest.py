"""The cheapest plan: enough items, no more, and the truth where the bank has too few."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.measure.helpers import Command
from valuecompass.measure.cheapest import reference
from valuecompass.measure.run import Settings, cheapest_plans, run
from valuecompass.models import parse_roster
from valuecompass.stats.precision import half_width

PRICED = """
[[respondents]]
label = "some"
model = "openai/some"
price = { input = 1.0, output = 4.0, batch = 0.5 }
"""


@pytest.mark.anyio
async def test_the_plan_is_the_smallest_that_reaches_its_target(workspace: Path) -> None:
    settings = Settings(models=["openai/gpt-6-luna"], systems=["schwartz"], workspace=workspace)
    _, (wide,) = await cheapest_plans(settings, 10)
    _, (narrow,) = await cheapest_plans(settings, 5)
    spreads = reference("schwartz").spreads
    for plan, target in ((wide, 10), (narrow, 5)):
        assert plan.reached and plan.repeats == 1 and plan.answers == len(plan.form.items)
        # every question serves all ten, so ten fewer would be too few for the worst of them
        fewer = max(half_width(of, plan.answers - 10) for of in spreads.values())
        assert 100 * fewer > target >= max(d.half_width for d in plan.dimensions)
    assert wide.answers < narrow.answers


@pytest.mark.anyio
async def test_where_the_bank_is_too_small_the_plan_says_what_it_takes(workspace: Path) -> None:
    settings = Settings(models=["openai/gpt-6-luna"], systems=["safety"], workspace=workspace)
    _, (plan,) = await cheapest_plans(settings, 5)
    assert not plan.reached and plan.answers == 120  # the whole bank
    assert all(d.items == 20 and d.half_width > 5 for d in plan.dimensions)
    assert plan.calls_needed == sum(d.items_needed for d in plan.dimensions) > plan.answers
    spreads = reference("safety").spreads
    for d in plan.dimensions:
        assert 100 * half_width(spreads[d.name], d.items_needed) <= 5


def test_a_measurement_of_the_workspace_is_the_pilot_and_its_plan_runs(
    workspace: Path, tmp_path: Path, cli: Command
) -> None:
    roster = tmp_path / "roster.toml"
    roster.write_text(PRICED)
    model = "simulated/llm-unique?seed=4"
    run([model], ["llm-unique"], form="short", workspace=workspace)
    common = ("plan", "--roster", roster, "-s", "llm-unique", "-w", workspace, "--json")
    said = cli(*common, "--target", 20, "--forms", tmp_path / "forms")
    assert said.code == 0, said.err
    body = json.loads(said.out)
    (plan,) = body["plans"]
    assert body["respondent"] == "some" and plan["simulated"] and "this workspace" in plan["pilot"]
    assert plan["batch_usd"] == pytest.approx(plan["usd"] / 2) and plan["adaptive"]
    assert body["total"]["calls"] == plan["answers"] + plan["judge_calls"]
    form = tmp_path / "forms" / "llm-unique.json"
    (found,) = run([model], ["llm-unique"], form=str(form), workspace=workspace)
    scores = found.rows[0].dimensions
    for d in plan["dimensions"]:
        low, high = scores[d["name"]].low, scores[d["name"]].high
        assert low is not None and high is not None
        assert d["half_width"] == pytest.approx((high - low) / 2, rel=0.35)
    assert "SIMULATED" in cli(*common[:-1]).out


def test_a_wrong_target_or_two_respondents_are_told(workspace: Path, cli: Command) -> None:
    said = cli("plan", "--target", 0, "-w", workspace)
    assert said.code == 2 and "--target 0" in said.err


def test_the_middle_price_is_the_default(workspace: Path, cli: Command) -> None:
    said = cli("plan", "-s", "safety", "-w", workspace, "--json")
    named = json.loads(said.out)["respondent"]
    prices = sorted(r.price.usd(1, 1) for r in parse_roster(Path("current")) if r.price)
    (middle,) = [r.price for r in parse_roster(Path("current")) if r.name == named]
    assert middle is not None and middle.usd(1, 1) == prices[len(prices) // 2]
