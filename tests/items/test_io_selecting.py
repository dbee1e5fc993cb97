"""A file with items of several value systems, of which some are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.items.io import select_items, write_items
from valuecompass.items.topics import read_topics
from valuecompass.values import builtin_system

SCHWARTZ, MORAL, SAFETY = map(builtin_system, ("schwartz", "moral-foundations", "safety"))


def asked(system: str, dimension: str, text: str) -> Item:
    return Item(kind="question", system=system, text=text, dimensions=(dimension,))


ONE = asked("schwartz", "Power", "Should mayors be chosen by lot?")
OTHER = asked("moral-foundations", MORAL.names[0], "Should mayors be chosen by lot?")
THIRD = asked("moral-foundations", MORAL.names[1], "Should fish be sold alive?")


@pytest.fixture(params=["jsonl", "csv", "parquet"])
def mixed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"two.{request.param}"
    write_items([ONE, OTHER, THIRD], path)
    return path


def test_items_of_the_systems_asked_for_are_taken_and_the_others_counted(mixed: Path) -> None:
    told: list[str] = []
    assert select_items(mixed, [SCHWARTZ], told.append) == [ONE]
    left = "2 of its items are of other value systems than schwartz and left out"
    assert told == [f"{mixed}: {left}"]
    assert select_items(mixed, [MORAL]) == [OTHER, THIRD]
    assert select_items(mixed, [MORAL, SCHWARTZ], told.append) == [ONE, OTHER, THIRD]
    assert len(told) == 1
    with pytest.raises(InputError, match="no items of safety; they are of moral-foundations, schw"):
        select_items(mixed, [SAFETY])


def test_a_row_that_names_no_system_belongs_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text('{"kind": "question", "text": "Is it?", "dimensions": ["Power"]}\n')
    (item,) = select_items(path, [SCHWARTZ, MORAL])
    assert item.system == "schwartz"


def test_topics_belong_to_the_system_that_their_rows_name(mixed: Path) -> None:
    told: list[str] = []
    found = read_topics(mixed, MORAL, others=[SCHWARTZ], tell=told.append)
    # one wording is one topic
    assert [(i.system, i.text) for i in found] == [
        (ONE.system, ONE.text),
        (THIRD.system, THIRD.text),
    ]
    assert not told
    assert read_topics(mixed, SCHWARTZ, tell=told.append) == [ONE]
    assert len(told) == 1 and "2 of its items" in told[0]
