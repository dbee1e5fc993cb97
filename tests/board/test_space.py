"""The value space: distances, who is placed, stress, components and the picture."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from tests.board.test_person import NAN, SCHWARTZ, UP, board_of, person_of
from valuecompass.board.cultures.profiles import Profiles
from valuecompass.board.persons.match import Person
from valuecompass.board.persons.space import Space, stress_in_words, value_space
from valuecompass.board.persons.space_map import space_svg
from valuecompass.errors import InputError

MADE = np.random.default_rng(6).normal(size=(9, 10))


def cultures(values: object, *names: str) -> Profiles:
    return Profiles("P.json", names, np.array(values, dtype=float))


def at(space: Space, name: str) -> np.ndarray:
    (point,) = [p for p in space.points if p.name == name]
    return np.array([point.x, point.y])


def test_everybody_is_on_one_map_with_what_they_are() -> None:
    found = value_space(board_of(MADE), cultures([UP, UP[::-1]], "Up", "Down"), person_of(UP))
    kinds = [(p.name, p.kind) for p in found.points]
    assert kinds[:9] == [(c, "respondent") for c in "ABCDEFGHI"]
    assert kinds[9:] == [("Up", "culture"), ("Down", "culture"), ("you", "person")]
    assert at(found, "you") == pytest.approx(at(found, "Up"), abs=1e-9)
    near = {p.name: p.nearest for p in found.points}
    assert near["you"][0] == ("Up", pytest.approx(1))
    document = json.loads(json.dumps(found.json(), allow_nan=False))
    assert set(document) == {
        *("points", "stress", "stress_means", "directions", "pca", "compared_on", "notices")
    }


def test_three_orders_lie_at_their_exact_distances() -> None:
    rows = MADE[:3]
    found = value_space(board_of(rows))
    assert found.stress == pytest.approx(0, abs=1e-9)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        rho = spearmanr(rows[one], rows[other]).statistic
        drawn = np.linalg.norm(at(found, "ABC"[one]) - at(found, "ABC"[other]))
        assert drawn == pytest.approx(np.sqrt(2 * (1 - rho)))


def test_a_direction_says_where_a_dimension_is_put_before_others() -> None:
    found = value_space(board_of(MADE))
    ranks = rankdata(MADE, axis=1)
    places = np.array([[p.x, p.y] for p in found.points])
    for d, name in enumerate(found.directions):
        x, y = found.directions[name]
        assert x == pytest.approx(np.corrcoef(ranks[:, d], places[:, 0])[0, 1])
        assert y == pytest.approx(np.corrcoef(ranks[:, d], places[:, 1])[0, 1])
        # what both axes explain together, by least squares
        design = np.column_stack([np.ones(len(places)), places])
        residual = np.linalg.lstsq(design, ranks[:, d], rcond=None)[1][0]
        explained = 1 - residual / ((ranks[:, d] - ranks[:, d].mean()) ** 2).sum()
        assert x**2 + y**2 == pytest.approx(explained)


def test_scales_of_respondents_do_not_matter_only_orders_do() -> None:
    found = value_space(board_of(MADE)), value_space(board_of(np.exp(MADE) * 1000))
    for one, other in zip(found[0].points, found[1].points, strict=True):
        assert (one.x, one.y) == pytest.approx((other.x, other.y), abs=1e-9)


def test_cultures_and_a_person_are_aligned_by_name() -> None:
    names = SCHWARTZ.names[::-1][:8]
    rows = [list(range(8)), [*range(7, -1, -1)], [3, 1, 2, 0, 7, 5, 6, 4]]
    person, profiles = person_of(UP[::-1]), cultures([UP[::-1]], "First")
    found = value_space(board_of(rows, names=names), profiles, person)
    for name in ("you", "First"):
        assert at(found, name) == pytest.approx(at(found, "A"), abs=1e-9)


def test_who_has_no_order_is_left_out_and_named() -> None:
    rows = [*MADE[:3], [NAN, *UP[1:]], [2] * 10]
    straight = Person(dict(zip(SCHWARTZ.names, UP, strict=True)), same=True)
    found = value_space(board_of(rows), None, straight)
    assert [p.name for p in found.points] == ["A", "B", "C"]
    assert found.notices[0].endswith("D, E, you.")


def test_fewer_than_three_make_no_map() -> None:
    with pytest.raises(InputError, match="needs 3 complete profiles and there are 2"):
        value_space(board_of(MADE[:2]))
    with pytest.raises(InputError, match="needs two dimensions"):
        value_space(board_of(MADE[:, :1], names=SCHWARTZ.names[:1]))


def test_the_same_order_everywhere_is_no_stress() -> None:
    found = value_space(board_of([UP] * 4))
    assert found.stress is None and found.pca is None
    assert all(abs(p.x) + abs(p.y) < 1e-9 for p in found.points)
    assert space_svg(found, "One order").startswith("<svg")


def test_components_are_those_of_the_correlation_matrix() -> None:
    found = value_space(board_of(MADE * np.arange(1, 11))).pca  # units differ between columns
    assert found is not None
    expected = np.sort(np.linalg.eigvalsh(np.corrcoef(MADE.T)))[::-1] / 10
    assert found.explained == pytest.approx(expected[: len(found.explained)], abs=1e-9)
    assert sum(found.explained) == pytest.approx(1)
    first = np.array([found.loadings[name][0] for name in SCHWARTZ.names])
    assert np.linalg.norm(first) == pytest.approx(1)
    assert set(found.coordinates) == set("ABCDEFGHI")


@pytest.mark.parametrize(
    ("stress", "word"), [(0.0, "excellent"), (0.05, "good"), (0.1, "fair"), (0.2, "rough")]
)
def test_stress_is_said_in_words(stress, word) -> None:
    assert stress_in_words(stress).startswith(word)
    assert stress_in_words(0.21).startswith("poor")


SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_whole_loads_nothing_and_shows_hostile_names_as_text() -> None:
    evil = '</text><script>alert(1)</script>"&\x1b[2J\u202e'
    found = value_space(board_of(MADE), cultures([UP], evil), person_of(UP))
    drawn = space_svg(found, f"Map of {evil}")
    page = ElementTree.fromstring(drawn)
    assert not list(page.iter(f"{SVG}script"))
    assert "\x1b" not in drawn and "\u202e" not in drawn and "href" not in drawn
    assert "url(" not in drawn and "prefers-color-scheme: dark" in drawn
    texts = [text.text for text in page.iter(f"{SVG}text")]
    assert {"A", "I", "you"} <= set(texts)
    shapes = [path.get("class") for path in page.iter(f"{SVG}path")]
    assert shapes.count("respondent") == 9 + 1 and shapes.count("person") == 2  # with the legend


def test_labels_of_a_crowd_do_not_cover_each_other() -> None:
    made = np.random.default_rng(3)
    rows = np.array(UP) + made.normal(size=(22, 10)) * 1.2
    drawn = space_svg(value_space(board_of(rows)), "Crowd")
    boxes = []
    for text in ElementTree.fromstring(drawn).iter(f"{SVG}text"):
        if text.get("class") == "respondent":
            x, y, width = float(text.get("x")), float(text.get("y")), 8 * len(text.text or "")
            left = x - width if text.get("text-anchor") == "end" else x
            boxes.append((left, y - 10, left + width, y))
    assert len(boxes) == 22
    covered = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
    ]
    assert not covered
    assert all(a[0] >= 0 and a[2] <= 1000 and a[1] >= 0 and a[3] <= 760 for a in boxes)
