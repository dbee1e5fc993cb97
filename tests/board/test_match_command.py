"""`valuecompass match` and `valuecompass space` as they are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import spearmanr

from valuecompass.values import builtin_system

NAMES = builtin_system("schwartz").names
RUN = "from valuecompass.cli import main; main()"
UP = list(range(1, 11))


def valuecompass(*arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
        check=False,
    )


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table() -> dict[str, list[float]]:
    made = np.random.default_rng(11)
    own = {f"Model {i}": made.uniform(5, 95, size=10).round(1).tolist() for i in range(6)}
    return own | {"Up": [9 * v for v in UP], "[red]Down[/red]\x1b[2J": [9 * v for v in UP[::-1]]}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, table: dict[str, list[float]]) -> Path:
    """A workspace with an imported table."""
    folder = tmp_path_factory.mktemp("match")
    rows = [{"model": n, **dict(zip(NAMES, row, strict=True))} for n, row in table.items()]
    file = written(folder / "scores.json", rows)
    done = valuecompass(
        *("board", "import", file, "-s", "schwartz", "--date", "2025-02-28", "-w", folder / "W")
    )
    assert done.returncode == 0, done.stderr
    return folder / "W"


@pytest.fixture
def files(tmp_path: Path) -> list[str | Path]:
    """A questionnaire of one item a value, and answers that rise with the dimensions."""
    items = [{"id": str(i), "dimension": n, "text": f"On {n}."} for i, n in enumerate(NAMES)]
    asked = written(tmp_path / "Q.json", {"items": items, "scale": [1, 10]})
    answers = written(tmp_path / "A.json", {str(i): v for i, v in enumerate(UP)})
    return ["--questionnaire", asked, "--answers", answers]


def test_the_contract(workspace, files, table) -> None:
    done = valuecompass("match", "-s", "schwartz", *files, "-w", workspace, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["fits"] is True and document["winner"] == "Up"
    assert document["compared_on"] == "as published" and document["person"]["Power"]
    assert len(document["matches"]) == len(table)
    for one in document["matches"]:
        rho = spearmanr(UP, table[one["respondent"]]).statistic
        assert one["match"] == pytest.approx(100 * (rho + 1) / 2, abs=1e-9)
        assert one["low"] is None and 0 <= one["beats"] <= 1


def test_the_table_for_people_names_the_match_and_lets_nothing_act(workspace, files) -> None:
    done = valuecompass("match", "-s", "schwartz", *files, "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert "Fits you best: Up" in done.stdout and "[red]Down[/red]" in done.stdout
    assert "\x1b" not in done.stdout and "No interval was published" in done.stdout


def test_equal_answers_are_no_error(workspace, files, tmp_path) -> None:
    written(tmp_path / "A.json", {str(i): 4 for i in range(10)})
    done = valuecompass("match", "-s", "schwartz", *files, "-w", workspace, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["matches"] == [] and document["fits"] is None and document["winner"] is None


def test_bad_answers_are_one_message(workspace, files, tmp_path) -> None:
    written(tmp_path / "A.json", {str(i): 11 for i in range(10)})
    done = valuecompass("match", "-s", "schwartz", *files, "-w", workspace, "--json")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "answer '0': 11 is not on the scale" in done.stderr


def test_without_answers_it_says_what_to_give(workspace) -> None:
    done = valuecompass("match", "-s", "schwartz", "-w", workspace)
    assert done.returncode == 2 and "--ask FILE" in done.stderr


def test_being_asked_can_be_stopped_and_goes_on(workspace, tmp_path) -> None:
    answers = tmp_path / "mine.json"
    command = ("match", "-s", "schwartz", "--ask", answers, "-w", workspace, "--json")
    done = valuecompass(*command, typed="3\nnine\n5\nb\n4\nq\n")
    assert done.returncode == 130 and done.stdout == ""
    assert "3 of 30" in done.stderr and "'nine' is not a number" in done.stderr
    assert f"2 of 30 answered, kept in {answers}" in done.stderr
    assert json.loads(answers.read_text()) == {"1": 3, "2": 4}

    cut = valuecompass(*command, typed="1\n")  # the input ends, as at Ctrl-D
    assert cut.returncode == 130 and len(json.loads(answers.read_text())) == 3

    done = valuecompass(*command, typed="2\n5\n6\n" * 9)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["matches"]) == 8
    assert valuecompass(*command).returncode == 0  # nothing left to ask
    assert sorted(tmp_path.iterdir()) == [answers]


def test_space_maps_respondents_cultures_and_a_person(workspace, files, tmp_path) -> None:
    ranks = {"Upland": dict(zip(NAMES, UP, strict=True))}
    profiles = written(tmp_path / "P.json", ranks)
    command = ("space", "-s", "schwartz", "--profiles", profiles, *files, "-w", workspace)
    out = tmp_path / "map.svg"
    done = valuecompass(*command, "--json", "--out", out)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [p["kind"] for p in document["points"][-2:]] == ["culture", "person"]
    assert document["stress"] > 0 and sum(document["pca"]["explained"]) == pytest.approx(1)
    assert ElementTree.parse(out).getroot().tag.endswith("svg")
    again = valuecompass(*command, "--json")
    assert json.loads(again.stdout) == document
    shown = valuecompass(*command)
    assert "Stress of the flat map" in shown.stdout and "Upland (culture)" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_space_wants_an_svg_and_answers_with_a_questionnaire(workspace, files, tmp_path) -> None:
    done = valuecompass("space", "-s", "schwartz", "-w", workspace, "-o", tmp_path / "map.png")
    assert done.returncode == 2 and "ends in .svg" in done.stderr
    done = valuecompass("space", "-s", "schwartz", "-w", workspace, *files[:2])
    assert done.returncode == 2 and "--answers FILE" in done.stderr
