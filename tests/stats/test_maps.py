import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist, pdist, squareform

from valuecompass.stats.maps import classical_mds, pca, stress

# Flying mileages: Atlanta, Chicago, Denver, Houston, Los Angeles, Miami, New York,
# San Francisco, Seattle, Washington DC; the example of MATLAB's `cmdscale`, which prints their
# eigenvalues to five digits.
MILES = np.array(
    [
        [0, 587, 1212, 701, 1936, 604, 748, 2139, 2182, 543],
        [587, 0, 920, 940, 1745, 1188, 713, 1858, 1737, 597],
        [1212, 920, 0, 879, 831, 1726, 1631, 949, 1021, 1494],
        [701, 940, 879, 0, 1374, 968, 1420, 1645, 1891, 1220],
        [1936, 1745, 831, 1374, 0, 2339, 2451, 347, 959, 2300],
        [604, 1188, 1726, 968, 2339, 0, 1092, 2594, 2734, 923],
        [748, 713, 1631, 1420, 2451, 1092, 0, 2571, 2408, 205],
        [2139, 1858, 949, 1645, 347, 2594, 2571, 0, 678, 2442],
        [2182, 1737, 1021, 1891, 959, 2734, 2408, 678, 0, 2329],
        [543, 597, 1494, 1220, 2300, 923, 205, 2442, 2329, 0],
    ]
)
PUBLISHED = [9.5821e6, 1.6868e6, 8157.3, 1432.9, 508.67, 25.143, 0, -897.7, -5467.6, -35479]


def distances(points):
    return cdist(points, points)


def test_published_eigenvalues_of_ten_cities():
    found = classical_mds(MILES)
    assert found.eigenvalues == pytest.approx(PUBLISHED, rel=5e-5, abs=1e-6)
    # The same page: the largest error of a distance on the map, relative to the largest distance.
    error = abs(pdist(found.coordinates) - squareform(MILES)).max() / MILES.max()
    assert error == pytest.approx(0.0075371, rel=1e-5)
    positive = sum(value for value in PUBLISHED if value > 0)
    assert found.positive_share == pytest.approx(positive / np.abs(PUBLISHED).sum(), rel=1e-5)
    assert found.stress == pytest.approx(stress(MILES, found.coordinates))
    west_to_east = np.array([-122.4, -122.3, -118.2, -105.0, -95.4, -87.6, -84.4, -80.2])
    on_the_map = found.coordinates[[7, 8, 4, 2, 3, 1, 0, 5], 0]
    assert abs(np.corrcoef(west_to_east, on_the_map)[0, 1]) > 0.98


def test_a_planar_configuration_comes_back_up_to_rotation():
    points = np.random.default_rng(0).normal(size=(12, 2)) * [3, 1]
    found = classical_mds(distances(points))
    assert procrustes(points, found.coordinates)[2] == pytest.approx(0, abs=1e-12)
    assert distances(found.coordinates) == pytest.approx(distances(points))
    assert found.stress == pytest.approx(0, abs=1e-9)
    assert found.positive_share == pytest.approx(1)
    assert found.eigenvalues[2:].tolist() == [0] * 10
    assert found.coordinates.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)


def test_a_planted_plane_is_recovered_with_an_error_that_shrinks_as_the_noise_does():
    rng = np.random.default_rng(1)
    points, noise = rng.normal(size=(40, 2)) * [2, 1], rng.normal(size=(40, 40))
    large, small = (
        classical_mds(distances(points) * np.exp(sd * (noise + noise.T) / 2)) for sd in (0.03, 0.01)
    )
    errors = [procrustes(points, found.coordinates)[2] for found in (large, small)]
    assert errors[1] < 1e-3
    # A disparity is a square, so three times the noise is nine times the disparity.
    assert errors[0] / errors[1] == pytest.approx(9, rel=0.2)
    assert large.stress / small.stress == pytest.approx(3, rel=0.05)
    assert large.positive_share < small.positive_share < 1


