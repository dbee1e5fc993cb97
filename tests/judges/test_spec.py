"""One text names a judge: the free one, a model in a mode, or a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from valuecompass.errors import InputError
from valuecompass.judges import Judge
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.panel import PanelJudge
from valuecompass.judges.spec import build_judge, judge_models, model_judges, parse_judge
from valuecompass.models import Price, Respondent

ASKER: Any = object()
"""Nobody is asked here."""


def built(text: str, *arguments: Any) -> Judge:
    return build_judge(parse_judge(text, *arguments), ASKER)


def told(text: str, mode: str = "one-call") -> list[tuple[str, str] | None]:
    """The members as (model, mode), None for the local judge."""
    members = parse_judge(text, mode).members
    return [None if m.model is None else (m.model.model, m.mode) for m in members]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("local", [None]),
        ("openai/a", [("openai/a", "one-call")]),
        ("openai/a@mode=per-value", [("openai/a", "per-value")]),
        ("openai/a@mode=concepts", [("openai/a", "concepts")]),
        (
            "local,openai/a,anthropic/b@mode=per-value",
            [None, ("openai/a", "one-call"), ("anthropic/b", "per-value")],
        ),
        (" local , openai/a ", [None, ("openai/a", "one-call")]),
        ("openai/a@1.5,openai/b", [("openai/a@1.5", "one-call"), ("openai/b", "one-call")]),
    ],
)
def test_a_name_is_read(text: str, members: list[Any]) -> None:
    assert told(text) == members


def test_the_general_mode_is_for_members_without_one() -> None:
    assert told("openai/a,openai/b@mode=concepts", "per-value") == [
        ("openai/a", "per-value"),
        ("openai/b", "concepts"),
    ]
    spec = parse_judge("openai/a,openai/b", "per-value", "openai/c")
    assert spec.strong is not None and spec.strong.mode == "one-call"


def test_a_system_prompt_may_hold_commas_and_modes() -> None:
    spec = parse_judge("local,openai/a@mode=per-value@system=Be strict, but fair.@mode=x")
    _, (model, mode) = told(spec.text)[0], (spec.members[1].model, spec.members[1].mode)
    assert model is not None
    assert (model.model, model.system, mode) == (
        "openai/a",
        "Be strict, but fair.@mode=x",
        "per-value",
    )


def test_a_file_may_come_before_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "judge.toml"
    path.write_text("temperature = 0.5\nprice = { input = 1, output = 2 }\n")
    (member,) = parse_judge(f"openai/a@file={path}@mode=per-value").members
    assert member.model is not None
    assert (member.model.temperature, member.mode) == (0.5, "per-value")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("openai/a@mode=fast",), "openai/a@mode=fast: unknown mode 'fast'; give one-call, per-v"),
        (("openai/a@mode=",), "unknown mode ''"),
        (("openai/a@mode=concepts@mode=per-value",), "stands there twice"),
        (("local", "sometimes"), "--judge-mode sometimes: unknown mode"),
        (("local@mode=per-value",), "the local judge has no modes"),
        (("local,,openai/a",), "--judge local,,openai/a: nothing stands before or after a comma"),
        (("openai/a,",), "--judge openai/a,: nothing stands before or after a comma"),
        (("",), "--judge : a respondent needs a model name"),
        (("gpt-5",), "--judge gpt-5: a model name has the form"),
        (("local,recorded/x.jsonl",), "--judge recorded/x.jsonl: this cannot read"),
        (("openai/a", "one-call", "openai/b"), "--strong-judge openai/b: it is asked where"),
        (("local", "one-call", "openai/b"), "such as --judge local,MODEL"),
        (("openai/a", "one-call", "openai/b"), "such as --judge local,openai/a"),
        (("local,openai/a", "one-call", "local"), "--strong-judge local: give a model"),
        (("local,openai/a", "one-call", "openai/b,openai/c"), "openai/b,openai/c: a panel cannot"),
        (("local,openai/a", "one-call", "simulated/schwartz"), "--strong-judge simulated/schwartz"),
        (("local,openai/a", "one-call", "gpt-5"), "--strong-judge gpt-5: a model name"),
    ],
)
def test_a_wrong_name_is_told_with_its_option(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_judge(*arguments)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("local,local",), "local is named twice"),
        (("openai/a,openai/b,openai/a",), "openai/a is named twice"),
        (("openai/a,openai/a@mode=one-call",), "openai/a@mode=one-call is named twice"),
        (("openai/a,local", "one-call", "openai/a"), "a judge of the panel already"),
    ],
)
def test_nobody_votes_twice(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        built(*arguments)


def test_the_same_model_may_sit_twice_in_different_modes() -> None:
    judge = built("openai/a,openai/a@mode=per-value", "one-call", "openai/a@mode=concepts")
    assert isinstance(judge, PanelJudge)
    assert [m.mode for m in model_judges(judge)] == ["one-call", "per-value"]
    assert [m.model for m in judge_models(judge)] == ["openai/a"] * 3


def test_what_is_built_is_what_was_named() -> None:
    assert isinstance(built("local"), LocalJudge)
    single = built("openai/a", "per-value")
    assert isinstance(single, LLMJudge) and single.mode == "per-value"
    panel = built("openai/b@mode=per-value,local,openai/a", "one-call", "openai/c")
    assert isinstance(panel, PanelJudge)
    assert panel.name == "local,openai/a,openai/b@mode=per-value; in doubt openai/c"


def test_a_respondent_of_the_same_model_lends_its_price() -> None:
    known = Respondent(name="x", model="openai/a", price=Price(input=1, output=2))
    judge = build_judge(parse_judge("local,openai/a", strong="openai/b"), ASKER, [known])
    assert [m.price for m in judge_models(judge)] == [known.price, None]


def test_a_panel_is_the_same_in_any_order_and_another_with_another_strong_judge() -> None:
    names = ("local,openai/a,openai/b", "openai/b,local,openai/a", "openai/a,openai/b,local")
    first, *others = (built(n).identity for n in names)
    assert others == [first, first]
    changed = [
        built("local,openai/a"),
        built("local,openai/a,openai/b@mode=concepts"),
        built("local,openai/a,openai/b", "one-call", "openai/c"),
        built("local,openai/a,openai/b", "one-call", "openai/d"),
    ]
    assert first not in [judge.identity for judge in changed]
    assert changed[2].identity != changed[3].identity
