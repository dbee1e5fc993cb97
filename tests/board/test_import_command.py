"""`valuecompass board import`: what it says and leaves, also when it is interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.measure.test_published import GOOD, META, file, rows
from valuecompass.cli import main
from valuecompass.measure.published.importing import ROWS_AT_ONCE

OTHER = {"model": "b", "Power": 0, "Security": 0.299, "Hedonism": None}


def ran(capsys: pytest.CaptureFixture[str], monkeypatch: Any, *arguments: object) -> Any:
    """Run the command in this process; return its exit code, what it said, and its complaint."""
    monkeypatch.setattr(sys, "argv", ["valuecompass", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def importing(path: Path, workspace: Path, *more: object) -> tuple[object, ...]:
    return "board", "import", path, "-s", "schwartz", "--date", "2025-01-31", "-w", workspace, *more


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def board(capsys: Any, monkeypatch: Any, workspace: Path) -> dict[str, Any]:
    code, out, err = ran(capsys, monkeypatch, "board", "-s", "schwartz", "-w", workspace, "--json")
    assert code == 0, err
    return json.loads(out)


def scores(document: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    return {
        row["respondent"]: {n: cell["score"] for n, cell in row["dimensions"].items()}
        for row in document["rows"]
    }


def test_a_table_with_meta_is_imported_said_and_shown(tmp_path, workspace, capsys, monkeypatch):
    path = file(tmp_path, json.dumps({"data": [GOOD | {"model": "a "}, OTHER]}))
    meta = file(tmp_path, json.dumps({"data": [META, META | {"model": "else"}]}), "meta.json")
    more = ("--meta", meta, "--json")
    code, out, err = ran(capsys, monkeypatch, *importing(path, workspace, *more))
    assert code == 0, err
    done = json.loads(out)
    assert done["new"] and done["respondents"] == 2 and done["missing"] == 1
    assert done["dimensions"] == ["Hedonism", "Power", "Security"]
    assert done["unknown_in_meta"] == ["else"]
    assert done["scale"] == {"low": -0.1, "high": 0.5, "declared": False}
    document = board(capsys, monkeypatch, workspace)
    assert document["date"] == "2025-01-31" and document["imported"]
    assert scores(document)["b"] == {"Hedonism": None, "Power": 0, "Security": OTHER["Security"]}
    assert all(row["low"] is None and row["high"] is None for row in document["rows"])
    said = " ".join(document["notices"])
    assert "No interval was published" in said and "b has no score for Hedonism" in said


def test_the_same_table_twice_is_said_and_another_of_the_day_is_shown(
    tmp_path, workspace, capsys, monkeypatch
):
    path = rows(tmp_path, GOOD)
    assert ran(capsys, monkeypatch, *importing(path, workspace))[0] == 0
    before = contents(workspace)
    copy = file(tmp_path, path.read_bytes(), "copy.json")
    for again in (path, copy):
        code, out, _ = ran(capsys, monkeypatch, *importing(again, workspace))
        said = " ".join(out.split())
        assert code == 0 and "already imported as" in said and "nothing changed" in said
    assert contents(workspace)["valuecompass.sqlite"] == before["valuecompass.sqlite"]
    later = rows(tmp_path, OTHER)
    assert ran(capsys, monkeypatch, *importing(later, workspace))[0] == 0
    assert list(scores(board(capsys, monkeypatch, workspace))) == ["b"]
    # the first is there still
    code, out, _ = ran(capsys, monkeypatch, *importing(copy, workspace, "--json"))
    assert code == 0 and not json.loads(out)["new"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([GOOD, GOOD], "row 2: model"),
        ([GOOD, {"model": "b", "Power": "high"}], "row 2: Power"),
        ([GOOD, {"model": "b", "Power": 50, "Security": 60}], "row 2: Security"),
        ([{"model": "\x1b[31mred", "Power": "\x1b"}], "row 1: Power"),
        ([], "no rows"),
    ],
)
def test_a_wrong_table_leaves_the_workspace_as_it_was(
    tmp_path, workspace, capsys, monkeypatch, wrong, field
):
    path = file(tmp_path, json.dumps(wrong), "wrong.json")
    for there in (False, True):
        if there:
            workspace.mkdir()
            (workspace / "valuecompass.sqlite").write_bytes(b"not opened at all")
        before = contents(workspace)
        code, out, err = ran(capsys, monkeypatch, *importing(path, workspace))
        assert code == 2 and not out
        assert err.startswith(f"valuecompass: {path}") and field in err
        assert "\x1b" not in err and err.count("\n") == 1
        assert workspace.exists() == there and contents(workspace) == before


def test_a_wrong_meta_leaves_the_workspace_as_it_was(tmp_path, workspace, capsys, monkeypatch):
    meta = file(tmp_path, json.dumps([META, META]), "meta.json")
    command = importing(rows(tmp_path, GOOD), workspace, "--meta", meta)
    code, _, err = ran(capsys, monkeypatch, *command)
    assert code == 2 and f"{meta}, row 2: model" in err and not workspace.exists()


def test_names_that_act_are_kept_and_shown_safely(tmp_path, workspace, capsys, monkeypatch):
    hostile = "\x1b[2Jmodel\u202e\x00[red]"
    path = rows(tmp_path, GOOD | {"model": hostile}, OTHER)
    assert ran(capsys, monkeypatch, *importing(path, workspace))[0] == 0
    assert hostile in scores(board(capsys, monkeypatch, workspace))
    code, out, err = ran(capsys, monkeypatch, "board", "-s", "schwartz", "-w", workspace)
    assert code == 0, err
    assert "␛[2Jmodel" in out
    assert not set("\x1b\x00\u202e") & set(out + err)


STOPPED = """
import os, signal, sys
from valuecompass.cli import main
from valuecompass.measure.published import importing, reading

