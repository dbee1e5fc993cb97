"""Items written to a file and read back are equal, in every format."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.items.files import SCHWARTZ, SUFFIXES, parquet, written
from valuecompass.items import TOPICS, Item, Lineage, seed_items
from valuecompass.items.io import read_items, write_items
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

text = st.text(min_size=1, max_size=60)
names = st.lists(st.sampled_from(SCHWARTZ.names), min_size=2, max_size=4, unique=True)
small = st.integers(-1_000, 1_000)
tool = st.fixed_dictionaries(
    {"name": st.just("look_up"), "description": text},
    optional={
        "parameters": st.builds(
            lambda names: {"type": "object", "properties": {n: {"type": "string"} for n in names}},
            st.lists(text, max_size=2),
        ),
        "result": st.text(max_size=20),
        "keying": st.sampled_from([1, -1]),
    },
)
turn = st.fixed_dictionaries({"text": text}, optional={"role": st.just("user")})
later = st.fixed_dictionaries(
    {"text": text, "when": st.sampled_from(["called:look_up", "not called:look_up"])}
)
media = st.fixed_dictionaries(
    {"type": st.sampled_from(["image", "audio"]), "uri": text},
    optional={"sha256": st.just("0a" * 32), "description": st.text(max_size=9)},
)
lineage = st.builds(
    Lineage,
    origin=st.sampled_from(["seed", "import", "evolved", "written"]),
    parents=st.lists(text, max_size=2).map(tuple),
    method=st.none() | text,
    licence=st.none() | text,
)


@st.composite
def any_item(draw) -> Item:
    kind = draw(st.sampled_from(["question", "opening", "tradeoff", "likert", "scenario"]))
    dimensions = draw(names)
    body = {
        "kind": kind,
        "system": "schwartz",
        "text": draw(text),
        "dimensions": dimensions,
        "language": draw(st.sampled_from(["en", "de", "zh-Hant"])),
        "topic": draw(st.none() | st.sampled_from(TOPICS) | text),
        "media": draw(st.lists(media, max_size=2)),
        "lineage": draw(lineage),
    }
    if kind == "opening":
        body["principle"] = draw(text)
    if kind == "tradeoff":
        body["sides"] = [{"dimension": d, "text": draw(text)} for d in dimensions[:2]]
    if kind == "likert":
        low = draw(small)
        body |= {"keying": draw(st.sampled_from([1, -1])), "scale": [low, low + 4]}
    if kind == "scenario":
        tools = draw(st.lists(tool, max_size=1))
        more = st.lists(later if tools else turn, max_size=2)
        body |= {"turns": [draw(turn), *draw(more)], "tools": tools}
    return Item.model_validate(body)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(any_item(), max_size=4, unique_by=lambda i: i.id))
def test_a_round_trip_gives_equal_items_with_equal_ids(tmp_path, suffix, items):
    path = tmp_path / f"items.{suffix}"
    write_items(items, path)
    back = read_items(path, SCHWARTZ)
    assert back == items
    assert [i.id for i in back] == [i.id for i in items]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("system_id", BUILTIN)
def test_the_seed_bank_survives_a_round_trip(tmp_path, system_id, suffix):
    path = tmp_path / f"bank.{suffix}"
    write_items(seed_items(system_id), path)
    assert tuple(read_items(path, builtin_system(system_id))) == seed_items(system_id)


def test_the_id_stands_first(tmp_path):
    items = seed_items("schwartz")[:2]
    for suffix in SUFFIXES:
        write_items(items, tmp_path / f"a.{suffix}")
    assert (tmp_path / "a.csv").read_text().startswith("id,kind,system,")
    assert (tmp_path / "a.tsv").read_text().startswith("id\tkind\tsystem\t")
    line = (tmp_path / "a.jsonl").read_text().splitlines()[0]
    assert next(iter(json.loads(line).items())) == ("id", items[0].id)


def test_dimensions_that_hold_the_separator_survive(tmp_path):
    odd = ("one; two", "[three]", " four ")
    sentence = "A sentence."
    system = ValueSystem.model_validate(
        {
            **{"id": "mine", "name": "Mine", "scoring": "rating"},
            **{"summary": sentence, "source": sentence},
            "dimensions": [
                {"name": n, "definition": sentence, "high": sentence, "low": sentence} for n in odd
            ],
        }
    )
    items = [
        Item.model_validate({"kind": "stem", "system": "mine", "text": "I", "dimensions": part})
        for part in (odd, odd[:1], odd[1:2], odd[2:])
    ]
    for suffix in SUFFIXES:
        write_items(items, tmp_path / f"a.{suffix}")
        assert read_items(tmp_path / f"a.{suffix}", system) == items


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_topic_is_none_in_every_format(tmp_path, suffix):
    row = {"kind": "stem", "text": "If I could I", "dimensions": ["Power"], "topic": ""}
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        parquet(path, [row])
    elif suffix == "jsonl":
        written(path, json.dumps(row))
    else:
        cells = [c if isinstance(c, str) else c[0] for c in row.values()]
        separator = {"csv": ",", "tsv": "\t"}[suffix]
        written(path, "".join(separator.join(line) + "\n" for line in (row, cells)))
    items = read_items(path, SCHWARTZ)
    assert [i.topic for i in items] == [None]
    write_items(items, path)
    assert [i.id for i in read_items(path, SCHWARTZ)] == [i.id for i in items]
