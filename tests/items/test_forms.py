import json
from collections import Counter
from pathlib import Path

import pytest

from valuecompass.errors import InputError
from valuecompass.items import (
    Item,
    builtin_form,
    builtin_sizes,
    form_items,
    form_of_items,
    form_text,
    read_form,
    seed_items,
    select_form,
)
from valuecompass.items.forms import PER_DIMENSION
from valuecompass.items.freeze import freeze
from valuecompass.values import BUILTIN, builtin_system

HASHES = json.loads((Path(__file__).parent / "form_hashes.json").read_text())
ALL = [(system_id, size) for system_id in BUILTIN for size in builtin_sizes(system_id)]
NESTED = ("tiny", "short", "full")
"""What answers questions; scenarios have a form of their own."""


def select(system_id, size, items=None):
    return select_form(items or seed_items(system_id), builtin_system(system_id), size)


@pytest.mark.parametrize(("system_id", "size"), ALL)
def test_frozen_forms_stay_as_they_are(system_id, size):
    form = builtin_form(system_id, size)
    assert form.name == f"{system_id}/{size}"
    assert form.hash == HASHES[form.name]


def test_the_table_of_hashes_lists_every_form():
    assert sorted(HASHES) == sorted(f"{s}/{n}" for s, n in ALL)
    assert len(set(HASHES.values())) == len(ALL)


@pytest.mark.parametrize(("system_id", "size"), ALL)
def test_items_resolve_in_order_without_repetition(system_id, size):
    form = builtin_form(system_id, size)
    items = form_items(form)
    assert tuple(i.id for i in items) == form.items
    assert len(set(form.items)) == len(form.items)
    assert set(form.asking) == {i.kind for i in items}
    assert {i.system for i in items} == {system_id}


@pytest.mark.parametrize("system_id", BUILTIN)
def test_smaller_forms_are_parts_of_larger_ones(system_id):
    tiny, short, full = (set(builtin_form(system_id, size).items) for size in NESTED)
    assert tiny < short < full
    assert full == {i.id for i in seed_items(system_id) if i.kind != "scenario"}


@pytest.mark.parametrize("system_id", BUILTIN)
def test_scenarios_stand_in_a_form_of_their_own(system_id):
    own = [i.id for i in seed_items(system_id) if i.kind == "scenario"]
    if not own:
        with pytest.raises(InputError, match="has no scenarios"):
            builtin_form(system_id, "scenario")
        return
    assert sorted(builtin_form(system_id, "scenario").items) == sorted(own)


@pytest.mark.parametrize(("system_id", "size"), ALL)
def test_selection_is_balanced(system_id, size):
    items = form_items(select(system_id, size))
    names = builtin_system(system_id).names
    for kind, count in PER_DIMENSION[size].items():
        own = [i for i in items if i.kind == kind]
        if not own or count is None:
            continue
        if kind == "tradeoff":
            pairs = Counter(frozenset(s.dimension for s in i.sides) for i in own)
            assert len(pairs) == len(names) * (len(names) - 1) / 2
            assert set(pairs.values()) == {count}
        else:
            assert Counter(i.dimensions[0] for i in own) == dict.fromkeys(names, count)


@pytest.mark.parametrize(("system_id", "size"), ALL)
def test_rated_items_are_keyed_for_and_against_equally_often(system_id, size):
    rated = [i for i in form_items(select(system_id, size)) if i.keying]
    keyed = Counter((i.kind, i.dimensions[0], i.keying) for i in rated)
    for kind, name, keying in keyed:
        assert keyed[kind, name, keying] == keyed[kind, name, -keying], (kind, name)
    if system_id in ("schwartz", "big-five") and size in NESTED:
        assert {name for _, name, _ in keyed} == set(builtin_system(system_id).names)


def rated_item(number, keying, topic):
    body = {"kind": "likert", "system": "schwartz", "text": f"Sentence {number} of mine."}
    body |= {"dimensions": ["Power"], "keying": keying, "scale": (1, 6), "topic": topic}
    return Item.model_validate(body)


def test_keying_goes_before_topic():
    # the reversed items are few and of one topic, the others of many
    items = [rated_item(n, 1, f"topic {n}") for n in range(9)]
    items += [rated_item(n, -1, "old") for n in range(9, 12)]
    likert = form_items(select("schwartz", "short", items), items)
    assert Counter(i.keying for i in likert) == {1: 3, -1: 3}
    assert len({i.topic for i in likert if i.keying == 1}) == 3
    # what the bank does not have is not there: the rest is filled up
    likert = form_items(select("schwartz", "short", items[:-1]), items)
    assert Counter(i.keying for i in likert) == {1: 4, -1: 2}


@pytest.mark.parametrize("size", NESTED)
def test_dimensions_are_named_first_equally_often_in_tradeoffs(size):
    tradeoffs = [i for i in form_items(builtin_form("schwartz", size)) if i.kind == "tradeoff"]
    first = Counter(i.sides[0].dimension for i in tradeoffs)
    assert len(first) == 10
    # an odd number of trade-offs per dimension cannot be halved
    assert max(first.values()) - min(first.values()) <= (1 if size == "tiny" else 0)


@pytest.mark.parametrize(("system_id", "size"), ALL)
def test_selection_does_not_depend_on_the_order_of_the_bank(system_id, size):
    form = select(system_id, size)
    assert select(system_id, size) == form
    assert select(system_id, size, seed_items(system_id)[::-1]) == form


def test_the_hash_is_over_items_and_asking_not_the_name():
    form = builtin_form("safety", "tiny")
    assert form.model_copy(update={"name": "other"}).hash == form.hash
    fewer = type(form).model_validate({**form.model_dump(), "items": form.items[:-1]})
    assert fewer.hash != form.hash
    asking = {k: v.model_copy(update={"words": v.words + 1}) for k, v in form.asking.items()}
    assert type(form).model_validate({**form.model_dump(), "asking": asking}).hash != form.hash


def test_a_form_survives_its_file(tmp_path):
    form = builtin_form("schwartz", "tiny")
    path = tmp_path / "form.json"
    path.write_text(form_text(form))
    assert read_form(path) == form
    assert read_form(path).hash == form.hash


def test_a_broken_form_names_file_and_field(tmp_path):
    path = tmp_path / "form.json"
    path.write_text('{"name": "mine", "system": "schwartz", "asking": {}, "items": []}')
    with pytest.raises(InputError, match=r"form\.json: items: "):
        read_form(path)


def test_a_form_with_a_foreign_item_is_refused():
    items = seed_items("schwartz")[:3]
    form = form_of_items(items, builtin_system("schwartz"), "mine", "tiny")
    assert form_items(form, items) == list(items)
    with pytest.raises(InputError, match=f"1 of its items .* first {form.items[2]}"):
        form_items(form, items[:2])


def test_freezing_is_repeatable_and_does_not_overwrite(tmp_path):
    forms = freeze(tmp_path)
    assert {f.name: f.hash for f in forms} == HASHES
    assert len(list(tmp_path.glob("*.json"))) == len(ALL)
    freeze(tmp_path)
    path = tmp_path / "schwartz-tiny.json"
    form = read_form(path)
    path.write_text(form_text(type(form).model_validate(form.model_dump() | {"items": ["a"]})))
    other = path.read_text()
    with pytest.raises(InputError, match=r"schwartz-tiny\.json: a form of other content"):
        freeze(tmp_path)
    assert path.read_text() == other
    freeze(tmp_path, replace=True)
    assert read_form(path) == form
