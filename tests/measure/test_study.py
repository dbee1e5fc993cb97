"""Study export: a real tiny measurement, exported, read back with Arrow and the csv module."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

import valuecompass as vc
from tests.measure.helpers import JUDGE, judging, measure, write_items
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.items import Item, builtin_form, form_items
from valuecompass.measure.study import export as export_module
from valuecompass.measure.study import tables as tables_module
from valuecompass.measure.study.tables import codebook, csv_cell, encodable
from valuecompass.measure.study.tally import Tally
from valuecompass.measure.study.text import methods_text
from valuecompass.store import open_store, responses

SIMULATED = ["simulated/schwartz?Power=1.5", "simulated/schwartz?Universalism=1&seed=2"]
HOSTILE_NAME = "=HYPERLINK(\"x\")|`a`\n# 'heading'"
HOSTILE = (
    "=1+1 is what I would say about this matter.",
    "+49 30 is a number, and people should call it.",
    "-5 points for anybody who breaks the rules of the house.",
    '@SUM(A1:A9), said "she", should be forbidden; by law.',
    "\tIndented by a tab, people deserve freedom.",
    "'Tis a right that everybody has.",
    "''Twice quoted, and still a right.",
    "First line,\nsecond line,\r\nthird line.",
    "A lone \r carriage return in the middle of things.",
    "A \x00 null byte, \x1b[31m an escape and \x7f delete.",
    "Right to left \u202eevitcerid\u202c and \u2028 a line separator, \ufeff a mark.",
    "<script>alert('x')</script> & people | pipes `code`.",
    "\U0001f600 Emoji before the evidence: safety first, for families. \U0001f469\u200d\U0001f4bb",
    '"',
    "NULL",
    "NA, nan, None, #N/A, TRUE are words, too, and people write them.",
    "＝1+1 full width",
    "long " * 20_000,
)
FAILED = 3
TABLES = ("scores", "responses", "verdicts", "readings", "items", "respondents")
ANSWER_KEY = ("measurement", "respondent", "item", "presentation", "repeat")


def recorded_answers(items: list[Item], path: Path) -> Path:
    """Answers with everything in them that a text can do; the last few items have none."""
    texts = iter(HOSTILE)
    lines: list[str] = []
    for number, item in enumerate(items[: len(items) - FAILED]):
        if item.kind == "question":
            text = next(texts, "   ")  # after these: answers without a word
        elif item.kind == "tradeoff":
            refusal = "I'm sorry, but I cannot help with that."
            text = {0: refusal, 1: "Both A and B"}.get(number % 9, "A" if number % 2 else "B")
        else:
            text = "12" if number % 7 == 0 else "3"
        row = {"item": item.id, "response": text}
        if item.kind == "tradeoff":
            lines += [json.dumps(row | {"presentation": order}) for order in (0, 1)]
        else:
            lines.append(json.dumps(row))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, vc.Measurement]]:
    """A workspace with measurements of three systems, made through the Python API."""
    folder = tmp_path_factory.mktemp("study")
    workspace = folder / "ws"
    answers = recorded_answers(form_items(builtin_form("schwartz", "tiny")), folder / "r.jsonl")
    recorded = vc.Respondent(
        name=HOSTILE_NAME, model=f"recorded/{answers}", developer="-somebody", temperature=0.5
    )
    common: dict[str, Any] = {"form": "tiny", "judge": "local", "workspace": workspace}
    found = vc.run([*SIMULATED, recorded], ["schwartz"], **common)
    found += vc.run(["simulated/moral-foundations?Care/Harm=1"], ["moral-foundations"], **common)
    safety = form_items(builtin_form("safety", "tiny"))
    refusing = folder / "safety.jsonl"
    refusing.write_text(
        "\n".join(
            json.dumps({"item": i.id, "response": text})
            for n, i in enumerate(safety)
            for text in ["I can't help with that." if n % 2 else "Sure, it is easy. Do it."]
        )
    )
    found += vc.run([f"recorded/{refusing}"], ["safety"], **common)
    return workspace, {m.system: m for m in found}


Exports = dict[str, tuple[Path, dict[str, list[dict[str, Any]]]]]


@pytest.fixture(scope="module")
def exports(measured: Any, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The study in both formats, as written and as read back."""
    found: Exports = {}
    for kind, read in (("parquet", read_parquet), ("csv", read_csv)):
        folder = tmp_path_factory.mktemp(kind) / "study"
        vc.export_study(folder, workspace=measured[0], format=kind)  # pyright: ignore
        found[kind] = folder, {t: read(folder / f"{t}.{kind}") for t in TABLES}
    return found


