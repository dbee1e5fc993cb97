"""Reports on runs that the command made, over a local server: own theories, several systems."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.evolve.served import JUDGE, POOL, WRITER, command
from tests.evolve.test_systems import TRADE
from tests.measure.helpers import Command
from tests.support.mock_provider import MockProvider

OTHERS = ("openai-api/mock/d", "openai-api/mock/e", "openai-api/mock/f")


@pytest.fixture
def run(served: MockProvider, cli: Command, workspace: Path) -> dict[str, Any]:
    """A run under two systems, one of them the user's own and without seeds."""
    own = workspace.parent / "guild.toml"
    own.write_text(TRADE, encoding="utf-8")
    said = cli(*command(workspace, "--calls", 150, "-s", "schwartz", "-s", own, "--json"))
    assert said.code == 0, said.err
    own.unlink()  # what the report needs stands in the manifest
    return json.loads(said.out)


def examinees(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--examinees", name))


def test_a_run_under_an_own_theory_and_another_is_reported(
    cli: Command, workspace: Path, run: dict[str, Any]
) -> None:
    words = ("evolve", "report", "-w", workspace, "--judge", JUDGE, "--size", 2, "--repeats", 1)
    said = cli(*words, *examinees(*OTHERS), "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    used = {system for kept in run["kept"] for system in kept["targets"]}
    assert used == {"schwartz", "guild"}
    assert [one["system"] for one in found["systems"]] == ["schwartz", "guild"]
    for one in found["systems"]:
        here = [kept for kept in run["kept"] if one["system"] in kept["targets"]]
        evolved, seeds = one["sets"]
        assert evolved["available"] == len(here)
        assert seeds["available"] == run["manifest"]["seeds"]["n"]
    assert found["systems"][1]["sets"][1]["mix_difference"] is None
    # the main dimension is that of the answers, and not the seed's
    mains = sorted(names[0] for kept in run["kept"] for names in kept["targets"].values())
    told = found["distributions"]["dimensions"]["evolved"]
    assert sorted(row["name"] for row in told for _ in range(row["n"])) == mains
    assert sum(row["n"] for row in found["distributions"]["kinds"]) == len(run["kept"])
    # each is judged by a model of its own provider, as a run would say
    notes = found["systems"][0]["notes"]
    assert [n["respondent"] for n in notes if "judged by a model of the same" in n["note"]] == [
        *OTHERS
    ]


def test_seeds_that_name_their_system_are_read_as_the_run_read_them(
    cli: Command, served: MockProvider, workspace: Path
) -> None:
    own = workspace.parent / "guild.toml"
    own.write_text(TRADE, encoding="utf-8")
    rows = [
        {"kind": "question", "text": f"Should {what}?", "system": system, "dimensions": [name]}
        for system, name, what in (
            ("schwartz", "Power", "a mayor own the largest mill"),
            ("schwartz", "Hedonism", "taverns stay open all night"),
            ("guild", "Craft", "an apprentice learn for seven years"),
            ("guild", "Custom", "looms be driven by water"),
        )
    ]
    seeds = workspace.parent / "seeds.jsonl"
    seeds.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ("--calls", 120, "-s", "schwartz", "-s", own, "--seeds", seeds, "--json")
    made = cli(*command(workspace, *words))
    assert made.code == 0, made.err
    assert json.loads(made.out)["manifest"]["seeds"]["n"] == 4
    with contextlib.chdir(workspace.parent):
        said = cli("evolve", "report", "-w", workspace, "--size", 0, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["texts"]["reasons"] == []
    assert {one["set"]: one["texts"] for one in found["texts"]["sets"]}["seeds"] == 4


def test_what_took_part_under_a_label_is_flagged_by_its_model(
    cli: Command, workspace: Path, run: dict[str, Any]
) -> None:
    assert run["manifest"]["weights"] == sorted([*POOL, WRITER])
    words = ("evolve", "report", "-w", workspace, "--judge", JUDGE, "--size", 1, "--repeats", 1)
    primed = f"{POOL[1]}@system=Be brief."
    said = cli(*words, "--against", "none", *examinees(primed, OTHERS[0]), "--json")
    found = json.loads(said.out)
    assert found["examinees"]["overlap"] == [primed]
    for one in found["systems"]:
        assert [s["name"] for s in one["sets"]] == ["evolved"]
        assert one["told_apart"]["shared"]["differences"] == {}
