"""`valuecompass evolve`: test items that evolve."""

from __future__ import annotations

import typer

from valuecompass.cli.app import app
from valuecompass.cli.evolve_report import report

evolve_app = typer.Typer(help="Let test items evolve, and report on it.", no_args_is_help=True)
app.add_typer(evolve_app, name="evolve")
evolve_app.command()(report)