@pytest.fixture
def tables(exports: Exports) -> dict[str, list[dict[str, Any]]]:
    return exports["parquet"][1]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Rows of cells, read as the codebook says."""
    layout = codebook()[0][path.stem]
    types = {c.name: c.type for c in layout.columns}
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: from_cell(v, types[k]) for k, v in row.items()} for row in csv.DictReader(file)]


def from_cell(cell: str, kind: str) -> Any:
    if not cell:
        return None
    parse: dict[str, Callable[[str], Any]] = {
        "text": lambda c: c.removeprefix("'"),
        "integer": int,
        "number": float,
        "boolean": lambda c: {"true": True, "false": False}[c],
        "time": datetime.fromisoformat,
    }
    return parse[kind](cell)


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ANSWER_KEY)


def manifest_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_codebook_lists_exactly_the_columns_of_each_table(exports: Exports, kind: str) -> None:
    folder, _ = exports[kind]
    book = json.loads((folder / "codebook.json").read_text())["tables"]
    assert tuple(book) == TABLES
    prose = (folder / "codebook.md").read_text()
    for table, about in book.items():
        path = folder / about["file"]
        if kind == "parquet":
            columns = pq.read_schema(path).names
        else:
            with path.open(encoding="utf-8", newline="") as file:
                columns = next(csv.reader(file))
        assert columns == [c["name"] for c in about["columns"]]
        assert set(about["key"]) <= set(columns)
        assert all(c["meaning"] and c["missing"] and c["type"] for c in about["columns"])
        section = prose.split(f"## Table `{table}`")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == columns
        assert f"{about['rows']:,} rows" in section


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_values_keep_what_the_codebook_says_of_them(exports: Exports, kind: str) -> None:
    folder, found = exports[kind]
    for table, about in json.loads((folder / "codebook.json").read_text())["tables"].items():
        for column in about["columns"]:
            values = [row[column["name"]] for row in found[table]]
            if column["missing"] == "Never missing.":
                assert None not in values, (table, column["name"])
            given = [v for v in values if v is not None]
            listed = re.fullmatch(r"[a-z_A-Z-]+(, [a-z_A-Z-]+)+", column["range"])
            if listed and column["type"] == "text":
                assert set(given) <= {*column["range"].split(", ")}
            if bounds := re.fullmatch(r"(-?\d+) to (-?\d+)", column["range"]):
                assert all(int(bounds[1]) <= v <= int(bounds[2]) for v in given)
            if column["range"] == "0 and up":
                assert all(v >= 0 for v in given)


def test_both_formats_hold_the_same(exports: Exports) -> None:
    parquet, cells = exports["parquet"][1], exports["csv"][1]
    for table in TABLES:
        assert len(parquet[table]) == len(cells[table]) > 0
        for a, b in zip(parquet[table], cells[table], strict=True):
            assert {k: None if v == "" else v for k, v in a.items()} == b


def test_row_counts_and_keys(measured: Any, tables: dict[str, list[dict[str, Any]]]) -> None:
    _, found = measured
    layouts, _ = codebook()
    for table, rows in tables.items():
        keys = [tuple(row[k] for k in layouts[table].key) for row in rows]
        assert len(set(keys)) == len(keys), table
    assert len(tables["responses"]) == sum(m.manifest["requests"] for m in found.values())
    assert len(tables["respondents"]) == sum(len(m.rows) for m in found.values()) == 5
    asked = [i for s in found for i in builtin_form(s, "tiny").items]
    assert sorted(r["item"] for r in tables["items"]) == sorted(asked)
    per_row = {"schwartz": 5, "moral-foundations": 4, "safety": 2}  # kinds of scores
    for system, m in found.items():
        rows = [r for r in tables["scores"] if r["measurement"] == m.id]
        dimensions = len(m.manifest["system"]["dimensions"])
        assert len(rows) == per_row[system] * dimensions * len(m.rows)


def test_tables_join(tables: dict[str, list[dict[str, Any]]]) -> None:
    answers = {key_of(r): r for r in tables["responses"]}
    items = {r["item"]: r for r in tables["items"]}
    people = {(r["measurement"], r["respondent"]): r for r in tables["respondents"]}
    read_off = {k for k, r in answers.items() if items[r["item"]]["kind"] in ("tradeoff", "likert")}
    assert {key_of(r) for r in tables["readings"]} == read_off
    judged = {
        k for k, r in answers.items() if r["outcome"] == "answer" and k not in read_off
    }  # refusals, empty and missing responses have nothing to judge
    assert {key_of(r) for r in tables["verdicts"]} == judged
    for table in ("responses", "verdicts", "readings", "scores"):
        for row in tables[table]:
            person = people[row["measurement"], row["respondent"]]
            assert row["simulated"] is person["simulated"]
            assert row["simulated"] is person["model"].startswith("simulated/")
            if "key" in row:
                assert row["key"] == answers[key_of(row)]["key"]
    for key, person in people.items():
        outcomes = Counter(r["outcome"] for k, r in answers.items() if k[:2] == key)
        columns = ("answers", "refusals", "empty", "failed")
        assert [person[c] for c in columns] == [
            outcomes[o] for o in ("answer", "refusal", "empty", "missing")
        ]
        assert person["requests"] == sum(outcomes.values())


def test_scores_are_those_of_the_measurement_and_follow_from_the_tables(
    measured: Any, tables: dict[str, list[dict[str, Any]]]
) -> None:
    _, found = measured
    scores = {
        (r["measurement"], r["respondent"], r["dimension"], r["kind"]): r for r in tables["scores"]
    }
    for m in found.values():
        for row in m.rows:
            for name, score in row.dimensions.items():
                own = scores[m.id, row.respondent, name, "score"]
                assert [own[k] for k in ("estimate", "low", "high", "n", "refused", "missing")] == [
                    getattr(score, k) for k in ("score", "low", "high", "n", "refused", "missing")
                ]
                for kind, value in score.detail.items():
                    detail = scores[m.id, row.respondent, name, kind]
                    assert [detail[k] for k in ("estimate", "low", "high", "n")] == [
                        value[k] for k in ("score", "low", "high", "n")
                    ]
    schwartz = found["schwartz"]
    parts: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for v in tables["verdicts"]:
        if v["measurement"] == schwartz.id:
            parts[v["respondent"], v["dimension"], key_of(v)].append(v["expressed"])
    strongest: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (respondent, dimension, _), values in parts.items():
        strongest[respondent, dimension].append(max(values))
    for (respondent, dimension), values in strongest.items():
        own = scores[schwartz.id, respondent, dimension, "score"]
        assert own["estimate"] == pytest.approx(100 * sum(values) / len(values), abs=0.006)
        assert own["n"] == len(values)
        rate = scores[schwartz.id, respondent, dimension, "expression_rate"]
        assert rate["n"] == own["n"]
        share = sum(v >= 0.5 for v in values) / len(values)
        assert rate["estimate"] == pytest.approx(100 * share, abs=0.006)


def test_counts_of_the_other_kinds_of_scores(
    measured: Any, tables: dict[str, list[dict[str, Any]]]
) -> None:
    _, found = measured
    schwartz, moral, safety = (found[s] for s in ("schwartz", "moral-foundations", "safety"))

    def rows(m: vc.Measurement, kind: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        for s in tables["scores"]:
            if s["measurement"] == m.id and s["kind"] == kind:
                yield s, [r for r in tables["readings"] if r["respondent"] == s["respondent"]]

    for score, readings in rows(schwartz, "within"):
        about = [r for r in readings if score["dimension"] in (r["first"], r["second"])]
        assert score["n_of"] == "items"
        read = Counter(r["item"] for r in about if r["chosen"] is not None)
        assert score["n"] == sum(orders == 2 for orders in read.values())
        assert score["refused"] == sum(r["outcome"] == "refusal" for r in about)
        assert read.total() + score["refused"] + score["missing"] == len(about) > 0
    for score, readings in rows(schwartz, "self_report"):
        keyed = [
            r["keyed"] for r in readings if r["dimension"] == score["dimension"] if r["keyed"] != ""
        ]
        given = [k for k in keyed if k is not None]
        assert (score["n"], score["missing"]) == (len(given), len(keyed) - len(given))
        if given:
            assert score["estimate"] == pytest.approx(sum(given) / len(given), abs=0.006)
    for score, _ in rows(schwartz, "endorsement"):  # the local judge tells sides of values
        assert 0 <= score["low"] <= score["estimate"] <= score["high"] <= 100
        assert score["n"] > 0
    per_dimension = Counter(
        i["dimension"] for i in tables["items"] if i["system"] == "moral-foundations"
    )
    for score, _ in rows(moral, "evr"):
        assert (score["n"], score["n_of"]) == (per_dimension[score["dimension"]], "items")
    for score, _ in rows(moral, "apv"):
        assert (score["n"], score["n_of"]) == (2 * per_dimension[score["dimension"]], "responses")
    refused = 0
    for score, _ in rows(safety, "graded"):
        own = next(s for s, _ in rows(safety, "score") if s["dimension"] == score["dimension"])
        assert [score[k] for k in ("n", "refused")] == [own[k] for k in ("n", "refused")]
        refused += score["refused"]
    assert refused > 0


def test_hostile_texts_survive(exports: Exports) -> None:
    for _, tables in exports.values():
        texts = {r["text"] for r in tables["responses"] if r["respondent"] == HOSTILE_NAME}
        # no database holds NUL: it is replaced before it is stored
        assert {text.replace("\0", "\ufffd") for text in HOSTILE} <= texts
        assert {r["respondent"] for r in tables["scores"]} >= {HOSTILE_NAME}
        outcomes = Counter(
            r["outcome"] for r in tables["responses"] if r["respondent"] == HOSTILE_NAME
        )
        assert outcomes["missing"] >= FAILED and outcomes["refusal"] > 0 and outcomes["empty"] > 0
    for verdict in exports["csv"][1]["verdicts"]:
        if verdict["evidence"] is not None:
            assert verdict["end"] - verdict["start"] == len(verdict["evidence"])


def test_evidence_is_where_it_is_said_to_be(tables: dict[str, list[dict[str, Any]]]) -> None:
    answers = {key_of(r): r["text"] for r in tables["responses"]}
    shown = [v for v in tables["verdicts"] if v["evidence"] is not None]
    assert shown
    for v in shown:
        assert answers[key_of(v)][v["start"] : v["end"]] == v["evidence"]


def test_no_csv_cell_is_a_formula(exports: Exports) -> None:
    folder, _ = exports["csv"]
    layouts, _ = codebook()
    protected = 0
    for table in TABLES:
        texts = {c.name for c in layouts[table].columns if c.type == "text"}
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, cell in row.items():
                    if name in texts:
                        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
                        protected += cell.startswith("'")
                    else:
                        assert not cell.startswith("'")
    assert protected > 0
    assert csv_cell(-1.5) == "-1.5"


def test_cells_of_every_type() -> None:
    assert csv_cell(None) == "" and csv_cell(True) == "true" and csv_cell(7) == "7"
    assert csv_cell(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
    for text in HOSTILE:
        assert csv_cell(text).removeprefix("'") == text
    assert encodable("a\ud800b") == "a\ufffdb"
    assert encodable("\ud83d\ude00") == "\U0001f600"


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


def test_votes_and_notes_of_verdicts_are_exported(
    mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mock_module, "answer", judging)
    mock_provider.faults({"fault": "judge_truncated", "model": "second-judge"})
    workspace = tmp_path / "ws"
    panel = f"{JUDGE},openai-api/mock/second-judge"
    measure(workspace, write_items(tmp_path), judge=panel)
    vc.export_study(tmp_path / "study", workspace=workspace)
    rows = read_parquet(tmp_path / "study" / "verdicts.parquet")
    votes = [json.loads(row["votes"]) for row in rows]
    assert rows and all(len(of_one) == 2 for of_one in votes)
    alone = [row for row, of_one in zip(rows, votes, strict=True) if None in of_one]
    assert {row["note"] for row in alone} == {
        "without openai-api/mock/second-judge, which has no verdict"
    }
    assert {row["note"] for row in rows if row not in alone} <= {None}


def test_a_hostile_name_stays_inside_its_code_in_the_prose(exports: Exports) -> None:
    text = (exports["parquet"][0] / "methods.md").read_text()
    assert "\n# 'heading'" not in text
    lines = [line for line in text.splitlines() if "HYPERLINK" in line and line.startswith("|")]
    assert lines and all(line.count("|") == 8 and line.count("`") == 2 for line in lines)


def test_the_manifest_is_whole_and_the_checksums_hold(measured: Any, exports: Exports) -> None:
    for folder, _ in exports.values():
        whole = manifest_of(folder)
        assert whole["simulated"] is True
        by_id = {m["id"]: m for m in whole["measurements"]}
        for m in measured[1].values():
            own = by_id[m.id]
            assert {k: own[k] for k in m.manifest if k != "created"} == {
                k: v for k, v in m.manifest.items() if k != "created"
            }
        lines = (folder / "checksums.txt").read_text().splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
        assert {*sums, "checksums.txt"} == {p.name for p in folder.iterdir()}
        for name, digest in sums.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_exporting_again_gives_the_same_files(measured: Any, exports: Exports) -> None:
    folder, _ = exports["csv"]
    before = (folder / "checksums.txt").read_text()
    (folder / ".DS_Store").write_bytes(b"what a file browser leaves")
    vc.export_study(folder, workspace=measured[0], format="csv")
    assert (folder / "checksums.txt").read_text() == before
    assert not (folder / ".DS_Store").exists()
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_an_export_replaces_one_of_the_other_format(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "a" / "study"
    vc.export_study(out, vc.Selection(["safety"]), workspace=measured[0])
    assert (out / "scores.parquet").exists()
    link = tmp_path / "link"
    link.symlink_to(out)
    vc.export_study(link, vc.Selection(["safety"]), workspace=measured[0], format="csv")
    assert link.is_symlink()
    assert (out / "scores.csv").exists() and not (out / "scores.parquet").exists()
    assert out.stat().st_mode & 0o077  # not as private as a temporary folder


def test_a_table_of_scores_alone(measured: Any, exports: Exports, tmp_path: Path) -> None:
    for kind, (folder, _) in exports.items():
        out = tmp_path / f"mine.{kind}"
        done = vc.export_scores(out, workspace=measured[0])
        assert out.read_bytes() == (folder / f"scores.{kind}").read_bytes()
        assert dict(done.rows) == {"scores": len(exports[kind][1]["scores"])}
    with pytest.raises(InputError, match=r"mine\.xlsx: unknown kind of file"):
        vc.export_scores(tmp_path / "mine.xlsx", workspace=measured[0])


def test_selection(measured: Any, tmp_path: Path) -> None:
    workspace, found = measured
    moral = found["moral-foundations"].id
    done = vc.export_study(tmp_path / "s", vc.Selection(ids=[moral]), workspace=workspace)
    assert done.measurements == (moral,)
    systems = vc.Selection(["safety", "schwartz"])
    done = vc.export_study(tmp_path / "s", systems, workspace=workspace)
    assert done.measurements == (found["safety"].id, found["schwartz"].id)
    with pytest.raises(InputError, match=rf"--measurement nope: .*{moral} \(moral-foundations"):
        vc.export_study(tmp_path / "t", vc.Selection(ids=["nope"]), workspace=workspace)
    with pytest.raises(InputError, match="it is of moral-foundations, not of safety"):
        vc.export_study(tmp_path / "t", vc.Selection(["safety"], [moral]), workspace=workspace)
    with pytest.raises(InputError, match="no measurement"):
        vc.export_study(tmp_path / "t", vc.Selection(["big-five"]), workspace=workspace)
    with pytest.raises(InputError, match="no measurements here yet"):
        vc.export_study(tmp_path / "t", workspace=tmp_path / "nowhere")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s"]


def test_a_folder_of_somebody_else_is_left_alone(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "study"
    out.mkdir()
    vc.export_study(out, workspace=measured[0])  # an empty one is taken
    (out / "analysis.R").write_text("my work")
    before = snapshot(out)
    with pytest.raises(InputError, match=r"study: beside .* it holds analysis\.R, which"):
        vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    for name, text in (("notes.txt", "mine"), ("manifest.json", "[1]"), ("manifest.json", "{")):
        other = tmp_path / f"other{len(list(tmp_path.iterdir()))}"
        other.mkdir()
        (other / name).write_text(text)
        with pytest.raises(InputError, match="not empty and holds no earlier export"):
            vc.export_study(other, workspace=measured[0])
        assert snapshot(other) == {name: text.encode()}
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="it is a file"):
        vc.export_study(tmp_path / "file", workspace=measured[0])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), InputError),
        (RuntimeError("a defect of ours"), RuntimeError),
    ],
)
def test_nothing_is_half_written(
    measured: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
) -> None:
    def fail(*_: object) -> str:
        raise error

    out = tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr(export_module, "methods_text", fail)  # after the tables are written
        with pytest.raises(expected):
            vc.export_study(out, workspace=measured[0])
    assert list(tmp_path.iterdir()) == []
    vc.export_study(out, workspace=measured[0])
    before = snapshot(out)
    with monkeypatch.context() as patch:
        patch.setattr(export_module, "methods_text", fail)
        with pytest.raises(expected):
            vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_an_old_export_comes_back_when_the_new_one_cannot_take_its_place(
    measured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    vc.export_study(out, workspace=measured[0])
    before = snapshot(out)
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if target == out and not any(self.glob("*.parquet")):
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(InputError, match="cannot be written"):
        vc.export_study(out, workspace=measured[0], format="csv")
    assert snapshot(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_a_killed_export_leaves_no_study_behind(measured: Any, tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib, valuecompass as vc\n"
        "from valuecompass.measure.study import export\n"
        "export.methods_text = lambda _: os.kill(os.getpid(), 9)\n"
        "vc.export_study(pathlib.Path(sys.argv[1]), workspace=pathlib.Path(sys.argv[2]))\n"
    )
    out = tmp_path / "study"
    command = [sys.executable, "-c", script, str(out), str(measured[0])]
    assert subprocess.run(command, check=False).returncode == -9
    assert not out.exists()
    vc.export_study(out, workspace=measured[0])
    assert (out / "methods.md").exists()


def test_ctrl_c_leaves_nothing_behind(measured: Any, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from valuecompass.cli import main\n"
        "from valuecompass.measure.study import export\n"
        "class Answer(export.Answer):\n"
        "    def response(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT) if self.position == 0 else None\n"
        "        return super().response()\n"
        "export.Answer = Answer\n"
        "sys.argv = ['valuecompass', 'export', *sys.argv[1:]]\n"
        "main()\n"
    )
    args = [sys.executable, "-c", script, "--study", tmp_path / "study", "-w", measured[0]]
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def found_of(measured: tuple[Path, dict[str, vc.Measurement]]) -> dict[str, vc.Measurement]:
    return measured[1]


def test_row_groups_are_bounded(
    measured: Any, exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_module, "ROWS_IN_A_GROUP", 50)
    monkeypatch.setattr(tables_module, "TEXT_IN_A_GROUP", 20_000)
    vc.export_study(tmp_path / "s", workspace=measured[0])
    for table in TABLES:
        file = pq.ParquetFile(tmp_path / "s" / f"{table}.parquet")
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        assert max(sizes) <= 50
        assert file.read().to_pylist() == exports["parquet"][1][table]
    responses_file = pq.ParquetFile(tmp_path / "s" / "responses.parquet")
    # the long text alone fills a group
    assert responses_file.num_row_groups > responses_file.metadata.num_rows / 50 + 1


@pytest.mark.parametrize("block", [1, 7, 256])
def test_a_stream_is_the_rows_in_blocks(measured: Any, block: int) -> None:
    query = select(responses.c.key, responses.c.text).order_by(responses.c.key)

    async def work() -> None:
        async with open_store(measured[0], create=False) as store:
            whole = await store.rows(query)
            blocks = [rows async for rows in store.stream(query, block)]
            assert [row for rows in blocks for row in rows] == whole
            assert {len(rows) for rows in blocks[:-1]} <= {block} and len(blocks[-1]) <= block

    anyio.run(work)


def command(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from valuecompass.cli import main; main()", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command(measured: Any, tmp_path: Path) -> None:
    out = tmp_path / "study"
    done = command("export", "--study", out, "-w", measured[0], "--format", "csv", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["study"] == str(out) and set(said["rows"]) == set(TABLES)
    assert set(said["measurements"]) == {m.id for m in measured[1].values()}
    (out / "mine.txt").write_text("x")
    done = command("export", "--study", out, "-w", measured[0])
    assert (done.returncode, done.stdout) == (2, "")
    assert "mine.txt" in done.stderr and "Traceback" not in done.stderr


def test_wrong_usage_of_the_command(measured: Any, tmp_path: Path) -> None:
    for args, message in (
        ([], "give either"),
        ([tmp_path / "x.csv", "--study", tmp_path / "s"], "give either"),
        (["--study", tmp_path / "s", "--format", "xlsx"], "--format xlsx: give parquet or csv"),
        ([tmp_path / "x.csv", "--format", "csv"], "--format goes with --study"),
    ):
        done = command("export", *args, "-w", measured[0])
        assert done.returncode == 2 and message in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []
