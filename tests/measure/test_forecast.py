"""A dry run says what a run will take: tokens as counted, prices as listed, nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.measure.helpers import Command, measure, rows
from tests.support.mock_provider import MockProvider
from valuecompass.items import builtin_form, form_items
from valuecompass.measure.scenario import steps_of
from valuecompass.models import Patience, parse_roster
from valuecompass.models.batching import why_no_batch

ROSTER = """
[[respondents]]
model = "openai-api/mock/some-model"
price = { input = 1.0, output = 4.0 }
context = 1000

[[respondents]]
model = "openai/gpt-6-luna"
context = 100000
"""
EMBEDDED = "embedded/smollm2-135m-instruct"


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.toml"
    path.write_text(ROSTER)
    return path


def shares(cli: Command, *arguments: object) -> list[dict[str, Any]]:
    said = cli("run", *arguments, "--dry-run", "--json")
    assert said.code == 0, said.err
    (outlook,) = json.loads(said.out)["outlook"]
    return outlook["respondents"]


def test_each_respondent_has_its_price_its_key_and_its_context(
    mock_provider: MockProvider, roster: Path, items: Path, workspace: Path, cli: Command
) -> None:
    common = ("--roster", roster, "--items", items, "--form", "tiny", "-w", workspace)
    mock, luna = shares(cli, *common)
    assert mock_provider.stats()["requests"] == 0
    assert mock["requests"] == luna["requests"] == 15
    assert mock["tokens_in"] == luna["tokens_in"] > 0 and mock["measured"] == 0
    usd = (mock["tokens_in"] * 1 + mock["tokens_out"] * 4) / 1e6
    assert mock["usd"] == pytest.approx(usd, rel=0.01)
    assert mock["batch_usd"] is None and "no batches" in mock["no_batch"]
    assert luna["batch_usd"] == pytest.approx(luna["usd"] / 2)  # the listed share
    assert mock["lacks"] is None and luna["lacks"] == "OPENAI_API_KEY"
    # room to think does not fit into 1,000 tokens
    assert mock["fits"] is False and luna["fits"] is True
    shown = cli("run", *common, "--dry-run").err
    assert (
        "OPENAI_API_KEY" in shown
        and "too long for openai-api/mock/some-model" in shown
        and "--batch" in shown
    )


def test_a_run_without_the_key_stops_before_the_first_request(
    mock_provider: MockProvider, roster: Path, items: Path, workspace: Path, cli: Command
) -> None:
    said = cli("run", "--roster", roster, "--items", items, "--form", "tiny", "-w", workspace)
    assert said.code == 2 and "OPENAI_API_KEY" in said.err
    assert mock_provider.stats()["requests"] == 0


@pytest.mark.usefixtures("able_judge")
def test_tokens_are_those_that_the_provider_counted_before(
    mock_provider: MockProvider, roster: Path, items: Path, workspace: Path, cli: Command
) -> None:
    measured = measure(workspace, items)
    assert measured
    common = ("--roster", roster, "--items", items, "--form", "tiny", "-w", workspace)
    stored, _ = shares(cli, *common, "--judge", "openai-api/mock/some-judge")
    assert stored["stored"] == 15 and stored["tokens_in"] == stored["tokens_out"] == 0
    assert stored["usd"] == 0
    # asked anew, the same questions take what they took
    new, other = shares(cli, *common, "--occasion", "again")
    query = "select sum(input_tokens), sum(output_tokens) from responses where model like '%model'"
    ((into, out),) = rows(workspace, query)
    assert new["measured"] == 15 and other["measured"] == 0
    assert new["tokens_in"] == pytest.approx(into, rel=0.1)
    assert new["tokens_out"] == pytest.approx(out, rel=0.01)


@pytest.mark.usefixtures("able_judge")
def test_a_judge_takes_what_it_took_before(
    mock_provider: MockProvider, items: Path, workspace: Path, tmp_path: Path, cli: Command
) -> None:
    (tmp_path / "judge.toml").write_text("price = { input = 5.0, output = 15.0 }\n")
    judge = f"openai-api/mock/some-judge@file={tmp_path / 'judge.toml'}"
    common = ("-m", "openai-api/mock/some-model", "--items", items, "--form", "tiny")
    common = (*common, "-w", workspace, "--judge", judge)
    (before,) = shares(cli, *common)
    measure(workspace, items)
    query = "select sum(input_tokens * 5.0 + output_tokens * 15.0) / 1e6 from responses "
    ((usd,),) = rows(workspace, query + "where model like '%judge'")
    (after,) = shares(cli, *common, "--occasion", "again")
    told = ("run", *common, "--occasion", "again", "--dry-run", "--json")
    (judging,) = json.loads(cli(*told).out)["outlook"][0]["judges"]
    assert judging["calls"] == 6 and judging["usd"] == pytest.approx(after["judge_usd"])
    paid = (5 * judging["tokens_in"] + 15 * judging["tokens_out"]) / 1e6
    assert paid == pytest.approx(judging["usd"], rel=0.01)
    # six answers to be judged
    assert after["judge_usd"] == pytest.approx(usd, rel=0.01)
    assert 0.3 < before["judge_usd"] / usd < 3  # by the reference; the mock's answers are its own


@pytest.mark.usefixtures("able_judge")
def test_a_judge_in_another_mode_is_measured_by_that_mode(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    common = ("-m", "openai-api/mock/some-model", "--items", items, "--form", "tiny")
    common = (*common, "-w", workspace, "--judge", "openai-api/mock/some-judge", "--json")
    measure(workspace, items, judge_mode="per-value")
    for mode, measured in (("per-value", True), ("one-call", False)):
        said = cli("run", *common, "--judge-mode", mode, "--occasion", "again", "--dry-run")
        told = json.loads(said.out)
        assert (told["outlook"][0]["judge_measured"] > 0) is measured
        assert told["total"]["calls"] == told["total"]["requests"] == 15
        assert told["total"].keys() >= {"usd", "batch_usd", "judge_usd", "saving"}


@pytest.mark.usefixtures("able_judge")
def test_what_was_stored_otherwise_is_no_measure(
    mock_provider: MockProvider, items: Path, workspace: Path, tmp_path: Path, cli: Command
) -> None:
    """Answers with another effort or limit, and a judge's verdicts in another value system."""
    measure(workspace, items)
    told: dict[str, dict[str, Any]] = {}
    for setting in ('reasoning_effort = "low"', "max_tokens = 99", "max_output = 99", ""):
        (tmp_path / "r.toml").write_text(f"{setting}\n")
        model = f"openai-api/mock/some-model@file={tmp_path / 'r.toml'}"
        common = ("-m", model, "--items", items, "--form", "tiny", "-w", workspace)
        (told[setting],) = shares(cli, *common, "--occasion", "again")
    assert [t["measured"] for t in told.values()] == [0, 0, 0, 15]
    assert told["max_output = 99"]["tokens_out"] <= 15 * 99
    common = ("-m", "openai-api/mock/some-model", "-w", workspace, "--judge")
    judge = "openai-api/mock/some-judge"
    said = cli("run", *common, judge, "-s", "schwartz", "-s", "safety", "--dry-run", "--json")
    own, other = json.loads(said.out)["outlook"]
    assert own["judge_measured"] == 6 and other["judge_measured"] == 0
    assert "no stored verdict" in cli("run", *common, judge, "-s", "safety", "--dry-run").err


