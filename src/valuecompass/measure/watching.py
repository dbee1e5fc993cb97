"""A bar for whoever waits at a terminal or a notebook."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from typing import Any, TextIO

from valuecompass.measure.engine import Progress
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import Listener, Outlook


class Bar(Listener):
    """Draws one line a measurement: share done, count, time left, answers a second.

    It is tqdm's plain line: a notebook shows it without widgets.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None

    def outlook(self, outlook: Outlook) -> bool:
        """Begin a measurement's bar."""
        from tqdm import tqdm

        self._bar = tqdm(
            desc=outlook.plan.system.id,
            total=outlook.requests,
            unit=" answers",
            file=self._stream,
            dynamic_ncols=True,
            leave=False,
        )
        return True

    def progress(self, progress: Progress) -> None:
        """Move it on."""
        self._bar.update()

    def finished(self, measurement: Measurement) -> None:
        """Take it away."""
        self.close()

    def close(self) -> None:
        """Take it away, however the run ended."""
        if self._bar is not None:
            self._bar.close()


@contextlib.contextmanager
def watching() -> Generator[Listener]:
    """Yield a bar where somebody looks (a terminal, a notebook), else a listener that is silent."""
    if not (sys.stderr.isatty() or _in_notebook()):
        yield Listener()
        return
    bar = Bar(sys.stderr)
    try:
        yield bar
    finally:
        bar.close()


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
