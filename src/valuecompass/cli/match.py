"""`valuecompass match`: which respondents order values as a person does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Date, Db, Json, System, Workspace, app, echo_json, plain

if TYPE_CHECKING:
    from valuecompass.board.persons.match import Match, Matched
    from valuecompass.board.persons.questionnaire import Interview, Questionnaire

AnswerFile = Annotated[
    Path | None, typer.Option("--answers", help='A person\'s answers: {"1": 3, "2": 5, ...}.')
]
QuestionFile = Annotated[
    Path | None,
    typer.Option(help="What was answered, as a file. [default: our own 30 statements]"),
]


@app.command()
def match(
    system: System = "schwartz",
    answers: AnswerFile = None,
    ask: Annotated[
        Path | None,
        typer.Option(
            help="Be asked here, and keep the answers in this file; repeat the command to go on."
        ),
    ] = None,
    questionnaire: QuestionFile = None,
    date: Date = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffled answers.")] = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Match a person with the respondents whose order of values is nearest.

    Without --questionnaire, thirty statements of our own are used, rated from 1 (not like me at
    all) to 6 (very much like me). Nothing is stored but the file that --ask names.
    """
    import anyio
    import numpy as np

    from valuecompass.board.boards import load_board
    from valuecompass.board.persons.match import match, person_of
    from valuecompass.board.persons.questionnaire import (
        own_questionnaire,
        read_answers,
        read_questionnaire,
    )
    from valuecompass.errors import InputError
    from valuecompass.measure.run import resolve_system
    from valuecompass.wording import visible

    if (given := answers or ask) is None or (answers and ask):
        raise InputError(
            "give either --answers FILE, or --ask FILE to be asked and to keep the answers there"
        )
    theory = resolve_system(system).id
    board = anyio.run(lambda: load_board(workspace, db, theory, date=date))
    asked = (
        read_questionnaire(questionnaire, board.system)
        if questionnaire
        else own_questionnaire(board.system)
    )
    for notice in asked.notices:
        typer.echo(visible(f"Note: {notice}"), err=True)
    if ask:
        _interview(asked, ask)
    person = person_of(asked, read_answers(given, asked))
    found = match(board, person, np.random.default_rng(seed))
    if json:
        echo_json(found.json())
        return
    _show(found, asked)


def _show(found: Match, asked: Questionnaire) -> None:
    from valuecompass.cli.shown import table
    from valuecompass.wording import visible

    order = sorted(found.person.items(), key=lambda pair: -pair[1])
    typer.echo(f"You, on {asked.scale}: " + ", ".join(f"{name} {v:.1f}" for name, v in order))
    typer.echo("")
    if found.matches:
        titles = ["respondent", "match 0-100", "rho", "beats shuffled answers"]
        table(titles, [_row(one) for one in found.matches])
    for who in found.winners:
        typer.echo(visible(f"Fits you best: {who}"))
    for notice in found.notices:
        typer.echo(visible(f"Note: {notice}"))


def _row(one: Matched) -> list[str]:
    from valuecompass.wording import interval, number

    name = f"{one.respondent} (simulated)" if one.simulated else one.respondent
    if one.match is None or one.rho is None or one.beats is None:
        return [name, one.reason or "", "-", "-"]
    ends = interval(one.low, one.high, 0)
    shown = number(one.match, 0) + (f" [{ends}]" if ends else "")
    return [name, shown, number(one.rho, 2), f"{100 * one.beats:.1f} %"]


def _interview(asked: Questionnaire, path: Path) -> None:
    """Ask what is not answered yet; what is answered is on disk when this ends, however."""
    from valuecompass.board.persons.questionnaire import Interview
    from valuecompass.errors import Interrupted

    interview = Interview(asked, path)
    try:
        finished = _asked(interview)
    except KeyboardInterrupt:
        finished = False
    if not finished:
        raise Interrupted(
            f"{len(interview.answers)} of {len(asked.items)} answered"
            + (f", kept in {path}" if interview.answers else "")
            + "; repeat the command to go on"
        )


def _asked(interview: Interview) -> bool:
    """Ask until all is answered; False when the person stops or the input ends."""
    from valuecompass.cli.app import console

    screen: Any = console(stderr=True)
    asked = interview.questionnaire
    if interview.question is not None:
        screen.print(plain(f"How much is this like you, from {asked.low:g} (not at all)"), end="")
        screen.print(plain(f" to {asked.high:g} (very much)? b goes back, q stops."))
    while (question := interview.question) is not None:
        screen.print(plain(f"\n{interview.place + 1} of {len(asked.items)}", "dim"))
        screen.print(plain(question.text or "", "bold"))
        if (given := interview.given) is not None:
            screen.print(plain(f"Given: {given:g}. Enter keeps it.", "dim"))
        screen.print("> ", end="")
        typed = sys.stdin.readline()
        word = typed.strip().lower()
        if not typed or word == "q":
            return False
        if word == "b":
            interview.back()
        elif not word and interview.given is not None:
            interview.keep()
        elif (fault := interview.put(word)) is not None:
            screen.print(plain(f"{fault}: type a number from {asked.scale}, b or q"))
    return True
