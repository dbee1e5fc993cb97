"""AdAEM on real models: the recorded run, its figures, and a small run on the embedded model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.evolve_real.__main__ import RECORDED
from benchmarks.evolve_real.players import Player, read_players
from benchmarks.evolve_real.run import SYSTEM, rows_of
from benchmarks.evolve_real.sources import EVOLVED, ONE_SHOT, SEEDS, SOURCES, Settings
from benchmarks.evolve_real.table import (
    READINGS,
    _difference,
    between_models,
    figures,
    items_of,
    read_rows,
    report,
    scores,
    write_rows,
)

from valuecompass.assets import fetch
from valuecompass.errors import InputError
from valuecompass.items import seed_items
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import subject_of
from valuecompass.models import Respondent
from valuecompass.models.asker import Asker

SMOLLM = "smollm2-135m-instruct"
README = RECORDED.parent / "README.md"


# --- the recorded run ---


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    if not RECORDED.is_file():
        pytest.skip("no run is recorded yet")
    return read_rows(RECORDED)


def test_the_record_gives_the_table_that_is_shown(recorded: list[dict[str, Any]]) -> None:
    assert report(figures(recorded)) in README.read_text(encoding="utf-8")


def test_sources_of_the_record_had_equal_calls(recorded: list[dict[str, Any]]) -> None:
    models = recorded[0]["models"]
    pool = sum(model["role"] == "pool" for model in models)
    most = recorded[0]["settings"]["calls"]
    for row in figures(recorded)["sources"]:
        used = sum(row["calls"].values())
        # what is left over is less than the next item may take: two to write, two a model
        assert most - (2 + 2 * pool) < used <= most
        assert row["calls"]["answers"] == pool * row["tried"]
    assert len({model["sha256"] for model in models}) == len(models) >= 5


def test_verdicts_of_the_record_are_those_of_its_texts(recorded: list[dict[str, Any]]) -> None:
    judge = LocalJudge()
    if judge.identity != recorded[0]["judges"]["local"]:
        pytest.skip("the judge has changed since; its identity is in the record")
    seeds = {item.id: item for item in seed_items(SYSTEM.id)}
    read = [r for r in recorded if r["row"] == "answer" and r["item"] in seeds and r["local"]]
    for row in read[:: len(read) // 10]:
        subject = subject_of(SYSTEM, seeds[row["item"]], row["text"])
        found = {(v.part, v.dimension): v.expressed for v in judge.judge_now(subject)}
        for part, values in enumerate(row["local"]):
            for name, value in zip(SYSTEM.names, values, strict=True):
                assert value == pytest.approx(found[part, name], abs=2e-3)


# --- figures ---


def test_variance_between_models_is_recovered_and_repeats_are_not_taken_for_it() -> None:
    rng = np.random.default_rng(5)
    models = rng.normal(0, 1, (4, 2, 1, 1)) + rng.normal(0, 0.5, (4, 2, 400, 1))
    true = float(np.mean((models[:, 0] - models[:, 1]) ** 2) / 2)
    noisy = models + rng.normal(0, 2, (4, 2, 400, 3))
    noisy[:, 0, ::7, 2] = np.nan  # what is missing biases nothing
    between, within = between_models(noisy)
    assert between.mean() == pytest.approx(true, abs=0.15)
    assert within.mean() == pytest.approx(4, abs=0.3)
    alike, _ = between_models(rng.normal(0, 2, (4, 2, 400, 3)))
    assert abs(alike.mean()) < 3 * alike.std() / 20


def test_intervals_of_differences_hold_the_truth() -> None:
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        one, two = (
            between_models((rng.random((1, 2, 16, 3)) < rng.random((1, 2, 16, 1))).astype(float))[0]
            for _ in range(2)
        )
        found = _difference(one, two)
        held += found["low"] <= 0 <= found["high"]
    assert 0.92 <= held / 300 <= 0.985


def _rows(pairs: dict[str, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Rows of a made-up run: what two examinees express of each item's main value."""
    names = ["a", "b"]
    rows: list[dict[str, Any]] = [
        {
            "row": "run",
            "dimensions": ["X", "Y"],
            "settings": asdict(Settings(keep=2)),
            "date": "2026-01-01",
            "machine": "none",
            "models": [{"name": n, "role": "examinee", "sha256": n} for n in names],
        }
    ]
    for source, items in pairs.items():
        calls = {"explorer": 0, "answers": 0, "judge": 0}
        rows.append(
            {"row": "source", "source": source, "calls": calls, "tried": len(items), "rejected": {}}
        )
        for place, rates in enumerate(items):
            own = f"{source}{place}"
            rows.append(
                {
                    "row": "item",
                    "source": source,
                    "id": own,
                    "text": "Is it?",
                    "dimensions": ["Y"],
                    "chosen": place,
                    "sampled": False,
                }
            )
            rows += [
                {
                    "row": "answer",
                    "item": own,
                    "model": name,
                    "repeat": repeat,
                    "outcome": "answer",
                    "text": "",
                    "local": [[0.2, rate], [None, rate]],
                    "second": float(rate >= 0.5) if repeat < 2 else None,
                }
                for name, rate in zip(names, rates, strict=True)
                for repeat in range(3)
            ]
    return rows