def test_a_rectangle_has_a_closed_form():
    # Sides 4 and 2: the axes are the sides, eigenvalues 4 * 2^2 and 4 * 1^2.
    corners = np.array([[0, 0], [4, 0], [4, 2], [0, 2]])
    found = classical_mds(distances(corners))
    assert found.eigenvalues == pytest.approx([16, 4, 0, 0])
    assert found.coordinates == pytest.approx(np.array([[2, 1], [-2, 1], [-2, -1], [2, -1]]))


def test_axes_beyond_the_dimension_of_the_points_are_exactly_zero():
    found = classical_mds(distances(np.array([[0.0], [1], [3], [7]])), k=3)
    assert abs(found.coordinates[:, 0]) == pytest.approx([2.75, 1.75, 0.25, 4.25])
    assert (found.coordinates[:, 1:] == 0).all()
    assert not np.signbit(found.coordinates[:, 1:]).any()


def test_distances_that_no_points_can_have_leave_negative_eigenvalues():
    # Three points 2 apart from each other, all 1 from a fourth.
    found = classical_mds(squareform([2.0, 2, 1, 2, 1, 1]), k=4)
    assert found.eigenvalues == pytest.approx([2, 2, 0, -0.25], abs=1e-12)
    assert found.positive_share == pytest.approx(4 / 4.25)
    assert (found.coordinates[:, 3] == 0).all()
    assert found.stress > 0.05


def test_classical_scaling_of_euclidean_distances_is_pca():
    table = np.random.default_rng(2).normal(size=(15, 6)) * [5, 4, 3, 2, 1, 0.5]
    mapped, components = classical_mds(distances(table), k=3), pca(table, k=3)
    assert abs(mapped.coordinates) == pytest.approx(abs(components.coordinates))
    share = mapped.eigenvalues[:3] / mapped.eigenvalues.sum()
    assert share == pytest.approx(components.explained)


def test_pca_is_the_eigenvectors_of_the_covariance():
    table = np.random.default_rng(3).normal(size=(20, 5)) @ np.diag([1, 5, 2, 4, 3.0])
    found = pca(table, k=5)
    values, vectors = np.linalg.eigh(np.cov(table, rowvar=False))
    assert found.explained == pytest.approx(values[::-1] / values.sum())
    assert abs(found.loadings) == pytest.approx(abs(vectors[:, ::-1]))
    assert found.loadings.T @ found.loadings == pytest.approx(np.eye(5), abs=1e-12)
    assert found.coordinates == pytest.approx((table - table.mean(axis=0)) @ found.loadings)
    assert found.coordinates.var(axis=0, ddof=1) == pytest.approx(values[::-1])
    assert found.coordinates @ found.loadings.T + table.mean(axis=0) == pytest.approx(table)


def test_pca_finds_a_planted_plane():
    rng = np.random.default_rng(4)
    axes = np.linalg.qr(rng.normal(size=(8, 2)))[0]
    points = rng.normal(size=(200, 2)) * [3, 2]
    found = pca(points @ axes.T + rng.normal(0, 0.1, (200, 8)) + 50)
    assert np.linalg.svd(axes.T @ found.loadings)[1] == pytest.approx([1, 1], abs=1e-3)
    assert found.explained.sum() > 0.99
    assert procrustes(points, found.coordinates)[2] < 0.01


@given(st.permutations(range(6)), st.lists(st.sampled_from([-1, 1]), min_size=2, max_size=2))
def test_signs_do_not_depend_on_how_the_points_lie(order, flips):
    points = np.array([[5, 0.3], [-1, 2], [-2, -3], [0.5, 1], [-4, 0.2], [1.5, -0.5]])
    mirrored = distances(points * flips)[np.ix_(order, order)]
    found = classical_mds(mirrored).coordinates
    assert found == pytest.approx(classical_mds(distances(points)).coordinates[list(order)])
    assert found[abs(found).argmax(axis=0), [0, 1]].min() > 0
    loadings = pca(points * flips).loadings
    assert loadings[abs(loadings).argmax(axis=0), [0, 1]].min() > 0


