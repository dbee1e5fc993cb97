"""How fast the command line answers: `valuecompass --help`, and the import of the package.

    python benchmarks/help_speed.py

Prints the median and the extremes of 5 runs, each a process of its own, in seconds, after one that
warms the file cache; beside it a bare interpreter, which nothing written in Python can beat.
"""

import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

RUNS = 5


def seconds(command: list[str]) -> list[float]:
    """Wall-clock time of each run of a command, after one that does not count."""
    taken: list[float] = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return taken[1:]


def import_seconds() -> list[float]:
    """Time that `import valuecompass` adds to a running interpreter."""
    script = (
        "import time; start = time.perf_counter(); import valuecompass; "
        "print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", script]
    runs = [subprocess.run(command, check=True, capture_output=True) for _ in range(RUNS + 1)]
    return [float(run.stdout) for run in runs[1:]]


def show(what: str, taken: list[float]) -> None:
    """Print one line of the result."""
    print(
        f"{what:22} median {statistics.median(taken):.4f} s, "
        f"least {min(taken):.4f} s, most {max(taken):.4f} s"
    )


if __name__ == "__main__":
    help_ = seconds([str(Path(sysconfig.get_path("scripts")) / "valuecompass"), "--help"])
    bare = seconds([sys.executable, "-c", "pass"])
    show("valuecompass --help", help_)
    show("bare interpreter", bare)
    show("import valuecompass", import_seconds())
    print(f"ratio help / interpreter {statistics.median(help_) / statistics.median(bare):.1f}")
