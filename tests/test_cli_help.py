"""The command line answers fast because it loads little; `benchmarks/help_speed.py` measures it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("inspect_ai", "numpy", "scipy", "sqlalchemy", "pyarrow", "onnxruntime", "jinja2")
SCRIPT = """
import contextlib, io, json, sys
from valuecompass.cli.app import main
sys.argv = ["valuecompass", *{args!r}]
out = io.StringIO()
with contextlib.redirect_stdout(out):
    try:
        main()
    except SystemExit as stop:
        code = stop.code
print(json.dumps({{"code": code, "help": out.getvalue(), "modules": sorted(sys.modules)}}))
"""


def loaded(*args: str) -> dict[str, object]:
    script = SCRIPT.format(args=list(args))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--help"], "export"),
        (["run", "--help"], "--model"),
        (["export", "--help"], "--study"),
        (["--version"], "valuecompass"),
    ],
)
def test_help_loads_nothing_heavy(args: list[str], expected: str) -> None:
    found = loaded(*args)
    assert found["code"] == 0
    assert expected in str(found["help"])
    modules = found["modules"]
    assert isinstance(modules, list)
    assert "typer" in modules  # the list is the real one
    assert [m for m in HEAVY if m in modules] == []


def test_every_command_has_a_line_in_the_help() -> None:
    from valuecompass.cli.app import COMMANDS

    text = str(loaded("--help")["help"])
    commands = text.split("Commands:")[1].splitlines()
    described = {words[0]: words[1:] for line in commands if (words := line.split())}
    assert {name.replace("_", "-") for name in COMMANDS} <= set(described)
    assert all(described[name.replace("_", "-")] for name in COMMANDS)
