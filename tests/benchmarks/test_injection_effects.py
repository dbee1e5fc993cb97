"""The plan and the figures of `benchmarks/judge/injection.py`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.judges.attacks import ATTACKS, SUITE, benchmark
from valuecompass.judges.spec import parse_judge


@pytest.fixture(scope="module")
def injection() -> Iterator[Any]:
    """The benchmark's module."""
    with benchmark() as module:
        yield module


@pytest.fixture(scope="module")
def plan(injection: Any) -> list[Any]:
    """Every attack in every carrier, for the local judge."""
    return injection.trials(parse_judge("local").members)


def test_every_attack_meets_every_carrier_in_every_position_equally_often(
    injection: Any, plan: list[Any]
):
    inside = [a for a in ATTACKS if a["place"] != "respondent"]
    carriers = injection.read_carriers()
    assert len(carriers) == 12 and len(plan) == 12 * len(inside)
    assert Counter(c.subject.system.id for c in carriers) == dict.fromkeys(
        ("schwartz", "moral-foundations", "safety", "llm-unique"), 3
    )
    assert set(Counter((t.attack.id, t.position) for t in plan).values()) == {4}
    assert set(Counter((t.carrier.id, t.position) for t in plan).values()) == {len(inside) // 3}


def test_a_part_of_the_suite_has_every_attack_and_every_carrier_equally_often(
    injection: Any, plan: list[Any]
):
    for each in (1, 5):
        part = injection.trials(parse_judge("local").members, each)
        assert all(t in plan for t in part[:20])
        assert set(Counter(t.attack.id for t in part).values()) == {each}
        carriers = Counter(t.carrier.id for t in part).values()
        assert len(carriers) == 12 and max(carriers) - min(carriers) <= 1


def test_no_attack_is_empty_and_no_placeholder_stays(injection: Any, plan: list[Any]):
    names = [a.text for a in injection.read_attacks() if a.place == "respondent"]
    texts = [t.text for t in plan] + names
    assert len(texts) == 12 * (len(ATTACKS) - len(names)) + len(names)
    assert all(text.strip() for text in texts)
    marks = ("{dimension}", "{definition}", "{supports}", "{opposes}")
    assert not [text for text in texts if any(mark in text for mark in marks)]


def test_a_borrowed_sentence_is_one_of_the_dimensions_own_on_the_aimed_side(plan: list[Any]):
    borrowed = [t for t in plan if t.attack.kind == "borrowed"]
    assert len({t.attack.id for t in borrowed}) >= 12
    assert {t.attack.language for t in borrowed} == {"en", "de", "fr", "es", "zh"}
    used: set[str] = set()
    for trial in borrowed:
        dimension = trial.clean.system.dimension(trial.carrier.dimension)
        sides = {"raise": (dimension.definition, *dimension.supports), "lower": dimension.opposes}
        (sentence,) = (s for s in sides[trial.attack.aim] if s in trial.text)
        assert sentence in trial.attacked.response and sentence not in trial.clean.response
        used.add(sentence)
    assert len(used) > 100  # of 12 carriers: not the same sentence in every attack


def test_a_control_is_as_long_as_its_attack_and_in_the_same_place(plan: list[Any]):
    for trial in plan:
        one, other, plain = (
            s.item.text if trial.attack.place == "item" else s.response
            for s in (trial.attacked, trial.control, trial.clean)
        )
        assert len(one) == len(other)
        if trial.position == "whole":
            assert one == trial.text
            continue
        at = one.index(f"\n{trial.text}")
        assert one[:at] == other[:at] and plain.startswith(one[:at])
        after = at + 1 + len(trial.text)
        assert one[after:] == other[after:] == plain[at:]
        assert (at == len(plain)) == (trial.position == "end")


def test_the_measure_by_hand(injection: Any):
    up = injection.Attack("a", "response", "en", "order", "raise", "x")
    down = injection.Attack("b", "response", "en", "order", "lower", "x")
    stop = injection.Attack("c", "response", "en", "order", "break", "x")

    def cell(attack: Any, clean: Any, attacked: Any, control: Any) -> Any:
        outcomes = [
            injection.Said(*x) if isinstance(x, tuple) else injection.Said(x)
            for x in (clean, attacked, control)
        ]
        return injection.Cell(attack, "one", "end", *outcomes)

    cells = [
        cell(up, 0.2, 0.9, 0.2),  # flipped
        cell(up, 0.4, None, 0.5),  # missing: not flipped; the control is
        cell(up, 0.5, 0.9, 0.9),  # was there already: does not bear on it
        cell(down, (0.8, 1.0), (0.4, -1.0), (0.7, 0.5)),  # flipped
        cell(down, 0.6, 0.5, 0.6),  # .5 is still expressed
        cell(down, 0.6, 0.8, 0.6),  # the wrong way: counts below 0
        cell(stop, 0.6, None, 0.1),  # no flip is aimed at
        cell(stop, 0.6, 0.1, 0.6),  # nor a shift
        cell(stop, None, None, None),
    ]
    found = injection.effects(cells, np.random.default_rng(0))
    assert (found["attacks"], found["cells"]) == (3, 9)

    def points(what: str) -> tuple[int, list[float]]:
        row = found[what]
        return row["n"], [row[k][0] for k in ("attack", "control", "beyond")]

    assert points("flipped") == (5, pytest.approx([2 / 5, 1 / 5, 1 / 5]))
    assert points("missing") == (8, pytest.approx([2 / 8, 0, 2 / 8]))
    assert points("expressed") == (5, pytest.approx([1.4 / 5, 0.5 / 5, 0.9 / 5]))
    assert points("valence") == (1, pytest.approx([2, 0.5, 1.5]))
    for row in (found[w] for w in ("flipped", "missing", "expressed", "valence")):
        assert all(low <= value <= high for value, low, high in (row["attack"], row["beyond"]))


def test_what_only_lowers_degrees_is_no_success_of_attacks_that_would_raise_them(injection: Any):
    def found(aim: str) -> tuple[float, float, float]:
        cells = [
            injection.Cell(
                injection.Attack(str(n), "response", "en", "order", aim, "x"),
                "one",
                "end",
                *map(injection.Said, (0.7, 0.2, 0.7)),
            )
            for n in range(30)
        ]
        return injection.effects(cells, np.random.default_rng(0))["expressed"]["beyond"]

    value, low, high = found("raise")
    assert value == pytest.approx(-0.5) and -0.7 < low < value < high < -0.3
    value, low, high = found("lower")
    assert value == pytest.approx(0.5) and 0.3 < low < value < high < 0.7


# --- what a judge reads ---


@pytest.mark.parametrize(
    ("judge", "unread"),
    [
        ("local", {"schwartz"}),
        ("local-nearest", {"schwartz", "moral-foundations", "safety", "llm-unique"}),
        ("local,local-nearest", {"schwartz"}),
        ("local-nearest,openai/judge", set()),
    ],
)
def test_whether_any_member_of_a_judge_reads_an_attack(
    injection: Any, judge: str, unread: set[str]
):
    plan = injection.trials(parse_judge(judge).members)
    assert {t.carrier.subject.system.id for t in plan if not t.read} == unread
    assert all(t.read for t in plan if t.attack.place == "response")
    assert all(
        t.read == (t.carrier.subject.system.id not in unread)
        for t in plan
        if t.attack.place == "item"
    )


@pytest.mark.anyio
@pytest.mark.parametrize("judge", ["local", "local-nearest"])
async def test_what_a_judge_never_reads_moves_no_verdict_and_is_no_part_of_the_headline(
    injection: Any, judge: str, monkeypatch: pytest.MonkeyPatch
):
    whole = injection.trials(parse_judge(judge).members)
    one = next(t.attack for t in whole if t.attack.place == "item" and t.attack.language == "en")
    part = [t for t in whole if t.attack == one]
    monkeypatch.setattr(injection, "trials", lambda *_: part)
    found = await injection.injection(argparse.Namespace(judge=judge, texts=12))
    assert found["judge"]["name"] == judge
    left = found["not_read"]["item"]
    assert (left["cells"], found["all"]["cells"]) == ((3, 9) if judge == "local" else (12, 0))
    names = sum(a["place"] == "respondent" for a in ATTACKS)
    assert found["not_read"]["respondent"]["attacks"] == names
    for side in ("attack", "control"):
        assert left["expressed"][side][0] == left["missing"][side][0] == 0
    if judge == "local":
        assert "schwartz" not in found["system"]
        for system in ("moral-foundations", "safety", "llm-unique"):
            assert found["system"][system]["expressed"]["attack"][0] != 0
    assert "not read by this judge" in injection.report(found)


# --- bad input ---


def complaint(
    injection: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], judge: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["injection.py", "--judge", judge])
    with pytest.raises(SystemExit) as stopped:
        injection.guarded(injection.main)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2 and out == "" and err.count("\n") == 1
    return err


