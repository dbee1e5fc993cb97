"""The report on a run as one JSON object: everything that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from valuecompass.errors import InputError
from valuecompass.evolve.novelty import EnglishSimilarity, Similarity
from valuecompass.evolve.report import figures_run as of_run
from valuecompass.evolve.report.comparing import compared
from valuecompass.evolve.report.gather import Run, read_run, seeds_of
from valuecompass.evolve.report.measuring import (
    EVOLVED,
    Examinees,
    ReportSettings,
    examinees,
    measured,
    too_few,
)
from valuecompass.items import Item
from valuecompass.measure.run import Listener, resolve_system
from valuecompass.store import open_store
from valuecompass.values import ValueSystem

__all__ = ["evolution_report", "run_figures"]

Json = dict[str, Any]


async def evolution_report(settings: ReportSettings, listener: Listener | None = None) -> Json:
    """Report on a run: what it made, what it took, and how well its items tell models apart.

    The items are put to the examinees along with seeds and other sets, by the measurement engine:
    every answer is stored, and the same call goes on after a stop.

    Args:
        settings: what to report on and whom to ask.
        listener: hears how it goes; where it leaves the plans at that (a dry run), the report has
            no comparisons.

    Returns:
        The documented JSON object (docs/evolve-report.md).

    Raises:
        InputError: no such run, or wrong names, files or settings; nothing was asked.
        BudgetReached, ProviderStopped, Interrupted: the same call goes on.
    """
    listener = listener or Listener()
    measuring = settings.measuring
    async with open_store(measuring.workspace, measuring.db, create=False) as store:
        run = await read_run(store, settings.run)
        other = None if settings.other is None else await read_run(store, settings.other)
    if other is not None and other.id == run.id:
        raise InputError(f"--other {run.id}: this is the run itself; name another one")
    systems = systems_of(run)
    found = run_figures(run, systems, settings.seed)
    document: Json = found | {"examinees": None, "systems": [], "not_compared": None}
    if settings.size == 0 or not run.items:
        why = "the run kept no items" if settings.size else "nobody was asked (--size 0)"
        return document | {"not_compared": why}
    who = examinees(settings, run, other, systems)
    document["examinees"] = _examinees(who)
    document["notices"] += _notices(who)
    if few := too_few(len(who.models)):
        listener.note(few)
        document["notices"].append(few)
    told = await measured(settings, run, other, systems, who, listener)
    if told is None:
        return document | {"not_compared": "the plans were left at that; nobody was asked"}
    async with open_store(measuring.workspace, measuring.db, create=False) as store:
        topics = run.topics | ({} if other is None else other.topics)
        by_system = [await compared(store, one, topics, settings) for one in told]
    return document | {"systems": by_system}


def systems_of(run: Run) -> list[ValueSystem]:
    """Return a run's value systems; a user's own as the manifest holds them."""
    own = [ValueSystem.model_validate(one) for one in run.manifest.get("own_systems") or ()]
    by_id = {system.id: system for system in own}
    return [by_id.get(name) or resolve_system(name) for name in run.manifest["systems"]]


def run_figures(
    run: Run,
    systems: Sequence[ValueSystem],
    seed: int = 0,
    similarity: Similarity | None = None,
) -> Json:
    """Return what the run itself says, for which nobody has to be asked.

    Args:
        run: the run.
        systems: its value systems.
        seed: of samples of texts and draws of topics.
        similarity: encoder of the texts; None: the English one.
    """
    kept: list[Json] = run.body["kept"]
    manifest = run.manifest
    language = str(manifest.get("language", "en"))
    encoder = similarity or EnglishSimilarity()
    known = language.split("-")[0] in encoder.languages
    seeds, lacking = _seeds(run, systems)
    sets = {EVOLVED: [c["item"]["text"] for c in kept], "seeds": [i.text for i in seeds]}
    notices = [str(text) for text in run.body.get("warnings") or ()]
    if overlap := manifest.get("overlap"):
        notices.append(
            "Examinees of the run that also took part in making its items: "
            f"{', '.join(overlap)}. What is said of them is no test of others."
        )
    if simulated := _simulated(run.writers):
        named = ", ".join(simulated)
        notices.append(f"Of those who made the items these are simulated, and no models: {named}.")
    return {
        "run": {
            "id": run.id,
            "created": run.created.isoformat(timespec="seconds"),
            "method": run.method,
            "language": language,
            "systems": [{"id": s.id, "name": s.name} for s in systems],
            "stopped": run.body.get("stopped"),
            "simulated": _simulated(run.writers),
            "manifest": manifest,
        },
        "counts": {
            "kept": len(kept),
            "rejected": len(run.body["rejected"]),
            "reasons": of_run.rejections(run.body["rejected"]),
            "filtered": len(run.body.get("filtered") or ()),
            "filter_reasons": of_run.counted(
                (str(one["reason"]) for one in run.body.get("filtered") or ()), "reason"
            ),
            "fresh_answers": of_run.outcomes(kept),
        },
        "texts": {
            "sets": of_run.texts(sets, encoder if known else None, "seeds", seed),
            "encoder": encoder.name if known else None,
            "reasons": _text_reasons(language, known, lacking),
        },
        "distributions": _distributions(kept, run.items, seeds),
        "spread": of_run.spread([c["topic"] for c in kept], _number(manifest, seeds)),
        "rewards": of_run.rewards(kept, seed),
        "cost": of_run.cost(run.body),
        "course": of_run.course(run.events),
        "notices": notices,
    }


def _simulated(names: Sequence[str]) -> list[str]:
    return [n for n in dict.fromkeys(names) if n.startswith("simulated/")]


def _seeds(run: Run, systems: Sequence[ValueSystem]) -> tuple[list[Item], str | None]:
    try:
        return seeds_of(run, systems), None
    except InputError as error:
        return [], str(error)


def _number(manifest: Json, seeds: Sequence[Item]) -> int | None:
    about: Json = manifest.get("seeds") or {}
    return int(about.get("n") or len(seeds)) or None


def _text_reasons(language: str, known: bool, lacking: str | None) -> list[str]:
    found = [] if lacking is None else [f"The seeds could not be read: {lacking}."]
    if not known:
        found.append(f"Similarity was not checked: the encoder does not know {language!r}.")
    return found


def _distributions(kept: Sequence[Json], items: Sequence[Item], seeds: Sequence[Item]) -> Json:
    """Return what items are about; unknown places and years are counted as None.

    A question used in several systems has a main dimension in each.
    """
    years = sorted(c["year"] for c in kept if c["year"] is not None)
    by_year = {row["name"]: row["n"] for row in of_run.counted(years)}
    return {
        "topic_classes": {
            EVOLVED: of_run.counted(c["item"].get("topic") for c in kept),
            "seeds": of_run.counted(item.topic for item in seeds),
        },
        "dimensions": {
            EVOLVED: of_run.counted(item.dimensions[0] for item in items),
            "seeds": of_run.counted(item.dimensions[0] for item in seeds),
        },
        "regions": of_run.counted(c["region"] for c in kept),
        "years": {
            "known": [{"name": y, "n": by_year[y]} for y in sorted(by_year)],
            "unknown": len(kept) - len(years),
        },
        "generators": of_run.counted(c["generator"] for c in kept),
        "kinds": of_run.counted(c["item"]["kind"] for c in kept),
    }


def _examinees(who: Examinees) -> Json:
    return {
        "models": [
            {"name": r.name, "simulated": r.simulated, "overlap": r.name in who.overlap}
            for r in who.models
        ],
        "origin": who.origin,
        "overlap": list(who.overlap),
    }


def _notices(who: Examinees) -> list[str]:
    found: list[str] = []
    if who.origin == "pool":
        found.append(
            "The run names no examinees, so the pool was asked again: the items were chosen to "
            "tell these models apart, and may tell others apart less well. Name others with "
            "--examinees."
        )
    elif who.overlap:
        found.append(
            f"Of the examinees {', '.join(who.overlap)} also took part in making the items, or "
            "those of the other run. All were asked anew: no answer that selected an item is in "
            "these figures."
        )
    if simulated := [r.name for r in who.models if r.simulated]:
        found.append(
            f"{len(simulated)} of {len(who.models)} examinees are simulated respondents, no models."
        )
    return found
