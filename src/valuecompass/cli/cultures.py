"""`valuecompass cultures build`: profiles of countries from survey files that users download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from valuecompass.cli.app import Json, app, console, echo_json, plain, quoted

cultures_app = typer.Typer(help="Value profiles of cultures.", no_args_is_help=True)
app.add_typer(cultures_app, name="cultures")


@cultures_app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]  (keeps `build` a word of its own)
    """Value profiles of cultures."""


@cultures_app.command()
def build(
    survey: Annotated[
        Literal["ess", "wvs"],
        typer.Argument(help="European Social Survey, or World Values Survey (waves 5 and 6)."),
    ],
    file: Annotated[Path, typer.Argument(help="CSV, TSV or Parquet with number codes.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The profiles, as JSON.")],
    by: Annotated[
        list[str] | None,
        typer.Option(help="Column whose values make groups within countries. Repeat."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    json: Json = False,
) -> None:
    """Make value profiles of countries from a survey's file, for `culture --profiles`."""
    from json import dumps

    from valuecompass.board.cultures.surveys import build_profiles
    from valuecompass.errors import InputError
    from valuecompass.files import inert, write_text

    if out.suffix.lower() != ".json":
        raise InputError(f"-o {out}: profiles are JSON; give a name that ends in .json")
    document = build_profiles(file, survey, by=by or (), seed=seed)
    write_text(out, inert(dumps(document, ensure_ascii=False, indent=1, allow_nan=False)) + "\n")
    about = document["about"]
    if json:
        kept = ("source", "persons", "n", "left_out", "notices")
        echo_json({"file": str(out), **{name: about[name] for name in kept}})
        return
    persons = about["persons"]
    lines = [
        about["source"],
        f"{persons['used']:,} of {persons['read']:,} persons used: "
        f"{persons['too_many_missing']:,} had more than {about['rules']['most_missing']} items "
        f"missing, {persons['too_many_alike']:,} more than {about['rules']['most_alike']} answers "
        f"alike, {persons['without_weight']:,} no weight.",
        *about["notices"],
        f"{len(about['n'])} profiles: {out}",
        f"Compare with: valuecompass culture --profiles {quoted(out)}",
    ]
    for line in lines:
        console().print(plain(line), soft_wrap=True)
