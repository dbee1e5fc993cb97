"""Before and after training, with the same instrument: what changed, and what it cost.

Both models are asked the same items by one engine, in one dtype, in the same batches and with the
same noise; both are judged in one measurement a value system, kept in the workspace like any other.
Nothing here reads a positive example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valuecompass.align.train import need_extra
from valuecompass.align.train.report import gate
from valuecompass.align.train.report.gate import (
    MAX_ABILITY_LOSS,
    MAX_COHERENCE_LOSS,
    MAX_NLL_RISE,
)
from valuecompass.blocking import blocking
from valuecompass.errors import InputError

if TYPE_CHECKING:
    from valuecompass.align.train.report.answers import Asked, Surprise, Tell
    from valuecompass.align.train.report.folders import Weights
    from valuecompass.measure.measurement import Measurement
    from valuecompass.measure.run import Listener, Settings

SYSTEMS = ("safety", "moral-foundations", "schwartz")
FOLDER = "train-report"
"""In the workspace: forms, answers and merged weights."""


@dataclass
class _Side:
    """One model: its answers to each plan, what it says of the probes, and how improbable its
    answers are to the model before.
    """

    files: list[Path]
    probed: gate.Probed
    surprise: list[Surprise] = field(default_factory=list["Surprise"])


__all__ = ["MAX_ABILITY_LOSS", "MAX_COHERENCE_LOSS", "MAX_NLL_RISE", "SYSTEMS", "report"]


def report(
    before: str,
    after: str,
    *,
    systems: Sequence[str] = SYSTEMS,
    form: str = "short",
    items: Path | None = None,
    samples: int | None = None,
    judge: str = "local",
    judge_mode: str = "one-call",
    seed: int = 0,
    max_nll_rise: float = MAX_NLL_RISE,
    max_coherence_loss: float = MAX_COHERENCE_LOSS,
    max_ability_loss: float = MAX_ABILITY_LOSS,
    dtype: str | None = None,
    device: str | None = None,
    batch: int = 16,
    workspace: Path = Path("valuecompass-workspace"),
    db: str | None = None,
    listener: Listener | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Measure a model before and after training, and check what the training cost.

    An interrupted report goes on where it was; so does one of a further value system.

    Args:
        before: a transformers folder, a GGUF file, an embedded model or a hub's name.
        after: the same, or the folder of a LoRA adapter of `before`.
        systems: value systems, ids or TOML files; only items in free text are asked.
        form: tiny, short, full, or a form file.
        items: items of your own instead of the bank's.
        samples: answers to each item; None: as many as the form asks for.
        judge: as for ``valuecompass run``; the same for both.
        judge_mode: likewise.
        seed: of the answers and of the resampling, >= 0.
        max_nll_rise: largest rise of benign texts' negative log-likelihood that is no side effect,
            nats a token, >= 0.
        max_coherence_loss: largest rise of how improbable the answers are to the model before that
            is no side effect, nats a token, >= 0.
        max_ability_loss: largest loss of right answers that is no side effect, percentage points.
        dtype: float32, bfloat16 or float16 for both; None: as `before` is stored.
        device: as torch names it; None: a GPU where there is one.
        batch: prompts answered together, >= 1.
        workspace: where answers and measurements are kept.
        db: URL of another database.
        listener: hears how judging goes.
        tell: hears how answering goes.

    Returns:
        The documented JSON object: ``before``, ``after``, ``engine``, ``measurements``,
        ``systems`` (each with name, judge_gate, harm, harm_elsewhere, trained_on, refusals, empty,
        informativeness, surprise and dimensions; shares and scores on 0-100, `surprise` in nats a
        token, after less before, with 95 % limits and n; judge_gate is ``{status, reason}`` as in
        `judges.quality.calibration.Gate`, None where nothing was judged),
        ``gate`` (fluency, coherence, ability and ``status``), ``notes``.

    Raises:
        InputError: a model, adapter, system, form or setting that cannot be used.
        BudgetReached, ProviderStopped, Interrupted: of a judge that is a model; resumable.
    """
    need_extra()
    margins = {
        "--max-nll-rise": max_nll_rise,
        "--max-coherence-loss": max_coherence_loss,
        "--max-ability-loss": max_ability_loss,
    }
    _check(systems, samples, batch, margins)
    from valuecompass.align.train.report.answers import asked
    from valuecompass.align.train.report.folders import both
    from valuecompass.measure.run import Settings, resolve_system

    settings = Settings(
        systems=systems,
        form=form,
        items=items,
        judge=judge,
        judge_mode=judge_mode,
        workspace=workspace,
        db=db,
    )
    place = Path(workspace).resolve() / FOLDER
    notes: list[str] = []
    plans: list[Asked] = []
    for name in settings.systems:
        one, left = asked(settings, resolve_system(name), samples, place)
        plans.append(one)
        if left:
            notes.append(
                f"{one.system.id}: {left} items of form {form} are choices, ratings or scenarios "
                "and were left out: a report compares texts"
            )
    pair = both(str(before), str(after), place, dtype)
    sides, engine = _answers(pair, plans, seed, device, batch, place, tell or _silent)
    found = blocking(_measured, settings, plans, pair, sides, seed, listener)
    first, second = (side.probed for side in sides)
    fluent = gate.fluency(first.told, second.told, max_nll_rise)
    own, other = (_together(plans, side) for side in sides)
    whole = gate.coherence(own, other, max_coherence_loss)
    able = gate.ability(first, second, max_ability_loss, seed)
    parts = {"fluency": fluent, "coherence": whole, "ability": able}
    notes += _notes(found, pair)
    return {
        "before": _about(pair[0]),
        "after": _about(pair[1]),
        "engine": engine | {"seed": seed, "judge": judge},
        "measurements": {s: m.id for s, (m, _) in found.items()},
        "systems": {s: compared for s, (_, compared) in found.items()},
        "gate": {"status": gate.verdict([*parts.values()]), **parts},
        "notes": notes,
    }


