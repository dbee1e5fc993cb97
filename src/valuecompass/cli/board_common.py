"""Options that the commands about boards share."""

from __future__ import annotations

from typing import Annotated

import typer

System = Annotated[str, typer.Option("--system", "-s", help="A value system: id or TOML file.")]
Date = Annotated[str | None, typer.Option(help="The board as it was on this day, YYYY-MM-DD.")]
