"""From the store to the rows of the tables: one streamed query a measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Executable

from valuecompass.judges.protocol import judged_dimensions
from valuecompass.measure.archive import found_answers, utc, verdicts_of
from valuecompass.measure.asking import goes_to_judge
from valuecompass.measure.measurement import Measurement
from valuecompass.store import answers, items, responses, verdicts

Fields = Mapping[str, Any]
RESPONSE = ("text", "stop_reason", "input_tokens", "output_tokens", "usd", "seconds")
NO_VERDICT = "the judge gave no verdict on this answer"


def answers_query(measurement: Measurement) -> Executable:
    """Return the query of everything that came of a measurement's requests, in a fixed order."""
    columns = (
        *(c for c in answers.c if c.name != "measurement"),
        items.c.body,
        *(c for c in responses.c if c.name not in ("key", "repeat", "model")),
        verdicts.c.body.label("verdicts"),
    )
    return found_answers(measurement, columns)


class Answer:
    """One row of `answers_query`, seen as rows of the tables."""

    def __init__(self, measurement: Measurement, found: Fields) -> None:
        self.found = found
        self.position: int = found["position"]
        self.item: Fields = found["body"]
        self.kind: str = self.item["kind"]
        self.outcome: str = found["outcome"]
        self.reading: Fields | None = found["reading"]
        self.head: dict[str, Any] = {
            "measurement": measurement.id,
            "respondent": measurement.rows[self.position].respondent,
            "simulated": measurement.rows[self.position].simulated,
            **{k: found[k] for k in ("item", "presentation", "repeat", "key")},
        }
        self._names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
        self._judge: str = measurement.manifest["judge_name"]
        self.judged = goes_to_judge(
            measurement.manifest["system"]["scoring"],
            self.kind,
            self.outcome,
            found["stop_reason"] or "",
            found["text"] or "",
        )
        """Whether the judge was to read it."""

    @property
    def dimensions(self) -> Sequence[str]:
        """Dimensions that a free answer is judged on, or that a rating measures."""
        return judged_dimensions(self.kind, self.item["dimensions"], self._names)

    @property
    def verdicts(self) -> Sequence[Fields]:
        """Verdicts, with missing ones where the judge failed and nothing was stored."""
        if not self.judged:
            return ()
        return verdicts_of(self.found) or [
            {"part": 0, "dimension": name, "expressed": None, "missing": NO_VERDICT}
            for name in self.dimensions
        ]

    def response(self) -> dict[str, Any]:
        """Return the row of the table responses."""
        request: Fields = self.found["request"] or {}
        prompt = [m["content"] for m in request.get("messages", ()) if m["role"] != "system"]
        if self.kind == "scenario":  # what came after depends on what the respondent did
            prompt = [self.item["text"], prompt[0]] if prompt else []
        return {
            **self.head,
            "prompt": "\n\n".join(prompt) if request else None,
            "outcome": self.outcome,
            "version": self.found["version"] or None,
            "created": utc(when) if (when := self.found["created"]) else None,
            **{k: self.found[k] for k in RESPONSE},
            "called": as_json((self.reading or {}).get("called")),
            "parameters": as_json(request.get("params")),
        }

    def verdict_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the table verdicts."""
        text = self.found["text"] or ""
        for v in self.verdicts:
            start, end = v.get("start"), v.get("end")
            yield {
                **self.head,
                "judge": self._judge,
                "part": v["part"],
                "dimension": v["dimension"],
                "expressed": _number(v["expressed"]),
                "valence": _number(v.get("valence")),
                "confidence": _number(v.get("confidence")),
                "evidence": None if start is None or end is None else text[start:end],
                "start": start,
                "end": end,
                "missing": v.get("missing"),
                "votes": as_json(v.get("votes")),
                "note": v.get("note"),
            }

    def reading_row(self) -> dict[str, Any]:
        """Return the row of the table readings."""
        reading = self.reading or {}
        shown = [side["dimension"] for side in self.item.get("sides", ())]
        if self.head["presentation"] == 1:
            shown.reverse()
        low, high = self.item.get("scale") or (None, None)
        rating, keyed = reading.get("rating"), None
        if rating is not None and low is not None and high is not None:
            keyed = 100 * (rating - low) / (high - low)
            keyed = keyed if self.item["keying"] == 1 else 100 - keyed
        return {
            **self.head,
            "kind": self.kind,
            "outcome": self.outcome,
            "first": shown[0] if shown else None,
            "second": shown[1] if shown else None,
            "chosen": reading.get("chosen"),
            "place": reading.get("place"),
            "probability": reading.get("probability"),
            "dimension": None if shown else self.dimensions[0],
            "rating": rating,
            "scale_low": low,
            "scale_high": high,
            "keying": self.item.get("keying"),
            "keyed": keyed,
            "mass": reading.get("mass"),
        }


def item_row(item_id: str, body: Fields) -> dict[str, Any]:
    """Return the row of the table items."""
    lineage: Fields = body.get("lineage") or {}
    sides: Sequence[Fields] = body.get("sides") or ({}, {})
    low, high = body.get("scale") or (None, None)
    return {
        "item": item_id,
        **{k: body.get(k) for k in ("kind", "system", "topic", "text", "principle", "keying")},
        "language": body.get("language", "en"),
        "dimension": body["dimensions"][0],
        "dimensions": as_json(body["dimensions"]),
        "side_a": sides[0].get("text"),
        "side_a_dimension": sides[0].get("dimension"),
        "side_b": sides[1].get("text"),
        "side_b_dimension": sides[1].get("dimension"),
        "scale_low": low,
        "scale_high": high,
        "turns": as_json(body.get("turns")),
        "tools": as_json(body.get("tools")),
        "origin": lineage.get("origin", "seed"),
        "parents": as_json(lineage.get("parents")),
        "method": lineage.get("method"),
        "made_by": lineage.get("model"),
        "licence": lineage.get("licence"),
    }


def respondent_rows(
    measurement: Measurement, outcomes: Mapping[tuple[int, str], int]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table respondents.

    Args:
        measurement: whose respondents.
        outcomes: number of responses by position and outcome.
    """
    manifest = measurement.manifest
    same = ("model", "prime", "temperature", "top_p", "max_tokens", "reasoning_effort")
    stated = ("developer", "openness", "licence", "url")
    names = {"answers": "answer", "refusals": "refusal", "empty": "empty", "failed": "missing"}
    for position, row in enumerate(measurement.rows):
        about: Fields = manifest["respondents"][position]
        counts = {k: outcomes.get((position, outcome), 0) for k, outcome in names.items()}
        released = about.get("released")
        yield {
            "measurement": measurement.id,
            "respondent": row.respondent,
            "simulated": row.simulated,
            **{k: about.get(k) for k in (*same, *stated)},
            "versions": as_json(manifest["versions"].get(about["model"])),
            "system_prompt": about.get("system"),
            "released": date.fromisoformat(released) if released else None,
            "requests": sum(counts.values()),
            **counts,
            "notes": "\n".join(row.notes) or None,
        }


def as_json(value: Any) -> str | None:
    """Return a list or object as JSON text; nothing in it is nothing."""
    return json.dumps(value, ensure_ascii=False) if value else None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
