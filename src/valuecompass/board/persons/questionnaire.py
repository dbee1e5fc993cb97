"""Questionnaires for people: statements that they rate, read from files or asked one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from valuecompass.errors import InputError
from valuecompass.files import decoded, read_bytes, write_text
from valuecompass.values import ValueSystem

__all__ = [
    "Answers",
    "Interview",
    "Question",
    "Questionnaire",
    "checked_answers",
    "own_questionnaire",
    "read_answers",
    "read_questionnaire",
]

Answers = dict[str, float]
"""What a person chose, by the question's id."""
OWN = ("schwartz",)
"""Systems with a questionnaire of ours in `data/`."""
_NAMED = 8
"""Ids that a message lists before it only counts."""


@dataclass(frozen=True)
class Question:
    """One statement to rate."""

    id: str
    dimension: str
    text: str | None
    """None where the file keeps the wording to itself."""
    keying: int
    """1, or -1 where agreeing speaks against the dimension."""


@dataclass(frozen=True)
class Questionnaire:
    """Questions on every dimension of a value system, with one scale."""

    source: str
    system: ValueSystem
    items: tuple[Question, ...]
    low: float
    """The answer "not like me at all"."""
    high: float
    """The answer "very much like me"."""
    notices: tuple[str, ...] = ()

    @property
    def scale(self) -> str:
        """The ends of the scale in words: `1 to 6`."""
        return f"{self.low:g} to {self.high:g}"

    def means(self, answers: Mapping[str, float]) -> dict[str, float]:
        """Return a person's mean answer on each dimension, in the system's order.

        Answers to reversed statements are turned first: low + high - answer.

        Args:
            answers: one for every question, on the scale.

        Source: the scoring of Schwartz et al. (2001), Journal of Cross-Cultural Psychology 32,
        519-542, without centring, which changes no rank within a person.
        """
        keyed: dict[str, list[float]] = {name: [] for name in self.system.names}
        for item in self.items:
            given = answers[item.id]
            keyed[item.dimension].append(given if item.keying > 0 else self.low + self.high - given)
        # 7 - 5.6 must tie with 1.4: ranks ask whether numbers are equal
        return {name: round(math.fsum(of) / len(of), 12) for name, of in keyed.items()}

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with an answer, or None."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{_shown(value)} is not a number"
        if not self.low <= value <= self.high:  # neither is NaN
            return f"{_shown(value)} is not on the scale, {self.scale}"
        return None


def own_questionnaire(system: ValueSystem) -> Questionnaire:
    """Return the questionnaire that comes with the package.

    Thirty statements of our own, three for each of Schwartz's ten values, one of them reversed. It
    was not validated on people and has no norms.

    Raises:
        InputError: there is none for this system.
    """
    if system.id not in OWN:
        raise InputError(
            f"-s {system.id}: there is no questionnaire of ours for this system "
            f"(only for {', '.join(OWN)}); name one with --questionnaire FILE"
        )
    name = f"questionnaire-{system.id}.json"
    return _questionnaire(
        (files("valuecompass.board.persons") / "data" / name).read_bytes(), name, system
    )


def read_questionnaire(path: Path, system: ValueSystem) -> Questionnaire:
    """Read a questionnaire.

    ``{"items": [{"id": "1", "dimension": "Power", "text": "...", "keying": 1}, ...],
    "scale": [1, 6]}``: `text` and `keying` (1, or -1 for a reversed statement) may be left out;
    `scale` names the lowest and the highest answer.

    Args:
        path: the JSON file.
        system: the value system that the dimensions belong to; each needs a question.

    Raises:
        InputError: with file, item and field.
    """
    return _questionnaire(read_bytes(path), path, system)


def read_answers(path: Path, questionnaire: Questionnaire, *, whole: bool = True) -> Answers:
    """Read a person's answers: ``{"1": 3, ...}``, ids of questions to numbers on the scale.

    Args:
        path: the JSON file.
        questionnaire: what was answered.
        whole: every question must have an answer.

    Raises:
        InputError: with file and question.
    """
    return checked_answers(_object(read_bytes(path), path), questionnaire, path, whole=whole)


def checked_answers(
    found: Mapping[str, Any],
    questionnaire: Questionnaire,
    source: str | Path,
    *,
    whole: bool = True,
) -> Answers:
    """Return answers in the order of the questions.

    Args:
        found: by the question's id.
        questionnaire: what was answered.
        source: what messages call them.
        whole: every question must have an answer.

    Raises:
        InputError: with source and question.
    """
    known = [item.id for item in questionnaire.items]
    if unknown := [key for key in found if key not in known]:
        raise InputError(
            f"{source}: {_listed(unknown)}: not in the questionnaire {questionnaire.source}, "
            f"whose ids are {_listed(known)}"
        )
    for key, value in found.items():
        if (fault := questionnaire.fault(value)) is not None:
            raise InputError(f"{source}: answer {key!r}: {fault}")
    if whole and (absent := [id for id in known if id not in found]):
        hint = " (--ask FILE asks for what is missing)" if isinstance(source, Path) else ""
        raise InputError(
            f"{source}: no answer to {_listed(absent)}; answer every question of "
            f"{questionnaire.source}{hint}"
        )
    return {id: float(found[id]) for id in known if id in found}


