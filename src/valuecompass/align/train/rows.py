"""The rows of a training file, checked before a model is loaded: file, line and field are named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from valuecompass.align.train.data import Talk, prompt_key
from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items.rows import jsonl_rows

ANCHORS = "`valuecompass train anchors` makes anchors for every prompt"


@dataclass(frozen=True)
class Rows:
    """Rows for a trainer, each with the place it was read from."""

    rows: list[dict[str, Any]]
    places: list[str]
    """``FILE, line N`` of each."""


def read_rows(paths: Sequence[Path], objective: str) -> Rows:
    """Return the rows of files, with the columns that an objective uses.

    Positive answers (`chosen`) are read for the baseline ``dpo`` alone.

    Args:
        paths: JSON lines with `prompt`, `rejected` and `anchors`, texts or messages.
        objective: d2o (needs anchors), dpo (`chosen` where all rows have one, else anchors), npo or
            ga (neither).

    Raises:
        InputError: no row, a row without a negative or a usable anchor, or text and chat mixed.
    """
    rows: list[dict[str, Any]] = []
    places: list[str] = []
    first: tuple[bool, str] | None = None
    for path in paths:
        for line, row in jsonl_rows(read_text(path), str(path)):
            where = f"{path}, line {line}"
            chat = _checked(row, where)
            if first is None:
                first = chat, where
            elif chat != first[0]:
                names = ("a text", "a chat")
                raise InputError(
                    f"{where}: prompt is {names[chat]}, that of {first[1]} is {names[first[0]]}; "
                    "give each format a run of its own"
                )
            rows.append(dict(row))
            places.append(where)
    if not rows:
        raise InputError(f"{', '.join(map(str, paths)) or 'train_rows'}: no rows to train on")
    return Rows([*_columns(rows, places, objective)], places)


def prompt_mark(prompt: Talk) -> str:
    """Return a short hash by which prompts are known again, as texts and as chats."""
    return digest(prompt_key(prompt), 16)


def _columns(
    rows: Sequence[dict[str, Any]], places: Sequence[str], objective: str
) -> list[dict[str, Any]]:
    chosen = objective == "dpo" and any(row.get("chosen") is not None for row in rows)
    winner = "chosen" if chosen else "anchors"
    found: list[dict[str, Any]] = []
    for row, where in zip(rows, places, strict=True):
        kept = {"prompt": row["prompt"]}
        kept["rejected"] = _response(row, row["rejected"], f"{where}: rejected")
        if objective in ("d2o", "dpo"):
            if chosen:
                kept[winner] = _response(row, row.get("chosen"), f"{where}: chosen")
            else:
                kept[winner] = _anchors(row, where)
        found.append(kept)
    return found


def _response(row: Mapping[str, Any], given: Any, where: str) -> Any:
    """Return a response in the format of its row's prompt: a table has one kind in a column."""
    _talk(given, where)
    if not isinstance(row["prompt"], str):
        return [{"role": "assistant", "content": given}] if isinstance(given, str) else given
    if not isinstance(given, str):
        raise InputError(f"{where} is a list of messages, the prompt is a text; give both alike")
    return given


def _anchors(row: Mapping[str, Any], where: str) -> list[Any]:
    given = row.get("anchors")
    if given is None or given == []:
        raise InputError(f"{where}: anchors: there is none; {ANCHORS}")
    if not isinstance(given, list):
        raise InputError(f"{where}: anchors: give a list of one or more answers")
    answers = cast("list[Any]", given)
    return [_response(row, one, f"{where}: anchors[{at}]") for at, one in enumerate(answers)]


def _checked(row: Mapping[str, Any], where: str) -> bool:
    """Check prompt and negative; return whether they are a chat."""
    _talk(row.get("prompt"), f"{where}: prompt")
    if row.get("rejected") is None:
        raise InputError(
            f"{where}: rejected: there is none; every row needs the answer to move away from"
        )
    return not isinstance(row["prompt"], str)


def _talk(given: Any, where: str) -> None:
    """Check that something is a text with a word in it, or messages of which the last has one."""
    said = given
    if isinstance(given, list) and given:
        for at, message in enumerate(cast("list[Any]", given)):
            fields = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
            if not isinstance(fields.get("role"), str) or not isinstance(
                fields.get("content"), str
            ):
                raise InputError(f"{where}[{at}]: a message has role and content, both texts")
            said = fields["content"]
    if not isinstance(said, str):
        raise InputError(f"{where}: give a text, or a list of messages with role and content")
    try:
        json.dumps(given, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # JSON can spell it; no table can hold it
        raise InputError(f"{where}: half of a surrogate pair is no character") from None
    if not said.strip():
        raise InputError(f"{where}: it is empty; give a text, or leave the row out")
