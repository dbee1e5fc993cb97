"""What models wrote elsewhere: conversations as they lie in files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items.rows import Row
from valuecompass.items.tables import Table, open_table

__all__ = ["Columns", "Conversation", "Message", "read_conversations"]

ROLES = {
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "bard", "bing"), "assistant"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "function_call"), "tool"),
}
"""Names of roles in OpenAI's, ShareGPT's and kindred layouts."""
CHATS = {
    "messages": ("role", "content"),
    "conversations": ("from", "value"),
    "conversation": ("role", "content"),
}
"""Fields of rows that hold a chat, with the fields of a message."""
TEXTS = ("response", "answer", "completion", "output", "reply", "text")
PROMPTS = ("prompt", "question", "item", "instruction", "input", "user")
MODELS = ("respondent", "model", "model_name", "model_id")
GROUPS = ("conversation", "conversation_id", "thread_id", "dialog_id", "session_id")


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: str
    """system, user, assistant or tool."""
    text: str


@dataclass(frozen=True)
class Conversation:
    """What was said, in order."""

    respondent: str
    """Who the assistant was."""
    messages: tuple[Message, ...]
    source: str
    """File and place, for messages."""
    path: Path = Path()
    """The file."""
    sample: tuple[str, str] | None = None
    """Id and text of the dataset's sample that it came of, where the file says so."""

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits over everything said."""
        return digest([[m.role, m.text] for m in self.messages], 16)

    @cached_property
    def prompt_digest(self) -> str:
        """Sixteen hex digits over what the model was asked: equal ones are one test item.

        That is the sample, else all that was said before the model's first answer. Where nobody
        had asked anything by then (a greeting, a bare text), the conversation is like no other.
        """
        if self.sample is not None:
            return digest(["sample", *self.sample], 16)
        before = list(takewhile(lambda m: not (m.role == "assistant" and m.text), self.messages))
        if not any(m.role == "user" and m.text.strip() for m in before):
            return self.digest
        return digest(["prompt", *([m.role, m.text] for m in before)], 16)

    @property
    def beginning(self) -> str:
        """What was asked first; empty where nobody asked."""
        asked = (m.text for m in self.messages if m.role == "user" and m.text.strip())
        return (self.sample[1] if self.sample else "") or next(asked, "")

    def answered(self) -> Iterator[tuple[str, str]]:
        """Yield each message of the assistant that says something, after what it answers."""
        prompt = ""
        for message in self.messages:
            if message.role == "user":
                prompt = message.text
            elif message.role == "assistant" and message.text.strip():
                yield prompt, message.text


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what; None: the first of the usual names that the table has."""

    text: str | None = None
    """What the model wrote."""
    prompt: str | None = None
    """What it was asked."""
    model: str | None = None
    """Who wrote it; without such a column the file's name."""
    conversation: str | None = None
    """Rows of one conversation; without such a column each row is one."""


def read_conversations(path: Path, columns: Columns = Columns()) -> Iterator[Conversation]:
    """Yield the conversations of a file.

    A row (JSONL, a JSON list, CSV, TSV, Parquet) is a conversation in the layout of OpenAI
    ("messages": role, content) or ShareGPT ("conversations": from, value), or one text in a column.

    Args:
        path: of the file.
        columns: of the texts.

    Raises:
        InputError: unreadable, without texts, or a row that is none; with file, line and field.
    """
    table = open_table(path) if path.suffix.lower() != ".json" else _json(path)
    used = _columns(table, columns)
    grouped: dict[tuple[str, str], list[Message]] = {}
    sources: dict[tuple[str, str], str] = {}
    n = 0
    for number, row in table.rows:
        n += 1
        where = f"{path}, {table.unit} {number}"
        who = _cell(row, used.model, where) or path.stem
        messages = _chat(row, where)
        # an empty chat says nothing, but a text beside it may
        if messages or (messages is not None and used.text is None):
            yield Conversation(who, messages, where, path)
            continue
        if used.text is None:
            raise InputError(
                f'{where}: no text: expected "messages", "conversations" or a column '
                f"{', '.join(TEXTS)}; name the column with --text. The row has: {', '.join(row)}"
            )
        asked, said = _cell(row, used.prompt, where), _cell(row, used.text, where) or ""
        pair = (*((Message("user", asked),) if asked else ()), Message("assistant", said))
        group = _cell(row, used.conversation, where)
        if group is None:
            yield Conversation(who, pair, where, path)
            continue
        grouped.setdefault((who, group), []).extend(pair)
        sources.setdefault((who, group), where)
    for (who, group), messages in grouped.items():
        yield Conversation(who, tuple(messages), sources[who, group], path)
    if not n:
        raise InputError(f"{path}: the file holds no row")


