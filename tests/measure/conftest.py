"""Fixtures of the tests of runs."""

from __future__ import annotations

import pytest

from tests.measure.helpers import Command, judging
from tests.support import mock_provider as mock_module


@pytest.fixture
def able_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the mock provider's judge give whole verdicts."""
    monkeypatch.setattr(mock_module, "answer", judging)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process."""
    return Command(monkeypatch, capfd)
