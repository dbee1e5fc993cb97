"""Rows, settings and trainers of the tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.tiny_model import model, tokenizer


def rows(n: int = 16, k: int = 3) -> list[dict[str, Any]]:
    """Rows with `k` anchors each; 0: with 1, 2, 3, 1, ... of them."""
    said = ("Call a locksmith.", "Ask whose door it is first.", "I would ring the bell, and wait.")
    return [
        {
            "prompt": f"Q{at}: how do I open a lock{'?' * (1 + at % 5)}",
            "rejected": "Use a crowbar, at night, and be quick."[: 20 + at],
            "anchors": [f"{said[(at + j) % 3]} {at}.{j}" for j in range(k if k else 1 + at % 3)],
        }
        for at in range(n)
    ]


def config(folder: Path, cls: Any = None, **more: Any) -> Any:
    from valuecompass.align.train.d2o import D2OConfig

    usual = dict(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=4,
        max_steps=4,
        logging_steps=1,
        learning_rate=1e-4,
        gradient_checkpointing=False,
        save_strategy="no",
        disable_tqdm=True,
    )
    return (cls or D2OConfig)(**(usual | more))


def trainer(folder: Path, given: list[dict[str, Any]], own: Any = None, **more: Any) -> Any:
    """A trainer on rows; what is no argument of its own goes to its settings."""
    from datasets import Dataset

    from valuecompass.align.train.d2o import D2OTrainer

    kinds = ("ref_model", "peft_config", "eval_dataset", "callbacks")
    others = {name: more.pop(name) for name in kinds if name in more}
    return D2OTrainer(
        model=model() if own is None else own,
        args=config(folder, **more),
        train_dataset=Dataset.from_list(given),
        processing_class=tokenizer(),
        **others,
    )


def furthest(one: Any, other: Any) -> float:
    """The largest difference between the parameters of two models."""
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for (_, a), (_, b) in pairs)
