"""What several tests of judges start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judges.label_rows import ROWS, written


@pytest.fixture
def task_path(tmp_path: Path) -> Path:
    return written(tmp_path / "task.jsonl", *ROWS)
