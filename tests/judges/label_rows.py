"""Rows to be labelled, and labels of them, for the tests of labels by people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from valuecompass.judges.labels.labelling import Label, Task, resume

ANSWER = "Stance: yes\n1. Children could cross the street.\n2. Fewer accidents."
ROWS: list[dict[str, Any]] = [
    {
        "system": "schwartz",
        "item": f"Should the town ban cars from street {n}?",
        "response": ANSWER,
        "dimension": name,
    }
    for n in range(4)
    for name in ("Security", "Power")
]
OPENING: dict[str, Any] = {
    "system": "moral-foundations",
    "item": "Tom saw the old man fall and",
    "response": "helped him up.",
    "dimension": "Care/Harm",
    "principle": "It is good to help those who are hurt.",
}
STEM: dict[str, Any] = {
    "system": "llm-unique",
    "item": "When I write a report, I",
    "response": "keep to the facts.",
    "dimension": "Professional",
}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def labelled(task: Task, path: Path, annotator: str, labels: dict[int, Label]) -> Path:
    """Label units by their place in the task."""
    file = resume(path, task, annotator, Path("task.jsonl"))
    for place, label in labels.items():
        file.put(task.units[place], label)
    return path


YES, NO, AGAINST = Label(1, 1), Label(0, 0), Label(0, -1)
SOME = {0: YES, 1: NO, 2: YES, 3: AGAINST}
