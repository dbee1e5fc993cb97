"""`valuecompass health` and `valuecompass systems` as they are run, on a panel's measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import valuecompass as vc
from valuecompass.items import builtin_form, form_items

RUN = "from valuecompass.cli import main; main()"
MODELS = [
    f"simulated/moral-foundations?Care/Harm={c}&seed={s}" for s, c in enumerate((2, 0, -1, -2))
]
PANEL = "local,local-nearest"


def valuecompass(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
        check=False,
    )


def told(*arguments: str | Path) -> dict[str, Any]:
    done = valuecompass(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board of a tiny form, and a fresh form that shares one item with it.

    W: all respondents, a panel, both forms. F: two respondents, one judge.
    """
    folder = tmp_path_factory.mktemp("health")
    tiny = form_items(builtin_form("moral-foundations", "tiny"))
    used = {item.id for item in tiny}
    short = form_items(builtin_form("moral-foundations", "short"))
    new = [item for item in short if item.id not in used][:6]
    rows = [json.dumps({k: v for k, v in i.row().items() if k != "id"}) for i in (*new, tiny[0])]
    (folder / "fresh.jsonl").write_text("\n".join(rows), encoding="utf-8")
    fresh = {"items": folder / "fresh.jsonl", "judge": PANEL, "workspace": folder / "W"}
    (measured,) = vc.run(MODELS, ["moral-foundations"], **fresh)
    (folder / "fresh-id").write_text(measured.id)
    board = {"form": "tiny", "judge": PANEL, "workspace": folder / "W"}
    vc.run(MODELS, ["moral-foundations"], **board)
    vc.run(MODELS[:2], ["moral-foundations"], form="tiny", workspace=folder / "F")
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    fresh = (folder / "fresh-id").read_text()
    return told("health", "-s", "moral-foundations", "--fresh", fresh, "-w", folder / "W")


def test_repeats_and_judges_of_a_panel_are_facets(report) -> None:
    assert report["respondents"] == MODELS and report["form"]["name"] == "moral-foundations/tiny"
    for name, found in report["generalisability"].items():
        assert found["facets"] == ["respondent", "item", "repeat", "judge"], name
        assert found["now"]["n"] == {"item": 3, "repeat": 2, "judge": 2}
        assert len(found["components"]) == 15 and found["not_covered"] == []
        shares = [part["share"] for part in found["components"]]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert all(found["items"] == 3 for found in report["reliability"].values())


def test_exposure_counts_measurements(report) -> None:
    # fifteen items of the board, one of them in the fresh form, too
    assert report["exposure"]["times"] == {"1": 14, "2": 1}
    assert report["exposure"]["worn"] == 0


def test_worn_items_are_those_used_more_often_than_said(folder) -> None:
    found = told("health", "-s", "moral-foundations", "--uses", "1", "-w", folder / "W")
    assert found["exposure"]["worn"] == pytest.approx(1 / 15, abs=1e-4)
    assert found["contamination"]["fresh"] is None
    assert "No fresh form was measured" in found["contamination"]["reason"]


def test_public_against_fresh_leaves_shared_items_out(report, folder) -> None:
    found = report["contamination"]
    assert found["fresh"] == (folder / "fresh-id").read_text()
    assert found["items"] == {"public": 14, "fresh": 6}
    assert list(found["respondents"]) == MODELS
    cell = next(iter(found["respondents"][MODELS[0]].values()))
    assert cell["low"] <= cell["difference"] <= cell["high"] and 0 <= cell["q"] <= 1


def test_a_fresh_form_may_be_named_by_its_day(report, folder) -> None:
    day = report["date"]
    found = told("health", "-s", "moral-foundations", "--fresh", day, "-w", folder / "W")
    assert found["contamination"] == report["contamination"]


def test_few_respondents_give_null_and_say_so(folder) -> None:
    found = told("health", "-s", "moral-foundations", "-w", folder / "F")
    assert found["reliability"] is None and found["generalisability"] is None
    assert found["discriminant"]["groups"] is None and found["circle"]["correspondence"] is None
    assert any("need 4 respondents with scores, and there are 2" in n for n in found["notices"])
    assert found["saturation"]["items"] == 15
    shown = valuecompass("health", "-s", "moral-foundations", "-w", folder / "F")
    assert shown.returncode == 0 and "need 4 respondents" in shown.stdout


def test_the_terminal_shows_what_the_json_holds(report, folder) -> None:
    fresh = report["contamination"]["fresh"]
    done = valuecompass("health", "-s", "moral-foundations", "--fresh", fresh, "-w", folder / "W")
    assert done.returncode == 0, done.stderr
    assert "Dependability covers: respondent, item, repeat, judge." in done.stdout
    assert "Public less fresh items (14 and 6)" in done.stdout
    assert "14 items 1x, 1 items 2x" in done.stdout


@pytest.mark.parametrize(
    ("fresh", "message"),
    [
        ("0123456789abcdef", "neither a day"),
        ("1999-01-01", "no measurement of moral-foundations on another form"),
        ("next-week", "next-week: neither a day"),
    ],
)
def test_no_such_fresh_form(folder, fresh, message) -> None:
    done = valuecompass("health", "-s", "moral-foundations", "--fresh", fresh, "-w", folder / "W")
    assert done.returncode == 2 and message in done.stderr


def test_the_boards_own_form_is_not_fresh(report, folder) -> None:
    own = report["measurements"][0]
    done = valuecompass("health", "-s", "moral-foundations", "--fresh", own, "-w", folder / "W")
    assert done.returncode == 2 and "on another form than the board's" in done.stderr


def test_a_published_table_has_no_items(tmp_path) -> None:
    names = ("Care/Harm", "Fairness/Cheating")
    rows = [{"model": f"M{i}", **dict.fromkeys(names, 10.0 + i)} for i in range(3)]
    (tmp_path / "T.json").write_text(json.dumps(rows))
    command = ("board", "import", tmp_path / "T.json", "-s", "moral-foundations")
    done = valuecompass(*command, "--date", "2025-01-31", "-w", tmp_path / "W")
    assert done.returncode == 0, done.stderr
    done = valuecompass("health", "-s", "moral-foundations", "-w", tmp_path / "W")
    assert done.returncode == 2 and "is a published table, which has no items" in done.stderr


# systems


def test_systems_lists_and_shows_as_before() -> None:
    listed = told("systems")["systems"]
    assert [s["id"] for s in listed][:2] == ["schwartz", "moral-foundations"]
    shown = told("systems", "safety")["systems"]
    assert [s["id"] for s in shown] == ["safety"]
    assert json.loads(valuecompass("systems", "--json", "safety").stdout)["systems"] == shown
    done = valuecompass("systems", "nonsense")
    assert done.returncode == 2 and "no such value system" in done.stderr
    assert "Care/Harm" in valuecompass("systems", "moral-foundations").stdout


def test_systems_compare_reads_the_same_answers_under_two_theories(folder) -> None:
    command = ("systems", "compare", "-s", "moral-foundations", "-s", "llm-unique")
    found = told(*command, "-w", folder / "F")
    assert found["responses"] == 60 and found["items"] == 15 and found["judge"] == "local"
    assert [one["dimensions"] for one in found["theories"]] == [5, 6]
    assert found["chance"] == 0.5
    done = valuecompass(*command, "-w", folder / "F")
    assert "60 answers of 2 respondents to 15 items" in done.stdout
    assert "judged" not in done.stderr  # nothing is read twice
    one = valuecompass("systems", "compare", "-s", "schwartz", "-w", folder / "F")
    assert one.returncode == 2 and "two value systems or more" in one.stderr
