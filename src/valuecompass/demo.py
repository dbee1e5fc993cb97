"""`make demo`: the main job on the embedded model, without key or network.

Real: SmolLM2-135M-Instruct as it is, primed for Power, primed for Universalism. Simulated, and
marked so: two Schwartz respondents with opposite planted profiles, as a check of the instrument.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import anyio

from valuecompass.assets import ASSETS, fetch, is_cached
from valuecompass.models import Respondent, priming

MODEL = "embedded/smollm2-135m-instruct"
PLANTED = {
    "planted: self-enhancement": (
        "simulated/schwartz?Power=1.6&Achievement=1.2&Universalism=-1.6&Benevolence=-1.2&seed=1"
    ),
    "planted: self-transcendence": (
        "simulated/schwartz?Power=-1.6&Achievement=-1.2&Universalism=1.6&Benevolence=1.2&seed=2"
    ),
}
ADDRESS = "http://127.0.0.1:8321"
"""Where `valuecompass serve` answers by default."""
SYSTEMS = ("schwartz", "moral-foundations", "safety", "llm-unique")


def respondents() -> list[Respondent]:
    """Return who answers in the demo."""
    small = "SmolLM2-135M"
    return [
        Respondent(name=small, model=MODEL),
        *(
            Respondent(name=f"{small} primed: {d}", model=MODEL, system=priming(d), prime=d)
            for d in ("Power", "Universalism")
        ),
        *(Respondent(name=name, model=model) for name, model in PLANTED.items()),
    ]


def main() -> None:
    """Fetch the weights, measure, show the board, write the report."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("-w", "--workspace", type=Path, default=Path("valuecompass-workspace"))
    workspace: Path = parser.parse_args().workspace
    from valuecompass.board.page.publish import write_report
    from valuecompass.board.page.terminal import terminal_board
    from valuecompass.cli.app import console, quoted
    from valuecompass.cli.live import Live
    from valuecompass.cli.report import opener
    from valuecompass.measure.run import Settings, run_async

    notes, out = console(stderr=True), console()
    for asset in ASSETS.values():
        if not is_cached(asset.name):
            notes.print(f"fetching {asset.what} ({asset.megabytes} MB)")
            fetch(asset.name)
    settings = Settings(models=respondents(), systems=SYSTEMS, form="tiny", workspace=workspace)
    start = time.monotonic()
    with Live(dry_run=False) as live:
        measurements = anyio.run(run_async, settings, live)
    seconds = time.monotonic() - start
    path = workspace / "report.html"
    anyio.run(write_report, workspace, None, path)
    terminal_board(measurements, out)
    out.print(f"Measured in {seconds:.0f} s. The report: {path}", soft_wrap=True)
    out.print(f"Open it with: {opener()} {quoted(path)}", soft_wrap=True)
    out.print(
        f"The pages: .venv/bin/valuecompass serve -w {quoted(workspace)}, then {ADDRESS}/",
        soft_wrap=True,
    )


if __name__ == "__main__":
    from valuecompass.cli.app import guarded

    guarded(main)
