"""Cases are found by words and filters, counted, and paged through."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.board.cases.made import Given, made, verdict
from tests.measure.helpers import likert, question, tradeoff
from valuecompass.board.cases import (
    Address,
    CaseIndex,
    Found,
    Search,
    build_index,
    index_path,
    open_index,
    read_case,
    search,
    side_by_side,
)
from valuecompass.errors import InputError
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, open_store

pytestmark = pytest.mark.anyio
RULES = question("Should a town keep its <b>old</b> rules?", "Security")
CAFE = question("\u00bfDebe cerrar el caf\u00e9?", "Hedonism").model_copy(update={"language": "es"})
CHOICE = tradeoff("A club has money for one thing only.", "Power", "Benevolence")
RATED = likert("I keep a promise even when it costs me.", "Benevolence", 1)
TEXT = "1. Rules protect the weak.\n2. Joy matters.\n3. <script>alert(1)</script> order."
GIVEN = (
    Given(
        0,
        RULES,
        TEXT,
        [
            verdict("Security", 0.9, valence=1.0, start=3, end=26),
            verdict("Power", 0.5, valence=-1.0),
            verdict("Hedonism", 0.0),
        ],
    ),
    Given(
        1, RULES, "Nobody needs rules; order is overrated.", [verdict("Security", 0.5, valence=-1)]
    ),
    Given(
        0,
        CAFE,
        "El caf\u00e9 es alegr\u00eda. \u81ea\u7531\u5f88\u91cd\u8981",
        [verdict("Hedonism", 0.7, valence=1)],
    ),
    Given(1, CAFE, "I am sorry, I cannot say.", outcome="refusal"),
    Given(0, CHOICE, "A", reading={"chosen": "Power", "place": 0}),
    Given(0, CHOICE, "B", presentation=1, reading={"chosen": "Power", "place": 1}),
    Given(1, RATED, "", outcome="missing"),
)


@pytest.fixture
async def opened(workspace: Path) -> AsyncGenerator[tuple[Store, Measurement, CaseIndex]]:
    measurement = await made(workspace, GIVEN)
    async with open_store(workspace) as store:
        index = await open_index(store, workspace, measurement)
        yield store, measurement, index
        index.close()


Opened = tuple[Store, Measurement, CaseIndex]


def found(opened: Opened, **wanted: Any) -> Found:
    return search(opened[2], Search(**wanted))


def told(result: Found) -> set[tuple[int, str]]:
    assert result.total == len(result.addresses)
    return {(a.position, a.item) for a in result.addresses}


async def test_words_stand_in_item_or_answer(opened: Opened) -> None:
    assert told(found(opened, words="town joy")) == {(0, RULES.id)}
    assert told(found(opened, words="rules order")) == {(0, RULES.id), (1, RULES.id)}
    assert told(found(opened, words="rules -joy")) == {(1, RULES.id)}
    assert told(found(opened, words='"rules protect"')) == {(0, RULES.id)}
    assert told(found(opened, words='"protect rules"')) == set()
    assert told(found(opened, words="CAFE alegria")) == {(0, CAFE.id)}
    assert told(found(opened, words="\u81ea\u7531")) == {(0, CAFE.id)}
    assert told(found(opened, words="\u7531\u81ea")) == set()
    assert found(opened, words="-rules").total == 5
    assert found(opened).total == len(GIVEN)


@pytest.mark.parametrize(
    "typed",
    [
        '"',
        '""" -"',
        "AND OR NOT",
        "NEAR(a b",
        "a*",
        "^a",
        "item:x",
        "{a b}: c",
        "\0",
        "'; DROP--",
        "-",
        "\ud800",
        "%_\\",
        ") OR (",
        "a" * 5_000,
        "x " * 300,
        "\u202e\u0301",
    ],
)
async def test_no_words_are_an_error(opened: Opened, typed: str) -> None:
    result = found(opened, words=typed)
    assert 0 <= result.total <= len(GIVEN)


async def test_filters(opened: Opened) -> None:
    assert told(found(opened, respondents=("model 1",), outcome="refusal")) == {(1, CAFE.id)}
    assert told(found(opened, kind="likert")) == {(1, RATED.id)}
    assert told(found(opened, language="es")) == {(0, CAFE.id), (1, CAFE.id)}
    assert told(found(opened, language="fr")) == set()
    # the judge read for it, or the item is aimed at it
    assert told(found(opened, dimension="Security")) == {(0, RULES.id), (1, RULES.id)}
    assert found(opened, dimension="Benevolence").total == 3
    assert told(found(opened, dimension="Security", low=0.9)) == {(0, RULES.id)}
    assert told(found(opened, dimension="Security", low=0.5, high=0.8)) == {(1, RULES.id)}
    assert told(found(opened, dimension="Security", side="opposes")) == {(1, RULES.id)}
    assert told(found(opened, side="opposes")) == {(0, RULES.id), (1, RULES.id)}
    # limits and side hold for the same dimension
    assert told(found(opened, side="opposes", low=0.6)) == set()
    assert told(found(opened, low=0.7)) == {(0, RULES.id), (0, CAFE.id)}


