"""Writes a quantised GGUF model as float32 in both layouts, so that two engines run one model.

    LM_EVAL_PYTHON tests/support/lm_eval_model.py FILE.gguf FOLDER

Started with the Python of an environment that has torch, transformers and gguf; writes
``FOLDER/hf`` for lm-evaluation-harness and ``FOLDER/model.gguf`` for llama.cpp.
"""

# pyright: basic
from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    _transformers(source, out / "hf")
    _gguf(source, out / "model.gguf")


def _transformers(source: Path, out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = {"gguf_file": source.name, "dtype": torch.float32}
    read = AutoModelForCausalLM.from_pretrained(source.parent, **place)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # a model that was read from a quantised file refuses to be saved; its weights are floats now
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(out)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(out)


def _gguf(source: Path, out: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, dequantize

    reader = GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(out, architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, inner)
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type).reshape(tensor.shape[::-1])
        writer.add_tensor(tensor.name, weights, raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
