"""How long it takes to find cases: ``python benchmarks/web/cases.py --workspace DIR``.

The workspace is one of ``valuecompass workspace synth``. Every query is another one: words, phrases
and exclusions drawn from the answers themselves, from words that nearly every case holds to phrases
of a single one, with and without filters, orders and second pages. Measured is a page of 20 cases:
search, counts of all facets, and reading the cases with what is marked in them.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from valuecompass.board.cases import (
    Search,
    index_path,
    measurement_named,
    open_index,
    read_cases,
    search,
)
from valuecompass.store import open_store

WORD = re.compile(r"[A-Za-z]{3,}")
KINDS = ("filters only", "one word", "two words", "phrase", "exclusion", "words and filters")


def queries(texts: list[str], names: list[str], people: list[str], seed: int) -> Iterator[Any]:
    """Yield the kind of a query and the query, for ever."""
    rng = np.random.default_rng(seed)
    number = 0
    while True:
        kind = KINDS[number % len(KINDS)]
        words = WORD.findall(texts[int(rng.integers(len(texts)))])
        at = int(rng.integers(max(len(words) - 5, 1)))
        other = words[int(rng.integers(len(words)))]
        typed = {
            "filters only": "",
            "one word": words[at],
            "two words": f"{words[at]} {other}",
            "phrase": f'"{" ".join(words[at : at + int(rng.integers(2, 5))])}"',
            "exclusion": f"{words[at]} -{other}",
            "words and filters": words[at],
        }[kind]
        more: dict[str, Any] = {}
        if kind in ("filters only", "words and filters"):
            low = round(float(rng.uniform(0.3, 0.95)), 3)
            more = {"dimension": str(rng.choice(names)), "low": low}
            if rng.random() < 0.5:
                more["respondents"] = tuple(map(str, rng.choice(people, 2, replace=False)))
            if rng.random() < 0.4:
                more["side"] = str(rng.choice(["supports", "opposes"]))
        order = str(rng.choice(["item", "respondent", "strongest", "weakest"]))
        yield kind, Search(words=typed, order=order, **more)  # type: ignore[arg-type]
        number += 1


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    async with open_store(given.workspace, create=False) as store:
        measurement = await measurement_named(store, "schwartz")
        path = index_path(given.workspace, measurement.id)
        there, start = path.is_file(), time.perf_counter()
        index = await open_index(store, given.workspace, measurement)
        built = None if there else time.perf_counter() - start
        first = await read_cases(store, measurement, search(index, Search(limit=100)).addresses)
        more = search(index, Search(limit=100, order="strongest")).addresses
        texts = [c.response.text for c in [*first, *await read_cases(store, measurement, more)]]
        people = [row.respondent for row in measurement.rows]
        whole = [text for text in texts if len(text) > 200]
        drawn = queries(whole, list(index.names), people, given.seed)
        taken: list[tuple[str, float, float, int]] = []
        seen: set[Search] = set()
        while len(taken) < given.queries:
            kind, wanted = next(drawn)
            if wanted in seen:
                continue
            seen.add(wanted)
            start = time.perf_counter()
            found = search(index, wanted)
            between = time.perf_counter()
            await read_cases(store, measurement, found.addresses, found.words)
            end = time.perf_counter()
            taken.append((kind, between - start, end - start, found.total))
    _told(len(index), path, built, taken, as_json=given.json)


def _told(cases: int, path: Path, built: float | None, taken: Any, *, as_json: bool) -> None:
    def row(kind: str | None) -> dict[str, Any]:
        own = [t for t in taken if kind in (None, t[0])]
        whole, alone = (1_000 * np.array([t[i] for t in own]) for i in (2, 1))
        return {
            "queries": len(own),
            "median_found": int(np.median([t[3] for t in own])),
            "search_p50_ms": round(float(np.quantile(alone, 0.5)), 1),
            "search_p95_ms": round(float(np.quantile(alone, 0.95)), 1),
            "p50_ms": round(float(np.quantile(whole, 0.5)), 1),
            "p95_ms": round(float(np.quantile(whole, 0.95)), 1),
            "max_ms": round(float(whole.max()), 1),
        }

    table = {kind: row(kind) for kind in KINDS} | {"all": row(None)}
    about = {
        "cases": cases,
        "index_mb": round(path.stat().st_size / 1e6, 1),
        "index_built_s": None if built is None else round(built, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }
    if as_json:
        print(json.dumps(about | {"table": table}))
        return
    print(" ".join(f"{key}={value}" for key, value in about.items()))
    print(f"{'':20}" + "".join(f"{name:>15}" for name in table["all"]))
    for kind, cells in table.items():
        print(f"{kind:20}" + "".join(f"{value:>15}" for value in cells.values()))


if __name__ == "__main__":
    anyio.run(main)
