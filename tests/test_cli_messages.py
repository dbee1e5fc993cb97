"""What the command prints can be trusted not to act: no escape sequences, no formulas."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = "x\x1b[31mRED\x1b]0;title\x07"


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "valuecompass", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def on_a_terminal(*arguments: str, cwd: Path) -> bytes:
    """Run with a pseudo terminal as stdout and stderr and return all it shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "valuecompass", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:
            break
        if not block:
            break
        shown += block
    process.wait()
    os.close(ours)
    return shown


def roster(folder: Path, label: str, model: str = "simulated/schwartz?Power=1") -> Path:
    path = folder / "roster.toml"
    escaped = label.replace("\x1b", "\\u001b").replace("\x07", "\\u0007").replace('"', '\\"')
    path.write_text(f'[[respondents]]\nlabel = "{escaped}"\nmodel = "{model}"\n')
    return path


def test_an_error_shows_escape_sequences_instead_of_sending_them(tmp_path: Path) -> None:
    path = roster(tmp_path, "label", "foo\\u001b[31mRED/bar")
    shown = on_a_terminal("run", "--roster", str(path), cwd=tmp_path)
    assert b"RED" in shown and b"\x1b[31mRED" not in shown


def test_plan_progress_and_board_send_no_escape_sequence_of_a_label(tmp_path: Path) -> None:
    path = roster(tmp_path, HOSTILE)
    shown = on_a_terminal("run", "--roster", str(path), "--form", "tiny", cwd=tmp_path)
    assert b"RED" in shown
    assert b"\x1b[31mRED" not in shown and b"\x1b]0;" not in shown


def test_csv_on_stdout_holds_no_formula(tmp_path: Path) -> None:
    path = roster(tmp_path, "=1+1")
    done = command("run", "--roster", str(path), "--form", "tiny", "--csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["respondent"] for row in rows} == {"'=1+1"}


@pytest.mark.parametrize("judge", ["simulated/schwartz", "recorded/answers.jsonl"])
def test_a_judge_that_cannot_read_is_refused(tmp_path: Path, judge: str) -> None:
    done = command(
        "run", "-m", "simulated/schwartz?Power=1", "--judge", judge, "--form", "tiny", cwd=tmp_path
    )
    assert done.returncode == 2 and "cannot read" in done.stderr


def test_the_plan_counts_every_question_of_a_judge_per_value(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(
        '{"kind":"question","system":"schwartz","text":"Is it right?","dimensions":["Power"]}\n'
    )
    arguments = (
        *("run", "-m", "simulated/schwartz?Power=1", "--items", "items.jsonl", "--dry-run"),
        *("--judge", "embedded/smollm2-135m-instruct", "--judge-mode"),
    )
    assert "30 calls" in command(*arguments, "per-value", cwd=tmp_path).stderr
    assert " 1 calls" in command(*arguments, "one-call", cwd=tmp_path).stderr


def test_a_link_stays_a_link_and_a_device_is_refused(tmp_path: Path) -> None:
    command("run", "-m", "simulated/schwartz?Power=1", "--form", "tiny", cwd=tmp_path)
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    assert command("report", "-o", "link.html", cwd=tmp_path).returncode == 0
    assert (tmp_path / "link.html").is_symlink() and (tmp_path / "real.html").is_file()
    os.mkfifo(tmp_path / "pipe.html")
    done = command("report", "-o", "pipe.html", cwd=tmp_path)
    assert done.returncode == 2 and "not a plain file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-s", "schwartz", "-s", "schwartz"), "named twice"),
        (("-s", "mine.toml"), "built-in system; choose another id"),
        (("--judge-mode", "sometimes"), "one-call, per-value or concepts"),
        (("--json", "--csv"), "one of them"),
        (("--opinions", "loudest"), "any, mean, rank-weighted"),
        (("--db", "nonsense"), "--db"),
        (("--db", "postgresql://u:S3cret@Pa:ss@127.0.0.1:1/x"), "--db"),
        (("--db", "mysql://u:p@127.0.0.1/x"), "--db"),
    ],
)
def test_options_that_cannot_be_meant(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "mine.toml").write_text(
        'id = "schwartz"\nname = "mine"\nscoring = "rating"\nsummary = "of mine"\n'
        'source = "myself"\n[[dimensions]]\nname = "Power"\ndefinition = "what I say"\n'
        'high = "much"\nlow = "little"\n'
    )
    done = command("run", "-m", "simulated/schwartz?Power=1", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert says in done.stderr and "Traceback" not in done.stderr and "ss@" not in done.stderr


def test_a_report_does_not_take_the_place_of_the_database(tmp_path: Path) -> None:
    command("run", "-m", "simulated/schwartz?Power=1", "--form", "tiny", cwd=tmp_path)
    database = tmp_path / "valuecompass-workspace" / "valuecompass.sqlite"
    before = database.read_bytes()[:16]
    done = command("report", "-o", str(database), cwd=tmp_path)
    assert done.returncode == 2 and database.read_bytes()[:16] == before


def test_an_import_does_not_overwrite_its_source(tmp_path: Path) -> None:
    source = tmp_path / "items.csv"
    source.write_text("kind,text,dimensions\nquestion,Is it right?,Power\n")
    done = command("items", "import", "items.csv", "items.csv", cwd=tmp_path)
    assert done.returncode == 2 and "Is it right" in source.read_text()
    assert "another name" in done.stderr
