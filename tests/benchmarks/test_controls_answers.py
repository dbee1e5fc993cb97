"""Who answers in `benchmarks/controls`, and which answers a second judge reads."""

from __future__ import annotations

import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

from valuecompass.items import builtin_form, form_items
from valuecompass.judges import Verdict
from valuecompass.models import Respondent

PATH = Path(__file__).parents[2] / "benchmarks/controls/answers.py"
spec = spec_from_file_location("controls_answers", PATH)
assert spec is not None and spec.loader is not None
answers = sys.modules["controls_answers"] = module_from_spec(spec)
spec.loader.exec_module(answers)

PROMPTS = tomllib.loads((answers.HERE / "prompts.toml").read_text(encoding="utf-8"))


def test_every_respondent_has_a_prompt_of_its_own_and_one_has_none():
    who = answers.respondents(Respondent(name="m", model="openai/m", temperature=0.5), PROMPTS)
    assert len({r.system for r in who}) == len(who) == 3 + 4
    assert [r.name for r in who if r.system is None] == [answers.UNPRIMED]
    assert {(r.model, r.temperature) for r in who} == {("openai/m", 0.5)}
    names = {r.name for r in who}
    assert all(answers.primed(value) in names for value in PROMPTS["primed"])


def test_a_local_model_is_asked_for_its_likeliest_answer_unless_told_otherwise():
    for model, given, expected in (
        ("embedded/x", None, 0.0),
        ("embedded/x", 0.7, 0.7),
        ("openai/m", None, None),
    ):
        who = answers.respondents(Respondent(name="m", model=model, temperature=given), PROMPTS)
        assert {r.temperature for r in who} == {expected}


def test_no_question_is_one_that_the_prompts_were_chosen_on():
    tiny = builtin_form("schwartz", "tiny")
    assert not set(answers.question_form().items) & set(tiny.items)


def test_the_prompts_borrow_no_five_words_from_what_the_judges_know():
    def grams(text: str) -> set[tuple[str, ...]]:
        words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    known = [
        text
        for d in answers.SYSTEM.dimensions
        for text in (d.definition, d.high, d.low, *d.supports, *d.opposes)
    ]
    prompts = list(PROMPTS["primed"].values())
    assert not set().union(*map(grams, prompts)) & set().union(*map(grams, known))


def test_a_subset_takes_each_main_dimension_before_any_twice():
    items = form_items(answers.question_form())
    mains = {i.id: i.dimensions[0] for i in items}
    ten = answers.subset(items, 10)
    assert sorted(mains[i] for i in ten) == sorted(set(mains.values()))
    assert answers.subset(items, 6) == ten[:6]
    assert sorted(answers.subset(items, 20)) == sorted(mains)


def test_the_strongest_point_counts_and_no_verdict_is_no_zero():
    found = [
        Verdict(0, "Power", 0.2),
        Verdict(1, "Power", 0.7),
        Verdict(2, "Power", None, missing="x"),
        Verdict(0, "Hedonism", None, missing="x"),
    ]
    values = answers.strengths(found, ("Hedonism", "Power"))
    np.testing.assert_array_equal(values, [np.nan, 0.7])


def test_a_part_of_the_verdicts_keeps_their_places():
    names, questions, dimensions = ("a", "b", "c"), ("q", "r"), ("x", "y", "z")
    whole = answers.Verdicts(
        "local", names, questions, dimensions, np.arange(18.0).reshape(3, 2, 3)
    )
    other = answers.Verdicts("m", ("c", "a"), ("r",), ("z", "x"), np.zeros((2, 1, 2)))
    part = whole.like(other)
    assert part.judge == "local"
    np.testing.assert_array_equal(part.of("c"), [[17, 15]])
    np.testing.assert_array_equal(part.of("a"), [[5, 3]])
