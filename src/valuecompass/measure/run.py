"""`run`: from names to measurements. What the command line and Python callers both use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from valuecompass.blocking import blocking
from valuecompass.errors import InputError, ungrouped
from valuecompass.files import listed, read_text, write_text
from valuecompass.items import (
    SIZES,
    Form,
    Item,
    Size,
    builtin_form,
    form_of_items,
    read_form,
)
from valuecompass.items.forms import form_text
from valuecompass.items.io import select_items, silent
from valuecompass.judges import Judge
from valuecompass.judges.quality.calibration import read_calibration
from valuecompass.judges.spec import (
    build_judge,
    judge_models,
    model_judges,
    parse_judge,
    strong_judge,
)
from valuecompass.measure.asking import READ_OFF, ROOM_TO_THINK
from valuecompass.measure.cheapest import SystemPlan, cheapest_plan, check_bank, middle_priced
from valuecompass.measure.engine import Progress, run_plan
from valuecompass.measure.forecast import Outlook, outlook_of
from valuecompass.measure.measurement import Measurement, Measurements, account_of
from valuecompass.measure.pilot import pilot_of
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.models import (
    Limits,
    Patience,
    Respondent,
    check_priced,
    parse_respondent,
    parse_roster,
)
from valuecompass.models.batching import why_no_batch
from valuecompass.models.spec import ROSTERS
from valuecompass.stats import OpinionMethod
from valuecompass.store import opened
from valuecompass.values import BUILTIN, EXPRESSED, ValueSystem, builtin_system, parse_system

if TYPE_CHECKING:
    from valuecompass.models.asker import Asker

OPINIONS: tuple[OpinionMethod, ...] = ("any", "mean", "rank-weighted")


@dataclass(frozen=True)
class Settings:
    """What to measure, as a user says it."""

    models: Sequence[str | Respondent] = ()
    roster: Path | None = None
    systems: Sequence[str] = ("schwartz",)
    """Ids of built-in systems or paths of TOML files."""
    form: str = "short"
    """tiny, short, full, scenario, or the path of a form file."""
    items: Path | None = None
    """An item file; alone: all its items are the form."""
    judge: str = "local"
    """local, a model name, or several with commas between them: a panel."""
    judge_mode: str = "one-call"
    """Of judges that name none: one-call, per-value or concepts."""
    strong_judge: str | None = None
    """A model name: asked where a panel disagrees."""
    occasion: str | None = None
    """Names a repetition: the respondents are asked anew, whatever the workspace holds."""
    opinions: str = "any"
    calibration: Path | None = None
    """The judge's errors (``judge calibrate``): scores are shown corrected for them, too."""
    workspace: Path = Path("valuecompass-workspace")
    db: str | None = None
    batch: bool = False
    """Ask in batches where the provider has them: cheaper, and takes up to a day."""
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Take texts for paths and one for a list of one, too, as callers write them."""
        object.__setattr__(self, "models", tuple(listed(self.models)))
        object.__setattr__(self, "systems", tuple(str(name) for name in listed(self.systems)))
        for name in ("roster", "items", "calibration", "workspace"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))


@dataclass(frozen=True)
class Batched:
    """What came in batches, and what that saved."""

    answers: int
    usd: float
    """Paid for everything this command asked, in batches or not."""
    saved: float
    """What the same tokens would have cost more one by one; unpriced models left out."""


class Listener:
    """Hears how a run goes; the default says nothing."""

    asks = True
    """False: nothing is to be asked (a dry run), so that no workspace is made."""

    def outlook(self, outlook: Outlook) -> bool:
        """Hear what a plan will take; False leaves it at that (a dry run)."""
        return True

    def account(self, account: str) -> None:
        """Hear of the account in the ledger that all is paid from."""

    def progress(self, progress: Progress) -> None:
        """Hear of one more answer."""

    def finished(self, measurement: Measurement) -> None:
        """Hear of a finished measurement."""

    def note(self, sentence: str) -> None:
        """Hear what a person should know meanwhile."""

    def batched(self, batched: Batched) -> None:
        """Hear what batches brought, at the end, also of a run that stops early."""


def resolve_system(name: str) -> ValueSystem:
    """Return a value system by id, or from a TOML file when the name ends in .toml.

    An id may end in ``-expressed``: what opinions on questions are read for (`as_expression`).

    Raises:
        InputError: unknown id, or a wrong file.
    """
    if name.endswith(".toml"):
        system = parse_system(read_text(Path(name)), name)
        if system.id in BUILTIN and system != builtin_system(system.id):
            raise InputError(f"{name}: id: {system.id!r} is a built-in system; choose another id")
        if system.id.endswith(EXPRESSED):
            raise InputError(
                f"{name}: id: {system.id!r} ends in {EXPRESSED}, as measurements of opinions under "
                "another system do; choose another id"
            )
        return system
    try:
        own = builtin_system(name.removesuffix(EXPRESSED))
        return own.as_expression() if name.endswith(EXPRESSED) else own
    except KeyError:
        raise InputError(
            f"-s {name}: no such value system; known: {', '.join(BUILTIN)}, or a TOML file"
        ) from None


def resolve_form(
    settings: Settings, system: ValueSystem, tell: Callable[[str], None] = silent
) -> tuple[Form, Sequence[Item] | None]:
    """Return the form that the settings name, with its items when they come from a file.

    `tell` hears of items of other systems there, which are left out.

    Raises:
        InputError: unknown form, or a system without items.
    """
    items = None if settings.items is None else select_items(settings.items, [system], tell)
    if items == []:
        raise InputError(f"{settings.items}: no items")
    size: Size | None = next((s for s in SIZES if s == settings.form), None)
    if size is None:
        path = Path(settings.form)
        if not path.is_file():
            raise InputError(f"--form {settings.form}: give {', '.join(SIZES)} or a form file")
        return read_form(path), items
    if items is not None:
        assert settings.items is not None
        return form_of_items(items, system, f"{system.id}/{settings.items.name}", size), items
    if system.id not in BUILTIN or system != builtin_system(system.id):
        raise InputError(
            f"{system.id}: a system of your own needs items of your own (--items FILE)"
        )
    return builtin_form(system.id, size), None


def resolve_respondents(settings: Settings, systems: Sequence[ValueSystem]) -> list[Respondent]:
    """Return the respondents in the order named: -m first, then the roster's."""
    found = [
        m if isinstance(m, Respondent) else parse_respondent(m, systems) for m in settings.models
    ]
    if settings.roster is not None:
        found += parse_roster(settings.roster, systems)
    if settings.occasion is not None:
        found = [r.model_copy(update={"occasion": settings.occasion}) for r in found]
    return found


