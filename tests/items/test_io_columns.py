"""Reading item files: mapped columns, defaults, nested fields, numbers and long cells."""

import csv
import json

import pytest

from tests.items.files import GOOD, HEADER, SCHWARTZ, parquet, written
from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.items.io import read_items, write_items


def test_columns_are_mapped_and_others_ignored(tmp_path):
    path = written(tmp_path / "a.csv", "prompt,value,rater\nShould bells ring?,Tradition; SD,x\n")
    (item,) = read_items(
        path,
        SCHWARTZ,
        columns={"text": "prompt", "dimensions": "value"},
        defaults={"kind": "question", "language": "de", "topic": "bells"},
    )
    assert item.text == "Should bells ring?"
    assert item.dimensions == ("Tradition", "Self-direction")
    assert (item.kind, item.language, item.topic) == ("question", "de", "bells")


def test_a_column_named_like_a_field_is_read_beside_a_mapping(tmp_path):
    path = written(
        tmp_path / "a.csv",
        "kind,dimensions,topic,text,prompt,mood\nstem,Power,bells,old,If I could I,good\n",
    )
    (item,) = read_items(path, SCHWARTZ, columns={"text": "prompt"})
    assert (item.kind, item.topic, item.text) == ("stem", "bells", "If I could I")


def test_a_column_may_be_named_like_another_field(tmp_path):
    path = written(tmp_path / "a.csv", "kind,topic,dimensions\nstem,If I could I,Power\n")
    (item,) = read_items(path, SCHWARTZ, columns={"text": "topic"})
    assert (item.text, item.topic) == ("If I could I", None)


def test_mapping_works_for_jsonl_and_parquet(tmp_path):
    rows = [{"prompt": "Should bells ring?", "value": "Tradition", "score": 0.3}]
    mapping = {"text": "prompt", "dimensions": "value"}
    for path in (
        written(tmp_path / "a.jsonl", json.dumps(rows[0])),
        parquet(tmp_path / "a.parquet", rows),
    ):
        (item,) = read_items(path, SCHWARTZ, columns=mapping, defaults={"kind": "question"})
        assert item.dimensions == ("Tradition",)


def test_defaults_fill_empty_cells_only(tmp_path):
    path = written(
        tmp_path / "a.csv",
        "kind,text,dimensions,language\nstem,If I,Power,\nstem,Wenn ich,Power,de\n",
    )
    items = read_items(path, SCHWARTZ, defaults={"language": "fr"})
    assert [i.language for i in items] == ["fr", "de"]


def test_nested_fields_as_json_text_or_as_columns(tmp_path):
    sides = [{"dimension": "Power", "text": "Win."}, {"dimension": "Hedonism", "text": "Rest."}]
    as_json = tmp_path / "json.csv"
    with as_json.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "text", "dimensions", "sides"])
        writer.writerow(["tradeoff", "A free day.", "Power;Hedonism", json.dumps(sides)])
    as_columns = written(
        tmp_path / "flat.csv",
        "kind,text,dimensions,side_a,side_a_dimension,side_b,side_b_dimension\n"
        "tradeoff,A free day.,Power;Hedonism,Win.,Power,Rest.,Hedonism\n",
    )
    assert read_items(as_json, SCHWARTZ) == read_items(as_columns, SCHWARTZ)


@pytest.mark.parametrize(
    ("head", "cells"), [("scale", '"[1, 6]"'), ("scale_low,scale_high", "1,6")]
)
def test_a_scale_as_json_text_or_as_columns(tmp_path, head, cells):
    path = written(
        tmp_path / "a.csv",
        f"kind,text,dimensions,keying,{head}\nlikert,I lead.,Power,+1,{cells}\n",
    )
    (item,) = read_items(path, SCHWARTZ)
    assert (item.scale, item.keying) == ((1, 6), 1)


def test_numbers_as_data_frames_write_them(tmp_path):
    rows = [
        {"kind": "likert", "text": "I lead.", "dimensions": "Power", "keying": -1.0,
         "scale_low": 1.0, "scale_high": 6.0},
        {"kind": "stem", "text": "If I", "dimensions": "Power", "keying": float("nan"),
         "scale_low": float("nan"), "scale_high": float("nan")},
    ]  # fmt: skip
    likert, stem = read_items(parquet(tmp_path / "a.parquet", rows), SCHWARTZ)
    assert (likert.keying, likert.scale) == (-1, (1, 6))
    assert (stem.keying, stem.scale) == (None, None)


def test_a_cell_may_be_huge_and_span_lines(tmp_path):
    long = "word " * 3_990
    path = written(tmp_path / "a.csv", f'{HEADER}stem,"{long}\nend",Power\nstem,I,Glory\n')
    with pytest.raises(InputError, match=r"a\.csv, line 4: dimensions: 'Glory'"):
        read_items(path, SCHWARTZ)
    tool = {"name": "look", "description": "Looks.", "result": "x" * 300_000}
    item = Item.model_validate(
        {"kind": "stem", "system": "schwartz", "text": "I", "dimensions": ["Power"],
         "tools": [tool]}
    )  # fmt: skip
    write_items([item], tmp_path / "b.csv")
    assert read_items(tmp_path / "b.csv", SCHWARTZ) == [item]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    path = written(tmp_path / "a.csv", b"\xef\xbb\xbf" + (HEADER + GOOD).encode())
    assert len(read_items(path, SCHWARTZ)) == 1
