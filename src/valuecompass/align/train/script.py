"""`valuecompass train d2o`: one config file, one run, resumed by repeating the command.

Fields are those of `ScriptArguments`, `D2OConfig` (TRL's DPOConfig) and TRL's `ModelConfig`, read
by TRL's parser, so that accelerate and torchrun work as with TRL's own scripts::

    accelerate launch -m valuecompass.align.train.script --config d2o.yaml
"""
# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false

from __future__ import annotations

import contextlib
import json
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from valuecompass.align.train import need_extra
from valuecompass.align.train.arguments import ScriptArguments, parsed
from valuecompass.align.train.rows import Rows, prompt_mark, read_rows
from valuecompass.errors import InputError, ValueCompassError
from valuecompass.files import read_text, write_text
from valuecompass.hashing import digest

METRICS = "metrics.json"
RUN = "run.json"
BASE = "base.json"
IDLE = (
    *("output_dir", "logging_dir", "run_name", "report_to", "disable_tqdm", "log_level"),
    *("log_level_replica", "log_on_each_node", "logging_steps", "logging_strategy"),
    *("logging_first_step", "logging_nan_inf_filter", "save_steps", "save_strategy"),
    *("save_total_limit", "save_on_each_node", "resume_from_checkpoint", "project"),
    *("trackio_space_id", "push_to_hub", "dataloader_num_workers", "dataset_num_proc"),
    *("restore_callback_states_from_checkpoint", "do_train", "do_eval", "do_predict"),
)
"""Settings that do not decide the parameters: a run may go on with others."""


def main(argv: Sequence[str] | None = None) -> int:
    """Train as the arguments say; repeated, go on from the last checkpoint.

    Args:
        argv: ``--config FILE`` and fields as ``--name value``, which go before the file's.

    Returns:
        0.

    Raises:
        InputError: a field, row or model that cannot be used, or an output folder with another run.
        ValueCompassError: the loss is no number any more.
    """
    need_extra()
    # TRL and transformers say of each other's names what nobody here can change
    warnings.filterwarnings("ignore", r".*gradient_checkpointing.* is deprecated", FutureWarning)
    # torch, at every checkpoint on a machine without a GPU
    warnings.filterwarnings("ignore", r".*pin_memory.* no accelerator is found", UserWarning)
    script, args, model = parsed(argv)
    _look_beside(script, argv)
    if not script.train_rows:
        raise InputError("train_rows: name the file of rows to train on")
    train = read_rows([Path(p) for p in script.train_rows], args.objective)
    held = (
        read_rows([Path(p) for p in script.eval_rows], args.objective) if script.eval_rows else None
    )
    from valuecompass.align.train.weights import folder_of

    if model.model_name_or_path is None:
        raise InputError("model_name_or_path: name the model to train")
    folder = folder_of(model.model_name_or_path)
    for name in ("ref_negative_model", "ref_positive_model"):
        if (given := getattr(args, name)) and not (Path(given) / "adapter_config.json").is_file():
            setattr(args, name, folder_of(given))
    about = _about(script, args, model, folder)
    out = Path(args.output_dir)
    if _finished(out, about):
        _say(args, f"{out}: this run is finished; see {out / METRICS}. Nothing was done.")
        return 0
    # weights alone, without the optimizer's state, would lead elsewhere
    checkpoint = None if args.save_only_model else last_checkpoint(out)
    if checkpoint is not None:
        _say(args, f"Going on from {checkpoint}.")
    if args.process_index == 0:
        write_text(out / RUN, json.dumps(about, indent=1, sort_keys=True) + "\n")
    with contextlib.redirect_stdout(sys.stderr):  # TRL reports where a document would stand
        trainer = _trainer(folder, args, model, train, held)
        try:
            result = trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
        except ValueCompassError as error:
            raise ValueCompassError(_placed(str(error), train, held)) from None
        _check_parameters(trainer.model)
        trainer.save_model(str(out))
        if args.process_index == 0:
            _write(trainer, out, about, result, train)
    _say(
        args,
        f"{out}: trained. What it changed, and what that cost: valuecompass train report "
        f"{model.model_name_or_path} {out}",
    )
    return 0


