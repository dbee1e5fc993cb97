"""Questionnaires and answers: what is read, what is refused, and being asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.board.persons.questionnaire import (
    Interview,
    own_questionnaire,
    read_answers,
    read_questionnaire,
)
from valuecompass.errors import InputError
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
MORAL = builtin_system("moral-foundations")


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def moral_items() -> list[dict[str, Any]]:
    return [
        {"id": str(at), "dimension": name, "text": f"About {name}."}
        for at, name in enumerate(MORAL.names, start=1)
    ]


def moral(tmp_path: Path, scale: Any = (1, 6)) -> Path:
    return written(tmp_path / "Q.json", {"items": moral_items(), "scale": list(scale)})


def test_our_own_asks_every_value_three_times_and_one_of_them_reversed() -> None:
    own = own_questionnaire(SCHWARTZ)
    assert len(own.items) == 30 and (own.low, own.high) == (1, 6)
    assert Counter(i.dimension for i in own.items) == dict.fromkeys(SCHWARTZ.names, 3)
    reversed_ = Counter(i.dimension for i in own.items if i.keying < 0)
    assert reversed_ == dict.fromkeys(SCHWARTZ.names, 1)
    assert len({i.text for i in own.items}) == 30


def test_our_own_is_short_and_starts_as_no_published_portrait_does() -> None:
    texts = [i.text or "" for i in own_questionnaire(SCHWARTZ).items]
    assert max(len(text.split()) for text in texts) <= 18
    portrait = re.compile(r"(?i)\bimportant (to|that)\b|\b(he|she) (thinks|believes|likes|wants)\b")
    assert not [text for text in texts if portrait.search(text)]


def test_neighbours_in_our_own_ask_for_different_values() -> None:
    asked = [i.dimension for i in own_questionnaire(SCHWARTZ).items]
    assert all(one != other for one, other in pairwise(asked))


def test_other_systems_have_none_of_ours() -> None:
    with pytest.raises(InputError, match="--questionnaire FILE"):
        own_questionnaire(MORAL)


def test_reversed_answers_are_turned_before_the_mean(tmp_path) -> None:
    rows = moral_items()
    first = rows[0]["dimension"]
    rows.append({"id": "r", "dimension": first.lower(), "keying": -1})
    asked = read_questionnaire(
        written(tmp_path / "Q.json", {"items": rows, "scale": [1, 6]}), MORAL
    )
    answers = {row["id"]: 3.0 for row in rows} | {"1": 5.0, "r": 1.0}
    assert asked.means(answers)[first] == 5.5  # (5 + (7 - 1)) / 2
    assert set(asked.means(answers).values()) == {5.5, 3.0}


def test_answers_that_are_equal_on_paper_are_equal_after_turning(tmp_path) -> None:
    rows = moral_items()
    rows[0]["keying"] = -1
    asked = read_questionnaire(
        written(tmp_path / "Q.json", {"items": rows, "scale": [1, 6]}), MORAL
    )
    means = list(asked.means({"1": 5.6, "2": 1.4, "3": 1, "4": 1, "5": 1}).values())
    assert means[0] == means[1]  # 7 - 5.6 is 1.4, not 1.4000000000000004


def broken_questionnaires() -> dict[str, tuple[Any, str]]:
    good = moral_items()
    last = MORAL.names[-1]
    return {
        "unknown dimension": (
            [{"id": "x", "dimension": "Courage"}, *good],
            r"item 1: dimension: 'Courage' is not one of moral-foundations; known: .*" + last,
        ),
        "twice": ([*good, good[0]], "item 6: id: '1' stands twice"),
        "left out": (good[:-1], f"no item for {re.escape(last)};"),
        "number as id": ([good[0] | {"id": 1}], "item 1: id: 1, expected text"),
        "no dimension": ([{"id": "1"}], "item 1: dimension: this field is missing"),
        "keying": ([good[0] | {"keying": 0}], "item 1: keying: 0, expected 1 or -1"),
        "bool": ([good[0] | {"keying": True}], "item 1: keying: True, expected 1 or -1"),
        "text": ([good[0] | {"text": 3}], "item 1: text: 3, expected text"),
        "no object": (["1"], "item 1: expected an object"),
        "empty": ([], "items: expected a list"),
        "no list": ("many", "items: expected a list"),
    }


@pytest.mark.parametrize("case", broken_questionnaires())
def test_a_broken_questionnaire_is_refused_with_its_item(tmp_path, case) -> None:
    items, message = broken_questionnaires()[case]
    path = written(tmp_path / "Q.json", {"items": items, "scale": [1, 6]})
    with pytest.raises(InputError, match=message) as found:
        read_questionnaire(path, MORAL)
    assert str(path) in str(found.value)


@pytest.mark.parametrize(
    "scale", [None, [], [1], [6, 1], [1, 1], [True, 6], ["1", 6], [1, 2, 3], [1, 1e9]]
)
def test_a_broken_scale_is_refused(tmp_path, scale) -> None:
    path = written(tmp_path / "Q.json", {"items": moral_items(), "scale": scale})
    with pytest.raises(InputError, match=r"scale: .* expected the lowest and the highest answer"):
        read_questionnaire(path, MORAL)


BROKEN_ANSWERS = {
    "unknown id": ('{"1":3,"2":3,"3":3,"4":3,"5":3,"9":3}', "'9': not in the questionnaire"),
    "missing": ('{"1":3,"2":3,"4":3}', "no answer to '3', '5'; answer every question"),
    "text": ('{"1":"3","2":3,"3":3,"4":3,"5":3}', "answer '1': '3' is not a number"),
    "bool": ('{"1":true,"2":3,"3":3,"4":3,"5":3}', "answer '1': True is not a number"),
    "null": ('{"1":null,"2":3,"3":3,"4":3,"5":3}', "answer '1': None is not a number"),
    "above": ('{"1":7,"2":3,"3":3,"4":3,"5":3}', "answer '1': 7 is not on the scale, 1 to 6"),
    "below": ('{"1":0.9,"2":3,"3":3,"4":3,"5":3}', "answer '1': 0.9 is not on the scale"),
    "infinite": ('{"1":1e999,"2":3,"3":3,"4":3,"5":3}', "answer '1': inf is not on the scale"),
    "huge": ('{"1":' + "9" * 400 + ',"2":3,"3":3,"4":3,"5":3}', "answer '1': 9+… is not on"),
    "nan": ('{"1":NaN,"2":3,"3":3,"4":3,"5":3}', "NaN is not a number"),
    "twice": ('{"1":3,"1":4,"2":3,"3":3,"4":3,"5":3}', "the key '1' stands twice"),
    "empty object": ("{}", "expected a JSON object that is not empty"),
    "empty file": ("", "line 1, column 1: not valid JSON"),
    "list": ("[3, 3]", "expected a JSON object"),
    "cut off": ('{"1":3,\n"2":', "line 2, column 5: not valid JSON"),
    "deep": ("[" * 100_000, "not readable JSON"),
}


@pytest.mark.parametrize("case", BROKEN_ANSWERS)
def test_broken_answers_are_refused_with_the_question(tmp_path, case) -> None:
    text, message = BROKEN_ANSWERS[case]
    asked = read_questionnaire(moral(tmp_path), MORAL)
    path = written(tmp_path / "A.json", text)
    with pytest.raises(InputError, match=message) as found:
        read_answers(path, asked)
    assert str(path) in str(found.value)


def test_fields_that_mean_nothing_here_are_said(tmp_path) -> None:
    rows = moral_items()
    rows[0]["reverse"] = True
    path = written(tmp_path / "Q.json", {"items": rows, "scale": [1, 6], "title": "Mine"})
    assert "'reverse'" in read_questionnaire(path, MORAL).notices[0]


@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["items", "scale", "id", "dimension", "keying", "1", ""]), inner
            )
        ),
    ).map(json.dumps)
)
def test_no_file_whatever_breaks_the_readers(tmp_path_factory, text) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError):
        read_questionnaire(path, MORAL)
    with pytest.raises(InputError):  # the ids of our own are 1 to 30, and all are needed
        read_answers(path, own_questionnaire(SCHWARTZ))


def test_an_interview_writes_each_answer_goes_back_and_resumes(tmp_path) -> None:
    asked = read_questionnaire(moral(tmp_path), MORAL)
    path = tmp_path / "A.json"
    first = Interview(asked, path)
    assert not path.exists()
    assert first.put("seven") == "'seven' is not a number" and not path.exists()
    assert first.put("7") == "7.0 is not on the scale, 1 to 6"
    assert first.put("2") is None and json.loads(path.read_text()) == {"1": 2}
    first.put("3,5")
    first.back()
    assert first.question is not None and first.question.id == "2" and first.given == 3.5
    first.put("4")

    again = Interview(asked, path)
    assert again.question is not None and again.question.id == "3"
    again.back()
    assert again.given == 4
    again.keep()
    for typed in ("1", "1", "6"):
        again.put(typed)
    assert again.question is None
    assert read_answers(path, asked) == {"1": 2, "2": 4, "3": 1, "4": 1, "5": 6}


def test_an_interview_leaves_a_file_alone_that_belongs_to_other_questions(tmp_path) -> None:
    asked = read_questionnaire(moral(tmp_path), MORAL)
    path = written(tmp_path / "A.json", '{"other": 3}')
    with pytest.raises(InputError, match="'other': not in the questionnaire"):
        Interview(asked, path)
    assert path.read_text() == '{"other": 3}'


def test_questions_without_text_cannot_be_asked(tmp_path) -> None:
    rows = moral_items()
    del rows[2]["text"]
    path = written(tmp_path / "Q.json", {"items": rows, "scale": [1, 6]})
    with pytest.raises(InputError, match="no text in '3'"):
        Interview(read_questionnaire(path, MORAL), tmp_path / "A.json")
