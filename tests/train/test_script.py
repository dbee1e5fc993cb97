"""`train d2o`: from a config file to a trained folder, resumed when killed; needs torch."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.tiny_model import tiny

pytestmark = pytest.mark.train

STEPS = 6


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base") / "model")


def rows(path: Path, chat: bool = False) -> Path:
    """Ten rows of our own wording, with one to three anchors each."""
    made: list[dict[str, Any]] = []
    for at in range(10):
        texts = [f"Ask the owner of door {at}.", "Wait for the keeper.", "Leave it shut."]
        row: dict[str, Any] = {
            "prompt": f"How do I open door {at}?",
            "rejected": "Kick it in at night.",
            "anchors": texts[: 1 + at % 3],
        }
        if chat:
            row["prompt"] = [{"role": "user", "content": row["prompt"]}]
            row["rejected"] = [{"role": "assistant", "content": row["rejected"]}]
            row["anchors"] = [[{"role": "assistant", "content": t}] for t in row["anchors"]]
        made.append(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


def config(folder: Path, base: Path, out: Path, **more: Any) -> Path:
    given: dict[str, Any] = {
        "train_rows": str(rows(folder / "rows.jsonl")),
        "model_name_or_path": str(base),
        "output_dir": str(out),
        "max_steps": STEPS,
        "per_device_train_batch_size": 2,
        "learning_rate": "1e-3",
        "save_steps": 1,
        "save_strategy": "steps",
        "logging_steps": 1,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    path = folder / f"{out.name}.yaml"
    path.write_text(yaml.safe_dump(given | more), encoding="utf-8")
    return path


def started(path: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "valuecompass", "train", "d2o", str(path)]
    pipes: dict[str, Any] = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def run(path: Path) -> str:
    process = started(path)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def parameters(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = folder.glob("*model.safetensors")
    return load_file(file)


@pytest.mark.parametrize("lora", [False, True])
def test_a_killed_run_ends_with_the_same_parameters(base: Path, tmp_path: Path, lora: bool) -> None:
    more = {"use_peft": lora, "lora_r": 4, "lora_dropout": 0.1}
    run(config(tmp_path, base, tmp_path / "whole", **more))
    path = config(tmp_path, base, tmp_path / "killed", **more)
    process = started(path)
    deadline = time.monotonic() + 200
    while not (tmp_path / "killed" / "checkpoint-2" / "trainer_state.json").is_file():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    # as one that was cut off while it was written
    (tmp_path / "killed" / "checkpoint-99").mkdir()
    assert "Going on from" in run(path)
    whole, killed = parameters(tmp_path / "whole"), parameters(tmp_path / "killed")
    assert whole.keys() == killed.keys() and len(whole) > 4
    assert all(whole[name].equal(killed[name]) for name in whole)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").glob("*model.safetensors")}
    assert "this run is finished" in run(path)
    assert all(p.stat().st_mtime_ns == was for p, was in before.items())
    metrics = json.loads((tmp_path / "killed" / "metrics.json").read_text())
    assert metrics["steps"] == STEPS and metrics["rows"] == 10
    assert len(json.loads((tmp_path / "killed" / "base.json").read_text())["prompts"]) == 10
    card = (tmp_path / "killed" / "README.md").read_text()
    assert "2403.03419" in card and "d2o, alpha 0.1" in card and str(base) in card
    assert ("A LoRA adapter of" in card) == lora


def main(path: Path, *more: str) -> int:
    from valuecompass.align.train.script import main as trained

    return trained(["--config", str(path), *more])


def test_a_folder_with_another_run_is_refused(base: Path, tmp_path: Path) -> None:
    from valuecompass.errors import InputError

    path = config(tmp_path, base, tmp_path / "out", max_steps=1)
    assert main(path) == 0
    with pytest.raises(InputError, match=r"another alpha: 0.1, now 0.5; choose another folder"):
        main(path, "--alpha", "0.5")
    other = tiny(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="another base"):
        main(path, "--model_name_or_path", str(other))
    rows(tmp_path / "rows.jsonl", chat=True)
    with pytest.raises(InputError, match="another training data"):
        main(path)
    foreign = tmp_path / "foreign"
    (foreign / "checkpoint-3").mkdir(parents=True)
    with pytest.raises(InputError, match="checkpoints of something else"):
        main(path, "--output_dir", str(foreign))


def test_a_run_that_left_nothing_can_begin_again_otherwise(base: Path, tmp_path: Path) -> None:
    from valuecompass.errors import InputError, ValueCompassError

    path = config(tmp_path, base, tmp_path / "out", max_steps=1, save_strategy="no")
    with pytest.raises(InputError, match="line 1: prompt has"):
        main(path, "--max_length", "10")
    with pytest.raises(ValueCompassError, match=r"rows.jsonl, line \d+ and 1 more of a batch of 2"):
        main(path, "--max_steps", "9", "--learning_rate", "1e38")
    with pytest.raises(ValueCompassError, match=r"after the last step .* not finite"):
        main(path, "--learning_rate", "1e39", "--lr_scheduler_type", "constant")
    assert main(path) == 0


def test_weights_alone_are_not_gone_on_from(base: Path, tmp_path: Path) -> None:
    """Without the optimizer's state the end would be another."""
    ends: list[dict[str, Any]] = []
    for name in ("whole", "again"):
        path = config(tmp_path, base, tmp_path / name, max_steps=3, save_only_model=True)
        assert main(path) == 0
        if name == "again":  # as if it had been killed after step 2
            (tmp_path / name / "metrics.json").unlink()
            shutil.rmtree(tmp_path / name / "checkpoint-3")
            assert main(path) == 0
        ends.append(parameters(tmp_path / name))
    assert all(ends[0][name].equal(ends[1][name]) for name in ends[0])


