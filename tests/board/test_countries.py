"""Names of cultures that put them on a map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from valuecompass.board.cultures.countries import countries_of
from valuecompass.board.cultures.profiles import demonstration_profiles
from valuecompass.values import builtin_system

WORLD = Path(__file__).parents[2] / "frontend/src/pages/cultures/world.json"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("UK", "826"), ("gb", "826"), ("Great Britain", "826"), ("826", "826")),
        *(("US", "840"), ("U.S.A.", "840"), ("the United States", "840"), ("USA", "840")),
        *(("Russia", "643"), ("South  Korea", "410"), ("Côte d'Ivoire", "384"), ("turkey", "792")),
    ],
)
def test_countries_go_by_several_names(name: str, code: str) -> None:
    assert countries_of([name]) == {name: code}


def test_groups_and_everything_else_are_no_countries() -> None:
    assert countries_of(["Germany, gndr 1", "Latin America", "", "the", "<b>China</b>"]) == {}


def test_every_culture_of_the_demonstration_set_is_on_the_map() -> None:
    world = json.loads(WORLD.read_text(encoding="utf-8"))
    drawn = {one["id"] for kind in ("shapes", "dots") for one in world[kind]}
    cultures = demonstration_profiles(builtin_system("schwartz")).cultures
    found = countries_of(cultures)
    assert found.keys() == set(cultures)
    assert set(found.values()) <= drawn