async def test_facets_count_under_the_other_filters(opened: Opened) -> None:
    facets = {
        name: {c.value: c.count for c in counts}
        for name, counts in found(opened, words="rules", respondents=("model 0",)).facets.items()
    }
    assert facets["respondent"] == {"model 0": 1, "model 1": 1}
    assert facets["dimension"]["Security"] == 1 and facets["dimension"]["Power"] == 1
    assert facets["dimension"]["Tradition"] == 0
    assert facets["outcome"] == {"answer": 1} and facets["kind"] == {"question": 1}
    every = {n: {c.value: c.count for c in cs} for n, cs in found(opened).facets.items()}
    assert every["outcome"] == {"answer": 5, "refusal": 1, "missing": 1}
    assert every["kind"] == {"question": 4, "tradeoff": 2, "likert": 1}
    assert every["language"] == {"en": 5, "es": 2}


@pytest.mark.parametrize("order", ["item", "respondent", "strongest", "weakest"])
async def test_pages_hold_every_case_once(opened: Opened, order: Any) -> None:
    whole = found(opened, order=order).addresses
    pages: list[Address] = []
    cursor: str | None = None
    while True:
        page = found(opened, order=order, limit=2, cursor=cursor)
        assert page.total == len(GIVEN)
        pages += page.addresses
        if (cursor := page.cursor) is None:
            break
    assert tuple(pages) == whole and len(set(whole)) == len(GIVEN)


async def test_orders(opened: Opened) -> None:
    by_item = found(opened, order="item").addresses
    items = [a.item for a in by_item]
    assert items == sorted(items)
    assert [a.position for a in found(opened, order="respondent").addresses] == [0] * 4 + [1] * 3
    strong = found(opened, order="strongest", dimension="Security").addresses
    assert [a.position for a in strong] == [0, 1]
    weak = found(opened, order="weakest", dimension="Security").addresses
    assert [a.position for a in weak] == [1, 0]


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("respondent", {"respondents": ("nobody",)}),
        ("dimension", {"dimension": "Joy"}),
        ("outcome", {"outcome": "x"}),
        ("kind", {"kind": "x"}),
        ("low", {"low": 1.5}),
        ("low", {"low": float("nan")}),
        ("low", {"low": 0.6, "high": 0.5}),
        ("cursor", {"cursor": "x"}),
        ("cursor", {"cursor": "\u0664"}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 101}),
    ],
)
async def test_what_cannot_be_is_told(opened: Opened, field: str, wanted: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        found(opened, **wanted)


async def test_a_case_is_read_whole(opened: Opened) -> None:
    store, measurement, _ = opened
    words = found(opened, words="rules order").words
    case = await read_case(store, measurement, Address(measurement.id, 0, RULES.id), words)
    assert case.respondent == "model 0" and case.response.text == TEXT
    marked = [TEXT[a:b] for a, b in case.response.marks]
    assert marked == ["Rules", "order"]
    assert [case.item.text.text[a:b] for a, b in case.item.text.marks] == ["rules"]
    security = next(v for v in case.verdicts if v.dimension == "Security")
    assert TEXT[security.start : security.end] == "Rules protect the weak."
    assert case.asked is not None and case.asked.parameters == {"temperature": 0.5}
    assert case.asked.system_prompt == "Be brief." and case.asked.prompt == RULES.text
    swapped = await read_case(store, measurement, Address(measurement.id, 0, CHOICE.id, 1))
    assert [s.dimension for s in swapped.item.sides] == ["Benevolence", "Power"]
    assert swapped.reading == {"chosen": "Power", "place": 1}
    failed = await read_case(store, measurement, Address(measurement.id, 1, RATED.id))
    assert failed.asked is None and failed.outcome == "missing" and failed.response.text == ""
    with pytest.raises(InputError, match="there is no case at respondent 9"):
        await read_case(store, measurement, Address(measurement.id, 9, RULES.id))


async def test_two_stand_side_by_side(opened: Opened) -> None:
    store, measurement, _ = opened
    both = await side_by_side(store, measurement, RULES.id, ["model 1", "model 0"])
    assert list(both) == ["model 1", "model 0"]
    assert [c.response.text for c in both["model 0"]] == [TEXT]
    one = await side_by_side(store, measurement, CHOICE.id, ["model 0", "model 1"])
    assert [c.address.presentation for c in one["model 0"]] == [0, 1] and one["model 1"] == []
    with pytest.raises(InputError, match="item: none"):
        await side_by_side(store, measurement, "abcdefabcdef", ["model 0"])
    with pytest.raises(InputError, match="respondent: 'nobody'"):
        await side_by_side(store, measurement, RULES.id, ["nobody"])


async def test_an_index_is_made_once_and_again_when_it_is_no_index(
    opened: Opened, workspace: Path
) -> None:
    store, measurement, _ = opened
    path = index_path(workspace, measurement.id)
    made_at = path.stat().st_mtime_ns
    assert not await build_index(store, workspace, measurement)
    assert path.stat().st_mtime_ns == made_at
    for spoil in ("half", "version"):
        if spoil == "half":
            path.write_bytes(path.read_bytes()[:5_000])
        else:
            with sqlite3.connect(path) as file:
                file.execute("UPDATE about SET version = 0")
        index = await open_index(store, workspace, measurement)
        assert search(index, Search(words="joy")).total == 1
        index.close()
    assert not list(path.parent.glob("*.part"))
