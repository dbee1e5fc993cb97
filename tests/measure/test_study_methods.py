"""The methods text of a study: its numbers are the data's, its judges are named."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

from tests.measure.study_examples import (  # noqa: F401  (fixtures)
    SIMULATED,
    TABLES,
    Exports,
    key_of,
    study_exports,
    study_measured,
    study_tables,
)
from valuecompass.measure.study.tally import Tally
from valuecompass.measure.study.text import methods_text


def number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    assert len(found) == 1, (pattern, found)
    return int(found[0].replace(",", ""))


def test_the_numbers_of_the_methods_text_are_the_data_s(
    measured: Any, exports: Exports, tables: dict[str, list[dict[str, Any]]]
) -> None:
    folder, _ = exports["parquet"]
    whole = (folder / "methods.md").read_text()
    for system, m in measured[1].items():
        text = whole.split(f"(measurement `{m.id}`")[1].split("\n## ")[0]
        rows = {t: [r for r in tables[t] if r.get("measurement") == m.id] for t in TABLES}
        items = Counter(i["kind"] for i in tables["items"] if i["system"] == system)
        outcomes = Counter(r["outcome"] for r in rows["responses"])
        assert m.manifest["form"]["hash"] in text and m.manifest["form"]["name"] in text
        assert number(r"([\d,]+) respondents? w[\w]+ measured", text) == len(m.rows)
        assert number(r"holds ([\d,]+) items", text) == items.total()
        words = {"question": "questions?", "tradeoff": "trade-offs?", "likert": "ratings?"}
        words |= {"opening": "story openings?", "request": "requests?"}
        form = text.split("**Responses.**")[0].split(" holds ")[1]
        for kind, n in items.items():
            assert number(rf"(\d+) {words[kind]}\b", form) == n, kind
        assert number(r"([\d,]+) requests in all", text) == len(rows["responses"])
        assert number(r"these, ([\d,]+) \(", text) == outcomes["answer"]
        assert number(r"([\d,]+) \([\d.]+ %\) declined", text) == outcomes["refusal"]
        assert number(r"([\d,]+) \([\d.]+ %\) came back", text) == outcomes["empty"]
        assert number(r"([\d,]+) \([\d.]+ %\) failed", text) == outcomes["missing"]
        verdicts = Counter(v["expressed"] is None for v in rows["verdicts"])
        assert number(r"It gave ([\d,]+) verdict", text) == verdicts[False]
        assert number(r"verdicts?; ([\d,]+) (?:is|are) missing", text) == verdicts[True]
        judged = len({key_of(v) for v in rows["verdicts"]})
        assert number(r"([\d,]+) free answers", text) == judged
        tokens = sum(
            (r["input_tokens"] or 0) + (r["output_tokens"] or 0) for r in rows["responses"]
        )
        assert number(r"took ([\d,]+) tokens", text) == tokens
        versions = m.manifest["environment"]
        assert f"valuecompass {versions['valuecompass']}" in text and versions["numpy"] in text
    schwartz = whole.split(f"(measurement `{measured[1]['schwartz'].id}`")[1].split("\n## ")[0]
    assert all(f"`{name}`" in schwartz for name in SIMULATED)
    assert "are simulated" in schwartz and "both orders" in schwartz
    assert "each story opening 2 times" in whole
    unread = [
        r
        for r in tables["readings"]
        if r["outcome"] in ("answer", "empty") and r["chosen"] is None and r["rating"] is None
    ]
    assert number(r"([\d,]+) could not be read", schwartz) == len(unread) > 0
    assert whole.index("## Limits") > whole.index("**Software.**")


def test_a_model_that_judges_is_named_with_its_version(measured: Any) -> None:
    m = measured[1]["safety"]
    judge = {"kind": "llm", "model": {"model": "openai/judge"}, "mode": "one-call"}
    versions = {"openai/judge": ["judge-2026-01-01"]}
    tally = Tally(replace(m, manifest=m.manifest | {"judge": judge, "versions": versions}))
    tally.judged, tally.temperatures = 7, {None, 0.5}
    text = methods_text([tally])
    assert "7 free answers were judged by the language model `openai/judge`" in text
    assert "reported as `judge-2026-01-01`, one structured request per answer" in text
    assert "A language model judged the answers" in text and "`local` judge" not in text
    assert "temperature was 0.5 or left to the provider" in text
    assert (
        "was named, too, but not measured on this system" in text
    )  # nothing was counted for its respondent


def test_a_panel_is_described_with_its_members_and_its_rule(measured: Any) -> None:
    m = measured[1]["safety"]
    one = {"kind": "llm", "model": {"model": "openai/one"}, "mode": "concepts"}
    two = {"kind": "llm", "model": {"model": "openai/two"}, "mode": "per-value"}
    strong = {"kind": "llm", "model": {"model": "openai/three"}, "mode": "one-call"}
    panel = {"kind": "panel", "members": [{"kind": "local"}, one, two], "strong": strong}
    versions = {"openai/one": ["one-2026"], "openai/three": ["three-2026"]}
    texts: list[str] = []
    for judge in (panel, panel | {"strong": None}):
        about = m.manifest | {"judge": judge, "judge_id": "0123abcd", "versions": versions}
        tally = Tally(replace(m, manifest=about))
        tally.judged = 7
        texts.append(methods_text([tally]))
    decided, median = texts
    for text in texts:
        assert "were judged by a panel of 3 judges (identity `0123abcd`): (1) the `local`" in text
        assert "(2) the language model `openai/one`, reported as `one-2026`, a list of what" in text
        assert "(3) the language model `openai/two`, one yes/no question per part" in text
        assert "A verdict is the median of what the members said" in text
        assert "A language model judged the answers" in text
    assert (
        "the median stands only if none came from the language model `openai/three`, rep" in decided
    )
    assert "openai/three" not in median and "the median stands." in median
