"""Fixtures of the tests of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.measure.helpers import Command, judging, measure, write_items
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import in_thread
from valuecompass.measure.measurement import Measurement


@pytest.fixture
def able_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the mock provider's judge give whole verdicts."""
    monkeypatch.setattr(mock_module, "answer", judging)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process."""
    return Command(monkeypatch, capfd)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """A file with the small items."""
    return write_items(tmp_path)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Measurement, int]]:
    """The small items measured without any fault, and how many requests that takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch, in_thread() as mock:
        patch.setattr(mock_module, "answer", judging)
        for name, value in mock.env.items():
            patch.setenv(name, value)
        found = measure(folder / "ws", write_items(folder))
        requests: int = mock.stats()["requests"]
    yield found, requests
