"""What a judged and stored response costs beside the same two bare calls.

    python benchmarks/engine/run.py [--pairs 1000] [--latency-ms 50] [--only ours,aiohttp] [--json]
        [--lm-eval PYTHON]

One local server answers every request after 50 ms. Each way makes the same pairs of requests, an
answer and its verdict, with 64 in flight, in a process of its own: our run, which also stores,
budgets and scores (its requests are the ones that the others repeat); two bare `get_model` calls
of Inspect, and the same through the SDK's aiohttp transport; Inspect's `eval()` with a scorer
that asks; bare aiohttp; and, with --lm-eval, the
`local-chat-completions` of lm-evaluation-harness in an environment of its own, which makes all
answers before the verdicts and stores nothing. Printed: pairs a second,
processor milliseconds a pair, peak memory, and ratios to the two bare calls.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ITEMS = 1_000
"""As in `ways.py`: more pairs are more respondents."""
WAYS = ("ours", "get_model", "transport", "eval", "aiohttp")


def main() -> None:
    """Run the ways one after the other and print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--only", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--lm-eval", metavar="PYTHON", help="of an environment with lm_eval[api]")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.pairs > ITEMS and options.pairs % ITEMS:
        parser.error(f"--pairs: above {ITEMS:,} give whole thousands")
    ways = [way for way in WAYS if way in options.only.split(",")]
    ways += ["lm-eval"] if options.lm_eval else []
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place, serving(options.latency_ms) as url:
        for way in dict.fromkeys(("ours", *ways)):  # its requests are those of all
            python = options.lm_eval if way == "lm-eval" else sys.executable
            found[way] = taken(way, Path(place), options.pairs, url, python)
            if not options.json:
                print(line(way, found[way]), flush=True)
    if options.json:
        print(json.dumps({"pairs": options.pairs, "latency_ms": options.latency_ms, "ways": found}))
        return
    if "get_model" in found:
        base = found["get_model"]
        for way, one in found.items():
            ratios = {name: one[name] / base[name] for name in ("seconds", "cpu_ms", "megabytes")}
            more = one["cpu_ms"] - base["cpu_ms"]
            told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
            print(f"{way:10s} beside two bare calls: {told}; {more:+.2f} processor ms a pair")


@contextlib.contextmanager
def serving(latency_ms: float) -> Generator[str]:
    """Start the server; yield its address."""
    command = [sys.executable, str(HERE / "server.py"), "--latency-ms", f"{latency_ms:g}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def taken(way: str, place: Path, pairs: int, url: str, python: str) -> dict[str, Any]:
    """Return what a way took, in a process of its own."""
    command = [python, str(HERE / "ways.py"), way, str(place), str(pairs)]
    own = {"MOCK_API_KEY": "mock-key-not-a-secret", "MOCK_BASE_URL": url, "NO_PROXY": "127.0.0.1"}
    env = os.environ | own | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def line(way: str, one: dict[str, Any]) -> str:
    """Return a way's figures."""
    return (
        f"{way:10s} {one['pairs'] / one['seconds']:7.0f} pairs/s  {one['cpu_ms']:6.2f} processor "
        f"ms a pair  {one['megabytes']:5.0f} MB at most"
    )


if __name__ == "__main__":
    main()