@pytest.mark.parametrize("judge", ["no-model", "embedded/no-model", "local@mode=per-value"])
def test_a_wrong_judge_is_told_in_one_line(
    injection: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    judge: str,
):
    monkeypatch.chdir(tmp_path)
    assert judge in complaint(injection, monkeypatch, capsys, judge)


ROW = '{"id": "a", "place": "item", "language": "en", "kind": "k", "aim": "raise", "text": "x"}'


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("carriers.jsonl", None, "cannot be read"),
        ("carriers.jsonl", b'{"id": "one"}', "line 1: system"),
        ("injections.jsonl", b"[]", "line 1: expected a JSON object"),
        ("injections.jsonl", ROW.replace("raise", "rise").encode(), "line 1: aim"),
        ("injections.jsonl", ROW.replace('"x"', '" "').encode(), "line 1: text"),
        ("injections.jsonl", ROW.replace('"en"', '"it"').encode(), "neutral.toml: it"),
        ("neutral.toml", b"en = ", "not valid TOML"),
        ("neutral.toml", b"\xff", "line 1: byte 0xff is not UTF-8"),
    ],
)
def test_a_bad_file_is_told_in_one_line(
    injection: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    content: bytes | None,
    told: str,
):
    for file in ("carriers.jsonl", "injections.jsonl", "neutral.toml"):
        shutil.copy(SUITE / file, tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(injection, "HERE", tmp_path)
    found = complaint(injection, monkeypatch, capsys, "local")
    assert str(tmp_path / "neutral.toml" if "neutral.toml" in told else tmp_path / name) in found
    assert told in found


def test_the_script_itself_ends_without_a_traceback():
    command = [sys.executable, str(SUITE / "injection.py"), "--judge", "no-model"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no-model" in done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr


# --- intervals ---


def test_the_interval_is_over_attacks_and_covers_a_planted_effect(injection: Any):
    rng = np.random.default_rng(3)
    held, repeats, attacks = 0, 200, 30
    for _ in range(repeats):
        cells: list[Any] = []
        for n, works in enumerate(rng.random(attacks) < 0.4):  # an attack works everywhere or never
            attack = injection.Attack(str(n), "response", "en", "order", "raise", "x")
            cells += [
                injection.Cell(
                    attack,
                    str(c),
                    "end",
                    *map(injection.Said, (0.2, 0.8 if works else 0.2, 0.2)),
                )
                for c in range(12)
            ]
        _, low, high = injection.effects(cells, rng)["flipped"]["beyond"]
        held += low <= 0.4 <= high
    assert held >= 0.92 * repeats
