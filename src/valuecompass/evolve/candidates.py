"""What a run of an evolving method tries and leaves."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from valuecompass.evolve.information import ThetaPosterior
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.probing import Heard, Meter
from valuecompass.evolve.protocols import Proposal
from valuecompass.items import Item

_NAMED = re.compile(r": [0-9a-f]{12}| (?:[0-9a-f]{12}|\d+)$")
"""What a reason names of others: their ids, or how many were kept."""


def kind_of(reason: str) -> str:
    """Return the kind of a reason, without what it names."""
    return _NAMED.split(reason, maxsplit=1)[0]


@dataclass
class Candidate:
    """A question that was written, with all that is known of it.

    rewards: "first" (of P1), "final" (of P2), "selected" (the final answers, by what was known at
        the end of the run) and "fresh" (of answers that selected nothing); what was not reached is
        absent.
    answering: models with a verdict on their answer, behind each reward.
    calls: requests it took, fresh answers included; what it was rewritten from counts its own.
    rewritten: how many times, since it was proposed.
    reason: why it is not kept; None: it is.
    targets: of a kept one by value system the dimensions that its answers show it to be about, the
        main one first: it can be used under each of these systems (`targets.set_targets`).
    """

    topic: str
    proposal: Proposal
    rewards: dict[str, float] = field(default_factory=dict[str, float])
    answering: dict[str, int] = field(default_factory=dict[str, int])
    calls: int = 0
    rewritten: int = 0
    reason: str | None = None
    heard: dict[str, Heard] = field(default_factory=dict[str, Heard])
    fresh: dict[str, Heard] = field(default_factory=dict[str, Heard])
    text: Labels | None = None
    targets: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def item(self) -> Item:
        """What is asked."""
        return self.proposal.item

    @property
    def last(self) -> float:
        """The reward that rests on most answers while the search goes on; NaN: none yet."""
        return self.rewards.get("final", self.rewards.get("first", float("nan")))

    @property
    def why(self) -> str:
        """The kind of its reason."""
        return kind_of(self.reason or "")

    def as_json(self) -> dict[str, Any]:
        """Return item, lineage, rewards and requests; without answers, which the store has."""
        own = self.proposal
        return {
            "item": self.item.model_dump(mode="json", exclude_none=True),
            "topic": self.topic,
            "parent": own.parent,
            "fact": own.fact,
            "generator": own.generator,
            "region": own.region,
            "year": own.year,
            "rewritten": self.rewritten,
            "rewards": {k: v if math.isfinite(v) else None for k, v in self.rewards.items()},
            "answering": self.answering,
            "calls": self.calls,
            "targets": {system: list(names) for system, names in self.targets.items()},
            "reason": self.reason,
        }


def seed_of(topic: Item) -> Candidate:
    """Return a seed item as a candidate of its topic."""
    return Candidate(topic.id, Proposal(topic, "", None, None, "seed", topic.id, 0))


@dataclass(frozen=True)
class Evolution:
    """What a run leaves.

    kept: the best first: by information each is the one that adds most to those before it, by
        other rewards the one with the highest. Only their fresh rewards may be
        reported: the others are the largest of many, and so too large.
    rejected: with their reasons.
    meter: requests by kind.
    events: one for every pull, seed and stop, as JSON.
    stopped: "pulls", "calls", "widths" or "topics" (all of them left).
    warnings: what the user should know.
    posterior: of the models' positions; None with other rewards than information.
    withheld: answers that the safety filter kept from explorers: id of the item, respondent and
        reason.
    """

    kept: tuple[Candidate, ...]
    rejected: tuple[Candidate, ...]
    meter: Meter
    events: tuple[dict[str, Any], ...]
    stopped: str
    warnings: tuple[str, ...]
    posterior: ThetaPosterior | None
    withheld: tuple[tuple[str, str, str], ...] = ()