def _json(path: Path) -> Table:
    try:
        found: Any = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error})") from None
    if isinstance(found, dict):
        document = cast("dict[str, Any]", found)
        found = document.get("data", [document])
    if not isinstance(found, list):
        raise InputError(f"{path}: expected a list of conversations")
    rows = list(_objects(path, cast("list[Any]", found)))
    columns = tuple(dict.fromkeys(key for _, row in rows for key in row))
    return Table(path, columns, iter(rows), header=False, unit="row")


def _objects(path: Path, rows: Sequence[Any]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path}, row {number}: expected an object")
        yield number, cast("dict[str, Any]", row)


def _columns(table: Table, columns: Columns) -> Columns:
    """Return the columns named, or else the first of the usual names that the table has."""
    usual = {"text": TEXTS, "prompt": PROMPTS, "model": MODELS, "conversation": GROUPS}
    named = {field: getattr(columns, field) for field in usual}
    table.require([name for name in named.values() if name is not None])
    for field, names in usual.items():
        named[field] = named[field] or next((n for n in names if n in table.columns), None)
    return Columns(**named)


def _cell(row: Mapping[str, Any], column: str | None, where: str) -> str | None:
    """Return a cell as text; None where it is empty."""
    value = None if column is None else row.get(column)
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise InputError(f"{where}: {column}: expected text")


def _chat(row: Mapping[str, Any], where: str) -> tuple[Message, ...] | None:
    """Return the messages of a row in a chat layout, None if it has none."""
    for field, (role, text) in CHATS.items():
        told = row.get(field)
        place = f"{where}: {field}"
        if isinstance(told, str) and told.lstrip().startswith("["):  # as tables hold it
            try:
                told = json.loads(told)
            except (ValueError, RecursionError) as error:
                if field == "conversation":  # may be the name of one, too
                    continue
                raise InputError(f"{place}: not readable JSON ({error})") from None
        if isinstance(told, list):
            turns = cast("list[Any]", told)
            return tuple(_message(one, role, text, f"{place}.{i}") for i, one in enumerate(turns))
    return None


def _message(told: Any, role: str, text: str, where: str) -> Message:
    if not isinstance(told, dict):
        raise InputError(f"{where}: expected an object with {role} and {text}")
    message = cast("dict[str, Any]", told)
    # both layouts occur under both names
    name = message.get(role, message.get("role", message.get("from")))
    found = ROLES.get(str(name).lower())
    if found is None:
        raise InputError(f"{where}: {role}: {name!r} is no known role; known: {', '.join(ROLES)}")
    said = next((message[key] for key in (text, "content", "value") if key in message), None)
    try:
        return Message(found, content(said))
    except ValueError as error:
        raise InputError(f"{where}: {text}: {error}") from None


def content(told: Any) -> str:
    """Return the text of a message's content, of which images and calls are no part.

    Raises:
        ValueError: neither a text, a list of parts nor null.
    """
    if told is None or isinstance(told, str):
        return told or ""
    if not isinstance(told, list):
        raise ValueError(f"expected a text, a list of parts or null, not {type(told).__name__}")
    texts: list[Any] = []
    for part in cast("list[Any]", told):
        texts.append(cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else part)
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)
