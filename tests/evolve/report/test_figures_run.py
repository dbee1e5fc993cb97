"""What a run made and took, from what the store holds of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.evolve.players import Words
from valuecompass.evolve.report.figures_run import (
    cost,
    course,
    outcomes,
    rejections,
    rewards,
    spread,
    texts,
)


def test_reasons_that_differ_in_the_items_they_name_are_one():
    given = [
        "similar: 0123456789ab, ba9876543210, 00aa11bb22cc",
        "similar: 0123456789ab",
        "rewritten as 0123456789ab",
        "no requests left",
    ]
    assert rejections({"reason": reason} for reason in given) == [
        {"reason": "similar", "n": 2},
        {"reason": "no requests left", "n": 1},
        {"reason": "rewritten as", "n": 1},
    ]


def kept(selected: np.ndarray, fresh: np.ndarray, per_topic: int = 1) -> list[dict]:
    return [
        {"topic": f"t{i // per_topic}", "rewards": {"selected": a, "fresh": b}}
        for i, (a, b) in enumerate(zip(selected.tolist(), fresh.tolist(), strict=True))
    ]


def test_the_winners_curse_is_as_large_as_it_was_planted():
    rng = np.random.default_rng(0)
    worth, noise = rng.standard_normal(2_000), rng.standard_normal((2, 2_000))
    measured = worth + noise[0]
    best = np.argsort(-measured)[:100]
    found = rewards(kept(measured[best], (worth + noise[1])[best]))
    # half of what stands out is luck where noise varies as much as worth
    excess = found["selected"] - found["fresh"]
    assert excess == pytest.approx(found["selected"] / 2, rel=0.15)
    assert found["difference"]["low"] < found["selected"] / 2 < found["difference"]["high"]
    assert sum(found["histograms"]["fresh"]) == sum(found["histograms"]["selected"]) == 100
    assert len(found["edges"]) == 21


def test_items_of_one_topic_are_drawn_together():
    rng = np.random.default_rng(1)
    of_topic = np.repeat(rng.standard_normal(20), 10)
    wide, narrow = (
        rewards(kept(of_topic, np.zeros(200), per_topic=n))["difference"] for n in (10, 1)
    )
    assert wide["high"] - wide["low"] > 2 * (narrow["high"] - narrow["low"])


def test_rewards_without_fresh_answers_say_so():
    only = [{"topic": "t", "rewards": {"selected": 1.0}}]
    assert rewards(only) == {
        "n": 0,
        "reason": "no item was scored once more on fresh answers",
    }
    assert rewards([])["reason"] == "no item was kept"
    few = rewards(kept(np.ones(3), np.zeros(3)))
    assert few["difference"] == {"value": 1.0, "low": None, "high": None}
    assert few["correlation"] is None


METER = {"explorer": 20, "answers": 50, "judge": 30}


def test_costs_are_shared_among_survivors_and_what_is_not_known_is_no_zero():
    body = {"kept": [{}] * 5, "meter": METER}
    spent = {"calls": 90, "tokens_in": 4000, "tokens_out": 1000, "usd": 0.5}
    found = cost(body | {"spent": spent})
    assert found["total"] == {"requests": 100, "paid": 90, "tokens": 5000, "usd": 0.5}
    assert found["per_survivor"] == {"requests": 20, "paid": 18, "tokens": 1000, "usd": 0.1}
    assert found["reasons"] == {}
    unpriced = cost(body | {"spent": spent | {"usd": None}})
    assert unpriced["total"]["usd"] is None and "price" in unpriced["reasons"]["usd"]
    bare = cost(body)
    assert bare["total"] == {"requests": 100, "paid": None, "tokens": None, "usd": None}
    assert set(bare["reasons"]) == {"paid", "tokens", "usd"}
    replayed = cost(body | {"spent": {"calls": 0, "tokens_in": 0, "tokens_out": 0, "usd": 0}})
    assert replayed["total"]["tokens"] is None
    assert "answered from the store" in replayed["reasons"]["tokens"]
    none = cost({"kept": [], "meter": METER, "spent": spent})
    assert none["per_survivor"]["requests"] is None
    assert none["reasons"] == {"per_survivor": "no item survived"}


def pull(topic: str, *found: float | None, calls: int) -> dict:
    return {
        "event": "pull",
        "topic": topic,
        "kept": [{"id": "x", "reward": r} for r in found],
        "spent": {"explorer": calls, "answers": 0, "judge": 0},
    }


def test_the_course_counts_topics_and_holds_the_best_rewards():
    events = [
        {"event": "seed", "topic": "a"},
        pull("a", 1.0, 5.0, calls=10),
        pull("b", 4.0, calls=20),
        pull("a", None, 3.0, 2.0, 0.5, 6.0, calls=30),
        {"event": "stop"},
    ]
    told = [
        {k: p[k] for k in ("requests", "best", "top", "topics", "found")} for p in course(events)
    ]
    assert course(events)[0]["top_of"] == 2
    assert told == [
        {"requests": 10, "best": 5.0, "top": 3.0, "topics": 1, "found": 2},
        {"requests": 20, "best": 5.0, "top": 4.5, "topics": 2, "found": 3},
        {"requests": 30, "best": 6.0, "top": 5.5, "topics": 2, "found": 8},
    ]
    long = course([pull(f"t{i}", 1.0, calls=i) for i in range(5_000)])
    assert len(long) == 400 and long[0]["pull"] == 1 and long[-1]["pull"] == 5_000


def test_topics_are_spread_as_their_entropy_says():
    even = spread(["a", "b", "c", "d"], 4)
    assert even["entropy"] == even["entropy_most"] == 1
    two = spread(["a", "b"], 4)
    assert two["entropy"] == two["entropy_most"] == pytest.approx(math.log(2) / math.log(4))
    assert spread(["a", "a"], 4)["entropy"] == 0
    assert spread([], 4)["entropy"] is None
    assert spread(["a"], None)["entropy"] is None


def test_texts_are_compared_at_equal_numbers():
    nouns = ("bridge", "harbour", "orchestra", "vaccine", "tax", "festival")
    few = [f"Should the {a} of a {b} be public?" for a in nouns[:2] for b in nouns[:3]]
    pairs = [(a, b) for a in nouns[:3] for b in nouns[3:]]
    many = [f"May a {a} replace the {b} in town number {i}?" for i in range(40) for a, b in pairs]
    sets = {"few": few, "many": many, "none": []}
    found = {row["set"]: row for row in texts(sets, Words(), "few")}
    assert set(found) == {"few", "many"}
    assert found["many"]["texts"] == 360 and found["many"]["sampled"] == 6
    assert found["few"]["similarity_to_reference"] is None
    assert 0 < found["many"]["similarity_to_reference"] < found["few"]["similarity"] < 1
    blind = texts({"few": few}, None, "few")
    assert blind[0]["similarity"] is None and blind[0]["self_bleu"] > 0
    alone = texts({"one": few[:1]}, Words(), "one")
    assert alone[0]["self_bleu"] is None and alone[0]["similarity"] is None


def test_outcomes_of_fresh_answers_are_counted():
    heard = {"m": {"outcome": "answer"}, "n": {"outcome": "refusal"}}
    assert outcomes([{"fresh": heard}, {"fresh": {"m": {"outcome": "answer"}}}, {}]) == [
        {"outcome": "answer", "n": 2},
        {"outcome": "refusal", "n": 1},
    ]
