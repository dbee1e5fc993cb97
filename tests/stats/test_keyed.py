import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from valuecompass.stats import keyed_scale


def test_reversed_items_on_a_six_point_scale():
    scaled = keyed_scale([6, 1, 2, 2, np.nan], [1, 1, 1, -1, -1], 1, 6)
    assert scaled == pytest.approx([1, 0, 0.2, 0.8, np.nan], nan_ok=True)


def test_one_row_a_respondent():
    scaled = keyed_scale([[5, 1], [1, np.nan]], [1, -1], 1, 5)
    assert scaled == pytest.approx(np.array([[1, 1], [0, np.nan]]), nan_ok=True)


@given(arrays(float, 4, elements=st.floats(-3, 3)))
def test_reversing_every_key_mirrors_the_ratings(ratings):
    keying = np.array([1, -1, 1, 1])
    scaled, mirror = keyed_scale(ratings, keying, -3, 3), keyed_scale(ratings, -keying, -3, 3)
    assert scaled + mirror == pytest.approx(1)
    assert ((scaled >= 0) & (scaled <= 1)).all()


@given(st.integers(0, 1), st.integers(1, 7))
def test_acquiescence_cancels_in_a_balanced_scale(extra, rating):
    keying = [1, -1] * (1 + extra)
    assert keyed_scale([rating] * len(keying), keying, 1, 7).mean() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ratings", "keying", "low", "high", "message"),
    [
        ([1, 2], [1], 1, 5, "shape"),
        ([1], [0], 1, 5, r"\+1 or -1"),
        ([1], [np.nan], 1, 5, r"\+1 or -1"),
        ([6], [1], 1, 5, "in \\[1, 5\\]"),
        ([0], [1], 1, 5, "in \\[1, 5\\]"),
        ([1], [1], 5, 1, "below"),
    ],
)
def test_refuses_bad_arguments(ratings, keying, low, high, message):
    with pytest.raises(ValueError, match=message):
        keyed_scale(ratings, keying, low, high)
