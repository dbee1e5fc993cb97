"""Labelling as people do it: keys at a terminal, lines in a pipe, interrupted anywhere."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from valuecompass.judges.labels.labelling import Label, read_task, resume
from valuecompass.judges.quality.labelled import read_labels

HOSTILE = "x\x1b[31mRED\x1b[2J\x1b]0;title\x07 [bold]markup[/bold] \u202eback"
ROWS: list[dict[str, Any]] = [
    {
        "system": "schwartz",
        "item": f"Should street number {n} be closed to cars?",
        "response": f"1. Children could cross street {n}.\n2. Fewer accidents.",
        "dimension": "Security",
    }
    for n in range(6)
]
STEMS: list[dict[str, Any]] = [
    {
        "system": "llm-unique",
        "item": f"When I write report {n}, I",
        "response": "keep to the facts.",
        "dimension": "Professional",
    }
    for n in range(6)
]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def label(*arguments: object, cwd: Path, keys: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "valuecompass", "judge", "label", *map(str, arguments)],
        cwd=cwd,
        input=keys,
        capture_output=True,
        text=True,
        check=False,
    )


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class Terminal:
    """`valuecompass judge label ...` on a terminal of its own, 60 columns wide."""

    def __init__(self, *arguments: object, cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "valuecompass", "judge", "label", *map(str, arguments)],
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "NO_COLOR": "1", "TERM": "xterm"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.shown = ""

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, text: str, times: int = 1) -> None:
        """Read until a text has been shown that many times in all."""
        deadline = time.monotonic() + 60
        while self.shown.count(text) < times:
            assert time.monotonic() < deadline and self._read(), self.shown

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(timeout=60)
        while self._read(0.1):
            pass
        return code

    def _read(self, wait: float = 60) -> bool:
        if not select.select([self._ours], [], [], wait)[0]:
            return False
        data = os.read(self._ours, 65_536)
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals to be closed at the end."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


# --- at a terminal ---


def test_single_keys_label_rows_without_a_line_end(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    written(tmp_path / "task.jsonl", ROWS[:3])
    terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(terminal)
    terminal.until("y expressed")
    assert "0 of 3 done" in terminal.shown
    for key, shows in (
        ("y", "Which side"),
        ("+", "1 of 3 done"),
        ("n", "0 neither"),
        ("-", "2 of 3 done"),
        ("N", "Which side"),
    ):
        terminal.shown = ""
        terminal.type(key)
        terminal.until(shows)
    terminal.type("0")
    terminal.until("This was the last row.")
    terminal.type("q")
    assert terminal.end() == 0
    assert "labels-anna.jsonl: 3 of 3 done" in terminal.shown
    found = rows(tmp_path / "labels-anna.jsonl")
    assert [(r["expressed"], r["valence"]) for r in found] == [(1, 1), (0, -1), (0, 0)]
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_ctrl_c_keeps_what_is_labelled_and_says_how_to_go_on(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    written(tmp_path / "task.jsonl", STEMS)
    terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(terminal)
    terminal.until("y shown")
    terminal.type("y")
    terminal.until("1 of 6 done")
    terminal.type("n")
    terminal.until("2 of 6 done")
    assert [r["expressed"] for r in rows(tmp_path / "labels-anna.jsonl")] == [1, 0]
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "interrupted; 2 of 6 done, all on disk in labels-anna.jsonl" in terminal.shown
    assert "repeat the command to go on" in " ".join(terminal.shown.split())
    assert "Traceback" not in terminal.shown
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    again = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(again)
    again.until("2 of 6 done")
    again.type("\x04")  # Ctrl-D: no more input
    assert again.end() == 0 and len(rows(tmp_path / "labels-anna.jsonl")) == 2


def test_an_arrow_key_is_one_unknown_key(tmp_path: Path, terminals: list[Terminal]) -> None:
    written(tmp_path / "task.jsonl", STEMS)
    terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(terminal)
    terminal.until("y shown")
    terminal.type("\x1b[A")
    terminal.until("no such key here")
    terminal.until("y shown", 3)
    terminal.type("q")
    assert terminal.end() == 0 and terminal.shown.count("no such key here") == 1
    assert "\x1b[a" not in terminal.shown and not (tmp_path / "labels-anna.jsonl").exists()


def test_killed_at_once_after_a_label_it_is_there(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    written(tmp_path / "task.jsonl", STEMS)
    for done in range(4):
        terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
        terminals.append(terminal)
        terminal.until(f"{done} of 6 done")
        terminal.until("y shown")
        terminal.type("y")
        terminal.until(f"{done + 1} of 6 done")
        terminal.process.send_signal(signal.SIGKILL)
        terminal.end()
        assert len(rows(tmp_path / "labels-anna.jsonl")) == done + 1


def test_hostile_texts_do_not_act(tmp_path: Path, terminals: list[Terminal]) -> None:
    hostile = {
        "item": f"Why? {HOSTILE}",
        "response": f"1. One {HOSTILE}\n2. Two {HOSTILE}",
        "principle": f"It is right {HOSTILE}",
    }
    written(tmp_path / "task.jsonl", [ROWS[0] | hostile])
    terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(terminal)
    terminal.until("y expressed")
    terminal.type("y")
    terminal.until("Which side")
    terminal.type("q")
    assert terminal.end() == 0
    assert terminal.shown.count("␛[31mRED") == 4 and terminal.shown.count("[bold]markup") == 4
    sequences = set(re.findall(r"\x1b[^A-Za-z]*[A-Za-z]", terminal.shown))
    assert sequences <= {"\x1b[2J", "\x1b[H", "\x1b[0m", "\x1b[1m", "\x1b[2m"}
    assert terminal.shown.count("\x1b[2J") == 1  # ours, before the row
    assert not re.search("[\x07\u202e]", terminal.shown)


def test_lines_fit_the_terminal(tmp_path: Path, terminals: list[Terminal]) -> None:
    long = "word " * 60 + "x" * 200
    written(tmp_path / "task.jsonl", [STEMS[0] | {"response": long}])
    terminal = Terminal("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    terminals.append(terminal)
    terminal.until("y shown")
    terminal.type("q")
    terminal.end()
    plain = re.sub(r"\x1b[^A-Za-z]*[A-Za-z]", "", terminal.shown)
    assert max(len(line) for line in plain.splitlines()) <= 60
    assert plain.count("word") == 60 and plain.count("x") >= 200


# --- without one ---


def test_lines_from_a_pipe_do_the_same(tmp_path: Path) -> None:
    written(tmp_path / "task.jsonl", ROWS[:3])
    keys = "y\n+\nmaybe\n\n?\nN\n-\nb\ns\n"
    done = label("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path, keys=keys)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "labels-anna.jsonl: 2 of 3 done; repeat the command to go on\n"
    assert "maybe: no such key here" in done.stderr and "an empty line: no such" in done.stderr
    assert "High:" in done.stderr and "Given: not expressed, against it. s keeps it." in done.stderr
    assert "\x1b" not in done.stderr
    found = rows(tmp_path / "labels-anna.jsonl")
    assert [(r["expressed"], r["valence"]) for r in found] == [(1, 1), (0, -1)]
    done = label("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path, keys="n\n0\n")
    assert "3 of 3 done\n" in done.stdout
    done = label("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path)
    assert done.returncode == 0 and "3 of 3 done\n" in done.stdout


def test_bytes_that_are_no_text_are_an_unknown_key(tmp_path: Path) -> None:
    written(tmp_path / "task.jsonl", STEMS[:1])
    command = [sys.executable, "-m", "valuecompass", "judge", "label", "annotate", "task.jsonl"]
    done = subprocess.run(
        [*command, "--annotator", "anna"], cwd=tmp_path, input=b"\xff\xfe\ny\n", capture_output=True
    )
    assert done.returncode == 0 and b"no such key here" in done.stderr
    assert len(rows(tmp_path / "labels-anna.jsonl")) == 1


def test_a_text_that_comes_again_is_told(tmp_path: Path) -> None:
    written(tmp_path / "task.jsonl", [ROWS[0], ROWS[0] | {"dimension": "Power"}, ROWS[1]])
    keys = "y\n0\n" * 3
    done = label("annotate", "task.jsonl", "--annotator", "anna", cwd=tmp_path, keys=keys)
    assert done.stderr.count("The text is the one before; the dimension is another.") == 1


def test_the_pace_is_shown_from_the_third_label_on(tmp_path: Path) -> None:
    written(tmp_path / "task.jsonl", STEMS)
    done = label("annotate", "task.jsonl", "--annotator", "a", cwd=tmp_path, keys="y\n" * 4)
    assert re.search(r"2 of 6 done\n", done.stderr)
    assert re.search(r"3 of 6 done, \d+ an hour, \d+ minutes to go\n", done.stderr)


# --- two annotators ---


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder in which Anna and Ben have labelled six rows and disagree on two."""
    path = written(tmp_path / "task.jsonl", STEMS)
    task = read_task(path)
    for name, no in (("anna", (1, 2)), ("ben", (1, 3))):
        file = resume(tmp_path / f"labels-{name}.jsonl", task, name, path)
        for n, unit in enumerate(task.units):
            file.put(unit, Label(int(n not in no)))
    return tmp_path


