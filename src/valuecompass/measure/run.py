"""`run`: from names to measurements. What the command line and Python callers both use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from valuecompass.blocking import blocking
from valuecompass.errors import InputError, ungrouped
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items import (
    SIZES,
    Form,
    Item,
    Size,
    builtin_form,
    form_of_items,
    read_form,
)
from valuecompass.judges import Judge
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.quality.calibration import read_calibration
from valuecompass.judges.spec import (
    build_judge,
    judge_models,
    model_judges,
    parse_judge,
    strong_judge,
)
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.engine import Progress, run_plan, stored_share
from valuecompass.measure.measurement import Measurement, Measurements
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.scenario import characters_of, steps_of
from valuecompass.models import (
    Limits,
    Patience,
    Price,
    Respondent,
    check_priced,
    parse_respondent,
    parse_roster,
    price_of,
)
from valuecompass.stats import OpinionMethod
from valuecompass.store import open_store
from valuecompass.text import POINTS
from valuecompass.values import BUILTIN, ValueSystem, builtin_system, parse_system

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
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Take texts for paths, too, as callers write them."""
        for name in ("roster", "items", "calibration", "workspace"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))


@dataclass(frozen=True)
class Outlook:
    """What a plan will take, said before it starts."""

    plan: Plan
    stored: int
    requests: int
    most_requests: int
    """More where there are scenarios, of which each takes several."""
    judge_calls: int
    """Of all members of a panel, without the strong judge's."""
    strong_calls: int
    """Of the strong judge at most: if the panel disagreed on every response."""
    usd: float | None
    """Estimate of the money, with the strong judge's calls at their most; None when a price is
    unknown."""


class Listener:
    """Hears how a run goes; the default says nothing."""

    def outlook(self, outlook: Outlook) -> bool:
        """Hear what a plan will take; False leaves it at that (a dry run)."""
        return True

    def progress(self, progress: Progress) -> None:
        """Hear of one more answer."""

    def finished(self, measurement: Measurement) -> None:
        """Hear of a finished measurement."""


def resolve_system(name: str) -> ValueSystem:
    """Return a value system by id, or from a TOML file when the name ends in .toml.

    Raises:
        InputError: unknown id, or a wrong file.
    """
    if name.endswith(".toml"):
        system = parse_system(read_text(Path(name)), name)
        if system.id in BUILTIN and system != builtin_system(system.id):
            raise InputError(f"{name}: id: {system.id!r} is a built-in system; choose another id")
        return system
    try:
        return builtin_system(name)
    except KeyError:
        raise InputError(
            f"-s {name}: no such value system; known: {', '.join(BUILTIN)}, or a TOML file"
        ) from None


def resolve_form(settings: Settings, system: ValueSystem) -> tuple[Form, Sequence[Item] | None]:
    """Return the form that the settings name, with its items when they come from a file.

    Raises:
        InputError: unknown form, or a system without items.
    """
    items = None
    if settings.items is not None:
        from valuecompass.items.io import read_items

        items = read_items(settings.items, system)
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
    models: Sequence[str | Respondent],
    systems: Sequence[str] = ("schwartz",),
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
    systems = [resolve_system(name) for name in settings.systems]
    ids = [s.id for s in systems]
    if repeated := next((i for i in ids if ids.count(i) > 1), None):
        raise InputError(f"-s {repeated}: this value system is named twice")
    respondents = resolve_respondents(settings, systems)
    calibration = None if settings.calibration is None else read_calibration(settings.calibration)
    async with open_store(settings.workspace, settings.db) as store:
        from valuecompass.models.asker import Asker
        from valuecompass.models.budget import Budget

        budget = Budget(store, "", settings.limits)
        asker = Asker(store, budget, settings.patience)
        judge = make_judge(settings, asker, respondents)
        opinions: OpinionMethod | None = next((m for m in OPINIONS if m == settings.opinions), None)
        if opinions is None:
            raise InputError(f"--opinions {settings.opinions}: give {', '.join(OPINIONS)}")
        plans: list[Plan] = []
        for system in systems:
            form, items = resolve_form(settings, system)
            plans.append(make_plan(system, form, respondents, judge, items, opinions, calibration))
        if not any(plan.answers(r) for plan in plans for r in respondents):
            raise InputError(
                "none of the respondents answers any of these systems: a simulated respondent "
                "answers only the system in its name, and one with answers = logprobs only items "
                f"of the kinds {', '.join(READ_OFF)}"
            )
        models = [*respondents, *judge_models(judge)]
        check_priced(models, settings.limits)
        try:
            for model in models:  # a wrong name or an absent key is told before the first request
                asker.models.get(model.model)
            done = Measurements()
            # one budget for the command: four systems do not spend it four times
            budget.plan = digest([plan.id for plan in plans], 16)
            for plan in plans:
                if not listener.outlook(await outlook_of(plan, asker)):
                    continue
                found = await run_plan(plan, store, asker, settings.workspace, listener.progress)
                listener.finished(found)
                done.append(replace(found, workspace=settings.workspace.resolve()))
            return done
        finally:
            with anyio.CancelScope(shield=True):
                await asker.models.close()


