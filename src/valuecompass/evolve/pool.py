"""Respondents that are models: items are put to them as in a measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from valuecompass.errors import InputError
from valuecompass.evolve.protocols import Answer
from valuecompass.items import Asking, Item, Kind
from valuecompass.items.forms import ASKING
from valuecompass.measure.asking import Question
from valuecompass.measure.putting import ask_question
from valuecompass.models import Respondent
from valuecompass.models.asker import Asker


@dataclass(frozen=True)
class ModelPool:
    """Models that items are tried on.

    asker: asks them, within the budget, each question once.
    models: the pool, the cheap ones first.
    asking: by kind, the length of answers; that of a full measurement by default, so that items
        are selected by answers like those they will be used with.

    Raises:
        InputError: two models have one name, or one answers by log-probabilities.
    """

    asker: Asker
    models: Sequence[Respondent]
    asking: Mapping[Kind, Asking] = field(default_factory=lambda: ASKING["full"])

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        for model in self.models:
            if model.answers == "logprobs":
                raise InputError(f"{model.name}: items evolve on written answers, not on logprobs")
        if len(set(self.names)) < len(self.models):
            raise InputError("pool: two models have the same name; label one of them")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all models, in order."""
        return tuple(model.name for model in self.models)

    async def answer(self, item: Item, name: str, repeat: int) -> Answer:
        """Return an answer; odd repeats of a trade-off show its sides in swapped order.

        Raises:
            RequestFailed: no answer after all retries.
            ValueCompassError: as `Asker.ask`.
        """
        model = self.models[self.names.index(name)]
        order, sample = (repeat % 2, repeat // 2) if item.kind == "tradeoff" else (0, repeat)
        question = Question(item, order, sample)
        reply = await ask_question(self.asker, model, question, self.asking[item.kind])
        return Answer(reply.text, reply.outcome, f"{reply.key}/{reply.repeat}")
