"""The model judge over a real connection: both modes, one repair turn, failures."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.judges.examples import EVERY_KIND, OPENING, subject
from tests.support import mock_provider as server
from tests.support.faults import GARBAGE
from tests.support.mock_provider import MockProvider
from valuecompass.errors import ProviderStopped, RequestFailed
from valuecompass.judges import Subject, Verdict, judge_id
from valuecompass.judges.llm.judge import LLMJudge, Mode
from valuecompass.models import Patience, parse_respondent
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.store import open_store

pytestmark = pytest.mark.anyio
Script = Callable[[list[dict[str, str]]], str]
_NUMBER = itertools.count()


class Bench:
    """A judge whose model answers as a script says, and what the model was sent."""

    def __init__(self, asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asker = asker
        self.sent: list[dict[str, Any]] = []
        self._patch = monkeypatch

    def judge(self, script: Script | None = None, mode: Mode = "one-call") -> LLMJudge:
        if script is not None:

            def answer(body: dict[str, Any], index: int = 0) -> str:
                self.sent.append(body)
                return script(body["messages"])

            self._patch.setattr(server, "answer", answer)
        # a name of its own, because Inspect keeps the address of a model it has met
        model = parse_respondent(f"openai-api/mock/judge-{next(_NUMBER)}")
        return LLMJudge(model, self.asker, mode)


@pytest.fixture
async def bench(
    mock_provider: MockProvider, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    async with open_store(workspace) as store:
        patience = Patience(retries=0, attempt_timeout=20, timeout=20)
        asker = Asker(store, Budget(store, "judging"), patience)
        yield Bench(asker, monkeypatch)
        await asker.models.close()


def whole(about: Subject, expressed: float = 0.4) -> str:
    """A complete answer; part and place of the dimension show in the number."""
    verdict = {"stance": "supports", "confidence": 0.9, "evidence": ""}
    parts = [
        {
            "part": p + 1,
            "verdicts": [
                {"dimension": name, "expressed": expressed + p / 10 + d / 100, **verdict}
                for d, name in enumerate(about.dimensions)
            ],
        }
        for p in range(len(about.parts))
    ]
    return json.dumps({"parts": parts})


def cells(about: Subject) -> list[tuple[int, str]]:
    return [(p, name) for p in range(len(about.parts)) for name in about.dimensions]


def check(verdicts: list[Verdict], about: Subject) -> None:
    assert [(v.part, v.dimension) for v in verdicts] == cells(about)
    for v in verdicts:
        assert (v.missing is None) == (v.expressed is not None)
        assert v.expressed is None or 0 <= v.expressed <= 1
        assert v.valence is None or -1 <= v.valence <= 1


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_one_call_judges_all_parts_and_dimensions_once(bench: Bench, kind):
    about = subject(**kind)
    judge = bench.judge(lambda _: whole(about))
    verdicts = await judge.judge(about)
    check(verdicts, about)
    assert [v.expressed for v in verdicts] == pytest.approx(
        [
            0.4 + p / 10 + d / 100
            for p in range(len(about.parts))
            for d in range(len(about.dimensions))
        ]
    )
    (body,) = bench.sent
    assert [m["role"] for m in body["messages"]] == ["user"]
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True and form["name"] == "verdicts"
    names = form["schema"]["properties"]["parts"]["items"]["properties"]["verdicts"]["items"]
    assert names["properties"]["dimension"]["enum"] == list(about.dimensions)
    # a stored verdict costs nothing
    assert await judge.judge(about) == verdicts and len(bench.sent) == 1


async def test_an_unreadable_answer_gets_one_repair_turn(bench: Bench):
    about = subject()
    answers = ["Craft is high, the rest is low.", whole(about)]
    verdicts = await bench.judge(lambda m: answers[len(m) // 2]).judge(about)
    check(verdicts, about)
    assert all(v.missing is None for v in verdicts)
    first, second = (body["messages"] for body in bench.sent)
    assert second[:1] == first
    assert second[1] == {"role": "assistant", "content": answers[0]}
    assert second[2]["role"] == "user"
    assert second[2]["content"] == (
        "Your answer could not be used: it is not valid JSON. Give the whole JSON object again, in "
        "the form asked for, with every part (3 in all) and every dimension (Craft, Thrift, "
        "Mirth), numbers between 0 and 1, and nothing before or after it."
    )


async def test_what_is_still_unreadable_after_the_repair_is_missing(bench: Bench):
    about = subject()
    verdicts = await bench.judge(lambda _: "I would rather not.").judge(about)
    check(verdicts, about)
    assert len(bench.sent) == 2
    assert {v.missing for v in verdicts} == {
        "the judge's answer is unreadable: it is not valid JSON"
    }
    assert {(v.expressed, v.valence, v.confidence) for v in verdicts} == {(None, None, None)}


@pytest.mark.parametrize("again", ["garbage", "the other half"])
async def test_readable_verdicts_of_the_first_answer_are_kept(bench: Bench, again):
    about = subject()
    first, second = json.loads(whole(about)), json.loads(whole(about))
    first["parts"][0]["verdicts"][1]["expressed"] = "much"
    first["parts"][2]["verdicts"] = []
    second["parts"] = second["parts"][2:]
    answers = [json.dumps(first), "garbage" if again == "garbage" else json.dumps(second)]
    verdicts = await bench.judge(lambda m: answers[len(m) // 2]).judge(about)
    check(verdicts, about)
    lost = {(0, "Thrift")} | ({(2, n) for n in about.dimensions} if again == "garbage" else set())
    assert {(v.part, v.dimension) for v in verdicts if v.missing} == lost
    assert "4 of 9 verdicts" in bench.sent[1]["messages"][2]["content"]


async def test_a_huge_answer_is_cut_before_it_is_sent_back(bench: Bench):
    about = subject()
    await bench.judge(lambda _: "la " * 300_000).judge(about)
    assert len(bench.sent[1]["messages"][1]["content"]) <= 24_000


@pytest.mark.parametrize("mode", ["one-call", "per-value", "concepts"])
async def test_a_failed_request_leaves_no_verdict_for_good(
    bench: Bench, mock_provider: MockProvider, mode: Mode
):
    about = subject()
    judge = bench.judge(lambda m: "Yes" if "Yes or No" in m[0]["content"] else whole(about), mode)
    mock_provider.faults("bad_request:after=1" if mode != "one-call" else "bad_request")
    with pytest.raises(RequestFailed):
        await judge.judge(about)
    mock_provider.faults()
    verdicts = await judge.judge(about)
    check(verdicts, about)
    assert all(v.missing is None for v in verdicts)
    # what came before the failure is not asked again
    assert set(mock_provider.stats()["completed_by_body"].values()) == {1}


async def test_a_failed_repair_leaves_no_verdict_for_good(
    bench: Bench, mock_provider: MockProvider
):
    about = subject()
    judge = bench.judge(lambda m: "{" if len(m) == 1 else whole(about))
    mock_provider.faults("bad_request:after=1")
    with pytest.raises(RequestFailed):
        await judge.judge(about)
    mock_provider.faults()
    assert all(v.missing is None for v in await judge.judge(about))


async def test_a_refused_key_stops_everything(bench: Bench, mock_provider: MockProvider):
    mock_provider.faults("invalid_key")
    with pytest.raises(ProviderStopped, match="key"):
        await bench.judge().judge(subject())


@pytest.mark.parametrize("fault", [*GARBAGE, "empty", "null_content", "length", "content_filter"])
async def test_spoilt_answers_give_verdicts_in_range_or_none(
    bench: Bench, mock_provider: MockProvider, fault
):
    about = subject()
    mock_provider.faults(fault)
    # the mock answers by the schema: parts and rows of its own choice, so most are absent anyway
    check(await bench.judge().judge(about), about)
    good = whole(about, 0.3)
    verdicts = await bench.judge(lambda _: good).judge(about)
    check(verdicts, about)
    readable = fault in ("judge_fenced", "judge_extra_keys")
    assert all((v.missing is None) == readable for v in verdicts)


# --- one question per value ---


def yes_no(text: str) -> Script:
    return lambda _: text


@pytest.mark.parametrize(
    ("text", "expressed"),
    [
        *((yes, 1.0) for yes in ("Yes", "yes", "YES.", "**Yes**", " \n'Yes'", "Yes, it does.")),
        *((no, 0.0) for no in ("No", "no", "NO!", "No, no.", "- No", "No: it is only quoted.")),
        *(
            (neither, None)
            for neither in (
                "yesterday",
                "Yesterday, no",
                "none",
                "Nobody knows",
                "nope",
                "not at all",
                "Yes or No",
                "Yes/No",
                "yes and no",
                "No, yes",
                "Maybe",
                "yes_no",
                "1",
                "true",
                "The answer is yes",
                "I'm sorry, but I cannot help with that.",
                '{"answer": "Yes"}',
            )
        ),
    ],
)
async def test_only_a_plain_yes_or_no_counts(bench: Bench, text, expressed):
    about = subject("stem", "We sing.")
    verdicts = await bench.judge(yes_no(text), "per-value").judge(about)
    check(verdicts, about)
    assert [v.expressed for v in verdicts] == [expressed]
    if expressed is None:
        assert {v.missing for v in verdicts} == {"the judge answered neither yes nor no"}


@pytest.mark.parametrize(
    ("kind", "text", "valence"),
    [({}, "Yes", 1), ({}, "No", 0), (OPENING, "Yes", 1), (OPENING, "No", -1)],
)
async def test_no_opposes_where_conduct_is_judged(bench: Bench, kind, text, valence):
    verdicts = await bench.judge(yes_no(text), "per-value").judge(subject(**kind))
    assert {v.valence for v in verdicts} == {valence}
    assert {(v.confidence, v.start) for v in verdicts} == {(None, None)}


async def test_one_question_per_part_and_value(bench: Bench):
    about = subject()

    def script(messages: list[dict[str, str]]) -> str:
        prompt = messages[0]["content"]
        return "Yes" if "on Mirth," in prompt and "laughed" in prompt else "No"

    verdicts = await bench.judge(script, "per-value").judge(about)
    check(verdicts, about)
    assert len(bench.sent) == 9
    assert all("response_format" not in body for body in bench.sent)
    assert {(v.part, v.dimension): v.expressed for v in verdicts if v.expressed} == {
        (2, "Mirth"): 1.0
    }


async def test_a_filtered_answer_is_not_a_no(
    bench: Bench, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
):
    mock_provider.faults("content_filter")
    monkeypatch.setattr(  # the text that had been written until the filter struck stays
        server, "spoil_choice", lambda _, choice, __: choice.update(finish_reason="content_filter")
    )
    verdicts = await bench.judge(yes_no("No"), "per-value").judge(subject(**OPENING))
    assert verdicts[0].missing is not None


async def test_half_an_emoji_in_an_answer_does_not_stop_the_judge(bench: Bench):
    about = subject()
    good = json.loads(whole(about))
    good["parts"][0]["verdicts"][0]["evidence"] = "planed \ud83d"
    text = json.dumps(good, ensure_ascii=False)
    verdicts = await bench.judge(lambda _: text).judge(about)
    check(verdicts, about)
    assert all(v.missing is None for v in verdicts) and verdicts[0].start is None


# --- identity ---


async def test_everything_that_decides_a_verdict_is_in_the_identity(bench: Bench):
    model = parse_respondent("openai-api/mock/a")

    def judge(mode: Mode = "one-call", **changes: Any) -> str:
        asked = LLMJudge(model.model_copy(update=changes), bench.asker, mode)
        return judge_id(asked, subject().system)

    plain = judge()
    assert plain == judge(name="another label")
    others = [
        judge("per-value"),
        judge(model="openai-api/mock/b"),
        judge(system="Be strict."),
        judge(temperature=0.0),
        judge(reasoning_effort="high"),
    ]
    assert len({plain, *others}) == 6


async def test_another_definition_scoring_or_name_is_another_question(bench: Bench):
    judge, system = bench.judge(lambda _: ""), subject().system
    first, *rest = system.dimensions
    others = [
        system.model_copy(update={"dimensions": (first.model_copy(update=change), *rest)})
        for change in ({"name": "Renamed"}, {"definition": "Something else."}, {"supports": ()})
    ]
    others.append(system.model_copy(update={"scoring": "rating"}))
    assert len({judge_id(judge, s) for s in (system, *others)}) == 5
    told = system.model_copy(update={"summary": "Another summary of the same."})
    assert judge_id(judge, told) == judge_id(judge, system)
