# pyright: basic, reportMissingImports=false
"""Peak memory of a step: each trainer in a process of its own.

    python -m benchmarks.d2o.peaks SIDE K     # one, as JSON

On Linux the kernel's own high-water mark of resident memory is set back before the first step, so
the figure is of the steps alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

MIB = 2**20
OWN = Path("/proc/self")


@dataclass(frozen=True)
class Peak:
    """MiB of a process with one trainer.

    standing: resident before the first step: libraries, weights, reference, rows.
    step: most that three steps had above that; the gradients of all weights are in it.
    """

    standing: float
    step: float

    @property
    def whole(self) -> float:
        """Most that the process had."""
        return self.standing + self.step


def in_fresh_process(side: str, anchors: int) -> Peak:
    """Return the peak of a side (`sides.SIDES`) with so many anchors, measured in a new process."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.d2o.peaks", side, str(anchors)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Peak(**json.loads(done.stdout.splitlines()[-1]))


def measure(side: str, anchors: int) -> Peak:
    """Return the peak of a side in this process."""
    from benchmarks.d2o.parts import one_thread

    one_thread()
    import torch
    from benchmarks.d2o.sides import SMALL, Weights, build, make_rows

    weights = Weights.of(SMALL, "cpu", torch.float32)
    if "cached" in side:  # when training begins the policy is its own reference
        weights = replace(weights, reference=None)
    step = build(side, weights, make_rows(anchors, SMALL.vocabulary))
    OWN.joinpath("clear_refs").write_text("5")  # the mark goes back to what is resident now
    standing = _status("VmRSS")
    for _ in range(3):
        step()
    return Peak(standing, _status("VmHWM") - standing)


def _status(name: str) -> float:
    lines = (OWN / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / MIB


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], int(sys.argv[2])))))