def run(
    models: str | Respondent | Sequence[str | Respondent],
    systems: str | Sequence[str] = ("schwartz",),
    *,
    listener: Listener | None = None,
    **settings: object,
) -> Measurements:
    """Measure models under value systems; blocks until done, in scripts and in notebooks.

    Ctrl-C (a notebook's "interrupt") ends it after what is in flight; the same call goes on.

    Args:
        models: names as for ``valuecompass run -m``, or respondents.
        systems: ids of built-in value systems, or paths of TOML files.
        listener: hears of plan and progress; None: a terminal or a notebook shows a bar.
        **settings: the further fields of `Settings`: form, judge, workspace, limits ...

    Returns:
        One measurement per system.

    Raises:
        InputError: a wrong name, form, file or setting; nothing was asked.
        BudgetReached, ProviderStopped, Interrupted: nothing more was asked; the same call goes on.
    """
    chosen = Settings(models=models, systems=systems, **settings)  # pyright: ignore[reportArgumentType]
    if listener is not None:
        return blocking(run_async, chosen, listener)
    from valuecompass.measure.watching import watching

    with watching() as bar:
        return blocking(run_async, chosen, bar)


async def run_async(settings: Settings, listener: Listener | None = None) -> Measurements:
    """`run` for callers that have an event loop (asyncio); without a listener it is silent."""
    with ungrouped():
        return await _run(settings, listener or Listener())


