"""`valuecompass items`: the bank, forms, import and export."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import Json, app, console, echo_json

items_app = typer.Typer(help="List, export, import and select test items.", no_args_is_help=True)
app.add_typer(items_app, name="items")

System = Annotated[str, typer.Option("--system", "-s", help="Value system: id or TOML file.")]


@items_app.command("list")
def list_items(json: Json = False) -> None:
    """Count the items of the seed bank, and the frozen forms with their hashes."""
    from rich.table import Table

    from valuecompass.items import SIZES, builtin_form, builtin_sizes, seed_items
    from valuecompass.values import BUILTIN

    rows: list[dict[str, object]] = []
    for system in BUILTIN:
        kinds = Counter(i.kind for i in seed_items(system))
        forms = {s: builtin_form(system, s) for s in builtin_sizes(system)}
        rows.append(
            {
                "system": system,
                "kinds": dict(kinds),
                "forms": {s: {"items": len(f.items), "hash": f.hash} for s, f in forms.items()},
            }
        )
    if json:
        echo_json({"systems": rows})
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("system", "items", *SIZES):
        table.add_column(title, overflow="fold", no_wrap=title == "system")
    for row in rows:
        kinds_text = ", ".join(f"{n} {k}" for k, n in row["kinds"].items())  # pyright: ignore
        cells = [f"{f['items']} {f['hash']}" for f in row["forms"].values()]  # pyright: ignore
        table.add_row(str(row["system"]), kinds_text, *cells)
    console().print(table)


@items_app.command()
def export(
    out: Annotated[
        Path, typer.Argument(help="FILE.jsonl, FILE.csv or FILE.parquet; of --format a folder.")
    ],
    system: System = "schwartz",
    form: Annotated[str | None, typer.Option(help="Only the items of this form.")] = None,
    items: Annotated[Path | None, typer.Option(help="Your own items instead of the bank.")] = None,
    format: Annotated[
        str | None, typer.Option(help="lm-eval: tasks for lm-evaluation-harness.")
    ] = None,
) -> None:
    """Write items of the bank to a file, or as tasks for another program."""
    from valuecompass.errors import InputError
    from valuecompass.items import form_items, seed_items
    from valuecompass.items.io import write_items
    from valuecompass.measure.run import Settings, resolve_form, resolve_system

    chosen = resolve_system(system)
    if format is not None:
        from valuecompass.measure.lm_eval import write_tasks

        if format != "lm-eval":
            raise InputError(f"--format {format}: give lm-eval, or a file name without --format")
        asked, pool = resolve_form(Settings(form=form or "full", items=items), chosen)
        group, *tasks = write_tasks(chosen, asked, form_items(asked, pool), out)
        typer.echo(f"{out}: {group} with {', '.join(tasks)}")
        typer.echo(
            "Run them with: lm_eval --model hf --model_args pretrained=FOLDER --tasks "
            f"{group} --include_path {out} --log_samples --output_path results"
        )
        return
    if items is not None:
        found = form_items(*resolve_form(Settings(form=form or "full", items=items), chosen))
    elif form is None:
        found = list(seed_items(chosen.id))
    else:
        found = form_items(*resolve_form(Settings(form=form), chosen))
    write_items(found, out)
    typer.echo(f"{out}: {len(found)} items")


@items_app.command("import")
def import_items(
    file: Annotated[
        Path, typer.Argument(help="JSONL, CSV, Parquet, a Touche23-ValueEval folder, an inventory.")
    ],
    out: Annotated[Path, typer.Argument(help="Where to write our JSONL, CSV or Parquet.")],
    system: System = "schwartz",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="Column mapping: text=prompt (ours=theirs). Repeat."),
    ] = None,
    default: Annotated[
        list[str] | None,
        typer.Option("--default", "-d", help="A field the file lacks: kind=question. Repeat."),
    ] = None,
    layout: Annotated[str, typer.Option(help="auto, items, touche or inventory.")] = "auto",
) -> None:
    """Check somebody's items and write them in our form; near-duplicates are named."""
    from valuecompass.errors import InputError
    from valuecompass.items.duplicates import near_duplicates
    from valuecompass.items.io import read_items, write_items
    from valuecompass.measure.run import resolve_system

    if layout not in ("auto", "items", "touche", "inventory"):
        raise InputError(f"--layout {layout}: give auto, items, touche or inventory")
    found = read_items(
        file,
        resolve_system(system),
        columns=_pairs(column, "--column") or None,
        layout=layout,
        defaults=_pairs(default, "--default") or None,
    )
    if out.resolve() == file.resolve():
        raise InputError(f"{out}: this is the file being read; give another name to write")
    if not found:
        raise InputError(f"{file}: no items")
    write_items(found, out)
    pairs = near_duplicates([i.text for i in found])
    for a, b, share in pairs[:5]:
        typer.echo(f"near-duplicates ({share:.0%}): {found[a].id} and {found[b].id}", err=True)
    typer.echo(f"{out}: {len(found)} items, {len(pairs)} near-duplicate pairs")


@items_app.command()
def form(
    out: Annotated[Path, typer.Argument(help="Form file to write (JSON).")],
    system: System = "schwartz",
    size: Annotated[str, typer.Option(help="tiny, short, full or scenario.")] = "short",
    items: Annotated[Path | None, typer.Option(help="Select from this file, not the bank.")] = None,
) -> None:
    """Select a balanced form from items and freeze it."""
    from valuecompass.errors import InputError
    from valuecompass.files import write_text
    from valuecompass.items import SIZES, Size, form_text, seed_items, select_form
    from valuecompass.items.io import read_items
    from valuecompass.measure.run import resolve_system

    chosen = resolve_system(system)
    wanted: Size | None = next((s for s in SIZES if s == size), None)
    if wanted is None:
        raise InputError(f"--size {size}: give {', '.join(SIZES)}")
    pool = read_items(items, chosen) if items else list(seed_items(chosen.id))
    selected = select_form(pool, chosen, wanted)
    write_text(out, form_text(selected))
    typer.echo(f"{out}: {len(selected.items)} items, hash {selected.hash}")


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    from valuecompass.errors import InputError

    pairs: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {text}: write it as name=value")
        pairs[name] = value
    return pairs
