"""Weights: typed, of a culture, of a person, of a population; and what is said of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.board.test_alignment import SYSTEM, a_board
from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import demonstration_profiles, read_profiles
from valuecompass.board.weights import Weights, chosen, parse_weights
from valuecompass.errors import InputError
from valuecompass.values import builtin_system

BOARD = a_board([[1.0] * 10, [2.0] * 10])
NAMES = SYSTEM.names


def given(folder: Path, value: Any) -> Path:
    path = folder / "weights.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def weighed(text: str, board: Board = BOARD) -> Weights:
    return parse_weights(text, board, demonstration_profiles(SYSTEM))


def importances(**changed: Any) -> dict[str, Any]:
    return dict.fromkeys(NAMES, 1.0) | {k.replace("_", "-"): v for k, v in changed.items()}


def test_equal_weights_sum_to_one() -> None:
    found = weighed("equal")
    assert found.values.tolist() == [0.1] * 10 and found.population is None and not found.notices


def test_typed_weights_are_used_as_they_are() -> None:
    found = weighed("Power=0.2,Security=0.8")
    assert found.by_name(NAMES) == {"Power": 0.2, "Security": 0.8}
    assert found.name == "Power=0.2,Security=0.8" and found.notices == ()
    found = weighed(" power = 3 , SELF-DIRECTION=-1.5e0, Tradition=0 ,")
    assert found.by_name(NAMES) == {"Self-direction": -1.5, "Power": 3}
    (said,) = found.notices
    assert "sum to 1.5" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Power", "--weights Power: expected NAME=NUMBER, equal, culture:NAME, person:FILE"),
        ("Equal", "--weights Equal: expected NAME=NUMBER"),
        ("Powr=1", "--weights Powr: not a dimension of schwartz; known: Self-direction, "),
        ("=1", "--weights : not a dimension"),
        ("Power=", "--weights Power=: '', expected a finite number"),
        ("Power=0.2=3", "'0.2=3', expected a finite number"),
        ("Power=0,5", "--weights 5: expected NAME=NUMBER"),
        ("Power=0.2;Security=0.8", "'0.2;Security=0.8', expected a finite number"),
        ("Power=nan", "'nan', expected a finite number"),
        ("Power=1e400", "'1e400', expected a finite number"),
        ("Power=1e13", "'1e13', expected a finite number"),
        ("Power=1,power=2", "--weights: Power is named twice"),
        ("Power=0,Security=0", "all weights are 0"),
        (",", "all weights are 0"),
        ("culture:Atlantis", "--weights culture:Atlantis: no such culture; known: "),
        ("culture:", "no such culture"),
        ("culture:A=1,B", "--weights culture:A=1,B: no such culture"),
    ],
)
def test_wrong_weights_are_told(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        weighed(text)
    assert said in str(error.value)


def test_a_weight_on_what_the_board_lacks_is_told() -> None:
    board = BOARD.only(["Power", "Tradition"])
    assert weighed("Power=1", board).values.tolist() == [1, 0]
    with pytest.raises(InputError, match="no scores for Security, Hedonism"):
        weighed("Security=1,Power=1,Hedonism=0", board)


def test_a_culture_weighs_by_its_profile() -> None:
    profiles = demonstration_profiles(SYSTEM)
    name = profiles.cultures[2]
    found = weighed(f"culture:{name}")
    np.testing.assert_allclose(found.values, profiles.values[2] / profiles.values[2].sum())
    assert "reconstruction" in " ".join(found.notices)
    part = weighed(f"culture:{name}", BOARD.only(["Power", "Tradition"]))
    at = [NAMES.index("Power"), NAMES.index("Tradition")]
    np.testing.assert_allclose(part.values, profiles.values[2, at] / profiles.values[2, at].sum())


def test_a_culture_of_a_file_may_have_any_name(tmp_path: Path) -> None:
    names = {"A, B = C: [red]": importances(Power=3), "x": importances()}
    profiles = read_profiles(given(tmp_path, names), SYSTEM)
    found = parse_weights("culture:A, B = C: [red]", BOARD, profiles)
    assert found.by_name(NAMES)["Power"] == pytest.approx(3 / 12)
    assert found.notices == ()


def test_importances_without_a_zero_start_at_the_least(tmp_path: Path) -> None:
    centred = {name: at - 4.5 for at, name in enumerate(NAMES)}
    found = weighed(f"person:{given(tmp_path, centred)}")
    np.testing.assert_allclose(found.values, np.arange(10) / 45)
    assert NAMES[0] not in found.by_name(NAMES)
    as_they_are = weighed(f"person:{given(tmp_path, importances(Power=0))}")
    assert as_they_are.by_name(NAMES) == dict.fromkeys(
        [n for n in NAMES if n != "Power"], pytest.approx(1 / 9)
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ([1, 2], 'expected {"Dimension": weight, ..}'),
        ({"Power": 1}, "no weight for Self-direction, Stimulation"),
        (importances(Power="3"), "Power: '3', expected a number"),
        (importances(Power=True), "Power: True, expected a number"),
        (importances(Power=None), "Power: None, expected a number"),
        (importances(Power=float("nan")), "Power: nan, expected a finite number"),
        (importances(Power=float("-inf")), "Power: -inf, expected a finite number"),
        (importances(Power=10**400), "expected a finite number"),
        (importances(Powr=1), "Powr: not a dimension of schwartz"),
        (importances(power=1), "Power stands twice"),
        ('{"Power": 1, "Power": 2}', "Power stands twice; keep one"),
        (dict.fromkeys(NAMES, 0), "all weights are 0"),
    ],
)
def test_a_wrong_person_is_told_with_the_file(tmp_path: Path, value: Any, said: str) -> None:
    path = given(tmp_path, value)
    with pytest.raises(InputError) as error:
        weighed(f"person:{path}")
    assert str(error.value).startswith(str(path)) and said in str(error.value)
    assert len(str(error.value)) < 500


def test_a_population_is_ranked_by_its_mean(tmp_path: Path) -> None:
    people = [importances(Power=11), importances(Security=31), importances()]
    found = weighed(f"population:{given(tmp_path, people)}")
    assert found.population is not None and found.population.shape == (3, 10)
    np.testing.assert_allclose(found.population.sum(axis=1), 1)
    np.testing.assert_allclose(found.values, found.population.mean(axis=0))
    assert found.population[0, NAMES.index("Power")] == pytest.approx(11 / 20)
    assert "Weights of 3 people" in found.notices[0] and "Pairs" not in found.notices[0]
    many = a_board([[1.0] * 10] * 301)
    assert (
        "boards of up to 300" in weighed(f"population:{tmp_path / 'weights.json'}", many).notices[0]
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "expected a list"),
        (importances(), "expected a list"),
        ([importances(), 3], "row 2: expected {"),
        ([importances(), importances(), {"Power": 1}], "row 3: no weight for Self-direction"),
        ([importances(Power="high")], "row 1: Power: 'high', expected a number"),
    ],
)
def test_a_wrong_population_is_told_with_the_row(tmp_path: Path, value: Any, said: str) -> None:
    path = given(tmp_path, value)
    with pytest.raises(InputError) as error:
        weighed(f"population:{path}")
    assert str(error.value).startswith(str(path)) and said in str(error.value)


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    for kind in ("person", "population"):
        with pytest.raises(InputError, match=r"absent.json: cannot be read"):
            weighed(f"{kind}:{tmp_path / 'absent.json'}")


def test_dimensions_and_groups_are_chosen_by_name() -> None:
    assert chosen("Benevolence,Universalism", SYSTEM) == ["Benevolence", "Universalism"]
    group = SYSTEM.groups[0]
    assert chosen(group.name.upper(), SYSTEM) == list(group.dimensions)
    other = next(n for n in NAMES if n not in group.dimensions)
    assert chosen(f" {other} , {group.name},", SYSTEM) == [other, *group.dimensions]
    # groups share Hedonism, which counts once
    both = chosen("Openness to change,Self-enhancement", SYSTEM)
    assert both == ["Self-direction", "Stimulation", "Hedonism", "Achievement", "Power"]
    assert chosen("Power,power", SYSTEM) == ["Power"]
    for system in ("moral-foundations", "safety", "llm-unique", "big-five"):
        theory = builtin_system(system)
        assert chosen(theory.names[1], theory) == [theory.names[1]]
    for text, said in (
        ("Powr", "--dims Powr: not a dimension"),
        (" , ", "--dims: no dimension; known: Self-direction"),
        ("Power=1", "--dims Power=1: not a dimension"),
    ):
        with pytest.raises(InputError) as error:
            chosen(text, SYSTEM)
        assert said in str(error.value)


def test_a_profile_without_a_zero_is_told(tmp_path: Path) -> None:
    path = tmp_path / "person.json"
    for power, told in ((0.5, False), (-0.5, True)):
        path.write_text(json.dumps({name: 1.0 for name in BOARD.names} | {BOARD.names[0]: power}))
        found = parse_weights(f"person:{path}", BOARD)
        assert any("below 0" in notice for notice in found.notices) == told
        assert (found.values[0] == 0) == told and found.values.sum() == pytest.approx(1)
