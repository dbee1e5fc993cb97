"""Tasks for lm-evaluation-harness and its samples: repeats, chat prompts, files without samples."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from tests.measure.helpers import rows
from tests.measure.test_lm_eval import ITEMS, SCHWARTZ, brought_in, copied, requests
from valuecompass.errors import InputError
from valuecompass.items import form_of_items
from valuecompass.measure.lm_eval import read_samples, write_tasks
from valuecompass.measure.log_import import import_logs
from valuecompass.measure.run import Settings


def test_each_item_is_asked_once_whatever_the_form_says(tmp_path: Path) -> None:
    form = form_of_items(ITEMS, SCHWARTZ, "schwartz/items.jsonl", "tiny")
    often = {k: how.model_copy(update={"repeats": 3}) for k, how in form.asking.items()}
    write_tasks(SCHWARTZ, form.model_copy(update={"asking": often}), ITEMS, tmp_path / "tasks")
    kept = [
        json.loads(line["valuecompass"])
        for path in (tmp_path / "tasks").glob("*.jsonl")
        for line in requests(path)
    ]
    assert len(kept) == 1 + 2 * 2 + 2
    assert all(k["repeat"] == 0 and k["asking"]["repeats"] == 1 for k in kept)


def test_the_messages_of_a_chat_model_are_kept_as_texts(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (path,) = folder.glob("samples_*question*")
    sample = json.loads(path.read_text())
    # as lm-eval writes a chat prompt for an API model: a tuple of one field becomes a list
    sample["arguments"]["gen_args_0"]["arg_0"] = [
        json.dumps(
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
        )
    ]
    path.write_text(json.dumps(sample) + "\n")
    brought_in([path], tmp_path / "ws")
    ((request,),) = rows(tmp_path / "ws", "select request from responses")
    assert json.loads(request)["messages"] == [{"role": "user", "content": "Be brief.\n\nWhy?"}]


def test_files_that_hold_nothing_to_import_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "samples_x.jsonl"
    empty.write_text("\n")
    with pytest.raises(InputError, match="no samples; run lm_eval again with --log_samples"):
        read_samples([empty])
    with pytest.raises(InputError, match=r"this is a folder; give the files in it"):
        anyio.run(import_logs, [tmp_path], Settings(workspace=tmp_path / "ws"))
