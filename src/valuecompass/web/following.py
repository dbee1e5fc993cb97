"""What a job's process hears of its run: events that stay, and a progress that is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valuecompass.evolve.forecast import Prospect
from valuecompass.evolve.run import EvolveListener, Standing, evolve_async
from valuecompass.measure.engine import Progress
from valuecompass.measure.forecast import Outlook, document
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import Listener, run_async
from valuecompass.web.addresses import Endpoint
from valuecompass.web.phrasing import for_pages
from valuecompass.web.specs import EvolveSpec, RunSpec, evolve_settings, run_settings

MOST_NOTES = 500
"""A run that says the same of every item must not fill the database with it."""
MOST_SIGNS = 2_000
"""Of a note."""


@dataclass
class Heard:
    """What was heard so far.

    account: in the ledger, once it is known.
    progress: how far it is, JSON. Of a measurement: ``plans`` (begun, of), ``done`` and ``total``
        answers, ``rows`` (system, respondent, done, total), ``outcomes``. Of an evolving run:
        ``requests`` (by kind), ``limit``, ``pulls``, ``topics``, ``found``, ``best``,
        ``best_topics``, ``rejected``. Of both ``spent``, once it was summed.
    events: that nobody has written down yet.
    """

    account: str | None = None
    progress: dict[str, Any] = field(default_factory=dict[str, Any])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: int = 0

    def say(self, event: dict[str, Any]) -> None:
        """Add an event."""
        self.events.append(event)

    def note(self, sentence: str) -> None:
        """Hear a sentence for people."""
        self.notes += 1
        if self.notes <= MOST_NOTES:
            self.say({"event": "note", "text": for_pages(sentence)[:MOST_SIGNS]})


class _OfRun(Listener):
    def __init__(self, heard: Heard, plans: int, *, asks: bool) -> None:
        self.asks = asks
        self.outlooks: list[Outlook] = []
        self._heard, self._plans = heard, plans
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._outcomes = Counter[str]()

    def outlook(self, outlook: Outlook) -> bool:
        self.outlooks.append(outlook)
        if self.asks:
            self._heard.say({"event": "outlook", "outlook": outlook.json()})
            self._show()
        return self.asks

    def account(self, account: str) -> None:
        self._heard.account = account

    def progress(self, progress: Progress) -> None:
        self._outcomes[progress.outcome] += 1
        row = {k: v for k, v in vars(progress).items() if k != "outcome"}
        self._rows[progress.system, progress.respondent] = row
        self._show()

    def finished(self, measurement: Measurement) -> None:
        about = {"id": measurement.id, "system": measurement.system}
        self._heard.say({"event": "measurement", **about})
        for sentence in measurement.manifest.get("drift", ()):
            self._heard.note(sentence)

    def note(self, sentence: str) -> None:
        self._heard.note(sentence)

    def _show(self) -> None:
        self._heard.progress |= {
            "plans": {"begun": len(self.outlooks), "of": self._plans},
            "done": self._outcomes.total(),
            "total": sum(o.requests for o in self.outlooks),
            "rows": list(self._rows.values()),
            "outcomes": dict(self._outcomes),
        }


class _OfEvolve(EvolveListener):
    def __init__(self, heard: Heard, *, asks: bool) -> None:
        self.asks = asks
        self.outlook: dict[str, Any] = {}
        self._heard = heard

    def prospect(self, prospect: Prospect) -> bool:
        self.outlook = prospect.json()
        if self.asks:
            self._heard.say({"event": "outlook", "outlook": self.outlook})
        return self.asks

    def account(self, account: str) -> None:
        self._heard.account = account

    def standing(self, standing: Standing, event: Mapping[str, Any]) -> None:
        self._heard.progress |= {
            "requests": dict(standing.spent),
            "limit": standing.limit,
            "pulls": standing.pulled.total(),
            "topics": len(standing.topics),
            "pulled": len(standing.pulled),
            "found": standing.found,
            "best": standing.best,
            "best_topics": [
                {"topic": topic, "reward": reward} for topic, reward in standing.best_topics()
            ],
            "rejected": dict(standing.rejected),
        }

    def note(self, sentence: str) -> None:
        self._heard.note(sentence)


async def carry_out(
    spec: RunSpec | EvolveSpec,
    workspace: Path,
    db: str | None,
    endpoints: Mapping[str, Endpoint],
    heard: Heard,
) -> dict[str, Any]:
    """Do what a specification asks for; return what that made.

    Args:
        spec: of the job.
        workspace: where.
        db: where, if not there.
        endpoints: of its addresses.
        heard: grows while it goes on.

    Returns:
        Of a measurement ``measurements`` with id and system; of an evolving run ``evolution``, its
        id, ``items`` kept, and ``replayed``: it had been finished before.

    Raises:
        ValueCompassError: as `run_async` and `evolve_async`.
    """
    if isinstance(spec, RunSpec):
        listener = _OfRun(heard, len(spec.systems), asks=True)
        done = await run_async(run_settings(spec, workspace, db, endpoints), listener)
        return {"measurements": [{"id": m.id, "system": m.system} for m in done]}
    evolving = _OfEvolve(heard, asks=True)
    made = await evolve_async(evolve_settings(spec, workspace, db, endpoints), evolving)
    assert made is not None, "it was no dry run"
    return {"evolution": made.id, "items": len(made.items), "replayed": made.replayed}


async def priced(
    spec: RunSpec | EvolveSpec,
    workspace: Path,
    db: str | None,
    endpoints: Mapping[str, Endpoint],
) -> dict[str, Any]:
    """Return what a specification would take, without asking anybody; arguments as `carry_out`.

    Returns:
        ``kind`` and, of a measurement, ``outlook`` and ``total`` as ``valuecompass run --dry-run
        --json`` has them; of an evolving run ``prospect``, as ``evolve adaem`` has it; and
        ``notes``.

    Raises:
        InputError: a name stands for nothing.
    """
    heard = Heard()
    if isinstance(spec, RunSpec):
        listener = _OfRun(heard, len(spec.systems), asks=False)
        await run_async(run_settings(spec, workspace, db, endpoints), listener)
        found = document(listener.outlooks)
    else:
        evolving = _OfEvolve(heard, asks=False)
        await evolve_async(evolve_settings(spec, workspace, db, endpoints), evolving)
        found = {"prospect": evolving.outlook}
    return {"kind": spec.kind, **found, "notes": [event["text"] for event in heard.events]}
