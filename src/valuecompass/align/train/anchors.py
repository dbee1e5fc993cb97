"""Anchors: answers that the model itself gives, which hold it while it moves off the negatives.

For every prompt the frozen model writes K answers under moral instructions. Only the answers are
stored: the trainer scores them at the bare prompt, so that the model learns to answer unasked as it
answers when asked to be good (D2O, Duan et al. 2024, arXiv 2403.03419). Anchors are made once,
before training: redrawn from a model that is being trained they hold nothing, because their
gradient is zero in the mean, and what has drifted becomes its own anchor.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from valuecompass.align.train import need_extra
from valuecompass.align.train.data import Talk, write_rows
from valuecompass.align.train.faults import kept_text
from valuecompass.align.train.resume import Answers, alone, check_same
from valuecompass.align.train.weights import folder_of
from valuecompass.errors import InputError
from valuecompass.files import check_writable, write_text
from valuecompass.hashing import digest
from valuecompass.models.fingerprint import fingerprint

K = 11
"""Anchors a prompt, as in the paper."""
Cut = Literal["trim", "keep", "drop"]
FORMAT = 1
"""Of how anchors are drawn and stored: raised with every change of it."""


@dataclass(frozen=True)
class Progress:
    """How far the drawing is; what an earlier, interrupted command did counts as done."""

    done: int
    """Answers, of `total`."""
    total: int
    tokens: int
    """Written by this command, in `seconds`."""
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Written tokens a second; 0 before the first batch."""
        return self.tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Anchored:
    """What was made.

    rows: number of rows with anchors. anchors: of them all.
    dropped: answers that are no anchors, by reason.
    without: numbers (from 1) of the given rows that no anchor was left for: they are not in `out`.
    trimmed: anchors cut off at the limit that were ended at their last whole sentence.
    tokens, seconds: written by the whole work, over all commands that it took.
    notes: what a person should know.
    """

    out: Path
    rows: int
    anchors: int
    dropped: dict[str, int]
    without: list[int]
    trimmed: int
    tokens: int
    seconds: float
    notes: list[str] = field(default_factory=list[str])

    @property
    def tokens_per_second(self) -> float:
        """Written tokens a second."""
        return self.tokens / self.seconds if self.seconds else 0.0


def moral_instructions() -> tuple[str, ...]:
    """Return our instructions, one a paragraph of ``prompts/moral_instructions.md``."""
    text = (files("valuecompass.align.train") / "prompts" / "moral_instructions.md").read_text(
        encoding="utf-8"
    )
    return tuple(" ".join(block.split()) for block in text.split("\n\n") if block.strip())


