"""`drift`: how scores moved between dates, and what is not compared."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from tests.board.measured import (
    TRAITS,
    dated,
    imported,
    item_file,
    level,
    likert_items,
    measured,
    rated,
)
from tests.measure.helpers import Command
from valuecompass.board.boards import load_board
from valuecompass.board.drift import (
    _paired,  # pyright: ignore[reportPrivateUsage]
    drift,
    read_drifts,
    when,
)
from valuecompass.errors import InputError
from valuecompass.measure.item_table import ItemTable
from valuecompass.measure.run import run
from valuecompass.store import open_store

HOSTILE = "\x1b[31m[bold]m[/bold]\u202e\"'<x>"
ITEMS = likert_items(20, TRAITS[:3])
NOISE = np.random.default_rng(0).integers(2, 6, 20).tolist()
OTHER = np.random.default_rng(1).permutation(NOISE).tolist()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


def drifted(workspace: Path, name: str, **how: Any) -> dict[str, Any]:
    return anyio.run(partial(drift, workspace, None, name, "big-five", **how))


def ratings(by: int) -> Any:
    """Return ratings that are higher by some on the second trait, and none on the third."""
    return {TRAITS[0]: OTHER if by else NOISE, TRAITS[1]: [r + by for r in NOISE]}


@pytest.fixture(scope="session")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three measurements of one name, of which the last has moved on one trait."""
    folder = tmp_path_factory.mktemp("moved")
    days = (("2026-01-05", 0), ("2026-02-05", 0), ("2026-03-05", 1))
    for day, by in days:
        # another respondent beside it, so that places differ
        respondents = {"first": level(3)} if by else {}
        measured(folder, respondents | {HOSTILE: ratings(by)}, items=ITEMS, occasion=day, day=day)
    return folder / "ws"


def test_items_are_paired_by_id_whatever_their_order_and_who_is_beside_them() -> None:
    items = tuple(f"i{n}" for n in range(50))
    values = np.random.default_rng(2).random((1, len(items), 1))
    one = ItemTable(("a",), items, ("d",), values, np.ones_like(values))
    both = np.concatenate([np.ones_like(values), values[:, ::-1] / 2])
    two = ItemTable(("b", "a"), items[::-1], ("d",), both, np.ones_like(both))
    pair = ("a", "one", "two")
    found = _paired({"one": one, "two": two}, [pair], 0)[pair]["d"]
    assert found["difference"] == pytest.approx(-50 * values.mean(), abs=1e-5) and found["n"] == 50


def test_a_respondent_moves_alike_alone_and_with_others(moved: Path) -> None:
    """A page computes all at once, and a command one."""

    async def everybody() -> dict[str, Any]:
        async with open_store(moved, create=False) as store:
            return await read_drifts(store, "big-five")

    found = anyio.run(everybody)
    assert set(found) == {HOSTILE, "first"} and found["first"]["changes"] == []
    assert found[HOSTILE] == drifted(moved, HOSTILE)


def test_a_move_is_found_where_it_was_planted(moved: Path) -> None:
    found = drifted(moved, HOSTILE)
    assert set(found) == {"respondent", "system", "fdr", "series", "changes", "notices"}
    assert found["respondent"] == HOSTILE and found["notices"] == []
    assert [s["date"] for s in found["series"]] == ["2026-01-05", "2026-02-05", "2026-03-05"]
    for entry in found["series"]:
        assert set(entry) == {"measurement", "date", "imported", "occasion", "dimensions"}
        assert list(entry["dimensions"]) == list(TRAITS) and not entry["imported"]
    scores = [s["dimensions"][TRAITS[1]]["score"] for s in found["series"]]
    assert scores[0] == scores[1] and scores[2] == pytest.approx(scores[0] + 20, abs=0.02)

    still, changed = found["changes"]
    assert (still["from"], still["to"]) == ("2026-01-05", "2026-02-05")
    assert (changed["from"], changed["to"]) == ("2026-01-05", "2026-03-05")
    assert changed["measurements"] == [found["series"][at]["measurement"] for at in (0, 2)]
    for change in (still, changed):
        # traits that nobody rated are compared on nothing
        assert list(change["dimensions"]) == list(TRAITS[:2])
        for cell in change["dimensions"].values():
            assert set(cell) == {"difference", "low", "high", "p", "q", "discovered", "n"}
            assert cell["n"] == 20 and cell["low"] <= cell["difference"] <= cell["high"]
    assert [c["discovered"] for c in still["dimensions"].values()] == [False, False]
    assert all(c["difference"] == 0 and c["p"] == 1 for c in still["dimensions"].values())
    same, planted = changed["dimensions"].values()
    assert planted["difference"] == pytest.approx(20) and planted["discovered"]
    assert planted["low"] > 0 and planted["p"] <= planted["q"] < 0.05
    assert same["difference"] == 0 and not same["discovered"]
    assert changed["notes"] == [] or "model" in changed["notes"][0]


