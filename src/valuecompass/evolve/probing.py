"""Trying items on respondents: answers, verdicts, and what they cost in requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeVar

import anyio
import numpy as np

from valuecompass.errors import InputError, RequestFailed
from valuecompass.evolve.labels import Labels, labels_of
from valuecompass.evolve.protocols import Answer, Reading, Respondents
from valuecompass.items import Item
from valuecompass.judges.protocol import THRESHOLD, Judge, Subject, Verdict, subject_of
from valuecompass.judges.spec import most_requests_of, requests_of
from valuecompass.measure.asking import Question, read_off
from valuecompass.models.asker import counting
from valuecompass.text import POINTS, Span
from valuecompass.values import ValueSystem

T = TypeVar("T")
JudgeMode = Literal["one-call", "per-value"]
Verdicts = Mapping[str, tuple[Verdict, ...]]
"""Value system -> verdicts on one answer."""


@dataclass
class Meter:
    """Counts requests and holds the budget.

    Requests answered from a store count as well: so a run that is played again stops where it
    stopped before. What was paid is the ledger's business.

    limit: most requests of all kinds together; None: no limit.
    safety: requests of the safety filter.
    """

    limit: int | None = None
    explorer: int = 0
    answers: int = 0
    judge: int = 0
    safety: int = 0

    @property
    def total(self) -> int:
        """Requests so far."""
        return sum(self.by_kind().values())

    def by_kind(self) -> dict[str, int]:
        """Return the requests so far, by who was asked."""
        return {kind: getattr(self, kind) for kind in ("explorer", "answers", "judge", "safety")}

    def affords(self, calls: float) -> bool:
        """Say whether so many more requests stay within the limit."""
        return self.limit is None or self.total + calls <= self.limit


@dataclass(frozen=True)
class Heard:
    """One respondent's answer to one item, judged.

    answer: None where the request failed.
    verdicts: by value system; None where it refused, was not heard or could not be read.
    judge_calls: requests to the judge.
    """

    reading: Reading
    answer: Answer | None
    verdicts: Verdicts | None
    judge_calls: int


@dataclass
class Repeated:
    """How many more requests a judge takes than one for each question: it may have to ask again.

    planned: by `requests_of`.
    made: in fact, counted where they leave, whether or not the store has the answer.
    """

    planned: int = 0
    made: int = 0

    @property
    def rate(self) -> float:
        """Requests made for each one planned so far; at least 1."""
        return max(1.0, self.made / self.planned) if self.planned else 1.0


@dataclass(frozen=True)
class Prober:
    """Puts items to respondents and has the answers judged.

    systems: value systems that every answer to a question is judged by: how far its reasons rest on
        each dimension, whatever the scoring of a system's own items. That an opinion violates no
        principle tells nothing about what its author puts first.
    judge_mode: "one-call" asks the judge for all values of an answer at once, "per-value" for each
        opinion and value by itself, as the paper does.
    """

    respondents: Respondents
    judge: Judge
    systems: tuple[ValueSystem, ...]
    judge_mode: JudgeMode = "one-call"
    repeated: Repeated = field(default_factory=Repeated)

    @cached_property
    def read_for(self) -> tuple[ValueSystem, ...]:
        """The systems as the judge gets them."""
        return tuple(one.model_copy(update={"scoring": "expression"}) for one in self.systems)

    @property
    def dimensions(self) -> int:
        """Number of dimensions of all systems."""
        return sum(len(system.names) for system in self.systems)

    def cost(self, item: Item) -> int:
        """Return the requests that one answer to an item takes at most."""
        return 1 if item.kind == "tradeoff" else 1 + self._judging(most_requests_of, POINTS)

    def usual_cost(self, item: Item) -> float:
        """Return the requests that one answer takes, by how often the judge asked again so far."""
        if item.kind == "tradeoff":
            return 1
        return 1 + self._judging(requests_of, POINTS) * self.repeated.rate

    @property
    def text_cost(self) -> int:
        """Requests that judging the text of an item takes at most."""
        return self._judging(most_requests_of, 1)

    @property
    def usual_text_cost(self) -> float:
        """Requests that judging the text of an item takes, by how often the judge asked again."""
        return self._judging(requests_of, 1) * self.repeated.rate

    def _judging(self, requests: Callable[[Judge, int, int], int], opinions: int) -> int:
        """Requests of all pieces that an answer is judged in."""
        if self.judge_mode == "per-value":
            return opinions * self.dimensions * requests(self.judge, 1, 1)
        return sum(requests(self.judge, opinions, len(s.names)) for s in self.systems)

    def check(self, item: Item) -> None:
        """Refuse an item that this method cannot use.

        Raises:
            InputError: its kind, value system or dimensions are not among those of the run.
        """
        if item.kind not in ("question", "tradeoff"):
            raise InputError(
                f"item {item.id}: kind {item.kind!r} cannot evolve here; give questions or "
                "trade-offs"
            )
        known = {system.id: system.names for system in self.systems}
        if item.system not in known:
            raise InputError(
                f"item {item.id}: value system {item.system!r} is not one of this run's; add it or "
                "leave the item out"
            )
        for name in item.dimensions:
            if name not in known[item.system]:
                raise InputError(
                    f"item {item.id}: {item.system} has no dimension {name!r}; it has "
                    f"{', '.join(known[item.system])}"
                )

    async def ask(self, item: Item, name: str, repeat: int) -> Heard:
        """Return a judged answer; failures are missing, not errors."""
        silent = Reading(name, (), ())
        try:
            answer = await self.respondents.answer(item, name, repeat)
        except RequestFailed:
            return Heard(silent, None, None, 0)
        if answer.outcome != "answer":
            return Heard(silent, answer, None, 0)
        if item.sides is not None:
            return self._chosen(item, name, answer, repeat)
        subjects = [subject_of(system, item, answer.text) for system in self.read_for]
        verdicts, calls = await self._judged(subjects)
        said = tuple(part.text for part in subjects[0].parts)
        return Heard(Reading(name, said, _expressed(verdicts)), answer, verdicts, calls)

    async def text_values(self, item: Item) -> tuple[Labels, int]:
        """Return the values that an item's own text expresses, labels (1, 1, D), and the cost."""
        whole = Span(0, len(item.text), item.text)
        subjects = [
            Subject(system, item, item.text, (whole,), system.names) for system in self.read_for
        ]
        verdicts, calls = await self._judged(subjects)
        return self.labels([verdicts]), calls

    def labels(self, verdicts: Sequence[Verdicts | None]) -> Labels:
        """Arrange verdicts on one item: (K, L, D), D over the values of all systems in order."""
        parts = [
            labels_of([None if v is None else v.get(system.id, ()) for v in verdicts], system.names)
            for system in self.systems
        ]
        longest = max(one.expressed.shape[1] for one in parts)

        def padded(values: np.ndarray) -> np.ndarray:
            room = ((0, 0), (0, longest - values.shape[1]), (0, 0))
            return np.pad(values, room, constant_values=np.nan)

        return Labels(
            np.concatenate([padded(one.expressed) for one in parts], axis=2),
            np.concatenate([padded(one.valence) for one in parts], axis=2),
        )

    def _chosen(self, item: Item, name: str, answer: Answer, repeat: int) -> Heard:
        """Read a choice: the one side's dimension is expressed, the other's is not."""
        assert item.sides is not None
        found = read_off(Question(item, repeat % 2, repeat), answer.text)
        if found is None:
            return Heard(Reading(name, (), ()), answer, None, 0)
        chosen = str(found["chosen"])
        verdicts = tuple(
            Verdict(0, side.dimension, float(side.dimension == chosen)) for side in item.sides
        )
        (said,) = (side.text for side in item.sides if side.dimension == chosen)
        return Heard(Reading(name, (said,), (chosen,)), answer, {item.system: verdicts}, 0)

    async def _judged(self, subjects: Sequence[Subject]) -> tuple[Verdicts | None, int]:
        """Return verdicts of all systems, None without any, and the requests made.

        What one request failed for is missing; the others were paid, and tell.
        """
        calls, found = 0, dict[str, tuple[Verdict, ...]]()
        for subject in subjects:
            verdicts: list[Verdict] = []
            for part, one in self._pieces(subject):
                with counting() as asked:
                    try:
                        said = await self.judge.judge(one)
                    except RequestFailed:
                        said = None
                planned = requests_of(self.judge, len(one.parts), len(one.dimensions))
                made = asked.n or planned  # who does not go through an asker cannot be counted
                self.repeated.planned += planned
                self.repeated.made += made
                calls += made
                verdicts += [replace(v, part=v.part + part) for v in said or ()]
            if verdicts:
                found[subject.system.id] = tuple(verdicts)
        return found or None, calls

    def _pieces(self, subject: Subject) -> list[tuple[int, Subject]]:
        """Return what is asked in one request, with the number of its first part."""
        if self.judge_mode == "one-call":
            return [(0, subject)]
        return [
            (number, replace(subject, parts=(part,), dimensions=(dimension,)))
            for number, part in enumerate(subject.parts)
            for dimension in subject.dimensions
        ]


def _expressed(verdicts: Verdicts | None) -> tuple[str, ...]:
    found = [v.dimension for of_system in (verdicts or {}).values() for v in of_system if _yes(v)]
    return tuple(dict.fromkeys(found))


def _yes(verdict: Verdict) -> bool:
    return verdict.expressed is not None and verdict.expressed >= THRESHOLD


async def together(work: Sequence[Callable[[], Awaitable[T]]], at_once: int) -> list[T]:
    """Return the results of all work in its order, at most so many under way at a time.

    After a failure nothing more is begun, what is under way ends (it was paid), and the error that
    is first in the order is raised.
    """
    results: dict[int, T] = {}
    errors: dict[int, Exception] = {}
    waiting = iter(enumerate(work))

    async def worker() -> None:
        for place, one in waiting:
            if errors:
                return
            try:
                results[place] = await one()
            except Exception as error:  # raised below, once the others have ended
                errors[place] = error

    async with anyio.create_task_group() as group:
        for _ in range(min(at_once, len(work))):
            group.start_soon(worker)
    if errors:
        raise errors[min(errors)]
    return [results[place] for place in range(len(work))]
