"""Which respondents order values as a person does, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import SALIENCE, Board
from valuecompass.board.correlation import compared_draws, interval
from valuecompass.board.persons.questionnaire import (
    Questionnaire,
    own_questionnaire,
    read_answers,
    read_questionnaire,
)
from valuecompass.errors import InputError
from valuecompass.measure.points import finite
from valuecompass.values import ValueSystem

__all__ = ["Match", "Matched", "Person", "match", "person_of", "person_of_scores", "read_person"]

Array = NDArray[np.float64]
AT_ONCE = 100
"""Respondents compared with all shuffled profiles at the same time: bounds the memory."""
SHUFFLES = 10_000
"""Permutations drawn where there are more of them."""
LEVEL = 0.05
"""Chance that somebody is said to fit answers in random order."""
COMPARED = {
    "trade-off": "Compared on the trade-off scale: what each respondent put first when two "
    "dimensions conflict.",
    "as published": "Compared on the scores as published, without re-scaling.",
    "salience": "Compared on rates, because not every respondent has a trade-off scale. Rates of "
    "different dimensions share no scale: a value that comes up more often need not count more.",
}
"""What a reader must know of each kind of profile."""
_CLOSE = 1e-12
"""Correlations nearer than this are equal: the rest is rounding."""


@dataclass(frozen=True)
class Person:
    """A person's value profile."""

    means: dict[str, float]
    """Mean keyed answer by dimension, on the questionnaire's scale."""
    same: bool
    """Every answer, or every mean, is the same: the profile has no order."""


@dataclass(frozen=True)
class Matched:
    """How near one respondent's order of values is to the person's."""

    respondent: str
    simulated: bool
    match: float | None
    """100 (rho + 1) / 2: 100 the same order, 50 no relation, 0 the reverse."""
    rho: float | None
    beats: float | None
    """Share of shuffled profiles with a smaller rho, ties half, in [0, 1]."""
    low: float | None
    high: float | None
    """95 % limits of `match`, from the uncertainty of the respondent's scores."""
    reason: str | None
    """Why there is no match."""


@dataclass(frozen=True)
class Match:
    """A person beside every respondent of a board."""

    matches: tuple[Matched, ...]
    """Best first, equal ones in the board's order, those without a match last."""
    fits: bool | None
    """Whether the best match is better than chance; None where there is nothing to rank."""
    p: float | None
    """Chance that shuffled answers find a best match as good as this, over all respondents."""
    winners: tuple[str, ...]
    """The best match, or several that are exactly level; empty unless somebody fits."""
    person: dict[str, float]
    compared_on: str
    notices: tuple[str, ...]

    @property
    def winner(self) -> str | None:
        """The best match if it is a single one."""
        return self.winners[0] if len(self.winners) == 1 else None

    def json(self) -> dict[str, Any]:
        """Return the documented JSON object."""
        return {
            "matches": [asdict(one) for one in self.matches],
            "fits": self.fits,
            "p": self.p,
            "winner": self.winner,
            "winners": list(self.winners),
            "person": self.person,
            "compared_on": self.compared_on,
            "notices": list(self.notices),
        }


def person_of(questionnaire: Questionnaire, answers: Mapping[str, float]) -> Person:
    """Return the profile behind answers to a questionnaire."""
    means = questionnaire.means(answers)
    return Person(means, min(len(set(answers.values())), len(set(means.values()))) < 2)


def person_of_scores(questionnaire: Questionnaire, scores: Mapping[str, float]) -> Person:
    """Return the profile that somebody knows already, as mean answers by dimension.

    Raises:
        InputError: a dimension is missing, unknown, given twice or off the scale.
    """
    system = questionnaire.system
    means: dict[str, float] = {}
    for given, value in scores.items():
        name = system.canonical(given)
        if name is None:
            known = ", ".join(system.names)
            raise InputError(f"scores: {given!r} is not a dimension of {system.id}; known: {known}")
        if name in means:
            raise InputError(f"scores: {given!r}: {name} is given twice; keep one of the two")
        if (fault := questionnaire.fault(value)) is not None:
            raise InputError(f"scores: {given!r}: {fault}")
        means[name] = value
    if absent := [name for name in system.names if name not in means]:
        raise InputError(f"scores: no score for {', '.join(absent)}; give every dimension one")
    return Person({name: means[name] for name in system.names}, len(set(means.values())) < 2)


def read_person(system: ValueSystem, answers: Path, questionnaire: Path | None = None) -> Person:
    """Return the profile behind a file of answers.

    Args:
        system: the value system.
        answers: ``{"1": 3, ...}``.
        questionnaire: what was answered; None: the one that comes with the package.

    Raises:
        InputError: with file and field.
    """
    asked = (
        own_questionnaire(system)
        if questionnaire is None
        else read_questionnaire(questionnaire, system)
    )
    return person_of(asked, read_answers(answers, asked))


