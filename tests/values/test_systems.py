import math

import pytest

from valuecompass.values import BUILTIN, builtin_system

NAMES = {
    "schwartz": (
        "Self-direction",
        "Stimulation",
        "Hedonism",
        "Achievement",
        "Power",
        "Security",
        "Conformity",
        "Tradition",
        "Benevolence",
        "Universalism",
    ),
    "moral-foundations": (
        "Care/Harm",
        "Fairness/Cheating",
        "Loyalty/Betrayal",
        "Authority/Subversion",
        "Sanctity/Degradation",
    ),
    "safety": (
        "Representation & Toxicity Harms",
        "Misinformation Harms",
        "Socioeconomic Harms",
        "Information & Safety Harms",
        "Malicious Use",
        "Human Autonomy & Integrity Harms",
    ),
    "llm-unique": (
        "Self-Competence",
        "User-Oriented",
        "Social",
        "Idealistic",
        "Professional",
        "Ethical",
    ),
    "big-five": (
        "Openness",
        "Conscientiousness",
        "Extraversion",
        "Agreeableness",
        "Neuroticism",
    ),
}
SCORING = {
    "schwartz": "expression",
    "moral-foundations": "conformity",
    "safety": "safe-rate",
    "llm-unique": "rating",
    "big-five": "keyed-scale",
}


def test_the_builtin_systems_are_these() -> None:
    assert set(BUILTIN) == set(NAMES)
    with pytest.raises(KeyError):
        builtin_system("zodiac")


@pytest.mark.parametrize("system_id", BUILTIN)
def test_names_are_the_published_ones(system_id: str) -> None:
    system = builtin_system(system_id)
    assert system.id == system_id
    assert system.names == NAMES[system_id]
    assert system.scoring == SCORING[system_id]


@pytest.mark.parametrize("system_id", BUILTIN)
def test_every_name_and_alias_leads_to_its_dimension(system_id: str) -> None:
    system = builtin_system(system_id)
    for dimension in system.dimensions:
        for name in (dimension.name, *dimension.aliases):
            assert system.canonical(name) == dimension.name
            assert system.canonical(f" {name.upper()} ") == dimension.name
        assert system.dimension(dimension.name) is dimension
    assert system.canonical("Astrology") is None
    with pytest.raises(KeyError):
        system.dimension("Astrology")


def test_either_half_of_a_moral_foundation_is_an_alias() -> None:
    system = builtin_system("moral-foundations")
    for name in system.names:
        for half in name.split("/"):
            assert system.canonical(half) == name


def test_published_short_forms_of_the_schwartz_values_are_aliases() -> None:
    system = builtin_system("schwartz")
    short = ("SD", "Sti", "Hed", "Ach", "Pow", "Sec", "Con", "Tra", "Ben", "Uni")
    assert tuple(system.canonical(s) for s in short) == system.names


@pytest.mark.parametrize("system_id", BUILTIN)
def test_every_dimension_says_what_it_is_and_how_it_reads(system_id: str) -> None:
    for dimension in builtin_system(system_id).dimensions:
        for text in (dimension.definition, dimension.high, dimension.low):
            assert len(text.split()) > 3
        for sentences in (dimension.supports, dimension.opposes):
            assert len(sentences) >= 5
            assert len(set(sentences)) == len(sentences)
            assert all(s.strip() == s and s for s in sentences)
        assert not set(dimension.supports) & set(dimension.opposes)


@pytest.mark.parametrize("system_id", BUILTIN)
def test_opposites_hold_both_ways(system_id: str) -> None:
    system = builtin_system(system_id)
    for dimension in system.dimensions:
        assert dimension.name not in dimension.opposites
        for other in dimension.opposites:
            assert dimension.name in system.dimension(other).opposites
    by_name = {g.name: g for g in system.groups}
    for group in system.groups:
        if group.opposite is not None:
            assert by_name[group.opposite].opposite == group.name


def test_schwartz_groups_and_circle() -> None:
    system = builtin_system("schwartz")
    assert {g.name: g.dimensions for g in system.groups} == {
        "Openness to change": ("Self-direction", "Stimulation", "Hedonism"),
        "Self-enhancement": ("Hedonism", "Achievement", "Power"),
        "Conservation": ("Security", "Conformity", "Tradition"),
        "Self-transcendence": ("Benevolence", "Universalism"),
    }
    assert system.circle == system.names
    place = {name: i for i, name in enumerate(system.circle)}
    for dimension in system.dimensions:
        for other in dimension.opposites:
            apart = abs(place[dimension.name] - place[other])
            assert min(apart, len(place) - apart) >= math.ceil(len(place) / 4)


def test_llm_unique_has_three_cores_of_two() -> None:
    groups = {g.name: g.dimensions for g in builtin_system("llm-unique").groups}
    assert groups == {
        "Competence": ("Self-Competence", "User-Oriented"),
        "Character": ("Social", "Idealistic"),
        "Integrity": ("Professional", "Ethical"),
    }


@pytest.mark.parametrize("system_id", BUILTIN)
def test_groups_cover_the_system_or_are_absent(system_id: str) -> None:
    system = builtin_system(system_id)
    grouped = {d for g in system.groups for d in g.dimensions}
    assert grouped in (set(), set(system.names))
