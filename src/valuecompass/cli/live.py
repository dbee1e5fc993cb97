"""The plan and the live progress of a run, on stderr."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from valuecompass.cli.app import console, plain
from valuecompass.cli.shown import dollars
from valuecompass.measure.engine import Progress
from valuecompass.measure.forecast import Outlook
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import Batched, Listener
from valuecompass.wording import visible

BATCHES = (
    "Batches come back within a day; leave this running. What is in a batch when the process is "
    "killed is billed by the provider and lost to us, and stays reserved in the budget."
)
EVERY = 15.0
"""Seconds between lines when stderr is not a terminal."""


class Live(Listener):
    """Shows the plan, then one bar per respondent (in a pipe: a line now and then)."""

    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.asks = not dry_run
        self._console = console(stderr=True)
        self._bars: Bars | None = None
        self._tasks: dict[tuple[str, str], Any] = {}
        self.outlooks: list[Outlook] = []
        """What each plan will take."""
        self.money: dict[str, Any] = {}
        """What batches brought, once that is known."""
        self._answered = self._requests = 0
        self._said = time.monotonic()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def outlook(self, outlook: Outlook) -> bool:
        """Print what the plan will take."""
        plan = outlook.plan
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim")
        table.add_column()
        answering = [r.name for r in plan.respondents if plan.answers(r)]
        each = {sum(1 for _ in plan.asked(r)) for r in plan.respondents} - {0}
        per_one = f"{next(iter(each), 0):,}" if len(each) < 2 else f"up to {max(each):,}"
        played = outlook.most_requests > outlook.requests - outlook.stored
        rows = [
            ("system", plan.system.name),
            ("form", f"{plan.form.name} ({len(plan.items)} items, {plan.form.hash})"),
            (
                "answers" if played else "requests",
                f"{per_one} x {len(answering)} respondents = {outlook.requests:,}"
                + (f", {outlook.stored:,} answered already" if outlook.stored else "")
                + (", the rest" if played and outlook.stored else "")
                + (f" from at most {outlook.most_requests:,} requests" if played else ""),
            ),
            (
                "judge",
                plan.judge.name
                + (f", {outlook.judge_calls:,} calls" if outlook.judge_calls else ", free")
                + (f", {outlook.strong_calls:,} more at most" if outlook.strong_calls else ""),
            ),
            (
                "price",
                "unknown: a model has no price"
                if outlook.usd is None
                else ("at most " if outlook.strong_calls else "")
                + f"about {dollars(outlook.usd)} US dollars"
                if outlook.usd
                else "free",
            ),
        ]
        for name, value in rows:
            table.add_row(plain(name), plain(value))
        silent = [f"{r.name}: {plan.why_not(r)}" for r in plan.respondents if not plan.answers(r)]
        if silent:
            table.add_row(plain("left out"), plain("; ".join(silent)))
        self._console.print(table)
        self._console.print()
        self.outlooks.append(outlook)
        if outlook.batch and not self._dry_run:
            self.note(BATCHES)
        self._answered, self._requests = 0, outlook.requests
        return not self._dry_run

    def note(self, sentence: str) -> None:
        """Print a sentence, between the bars where there are any."""
        self._console.print(plain(sentence), soft_wrap=True)

    def batched(self, batched: Batched) -> None:
        """Say what batches brought."""
        self._stop()
        self.money = {"batch": asdict(batched)}
        self.note(
            f"{batched.answers:,} answers came in batches. Paid: {batched.usd:,.4f} US dollars; "
            f"one by one it would have been {batched.saved:,.4f} more, from the tokens counted."
        )

    def progress(self, progress: Progress) -> None:
        """Move a respondent's bar."""
        if not self._console.is_terminal:
            self._line(progress)
            return
        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._bars.start()
        key = (progress.system, progress.respondent)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(
                visible(progress.respondent[:48]), total=progress.total
            )
        self._bars.update(self._tasks[key], completed=progress.done)

    def _line(self, progress: Progress) -> None:
        self._answered += 1
        if time.monotonic() - self._said < EVERY and self._answered < self._requests:
            return
        self._said = time.monotonic()
        self._console.print(
            plain(f"{progress.system}: {self._answered:,} of {self._requests:,} answers")
        )

    def finished(self, measurement: Measurement) -> None:
        """Take the bars away; say when a provider has changed a model behind its name."""
        self._stop()
        for sentence in measurement.manifest.get("drift", ()):
            self._console.print(plain(f"Note: {sentence}"), soft_wrap=True)

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._tasks = None, {}
