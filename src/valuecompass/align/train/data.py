"""Negatives from data of others: responses that people marked unsafe or dispreferred.

D2O learns from negatives only. Of every row one response is kept, the unsafe one, and of every
prompt one row; a part of the prompts is held out. No torch is needed.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from valuecompass.align.train.sources import Part, open_source
from valuecompass.errors import InputError
from valuecompass.files import write_text
from valuecompass.hashing import canonical, digest
from valuecompass.items.rows import Row
from valuecompass.store import storable

Layout = Literal["safe-rlhf", "beavertails", "plain"]
Talk = str | list[dict[str, str]]
"""A text, or the messages of a chat as ``{"role": ..., "content": ...}``."""
WANTED: dict[Layout, tuple[str, ...]] = {
    "safe-rlhf": (
        *("prompt", "response_0", "response_1"),
        *("is_response_0_safe", "is_response_1_safe"),
    ),
    "beavertails": ("prompt", "response", "is_safe"),
    "plain": ("prompt", "rejected"),
}
"""The columns that a layout is recognised by; further ones are read where they are."""
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True)
class Candidate:
    """What one row of a source, or one judged answer, has to give."""

    prompt: Talk
    rejected: Talk | None
    """None: nothing in it is negative."""
    chosen: Talk | None = None
    source: Mapping[str, Any] = field(default_factory=dict[str, Any])
    why: str = ""
    """Why there is no negative."""


@dataclass(frozen=True)
class Negatives:
    """Rows for training without anchors, and what became of all that was read.

    rows, held_out: objects with ``prompt``, ``rejected``, ``source`` and with positives ``chosen``,
        as `align.train.anchors.make` takes them. No prompt stands in both.
    read: rows (or answers) that were looked at.
    dropped: number of those that gave no row, by reason.
    notes: what a person should know of them.
    """

    rows: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    read: int
    dropped: dict[str, int]
    notes: tuple[str, ...] = ()


def read_negatives(
    source: str | Path,
    *,
    split: str = "train",
    subset: str | None = None,
    chat: bool = False,
    positives: bool = False,
    keep_all: bool = False,
    held_out: float = 0.0,
    seed: int = 0,
    limit: int | None = None,
) -> Negatives:
    """Read negatives; the layout is recognised by the columns.

    - PKU-SafeRLHF (`prompt`, `response_0`, `response_1`, `is_response_0_safe`,
      `is_response_1_safe`, `safer_response_id`): the unsafe response; of two the one that is not
      the safer.
    - BeaverTails (`prompt`, `response`, `is_safe`, `category`): unsafe responses; the categories
      go into ``source``.
    - plain (`prompt`, `rejected`, and `chosen`, `is_rejected_safe`, `is_chosen_safe`, `source`
      where they are given): texts or messages of a chat.

    Args:
        source: a file (.jsonl, .jsonl.gz, .json, .csv, .tsv, .parquet), a folder of them in the
            hub's layout, or the id of a data set on the hub.
        split: of a folder or data set.
        subset: the configuration of a data set, or a folder in the folder.
        chat: put texts into messages, for models that are asked in a chat.
        positives: keep the safe (or chosen) response, too, for the DPO baseline, and drop rows
            without one. D2O does not read it.
        keep_all: keep all negatives of a prompt, not only the first.
        held_out: share of the prompts to hold out, in [0, 1).
        seed: of what is held out: the same prompt falls on the same side in every source.
        limit: keep at most so many rows for training.

    Raises:
        InputError: with file, row and field.
    """
    safe: dict[str, Talk] = {}
    found = (c for part in open_source(source, split, subset) for c in _candidates(part, safe))
    if positives:  # the safe answer to a prompt may stand in another row, also further down
        found = iter([*found])
        found = (
            replace(c, chosen=safe.get(prompt_key(c.prompt))) if c.chosen is None else c
            for c in found
        )
    else:
        found = (replace(c, chosen=None) for c in found)
    if chat:
        found = (_as_chat(c) for c in found)
    return collect(
        found,
        str(source),
        positives=positives,
        keep_all=keep_all,
        held_out=held_out,
        seed=seed,
        limit=limit,
    )


def collect(
    candidates: Iterable[Candidate],
    name: str,
    *,
    positives: bool = False,
    keep_all: bool = False,
    held_out: float = 0.0,
    seed: int = 0,
    limit: int | None = None,
) -> Negatives:
    """Keep one negative a prompt, hold prompts out, and count what is dropped.

    Arguments as for `read_negatives`; `name` is what messages call the source.

    Raises:
        InputError: texts and chats are mixed, or a wrong share or limit.
    """
    if not 0 <= held_out < 1:
        raise InputError(f"held_out: {held_out}: give a share from 0 to below 1")
    if limit is not None and limit < 1:
        raise InputError(f"limit: {limit}: give a number from 1")
    found, dropped, read = Negatives([], [], 0, {}), Counter[str](), 0
    seen: set[str] = set()
    texts: bool | None = None
    for candidate in candidates:
        read += 1
        why = _why_not(candidate, positives)
        key = prompt_key(candidate.prompt)
        again = key if not keep_all else digest([key, candidate.rejected])
        if why is None and again in seen:
            why = "prompt and response again" if keep_all else "prompt again"
        if why is not None:
            dropped[why] += 1
            continue
        if texts is None:
            texts = isinstance(candidate.prompt, str)
        elif texts != isinstance(candidate.prompt, str):
            where = candidate.source.get("row", read)
            raise InputError(
                f"{name}, row {where}: prompt: texts and chats are mixed; give each a file of "
                "its own, or read all as chats"
            )
        seen.add(again)
        side = found.held_out if is_held_out(candidate.prompt, held_out, seed) else found.rows
        if side is found.rows and limit is not None and len(side) >= limit:
            dropped["beyond the limit"] += 1
            continue
        side.append(_row_of(candidate))
    return replace(found, read=read, dropped=dict(dropped.most_common()))


def prompt_key(prompt: Talk) -> str:
    """Return what tells prompts apart: runs of white space are one space, and a question is the
    same one as a text and as the only message of a chat.
    """
    if not isinstance(prompt, str):
        alone = len(prompt) == 1 and prompt[0]["role"] == "user"
        prompt = prompt[0]["content"] if alone else canonical(prompt)
    return " ".join(prompt.split())


def is_held_out(prompt: Talk, share: float, seed: int) -> bool:
    """Say whether a prompt is held out: a hash decides, so that it is the same in every source."""
    return int(digest([seed, prompt_key(prompt)], 8), 16) < share * 16**8


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines, the whole file or nothing.

    Raises:
        InputError: it cannot be written.
    """
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _row_of(candidate: Candidate) -> dict[str, Any]:
    row: dict[str, Any] = {"prompt": candidate.prompt, "rejected": candidate.rejected}
    if candidate.chosen is not None:
        row["chosen"] = candidate.chosen
    return row | {"source": dict(candidate.source)}


