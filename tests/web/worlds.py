"""A workspace in which everything a model or a person can write is hostile, and a server on it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import httpx2

import valuecompass as vc
from valuecompass.items import Item, seed_items
from valuecompass.items.io import write_items
from valuecompass.measure.published.importing import import_table
from valuecompass.models import Respondent
from valuecompass.values import builtin_system

SCRIPT = "<img src=x onerror=\"window.hacked='img'\">"
CLOSING = "</script><script>window.hacked='script'</script>"
LINK = "javascript:window.hacked='link'"
TURNED = "evil\u202egnp.exe\u2066\u200f"
FORMULA = '=HYPERLINK("https://evil.example","click")'
TEMPLATE = "{{constructor.constructor('window.hacked=1')()}}${window.hacked=1}"
HOSTILE = (SCRIPT, CLOSING, LINK, TURNED, FORMULA, TEMPLATE, "../../etc/passwd", "a&b=c#d?e%00/f")
"""Names and texts that must be shown as what they are."""
SYSTEM = "schwartz"
PLANTED = ("Power", "Benevolence", "Security", "Stimulation")


def make_world(workspace: Path, folder: Path) -> Path:
    """Measure simulated and recorded respondents with hostile names and texts.

    A published table of an earlier day comes before, another system beside it.
    """
    anyio.run(_published, workspace, folder)
    items = _items()
    write_items(items, folder / "items.jsonl")
    simulated = [_simulated(name, at) for at, name in enumerate(HOSTILE[:5])]
    vc.run(
        [*simulated, _recorded(folder, items)],
        [SYSTEM],
        items=folder / "items.jsonl",
        workspace=workspace,
    )
    return workspace


async def _published(workspace: Path, folder: Path) -> None:
    table = folder / "table.json"
    for system in ("safety", SYSTEM):
        known = builtin_system(system)
        names = [d.name for d in known.dimensions][:4]
        rows = [
            {"model": name, **{dim: (at * 7 + d * 11) % 100 for d, dim in enumerate(names)}}
            for at, name in enumerate(HOSTILE[1:])
        ]
        table.write_text(json.dumps(rows), encoding="utf-8")
        meta = folder / "meta.json"
        meta.write_text(json.dumps([_facts(name) for name in HOSTILE[1:]]), encoding="utf-8")
        await import_table(
            table, known, date(2026, 1, 2), workspace=workspace, meta=meta, scale=(0, 100)
        )


def _facts(name: str) -> dict[str, Any]:
    return {"model": name, "developer": SCRIPT, "type": "open", "release": "2025-05-01"}


def _simulated(name: str, at: int) -> Respondent:
    return Respondent(
        name=name,
        model=f"simulated/{SYSTEM}?{PLANTED[at % len(PLANTED)]}=1.5&seed={at}",
        system=CLOSING,
        developer=(SCRIPT, LINK)[at % 2],
        openness=("open", "closed")[at % 2],  # pyright: ignore[reportArgumentType]
        released=date(2024 + at % 2, 3, 1),
        licence=TURNED,
        url=LINK,
    )


def _recorded(folder: Path, items: Sequence[Item]) -> Respondent:
    answers = folder / "answers.jsonl"
    said = f"Yes. {SCRIPT} {CLOSING} {LINK} {TURNED} Power and wealth matter to me most."
    replies = {"tradeoff": "A", "likert": "4"}
    rows = [{"item": i.id, "response": replies.get(i.kind, said)} for i in items]
    answers.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return Respondent(name=TEMPLATE, model=f"recorded/{answers}")


def _items() -> list[Item]:
    seeds = seed_items(SYSTEM)
    chosen = [i for kind in ("question", "tradeoff", "likert") for i in _first(seeds, kind)]
    named = [d.name for d in builtin_system(SYSTEM).dimensions]
    hostile = [
        Item(
            kind="question",
            text=f"Should everybody be told {text}?",
            dimensions=(named[at % len(named)],),
            system=SYSTEM,
            topic=SCRIPT,
        )
        for at, text in enumerate(HOSTILE)
    ]
    return chosen + hostile


def _first(items: Sequence[Item], kind: str) -> list[Item]:
    return [item for item in items if item.kind == kind][::6][:24]


@dataclass
class Served:
    """A server process."""

    address: str
    process: subprocess.Popen[str]

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """Ask it."""
        return httpx2.get(self.address + path, timeout=60, **more)


@contextlib.contextmanager
def served(workspace: Path, *options: str) -> Generator[Served]:
    """Run `valuecompass serve` on any free port, and end it as an operator would."""
    command = [sys.executable, "-m", "valuecompass", "serve", "-w", str(workspace), "--port", "0"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "http://" in said, process.communicate()
        yield Served(said.split()[-1].rstrip("/"), process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
