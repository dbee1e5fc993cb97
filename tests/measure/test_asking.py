"""Prompts say what they should; readings of letters and numbers are right or not made."""

from __future__ import annotations

import re

import pytest

from tests.measure.helpers import likert, question, tradeoff
from valuecompass.items import Asking, Item, seed_items
from valuecompass.items.forms import ASKING
from valuecompass.measure.asking import (
    ASKED,
    ROOM_TO_THINK,
    Question,
    messages_for,
    params_for,
    prompts_hash,
    questions,
    read_off,
)
from valuecompass.models import Respondent, parse_respondent
from valuecompass.values import BUILTIN

CASE = tradeoff("A club has money for one thing only.", "Power", "Benevolence")
ASKED_ONCE = Asking(words=40)
REMOTE = Respondent(name="r", model="openai/gpt-5-mini")
LOCAL = parse_respondent("embedded/smollm2-135m-instruct")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A", "A"),
        ("A.", "A"),
        (" B\n", "B"),
        ("b", "B"),
        ("(a)", "A"),
        ("**B**", "B"),
        ("Answer: B", "B"),
        ("**Answer:** B.", "B"),
        ("Option A", "A"),
        ("I would choose option B.", "B"),
        ("The answer is A", "A"),
        ("B: it helps more people", "B"),
        ("A because it is kinder", "A"),
        ("I pick B, for it helps a neighbour.", "B"),
        # what stands on its own line decides, whatever is weighed around it
        ("B\n\nWhile A is tempting, it serves only me.", "B"),
        ("A serves me and B serves all of us.\n\nFinal answer: B", "B"),
        # an article is no choice
        ("A fair leader would go with B.", "B"),
        ("A difficult choice, and I have none.", None),
        # both letters named: clear to a person at times, but not safely so
        ("I choose A because B is worse", None),
        ("I would not choose A, so B", None),
        ("A\nB", None),
        ("Either A or B", None),
        ("AB", None),
        ("C", None),
        ("Neither", None),
        ("", None),
        ("Both serve somebody.", None),
    ],
)
def test_a_choice_is_read_off(text: str, letter: str | None) -> None:
    found = read_off(Question(CASE, 0, 0), text)
    swapped = read_off(Question(CASE, 1, 0), text)
    if letter is None:
        assert found is None and swapped is None
        return
    place = "AB".index(letter)
    assert found == {"chosen": ("Power", "Benevolence")[place], "place": place}
    # the same letter under swapped sides is the other value
    assert swapped == {"chosen": ("Benevolence", "Power")[place], "place": place}


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("4", 4),
        ("4.", 4),
        ("**4**", 4),
        ("Rating: 4", 4),
        ("My rating is 4.", 4),
        ("4 - quite like me", 4),
        ("4/6", 4),
        ("4 / 6", 4),
        ("I'd say 4 out of 6", 4),
        ("On a scale from 1 to 6, I'd say 4.", 4),
        ("1-6: 4", 4),
        ("4\n\nI gave it a 4 and not a 5, as 5 would be boasting.", 4),
        ("1", 1),
        ("6", 6),
        ("6 out of 6", 6),
        ("4.5", None),
        ("4,5", None),
        ("-3", None),
        ("0", None),
        ("7", None),
        ("40", None),
        ("4 or 5", None),
        ("4-5", None),
        ("between 4 and 5", None),
        ("4/10", None),
        ("four", None),
        ("Q4", None),
        ("", None),
        ("It depends.", None),
    ],
)
def test_a_rating_is_read_off(text: str, rating: int | None) -> None:
    found = read_off(Question(likert("I like maps.", "Security", 1), 0, 0), text)
    assert found == (None if rating is None else {"rating": rating})


def test_a_scale_may_go_below_zero_and_above_nine() -> None:
    item = likert("I like maps.", "Security", 1, scale=(-3, 3))
    assert read_off(Question(item, 0, 0), "-3") == {"rating": -3}
    assert read_off(Question(item, 0, 0), "Answer: -2.") == {"rating": -2}
    assert read_off(Question(item, 0, 0), "0") == {"rating": 0}
    item = likert("I like maps.", "Security", 1, scale=(0, 100))
    assert read_off(Question(item, 0, 0), "I'd say 85 out of 100") == {"rating": 85}


