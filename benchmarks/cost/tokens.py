r"""How far the priced dry run is off: its tokens beside those the embedded model counted.

    valuecompass run -m embedded/smollm2-135m-instruct -s schwartz -s moral-foundations \
        -s safety -s llm-unique --form short -w pilot
    python benchmarks/cost/tokens.py pilot

The constants of `valuecompass.measure.tokens` were fitted here, each system also by the others
alone, so that the error printed for it is of answers that the fit has not seen. The model's answers
are cut at a limit; the tokens of an answer are therefore given beside the words it holds.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.measure import tokens
from valuecompass.measure.asking import READ_OFF
from valuecompass.store import answers, open_store, responses
from valuecompass.store import items as item_table


async def stored(workspace: Path) -> list[dict[str, Any]]:
    """Return what was counted of each answer of the embedded model."""
    async with open_store(workspace, create=False) as store:
        rows = await store.rows(
            select(
                *(responses.c[n] for n in ("request", "text", "input_tokens", "output_tokens")),
                responses.c.stop_reason,
                item_table.c.body,
                item_table.c.system,
            )
            .join(
                answers,
                (answers.c.key == responses.c.key) & (answers.c.repeat == responses.c.repeat),
            )
            .join(item_table, item_table.c.id == answers.c.item)
            .where(responses.c.model.like("embedded/%"))
        )
    return [
        {
            "system": row["system"],
            "kind": row["body"]["kind"],
            "characters": sum(len(m["content"]) for m in row["request"]["messages"]),
            "into": row["input_tokens"],
            "out": row["output_tokens"],
            "words": len(row["text"].split()),
            "length": len(row["text"]),
        }
        for row in rows
    ]


def fitted(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return tokens beside the text and tokens for each character, by least squares."""
    x = np.array([[1.0, row["characters"]] for row in rows])
    y = np.array([row["into"] for row in rows], dtype=float)
    beside, each = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(beside), float(each)


def main() -> None:
    """Print the fit and its errors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workspace", type=Path)
    rows = asyncio.run(stored(parser.parse_args().workspace))
    beside, each = fitted(rows)
    print(f"{len(rows)} answers; tokens of a prompt = {beside:.1f} + {each:.4f} x characters")
    print(f"in use: {tokens.PROMPT_TOKENS} + {tokens.PER_CHARACTER} x characters\n")
    print(
        "prompts: estimate / measured   of the whole   by the other systems   of one prompt, 90 %"
    )
    by_system: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_system[row["system"]].append(row)
    for system, own in by_system.items():
        size = np.array([r["characters"] for r in own])
        seen = np.array([r["into"] for r in own])
        use = tokens.PROMPT_TOKENS + tokens.PER_CHARACTER * size
        a, b = fitted([r for r in rows if r["system"] != system])
        others = (a + b * size).sum() / seen.sum()
        low, high = np.quantile(use / seen, [0.05, 0.95])
        ratio = use.sum() / seen.sum()
        print(f"  {system:22} {ratio:14.3f} {others:22.3f} {low:14.2f} to {high:.2f}")
    free = [r for r in rows if r["kind"] not in READ_OFF and r["words"]]
    out, words = (sum(r[k] for r in free) for k in ("out", "words"))
    length = sum(r["length"] for r in free)
    print(f"\nanswers: {out / words:.3f} tokens a word written, {length / words:.2f} characters")
    print(f"in use: {tokens.PER_WORD} tokens a word asked for")
    choices = [r["out"] for r in rows if r["kind"] in READ_OFF]
    if choices:
        print(f"a choice or rating: {np.mean(choices):.2f} tokens")


if __name__ == "__main__":
    main()
