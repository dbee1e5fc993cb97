"""Explorers, respondents and a judge of the planted world, behind the protocols of an evolving run.

They write and read real texts, so that everything between them is at work: formats, parsers,
refusals, failures. Only a judge that errs as often as it is told to stands for the reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from benchmarks.evolve_planted.sources import anew, paraphrase
from benchmarks.evolve_planted.wording import (
    LOOSE,
    REFUSALS,
    REGIONS,
    answer_text,
    choice_text,
    named_in,
    opinion,
    refined_wording,
)
from benchmarks.evolve_planted.world import Bools, Floats, Latents, Person, World
from scipy.special import expit, logit

from valuecompass.errors import RequestFailed
from valuecompass.evolve.protocols import Answer, Evidence, Proposal
from valuecompass.hashing import digest
from valuecompass.items import Item, Lineage
from valuecompass.judges.protocol import Subject, Verdict, all_missing
from valuecompass.text import Span

Rng = np.random.Generator

STEPS = 2
"""Requests of a proposal (fact, then question) and of a refinement (advice, then question)."""


@dataclass(frozen=True)
class PlantedExplorer:
    """A model of the pool that writes items.

    It believes to know where the pool stands and moves items there; where it is shown evidence, it
    makes a consensus harder to reach. What it knows of happens in its region, before its knowledge
    ends.

    home: its region; drawn by default.
    latest: the last year it knows of; drawn by default.
    season: of the pool that it has in mind.
    """

    world: World
    name: str
    home: str | None = None
    latest: int | None = None
    season: int = 0

    @property
    def knowledge(self) -> tuple[str, int]:
        """Its region, and the last year that it knows of."""
        home = self.home or str(self.world.rng("home", self.name).choice(REGIONS))
        latest = self.latest or self.world.draw("explorers", "latest_year", self.name)
        return home, int(latest)

    async def propose(
        self, topic: Item, shots: Sequence[tuple[Item, float]], turn: int
    ) -> Proposal | None:
        """Return a new item made from the topic or from an item shown, or None."""
        world, own = self.world, self.world.drawn["explorers"]
        best = [item for item, _ in shots]
        rng = world.rng("propose", self.name, topic.text, [i.text for i in best], turn)
        if rng.random() < own["give_up_rate"]:
            return None
        if best and rng.random() < own["copy_rate"]:
            parent = best[rng.integers(len(best))]
            item = paraphrase(world, parent, rng)
            return self._proposal(item.model_copy(update={"lineage": self._lineage(parent)}))
        parents = [topic, *best]
        parent = parents[rng.integers(len(parents))]
        latents = self._moved(parent, rng)
        item, _ = world.write(topic.kind, topic.system, latents, self._lineage(parent))
        return self._proposal(item)

    async def refine(self, proposal: Proposal, evidence: Evidence, turn: int) -> Proposal | None:
        """Return the item with what all respondents agree on moved away from them, or None."""
        world, own, old = self.world, self.world.drawn["explorers"], proposal.item
        heard = [r.values for r in evidence.readings if r.points]
        counts = Counter(name for values in heard for name in set(values))
        rng = world.rng("refine", self.name, old.text, sorted(counts.items()), len(heard), turn)
        if rng.random() < own["give_up_rate"] or not heard:
            return None
        # of a system that nobody judged no reading names a value: that is no consensus
        told = {old.system} | {system for system, name in world.names if counts[name]}
        share = np.array(
            [counts[name] / len(heard) if system in told else 0.5 for system, name in world.names]
        )
        latents = world.latents(old)
        step = own["refine_step"] * latents.topic.reach * (2 * share - 1)
        moved = replace(
            latents,
            wording=refined_wording(latents.wording, rng),
            difficulty=rng.normal(latents.difficulty + step, own["refine_sd"]),
            quirks=(),
            original=None,
        )
        item, _ = world.write(old.kind, old.system, moved, self._lineage(old))
        return self._proposal(item)

    def _moved(self, parent: Item, rng: Rng) -> Latents:
        world, old = self.world, self.world.latents(parent)
        own, topic = world.drawn["explorers"], old.topic
        far = world.draw("explorers", "step", self.name) * topic.reach
        difficulty = old.difficulty + far * (self._aim(parent) - old.difficulty)
        home, latest = self.knowledge
        elsewhere = topic.wording.region or str(rng.choice(REGIONS))
        return anew(
            world,
            topic,
            rng,
            rng.normal(difficulty, own["refine_sd"]),
            world.drawn["items"]["forced_rate"],
            own["heat"],
            self._changed(old.active, rng),
            home if rng.random() < own["home_share"] else elsewhere,
            latest - int(rng.exponential(own["years_back"])),
        )

    def _changed(self, active: Bools, rng: Rng) -> Bools:
        """Return touched values with some taken up and as many dropped, on average."""
        rate, share = self.world.drawn["explorers"]["change_rate"], active.mean()
        dropped = rng.random(len(active)) < rate
        taken = rng.random(len(active)) < rate * share / max(1 - share, share)
        changed = np.where(active, ~dropped, taken)
        for system in self.world.systems:
            places = self.world.places(system.id)
            if not changed[places].any():
                changed[places] = active[places]
        return changed

    def _aim(self, item: Item) -> Floats:
        """Return where it believes the pool to stand."""
        world = self.world
        pool = [world.person(name).theta for name in world.people("pool", self.season)]
        centre = np.stack(pool).mean(axis=0)
        if item.sides is not None:
            first, second = world.latents(item).topic.sides[item.system]
            centre[first] -= centre[second]
        error = world.drawn["explorers"]["aim_sd"]
        return centre + world.rng("aim", self.name, self.season).normal(0, error, len(centre))

    def _lineage(self, parent: Item) -> Lineage:
        return Lineage(origin="evolved", parents=(parent.id,), method="planted", model=self.name)

    def _proposal(self, item: Item) -> Proposal:
        wording = self.world.latents(item).wording
        return Proposal(
            item=item,
            fact=wording.fact,
            region=wording.region,
            year=wording.year,
            generator=self.name,
            parent=item.lineage.parents[0],
            calls=STEPS,
        )


@dataclass(frozen=True)
class PlantedRespondents:
    """Respondents that answer in the format asked for, most of the time."""

    world: World
    names: tuple[str, ...]

    async def answer(self, item: Item, name: str, repeat: int) -> Answer:
        """Return an answer, a refusal or an empty text.

        Raises:
            RequestFailed: as often as the world has it.
        """
        world, own = self.world, self.world.drawn["respondents"]
        person, latents = world.person(name), world.latents(item)
        rng = world.rng("answer", name, item.text, repeat)
        key = digest([world.digest, world.seed, world.quirk_sd, item.id, name, repeat])
        failed, empty, refused, loose = rng.random(4)
        if failed < own["failure_rate"]:
            raise RequestFailed(f"{name}: planted failure")
        if empty < own["empty_rate"]:
            return Answer("", "empty", key)
        if refused < expit(person.refusal + latents.heat):
            return Answer(REFUSALS[rng.integers(len(REFUSALS))], "refusal", key)
        form = int(rng.integers(LOOSE)) if loose < own["loose_rate"] else None
        if item.sides is not None:
            return Answer(self._choice(item, person, repeat, form, rng), "answer", key)
        return Answer(self._opinions(item, person, form, rng), "answer", key)

    def _choice(self, item: Item, person: Person, repeat: int, form: int | None, rng: Rng) -> str:
        assert item.sides is not None
        as_a = item.sides[repeat % 2].dimension  # odd repeats show the sides in swapped order
        (system,) = (s for s in self.world.systems if s.id == item.system)
        chance = self.world.chance(item, [person.name])[0, system.names.index(as_a)]
        letter = "A" if rng.random() < expit(logit(chance) + person.letter) else "B"
        return choice_text(letter, form)

    def _opinions(self, item: Item, person: Person, form: int | None, rng: Rng) -> str:
        world = self.world
        chance = np.concatenate(
            [world.chance(item, [person.name], system.id)[0] for system in world.systems]
        )
        size = (world.spec["settings"]["opinions"], len(chance))
        expressed = rng.random(size) < chance
        supports = rng.random(size) < expit(person.endorsement)
        names = [name for _, name in world.names]
        thing = world.latents(item).wording.thing
        said = [
            opinion(
                thing,
                [n for n, yes, pro in zip(names, *row, strict=True) if yes and pro],
                [n for n, yes, pro in zip(names, *row, strict=True) if yes and not pro],
                rng,
            )
            for row in zip(expressed, supports, strict=True)
        ]
        lean = world.rng("stance", person.quirks_of, item.text).uniform(0.1, 0.8)
        stance = rng.choice(["yes", "no", "neutral"], p=[lean, 0.9 - lean, 0.1])
        return answer_text(str(stance), said, form)


@dataclass(frozen=True)
class PlantedJudge:
    """A judge that finds the values named in a text with given error rates.

    Equal texts get equal verdicts, as from a judge whose answers are stored. Errors are independent
    between opinions and values.

    accuracy: chance of finding a value that is expressed, and of finding none where there is none.
    languages: that it knows; of others its verdicts are missing.
    """

    world: World
    accuracy: float
    name: str = "planted"
    languages: tuple[str, ...] = ("en",)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides a verdict."""
        return {
            "kind": "planted",
            "name": self.name,
            "world": self.world.digest,
            "seed": self.world.seed,
            "accuracy": self.accuracy,
            "languages": list(self.languages),
        }

    async def judge(self, subject: Subject) -> list[Verdict]:
        """Return one verdict for every part and dimension, missing ones included."""
        if subject.item.language not in self.languages:
            return all_missing(subject, f"does not know the language {subject.item.language}")
        return [
            verdict
            for number, part in enumerate(subject.parts)
            for verdict in self._of_part(subject, number, part)
        ]

    def _of_part(self, subject: Subject, number: int, part: Span) -> list[Verdict]:
        own, said = self.world.drawn["judge"], named_in(part.text)
        about = (self.accuracy, subject.system.id, subject.item.text, part.text)
        rng = self.world.rng("judge", self.name, *about)
        found: list[Verdict] = []
        # drawn for all values of the system: asking for one alone gives it the same verdict
        luck = rng.random((len(subject.system.names), 4))
        of_name = dict(zip(subject.system.names, luck, strict=True))
        for dimension in subject.dimensions:
            right, valence_right, side, silent = of_name[dimension]
            if silent < own["missing_rate"]:
                found.append(Verdict(number, dimension, None, missing="planted"))
                continue
            seen = (dimension in said) == (right < self.accuracy)
            valence = float(said.get(dimension, 1 if side < 0.5 else -1)) if seen else 0.0
            if valence_right >= own["valence_accuracy"]:
                valence = -valence
            found.append(
                Verdict(
                    number,
                    dimension,
                    float(seen),
                    valence,
                    self.accuracy,
                    part.start if seen else None,
                    part.end if seen else None,
                )
            )
        return found
