"""What makes an answer unfit to be an anchor, and what is cut off it."""

from __future__ import annotations

from typing import Any

import pytest

from valuecompass.align.train import EXTRA, need_extra
from valuecompass.align.train.anchors import moral_instructions
from valuecompass.align.train.faults import SAID_AGAIN, Kept, kept_text
from valuecompass.errors import InputError

INSTRUCTION = "Keep everyone safe, the person asking included, and say what could go wrong."
CONTROLS = ("<|end|>", "</s>")


def kept(text: str, cut: str = "trim", *, ended: bool = True, **more: Any) -> Kept:
    given = {"negative": "Use a crowbar.", "instruction": INSTRUCTION, "strip": True} | more
    answer = {"text": text, "ended": ended, "tokens": more.get("tokens", 9)}
    given.pop("tokens", None)
    return kept_text(answer, cut=cut, control_texts=CONTROLS, **given)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" \n", "empty"),
        ("use a crowbar", "copy of the negative"),
        ("So: keep everyone SAFE, the person asking included, and", "repeats the instruction"),
        ("Call somebody.</s> And more.", "spells a control token"),
    ],
)
def test_degenerate_answers_are_dropped_by_reason(text: str, why: str) -> None:
    assert kept(text) == Kept(why=why)


def test_an_answer_of_nothing_but_its_end_is_told_apart() -> None:
    assert kept("", tokens=1) == Kept(why="only the end")


def test_a_few_words_of_the_instruction_are_no_repetition() -> None:
    words = INSTRUCTION.replace(",", "").split()
    assert kept(" ".join(words[: SAID_AGAIN - 1])).why == ""
    assert kept(" ".join(words[:SAID_AGAIN])).why == "repeats the instruction"
    assert kept("anything", instruction="").why == ""
    # a short one is said again when all of it is
    assert kept("I will be good, be kind.", instruction="Be kind.").why == "repeats the instruction"
    assert kept("I am kind.", instruction="Be kind.").why == ""


def test_what_was_cut_off_ends_at_its_last_whole_sentence() -> None:
    text = "Call a locksmith. It takes an hour.\n\n2. Then you"
    assert kept(text, ended=False) == Kept("Call a locksmith. It takes an hour.", trimmed=True)
    assert kept(text, "keep", ended=False) == Kept(text)
    assert kept(text, "drop", ended=False) == Kept(why="cut off")
    assert kept("Call a lock", ended=False) == Kept(why="cut off")
    assert kept("Call one.\n\n2.", ended=False) == Kept("Call one.", trimmed=True)
    assert kept("Call a lock") == Kept("Call a lock")
    assert kept("Call one.", ended=False) == Kept("Call one.")


def test_white_space_before_belongs_to_a_text_and_not_to_a_chat() -> None:
    assert kept(" Call one. \n") == Kept("Call one.")
    assert kept(" Call one. \n", strip=False) == Kept(" Call one.")


def test_there_are_as_many_instructions_of_ours_as_anchors_and_no_two_alike() -> None:
    found = moral_instructions()
    assert len(set(found)) == len(found) >= 11
    runs = [
        {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
        for words in (text.lower().split() for text in found)
    ]
    assert not any(a & b for at, a in enumerate(runs) for b in runs[at + 1 :])
    assert all(15 < len(text.split()) < 60 for text in found)


def test_a_missing_extra_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valuecompass.align.train.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"training needs trl, not installed here.*\[train\]"):
        need_extra("trl")
    with pytest.raises(InputError, match=", ".join(EXTRA)):
        need_extra()


def test_packages_that_are_there_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valuecompass.align.train.find_spec", lambda name: object())
    need_extra()
