"""A random tiny language model, one token a byte, and LoRA adapters of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHAT = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SPECIAL = ("<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")


def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.BPE({sign: at for at, sign in enumerate([*SPECIAL, *alphabet])}, []))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bare,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
        additional_special_tokens=list(SPECIAL[3:]),
    )
    made.chat_template = CHAT
    return made


def model(seed: int = 0, **more: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = dict(
        vocab_size=263,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**(shape | more)))


def tiny(path: Path, seed: int = 0, width: int = 64) -> Path:
    """The model in a folder."""
    model(seed, hidden_size=width, max_position_embeddings=2048).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


def adapter(base: Path, path: Path, size: float) -> Path:
    """A LoRA adapter of a model whose change has a given size; 0: it changes nothing."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base)
    targets = ["q_proj", "v_proj", "down_proj"]
    made = get_peft_model(model, LoraConfig(r=4, target_modules=targets, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 1).mul_(size)
    made.save_pretrained(path)
    return path
