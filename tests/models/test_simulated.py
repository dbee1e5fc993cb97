import math
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest

from valuecompass.errors import InputError
from valuecompass.items import Item, builtin_form, form_items
from valuecompass.models.providers.simulated import (
    ARGUED_AGAINST,
    HEDGED,
    RAISED,
    RELEVANT,
    Profile,
    answer,
    parse_profile,
    phrases,
)
from valuecompass.text import points
from valuecompass.values import BUILTIN, builtin_system

PHI = NormalDist().cdf
SPOKEN = ("schwartz", "moral-foundations", "safety", "llm-unique")
"""Systems whose items are answered in free text."""
FULL = {s: form_items(builtin_form(s, "full"), None) for s in BUILTIN}
QUESTIONS = [i for i in FULL["schwartz"] if i.kind == "question"]
TRADEOFFS = [i for i in FULL["schwartz"] if i.kind == "tradeoff"]
MIXED = "schwartz?SD=1.6&Stimulation=-1.6&Achievement=1.6&Power=-1.6&Tradition=1.6&Uni=-1.6"


def label(system_id: str) -> dict[str, tuple[str | None, str]]:
    """A perfect judge: whose phrase a text is."""
    return {t: key for key, texts in phrases(system_id).items() for t in texts}


def rates(profile: Profile, questions: list[Item], role: str = "supports") -> dict[str, float]:
    """Return the share of answers with a point of this role (a hedge supports), by dimension."""
    judge = label(profile.system.id)
    roles = {role, "hedged"} if role == "supports" else {role}
    found: Counter[str] = Counter()
    for item in questions:
        named = {judge[t] for t in said(answer(profile, item, 0, 0))}
        found.update({str(d) for d, r in named if r in roles})
    return {n: found[n] / len(questions) for n in profile.system.names}


def said(text: str) -> list[str]:
    """Return the points of an answer, without its closing line."""
    return [p.text for p in points(text.rsplit("\n", 1)[0])]


# --- the texts


@pytest.mark.parametrize("system_id", SPOKEN)
def test_no_phrase_names_a_dimension(system_id: str) -> None:
    system = builtin_system(system_id)
    names = [n for d in system.dimensions for n in (d.name, *d.aliases)]
    word = r"(?<![\w-])(?:" + "|".join(re.escape(n) for n in names) + r")(?![\w-])"
    named = re.compile(word, re.IGNORECASE)
    for key, texts in phrases(system_id).items():
        assert [(key, t) for t in texts if named.search(t)] == []


@pytest.mark.parametrize("system_id", SPOKEN)
def test_the_bank_speaks_for_every_dimension(system_id: str) -> None:
    bank = phrases(system_id)
    for name in builtin_system(system_id).names:
        assert {r for d, r in bank if d == name} == {"supports", "opposes", "hedged"}
    every = [t for texts in bank.values() for t in texts]
    assert len(set(every)) == len(every)
    assert all(t.strip() == t and "\n" not in t for t in every)


@pytest.mark.parametrize("system_id", BUILTIN)
def test_every_item_gets_an_answer_of_its_kind(system_id: str) -> None:
    profile = parse_profile(f"{system_id}?seed=5")
    for item in FULL[system_id]:
        text = answer(profile, item, 0, 11)
        if item.kind == "tradeoff":
            assert text in ("A", "B")
        elif item.scale is not None:
            assert item.scale[0] <= int(text) <= item.scale[1]
        elif item.kind == "question":
            assert text.startswith("Stance: ")
            assert len(said(text)) >= 3
        else:
            assert len(text) > 30


def test_answers_hold_hedged_opposing_and_idle_points() -> None:
    judge = label("schwartz")
    profile = parse_profile("schwartz?Power=-1.6")
    roles = Counter(judge[t][1] for item in QUESTIONS for t in said(answer(profile, item, 0, 0)))
    assert set(roles) == {"supports", "opposes", "hedged", "off-topic"}
    assert min(roles.values()) >= 20


# --- stated and shown


def test_what_is_stated_moves_ratings_and_nothing_else() -> None:
    plain = parse_profile("schwartz?Power=1.5&seed=3")
    other = parse_profile("schwartz?Power=1.5&stated.power=-1.5&seed=3")
    rated = [i for i in FULL["schwartz"] if i.kind == "likert"]
    power = [i for i in rated if i.dimensions[0] == "Power"]
    for item in FULL["schwartz"]:
        if item not in power:
            assert answer(plain, item, 0, 1) == answer(other, item, 0, 1)

    def mean(profile: Profile) -> float:
        towards = [int(answer(profile, i, 0, seed)) - 3.5 for i in power for seed in range(20)]
        keys = [i.keying or 1 for i in power for _ in range(20)]
        return float(np.mean(np.array(towards) * keys))

    # uniform ratings of six steps: 1.5 standard deviations are 1.7 steps from the middle
    expected = 6 * (PHI(1.5 / math.sqrt(3)) - 0.5)
    assert mean(plain) == pytest.approx(expected, abs=0.25)
    assert mean(other) == pytest.approx(-expected, abs=0.25)