def test_a_judge_that_cannot_be_asked_here_is_named(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    common = ("-m", "openai-api/mock/some-model", "--items", items, "-w", workspace)
    said = cli("run", *common, "--judge", "openai/gpt-6-luna", "--dry-run", "--json")
    (outlook,) = json.loads(said.out)["outlook"]
    assert outlook["judge_lacks"] == {"openai/gpt-6-luna": "OPENAI_API_KEY"}
    said = cli("run", *common, "--judge", "openai/gpt-6-luna", "--dry-run")
    assert "gpt-6-luna cannot be asked here: it needs OPENAI_API_KEY" in said.err


def test_scenarios_count_by_their_requests(
    mock_provider: MockProvider, workspace: Path, cli: Command
) -> None:
    (share,) = shares(
        cli, "-m", "openai-api/mock/some-model", "--form", "scenario", "-w", workspace
    )
    form = form_items(builtin_form("schwartz", "scenario"))
    assert share["calls"] == sum(steps_of(item)[0] for item in form) > share["requests"]


@pytest.mark.parametrize(("limit", "fits"), [(400, True), (4_000, False)])
def test_what_fits_is_the_longest_prompt_with_the_answer_asked_for(
    mock_provider: MockProvider,
    items: Path,
    workspace: Path,
    tmp_path: Path,
    cli: Command,
    limit: int,
    fits: bool,
) -> None:
    (tmp_path / "r.toml").write_text(f"context = 1000\nmax_output = {limit}\n")
    model = f"openai-api/mock/some-model@file={tmp_path / 'r.toml'}"
    (share,) = shares(cli, "-m", model, "--items", items, "--form", "tiny", "-w", workspace)
    assert share["fits"] is fits


def test_a_batch_without_its_package_has_no_price(workspace: Path, cli: Command) -> None:
    gemini = next(r.model for r in parse_roster(Path("current")) if r.model.startswith("google/"))
    (share,) = shares(cli, "-m", gemini, "-w", workspace)
    why = why_no_batch(gemini)
    assert (share["batch_usd"] is None) == (why is not None) and share["no_batch"] == why


def test_the_reference_is_near_what_a_real_model_counts(
    items: Path, workspace: Path, cli: Command
) -> None:
    common = ("-m", EMBEDDED, "--items", items, "--form", "tiny", "-w", workspace)
    (before,) = shares(cli, *common)
    measure(workspace, items, models=[EMBEDDED], judge="local", patience=Patience())
    ((into,),) = rows(workspace, "select sum(input_tokens) from responses")
    assert before["tokens_in"] == pytest.approx(into, rel=0.15)
