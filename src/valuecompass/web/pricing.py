"""What a job would take, worked out in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import anyio
from pydantic import BaseModel

from valuecompass.errors import InputError, ValueCompassError
from valuecompass.web.specs import EvolveSpec, RunSpec

PATIENCE = 300.0
"""Seconds that a price may take: weights may have to be fetched to know their names."""
_SUMMED = ("requests", "stored", "tokens_in", "tokens_out", "usd")


class Line(BaseModel):
    """What one player takes.

    role: answers, judge, explorer (writes items) or safety (looks for harm).
    requests: in all; `stored` of them are there already and cost nothing.
    usd: of what is not stored; null where the price is unknown.
    lacks: the variable or package without which it cannot be asked here.
    fits: whether prompts and answers fit its context; null: not known.
    """

    role: Literal["answers", "judge", "explorer", "safety"]
    name: str
    model: str | None
    requests: int
    stored: int
    tokens_in: int
    tokens_out: int
    usd: float | None
    lacks: str | None
    fits: bool | None


class Price(BaseModel):
    """What a job would take, by who takes it. usd: of all; null where a price is unknown."""

    kind: Literal["run", "evolve"]
    lines: list[Line]
    usd: float | None
    notes: list[str]


async def price_in_process(
    spec: RunSpec | EvolveSpec, command: Sequence[str], environment: Mapping[str, str]
) -> Price:
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
            f"the price could not be worked out: {words[-1][:300] if words else 'no word'}"
        ) from None
    if "error" in told:
        raise InputError(str(told["error"]))
    return price_of_dry_run(told)


def price_of_dry_run(told: Mapping[str, Any]) -> Price:
    """Return the price in what a dry run says (`web.following.priced`)."""
    found = _of_evolve(told["prospect"]) if told["kind"] == "evolve" else _of_run(told["outlook"])
    known = [line.usd for line in found if line.usd is not None]
    usd = sum(known) if len(known) == len(found) else None
    return Price(kind=told["kind"], lines=found, usd=usd, notes=list(told["notes"]))


def _of_run(outlooks: Iterable[Mapping[str, Any]]) -> list[Line]:
    lines: dict[tuple[str, str], Line] = {}
    for outlook in outlooks:
        parts = [("answers", share["respondent"], share) for share in outlook["respondents"]]
        parts += [("judge", one["judge"], one) for one in outlook["judges"]]
        for role, name, part in parts:
            judged = role == "judge"
            lacks = outlook["judge_lacks"].get(part["model"]) if judged else part["lacks"]
            line = Line(
                role=role,  # pyright: ignore[reportArgumentType]
                name=name,
                model=part["model"],
                requests=part["calls"] if judged else part["requests"],
                stored=0 if judged else part["stored"],
                tokens_in=part["tokens_in"],
                tokens_out=part["tokens_out"],
                usd=part["usd"],
                lacks=lacks,
                fits=part.get("fits"),
            )
            before = lines.get((role, name))
            lines[role, name] = line if before is None else _added(before, line)
    return list(lines.values())


def _added(a: Line, b: Line) -> Line:
    """Return what one player takes under two value systems."""
    sums = {name: _sum(getattr(a, name), getattr(b, name)) for name in _SUMMED}
    fits = False if False in (a.fits, b.fits) else a.fits if b.fits else b.fits
    return a.model_copy(update={**sums, "fits": fits, "lacks": a.lacks or b.lacks})


def _sum(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _of_evolve(prospect: Mapping[str, Any]) -> list[Line]:
    names = ("role", "name", "model", "requests", "tokens_in", "tokens_out", "usd", "lacks")
    return [
        Line(**{name: part[name] for name in names}, stored=0, fits=None)
        for part in prospect["parts"]
    ]
