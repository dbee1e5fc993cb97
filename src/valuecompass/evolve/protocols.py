"""What an evolving method asks of its world: who proposes items, who answers, who judges.

The judge is a `valuecompass.judges.Judge`. Whoever brings explorers and respondents of their own
can let items evolve in any world: real models, planted ones, people.

A method is deterministic given its seed and what these return. So they must return the same for the
same arguments, whatever was asked before or at the same time: then a run that was killed goes on by
being played again, with every paid request answered from the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from valuecompass.items import Item
from valuecompass.models import Outcome


@dataclass(frozen=True)
class Proposal:
    """An item that an explorer offers.

    item: of the kind and language of its topic, with an evolved lineage.
    fact: the event or circumstance that it rests on.
    region: where that is; None: nowhere in particular, or not known.
    year: when it was; None: at no time in particular, or not known.
    generator: name of the explorer.
    parent: id of the item that it was made from.
    calls: requests it took, this step alone.
    """

    item: Item
    fact: str
    region: str | None
    year: int | None
    generator: str
    parent: str
    calls: int


@dataclass(frozen=True)
class Answer:
    """What a respondent said to an item.

    text: the answer; of a trade-off the letter of the side as shown.
    outcome: a refusal and an empty text are outcomes of their own, never a low score.
    key: names the response in the store.
    """

    text: str
    outcome: Outcome
    key: str


@dataclass(frozen=True)
class Reading:
    """What one respondent's answer to an item showed.

    name: of the respondent.
    points: its opinions, the most important first, or its choice in a trade-off; none where it
        refused or was not heard.
    values: dimensions that the judge found expressed in them, or that of the side chosen.
    """

    name: str
    points: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What is known of an item when an explorer is asked to improve it.

    topic: the seed item, whose subject the item is to stay with.
    reward: of the item, on the method's own scale: the higher the better.
    """

    item: Item
    fact: str
    readings: tuple[Reading, ...]
    reward: float
    topic: Item


class Explorer(Protocol):
    """Writes new items."""

    @property
    def name(self) -> str:
        """Unlike that of any other explorer of the run."""
        ...

    async def propose(
        self, topic: Item, shots: Sequence[tuple[Item, float]], turn: int
    ) -> Proposal | None:
        """Return a new item of a topic, or None where nothing usable came.

        Args:
            topic: the seed item of the topic.
            shots: items of the topic with their rewards, the best first.
            turn: tells requests apart that are equal otherwise.

        Raises:
            RequestFailed: a request failed for good.
        """
        ...

    async def refine(self, proposal: Proposal, evidence: Evidence, turn: int) -> Proposal | None:
        """Return a better item made from a proposal, or None where nothing usable came.

        Args:
            proposal: what is to be improved.
            evidence: how respondents answered it.
            turn: tells requests apart that are equal otherwise.

        Raises:
            RequestFailed: a request failed for good.
        """
        ...


class Respondents(Protocol):
    """The models that items are tried on."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of all respondents, each once."""
        ...

    async def answer(self, item: Item, name: str, repeat: int) -> Answer:
        """Return an answer.

        Args:
            item: what is asked.
            name: of the respondent.
            repeat: which sample, from 0; of a trade-off odd ones show its sides in swapped order.

        Raises:
            RequestFailed: no answer after all retries.
        """
        ...
