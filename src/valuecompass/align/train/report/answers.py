"""What both models are asked: the items in free text of a form, answered and kept in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valuecompass.align.train.rows import prompt_mark
from valuecompass.errors import InputError
from valuecompass.files import write_text
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item, Kind, form_items
from valuecompass.items.forms import form_text
from valuecompass.measure.asking import Question, messages_for, params_for, prompts_hash, questions
from valuecompass.measure.run import Settings, resolve_form
from valuecompass.measure.scoring import FREE
from valuecompass.models import Respondent
from valuecompass.values import ValueSystem

if TYPE_CHECKING:
    from valuecompass.align.train.report.engine import Ask, Engine
    from valuecompass.align.train.report.folders import Weights

Surprise = Mapping[tuple[str, int], float]
"""By item and repeat, nats a token."""
Tell = Callable[[str, int, int], None]
"""Hears what is done, how much of it, and of how much."""
_LOCAL = Respondent(name="local", model="hf/local")
"""Limits of an answer are those of any transformers model."""


@dataclass(frozen=True)
class Asked:
    """One value system's questions to both models."""

    system: ValueSystem
    form: Form
    path: Path
    """File of the form."""
    questions: tuple[Question, ...]

    def among(self, prompts: Collection[str]) -> frozenset[str]:
        """Return the items whose prompts have one of these marks (`rows.prompt_mark`)."""
        found: set[str] = set()
        for question in self.questions if prompts else ():
            said = messages_for(question, self.form.asking[question.item.kind])
            if prompt_mark([{"role": m.role, "content": m.content} for m in said]) in prompts:
                found.add(question.item.id)
        return frozenset(found)


def asked(
    settings: Settings, system: ValueSystem, samples: int | None, place: Path
) -> tuple[Asked, int]:
    """Return what a system's form asks in free text, and how many of its items are left out.

    Choices and ratings are no part of a report: harm, what an answer says and what it appeals to
    are read in texts. Scenarios take tools, which few small models call.

    Args:
        settings: form and items.
        system: the value system.
        samples: answers to each item; None: as many as the form asks for.
        place: folder that the form is written to.

    Raises:
        InputError: the form holds no item in free text.
    """
    form, items = resolve_form(settings, system)
    found = form_items(form, items)
    free = [i for i in found if i.kind in FREE and i.kind not in ("scenario", "conversation")]
    if not free:
        raise InputError(
            f"-s {system.id}: form {form.name} holds no item that is answered in free text, "
            "which is what a report compares; leave the system out, or give a form that does"
        )
    own = _free_form(form, free, samples, whole=len(free) == len(found))
    path = place / f"form-{own.hash}.json"
    write_text(path, form_text(own))
    every = tuple(q for i in free for q in questions(i, own.asking[i.kind]))
    return Asked(system, own, path, every), len(found) - len(free)


def _free_form(form: Form, free: Sequence[Item], samples: int | None, *, whole: bool) -> Form:
    more = {} if samples is None else {"repeats": samples}
    asking: dict[Kind, Asking] = {i.kind: form.asking[i.kind].model_copy(update=more) for i in free}
    if whole and asking == form.asking:
        return form
    ids = tuple(i.id for i in free)
    anchors = tuple(a for a in form.anchors if a in ids)
    name = f"{form.name} in free text" + ("" if samples is None else f", {samples} each")
    return Form(name=name, system=form.system, asking=asking, items=ids, anchors=anchors)


def asks_of(one: Asked, seed: int) -> list[Ask]:
    """Return the prompts of a system's questions, each with a seed of its own.

    The seed follows from `seed`, system, item and repeat, never from the model: both models draw
    with the same noise.
    """
    from valuecompass.align.train.report.engine import Ask

    found: list[Ask] = []
    for question in one.questions:
        asking = one.form.asking[question.item.kind]
        params = params_for(_LOCAL, question.item, asking)
        said = tuple((m.role, m.content) for m in messages_for(question, asking))
        own = int(digest([seed, one.system.id, question.item.id, question.repeat], 12), 16)
        temperature = 1.0 if params.temperature is None else params.temperature
        found.append(Ask(said, params.max_tokens, own, temperature))
    return found


def answered(
    engine: Engine, weights: Weights, one: Asked, seed: int, place: Path, tell: Tell
) -> Path:
    """Return the file of a model's answers, as a recorded respondent reads it.

    Kept batch by batch: the same call goes on where it was interrupted, and ends with the same
    file, because a batch is made of the same prompts again.
    """
    about: list[Any] = [weights.mark, weights.dtype, one.form.hash, one.system.id, seed]
    about += [prompts_hash(), engine.batch, engine.about()]  # of one engine or not at all
    path = place / f"answers-{digest(about, 16)}.jsonl"
    asks = asks_of(one, seed)
    what = f"{weights.name}: {one.system.id}"
    if path.is_file():
        tell(what, len(asks), len(asks))
        return path
    part = path.with_suffix(".part")
    done = _kept(part, len(asks))
    with part.open("a", encoding="utf-8") as file:
        file.write("\n")  # after a line that was cut off
        for batch in engine.answers(asks, done):
            rows = [_row(at, one.questions[at], a.text, a.tokens, a.end) for at, a in batch]
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
            file.flush()
            done |= {at for at, _ in batch}
            tell(what, len(done), len(asks))
    rows = {row["at"]: row for row in _rows(part)}  # a batch that was cut is there twice
    lines = [json.dumps(rows[at], ensure_ascii=False) for at in sorted(rows)]
    write_text(path, "\n".join(lines) + "\n")
    part.unlink()
    return path


def surprise(engine: Engine, one: Asked, seed: int, path: Path) -> Surprise:
    """Return how improbable kept answers are to a model, in nats a token.

    To the model before training broken text is improbable, whatever it is about; a harmless,
    fluent answer is not. Judges of single answers often take word salad for harmless.

    Args:
        engine: the model that is surprised.
        one: what was asked.
        seed: of the answers.
        path: file of the answers, by `answered`.
    """
    asks, rows = asks_of(one, seed), [row for row in _rows(path) if row["response"]]
    told = engine.told([(asks[int(row["at"])].messages, row["response"]) for row in rows])
    return {
        (row["item"], row["repeat"]): -t.logp / t.tokens
        for row, t in zip(rows, told, strict=True)
        if t is not None and t.tokens and math.isfinite(t.logp)
    }


def _row(at: int, question: Question, text: str, tokens: int, end: str) -> dict[str, Any]:
    return {
        "at": at,
        "item": question.item.id,
        "repeat": question.repeat,
        "response": text,
        "tokens": tokens,
        "end": end,
    }


def _kept(part: Path, most: int) -> set[int]:
    return {row["at"] for row in _rows(part) if row["at"] < most} if part.is_file() else set()


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file whose last line may have been cut off."""
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
