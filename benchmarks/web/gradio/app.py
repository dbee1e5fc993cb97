"""The board as a Gradio app: sliders for weights, a data frame, the mean computed in Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gradio as gr

BOARD: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
DIMS: list[str] = BOARD["dims"]


def weighed(*weights: float) -> list[list[Any]]:
    """Return the rows, best first."""
    total = sum(weights) or 1
    rows = []
    for row in BOARD["rows"]:
        scores = [row["dimensions"][dim]["score"] or 0 for dim in DIMS]
        mean = sum(w * s for w, s in zip(weights, scores, strict=True)) / total
        rows.append([row["respondent"], round(mean, 1), *(round(s, 1) for s in scores)])
    return sorted(rows, key=lambda row: -row[1])


with gr.Blocks(title="Board by Gradio") as app:
    sliders = [gr.Slider(0, 10, value=5, step=0.5, label=dim) for dim in DIMS]
    table = gr.Dataframe(weighed(*[5.0] * len(DIMS)), headers=["Respondent", "Score", *DIMS])
    for slider in sliders:
        slider.change(weighed, sliders, table, show_progress="hidden")

app.launch(server_name="127.0.0.1", share=False)
