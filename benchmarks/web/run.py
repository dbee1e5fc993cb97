"""How fast the pages are, beside the same table as static JSON with DuckDB-WASM, and in Gradio.

    python benchmarks/web/run.py WORKSPACE [--system schwartz] [--seconds 10] [--only ours] [--json]

WORKSPACE is best one of `valuecompass workspace synth`. Needs chromium, npm and a network: the
other two get folders and environments of their own in a temporary place. Server and client share
this machine's cores; the server is held to two of them. Bytes are those of everything that is
loaded until the board stands, each file compressed with gzip -6, whatever its server sends.
Interaction is the time from a move of a weight's slider to the frame after the table has changed.
Every number of a browser is the median of several windows of their own, nothing cached.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import load
import others
import screen

GOALS = {
    "board JSON p95 (ms)": "<= 50",
    "board JSON requests/s": ">= 300",
    "case search p95 (ms)": "<= 150",
    "first page (kB gzip)": "<= 350",
    "first contentful paint (ms)": "<= 1500",
    "interaction (ms)": "<= 100",
    "server memory (MB)": "<= 400",
    "export (s)": "<= 120",
    "export (MB)": "<= 60",
}
CORES = 2
WORDS = (
    "power",
    "family",
    "rules",
    "freedom",
    "nature",
    "risk",
    "tradition",
    '"in charge"',
    "care",
)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--system", default="schwartz")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default="ours,duckdb,gradio")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    if busy > 1:
        print(f"The machine is busy (load {busy:.1f}): these are no measurements.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        columns = _columns(given, Path(place))
    if given.json:
        print(json.dumps({"load": busy, "cores": os.cpu_count(), "columns": columns}))
        return
    _print(columns)


def _columns(given: argparse.Namespace, place: Path) -> dict[str, dict[str, float]]:
    columns: dict[str, dict[str, float]] = {}
    with ours(given.workspace) as (address, process):
        board = f"{address}/api/v1/boards/{given.system}"
        with urllib.request.urlopen(board) as answer:
            document = json.load(answer)
        wanted = given.only.split(",")
        if "ours" in wanted:
            columns["ours"] = _ours(given, address, board, process, place)
        for name in ("duckdb", "gradio"):
            if name in wanted:
                with getattr(others, name)(place / name, document) as (other, pid):
                    columns[name] = screen.measured(other, *others.PARTS[name])
                    columns[name]["server memory (MB)"] = memory(pid)
    return columns


def _ours(
    given: argparse.Namespace, address: str, board: str, process: int, place: Path
) -> dict[str, float]:
    found = load.measured([board], given.seconds, "board JSON")
    with urllib.request.urlopen(f"{address}/api/v1/openapi.json") as answer:
        searches = "/api/v1/cases/{system}" in json.load(answer)["paths"]
    if searches:
        search = f"{address}/api/v1/cases/{given.system}?q="
        cases = [search + words for words in load.words(WORDS)]
        found |= load.measured(cases, given.seconds, "case search", at_once=1)
    view = f"{address}/#/?system={given.system}&panel=open"
    found |= screen.measured(view, "#sliders input[type=range]", "table.board")
    found["server memory (MB)"] = memory(process)
    return found | _exported(given.workspace, place / "site")


def _exported(workspace: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "valuecompass", "export-site", str(folder), "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "-w", str(workspace)], check=True, stdout=subprocess.PIPE, text=True
    )
    took = time.perf_counter() - began
    return {"export (s)": took, "export (MB)": json.loads(done.stdout)["bytes"] / 1e6}


@contextlib.contextmanager
def ours(workspace: Path) -> Generator[tuple[str, int]]:
    """Serve a workspace on two cores; yield address and process."""
    command = [sys.executable, "-m", "valuecompass", "serve", "-w", str(workspace), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:CORES])
        assert process.stdout is not None
        said = re.search(r"http://\S+?(?=/?$)", process.stdout.readline().strip())
        assert said is not None, "the server did not start"
        yield said[0], process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def memory(pid: int) -> float:
    """Return the most memory that a process has held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1_000


def _print(columns: dict[str, dict[str, float]]) -> None:
    rows = list(dict.fromkeys([*GOALS, *(key for found in columns.values() for key in found)]))
    width = max(len(row) for row in rows)
    print(f"{'':{width}}  {'goal':>8}" + "".join(f"  {name:>10}" for name in columns))
    for row in rows:
        cells: list[Any] = [found.get(row) for found in columns.values()]
        shown = "".join(f"  {'–' if cell is None else f'{cell:,.1f}':>10}" for cell in cells)
        print(f"{row:{width}}  {GOALS.get(row, ''):>8}{shown}")


if __name__ == "__main__":
    main()
