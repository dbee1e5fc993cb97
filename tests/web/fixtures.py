"""Fixtures of a hostile workspace and a server on it; `conftest.py` of a folder takes them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.busy import Busy, working
from tests.web.worlds import Served, make_world, served


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that nobody may write into."""
    folder = tmp_path_factory.mktemp("world")
    return make_world(folder / "ws", folder)


@pytest.fixture(scope="session")
def server(world: Path) -> Iterator[Served]:
    """A server process on it."""
    with served(world) as running:
        yield running


@pytest.fixture(scope="session")
def busy(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A server process on a copy of it, at which people work."""
    with working(world, tmp_path_factory.mktemp("busy")) as running:
        yield running
