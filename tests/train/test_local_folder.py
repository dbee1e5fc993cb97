"""A local transformers folder is a respondent; needs torch (make test-train)."""

from pathlib import Path

import anyio
import pytest

from valuecompass.measure.run import Listener, Settings, run_async
from valuecompass.models import parse_respondent

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama with a byte-level tokenizer, made in code."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {c: i for i, c in enumerate(["<pad>", "<end>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>")
    fast.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=2_048,
        pad_token_id=0,
        eos_token_id=1,
    )
    path = tmp_path_factory.mktemp("model")
    LlamaForCausalLM(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


def test_a_folder_is_measured(folder: Path, tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text(
        '{"kind":"stem","system":"llm-unique","text":"Above all, I","dimensions":["Ethical"]}\n'
    )
    settings = Settings(
        models=[str(folder)],
        systems=["llm-unique"],
        form="tiny",
        items=items,
        workspace=tmp_path / "w",
    )
    (measurement,) = anyio.run(run_async, settings, Listener())
    (row,) = measurement.rows
    assert row.respondent == str(folder) and not row.simulated
    score = row.dimensions["Ethical"]
    assert score.n + score.missing + score.refused == 1


def test_a_folder_is_named_by_its_path(folder: Path) -> None:
    assert parse_respondent(str(folder)).model == f"hf/{folder}"
