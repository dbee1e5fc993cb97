"""`valuecompass culture` and `cultures build` on a real workspace."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.board.test_surveys import person, written
from valuecompass.board.cultures.profiles import demonstration_profiles
from valuecompass.values import builtin_system

NAMES = builtin_system("schwartz").names
HOSTILE = "evil\x1b[31m model"


def valuecompass(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c"),
            "import valuecompass.cli.culture, valuecompass.cli.cultures\n"
            "from valuecompass.cli import main; main()",
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "150"},
        check=False,
    )


def profiles(values: np.ndarray) -> str:
    rows = [dict(zip(NAMES, row, strict=True)) for row in values.tolist()]
    return json.dumps(dict(zip("AB", rows, strict=True)))


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, size=(3, 10)).round(3)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, scores: np.ndarray) -> Path:
    """A workspace with a published table; the commands here only read it."""
    folder = tmp_path_factory.mktemp("published")
    table, workspace = folder / "published.csv", folder / "ws"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", *NAMES])
        for name, row in zip(("one", "two", HOSTILE), scores.tolist(), strict=True):
            writer.writerow([name, *row])
    done = valuecompass(
        *("board", "import", table, "-s", "schwartz", "--date", "2025-01-31", "-w", workspace)
    )
    assert done.returncode == 0, done.stderr
    return workspace


def test_the_demonstration_set_is_compared_as_the_table_was_published(board, scores):
    done = valuecompass("culture", "-s", "schwartz", "-w", board, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    shipped = demonstration_profiles(builtin_system("schwartz"))
    for name, row in zip(("one", "two", HOSTILE), scores, strict=True):
        for culture, values in zip(shipped.cultures, shipped.values, strict=True):
            expected = spearmanr(row, values)[0]
            assert report["cells"][name][culture] == pytest.approx(expected, abs=1e-9)
    said = " ".join([report["profiles"]["source"], *report["notices"]])
    assert "reconstruction from a published heatmap" in said and "not a survey" in said
    assert report["compared_on"] == "as published"


def test_the_screen_marks_the_nearest_and_says_what_the_profiles_are(board):
    done = valuecompass("culture", "-w", board, "--specification-curve")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Our reconstruction from a published heatmap" in text and "not a survey" in text
    assert "Specification curve: 53 choices" in text and "is nearest to" in text
    assert "\x1b[31m" not in done.stdout and "evil␛[31m" in text
    report = json.loads(valuecompass("culture", "-w", board, "--json").stdout)
    line = next(one for one in done.stdout.splitlines() if one.startswith("two"))
    assert line.count("*") == (len(report["nearest"]["two"]) if report["fits"]["two"] else 0)
    assert ("none" in line) == (not report["fits"]["two"])


def test_profiles_method_treatment_and_curve(board, tmp_path, scores):
    path = tmp_path / "P.json"
    path.write_text(profiles(scores[:2]), encoding="utf-8")
    options = ("--method", "kendall", "--treatment", "last:hedonism", "--profiles", path)
    done = valuecompass("culture", "-w", board, *options, "--specification-curve", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["method"] == "kendall" and report["treatment"] == "last:Hedonism"
    assert report["cells"]["one"]["A"] == pytest.approx(1)
    assert report["nearest"] == {
        "one": ["A"],
        "two": ["B"],
        HOSTILE: report["nearest"][HOSTILE],
    }
    assert any("Hedonism is put last on both sides" in one for one in report["notices"])
    claims = {c["claim"]: c for c in report["specification_curve"]["claims"]}
    assert claims["one is nearest to A"]["share"] == 1
    assert claims["one is nearest to A"]["supported"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--treatment", "last:Wit"), "'Wit' is not a dimension"),
        (("--profiles", "no.json"), "no.json: cannot be read"),
        (("-s", "safety"), "no profiles of cultures come with the package"),
        (("-s", "nothing"), "no such value system"),
        (("--date", "2024-01-01"), "nothing of schwartz has this date"),
        (("--method", "cosine"), "cosine"),
    ],
)
def test_wrong_usage_is_one_message(board, options, message):
    done = valuecompass("culture", "-w", board, *options, "--json")
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and "Traceback" not in done.stderr


def test_several_files_need_the_curve(board, tmp_path):
    paths = []
    for name in ("P.json", "Q.json"):
        (tmp_path / name).write_text(profiles(np.eye(2, 10)), encoding="utf-8")
        paths += ["--profiles", tmp_path / name]
    done = valuecompass("culture", "-w", board, *paths)
    assert done.returncode == 2 and "add --specification-curve" in done.stderr
    done = valuecompass("culture", "-w", board, *paths, "--specification-curve", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["specification_curve"]["specifications"]) == 106


def test_survey_profiles_are_built_and_compared(board, tmp_path):
    file = written(tmp_path, [person("XA", imprich=1), person("XB", imprich=6), person("XB")])
    out = tmp_path / "lands.json"
    done = valuecompass("cultures", "build", "ess", file, "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == {"XA": 1, "XB": 2}
    done = valuecompass("culture", "-w", board, "--profiles", out, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["cells"]["one"]) == {"XA", "XB"}
    assert "European Social Survey" in report["profiles"]["source"]


def test_building_says_who_was_left_out(tmp_path):
    bad = dict.fromkeys(("ipcrtiv", "imprich", "ipeqopt", "ipshabt", "impsafe", "impdiff"), 9)
    file = written(tmp_path, [person(), person(**bad)])
    done = valuecompass("cultures", "build", "ess", file, "-o", tmp_path / "lands.json")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "1 of 2 persons used: 1 had more than 5 items missing" in text
    done = valuecompass("cultures", "build", "ess", file, "-o", tmp_path / "lands.csv")
    assert done.returncode == 2 and "ends in .json" in done.stderr
