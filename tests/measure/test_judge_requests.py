"""What judges' requests cost, and what becomes of those that fail: nothing is lost or frozen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.measure.helpers import HASTY, JUDGE, MODEL, Command, comparable, count, measure, missing
from tests.measure.helpers import rows as rows_of
from tests.support.mock_provider import MockProvider, in_process
from valuecompass.measure.run import Listener, Outlook, run

SECOND = "openai-api/mock/second-judge"
STRONG = "openai-api/mock/strong-judge"
JUDGED = 6
PANEL = {"judge": f"{JUDGE},{SECOND}"}
WITH_STRONG = PANEL | {"strong_judge": STRONG}
PER_VALUE = {"judge": f"{JUDGE}@mode=per-value"}


# --- requests that fail for good ---


@pytest.mark.usefixtures("able_judge")
@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        ({"fault": "bad_request", "model": "second-judge"}, PANEL),
        ({"fault": "bad_request", "model": "strong-judge"}, WITH_STRONG),
        ({"fault": "bad_request", "contains": "on Power", "model": "some-judge"}, PER_VALUE),
    ],
)
def test_a_judge_that_was_cut_off_is_asked_again(
    mock_provider: MockProvider,
    items: Path,
    workspace: Path,
    tmp_path: Path,
    fault: dict[str, str],
    settings: dict[str, str],
) -> None:
    undisturbed = measure(tmp_path / "other", items, **settings)
    mock_provider.reset()
    mock_provider.faults(fault)
    broken = measure(workspace, items, **settings)
    assert missing(broken) >= 10
    # each answer counts as missing, or rests on all of the judges
    failed = JUDGED - count(workspace, "verdicts")
    (note,) = [n for n in broken.rows[0].notes if "did not answer" in n]
    assert note.startswith(f"verdicts are missing in {failed} of {JUDGED} answers: the judge did")
    mock_provider.faults()
    mended = measure(workspace, items, **settings)
    assert mended.id != broken.id and missing(mended) == 0
    assert comparable(mended) == comparable(undisturbed)
    assert set(mock_provider.stats()["completed_by_body"].values()) == {1}


@pytest.mark.usefixtures("able_judge")
def test_what_verdicts_lack_is_counted_beside_the_scores(
    mock_provider: MockProvider, items: Path, workspace: Path
) -> None:
    mock_provider.faults({"fault": "judge_truncated", "model": "second-judge"})
    found = measure(workspace, items, **PANEL)
    stored = [json.loads(body) for (body,) in rows_of(workspace, "select body from verdicts")]
    alone = sum(None in v["votes"] for body in stored for v in body)
    assert alone > 0
    note = f"without {SECOND}, which has no verdict (verdicts: {alone})"
    assert note in found.rows[0].notes


# --- the price said before ---


class Hearing(Listener):
    def __init__(self) -> None:
        self.heard: list[Outlook] = []

    def outlook(self, outlook: Outlook) -> bool:
        self.heard.append(outlook)
        return False


@pytest.mark.usefixtures("able_judge")
def test_judging_stored_answers_anew_is_not_free(
    mock_provider: MockProvider, items: Path, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text("price = { input = 1.0, output = 2.0 }\n")
    (tmp_path / "j.toml").write_text("price = { input = 1000.0, output = 2000.0 }\n")
    respondent = f"{MODEL}@file={tmp_path / 'r.toml'}"
    judge = f"{JUDGE}@file={tmp_path / 'j.toml'}"

    def price() -> float:
        hearing = Hearing()
        run(
            [respondent],
            items=items,
            form="tiny",
            workspace=workspace,
            judge=judge,
            patience=HASTY,
            listener=hearing,
        )
        assert hearing.heard[0].usd is not None
        return hearing.heard[0].usd

    before = price()
    measure(workspace, items, models=[respondent], judge="local")
    anew = price()
    assert 0.9 * before < anew < before
    measure(workspace, items, models=[respondent], judge=judge)
    assert price() == 0


# --- labels of a run's own answers ---


@pytest.mark.usefixtures("able_judge")
@pytest.mark.parametrize("mode", ["one-call", "concepts"])
def test_labels_of_a_runs_answers_are_judged_from_its_own_replies(
    mock_provider: MockProvider,
    items: Path,
    workspace: Path,
    tmp_path: Path,
    cli: Command,
    mode: str,
) -> None:
    judge = f"{JUDGE}@mode={mode}"
    measure(workspace, items, judge=judge)
    requests = mock_provider.stats()["requests"]
    task, labels = tmp_path / "task.jsonl", tmp_path / "labels.jsonl"
    drawn = cli("judge", "label", "draw", "-s", "schwartz", "--n", 12, "-o", task, "-w", workspace)
    assert drawn.code == 0, drawn.err
    drawn_rows = [json.loads(line) for line in task.read_text().splitlines()]
    labels.write_text(
        "".join(json.dumps(r | {"expressed": n % 2}) + "\n" for n, r in enumerate(drawn_rows))
    )
    said = cli("judge", "evaluate", labels, "--judge", judge, "-w", workspace, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["systems"]["schwartz"]["coverage"] == 1
    assert mock_provider.stats()["requests"] == requests


# --- Ctrl-C while labels are judged ---


def test_an_interrupt_keeps_what_is_in_flight_of_judging_labels(
    tmp_path: Path, workspace: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    row = {"system": "schwartz", "dimension": "Power"}
    labels.write_text(
        "".join(
            json.dumps(
                row | {"item": f"Should {n} be?", "response": f"1. Reason {n}.", "expressed": n % 2}
            )
            + "\n"
            for n in range(100)
        )
    )
    command = ("judge", "evaluate", str(labels), "--judge", JUDGE, "-w", str(workspace))
    with in_process("--latency-ms", "1000") as mock:
        process = subprocess.Popen(
            [sys.executable, "-m", "valuecompass", *command],
            env={**os.environ, **mock.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            deadline = time.monotonic() + 60
            while mock.stats()["in_flight"] == 0:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        stats = mock.stats()
    assert process.returncode == 130 and out == ""
    assert err.strip().endswith("everything answered is stored: repeat the command to go on")
    assert 0 < stats["requests"] == stats["completed"] == count(workspace, "responses") < 200
    assert count(workspace, "ledger where state = 'reserved'") == 0