def test_scores_are_shares_of_opinions_and_what_is_missing_stays_so() -> None:
    rows = _rows({EVOLVED: [(0.9, 0.1), (0.8, 0.2)]})
    main = scores(rows, EVOLVED, "chosen", "local, main value")
    assert main[0, :, 0, 0].tolist() == [1, 0]
    assert scores(rows, EVOLVED, "chosen", "local, all values").shape == (2, 2, 2, 3)
    second = scores(rows, EVOLVED, "chosen", "second, main value")
    assert np.isnan(second[..., 2]).all() and second[0, 0, 0, 0] == 1
    rows[-1] |= {"local": None, "outcome": "refusal"}
    assert np.isnan(scores(rows, EVOLVED, "chosen", "local, all values")[:, 1, 1, 2]).all()


def test_the_better_source_comes_out_and_an_empty_one_is_left_out() -> None:
    apart, alike = [(0.9, 0.1)] * 11 + [(0.9, 0.9)], [(0.9, 0.9)] * 11 + [(0.9, 0.1)]
    rows = _rows({EVOLVED: apart, SEEDS: alike, ONE_SHOT: []})
    found = figures(rows)
    assert {(s["source"], s["reading"]) for s in found["sets"]} == {
        (source, reading) for source in (EVOLVED, SEEDS) for reading in READINGS
    }
    (of,) = (d for d in found["differences"] if d["reading"] == "local, main value")
    assert of["less"] == SEEDS and of["value"] == pytest.approx(5 / 12) and of["low"] > 0
    assert "0.00" in report(found) and json.dumps(found, allow_nan=False)


def test_rows_are_written_and_read(tmp_path: Path) -> None:
    rows = _rows({EVOLVED: [(0.9, 0.1), (0.8, 0.2)]})
    one, two = tmp_path / "a.gz", tmp_path / "b.gz"
    write_rows(rows, one)
    write_rows(read_rows(one), two)
    assert read_rows(one) == rows and one.read_bytes() == two.read_bytes()
    one.write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"a\.gz: cannot be read"):
        read_rows(one)
    write_rows(rows[1:], one)
    with pytest.raises(InputError, match="no run"):
        read_rows(one)


# --- models ---


def _table(**change: Any) -> str:
    """A file of two in the pool and two examinees, the last of them changed."""
    weights = fetch(SMOLLM) / "model.gguf"
    known = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    text = ""
    for name, role in (("a", "pool"), ("b", "pool"), ("c", "examinee"), ("d", "examinee")):
        fields: dict[str, Any] = {"name": name, "role": role, "file": str(weights)}
        fields |= {"sha256": known, "writes": name == "a"}
        if name == "d":
            fields |= change
        text += "[[models]]\n"
        text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())
    return text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "none.gguf"}, r"line 22: models.4.file: .*none\.gguf: no such file"),
        ({"sha256": "0" * 64}, "line 23: models.4.sha256: the file has b179"),
        ({"role": "judge"}, "line 21: models.4.role"),
        ({"wrong": 1}, "wrong"),
        ({"name": "c"}, "a name of its own"),
        ({"writes": True}, "one model with writes"),
        ({"role": "pool"}, "role 'examinee' is needed, and there are 1"),
    ],
)
def test_wrong_models_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(_table(**change), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_players(path)


def test_models_are_read(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(_table(), encoding="utf-8")
    first, *_, last = read_players(path)
    assert first.writes and last.role == "examinee"
    assert "file" not in first.about() and str(tmp_path) not in json.dumps(first.about())


# --- a small run on the embedded model ---


class Primed(Player):
    """SmolLM2 under a system prompt: another respondent, no other model."""

    system: str

    def respondent(self, words: int) -> Respondent:
        return super().respondent(words).model_copy(update={"system": self.system})


def _primed(name: str, role: Any, system: str, **parts: bool) -> Primed:
    return Primed(name=name, role=role, file=SMOLLM, sha256="0" * 64, system=system, **parts)


@pytest.mark.anyio
async def test_items_evolve_on_the_embedded_model_and_a_second_run_asks_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = [
        _primed("plain", "pool", "You answer in plain words.", writes=True, judges=True),
        _primed("stern", "pool", "You put order and safety first."),
        _primed("merry", "examinee", "You put joy and adventure first."),
        _primed("kind", "examinee", "You put care for others first."),
    ]
    settings = Settings(calls=10, keep=2, repeats=2, read=2, words=12)
    rows = await rows_of(players, settings, workspace)
    told = {row["source"]: row for row in rows if row["row"] == "source"}
    assert set(told) == set(SOURCES)
    for source, row in told.items():
        assert 0 < sum(row["calls"].values()) <= settings.calls
        assert row["tried"] == sum(r["row"] == "item" and r["source"] == source for r in rows)
        assert len(items_of(rows, source, "chosen")) == min(2, row["tried"])
    # what so small a model writes is seldom a question: it costs calls and is counted
    assert told[EVOLVED]["calls"]["explorer"] >= 2
    assert told[EVOLVED]["tried"] + sum(told[EVOLVED]["rejected"].values()) == (
        told[EVOLVED]["calls"]["explorer"] // 2
    )
    # two of the pool answer a seed, and the local judge takes no calls
    assert told[SEEDS]["tried"] == settings.calls // 2 and len(items_of(rows, SEEDS, "chosen")) == 2
    fresh = [r for r in rows if r["row"] == "answer" and r["model"] in ("merry", "kind")]
    assert len({r["text"] for r in fresh}) > 4 and any("second" in r for r in fresh)
    found = figures(rows)
    assert report(found).count("SHA") == 1 and json.dumps(found, allow_nan=False)

    def refuse(*_: object) -> Callable[..., Any]:
        raise AssertionError("a stored request was sent again")

    monkeypatch.setattr(Asker, "_send", refuse)
    again = await rows_of(players, settings, workspace)
    assert again[1:] == rows[1:]
