"""Draw equal numbers of each label from a file: for judges that cost time or money.

    python benchmarks/judge/sample.py labels.jsonl --each 15 --seed 11 -o drawn

writes a file a system, drawn/safety.jsonl and so on, and prints the beginning of its SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError
from valuecompass.files import read_bytes
from valuecompass.judges.quality.labelled import parse_labels


def main() -> None:
    """Draw the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    parser.add_argument("--each", type=int, default=15, help="rows of each label in a system")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("-o", "--out", type=Path, default=Path("drawn"))
    options = parser.parse_args()
    data = read_bytes(options.labels)
    parse_labels(data, options.labels)  # tells what is wrong, with line and field
    rows: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for line in filter(str.strip, data.decode("utf-8-sig").split("\n")):
        row = json.loads(line)
        rows[row["system"], row["expressed"]].append(row)
    rng = random.Random(options.seed)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {options.out}: cannot be made ({error.strerror})") from None
    for system in dict.fromkeys(name for name, _ in rows):
        drawn: list[Any] = []
        for label in (0, 1):
            own = rows[system, label]
            rng.shuffle(own)
            drawn += own[: options.each]
        path = options.out / f"{system}.jsonl"
        text = "".join(json.dumps(row) + "\n" for row in drawn)
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(drawn)} rows, {hashlib.sha256(text.encode()).hexdigest()[:12]}")


if __name__ == "__main__":
    guarded(main)
