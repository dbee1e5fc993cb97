"""Whoever sits at a terminal sees how far a run is; a pipe stays silent."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import valuecompass as vc
from valuecompass.measure.watching import Bar, watching


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_every_answer_counted_and_the_bar_gone_at_the_end(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    (m,) = vc.run(["simulated/big-five?Openness=1"], ["big-five"], form="tiny", workspace=workspace)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "big-five:   0%" in shown and f"/{m.manifest['requests']} " in shown
    assert shown.endswith("\r") and not shown.rstrip("\r").rpartition("\r")[2].strip()


def test_a_failed_run_takes_its_bar_away(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(vc.ValueCompassError):
        vc.run(
            ["simulated/big-five?Openness=1"],
            ["big-five"],
            form="tiny",
            workspace=workspace,
            limits=vc.Limits(calls=3),
        )
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "big-five:" in shown and not shown.rstrip("\r").rpartition("\r")[2].strip()


def test_a_pipe_and_who_brings_a_listener_see_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    with watching() as listener:
        assert not isinstance(listener, Bar)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with watching() as listener:
        assert isinstance(listener, Bar)
    vc.run(
        ["simulated/big-five?Openness=1"],
        ["big-five"],
        form="tiny",
        workspace=workspace,
        listener=vc.Listener(),
    )
    assert said.getvalue() == "" == sys.stderr.getvalue()  # type: ignore[attr-defined]
