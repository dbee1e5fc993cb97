"""Whole runs with a panel: who is asked, what is stored, and what agreement is read from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.measure.helpers import (
    HASTY,
    JUDGE,
    MODEL,
    Command,
    count,
    measure,
    missing,
    once_each,
    rows,
)
from tests.support.mock_provider import MockProvider
from valuecompass.errors import BudgetReached
from valuecompass.judges.panel import disagree
from valuecompass.measure.agreement import _Tally  # pyright: ignore[reportPrivateUsage]
from valuecompass.measure.run import Listener, Outlook, run
from valuecompass.models import Limits
from valuecompass.stats import cohen_kappa, krippendorff_alpha

SECOND = "openai-api/mock/second-judge"
STRONG = "openai-api/mock/strong-judge"
PANEL = f"{JUDGE},{SECOND}"
JUDGED = 6
"""Questions among the small items: what a respondent's judges read."""
pytestmark = pytest.mark.usefixtures("able_judge")


def bodies(workspace: Path) -> list[list[dict[str, Any]]]:
    return [json.loads(body) for (body,) in rows(workspace, "select body from verdicts")]


def asked(mock: MockProvider, model: str) -> int:
    return mock.stats()["by_model"].get(model.rsplit("/", 1)[1], 0)


def differing(body: list[dict[str, Any]]) -> bool:
    return any(disagree(v["votes"][:2]) for v in body)


def test_the_strong_judge_reads_only_what_the_panel_disagrees_on(
    mock_provider: MockProvider, items: Path, workspace: Path
) -> None:
    found = measure(workspace, items, judge=PANEL, strong_judge=STRONG)
    stored = bodies(workspace)
    assert len(stored) == JUDGED == asked(mock_provider, JUDGE) == asked(mock_provider, SECOND)
    assert asked(mock_provider, STRONG) == sum(map(differing, stored))
    assert missing(found) == 0
    decided = [v for body in stored for v in body if disagree(v["votes"][:2])]
    agreed = [v for body in stored for v in body if not disagree(v["votes"][:2])]
    assert decided and agreed
    assert all(v["expressed"] == v["votes"][2] for v in decided)
    assert all(v["expressed"] == pytest.approx(sum(v["votes"][:2]) / 2) for v in agreed)
    identity = found.manifest["judge"]
    assert [m["model"]["model"] for m in identity["members"]] == sorted([JUDGE, SECOND])
    assert identity["strong"]["model"]["model"] == STRONG


def test_the_same_panel_in_another_order_is_the_same_measurement(
    mock_provider: MockProvider, items: Path, workspace: Path
) -> None:
    first = measure(workspace, items, judge=PANEL, strong_judge=STRONG)
    requests = mock_provider.stats()["requests"]
    again = measure(workspace, items, judge=f"{SECOND},{JUDGE}", strong_judge=STRONG)
    assert again.id == first.id and count(workspace, "measurements") == 1
    # without the strong judge it is another judge, but nobody has to be asked anew
    other = measure(workspace, items, judge=PANEL)
    assert other.id != first.id and len(bodies(workspace)) == 2 * JUDGED
    assert mock_provider.stats()["requests"] == requests


def test_a_stop_in_the_middle_asks_nobody_twice(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command, tmp_path: Path
) -> None:
    command = ("run", "-m", MODEL, "--items", items, "--form", "tiny", "-w", workspace, "--json")
    command += ("--judge", PANEL, "--strong-judge", STRONG)
    for limit in (17, 22):
        said = cli(*command, "--max-calls", limit)
        assert said.code == 3 and "budget reached" in said.err
    said = cli(*command)
    assert said.code == 0 and once_each(mock_provider)
    undisturbed = measure(tmp_path / "other", items, judge=PANEL, strong_judge=STRONG)
    assert json.loads(said.out)["rows"] == [row.json() for row in undisturbed.rows]


def test_a_respondent_on_the_panel_is_told(
    mock_provider: MockProvider, items: Path, workspace: Path
) -> None:
    (own,) = measure(workspace, items, judge=f"{MODEL},{JUDGE}").rows
    assert any("one of its judges is its own model" in note for note in own.notes)
    (strange,) = measure(workspace, items, judge=PANEL).rows
    assert not any("own model" in note for note in strange.notes)
    (alone,) = measure(workspace, items, judge=MODEL).rows
    assert any(note.startswith("judged by its own model") for note in alone.notes)


