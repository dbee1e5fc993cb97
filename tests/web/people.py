"""Workspaces for the pages of respondents: recorded answers, hostile names and texts among them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tests.measure.helpers import QUESTIONS, question, tradeoff, write_items
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run
from valuecompass.models import Respondent
from valuecompass.web.app import make_app
from valuecompass.web.settings import Settings

HOSTILE = "<img src=x onerror=alert(1)>/../\u202e\"'&?#%25"
SCRIPT = "</p><script>alert(2)</script> Should a town close its main street to cars at night?"
REFUSAL = "I'm sorry, but I can't help with that."
POWER = (
    "Stance: yes\n1. Whoever leads must be obeyed, and authority over others is worth having."
    "<script>alert(3)</script>\n2. Wealth and command decide who counts."
)
OTHERS = "Stance: no\n1. All people deserve equal rights, and nature must be protected for all."


def free_items() -> list[Item]:
    return [
        *(question(*q) for q in QUESTIONS),
        question(SCRIPT, "Security"),
        tradeoff("A club has money for one thing only.", "Power", "Benevolence"),
    ]


def recorded(folder: Path, name: str, said: Sequence[str], items: Sequence[Item]) -> Respondent:
    """Return a respondent that gives texts in turn, and always takes the first side."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"answers-{digest([name, list(said)], 12)}.jsonl"
    rows = [
        {"item": i.id, "response": "A" if i.sides else said[at % len(said)]}
        for at, i in enumerate(items)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Respondent(name=name, model=f"recorded/{path}", developer="Nobody & Sons")


def free_workspace(folder: Path) -> Measurement:
    """Measure a hostile respondent that refuses at times, a plain one and a simulated one."""
    items = free_items()
    (found,) = run(
        [
            recorded(folder, HOSTILE, (POWER, OTHERS, REFUSAL), items),
            recorded(folder, "plain", (OTHERS,), items),
            Respondent(name="planted", model="simulated/schwartz?Power=2&seed=4"),
        ],
        ["schwartz"],
        items=write_items(folder, items),
        form="tiny",
        judge="local",
        workspace=folder / "ws",
    )
    return found


@contextlib.contextmanager
def client_of(workspace: Path) -> Generator[TestClient]:
    settings = Settings(workspace)
    with TestClient(make_app(settings), base_url="http://localhost") as client:
        yield client


def get(client: TestClient, path: str, status: int = 200, **params: Any) -> Any:
    answer = client.get(f"/api/v1{path}", params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def whole(client: TestClient, system: str, name: str, dimension: str, limit: int) -> list[Any]:
    """Return all answers behind a score, page by page."""
    found: list[Any] = []
    after: dict[str, Any] = {}
    for _ in range(100):
        path = f"/boards/{system}/respondent/behind"
        page = get(client, path, name=name, dimension=dimension, limit=limit, **after)
        assert len(page["answers"]) <= limit
        found += page["answers"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}
    raise AssertionError("the pages never end")
