"""What a model is loaded from: folders as they are, GGUF files turned into one, once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.train.test_anchors import save_tiny
from valuecompass.align.train import weights
from valuecompass.align.train.weights import folder_of
from valuecompass.assets import fetch
from valuecompass.errors import InputError

pytestmark = pytest.mark.train
NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers as a GGUF file, written with the library of the format."""
    import gguf
    import numpy as np

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    width, heads, layers, inner = 64, 4, 2, 128
    words = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256))]
    writer.add_name("tiny")
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words)
    writer.add_token_scores([0.0] * len(words))
    writer.add_token_types([2, 3, 3, *([6] * 256)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    draws = np.random.default_rng(0)
    shapes = {"token_embd": (len(words), width), "output": (len(words), width)}
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{name}"] = (width, width)
        for name in ("ffn_gate", "ffn_up"):
            shapes[f"blk.{layer}.{name}"] = (inner, width)
        shapes[f"blk.{layer}.ffn_down"] = (width, inner)
        for name in ("attn_norm", "ffn_norm"):
            shapes[f"blk.{layer}.{name}"] = (width,)
    shapes["output_norm"] = (width,)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", draws.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VALUECOMPASS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_folders_and_ids_stay_as_they_are(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    assert folder_of(folder) == folder_of(f"hf/{folder}") == folder
    assert folder_of("somebody/some-model") == "somebody/some-model"
    assert folder_of("hf/somebody/some-model") == "somebody/some-model"


def test_a_file_becomes_a_folder_once(
    gguf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = folder_of(str(gguf))
    assert Path(folder).parent == cache / "transformers"
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert str(model.dtype) == "torch.float32" and model.config.num_hidden_layers == 2
    assert AutoTokenizer.from_pretrained(folder)("hello")["input_ids"]
    assert not hasattr(model.config, "quantization_config")
    monkeypatch.setattr(weights, "_convert", None)  # not called again
    assert folder_of(f"embedded/{gguf}") == folder
    assert sorted(p.name for p in (cache / "transformers").iterdir()) == [
        Path(folder).name,
        f"{Path(folder).name}.lock",
    ]


def test_numbers_are_those_of_the_file(gguf: Path, cache: Path) -> None:
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM

    found = {t.name: torch.tensor(t.data) for t in GGUFReader(gguf).tensors}
    whole = AutoModelForCausalLM.from_pretrained(folder_of(str(gguf)))
    assert torch.equal(whole.lm_head.weight, found["output.weight"])
    half = AutoModelForCausalLM.from_pretrained(folder_of(str(gguf), dtype="bfloat16"))
    assert torch.equal(half.lm_head.weight, found["output.weight"].bfloat16())


def test_another_file_is_another_folder_whatever_its_name(
    gguf: Path, cache: Path, tmp_path: Path
) -> None:
    first = folder_of(str(gguf))
    moved = tmp_path / "moved.bin"
    shutil.copy(gguf, moved)
    assert folder_of(str(moved)) == first
    changed = bytearray(gguf.read_bytes())
    changed[-1] ^= 1
    moved.write_bytes(changed)
    assert folder_of(str(moved)) != first


def test_a_conversion_that_stops_leaves_nothing(
    gguf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = weights._convert  # pyright: ignore[reportPrivateUsage]

    def cut(file: Path, folder: Path, dtype: weights.Precision) -> None:
        plain(file, folder, dtype)
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "_convert", cut)
    with pytest.raises(KeyboardInterrupt):
        folder_of(str(gguf))
    assert not [p for p in (cache / "transformers").iterdir() if p.is_dir()]
    monkeypatch.setattr(weights, "_convert", plain)
    assert Path(folder_of(str(gguf)), "config.json").is_file()


def test_what_is_no_model_is_an_error(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00")
    (tmp_path / "empty").mkdir()
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "a/b"}))
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/cache/1f"}))
    (ours / "base.json").write_text(json.dumps({"model": "embedded/small"}))
    for model, said in (
        (ours, "name the base it is for: embedded/small"),
        (tmp_path / "text.gguf", "no model: it does not begin as a GGUF file does"),
        (tmp_path / "cut.gguf", "transformers cannot read this model"),
        (tmp_path / "empty", "the folder holds no config.json"),
        (adapter, "an adapter, not a whole model; name the base it is for: a/b"),
        (tmp_path / "absent", "no such model: give a folder"),
        ("absent.gguf", "no such model: give a folder"),
        ("embedded/absent", "embedded/absent: no such model; known: embedded/smollm2"),
        ("embedded/all-minilm-l6-v2", "no such model; known: embedded/smollm2"),
    ):
        with pytest.raises(InputError) as stop:
            folder_of(str(model))
        assert said in str(stop.value)


def test_the_embedded_model_says_what_its_file_says() -> None:
    """Its folder answers as transformers does that reads the file itself."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = folder_of(f"embedded/{NAME}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    own = AutoModelForCausalLM.from_pretrained(folder)
    file = str(fetch(NAME))
    plain = AutoModelForCausalLM.from_pretrained(file, gguf_file="model.gguf", dtype=torch.float32)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        assert torch.equal(own(**ids).logits, plain(**ids).logits)
        said = own.generate(**ids, max_new_tokens=12, do_sample=False)
    text = tokenizer.decode(said[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert "Paris" in text
