"""A run may be killed or interrupted anywhere: repeated, it goes on and nothing is asked twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.measure.helpers import (
    JUDGE,
    MODEL,
    Command,
    Said,
    count,
    likert,
    rows,
    write_items,
)
from tests.support.mock_provider import RemoteMock, in_process, in_thread
from valuecompass.measure.engine import GRACE
from valuecompass.measure.run import run

Process = subprocess.Popen[str]


@pytest.fixture
def starting() -> Iterator[Callable[..., Process]]:
    """Start `python -m valuecompass ...` against a server; whatever still runs is ended after."""
    with ExitStack() as stack:

        def start(mock: RemoteMock, *arguments: object) -> Process:
            process = launch(mock, *arguments)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def launch(mock: RemoteMock, *arguments: object) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "valuecompass", *map(str, arguments)],
        env={**os.environ, **mock.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: Process, timeout: float = 60) -> Said:
    out, err = process.communicate(timeout=timeout)
    return Said(process.returncode, out, err)


def stored(workspace: Path, what: str = "responses") -> int:
    """Count rows; none before the store is there."""
    try:
        return count(workspace, what)
    except sqlite3.OperationalError:
        return 0


def until(true: Callable[[], bool], process: Process, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


# killed -----------------------------------------------------------------------------------------

KILLS, LANES = 20, 2
TINY = ("run", "-m", MODEL, "--judge", JUDGE, "--form", "tiny", "--json")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], int]:
    """Rows of the run that nobody disturbs, and how many responses it stores."""
    workspace = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch, in_thread() as mock:
        for name, value in mock.env.items():
            patch.setenv(name, value)
        (found,) = run([MODEL], judge=JUDGE, form="tiny", workspace=workspace)
        assert set(mock.stats()["by_body"].values()) == {1}
    return [row.json() for row in found.rows], count(workspace, "responses")


def killed_again_and_again(workspace: Path, at: list[int]) -> tuple[Said, dict[str, Any], int]:
    """Kill a run at each of the row counts, then let it end.

    Returns:
        What it said at last, what the server counted, and how many requests had left without an
        answer in the store when the process died, over all kills.
    """
    with in_process("--latency-ms", "60") as mock:
        for rows_stored in at:
            process = launch(mock, *TINY, "-w", workspace)
            until(lambda rows_stored=rows_stored: stored(workspace) >= rows_stored, process)
            process.kill()
            process.communicate()
        lost = stored(workspace, "ledger where state = 'reserved'")
        return ended(launch(mock, *TINY, "-w", workspace)), mock.stats(), lost


def test_killed_at_twenty_random_places_it_asks_only_for_what_it_lost(
    tmp_path: Path, uninterrupted: tuple[list[dict[str, Any]], int]
) -> None:
    expected, total = uninterrupted
    assert total > 120
    rng = random.Random(20)
    places = sorted(rng.sample(range(1, total - 25), KILLS))
    lanes = [places[lane::LANES] for lane in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        ends = pool.map(killed_again_and_again, [tmp_path / str(n) for n in range(LANES)], lanes)
        for said, stats, lost in ends:
            assert said.code == 0, said.err
            assert json.loads(said.out)["rows"] == expected
            assert len(stats["by_body"]) == total
            repeated = stats["requests"] - total
            assert repeated <= lost <= 64 * KILLS // LANES
            assert max(stats["by_body"].values()) <= 1 + KILLS // LANES


# interrupted ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_what_is_in_flight_finish(
    workspace: Path,
    starting: Callable[..., Process],
    uninterrupted: tuple[list[dict[str, Any]], int],
    sign: signal.Signals,
) -> None:
    with in_process("--latency-ms", "400") as mock:
        process = starting(mock, *TINY, "-w", workspace)
        until(lambda: stored(workspace) >= 5 and mock.stats()["in_flight"] > 0, process)
        process.send_signal(sign)
        start = time.monotonic()
        said = ended(process)
        assert said.code == 130 and time.monotonic() - start < GRACE
        assert said.out == "" and "Traceback" not in said.err
        assert said.err.strip().endswith(
            "everything answered is stored: repeat the command to go on"
        )
        stats = mock.stats()
        assert stats["in_flight"] == 0 and "left" not in stats["by_status"]
        assert stats["requests"] == stats["completed"] == stored(workspace) < uninterrupted[1]
        assert stored(workspace, "ledger where state = 'reserved'") == 0
        mock.faults(latency_ms=0)
        said = ended(starting(mock, *TINY, "-w", workspace))
        assert said.code == 0 and json.loads(said.out)["rows"] == uninterrupted[0]
        assert set(mock.stats()["by_body"].values()) == {1}


def test_a_hanging_provider_does_not_hold_an_interrupt_for_long_and_a_second_one_not_at_all(
    tmp_path: Path, starting: Callable[..., Process]
) -> None:
    with in_process("--fault", "hang") as mock:
        patient = starting(mock, *TINY, "-w", tmp_path / "patient")
        hasty = starting(mock, *TINY, "-w", tmp_path / "hasty")
        for process, name in ((patient, "patient"), (hasty, "hasty")):
            sent = "ledger where state = 'reserved'"
            until(lambda name=name, sent=sent: stored(tmp_path / name, sent) > 5, process)
        # a reservation is given back when nothing was sent: wait until the server has them, 20 of
        # each process at most
        until(lambda: mock.stats()["in_flight"] >= 30, patient)
        for process in (patient, hasty):
            process.send_signal(signal.SIGINT)
        start = time.monotonic()
        time.sleep(0.7)
        assert patient.poll() is None and hasty.poll() is None
        hasty.send_signal(signal.SIGINT)
        assert ended(hasty).code == 130
        assert patient.poll() is None  # which shows that the other did not wait out its grace
        said = ended(patient)
        assert said.code == 130 and time.monotonic() - start > GRACE - 0.5
        assert "repeat the command to go on" in said.err
        # the provider may bill what it was asked: it counts as spent
        assert stored(tmp_path / "patient", "ledger where state = 'reserved'") > 5


def test_money_of_a_killed_run_counts_until_a_person_releases_it(
    tmp_path: Path,
    workspace: Path,
    starting: Callable[..., Process],
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    price = "price = { input = 10.0, output = 30.0 }"
    (tmp_path / "roster.toml").write_text(f'[[respondents]]\nmodel = "{MODEL}"\n{price}\n')
    items = write_items(tmp_path, [likert(f"I like {n}.", "Power", 1) for n in range(9)])
    command = ("run", "--roster", tmp_path / "roster.toml", "--items", items, "-w", workspace)
    with in_process("--fault", "hang") as mock:
        # 4,096 tokens for 30 dollars a million: four requests may be in flight
        process = starting(mock, *command, "--max-usd", 0.5)
        until(lambda: stored(workspace, "ledger") == 4, process)
        time.sleep(0.3)
        assert stored(workspace, "ledger") == 4
        process.kill()
        process.wait()
        mock.faults()
        mock.reset()
        for name, value in mock.env.items():
            monkeypatch.setenv(name, value)
        said = cli(*command, "--max-usd", 0.5)
        assert said.code == 3 and "budget reached" in said.err
        assert mock.stats()["requests"] == 0
        (spent,) = json.loads(cli("spending", "-w", workspace, "--json").out)["spending"]
        assert (spent["state"], spent["calls"]) == ("reserved", 4)
        assert 0.49 < spent["usd"] <= 0.5
        assert cli("spending", "-w", workspace, "--release-interrupted").code == 0
        assert rows(workspace, "select distinct state from ledger") == [("released",)]
        assert cli(*command, "--max-usd", 0.5).code == 0
        assert mock.stats()["requests"] == 9


# side by side -----------------------------------------------------------------------------------


def test_the_same_plan_twice_at_once_is_refused_and_another_one_is_not(
    tmp_path: Path,
    workspace: Path,
    starting: Callable[..., Process],
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = write_items(tmp_path, [likert(f"I like {n}.", "Power", 1) for n in range(9)])
    same = ("run", "-m", MODEL, "--items", items, "-w", workspace)
    with in_process("--fault", "hang:model=some-model") as mock:
        for name, value in mock.env.items():
            monkeypatch.setenv(name, value)
        first = starting(mock, *same)
        until(lambda: mock.stats()["in_flight"] == 9, first)
        said = cli(*same)
        assert said.code == 2 and "another process is working on this measurement" in said.err
        assert mock.stats()["requests"] == 9
        # another model: another plan, in the same workspace
        said = cli("run", "-m", f"{MODEL}-2", "--items", items, "-w", workspace, "--json")
        assert said.code == 0 and first.poll() is None
        # what hangs is given up; a lock does not outlive its process
        first.kill()
        first.wait()
        mock.faults()
        assert cli(*same, "--json").code == 0
        assert count(workspace, "measurements") == 2


def test_two_plans_started_together_share_a_fresh_workspace(
    tmp_path: Path, workspace: Path, starting: Callable[..., Process]
) -> None:
    items = write_items(tmp_path, [likert(f"I like {n}.", "Power", 1) for n in range(40)])
    with in_process("--latency-ms", "20") as mock:
        models = [f"{MODEL}-{n}" for n in range(2)]
        processes = [
            starting(mock, "run", "-m", m, "--items", items, "-w", workspace, "--json")
            for m in models
        ]
        found = [ended(process) for process in processes]
        assert [said.code for said in found] == [0, 0], [said.err for said in found]
        assert [json.loads(said.out)["rows"][0]["respondent"] for said in found] == models
        assert set(mock.stats()["by_body"].values()) == {1}
        assert count(workspace, "responses") == 80 and count(workspace, "measurements") == 2
