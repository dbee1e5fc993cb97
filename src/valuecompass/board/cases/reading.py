"""Cases to be read: item, answer and verdicts, each text with what is marked in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.words import Span, Words
from valuecompass.board.folders import without_folders
from valuecompass.errors import InputError
from valuecompass.measure.archive import UNJUDGED, utc, verdicts_of
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, answers, items, responses, verdicts

NOTHING = Words()
_AT_ONCE = 500
"""Items that one query names."""
_PLACE = ("position", "item", "presentation", "repeat")
_VERDICT = (
    *("part", "dimension", "expressed", "valence", "confidence", "start", "end", "missing"),
    *("votes", "note"),
)


@dataclass(frozen=True)
class Marked:
    """A text, and where it holds what was looked for: ``text[start:end]``."""

    text: str
    marks: tuple[Span, ...] = ()


@dataclass(frozen=True)
class SideShown:
    """One option of a trade-off."""

    dimension: str
    text: Marked


@dataclass(frozen=True)
class ItemShown:
    """What was asked. sides: in the order in which they were shown."""

    id: str
    kind: str
    language: str
    topic: str | None
    dimensions: tuple[str, ...]
    text: Marked
    principle: Marked | None
    sides: tuple[SideShown, ...]
    scale: tuple[int, int] | None
    turns: tuple[Marked, ...]


@dataclass(frozen=True)
class VerdictShown:
    """What the judge found of one dimension in one opinion (part); as `judges.Verdict`.

    start, end: the evidence, ``response[start:end]``; None: it named none.
    """

    part: int
    dimension: str
    expressed: float | None
    valence: float | None
    confidence: float | None
    start: int | None
    end: int | None
    missing: str | None
    votes: tuple[float | None, ...] | None
    note: str | None


@dataclass(frozen=True)
class Asked:
    """How the answer was got: parameters of the request, and what the provider reported.

    None of all: the request failed for good.
    """

    model: str
    prompt: str
    system_prompt: str | None
    parameters: Mapping[str, Any]
    stop_reason: str
    version: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float
    created: str


@dataclass(frozen=True)
class Case:
    """One answer with everything about it.

    outcome: answer, refusal, empty or missing. reading: what was read off a choice or rating.
    unjudged: the judge was asked and gave no verdict for this measurement.
    """

    address: Address
    respondent: str
    simulated: bool
    item: ItemShown
    response: Marked
    outcome: str
    reading: Mapping[str, Any] | None
    verdicts: tuple[VerdictShown, ...]
    unjudged: bool
    judge: str
    asked: Asked | None


async def read_case(
    store: Store, measurement: Measurement, address: Address, words: Words = NOTHING
) -> Case:
    """Return the case of an address.

    Args:
        store: the open store.
        measurement: of the address.
        address: where it is.
        words: to be marked.

    Raises:
        InputError: there is none.
    """
    given = {f"of_{name}": getattr(address, name) for name in (*_PLACE, "measurement")}
    row = await store.row(_query(), given | {"of_judge": measurement.manifest["judge_id"]})
    if row is None:
        raise InputError(
            f"there is no case at respondent {address.position}, item {address.item}, presentation "
            f"{address.presentation}, repeat {address.repeat} of measurement {address.measurement}"
        )
    return _case(measurement, address, row, words)


async def read_cases(
    store: Store,
    measurement: Measurement,
    addresses: Sequence[Address],
    words: Words = NOTHING,
) -> list[Case]:
    """Return the cases of addresses, in their order; as `read_case`."""
    # by its key each: a page has some dozens, and a search over tuples would read all answers
    return [await read_case(store, measurement, address, words) for address in addresses]


async def read_many(
    store: Store, measurement: Measurement, position: int, addresses: Sequence[Address]
) -> list[Case]:
    """Return cases of one respondent in their order, read at once: for hundreds of them.

    Args:
        store: the open store.
        measurement: of the addresses.
        position: of the respondent, who all addresses are of.
        addresses: where the cases are; those without a case are left out.
    """
    found: dict[tuple[Any, ...], Case] = {}
    wanted = {_place(a): a for a in addresses}
    items_of = list(dict.fromkeys(a.item for a in addresses))
    for start in range(0, len(items_of), _AT_ONCE):
        given = {
            "of_measurement": measurement.id,
            "of_position": position,
            "of_judge": measurement.manifest["judge_id"],
            "of_items": items_of[start : start + _AT_ONCE],
        }
        for row in await store.rows(_query_many(), given):
            at = (position, row["item"], row["presentation"], row["repeat"])
            if at in wanted:
                found[at] = _case(measurement, wanted[at], row, NOTHING)
    return [found[_place(a)] for a in addresses if _place(a) in found]


def _place(address: Address) -> tuple[Any, ...]:
    return (address.position, address.item, address.presentation, address.repeat)


async def side_by_side(
    store: Store, measurement: Measurement, item: str, respondents: Sequence[str]
) -> dict[str, list[Case]]:
    """Return the answers of some respondents to one item, by respondent, repeats in order.

    Raises:
        InputError: a respondent or an item that this measurement does not have.
    """
    names = [row.respondent for row in measurement.rows]
    if unknown := [name for name in respondents if name not in names]:
        raise InputError(f"respondent: {unknown[0]!r} is not in this measurement")
    places = [names.index(name) for name in respondents]
    rows = await store.rows(
        select(*(answers.c[name] for name in _PLACE))
        .where(
            answers.c.measurement == measurement.id,
            answers.c.position.in_(places),
            answers.c.item == item,
        )
        .order_by(answers.c.presentation, answers.c.repeat)
    )
    found: dict[str, list[Case]] = {name: [] for name in respondents}
    for row in rows:
        address = Address(measurement.id, *(row[name] for name in _PLACE))
        found[names[address.position]].append(await read_case(store, measurement, address))
    if not rows:
        raise InputError(f"item: none of these respondents was asked {item} in this measurement")
    return found


@cache
def _query() -> Select[Any]:
    wanted = (answers.c[name] == bindparam(f"of_{name}") for name in (*_PLACE, "measurement"))
    return _whole().where(*wanted)


@cache
def _query_many() -> Select[Any]:
    of = (answers.c[name] == bindparam(f"of_{name}") for name in ("measurement", "position"))
    listed = answers.c.item.in_(bindparam("of_items", expanding=True))
    return (
        _whole()
        .add_columns(answers.c.item, answers.c.presentation, answers.c.repeat)
        .where(*of, listed)
    )


def _whole() -> Select[Any]:
    keyed = (answers.c.key == responses.c.key) & (answers.c.repeat == responses.c.repeat)
    judged = (
        (verdicts.c.key == answers.c.key)
        & (verdicts.c.repeat == answers.c.repeat)
        & (verdicts.c.item == answers.c.item)
        & (verdicts.c.judge == bindparam("of_judge"))
    )
    return select(
        *(answers.c.outcome, answers.c.reading, items.c.body, responses.c.model),
        *(responses.c[n] for n in ("text", "request", "stop_reason", "version", "created")),
        *(responses.c[n] for n in ("input_tokens", "output_tokens", "usd", "seconds")),
        verdicts.c.body.label("verdicts"),
    ).select_from(
        answers.join(items, answers.c.item == items.c.id)
        .outerjoin(responses, keyed)
        .outerjoin(verdicts, judged)
    )


def _case(measurement: Measurement, address: Address, row: Mapping[str, Any], words: Words) -> Case:
    of = measurement.rows[address.position]
    unjudged = row["reading"] == UNJUDGED
    return Case(
        address=address,
        respondent=of.respondent,
        simulated=of.simulated,
        item=_item(address, row, words),
        response=_marked(row["text"] or "", words),
        outcome=row["outcome"],
        reading=None if unjudged else row["reading"],
        verdicts=tuple(_verdict(v) for v in verdicts_of(row)),
        unjudged=unjudged,
        judge=measurement.manifest["judge_name"],
        asked=None if row["request"] is None else _asked(row),
    )


def _item(address: Address, row: Mapping[str, Any], words: Words) -> ItemShown:
    body: Mapping[str, Any] = row["body"]
    text: str = body["text"]
    if body["kind"] == "conversation" and row["request"] is not None:
        # what the message answers, not how the conversation began
        text = next((m["content"] for m in reversed(row["request"]["messages"])), text)
    sides = [SideShown(s["dimension"], _marked(s["text"], words)) for s in body.get("sides") or ()]
    principle = body.get("principle")
    scale = body.get("scale")
    return ItemShown(
        id=address.item,
        kind=body["kind"],
        language=body.get("language", "en"),
        topic=body.get("topic"),
        dimensions=tuple(body["dimensions"]),
        text=_marked(text, words),
        principle=None if principle is None else _marked(principle, words),
        sides=tuple(sides[::-1] if address.presentation == 1 else sides),
        scale=None if scale is None else (scale[0], scale[1]),
        turns=tuple(_marked(turn["text"], words) for turn in body.get("turns") or ()),
    )


def _marked(text: str, words: Words) -> Marked:
    return Marked(text, tuple(words.marks(text)))


def _verdict(found: Mapping[str, Any]) -> VerdictShown:
    votes = found.get("votes")
    fields: dict[str, Any] = {name: found.get(name) for name in _VERDICT}
    fields["votes"] = None if votes is None else tuple(votes)
    return VerdictShown(**fields)


def _asked(row: Mapping[str, Any]) -> Asked:
    request: Mapping[str, Any] = row["request"]
    said: Sequence[Mapping[str, Any]] = request.get("messages", ())
    system = [m["content"] for m in said if m["role"] == "system"]
    return Asked(
        model=without_folders(row["model"]),
        prompt="\n\n".join(m["content"] for m in said if m["role"] != "system"),
        system_prompt="\n\n".join(system) or None,
        parameters=request.get("params", {}),
        created=utc(row["created"]).isoformat(timespec="seconds"),
        version=without_folders(row["version"]),
        **{n: row[n] for n in ("stop_reason", "input_tokens", "output_tokens")},
        **{n: row[n] for n in ("usd", "seconds")},
    )