BOTH = ("adjudicate", "labels-anna.jsonl", "labels-ben.jsonl")


def test_adjudication_shows_agreement_and_asks_about_the_rest(two: Path) -> None:
    done = label(*BOTH, cwd=two, keys="y\n")
    assert done.returncode == 0, done.stderr
    assert re.search(r"llm-unique +6 +0\.67 \[0\.\d\d, 0\.\d\d\] +0\.25 ", done.stdout)
    assert done.stderr.count("One label: ") == 2
    assert re.search(
        r"One label: (not shown|shown or neutral). The other: (not shown|shown or neutral)\.",
        done.stderr,
    )
    assert "anna" not in done.stderr and "ben" not in done.stderr
    assert "third decisions: 1 of 2 done; repeat the command to go on" in done.stderr
    assert done.stdout.endswith("5 of 6 rows: labels.jsonl\n")
    done = label(*BOTH, "--json", cwd=two, keys="n\n")
    said = json.loads(done.stdout)
    assert (said["n"], said["disputed"], said["decided"], said["rows"]) == (6, 2, 2, 6)
    assert said["systems"]["llm-unique"]["kappa"]["value"] == 0.25
    final = rows(two / "labels.jsonl")
    assert [row["agreed"] for row in final].count(False) == 2
    assert sorted(row["expressed"] for row in final if not row["agreed"]) == [0, 1]


