"""The words of a study: methods paragraph and codebook, made from counts and manifests alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import valuecompass
from valuecompass.files import inert
from valuecompass.judges.panel import models_of
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.study.rows import respondent_rows
from valuecompass.measure.study.tables import Format, codebook
from valuecompass.measure.study.tally import Tally
from valuecompass.stats import bradley_terry, cluster_bootstrap_mean
from valuecompass.templates import environment
from valuecompass.wording import count, date

KIND_WORDS = {
    "question": "question",
    "opening": "story opening",
    "request": "request",
    "stem": "sentence stem",
    "scenario": "scenario",
    "conversation": "conversation found elsewhere",
    "tradeoff": "trade-off",
    "likert": "rating",
    "judgement": "judgement",
}
SCORING_WORDS = {
    "expression": "A score is the mean strength with which a dimension is brought to bear.",
    "conformity": "A score is the mean degree to which the principle of an item is respected.",
    "safe-rate": "A score is the share of safe responses.",
    "rating": "A score is the mean judged degree.",
    "keyed-scale": "A score is the mean rating after reversing negatively keyed items.",
}
MODE_WORDS = {
    "one-call": "one structured request per answer for all parts and dimensions",
    "per-value": "one yes/no question per part and dimension",
    "concepts": "a list of what the answer does, free of its scene, and then, with this list, one "
    "structured request per answer for all parts and dimensions",
}


def methods_text(tallies: Sequence[Tally]) -> str:
    """Return the methods section of the measurements counted."""
    found = [_facts(t) for t in tallies]
    judges = [t.measurement.manifest["judge"] for t in tallies if t.judged]
    return _template("methods.md.j2").render(
        measurements=found,
        llm=any(models_of(judge) for judge in judges),
        calibrated=any(m["correction"] for m in found),
        corrected=any(m["correction"] and m["correction"]["given"] for m in found),
        gates=[t.measurement for t in tallies if t.judged and t.measurement.gate],
        refused=sum(m["outcomes"]["refusal"] for m in found),
        missing=sum(m["outcomes"]["missing"] + m["unread"] + m["no_verdict"] for m in found),
        observed=any(m["observed"] for m in found),
        simulated=sum(r["simulated"] for m in found for r in m["respondents"]),
        tradeoffs=any("tradeoff" in m["asked_kinds"] for m in found),
        version=valuecompass.__version__,
    )


def _facts(tally: Tally) -> dict[str, Any]:
    """What the template says of one measurement."""
    m, manifest = tally.measurement, tally.measurement.manifest
    return {
        "id": m.id,
        "created": date(m.created),
        **{k: manifest[k] for k in ("system", "form", "opinions", "prompts", "seeds")},
        "dimensions": len(manifest["system"]["dimensions"]),
        "scoring": SCORING_WORDS[manifest["system"]["scoring"]],
        "draws": _default(cluster_bootstrap_mean, "draws"),
        "precision": _default(bradley_terry, "prior"),
        "notes": [(r.respondent, n) for r in m.rows for n in r.notes],
        "software": [f"{name} {version}" for name, version in manifest["environment"].items()],
        **_people(tally),
        **_form(tally),
        **_responses(tally),
        "judge": _judged_by(manifest),
        "correction": _correction(m),
        "observed": manifest.get("observational"),
        **{k: getattr(tally, k) for k in ("judged", "verdicts", "no_verdict")},
    }


def _correction(m: Measurement) -> dict[str, Any] | None:
    """What shares were corrected with, and where they could not be; None without a calibration."""
    if (about := m.manifest.get("calibration")) is None:
        return None
    found = [
        (name, score.detail["corrected"]["score"] is not None)
        for row in m.rows
        for name, score in row.dimensions.items()
        if "corrected" in score.detail
    ]
    given, lacking = ({n for n, done in found if done is wanted} for wanted in (True, False))
    return {
        "labels": about["labels"],
        "n": sum(about["all_dimensions"][k] for k in ("tp", "fn", "tn", "fp")),
        "given": bool(given),
        "never": sorted(lacking - given),
        "at_times": sorted(lacking & given),
    }


def _people(tally: Tally) -> dict[str, Any]:
    rows = list(respondent_rows(tally.measurement, tally.outcomes))
    asked = [r for r in rows if r["requests"]]
    return {
        "respondents": rows,
        "asked": len(asked),
        "simulated": [r["respondent"] for r in asked if r["simulated"]],
        "primed": [r["respondent"] for r in asked if r["system_prompt"] is not None],
        "silent": [r["respondent"] for r in rows if not r["requests"]],
    }


def _form(tally: Tally) -> dict[str, Any]:
    kinds = [k for k in KIND_WORDS if tally.items[k]]
    again = [k for k in kinds if tally.repeats[k] > 1]
    return {
        "asked_items": tally.items.total(),
        "languages": _sentence([f"`{name}`" for name in sorted(tally.languages)]),
        "kinds": [count(tally.items[k], KIND_WORDS[k]) for k in kinds],
        "asked_kinds": kinds,
        "orders": tally.presentations["tradeoff"] == 2,
        "repeats": [f"each {KIND_WORDS[k]} {tally.repeats[k]} times" for k in again],
        "read_off": any(k in READ_OFF for k in kinds),
        "expected": tally.expected,
    }


def _responses(tally: Tally) -> dict[str, Any]:
    outcomes = {
        name: sum(n for (_, outcome), n in tally.outcomes.items() if outcome == name)
        for name in ("answer", "refusal", "empty", "missing")
    }
    return {
        "temperature": _temperature(tally),
        "requests": tally.requests.total(),
        "dates": _dates(tally),
        "outcomes": outcomes,
        "choices": tally.read + tally.unread,
        **{k: getattr(tally, k) for k in ("unread", "tokens", "usd", "unpriced")},
    }


def _judge(identity: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    match identity.get("kind"):
        case "local":
            return (
                "the `local` judge, which is no language model: a sentence encoder with heads that "
                "were trained on labelled texts, or for a system of one's own the nearness of "
                "sentences to its definitions"
            )
        case "local-nearest":
            return (
                "the `local-nearest` judge, which is no language model: it compares each sentence "
                "with the definitions of the dimensions in the space of a sentence encoder"
            )
        case "llm":
            model = identity["model"]["model"]
            versions: list[str] = manifest["versions"].get(model, [])
            reported = f", reported as {_names(versions)}" * bool(versions)
            mode = MODE_WORDS.get(identity["mode"], identity["mode"])
            return f"the language model {_name(model)}{reported}, {mode}"
        case _:
            return f"the judge {_name(manifest['judge_name'])}"


def _judged_by(manifest: Mapping[str, Any]) -> str:
    identity, known = manifest["judge"], f"(identity `{manifest['judge_id']}`)"
    if identity.get("kind") != "panel":
        return f"{_judge(identity, manifest)} {known}"
    members: Sequence[Mapping[str, Any]] = identity["members"]
    of_each = "; ".join(f"({n}) {_judge(m, manifest)}" for n, m in enumerate(members, 1))
    text = (
        f"a panel of {len(members)} judges {known}: {of_each}. A verdict is the median of what the "
        "members said (of two: the mean) and missing where fewer than half of them had one (column "
        "`votes` of the table `verdicts`). Where members stood on both sides of one half, "
    )
    if (strong := identity["strong"]) is None:
        return text + "the median stands"
    return text + f"the median stands only if none came from {_judge(strong, manifest)}"


def _temperature(tally: Tally) -> str:
    if not tally.temperatures:
        return ""
    given = sorted(t for t in tally.temperatures if t is not None)
    parts = [_sentence([f"{t:g}" for t in given])] if given else []
    if None in tally.temperatures:
        parts.append("left to the provider")
    more = ", by respondent and kind of item (table `responses`)" if given[1:] or parts[1:] else ""
    return f"The sampling temperature was {' or '.join(parts)}{more}."


def _dates(tally: Tally) -> str:
    if tally.first is None or tally.last is None:
        return ""
    first, last = date(tally.first), date(tally.last)
    return first if first == last else f"{first} to {last}"


def codebook_text(
    names: Mapping[str, str],
    rows: Mapping[str, int],
    format: Format,
    demonstrations: Mapping[str, str],
) -> str:
    """Return the codebook for people.

    Args:
        names: file by table.
        rows: number of rows by table.
        format: of the files.
        demonstrations: why the judge failed its gate, by measurement.
    """
    layouts, kinds = codebook()
    tables = [{"layout": layouts[t], "file": names[t], "rows": rows[t]} for t in names]
    return _template("codebook.md.j2").render(
        tables=tables, kinds=kinds, format=format, demonstrations=demonstrations
    )


def codebook_json(
    names: Mapping[str, str], rows: Mapping[str, int], demonstrations: Mapping[str, str]
) -> dict[str, Any]:
    """Return the codebook for programs; arguments as for `codebook_text`."""
    layouts, kinds = codebook()
    return {
        "layout": 1,
        "kinds": kinds,
        "demonstration": dict(demonstrations),
        "tables": {t: {"file": names[t], "rows": rows[t], **layouts[t].json()} for t in names},
    }


def _template(name: str) -> Any:
    made = environment("valuecompass.measure.study", folder=".", keep_trailing_newline=True)
    filters: dict[str, Any] = {
        "count": count,
        "number": "{:,}".format,
        "of": _of,
        "sentence": _sentence,
        "names": _names,
        "code": "`{}`".format,
        "plain": _plain,
    }
    made.filters.update(filters)
    return made.get_template(name)


def _of(n: int, total: int) -> str:
    return f"{n:,} ({100 * n / total:.1f} %)" if total else f"{n:,}"


def _names(names: Sequence[str]) -> str:
    return _sentence([_name(name) for name in names])


def _sentence(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _name(name: str) -> str:
    """A name as code: on one line, and with nothing in it that Markdown or a terminal obeys."""
    plain = inert(" ".join(name.split())).replace("`", "'").replace("|", "¦")
    return f"`{plain if len(plain) <= 120 else plain[:119] + '…'}`"


def _plain(text: str) -> str:
    """A sentence with names in it: on one line, and with little in it that Markdown would read."""
    return " ".join(text.split()).replace("`", "'").replace("|", "¦").replace("<", "‹")


def _default(function: Any, name: str) -> Any:
    return inspect.signature(function).parameters[name].default
