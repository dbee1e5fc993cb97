import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from valuecompass.cli import main
from valuecompass.errors import InputError
from valuecompass.items import TOPICS, Item, Lineage, seed_items
from valuecompass.items.io import read_items, write_items
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

SCHWARTZ = builtin_system("schwartz")
SUFFIXES = ("jsonl", "csv", "tsv", "parquet")
HEADER = "kind,text,dimensions\n"
GOOD = "question,Should bells ring at dawn?,Tradition\n"


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet(path: Path, rows: list[dict]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


text = st.text(min_size=1, max_size=60)
names = st.lists(st.sampled_from(SCHWARTZ.names), min_size=2, max_size=4, unique=True)
small = st.integers(-1_000, 1_000)
tool = st.fixed_dictionaries(
    {"name": st.just("look_up"), "description": text},
    optional={
        "parameters": st.dictionaries(text, st.none() | small | text | st.lists(text, max_size=2)),
        "result": st.text(max_size=20),
    },
)
turn = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "tool"]), "text": text}, optional={"when": text}
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
        body |= {"turns": [draw(turn)], "tools": draw(st.lists(tool, max_size=2))}
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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_while_writing_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"items.{suffix}"
    old = list(seed_items("schwartz")[:3])
    write_items(old, path)

    def failing():
        yield from seed_items("schwartz")[3:50]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_items(failing(), path)
    assert read_items(path, SCHWARTZ) == old
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_kill_while_writing_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"items.{suffix}"
    old = list(seed_items("schwartz")[:3])
    write_items(old, path)
    script = """
        import os, signal, sys
        from pathlib import Path
        from valuecompass.items import seed_items
        from valuecompass.items.io import write_items

        def dying():
            yield from seed_items("schwartz")
            os.kill(os.getpid(), signal.SIGKILL)

        write_items(dying(), Path(sys.argv[1]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert read_items(path, SCHWARTZ) == old


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = written(tmp_path / "file", "")
    with pytest.raises(InputError, match="cannot be written"):
        write_items([], blocked / "items.csv")
