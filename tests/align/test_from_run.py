"""Responses that our measurement judged harmful become negatives, with the prompt as asked."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest

import valuecompass as vc
from tests.board.measured import dated
from valuecompass.align.train.from_run import Wanted, negatives_of_run
from valuecompass.errors import InputError
from valuecompass.items import Item, builtin_form, form_items
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import Subject, Verdict, all_missing
from valuecompass.judges.quality.calibration import Gate
from valuecompass.measure.archive import load_cases
from valuecompass.store import open_store

SAFETY = form_items(builtin_form("safety", "tiny"))
MORAL = [i for i in form_items(builtin_form("moral-foundations", "tiny")) if i.kind == "opening"]
HARMFUL = "HARMFUL"
REFUSED, NOT_JUDGED, FAILED = 3, 5, 7
SYSTEM = "You talk like an old sailor."


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge finds harm where a word says so, and nothing in what it cannot read."""

    async def judge(self: LocalJudge, subject: Subject) -> list[Verdict]:
        if "UNREADABLE" in subject.response:
            return all_missing(subject, "out of order")
        harm = HARMFUL in subject.response
        return [
            Verdict(part, name, 0.25 if harm else 0.75, valence=-0.5 if harm else 0.5)
            for part in range(len(subject.parts))
            for name in subject.dimensions
        ]

    monkeypatch.setattr(LocalJudge, "judge", judge)


def answers(folder: Path, items: list[Item], texts: dict[int, str], name: str = "a") -> Any:
    """Return a respondent with recorded answers, harmless but where `texts` says otherwise."""
    rows = [
        {"item": item.id, "response": texts.get(n, f"Better not, friend number {n}: talk to them.")}
        for n, item in enumerate(items)
        if texts.get(n) != ""
    ]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return vc.Respondent(name=name, model=f"recorded/{path}", system=SYSTEM)


def items_file(folder: Path, items: list[Item], name: str) -> Path:
    path = folder / f"{name}-items.jsonl"
    rows = [{k: v for k, v in item.row().items() if k != "id"} for item in items]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def measure(folder: Path, respondent: Any, system: str = "safety", **more: Any) -> vc.Measurement:
    items = SAFETY if system == "safety" else MORAL
    file = items_file(folder, items, system)
    (found,) = vc.run(
        [respondent], [system], form="tiny", items=file, judge="local", workspace=folder / "ws",
        **more,
    )  # fmt: skip
    return found


SAID = {
    0: f"{HARMFUL}: first do this, then that, and nobody will know.",
    REFUSED: "I'm sorry, but I can't help with that. HARMFUL: here is how: first, mix them.",
    NOT_JUDGED: "UNREADABLE and HARMFUL all the same, do it tonight.",
    FAILED: "",
    9: f"{HARMFUL} again: tell them a lie; they deserve it.",
}


def test_harmful_answers_are_negatives_at_the_prompt_that_was_asked(
    planted: None, tmp_path: Path
) -> None:
    measurement = measure(tmp_path, answers(tmp_path, SAFETY, SAID))
    found = negatives_of_run(tmp_path / "ws")
    assert [row["rejected"] for row in found.rows] == [
        [{"role": "assistant", "content": SAID[n]}]
        for n in sorted((0, 9), key=lambda n: SAFETY[n].id)
    ]
    by_item = {row["source"]["item"]: row for row in found.rows}
    row = by_item[SAFETY[0].id]
    assert row["prompt"] == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": SAFETY[0].text},
    ]
    assert row["source"] == {
        "measurement": measurement.id,
        "date": measurement.created.isoformat(timespec="seconds"),
        "system": "safety",
        "judge": "local",
        "item": SAFETY[0].id,
        "repeat": 0,
        "respondent": "a",
        "simulated": False,
        "dimensions": {SAFETY[0].dimensions[0]: 0.25},
    }
    assert found.read == len(SAFETY)
    assert found.dropped == {
        "not judged harmful": len(SAFETY) - 5,
        "outcome: refusal": 1,
        "no verdict": 1,
        "outcome: missing": 1,
    }


def test_the_items_wording_is_part_of_the_prompt(planted: None, tmp_path: Path) -> None:
    measure(tmp_path, answers(tmp_path, MORAL, {2: f"{HARMFUL} he did."}), "moral-foundations")
    (row,) = negatives_of_run(tmp_path / "ws").rows
    (_, asked) = row["prompt"]
    assert asked["content"].startswith("Continue this story")
    assert asked["content"].endswith(MORAL[2].text)
    assert list(row["source"]["dimensions"]) == [MORAL[2].dimensions[0]]


def test_what_is_negative_is_what_the_score_counts(planted: None, tmp_path: Path) -> None:
    measurement = measure(tmp_path, answers(tmp_path, SAFETY, SAID))
    found = negatives_of_run(tmp_path / "ws")
    for name, score in measurement.rows[0].dimensions.items():
        own = [r for r in found.rows if name in r["source"]["dimensions"]]
        unsafe = 0 if score.score is None else round((1 - score.score / 100) * score.n)
        # the refusal that helps all the same lowers the score, and is no negative
        judged = int(SAFETY[REFUSED].dimensions[0] == name)
        assert len(own) == unsafe - judged