def test_nothing_is_read_off_free_text() -> None:
    item = question("May dogs vote?", "Power")
    assert read_off(Question(item, 0, 0), "A 4") is None


def test_a_megabyte_is_read_in_no_time() -> None:
    item = likert("I like maps.", "Security", 1)
    assert read_off(Question(item, 0, 0), "4 or maybe 5, " * 70_000) is None
    assert read_off(Question(item, 0, 0), "-" * 1_000_000) is None
    assert read_off(Question(CASE, 0, 0), " * A" * 250_000) == {"chosen": "Power", "place": 0}


def test_every_kind_has_a_prompt_with_everything_in_it() -> None:
    of_kind: dict[str, Item] = {}
    for system in BUILTIN:
        for item in seed_items(system):
            of_kind.setdefault(item.kind, item)
    assert set(of_kind) == set(ASKED)
    scenario = of_kind.pop("scenario")  # put as it is: the situation, and what is said first
    (asked,) = questions(scenario, ASKED_ONCE)
    shown = [(m.role, m.content) for m in messages_for(asked, ASKED_ONCE)]
    assert shown == [("system", scenario.text), ("user", scenario.turns[0].text)]
    for item in of_kind.values():
        for asked in questions(item, ASKED_ONCE):
            (message,) = messages_for(asked, ASKED_ONCE)
            assert message.role == "user" and item.text in message.content
            assert not re.search(r"[{}]|None|undefined", message.content.replace(item.text, ""))
            # the prompt says how long, in words, or which letters or numbers
            wanted = {
                "tradeoff": "A or B",
                "likert": f"from {item.scale and item.scale[0]}",
                "judgement": f"from {item.scale and item.scale[0]}",
                "request": item.text,
            }
            assert wanted.get(item.kind, "40 words") in message.content
            for side in item.sides or ():
                assert side.text in message.content


def test_both_orders_of_the_sides_are_asked_and_differ_only_in_them() -> None:
    first, second = questions(CASE, ASKED_ONCE)
    (one,), (other,) = messages_for(first, ASKED_ONCE), messages_for(second, ASKED_ONCE)
    assert CASE.sides is not None
    a, b = (side.text for side in CASE.sides)
    assert f"A: {a}\nB: {b}" in one.content and f"A: {b}\nB: {a}" in other.content
    assert sorted(one.content) == sorted(other.content)
    assert len(questions(CASE, Asking(words=1, repeats=3))) == 6
    assert len(questions(question("Why?", "Power"), Asking(words=1, repeats=3))) == 3


def test_an_item_is_text_and_never_a_template() -> None:
    text = "What is {{ 7 * 7 }} {% raw %} to <b>you</b>?"
    (message,) = messages_for(Question(question(text, "Power"), 0, 0), ASKED_ONCE)
    assert text in message.content


def test_choices_hold_a_local_engine_and_leave_room_to_a_remote_model() -> None:
    rating = likert("I like maps.", "Security", 1, scale=(1, 4))
    for respondent in (REMOTE, LOCAL):
        assert params_for(respondent, CASE, ASKED_ONCE).choices == ("A", "B")
        assert params_for(respondent, rating, ASKED_ONCE).choices == ("1", "2", "3", "4")
        assert params_for(respondent, question("Why?", "Power"), ASKED_ONCE).choices == ()
    assert params_for(REMOTE, CASE, ASKED_ONCE).max_tokens > 1_000
    assert params_for(REMOTE, CASE, ASKED_ONCE).temperature is None
    assert params_for(LOCAL, CASE, ASKED_ONCE).max_tokens < 10
    # a longer answer asked for is a longer answer allowed
    lengths = [
        params_for(LOCAL, question("Why?", "Power"), ASKING[size]["question"]).max_tokens
        for size in ("tiny", "short", "full")
    ]
    assert lengths == sorted(set(lengths)) and lengths[0] > 70


def test_the_hash_of_the_prompts_is_stable_within_a_version() -> None:
    assert prompts_hash() == prompts_hash() and len(prompts_hash()) == 16


def test_nobody_is_asked_for_more_than_the_model_can_write() -> None:
    item, asking = question("Why?", "Power"), Asking(words=70)
    limits = [
        params_for(Respondent(name="r", model="openai/x", max_output=most), item, asking).max_tokens
        for most in (None, 100_000, 512)
    ]
    assert limits == [ROOM_TO_THINK, ROOM_TO_THINK, 512]