def _why_not(candidate: Candidate, positives: bool) -> str | None:
    if candidate.rejected is None:
        return candidate.why
    for talk, why in ((candidate.prompt, "empty prompt"), (candidate.rejected, "empty response")):
        if not (talk if isinstance(talk, str) else talk[-1]["content"]).strip():
            return why
    if positives and candidate.chosen is None:
        return "no safe response"
    return None


def _as_chat(candidate: Candidate) -> Candidate:
    def talk(said: Talk | None, role: str) -> Talk | None:
        return [{"role": role, "content": said}] if isinstance(said, str) else said

    return replace(
        candidate,
        prompt=talk(candidate.prompt, "user"),
        rejected=talk(candidate.rejected, "assistant"),
        chosen=talk(candidate.chosen, "assistant"),
    )


@dataclass(frozen=True)
class _Cells:
    """A row's fields, read with complaints that name file, row and field."""

    part: Part
    number: int
    row: Mapping[str, Any]

    def wrong(self, name: str, what: str) -> InputError:
        return InputError(f"{self.part.name}, {self.part.unit} {self.number}: {name}: {what}")

    def get(self, name: str) -> Any:
        value = self.row.get(name)
        if value is None and self.part.gaps and name in self.part.columns:
            return ""
        if value is None:
            raise self.wrong(name, "is missing")
        return value

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, f"a text is needed, not {type(value).__name__}")
        return storable(value)

    def flag(self, name: str) -> bool:
        value = self.get(name)
        said = str(value).strip().lower()
        if said in _TRUE or said in _FALSE:
            return said in _TRUE
        raise self.wrong(name, f"{value!r} is neither true nor false")

    def number_of(self, name: str) -> int:
        value = str(self.get(name)).strip()
        if value not in ("0", "1", "0.0", "1.0"):
            raise self.wrong(name, f"{value!r} is neither 0 nor 1")
        return int(value[0])

    def talk(self, name: str, role: str) -> Talk:
        """A text or messages of a chat, the last of them in this role."""
        value = self.get(name)
        if isinstance(value, str):
            return storable(value)
        if not isinstance(value, Sequence) or not value:
            raise self.wrong(name, "a text or a list of messages is needed")
        said = [self._message(name, m) for m in cast("Sequence[Any]", value)]
        if said[-1]["role"] != role:
            raise self.wrong(name, f"the last message must be the {role}'s")
        if role == "assistant" and len(said) > 1:
            raise self.wrong(name, "one message is needed: what comes before belongs to prompt")
        return said

    def _message(self, name: str, given: Any) -> dict[str, str]:
        message = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else {})
        role, content = message.get("role"), message.get("content")
        if not isinstance(content, str) or role not in ("system", "user", "assistant"):
            raise self.wrong(
                name, 'a message is {"role": "system", "user" or "assistant", "content": a text}'
            )
        return {"role": role, "content": storable(content)}

    @property
    def source(self) -> dict[str, Any]:
        return {"file": Path(self.part.name).name, "row": self.number}