class Hearing(Listener):
    def __init__(self) -> None:
        self.heard: list[Outlook] = []

    def outlook(self, outlook: Outlook) -> bool:
        self.heard.append(outlook)
        return False


@pytest.mark.parametrize(
    ("judge", "strong", "calls", "at_most"),
    [
        ("local", None, 0, 0),
        (JUDGE, None, 2 * JUDGED, 0),
        (f"local,{JUDGE}", None, 2 * JUDGED, 0),
        (PANEL, STRONG, 2 * 2 * JUDGED, 2 * JUDGED),
        (f"{JUDGE}@mode=concepts,{SECOND}", STRONG, 2 * 3 * JUDGED, 2 * JUDGED),
        (f"{JUDGE},{JUDGE}@mode=per-value", None, 2 * (JUDGED + JUDGED * 3 * 10), 0),
    ],
)
def test_the_outlook_counts_every_member_and_the_strong_judge_at_most(
    mock_provider: MockProvider,
    items: Path,
    workspace: Path,
    judge: str,
    strong: str | None,
    calls: int,
    at_most: int,
) -> None:
    hearing = Hearing()
    run(
        [MODEL, f"{MODEL}@system=Be brief."],
        items=items,
        form="tiny",
        workspace=workspace,
        judge=judge,
        strong_judge=strong,
        patience=HASTY,
        listener=hearing,
    )
    (outlook,) = hearing.heard
    assert (outlook.judge_calls, outlook.strong_calls) == (calls, at_most)