def test_the_baseline_may_be_another_day(moved: Path) -> None:
    found = drifted(moved, HOSTILE, baseline="2026-02-05")
    (change,) = found["changes"]
    assert (change["from"], change["to"]) == ("2026-02-05", "2026-03-05")
    assert "Not compared: 2026-01-05." in found["notices"][0]
    found = drifted(moved, HOSTILE, baseline="2026-03-05")
    assert found["changes"] == []
    assert "Not compared: 2026-01-05, 2026-02-05, 2026-03-05." in found["notices"][0]
    with pytest.raises(InputError, match=r"--baseline 2026-02-06: .* not measured then, but: 2026"):
        drifted(moved, HOSTILE, baseline="2026-02-06")
    with pytest.raises(InputError, match="--baseline soon: neither a day"):
        drifted(moved, HOSTILE, baseline="soon")
    with pytest.raises(InputError, match="nobody has no measurement of big-five"):
        drifted(moved, "nobody")


def test_a_measurement_of_a_day_with_several_is_reached_by_its_id(tmp_path: Path) -> None:
    ids: list[str] = []
    for height in (2, 4, 5):
        imported(tmp_path, [{"model": "a", "Openness": height}], "2026-01-05")
        series = drifted(tmp_path / "ws", "a")["series"]
        ids += [s["measurement"] for s in series if s["measurement"] not in ids]
    first, second, third = ids
    (change,) = drifted(tmp_path / "ws", "a", baseline=second)["changes"]
    assert change["measurements"] == [second, third]
    # of a day the newest, as on the board
    imported(tmp_path, [{"model": "a", "Openness": 6}], "2026-02-05")
    (change,) = drifted(tmp_path / "ws", "a", baseline="2026-01-05")["changes"]
    assert change["measurements"][0] == third
    told = when(drifted(tmp_path / "ws", "a")["series"])
    assert [told[one] for one in ids] == [f"2026-01-05 ({one})" for one in ids]
    assert list(told.values())[3] == "2026-02-05"
    for one, height in zip(ids, (2, 4, 5), strict=True):
        board = anyio.run(partial(load_board, tmp_path / "ws", None, "big-five", date=one))
        assert board.scores.tolist() == [[height]]
    with pytest.raises(InputError, match=f"--baseline {first[:-1]}: neither a day"):
        drifted(tmp_path / "ws", "a", baseline=first[:-1])


def test_one_measurement_is_no_drift(moved: Path) -> None:
    found = drifted(moved, "first")
    assert len(found["series"]) == 1 and found["changes"] == [] and found["notices"] == []


def test_what_was_measured_otherwise_is_not_compared(tmp_path: Path) -> None:
    measured(tmp_path, {"a": level(3, 3)}, day="2026-01-05")
    measured(tmp_path, {"a": level(6, 6)}, items=likert_items(3), day="2026-02-05")
    measured(tmp_path, {"a": level(5, 5)}, judge="local-nearest", day="2026-03-05")
    imported(tmp_path, [{"model": "a", "Openness": 77}], "2026-04-05")
    found = drifted(tmp_path / "ws", "a")
    assert len(found["series"]) == 4 and found["changes"] == []
    assert found["series"][3]["imported"]
    assert found["series"][3]["dimensions"] == {
        "Openness": {"score": 77, "low": None, "high": None, "n": None}
    }
    (said,) = found["notices"]
    assert "Not compared: 2026-01-05, 2026-02-05, 2026-03-05, 2026-04-05." in said
    # each kind has a first of its own
    measured(tmp_path, {"a": level(4, 4), "b": level(4, 4)}, day="2026-05-05")
    (change,) = drifted(tmp_path / "ws", "a")["changes"]
    assert (change["from"], change["to"]) == ("2026-01-05", "2026-05-05")
    assert change["dimensions"]["Openness"]["difference"] == pytest.approx(20)


