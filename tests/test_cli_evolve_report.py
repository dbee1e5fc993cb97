"""`valuecompass evolve report`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.evolve_planted.world import read_world

from tests.evolve.report.runs import PEOPLE, saved_run
from tests.measure.helpers import Command, rows


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture
def run(workspace: Path) -> str:
    return saved_run(workspace, read_world(2), calls=250, examinees=PEOPLE[:3])


def test_a_report_is_printed_written_and_given_to_programs(
    cli: Command, workspace: Path, run: str, tmp_path: Path
):
    page = tmp_path / "report.html"
    said = cli("evolve", "report", run[:8], "-w", workspace, "--size", 3, "--html", page)
    assert said.code == 0, said.err
    assert f"Run {run}: " in said.out and "items kept" in said.out
    assert "evolved" in said.out and "seeds" in said.out and "Self-BLEU" in said.out
    assert "Note: 3 of 3 examinees are simulated respondents, no models." in said.out
    assert str(page) in said.out.replace("\n", "")
    assert run in page.read_text(encoding="utf-8")
    told = cli("evolve", "report", "-w", workspace, "--size", 3, "--json")
    found = json.loads(told.out)
    assert found["run"]["id"] == run and found["systems"][0]["sets"][0]["n"] == 3
    assert "3 answered" not in told.out  # notes go to stderr


def requests(out: str) -> list[int]:
    return [plan["requests"] for plan in json.loads(out)["outlook"]]


def test_a_dry_run_asks_nobody_and_names_the_price(cli: Command, workspace: Path, run: str):
    said = cli("evolve", "report", "-w", workspace, "--size", 3, "--dry-run", "--json")
    assert said.code == 0, said.err
    assert rows(workspace, "select count(*) from responses") == [(0,)]
    # 3 models x 2 sets x 3 items x 2 answers
    assert requests(said.out) == [18, 18]
    alone = cli(
        *("evolve", "report", "-w", workspace, "--size", 3, "--dry-run", "--json"),
        *("--against", "none"),
    )
    assert requests(alone.out) == [18]
    nothing = cli("evolve", "report", "-w", workspace, "--size", 0, "--dry-run")
    assert "No comparison: nobody was asked (--size 0)." in nothing.out
    primed = cli(
        *("evolve", "report", "-w", workspace, "--size", 3, "--dry-run", "--json", "--prime"),
        *("--examinees", "embedded/smollm2-135m-instruct"),
    )
    # one model: 2 sets x 3 items x 2 answers, and 3 items primed to each of ten values
    assert requests(primed.out) == [6, 30, 6]


def test_the_budget_is_kept_and_wrong_input_is_told(cli: Command, workspace: Path, run: str):
    told = cli("evolve", "report", "-w", workspace, "--size", 3, "--max-calls", 10)
    assert told.code == 3
    assert rows(workspace, "select count(*) from responses")[0][0] <= 10
    for arguments, message in (
        (["--html", "x.txt"], "ends in .html"),
        (["--against", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--examinees", "nonsense"], "nonsense"),
        (["--examinees", "nosuch/x"], "nosuch/x: there is no provider 'nosuch'; a model's name"),
        (["--against", "none", "--against", "seeds"], "name no other set beside"),
        ([""], "an empty id"),
        (["no-such-run"], "no run of evolve whose id begins with no-such-run"),
    ):
        refused = cli("evolve", "report", *arguments, "-w", workspace)
        assert refused.code == 2 and message in refused.err, refused.err
    nothing = cli("evolve", "report", "-w", workspace / "none")
    assert nothing.code == 2 and "name another workspace" in nothing.err
