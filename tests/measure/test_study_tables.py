"""The tables of a study: they match the codebook, join, and give the measurement's scores."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

import valuecompass as vc
from tests.measure.helpers import JUDGE, judging, measure, write_items
from tests.measure.study_examples import (  # noqa: F401  (fixtures)
    TABLES,
    Exports,
    key_of,
    read_parquet,
    study_exports,
    study_measured,
    study_tables,
)
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.items import builtin_form
from valuecompass.items.schema import KINDS
from valuecompass.measure.study import tables as tables_module
from valuecompass.measure.study.tables import codebook
from valuecompass.store import open_store, responses


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


def test_the_codebook_names_every_kind_of_item(
    measured: Any, tables: dict[str, list[dict[str, Any]]]
) -> None:
    (kind,) = (c for c in codebook()[0]["items"].columns if c.name == "kind")
    assert kind.range.split(", ") == list(KINDS)
    assert {row["kind"] for row in tables["items"]} <= set(KINDS)


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