def test_the_plan_says_at_most(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    command = ("run", "-m", MODEL, "--items", items, "--form", "tiny", "-w", workspace, "--dry-run")
    said = cli(*command, "--judge", PANEL, "--strong-judge", STRONG)
    assert "12 calls, 6 more at most" in " ".join(said.err.split())
    assert mock_provider.stats()["requests"] == 0


def test_a_money_budget_needs_the_price_of_every_judge(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    command = ("run", "-m", MODEL, "--items", items, "-w", workspace, "--max-usd", 5)
    said = cli(*command, "--judge", PANEL, "--strong-judge", STRONG)
    assert said.code == 2 and all(name in said.err for name in (MODEL, JUDGE, SECOND, STRONG))


# --- agreement ---


def table(workspace: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The members' votes by dimension: (2, units)."""
    votes: dict[str, list[list[float]]] = {}
    for body in bodies(workspace):
        for v in body:
            votes.setdefault(v["dimension"], []).append(v["votes"][:2])
    return {name: np.array(found).T for name, found in votes.items()}


def test_agreement_of_a_panel_is_read_from_its_votes(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    models = [MODEL, f"{MODEL}@system=Be brief."]
    made = measure(workspace, items, models=models, judge=PANEL, strong_judge=STRONG)
    requests = mock_provider.stats()["requests"]
    said = cli("judge", "agreement", "-w", workspace, "--json")
    assert said.code == 0, said.err
    (found,) = json.loads(said.out)["measurements"]
    assert mock_provider.stats()["requests"] == requests
    assert (found["measurement"], found["panel"]) == (made.id, True)
    assert (found["judges"], found["strong"]) == (sorted([JUDGE, SECOND]), STRONG)
    assert found["responses"] == 2 * JUDGED
    share = sum(map(differing, bodies(workspace))) / (2 * JUDGED)
    assert found["disagreed"]["value"] == pytest.approx(share, abs=1e-4)
    assert found["disagreed"]["low"] <= share <= found["disagreed"]["high"]
    votes = table(workspace)
    for name, of_one in found["dimensions"].items():
        ratings = votes[name]
        expected = krippendorff_alpha(ratings, "interval")
        assert of_one["alpha"]["value"] == pytest.approx(expected, abs=1e-4)
        assert of_one["alpha"]["low"] <= of_one["alpha"]["value"] <= of_one["alpha"]["high"]
        (pair,) = of_one["pairs"]
        cut = ratings >= 0.5
        assert pair["kappa"]["value"] == pytest.approx(cohen_kappa(*cut), abs=1e-4)
        assert pair["n"] == of_one["units"] == ratings.shape[1]
    whole = np.concatenate(list(votes.values()), axis=1)
    expected = krippendorff_alpha(whole >= 0.5)
    assert found["alpha_at_half"]["value"] == pytest.approx(expected, abs=1e-4)
    # judges who answer by a hash agree by chance alone
    assert abs(expected) < 0.2


def test_agreement_of_two_judges_who_judged_the_same_responses(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    first = measure(workspace, items, judge=JUDGE)
    said = cli("judge", "agreement", "-w", workspace)
    assert said.code == 2 and f"only {JUDGE} has judged its responses" in said.err
    second = measure(workspace, items, judge=f"{SECOND}@mode=concepts")
    documents = [
        json.loads(cli("judge", "agreement", "-w", workspace, "--json", *which).out)
        for which in ((), ("--measurement", first.id), ("--measurement", second.id))
    ]
    newest, of_first, of_second = (d["measurements"][0] for d in documents)
    assert newest == of_second and newest["panel"] is False
    assert of_first["judges"] == [JUDGE, f"{SECOND}@mode=concepts"]
    assert of_second["judges"] == of_first["judges"][::-1]
    assert of_first["alpha"]["value"] == of_second["alpha"]["value"]
    assert of_first["responses"] == JUDGED and of_first["strong"] is None


def test_a_judge_is_compared_once_and_never_with_a_panel_it_sits_on(
    mock_provider: MockProvider,
    items: Path,
    workspace: Path,
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measure(workspace, items, judge=SECOND)
    monkeypatch.setattr("valuecompass.judges.llm.judge.prompts_hash", lambda: "newer prompts")
    measure(workspace, items, judge=SECOND)
    measure(workspace, items, judge=PANEL)
    measure(workspace, items, judge=f"{STRONG},{SECOND}@mode=concepts")
    first = measure(workspace, items, judge=JUDGE)
    with pytest.raises(BudgetReached):  # a judge that did not come to its measurement
        measure(workspace, items, judge=f"{STRONG}@mode=concepts", limits=Limits(calls=9))
    assert count(workspace, "(select distinct judge from verdicts)") == 6
    said = cli("judge", "agreement", "-w", workspace, "--json", "--measurement", first.id)
    (found,) = json.loads(said.out)["measurements"]
    assert found["judges"] == [JUDGE, SECOND, f"{SECOND}@mode=concepts,{STRONG}"]
    left_out = " ".join(found["left_out"])
    assert f"the panel {SECOND},{JUDGE}: one of its judges is compared itself" in left_out
    assert f"{SECOND} (" in left_out and "another version is compared" in left_out
    assert "its run was not finished" in left_out
    assert found["responses"] == found["disagreed"]["n"] == JUDGED
    shown = cli("judge", "agreement", "-w", workspace, "--measurement", first.id).out
    assert "left out" in shown and "judged by two or more" in shown


def test_who_alone_has_judged_a_response_agrees_with_nobody() -> None:
    tally = _Tally()
    for n in range(100):  # the second judge came no further than ten responses
        tally.add(f"item {n}", {(0, "Power"): [0.9, 0.1 if n < 10 else None]})
    found = tally.document(["one", "two"], ["Power"], 0)
    for share in (found["disagreed"], found["dimensions"]["Power"]["disagreed"]):
        assert (share["n"], share["value"]) == (10, 1)
    assert found["responses"] == 100
    alone = _Tally()
    alone.add("item", {(0, "Power"): [0.9, None]})
    nobody = {"n": 0, "value": None, "low": None, "high": None}
    assert alone.document(["one", "two"], ["Power"], 0)["disagreed"] == nobody


def test_agreement_is_shown_as_tables(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    made = measure(workspace, items, judge=PANEL, strong_judge=STRONG)
    said = cli("judge", "agreement", "-w", workspace)
    assert said.code == 0
    for words in (made.id, "decided there by", STRONG, "Krippendorff's alpha", "Universalism"):
        assert words in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "no measurements here yet"), (("--measurement", "0123456789abcdef"), "no measurements")],
)
def test_agreement_needs_a_workspace(
    tmp_path: Path, cli: Command, arguments: tuple[str, ...], says: str
) -> None:
    said = cli("judge", "agreement", "-w", tmp_path / "none", *arguments)
    assert said.code == 2 and says in said.err


def test_an_unknown_measurement_is_told(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    measure(workspace, items, judge=PANEL)
    said = cli("judge", "agreement", "-w", workspace, "--measurement", "x")
    assert said.code == 2 and "--measurement x: not in" in said.err