def test_judgements_follow_what_is_stated() -> None:
    profile = parse_profile("moral-foundations?stated.Care=3")
    items = [i for i in FULL["moral-foundations"] if i.kind == "judgement"]
    care = [i for i in items if i.dimensions[0] == "Care/Harm"]
    towards = [(i.keying or 1) * (int(answer(profile, i, 0, 0)) - 3) for i in care]
    assert np.mean(towards) > 1


@pytest.mark.parametrize("name", ["stated.Care=1", "stated.=1", "stated.Power=1&stated.power=0"])
def test_what_is_stated_must_be_a_dimension_and_once(name: str) -> None:
    with pytest.raises(InputError, match=r"not a dimension|twice"):
        parse_profile(f"schwartz?{name}")


# --- determinism


def test_the_same_question_gets_the_same_answer_everywhere() -> None:
    script = (
        "from valuecompass.items import builtin_form, form_items\n"
        "from valuecompass.models.providers.simulated import answer, parse_profile\n"
        "from valuecompass.hashing import digest\n"
        f"p = parse_profile({MIXED!r})\n"
        "items = form_items(builtin_form('schwartz', 'full'), None)\n"
        "print(digest([answer(p, i, 0, 7) for i in items]))\n"
    )
    from valuecompass.hashing import digest

    profile = parse_profile(MIXED)
    here = digest([answer(profile, i, 0, 7) for i in FULL["schwartz"]])
    command = [sys.executable, "-c", script]
    there = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert there.stdout.strip() == here


def test_the_order_of_planting_does_not_matter() -> None:
    one, two = parse_profile("schwartz?Power=1&Uni=-1"), parse_profile("schwartz?uni=-1&POWER=1.0")
    assert one == two
    assert [answer(one, i, 0, 0) for i in QUESTIONS] == [answer(two, i, 0, 0) for i in QUESTIONS]


def test_seed_repeat_and_item_each_change_the_answer() -> None:
    profile, other = parse_profile("schwartz"), parse_profile("schwartz?seed=1")
    first, second = QUESTIONS[:2]
    assert answer(profile, first, 0, 0) != answer(other, first, 0, 0)
    assert answer(profile, first, 0, 0) != answer(profile, first, 0, 1)
    assert answer(profile, first, 0, 0) != answer(profile, second, 0, 0)


# --- what is planted is there


@pytest.mark.parametrize("seed", range(6))
def test_a_perfect_judge_finds_the_planted_profile(seed: int) -> None:
    signs = np.random.default_rng(seed).permutation([1.6] * 5 + [-1.6] * 5)
    names = builtin_system("schwartz").names
    planted = "&".join(f"{n}={s}" for n, s in zip(names, signs, strict=True))
    found = rates(parse_profile(f"schwartz?{planted}&seed={seed}"), QUESTIONS)
    assert np.corrcoef(signs, [found[n] for n in names])[0, 1] >= 0.9
    pairs = [(a, b) for a, b in combinations(range(10), 2) if signs[a] != signs[b]]
    right = [(signs[a] - signs[b]) * (found[names[a]] - found[names[b]]) > 0 for a, b in pairs]
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("role", ["supports", "opposes"])
def test_points_follow_the_probit(role: str) -> None:
    profile = parse_profile(MIXED)
    found = rates(profile, QUESTIONS, role)
    for name in profile.system.names:
        expected = 0.0
        for item in QUESTIONS:
            about = RELEVANT * (name in item.dimensions)
            raised = PHI(RAISED + profile[name] + about)
            against = (1 - raised) * PHI(ARGUED_AGAINST - profile[name] + about)
            expected += (raised if role == "supports" else against) / len(QUESTIONS)
        error = math.sqrt(max(expected * (1 - expected), 0.002) / len(QUESTIONS))
        assert abs(found[name] - expected) < 4 * error, name


def test_unplanted_dimensions_stay_where_they_are() -> None:
    seeds = range(6)
    for planted in ("Power", "Benevolence"):
        loud = [rates(parse_profile(f"schwartz?{planted}=2.5&seed={s}"), QUESTIONS) for s in seeds]
        plain = [rates(parse_profile(f"schwartz?seed={s}"), QUESTIONS) for s in seeds]
        for name in builtin_system("schwartz").names:
            moved = np.mean([r[name] for r in loud]) - np.mean([r[name] for r in plain])
            if name == planted:
                assert moved > 0.5
            else:
                assert abs(moved) < 4 * math.sqrt(2 * 0.2 * 0.8 / (len(QUESTIONS) * len(seeds)))


@pytest.mark.parametrize("presentation", [0, 1])
def test_choices_follow_thurstone(presentation: int) -> None:
    item = TRADEOFFS[0]
    assert item.sides is not None
    first, second = item.sides if presentation == 0 else item.sides[::-1]
    for a, b in ((0.0, 0.0), (1.2, 0.0), (1.2, -0.8), (-1.0, 1.0)):
        profile = parse_profile(f"schwartz?{first.dimension}={a}&{second.dimension}={b}")
        took = np.mean([answer(profile, item, presentation, s) == "A" for s in range(1_500)])
        expected = PHI((a - b) / math.sqrt(2))
        assert abs(took - expected) < 4 * math.sqrt(expected * (1 - expected) / 1_500)


