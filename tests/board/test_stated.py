"""Stated and shown values on boards: what is compared, what is not, and how it is shown."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import valuecompass as vc
from tests.board.examples import made_up_measurement
from tests.board.pages import HOSTILE, Page
from tests.measure.helpers import Command, write_items
from valuecompass.board.boards import load_board
from valuecompass.board.page import render_report
from valuecompass.board.page.publish import write_report
from valuecompass.board.stated import Modes, gaps_of, told_on_board
from valuecompass.items import seed_items
from valuecompass.measure.item_table import ItemTable, Mode

PLANTED = ("Power=1.5&Hedonism=-1", "Universalism=1.5&Power=-1", "Tradition=1&Stimulation=-1.5")
SAYS = "simulated/schwartz?Power=2&stated.Power=-2&Security=-1&seed=9"
MODELS = [SAYS, *(f"simulated/schwartz?{p}&seed={s}" for s, p in enumerate(PLANTED * 2))]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven simulated respondents on all ratings and trade-offs: nothing to judge."""
    folder = tmp_path_factory.mktemp("stated")
    items = [i for i in seed_items("schwartz") if i.kind in ("likert", "tradeoff")]
    path = write_items(folder, items)
    vc.run(MODELS, ["schwartz"], items=path, form="full", workspace=folder / "W")
    return folder / "W"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


def told(workspace: Path) -> dict[str, Any]:
    return vc.stated_and_shown(workspace)


def test_the_planted_gap_is_found_and_nobody_else_is_accused_of_it(workspace: Path) -> None:
    found = told(workspace)
    assert found["modes"] == ["self-report", "trade-off"]
    (pair,) = found["pairs"]
    assert pair["reason"] is None
    assert pair["left_out"] == []
    cells = {
        (row["respondent"], name): cell
        for row in pair["rows"]
        for name, cell in row["dimensions"].items()
    }
    assert len(cells) == 70
    own = cells[SAYS, "Power"]
    assert own["high"] < 0
    assert own["discovered"]
    assert own["gap"] == min(cell["gap"] for cell in cells.values())
    assert own["gap"] == pytest.approx(own["stated"] - own["shown"] - own["usual"], abs=1e-5)
    # what one says of its power leaves the power of the others alone
    assert not any(c["discovered"] for (who, name), c in cells.items() if who != SAYS)
    overall = {row["respondent"]: row["overall"] for row in pair["rows"]}
    assert overall[SAYS]["low"] > 0
    assert overall[SAYS]["value"] == max(o["value"] for o in overall.values())
    agreement = [row["agreement"]["value"] for row in pair["rows"] if row["respondent"] != SAYS]
    assert min(a for a in agreement if a is not None) > 0.5


def test_scores_by_mode_are_those_of_the_measurement(workspace: Path) -> None:
    board = anyio.run(partial(load_board, workspace, None, "schwartz", samples=0))
    (measurement,) = board.measurements
    for entry, row in zip(told(workspace)["scores"], measurement.rows, strict=True):
        for name, by_mode in entry["dimensions"].items():
            detail = row.dimensions[name].detail
            assert by_mode["self-report"]["score"] == pytest.approx(
                detail["self_report"]["score"], abs=0.01
            )
            # every pair is asked equally often: then the model's share is the share of choices
            assert by_mode["trade-off"]["score"] == pytest.approx(detail["within"]["score"], abs=1)
            assert by_mode["self-report"]["n"] == 10
            assert by_mode["trade-off"]["n"] == 72


def test_equal_seeds_give_equal_figures(workspace: Path) -> None:
    again = partial(vc.stated_and_shown, workspace, seed=1)
    assert told(workspace) == told(workspace)
    assert told(workspace)["pairs"] != again()["pairs"]


def test_the_command_shows_what_the_json_says(workspace: Path, command: Command) -> None:
    done = command("gap", "-w", workspace)
    assert done.code == 0
    assert "self-report less trade-off" in done.out
    claims = [
        claim
        for row in told(workspace)["pairs"][0]["rows"]
        for claim in (*row["dimensions"].values(), row["overall"])
    ]
    assert done.out.count("*") == sum(claim["discovered"] for claim in claims)
    assert f"{SAYS} (simulated)" in done.out
    assert json.loads(command("gap", "-w", workspace, "--json").out) == told(workspace)
    assert command("gap", "-w", workspace / "none").code == 2


def test_the_board_says_who_has_gaps(workspace: Path, command: Command) -> None:
    board = anyio.run(partial(load_board, workspace, None, "schwartz", samples=0))
    (sentence,) = anyio.run(told_on_board, workspace, None, board)
    assert "of 70 gaps" in sentence
    assert f"{SAYS} (Power)" in sentence
    document = json.loads(command("board", "-w", workspace, "--json").out)
    assert sentence in document["notices"]


def test_the_report_has_dots_and_a_table(workspace: Path, tmp_path: Path) -> None:
    anyio.run(write_report, workspace, None, tmp_path / "r.html", 0)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    figures = [a for a in page.tags("figure") if "gap" in a.get("class", "").split()]
    assert len(figures) == len(MODELS)
    assert "Self-report less trade-off as a table" in page.text()
    cell = told(workspace)["pairs"][0]["rows"][0]["dimensions"]["Power"]
    assert f"−{abs(cell['gap']):.1f}" in page.text("figure")
    data = json.loads(page.script(data=True))
    assert data["measurements"][0]["stated_and_shown"]["pairs"]


# --- what cannot be said


