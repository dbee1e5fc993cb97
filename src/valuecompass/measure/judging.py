"""Judges at work on labelled responses, outside a measurement: one budget, everything stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyio

from valuecompass.errors import InputError, ungrouped
from valuecompass.hashing import digest
from valuecompass.judges import Judge
from valuecompass.judges.quality.judging import Said, judge_rows
from valuecompass.judges.quality.labelled import Labelled
from valuecompass.judges.spec import JudgeSpec, build_judge, judge_models, parse_judge
from valuecompass.measure.engine import interruptible
from valuecompass.measure.run import Settings
from valuecompass.models import Budget, Message, Params, Reply, Respondent, check_priced
from valuecompass.models.asker import Asker
from valuecompass.store import open_store

Tell = Callable[[int, int], None]


@dataclass
class Meter(Asker):
    """Counts the replies that verdicts rest on, whether they came now or from the store."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    async def ask(
        self,
        model: Respondent,
        messages: list[Message],
        params: Params,
        repeat: int = 0,
        *,
        item: dict[str, Any] | None = None,
        presentation: int = 0,
    ) -> Reply:
        """Ask as `Asker` does, and count the reply."""
        reply = await super().ask(
            model, messages, params, repeat, item=item, presentation=presentation
        )
        self.requests += 1
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        return reply


@dataclass(frozen=True)
class Judged:
    """What one judge said of labelled responses, and what that took."""

    name: str
    """As named."""
    judge: Judge
    said: list[Said]
    """Of each row."""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def expressed(self) -> list[float | None]:
        """Of each row, in [0, 1]; None where the judge said nothing."""
        return [said.expressed for said in self.said]


async def judge_labels(
    rows: Sequence[Labelled], settings: Settings, names: Sequence[str], tell: Tell | None = None
) -> list[Judged]:
    """Let judges judge the same labelled responses.

    Args:
        rows: the labelled responses.
        settings: mode, strong judge (of every panel among the names), limits and workspace.
        names: judges as for ``--judge``.
        tell: called with (responses judged, responses in all) by each judge anew.

    Returns:
        One entry for each name. Repeated, nothing is asked again.

    Raises:
        InputError: a wrong name, a judge named twice, a strong judge without a panel.
        BudgetReached, Interrupted, ProviderStopped: nothing more can be asked; what was answered
            is stored.
    """
    strong = settings.strong_judge
    panels = [name for name in names if len(parse_judge(name, settings.judge_mode).members) > 1]
    specs = [
        parse_judge(n, settings.judge_mode, strong if n in panels or not panels else None)
        for n in names
    ]
    if all(spec.local for spec in specs):
        free = [build_judge(spec) for spec in specs]
        _check_different(specs, free)
        pairs = zip(specs, free, strict=True)
        return [Judged(spec.text, j, await judge_rows(j, rows, tell)) for spec, j in pairs]
    async with open_store(settings.workspace, settings.db) as store, AsyncExitStack() as ends:
        budget = Budget(store, "", settings.limits)
        meters = [Meter(store, budget, settings.patience) for _ in specs]
        pairs = zip(specs, meters, strict=True)
        judges = [build_judge(spec, meter) for spec, meter in pairs]
        _check_different(specs, judges)
        models = [m for judge in judges for m in judge_models(judge)]
        check_priced(models, settings.limits)
        labels = [[r.item, r.subject.response, r.dimension] for r in rows]
        budget.plan = digest(["judge labels", [j.identity for j in judges], labels], 16)
        await budget.load()
        for meter, judge in zip(meters, judges, strict=True):
            ends.push_async_callback(_close, meter)
            for model in judge_models(judge):  # a wrong name is told before the first request
                meter.models.get(model.model)
        return await _all_judged([*zip(specs, judges, meters, strict=True)], rows, tell)


async def _all_judged(
    judges: Sequence[tuple[JudgeSpec, Judge, Meter]],
    rows: Sequence[Labelled],
    tell: Tell | None,
) -> list[Judged]:
    meters = [meter for *_, meter in judges]
    found: list[Judged] = []
    with ungrouped():
        async with interruptible(meters):
            for spec, judge, meter in judges:
                said = await judge_rows(judge, rows, tell)
                used = (meter.requests, meter.input_tokens, meter.output_tokens)
                found.append(Judged(spec.text, judge, said, *used))
    if (stop := next((m.stop for m in meters if m.stop is not None), None)) is not None:
        raise stop
    return found


def _check_different(specs: Sequence[JudgeSpec], judges: Sequence[Judge]) -> None:
    known = [judge.identity for judge in judges]
    for place, spec in enumerate(specs):
        if known[place] in known[:place]:
            raise InputError(f"--judge {spec.text}: this judge is named twice")


async def _close(meter: Meter) -> None:
    with anyio.CancelScope(shield=True):
        await meter.models.close()
