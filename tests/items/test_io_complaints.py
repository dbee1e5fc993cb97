"""Item files that cannot be read: the message names the file, the line and the field."""

import json

import pytest

from tests.items.files import GOOD, HEADER, SCHWARTZ, parquet, written
from valuecompass.cli import main
from valuecompass.errors import InputError
from valuecompass.items.io import read_items, write_items


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (HEADER + GOOD + "question,Ja?,Bravery\n", "line 3: dimensions: 'Bravery' is not a dimen"),
        (HEADER + GOOD + GOOD, "line 3: id: the same item"),
        (f"id,{HEADER}7,{GOOD}7,stem,I,Power\n", "line 3: id: id '7' already stands in line 2"),
        (HEADER.encode() + b"stem,caf\xe9 I,Power\n", "line 2: byte 0xe9 is not UTF-8"),
        ((HEADER + GOOD).encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        ("kind,text\nstem,I\n", "line 1: dimensions: there is no such column; the file has: kind"),
        ("kind,text,dimensions,mood\n", "line 1: mood: unknown column"),
        (HEADER + "stem,I\n", "line 2: dimensions: the row has 2 cells and the header 3"),
        (HEADER + "stem,I, but,Power\n", "line 2: dimensions: the row has 4 cells"),
        (HEADER + 'stem,"I" am,Power\n', "line 2: broken row: "),
        (HEADER + GOOD + '\nstem,"I,Power\nstem,We,Power\n', "line 4: broken row: unexpected end"),
        (HEADER + "stem,,Power\n", "line 2: text: this field is missing"),
        ("", "line 1: the file is empty"),
        ("kind,kind,text\n", "line 1: column 2: the name 'kind' stands twice"),
        ("kind,,text\n", "line 1: column 2: this column has no name"),
        (
            "kind,text,dimensions,sides\ntradeoff,A day.,Power,[{]\n",
            "line 2: sides: not valid JSON: Expecting property name",
        ),
        (
            'kind,text,dimensions,scale,scale_low\nlikert,I,Power,"[1,2]",1\n',
            "line 2: scale: given twice",
        ),
        (
            "kind,text,dimensions,keying\nlikert,I,Power,up\n",
            "line 2: keying: 'up' is not a whole number",
        ),
        (
            "kind,text,dimensions,side_a,side_a_dimension\ntradeoff,A day.,Power,Win.,Power\n",
            "line 2: sides.2.dimension: this field is missing",
        ),
    ],
)
def test_csv_complaints_name_file_line_and_field(tmp_path, content, complaint):
    path = written(tmp_path / "mine.csv", content)
    with pytest.raises(InputError) as caught:
        read_items(path, SCHWARTZ)
    assert str(caught.value).startswith(f"{path}, {complaint}")
    assert caught.value.exit_code == 2


def test_jsonl_complaints_name_file_line_and_field(tmp_path):
    good = json.dumps({"kind": "stem", "text": "I", "dimensions": ["Power"]})
    path = written(tmp_path / "mine.jsonl", good + "\n{broken}\n")
    with pytest.raises(InputError, match=r"mine\.jsonl, line 2, column 2: not valid JSON"):
        read_items(path, SCHWARTZ)
    path = written(tmp_path / "mine.jsonl", good.encode() + b"\n\xff")
    with pytest.raises(InputError, match=r"mine\.jsonl, line 2: byte 0xff is not UTF-8"):
        read_items(path, SCHWARTZ)


def test_parquet_complaints_name_file_row_and_field(tmp_path):
    path = written(tmp_path / "mine.parquet", b"PAR1 not really")
    with pytest.raises(InputError, match=r"mine\.parquet: not a Parquet file"):
        read_items(path, SCHWARTZ)
    row = {"kind": "stem", "text": "I", "dimensions": ["Power"]}
    parquet(path, [row, {**row, "dimensions": ["Glory"]}])
    with pytest.raises(InputError, match=r"mine\.parquet, row 2: dimensions: 'Glory'"):
        read_items(path, SCHWARTZ)
    parquet(path, [{"text": "I"}])
    with pytest.raises(InputError, match=r"row 1: kind: there is no such column"):
        read_items(path, SCHWARTZ)


def test_a_mapped_column_must_exist(tmp_path):
    path = written(tmp_path / "mine.csv", HEADER + GOOD)
    with pytest.raises(InputError, match=r"line 1: prompt: .* has: kind, text, dimensions$"):
        read_items(path, SCHWARTZ, columns={"text": "prompt"})
    with pytest.raises(InputError, match="columns: 'txt' is not a field of an item"):
        read_items(path, SCHWARTZ, columns={"txt": "text"})
    with pytest.raises(InputError, match="defaults: 'mood' is not a field of an item"):
        read_items(path, SCHWARTZ, defaults={"mood": "good"})


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet", "absent.jsonl"])
def test_an_absent_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: cannot be read \(No such file"):
        read_items(tmp_path / name, SCHWARTZ)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.xlsx: unknown kind of file; known: \.jsonl"):
        read_items(written(tmp_path / "a.xlsx", ""), SCHWARTZ)
    with pytest.raises(InputError, match=r"a\.xlsx: unknown kind of file"):
        write_items([], tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", HEADER),
        ("a.tsv", "item\tdimension\n"),
        ("a.csv", "prompt,value\n"),
        ("a.jsonl", "\n"),
    ],
)
def test_a_file_without_rows_is_named(tmp_path, monkeypatch, capsys, name, content):
    path, out = written(tmp_path / name, content), tmp_path / "out.jsonl"
    mapping = ["-c", "text=prompt", "-c", "dimensions=value", "-d", "kind=stem"]
    monkeypatch.setattr(
        "sys.argv",
        ["valuecompass", "items", "import", str(path), str(out)]
        + (mapping if "prompt" in content else []),
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.strip() == f"valuecompass: {path}: no items"
    assert not out.exists()
