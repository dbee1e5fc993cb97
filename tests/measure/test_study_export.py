"""Exporting a study: what is selected and written, what is left alone, what a failure leaves."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import valuecompass as vc
from tests.measure.study_examples import (  # noqa: F401  (fixtures)
    TABLES,
    Exports,
    study_exports,
    study_measured,
)
from valuecompass.errors import InputError
from valuecompass.measure.study import export as export_module


def manifest_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def test_the_manifest_is_whole_and_the_checksums_hold(measured: Any, exports: Exports) -> None:
    for folder, _ in exports.values():
        whole = manifest_of(folder)
        assert whole["simulated"] is True
        by_id = {m["id"]: m for m in whole["measurements"]}
        for m in measured[1].values():
            own = by_id[m.id]
            assert {k: own[k] for k in m.manifest if k != "created"} == {
                k: v for k, v in m.manifest.items() if k != "created"
            }
        lines = (folder / "checksums.txt").read_text().splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
        assert {*sums, "checksums.txt"} == {p.name for p in folder.iterdir()}
        for name, digest in sums.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_exporting_again_gives_the_same_files(measured: Any, exports: Exports) -> None:
    folder, _ = exports["csv"]
    before = (folder / "checksums.txt").read_text()
    (folder / ".DS_Store").write_bytes(b"what a file browser leaves")
    vc.export_study(folder, workspace=measured[0], format="csv")
    assert (folder / "checksums.txt").read_text() == before
    assert not (folder / ".DS_Store").exists()
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_an_export_replaces_one_of_the_other_format(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "a" / "study"
    vc.export_study(out, vc.Selection(["safety"]), workspace=measured[0])
    assert (out / "scores.parquet").exists()
    link = tmp_path / "link"
    link.symlink_to(out)
    vc.export_study(link, vc.Selection(["safety"]), workspace=measured[0], format="csv")
    assert link.is_symlink()
    assert (out / "scores.csv").exists() and not (out / "scores.parquet").exists()
    assert out.stat().st_mode & 0o077  # not as private as a temporary folder


def test_a_table_of_scores_alone(measured: Any, exports: Exports, tmp_path: Path) -> None:
    for kind, (folder, _) in exports.items():
        out = tmp_path / f"mine.{kind}"
        done = vc.export_scores(out, workspace=measured[0])
        assert out.read_bytes() == (folder / f"scores.{kind}").read_bytes()
        assert dict(done.rows) == {"scores": len(exports[kind][1]["scores"])}
    with pytest.raises(InputError, match=r"mine\.xlsx: unknown kind of file"):
        vc.export_scores(tmp_path / "mine.xlsx", workspace=measured[0])


def test_selection(measured: Any, tmp_path: Path) -> None:
    workspace, found = measured
    moral = found["moral-foundations"].id
    done = vc.export_study(tmp_path / "s", vc.Selection(ids=[moral]), workspace=workspace)
    assert done.measurements == (moral,)
    systems = vc.Selection(["safety", "schwartz"])
    done = vc.export_study(tmp_path / "s", systems, workspace=workspace)
    assert done.measurements == (found["safety"].id, found["schwartz"].id)
    with pytest.raises(InputError, match=rf"--measurement nope: .*{moral} \(moral-foundations"):
        vc.export_study(tmp_path / "t", vc.Selection(ids=["nope"]), workspace=workspace)
    with pytest.raises(InputError, match="it is of moral-foundations, not of safety"):
        vc.export_study(tmp_path / "t", vc.Selection(["safety"], [moral]), workspace=workspace)
    with pytest.raises(InputError, match="no measurement"):
        vc.export_study(tmp_path / "t", vc.Selection(["big-five"]), workspace=workspace)
    with pytest.raises(InputError, match="no measurements here yet"):
        vc.export_study(tmp_path / "t", workspace=tmp_path / "nowhere")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s"]


def test_a_folder_of_somebody_else_is_left_alone(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "study"
    out.mkdir()
    vc.export_study(out, workspace=measured[0])  # an empty one is taken
    (out / "analysis.R").write_text("my work")
    before = snapshot(out)
    with pytest.raises(InputError, match=r"study: beside .* it holds analysis\.R, which"):
        vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    for name, text in (("notes.txt", "mine"), ("manifest.json", "[1]"), ("manifest.json", "{")):
        other = tmp_path / f"other{len(list(tmp_path.iterdir()))}"
        other.mkdir()
        (other / name).write_text(text)
        with pytest.raises(InputError, match="not empty and holds no earlier export"):
            vc.export_study(other, workspace=measured[0])
        assert snapshot(other) == {name: text.encode()}
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="it is a file"):
        vc.export_study(tmp_path / "file", workspace=measured[0])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), InputError),
        (RuntimeError("a defect of ours"), RuntimeError),
    ],
)
def test_nothing_is_half_written(
    measured: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
) -> None:
    def fail(*_: object) -> str:
        raise error

    out = tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr(export_module, "methods_text", fail)  # after the tables are written
        with pytest.raises(expected):
            vc.export_study(out, workspace=measured[0])
    assert list(tmp_path.iterdir()) == []
    vc.export_study(out, workspace=measured[0])
    before = snapshot(out)
    with monkeypatch.context() as patch:
        patch.setattr(export_module, "methods_text", fail)
        with pytest.raises(expected):
            vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_an_old_export_comes_back_when_the_new_one_cannot_take_its_place(
    measured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    vc.export_study(out, workspace=measured[0])
    before = snapshot(out)
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if target == out and not any(self.glob("*.parquet")):
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(InputError, match="cannot be written"):
        vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_a_killed_export_leaves_no_study_behind(measured: Any, tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib, valuecompass as vc\n"
        "from valuecompass.measure.study import export\n"
        "export.methods_text = lambda _: os.kill(os.getpid(), 9)\n"
        "vc.export_study(pathlib.Path(sys.argv[1]), workspace=pathlib.Path(sys.argv[2]))\n"
    )
    out = tmp_path / "study"
    command = [sys.executable, "-c", script, str(out), str(measured[0])]
    assert subprocess.run(command, check=False).returncode == -9
    assert not out.exists()
    vc.export_study(out, workspace=measured[0])
    assert (out / "methods.md").exists()


def test_ctrl_c_leaves_nothing_behind(measured: Any, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from valuecompass.cli import main\n"
        "from valuecompass.measure.study import export\n"
        "class Answer(export.Answer):\n"
        "    def response(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT) if self.position == 0 else None\n"
        "        return super().response()\n"
        "export.Answer = Answer\n"
        "sys.argv = ['valuecompass', 'export', *sys.argv[1:]]\n"
        "main()\n"
    )
    args = [sys.executable, "-c", script, "--study", tmp_path / "study", "-w", measured[0]]
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def command(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from valuecompass.cli import main; main()", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "study"
    done = command("export", "--study", out, "-w", measured[0], "--format", "csv", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["study"] == str(out) and set(said["rows"]) == set(TABLES)
    assert set(said["measurements"]) == {m.id for m in measured[1].values()}
    (out / "mine.txt").write_text("x")
    done = command("export", "--study", out, "-w", measured[0])
    assert (done.returncode, done.stdout) == (2, "")
    assert "mine.txt" in done.stderr and "Traceback" not in done.stderr


def test_wrong_usage_of_the_command(measured: Any, tmp_path: Path) -> None:
    for args, message in (
        ([], "or --inspect FOLDER"),
        ([tmp_path / "x.csv", "--study", tmp_path / "s"], "or --inspect FOLDER"),
        (["--study", tmp_path / "s", "--format", "xlsx"], "--format xlsx: give parquet or csv"),
        ([tmp_path / "x.csv", "--format", "csv"], "--format goes with --study"),
    ):
        done = command("export", *args, "-w", measured[0])
        assert done.returncode == 2 and message in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []
