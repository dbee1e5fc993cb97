"""What respondents state and what they show: the same values by several ways of asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from valuecompass.blocking import blocking
from valuecompass.board.boards import Board, read_board
from valuecompass.board.comparison import joined
from valuecompass.measure.item_table import MODES, Answered, ItemTable, Mode, answered
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.points import finite
from valuecompass.measure.study.export import WORKSPACE
from valuecompass.stats.comparison import benjamini_hochberg
from valuecompass.stats.mode_gaps import ModeGaps, mode_gaps, profile_agreement, standings
from valuecompass.store import Store, open_store
from valuecompass.wording import count

Array = NDArray[np.float64]
STATED: tuple[Mode, ...] = ("self-report", "judgement")
"""Modes in which a respondent says what it holds; in the others it shows it."""
SHOWN: tuple[Mode, ...] = ("trade-off", "free text", "actions")
ONE_SCALE = ("self-report", "trade-off")
"""Modes whose profile can be read within one respondent: rates of free text and of judgements share
no scale from dimension to dimension."""
FEWEST = 4
"""Respondents from which on gaps are told: the median of three others withstands one odd one, and
the spread of fewer is no unit."""
DIMENSIONS = 3
"""Dimensions without which a profile has no shape."""
FDR = 0.05


@dataclass(frozen=True)
class Modes:
    """What some respondents' items say, mode by mode; all tables have the same respondents.

    tables: of the modes that were asked and read.
    local: whether the local judge had a say in what was judged.
    """

    names: tuple[str, ...]
    respondents: tuple[str, ...]
    simulated: tuple[bool, ...]
    tables: Mapping[Mode, ItemTable]
    local: bool = False


def stated_and_shown(
    workspace: Path | str = WORKSPACE,
    system: str = "schwartz",
    *,
    db: str | None = None,
    date: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare what the respondents of a board state with what they show.

    Args:
        workspace: folder of the store.
        system: id of the value system.
        db: SQLAlchemy URL of the database, where that is not the workspace's own file.
        date: the board of this day or measurement; None: the newest.
        seed: of the resampling.

    Returns:
        The documented JSON object; see `gaps_of`.

    Raises:
        InputError: there is no measurement of the system.
    """
    return blocking(partial(gaps_on_board, date=date, seed=seed), Path(workspace), db, system)


