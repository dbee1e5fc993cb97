"""Tests, by room; `tests/support` stands in for what is outside of us."""

import pytest

# helpers whose asserts show what they compared, as those of tests do
pytest.register_assert_rewrite("tests.board.pages", "tests.measure.calibrations")