def test_rows_are_found_beside_their_config(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path, base, tmp_path / "out", max_steps=1, train_rows="rows.jsonl")
    (tmp_path / "else where").mkdir()
    monkeypatch.chdir(tmp_path / "else where")
    assert main(path) == 0


def test_chats_and_an_evaluation(base: Path, tmp_path: Path) -> None:
    path = config(
        tmp_path, base, tmp_path / "out", max_steps=2, eval_strategy="steps", eval_steps=1
    )
    held = rows(tmp_path / "held.jsonl", chat=True)
    rows(tmp_path / "rows.jsonl", chat=True)
    assert main(path, "--eval_rows", str(held)) == 0
    log = json.loads((tmp_path / "out" / "metrics.json").read_text())["log"]
    assert sum("eval_loss" in row for row in log) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"betta": 1},
            r"out.yaml: unknown field betta; valuecompass train d2o --fields names them",
        ),
        ({"loss_type": "hinge"}, r"out.yaml: loss_type=.* means nothing to D2OTrainer"),
        ({"objective": "best"}, r"out.yaml: objective=.best.: give one of d2o"),
        ({"max_length": 10}, r"rows.jsonl, line 1: prompt has \d+ tokens"),
        ({"max_length": [10]}, r"out.yaml: max_length: \[10\] is no value of this field"),
        ({"max_steps": 1.5}, "out.yaml: max_steps: 1.5 is no value of"),
        ({"max_steps": "many"}, "out.yaml: .*max_steps.* invalid int value: 'many'"),
        ({"alpha": [0.1]}, r"out.yaml: alpha: \[0.1\] is no value"),
        ({"lora_target_modules": 5}, "lora_target_modules: 5: give a text or a list"),
        ({"learning_rate": -1}, "out.yaml: learning_rate: -1: give a number from 0 on"),
        ({"train_rows": {"file": "x"}}, "train_rows: .*give a text or a list"),
        ({"train_rows": []}, "train_rows: name the file"),
        ({"train_rows": "none.jsonl"}, "none.jsonl: cannot be read"),
        ({"model_name_or_path": None}, "model_name_or_path: name the model"),
        ({"model_name_or_path": "./no/such/folder"}, "no such model"),
        ({"model_name_or_path": "nobody/nothing"}, "(?s)couldn't|cannot|not a valid"),
        ({"ref_negative_model": "./no/such/folder"}, "./no/such/folder: no such model"),
    ],
)
def test_wrong_settings_are_told(
    base: Path, tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    from valuecompass.errors import InputError

    with pytest.raises(InputError, match=message):
        main(config(tmp_path, base, tmp_path / "out", **more))


def test_a_config_that_is_not_there_is_told(tmp_path: Path) -> None:
    from valuecompass.errors import InputError

    with pytest.raises(InputError, match=r"none.yaml: No such file or directory"):
        main(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match=r"list.yaml: .*must contain a YAML mapping"):
        main(tmp_path / "list.yaml")
