import numpy as np
import pytest

from valuecompass.evolve.labels import Labels, labels_of
from valuecompass.judges.protocol import Verdict

NAN = np.nan
VALUES = ("Power", "Security")


def same(found, wanted):
    np.testing.assert_array_equal(found, wanted)


def test_verdicts_find_their_place_in_any_order_and_others_stay_out():
    first = [
        Verdict(1, "Security", 0.5, valence=-1.0),
        Verdict(0, "Power", 0.49, valence=0.25),
        Verdict(0, "Tradition", 1.0, valence=1.0),
        Verdict(0, "Security", None, missing="unparsable"),
        Verdict(1, "Power", 1.0),
    ]
    labels = labels_of([first, None], VALUES)
    same(labels.expressed, [[[0.49, NAN], [1.0, 0.5]], [[NAN, NAN], [NAN, NAN]]])
    same(labels.valence[0], [[0.25, NAN], [NAN, -1.0]])
    same(labels.binary[0], [[0, NAN], [1, 1]])


def test_refusals_and_silent_judges_are_missing_and_not_zero():
    second = [Verdict(0, "Power", 0.0), Verdict(0, "Security", None, missing="silent")]
    labels = labels_of([None, second, []], VALUES)
    same(labels.unions, [[NAN, NAN], [0, NAN], [NAN, NAN]])
    same(labels.rates, [[NAN, NAN], [0, NAN], [NAN, NAN]])
    same(labels.opinions, [[0, 0], [1, 0], [0, 0]])


def test_sets_of_a_model_over_its_opinions():
    expressed = np.array([[[1, 0, NAN], [0.2, 0, 0.8], [0.7, NAN, 1]]])
    labels = Labels(expressed, np.full(expressed.shape, NAN))
    same(labels.unions, [[1, 0, 1]])
    same(labels.intersections, [[0, 0, 1]])
    np.testing.assert_allclose(labels.rates, [[2 / 3, 0, 1]])
    same(labels.opinions, [[3, 2, 2]])


def test_no_answer_at_all_keeps_its_shape():
    labels = labels_of([None, None], VALUES)
    assert labels.expressed.shape == (2, 1, 2)
    assert np.isnan(labels.unions).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="two verdicts on Power in part 0"):
        labels_of([[Verdict(0, "Power", 1.0), Verdict(0, "Power", 0.0)]], VALUES)
    with pytest.raises(ValueError, match=r"expressed must be in \[0, 1\] or NaN, not 1.5"):
        Labels(np.full((1, 1, 1), 1.5), np.zeros((1, 1, 1)))
    with pytest.raises(ValueError, match="must both be"):
        Labels(np.zeros((1, 2, 1)), np.zeros((1, 1, 1)))