def make_judge(settings: Settings, asker: Asker, respondents: Sequence[Respondent] = ()) -> Judge:
    """Return the judge that the settings name; a respondent of the same model lends its price.

    Raises:
        InputError: unknown mode or model, a judge named twice, a strong judge without a panel.
    """
    spec = parse_judge(settings.judge, settings.judge_mode, settings.strong_judge)
    return build_judge(spec, asker, respondents)


async def outlook_of(plan: Plan, asker: Asker) -> Outlook:
    """Return what a plan will take: requests, judge calls and an estimate of the money.

    The estimate takes four characters a token, of a scenario the steps that it takes as a rule,
    answers of the length that the prompt asks for, and for the judge what its prompts and form of
    answer need. What is stored costs nothing: answers, and responses with verdicts of this very
    judge.
    """
    stored = await stored_share(plan, asker.store)
    answering = [r for r in plan.respondents if plan.answers(r)]
    to_judge = sum(plan.judged_of(r) for r in answering)
    most = sum(steps_of(q.item)[1] for r in answering for q in plan.asked(r))
    left = 1 - stored.answered / max(stored.requests, 1)
    unjudged = 1 - stored.judged / max(to_judge, 1)
    takes = [(left, price_of(r), *_tokens(plan, r)) for r in answering]
    judged = to_judge // max(plan.judged, 1)  # respondents that write free text
    members = [_judging(judge, plan, judged) for judge in model_judges(plan.judge)]
    strong = strong_judge(plan.judge)
    at_most = [] if strong is None else [_judging(strong, plan, judged)]
    takes += [(unjudged, *costs) for _, costs in (*members, *at_most)]
    judge_calls, strong_calls = (sum(calls for calls, _ in of) for of in (members, at_most))
    usd: float | None = 0.0
    for share, price, tokens_in, tokens_out in takes:
        if price is None:
            usd = None
            break
        usd += share * (tokens_in * price.input + tokens_out * price.output) / 1e6
    return Outlook(plan, stored.answered, stored.requests, most, judge_calls, strong_calls, usd)


def _tokens(plan: Plan, respondent: Respondent) -> tuple[float, float]:
    """Return about how many tokens a respondent reads and writes."""
    asked = [(q.item, steps_of(q.item)[0]) for q in plan.asked(respondent)]
    words = sum(steps * plan.form.asking[item.kind].words for item, steps in asked)
    return sum(steps * (characters_of(item) / 4 + 90) for item, steps in asked), 1.4 * words


def _judging(
    judge: LLMJudge, plan: Plan, answering: int
) -> tuple[int, tuple[Price | None, float, float]]:
    """Return the calls of a judge, and what it costs: price, tokens in, tokens out."""
    verdicts = 60.0 * len(plan.system.names)
    tokens_in, tokens_out, calls = 700 + verdicts, verdicts, plan.judged
    if judge.mode == "per-value":
        tokens_in, tokens_out, calls = 400.0, 4.0, _verdicts(plan)
    elif judge.mode == "concepts":  # two calls for a response; their mean
        tokens_in, tokens_out, calls = 650 + verdicts, verdicts / 2 + 50, 2 * plan.judged
    calls *= answering
    return calls, (price_of(judge.model), calls * tokens_in, calls * tokens_out)


def _verdicts(plan: Plan) -> int:
    """Verdicts on one respondent: three opinions by all dimensions for a question, else one."""
    kinds = [q.item.kind for q in plan.questions if q.item.kind not in READ_OFF]
    return sum(POINTS * len(plan.system.names) if k == "question" else 1 for k in kinds)
