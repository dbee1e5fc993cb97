"""Choices and ratings read off log-probabilities: what is read, scored, stored and said of it."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet as pq
import pytest

from tests.measure.helpers import (
    LIKERT,
    QUESTIONS,
    TRADEOFFS,
    Command,
    comparable,
    count,
    likert,
    question,
    rows,
    tradeoff,
    write_items,
)
from valuecompass.errors import InputError
from valuecompass.items import Asking, form_of_items
from valuecompass.judges.spec import build_judge, parse_judge
from valuecompass.measure.asking import Question, messages_for, params_for, questions, read_off
from valuecompass.measure.log_import import import_log
from valuecompass.measure.logprobs import notes_on_logprobs, preference
from valuecompass.measure.plan import make_plan
from valuecompass.measure.run import Settings, run
from valuecompass.measure.scoring import Result, score_row
from valuecompass.models import Respondent, parse_respondent
from valuecompass.models.request import LOGPROBS
from valuecompass.values import builtin_system

SMALL = "embedded/smollm2-135m-instruct"
BASE = f"{SMALL}@answers=logprobs"
CASE = tradeoff(*TRADEOFFS[0])  # Power and Benevolence
SCHWARTZ = builtin_system("schwartz")


def told(**shares: float) -> str:
    """Return the stored text of options with these probabilities; A is told, _1 is the rating 1."""
    return json.dumps({name.strip("_"): math.log(p) for name, p in shares.items() if p})


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


def test_a_rating_is_the_expected_one() -> None:
    item = likert("I like order.", "Security", 1, (1, 4))
    reading = read_off(Question(item, 0, 0), told(_1=0.1, _2=0.2, _3=0.1, _4=0.1), LOGPROBS)
    assert reading == pytest.approx({"rating": (0.1 + 0.4 + 0.3 + 0.4) / 0.5, "mass": 0.5})
    # options that a provider left out count as 0
    reading = read_off(Question(item, 0, 0), told(_4=0.3), LOGPROBS)
    assert reading == pytest.approx({"rating": 4, "mass": 0.3})
    assert reading is not None and reading["rating"] <= 4
    assert read_off(Question(item, 0, 0), "{}", LOGPROBS) is None


def test_a_choice_is_the_more_probable_side_in_either_order() -> None:
    text = told(A=0.6, B=0.2)
    first = read_off(Question(CASE, 0, 0), text, LOGPROBS)
    second = read_off(Question(CASE, 1, 0), text, LOGPROBS)
    assert first is not None and (first["chosen"], first["place"]) == ("Power", 0)
    assert second is not None and (second["chosen"], second["place"]) == ("Benevolence", 0)
    assert first["probability"] == second["probability"] == pytest.approx(0.75)
    assert preference(first, "Power") + preference(second, "Power") == pytest.approx(1)
    assert preference({"chosen": "Power", "place": 0}, "Power") == 1  # a choice that was made


def test_a_text_that_looks_like_a_distribution_is_none() -> None:
    assert read_off(Question(CASE, 0, 0), told(A=0.9), "stop") == {"chosen": "Power", "place": 0}
    assert read_off(Question(CASE, 0, 0), told(A=0.9, B=0.1), "stop") is None


def test_the_prompt_is_that_of_a_run_with_a_cue() -> None:
    base = parse_respondent(BASE)
    for item in (CASE, likert(*LIKERT[0])):
        asked = Question(item, 0, 0)
        (plain,) = messages_for(asked, Asking(words=1))
        (cued,) = messages_for(asked, Asking(words=1), cue=True)
        assert cued.content == plain.content + "\n\nAnswer:"
        params = params_for(base, item, Asking(words=1))
        assert params.logprobs and params.temperature is None
        assert params.choices == params_for(parse_respondent(SMALL), item, Asking(words=1)).choices


def test_ratings_that_begin_alike_are_refused() -> None:
    item = likert("I like order.", "Security", 1, (0, 10))
    form = form_of_items([item], SCHWARTZ, "own", "tiny")
    judge = build_judge(parse_judge("local"))
    make_plan(SCHWARTZ, form, [parse_respondent(SMALL)], judge, [item])
    with pytest.raises(InputError, match=f"item {item.id}: scale: rating 10 begins with 1"):
        make_plan(SCHWARTZ, form, [parse_respondent(BASE)], judge, [item])


def scored(shares: dict[tuple[str, int], float], items: list[Any]) -> dict[str, Any]:
    """Return the scores of somebody who takes A with these probabilities, by item and order."""
    who = Respondent(name="r", model="embedded/x", answers="logprobs")
    form = form_of_items(items, SCHWARTZ, "own", "tiny")
    plan = make_plan(SCHWARTZ, form, [who], build_judge(parse_judge("local")), items)
    results = [
        Result(
            q.item,
            q.presentation,
            q.repeat,
            None,
            "answer",
            reading=read_off(q, told(A=p, B=1 - p), LOGPROBS),
        )
        for item in items
        for q in questions(item, Asking(words=1))
        for p in [shares[item.id, q.presentation]]
    ]
    row = score_row(plan, who, results)
    return {"notes": row.notes} | {n: s.detail.get("within") for n, s in row.dimensions.items()}


def test_who_takes_the_first_letter_prefers_no_value() -> None:
    found = scored({(CASE.id, 0): 0.9, (CASE.id, 1): 0.9}, [CASE])
    assert found["Power"]["score"] == found["Benevolence"]["score"] == pytest.approx(50, abs=0.01)
    assert any("chose the first-named side in 90%" in note for note in found["notes"])


def test_a_planted_preference_is_found_again() -> None:
    items = [tradeoff(f"Case {n}.", "Power", "Benevolence") for n in range(40)]
    shares = {(i.id, order): 0.7 if order == 0 else 0.3 for i in items for order in (0, 1)}
    found = scored(shares, items)
    # by the prior of the scale a little nearer to 50 than the planted 70
    assert found["Power"]["score"] == pytest.approx(70, abs=0.5)
    assert found["Power"]["score"] + found["Benevolence"]["score"] == pytest.approx(100, abs=0.02)
    # the same from choices that were made: 28 of 40 items, both orders
    made = scored({k: 1.0 - k[1] if n < 56 else float(k[1]) for n, k in enumerate(shares)}, items)
    assert made["Power"] == found["Power"]


def test_the_note_says_how_much_of_the_model_it_is() -> None:
    assert notes_on_logprobs([{"rating": 3}, None]) == []
    assert "hold 80% of" in str(notes_on_logprobs([{"mass": 0.9}, {"mass": 0.7}]))
    assert "would mostly write something else" in str(notes_on_logprobs([{"mass": 0.2}]))
    _, unread = notes_on_logprobs([{"mass": 0.2}, None, None], asked=True)
    assert unread == (
        "none of the options was among the 20 most probable first tokens in 2 of 3 answers"
    )
    assert notes_on_logprobs([None], asked=True)  # also where there is nothing else to say


def test_a_base_model_is_measured_beside_a_chat_model(tmp_path: Path, cli: Command) -> None:
    items = [
        question(*QUESTIONS[0]),
        tradeoff(*TRADEOFFS[0]),
        *(likert(*one) for one in LIKERT[:2]),
    ]
    path, ws = write_items(tmp_path, items), tmp_path / "ws"
    (found,) = run(
        [SMALL, BASE], ["schwartz"], form="tiny", items=path, judge="local", workspace=ws
    )
    sampled, base = found.rows
    assert sampled.dimensions["Power"].n == 1 and base.dimensions["Power"].n == 0
    assert base.dimensions["Power"].missing == 0  # not asked, so nothing failed
    assert base.dimensions["Power"].score is None
    assert 0 < base.dimensions["Benevolence"].detail["self_report"]["score"] < 100
    assert 0 < base.dimensions["Power"].detail["within"]["score"] < 100
    assert any("from log-probabilities" in note for note in base.notes)
    assert "1 requests for free text were not made: answers = logprobs" in base.notes
    assert not any("log-probabilities" in note for note in sampled.notes)
    assert found.manifest["respondents"][1]["answers"] == "logprobs"
    assert found.manifest["requests"] == 5 + 4
    assert count(ws, "responses") == 9
    kept = rows(ws, f"select text from responses where stop_reason = '{LOGPROBS}'")
    assert len(kept) == 4 and all(isinstance(json.loads(text), dict) for (text,) in kept)
    again = run([SMALL, BASE], ["schwartz"], form="tiny", items=path, judge="local", workspace=ws)
    assert again[0].id == found.id and count(ws, "responses") == 9
    said = cli(
        *("run", "-m", BASE, "-m", SMALL, "-s", "schwartz", "--form", "tiny", "--items", path),
        *("-w", ws, "--dry-run"),
    )
    assert said.code == 0 and "up to 5 x 2 respondents = 9, 9 answered already" in said.err


def test_a_measurement_goes_through_a_log_of_inspect(tmp_path: Path, cli: Command) -> None:
    path = write_items(tmp_path, [tradeoff(*TRADEOFFS[0]), likert(*LIKERT[0])])
    (found,) = run([BASE], ["schwartz"], form="tiny", items=path, workspace=tmp_path / "ws")
    assert cli("export", "--inspect", tmp_path / "logs", "-w", tmp_path / "ws").code == 0
    (log,) = (tmp_path / "logs").iterdir()
    again = anyio.run(import_log, log, Settings(workspace=tmp_path / "again"))
    assert comparable(again)[0]["dimensions"] == comparable(found)[0]["dimensions"]
    assert again.rows[0].notes == found.rows[0].notes


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_a_study_holds_expected_values(tmp_path: Path, cli: Command, format: str) -> None:
    path = write_items(tmp_path, [tradeoff(*TRADEOFFS[0]), likert(*LIKERT[2])])
    (found,) = run([BASE], ["schwartz"], form="tiny", items=path, workspace=tmp_path / "ws")
    study = tmp_path / "study"
    said = cli("export", "--study", study, "--format", format, "-w", tmp_path / "ws")
    assert said.code == 0, said.err
    methods = " ".join((study / "methods.md").read_text().split())
    assert "Of 3 answers the log-probabilities of the options were taken" in methods
    assert "temperature" not in methods
    (readings,) = study.glob(f"readings.{format}")
    if format == "csv":
        with readings.open(newline="") as file:
            table = list(csv.DictReader(file))
    else:
        table = pq.read_table(readings).to_pylist()  # pyright: ignore[reportUnknownMemberType]
    (rated,) = (r for r in table if r["kind"] == "likert")
    report = found.rows[0].dimensions["Conformity"].detail["self_report"]["score"]
    assert float(rated["keyed"]) == pytest.approx(report, abs=0.01)
    assert float(rated["rating"]) % 1 and 0 < float(rated["mass"]) < 1
    chosen = [float(r["probability"]) for r in table if r["kind"] == "tradeoff"]
    assert len(chosen) == 2 and all(0.5 <= p < 1 for p in chosen)


def test_free_text_alone_is_refused(tmp_path: Path, cli: Command) -> None:
    said = cli("run", "-m", BASE, "-s", "safety", "--form", "tiny", "-w", tmp_path / "ws")
    assert said.code == 2
    assert "answers = logprobs only items of the kinds tradeoff, likert, judgement" in said.err
    assert count(tmp_path / "ws", "responses") == 0
