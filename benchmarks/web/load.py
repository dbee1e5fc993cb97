"""Asks a server as often as it answers, over connections that stay open."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import aiohttp

WARM = 20
"""Requests before any is counted."""


def words(terms: Sequence[str]) -> list[str]:
    """Return queries of one and of two words, 200 at most."""
    pairs = itertools.permutations(terms, 2)
    return [quote(q) for q in [*terms, *(f"{a} {b}" for a, b in pairs)]][:200]


def measured(
    addresses: Sequence[str], seconds: float, what: str, at_once: int = 8
) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds, and requests a second.

    Args:
        addresses: asked in turn; each once before anything is counted.
        seconds: for how long.
        what: name of the figures.
        at_once: connections.
    """
    return asyncio.run(_measured(addresses, seconds, what, at_once))


async def _measured(
    addresses: Sequence[str], seconds: float, what: str, at_once: int
) -> dict[str, float]:
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        for address in [*addresses, *itertools.islice(itertools.cycle(addresses), WARM)]:
            await _ask(session, address)
        began = time.perf_counter()
        ask = itertools.cycle(addresses)
        await asyncio.gather(
            *(_keep_asking(session, ask, began + seconds, took) for _ in range(at_once))
        )
        whole = time.perf_counter() - began
    took.sort()
    return {
        f"{what} p50 (ms)": 1_000 * took[len(took) // 2],
        f"{what} p95 (ms)": 1_000 * took[int(len(took) * 0.95)],
        f"{what} requests/s": len(took) / whole,
    }


async def _keep_asking(
    session: aiohttp.ClientSession, addresses: Iterable[str], until: float, took: list[float]
) -> None:
    for address in addresses:
        began = time.perf_counter()
        if began >= until:
            return
        await _ask(session, address)
        took.append(time.perf_counter() - began)


async def _ask(session: aiohttp.ClientSession, address: str) -> None:
    async with session.get(address, headers={"accept-encoding": "gzip"}) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()
