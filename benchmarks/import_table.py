"""How a large published table is imported: seconds and peak memory, whole and broken.

    python benchmarks/import_table.py [--megabytes 20]

Makes tables of random scores in a temporary folder, each of the size asked for, and imports each
with a process of its own into a fresh workspace: JSON and CSV that are right, a tenth as long,
broken in the first megabyte (a letter for a number; a quotation mark that is never closed), and
broken near the end. Prints seconds of the clock and of the processor, peak memory, and ratios to
the import of the whole table in the same format: memory must not grow with the file, a break near
the end must not take longer than a whole import.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DIMENSIONS = (
    *("Self-direction", "Stimulation", "Hedonism", "Achievement", "Power"),
    *("Security", "Tradition", "Conformity", "Benevolence", "Universalism"),
)
COMMAND = "from valuecompass.cli import main; main()"
BROKEN = '"broken"'


class Taken(NamedTuple):
    """What one import took."""

    code: int
    seconds: float
    processor: float
    megabytes: float
    said: str


def table(path: Path, size: int, broken_at: float | None = None, with_: str = BROKEN) -> None:
    """Write a table of about `size` bytes, with one wrong cell in its row at byte `broken_at`."""
    draw = random.Random(0)
    write = json_rows if path.suffix == ".json" else csv_rows
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for text in write(draw):
            if broken_at is not None and written >= broken_at:
                text, broken_at = text.replace("0.", with_, 1), None
            written += file.write(text)
            if written >= size:
                break
        file.write("\n]\n" if path.suffix == ".json" else "")


def json_rows(draw: random.Random) -> Iterator[str]:
    """Yield the texts of JSON rows, without end."""
    before, number = "[\n", 0
    while True:
        cells = ", ".join(f'"{name}": {draw.random()!r}' for name in DIMENSIONS)
        yield f'{before}{{"model": "maker/model-{number}", {cells}}}'
        before, number = ",\n", number + 1


def csv_rows(draw: random.Random) -> Iterator[str]:
    """Yield the lines of a CSV table, without end."""
    yield f"model,{','.join(DIMENSIONS)}\n"
    number = 0
    while True:
        cells = ",".join(repr(draw.random()) for _ in DIMENSIONS)
        yield f"maker/model-{number},{cells}\n"
        number += 1


def imported(path: Path, workspace: Path) -> Taken:
    """Import a table with the real command, in a process of its own."""
    command = [sys.executable, "-c", COMMAND, "board", "import", str(path), "--system", "schwartz"]
    command += ["--date", "2025-01-31", "--workspace", str(workspace), "--json"]
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        said.seek(0)
        text = said.read().decode().strip().replace(str(path), path.name)
    shutil.rmtree(workspace, ignore_errors=True)
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = used.ru_maxrss * unit / 1e6
    code = os.waitstatus_to_exitcode(status)
    return Taken(code, seconds, used.ru_utime + used.ru_stime, megabytes, text)


def show(what: str, taken: Taken, whole: Taken) -> None:
    """Print one line of the result."""
    print(
        f"{what:32} exit {taken.code}  {taken.seconds:7.1f} s  {taken.processor:7.1f} s processor  "
        f"{taken.megabytes:6.0f} MB   ratios {taken.seconds / whole.seconds:5.2f} "
        f"{taken.processor / whole.processor:5.2f} {taken.megabytes / whole.megabytes:5.2f}",
        flush=True,
    )
    if taken.code:
        print(f"    {taken.said[:200]}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Import of large published tables.")
    parser.add_argument("--megabytes", type=float, default=20, help="size of a table [20]")
    size = int(parser.parse_args().megabytes * 1e6)
    early = min(size, 1e6) / 2
    with tempfile.TemporaryDirectory(prefix="import-table-") as folder:
        file, workspace = Path(folder) / "table", Path(folder) / "workspace"
        for suffix in (".json", ".csv"):
            path = file.with_suffix(suffix)
            table(path, size)
            whole = imported(path, workspace)
            show(f"{suffix[1:]}, {size / 1e6:g} MB", whole, whole)
            for what, arguments in (
                ("a tenth as long", (size // 10,)),
                ("broken in the first megabyte", (size, early)),
                ("mark not closed in the first", (size, early, '"')),
                ("broken near the end", (size, size * 0.95)),
            ):
                table(path, *arguments)
                show(f"{suffix[1:]}, {what}", imported(path, workspace), whole)


if __name__ == "__main__":
    main()
