"""The table of a dry run: what each respondent takes, what it costs, what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from valuecompass.board.wording import visible
from valuecompass.cli.app import console
from valuecompass.cli.shown import table
from valuecompass.measure.forecast import Outlook, Share, totals

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
    calls = sum(share.requests - share.stored for share in whole.shares)
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
    if whole.saving > 0:
        say = f"In batches (--batch) the answers cost {dollars(whole.saving)} US dollars less"
        where.print(f"{say}; a provider without them, or without a price, at its own.")


def _row(share: Share) -> list[str]:
    return [
        visible(share.respondent[:48]),
        f"{share.requests - share.stored:,}",
        f"{share.tokens_in:,}",
        f"{share.tokens_out:,}" + ("" if share.measured else "*"),
        dollars(share.usd),
        "-" if share.batch_usd is None else dollars(share.batch_usd),
        share.lacks or "",
    ]


def dollars(usd: float | None) -> str:
    """Return an amount, or that it is unknown."""
    return "unknown" if usd is None else f"{usd:,.2f}" if usd >= 1 or not usd else f"{usd:.4f}"
