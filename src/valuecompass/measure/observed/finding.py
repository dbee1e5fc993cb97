"""Conversations with what models said in them, from files and folders of all kinds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.items.transcripts import (
    CHATS,
    TEXTS,
    Columns,
    Conversation,
    read_conversations,
)
from valuecompass.measure.published import LONGEST_NAME
from valuecompass.models.eval_logs import read_log
from valuecompass.store import storable

Json = dict[str, Any]
SUFFIXES = (".eval", ".jsonl", ".json", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Found:
    """What files hold."""

    conversations: tuple[Conversation, ...]
    duplicates: int
    """Conversations that were there already, word for word, of the same respondent."""
    silent: int
    """Conversations in which the model says nothing."""
    left_out: int
    """Beyond the sample."""
    other_files: int
    """JSON files in folders that are neither logs nor chats."""


def find(
    paths: Sequence[Path],
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    *,
    respondent: str | None = None,
    sample: int | None = None,
) -> Found:
    """Read conversations from files, and from all files of folders.

    Args:
        paths: Inspect logs (.eval, .json), chat layouts and tables (`read_conversations`).
        columns: of tables.
        respondent: who wrote everything; None: as the files say.
        sample: at most so many conversations of each respondent, drawn by their content, so that
            the same files give the same ones.

    Raises:
        InputError: a file that cannot be read, nothing that a model said, an empty name, or a
            sample below 1.
    """
    if respondent is not None and not respondent.strip():
        raise InputError("--respondent: the name is empty")
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: give 1 or more conversations of each respondent")
    seen: dict[tuple[str, str], Conversation] = {}
    duplicates = silent = 0
    other_files = 0
    for path, in_folder in _files(paths):
        conversations = _read(path, columns, in_folder=in_folder)
        if conversations is None:
            other_files += 1
            continue
        for told in conversations:
            one = replace(told, respondent=_name(respondent or told.respondent, told.source))
            key = (one.respondent, one.digest)
            if not any(m.role == "assistant" and m.text.strip() for m in one.messages):
                silent += 1
            elif key in seen:
                duplicates += 1
            else:
                seen[key] = one
    if not seen:
        raise InputError(f"{', '.join(map(str, paths))}: no message of a model (role assistant)")
    chosen = list(seen.values())
    if sample is not None:
        by_respondent: dict[str, list[Conversation]] = defaultdict(list)
        for one in sorted(chosen, key=lambda c: c.digest):
            by_respondent[one.respondent].append(one)
        chosen = [one for own in by_respondent.values() for one in own[:sample]]
    return Found(tuple(chosen), duplicates, silent, len(seen) - len(chosen), other_files)


def _name(told: str, where: str) -> str:
    if len(told) > LONGEST_NAME:
        raise InputError(
            f"{where}: the respondent's name has {len(told):,} characters, expected at most "
            f"{LONGEST_NAME:,}; --respondent gives another"
        )
    return storable(told)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield each file to look at, and whether it only lies in a folder that was named."""
    for path in paths:
        if not path.is_dir():
            if path.suffix.lower() not in SUFFIXES:
                raise InputError(f"{path}: unknown kind of file; known: {', '.join(SUFFIXES)}")
            yield path, False
            continue
        files = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
        if not files:
            raise InputError(f"{path}: no file of a known kind in it: {', '.join(SUFFIXES)}")
        yield from ((file, True) for file in files)


def _read(path: Path, columns: Columns, *, in_folder: bool) -> Iterator[Conversation] | None:
    """Return a file's conversations; None: it lies in a folder and is neither log nor chats."""
    if path.suffix.lower() == ".eval":
        return read_log(path)
    if path.suffix.lower() == ".json":
        try:
            found: Any = json.loads(read_text(path))
        except (ValueError, RecursionError):
            return read_conversations(path, columns)  # says what is wrong with it
        if isinstance(found, dict) and {"eval", "version"} <= cast("Json", found).keys():
            return read_log(path)
        # beside its logs Inspect keeps lists of them
        if in_folder and not _has_texts(found, columns):
            return None
    return read_conversations(path, columns)


def _has_texts(found: Any, columns: Columns) -> bool:
    told = cast("Json", found).get("data", [found]) if isinstance(found, dict) else found
    rows = cast("list[Any]", told) if isinstance(told, list) else []
    fields = {*CHATS, *(TEXTS if columns.text is None else [columns.text])}
    return any(isinstance(row, dict) and fields & cast("Json", row).keys() for row in rows)