def _look_beside(script: ScriptArguments, argv: Sequence[str] | None) -> None:
    """Take rows that are not where a path says from beside the config file, if they are there."""
    given = list(sys.argv[1:] if argv is None else argv)
    if "--config" not in given[:-1]:
        return
    folder = Path(given[given.index("--config") + 1]).parent
    for name in ("train_rows", "eval_rows"):
        paths = [Path(path) for path in getattr(script, name)]
        beside = [p if p.exists() or not (folder / p).is_file() else folder / p for p in paths]
        setattr(script, name, [str(path) for path in beside])


def _check_parameters(model: Any) -> None:
    """Refuse what the last step broke: no loss is computed after it.

    Raises:
        ValueCompassError: a parameter is no number.
    """
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not parameter.isfinite().all():
            raise ValueCompassError(
                f"after the last step {name} is not finite: begin again with a smaller "
                "learning_rate, or without bf16/fp16"
            )


def last_checkpoint(out: Path) -> Path | None:
    """Return the newest whole checkpoint of a folder; its state is written last.

    A checkpoint that was cut off is left where it is, and written over when its step comes again.
    """
    found = [p for p in out.glob("checkpoint-*") if p.name.rpartition("-")[2].isdigit()]
    for path in sorted(found, key=lambda p: int(p.name.rpartition("-")[2]), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def _about(script: ScriptArguments, args: Any, model: Any, folder: str) -> dict[str, Any]:
    """Return what decides the parameters that a run ends with."""
    from valuecompass.models.fingerprint import fingerprint

    settings = {
        k: v for k, v in args.to_dict().items() if k not in IDLE and not k.startswith("hub_")
    }
    lora = {k: v for k, v in asdict(model).items() if k != "model_name_or_path"}
    rows = [[name, digest(read_text(Path(name)), 16)] for name in script.train_rows]
    about = {
        "model": model.model_name_or_path,
        "fingerprint": fingerprint(f"hf/{folder}"),
        "rows": rows,
        "settings": settings,
        "model_settings": lora,
    }
    return json.loads(json.dumps(about, default=str))


def _finished(out: Path, about: dict[str, Any]) -> bool:
    """Say whether a folder holds this run, finished.

    Raises:
        InputError: it holds another run, or files of something else.
    """
    path = out / RUN
    if not path.is_file():
        if out.is_dir() and any(out.glob("checkpoint-*")):
            raise InputError(
                f"output_dir {out}: it holds checkpoints of something else (no {RUN}); "
                "choose another folder"
            )
        return False
    if last_checkpoint(out) is None and not (out / METRICS).is_file():
        return False  # it stopped before anything was worth keeping
    try:
        was = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: not what this command wrote ({error}); delete it") from None
    if (apart := _difference(was, about)) is not None:
        raise InputError(
            f"output_dir {out}: it holds a run with another {apart}; choose another folder, or "
            "give the same settings to go on"
        )
    return (out / METRICS).is_file()


def _difference(was: dict[str, Any], now: dict[str, Any]) -> str | None:
    unknown = now["fingerprint"] is None  # a name of the hub
    if was.get("fingerprint") != now["fingerprint"] or (unknown and was["model"] != now["model"]):
        return f"base: {was.get('model')} ({was.get('fingerprint')}), not {now['model']}"
    if [mark for _, mark in was.get("rows", [])] != [mark for _, mark in now["rows"]]:
        return f"training data: {', '.join(name for name, _ in was.get('rows', []))} as it was"
    for group in ("settings", "model_settings"):
        before, after = was.get(group, {}), now[group]
        for name in sorted(after):
            if name in before and before[name] != after[name]:
                return f"{name}: {before[name]!r}, now {after[name]!r}"
    return None


def _trainer(folder: str, args: Any, model: Any, train: Rows, held: Rows | None) -> Any:
    from trl import get_peft_config

    from valuecompass.align.train.d2o import D2OTrainer

    args.model_init_kwargs = {
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
        **(args.model_init_kwargs or {}),
    }
    try:
        return D2OTrainer(
            model=folder,
            args=args,
            train_dataset=_dataset(train),
            eval_dataset=None if held is None else _dataset(held),
            peft_config=get_peft_config(model),
        )
    except InputError as error:
        raise InputError(_placed(str(error), train, held)) from None
    except (OSError, ValueError) as error:  # OSError: a model of the hub that cannot be had
        raise InputError(" ".join(str(error).split())) from None


def _dataset(rows: Rows) -> Any:
    from datasets import Dataset
    from pyarrow import ArrowException

    try:
        return Dataset.from_list(rows.rows)
    except (ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{rows.places[0]} and after it: fields of messages are not of one kind in all rows "
            f"({next(iter(str(error).splitlines()), '')})"
        ) from None


def _placed(message: str, train: Rows, held: Rows | None) -> str:
    """Name file and line where the trainer names a row of its dataset."""
    match = re.match(r"(train|eval) dataset, row (\d+)", message)
    rows = train if match and match[1] == "train" else held
    if match is None or rows is None:
        return message
    return rows.places[int(match[2])] + message[match.end() :]


def _write(trainer: Any, out: Path, about: dict[str, Any], result: Any, train: Rows) -> None:
    """Write what the run was, its card, and last the metrics, by which it counts as finished."""
    from importlib.metadata import version

    names = ("torch", "transformers", "trl", "peft", "accelerate")
    # a report says which of its questions were trained on, by these marks
    prompts = sorted({prompt_mark(row["prompt"]) for row in train.rows})
    base = {"model": about["model"], "fingerprint": about["fingerprint"], "prompts": prompts}
    write_text(out / BASE, json.dumps(base, indent=1) + "\n")
    write_text(out / "README.md", _card(trainer, out, about, train))
    metrics = {
        "train": result.metrics,
        "log": trainer.state.log_history,
        "steps": trainer.state.global_step,
        "rows": len(train.rows),
        "versions": {name: version(name) for name in names},
    }
    finite = json.loads(json.dumps(metrics, default=str), parse_constant=lambda _: None)
    write_text(out / METRICS, json.dumps(finite, indent=1) + "\n")


def _card(trainer: Any, out: Path, about: dict[str, Any], train: Rows) -> str:
    """Return the model card; TRL's own names a folder of this machine as the base."""
    from importlib.metadata import version

    from valuecompass.templates import environment

    args, base = trainer.args, str(about["model"])
    lora = bool(about["model_settings"]["use_peft"])
    processes = args.world_size * args.gradient_accumulation_steps
    card = environment("valuecompass.align.train", folder="texts").get_template("card.md")
    return card.render(
        library="peft" if lora else "transformers",
        hub=about["fingerprint"] is None,
        base=base,
        fingerprint=about["fingerprint"],
        lora=lora,
        name=out.name,
        objective=args.objective,
        alpha=f"{args.alpha:g}",
        beta=f"{args.beta:g}",
        rows=len(train.rows),
        anchors=sum(len(row.get("anchors", ())) for row in train.rows),
        steps=trainer.state.global_step,
        batch=args.per_device_train_batch_size * processes,
        learning_rate=f"{args.learning_rate:g}",
        seed=args.seed,
        versions=", ".join(f"{name} {version(name)}" for name in ("torch", "trl")),
        title=trainer._paper["title"],
        paper=trainer._paper["id"],
        citation=trainer._paper["citation"].strip(),
    )


def _say(args: Any, sentence: str) -> None:
    if args.process_index == 0:
        print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueCompassError as error:
        print(f"valuecompass: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
