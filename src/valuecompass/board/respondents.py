"""One respondent: its scores with all that is known of them, what it was, what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from valuecompass.board.boards import Board, age
from valuecompass.board.comparison import position
from valuecompass.board.folders import without_folders
from valuecompass.board.page.facts import facts
from valuecompass.board.page.view import detail, detail_label, dimension_order
from valuecompass.errors import InputError
from valuecompass.measure.archive import utc
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.store import Store, answers, measurements, responses, scores

ABOUT = {
    "model": "model",
    "developer": "developer",
    "openness": "weights",
    "released": "released",
    "licence": "licence",
    "url": "address",
    "prime": "primed for",
    "system": "system prompt",
    "temperature": "temperature",
    "top_p": "top-p",
    "max_tokens": "most tokens of an answer",
    "reasoning_effort": "reasoning effort",
    "answers": "answers read from",
    "occasion": "occasion",
}
"""What a manifest says of a respondent, in the order and words of the page."""


@dataclass(frozen=True)
class Profile:
    """A respondent on a board.

    measurement: the one its scores are of.
    row: its scores there; None: they were published elsewhere.
    """

    board: Board
    position: int
    measurement: Measurement
    row: Row | None


def profile_on(board: Board, name: str) -> Profile:
    """Return a respondent of a board.

    Raises:
        InputError: it is not there.
    """
    at = position(board, name)
    for measurement in board.measurements:
        for row in measurement.rows:
            if row.respondent == name:
                return Profile(board, at, measurement, row)
    return Profile(board, at, board.measurements[0], None)


def about(profile: Profile) -> list[tuple[str, str]]:
    """Return facts of a respondent and its measurement: (name, value), in the order of reading."""
    manifest, name = profile.measurement.manifest, profile.board.respondents[profile.position]
    if profile.row is None:
        source = manifest["source"]
        known = [*profile.board.about[profile.position].items()]
        return [*known, ("table", source["file"]), ("imported", str(manifest["imported"])[:10])]
    entry = next(r for r in manifest["respondents"] if r["name"] == name)
    found = [(word, str(entry[key])) for key, word in ABOUT.items() if entry.get(key) is not None]
    if versions := manifest.get("versions", {}).get(entry["model"]):
        found.append(("version the provider reports", ", ".join(versions)))
    found += [("form", f"{manifest['form']['name']} ({manifest['form']['hash']})")]
    # ratings are read without a judge, though a run always names one
    if profile.measurement.gate is not None and "judge_name" in manifest:
        found.append(("judge", manifest["judge_name"]))
    return found


def profile_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return a respondent's dimensions in the order of the theory's circle.

    Each has name, score, low, high, n, refused, missing (null where a table does not say) and
    ``details``: key, label, score, low, high, n of each further score.
    """
    board, at, row = profile.board, profile.position, profile.row
    order = [n for n in dimension_order(board.system, [row] if row else []) if n in board.names]
    rows: list[dict[str, Any]] = []
    for name in order:
        d = board.names.index(name)
        if row is None:
            value = float(board.scores[at, d])
            score = value if value == value else None  # NaN is missing
            nothing = dict.fromkeys(("low", "high", "n", "refused", "missing"))
            rows.append({"name": name, "score": score, **nothing, "details": []})
            continue
        own = row.dimensions[name]
        keys = ("score", "low", "high", "n", "refused", "missing")
        details = [
            {"key": key, "label": detail_label(key), "n": own.detail[key].get("n")}
            | {k: getattr(found, k) for k in ("score", "low", "high")}
            for key in own.detail
            if (found := detail(own, key))
        ]
        rows.append({"name": name, **{k: getattr(own, k) for k in keys}, "details": details})
    return rows


async def cost_of(store: Store, profile: Profile) -> dict[str, Any] | None:
    """Return what a respondent's answers took; None: they were not asked for here.

    The JSON object has ``responses``, ``input_tokens``, ``output_tokens``, ``usd`` (of those with a
    price; null: none has), ``unpriced`` and ``seconds`` of waiting. A response that serves several
    measurements counts in each. What the judge took is not in it.
    """
    if profile.row is None or profile.measurement.observational:
        return None
    rows = profile.measurement.rows
    place = next(i for i, row in enumerate(rows) if row is profile.row)
    asked = (
        select(answers.c.key, answers.c.repeat)
        .where(answers.c.measurement == profile.measurement.id, answers.c.position == place)
        .distinct()
        .subquery()
    )
    own = (responses.c.key == asked.c.key) & (responses.c.repeat == asked.c.repeat)
    columns = {name: func.sum(responses.c[name]) for name in ("input_tokens", "output_tokens")}
    query = select(
        func.count().label("responses"),
        *(sums.label(name) for name, sums in columns.items()),
        func.sum(responses.c.usd).label("usd"),
        (func.count() - func.count(responses.c.usd)).label("unpriced"),
        func.sum(responses.c.seconds).label("seconds"),
    ).select_from(responses.join(asked, own))
    found = dict((await store.rows(query))[0])
    return found | {key: found[key] or 0 for key in (*columns, "seconds")}


async def everybody(store: Store) -> list[dict[str, Any]]:
    """Return all who have scores here, by name, with where.

    Each has ``name``, ``simulated`` and ``systems``: system, newest date and number of its
    measurements, in the order of their ids.
    """
    heads = {head["id"]: head for head in await store.rows(select(measurements))}
    columns = (scores.c.measurement, scores.c.position, scores.c.respondent)
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    simulated: dict[str, bool] = {}
    for row in await store.rows(select(*columns).distinct()):
        head, name = heads[row["measurement"]], row["respondent"]
        found.setdefault(name, {}).setdefault(head["system"], []).append(head)
        rows = head["manifest"].get("rows")  # a published table has none: nobody in it is simulated
        planted = bool(rows and rows[row["position"]]["simulated"])
        simulated[name] = simulated.get(name, False) or planted
    return [
        {
            "name": name,
            "simulated": simulated[name],
            "systems": [
                {
                    "system": system,
                    "date": utc(max(of, key=age)["created"]).date().isoformat(),
                    "measurements": len(of),
                }
                for system, of in sorted(systems.items())
            ],
        }
        for name, systems in sorted(found.items())
    ]


async def manifest_of(store: Store, measurement: str) -> dict[str, Any]:
    """Return a measurement's manifest: as groups of facts for reading, and whole.

    The JSON object has ``id``, ``system``, ``date``, ``groups`` (heading, rows of name and value,
    number of rows omitted) and ``manifest``; folders of files are left out.

    Raises:
        InputError: there is none of this id.
    """
    rows = await store.rows(select(measurements).where(measurements.c.id == measurement))
    if not rows:
        raise InputError(f"no measurement has the id {measurement}; valuecompass board log has all")
    head = rows[0]
    manifest = without_folders(head["manifest"])
    return {
        "id": head["id"],
        "system": head["system"],
        "date": utc(head["created"]).date().isoformat(),
        "groups": [
            {"heading": g.heading, "rows": [list(row) for row in g.rows], "omitted": g.omitted}
            for g in facts(manifest)
        ],
        "manifest": manifest,
    }
