import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from valuecompass.stats import aggregate

NAN = np.nan
OPINIONS = np.array(
    [
        [1, 0, NAN, NAN, 0.2],
        [0, 0, 1.0, NAN, 0.4],
        [0, 1, 0.0, NAN, 0.9],
    ]
)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("any", [1, 1, 1, NAN, 0.9]),
        ("mean", [1 / 3, 1 / 3, 1 / 2, NAN, 0.5]),
        # Weights 6/11, 3/11, 2/11; in the third column 1/2 and 1/3 become 3/5 and 2/5.
        ("rank-weighted", [6 / 11, 2 / 11, 3 / 5, NAN, (1.2 + 1.2 + 1.8) / 11]),
    ],
)
def test_hand_made_opinions(method, expected):
    assert aggregate(OPINIONS, method) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("method", ["any", "mean", "rank-weighted"])
def test_a_response_without_opinions_is_missing(method):
    assert np.isnan(aggregate(np.empty((0, 3)), method)).tolist() == [True] * 3


verdicts = arrays(
    float,
    array_shapes(min_dims=2, max_dims=2, max_side=5),
    elements=st.one_of(st.floats(0, 1), st.just(np.nan)),
)


@given(verdicts, st.randoms())
def test_only_rank_weighting_depends_on_order(values, random):
    order = random.sample(range(len(values)), len(values))
    for method in ("any", "mean"):
        shuffled = aggregate(values[order], method)
        assert shuffled == pytest.approx(aggregate(values, method), nan_ok=True)


@given(verdicts)
def test_any_is_the_largest(values):
    largest, seen = aggregate(values, "any"), ~np.isnan(values).all(axis=0)
    for method in ("mean", "rank-weighted"):
        combined = aggregate(values, method)
        assert (np.isnan(combined) == ~seen).all()
        assert (combined[seen] <= largest[seen] + 1e-12).all()


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="shape"):
        aggregate([1, 0], "any")
    with pytest.raises(ValueError, match="median"):
        aggregate(OPINIONS, "median")
