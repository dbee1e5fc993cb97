"""The table of a dry run: what each respondent takes, what it costs, what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from valuecompass.cli.app import console
from valuecompass.cli.shown import dollars, table
from valuecompass.measure.forecast import Outlook, Share, totals
from valuecompass.wording import visible

UNMEASURED = (
    "* no stored answer of this model to measure by: answers of the length asked for, without "
    "any thinking. A finished run with --form tiny measures both."
)


def show_forecast(outlooks: Sequence[Outlook]) -> None:
    """Print a row for each respondent, over all value systems, and their sum, on stderr."""
    whole = totals(outlooks)
    where: Any = console(stderr=True)
    titles = ["respondent", "calls", "tokens in", "out", "USD", "batches", "needs"]
    rows = [_row(share) for share in whole.shares]
    sums = [dollars(u) for u in (whole.usd, whole.batch_usd)]
    calls = sum(share.calls for share in whole.shares)
    rows.append(["all", f"{calls:,}", "", "", *sums, ""])
    table(titles, rows, where)
    long = [visible(share.respondent[:48]) for share in whole.shares if share.fits is False]
    if long:
        where.print(f"prompt and answer are too long for {', '.join(long)}", markup=False)
    if any(not share.measured and share.tokens_out for share in whole.shares):
        where.print(UNMEASURED, soft_wrap=True)
    if whole.judge_usd != 0:
        judge, batch = dollars(whole.judge_usd), dollars(whole.judge_batch_usd)
        where.print(f"The judge takes {judge} US dollars beside that, {batch} in batches.")
        stored = min((o.judge_measured for o in outlooks), default=0)
        where.print(f"The judge's tokens: {judge_source(stored)}.", soft_wrap=True)
    for model, need in {m: need for o in outlooks for m, need in o.judge_lacks.items()}.items():
        where.print(f"The judge {visible(model)} cannot be asked here: it needs {need}.")
    if whole.saving > 0:
        cost = "cost" if any(o.batch for o in outlooks) else "would cost"
        how = "In batches" if cost == "cost" else "In batches (--batch)"
        say = f"{how} the answers {cost} {dollars(whole.saving)} US dollars less"
        where.print(f"{say}; a provider without them, or without a price, at its own.")


def judge_source(measured: int) -> str:
    """Say where a judge's tokens come from.

    Args:
        measured: stored verdicts that they are estimated from.
    """
    if measured:
        return f"from {measured:,} of its stored verdicts in the same value system"
    return "from its prompts around texts of the length asked for, no stored verdict to measure by"


def _row(share: Share) -> list[str]:
    return [
        visible(share.respondent[:48]),
        f"{share.calls:,}",
        f"{share.tokens_in:,}",
        f"{share.tokens_out:,}" + ("" if share.measured else "*"),
        dollars(share.usd),
        "-" if share.batch_usd is None else dollars(share.batch_usd),
        share.lacks or "",
    ]
