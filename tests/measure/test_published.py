"""Published tables: what is read, what is refused, and how a message names it."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from valuecompass.board.boards import load_board
from valuecompass.errors import InputError
from valuecompass.measure.published import import_table, survey
from valuecompass.measure.published.importing import read_meta
from valuecompass.measure.published.reading import read_rows
from valuecompass.measure.published.rows import LONGEST
from valuecompass.measure.run import resolve_system

SYSTEM = resolve_system("schwartz")
GOOD = {"model": "a", "Power": 0.5, "Security": 0.25, "Hedonism": -0.1}


def file(folder: Path, text: str | bytes, name: str = "t.json") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(folder: Path, *given: Any) -> Path:
    return file(folder, json.dumps(given))


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(InputError) as error:
        survey(path, SYSTEM, **more)
    said = str(error.value)
    assert said.startswith(str(path))
    return said.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": the file is empty"),
        (" \n\t", ": the file is empty"),
        ("[]", ": no rows; expected a JSON list"),
        ('{"data": []}', ": no rows; expected"),
        ("{}", ": data: missing"),
        ('{"rows": [1]}', ": data: missing, the list of rows; the file has: rows"),
        ('{"data": {"item": {"model": "a"}}}', ': not valid here: \'{"item"'),
        ('{"data.item": [{"model": "a", "Power": 1}]}', ": data: missing"),
        ('{"data": [], "data": []}', ": data: stands twice"),
        ("model,Power", ": not valid here: 'model,Power', expected ["),
        ("7", ": not valid here: '7', expected ["),
        ("null", ": not valid here"),
        ("[1, 2]", ", row 1: 1, expected an object"),
        ('["a"]', ", row 1: 'a', expected an object"),
        ("[null]", ", row 1: null, expected an object"),
        ('[[{"model": "a"}]]', ", row 1: a list, expected an object"),
        ('[{"model": "a", "Power": 1},]', ", row 2: not valid JSON"),
        ('[{"model": "a", "Power": 1}', ", row 1: the file ends here"),
        ('[{"model": "a", "Power": 1}, {"model": "b', ", row 2: the file ends here"),
        ('{"data": [{"model": "a", "Power": 1}]', ": the file ends here"),
        ('[{"model": "a", "Power": 1}] []', ": after the end of the table there is '[]'"),
        ('[{"model": "a", "Power": 1}]]', ": after the end of the table there is ']'"),
        ('[{"model": "a" "Power": 1}]', ", row 1: not valid JSON: Expecting ',' delimiter"),
        ('[{"model": "a", "Power": 01}]', ", row 1: not valid JSON"),
        ("[{'model': 'a'}]", ", row 1: not valid JSON"),
        ('[{"model": "a", "Power": 1, "Power": 2}]', ", row 1: Power: stands twice; remove one"),
        ("[" * 100_000, ", row 1: lists or objects within each other, too many"),
        ('[{"model": "a", "Power": ' + "[" * 100_000, ", row 1: lists or objects within"),
        ('[{"model": "a", "Power": ' + "9" * 5_000 + "}]", ", row 1: a number of thousands"),
        ('{1: 2, "data": []}', ": not valid JSON: 1 as a key"),
    ],
)
def test_a_file_that_is_no_list_of_rows_is_told(tmp_path, text, said):
    assert refused(file(tmp_path, text)).startswith(said)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("NaN", "nan, expected a finite number"),
        ("Infinity", "inf, expected a finite number"),
        ("-Infinity", "-inf, expected a finite number"),
        ("1e999", "inf, expected a finite number"),
        ("1" * 400, "1" * 60 + ", expected a finite number"),
        ("1e13", "10000000000000.0, expected a finite number up to 1e+12"),
        ('"nan"', "'nan', expected a number, or null"),
        ('"0.5"', "'0.5', expected a number, or null"),
        ('""', "'', expected a number, or null"),
        ("true", "true, expected a number, or null"),
        ("false", "false, expected a number"),
        ("[0.5]", "a list, expected a number"),
        ('{"score": 0.5}', "an object, expected a number"),
    ],
)
def test_a_score_that_is_no_finite_number_is_told(tmp_path, cell, said):
    text = f'[{json.dumps(GOOD)}, {{"model": "b", "Power": {cell}, "Security": 0.5}}]'
    assert refused(file(tmp_path, text)).startswith(f", row 2: Power: {said}")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"Power": 0.5}, "model: missing, the name; the row has: Power"),
        ({}, "model: missing, the name; the row has: nothing"),
        ({"model": None, "Power": 0.5}, "model: null, expected a name"),
        ({"model": 4, "Power": 0.5}, "model: 4, expected a name"),
        ({"model": " \t", "Power": 0.5}, "model: ' \\t', expected a name"),
        ({"model": "b", "name": "c", "Power": 0.5}, "name: the model stands twice in this row"),
        ({"model": "b" * 1_025, "Power": 0.5}, "model: 'bbb"),
        ({"model": "b\ud800", "Power": 0.5}, "model: 'b\\ud800': half of a surrogate pair"),
        ({"model": " a ", "Power": 0.5}, "model: 'a' already stands in row 1; remove one"),
        ({"model": "b", "Wealth": 0.5}, "Wealth: not a dimension of schwartz; known: Self-dir"),
        ({"model": "b", "developer": "c"}, "developer: not a dimension of schwartz"),
        ({"model": "b", "\x1b[2J": 1}, "'\\x1b[2J': not a dimension"),
        ({"model": "b", "Power": 0.5, " POWER": 0.5}, " POWER: Power stands twice in this row"),
        ({"model": "b", "Power": None, "power": 1}, "power: Power stands twice in this row"),
        ({"model": "b", "Power": None}, "'b' has no score; remove the row"),
        ({"model": "b"}, "'b' has no score"),
    ],
)
def test_a_row_that_is_none_is_told(tmp_path, row, said):
    assert refused(rows(tmp_path, GOOD, row)).startswith(f", row 2: {said}")


@pytest.mark.parametrize(
    ("one", "other"), [("caf\u00e9", "cafe\u0301"), ("b\u200b\u00e9", "b\u00e9")]
)
def test_names_that_nobody_can_tell_apart_are_one(tmp_path, one, other):
    table = [{"model": name, "Power": 0.5} for name in (one, other)]
    assert "already stands in row 1" in refused(rows(tmp_path, *table))


def test_an_alias_beside_the_name_it_stands_for_is_told(tmp_path):
    with_alias = next(d for d in SYSTEM.dimensions if d.aliases)
    row = {"model": "b", with_alias.name: 0.5, with_alias.aliases[0]: 0.5}
    said = refused(rows(tmp_path, GOOD, row))
    assert f"{with_alias.name} stands twice in this row, under two names" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"model": "a", "Power": 1}, {"model": "\xe9", "Power": 1}]', ", row 2: byte 0xe9"),
        ('[{"model": "a", "Power": 1}]'.encode("utf-16"), ": byte 0xff"),
        (b"\xef\xbb\xbf\xef\xbb\xbf[]", ": not valid here: '\\ufeff[]'"),
        ('[{"model": "a", "Power": 1}]'.encode("utf-16-le"), ", row 1: not valid JSON"),
        (b'[{"model": "a", "Power": 1}]\xff', ": byte 0xff"),
        (b'[{"model": "a", "Power": 1}, {"model": "\xe2\x82', ", row 2: byte 0xe2"),
    ],
)
def test_another_encoding_is_told_with_its_row(tmp_path, data, said):
    assert refused(file(tmp_path, data)).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": the file is empty"),
        ("\n\n", ": the file is empty"),
        ("model,Power\n", ": no rows"),
        ("model,Power,Power\na,1,2\n", ", line 1: Power: stands twice in the header"),
        ("model,Power, power\na,1,2\n", ", line 2: power: Power stands twice in this row"),
        ("model,Power,power\na,1,\n", ", line 2: power: Power stands twice in this row"),
        ("model,,Power\na,1,2\n", ", line 1: column 2: it has no name"),
        ("model;Power\na;1\n", ", line 1: the columns are separated by ';', expected commas"),
        ("model;Power;Security\na;0,5;0,6\n", ", line 1: the columns are separated by ';'"),
        ("model\tPower\na\t1\n", ", line 1: the columns are separated by '\\t'"),
        ("model,Power\na,1\nb,0,5\n", ", line 3: 3 cells, but 2 columns in the header; put"),
        ("model,Power\n\na,1\nb\n", ", line 4: 1 cells, but 2 columns"),
        ('model,Power\na,"0,5"\n', ", line 2: Power: '0,5', expected a decimal point"),
        ("model,Power\na,1\nmodel,Power\n", ", line 3: Power: 'Power', the header again"),
        ("model,Power\na,nan\n", ", line 2: Power: 'nan', expected a number such as"),
        ("model,Power\na,NA\n", ", line 2: Power: 'NA', expected a number such as"),
        ("model,Power\na,True\n", ", line 2: Power: 'True', expected a number such as"),
        ("model,Power\na,1_0\n", ", line 2: Power: '1_0', expected a number"),
        ("model,Power\na,٣\n", ", line 2: Power: '٣', expected a number"),
        ("model,Power\na,1e999\n", ", line 2: Power: inf, expected a finite number"),
        ("model,Power\na,\n", ", line 2: 'a' has no score"),
        ("model,Power\n,1\n", ", line 2: model: null, expected a name"),
        ("model,Wealth\na,1\n", ", line 2: Wealth: not a dimension of schwartz"),
        ("Power\n1\n", ", line 2: model: missing, the name; the row has: Power"),
        ('model,Power\na,1\n"a ",1\n', ", line 3: model: 'a' already stands in line 2"),
        ('model,Power\na,"1\nb,2\n', ", line 2: broken row: unexpected end of data"),
        ('model,Power\na,"1"2\n', ", line 2: broken row: ',' expected after '\"'"),
        (b"model,Power\na,1\n\xe9,1\n", ", line 3: byte 0xe9 is not UTF-8; save the file"),
        ("model,Power\na,1\n".encode("utf-16"), ", line 1: byte 0xff is not UTF-8"),
    ],
)
def test_a_csv_file_is_told_by_line_and_column(tmp_path, text, said):
    assert refused(file(tmp_path, text, "t.csv")).startswith(said)


def test_a_mark_that_is_never_closed_does_not_swallow_the_file(tmp_path):
    many = "".join(f"b{i},1\n" for i in range(LONGEST // 4))
    said = refused(file(tmp_path, f'model,Power\na,"1\n{many}', "t.csv"))
    assert "the row is longer than" in said or "field larger than" in said
    endless = file(tmp_path, '[{"model": "' + "a" * 3 * LONGEST)
    assert refused(endless).startswith(", row 1: longer than 1,000,000 characters")
    wide = file(tmp_path, "model,Power" + ",x" * LONGEST, "t.csv")
    assert refused(wide).startswith(", line 1: the row is longer than")


@pytest.mark.parametrize(
    ("least", "most", "told"),
    [
        ({"Power": 0.4, "Security": 0.6}, {"Power": 40, "Security": 60}, True),
        ({"Power": 0.4, "Security": 0.9}, {"Power": 4.5, "Security": 1}, True),
        ({"Power": 40, "Security": 60}, {"Power": 400, "Security": 620}, True),
        ({"Power": 0.4, "Security": 0}, {"Power": 40, "Security": 60}, False),
        ({"Power": 0, "Security": 0}, {"Power": 40, "Security": 60}, False),
        ({"Power": 90, "Security": 99}, {"Power": 104, "Security": 120}, False),
        ({"Power": -0.9, "Security": 0.5}, {"Power": 1.2, "Security": -1.4}, False),
    ],
)
def test_rows_on_different_scales_are_told_either_way_round(tmp_path, least, most, told):
    for one, other, high in ((least, most, most), (most, least, least)):
        path = rows(tmp_path, {"model": "a"} | one, {"model": "b"} | other)
        if told:
            size = max(high.values())
            said = refused(path)
            assert f"{size:g}, on another scale than row 1 ('a', whose largest is" in said
            assert said.startswith(", row 2: ")
        assert survey(path, SYSTEM, (-1e3, 1e3)).rows == 2
        if not told:
            assert survey(path, SYSTEM).rows == 2


def test_a_column_that_may_be_on_another_scale_is_pointed_out(tmp_path):
    table = [
        {"model": "a", "Power": 40.0, "Security": 0.4, "Hedonism": 0},
        {"model": "b", "Power": 61.5, "Security": -1, "Hedonism": None},
    ]
    path = rows(tmp_path, *table)
    assert survey(path, SYSTEM).narrow == ("Security",)
    assert survey(path, SYSTEM, (-100, 100)).narrow == ()
    assert survey(rows(tmp_path, *table, {"model": "c", "Security": 1.5}), SYSTEM).narrow == ()
    assert survey(rows(tmp_path, GOOD), SYSTEM).narrow == ()


def test_a_declared_scale_is_kept_to(tmp_path):
    path = rows(tmp_path, GOOD)
    assert refused(path, scale=(0, 1)) == ", row 1: Hedonism: -0.1 is outside --scale 0 1"
    for wrong in ((1.0, 0.0), (0.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))):
        with pytest.raises(InputError, match=r"--scale .* expected the lowest and the highest"):
            survey(path, SYSTEM, wrong)


def test_zero_counts_and_null_is_missing(tmp_path):
    one, two = {"model": "a", "Power": 0, "Security": 0.5}, {"model": "b", "Security": 1}
    found = survey(rows(tmp_path, one, two | {"Power": None}), SYSTEM)
    assert (found.rows, found.missing, found.low, found.high) == (2, 1, 0, 1)
    assert found.dimensions == ("Power", "Security")
    text = "Model , power,Security\na,0,.5\n\nb, ,1\n"
    parsed = list(read_rows(file(tmp_path, text, "t.csv"), SYSTEM))
    assert [row.number for row in parsed] == [2, 4]
    power = SYSTEM.names.index("Power")
    assert [row.scores[power] for row in parsed] == [0, None]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_where_chunks_end_does_not_matter(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("valuecompass.measure.published.rows.CHUNK", chunk)
    table = [{"model": f'Ä{i}\t"{{[', "Power": 12.5 + i, "Security": None} for i in range(3)]
    document = {"date": 12, "x": [1, {"data": []}], "data": table, "end": True}
    text = "\ufeff" + json.dumps(document, ensure_ascii=False, indent=1)
    parsed = list(read_rows(file(tmp_path, text), SYSTEM))
    power = SYSTEM.names.index("Power")
    assert [(row.respondent, row.scores[power]) for row in parsed] == [
        (row["model"], row["Power"]) for row in table
    ]


def test_absent_unreadable_and_unknown_files_are_told(tmp_path):
    assert refused(tmp_path / "none.json") == ": cannot be read (No such file or directory)"
    assert ": cannot be read" in refused(tmp_path)
    said = refused(file(tmp_path, "[]", "t.jsonl"))
    assert said == ": unknown kind of file; known: .json, .csv, .tsv"


META = {
    "model": "a ",
    "developer": "Maker",
    "type": "Open",
    "release date": "2024-05-13",
    "website": "https://example.org",
    "report": None,
    "affiliation": ["x"],
}


def test_meta_is_read_as_it_is_published(tmp_path):
    known = {"developer": "Maker", "openness": "Open", "release": "2024-05-13"}
    assert read_meta(file(tmp_path, json.dumps({"data": [META]}))) == {"a": known}
    text = "Model,Developer,Release Date,Website\na,Maker,,x\n"
    assert read_meta(file(tmp_path, text, "m.csv")) == {"a": {"developer": "Maker"}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([META, META], ", row 2: model: 'a' already stands above; remove one"),
        ([META, {"developer": "b"}], ", row 2: model: missing"),
        ([META | {"name": "b"}], ", row 1: name: the model stands twice"),
        ([META | {"type": True}], ", row 1: type: true, expected a text"),
        ([META | {"release date": 2024}], ", row 1: release date: 2024, expected a text"),
        ([GOOD], ": no row says anything of a model; expected rows with model and developer"),
        ([], ": no row says anything of a model"),
    ],
)
def test_meta_that_is_wrong_is_told(tmp_path, given, said):
    path = rows(tmp_path, *given)
    with pytest.raises(InputError, match=re.escape(f"{path}{said}")):
        read_meta(path)


@pytest.mark.anyio
async def test_what_is_stored_says_where_it_is_from(tmp_path, workspace):
    path = rows(tmp_path, GOOD, {"model": "b", "Power": 0, "Security": None})
    meta = file(tmp_path, json.dumps([META]), "meta.json")
    day = date(2025, 1, 31)
    await import_table(path, SYSTEM, day, workspace=workspace, meta=meta, scale=(-1, 1))
    (measurement,) = (await load_board(workspace, None, "schwartz")).measurements
    manifest = measurement.manifest
    assert manifest["source"]["file"] == "t.json" and manifest["source"]["rows"] == 2
    assert manifest["scale"] == {"low": -1, "high": 1, "declared": True}
    assert manifest["meta"]["a"]["openness"] == "Open"
    with closing(sqlite3.connect(workspace / "valuecompass.sqlite")) as store:
        query = "SELECT respondent, dimension, score, low, high, n, missing, detail FROM scores"
        stored = {row[:2]: row[2:] for row in store.execute(query)}
    assert len(stored) == 6 and stored["a", "Hedonism"] == (-0.1, None, None, 0, 0, "{}")
    assert stored["b", "Power"] == (0, None, None, 0, 0, "{}")
    assert stored["b", "Security"] == (None, None, None, 0, 1, "{}")


@pytest.mark.anyio
async def test_a_table_that_changes_while_it_is_read_leaves_nothing(
    tmp_path, workspace, monkeypatch
):
    path = rows(tmp_path, GOOD)
    await import_table(path, SYSTEM, date(2025, 1, 31), workspace=workspace)
    path = rows(tmp_path, GOOD | {"Power": 0.75})

    def changed(*given: Any) -> Any:
        yield from read_rows(*given)
        rows(tmp_path, GOOD | {"Power": 0.8})

    monkeypatch.setattr("valuecompass.measure.published.importing.read_rows", changed)
    with pytest.raises(InputError, match="has changed while it was read; import it again"):
        await import_table(path, SYSTEM, date(2025, 2, 1), workspace=workspace)
    board = await load_board(workspace, None, "schwartz")
    assert board.created.date() == date(2025, 1, 31)
