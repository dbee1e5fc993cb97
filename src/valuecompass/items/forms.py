"""Forms: frozen, hashed selections of items with the conditions under which they are asked."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items.bank import seed_items
from valuecompass.items.schema import Item, Kind
from valuecompass.values import BUILTIN, ValueSystem

Size = Literal["tiny", "short", "full", "scenario"]
SIZES: tuple[Size, ...] = ("tiny", "short", "full", "scenario")
"""scenario stands apart: it holds the scenarios and nothing else, and the others hold none. Acting
and answering are two things, and a form that mixes them would score their mixture."""


class Asking(BaseModel):
    """How the items of one kind are put to a respondent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: int = Field(ge=1, le=2_000)
    """Length that the prompt asks for; also caps a small local model's answer."""
    repeats: int = Field(default=1, ge=1, le=100)
    """Answers sampled per item (trade-offs: per order of the two sides)."""


ASKING: dict[Size, dict[Kind, Asking]] = {
    "tiny": {
        "question": Asking(words=70),
        "opening": Asking(words=45, repeats=2),
        "request": Asking(words=45),
        "stem": Asking(words=30),
        "tradeoff": Asking(words=1),
        "likert": Asking(words=1),
        "judgement": Asking(words=1),
        "scenario": Asking(words=60),
    },
    "short": {
        "question": Asking(words=150),
        "opening": Asking(words=80, repeats=3),
        "request": Asking(words=120),
        "stem": Asking(words=40),
        "tradeoff": Asking(words=1),
        "likert": Asking(words=1),
        "judgement": Asking(words=1),
        "scenario": Asking(words=120),
    },
    "full": {
        "question": Asking(words=250),
        "opening": Asking(words=100, repeats=5),
        "request": Asking(words=200, repeats=1),
        "stem": Asking(words=60, repeats=2),
        "tradeoff": Asking(words=1),
        "likert": Asking(words=1),
        "judgement": Asking(words=1),
        "scenario": Asking(words=120),
    },
}
ASKING["scenario"] = ASKING["short"]
PER_DIMENSION: dict[Size, dict[Kind, int | None]] = {
    "tiny": {"question": 2, "opening": 3, "request": 3, "stem": 3, "tradeoff": 1, "likert": 2},
    "short": {"question": 9, "opening": 10, "request": 10, "stem": 10, "tradeoff": 2, "likert": 6},
    "full": {kind: None for kind in ASKING["full"] if kind != "scenario"},
    "scenario": {"scenario": None},
}
"""Items per dimension (trade-offs: per pair of dimensions); None: all of the bank."""


class Form(BaseModel):
    """A frozen selection of items of one value system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    system: str
    asking: dict[Kind, Asking]
    items: tuple[str, ...] = Field(min_length=1)
    """Item ids in the order of asking."""
    anchors: tuple[str, ...] = ()
    """Those of them that the form before held as well: they tie both to one scale."""
    previous: str | None = None
    """Hash of that form."""

    @model_validator(mode="after")
    def _anchors_are_items(self) -> Form:
        if absent := next((i for i in self.anchors if i not in self.items), None):
            raise ValueError(f"anchors: {absent} is not among the items")
        return self

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits over items, anchors and the conditions of asking, not the name."""
        return digest(self.model_dump(mode="json", exclude={"name"}, exclude_defaults=True), 12)


def select_form(items: Sequence[Item], system: ValueSystem, size: Size) -> Form:
    """Select a form from items: balanced over dimensions, spread over topics, deterministic.

    Within a dimension (a pair of dimensions for trade-offs) items are taken in the order of their
    ids, which are hashes and so as good as random: items keyed for and against in turn, and the
    topics in turn. Of a pair's trade-offs those are taken that let every dimension be named first
    about equally often.

    Raises:
        InputError: no item of a kind that the size asks for.
    """
    strata: dict[tuple[Kind, tuple[str, ...]], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: i.id):
        stratum = tuple(sorted(item.dimensions)) if item.sides else item.dimensions[:1]
        strata[item.kind, stratum].append(item)
    chosen: list[Item] = []
    for kind, count in PER_DIMENSION[size].items():
        groups = [members for (other, _), members in sorted(strata.items()) if other == kind]
        if kind == "tradeoff":
            chosen += _first_named_in_turn(groups, count)
        else:
            chosen += [i for members in groups for i in _keyings_in_turn(members)[:count]]
    if not chosen:
        raise InputError(f"{system.id}: no items of the kinds {', '.join(PER_DIMENSION[size])}")
    kinds = {i.kind for i in chosen}
    return Form(
        name=f"{system.id}/{size}",
        system=system.id,
        asking={k: v for k, v in ASKING[size].items() if k in kinds},
        items=tuple(i.id for i in chosen),
    )