def _candidates(part: Part, safe: dict[str, Talk]) -> Iterator[Candidate]:
    layout = _layout(part)
    read = _READERS[layout]
    for number, row in _rows(part):
        yield read(_Cells(part, number, row), safe)


def _rows(part: Part) -> Iterator[Row]:
    empty = True
    for row in part.rows:
        empty = False
        yield row
    if empty:
        raise InputError(f"{part.name}: holds no row")


def _layout(part: Part) -> Layout:
    for layout, columns in WANTED.items():
        if set(columns) <= set(part.columns):
            return layout
    wanted = "; or ".join(f"{', '.join(columns)} ({name})" for name, columns in WANTED.items())
    found = ", ".join(part.columns) or "none"
    raise InputError(f"{part.name}: columns: found {found}; wanted: {wanted}")


def _safe_rlhf(cells: _Cells, safe: dict[str, Talk]) -> Candidate:
    prompt = cells.text("prompt")
    responses = [cells.text(f"response_{i}") for i in (0, 1)]
    are_safe = [cells.flag(f"is_response_{i}_safe") for i in (0, 1)]
    if all(are_safe):
        return Candidate(prompt, None, why="both responses are safe")
    # two unsafe ones: the worse; the other is no positive, only the better of two negatives
    worse = 1 - cells.number_of("safer_response_id") if not any(are_safe) else are_safe.index(False)
    chosen = responses[1 - worse] if any(are_safe) else None
    return Candidate(prompt, responses[worse], chosen, cells.source | {"response": worse})


def _beavertails(cells: _Cells, safe: dict[str, Talk]) -> Candidate:
    prompt, response = cells.text("prompt"), cells.text("response")
    if cells.flag("is_safe"):
        safe.setdefault(prompt_key(prompt), response)
        return Candidate(prompt, None, why="the response is safe")
    source = cells.source
    if "category" in cells.part.columns:
        source["categories"] = _categories(cells)
    return Candidate(prompt, response, source=source)


def _categories(cells: _Cells) -> list[str]:
    given = cells.get("category")
    if isinstance(given, str):  # a table of texts holds it as JSON, or as pandas writes it
        for read in (json.loads, ast.literal_eval):
            try:
                given = read(given)
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    if not isinstance(given, Mapping):
        raise cells.wrong("category", "names with true or false are needed")
    named = cast("Mapping[Any, Any]", given)
    return [str(name) for name, holds in named.items() if holds]


def _plain(cells: _Cells, safe: dict[str, Talk]) -> Candidate:
    columns, row = cells.part.columns, cells.row
    prompt = cells.talk("prompt", "user")
    rejected = cells.talk("rejected", "assistant")
    if isinstance(prompt, str) != isinstance(rejected, str):
        raise cells.wrong("rejected", "prompt and rejected must both be texts or both messages")
    own = row.get("source")
    # a table may hold dates, which JSON has not
    source = json.loads(json.dumps(own, default=str)) if isinstance(own, dict) else cells.source
    if "is_rejected_safe" in columns and cells.flag("is_rejected_safe"):
        return Candidate(prompt, None, why="the response is safe")
    chosen = None
    if row.get("chosen") is not None:
        chosen = cells.talk("chosen", "assistant")
        if isinstance(chosen, str) != isinstance(prompt, str):
            raise cells.wrong("chosen", "prompt and chosen must both be texts or both messages")
        if "is_chosen_safe" in columns and not cells.flag("is_chosen_safe"):
            chosen = None
    return Candidate(prompt, rejected, chosen, source)


_READERS: dict[Layout, Callable[[_Cells, dict[str, Talk]], Candidate]] = {
    "safe-rlhf": _safe_rlhf,
    "beavertails": _beavertails,
    "plain": _plain,
}
