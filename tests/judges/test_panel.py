"""A panel's verdict from its members', worked by hand; the strong judge where they disagree."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.judges.examples import subject
from valuecompass.errors import BudgetReached, ProviderStopped, RequestFailed
from valuecompass.judges import Subject, Verdict
from valuecompass.judges.panel import PanelJudge, disagree, join, label_of, models_of

pytestmark = pytest.mark.anyio
NAMES = ("a", "b", "c")


class Fixed:
    """A judge with a verdict for each part and dimension, that keeps count of who asks."""

    def __init__(self, name: str, *rows: Verdict, error: Exception | None = None) -> None:
        self.name, self.rows, self.error = name, rows, error
        self.identity: dict[str, Any] = {
            "kind": "llm",
            "model": {"model": f"openai/{name}"},
            "mode": "one-call",
        }
        self.asked = self.finished = 0

    async def judge(self, subject: Subject) -> list[Verdict]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        await anyio.sleep(0.01)
        self.finished += 1
        return list(self.rows)


def verdict(expressed: float | None, **fields: Any) -> Verdict:
    return Verdict(0, "Craft", expressed, **fields)


def joined(*verdicts: Verdict) -> Verdict:
    return join((0, "Craft"), verdicts, NAMES[: len(verdicts)])


# --- joining ---


@pytest.mark.parametrize(
    ("votes", "expressed"),
    [
        ((0.2, 0.6), 0.4),
        ((0.0, 0.1, 0.9), 0.1),
        ((0.0, 0.2, 0.4, 1.0), 0.3),
        ((0.3, None, 0.9), 0.6),
        ((None, 0.3), 0.3),
    ],
)
def test_the_median_of_those_who_have_a_verdict(votes: Any, expressed: float) -> None:
    found = joined_any(votes)
    assert found.expressed == pytest.approx(expressed)
    assert found.votes == votes and found.missing is None


def joined_any(votes: Any) -> Verdict:
    verdicts = [verdict(v, missing="silent" if v is None else None) for v in votes]
    return join((0, "Craft"), verdicts, [f"judge {n}" for n in range(len(votes))])


def test_missing_when_fewer_than_half_have_a_verdict() -> None:
    found = joined(
        verdict(0.9), verdict(None, missing="no answer"), verdict(None, missing="no English")
    )
    assert found.missing == (
        "fewer than half of the judges have a verdict (b: no answer; c: no English)"
    )
    assert (found.expressed, found.valence, found.confidence) == (None, None, None)
    assert found.votes == (0.9, None, None)
    assert joined_any((None, None)).missing is not None


def test_valence_is_the_mean_of_those_given() -> None:
    found = joined(verdict(0.9, valence=1.0), verdict(0.8), verdict(0.7, valence=-0.5))
    assert found.valence == pytest.approx(0.25)
    assert joined(verdict(0.9), verdict(0.8)).valence is None


def test_disagreement_lowers_the_confidence() -> None:
    agreed = joined(verdict(0.8, confidence=0.9), verdict(0.8, confidence=0.5))
    assert agreed.confidence == pytest.approx(0.7)
    apart = joined(verdict(0.8, confidence=0.9), verdict(0.3, confidence=0.5))
    assert apart.confidence == pytest.approx(0.7 * 0.5)
    assert joined(verdict(1.0), verdict(0.0)).confidence == 0
    assert joined(verdict(1.0), verdict(1.0)).confidence == 1


def test_the_evidence_is_that_of_the_member_nearest_to_the_joined_value() -> None:
    found = joined(
        verdict(0.9, start=1, end=2), verdict(0.1, start=3, end=4), verdict(0.8, start=5, end=6)
    )
    assert (found.start, found.end) == (5, 6)
    # both are as near to .5 as the other: the one that quotes
    found = joined(verdict(0.4), verdict(0.6, start=3, end=4))
    assert (found.start, found.end) == (3, 4)
    # a member without a verdict has no evidence, either
    found = joined(verdict(None, start=1, end=2, missing="x"), verdict(0.6))
    assert found.start is None


def test_notes_of_members_are_kept_once() -> None:
    assert joined(verdict(0.5, note="x"), verdict(0.5), verdict(0.5, note="x")).note == "x"
    assert joined(verdict(0.5), verdict(0.5)).note is None


@pytest.mark.parametrize(
    ("votes", "differ"),
    [
        ((0.49, 0.5), True),
        ((0.5, 1.0), False),
        ((0.0, 0.49), False),
        ((0.1, None, 0.7), True),
        ((0.1, None), False),
        ((None, None), False),
        ((), False),
    ],
)
def test_who_stands_on_both_sides_of_a_half_disagrees(votes: Any, differ: bool) -> None:
    assert disagree(votes) is differ


def test_votes_more_than_half_apart_always_disagree() -> None:
    grid = [n / 50 for n in range(51)]
    assert all(disagree((a, b)) for a in grid for b in grid if abs(a - b) > 0.5)


# --- panel and strong judge ---


def cells(*values: float | None, **fields: Any) -> list[Verdict]:
    """Verdicts on Craft, Thrift and Mirth of one part."""
    names = ("Craft", "Thrift", "Mirth")
    return [
        Verdict(0, n, v, missing="silent" if v is None else None, **fields)
        for n, v in zip(names, values, strict=True)
    ]


ABOUT = subject(response="1. We sing while we plane the boards.")


async def test_members_are_asked_together_and_the_strong_judge_not_without_need() -> None:
    one, two = Fixed("a", *cells(0.9, 0.1, 0.2)), Fixed("b", *cells(0.7, 0.3, 0.4))
    strong = Fixed("s", *cells(0.0, 1.0, 1.0))
    found = await PanelJudge([one, two], strong).judge(ABOUT)
    assert [v.expressed for v in found] == pytest.approx([0.8, 0.2, 0.3])
    assert [v.votes for v in found] == [(0.9, 0.7, None), (0.1, 0.3, None), (0.2, 0.4, None)]
    assert strong.asked == 0


async def test_the_strong_judge_decides_what_they_disagree_on_and_nothing_else() -> None:
    one, two = Fixed("a", *cells(0.9, 0.1, 0.2)), Fixed("b", *cells(0.1, 0.3, 0.9))
    strong = Fixed("s", *cells(0.7, 1.0, None, valence=None, start=3, end=5))
    craft, thrift, mirth = await PanelJudge([one, two], strong).judge(ABOUT)
    assert strong.asked == 1
    assert (craft.expressed, craft.start, craft.votes) == (0.7, 3, (0.9, 0.1, 0.7))
    # agreed on, so that the strong judge's opinion is only kept
    assert (thrift.expressed, thrift.votes) == (pytest.approx(0.2), (0.1, 0.3, 1.0))
    # disagreed on, but the strong judge has no verdict
    assert (mirth.expressed, mirth.votes) == (pytest.approx(0.55), (0.2, 0.9, None))
    assert mirth.note == "members disagree, and the strong judge has no verdict"
    assert craft.note is None


async def test_the_order_of_members_makes_no_difference() -> None:
    judges = [
        Fixed("c", *cells(0.4, 0.1, 0.3, valence=0.1)),
        Fixed("a", *cells(0.6, 0.2, 0.7, valence=0.7, start=1, end=2)),
        Fixed("b", *cells(0.0, None, 0.9)),
        Fixed("d", *cells(1.0, 0.9, 0.8, valence=-1.0)),
    ]
    first = PanelJudge(judges)
    second = PanelJudge(judges[::-1])
    assert first.identity == second.identity and first.name == second.name == "a,b,c,d"
    verdicts = await first.judge(ABOUT)
    assert verdicts == await second.judge(ABOUT)
    assert verdicts[0].votes == (0.6, 0.0, 0.4, 1.0)


@pytest.mark.parametrize("error", [BudgetReached("enough"), ProviderStopped("no key")])
async def test_an_error_of_one_member_lets_the_others_finish(error: Exception) -> None:
    slow = Fixed("a", *cells(0.1, 0.1, 0.1))
    with pytest.raises(type(error), match=str(error)):
        await PanelJudge([Fixed("b", error=error), slow]).judge(ABOUT)
    assert slow.finished == 1


async def test_a_missing_member_of_three_is_no_missing_verdict() -> None:
    silent = Fixed("c", *cells(None, None, None))
    one, two = Fixed("a", *cells(0.9, 0.1, 0.2)), Fixed("b", *cells(0.7, 0.3, 0.4))
    found = await PanelJudge([silent, one, two]).judge(ABOUT)
    assert all(v.missing is None for v in found)
    assert [v.votes for v in found] == [(0.9, 0.7, None), (0.1, 0.3, None), (0.2, 0.4, None)]
    assert {v.note for v in found} == {"without c, which has no verdict"}


@pytest.mark.parametrize("place", ["member", "strong"])
async def test_a_panel_without_one_of_its_answers_has_no_verdict(place: str) -> None:
    failing = Fixed("x", error=RequestFailed("cut off"))
    one, two = Fixed("a", *cells(0.9, 0.1, 0.2)), Fixed("b", *cells(0.1, 0.3, 0.4))
    panel = PanelJudge([one, two, failing])
    if place == "strong":
        panel = PanelJudge([one, two], failing)
    with pytest.raises(RequestFailed, match="cut off"):
        await panel.judge(ABOUT)
    assert one.finished == two.finished == failing.asked == 1


async def test_what_stops_everything_is_told_before_a_failed_request() -> None:
    failing, stopping = (
        Fixed("a", error=RequestFailed("cut off")),
        Fixed("b", error=BudgetReached("enough")),
    )
    with pytest.raises(BudgetReached):
        await PanelJudge([failing, stopping]).judge(ABOUT)


# --- names and models of identities ---


def test_labels_and_models_of_identities() -> None:
    one = {"kind": "llm", "model": {"model": "openai/a"}, "mode": "one-call"}
    other = {"kind": "llm", "model": {"model": "openai/a"}, "mode": "per-value"}
    local = {"kind": "local", "version": 4}
    panel = {"kind": "panel", "members": [local, one, other], "strong": None}
    decided = panel | {"strong": {**one, "model": {"model": "openai/b"}}}
    assert [label_of(i) for i in (local, one, other)] == [
        "local",
        "openai/a",
        "openai/a@mode=per-value",
    ]
    assert label_of(panel) == "local,openai/a,openai/a@mode=per-value"
    assert models_of(local) == []
    assert models_of(one) == models_of(panel) == ["openai/a"]
    assert models_of(decided) == ["openai/a", "openai/b"]
