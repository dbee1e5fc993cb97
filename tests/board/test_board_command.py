"""`valuecompass board`: the documented JSON, presets, screens, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.board.measured import TRAITS, imported, level, measured, table_file
from tests.measure.helpers import Command
from valuecompass.values import builtin_system

NAMES = builtin_system("schwartz").names
HOSTILE = "\x1b[31m[bold]x[/bold]\u202e\"'<b>&|`*_\x07 end"
TABLE = [
    {"model": "a"} | {name: 0.1 * at for at, name in enumerate(NAMES)},
    {"model": HOSTILE} | {name: 0.9 - 0.1 * at for at, name in enumerate(NAMES)},
    {"model": "c=1,d"} | dict.fromkeys(NAMES, 0.45),
    {"model": "e"} | dict.fromkeys(NAMES, 0.0),
    {"model": "hole"} | dict.fromkeys(NAMES, 0.8) | {"Power": None},
]
KEYS = {
    *("system", "date", "measurements", "imported", "scale", "dims", "weights", "rows"),
    *("covers", "stability", "discriminant", "notices"),
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    imported(folder, TABLE, "2025-02-28", system="schwartz")
    return folder / "ws"


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    given = {"low": level(2, 2, 2, 2, 2), HOSTILE: level(5, 5, 5, 5, 5), "refuses": {}}
    measured(folder, given, day="2026-03-14")
    return folder / "ws"


def document(cli: Command, *arguments: object) -> dict[str, Any]:
    said = cli("board", *arguments, "--json")
    assert said.code == 0, said.err
    assert said.out.count("\n") == 1 and not set("\x1b\x07\u202e") & set(said.out)
    return json.loads(said.out, parse_constant=pytest.fail)


def column(found: dict[str, Any], key: str) -> list[Any]:
    return [row[key] for row in found["rows"]]


def test_the_contract_on_a_published_table(cli: Command, tmp_path: Path) -> None:
    path, workspace = table_file(tmp_path, TABLE), tmp_path / "W"
    imports = ("board", "import", path, "-s", "schwartz", "--date", "2025-02-28", "-w", workspace)
    assert cli(*imports).code == 0
    found = document(cli, "-s", "schwartz", "-w", workspace)
    assert set(found) == KEYS
    assert found["system"] == "schwartz" and found["date"] == "2025-02-28" and found["imported"]
    assert found["dims"] == list(NAMES) and found["scale"] == {"low": None, "high": None}
    assert found["weights"] == {"name": "equal", "values": dict.fromkeys(NAMES, 0.1)}
    assert column(found, "respondent") == ["a", HOSTILE, "c=1,d", "e", "hole"]
    assert column(found, "score") == [0.45, 0.45, 0.45, 0, None]  # 0 counts as 0
    assert column(found, "rank") == [1, 1, 1, 4, None]
    assert column(found, "rank_low") == [1, 1, 1, 4, None]
    assert column(found, "rank_high") == [3, 3, 3, 4, None]
    assert set(column(found, "low")) == set(column(found, "high")) == {None}
    row = found["rows"][0]
    assert set(row) == {
        *(
            "rank",
            "rank_low",
            "rank_high",
            "respondent",
            "simulated",
            "about",
            "score",
            "low",
            "high",
        ),
        "dimensions",
    }
    assert row["dimensions"]["Stimulation"] == {"score": 0.1, "low": None, "high": None, "n": None}
    assert any("hole has no score for Power" in n for n in found["notices"])
    assert any("No interval was published" in n for n in found["notices"])

    found = document(cli, "-s", "schwartz", "--dims", "Benevolence,Universalism", "-w", workspace)
    assert found["dims"] == ["Benevolence", "Universalism"]
    assert column(found, "respondent") == ["a", "hole", "c=1,d", HOSTILE, "e"]
    assert column(found, "score") == pytest.approx([0.85, 0.8, 0.45, 0.05, 0])
    assert column(found, "rank") == [1, 2, 3, 4, 5]

    weights = "Power=0.2,Security=0.8"
    found = document(cli, "-s", "schwartz", "--weights", weights, "-w", workspace)
    assert found["weights"] == {"name": weights, "values": {"Power": 0.2, "Security": 0.8}}
    by_name = dict(zip(column(found, "respondent"), column(found, "score"), strict=True))
    for given in TABLE[:4]:
        wanted = 0.2 * given["Power"] + 0.8 * given["Security"]
        assert by_name[given["model"]] == pytest.approx(wanted, abs=1e-10)
    assert by_name["hole"] is None
    assert len(found["rows"][0]["dimensions"]) == 10


def test_a_measured_board(cli: Command, own: Path) -> None:
    found = document(cli, "-s", "big-five", "--workspace", own)
    assert set(found) == KEYS and not found["imported"] and found["date"] == "2026-03-14"
    assert found["scale"] == {"low": 0.0, "high": 100.0}
    first, second, last = found["rows"]
    assert (first["respondent"], first["score"], first["rank"]) == (HOSTILE, 80, 1)
    assert (first["rank_low"], first["rank_high"]) == (1, 1)
    assert first["low"] < 80 < first["high"] and second["low"] < 20 < second["high"]
    assert (second["respondent"], second["score"], second["rank"]) == ("low", 20, 2)
    assert last["respondent"] == "refuses" and last["rank"] is None and last["score"] is None
    assert first["dimensions"]["Openness"]["n"] == 4
    assert found["stability"]["same_order"] == 1 and found["stability"]["first"] == {HOSTILE: 1}


def test_presets(cli: Command, published: Path, own: Path, tmp_path: Path) -> None:
    here = ("-s", "schwartz", "-w", published)
    equal = document(cli, *here, "--weights", "equal")
    assert equal == document(cli, *here)
    found = document(cli, *here, "--weights", "culture:China")
    assert sum(found["weights"]["values"].values()) == pytest.approx(1)
    assert any("reconstruction" in n for n in found["notices"])

    cultures = {"X, Y": dict.fromkeys(NAMES, 1) | {"Power": 11}}
    path = tmp_path / "profiles.json"
    path.write_text(json.dumps(cultures))
    found = document(cli, *here, "--weights", "culture:X, Y", "--profiles", path)
    assert found["weights"]["values"]["Power"] == pytest.approx(11 / 20)

    person = tmp_path / "person.json"
    person.write_text(json.dumps(cultures["X, Y"]))
    assert column(document(cli, *here, "--weights", f"person:{person}"), "score") == column(
        found, "score"
    )

    people = tmp_path / "people.json"
    first_only = dict.fromkeys(NAMES, 0) | {NAMES[0]: 1}
    last_only = dict.fromkeys(NAMES, 0) | {NAMES[-1]: 1}
    people.write_text(json.dumps([first_only, last_only, last_only, last_only]))
    found = document(cli, *here, "--weights", f"population:{people}")
    assert set(found) == KEYS | {"beats"}
    assert found["beats"]["a"] == {HOSTILE: 0.75, "c=1,d": 0.75, "e": 0.75 + 0.25 / 2}
    assert found["weights"]["values"] == {NAMES[0]: 0.25, NAMES[-1]: 0.75}
    said = cli("board", *here, "--weights", f"population:{people}")
    assert said.code == 0 and "a suits better than: " in said.out and "c=1,d 75%" in said.out

    traits = tmp_path / "traits.json"
    traits.write_text(json.dumps([dict.fromkeys(TRAITS, 1)]))
    found = document(cli, "-s", "big-five", "-w", own, "--weights", f"population:{traits}")
    assert found["beats"] == {"low": {HOSTILE: 0.0}, HOSTILE: {"low": 1.0}}


def test_groups_are_means_over_their_dimensions(cli: Command, published: Path) -> None:
    here = ("-s", "schwartz", "-w", published)
    found = document(cli, *here, "--dims", "conservation")
    group = next(g for g in builtin_system("schwartz").groups if g.name == "Conservation")
    assert found["dims"] == list(group.dimensions)
    wanted = np.mean([TABLE[0][n] for n in group.dimensions])
    by_name = dict(zip(column(found, "respondent"), column(found, "score"), strict=True))
    assert by_name["a"] == pytest.approx(wanted)
    # who lacks a dimension that is not asked for takes part
    assert by_name["hole"] == pytest.approx(0.8)
    named = document(cli, *here, "--dims", ",".join(group.dimensions))
    assert named["rows"] == found["rows"]


def test_the_seed_decides_the_weights_drawn_and_nothing_else(cli: Command, published: Path) -> None:
    here = ("-s", "schwartz", "-w", published)
    first, again, other = (document(cli, *here, "--seed", seed) for seed in (0, 0, 1))
    assert first == again and first["stability"] != other["stability"]
    assert first["rows"] == other["rows"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dims", "Powr"), "--dims Powr: not a dimension of schwartz"),
        (("--weights", "Powr=1"), "--weights Powr: not a dimension"),
        (("--weights", "culture:Nowhere"), "no such culture"),
        (("--date", "2024-01-01"), "--date 2024-01-01: nothing of schwartz has this date"),
        (("--date", "soon"), "--date soon: neither a day"),
        (("-s", "safety"), "no measurement of safety yet"),
        (("-s", "nonsense"), "no such value system"),
        (("--dims", "Power", "--weights", "Security=1"), "no scores for Security"),
        (("--weights", f"{HOSTILE}=1"), "not a dimension"),
    ],
)
def test_wrong_usage_is_one_message(
    cli: Command, published: Path, arguments: tuple[str, ...], said: str
) -> None:
    found = cli("board", "-s", "schwartz", "-w", published, *arguments, "--json")
    assert found.code == 2 and not found.out and said in found.err
    assert found.err.startswith("valuecompass: ") and "\x1b" not in found.err


def test_a_folder_without_measurements_is_not_made(cli: Command, tmp_path: Path) -> None:
    said = cli("board", "-w", tmp_path / "none")
    assert said.code == 2 and "no measurements here yet" in said.err
    assert not (tmp_path / "none").exists()


def test_the_screen(cli: Command, published: Path, own: Path) -> None:
    said = cli("board", "-s", "schwartz", "-w", published)
    assert said.code == 0 and not set("\x1b\x07\u202e") & set(said.out + said.err)
    assert "␛[31m[bold]x[/bold]⟦U+202E⟧" in said.out  # markup is shown, not done
    lines = [line for line in said.out.splitlines() if "c=1,d" in line]
    assert lines[0].split() == ["1", "(1–3)", "c=1,d", "0.450"]
    assert any(line.split()[-2:] == ["hole", "missing"] for line in said.out.splitlines())
    assert "Note: No interval was published" in said.out
    assert "Other weights: " in said.out

    said = cli("board", "-s", "schwartz", "-w", published, "--top", "2")
    assert "3 more: --top 5 or --json" in said.out

    said = cli("board", "-s", "big-five", "-w", own)
    assert said.code == 0 and not set("\x1b\x07\u202e") & set(said.out + said.err)
    assert "weights: equal" in said.out and "80.0 [" in said.out
    assert "refuses has no score for Openness" in " ".join(said.out.split())


def test_a_large_table_is_shown_whole(cli: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = [
        {"model": f"m{n}"} | dict(zip(NAMES, rng.uniform(0, 100, 10).round(3), strict=True))
        for n in range(3_000)
    ]
    imported(tmp_path, table, "2025-01-31", system="schwartz")
    found = document(cli, "-s", "schwartz", "-w", tmp_path / "ws")
    assert len(found["rows"]) == 3_000 and found["stability"] is None
    scores = column(found, "score")
    assert scores == sorted(scores, reverse=True)
    assert column(found, "rank")[:2] == [1, 2]
    people = tmp_path / "people.json"
    people.write_text(json.dumps([dict.fromkeys(NAMES, 1)]))
    weights = ("--weights", f"population:{people}")
    found = document(cli, "-s", "schwartz", "-w", tmp_path / "ws", *weights)
    assert "beats" not in found and any("up to 300" in n for n in found["notices"])
    said = cli("board", "-s", "schwartz", "-w", tmp_path / "ws", "--dims", "Power")
    assert "2,950 more: --top 3000 or --json" in said.out
