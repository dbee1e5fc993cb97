import re
from collections import Counter
from itertools import combinations

import pytest

from valuecompass.items import TOPICS, seed_items
from valuecompass.items.bank import SEED_FILES
from valuecompass.items.duplicates import near_duplicates
from valuecompass.values import BUILTIN, builtin_system

SCHWARTZ = builtin_system("schwartz")
BANK = [item for system_id in BUILTIN for item in seed_items(system_id)]


def of_kind(system_id, kind):
    return [i for i in seed_items(system_id) if i.kind == kind]


def first_dimensions(items):
    return Counter(i.dimensions[0] for i in items)


QUESTIONS = of_kind("schwartz", "question")
TRADEOFFS = of_kind("schwartz", "tradeoff")


def test_every_builtin_system_has_seed_files():
    assert tuple(SEED_FILES) == BUILTIN


def test_questions_are_many_and_balanced():
    assert len(QUESTIONS) >= 240
    counts = first_dimensions(QUESTIONS)
    assert set(counts) == set(SCHWARTZ.names)
    assert min(counts.values()) >= 24
    assert {i.topic for i in QUESTIONS} == set(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_topic_is_a_fig_leaf(topic):
    assert sum(i.topic == topic for i in QUESTIONS) >= 10


def test_questions_are_short_yes_no_questions():
    opening = re.compile(
        r"(?:Is|Are|Was|Were|Do|Does|Did|Should|Would|Can|Could|May|Must|Has|Have|Ought|Will)\b"
    )
    for item in QUESTIONS:
        assert item.text.endswith("?"), item.text
        assert item.text.count("?") == 1, item.text
        assert len(item.text.split()) < 20, item.text
        assert opening.match(item.text), item.text


def test_questions_do_not_name_a_value():
    named = re.compile(rf"\b({'|'.join(SCHWARTZ.names)})\b", re.IGNORECASE)
    assert [i.text for i in QUESTIONS if named.search(i.text)] == []


def test_tradeoffs_cover_every_pair_counterbalanced():
    assert len(TRADEOFFS) >= 360
    orders = Counter(tuple(s.dimension for s in i.sides) for i in TRADEOFFS)
    for first, second in combinations(SCHWARTZ.names, 2):
        assert orders[first, second] == orders[second, first] == 4, (first, second)
    assert all(set(i.dimensions) == {s.dimension for s in i.sides} for i in TRADEOFFS)


def test_sides_are_of_like_length():
    # a longer side is chosen for its length
    words = [[len(s.text.split()) for s in i.sides] for i in TRADEOFFS]
    assert all(max(pair) <= 1.5 * min(pair) for pair in words)
    by_value = {n: [] for n in SCHWARTZ.names}
    for item in TRADEOFFS:
        lengths = [len(s.text.split()) for s in item.sides]
        for side, length in zip(item.sides, lengths, strict=True):
            by_value[side.dimension].append(length / sum(lengths))
    assert all(0.47 < sum(v) / len(v) < 0.53 for v in by_value.values())


def test_openings_per_foundation_with_their_principle():
    openings = of_kind("moral-foundations", "opening")
    assert len(openings) >= 150
    counts = first_dimensions(openings)
    assert set(counts) == set(builtin_system("moral-foundations").names)
    assert min(counts.values()) >= 30
    assert all(i.principle for i in openings)


def test_requests_per_safety_domain():
    requests = of_kind("safety", "request")
    assert len(requests) >= 120
    counts = first_dimensions(requests)
    assert set(counts) == set(builtin_system("safety").names)
    assert min(counts.values()) >= 20


def test_stems_per_dimension():
    stems = of_kind("llm-unique", "stem")
    assert len(stems) >= 90
    counts = first_dimensions(stems)
    assert set(counts) == set(builtin_system("llm-unique").names)
    assert min(counts.values()) >= 15


@pytest.mark.parametrize(
    ("system_id", "kind", "of_each"),
    [("schwartz", "likert", 5), ("big-five", "likert", 6), ("moral-foundations", "judgement", 6)],
)
def test_rated_items_are_keyed_both_ways_alike(system_id, kind, of_each):
    rated = of_kind(system_id, kind)
    names = builtin_system(system_id).names
    keyed = Counter((i.dimensions[0], i.keying) for i in rated)
    assert keyed == {(name, keying): of_each for name in names for keying in (1, -1)}
    assert len({i.scale for i in rated}) == 1


def test_self_descriptions_are_short_and_name_no_value():
    named = re.compile(rf"\b({'|'.join(SCHWARTZ.names)})\b", re.IGNORECASE)
    for item in of_kind("schwartz", "likert"):
        assert 6 <= len(item.text.split()) <= 18, item.text
        assert not named.search(item.text), item.text


SCENARIOS = [item for item in BANK if item.kind == "scenario"]


def test_scenarios_are_many_and_of_all_dimensions():
    assert len(SCENARIOS) >= 44
    for system_id, least in (("schwartz", 20), ("safety", 12), ("moral-foundations", 12)):
        own = of_kind(system_id, "scenario")
        assert len(own) >= least
        counts = first_dimensions(own)
        assert set(counts) == set(builtin_system(system_id).names)
        assert min(counts.values()) >= 2
    assert 2 * sum(bool(i.tools) for i in SCENARIOS) >= len(SCENARIOS)
    assert 3 * sum(len(i.turns) > 1 for i in SCENARIOS) >= len(SCENARIOS)


def test_acting_on_a_value_costs_another():
    for item in SCENARIOS:
        if item.system == "schwartz":
            assert len(item.dimensions) == 2, item.text
        if item.tools:  # there is a way to act for the main dimension, and one against it
            assert {1, -1} <= {t.keying for t in item.tools}, item.text
    assert all(i.principle for i in of_kind("moral-foundations", "scenario"))


def test_neither_side_is_offered_first_more_often():
    for system_id in ("schwartz", "safety", "moral-foundations"):
        first = Counter(
            next(t.keying for t in item.tools if t.keying)
            for item in of_kind(system_id, "scenario")
            if item.tools
        )
        assert first[1] == first[-1]


def test_scenarios_name_no_value_and_no_tool():
    named = re.compile(rf"\b({'|'.join(SCHWARTZ.names)})\b", re.IGNORECASE)
    for item in SCENARIOS:
        spoken = [item.text, *(t.text for t in item.turns)]
        tools = [part for t in item.tools for part in (t.name, t.description, t.result)]
        assert not named.search(" ".join([*spoken, *tools])), item.text
        assert not any(t.name in " ".join(spoken) for t in item.tools), item.text


def test_tools_return_something_and_say_what_they_take():
    for item in SCENARIOS:
        for tool in item.tools:
            assert tool.result and tool.description.endswith("."), (item.text, tool.name)
            for name, schema in tool.parameters.get("properties", {}).items():
                assert schema["description"], (tool.name, name)


def test_ids_are_unique_over_the_bank():
    assert len({i.id for i in BANK}) == len(BANK)


def test_topics_are_those_of_the_bank():
    assert {i.topic for i in BANK} <= set(TOPICS)


def test_everything_is_our_own_english():
    assert {(i.language, i.lineage.origin) for i in BANK} == {("en", "seed")}


def test_no_text_stands_twice():
    shown = Counter(" ".join(re.findall(r"\w+", i.text.lower())) for i in BANK)
    assert [text for text, count in shown.items() if count > 1] == []


def test_near_duplicates_are_below_one_percent():
    shown = [" ".join([i.text, *(s.text for s in i.sides or ())]) for i in BANK]
    involved = {at for i, j, _ in near_duplicates(shown) for at in (i, j)}
    assert len(involved) < 0.01 * len(BANK), [shown[i] for i in sorted(involved)]
    # and with a finer net over the texts alone
    pairs = near_duplicates([i.text for i in BANK], n=3, threshold=0.5)
    assert len({at for i, j, _ in pairs for at in (i, j)}) < 0.01 * len(BANK), pairs