async def _run(settings: Settings, listener: Listener) -> Measurements:
    systems = _systems(settings)
    respondents = resolve_respondents(settings, systems)
    calibration = None if settings.calibration is None else read_calibration(settings.calibration)
    opinions: OpinionMethod | None = next((m for m in OPINIONS if m == settings.opinions), None)
    if opinions is None:
        raise InputError(f"--opinions {settings.opinions}: give {', '.join(OPINIONS)}")

    def plans_of(judge: Judge) -> list[Plan]:
        plans: list[Plan] = []
        for system in systems:
            form, items = resolve_form(settings, system, listener.note)
            plans.append(make_plan(system, form, respondents, judge, items, opinions, calibration))
        return plans

    return await run_plans(settings, respondents, plans_of, listener)


async def run_plans(
    settings: Settings,
    respondents: Sequence[Respondent],
    plans_of: Callable[[Judge], Sequence[Plan]],
    listener: Listener,
) -> Measurements:
    """Measure plans one after the other, within one budget.

    Args:
        settings: judge, workspace, limits, patience and batches; the rest stands in the plans.
        respondents: of all plans.
        plans_of: makes the plans for the judge that the settings name.
        listener: hears how it goes, and may leave plans at that.

    Raises:
        InputError: as `run`; nothing was asked.
        BudgetReached, ProviderStopped, Interrupted: the same call goes on.
    """
    async with opened(settings.workspace, settings.db, make=listener.asks) as store:
        from valuecompass.models.asker import Asker
        from valuecompass.models.budget import Budget

        budget = Budget(store, "", settings.limits)
        asker = Asker(store, budget, settings.patience, settings.batch, listener.note)
        judge = make_judge(settings, asker, respondents)
        plans = plans_of(judge)
        if not any(plan.answers(r) for plan in plans for r in plan.respondents):
            raise InputError(
                "none of the respondents answers any of these systems: a simulated respondent "
                "answers only the system in its name, and one with answers = logprobs only items "
                f"of the kinds {', '.join(READ_OFF)}"
            )
        models = [*respondents, *judge_models(judge)]
        check_priced(models, settings.limits)
        if settings.batch:
            _check_batches(asker, models, judge, plans)
        try:
            # a wrong name is told before the first request, an absent key, too
            lacks = {m.model: why for m in models if (why := asker.models.lacks(m.model))}
            done = Measurements()
            # one budget for the command: four systems do not spend it four times
            budget.plan = account_of([plan.id for plan in plans])
            await budget.load()
            listener.account(budget.plan)
            for plan in plans:
                outlook = await outlook_of(plan, asker, lacks)
                if settings.batch and (note := _note_on_rounds(outlook, asker, settings.limits)):
                    listener.note(note)
                if not listener.outlook(outlook):
                    continue
                for model in lacks:
                    asker.models.get(model)
                found = await run_plan(plan, store, asker, settings.workspace, listener.progress)
                listener.finished(found)
                done.append(replace(found, workspace=settings.workspace.resolve()))
            return done
        finally:
            if asker.batched:
                listener.batched(Batched(asker.batched, asker.paid, asker.saved))
            with anyio.CancelScope(shield=True):
                await asker.models.close()


def _note_on_rounds(outlook: Outlook, asker: Asker, limits: Limits) -> str | None:
    """Say that a budget lets batches only follow one another, where it does.

    A request holds the most that it may cost until its answer comes; what does not fit waits.
    """
    if limits.usd is None:
        return None
    by_name = {r.name: r for r in outlook.plan.respondents}
    held = 0.0
    for share in outlook.shares:
        respondent = by_name[share.respondent]
        price = asker.price(respondent)
        if price is not None and asker.by_batch(respondent):
            most = (share.requests - share.stored) * (respondent.max_tokens or ROOM_TO_THINK)
            held += price.usd(share.tokens_in, most)
    left = limits.usd - asker.budget.usd
    if held <= left:
        return None
    return (
        f"Each request holds the most that it may cost until it is answered, all together about "
        f"{held:,.2f} US dollars. With {max(left, 0):,.2f} left they go in several batches, one "
        "after the other, each up to a day. A higher --max-usd, or max_tokens for the respondents, "
        "lets them go together."
    )


