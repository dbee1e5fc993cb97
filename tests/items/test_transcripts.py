"""Conversations as they lie in files: layouts, columns, and what is wrong told by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from valuecompass.errors import InputError
from valuecompass.items.transcripts import Columns, Conversation, Message, read_conversations

OPENAI = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "4"},
        {"role": "assistant", "content": "Hello."},
    ],
}
SHAREGPT = {
    "id": "7",
    "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}],
}


def file(folder: Path, name: str, *rows: Any) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, columns: Columns | None = None) -> list[Conversation]:
    return list(read_conversations(path, columns or Columns()))


def test_chats_are_read_in_both_layouts(tmp_path: Path) -> None:
    first, second = read(file(tmp_path, "log.jsonl", OPENAI, SHAREGPT))
    assert first.respondent == "m" and second.respondent == "log"
    assert first.messages == (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", ""),
        Message("tool", "4"),
        Message("assistant", "Hello."),
    )
    assert second.messages == (Message("user", "Hi"), Message("assistant", "Hello."))
    assert second.source == f"{tmp_path / 'log.jsonl'}, line 2"


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"data": rows}])
def test_json_holds_a_list_of_rows(tmp_path: Path, wrap: Any) -> None:
    path = file(tmp_path, "log.json", wrap([OPENAI, SHAREGPT]))
    assert [c.digest for c in read(path)] == [
        c.digest for c in read(file(tmp_path, "log.jsonl", OPENAI, SHAREGPT))
    ]
    assert len(read(file(tmp_path, "one.json", OPENAI))) == 1


def test_a_table_has_a_text_a_row(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("model,prompt,response,output\na,Why?,Because.,x\nb,,So.,x\nb,Well?,,x\n")
    first, second, silent = read(path)
    assert silent.messages == (Message("user", "Well?"), Message("assistant", ""))
    assert first.respondent == "a" and second.respondent == "b"
    assert first.messages == (Message("user", "Why?"), Message("assistant", "Because."))
    assert second.messages == (Message("assistant", "So."),)


def test_columns_may_be_named_and_rows_of_a_conversation_joined(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("who,said,asked,talk\na,1,x,t1\nb,2,y,t1\na,3,z,t1\na,4,w,\n")
    columns = Columns(text="said", prompt="asked", model="who", conversation="talk")
    found = {(c.respondent, tuple(m.text for m in c.messages)) for c in read(path, columns)}
    assert found == {("a", ("x", "1", "z", "3")), ("b", ("y", "2")), ("a", ("w", "4"))}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"said": "x"}, 'line 1: no text: expected "messages"'),
        ({"messages": ["x"]}, r"line 1: messages.0: expected an object with role and content"),
        ({"messages": '[{"role": '}, r"line 1: messages: not readable JSON"),
        (
            {"messages": [{"role": "user", "content": {"text": "x"}}]},
            r"line 1: messages.0: content: expected a text, a list of parts or null, not dict",
        ),
        (
            {"conversations": [{"from": "gpt", "value": 3}]},
            r"line 1: conversations.0: value: expected a text, a list of parts or null, not int",
        ),
        ({"messages": [{"role": "owl", "content": "x"}]}, "messages.0: role: 'owl' is no known"),
        ({"conversations": [{"value": "x"}]}, "conversations.0: from: None is no known role"),
        ({"response": ["x"]}, "line 1: response: expected text"),
        ({"response": "x", "model": {}}, "line 1: model: expected text"),
    ],
)
def test_a_row_that_is_none_is_told(tmp_path: Path, row: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(file(tmp_path, "log.jsonl", row))


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("response\nx\n")
    for name in ("text", "prompt", "model", "conversation"):
        with pytest.raises(InputError, match=r"answers.csv, line 1: no-such: there is no such col"):
            read(path, Columns(**{name: "no-such"}))


def test_an_empty_chat_gives_way_to_a_text_beside_it(tmp_path: Path) -> None:
    row = {"messages": [], "prompt": "Why?", "response": "Because."}
    (found,) = read(file(tmp_path, "log.jsonl", row))
    assert found.messages == (Message("user", "Why?"), Message("assistant", "Because."))
    (found,) = read(file(tmp_path, "log.jsonl", {"messages": []}))
    assert found.messages == ()


def test_files_that_hold_nothing_are_told(tmp_path: Path) -> None:
    for name, text, said in (
        ("a.jsonl", "\n", "holds no row"),
        ("a.json", "[]", "holds no row"),
        ("a.json", "{", "not readable JSON"),
        ("a.json", "3", "expected a list of conversations"),
        ("a.json", "[3]", "row 1: expected an object"),
        ("a.txt", "x", "unknown kind of file"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none.jsonl")
