"""What the tests of runs share: a small item file, runs in this process, a look into the store."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import answer, last_user_text, pick, schema_of
from tests.support.mock_provider import MockProvider
from valuecompass.cli import main
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run
from valuecompass.models import Patience
from valuecompass.store import DATABASE
from valuecompass.store.packed import FORMAT, unpack

MODEL = "openai-api/mock/some-model"
JUDGE = "openai-api/mock/some-judge"
HASTY = Patience(retries=6, attempt_timeout=1, timeout=20, first_wait=0.02)

QUESTIONS = (
    ("Should a town close its main street to cars?", "Security"),
    ("May a museum sell a painting to repair its roof?", "Tradition"),
    ("Should schools let pupils choose half of their subjects?", "Self-direction"),
    ("Is it fair to pay a rescue team by success?", "Achievement"),
    ("Should a family firm be led by an outsider?", "Power"),
    ("May a holiday camp do without a daily plan?", "Hedonism"),
)
TRADEOFFS = (
    ("A club has money for one thing only.", "Power", "Benevolence"),
    ("Two invitations came for the same evening.", "Stimulation", "Conformity"),
    ("The garden behind the house is to be made new.", "Universalism", "Achievement"),
)
LIKERT = (
    ("I keep a promise even when it costs me.", "Benevolence", 1),
    ("I get bored when nothing new happens.", "Stimulation", 1),
    ("What others expect of me is none of my concern.", "Conformity", -1),
)


def question(text: str, *dimensions: str) -> Item:
    return Item(kind="question", system="schwartz", text=text, dimensions=dimensions)


def tradeoff(text: str, first: str, second: str) -> Item:
    sides: Any = [
        {"dimension": first, "text": f"Do what serves the first of two ends in case {text[:12]}"},
        {"dimension": second, "text": f"Do what serves the other of two ends in case {text[:12]}"},
    ]
    return Item(
        kind="tradeoff", system="schwartz", text=text, dimensions=(first, second), sides=sides
    )


def likert(text: str, dimension: str, keying: Any, scale: tuple[int, int] = (1, 6)) -> Item:
    return Item(
        kind="likert",
        system="schwartz",
        text=text,
        dimensions=(dimension,),
        keying=keying,
        scale=scale,
    )


def small_items() -> list[Item]:
    """Twelve items: 6 questions, 3 trade-offs (each asked twice), 3 ratings: 15 requests."""
    return [
        *(question(*q) for q in QUESTIONS),
        *(tradeoff(*t) for t in TRADEOFFS),
        *(likert(*s) for s in LIKERT),
    ]


def write_items(folder: Path, items: list[Item] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "items.jsonl"
    rows = [{k: v for k, v in i.row().items() if k != "id"} for i in items or small_items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def measure(workspace: Path, items: Path, **settings: Any) -> Measurement:
    """Run one plan in this process with little patience."""
    settings = {"models": [MODEL], "judge": JUDGE, "form": "tiny", "patience": HASTY} | settings
    (found,) = run(workspace=workspace, items=items, **settings)
    return found


@dataclass
class Said:
    code: int
    out: str
    err: str


class Command:
    """The command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd

    def __call__(self, *arguments: object) -> Said:
        self._monkeypatch.setattr("sys.argv", ["valuecompass", *map(str, arguments)])
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = self._capfd.readouterr()
        return Said(int(stop.value.code or 0), out, err)


def rows(workspace: Path, query: str) -> list[Any]:
    """Ask the workspace's database without touching it; packed texts are unpacked."""
    connection = sqlite3.connect(f"file:{workspace / DATABASE}?mode=ro", uri=True, timeout=5)
    try:
        found = connection.execute(query).fetchall()
        return [tuple(_plain(value) for value in row) for row in found]
    finally:
        connection.close()


def _plain(value: Any) -> Any:
    return unpack(value) if isinstance(value, bytes) and value[:1] == FORMAT else value


def count(workspace: Path, where: str) -> int:
    return rows(workspace, f"select count(*) from {where}")[0][0]


def missing(measurement: Measurement) -> int:
    return sum(s.missing for row in measurement.rows for s in row.dimensions.values())


def comparable(measurement: Measurement) -> list[dict[str, Any]]:
    return [row.json() for row in measurement.rows]


def judging(body: dict[str, Any], index: int = 0) -> str:
    """Answer like the mock provider, and as a judge with a verdict for every part and dimension."""
    prompt = last_user_text(body)
    schema = schema_of(body) or {}
    key = digest([body["model"], body["messages"]])
    if "parts" not in schema.get("properties", {}):
        return pick(("Yes", "No"), key) if "Yes or No" in prompt else answer(body, index)
    part = schema["properties"]["parts"]["items"]["properties"]
    names = part["verdicts"]["items"]["properties"]["dimension"]["enum"]
    first = next(m["content"] for m in body["messages"] if m["role"] == "user")
    parts = len(re.findall(r"(?m)^<<< \w+ part \d+$", str(first)))
    return json.dumps(
        {
            "parts": [
                {
                    "part": n,
                    "verdicts": [
                        {
                            "dimension": name,
                            "expressed": pick(range(11), key, n, name) / 10,
                            "stance": pick(("supports", "opposes", "neither"), key, n, name, "s"),
                            "confidence": 0.5,
                            "evidence": "",
                        }
                        for name in names
                    ],
                }
                for n in range(1, parts + 1)
            ]
        }
    )


def once_each(mock: MockProvider) -> bool:
    """Say whether no request got a whole answer twice."""
    return set(mock.stats()["completed_by_body"].values()) <= {1}
