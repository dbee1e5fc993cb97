"""Executes `docs/notebook.py` cell by cell in a Jupyter kernel and keeps what it shows.

    python docs/generate_notebook.py

The source has cells as editors know them: `# %%` code, `# %% [markdown]` text. A cell tagged "same"
shows the same whenever and wherever it is executed: a test compares it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SOURCE = Path(__file__).parent / "notebook.py"
NOTEBOOK = SOURCE.with_suffix(".ipynb")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SAME = "same"


def cells() -> list[Any]:
    """Return the source's cells, not executed."""
    found: list[Any] = []
    for part in re.split(r"(?m)^# %%", SOURCE.read_text(encoding="utf-8"))[1:]:
        head, _, body = part.partition("\n")
        body = body.strip("\n")
        if head.strip() == "[markdown]":
            cell = new_markdown_cell(re.sub(r"(?m)^# ?", "", body))
        else:
            cell = new_code_cell(body, metadata={"tags": [SAME] if SAME in head else []})
        found.append(cell)
    for number, cell in enumerate(found):
        cell["id"] = f"cell-{number}"  # random otherwise: each execution would change the file
    return found


def executed(folder: Path) -> Any:
    """Return the notebook as a kernel that works in a folder shows it."""
    notebook = new_notebook(cells=cells(), metadata={"kernelspec": KERNEL})
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name=KERNEL["name"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    notebook.metadata.pop("language_info", None)  # the version of whoever executed it last
    for cell in notebook.cells:
        # the bar takes itself away and leaves blanks
        cell["outputs"] = [o for o in cell.get("outputs", []) if o.get("text", "x").strip()]
        if cell.cell_type != "code":
            del cell["outputs"]
    return notebook


def main() -> None:
    """Write the notebook."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(Path(folder))
    nbformat.validate(notebook)
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
