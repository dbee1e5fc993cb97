"""The example trains the embedded 135M model; needs torch (make test-train)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.train
EXAMPLE = Path(__file__).parents[2] / "docs/examples/train/d2o.yaml"


def test_the_example_moves_the_embedded_model_away_from_negatives(tmp_path: Path) -> None:
    from valuecompass.align.train.script import main

    out = tmp_path / "out"
    given = ["--config", str(EXAMPLE), "--output_dir", str(out), "--max_steps", "4"]
    assert main(given) == 0
    told = [h for h in json.loads((out / "metrics.json").read_text())["log"] if "loss" in h]
    assert told[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # it begins where it is
    assert told[-1]["loss"] < 0.68 and told[-1]["rewards/margins"] > 0
    assert told[-1]["rewards/rejected"] < told[-1]["rewards/chosen"]
    weights = json.loads((out / "adapter_config.json").read_text())
    assert weights["peft_type"] == "LORA"
