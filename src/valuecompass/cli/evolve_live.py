"""What a run of AdAEM will take, how far it is, and what it left, for people."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar

from valuecompass.cli.app import console, plain
from valuecompass.cli.shown import dollars, number, table
from valuecompass.evolve.candidates import kind_of
from valuecompass.evolve.forecast import Prospect
from valuecompass.evolve.record import Evolved
from valuecompass.evolve.run import EvolveListener, Standing
from valuecompass.wording import clip, count, visible

EVERY = 15.0
"""Seconds between lines when stderr is not a terminal."""
SHOWN = 10
"""Items on the screen; all are in the file."""
ROLES = {"explorer": "writes", "answers": "answers", "judge": "judges", "safety": "checks"}


class EvolveLive(EvolveListener):
    """Shows the outlook, then where the run stands (in a pipe: a line now and then)."""

    def __init__(self, dry_run: bool) -> None:
        self.asks = not dry_run
        self.outlook: Prospect | None = None
        self._console = console(stderr=True)
        self._live: Live | None = None
        self._said = time.monotonic()

    def __enter__(self) -> EvolveLive:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def prospect(self, prospect: Prospect) -> bool:
        """Say what the run will take."""
        self.outlook = prospect
        if self.asks:
            show_prospect(prospect)
        return self.asks

    def note(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(plain(sentence), soft_wrap=True)

    def standing(self, standing: Standing, event: Mapping[str, Any]) -> None:
        """Show how far the run is."""
        if not self._console.is_terminal:
            if time.monotonic() - self._said >= EVERY or standing.stopped:
                self._said = time.monotonic()
                self.note(line_of(standing))
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=4)
            self._live.start()
        self._live.update(drawn(standing))


def line_of(standing: Standing) -> str:
    """Return how far a run is, as a sentence."""
    used = sum(standing.spent.values())
    limit = "" if standing.limit is None else f" of {standing.limit:,}"
    reasons = ", ".join(f"{n} {why}" for why, n in standing.rejected.most_common())
    pulls = standing.pulled.total()
    return (
        f"{used:,}{limit} requests; {count(pulls, 'pull')} of {len(standing.pulled):,} of "
        f"{len(standing.topics):,} topics; {count(standing.found, 'question')} found, best reward "
        f"{number(standing.best)}" + (f"; rejected: {reasons}" if reasons else "")
    )


def drawn(standing: Standing) -> Group:
    """Return how far a run is, as lines with a bar and the best topics."""
    used = sum(standing.spent.values())
    rows: list[Any] = [plain(line_of(standing))]
    if standing.limit is not None:
        rows.insert(0, ProgressBar(total=standing.limit, completed=min(used, standing.limit)))
    rows += [plain(f"  {mean:6.2f}  {clip(t, 90)[0]}") for t, mean in standing.best_topics()]
    return Group(*rows)


def show_prospect(prospect: Prospect) -> None:
    """Print what each player takes, on stderr."""
    where = console(stderr=True)
    bound = "as many as its pulls take" if prospect.calls is None else f"at most {prospect.calls:,}"
    where.print(
        plain(
            f"{count(prospect.topics, 'topic')}, about {count(prospect.questions, 'question')} "
            f"written, {prospect.kept:,} kept at most; requests: {bound}"
        ),
        soft_wrap=True,
    )
    rows = [
        [
            visible(part.name[:48]),
            ROLES[part.role],
            f"{part.requests:,}",
            f"{part.tokens_in:,}",
            f"{part.tokens_out:,}" + ("" if part.measured or not part.tokens_out else "*"),
            dollars(part.usd),
        ]
        for part in prospect.parts
    ]
    total = sum(part.requests for part in prospect.parts)
    rows.append(["all", "", f"{total:,}", "", "", dollars(prospect.usd)])
    table(["who", "does", "requests", "tokens in", "out", "USD"], rows, where)
    for name, need in {part.name: part.lacks for part in prospect.parts if part.lacks}.items():
        where.print(plain(f"{name} cannot be asked here: it needs {need}"), soft_wrap=True)
    if any(not part.measured and part.tokens_out for part in prospect.parts):
        where.print(
            "* no stored answer to measure by: texts of the length asked for, without any thinking",
            soft_wrap=True,
        )
    for note in prospect.notes:
        where.print(plain(f"Note: {note}"), soft_wrap=True)


def show_evolved(done: Evolved, out: Path) -> None:
    """Print what a run left, on stdout; warnings on stderr."""
    screen, aside = console(), console(stderr=True)
    body = done.body
    for warning in body["warnings"]:
        aside.print(plain(f"Warning: {warning}"), soft_wrap=True)
    rows = [
        [visible(clip(kept["item"]["text"].replace("\n", " "), 100)[0]), *_rewards(kept)]
        for kept in body["kept"][:SHOWN]
    ]
    if rows:
        table([f"best of {count(len(body['kept']), 'item')}", "fresh", "selected by"], rows)
    why = Counter(kind_of(row["reason"]) for row in body["rejected"])
    left = ", ".join(f"{n} {reason}" for reason, n in why.most_common()) or "nothing"
    meter = ", ".join(f"{kind} {n:,}" for kind, n in body["meter"].items() if n)
    spent = body["spent"]
    sentences = [
        f"Rejected: {left}.",
        f"Kept back by the safety filter: {len(body['filtered'])}." if body["filtered"] else "",
        f"Ended by: {body['stopped']}. Requests: {meter or 'none'}.",
        f"Really asked: {spent['calls']:,} requests, {spent['tokens_in']:,} tokens in, "
        f"{spent['tokens_out']:,} out, {dollars(spent['usd'])} US dollars.",
        "It had been finished before: nobody was asked." if done.replayed else "",
        f"{out}: {count(len(done.items), 'item')} (run {done.id})"
        if done.items
        else f"No item was kept; {out} was not written (run {done.id})",
    ]
    for sentence in filter(None, sentences):
        screen.print(plain(sentence), soft_wrap=True)


def _rewards(kept: Mapping[str, Any]) -> list[str]:
    """Return the reward on fresh answers, and that which chose the item: larger by its luck."""
    rewards = kept["rewards"]
    return [number(rewards.get("fresh")), number(rewards.get("selected"))]
