"""Opinions on questions show what is appealed to, under whatever system they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.items.io import write_items
from valuecompass.measure.run import resolve_system, run

ASKED = Item(
    kind="question",
    system="moral-foundations",
    text="Should soldiers disobey an order that they find unjust?",
    dimensions=("Authority/Subversion",),
)
BEGUN = Item(
    kind="opening",
    system="moral-foundations",
    text="The sergeant read the order aloud and",
    dimensions=("Authority/Subversion",),
    principle="One should obey those who lead.",
)


def measured(tmp_path: Path, *items: Item):
    write_items(items, tmp_path / "own.jsonl")
    return run(
        "embedded/smollm2-135m-instruct",
        "moral-foundations",
        items=tmp_path / "own.jsonl",
        form="tiny",
        workspace=tmp_path,
    )


def test_they_are_a_measurement_of_a_system_of_its_own(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, ASKED)
    assert found.system == "moral-foundations-expressed"
    assert found.manifest["system"]["scoring"] == "expression"
    assert set(found.rows[0].dimensions) == set(resolve_system("moral-foundations").names)


def test_they_do_not_stand_beside_conduct_in_a_form(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="share no scale: make a form of each"):
        measured(tmp_path, ASKED, BEGUN)
    (conduct,) = measured(tmp_path, BEGUN)
    assert conduct.system == "moral-foundations"


def test_the_system_can_be_named() -> None:
    read = resolve_system("moral-foundations-expressed")
    assert (read.id, read.scoring) == ("moral-foundations-expressed", "expression")
    assert read.names == resolve_system("moral-foundations").names
    with pytest.raises(InputError, match="no such value system"):
        resolve_system("nothing-expressed")


def test_no_other_system_takes_such_a_name(tmp_path: Path) -> None:
    moral = resolve_system("moral-foundations")
    long = [moral.model_copy(update={"id": f"{'m' * 35}-{end}"}).as_expression() for end in "ab"]
    assert long[0].id != long[1].id and all(len(one.id) <= 40 for one in long)
    (tmp_path / "own.toml").write_text(
        """id = "own-expressed"
name = "Own"
scoring = "expression"
summary = "Two ends."
source = "Written for a test."

[[dimensions]]
name = "Calm"
definition = "Being at rest and free of worry."
high = "Puts rest first."
low = "Does without rest."
""",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="ends in -expressed"):
        resolve_system(str(tmp_path / "own.toml"))
