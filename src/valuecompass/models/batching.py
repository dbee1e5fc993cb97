"""Asking in batches: providers answer many requests within a day, mostly for half the price.

Inspect gathers the requests, hands them in and looks for answers. It keeps the numbers of its
batches in memory only: what is in a batch when the process ends is billed and cannot be fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import anyio

from valuecompass.models.request import Patience

PACKAGES = {"openai": "", "anthropic": "", "google": "google.genai", "together": "together"} | {
    "grok": "xai_sdk"
}
"""Providers that Inspect asks in batches, with the package that it needs for that."""
SERVICES = ("openai", "anthropic", "google")
"""Providers whose names may hold a service between provider and model (openai/azure/NAME); those
have no batches through Inspect."""
SAY_EVERY = 60.0
"""Seconds between two notes on the batches in progress."""

Tell = Callable[[str], None]


def has_batches(model: str) -> bool:
    """Say whether a model's provider answers batches that Inspect can hand in."""
    provider, _, rest = model.partition("/")
    return provider in PACKAGES and not (provider in SERVICES and "/" in rest)


@cache
def why_no_batch(model: str) -> str | None:
    """Say why a model cannot be asked in batches, or None when it can.

    Args:
        model: Inspect's name.
    """
    if not has_batches(model):
        return f"{model.rpartition('/')[0]} has no batches"
    if (package := PACKAGES[model.partition("/")[0]]) and not _installed(package):
        return f"batches need the package {package}"
    return None


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package it is part of is not there
        return False


def batch_settings(patience: Patience) -> dict[str, object]:
    """Return what Inspect's `GenerateConfig` needs for batches: no limit of time is its own.

    Providers take up to a day, and say themselves when they give up.
    """
    from inspect_ai.model import BatchConfig

    _survive_refused_batches()
    tick = patience.batch_tick
    batch = BatchConfig(size=1_000, send_delay=tick, tick=tick)
    return {"max_retries": patience.retries, "batch": batch}


def hear_of_batches(tell: Tell) -> None:
    """Let somebody hear of batches in progress; else Inspect prints to stdout.

    Args:
        tell: told a sentence now and then.
    """
    from inspect_ai.model._providers.util import batch_log

    said = 0.0

    def status(now: batch_log.BatchStatus) -> None:
        nonlocal said
        if not now.batch_count or time.monotonic() - said < SAY_EVERY:
            return
        said = time.monotonic()
        total = now.pending_requests + now.completed_requests + now.failed_requests
        tell(
            f"batches: {now.batch_count} at the provider, "
            f"{total - now.pending_requests:,} of their {total:,} requests done"
        )

    batch_log.set_batch_status_callback(status)
    batch_log.set_batch_log_callback(lambda _: None)


def hear_no_more() -> None:
    """Let Inspect say of batches what it likes again."""
    from inspect_ai.model._providers.util import batch_log

    batch_log.set_batch_status_callback(None)
    batch_log.set_batch_log_callback(None)


@cache
def _survive_refused_batches() -> None:
    """Let Inspect's batch worker go on after a batch that the provider did not take.

    It tells that batch's requests why, then dies of the same error while it still counts as
    running: whatever else waits for it would wait for ever.
    """
    from inspect_ai.model._providers.util.batch import Batcher

    worker = Batcher._batch_worker  # pyright: ignore

    async def lasting(self: Batcher) -> None:  # pyright: ignore
        while True:
            try:
                return await worker(self)  # pyright: ignore
            except Exception:  # its requests have been told
                await anyio.sleep(self._tick)  # pyright: ignore

    Batcher._batch_worker = lasting  # pyright: ignore