def rows(*given, read=importing.read_rows):
    for number, row in enumerate(read(*given)):
        if number == {at}:
            print("in the middle", flush=True)
            os.kill(os.getpid(), signal.{signal})
        yield row

{module}.read_rows = rows
main()
"""


def stopped(command: tuple[object, ...], **where: object) -> int:
    """Run the command in a process that gets a signal at a row of a reading; its exit code."""
    script = [sys.executable, "-c", STOPPED.format(**where)]
    done = subprocess.run(
        [*script, *map(str, command)], capture_output=True, text=True, timeout=120, check=False
    )
    assert "in the middle" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode


@pytest.mark.parametrize(("signal", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_an_interrupted_import_leaves_no_trace(
    tmp_path, workspace, capsys, monkeypatch, signal, code
):
    first = rows(tmp_path, GOOD)
    assert ran(capsys, monkeypatch, *importing(first, workspace))[0] == 0
    path = file(
        tmp_path,
        json.dumps([{"model": f"m{i}", "Power": i / 10_000, "Security": 1} for i in range(5_000)]),
        "large.json",
    )
    command = importing(path, workspace)
    assert stopped(command, signal=signal, module="importing", at=2 * ROWS_AT_ONCE) == code
    assert list(scores(board(capsys, monkeypatch, workspace))) == ["a"]
    said, out, err = ran(capsys, monkeypatch, *command, "--json")
    assert said == 0, err
    assert json.loads(out)["new"] and json.loads(out)["respondents"] == 5_000
    assert len(board(capsys, monkeypatch, workspace)["rows"]) == 5_000


def test_an_import_interrupted_while_it_is_checked_makes_no_workspace(tmp_path, workspace):
    command = importing(rows(tmp_path, GOOD, OTHER), workspace)
    assert stopped(command, signal="SIGINT", module="reading", at=1) == 130
    assert not workspace.exists()


@pytest.mark.parametrize(
    ("name", "date", "said"),
    [("A\nB", "2025-01-01", "expected a name on one line"), ("A", "2999-01-01", "not come yet")],
)
def test_what_would_mislead_on_a_board_is_refused(
    tmp_path: Path, capsys: Any, monkeypatch: Any, name: str, date: str, said: str
) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps([{"model": name, "Power": 1, "Security": 2}]))
    command = ("board", "import", path, "--date", date, "-w", tmp_path / "ws")
    code, _, err = ran(capsys, monkeypatch, *command)
    assert code == 2 and said in err
    assert not (tmp_path / "ws").exists()
