"""A panel of judges: their joined verdict, and a strong judge where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import Any

import anyio

from valuecompass.errors import RequestFailed, ValueCompassError
from valuecompass.hashing import digest
from valuecompass.judges.protocol import THRESHOLD, Judge, Subject, Verdict

WITHOUT_STRONG = "members disagree, and the strong judge has no verdict"

Votes = Sequence[float | None]
Cell = tuple[int, str]


class PanelJudge:
    """Asks several judges about every response and joins what they say.

    The verdict on a part and dimension is the median of the members' `expressed` (of two: their
    mean) and the mean of their valences; its evidence is that of the member nearest to it. Its
    confidence is the mean of theirs (1 where none states one) times one less the range of their
    votes. It is missing when fewer than half of the members have a verdict.

    The strong judge, if there is one, is asked the whole question about each response on which
    members stand on both sides of .5 in any part and dimension, and decides those. (Votes more
    than .5 apart always stand on both sides.)

    Args:
        members: two or more; their order has no influence.
        strong: asked only where they disagree.
    """

    def __init__(self, members: Sequence[Judge], strong: Judge | None = None) -> None:
        # in one order whatever order they were named in: votes are kept by their place
        self.members = tuple(
            sorted(members, key=lambda m: (label_of(m.identity), digest(m.identity)))
        )
        self.strong = strong

    @property
    def name(self) -> str:
        """The members' names, and the strong judge's."""
        names = ",".join(member.name for member in self.members)
        return names if self.strong is None else f"{names}; in doubt {self.strong.name}"

    @property
    def identity(self) -> dict[str, Any]:
        """Kind, the members' identities in the order of the votes, the strong judge's."""
        return {
            "kind": "panel",
            "version": 1,
            "members": [member.identity for member in self.members],
            "strong": None if self.strong is None else self.strong.identity,
        }

    async def judge(self, subject: Subject) -> list[Verdict]:
        """Return joined verdicts, with every member's vote.

        Raises:
            RequestFailed: a request of a member or of the strong judge failed for good.
            ValueCompassError: the first error of a member, when all have finished: what was in
                flight is stored.
        """
        found = await self._ask(subject)
        names = [member.name for member in self.members]
        joined = {cell: join(cell, [of[cell] for of in found], names) for cell in found[0]}
        if self.strong is None:
            return list(joined.values())
        said: Mapping[Cell, Verdict] = {}
        if any(disagree(v.votes or ()) for v in joined.values()):
            said = _by_cell(await self.strong.judge(subject))
        return [_decided(v, said.get(cell)) for cell, v in joined.items()]

    async def _ask(self, subject: Subject) -> list[dict[Cell, Verdict]]:
        found: list[dict[Cell, Verdict]] = [{} for _ in self.members]
        errors: list[ValueCompassError] = []

        async def ask(place: int) -> None:
            try:
                found[place] = _by_cell(await self.members[place].judge(subject))
            except ValueCompassError as error:  # not to cancel what the others have paid for
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for place in range(len(self.members)):
                tasks.start_soon(ask, place)
        if errors:  # one that stops everything before a request that failed
            raise min(errors, key=lambda error: isinstance(error, RequestFailed))
        return found


def join(cell: Cell, verdicts: Sequence[Verdict], names: Sequence[str]) -> Verdict:
    """Return the joined verdict on one part and dimension.

    Args:
        cell: part and dimension.
        verdicts: one of each member.
        names: of the members, for the reason of a missing verdict and the note on an absent vote.
    """
    votes = tuple(v.expressed for v in verdicts)
    said = [(v, v.expressed) for v in verdicts if v.expressed is not None]
    if 2 * len(said) < len(verdicts):
        pairs = zip(names, verdicts, strict=True)
        silent = "; ".join(f"{name}: {v.missing}" for name, v in pairs if v.expressed is None)
        why = f"fewer than half of the judges have a verdict ({silent})"
        return Verdict(*cell, None, missing=why, votes=votes)
    given = [vote for _, vote in said]
    expressed = median(given)
    # of members equally near one that quotes: members are in a fixed order, so this is decided
    nearest = min(said, key=lambda s: (abs(s[1] - expressed), s[0].start is None))[0]
    valences = [v.valence for v, _ in said if v.valence is not None]
    sure = [v.confidence for v, _ in said if v.confidence is not None]
    notes = [
        f"without {name}, which has no verdict" if v.expressed is None else v.note
        for name, v in zip(names, verdicts, strict=True)
    ]
    return Verdict(
        *cell,
        expressed=round(expressed, 6),
        valence=round(fmean(valences), 6) if valences else None,
        confidence=round((fmean(sure) if sure else 1.0) * (1 - max(given) + min(given)), 6),
        start=nearest.start,
        end=nearest.end,
        votes=votes,
        note="; ".join(dict.fromkeys(filter(None, notes))) or None,
    )


def disagree(votes: Votes) -> bool:
    """Say whether some votes are at or above .5 and others below."""
    return len({vote >= THRESHOLD for vote in votes if vote is not None}) > 1


def _decided(joined: Verdict, said: Verdict | None) -> Verdict:
    """Return a verdict with the strong judge's vote, and as it decides where members disagree."""
    members = joined.votes or ()
    votes = (*members, None if said is None else said.expressed)
    if said is None or not disagree(members):
        return replace(joined, votes=votes)
    if said.expressed is None:
        note = "; ".join(filter(None, (joined.note, WITHOUT_STRONG)))
        return replace(joined, votes=votes, note=note)
    return replace(said, votes=votes)


def _by_cell(verdicts: Sequence[Verdict]) -> dict[Cell, Verdict]:
    return {(v.part, v.dimension): v for v in verdicts}


def label_of(identity: Mapping[str, Any]) -> str:
    """Return a short name for a judge's identity: local, a model, or a model and its mode."""
    match identity:
        case {"kind": "llm", "model": {"model": model}, "mode": "one-call"}:
            return str(model)
        case {"kind": "llm", "model": {"model": model}, "mode": mode}:
            return f"{model}@mode={mode}"
        case {"kind": "panel", "members": members}:
            return ",".join(map(label_of, members))
        case _:
            return str(identity["kind"])


def members_of(identity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a panel's members' identities, its strong judge's last; another judge's own alone."""
    if identity["kind"] != "panel":
        return [identity]
    return [*identity["members"], *([identity["strong"]] if identity["strong"] else [])]


def models_of(identity: Mapping[str, Any]) -> list[str]:
    """Return the names of the models behind a judge's identity, a panel's strong judge last."""
    of_models = [member for member in members_of(identity) if member["kind"] == "llm"]
    return list(dict.fromkeys(str(member["model"]["model"]) for member in of_models))