def _silent(what: str, done: int, total: int) -> None:
    """Say nothing."""


def _check(
    systems: Sequence[str], samples: int | None, batch: int, margins: Mapping[str, float]
) -> None:
    if not systems:
        raise InputError("--system: name at least one value system")
    for name, value, least in (("--samples", samples, 1), ("--batch", batch, 1)):
        if value is not None and value < least:
            raise InputError(f"{name} {value}: give a number from {least}")
    for name, margin in margins.items():
        if not 0 <= margin < float("inf"):
            raise InputError(f"{name} {margin:g}: give a number from 0")


def _answers(
    pair: tuple[Weights, Weights],
    plans: Sequence[Asked],
    seed: int,
    device: str | None,
    batch: int,
    place: Path,
    tell: Tell,
) -> tuple[list[_Side], dict[str, Any]]:
    """Ask one model after the other, so that only one is in memory; the one before last."""
    from valuecompass.align.train.report.answers import answered, surprise
    from valuecompass.align.train.report.engine import Engine

    sides: list[_Side] = []
    about: dict[str, Any] = {}
    for weights in reversed(pair):
        engine = Engine(weights, device, batch)
        files = [answered(engine, weights, one, seed, place, tell) for one in plans]
        sides.insert(0, _Side(files, gate.probe(engine)))
        if len(sides) == len(pair):
            for side in sides:
                kept = zip(plans, side.files, strict=True)
                side.surprise = [surprise(engine, one, seed, path) for one, path in kept]
        about = engine.about() | {"batch": batch, "dtype": weights.dtype}
        engine.close()
    return sides, about


def _together(plans: Sequence[Asked], side: _Side) -> dict[tuple[str, str, int], float]:
    """Return how improbable the answers of all value systems are."""
    return {
        (one.system.id, item, repeat): value
        for one, told in zip(plans, side.surprise, strict=True)
        for (item, repeat), value in told.items()
    }


async def _measured(
    settings: Settings,
    plans: Sequence[Asked],
    pair: tuple[Weights, Weights],
    sides: Sequence[_Side],
    seed: int,
    listener: Listener | None,
) -> dict[str, tuple[Measurement, dict[str, Any]]]:
    """Have both models' answers judged and scored in one measurement a value system."""
    from dataclasses import asdict, replace

    import anyio

    from valuecompass.align.train.report.comparing import compared, readings
    from valuecompass.align.train.report.folders import trained_prompts
    from valuecompass.measure.run import run_async
    from valuecompass.models import Respondent
    from valuecompass.store import open_store

    found: dict[str, tuple[Measurement, dict[str, Any]]] = {}
    trained = trained_prompts(Path(pair[1].name))
    for at, one in enumerate(plans):
        respondents = [
            Respondent(name=f"{when}: {weights.name}", model=f"recorded/{side.files[at]}")
            for side, when, weights in zip(sides, ("before", "after"), pair, strict=True)
        ]
        own = replace(
            settings,
            models=respondents,
            systems=[settings.systems[at]],
            form=str(one.path),
        )
        (measurement,) = await run_async(own, listener)
        async with open_store(settings.workspace, settings.db, create=False) as store:
            read = await readings(store, measurement)
        items = one.among(trained)
        told = [side.surprise[at] for side in sides]
        shown = await anyio.to_thread.run_sync(compared, read, seed, told, items)
        judged = {"judge_gate": measurement.gate and asdict(measurement.gate)}
        found[one.system.id] = measurement, {"name": one.system.name} | judged | shown
    return found


def _notes(
    found: dict[str, tuple[Measurement, dict[str, Any]]], pair: tuple[Weights, Weights]
) -> list[str]:
    notes: list[str] = []
    for system, (measurement, shown) in found.items():
        notes += [f"{row.respondent}: {note}" for row in measurement.rows for note in row.notes]
        if trained := shown["trained_on"]:
            notes.append(
                f"{system}: {trained} of the items were trained on; what training does beyond them "
                "shows in the figure of the others"
            )
        if shown["informativeness"]["informative"]["answers"] == 0:
            notes.append(
                f"{system}: informativeness is not measured: with so few different questions an "
                "answer cannot be told to be on its own"
            )
    if pair[0].mark == pair[1].mark:
        notes.append("Before and after are the same weights: every difference is 0.")
    return list(dict.fromkeys(notes))


def _about(weights: Weights) -> dict[str, Any]:
    return {"name": weights.name, "folder": str(weights.folder), "weights": weights.mark}
