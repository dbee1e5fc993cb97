"""`compare`: differences on the same items, and which of them are sure."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from tests.board.measured import TRAITS, imported, likert_items, measured
from tests.measure.helpers import Command
from valuecompass.board.comparison import compare
from valuecompass.errors import InputError

HOSTILE = "\x1b[31m[bold]b[/bold]\u202e\"'<x>"
ITEMS = likert_items(20, TRAITS[:3])
NOISE = np.random.default_rng(0).integers(2, 6, 20).tolist()
OTHER = np.random.default_rng(1).permutation(NOISE).tolist()


def ratings(first: list[int | None], second: list[int | None], third: list[int | None]) -> Any:
    return {TRAITS[0]: first, TRAITS[1]: second, TRAITS[2]: third}


GIVEN = {
    # the same on the first trait but for the order, lower by two on the second, half of the third
    "a": ratings(NOISE, [min(6, r + 2) for r in NOISE], [6] * 10 + [None] * 10),
    HOSTILE: ratings(OTHER, [max(1, r - 1) for r in NOISE], [None] * 5 + [5] * 15),
    "c": ratings(NOISE, [min(6, r + 2) for r in NOISE], [None] * 20),
    "none": {},
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    measured(folder, GIVEN, items=ITEMS, day="2026-03-14")
    return folder / "ws"


def compared(workspace: Path, *names: str, system: str = "big-five", **how: Any) -> dict[str, Any]:
    return anyio.run(partial(compare, workspace, None, system, names, **how))


def points(rating: float) -> float:
    return 100 * (rating - 1) / 5


def test_a_planted_difference_is_found_and_no_other(own: Path) -> None:
    found = compared(own, "a", HOSTILE)
    assert set(found) == {
        *("system", "date", "measurements", "imported", "fdr", "pairs", "notices"),
    }
    assert (found["system"], found["date"], found["fdr"]) == ("big-five", "2026-03-14", 0.05)
    (pair,) = found["pairs"]
    assert set(pair) == {"a", "b", "dimensions", "items"}
    assert (pair["a"], pair["b"]) == ("a", HOSTILE)
    assert list(pair["dimensions"]) == list(TRAITS[:3])
    same, apart, part = pair["dimensions"].values()
    keys = {"a", "b", "difference", "low", "high", "p", "q", "discovered", "n"}
    assert set(same) == keys
    assert same["difference"] == 0 and same["low"] < 0 < same["high"]
    assert not same["discovered"] and same["p"] > 0.5
    wanted = np.mean([min(6, r + 2) - max(1, r - 1) for r in NOISE])
    assert apart["difference"] == pytest.approx(20 * wanted, abs=1e-4)
    assert apart["a"] - apart["b"] == pytest.approx(apart["difference"], abs=0.011)
    assert 0 < apart["low"] < apart["difference"] < apart["high"]
    assert apart["discovered"] and apart["p"] <= apart["q"] < 0.05 and apart["n"] == 20
    # on the five items that both answered only
    assert part["n"] == 5 and part["difference"] == pytest.approx(20)
    assert part["a"] == 100 and part["b"] == 80


def test_all_pairs_share_one_control(own: Path) -> None:
    found = compared(own, "c", "a", HOSTILE)
    names = [(pair["a"], pair["b"]) for pair in found["pairs"]]
    assert names == [("c", "a"), ("c", HOSTILE), ("a", HOSTILE)]
    cells = [cell for pair in found["pairs"] for cell in pair["dimensions"].values()]
    tested = [cell for cell in cells if cell["p"] is not None]
    assert len(tested) == len(cells) - 2  # c has nothing on the third trait
    assert [c["n"] for c in cells if c["p"] is None] == [0, 0]
    p = np.array([cell["p"] for cell in tested])
    order = np.argsort(p)
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    wanted = np.minimum.accumulate(steps[::-1])[::-1]
    np.testing.assert_allclose([tested[at]["q"] for at in order], wanted, atol=1e-5)
    assert [cell["discovered"] for cell in tested] == [cell["q"] <= 0.05 for cell in tested]
    turned = compared(own, HOSTILE, "a")["pairs"][0]["dimensions"]
    straight = compared(own, "a", HOSTILE)["pairs"][0]["dimensions"]
    for name in TRAITS[:3]:
        assert turned[name]["difference"] == -straight[name]["difference"]


def test_the_items_that_separate_a_pair_most_are_named(own: Path) -> None:
    (pair,) = compared(own, "a", HOSTILE, items=4)["pairs"]
    assert len(pair["items"]) == 4
    texts = {item.id: item.text for item in ITEMS}
    sizes = [abs(one["difference"]) for one in pair["items"]]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 60
    for one in pair["items"]:
        assert one["text"] == texts[one["item"]] and one["dimension"] in TRAITS
    assert compared(own, "a", HOSTILE, items=0)["pairs"][0]["items"] == []
    assert compared(own, "a", "c")["pairs"][0]["items"] == []  # nothing separates them


def test_who_has_no_scores_is_compared_on_nothing(own: Path) -> None:
    (pair,) = compared(own, "a", "none")["pairs"]
    for cell in pair["dimensions"].values():
        assert cell["n"] == 0 and not cell["discovered"]
        assert all(cell[key] is None for key in ("b", "difference", "low", "high", "p", "q"))
    assert pair["items"] == []
    assert any("none has no score for" in notice for notice in compared(own, "a", "c")["notices"])


def test_the_seed_decides_the_resampling(own: Path) -> None:
    first, again, other = (compared(own, "a", HOSTILE, seed=seed) for seed in (1, 1, 2))
    assert first == again and first != other


def test_respondents_of_measurements_made_alike_are_compared(tmp_path: Path) -> None:
    items = likert_items(24, TRAITS[:1])
    up = [2, 4, 6] * 8
    measured(tmp_path, {"a": {TRAITS[0]: up}}, items=items)
    lower = [None, *(r - 1 for r in up[1:])]  # and of one item fewer
    measured(tmp_path, {"b": {TRAITS[0]: lower}}, items=items)
    found = compared(tmp_path / "ws", "a", "b")
    assert len(found["measurements"]) == 2
    (cell,) = found["pairs"][0]["dimensions"].values()
    assert cell["difference"] == pytest.approx(20) and cell["n"] == 23 and cell["discovered"]
    # paired: the same difference on every item is sure, however far the items lie apart
    assert cell["low"] > 5 and cell["high"] - cell["low"] < 25


def test_of_a_published_table_bare_differences(tmp_path: Path) -> None:
    table = [
        {"model": "a", "Openness": 0.5, "Extraversion": 0.25},
        {"model": "b", "Openness": 0.75, "Extraversion": None},
    ]
    imported(tmp_path, table, "2025-01-31")
    found = compared(tmp_path / "ws", "b", "a")
    assert found["imported"] and found["date"] == "2025-01-31"
    (pair,) = found["pairs"]
    nothing = dict.fromkeys(("low", "high", "p", "q", "discovered", "n"))
    assert pair["dimensions"] == {
        "Openness": {"a": 0.75, "b": 0.5, "difference": 0.25, **nothing},
        "Extraversion": {"a": None, "b": 0.25, "difference": None, **nothing},
    }
    assert pair["items"] == [] and any("No interval" in n for n in found["notices"])


def test_wrong_names_are_told(own: Path) -> None:
    for names in (["a"], ["a", "a"], list("abcdefghi")):
        with pytest.raises(InputError, match="two to 8 different respondents"):
            compared(own, *names)
    with pytest.raises(InputError, match="nobody: not on the board of big-five; there are: a, "):
        compared(own, "a", "nobody")
    with pytest.raises(InputError, match="nothing of big-five has this date"):
        compared(own, "a", "c", date="2020-01-01")


def test_the_command(own: Path, cli: Command) -> None:
    said = cli("compare", "a", HOSTILE, "-s", "big-five", "-w", own, "--json")
    assert said.code == 0, said.err
    assert not set("\x1b\u202e") & set(said.out)
    assert json.loads(said.out, parse_constant=pytest.fail) == compared(own, "a", HOSTILE)

    said = cli("compare", "a", HOSTILE, "none", "-s", "big-five", "-w", own, "--items", "2")
    assert said.code == 0 and not set("\x1b\u202e") & set(said.out + said.err)
    assert "a less ␛[31m[bold]b[/bold]⟦U+202E⟧" in said.out
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line.strip()}
    assert "differs" in next(ln for ln in said.out.splitlines() if ln.startswith(TRAITS[1]))
    assert "missing" in lines[TRAITS[1]]  # the last pair's
    assert "They differ most on:" in said.out and "Statement" in said.out

    said = cli("compare", "a", "\x1b[2Jnobody", "-s", "big-five", "-w", own)
    assert said.code == 2 and "not on the board" in said.err and "\x1b" not in said.err