@pytest.mark.parametrize("hair", [-1e-13, 1e-13])
def test_rounding_does_not_choose_the_sign_between_entries_of_equal_size(hair):
    points = np.array([[-3.0, 1], [3 + hair, 1], [3, -1], [-3, -1 - hair]])
    assert classical_mds(distances(points)).coordinates[0] == pytest.approx([3, 1])
    line = np.array([[-1.0, 1 + hair], [1, -1]])
    assert pca(line, k=1).loadings[:, 0] == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)])


def test_stress_closed_forms():
    points = np.array([[0.0, 0], [3, 0], [0, 4]])
    assert stress(distances(points), points) == 0
    # All distances half of the mapped ones: sqrt(sum (d / 2)^2 / sum d^2).
    assert stress(distances(points) / 2, points) == pytest.approx(0.5)
    # Mapped 3, 4, 5; given 3, 4, 7.
    assert stress(squareform([3.0, 4, 7]), points) == pytest.approx(2 / np.sqrt(50))


def test_nothing_to_map():
    same = classical_mds(np.zeros((3, 3)))
    assert (same.coordinates == 0).all()
    assert np.isnan([same.stress, same.positive_share]).all()
    assert np.isnan(classical_mds([[0]], k=1).stress)
    assert stress([[0, 1], [1, 0]], [[2], [2]]) == np.inf
    assert np.isnan(pca(np.ones((4, 3))).explained).all()


@given(arrays(float, (5, 3), elements=st.floats(-100, 100)))
def test_invariants(points):
    found = classical_mds(distances(points), k=3)
    # Double centring squares the distances, so half of the digits are left of small ones.
    assert distances(found.coordinates) == pytest.approx(distances(points), abs=1e-3)
    assert (np.diff(found.eigenvalues) <= 0).all()
    moved = classical_mds(distances(points + 7), k=3)
    assert moved.eigenvalues == pytest.approx(found.eigenvalues, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("matrix", "k", "message"),
    [
        ([[0, 1]], 1, r"square matrix, not of shape \(1, 2\)"),
        (np.zeros((0, 0)), 1, "square"),
        ([[0, np.nan], [np.nan, 0]], 1, "finite, not nan"),
        ([[0, -1], [-1, 0]], 1, r">= 0, not -1\.0"),
        ([[1, 1], [1, 0]], 1, r"zero diagonal, not 1\.0"),
        ([[0, 1], [2, 0]], 1, r"symmetric, but two differ by 1\.0"),
        ([[0, 1], [1, 0]], 3, r"k must be in \[1, 2\], not 3"),
        ([[0, 1], [1, 0]], 0, r"not 0"),
    ],
)
def test_mds_refuses_bad_arguments(matrix, k, message):
    with pytest.raises(ValueError, match=message):
        classical_mds(matrix, k)


@pytest.mark.parametrize(
    ("table", "k", "message"),
    [
        ([1.0, 2.0], 1, r"not of shape \(2,\)"),
        ([[1, 2], [np.inf, 3]], 1, "table must be finite, not inf"),
        ([[1, 2, 3], [4, 5, 7]], 3, r"k must be in \[1, 2\], not 3"),
    ],
)
def test_pca_refuses_bad_arguments(table, k, message):
    with pytest.raises(ValueError, match=message):
        pca(table, k)


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ([[1.0]], r"\(1, 1\) must be \(2, k\)"),
        ([1.0, 2.0], r"\(2,\) must be \(2, k\)"),
        ([[1.0], [np.nan]], "coordinates must be finite, not nan"),
    ],
)
def test_stress_refuses_bad_coordinates(coordinates, message):
    with pytest.raises(ValueError, match=message):
        stress([[0, 1], [1, 0]], coordinates)
