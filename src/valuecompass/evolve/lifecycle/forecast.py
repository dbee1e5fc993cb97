"""What a season will take, said before it starts: requests, tokens and money of each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from valuecompass.evolve.forecast import Part, Prospect
from valuecompass.evolve.lifecycle.history import pool_occasion
from valuecompass.evolve.lifecycle.season import Season, SeasonListener
from valuecompass.evolve.lifecycle.settings import Models, SeasonSettings
from valuecompass.evolve.run import EvolveListener, evolve_async
from valuecompass.items import Form, Item, read_form
from valuecompass.items.io import read_items
from valuecompass.judges import Judge
from valuecompass.measure.forecast import Judging, Outlook, Share
from valuecompass.measure.measurement import account_of
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.run import Listener, resolve_respondents, run_plans
from valuecompass.models import Limits
from valuecompass.models.budget import Amount

__all__ = ["SeasonProspect", "SeasonStep", "season_prospect"]

Json = dict[str, Any]
STAND_IN = (
    "the next form is not selected yet: its items are taken to be like those of the form before, "
    "in kind and length"
)


@dataclass(frozen=True)
class SeasonStep:
    """What a step will take; what is stored already is left out.

    about: of what it consists.
    parts: what each of its players takes.
    stored: answers that are there already.
    """

    step: Literal["evolve", "pool", "measure"]
    about: str
    parts: tuple[Part, ...]
    stored: int

    @property
    def unpriced(self) -> list[str]:
        """Players whose price is unknown."""
        return list(dict.fromkeys(part.name for part in self.parts if part.usd is None))

    def json(self) -> Json:
        """Return it as a JSON object."""
        return {**asdict(self), **_sums(self.parts), "unpriced": self.unpriced}


@dataclass(frozen=True)
class SeasonProspect:
    """What a season will take.

    spent: what earlier attempts spent on it or reserved.
    """

    season: str
    steps: tuple[SeasonStep, ...]
    spent: Amount
    notes: tuple[str, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """Of all steps."""
        return tuple(part for step in self.steps for part in step.parts)

    def json(self) -> Json:
        """Return the documented JSON object.

        ``season``, ``steps`` (each with ``step``, ``about``, ``stored``, ``requests``,
        ``tokens_in``, ``tokens_out``, ``usd``, ``unpriced`` and ``parts``, one for each player),
        the same sums over all steps, ``spent`` (``tokens`` and ``usd`` that earlier attempts spent
        or reserved) and ``notes``. ``usd`` is None where a price is unknown.
        """
        steps = [step.json() for step in self.steps]
        return {
            "season": self.season,
            "steps": steps,
            **_sums(self.parts),
            "spent": asdict(self.spent),
            "notes": list(self.notes),
        }


def _sums(parts: Sequence[Part]) -> Json:
    known = [part.usd for part in parts if part.usd is not None]
    counts = {k: sum(getattr(p, k) for p in parts) for k in ("requests", "tokens_in", "tokens_out")}
    return {**counts, "usd": math.fsum(known) if len(known) == len(parts) else None}


async def season_prospect(
    settings: SeasonSettings, listener: SeasonListener | None = None
) -> SeasonProspect:
    """Return what a season will take; nobody is asked, and nothing is written.

    The evolution takes what `evolve adaem --dry-run` would say: at most its calls, those found in
    the store included. Of both measurements what is stored costs nothing. Until the next form is
    selected, the form before stands in for it.

    Args:
        settings: what and whom.
        listener: hears of notes.

    Raises:
        InputError: as `season.season_async`.
    """
    told = listener or SeasonListener()
    season = Season(settings, told)
    season.check()
    evolving, evolution, notes = await _evolving(season, told)
    own, pool = settings, pool_occasion(settings.name)
    previous = await _measured(season, own.pool, own.previous, season.old, pool)
    steps = [evolving, _step("pool", previous, 1, f"{len(season.previous.items)} items")]
    accounts = {account_of([previous.plan.id])}
    if season.form_file.is_file():
        form, bank = season.form_file, read_items(season.bank_file, season.system)
        accounts |= {*season.accounts}
    else:
        form, bank = own.previous, season.old
        notes = (*notes, STAND_IN)
    board = await _measured(season, season.board, form, bank, own.name)
    scale = 1.0 if form == season.form_file else own.size / len(season.previous.items)
    steps.append(_step("measure", board, scale, f"{own.size} items, {len(season.board)} models"))
    if form == season.form_file:  # what stands in for the form is no part of the season
        accounts.add(account_of([board.plan.id]))
    spent = await season.spent({evolution, *accounts})
    found = SeasonProspect(own.name, tuple(steps), spent, notes)
    over = _over(found, await season.spent([evolution]), Limits(tokens=own.tokens, usd=own.usd))
    return replace(found, notes=(*notes, *over))


def _over(found: SeasonProspect, evolution: Amount, limits: Limits) -> list[str]:
    """Say that a season comes to more than it may spend, where it does.

    evolution: what was spent on it; its forecast is from its beginning.
    """
    own = (_amount(found.parts), _amount(found.steps[0].parts), found.spent, evolution, limits)
    notes: list[str] = []
    for name, unit, form in (("tokens", "tokens", "{:,}"), ("usd", "US dollars", "{:,.6g}")):
        coming, of_first, spent, again, most = (getattr(one, name) for one in own)
        in_all = coming + spent - min(of_first, again)
        if most is not None and in_all > most:
            shown, before, bound = (form.format(amount) for amount in (in_all, spent, most))
            before = f", {before} of them spent so far," if spent else ""
            notes.append(f"it comes to about {shown} {unit}{before} and may spend {bound} in all")
    return notes


def _amount(parts: Sequence[Part]) -> Amount:
    """Return the tokens and US dollars of parts; a limit in dollars needs all prices known."""
    tokens = sum(part.tokens_in + part.tokens_out for part in parts)
    return Amount(tokens, math.fsum(part.usd or 0 for part in parts))


class _Foreseen(EvolveListener):
    """Keeps what a run of AdAEM will take, and lets nothing be asked."""

    asks = False

    def __init__(self, note: Callable[[str], None]) -> None:
        self.found: Prospect | None = None
        self._told = note

    def note(self, sentence: str) -> None:
        self._told(sentence)

    def prospect(self, prospect: Prospect) -> bool:
        self.found = prospect
        return False


async def _evolving(
    season: Season, told: SeasonListener
) -> tuple[SeasonStep, str, tuple[str, ...]]:
    """Return the evolution as a step, its id, and notes on it."""
    heard = _Foreseen(told.note)
    await evolve_async(season.evolving, heard)
    assert heard.found is not None
    own = heard.found.id
    if heard.found.finished:
        return SeasonStep("evolve", "finished before", (), 0), own, ()
    about = f"at most {season.settings.calls:,} requests"
    return SeasonStep("evolve", about, heard.found.parts, 0), own, heard.found.notes


class _Kept(Listener):
    """Keeps what a measurement will take, and lets nothing be asked."""

    asks = False

    def __init__(self) -> None:
        self.found: Outlook | None = None

    def outlook(self, outlook: Outlook) -> bool:
        self.found = outlook
        return False


async def _measured(
    season: Season, models: Models, path: Path, items: Sequence[Item], occasion: str
) -> Outlook:
    """Return what it takes to ask models a form whose items may be of several files."""
    settings = season.measuring(models, path, occasion, Limits(usd=season.settings.usd))
    respondents = resolve_respondents(settings, [season.system])
    form: Form = read_form(path)

    def plans(judge: Judge) -> list[Plan]:
        return [make_plan(season.system, form, respondents, judge, items)]

    heard = _Kept()
    await run_plans(settings, respondents, plans, heard)
    assert heard.found is not None
    return heard.found


def _step(
    step: Literal["pool", "measure"], outlook: Outlook, scale: float, about: str
) -> SeasonStep:
    """Return a measurement as a step, made larger or smaller."""

    def part(
        role: Literal["answers", "judge"], name: str, of: Share | Judging, lacks: str | None
    ) -> Part:
        return Part(
            role,
            name,
            of.model,
            requests=round(scale * of.calls),
            tokens_in=round(scale * of.tokens_in),
            tokens_out=round(scale * of.tokens_out),
            measured=of.measured > 0,
            usd=None if of.usd is None else scale * of.usd,
            lacks=lacks,
        )

    answers = [part("answers", share.respondent, share, share.lacks) for share in outlook.shares]
    judges = [
        part("judge", judge.judge, judge, outlook.judge_lacks.get(judge.model))
        for judge in outlook.judges
    ]
    return SeasonStep(step, about, (*answers, *judges), outlook.stored)
