"""Fixtures of this room: a server whose models write and judge, and the command line."""

from __future__ import annotations

import pytest

from tests.evolve.served import written
from tests.measure.helpers import Command
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider


@pytest.fixture
def served(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    """A server for everybody in a run."""
    monkeypatch.setattr(mock_module, "answer", written)
    return mock_provider


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process."""
    return Command(monkeypatch, capfd)
