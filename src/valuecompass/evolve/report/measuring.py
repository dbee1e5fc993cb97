"""Puts sets of items to the same models: one measurement for each set, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valuecompass.errors import InputError
from valuecompass.evolve.report.figures_scores import RANKED
from valuecompass.evolve.report.gather import (
    Run,
    items_of_file,
    overlapping,
    seeds_of,
    seeds_under,
)
from valuecompass.evolve.report.sets import ItemSet, equal_sets
from valuecompass.items import Form, Item, Kind
from valuecompass.items.forms import ASKING
from valuecompass.judges import Judge
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.run import Listener, Settings, resolve_respondents, run_plans
from valuecompass.models import Respondent, priming
from valuecompass.models.spec import ITEM_AWARE
from valuecompass.values import ValueSystem

__all__ = ["EVOLVED", "OTHER", "Examinees", "Measured", "ReportSettings", "examinees", "measured"]

EVOLVED, SEEDS, OTHER = "evolved", "seeds", "other run"
OCCASION = "evolve report"
"""Under which all are asked: what a model answered while items were selected, in this run or in any
other, the store would give again."""
AGREED = 3
"""Examinees from which on the scores by two runs' items can agree."""


@dataclass(frozen=True)
class ReportSettings:
    """What to report on, and what to ask for it."""

    measuring: Settings = field(default_factory=Settings)
    """Models: the examinees, none: those of the run; judge, workspace, limits. Its systems, form,
    items and occasion are not used."""
    run: str | None = None
    """Id of the run, or how it begins; None: the newest finished one."""
    against: Sequence[str | Path] = (SEEDS,)
    """What evolved items are held against: seeds, item files; nothing: they stand alone."""
    size: int = 200
    """Items of each set, at most; 0: nobody is asked. Only the comparison has equal counts."""
    repeats: int = 2
    """Answers to each item."""
    prime: bool = False
    """Ask every examinee once more for each value, primed to it."""
    other: str | None = None
    """Another run, whose items are to give the same scores."""
    seed: int = 0
    """Of all draws."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.size < 0 or not 1 <= self.repeats <= 100:
            raise InputError("--size: 0 or more; --repeats: from 1 to 100")


@dataclass(frozen=True)
class Examinees:
    """Who is asked.

    origin: "given", "run" (the run's own examinees) or "pool" (it names none).
    overlap: names of those that took part in the run, or in the other one.
    """

    models: tuple[Respondent, ...]
    origin: str
    overlap: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """Sets of items of one value system with their measurements, in the same order.

    primed: measurement of primed models on the evolved items; its rows are examinee by examinee,
        each in the order of the dimensions.
    primable: names of the examinees in it.
    """

    system: ValueSystem
    sets: tuple[ItemSet, ...]
    measurements: tuple[Measurement, ...]
    primed: Measurement | None
    primable: tuple[str, ...]


def examinees(
    settings: ReportSettings, run: Run, other: Run | None, systems: Sequence[ValueSystem]
) -> Examinees:
    """Return who is asked: given, else the run's examinees, else its pool.

    Raises:
        InputError: a wrong name, one that two have, or too few for the other run.
    """
    given = settings.measuring
    origin = "given"
    if not given.models and given.roster is None:
        origin = "run" if run.manifest.get("examinees") else "pool"
        names = run.manifest.get("examinees") or run.manifest.get("pool") or ()
        try:
            found = resolve_respondents(Settings(models=names), systems)
        except InputError as error:
            raise InputError(
                f"{run.id}: an examinee of this run cannot be asked by name ({error}); name them "
                "with --examinees"
            ) from None
    else:
        found = resolve_respondents(given, systems)
    if other is not None and len(found) < AGREED:
        raise InputError(
            f"--other {other.id}: agreement of two runs takes {AGREED} examinees, and there "
            f"{'is one' if len(found) == 1 else f'are {len(found)}'}; name more with --examinees"
        )
    overlap = overlapping([run] if other is None else [run, other], found)
    models = tuple(one.model_copy(update={"occasion": OCCASION}) for one in found)
    return Examinees(models, origin, tuple(overlap))


def too_few(number: int) -> str | None:
    """Say which parts of a report so few examinees leave empty, or None."""
    empty: list[str] = []
    if number < 2:
        empty.append("how well sets tell models apart, and the five parts (two examinees)")
    if number < RANKED:
        empty.append(f"how many items are enough ({RANKED})")
    if not empty:
        return None
    who = "one examinee" if number == 1 else f"{number} examinees"
    return f"With {who} these parts stay empty: {'; '.join(empty)}. Name more with --examinees."


async def measured(
    settings: ReportSettings,
    run: Run,
    other: Run | None,
    systems: Sequence[ValueSystem],
    who: Examinees,
    listener: Listener,
) -> list[Measured] | None:
    """Ask examinees the items of every set, and return the measurements.

    The evolved items come last: what is newest in the workspace is then theirs.

    Returns:
        One for each value system of which the run kept items; None where the listener left plans
        at that.

    Raises:
        InputError: no items to compare, a wrong file or name; nothing was asked.
        BudgetReached, ProviderStopped, Interrupted: the same call goes on.
    """
    drawn = {
        system.id: equal_sets(
            _sets(settings, run, other, systems, system), settings.size, settings.seed, [OTHER]
        )
        for system in systems
        if run.of(system.id)
    }
    primable = tuple(r for r in who.models if r.system is None and r.provider not in ITEM_AWARE)
    places: list[tuple[str, str]] = []

    def plans_of(judge: Judge) -> list[Plan]:
        plans: list[Plan] = []
        for system in (s for s in systems if s.id in drawn):
            sets = drawn[system.id]
            for one in reversed(sets):
                form = _form(run, system, one, settings.repeats)
                plans.append(make_plan(system, form, who.models, judge, one.items))
                places.append((system.id, one.name))
            if settings.prime and primable:
                form = _form(run, system, sets[0], 1)
                models = _primed(primable, system)
                plans.insert(-1, make_plan(system, form, models, judge, sets[0].items))
                places.insert(-1, (system.id, ""))
        return plans

    asked = [*who.models]
    if settings.prime:
        asked += [one for system in systems for one in _primed(primable, system)]
    found = await run_plans(settings.measuring, asked, plans_of, listener)
    if len(found) < len(places):
        return None
    by_place = dict(zip(places, found, strict=True))
    return [
        Measured(
            system,
            tuple(drawn[system.id]),
            tuple(by_place[system.id, one.name] for one in drawn[system.id]),
            by_place.get((system.id, "")),
            tuple(one.name for one in primable),
        )
        for system in systems
        if system.id in drawn
    ]


def _sets(
    settings: ReportSettings,
    run: Run,
    other: Run | None,
    systems: Sequence[ValueSystem],
    system: ValueSystem,
) -> dict[str, Sequence[Item]]:
    found: dict[str, Sequence[Item]] = {EVOLVED: run.of(system.id)}
    for one in settings.against:
        if str(one) == SEEDS:
            found[SEEDS] = seeds_under(seeds_of(run, systems), system)
        else:
            path = Path(one)
            name = path.name if path.name not in found else str(path)
            found[name] = items_of_file(path, run, system)
    if other is not None:
        found[OTHER] = run.likes(other.of(system.id))
        if not found[OTHER]:
            raise InputError(
                f"--other {other.id}: this run kept no {run.kind}s of {system.id} in {run.language}"
            )
    return found


def _form(run: Run, system: ValueSystem, of: ItemSet, repeats: int) -> Form:
    kinds: list[Kind] = sorted({item.kind for item in of.items})
    return Form(
        name=f"{system.id}/{of.name}, report on run {run.id}",
        system=system.id,
        asking={
            # the length that answers have in a full measurement, as while items evolve
            kind: ASKING["full"][kind].model_copy(update={"repeats": repeats})
            for kind in kinds
        },
        items=tuple(item.id for item in of.items),
    )


def _primed(models: Sequence[Respondent], system: ValueSystem) -> list[Respondent]:
    return [
        one.model_copy(
            update={
                "name": f"{one.name}@prime={dimension}",
                "system": priming(dimension, [system]),
                "prime": dimension,
            }
        )
        for one in models
        for dimension in system.names
    ]
