"""The same responses under several value theories: what each adds, and which separates best."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.boards import Board, read_board
from valuecompass.board.health.theory_figures import Readings, figures
from valuecompass.errors import InputError, RequestFailed, ungrouped
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges import Judge, Subject, judge_id, subject_of
from valuecompass.judges.quality.calibration import gate
from valuecompass.judges.quality.judging import judge_subjects
from valuecompass.judges.spec import judge_models
from valuecompass.measure.archive import found_answers, items_query
from valuecompass.measure.engine import interruptible
from valuecompass.measure.run import Settings, make_judge, resolve_system
from valuecompass.measure.scoring import FREE, findings_of
from valuecompass.models import Budget, check_priced
from valuecompass.models.asker import Asker
from valuecompass.stats import aggregate
from valuecompass.store import Store, answers, blocks, open_store, responses, verdicts
from valuecompass.values import ValueSystem

Array = NDArray[np.float64]
Tell = Callable[[str, int, int], None]
Place = tuple[str, int, str]
"""Key of the response, repeat, item: where verdicts are stored."""
AT_ONCE = 64
"""Responses whose verdicts are stored together."""
ONE_JUDGE = (
    "One judge has read the answers under all theories: what its errors have in common under two "
    "theories looks like redundancy."
)
ERROR_IS_UNIQUE = (
    "What no other theory explains includes errors of measurement: a theory that is read at random "
    "is all its own. Read it beside the share that lies between respondents."
)
READ_FOR = (
    "Under {name} the answers were read for what they appeal to, which is not the score of that "
    "system ({scoring}): its own items measure that."
)


@dataclass(frozen=True)
class Answer:
    """One free-text answer, and whose it is."""

    respondent: str
    place: Place
    item: Item
    text: str


async def compare_theories(
    settings: Settings, *, date: str | None = None, seed: int = 0, tell: Tell | None = None
) -> dict[str, Any]:
    """Read the free-text answers of one system's board under several theories and compare these.

    Verdicts are stored like all others: nothing is judged twice.

    Args:
        settings: ``systems`` (two or more; the answers are those of the first), judge, limits and
            workspace.
        date: the board of this day; None: the newest.
        seed: of the resampling.
        tell: called with (system, responses judged, responses in all).

    Returns:
        The documented JSON object; `theory_figures.figures` says what is in ``theories``,
        ``pairs``, ``chance`` and ``best``.

    Raises:
        InputError: fewer than two systems, one named twice, a published table, or no answers in
            free text.
        BudgetReached, Interrupted, ProviderStopped: nothing more can be asked; what was answered
            is stored.
    """
    systems = _named(settings.systems)
    async with open_store(settings.workspace, settings.db, create=False) as store:
        board = await read_board(store, systems[0].id, date=date, samples=0)
        systems[0] = board.system
        found = await _answers(store, board)
        judge, values = await _read(store, settings, board, systems, found, tell)
    whole = np.flatnonzero(~np.isnan(np.column_stack(values)).any(axis=1)).tolist()
    if not whole:
        raise InputError(
            f"systems compare: the judge {judge.name} has a verdict under every one of "
            f"{', '.join(s.id for s in systems)} on none of {len(found)} answers; "
            "name another with --judge"
        )
    kept = [found[at] for at in whole]
    pairs = zip(systems, values, strict=True)
    readings = Readings(
        {system.id: (system.names, table[whole]) for system, table in pairs},
        tuple(a.respondent for a in kept),
        tuple(a.item.id for a in kept),
    )
    told = figures(readings, np.random.default_rng(seed))
    about = {system.id: _about(system, judge) for system in systems}
    return {
        "measurements": [m.id for m in board.measurements],
        "answers_of": board.system.id,
        "date": board.created.date().isoformat(),
        "judge": judge.name,
        "respondents": list(dict.fromkeys(readings.respondents)),
        "responses": len(kept),
        "items": len(set(readings.items)),
        "left_out": len(found) - len(kept),
        **told,
        "theories": [about[one["system"]] | one for one in told["theories"]],
        "notices": _notices(board, systems, judge, told["notices"]),
    }


def _named(names: Sequence[str]) -> list[ValueSystem]:
    systems = [resolve_system(name) for name in names]
    ids = [system.id for system in systems]
    if len(ids) < 2:
        raise InputError("systems compare: name two value systems or more, each with -s")
    if twice := next((i for i in ids if ids.count(i) > 1), None):
        raise InputError(f"-s {twice}: this value system is named twice")
    return systems


async def _read(
    store: Store,
    settings: Settings,
    board: Board,
    systems: Sequence[ValueSystem],
    found: Sequence[Answer],
    tell: Tell | None,
) -> tuple[Judge, list[Array]]:
    """Return the judge and, of each system, what it finds: (answers, D), NaN without verdict."""
    asker = Asker(store, Budget(store, "", settings.limits), settings.patience)
    values: list[Array] = []
    try:
        with ungrouped():
            judge = make_judge(settings, asker)
            about = [board.measurements[0].id, *(system.id for system in systems)]
            await _prepare(asker, judge, about, settings)
            opinions = board.measurements[0].manifest["opinions"]
            async with interruptible([asker]):
                for system in systems:
                    own = await _verdicts(store, judge, system.as_expression(), found, tell)
                    parts = [findings_of(own.get(a.place, ()), system.names) for a in found]
                    values.append(np.stack([aggregate(p.expressed, opinions) for p in parts]))
    finally:
        with anyio.CancelScope(shield=True):
            await asker.models.close()
    if asker.stop is not None:
        raise asker.stop
    return judge, values


async def _prepare(asker: Asker, judge: Judge, about: Sequence[str], settings: Settings) -> None:
    models = judge_models(judge)
    check_priced(models, settings.limits)
    for model in models:  # a wrong name or an absent key is told before the first request
        asker.models.get(model.model)
    asker.budget.plan = digest(["systems compare", judge.identity, *about], 16)
    await asker.budget.load()


async def _answers(store: Store, board: Board) -> list[Answer]:
    """Return the answers in free text of a board's respondents, of each its newest measurement."""
    if board.imported:
        raise InputError(
            f"-s {board.system.id}: its newest board is a published table, which has no answers; "
            "name the day of a measurement of our own with --date"
        )
    columns = (answers.c.position, answers.c.outcome, answers.c.key, answers.c.repeat)
    columns = (*columns, answers.c.item, responses.c.text)
    found: list[Answer] = []
    taken: set[str] = set()
    for m in board.measurements:
        new = {p: row.respondent for p, row in enumerate(m.rows) if row.respondent not in taken}
        taken |= set(new.values())
        bodies = {row["id"]: row["body"] for row in await store.rows(items_query(m))}
        items = {i: Item.from_row(body) for i, body in bodies.items() if body["kind"] in FREE}
        async with contextlib.aclosing(store.stream(found_answers(m, columns))) as blocks:
            async for rows in blocks:
                found += [
                    Answer(
                        new[row["position"]],
                        (row["key"], row["repeat"], row["item"]),
                        items[row["item"]],
                        row["text"],
                    )
                    for row in rows
                    if row["position"] in new
                    and row["item"] in items
                    and row["outcome"] == "answer"
                ]
    if not found:
        raise InputError(
            f"-s {board.system.id}: its board has no answers in free text that could be read under "
            "another theory; begin with a system that has"
        )
    return found