def test_tables_of_one_scale_are_compared_and_scales_never_mixed(tmp_path: Path) -> None:
    rows = [{"model": "b", "Openness": 0.1}]
    for day, score in (("2025-01-31", 0.25), ("2025-02-28", 0.75), ("2025-05-31", None)):
        cells = {"Openness": score, "Extraversion": 0.5}
        imported(tmp_path, [{"model": "a", **cells}, *rows], day)
    imported(tmp_path, [{"model": "a", "Openness": 25}], "2025-03-31")
    imported(tmp_path, [{"model": "a", "Openness": 50}], "2025-06-30")
    imported(tmp_path, [{"model": "a", "Openness": 50}], "2025-07-31", scale=(0.0, 100.0))
    imported(tmp_path, [{"model": "a", "Openness": 5}], "2025-08-31", scale=(1.0, 7.0))
    found = drifted(tmp_path / "ws", "a")
    moves = {
        (c["from"], c["to"]): {n: cell["difference"] for n, cell in c["dimensions"].items()}
        for c in found["changes"]
    }
    assert moves == {
        ("2025-01-31", "2025-02-28"): {"Openness": 0.5, "Extraversion": 0},
        ("2025-01-31", "2025-05-31"): {"Openness": None, "Extraversion": 0},
        ("2025-03-31", "2025-06-30"): {"Openness": 25},
    }
    for change in found["changes"]:
        assert "no interval was published" in change["notes"][0]
        for cell in change["dimensions"].values():
            assert all(cell[k] is None for k in ("low", "high", "p", "q", "discovered", "n"))
    assert "Not compared: 2025-07-31, 2025-08-31." in found["notices"][0]


def test_other_settings_of_the_same_name_are_told(tmp_path: Path) -> None:
    items = likert_items(2, TRAITS[:1])
    file = item_file(tmp_path, items)
    for day, more in (
        ("2026-01-05", {}),
        ("2026-02-05", {"temperature": 0.5, "system": "Be brief."}),
    ):
        one = rated(tmp_path, "a", level(3, of_each=2), items, **more)
        (found,) = run(
            [one], ["big-five"], items=file, form="tiny", workspace=tmp_path / "ws", occasion=day
        )
        dated(tmp_path / "ws", found, day)
    (change,) = drifted(tmp_path / "ws", "a")["changes"]
    assert "system: None before, Be brief. now" in change["notes"]
    assert "temperature: None before, 0.5 now" in change["notes"]
    assert len(change["notes"]) == 2


def test_when_nobody_answered_there_is_nothing_to_compare(tmp_path: Path) -> None:
    items = likert_items(2, TRAITS[:1])
    for day in ("2026-01-05", "2026-02-05"):
        measured(tmp_path, {"a": {}}, items=items, occasion=day, day=day)
    (change,) = drifted(tmp_path / "ws", "a")["changes"]
    assert change["dimensions"] == {}


def test_the_command(moved: Path, cli: Command) -> None:
    said = cli("drift", HOSTILE, "-s", "big-five", "-w", moved, "--json")
    assert said.code == 0, said.err
    assert not set("\x1b\u202e") & set(said.out)
    assert json.loads(said.out, parse_constant=pytest.fail) == drifted(moved, HOSTILE)
    said = cli("drift", HOSTILE, "-s", "big-five", "-w", moved)
    assert said.code == 0 and not set("\x1b\u202e") & set(said.out + said.err)
    assert "␛[31m[bold]m[/bold]⟦U+202E⟧" in said.out
    assert "2026-01-05 to 2026-03-05" in said.out
    moves = [line.split() for line in said.out.splitlines() if line.startswith(TRAITS[1])]
    assert moves[0][1] == "+0.0" and moves[1][1] == "+20.0" and moves[1][-1] == "differs"
    said = cli("drift", "nobody", "-s", "big-five", "-w", moved)
    assert said.code == 2 and "nobody has no measurement" in said.err


def test_tables_on_scales_that_look_different_are_not_compared(tmp_path: Path) -> None:
    imported(tmp_path, [{"model": "a", "Openness": 4.5, "Neuroticism": 3.0}], "2025-01-01")
    imported(tmp_path, [{"model": "a", "Openness": 45.0, "Neuroticism": 30.0}], "2025-02-01")
    imported(tmp_path, [{"model": "a", "Openness": 60.0, "Neuroticism": 20.0}], "2025-03-01")
    found = anyio.run(lambda: drift(tmp_path / "ws", None, "a", "big-five"))
    (change,) = found["changes"]
    assert (change["from"], change["to"]) == ("2025-02-01", "2025-03-01")
    assert change["dimensions"]["Openness"]["difference"] == 15
    assert any("2025-01-01" in notice for notice in found["notices"])
