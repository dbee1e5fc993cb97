"""The notebook in the docs is executed anew in a real kernel and shows what is stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def stored() -> Any:
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "docs")
    import generate_notebook

    return generate_notebook


def _shown(cell: Any) -> list[str]:
    return [o["data"]["text/plain"] for o in cell.outputs if "data" in o]


def test_it_has_the_cells_of_its_source(stored: Any, generate: Any) -> None:
    source = [(c.cell_type, c.source, c.metadata) for c in generate.cells()]
    assert [(c.cell_type, c.source, c.metadata) for c in stored.cells] == source
    assert sum(c.cell_type == "code" for c in stored.cells) >= 8


def test_every_cell_was_executed_in_order_and_none_failed_or_warned(stored: Any) -> None:
    code = [c for c in stored.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    kinds = {o.output_type for c in code for o in c.outputs}
    assert kinds == {"execute_result", "display_data"}
    assert sum("image/png" in o.get("data", {}) for c in code for o in c.outputs) == 4


def test_it_tells_nothing_of_the_machine_and_is_small(stored: Any) -> None:
    text = json.dumps(
        [
            {k: v for k, v in o.data.items() if k.startswith("text/")}
            for c in stored.cells
            if c.cell_type == "code"
            for o in c.outputs
        ]
    )
    assert not re.search(r"/(tmp|home|root|usr|work|Users)\\b|site-packages", text)
    assert (ROOT / "docs" / "notebook.ipynb").stat().st_size < 300_000


def test_executed_anew_it_shows_the_same(stored: Any, generate: Any, tmp_path: Path) -> None:
    anew = generate.executed(tmp_path)  # raises where a cell fails
    compared = 0
    for old, new in zip(stored.cells, anew.cells, strict=True):
        if old.cell_type == "code":
            assert [o.output_type for o in new.outputs] == [o.output_type for o in old.outputs]
        if generate.SAME in old.metadata.get("tags", ()):
            assert _shown(new) == _shown(old)
            compared += len(_shown(new))
    assert compared == 3
    assert (tmp_path / "valuecompass-workspace").is_dir()
