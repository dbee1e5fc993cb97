"""The plan of a measurement: who is asked what, and the identity under which it is resumed."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import valuecompass
from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Form, Item, form_items
from valuecompass.judges import Judge
from valuecompass.judges.quality.calibration import Calibration, Gate, SystemCalibration, gate
from valuecompass.measure.asking import ASKED, READ_OFF, Question, prompts_hash, questions
from valuecompass.measure.logprobs import check_by_logprobs
from valuecompass.measure.scenario import STEPS, VERSION
from valuecompass.models import Respondent
from valuecompass.stats import OpinionMethod
from valuecompass.values import ValueSystem

DECIDING = (
    *("name", "model", "system", "temperature", "top_p", "max_tokens", "reasoning_effort"),
    *("answers", "occasion"),
)
"""What of a respondent decides its scores; its name seeds the bootstrap."""


UNMEASURED = (
    "How good the judge {} is at actions has not been measured: its labels are of texts, "
    "this form holds scenarios."
)


@dataclass(frozen=True)
class Plan:
    """One measurement to be: form x respondents x judge."""

    system: ValueSystem
    form: Form
    items: tuple[Item, ...]
    respondents: tuple[Respondent, ...]
    judge: Judge
    opinions: OpinionMethod = "any"
    """How the opinions of one answer are joined: any, mean, rank-weighted."""
    calibration: Calibration | None = None
    """The judge's errors, that scores are corrected for."""

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Every request to one respondent, in order."""
        return tuple(q for i in self.items for q in questions(i, self.form.asking[i.kind]))

    @cached_property
    def errors(self) -> SystemCalibration | None:
        """The judge's errors in this system, where scores are to be corrected for them."""
        if self.calibration is None:
            return None
        return self.calibration.entry(self.judge, self.system)

    @cached_property
    def gate(self) -> Gate | None:
        """Whether the judge may be relied on here; None where nothing is judged."""
        if not any(self.judged_of(r) for r in self.respondents):
            return None
        if any(item.kind == "scenario" for item in self.items):
            return Gate("unmeasured", UNMEASURED.format(self.judge.name))
        return gate(self.calibration, self.judge, self.system)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the scores, and nothing else: a corrected price or link is no other plan."""
        given: dict[str, Any] = {}
        if self.calibration is not None:
            given["calibration"] = self.calibration.hash
        if any(item.kind == "scenario" for item in self.items):
            given |= {"playing": [VERSION, STEPS]}
        return given | {
            "system": self.system.model_dump(mode="json"),
            "form": {"name": self.form.name, "hash": self.form.hash},
            "respondents": [
                r.model_dump(mode="json", exclude_none=True, include=set(DECIDING))
                for r in self.respondents
            ],
            "judge": self.judge.identity,
            "opinions": self.opinions,
            "prompts": prompts_hash(),
        }

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of the identity."""
        return digest(self.identity, 16)

    @property
    def judged(self) -> int:
        """Responses per respondent that go to the judge."""
        return sum(q.item.kind not in READ_OFF for q in self.questions)

    def asks(self, respondent: Respondent, question: Question) -> bool:
        """Say whether a respondent is asked a question.

        A simulated respondent knows only the system its values are planted in. Log-probabilities
        are read of options, once: nothing is sampled.
        """
        if respondent.simulated:
            return respondent.model.split("/", 1)[1].partition("?")[0] == self.form.system
        if respondent.answers == "logprobs":
            return question.item.kind in READ_OFF and question.repeat == 0
        return True

    def asked(self, respondent: Respondent) -> Iterator[Question]:
        """Yield what a respondent is asked, in order."""
        return (q for q in self.questions if self.asks(respondent, q))

    def answers(self, respondent: Respondent) -> bool:
        """Say whether a respondent can answer any of this system's items."""
        return next(self.asked(respondent), None) is not None

    def why_not(self, respondent: Respondent) -> str:
        """Say why a respondent is asked nothing."""
        if respondent.answers == "logprobs":
            return "log-probabilities are read of choices and ratings alone"
        return "a simulated respondent answers only its own value system"

    def judged_of(self, respondent: Respondent) -> int:
        """Return how many responses of a respondent go to the judge."""
        return sum(q.item.kind not in READ_OFF for q in self.asked(respondent))


def make_plan(
    system: ValueSystem,
    form: Form,
    respondents: Sequence[Respondent],
    judge: Judge,
    items: Sequence[Item] | None = None,
    opinions: OpinionMethod = "any",
    calibration: Calibration | None = None,
) -> Plan:
    """Return a checked plan.

    Raises:
        InputError: no respondent, one named twice, a form of another system, an item of a kind
            that cannot be asked yet, or a calibration of another judge or system.
    """
    if not respondents:
        raise InputError("no respondent: name at least one with -m or --roster")
    names = [r.name for r in respondents]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"-m {name}: this respondent is named twice")
    if form.system != system.id:
        raise InputError(f"form {form.name} belongs to {form.system}, not to {system.id}")
    found = form_items(form, items)
    for item in found:
        if item.kind not in ASKED:
            raise InputError(
                f"item {item.id}: kind {item.kind!r} cannot be asked by this version; "
                "leave it out of the form"
            )
        if item.media:
            raise InputError(
                f"item {item.id}: media cannot be shown by this version; leave it out of the form"
            )
    if any(r.answers == "logprobs" for r in respondents):
        for item in found:
            check_by_logprobs(item)
    system = _as_read(system, form, found)
    if all(item.kind in READ_OFF for item in found):
        calibration = None  # no judge, no errors
    elif calibration is not None:
        if any(item.kind == "scenario" for item in found):
            raise InputError(
                f"--calibration: {calibration.source} tells the judge's errors on texts; form "
                f"{form.name} holds scenarios, where actions are judged"
            )
        entry = calibration.entry(judge, system)
        if opinions != entry.opinions and any(item.kind == "question" for item in found):
            raise InputError(
                f"--opinions {opinions}: {calibration.source} tells the judge's errors where the "
                f"points of an answer are joined by {entry.opinions}; leave --opinions out"
            )
    return Plan(system, form, tuple(found), tuple(respondents), judge, opinions, calibration)


def _as_read(system: ValueSystem, form: Form, items: Sequence[Item]) -> ValueSystem:
    """Return the system as the answers to a form are read for it.

    Opinions on a question show what somebody appeals to, whatever else the system is scored by.
    """
    judged = {item.kind for item in items} - set(READ_OFF)
    if "question" not in judged or system.scoring == "expression":
        return system
    if others := sorted(judged - {"question"}):
        raise InputError(
            f"form {form.name}: opinions on questions show what is appealed to, {others[0]} items "
            f"how {system.id} is scored; they share no scale: make a form of each"
        )
    return system.as_expression()


def environment() -> dict[str, str]:
    """Return the versions that a manifest records."""
    names = ("inspect_ai", "openai", "anthropic", "xllamacpp", "onnxruntime", "numpy", "scipy")
    found = {"valuecompass": valuecompass.__version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except ModuleNotFoundError:
            continue
    return found