def made_up(
    respondents: int, modes: tuple[Mode, ...], simulated: tuple[bool, ...] | None = None
) -> Modes:
    """Tables of random yes and no: forty items of each of four dimensions."""
    rng = np.random.default_rng(respondents)
    names = ("A", "B", "C", "D")
    who = tuple(f"r{at}" for at in range(respondents))
    ability = rng.normal(0, 1.5, (respondents, 4))
    tables: dict[Mode, ItemTable] = {}
    for mode in modes:
        counts = np.zeros((respondents, 160, 4))
        counts[:, np.arange(160), np.arange(160) % 4] = 1
        chance = 1 / (1 + np.exp(-ability[:, None, :]))
        totals = counts * (rng.random(counts.shape) < chance)
        items = tuple(f"{mode} {at}" for at in range(160))
        tables[mode] = ItemTable(who, items, names, totals, counts)
    return Modes(names, who, simulated or (False,) * respondents, tables)


def test_of_too_few_respondents_only_the_order_is_told_and_only_where_it_can_be() -> None:
    found = gaps_of(made_up(1, ("self-report", "trade-off", "free text")))
    choices, texts = found["pairs"]
    assert choices["rows"][0]["agreement"]["value"] is not None
    # rates of free text share no scale from dimension to dimension
    assert texts["rows"][0]["agreement"]["value"] is None
    for pair in found["pairs"]:
        assert "needs 4" in pair["reason"]
        for cell in pair["rows"][0]["dimensions"].values():
            assert cell["gap"] is None
            assert not cell["discovered"]
    assert sum("needs 4" in notice for notice in found["notices"]) == 2


@pytest.mark.parametrize(
    ("modes", "word"),
    [
        (("free text",), "nothing stated"),
        (("trade-off", "free text"), "nothing stated"),
        (("self-report",), "nothing shown"),
        ((), "No usable answer"),
    ],
)
def test_a_board_with_one_side_says_so(modes: tuple[Mode, ...], word: str) -> None:
    found = gaps_of(made_up(5, modes))
    assert found["pairs"] == []
    (notice,) = found["notices"]
    assert word in notice


@pytest.mark.parametrize("system", ["schwartz", "moral-foundations"])
def test_actions_read_by_the_local_judge_are_said_to_be_so(tmp_path: Path, system: str) -> None:
    scenarios = [i for i in seed_items(system) if i.kind == "scenario"][:2]
    path = write_items(tmp_path, scenarios)
    model = f"simulated/{system}"
    vc.run(model, system, items=path, form="full", workspace=tmp_path / "W")  # a list of one
    told_of = vc.stated_and_shown(tmp_path / "W", system)
    assert told_of["modes"] == ["actions"]
    assert any("read by the local judge" in notice for notice in told_of["notices"])
    written = gaps_of(made_up(5, ("self-report", "free text")))
    assert not any("local judge" in notice for notice in written["notices"])


def test_simulated_respondents_are_no_yardstick_for_real_ones() -> None:
    sorts = (True,) * 4 + (False,) * 4
    found = gaps_of(made_up(8, ("judgement", "free text"), sorts))
    assert [(p["simulated"], len(p["rows"])) for p in found["pairs"]] == [(True, 4), (False, 4)]
    assert all(pair["reason"] is None for pair in found["pairs"])
    mixed = gaps_of(made_up(8, ("judgement", "free text"), (True,) * 5 + (False,) * 3))
    assert [pair["reason"] is None for pair in mixed["pairs"]] == [True, False]


def test_who_lacks_a_dimension_is_left_out_and_named() -> None:
    whole = made_up(6, ("judgement", "free text"))
    whole.tables["free text"].counts[2, :, 1] = 0
    whole.tables["free text"].totals[2, :, 1] = 0
    (pair,) = gaps_of(whole)["pairs"]
    assert pair["left_out"] == ["r2"]
    assert [row["respondent"] for row in pair["rows"]] == ["r0", "r1", "r3", "r4", "r5"]


def test_two_dimensions_are_no_profile() -> None:
    whole = made_up(6, ("judgement", "free text"))
    whole.tables["judgement"].counts[:, :, 2:] = 0
    whole.tables["judgement"].totals[:, :, 2:] = 0
    (pair,) = gaps_of(whole)["pairs"]
    assert "2 dimensions were" in pair["reason"]
    assert pair["dimensions"] == ["A", "B"]


def test_who_does_not_differ_gives_no_unit() -> None:
    same = made_up(5, ("judgement", "free text"))
    table = same.tables["free text"]
    table.totals[:] = table.counts / 2
    (pair,) = gaps_of(same)["pairs"]
    assert "In free text the respondents differ no more than chance" in pair["reason"]
    assert all(c["gap"] is None for row in pair["rows"] for c in row["dimensions"].values())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_texts_in_the_report(text: str) -> None:
    def rendered(name: str) -> Page:
        source = made_up(4, ("self-report", "free text"))
        who = (name, "made-up/b", "made-up/c", "made-up/d")
        names = (f"A{name}", "B", "C", "D")
        found = gaps_of(Modes(names, who, source.simulated, source.tables))
        measurement = made_up_measurement("safety", who)
        return Page(render_report([measurement], [], gaps={measurement.id: found}))

    def shape(page: Page) -> list[tuple[str, list[str]]]:
        kept = [(tag, sorted(a)) for tag, a in page.elements if tag not in ("wbr", "tspan")]
        return kept

    assert shape(rendered(text)) == shape(rendered("harmless words!"))
