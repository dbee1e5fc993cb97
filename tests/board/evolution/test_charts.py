"""Charts: marks stand where the numbers say."""

from __future__ import annotations

import re

import pytest

from valuecompass.board.evolution import view
from valuecompass.board.evolution.charts import Line, Scale, histogram, lines, span_bar


def test_a_scale_holds_its_values_and_has_round_ticks():
    scale = Scale.of([0.013, 0.087, None], zero=True)
    assert scale.low == 0 and scale.high > 0.087
    assert scale.at(0) == 0 and scale.at(scale.high) == 1 and scale.at(99) == 1
    assert scale.ticks() == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])
    assert Scale.of([-3, 7], zero=True).ticks() == pytest.approx([-2, 0, 2, 4, 6])
    for same in ([5.0, 5.0], [0.0], []):
        one = Scale.of(same)
        assert one.low < one.high


def test_a_bar_marks_value_limits_and_nought():
    svg = str(span_bar(0.5, 0.25, 0.75, Scale(-1, 1), 2))
    assert 'cx="75.00%"' in svg
    assert 'x1="62.50%" x2="87.50%"' in svg
    assert 'class="nought" x1="50.00%"' in svg
    bare = str(span_bar(0.5, None, None, Scale(0.1, 1), 0))
    assert "whisker" not in bare and "nought" not in bare


def test_lines_run_through_their_points_and_bands_hold_them():
    one = Line("a", ((10, 0.0), (100, 1.0)), ((-0.1, 0.1), (0.9, 1.1)))
    svg = str(lines([one], x_title="items <b>", y_title="y", name="n", logarithmic=True))
    (path,) = re.findall(r'class="line s0"[^>]* d="M([^"]+)"', svg)
    (x1, y1), (x2, y2) = (map(float, point.split()) for point in path.split("L"))
    assert x1 < x2 and y1 > y2
    assert svg.count('class="dot s0"') == 2 and 'class="area s0"' in svg
    assert "items &lt;b&gt;" in svg and "<b>" not in svg
    lone = str(lines([Line("a", ((10, 0.5),))], x_title="x", y_title="y", name="n"))
    assert 'class="dot s0"' in lone and "nan" not in lone


def test_bins_are_as_high_as_their_counts():
    svg = str(histogram([0, 1, 2], {"a": [4, 0], "b": [2, 1]}, x_title="x", name="n"))
    heights = [float(h) for h in re.findall(r'class="block s\d"[^/]*height="([\d.]+)"', svg)]
    assert heights[0] == pytest.approx(2 * heights[2], abs=0.2)
    assert heights[1] == 0 and heights[3] == pytest.approx(heights[0] / 4, abs=0.2)


def test_years_without_items_have_their_place():
    rows = [{"name": 2020, "n": 3}, {"name": 2023, "n": 1}]
    assert view.years(rows) == [(2020, 3), (2021, 0), (2022, 0), (2023, 1)]
    assert view.years([{"name": 1066, "n": 1}, *rows]) == [(1066, 1), (2020, 3), (2023, 1)]