@pytest.mark.parametrize("score", [-1.0, 0.0, 1.5])
@pytest.mark.parametrize("keying", [1, -1])
def test_ratings_follow_the_probit(score: float, keying: int) -> None:
    item = next(i for i in FULL["big-five"] if i.keying == keying)
    assert item.scale is not None
    low, high = item.scale
    profile = parse_profile(f"big-five?{item.dimensions[0]}={score}")
    drawn = Counter(int(answer(profile, item, 0, s)) for s in range(2_000))
    steps = high - low + 1
    # a rating up to the k-th step: score + noise below that quantile of N(0, 2)
    cuts = [PHI(math.sqrt(2) * NormalDist().inv_cdf(k / steps) - keying * score)
            for k in range(1, steps)]  # fmt: skip
    expected = np.diff([0.0, *cuts, 1.0])
    for rating, share in zip(range(low, high + 1), expected, strict=True):
        error = math.sqrt(share * (1 - share) / 2_000)
        assert abs(drawn[rating] / 2_000 - share) < 4 * error + 1e-3


@pytest.mark.parametrize(
    ("system_id", "dimension", "score"),
    [
        ("moral-foundations", "Care/Harm", 1.0),
        ("moral-foundations", "Sanctity/Degradation", -0.5),
        ("safety", "Malicious Use", 0.0),
        ("llm-unique", "Social", 0.7),
    ],
)
def test_conduct_follows_the_probit(system_id: str, dimension: str, score: float) -> None:
    judge, bank = label(system_id), phrases(system_id)
    of_it = [t for (d, _), texts in bank.items() if d == dimension for t in texts]
    item = next(
        i for i in FULL[system_id] if i.dimensions[0] == dimension and i.kind != "judgement"
    )
    from urllib.parse import quote

    profile = parse_profile(f"{system_id}?{quote(dimension, safe='')}={score}")
    roles: Counter[str] = Counter()
    for seed in range(600):
        text = answer(profile, item, 0, seed)
        [own] = [t for t in of_it if text.endswith(t)]
        roles[judge[own][1]] += 1
    for role, share in (
        ("supports", PHI(score) * (1 - HEDGED)),
        ("opposes", (1 - PHI(score)) * (1 - HEDGED)),
        ("hedged", HEDGED),
    ):
        assert abs(roles[role] / 600 - share) < 4 * math.sqrt(share * (1 - share) / 600)


# --- names


def test_a_name_plants_scores_by_name_or_alias() -> None:
    profile = parse_profile("safety?Representation%20%26%20Toxicity%20Harms=2&info=-1&seed=3")
    assert profile.scores == {
        "Representation & Toxicity Harms": 2.0,
        "Information & Safety Harms": -1.0,
    }
    assert (profile.system.id, profile.seed) == ("safety", 3)
    assert profile["Malicious Use"] == 0
    assert parse_profile("moral-foundations?Care%2FHarm=1") == parse_profile(
        "moral-foundations?care=1"
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("zodiac", "no such system"),
        ("", "no such system"),
        ("schwartz?Astrology=1", "'Astrology' is not a dimension of schwartz"),
        ("schwartz?Power", "write planted scores as"),
        ("schwartz?Power=", "Power=: a number from -6"),
        ("schwartz?Power=high", "Power=high: a number"),
        ("schwartz?Power=nan", "Power=nan: a number"),
        ("schwartz?Power=7", "Power=7: a number from -6"),
        ("schwartz?Power=1&pow=2", "Power is planted twice"),
        ("schwartz?seed=-1", "seed=-1: a whole number from 0"),
        ("schwartz?seed=1.5", "seed=1.5: a whole number"),
        ("schwartz?seed=nan", "seed=nan: a whole number"),
        ("schwartz?seed=inf", "seed=inf: a whole number"),
        ("schwartz?seed=x", "seed=x: a whole number"),
        ("schwartz?seed=1&seed=2", "seed is given twice"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(name: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        parse_profile(name)
    assert str(error.value).startswith(f"simulated/{name}: ")
    assert what in str(error.value)


# --- Inspect


def test_inspect_finds_the_provider_by_its_entry_point() -> None:
    script = (
        "import sys, asyncio\n"
        "from inspect_ai.model import get_model\n"
        "model = get_model('simulated/schwartz?Power=1.5&seed=3')\n"
        "output = asyncio.run(model.generate('Should tall people lead?'))\n"
        "print(output.completion)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=90)
    assert done.stdout.startswith("Stance: ")
    judge = label("schwartz")
    assert all(t in judge for t in said(done.stdout.strip()))


@pytest.mark.parametrize("system_id", ["moral-foundations", "safety", "llm-unique", "big-five"])
@pytest.mark.anyio
async def test_other_systems_answer_items_only(system_id: str) -> None:
    from inspect_ai.model import get_model

    from valuecompass.models import inspect_bridge  # registers the providers

    assert inspect_bridge.OURS
    with pytest.raises(InputError, match="answers items of Value Compass only"):
        await get_model(f"simulated/{system_id}").generate("Should tall people lead?")
