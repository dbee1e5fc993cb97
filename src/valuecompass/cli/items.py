"""`valuecompass items`: the bank, forms, import and export."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, console, echo_json

items_app = typer.Typer(help="List, export, import and select test items.", no_args_is_help=True)
app.add_typer(items_app, name="items")

System = Annotated[str, typer.Option("--system", "-s", help="Value system: id or TOML file.")]


@items_app.command("list")
def list_items(
    retired: Annotated[
        bool, typer.Option("--retired", help="List this workspace's retired items instead.")
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Count the items of the seed bank, and the frozen forms with their hashes."""
    if retired:
        _list_retired(workspace, db, json)
        return
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


def _list_retired(workspace: Path, db: str | None, json: bool) -> None:
    """List retired items with their reasons."""
    import anyio

    from valuecompass.evolve.lifecycle.bank import Place, list_retired

    found = anyio.run(list_retired, Place(workspace, db))
    if json:
        echo_json({"retired": found})
        return
    for row in found:
        about = ", ".join(f"{k} {_said(v)}" for k, v in row["detail"].items())
        typer.echo(f"{row['item']}  {row['system']}  {row['reason']}  {row['date'][:10]}  {about}")
    typer.echo(f"{len(found)} retired")


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
    size: Annotated[
        str,
        typer.Option(help="tiny, short, full, scenario, or a number: the most informative items."),
    ] = "short",
    items: Annotated[
        list[Path] | None,
        typer.Option(help="Select from this file instead of the bank. Repeat for more."),
    ] = None,
    anchors: Annotated[
        int,
        typer.Option(help="How many of them are items of an earlier form, which link the scores."),
    ] = 0,
    anchors_from: Annotated[Path | None, typer.Option(help="File of the earlier form.")] = None,
    most_uses: Annotated[
        int, typer.Option(min=1, help="Leave out items asked on so many occasions or more.")
    ] = 4,
    include_retired: Annotated[
        bool, typer.Option("--include-retired", help="Do not leave out retired items.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw among nearly equal items.")] = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Select a balanced form from items and freeze it.

    With a number as --size those items are selected that tell most about models, by what was
    answered in this workspace, balanced over dimensions and without what was asked too often.
    """
    from valuecompass.errors import InputError
    from valuecompass.evolve.lifecycle.bank import read_bank
    from valuecompass.files import write_text
    from valuecompass.items import SIZES, Size, form_text, select_form
    from valuecompass.measure.run import resolve_system

    chosen = resolve_system(system)
    wanted: Size | None = next((s for s in SIZES if s == size), None)
    # longer is no number of items, and int() refuses thousands of digits
    if wanted is None and not (size.isdecimal() and len(size) < 10):
        raise InputError(f"--size {size[:20]}: give {', '.join(SIZES)} or a number of items")
    if wanted is not None and (anchors or anchors_from is not None):
        raise InputError(f"--anchors: --size {size} is selected without; give a number of items")
    pool = read_bank(items or (), chosen, _aside)
    if wanted is not None:
        selected, found = select_form(pool, chosen, wanted), None
    else:
        import anyio

        from valuecompass.evolve.lifecycle.bank import Place, select_living_form
        from valuecompass.evolve.lifecycle.forms import FormRules
        from valuecompass.items import read_form

        rules = FormRules(int(size), anchors, most_uses, seed)
        previous = None if anchors_from is None else read_form(anchors_from)
        name = f"{chosen.id}/{out.stem}"
        selected, found = anyio.run(
            lambda: select_living_form(
                Place(workspace, db),
                chosen,
                pool,
                rules,
                name,
                previous=previous,
                include_retired=include_retired,
            )
        )
    write_text(out, form_text(selected))
    if json:
        echo_json(
            {"out": str(out), "hash": selected.hash, "items": list(selected.items)} | (found or {})
        )
        return
    tied = f", {len(selected.anchors)} of them anchors" if selected.anchors else ""
    typer.echo(f"{out}: {len(selected.items)} items{tied}, hash {selected.hash}")
    if found is not None:
        unknown = sum(one["respondents"] == 0 for one in found["items"])
        typer.echo(
            f"nobody has answered {unknown} of them here; left out: {found['retired']} retired, "
            f"{found['used_up']} used up"
        )


@items_app.command()
def retire(
    system: System = "schwartz",
    items: Annotated[
        list[Path] | None,
        typer.Option(help="Check this file's items instead of the bank. Repeat for more."),
    ] = None,
    most_uses: Annotated[
        int, typer.Option(min=1, help="Exposed: asked on so many occasions or more.")
    ] = 4,
    saturated: Annotated[
        float,
        typer.Option(min=0, help="Saturated: an answer surely tells less than so many nats."),
    ] = 0.15,
    undo: Annotated[str | None, typer.Option(help="Id of an item to take back into use.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be retired, and log nothing.")
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Retire items that are saturated, exposed or drifting, by rule, with the reason in a log.

    Nothing is deleted: items form leaves retired items out, and --undo takes one back.
    """
    from functools import partial

    import anyio

    from valuecompass.evolve.lifecycle.bank import Place, read_bank, restore_item, retire_items
    from valuecompass.evolve.lifecycle.retire import RetireRules
    from valuecompass.measure.run import resolve_system

    place = Place(workspace, db)
    if undo is not None:
        restored = anyio.run(restore_item, place, undo)
        if json:
            echo_json(restored)
        else:
            typer.echo(f"{restored['item']}: back in use (was {restored['was']})")
        return
    chosen = resolve_system(system)
    rules = RetireRules(most_uses, saturated)
    bank = read_bank(items or (), chosen, _aside)
    found = anyio.run(partial(retire_items, place, chosen, bank, rules, dry_run=dry_run))
    if json:
        echo_json(found)
        return
    for one in found["retired"]:
        about = ", ".join(f"{k} {_said(v)}" for k, v in one["detail"].items())
        typer.echo(f"{one['item']}  {one['reason']}  {about}")
    done = "would be retired" if dry_run else "retired"
    typer.echo(f"{len(found['retired'])} {done} of {found['checked']} items with answers here")


def _aside(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    from valuecompass.errors import InputError

    pairs: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {text}: write it as name=value")
        pairs[name] = value
    return pairs