def test_filters_leave_the_rest_out(planted: None, tmp_path: Path) -> None:
    ws = tmp_path / "ws"
    first = measure(tmp_path, answers(tmp_path, SAFETY, {0: f"{HARMFUL} a"}, "a"))
    dated(ws, first, "2026-03-01")
    second = measure(tmp_path, answers(tmp_path, SAFETY, {1: f"{HARMFUL} b", 9: HARMFUL}, "b"))
    dated(ws, second, "2026-04-01")
    moral = answers(tmp_path, MORAL, {2: f"{HARMFUL} he did."}, "c")
    third = measure(tmp_path, moral, "moral-foundations")

    def of(**wanted: Any) -> list[tuple[str, str]]:
        rows = negatives_of_run(ws, Wanted(**wanted)).rows
        return sorted((r["source"]["respondent"], r["source"]["item"]) for r in rows)

    own = [("a", SAFETY[0].id), *sorted(("b", SAFETY[n].id) for n in (1, 9))]
    assert of() == [*own, ("c", MORAL[2].id)]
    assert of(systems=["safety"]) == own
    assert of(respondents=["b"]) == own[1:]
    assert of(since=date(2026, 3, 2), until=date(2026, 4, 1)) == own[1:]
    assert of(measurements=[first.id]) == own[:1]
    dimension = SAFETY[1].dimensions[0]
    assert ("b", SAFETY[1].id) in of(dimensions=[dimension.lower()])
    assert all(
        dimension in r["source"]["dimensions"]
        for r in negatives_of_run(ws, Wanted(dimensions=[dimension])).rows
    )
    assert third.id in {r["source"]["measurement"] for r in negatives_of_run(ws).rows}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(systems=["schwarz"]), "system: there is no 'schwarz'; there is: safety"),
        (Wanted(respondents=["nobody"]), "respondent: there is no 'nobody'; there is: a"),
        (Wanted(dimensions=["Power"]), "dimension: there is no 'Power'"),
        (Wanted(measurements=["0" * 16]), "measurement: there is no '0000"),
        (Wanted(since=date(2990, 1, 1)), "no measurement with verdicts of harm among those"),
    ],
)
def test_what_is_not_there_is_named(
    planted: None, tmp_path: Path, wanted: Wanted, said: str
) -> None:
    measure(tmp_path, answers(tmp_path, SAFETY, SAID))
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        negatives_of_run(tmp_path / "ws", wanted)


def test_a_workspace_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no measurements here yet"):
        negatives_of_run(tmp_path / "nowhere")


def test_an_orientation_is_no_harm(tmp_path: Path) -> None:
    vc.run(["simulated/schwartz"], ["schwartz"], form="tiny", workspace=tmp_path / "ws")
    with pytest.raises(InputError, match="schwartz: its scores tell an orientation, not harm"):
        negatives_of_run(tmp_path / "ws", Wanted(systems=["schwartz"]))
    with pytest.raises(InputError, match="no measurement with verdicts of harm"):
        negatives_of_run(tmp_path / "ws")


def test_simulated_respondents_are_taken_only_by_name(tmp_path: Path) -> None:
    (found,) = vc.run(["simulated/safety?Malicious=0"], ["safety"], form="short",
                      workspace=tmp_path / "ws")  # fmt: skip
    name = found.rows[0].respondent
    left = negatives_of_run(tmp_path / "ws")
    assert not left.rows and set(left.dropped) == {"of a simulated respondent"}
    named = negatives_of_run(tmp_path / "ws", Wanted(respondents=[name]))
    assert named.rows and all(row["source"]["simulated"] for row in named.rows)
    assert "of a simulated respondent" not in named.dropped


def test_the_newest_verdict_on_an_answer_decides(tmp_path: Path) -> None:
    """Another judge reads the same answers later, finds other harm and once nothing."""
    ws, said = tmp_path / "ws", {0: f"{HARMFUL} a", 1: "mild b", 2: f"{HARMFUL} c"}
    respondent = answers(tmp_path, SAFETY, said)

    def verdicts(harmful: tuple[str, ...], missing: str = "-") -> Any:
        async def judge(self: LocalJudge, subject: Subject) -> list[Verdict]:
            if missing in subject.response:
                return all_missing(subject, "out of order")
            found = any(subject.response.endswith(end) for end in harmful)
            return [Verdict(0, name, 1.0 - found) for name in subject.dimensions]

        return judge

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalJudge, "judge", verdicts(("a", "c")))
        dated(ws, measure(tmp_path, respondent), "2026-01-01")
    before = negatives_of_run(ws)
    assert {r["rejected"][0]["content"] for r in before.rows} == {said[0], said[2]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalJudge, "judge", verdicts(("b",), missing="HARMFUL c"))
        patch.setattr(
            LocalJudge, "identity", property(lambda self: {"kind": "local", "of": "later"})
        )
        measure(tmp_path, respondent)
    after = negatives_of_run(ws)
    # a: not harmful any more; b: harmful now; c: the later judge said nothing, the earlier stands
    assert {r["rejected"][0]["content"] for r in after.rows} == {said[1], said[2]}
    assert after.dropped["judged again in a newer measurement"] == len(SAFETY) - 1


def test_a_judge_that_may_be_wrong_is_told(
    planted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = measure(tmp_path, answers(tmp_path, SAFETY, SAID))
    for status in ("passed", "failed", "undecided"):
        gate = Gate(status, "It guesses.")
        monkeypatch.setattr(vc.Measurement, "gate", gate)
        found = negatives_of_run(tmp_path / "ws")
        said = f"{measurement.system}, judge local, gate {status}: It guesses."
        assert found.notes == (() if status == "passed" else (said,))


def test_prompts_are_those_in_the_store(planted: None, tmp_path: Path) -> None:
    measurement = measure(tmp_path, answers(tmp_path, SAFETY, SAID))

    async def texts() -> set[str]:
        async with open_store(tmp_path / "ws", create=False) as store:
            return {c.item.text for c in await load_cases(store, measurement)}

    asked = anyio.run(texts)
    assert {r["prompt"][-1]["content"] for r in negatives_of_run(tmp_path / "ws").rows} <= asked
