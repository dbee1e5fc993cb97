"""The app and what all commands share: error messages, exit codes, consoles."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from valuecompass.errors import ValueCompassError, ungrouped

app = typer.Typer(
    name="valuecompass",
    help="Diagnose the values language models show in what they write, and say how sure it is.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    *("run", "plan", "board", "compare", "gap", "culture", "cultures", "match", "space", "gate"),
    *("health", "report", "export", "profile", "evolve", "season", "train", "serve", "export_site"),
    *("judge", "systems", "items", "models", "spending", "workspace", "token", "doctor"),
)
"""Modules of this package that add their commands to the app when imported."""

Workspace = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="VALUECOMPASS_WORKSPACE",
        help="Folder with everything asked, judged and measured.",
    ),
]
Db = Annotated[
    str | None,
    typer.Option("--db", help="SQLAlchemy URL of a PostgreSQL database instead of the folder's."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, notes on stderr.")]
Judge = Annotated[
    str,
    typer.Option(
        help="local (free, offline, weak) or a model; MODEL@mode=per-value; A,B,... is a panel."
    ),
]
JudgeMode = Annotated[
    str,
    typer.Option(
        help="one-call (all dimensions at once), per-value (the papers' way) or concepts (what "
        "the answer does first, then one-call), for judges without @mode=."
    ),
]
StrongJudge = Annotated[
    str | None,
    typer.Option(help="Model that decides where the judges of a panel disagree."),
]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Stop before more requests than this.")]
MaxUsd = Annotated[
    float | None, typer.Option(min=0, help="Stop before spending more US dollars than this.")
]
System = Annotated[str, typer.Option("--system", "-s", help="A value system: id or TOML file.")]
Date = Annotated[
    str | None,
    typer.Option(help="Day or id of a measurement; board log lists them.  [default: the newest]"),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the bootstrap.")]
WORKSPACE = Path("valuecompass-workspace")


def version(show: bool) -> None:
    """Print the version and stop."""
    if show:
        import valuecompass

        typer.echo(f"valuecompass {valuecompass.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[  # pyright: ignore[reportUnusedParameter]
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Diagnose the values language models show in what they write, and say how sure it is."""


def echo_json(value: Any) -> None:
    """Print one JSON object on stdout; numbers that are not finite are an error of ours."""
    import json

    from valuecompass.files import inert

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    typer.echo(inert(text))


def console(stderr: bool = False) -> Any:
    """Return a rich console; a pipe gets 120 columns, so that tables stay whole."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 120
    return Console(stderr=stderr, width=width, highlight=False)


def main() -> None:
    """Entry point of the command."""
    for name in COMMANDS:
        import_module(f"valuecompass.cli.{name}")
    guarded(lambda: app(standalone_mode=False))


def guarded(command: Callable[[], object]) -> None:
    """Run a command; what a user can cause becomes one message and an exit code."""
    try:
        with ungrouped():
            code = command()
        sys.exit(code if isinstance(code, int) else 0)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except ValueCompassError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()  # pyright: ignore  (click's usage errors)
        sys.exit(2)


def plain(text: str, style: str = "") -> Any:
    """Return text for the terminal in which nothing acts: no markup, no escape sequences."""
    from rich.text import Text

    from valuecompass.wording import visible

    return Text(visible(text), style=style)


def say_report(workspace: Path, db: str | None) -> None:
    """Print how the report of what was measured is made."""
    place = f"-w {quoted(workspace)}" if db is None else "--db URL"  # it may hold a password
    typer.echo(f"Report: valuecompass report {place}")


def quoted(path: Path) -> str:
    """Return a path as a shell takes it."""
    import shlex

    return shlex.quote(str(path))


def _fail(message: str, code: int) -> None:
    from valuecompass.wording import visible

    typer.echo(f"valuecompass: {visible(message)}", err=True)
    sys.exit(code)
