"""Runs through the command line: killed, out of money, repeated, and what they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import valuecompass as vc
from tests.evolve.served import JUDGE, POOL, WRITER, command, written
from tests.measure.helpers import Command, count, rows
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.items.io import read_items
from valuecompass.values import builtin_system

CALLS = 150
MADE_ANEW = ("created", "spent", "out", "limits")


def comparable(said: dict[str, Any]) -> dict[str, Any]:
    """What of a result must be the same however often the run was broken off."""
    manifest = {k: v for k, v in said["manifest"].items() if k not in MADE_ANEW}
    return {k: v for k, v in said.items() if k not in MADE_ANEW} | {"manifest": manifest}


@pytest.fixture
def undisturbed(served: MockProvider, cli: Command, tmp_path: Path) -> dict[str, Any]:
    """The result of a run that nobody disturbs."""
    said = cli(*command(tmp_path / "whole", "--calls", CALLS, "--json"))
    assert said.code == 0, said.err
    served.reset()
    return json.loads(said.out)


def test_a_killed_run_goes_on_and_asks_nothing_that_was_stored(
    served: MockProvider, cli: Command, workspace: Path, undisturbed: dict[str, Any]
) -> None:
    served.faults(latency_ms=30)
    words = command(workspace, "--calls", CALLS, "--json")
    process = started(words)
    until_stored(process, workspace, 60)
    process.kill()
    process.communicate()
    before = set(rows(workspace, "select key, repeat from responses"))
    assert 60 <= len(before) < undisturbed["spent"]["calls"]
    assert rows(workspace, "select body from evolutions") == [(None,)]
    assert count(workspace, "evolution_events") > 0
    lost = count(workspace, "ledger where state = 'reserved'")
    said = cli(*words)
    assert said.code == 0, said.err
    sent = dict(
        ((key, repeat), n)
        for key, repeat, n in rows(
            workspace, "select key, repeat, count(*) from ledger group by key, repeat"
        )
    )
    assert {sent[one] for one in before} == {1}
    assert served.stats()["requests"] <= len(sent) + lost
    assert comparable(json.loads(said.out)) == comparable(undisturbed)
    numbers = rows(workspace, "select number from evolution_events order by number")
    assert [n for (n,) in numbers] == list(range(len(numbers)))


def test_whom_it_is_for_may_change_and_is_told_anew(
    served: MockProvider, cli: Command, workspace: Path
) -> None:
    words = command(workspace, "--calls", CALLS, "--json")
    first = json.loads(cli(*words, "--examinees", POOL[0]).out)
    assert first["manifest"]["overlap"] == [POOL[0]] and POOL[0] in first["warnings"][0]
    asked = served.stats()["requests"]
    other = json.loads(cli(*words, "--examinees", "openai/unheard-of").out)
    assert served.stats()["requests"] == asked and other["id"] == first["id"]
    assert other["manifest"]["examinees"] == ["openai/unheard-of"]
    assert other["manifest"]["overlap"] == [] and other["warnings"] == first["warnings"][1:]
    assert other["kept"] == first["kept"]
    # what the report will read
    ((manifest, body),) = rows(workspace, "select manifest, body from evolutions")
    assert json.loads(manifest) == other["manifest"]
    assert json.loads(body)["warnings"] == other["warnings"]
    assert json.loads(cli(*words, "--examinees", POOL[0]).out)["warnings"] == first["warnings"]
    # who names nobody takes nothing back
    again = json.loads(cli(*words).out)
    assert again["manifest"]["overlap"] == [POOL[0]] and again["warnings"] == first["warnings"]


def test_an_interrupted_run_ends_and_goes_on(
    served: MockProvider, cli: Command, workspace: Path, undisturbed: dict[str, Any]
) -> None:
    served.faults(latency_ms=30)
    words = command(workspace, "--calls", CALLS, "--json")
    process = started(words)
    until_stored(process, workspace, 40)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "repeat the command" in err, err
    assert count(workspace, "ledger where state = 'reserved'") == 0
    said = cli(*words)
    assert said.code == 0, said.err
    assert comparable(json.loads(said.out)) == comparable(undisturbed)
    assert served.stats()["requests"] == undisturbed["spent"]["calls"]


def started(words: tuple[object, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "valuecompass", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )


def until_stored(process: subprocess.Popen[str], workspace: Path, number: int) -> None:
    deadline = time.monotonic() + 120
    while not (workspace / "valuecompass.sqlite").is_file() or stored(workspace) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stored(workspace: Path) -> int:
    try:
        return count(workspace, "responses")
    except Exception:  # the tables are being made
        return 0


def test_a_finished_run_is_printed_again_without_asking(
    served: MockProvider, cli: Command, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    words = command(tmp_path / "whole", "--calls", CALLS)
    again = cli(*words, "--json")
    assert served.stats()["requests"] == 0
    assert json.loads(again.out) == undisturbed
    shown = cli(*words)
    assert "nobody was asked" in shown.out and undisturbed["id"] in shown.out
    # another limit of money is no other run, another limit of requests is
    assert json.loads(cli(*words, "--tokens", 10**9, "--json").out)["id"] == undisturbed["id"]
    assert served.stats()["requests"] == 0
    told = json.loads(cli(*words, "--dry-run", "--json").out)
    assert any("nobody is asked" in note for note in told["notes"])
    other = cli(*command(tmp_path / "whole", "--calls", CALLS + 40, "--json"))
    assert json.loads(other.out)["id"] != undisturbed["id"]
    assert 0 < served.stats()["requests"] < CALLS


def test_a_budget_of_tokens_stops_it_and_a_higher_one_goes_on(
    served: MockProvider, cli: Command, workspace: Path, undisturbed: dict[str, Any]
) -> None:
    words = command(workspace, "--calls", CALLS, "--json")
    said = cli(*words, "--tokens", 40_000)
    assert said.code == 3 and "higher limit" in said.err and said.out == ""
    assert not workspace.with_suffix(".jsonl").exists()
    first = served.stats()["requests"]
    assert 0 < first < undisturbed["spent"]["calls"]
    assert rows(workspace, "select id, finished from evolutions") == [(undisturbed["id"], None)]
    done = json.loads(cli(*words, "--tokens", 10_000_000).out)
    assert comparable(done) == comparable(undisturbed)
    assert served.stats()["requests"] == done["spent"]["calls"] == undisturbed["spent"]["calls"]
    assert done["manifest"]["limits"] == {"calls": CALLS, "tokens": 10_000_000, "usd": None}


def test_the_result_says_what_was_asked_and_where_items_come_from(
    served: MockProvider, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    assert undisturbed["meter"]["explorer"] and not undisturbed["meter"]["safety"]
    assert sum(undisturbed["meter"].values()) == undisturbed["spent"]["calls"] <= CALLS
    assert undisturbed["spent"]["usd"] is None  # nobody knows the price
    assert undisturbed["manifest"]["explorers"] == [WRITER]
    items = read_items(tmp_path / "whole.jsonl", builtin_system("schwartz"))
    assert len(items) == len(undisturbed["kept"]) > 3
    keys = {f"{k}/{r}" for k, r in rows(tmp_path / "whole", "select key, repeat from responses")}
    for item, kept in zip(items, undisturbed["kept"], strict=True):
        assert item.lineage.origin == "evolved" and item.lineage.parents == (kept["parent"],)
        assert item.lineage.rewards["fresh"] == kept["rewards"]["fresh"]
        assert item.lineage.fact and item.lineage.calls == kept["calls"] > 4
        for answer in kept["fresh"].values():
            assert answer["key"] in keys and answer["outcome"] == "answer"
            assert len(answer["expressed"]) == 10
            assert {len(values) for values in answer["expressed"].values()} == {3}


def test_items_that_evolved_can_be_imported_and_measured_with(
    served: MockProvider, cli: Command, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "whole.jsonl"
    said = cli("items", "import", out, tmp_path / "again.csv")
    assert said.code == 0 and f"{len(undisturbed['kept'])} items" in said.out
    measured = cli("run", "-m", POOL[0], "--judge", JUDGE, "--items", out, "-w", tmp_path / "m")
    assert measured.code == 0, measured.err


def test_what_evolved_under_two_systems_can_be_measured_under_each(
    served: MockProvider, cli: Command, workspace: Path, tmp_path: Path
) -> None:
    systems = ("-s", "schwartz", "-s", "moral-foundations")
    said = cli(*command(workspace, "--calls", 150, *systems))
    assert said.code == 0, said.err
    out = workspace.with_suffix(".jsonl")
    named = [json.loads(line)["system"] for line in out.read_text("utf-8").splitlines()]
    assert set(named) == {"schwartz", "moral-foundations"}
    assert f"{out}: {len(named)} items" in said.out
    words = ("run", "-m", POOL[0], "--judge", JUDGE, "--items", out, "-w", tmp_path / "m")
    for system in set(named):
        measured = cli(*words, "-s", system, "--dry-run")
        assert measured.code == 0, measured.err
        left = len(named) - named.count(system)
        assert f"{left} of its items are of other value systems" in measured.err
    form = cli("items", "form", tmp_path / "f.json", "--items", out, "--size", "full")
    assert form.code == 0 and "left out" in form.err, form.err
    assert cli(*words, "-s", "safety").code == 2
    # and evolve further, each under its own
    again = cli(*command(tmp_path / "more", "--calls", 150, *systems, "--seeds", out, "--dry-run"))
    assert again.code == 0, again.err


def test_three_lines_of_python_do_the_same(
    served: MockProvider, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    done = vc.evolve_items(
        POOL, explorers=WRITER, judge=JUDGE, calls=CALLS, workspace=tmp_path / "whole"
    )
    assert done.id == undisturbed["id"] and done.replayed
    assert served.stats()["requests"] == 0
    assert [item.id for item in done.items] == [
        vc.Item.from_row(kept["item"]).id for kept in undisturbed["kept"]
    ]
    out, rejected = (str(tmp_path / name) for name in ("items.jsonl", "rejected.jsonl"))
    done.write(out, rejected)
    schwartz = builtin_system("schwartz")
    assert [i.id for i in read_items(Path(out), schwartz)] == [i.id for i in done.items]
    assert len(Path(rejected).read_text(encoding="utf-8").splitlines()) == len(
        undisturbed["rejected"]
    )


def test_the_local_judge_takes_no_requests(served: MockProvider, workspace: Path) -> None:
    done = vc.evolve_items(POOL, explorers=WRITER, calls=60, workspace=workspace)
    assert done.body["meter"]["judge"] == 0 and done.body["meter"]["answers"] > 20
    assert done.body["kept"]


def test_what_an_explorer_writes_cannot_break_a_run(
    mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch, cli: Command, workspace: Path
) -> None:
    def hostile(body: dict[str, Any], index: int = 0) -> str:
        said = written(body, index)
        if body["model"] != "w" or "question" not in said:
            return said
        text = json.loads(said)["question"].replace("Should", "\ud800\x1b[31m=Should [b]\x00")
        return json.dumps({"question": text})

    monkeypatch.setattr(mock_module, "answer", hostile)
    out = workspace.with_suffix(".csv")
    words = command(workspace, "--calls", 100, "--keep", 3)
    said = cli(*words[:-4], "--out", out, *words[-4:])
    assert said.code == 0, said.err
    assert "Should [b]" in said.out and "\x1b" not in said.out + said.err
    assert len(read_items(out, builtin_system("schwartz"))) == 3
