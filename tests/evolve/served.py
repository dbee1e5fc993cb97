"""Runs of AdAEM over a local server with the true wire format, whose models write and judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.evolve.test_explorer import written as by_explorer
from tests.measure.helpers import judging
from tests.support.answers import last_user_text

POOL = ("openai-api/mock/a", "openai-api/mock/b", "openai-api/mock/c")
WRITER, JUDGE = "openai-api/mock/w", "openai-api/mock/judge"
MODERATOR = "openai-api/mock/moderator"
PLAYERS = (
    *(word for name in POOL for word in ("--pool", name)),
    *("--explorer", WRITER, "--judge", JUDGE),
)
TOXIC = "lamps"
"""The moderation model has something against them."""


def written(body: dict[str, Any], index: int = 0) -> str:
    """As the server answers; explorers write questions, judges verdicts, the moderator objects."""
    wanted = (body.get("response_format") or {}).get("json_schema", {}).get("name")
    if wanted == "verdicts":
        return judging(body, index)
    if wanted == "safety":
        harmful = TOXIC in last_user_text(body)
        return json.dumps({"usable": not harmful, "category": "crime" if harmful else "none"})
    return by_explorer(body, index)


def command(workspace: Path, *more: object) -> tuple[object, ...]:
    """Return the words of `evolve adaem`, its items beside the workspace."""
    out = workspace.with_suffix(".jsonl")
    return ("evolve", "adaem", *PLAYERS, "-w", workspace, "--out", out, *more)
