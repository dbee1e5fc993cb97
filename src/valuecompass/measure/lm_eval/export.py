"""Our items as tasks of lm-evaluation-harness: a YAML file and a JSONL file for each kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from valuecompass.errors import InputError
from valuecompass.files import write_text
from valuecompass.items import Form, Item, Kind
from valuecompass.measure.asking import (
    ASKED,
    READ_OFF,
    Question,
    messages_for,
    questions,
)
from valuecompass.measure.logprobs import check_by_logprobs, options_of
from valuecompass.stats import keyed_scale
from valuecompass.values import BUILTIN, ValueSystem

Json = dict[str, Any]
OURS = "valuecompass"
"""Begins the names of tasks; key of what the import needs in each request."""
VERSION = 1
"""Of the tasks: raise it when the same items are asked otherwise."""
MASS = "p(options)"
"""Metric of how probable all options of a request are together."""


def task_name(system: str, kind: str | None = None) -> str:
    """Return the name of a system's group of tasks, or of the task of one kind."""
    return "_".join(part for part in (OURS, system, kind) if part is not None)


def write_tasks(system: ValueSystem, form: Form, items: Sequence[Item], folder: Path) -> list[str]:
    """Write a form as tasks that lm-evaluation-harness 0.4 runs.

    Choices and ratings are of output type multiple_choice: log-probabilities of the options, as
    letters and numbers. Free text is generate_until. Prompts are those of a run, those of
    choices and ratings with "Answer:" at their end. Each item is asked once, whatever the form
    says: lm-evaluation-harness sends an API model every request with the same seed, so that a
    repeat would be the same request.

    Args:
        system: the value system.
        form: what is asked, and how.
        items: the form's.
        folder: made when absent; files of the same names are replaced.

    Returns:
        The names of the tasks; all but the first, their group, have requests.

    Raises:
        InputError: the folder cannot be written, or an item cannot be asked this way.
    """
    once = {kind: how.model_copy(update={"repeats": 1}) for kind, how in form.asking.items()}
    form = form.model_copy(update={"asking": once})
    for item in items:
        if item.kind not in ASKED or item.kind == "scenario" or item.media:
            raise InputError(
                f"item {item.id}: lm-eval cannot be given this {item.kind}; leave it out"
            )
        check_by_logprobs(item)
    kinds: list[Kind] = list(dict.fromkeys(item.kind for item in items))
    names = [task_name(system.id, kind) for kind in kinds]
    write_text(
        folder / "utils.py",
        (files("valuecompass.measure.lm_eval") / "utils.py").read_text(encoding="utf-8"),
    )
    group = task_name(system.id)
    head = {"group": group, "task": names, "metadata": {"version": VERSION}}
    write_text(folder / f"{group}.yaml", _yaml(head))
    for kind, name in zip(kinds, names, strict=True):
        rows = [
            _row(question, system, form, place)
            for place, item in enumerate(items)
            if item.kind == kind
            for question in questions(item, form.asking[kind])
        ]
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        write_text(folder / f"{name}.jsonl", "\n".join(lines) + "\n")
        write_text(folder / f"{name}.yaml", _yaml(_task(name, kind, form, rows)))
    return [group, *names]


def _row(question: Question, system: ValueSystem, form: Form, place: int) -> Json:
    item, asking = question.item, form.asking[question.item.kind]
    options = options_of(item)
    (prompt,) = messages_for(question, asking, cue=bool(options))
    kept = {
        "system": system.id if system.id in BUILTIN else system.model_dump(mode="json"),
        "form": form.name,
        "place": place,
        "asking": asking.model_dump(mode="json"),
        "item": item.row(),
        "presentation": question.presentation,
        "repeat": question.repeat,
    }
    row: Json = {"prompt": prompt.content}
    if options:
        row |= {"options": list(options), **_meaning(question, options)}
    # as one text: a data set has the same columns in all rows, an item has not
    return row | {OURS: json.dumps(kept, ensure_ascii=False)}


def _meaning(question: Question, options: Sequence[str]) -> Json:
    """Return the dimensions that a choice or rating bears on, and what each option means there."""
    item = question.item
    if item.sides is not None:
        sides = item.sides if question.presentation == 0 else item.sides[::-1]
        return {"dimensions": [s.dimension for s in sides], "values": [[1.0, 0.0], [0.0, 1.0]]}
    assert item.scale is not None
    ratings = [[float(option)] for option in options]
    keyed = keyed_scale(ratings, [item.keying or 1], *item.scale)
    return {"dimensions": [item.dimensions[0]], "values": [keyed[:, 0].tolist()]}


class _Function(str):
    """Name of a function in the file beside the tasks."""


def _task(name: str, kind: Kind, form: Form, rows: Sequence[Json]) -> Json:
    head = {
        "task": name,
        "custom_dataset": _Function("utils.load"),
        "dataset_kwargs": {"file": f"{name}.jsonl"},
        "test_split": "test",
        "doc_to_text": "prompt",
        "num_fewshot": 0,
    }
    if kind in READ_OFF:
        found = sorted({d for row in rows for d in row["dimensions"]})
        # one request of an item: its values are independent, and lm-eval's own error holds
        mean = _Function("utils.share") if kind == "tradeoff" else "mean"
        more: Json = {
            "output_type": "multiple_choice",
            "doc_to_choice": "options",
            "doc_to_target": 0,
            "target_delimiter": " ",
            "process_results": _Function("utils.expected"),
            "metric_list": [*(_metric(d, mean) for d in found), _metric(MASS, "mean")],
        }
    else:
        words = form.asking[kind].words
        more = {
            "output_type": "generate_until",
            "doc_to_target": "",
            "generation_kwargs": {
                "until": [],
                "do_sample": True,
                "temperature": 1.0,
                "max_gen_toks": 16 + int(1.5 * words),
            },
            "process_results": _Function("utils.answered"),
            "metric_list": [_metric("answered", "mean")],
        }
    return head | more | {"metadata": {"version": VERSION}}


def _metric(name: str, mean: str) -> Json:
    # to hold a value is neither better nor worse
    good = True if name in (MASS, "answered") else None
    return {"metric": name, "aggregation": mean, "higher_is_better": good}


def _yaml(body: Json, indent: str = "") -> str:
    """Return YAML: nested mappings and lists of them, scalars in JSON, functions with their tag."""
    lines: list[str] = []
    for key, value in body.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}:\n{_yaml(cast(Json, value), indent + '  ')}")
        elif isinstance(value, list) and value:
            entries = _entries(cast(list[Any], value), indent + "  ")
            lines.append(f"{indent}{key}:\n{entries}")
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}\n")
    return "".join(lines)


def _entries(values: list[Any], indent: str) -> str:
    lines: list[str] = []
    for value in values:
        if isinstance(value, dict):
            lines.append(f"{indent}- {_yaml(cast(Json, value), indent + '  ').lstrip()}")
        else:
            lines.append(f"{indent}- {_scalar(value)}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    if isinstance(value, _Function):
        return f"!function {value}"
    return json.dumps(value, ensure_ascii=False)
