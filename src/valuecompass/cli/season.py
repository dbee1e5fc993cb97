"""`valuecompass season`: renew a form of a living bank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    MaxUsd,
    System,
    Workspace,
    app,
    console,
    echo_json,
    plain,
)

if TYPE_CHECKING:
    from valuecompass.evolve.lifecycle.forecast import SeasonProspect

COUNTED = ("requests", "tokens_in", "tokens_out")
UNMEASURED = (
    "Where no stored answer of a model tells its tokens, texts of the length asked for are taken, "
    "without any thinking"
)
STEPS = {
    "evolve": "Items evolve on the pool",
    "overlap": "Items that repeat the bank are left out",
    "pool": "The pool answers the form before",
    "retire": "Items are checked for retirement",
    "form": "The next form is selected",
    "measure": "All respondents answer it",
    "link": "Scores are linked",
}


@app.command()
def season(
    name: Annotated[
        str, typer.Argument(help="Name of the season, such as 2026-12; its measurements carry it.")
    ],
    previous: Annotated[Path, typer.Option(help="Form file of the season before.")],
    items: Annotated[
        list[Path],
        typer.Option(
            help="Your bank, the form's items included (JSONL, CSV, Parquet). Repeat for more."
        ),
    ],
    pool: Annotated[
        list[str],
        typer.Option(
            "--pool",
            help="Model that new items evolve on, named as for run -m. Repeat for more.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="Respondent to measure, named as for run -m. Repeat for more."
        ),
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="TOML file with respondents to measure.")
    ] = None,
    strong: Annotated[
        list[str] | None,
        typer.Option("--strong", help="Further model of the pool. Repeat for more."),
    ] = None,
    explorer: Annotated[
        list[str] | None,
        typer.Option(
            "--explorer", help="Model that writes the items. Repeat for more.  [default: the pool]"
        ),
    ] = None,
    system: System = "schwartz",
    judge: Judge = "local",
    judge_mode: Annotated[
        str | None, typer.Option(help="one-call, per-value or concepts.  [default: one-call]")
    ] = None,
    calls: Annotated[
        int, typer.Option(min=1, help="Most requests while items evolve, stored answers included.")
    ] = 3_000,
    size: Annotated[int, typer.Option(min=1, help="Items of the next form.")] = 100,
    anchors: Annotated[
        int,
        typer.Option(help="How many of them are items of the form before, which link the scores."),
    ] = 20,
    most_uses: Annotated[
        int, typer.Option(min=1, help="Occasions after which an item is retired as exposed.")
    ] = 4,
    saturated: Annotated[
        float,
        typer.Option(min=0, help="Retire as saturated what surely tells less than so many nats."),
    ] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Of all random draws.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the new bank, form and change log.  [default: the name]"
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, help="Stop before more tokens than this.")
    ] = None,
    max_usd: MaxUsd = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the season would take, and stop.")
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Renew a form: evolve items on new models, retire old ones, measure all, link the scores.

    Interrupted or out of budget? Repeat the command: what is done is not done again. --max-tokens
    and --max-usd hold for all steps together.

    Exit codes: 0 done, 2 bad input, 3 budget reached, 130 interrupted.
    """
    import anyio

    from valuecompass.evolve.lifecycle.season import SeasonSettings, season_async

    settings = SeasonSettings(
        name=name,
        previous=previous,
        items=items,
        pool=pool,
        models=model or [],
        roster=roster,
        strong=strong or [],
        explorers=explorer or [],
        system=system,
        judge=judge,
        judge_mode=judge_mode,
        calls=calls,
        size=size,
        anchors=anchors,
        most_uses=most_uses,
        saturated=saturated,
        seed=seed,
        out=out,
        tokens=max_tokens,
        usd=max_usd,
        workspace=workspace,
        db=db,
    )
    if dry_run:
        from valuecompass.evolve.lifecycle.forecast import season_prospect

        prospect = anyio.run(season_prospect, settings, _listener())
        if json:
            echo_json(prospect.json())
        else:
            _foresee(prospect)
        return
    log = anyio.run(season_async, settings, _listener())
    if json:
        echo_json(log | {"folder": str(settings.folder)})
    else:
        _show(log, settings.folder)


def _listener() -> Any:
    from valuecompass.evolve.lifecycle.season import SeasonListener

    class Told(SeasonListener):
        """Says on stderr which step begins."""

        def step(self, step: Any, about: str) -> None:
            typer.echo(f"{STEPS[step]} ({about})", err=True)

        def note(self, sentence: str) -> None:
            from valuecompass.wording import visible

            typer.echo(visible(sentence), err=True)

    return Told()


def _foresee(prospect: SeasonProspect) -> None:
    """Print what each step takes, on stderr, as other dry runs do."""
    from valuecompass.cli.shown import dollars, table
    from valuecompass.wording import visible

    where = console(stderr=True)
    whole: dict[str, Any] = prospect.json()
    steps: list[dict[str, Any]] = [*whole["steps"], {**whole, "step": "all", "about": ""}]
    rows = [
        [one["step"], one["about"], *(f"{one[k]:,}" for k in COUNTED), dollars(one["usd"])]
        for one in steps
    ]
    table(["step", "of", "requests", "tokens in", "out", "USD"], rows, where)
    unpriced = dict.fromkeys(part.name for part in prospect.parts if part.usd is None)
    lacking = {part.name: part.lacks for part in prospect.parts if part.lacks}
    sentences = [f"No price is known of {', '.join(map(visible, unpriced))}"] if unpriced else []
    sentences += [f"{name} cannot be asked here: it needs {need}" for name, need in lacking.items()]
    if any(not part.measured and part.tokens_out for part in prospect.parts):
        sentences.append(UNMEASURED)
    for sentence in [*sentences, *(f"Note: {note}" for note in prospect.notes)]:
        where.print(plain(sentence), soft_wrap=True)


def _show(log: dict[str, Any], folder: Path) -> None:
    from collections import Counter

    from rich.table import Table

    form, left = log["form"], Counter(one["why"] for one in log["left"])
    drifting = sum(one["drifting"] for one in log["anchors"])
    typer.echo(
        f"{form['name']}, {form['hash']}: {form['items']} items, {len(log['anchors'])} anchors "
        f"({drifting} drifting), {len(log['entered'])} entered, {len(log['left'])} left"
        + (f" ({', '.join(f'{n} {why}' for why, n in left.items())})" if left else "")
    )
    for note in log["notes"]:
        console().print(plain(note))
    if log["moved"]:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("respondent", "dimension", "change in logits"):
            table.add_column(title)
        for one in log["moved"]:
            change = f"{one['difference']:+.1f} ({one['low']:+.1f} to {one['high']:+.1f})"
            table.add_row(plain(one["respondent"]), plain(one["dimension"]), change)
        console().print(table)
    elif any(p["change"] for d in log["linked"].values() for p in d["respondents"].values()):
        typer.echo("No change of a respondent measured before and now is sure.")
    typer.echo(f"All of it: {folder / 'changes.md'}; next time: --previous {folder / 'form.json'}")
