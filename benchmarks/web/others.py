"""The same board by other means: files with DuckDB-WASM, and Gradio, each in a place of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PARTS = {
    "duckdb": ("#weights input[type=range]", "table tbody"),
    "gradio": ("input[type=range]", "table"),
}
"""Of each, the selector of its sliders and of its table."""
DUCKDB = ("@duckdb/duckdb-wasm@1.32.0", "apache-arrow@17.0.0", "esbuild@0.28.2")
GRADIO = "gradio==6.31.0"


@contextlib.contextmanager
def duckdb(place: Path, document: dict[str, Any]) -> Generator[tuple[str, int]]:
    """Serve static JSON and a page that weighs it by SQL in the browser."""
    site = place / "site"
    shutil.copytree(HERE / "duckdb", site)
    (site / "board.json").write_text(json.dumps(document), encoding="utf-8")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), *DUCKDB]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    dist = place / "node_modules/@duckdb/duckdb-wasm/dist"
    for name in ("duckdb-eh.wasm", "duckdb-browser-eh.worker.js"):
        shutil.copy(dist / name, site)
    source = shutil.move(site / "main.js", place / "main.js")
    bundle = ["--bundle", "--minify", "--format=esm", f"--outfile={site / 'main.js'}"]
    esbuild = str(place / "node_modules/.bin/esbuild")
    subprocess.run([esbuild, str(source), *bundle], check=True, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with _running([*command, "-d", str(site)], r"port (\d+)") as found:
        yield found


@contextlib.contextmanager
def gradio(place: Path, document: dict[str, Any]) -> Generator[tuple[str, int]]:
    """Serve the board as a Gradio app."""
    place.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    python = str(place / "venv/bin/python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GRADIO]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    board = place / "board.json"
    board.write_text(json.dumps(document), encoding="utf-8")
    app = str(HERE / "gradio/app.py")
    with _running([python, "-u", app, str(board)], r"http://127\.0\.0\.1:(\d+)") as found:
        yield found


@contextlib.contextmanager
def _running(command: list[str], port: str) -> Generator[tuple[str, int]]:
    quiet = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(port, line):
                yield f"http://127.0.0.1:{found[1]}", process.pid
                return
        raise RuntimeError(f"{command[0]} said no address")
    finally:
        process.terminate()
        process.wait(timeout=30)
