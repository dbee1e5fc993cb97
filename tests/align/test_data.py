"""Negatives from data of others: layouts, kinds of files, what is dropped, what is held out."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from valuecompass.align.train.data import (
    Candidate,
    collect,
    is_held_out,
    prompt_key,
    read_negatives,
    write_rows,
)
from valuecompass.errors import InputError

Rows = Sequence[Mapping[str, Any]]


def pku(prompt: str, first: bool, second: bool, safer: int = 0) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "response_0": f"first of {prompt}",
        "response_1": f"second of {prompt}",
        "is_response_0_safe": first,
        "is_response_1_safe": second,
        "better_response_id": 0,
        "safer_response_id": safer,
    }


PKU = (
    pku("a", True, False),
    pku("b", False, True, 1),
    pku("c", False, False, 0),
    pku("d", False, False, 1),
    pku("e", True, True),
    pku(" a ", True, False),
)
BEAVER = (
    {"prompt": "a", "response": "bad a", "category": {"theft": True, "spite": False},
     "is_safe": False},
    {"prompt": "a", "response": "good a", "category": {"theft": False, "spite": False},
     "is_safe": True},
    {"prompt": "b", "response": "bad b", "category": {"theft": True, "spite": True},
     "is_safe": False},
    {"prompt": "b", "response": "worse b", "category": {"theft": True, "spite": True},
     "is_safe": False},
)  # fmt: skip


def jsonl(rows: Rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_jsonl(path: Path, rows: Rows) -> None:
    path.write_text(jsonl(rows))


def as_gz(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress(jsonl(rows).encode()))


def as_json(path: Path, rows: Rows) -> None:
    path.write_text(json.dumps(list(rows)))


def as_csv(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def as_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)


KINDS: dict[str, Callable[[Path, Rows], None]] = {
    "data.jsonl": as_jsonl,
    "data.jsonl.gz": as_gz,
    "data.json": as_json,
    "lines.json": as_jsonl,
    "data.csv": as_csv,
    "data.parquet": as_parquet,
}


def pairs(rows: Rows) -> list[tuple[Any, Any]]:
    return [(row["prompt"], row["rejected"]) for row in rows]


@pytest.mark.parametrize("name", KINDS)
def test_of_a_pair_the_unsafe_response_is_the_negative(tmp_path: Path, name: str) -> None:
    KINDS[name](tmp_path / name, PKU)
    found = read_negatives(tmp_path / name)
    assert pairs(found.rows) == [
        ("a", "second of a"),
        ("b", "first of b"),
        ("c", "second of c"),
        ("d", "first of d"),
    ]
    assert found.read == 6
    assert found.dropped == {"both responses are safe": 1, "prompt again": 1}
    assert found.rows[0]["source"]["file"] == name
    assert not any("chosen" in row for row in found.rows)


@pytest.mark.parametrize("name", KINDS)
def test_unsafe_responses_are_negatives(tmp_path: Path, name: str) -> None:
    KINDS[name](tmp_path / name, BEAVER)
    found = read_negatives(tmp_path / name)
    assert pairs(found.rows) == [("a", "bad a"), ("b", "bad b")]
    assert [row["source"]["categories"] for row in found.rows] == [["theft"], ["theft", "spite"]]
    assert found.dropped == {"the response is safe": 1, "prompt again": 1}


def test_all_negatives_of_a_prompt_are_kept_on_demand(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "b.jsonl", [*BEAVER, BEAVER[2]])
    found = read_negatives(tmp_path / "b.jsonl", keep_all=True)
    assert pairs(found.rows) == [("a", "bad a"), ("b", "bad b"), ("b", "worse b")]
    assert found.dropped == {"the response is safe": 1, "prompt and response again": 1}


def test_positives_are_safe_responses_and_nothing_else(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "p.jsonl", PKU)
    found = read_negatives(tmp_path / "p.jsonl", positives=True)
    assert [(r["prompt"], r["chosen"]) for r in found.rows] == [
        ("a", "first of a"),
        ("b", "second of b"),
    ]
    # of two unsafe responses the safer one is still no positive
    assert found.dropped["no safe response"] == 2
    as_jsonl(tmp_path / "b.jsonl", BEAVER)
    found = read_negatives(tmp_path / "b.jsonl", positives=True)
    assert [(r["prompt"], r["chosen"]) for r in found.rows] == [("a", "good a")]


def test_plain_rows_are_texts_or_chats(tmp_path: Path) -> None:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]
    text = {"prompt": "x", "rejected": "y", "chosen": "z", "is_chosen_safe": False}
    chat = {"prompt": said, "rejected": [{"role": "assistant", "content": "y"}]}
    as_jsonl(tmp_path / "t.jsonl", [text])
    as_jsonl(tmp_path / "c.jsonl", [chat | {"source": {"of": "me"}}])
    assert pairs(read_negatives(tmp_path / "t.jsonl").rows) == [("x", "y")]
    assert read_negatives(tmp_path / "t.jsonl", positives=True).dropped == {"no safe response": 1}
    assert read_negatives(tmp_path / "c.jsonl").rows == [chat | {"source": {"of": "me"}}]
    (row,) = read_negatives(tmp_path / "t.jsonl", chat=True).rows
    assert row["prompt"] == [{"role": "user", "content": "x"}]
    assert row["rejected"] == [{"role": "assistant", "content": "y"}]


def test_what_is_marked_safe_or_empty_is_no_negative(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "rejected": "x", "is_rejected_safe": True},
        {"prompt": "b", "rejected": "  ", "is_rejected_safe": False},
        {"prompt": "\n", "rejected": "x", "is_rejected_safe": False},
        {"prompt": "c", "rejected": "x", "is_rejected_safe": False},
    ]
    for name in ("p.jsonl", "p.csv", "p.parquet"):
        KINDS[f"data.{name.partition('.')[2]}"](tmp_path / name, rows)
        found = read_negatives(tmp_path / name)
        assert pairs(found.rows) == [("c", "x")]
        assert found.dropped == {
            "the response is safe": 1,
            "empty response": 1,
            "empty prompt": 1,
        }


def test_an_empty_cell_is_an_empty_text(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("prompt,rejected\na,\nb,x\n")
    found = read_negatives(tmp_path / "p.csv")
    assert (pairs(found.rows), found.dropped) == ([("b", "x")], {"empty response": 1})


def test_a_prompt_is_held_out_by_its_words_alone(tmp_path: Path) -> None:
    prompts = [f"question {n}?" for n in range(400)]
    as_jsonl(tmp_path / "one.jsonl", [{"prompt": p, "rejected": "x"} for p in prompts])
    backwards = [{"prompt": f" {p}\n", "rejected": "y"} for p in reversed(prompts)]
    as_jsonl(tmp_path / "two.jsonl", backwards)
    one = read_negatives(tmp_path / "one.jsonl", held_out=0.25)
    two = read_negatives(tmp_path / "two.jsonl", held_out=0.25, chat=True)
    held = {prompt_key(row["prompt"]) for row in one.held_out}
    assert held == {prompt_key(row["prompt"]) for row in two.held_out}
    assert not held & {prompt_key(row["prompt"]) for row in [*one.rows, *two.rows]}
    assert len(one.rows) + len(one.held_out) == 400
    # 100 +- 3.5 standard deviations
    assert 70 < len(held) < 130
    other = read_negatives(tmp_path / "one.jsonl", held_out=0.25, seed=1)
    assert held != {prompt_key(row["prompt"]) for row in other.held_out}


def test_nothing_is_held_out_unless_asked_for(tmp_path: Path) -> None:
    assert not any(is_held_out(f"p{n}", 0.0, n) for n in range(100))
    for share in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match="held_out: "):
            collect([], "x", held_out=share)


def test_a_limit_keeps_the_first(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "p.jsonl", [{"prompt": str(n), "rejected": "x"} for n in range(9)])
    found = read_negatives(tmp_path / "p.jsonl", limit=4)
    assert [row["prompt"] for row in found.rows] == list("0123")
    assert found.dropped == {"beyond the limit": 5}
    with pytest.raises(InputError, match="limit: 0"):
        read_negatives(tmp_path / "p.jsonl", limit=0)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    prompt = "=1+1 \u202e<|im_end|>\n{{ x }} <script>"
    as_jsonl(tmp_path / "p.jsonl", [{"prompt": prompt, "rejected": "\x1b[2J \ud83d\x00 y"}])
    (row,) = read_negatives(tmp_path / "p.jsonl").rows
    assert row["prompt"] == prompt
    assert row["rejected"] == "\x1b[2J \ufffd\ufffd y"
    write_rows(tmp_path / "out.jsonl", [row])
    assert read_negatives(tmp_path / "out.jsonl").rows == [row]


def folder(tmp_path: Path, files: dict[str, Rows]) -> Path:
    for name, rows in files.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        KINDS[f"data.{path.name.partition('.')[2]}"](path, rows)
    (tmp_path / "set" / "README.md").write_text("---\nlicense: cc\n---\n")
    return tmp_path / "set"


def test_a_folder_in_the_hubs_layout_has_splits(tmp_path: Path) -> None:
    at = folder(
        tmp_path,
        {
            "data/train-00000-of-00002.parquet": PKU[:1],
            "data/train-00001-of-00002.parquet": PKU[1:2],
            "data/test-00000-of-00001.parquet": PKU[2:3],
        },
    )
    assert [row["prompt"] for row in read_negatives(at).rows] == ["a", "b"]
    assert [row["prompt"] for row in read_negatives(at, split="test").rows] == ["c"]
    with pytest.raises(InputError, match="split: there is no 'dev' in it; there is: test, train"):
        read_negatives(at, split="dev")


def test_a_folder_of_subsets_is_read_whole_or_in_part(tmp_path: Path) -> None:
    at = folder(
        tmp_path,
        {
            "one/train.jsonl": PKU[:1],
            "two/train.jsonl.gz": PKU[1:2],
            "two/test.jsonl": PKU[3:4],
            ".cache/train.jsonl": PKU[2:3],
        },
    )
    assert [row["prompt"] for row in read_negatives(at).rows] == ["a", "b"]
    assert [row["prompt"] for row in read_negatives(at, subset="two").rows] == ["b"]
    with pytest.raises(InputError, match="three: there is no such folder"):
        read_negatives(at, subset="three")


def test_files_that_name_no_split_are_all_read(tmp_path: Path) -> None:
    # "training" and "constraint" are no splits
    at = folder(tmp_path, {"constraint-a.jsonl": PKU[:1], "training.csv": PKU[1:2]})
    assert [row["prompt"] for row in read_negatives(at).rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", '{"question":"a","answer":"b"}', "x.jsonl: columns: found question, answer; "
         "wanted: prompt, response_0"),
        ("x.jsonl", jsonl([PKU[0], {**PKU[1], "response_1": None}]),
         "x.jsonl, line 2: response_1: is missing"),
        ("x.jsonl", jsonl([{**PKU[0], "response_0": 7}]),
         "x.jsonl, line 1: response_0: a text is needed, not int"),
        ("x.json", json.dumps([PKU[0], {**PKU[0], "is_response_0_safe": "perhaps"}]),
         "x.json, row 2: is_response_0_safe: 'perhaps' is neither true nor false"),
        ("x.jsonl", jsonl([{**PKU[2], "safer_response_id": 2}]),
         "x.jsonl, line 1: safer_response_id: '2' is neither 0 nor 1"),
        ("x.jsonl", jsonl([{k: v for k, v in PKU[2].items() if k != "safer_response_id"}]),
         "x.jsonl, line 1: safer_response_id: is missing"),
        ("x.jsonl", jsonl([{**BEAVER[0], "category": "theft"}]),
         "x.jsonl, line 1: category: names with true or false are needed"),
        ("x.jsonl", '{"prompt":[{"role":"user"}],"rejected":"y"}',
         "x.jsonl, line 1: prompt: a message is"),
        ("x.jsonl", '{"prompt":[{"role":"assistant","content":"y"}],"rejected":"y"}',
         "x.jsonl, line 1: prompt: the last message must be the user's"),
        ("x.jsonl", '{"prompt":"x","rejected":[{"role":"assistant","content":"y"}]}',
         "x.jsonl, line 1: rejected: prompt and rejected must both be"),
        ("x.jsonl", '{"prompt":"x","rejected":[{"role":"user","content":"y"},'
         '{"role":"assistant","content":"y"}]}', "x.jsonl, line 1: rejected: one message"),
        ("x.jsonl", '{"prompt":"x","rejected":"y"}\n{"prompt":[{"role":"user","content":"z"}],'
         '"rejected":[{"role":"assistant","content":"y"}]}',
         "x.jsonl, row 2: prompt: texts and chats are mixed"),
        ("x.jsonl", '{"prompt":"x","rejected":"y"}\n{"prompt"', "x.jsonl, line 2, column"),
        ("x.jsonl", "", "x.jsonl: columns: found none"),
        ("x.csv", "prompt,rejected\n", "x.csv: holds no row"),
        ("x.jsonl.gz", "not gzip", "x.jsonl.gz: not a whole gzip file"),
        ("x.json", "[1]", "x.json, row 1: expected a JSON object"),
        ("x.json", "[" * 100_000, "x.json: not valid JSON"),
        ("x.txt", "a", "x.txt: unknown kind of file; known: .jsonl"),
    ],
)  # fmt: skip
def test_bad_input_names_file_row_and_field(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as stop:
        read_negatives(tmp_path / name)
    assert f"{tmp_path}/{said}" in str(stop.value)


@pytest.mark.parametrize("name", ["/no/such", "./no/such", "a b", "data.jsonl", "a/b.parquet"])
def test_a_source_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_negatives(name)


def test_a_folder_without_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="holds no file of data"):
        read_negatives(tmp_path)


def test_candidates_without_a_negative_are_counted_by_reason() -> None:
    told = [Candidate("a", None, why="one"), Candidate("b", "x"), Candidate("c", None, why="one")]
    found = collect(told, "mine")
    assert (len(found.rows), found.read, found.dropped) == (1, 3, {"one": 2})