def make(
    rows: Sequence[Mapping[str, Any]],
    model: str,
    out: str | Path,
    *,
    k: int = K,
    seed: int = 0,
    instructions: Sequence[str] | None = None,
    temperature: float = 0.8,
    top_p: float = 0.9,
    max_new_tokens: int = 256,
    batch_size: int = 32,
    cut: Cut = "trim",
    dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    device: str | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Anchored:
    """Write rows with K anchors each, drawn from a model that nothing is changed in.

    Answers are stored batch by batch beside `out`; a command that was interrupted, also killed,
    goes on when it is repeated, and the file is the same as without the interruption (on the same
    machine). `out` appears when all are there, with ``out.manifest.json`` beside it.

    Args:
        rows: with ``prompt`` and ``rejected``, all texts or all chats; further fields stay.
        model: as for `weights.folder_of`: the model that will be trained, as it is before.
        out: the file of rows to be.
        k: answers a prompt.
        seed: of all sampling.
        instructions: answer j of a prompt is given under instruction j, from the first again when
            they are used up. They are the system message of a chat (joined to the prompt's own;
            before the user's message where the model's template knows no system message), and a
            preface to a text. None: our own. Empty: at the bare prompt.
        temperature: of sampling; 0: the likeliest token each time.
        top_p: sampling keeps the likeliest tokens of this mass, in (0, 1].
        max_new_tokens: limit of an answer.
        batch_size: answers written at once. More is faster on a GPU, and takes more memory.
        cut: what becomes of an answer that reaches the limit: "trim" ends it at its last whole
            sentence (without one it is dropped), "keep" leaves it, "drop" drops it. The trainer
            takes every anchor to end where its text does.
        dtype: auto: bfloat16 on a GPU, else float32. A CPU that multiplies bfloat16 itself reads
            prompts several times faster in it.
        device: None: a GPU, if there is one.
        progress: told after each batch.

    Raises:
        InputError: a wrong argument or row (with its number), a prompt longer than the model's
            window, a file begun or made with other settings (with what differs).
    """
    need_extra("torch", "transformers")
    out = Path(out)
    own = moral_instructions() if instructions is None else tuple(t.strip() for t in instructions)
    _check_arguments(k, own, temperature, top_p, max_new_tokens, batch_size, cut)
    chat = _check_rows(rows)
    from valuecompass.align.train.sampling import Sampling, open_writer, place_of, versions

    sampling = Sampling(temperature, top_p, max_new_tokens, seed)
    folder, (precision, place) = folder_of(model), place_of(dtype, device)
    settings = {
        "format": FORMAT,
        "rows": digest([dict(row) for row in rows], 16),
        "model": fingerprint(f"hf/{folder}") or folder,
        "k": k,
        "instructions": list(own),
        "batch_size": batch_size,
        "dtype": precision,
        # each kind of device draws other numbers from one seed
        "device": place.partition(":")[0],
        **asdict(sampling),
    }
    part, manifest = _beside(out, ".part.jsonl"), _beside(out, ".manifest.json")
    check_writable(out)
    with alone(out, _beside(out, ".lock")):
        if (made := _made(out, manifest, settings | {"cut": cut})) is None:
            writer = open_writer(folder, sampling, precision, place)
            with Answers(part, settings) as answers:
                prompts = writer.prompts([row["prompt"] for row in rows], own, k, chat)
                _draw(answers, writer, prompts, batch_size, progress)
                found, made = _kept(rows, answers, out, own, cut, writer.control_texts, chat)
            if not chat and writer.has_template:
                made.notes.append(
                    "the rows are texts, and the model is one for chats: its template was not used"
                )
            told = {name: value for name, value in asdict(made).items() if name != "out"}
            about = {"settings": settings | {"cut": cut}, "versions": versions(), "model": model}
            # first: rows without a manifest would not be known as ours
            write_text(manifest, json.dumps(about | {"made": told}, indent=1) + "\n")
            write_rows(out, found)
        part.unlink(missing_ok=True)
    return made


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(out.name + ending)


def _check_arguments(
    k: int,
    instructions: Sequence[str],
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    batch_size: int,
    cut: str,
) -> None:
    numbers = {"k": k, "max_new_tokens": max_new_tokens, "batch_size": batch_size}
    for name, value in numbers.items():
        if value < 1:
            raise InputError(f"{name}: {value}: give a number from 1")
    if not temperature >= 0:
        raise InputError(f"temperature: {temperature}: give a number from 0")
    if not 0 < top_p <= 1:
        raise InputError(f"top_p: {top_p}: give a number above 0, up to 1")
    if cut not in ("trim", "keep", "drop"):
        raise InputError(f"cut: {cut!r}: give trim, keep or drop")
    if any(not text.strip() for text in instructions):
        raise InputError("instructions: one is empty; give none at all for the bare prompt")
    if temperature == 0 and k > max(len(instructions), 1):
        raise InputError(
            f"k: {k}: at temperature 0 answers under one instruction are all the same; "
            f"give k up to {max(len(instructions), 1)}, or a temperature"
        )


def _check_rows(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the rows are chats.

    Raises:
        InputError: none, one without a field, or texts and chats.
    """
    if not rows:
        raise InputError("rows: there is none")
    chat = not isinstance(rows[0].get("prompt"), str)
    for number, row in enumerate(rows, start=1):
        for name in ("prompt", "rejected"):
            talk = row.get(name)
            if not talk or not isinstance(talk, str | list):
                raise InputError(f"row {number}: {name}: a text or a list of messages is needed")
            if isinstance(talk, str) == chat:
                raise InputError(f"row {number}: {name}: texts and chats are mixed")
            if chat and not all(
                isinstance(m, Mapping) and isinstance(cast("Any", m).get("content"), str)
                for m in cast("list[Any]", talk)
            ):
                raise InputError(f"row {number}: {name}: a message has a role and a content")
    return chat


def _made(out: Path, manifest: Path, settings: Mapping[str, Any]) -> Anchored | None:
    """Return what an earlier command made with these settings, or None: nothing is there."""
    if not out.exists():
        return None
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        before, made = told["settings"], told["made"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{out}: it is there, and not made by this command; name another file, or delete it"
        ) from None
    check_same(out, before, settings)
    return Anchored(out=out, **made)


def _draw(
    answers: Answers,
    writer: Any,
    prompts: Sequence[Any],
    batch_size: int,
    progress: Callable[[Progress], None],
) -> None:
    """Let the model answer what is not answered yet.

    Prompts of like length go together, the longest first: little padding, and a batch that does not
    fit the memory is the first one.
    """
    ordered = sorted(prompts, key=lambda p: (-len(p.tokens), p.row, p.place))
    batches = [ordered[i : i + batch_size] for i in range(0, len(ordered), batch_size)]
    done = sum(len(batches[b]) for b in answers.batches)
    begun, tokens = time.monotonic(), 0
    for number, batch in enumerate(batches):
        if number in answers.batches:
            continue
        at = time.monotonic()
        written = writer.answer(batch, number)
        new = sum(answer["tokens"] for answer in written)
        answers.add(number, written, new, time.monotonic() - at)
        done, tokens = done + len(batch), tokens + new
        progress(Progress(done, len(ordered), tokens, time.monotonic() - begun))


def _kept(
    rows: Sequence[Mapping[str, Any]],
    answers: Answers,
    out: Path,
    instructions: Sequence[str],
    cut: Cut,
    control_texts: Sequence[str],
    chat: bool,
) -> tuple[list[dict[str, Any]], Anchored]:
    """Return the rows with what can be an anchor, and the account of them."""
    dropped, trimmed = Counter[str](), 0
    # in a chat, the trainer would read such a negative as several turns, and refuses it
    spelled = {
        number
        for number, row in enumerate(rows)
        if chat and any(control in _text(row["rejected"]) for control in control_texts)
    }
    anchors: list[dict[int, str]] = [{} for _ in rows]
    for answer in answers:
        row: int = answer["row"]
        place: int = answer["place"]
        given = instructions[place % len(instructions)] if instructions else ""
        negative = _text(rows[row]["rejected"])
        kept = kept_text(answer, negative, given, cut, control_texts, strip=chat)
        if kept.why:
            dropped[kept.why] += 1
            continue
        trimmed += kept.trimmed
        anchors[row][place] = kept.text
    found = [
        _anchored(row, [text for _, text in sorted(own.items())], chat)
        for number, (row, own) in enumerate(zip(rows, anchors, strict=True))
        if own and number not in spelled
    ]
    without = [number for number, own in enumerate(anchors, start=1) if not own]
    if not found:
        why = [f"{reason}: {n}" for reason, n in dropped.most_common()]
        why += [f"negatives that spell a control token: {len(spelled)}"] * bool(spelled)
        raise InputError(f"{out}: no answer can be an anchor ({', '.join(why)})")
    notes: list[str] = []
    if spelled:
        named = ", ".join(str(number + 1) for number in sorted(spelled)[:10])
        notes.append(
            f"left out, as their negative spells a token of control: row {named} "
            f"({len(spelled)} in all)"
        )
    return found, Anchored(
        notes=notes,
        out=out,
        rows=len(found),
        anchors=sum(len(row["anchors"]) for row in found),
        dropped=dict(dropped.most_common()),
        without=without,
        trimmed=trimmed,
        tokens=answers.tokens,
        seconds=round(answers.seconds, 3),
    )


def _anchored(row: Mapping[str, Any], texts: Sequence[str], chat: bool) -> dict[str, Any]:
    anchors = [[{"role": "assistant", "content": t}] if chat else t for t in texts]
    return {"prompt": row["prompt"], "rejected": row["rejected"], "anchors": anchors} | {
        name: value for name, value in row.items() if name not in ("prompt", "rejected", "anchors")
    }


def _text(talk: Talk) -> str:
    return talk if isinstance(talk, str) else talk[-1]["content"]
