"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# libraries read it when they are loaded: tests run side by side, one thread each
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest

from tests.support.mock_provider import MockProvider, in_thread


@pytest.fixture(autouse=True)
def _closed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests off real providers, off the developer's settings and to one thread."""
    for name in list(os.environ):
        secret = name.endswith(("_API_KEY", "_API_TOKEN", "_ACCESS_KEY", "_BASE_URL", "_TOKEN"))
        ours = name.startswith("INSPECT_") or name in ("VALUECOMPASS_WORKSPACE", "VALUECOMPASS_DB")
        terminal = name in ("COLUMNS", "LINES")  # what starts the tests in parallel sets them
        if secret or ours or terminal:
            monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, the loop that the package runs on."""
    return "asyncio"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace folder that does not exist yet."""
    return tmp_path / "ws"


@pytest.fixture
def mock_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockProvider]:
    """A running mock provider; its environment is set, so `openai-api/mock/NAME` reaches it."""
    with in_thread() as mock:
        for name, value in mock.env.items():
            monkeypatch.setenv(name, value)
        yield mock