async def gaps_on_board(
    workspace: Path, db: str | None, system: str, *, date: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """`stated_and_shown` for callers that have an event loop."""
    async with open_store(workspace, db, create=False) as store:
        board = await read_board(store, system, date=date, samples=0)
        found = gaps_of(await modes_of(store, board), seed)
    return {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "measurements": [m.id for m in board.measurements],
        **found,
        "notices": [*found["notices"], *board.notices],
    }


async def modes_of(store: Store, board: Board) -> Modes:
    """Return what the items of a board say; an imported table has none."""
    read: list[Answered] = []
    if not board.imported:
        read = [await answered(store, m) for m in board.measurements]
    local = any(map(_is_local, board.measurements))
    return modes(read, board.respondents, board.simulated, local)


async def told_on_board(workspace: Path, db: str | None, board: Board) -> tuple[str, ...]:
    """Return what a reader of a board must know of stated and shown values; nothing if unknown."""
    async with open_store(workspace, db, create=False) as store:
        return told(gaps_of(await modes_of(store, board)))


def told(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Put the gaps of a board (`gaps_of`) into a sentence; nothing if there is none to tell."""
    cells = [
        (row["respondent"], name, cell["discovered"])
        for pair in found["pairs"]
        if pair["reason"] is None
        for row in pair["rows"]
        for name, cell in row["dimensions"].items()
    ]
    if not cells:
        return ()
    whose = dict.fromkeys(f"{who} ({name})" for who, name, discovered in cells if discovered)
    held = sum(discovered for _, _, discovered in cells)
    said = f": {_list(list(whose))}" if whose else ""
    return (
        f"{held} of {len(cells)} gaps between stated and shown values hold{said}. "
        "valuecompass gap shows them.",
    )


def modes_in(answers: Answered, measurement: Measurement) -> Modes:
    """Return the items of one measurement by mode."""
    who = [row.respondent for row in measurement.rows]
    simulated = [row.simulated for row in measurement.rows]
    return modes([answers], who, simulated, _is_local(measurement))


def _is_local(measurement: Measurement) -> bool:
    judge = measurement.manifest.get("judge")
    if not isinstance(judge, dict):  # an imported table tells of none, or in words
        return False
    judge = cast("dict[str, Any]", judge)
    return any(one.get("kind") == "local" for one in (judge, *judge.get("members", ())))


def modes(
    read: Sequence[Answered], respondents: Sequence[str], simulated: Sequence[bool], local: bool
) -> Modes:
    """Return the items of some measurements by mode, of each respondent from the first it is in."""
    tables: dict[Mode, ItemTable] = {}
    for mode, kinds in MODES.items():
        own = [one.of(kinds) for one in read]
        if any(table.items for table in own):
            tables[mode] = joined(own, respondents)
    names = read[0].table.names if read else ()
    return Modes(names, tuple(respondents), tuple(simulated), tables, local)


def gaps_of(found: Modes, seed: int = 0) -> dict[str, Any]:
    """Return the gaps between stated and shown values.

    Returns:
        ``modes``; ``scores``, of each respondent and dimension by mode the mean on 0-100 with its n
        items; and ``pairs``, one for each stated mode, shown mode and sort of respondents
        (simulated ones are compared with simulated ones). A pair has its ``dimensions``, the
        ``reliability`` of both modes, a ``reason`` where it has no gaps, and ``rows``: of each
        respondent ``overall``, ``agreement`` and by dimension ``stated``, ``shown``, ``usual``,
        ``gap``, ``low``, ``high``, ``p``, ``q`` and ``discovered``: at a false discovery rate of
        5 % over all gaps. What cannot be told is null.

    Source: `stats.mode_gaps`.
    """
    profiles: dict[Mode, Array] = {
        mode: standings(table.totals, table.counts, np.random.default_rng([seed, at]))
        for at, (mode, table) in enumerate(found.tables.items())
        if not found.tables.keys().isdisjoint(SHOWN if mode in STATED else STATED)
    }
    pairs = [
        _pair(found, stated, shown, sort, profiles)
        for stated in STATED
        for shown in SHOWN
        if stated in profiles and shown in profiles
        for sort in dict.fromkeys(found.simulated)
    ]
    _discover([cell for p in pairs for row in p["rows"] for cell in row["dimensions"].values()])
    _discover([row["overall"] for pair in pairs for row in pair["rows"]])
    return {
        "modes": list(found.tables),
        "fdr": FDR,
        "scores": _scores(found),
        "pairs": pairs,
        "notices": list(_notices(found, pairs)),
    }


def _scores(found: Modes) -> list[dict[str, Any]]:
    means = {mode: table.scores() for mode, table in found.tables.items()}
    items = {mode: (table.counts > 0).sum(axis=1) for mode, table in found.tables.items()}
    return [
        {
            "respondent": who,
            "simulated": found.simulated[at],
            "dimensions": {
                name: {
                    mode: {"score": finite(means[mode][at, d], 4), "n": int(items[mode][at, d])}
                    for mode in found.tables
                }
                for d, name in enumerate(found.names)
            },
        }
        for at, who in enumerate(found.respondents)
    ]


def _pair(
    found: Modes, stated: Mode, shown: Mode, sort: bool, profiles: Mapping[Mode, Array]
) -> dict[str, Any]:
    """Return what one stated and one shown mode say of the respondents of a sort."""
    both = profiles[stated], profiles[shown]
    own = np.flatnonzero(np.array(found.simulated) == sort)
    here = ~np.isnan(both[0][0] + both[1][0])
    dimensions = np.flatnonzero(here[own].any(axis=0))
    whole = own[here[np.ix_(own, dimensions)].all(axis=1)] if len(dimensions) else own[:0]
    first, second = (profile[:, whole][:, :, dimensions] for profile in both)
    compared: ModeGaps | None = None
    agreement = reason = None
    if len(dimensions) < DIMENSIONS:
        reason = _too_narrow(len(dimensions))
    elif len(whole) < FEWEST:
        reason = _too_few(stated, shown, len(whole))
        if (stated, shown) == ONE_SCALE and len(whole):
            agreement = profile_agreement(first, second)
    else:
        compared = mode_gaps(first, second)
        agreement, reason = compared.agreement, _flat(stated, shown, compared)
    names = [found.names[d] for d in dimensions.tolist()]
    shares = (None, None) if compared is None else compared.reliability.tolist()
    rows: list[dict[str, Any]] = [
        {
            "respondent": found.respondents[i],
            "overall": _told(compared and compared.overall, r, ("value", "low", "high", "p")),
            "agreement": _told(agreement, r, ("value", "low", "high")),
            "dimensions": {name: _cell(compared, r, d) for d, name in enumerate(names)},
        }
        for r, i in enumerate(whole.tolist())
    ]
    return {
        "stated": stated,
        "shown": shown,
        "simulated": sort,
        "dimensions": names,
        "reliability": {
            mode: None if share is None else finite(share, 4)
            for mode, share in zip((stated, shown), shares, strict=True)
        },
        "reason": reason,
        "rows": rows,
        "left_out": [found.respondents[i] for i in own.tolist() if i not in whole],
    }


_CELL = ("stated", "shown", "usual", "gap", "low", "high", "p")


def _cell(compared: ModeGaps | None, r: int, d: int) -> dict[str, Any]:
    if compared is None:
        return dict.fromkeys(_CELL)
    return {key: finite(getattr(compared, key)[r, d], 6) for key in _CELL}


def _told(figures: Any, r: int, keys: Sequence[str]) -> dict[str, Any]:
    """Return a respondent's figures; None where there are none."""
    if figures is None:
        return dict.fromkeys(keys)
    return {key: finite(getattr(figures, key)[r], 6) for key in keys}


def _discover(cells: Sequence[dict[str, Any]]) -> None:
    """Add to claims their q-values and whether they are discoveries."""
    p = np.array([np.nan if cell["p"] is None else cell["p"] for cell in cells])
    q, discovered = benjamini_hochberg(p, FDR)
    for cell, value, claimed in zip(cells, q.tolist(), discovered.tolist(), strict=True):
        cell |= {"q": finite(value, 6), "discovered": claimed}


def _too_narrow(n: int) -> str:
    measured = count(n, "dimension was", "dimensions were")
    return f"{measured} measured in both modes: a profile needs {DIMENSIONS}."


def _too_few(stated: Mode, shown: Mode, n: int) -> str:
    said = (
        f"{count(n, 'respondent has', 'respondents have')} both modes: a gap says how far a "
        f"respondent is from the others, and needs {FEWEST}."
    )
    if (stated, shown) == ONE_SCALE:
        return said + " Whether both put the dimensions in the same order can be told of one."
    return said


def _flat(stated: Mode, shown: Mode, compared: ModeGaps) -> str | None:
    flat = [m for m, d in zip((stated, shown), compared.told_apart, strict=True) if not d]
    if not flat:
        return None
    return (
        f"In {' and in '.join(flat)} the respondents differ no more than chance lets expect: "
        "there is no unit to say a gap in. More items, or respondents that differ more, give one."
    )


def _notices(found: Modes, pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    asked = list(found.tables)
    if not asked:
        yield "No usable answer to an item is here: nothing tells how values were asked for."
    elif not any(mode in STATED for mode in asked):
        yield (
            f"Only {' and '.join(asked)} was asked, in which values are shown: nothing stated to "
            "compare it with. Items of kind likert or judgement ask what a respondent states."
        )
    elif not any(mode in SHOWN for mode in asked):
        yield (
            f"Only {' and '.join(asked)} was asked, in which values are stated: nothing shown to "
            "compare it with. Items in free text, trade-offs and scenarios show values."
        )
    if found.local and "actions" in asked:
        yield (
            "Actions were read by the local judge, whose errors were measured on what is written "
            "and not on what is done: a gap to actions may be its own. Judge scenarios by a model."
        )
    for pair in pairs:
        sort = "simulated" if pair["simulated"] else "real"
        head = f"{pair['stated']} and {pair['shown']}, {sort} respondents"
        if pair["reason"] is not None:
            yield f"{head}: {pair['reason']}"
        if pair["left_out"]:
            yield f"{head}: left out, not measured on all dimensions: {_list(pair['left_out'])}."
    if any(len(pair["rows"]) and pair["reason"] is None for pair in pairs):
        yield (
            "A gap is how far a respondent states a value higher than it shows it, beside the "
            "other respondents here and its own other values: with other respondents beside it, "
            "it would be another."
        )


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