def _keyings_in_turn(members: list[Item]) -> list[Item]:
    """Order items so that any even number of them, from the first on, holds as many of each keying.

    Keying goes before topic: who agrees with everything must come out in the middle.
    """
    by_keying: dict[int | None, list[Item]] = defaultdict(list)
    for item in members:
        by_keying[item.keying].append(item)
    return _in_turn([_topics_in_turn(queue) for queue in by_keying.values()])


def _topics_in_turn(members: list[Item]) -> list[Item]:
    by_topic: dict[str | None, list[Item]] = defaultdict(list)
    for item in members:
        by_topic[item.topic].append(item)
    return _in_turn(by_topic.values())


def _in_turn(queues: Iterable[list[Item]]) -> list[Item]:
    """Take one item of each queue after the other, the queue with the lowest id first."""
    rounds = zip_longest(*sorted(queues, key=lambda queue: queue[0].id))
    return [item for taken in rounds for item in taken if item is not None]


def _first_named_in_turn(pairs: Sequence[list[Item]], count: int | None) -> list[Item]:
    """Take up to `count` trade-offs of every pair of dimensions, pair by pair.

    One of each pair before a second of any, so that a smaller form is part of a larger one.
    """
    left = [_topics_in_turn(members) for members in pairs]
    taken: list[list[Item]] = [[] for _ in pairs]
    ahead: Counter[str] = Counter()  # how much oftener a dimension is named first than second
    for _ in range(max(map(len, left), default=0) if count is None else count):
        for queue, own in zip(left, taken, strict=True):
            if queue:
                here = Counter(_order(i)[0] for i in own)
                best = min(queue, key=lambda i: (here[_order(i)[0]], ahead[_order(i)[0]]))
                queue.remove(best)
                own.append(best)
                first, second = _order(best)
                ahead[first] += 1
                ahead[second] -= 1
    return [item for own in taken for item in own]


def _order(item: Item) -> tuple[str, str]:
    assert item.sides is not None
    return item.sides[0].dimension, item.sides[1].dimension


def form_of_items(items: Sequence[Item], system: ValueSystem, name: str, size: Size) -> Form:
    """Return a form of all the given items, asked under the conditions of a size."""
    kinds = {i.kind for i in items}
    return Form(
        name=name,
        system=system.id,
        asking={k: v for k, v in ASKING[size].items() if k in kinds},
        items=tuple(i.id for i in items),
    )


def builtin_sizes(system_id: str) -> tuple[Size, ...]:
    """Return the sizes of a built-in system's frozen forms: not every one has scenarios.

    Raises:
        KeyError: no built-in system of this id.
    """
    kinds = {item.kind for item in seed_items(system_id)}
    return tuple(size for size in SIZES if size != "scenario" or "scenario" in kinds)


def builtin_form(system_id: str, size: Size) -> Form:
    """Return a frozen form of a built-in system.

    Raises:
        KeyError: no built-in system of this id.
        InputError: it has no scenarios.
    """
    if size not in builtin_sizes(system_id):
        raise InputError(f"--form {size}: {system_id} has no scenarios in the bank")
    path = files("valuecompass.items") / "frozen" / f"{system_id}-{size}.json"
    return Form.model_validate_json(path.read_text(encoding="utf-8"))


def built_in_form(system_id: str, hash: str) -> Form | None:
    """Return the frozen form of a hash, or None: it is no form of ours."""
    if system_id not in BUILTIN:
        return None
    forms = (builtin_form(system_id, size) for size in builtin_sizes(system_id))
    return next((form for form in forms if form.hash == hash), None)


def read_form(path: Path) -> Form:
    """Read a form file (JSON, as `valuecompass items form` writes it).

    Raises:
        InputError: with file and field.
    """
    try:
        return Form.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(p) for p in first["loc"]) or "file"
        raise InputError(f"{path}: {field}: {first['msg']}") from None


def form_text(form: Form) -> str:
    """Return a form as the text of its file."""
    body = form.model_dump(mode="json")
    if not form.anchors:  # most forms stand alone
        body = {k: v for k, v in body.items() if k not in ("anchors", "previous")}
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def form_items(form: Form, items: Iterable[Item] | None = None) -> list[Item]:
    """Return the items of a form, in its order.

    Args:
        form: the form.
        items: where to find them; None: the seed bank of the form's system.

    Raises:
        InputError: the form names an item that is not there.
    """
    pool: Mapping[str, Item] = {i.id: i for i in items or seed_items(form.system)}
    missing = [i for i in form.items if i not in pool]
    if missing:
        raise InputError(
            f"form {form.name}: {len(missing)} of its items are not in the bank, "
            f"first {missing[0]}; give the item file the form was made from with --items"
        )
    return [pool[i] for i in form.items]