def match(board: Board, person: Person, rng: np.random.Generator) -> Match:
    """Compare a person's order of values with every respondent's.

    rho is Spearman's correlation with average ranks over the board's dimensions. Chance is what
    the person's own numbers give when they are dealt to the dimensions at random: all orders where
    they are at most 10,000, else as many drawn ones. `fits` compares the best match with the best
    match of each shuffled profile, over all respondents, so that many respondents do not make a
    fit likelier (5 % by chance however many there are).

    Args:
        board: the respondents; those without a score on some dimension get no match.
        person: of the same value system.
        rng: of the shuffles and of trade-off limits.

    Raises:
        InputError: the board has fewer than two dimensions.

    Source: Spearman (1904), American Journal of Psychology 15, 72-101; 100 (rho + 1) / 2 as on the
    Value Compass site; the best of many: Westfall & Young (1993), Resampling-Based Multiple
    Testing, section 2.3; p with one added to both counts: Phipson & Smyth (2010), Statistical
    Applications in Genetics and Molecular Biology 9, 39.
    """
    if len(board.names) < 2:
        raise InputError("an order of values needs two dimensions; the board has one")
    profiles, kind = board.profiles()
    notices = compared(board, kind)
    mine = np.array([person.means[name] for name in board.names])
    if person.same or len(set(mine)) < 2:
        said = "All answers say the same: they put no value before another, so nobody is ranked."
        return Match((), None, None, (), person.means, kind, (said, *notices))
    ranks = centred_ranks(profiles)
    size = np.sqrt((ranks**2).sum(axis=1) * (centred_ranks(mine) ** 2).sum())
    usable = np.flatnonzero(size > 0)  # neither missing (NaN) nor all equal
    if not len(usable):
        said = "No respondent has scores that can be put in order, so nobody is ranked."
        rows = _rows(board, profiles, {})
        return Match(rows, None, None, (), person.means, kind, (said, *notices))
    # ranks are multiples of a half: their products are exact, and so is what ties
    products = centred_ranks(mine) @ ranks[usable].T
    shuffled, chances = _shuffled(centred_ranks(mine), rng)
    rho, beats = products / size[usable], np.empty(len(usable))
    best = np.full(len(shuffled), -np.inf)
    for start in range(0, len(usable), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        chance, own = shuffled @ ranks[usable[part]].T, products[part]
        beats[part] = (chance < own).mean(axis=0) + (chance == own).mean(axis=0) / 2
        best = np.maximum(best, (chance / size[usable[part]]).max(axis=1))
    p = (int((best >= rho.max() - _CLOSE).sum()) + chances) / (len(best) + chances)
    limits = _limits(board, kind, mine, usable, rho, rng)
    numbers = np.column_stack([rho, beats, limits])
    found = {int(at): tuple(map(finite, row)) for at, row in zip(usable, numbers, strict=True)}
    rows = _rows(board, profiles, found)
    return _judged(rows, p, person, kind, notices)


def compared(board: Board, kind: str) -> tuple[str, ...]:
    """Return what was compared, in words, before the board's notices."""
    # ours says it where it applies; beside the trade-off scale it would mislead
    return (COMPARED[kind], *(said for said in board.notices if said != SALIENCE))


def centred_ranks(profiles: Array) -> Array:
    """Return average ranks along the last axis, less their mean; NaN where a number is missing."""
    from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

    ranks: Array = rankdata(profiles, axis=-1)
    return ranks - (profiles.shape[-1] + 1) / 2


def _shuffled(ranks: Array, rng: np.random.Generator) -> tuple[Array, int]:
    """Return orders of the ranks (B, D), and 1 to add to counts where they are a sample."""
    if math.factorial(len(ranks)) <= SHUFFLES:
        return np.array(list(permutations(ranks))), 0
    return rng.permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1), 1


def _limits(
    board: Board, kind: str, mine: Array, usable: NDArray[np.intp], rho: Array, rng: Any
) -> Array:
    """Return 95 % limits of the match (n, 2), from the scores; NaN where they have none."""
    draws = compared_draws(board, kind, rng)
    if draws is None:
        return np.full((len(usable), 2), np.nan)
    ranks, own = centred_ranks(draws[:, usable]), centred_ranks(mine)
    with np.errstate(invalid="ignore"):  # a draw without order has no correlation
        drawn = ranks @ own / np.sqrt((ranks**2).sum(axis=2) * (own**2).sum())
    drawn = np.where(np.isnan(drawn).all(axis=0), rho, drawn)
    return 50 * (np.stack(interval(rho, drawn), axis=1) + 1)


def _rows(
    board: Board, profiles: Array, found: Mapping[int, tuple[float | None, ...]]
) -> tuple[Matched, ...]:
    rows: list[Matched] = []
    for at, (who, simulated) in enumerate(zip(board.respondents, board.simulated, strict=True)):
        if at in found:
            rho, beats, low, high = found[at]
            assert rho is not None
            rows.append(Matched(who, simulated, 50 * (rho + 1), rho, beats, low, high, None))
            continue
        gone = [n for n, v in zip(board.names, profiles[at], strict=True) if np.isnan(v)]
        reason = f"no score for {', '.join(gone)}" if gone else "all its scores are equal"
        rows.append(Matched(who, simulated, None, None, None, None, None, reason))
    return tuple(sorted(rows, key=lambda r: math.inf if r.rho is None else -round(r.rho, 12)))


def _judged(
    rows: tuple[Matched, ...], p: float, person: Person, kind: str, notices: tuple[str, ...]
) -> Match:
    """Name whoever fits and say what the reader must know of it."""
    top = rows[0]
    assert top.rho is not None and top.match is not None
    fits = p <= LEVEL
    level = [r for r in rows if r.rho is not None and r.rho > top.rho - _CLOSE]
    said: list[str] = []
    if not fits:
        said.append(
            f"Nobody fits: shuffled answers find a best match as good as this one ({top.match:.0f})"
            f" in {100 * p:.0f} % of cases, so no winner is named."
        )
    elif len(level) > 1:
        said.append(f"{len(level)} respondents are exactly level at the top.")
    near = [r for r in rows if r not in level and r.high is not None and r.high >= top.match]
    if fits and near:
        said.append(
            f"The intervals of {len(near)} more reach the best match: they may fit as well."
        )
    winners = tuple(r.respondent for r in level) if fits else ()
    return Match(rows, fits, p, winners, person.means, kind, (*said, *notices))