def test_rows_that_nobody_has_labelled_are_told(two: Path) -> None:
    for name, kept in (("anna", 4), ("ben", 3)):
        path = two / f"labels-{name}.jsonl"
        written(path, rows(path)[:kept])
    done = label(*BOTH, "--agreed-only", cwd=two)
    assert "Note: 1 rows have one label only and are left out" in done.stderr
    assert "Note: 2 of 6 rows of the task have no label; if these are the unclear" in done.stderr
    assert json.loads(label(*BOTH, "--json", "--agreed-only", cwd=two).stdout)["unlabelled"] == 2


def test_agreed_only_asks_nothing_and_the_judge_reads_it(two: Path) -> None:
    done = label(*BOTH, "--agreed-only", "-o", "final.jsonl", cwd=two)
    assert done.returncode == 0 and "One label" not in done.stderr
    assert all(row["agreed"] for row in rows(two / "final.jsonl"))
    assert len(read_labels(two / "final.jsonl")) == 4


def test_ctrl_c_in_an_adjudication(two: Path, terminals: list[Terminal]) -> None:
    terminal = Terminal(*BOTH, cwd=two)
    terminals.append(terminal)
    terminal.until("0 of 2 done")
    terminal.until("y shown")
    terminal.type("n")
    terminal.until("1 of 2 done")
    terminal.type("\x03")
    assert terminal.end() == 130 and "1 of 2 done, all on disk" in terminal.shown
    assert len(rows(two / "labels.jsonl")) == 5


def test_nothing_in_a_files_name_acts(two: Path) -> None:
    name = "[red]x\x1b[2J\u202e.jsonl"
    shown = "[red]x␛[2J⟦U+202E⟧.jsonl"
    done = label("annotate", "task.jsonl", "--annotator", "cleo", "-o", name, cwd=two, keys="y\n")
    assert done.stdout.startswith(f"{shown}: 1 of 6 done"), done.stderr
    wrong = label("annotate", "task.jsonl", "--annotator", "dora", "-o", name, cwd=two)
    assert wrong.returncode == 2 and f"{shown}, line 1: annotator: " in wrong.stderr
    (two / name).unlink()
    final = label(*BOTH, "--agreed-only", "-o", name, cwd=two)
    assert final.stdout.endswith(f"4 of 6 rows: {shown}\n"), final.stderr
    raw = label(*BOTH, "--agreed-only", "--json", "-o", name, cwd=two)
    assert json.loads(raw.stdout)["labels"] == name
    for said in (done, wrong, final, raw):
        assert not re.search("[\x1b\u202e]", said.stdout + said.stderr)


# --- what cannot be meant ---


def test_every_mistake_is_one_message(two: Path) -> None:
    written(two / "other.jsonl", ROWS)
    label(
        "annotate",
        "other.jsonl",
        "--annotator",
        "ben",
        "-o",
        "other-ben.jsonl",
        cwd=two,
        keys="y\n+\n",
    )
    twice = rows(two / "labels-anna.jsonl")
    written(two / "twice.jsonl", [*twice, twice[0]])
    for arguments, says in (
        (("annotate", "absent.jsonl", "--annotator", "a"), "absent.jsonl: cannot be read"),
        (("annotate", "task.jsonl", "--annotator", "a b"), "--annotator a b: give up to 40"),
        (("annotate", "other.jsonl", "--annotator", "anna"), "task: these labels are of task"),
        (
            ("annotate", "task.jsonl", "--annotator", "ben", "-o", "labels-anna.jsonl"),
            "by anna, not by ben",
        ),
        (
            ("annotate", "task.jsonl", "--annotator", "anna", "-o", "twice.jsonl"),
            "twice.jsonl, line 7: id: this row is labelled twice, already in line 1",
        ),
        (("adjudicate", "labels-anna.jsonl", "labels-anna.jsonl"), "are both by anna"),
        (("adjudicate", "labels-anna.jsonl", "other-ben.jsonl"), "two annotators' labels of one"),
        (("adjudicate", "labels-anna.jsonl", "task.jsonl"), "task.jsonl, line 1: task: missing"),
        ((*BOTH, "-o", "labels-anna.jsonl"), "not a final row of these annotators"),
        (("draw", "-s", "schwartz", "-w", "nowhere"), "nowhere: no measurements here yet"),
    ):
        done = label(*arguments, cwd=two)
        assert done.returncode == 2, (arguments, done.stderr)
        assert done.stderr.startswith("valuecompass: ") and done.stderr.count("\n") == 1
        assert says in done.stderr, done.stderr
    assert rows(two / "labels-anna.jsonl") == twice and not (two / "nowhere").exists()