def _systems(settings: Settings) -> list[ValueSystem]:
    systems = [resolve_system(name) for name in settings.systems]
    ids = [s.id for s in systems]
    if repeated := next((i for i in ids if ids.count(i) > 1), None):
        raise InputError(f"-s {repeated}: this value system is named twice")
    return systems


def _check_batches(
    asker: Asker, models: Sequence[Respondent], judge: Judge, plans: Sequence[Plan]
) -> None:
    """Refuse batches where they cannot be used, or would take weeks.

    Raises:
        InputError: no model can be asked in batches, or one question follows another.
    """
    for plan in plans:
        played = any(item.kind == "scenario" for item in plan.items)
        if played and any(map(asker.by_batch, plan.respondents)):
            raise InputError(
                f"--batch: {plan.form.name}: a scenario takes several requests one after another, "
                "and every one would wait for a batch; leave --batch out"
            )
    if not any(asker.by_batch(m) for m in models):
        reasons = "; ".join(dict.fromkeys(f"{m.name}: {why_no_batch(m.model)}" for m in models))
        raise InputError(f"--batch: nobody can be asked in batches ({reasons}); leave it out")
    strong = strong_judge(judge)
    for one in [*model_judges(judge), *([strong] if strong else [])]:
        if one.mode == "per-value" and asker.by_batch(one.model):
            raise InputError(
                f"--batch: the judge {one.name} asks one question after another about each "
                "response, and every one would wait for a batch; judge with @mode=one-call"
            )


def make_judge(settings: Settings, asker: Asker, respondents: Sequence[Respondent] = ()) -> Judge:
    """Return the judge that the settings name; a respondent of the same model lends its price.

    Raises:
        InputError: unknown mode or model, a judge named twice, a strong judge without a panel.
    """
    spec = parse_judge(settings.judge, settings.judge_mode, settings.strong_judge)
    return build_judge(spec, asker, respondents)


async def cheapest_plans(
    settings: Settings, target: float, forms: Path | None = None
) -> tuple[Respondent, list[SystemPlan]]:
    """Return for each value system the cheapest plan that reaches a precision.

    Args:
        settings: systems, judge, workspace, and the respondent whose price and tokens count: the
            only one named, else the one of the middle price in the roster (none: the current one).
        target: half of the 95 % interval of every dimension, in points of 0-100.
        forms: folder for the planned forms, to be run with ``--form FILE``; None: not written.

    Raises:
        InputError: a wrong name, several respondents named, a target out of range, or a system
            without a bank.
    """
    if not 0 < target < 50:
        raise InputError(f"--target {target:g}: give points between 0 and 50")
    systems = _systems(settings)
    for system in systems:
        check_bank(system)
    if settings.models and settings.roster is not None:
        raise InputError("-m and --roster: a plan is made for one respondent; give one of the two")
    if len(settings.models) > 1:
        raise InputError("-m: a plan is made for one respondent; name one")
    if not settings.models:
        roster = parse_roster(settings.roster or Path(ROSTERS[0]), systems)
        respondent = middle_priced(roster)
    else:
        (respondent,) = resolve_respondents(settings, systems)
    plans: list[SystemPlan] = []
    async with opened(settings.workspace, settings.db, make=False) as store:
        from valuecompass.models.asker import Asker
        from valuecompass.models.budget import Budget

        asker = Asker(store, Budget(store, "", settings.limits), settings.patience)
        judge = make_judge(settings, asker, [respondent])
        for system in systems:
            pilot = await pilot_of(store, system.id, respondent)
            plans.append(await cheapest_plan(system, respondent, judge, asker, target, pilot))
    if forms is not None:
        for plan in plans:
            write_text(forms / f"{plan.system}.json", form_text(plan.form))
    return respondent, plans
