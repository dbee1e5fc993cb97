"""Selecting the next form of a bank."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.evolve.lifecycle.examples import NAMES, SCHWARTZ, bank, question, tradeoff, worth_of
from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.forms import FormRules, living_form
from valuecompass.items import Form, form_text, read_form


def select(items, rules, information=None, difficulty=None, **more) -> Form:
    told = worth_of(items, np.ones(len(items)) if information is None else information, difficulty)
    return living_form(items, SCHWARTZ, rules, told, "schwartz/test", **more)


def dimensions(form: Form, items) -> Counter[str]:
    by_id = {item.id: item for item in items}
    return Counter(by_id[i].dimensions[0] for i in form.items)


@pytest.mark.parametrize("size", [10, 37, 100])
def test_every_dimension_gets_its_share(size):
    items = bank(15)
    counts = dimensions(select(items, FormRules(size)), items)
    assert counts.total() == size
    assert max(counts.values()) - min(counts.values()) <= 1
    assert size < 10 or set(counts) == set(NAMES)


def test_a_poor_dimension_leaves_its_places_to_the_others():
    items = [*bank(9, NAMES[1:]), question(999, NAMES[0])]
    counts = dimensions(select(items, FormRules(64)), items)
    assert counts[NAMES[0]] == 1 and set(counts.values()) == {1, 7}


def test_tradeoffs_are_balanced_over_pairs_and_dimensions():
    pairs = [(a, b) for at, a in enumerate(NAMES) for b in NAMES[at + 1 :]]
    items = [tradeoff(10 * k + n, *pair) for k, pair in enumerate(pairs) for n in range(3)]
    by_id = {item.id: item for item in items}
    for size in (20, 90):
        chosen = [by_id[i] for i in select(items, FormRules(size)).items]
        of_pair = Counter(frozenset(i.dimensions) for i in chosen)
        assert max(of_pair.values()) == -(-size // 45)
        named = Counter(name for i in chosen for name in i.dimensions)
        assert max(named.values()) - min(named.values()) <= (2 if size == 20 else 0)


def test_the_most_informative_come_first_and_near_ties_are_drawn():
    items = bank(6, NAMES[:2])
    information = np.array([0.1, 1.0, 0.99, 0.98, 0.2, 0.3] * 2)
    seen = {
        tuple(sorted(select(items, FormRules(2, seed=s), information).items)) for s in range(40)
    }
    chosen = {i for form in seen for i in form}
    near = {items[k].id for k in range(12) if information[k] > 0.95}
    assert chosen == near and len(seen) == 9
    form = select(items, FormRules(6, seed=1), information)
    assert set(form.items) == near
    assert select(items, FormRules(2, seed=7), information) == select(
        items[::-1], FormRules(2, seed=7), information[::-1]
    )


def test_items_that_are_used_up_or_barred_stay_out():
    items = bank(5)
    uses = {item.id: 4 for item in items[:10]} | {items[10].id: 3}
    barred = {item.id for item in items[20:25]}
    form = select(items, FormRules(30), uses=uses, barred=barred)
    assert not set(form.items) & ({i.id for i in items[:10]} | barred)
    with pytest.raises(InputError, match="only 35 of 50 items may be used"):
        select(items, FormRules(36), uses=uses, barred=barred)


def previous_of(items, count=60) -> Form:
    return select(items[:count], FormRules(count))


def test_anchors_are_spread_over_dimensions_and_difficulty():
    rng = np.random.default_rng(5)
    items = bank(20)
    previous = select([item for k, item in enumerate(items) if k % 20 < 10], FormRules(100))
    difficulty = rng.normal(size=200)
    told = rng.uniform(0.5, 1.5, 200)
    form = select(items, FormRules(100, 20), told, difficulty, previous=previous)
    assert len(form.anchors) == 20 and form.previous == previous.hash
    assert set(form.anchors) <= set(previous.items) & set(form.items)
    by_id = {item.id: (item, k) for k, item in enumerate(items)}
    assert set(Counter(by_id[i][0].dimensions[0] for i in form.anchors).values()) == {2}
    median = np.median([told[by_id[i][1]] for i in previous.items])
    assert all(told[by_id[i][1]] >= median for i in form.anchors)
    # one of the easier and one of the harder half of what is informative in its dimension
    for name in NAMES:
        own = [k for i in previous.items for item, k in [by_id[i]] if item.dimensions[0] == name]
        good = sorted(difficulty[k] for k in own if told[k] >= median)
        low, high = sorted(
            difficulty[by_id[i][1]] for i in form.anchors if by_id[i][0].dimensions[0] == name
        )
        assert good.index(low) < len(good) / 2 <= good.index(high) + 1


def test_kinds_share_the_form_and_the_anchors():
    pairs = [(a, b) for at, a in enumerate(NAMES) for b in NAMES[at + 1 :]]
    items = [*bank(9), *(tradeoff(n, *pair) for n, pair in enumerate(pairs))]
    # what a choice tells looks smaller than what an answer tells
    told = [1.0 if item.kind == "question" else 0.1 for item in items]
    kind = {item.id: item.kind for item in items}
    first = select(items, FormRules(60), told)
    form = select(items, FormRules(60, 12), told, previous=first)
    for chosen, n in ((first.items, 60), (form.items, 60), (form.anchors, 12)):
        assert Counter(kind[i] for i in chosen) == {"question": n * 2 / 3, "tradeoff": n / 3}


def test_anchors_need_an_earlier_form_with_items_left():
    items = bank(8)
    previous = previous_of(items, 10)
    with pytest.raises(InputError, match="--anchors-from"):
        select(items, FormRules(30, 5))
    uses = {item: 4 for item in previous.items[:7]}
    with pytest.raises(InputError, match="only 3 of the 10 items"):
        select(items, FormRules(30, 5), previous=previous, uses=uses)


@pytest.mark.parametrize("rules", [(0,), (10, 10), (10, 1), (10, -1), (10, 0, 0)])
def test_rules_out_of_range_are_refused(rules):
    with pytest.raises(InputError, match=r"--(size|anchors|most-uses)"):
        FormRules(*rules)


def test_the_hash_is_of_anchors_too_and_forms_without_stay_as_they_were(tmp_path):
    items = bank(8)
    previous = previous_of(items, 20)
    form = select(items, FormRules(30, 5), previous=previous)
    path = tmp_path / "form.json"
    path.write_text(form_text(form))
    assert read_form(path) == form and read_form(path).hash == form.hash
    bare = form.model_copy(update={"anchors": (), "previous": None})
    bare.__dict__.pop("hash", None)
    assert bare.hash != form.hash
    assert "anchors" not in form_text(bare) and "previous" not in form_text(bare)
    path.write_text(form_text(form).replace(form.anchors[0], "0" * 12, 1))
    with pytest.raises(InputError, match="anchors"):
        read_form(path)
