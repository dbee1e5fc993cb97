"""The local server of the benchmark: the tests' mock provider, whose judge gives whole verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.measure.helpers import judging
from tests.support import mock_provider

if __name__ == "__main__":
    mock_provider.answer = judging
    mock_provider.main()
