"""Negatives from our own measurements: diagnose, align, diagnose again.

What counts as harm is decided in `HARM` alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.align.train.data import Candidate, Negatives, Talk, collect
from valuecompass.blocking import blocking
from valuecompass.errors import InputError
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.archive import found_answers, load_measurement, utc, verdicts_of
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import findings_of
from valuecompass.stats import aggregate
from valuecompass.store import Store, answers, measurements, open_store, responses, verdicts
from valuecompass.store import items as item_table
from valuecompass.values import Scoring, ValueSystem

HARM: dict[Scoring, str] = {
    "safe-rate": "the judge found the answer unsafe in a domain of risk",
    "conformity": "the judge found that the text violates a moral foundation",
}
"""Ways of scoring in which a verdict says good or bad, and what makes a response a negative.

In both, `expressed` is 1 where the answer is safe or the principle kept, and a response is negative
when it is below `THRESHOLD` in some dimension: exactly the answers that the scores count as unsafe
(`safe-rate`) or as violations (EVR, APV). The other ways of scoring say which values a text appeals
to, or how strongly it stresses something: an orientation, no harm, and to train against it would
put our taste in the place of a diagnosis.
"""
NOT_ONE_RESPONSE = "scenario"
"""Kind whose verdict is on a whole course of turns, not on one response to one prompt."""
NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class Wanted:
    """Which answers of a workspace are looked at; what is empty or None leaves all.

    systems: ids of value systems. respondents: names. dimensions: names or aliases, of any of the
    systems looked at. measurements: ids. since, until: days (UTC) of measurements, both included.
    """

    systems: Sequence[str] = ()
    respondents: Sequence[str] = ()
    dimensions: Sequence[str] = ()
    measurements: Sequence[str] = ()
    since: date | None = None
    until: date | None = None


EVERYTHING = Wanted()


def negatives_of_run(
    workspace: str | Path,
    wanted: Wanted = EVERYTHING,
    *,
    db: str | None = None,
    keep_all: bool = False,
    held_out: float = 0.0,
    seed: int = 0,
    limit: int | None = None,
) -> Negatives:
    """Return the responses that our measurement judged harmful or violating (`HARM`).

    The prompt is the messages exactly as the respondent was asked, its system prompt and the item's
    wording included, so that all rows are chats. Never a negative: a response without a verdict, a
    refusal (also one that was judged, as an answer that refuses and then helps), a scenario, and
    what a simulated respondent said, unless it is named among the respondents. Where several
    measurements judged the same answer, the newest decides.

    Args:
        workspace: folder of the measurements.
        wanted: which answers are looked at.
        db: URL of another database, or None.
        keep_all: keep all negatives of a prompt, not only the newest.
        held_out: share of the prompts to hold out, in [0, 1).
        seed: of what is held out.
        limit: keep at most so many rows for training.

    Returns:
        Rows whose ``source`` names measurement, date, system, item, dimensions (with the judge's
        number, 0..1), judge, respondent and whether it was simulated. `dropped` counts answers;
        `notes` say of judges that were not found good enough, or not looked at, that they were not.

    Raises:
        InputError: no workspace, no such measurement, system, respondent or dimension, or a system
            whose scores say nothing of harm is named.
        StoreError: the workspace cannot be read.
    """
    found, notes = blocking(_judged, Path(workspace), db, wanted)
    negatives = collect(
        found, str(workspace), keep_all=keep_all, held_out=held_out, seed=seed, limit=limit
    )
    return replace(negatives, notes=notes)


async def _judged(
    workspace: Path, db: str | None, wanted: Wanted
) -> tuple[list[Candidate], tuple[str, ...]]:
    found: list[Candidate] = []
    async with open_store(workspace, db, create=False) as store:
        chosen = await _chosen(store, wanted)
        dimensions = _dimensions(chosen, wanted)
        seen: set[tuple[Any, ...]] = set()
        for measurement in chosen:
            source = _Source(measurement, wanted, dimensions[measurement.system])
            async for row in _rows(store, measurement):
                answer = (row["key"], row["repeat"], row["item"])
                if row["key"] is not None and answer in seen:
                    again = "judged again in a newer measurement"
                    found.append(Candidate("", None, why=again))
                    continue
                if (candidate := source.candidate(row)) is not None:
                    found.append(candidate)
                    if candidate.why != NO_VERDICT:
                        seen.add(answer)
    return found, tuple(dict.fromkeys(note for m in chosen for note in _notes(m)))


def _notes(measurement: Measurement) -> list[str]:
    """Say of a judge that may be wrong that it may: what it calls harm is trained away."""
    gate, judge = measurement.gate, measurement.manifest.get("judge_name")
    if gate is None or gate.status == "passed":
        return []
    return [f"{measurement.system}, judge {judge}, gate {gate.status}: {gate.reason}"]


async def _chosen(store: Store, wanted: Wanted) -> list[Measurement]:
    """Return the measurements to look at, newest first."""
    query = select(measurements).where(measurements.c.kind == "measured")
    heads = await store.rows(query.order_by(measurements.c.created.desc(), measurements.c.id))
    _check(store, "measurement", wanted.measurements, [head["id"] for head in heads])
    _check(store, "system", wanted.systems, [head["system"] for head in heads])
    found = [
        await load_measurement(store, head)
        for head in heads
        if (not wanted.measurements or head["id"] in wanted.measurements)
        and (not wanted.systems or head["system"] in wanted.systems)
        and (wanted.since is None or utc(head["created"]).date() >= wanted.since)
        and (wanted.until is None or utc(head["created"]).date() <= wanted.until)
    ]
    names = [row.respondent for measurement in found for row in measurement.rows]
    _check(store, "respondent", wanted.respondents, names)
    harmful = [m for m in found if _scoring(m) in HARM]
    if wanted.systems and (others := {m.system for m in found} - {m.system for m in harmful}):
        raise InputError(
            f"system: {min(others)}: its scores tell an orientation, not harm; negatives come from "
            f"systems scored as {' or '.join(HARM)}, as safety and moral-foundations are"
        )
    if not harmful:
        raise InputError(
            f"{store.name}: no measurement with verdicts of harm"
            f"{' among those asked for' if heads else ''}; make one with: "
            "valuecompass run -m MODEL -s safety"
        )
    return harmful


def _check(store: Store, what: str, wanted: Sequence[str], there: Sequence[str]) -> None:
    if unknown := [name for name in wanted if name not in there]:
        known = ", ".join(dict.fromkeys(there)) or "none"
        raise InputError(f"{store.name}: {what}: there is no {unknown[0]!r}; there is: {known}")


def _scoring(measurement: Measurement) -> Scoring:
    return measurement.manifest["system"]["scoring"]


def _dimensions(chosen: Sequence[Measurement], wanted: Wanted) -> dict[str, set[str]]:
    """Return by system the dimensions to look at."""
    systems = {m.system: ValueSystem.model_validate(m.manifest["system"]) for m in chosen}
    if not wanted.dimensions:
        return {name: set(system.names) for name, system in systems.items()}
    found: dict[str, set[str]] = {name: set() for name in systems}
    for name in wanted.dimensions:
        own = {key: system.canonical(name) for key, system in systems.items()}
        if not any(own.values()):
            known = "; ".join(f"{key}: {', '.join(s.names)}" for key, s in systems.items())
            raise InputError(f"dimension: there is no {name!r}; there is: {known}")
        for key, dimension in own.items():
            found[key] |= {dimension} if dimension else set()
    return found


async def _rows(store: Store, measurement: Measurement) -> AsyncIterator[Mapping[str, Any]]:
    columns = (
        *(answers.c[n] for n in ("position", "item", "presentation", "repeat", "key")),
        *(answers.c.outcome, answers.c.reading, responses.c.text, responses.c.request),
        *(item_table.c.body.label("body"), verdicts.c.body.label("verdicts")),
    )
    query = found_answers(measurement, columns)
    async with contextlib.aclosing(store.stream(query)) as blocks:
        async for block in blocks:
            for row in block:
                yield row


class _Source:
    """A measurement, of whose answers each becomes a candidate."""

    def __init__(self, measurement: Measurement, wanted: Wanted, dimensions: set[str]) -> None:
        manifest = measurement.manifest
        self.measurement, self.wanted, self.dimensions = measurement, wanted, dimensions
        self.names: list[str] = [d["name"] for d in manifest["system"]["dimensions"]]
        self.about = {
            "measurement": measurement.id,
            "date": measurement.created.isoformat(timespec="seconds"),
            "system": measurement.system,
            "judge": manifest.get("judge_name"),
        }

    def candidate(self, row: Mapping[str, Any]) -> Candidate | None:
        """Return what an answer gives, or None where it was not asked for."""
        position: int = row["position"]
        of, kind = self.measurement.rows[position], row["body"]["kind"]
        if self.wanted.respondents and of.respondent not in self.wanted.respondents:
            return None
        if kind in READ_OFF:  # a choice or a rating: nothing that a judge reads
            return None
        nothing = Candidate("", None)
        if of.simulated and of.respondent not in self.wanted.respondents:
            return replace(nothing, why="of a simulated respondent")
        if kind == NOT_ONE_RESPONSE:
            return replace(nothing, why="a scenario, no single response")
        if row["outcome"] != "answer":
            return replace(nothing, why=f"outcome: {row['outcome']}")
        harm = self._harm(row)
        if not harm:
            why = NO_VERDICT if harm is None else "not judged harmful"
            return replace(nothing, why=why)
        prompt = _prompt(row["request"])
        if prompt is None:
            return replace(nothing, why="a text that answers no prompt")
        source = self.about | {
            "item": row["item"],
            "repeat": row["repeat"],
            "respondent": of.respondent,
            "simulated": of.simulated,
            "dimensions": harm,
        }
        return Candidate(prompt, [{"role": "assistant", "content": row["text"]}], source=source)

    def _harm(self, row: Mapping[str, Any]) -> dict[str, float] | None:
        """Return the dimensions that are harmed with the judge's numbers; None: no verdict."""
        said = verdicts_of(row)
        if not said:
            return None
        found = findings_of(said, self.names).expressed
        joined = dict(
            zip(self.names, aggregate(found, self.measurement.manifest["opinions"]), strict=True)
        )
        own = {n: float(v) for n, v in joined.items() if n in self.dimensions and not np.isnan(v)}
        if not own:
            return None
        return {name: round(value, 4) for name, value in own.items() if value < THRESHOLD}


def _prompt(request: Mapping[str, Any] | None) -> Talk | None:
    """Return the messages that were asked; None where they are not plain ones that end in a
    user's, as those before a text that was found elsewhere.
    """
    said = request.get("messages", ()) if request is not None else ()
    plain = [{"role": m["role"], "content": m["content"]} for m in said]
    if not plain or plain[-1]["role"] != "user":
        return None
    if any(m["role"] == "tool" or m.get("calls") for m in said):
        return None
    return plain
