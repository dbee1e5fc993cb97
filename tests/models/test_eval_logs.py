"""Conversations out of logs that Inspect itself wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelConfig

from valuecompass.errors import InputError
from valuecompass.items.transcripts import Message
from valuecompass.models.eval_logs import read_log

ANSWERS = {"Why?": "Because it is fair.", "How?": "With care."}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a task that has nothing to do with us, two samples in two epochs."""
    folder = tmp_path_factory.mktemp("inspect")
    answers = folder / "answers.jsonl"
    rows = [{"item": item, "response": said} for item, said in ANSWERS.items()]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Task(dataset=[Sample(input=item) for item in ANSWERS], name="not_ours")
    (done,) = inspect_eval(
        task, model=f"recorded/{answers}", log_dir=str(folder), display="none", epochs=2
    )
    assert done.status == "success"
    return Path(done.location)


def test_a_sample_is_a_conversation(log: Path) -> None:
    found = list(read_log(log))
    assert len(found) == 4 and {c.respondent for c in found} == {read_eval_log(log).eval.model}
    said = {c.messages for c in found}
    assert said == {(Message("user", q), Message("assistant", a)) for q, a in ANSWERS.items()}
    assert len({c.source for c in found}) == 4
    assert {c.path for c in found} == {log}
    # the epochs of a sample are one item, whatever was said in them
    assert len({c.prompt_digest for c in found}) == 2
    other = replace(found[0], messages=(Message("user", "Else?"), Message("assistant", "No.")))
    assert other.prompt_digest == found[0].prompt_digest
    assert replace(other, sample=None).prompt_digest != found[0].prompt_digest
    assert other.beginning == found[0].messages[0].text


def test_an_audit_is_of_its_target(log: Path, tmp_path: Path) -> None:
    document = read_eval_log(log)
    document.eval.model_roles = {
        "auditor": ModelConfig(model="openai/auditor"),
        "target": ModelConfig(model="openai/target"),
    }
    for name in ("audit.eval", "audit.json"):
        write_eval_log(document, tmp_path / name)
        assert {c.respondent for c in read_log(tmp_path / name)} == {"openai/target"}


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no log", lambda b: b""])
def test_what_is_no_log_is_told(log: Path, tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "damaged.eval"
    path.write_bytes(damage(log.read_bytes()))
    with pytest.raises(InputError, match=r"damaged\.eval: not readable as an Inspect log"):
        list(read_log(path))