class Interview:
    """Asks the questions one by one and writes the answers file after each.

    Args:
        questionnaire: every question needs a text.
        path: the answers file; what it already holds is not asked again.

    Raises:
        InputError: a question without text, or a file that is not one of answers to these.
    """

    def __init__(self, questionnaire: Questionnaire, path: Path) -> None:
        if silent := [item.id for item in questionnaire.items if item.text is None]:
            raise InputError(
                f"{questionnaire.source}: no text in {_listed(silent)}, so nothing can be asked; "
                "add the texts, or give --answers FILE"
            )
        self.questionnaire, self.path = questionnaire, path
        self.answers = read_answers(path, questionnaire, whole=False) if path.exists() else {}
        self.place = 0
        self._to_open()

    @property
    def question(self) -> Question | None:
        """The question to ask now; None when all are answered."""
        items = self.questionnaire.items
        return items[self.place] if self.place < len(items) else None

    @property
    def given(self) -> float | None:
        """The answer that the question already has."""
        return self.answers.get(self.question.id) if self.question else None

    def back(self) -> None:
        """Go to the question before."""
        self.place = max(0, self.place - 1)

    def keep(self) -> None:
        """Let the answer given earlier stand and go on to the next question without one."""
        self._to_open()

    def put(self, typed: str) -> str | None:
        """Take an answer, write the file and go on; return what is wrong with it, or None.

        Raises:
            InputError: the file cannot be written.
        """
        question = self.question
        assert question is not None
        try:
            value = float(typed.replace(",", "."))
        except ValueError:
            return f"{_shown(typed)} is not a number"
        if (fault := self.questionnaire.fault(value)) is not None:
            return fault
        self.answers[question.id] = value
        known = (item.id for item in self.questionnaire.items)
        shown = {id: _whole(self.answers[id]) for id in known if id in self.answers}
        write_text(self.path, json.dumps(shown, indent=1) + "\n")
        self._to_open()
        return None

    def _to_open(self) -> None:
        items = self.questionnaire.items
        still = (at for at, item in enumerate(items) if item.id not in self.answers)
        self.place = next(still, len(items))


def _questionnaire(data: bytes, source: str | Path, system: ValueSystem) -> Questionnaire:
    found = _object(data, source)
    low, high = _scale(found.get("scale"), source)
    rows = found.get("items")
    if not isinstance(rows, list) or not rows:
        raise InputError(f'{source}: items: expected a list of {{"id", "dimension"}}, not empty')
    items: dict[str, Question] = {}
    further: dict[str, None] = {}
    for number, row in enumerate(cast("list[Any]", rows), start=1):
        where = f"{source}, item {number}"
        if not isinstance(row, dict):
            raise InputError(f"{where}: expected an object with id and dimension")
        fields = cast("dict[str, Any]", row)
        item = _question(fields, where, system)
        if item.id in items:
            raise InputError(f"{where}: id: {item.id!r} stands twice; give every item its own")
        items[item.id] = item
        further |= dict.fromkeys(k for k in fields if k not in Question.__dataclass_fields__)
    asked = {item.dimension for item in items.values()}
    if absent := [name for name in system.names if name not in asked]:
        raise InputError(
            f"{source}: no item for {', '.join(absent)}; every dimension of {system.id} needs one"
        )
    notices = (f"{source}: fields {_listed(further)} of items are ignored",) if further else ()
    return Questionnaire(str(source), system, tuple(items.values()), low, high, notices)


def _question(row: Mapping[str, Any], where: str, system: ValueSystem) -> Question:
    for field in ("id", "dimension"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            raise InputError(f"{where}: {field}: {_found(row, field)}, expected text")
    dimension = system.canonical(row["dimension"])
    if dimension is None:
        raise InputError(
            f"{where}: dimension: {_shown(row['dimension'])} is not one of {system.id}; "
            f"known: {', '.join(system.names)}"
        )
    text = row.get("text")
    if text is not None and (not isinstance(text, str) or not text.strip()):
        raise InputError(f"{where}: text: {_shown(text)}, expected text, or no such field")
    keying = row.get("keying", 1)
    if isinstance(keying, bool) or keying not in (1, -1):
        raise InputError(f"{where}: keying: {_shown(keying)}, expected 1 or -1")
    return Question(row["id"], dimension, text, int(keying))


def _scale(found: Any, source: str | Path) -> tuple[float, float]:
    ends = cast("list[Any]", found) if isinstance(found, list) else []
    good = len(ends) == 2 and all(
        isinstance(end, int | float) and not isinstance(end, bool) and abs(end) < 1e6
        for end in ends
    )
    if not good or not ends[0] < ends[1]:
        raise InputError(
            f"{source}: scale: {_shown(found)}, expected the lowest and the highest answer, [1, 6]"
        )
    return float(ends[0]), float(ends[1])


def _object(data: bytes, source: str | Path) -> dict[str, Any]:
    """Return the JSON object of a file in which no key stands twice and all numbers are finite."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for key, value in found:
            if key in whole:
                raise InputError(f"{source}: the key {_shown(key)} stands twice; keep one of them")
            whole[key] = value
        return whole

    def constant(name: str) -> None:
        raise InputError(f"{source}: {name} is not a number")

    text = decoded(data, Path(source))
    try:
        found = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise InputError(f"{source}: not readable JSON: {error}") from None
    if not isinstance(found, dict) or not found:
        raise InputError(f"{source}: expected a JSON object that is not empty")
    return cast("dict[str, Any]", found)


def _found(row: Mapping[str, Any], field: str) -> str:
    return _shown(row[field]) if field in row else "this field is missing"


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:59] + "…"


def _listed(ids: Iterable[str]) -> str:
    """Return the first few ids, and how many more there are."""
    all_of: Sequence[str] = list(ids)
    more = f" and {len(all_of) - _NAMED} more" if len(all_of) > _NAMED else ""
    return ", ".join(_shown(id) for id in all_of[:_NAMED]) + more


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() else value
