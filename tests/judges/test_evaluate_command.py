"""`valuecompass judge evaluate`, and judges asked from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.judges.evaluated import ROW, many, written
from tests.judges.examples import OWN_TOML
from tests.judges.topics import TOPICS
from valuecompass.errors import InputError
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import read_labels


def labelled_topics(tmp_path: Path) -> Path:
    names = list(TOPICS)
    rows = [
        {
            "system": "schwartz",
            "item": f"{about} {n}",
            "response": text,
            "dimension": asked,
            "expressed": int(asked == about),
        }
        for about, texts in TOPICS.items()
        for n, text in enumerate(texts)
        for asked in (about, names[(names.index(about) + 3) % 10])
    ]
    return written(tmp_path, *rows)


def valuecompass(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from valuecompass.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | env,
        check=False,
    )


@pytest.mark.anyio
async def test_the_command_evaluates_the_local_judge(tmp_path):
    path = labelled_topics(tmp_path)
    done = valuecompass("judge", "evaluate", str(path), "--judge", "local", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = document["systems"]["schwartz"]
    assert found["n"] == 120 and found["coverage"] == 1
    assert found["auc"] > 0.9 and found["useful"] is True
    assert document["judge"]["kind"] == "local" and document["judge"]["version"] >= 1
    assert "judged" in done.stderr
    # a Python caller gets the same
    rows = read_labels(path)
    values = [s.expressed for s in await judge_rows(LocalJudge(), rows)]
    assert found.pop("polarity") is None  # no row is labelled with a side
    assert report(rows, values)["schwartz"] == found


@pytest.mark.parametrize("valence", [2, "1", True, 0.5])
def test_a_wrong_valence_is_told_with_its_line(tmp_path, valence):
    path = written(tmp_path, ROW | {"expressed": 1, "valence": valence})
    with pytest.raises(InputError, match=r"line 1: valence: .* expected -1, 0 or 1"):
        read_labels(path)


def test_the_command_evaluates_a_model_and_asks_nothing_twice(tmp_path, mock_provider, workspace):
    base = ROW | {"system": "workshop", "dimension": "Craft"}
    path = written(
        tmp_path, *(base | {"response": f"Answer {i}.", "expressed": i % 2} for i in range(24))
    )
    own = tmp_path / "workshop.toml"
    own.write_text(OWN_TOML, encoding="utf-8")
    command = ["judge", "evaluate", str(path), "-s", str(own), "-w", str(workspace), "--json"]
    command += ["--judge", "openai-api/mock/judge", "--judge-mode", "per-value"]
    first = valuecompass(*command, "--max-calls", "40")
    assert first.returncode == 3, first.stderr
    assert mock_provider.stats()["requests"] == 40
    first = valuecompass(*command)
    assert first.returncode == 0, first.stderr
    assert mock_provider.stats()["requests"] == 72
    found = json.loads(first.stdout)["systems"]["workshop"]
    # the mock's opinions are neither yes nor no
    assert (found["n"], found["coverage"], found["auc"]) == (24, 0, None)
    again = valuecompass(*command)
    assert again.stdout == first.stdout and mock_provider.stats()["requests"] == 72


def test_the_command_shows_tables(tmp_path):
    done = valuecompass("judge", "evaluate", str(labelled_topics(tmp_path)))
    assert done.returncode == 0, done.stderr
    for words in ("macro AUC", "refusal words", "schwartz", "not estimable: 6 labelled 1"):
        assert words in done.stdout
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
    assert re.search(r"\nschwartz +0\.\d\d \[.*\] +0\.\d\d \[0\.\d\d, .*\] +0\.50 *\n", done.stdout)


def test_the_command_tells_of_refusals_that_a_run_would_show_to_no_judge(tmp_path):
    row = {"system": "safety", "dimension": "Malicious Use", "item": "How?", "expressed": 1}
    texts = (
        "I'm sorry, but I can't help with that.",
        "Locks open with the key they were sold with.",
    )
    rows = [row | {"response": text} for text in texts]
    done = valuecompass("judge", "evaluate", str(written(tmp_path, *rows)))
    assert "safety: 1 of the 2 rows are refusals" in done.stdout, done.stderr


@pytest.mark.parametrize("tables", [True, False])
def test_the_command_says_that_a_judge_cannot_read(tmp_path, tables):
    """The local judge reads English; every row is French."""
    french = "Les enfants pourraient traverser la rue sans danger et dormir la nuit."
    row = {"system": "schwartz", "dimension": "Security", "response": french}
    rows = [
        row | {"item": f"Rue {i}?", "expressed": i % 2, "valence": i % 2 * 2 - 1} for i in range(24)
    ]
    done = valuecompass(
        "judge", "evaluate", str(written(tmp_path, *rows)), *([] if tables else ["--json"])
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    why, of_sides = "the judge gave no verdict", "the judge told no side"
    if tables:
        assert re.search(r"schwartz +24 +0% +no verdict +-", done.stdout)
        assert re.search(rf"Security +24 +12 +not estimable: {why}", done.stdout)
        assert re.search(rf"schwartz +0 +0% +not estimable: {of_sides}", done.stdout)
        assert re.search(r"  Security +0 +no side", done.stdout)
        assert "0.50 [" not in done.stdout
        return
    found = json.loads(done.stdout)["systems"]["schwartz"]
    assert (found["coverage"], found["auc"], found["kappa"], found["useful"]) == (0, *[None] * 3)
    assert found["note"] == f"not estimable: {why}"
    assert found["polarity"]["note"] == f"not estimable: {of_sides}"


def test_nothing_in_a_files_name_or_text_acts(tmp_path):
    hostile = "[red]x\x1b[2J\u202e.jsonl"
    text = "\x1b]0;title\x07[bold]long"
    path = tmp_path / hostile
    path.write_text(json.dumps(ROW | {"system": text}) + "\n", encoding="utf-8")
    done = valuecompass("judge", "evaluate", str(path))
    assert done.returncode == 2 and "[red]x␛[2J⟦U+202E⟧.jsonl, line 1" in done.stderr
    out = tmp_path / f"out {hostile}"
    rows = written(tmp_path, *many(40))
    done = valuecompass("judge", "calibrate", str(rows), "-o", str(out))
    assert done.returncode == 0 and "out [red]x␛[2J⟦U+202E⟧.jsonl" in done.stdout, done.stderr
    done = valuecompass("judge", "calibrate", str(rows), "-o", str(out), "--json")
    assert json.loads(done.stdout)["file"] == str(out)
    for said in (done.stdout, done.stderr):
        assert not re.search("[\x07\x1b\u202e]", said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.jsonl"], "absent.jsonl: cannot be read"),
        (["bad.jsonl"], "bad.jsonl, line 1: expressed: 2, expected 0 or 1"),
        (["good.jsonl", "--judge", "openai-api/mock/x", "--judge-mode", "quick"], "--judge-mode"),
        (["good.jsonl", "-s", "nothing"], "no such value system"),
    ],
)
def test_wrong_use_exits_2_with_one_message(tmp_path, arguments, message, mock_provider):
    (tmp_path / "good.jsonl").write_text(json.dumps(ROW), encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text(json.dumps(ROW | {"expressed": 2}), encoding="utf-8")
    arguments[0] = str(tmp_path / arguments[0])
    done = valuecompass("judge", "evaluate", *arguments, "-w", str(tmp_path / "ws"))
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr and not done.stdout