async def _verdicts(
    store: Store, judge: Judge, system: ValueSystem, found: Sequence[Answer], tell: Tell | None
) -> dict[Place, list[dict[str, Any]]]:
    """Return verdicts on every dimension, from the store as far as they are there."""
    subjects = {a.place: _subject(system, a) for a in found}
    names = {a.place: _name(judge, system, a.item) for a in found}
    known: dict[Place, list[dict[str, Any]]] = {}
    for block in blocks(sorted({place[0] for place in subjects}), 500):
        query = select(verdicts).where(
            verdicts.c.key.in_(block), verdicts.c.judge.in_(sorted(set(names.values())))
        )
        for row in await store.rows(query):
            place = row["key"], row["repeat"], row["item"]
            if names.get(place) == row["judge"]:
                known[place] = row["body"]
    left = [place for place in subjects if place not in known]
    for block in blocks(left, AT_ONCE):
        said = await judge_subjects(judge, {place: subjects[place] for place in block})
        new = {
            place: [
                {k: v for k, v in asdict(f).items() if v is not None or k == "expressed"}
                for f in of_one
            ]
            for place, of_one in said.items()
            # what failed is not kept: next time the request is sent again
            if not isinstance(of_one, RequestFailed) and any(f.missing is None for f in of_one)
        }
        await _keep(store, new, names)
        known |= new
        if tell is not None:
            tell(system.id, len(known), len(subjects))
    return known


async def _keep(store: Store, new: Mapping[Place, Any], names: Mapping[Place, str]) -> None:
    rows = [
        {
            **dict(zip(("key", "repeat", "item"), place, strict=True)),
            "judge": names[place],
            "body": body,
            "created": datetime.now(UTC),
        }
        for place, body in new.items()
    ]
    if rows:
        await store.write((store.insert_new(verdicts), rows))


def _subject(system: ValueSystem, answer: Answer) -> Subject:
    """Return what is judged: the parts of a measurement, on every dimension of the theory."""
    subject = subject_of(system, answer.item, answer.text)
    return Subject(system, answer.item, answer.text, subject.parts, system.names)


def _name(judge: Judge, system: ValueSystem, item: Item) -> str:
    """Return under which name verdicts are stored.

    On answers to questions they are those of a measurement; it judges others on one dimension only.
    """
    name = judge_id(judge, system)
    return name if item.kind == "question" else digest([name, "every dimension"], 16)


def _about(system: ValueSystem, judge: Judge) -> dict[str, Any]:
    found = gate(None, judge, system.as_expression())
    return {"name": system.name, "scoring": system.scoring, "judge_gate": asdict(found)}


def _notices(
    board: Board, systems: Sequence[ValueSystem], judge: Judge, said: Sequence[str]
) -> list[str]:
    notices = [ONE_JUDGE, ERROR_IS_UNIQUE]
    for system in systems:
        found = gate(None, judge, system.as_expression())
        if found.status != "passed":
            mark = "Demonstration. " if found.status == "failed" else ""
            notices.append(mark + found.reason)
        if system.scoring != "expression":
            notices.append(READ_FOR.format(name=system.name, scoring=system.scoring))
    if any(board.simulated):
        notices.append(
            "Some respondents are simulated: texts with planted values, nobody's answers."
        )
    return [*notices, *said]
