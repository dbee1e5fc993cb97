"""`import valuecompass as vc` costs nothing and gives everything."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import valuecompass as vc


def test_importing_the_package_loads_nothing_else() -> None:
    script = (
        "import sys; before = set(sys.modules); import valuecompass, json; "
        "print(json.dumps([m for m in sys.modules if m not in before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    ours = [m for m in loaded if m.split(".")[0] not in ("json", "_json", "re", "enum")]
    assert "valuecompass" in ours
    assert [m for m in ours if m.startswith("valuecompass.")] == []
    for slow in ("typing", "importlib.metadata", "pydantic", "numpy", "anyio", "asyncio"):
        assert slow not in loaded


@pytest.mark.parametrize(
    "module",
    [
        "board.page.publish",
        "measure.archive",
        "judges.quality.evaluate",
        "web.serving",
        "web.aside",
    ],
)
def test_what_asks_no_model_does_not_load_what_does(module: str) -> None:
    script = f"import sys, valuecompass.{module}; sys.exit('inspect_ai' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_name_is_there() -> None:
    for name in vc.__all__:
        assert getattr(vc, name) is not None
        assert name in dir(vc)
    from valuecompass.measure.run import run

    assert vc.run is run


def test_what_is_typed_is_what_is_loaded() -> None:
    tree = ast.parse(Path(str(vc.__file__)).read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("valuec")
        for alias in node.names
    }
    assert {*typed, "__version__"} == set(vc.__all__)
    for name, module in typed.items():
        assert getattr(vc, name) is getattr(sys.modules[module], name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'valuecompass' has no attribute 'runn'"):
        _ = vc.runn  # type: ignore[attr-defined]
    assert not hasattr(vc, "nothing")


def test_the_page_for_python_callers_names_everything() -> None:
    page = (Path(__file__).parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
    assert not [name for name in vc.__all__ if f"`{name}" not in page and f"vc.{name}" not in page]
