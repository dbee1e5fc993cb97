"""Conversations with what models said in them, from files and folders of all kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from valuecompass.errors import InputError
from valuecompass.items.transcripts import Columns, Conversation, read_conversations
from valuecompass.measure.published import LONGEST_NAME
from valuecompass.models.eval_logs import read_log
from valuecompass.store import storable

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
        InputError: a file that cannot be read, or nothing that a model said.
    """
    seen: dict[tuple[str, str], Conversation] = {}
    duplicates = silent = 0
    for path in _files(paths):
        for told in _read(path, columns):
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
    return Found(tuple(chosen), duplicates, silent, len(seen) - len(chosen))


def _name(told: str, where: str) -> str:
    if len(told) > LONGEST_NAME:
        raise InputError(
            f"{where}: the respondent's name has {len(told):,} characters, expected at most "
            f"{LONGEST_NAME:,}; --respondent gives another"
        )
    return storable(told)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if path.suffix.lower() not in SUFFIXES:
                raise InputError(f"{path}: unknown kind of file; known: {', '.join(SUFFIXES)}")
            yield path
            continue
        files = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
        if not files:
            raise InputError(f"{path}: no file of a known kind in it: {', '.join(SUFFIXES)}")
        yield from files


def _read(path: Path, columns: Columns) -> Iterator[Conversation]:
    if path.suffix.lower() == ".eval" or (path.suffix.lower() == ".json" and _is_log(path)):
        return read_log(path)
    return read_conversations(path, columns)


def _is_log(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return b'"eval"' in head and b'"version"' in head
