"""A dry run says what a run will take: tokens as counted, prices as listed, nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.measure.helpers import Command, measure, rows
from tests.support.mock_provider import MockProvider
from valuecompass.models import Patience

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
    # six answers to be judged
    assert after["judge_usd"] == pytest.approx(usd, rel=0.01)
    assert 0.3 < before["judge_usd"] / usd < 3  # by the reference; the mock's answers are its own


def test_the_reference_is_near_what_a_real_model_counts(
    items: Path, workspace: Path, cli: Command
) -> None:
    common = ("-m", EMBEDDED, "--items", items, "--form", "tiny", "-w", workspace)
    (before,) = shares(cli, *common)
    measure(workspace, items, models=[EMBEDDED], judge="local", patience=Patience())
    ((into,),) = rows(workspace, "select sum(input_tokens) from responses")
    assert before["tokens_in"] == pytest.approx(into, rel=0.15)
