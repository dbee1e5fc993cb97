"""What a job would take, worked out in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from valuecompass.errors import InputError, ValueCompassError
from valuecompass.web.secrets import covered
from valuecompass.web.specs import EvolveSpec, RunSpec

PATIENCE = 120.0
"""Seconds that a price may take: weights may have to be fetched to know their names."""


async def price_in_process(
    spec: RunSpec | EvolveSpec, command: Sequence[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the price that a worker process tells.

    Args:
        spec: the job.
        command: of the process.
        environment: of the process.

    Raises:
        InputError: a name in the specification stands for nothing, or it cannot be afforded.
        ValueCompassError: the process failed or took too long.
    """
    try:
        with anyio.fail_after(PATIENCE):
            done = await anyio.run_process(
                list(command),
                input=spec.model_dump_json(exclude_none=True).encode(),
                env=dict(environment),
                stderr=subprocess.PIPE,
                check=False,
            )
    except TimeoutError:
        raise ValueCompassError(f"the price took longer than {PATIENCE:.0f} seconds") from None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        told: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ValueCompassError(
            f"the price could not be worked out: {covered(words[-1])[:300] if words else 'no word'}"
        ) from None
    if "error" in told:
        raise InputError(str(told["error"]))
    return told
