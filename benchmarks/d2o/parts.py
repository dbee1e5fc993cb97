# pyright: basic, reportMissingImports=false
"""What the benchmarks of this folder share: words for tokens, settings, the record of results."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no library is to look for anything, or tell anyone
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"
PICTURES = HERE.parents[1] / "docs" / "img"


def tokenizer(words: list[str]) -> Any:
    """Return a tokenizer with one token a word; 0 pads, 1 ends, 2 is any word not given."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    all_ = ["<pad>", "</s>", "<unk>", *words]
    vocabulary = {word: at for at, word in enumerate(all_)}
    tokens = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="left",
    )


def settings(kind: Any, **given: Any) -> Any:
    """Return the settings of a trainer: quiet, in single precision, without checkpoints."""
    usual: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(),
        "report_to": "none",
        "logging_strategy": "no",
        "save_strategy": "no",
        "disable_tqdm": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
    }
    return kind(**{**usual, **given})


def one_thread() -> None:
    """Have torch and its libraries use one thread; they stay quiet about what they load."""
    import datasets
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()


def made_with() -> str:
    """Say which command, versions and processor this process has."""
    names = ("torch", "transformers", "trl", "accelerate")
    arguments = re.sub(r" ?--(json|keep) \S+", "", " ".join(sys.argv[1:]))  # folders of its owner
    module = Path(sys.argv[0]).stem
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return (
        f"`python -m benchmarks.d2o.{module}{' ' * bool(arguments)}{arguments}`; "
        f"{', '.join(f'{name} {version(name)}' for name in names)}, "
        f"Python {platform.python_version()}; {_processor()}, {os.cpu_count()} cores, one thread "
        f"used; load average at the end {load}"
    )


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def record(section: str, text: str) -> None:
    """Put the text in its section of results.md, in place of what stood there."""
    whole = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    begin, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->\n"
    if begin in whole:
        head, rest = whole.split(begin)
        whole = head + begin + text.strip() + "\n" + end + rest.split(end)[1]
    else:
        whole += f"\n{begin}{text.strip()}\n{end}"
    RESULTS.write_text(whole)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown; all columns but the first to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
