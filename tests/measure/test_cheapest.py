"""The cheapest plan: enough items, no more, and the truth where the bank has too few."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.measure.helpers import Command
from valuecompass.items import builtin_form, form_items
from valuecompass.measure.cheapest import cheapest_plan, middle_priced
from valuecompass.measure.pilot import FEW, pilot_of, reference, spreads_of
from valuecompass.measure.run import Settings, cheapest_plans, make_judge, run, run_async
from valuecompass.models import Limits, Patience, parse_respondent, parse_roster, price_of
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.stats.precision import half_width
from valuecompass.store import open_store
from valuecompass.values import builtin_system

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
        assert 100 * fewer > target >= max(d.half_width or 0 for d in plan.dimensions)
    assert wide.answers < narrow.answers


@pytest.mark.anyio
async def test_where_the_bank_is_too_small_the_plan_says_what_it_takes(workspace: Path) -> None:
    settings = Settings(models=["openai/gpt-6-luna"], systems=["safety"], workspace=workspace)
    _, (plan,) = await cheapest_plans(settings, 5)
    assert not plan.reached and plan.answers == 120  # the whole bank
    assert all(d.items == 20 and d.half_width and d.half_width > 5 for d in plan.dimensions)
    needed = {d.name: d.items_needed or 0 for d in plan.dimensions}
    assert plan.calls_needed == sum(needed.values()) > plan.answers
    spreads = reference("safety").spreads
    for name, items in needed.items():
        assert 100 * half_width(spreads[name], items) <= 5


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


def test_a_pilot_that_asked_once_says_so(workspace: Path, cli: Command) -> None:
    common = ("plan", "-m", "openai/gpt-6-luna", "-w", workspace)
    said = cli(*common, "-s", "safety", "-s", "moral-foundations", "--json")
    safety, foundations = json.loads(said.out)["plans"]
    untried = "repeats not tried: the pilot asked each item once"
    assert safety["notes"][-1] == untried
    assert not any(d["repeats_tried"] for d in safety["dimensions"])
    assert not any("too few items" in note for note in safety["notes"])
    assert all(d["repeats_tried"] for d in foundations["dimensions"])
    assert untried not in foundations["notes"]
    shown = cli(*common, "-s", "safety").out
    assert untried in shown and "too few items" not in shown


@pytest.mark.anyio
async def test_the_pilot_is_the_respondents_own_then_the_largest_and_the_plan_asks_as_short(
    workspace: Path,
) -> None:
    one, two = (f"simulated/llm-unique?seed={n}" for n in (1, 2))
    settings = Settings(models=[one], systems=["llm-unique"], workspace=workspace)
    own, large, small = [
        (await run_async(replace(settings, models=models, form=form)))[0]
        for models, form in (([one], "short"), ([two], "full"), ([two], "tiny"))
    ]
    async with open_store(workspace) as store:
        found = [
            await pilot_of(store, "llm-unique", parse_respondent(name))
            for name in (one, "openai/other")
        ]
    assert [own.id in found[0].source, large.id in found[1].source] == [True, True]
    assert all(small.id not in pilot.source and pilot.simulated for pilot in found)
    _, (plan,) = await cheapest_plans(settings, 20)
    short = builtin_form("llm-unique", "short").asking
    for kind, how in plan.form.asking.items():
        assert how.model_copy(update={"repeats": 1}) == short[kind].model_copy(
            update={"repeats": 1}
        )


@pytest.mark.anyio
async def test_few_items_give_way_to_the_reference(workspace: Path) -> None:
    model = "simulated/safety?seed=1"
    settings = Settings(models=[model], systems=["safety"], form="tiny", workspace=workspace)
    (tiny,) = await run_async(settings)
    assert max(s.n for s in tiny.rows[0].dimensions.values()) < FEW
    async with open_store(workspace) as store:
        found = await pilot_of(store, "safety", parse_respondent(model))
    assert found == reference("safety")


@pytest.mark.anyio
async def test_simulated_rows_are_not_joined_with_real_ones(
    workspace: Path, tmp_path: Path
) -> None:
    items = [i for i in form_items(builtin_form("llm-unique", "short"))]
    told = tmp_path / "told.jsonl"
    told.write_text(
        "".join(json.dumps({"item": i.id, "response": f"{i.text} I would."}) + "\n" for i in items)
    )
    real, planted = f"recorded/{told}", "simulated/llm-unique?seed=3"
    settings = Settings(models=[real, planted], systems=["llm-unique"], workspace=workspace)
    (both,) = await run_async(settings)
    async with open_store(workspace) as store:
        found = await pilot_of(store, "llm-unique", parse_respondent("openai/other"))
        alone = await spreads_of(store, both, [0])
    assert not found.simulated and "1 respondent," in found.source
    assert all(found.spreads[n] == of for n, of in alone.items() if of.items >= FEW)


@pytest.mark.anyio
async def test_a_dimension_without_an_answer_is_named_and_not_reached(workspace: Path) -> None:
    system = builtin_system("llm-unique")
    pilot = reference("llm-unique")
    known = {n: of for n, of in pilot.spreads.items() if n != system.names[0]}
    respondent = parse_respondent("openai/gpt-6-luna")
    async with open_store(workspace) as store:
        asker = Asker(store, Budget(store, "", Limits()), Patience())
        judge = make_judge(Settings(), asker)
        less = replace(pilot, spreads=known)
        plan = await cheapest_plan(system, respondent, judge, asker, 40, less)
    first, *others = plan.dimensions
    assert first.name == system.names[0] and first.half_width is None and not first.reached
    assert all(d.reached for d in others) and not plan.reached
    assert f"nothing is known of the variance of {first.name}" in plan.notes


def test_a_wrong_target_or_two_respondents_are_told(workspace: Path, cli: Command) -> None:
    said = cli("plan", "--target", 0, "-w", workspace)
    assert said.code == 2 and "--target 0" in said.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-m", "openai/gpt-6-luna", "--roster", "current"), "-m and --roster"),
        (("-m", "simulated/schwartz", "-s", "safety"), "answers only its own value system"),
        (
            ("-m", "embedded/smollm2-135m-instruct@answers=logprobs", "-s", "safety"),
            "read of choices and ratings alone",
        ),
        (("-s", "safety", "-s", "safety"), "named twice"),
        (("-s", "safety", "--forms", "FILE"), "cannot be written"),
        (("-s", "FILE.toml"), "which only built-in systems have"),
    ],
)
def test_what_cannot_be_planned_is_told(
    workspace: Path,
    tmp_path: Path,
    cli: Command,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    (tmp_path / "FILE").write_text("")
    own = builtin_system("safety").model_copy(update={"id": "mine"})
    lines = [
        f'id = "mine"\nname = "Mine"\nsource = "own"\nsummary = "Own."\nscoring = "{own.scoring}"'
    ]
    lines += [
        f"[[dimensions]]\nname = {json.dumps(d.name)}\ndefinition = {json.dumps(d.definition)}\n"
        f"high = {json.dumps(d.high)}\nlow = {json.dumps(d.low)}"
        for d in own.dimensions
    ]
    (tmp_path / "FILE.toml").write_text("\n".join(lines))
    given = [str(tmp_path / a) if a.startswith("FILE") else a for a in arguments]
    said = cli("plan", *given, "-w", workspace)
    assert said.code == 2 and complaint in said.err and "Traceback" not in said.err


def test_planning_makes_no_workspace(tmp_path: Path, cli: Command) -> None:
    nowhere = tmp_path / "nowhere"
    assert cli("plan", "-s", "safety", "-w", nowhere).code == 0
    said = cli("run", "-m", "simulated/safety", "-s", "safety", "--dry-run", "-w", nowhere)
    assert said.code == 0 and not nowhere.exists()
    said = cli("run", "-m", "simulated/safety", "--dry-run", "--csv", "-w", nowhere)
    assert said.code == 2 and "a dry run has no scores" in said.err


def test_the_middle_price_is_that_of_the_listed_prices_too() -> None:
    """A roster may leave out a price that is known."""
    cheap, middle, dear = (
        parse_respondent(f"openai/{name}")
        for name in ("gpt-6-luna", "gpt-6.1-terra", "gpt-6-astra")
    )
    prices = [price.usd(1, 1) for r in (cheap, middle, dear) if (price := price_of(r)) is not None]
    assert prices == sorted(prices) and len(prices) == 3
    assert middle_priced([dear, cheap, middle]) == middle


def test_an_item_file_without_items_is_told(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    where = ("--format", "lm-eval", tmp_path / "t", "--items", tmp_path / "empty.jsonl")
    said = cli("items", "export", *where)
    assert said.code == 2 and "empty.jsonl: no items" in said.err


def test_the_middle_price_is_the_default(workspace: Path, cli: Command) -> None:
    said = cli("plan", "-s", "safety", "-w", workspace, "--json")
    named = json.loads(said.out)["respondent"]
    prices = sorted(r.price.usd(1, 1) for r in parse_roster(Path("current")) if r.price)
    (middle,) = [r.price for r in parse_roster(Path("current")) if r.name == named]
    assert middle is not None and middle.usd(1, 1) == prices[len(prices) // 2]
