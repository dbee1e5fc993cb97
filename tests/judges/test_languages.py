"""A judge that does not know the language of a text has no verdict on it; nobody guesses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.evolve.writers import judged
from tests.judges.examples import subject
from tests.models.helpers import open_asker
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.judges import Subject, Verdict
from valuecompass.judges.languages import reads
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.panel import PanelJudge
from valuecompass.models import parse_respondent

SPANISH = "Deberíamos construir nuestros propios bancos, porque así sale más barato y es divertido."
CHINESE = "我们应该自己动手制作长凳，因为这样既便宜又有趣，而且大家可以一起度过愉快的下午。"
SMALL = parse_respondent("embedded/smollm2-135m-instruct")
LARGE = parse_respondent("openai-api/mock/judge-of-languages")


@pytest.fixture
def judging(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    monkeypatch.setattr(mock_module, "answer", lambda body, index=0: judged(body))
    return mock_provider


def about(language: str) -> Subject:
    """A text in a language, of an item in it."""
    text = {"es": SPANISH, "zh": CHINESE}.get(language.split("-")[0])
    return subject(language=language) if text is None else subject(language=language, response=text)


def missing(verdicts: list[Verdict]) -> set[str | None]:
    assert verdicts
    return {v.missing for v in verdicts}


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["es", "es-MX", "zh"])
@pytest.mark.parametrize("nearest", [False, True])
async def test_the_local_judges_read_english_only(language: str, nearest: bool) -> None:
    (why,) = missing(await LocalJudge(nearest).judge(about(language)))
    assert why == f"the local judge reads English only, this is {language!r}"
    assert missing(await LocalJudge(nearest).judge(about("en"))) == {None}


@pytest.mark.anyio
async def test_a_model_made_for_english_is_not_asked_about_other_languages(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        judge = LLMJudge(SMALL, asker)
        (why,) = missing(await judge.judge(about("zh")))
        assert why == "embedded/smollm2-135m-instruct reads English only, this is 'zh'"
        # whatever the item says, a text in another language is none it can read
        (why,) = missing(await judge.judge(subject(response=SPANISH)))
        assert why is not None and "this is 'es'" in why
        assert asker.calls == 0 and judge.identity["languages"] == ["en"]
        assert "languages" not in LLMJudge(LARGE, asker).identity


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["en", "es", "zh"])
async def test_another_model_is_asked(
    workspace: Path, judging: MockProvider, language: str
) -> None:
    async with open_asker(workspace) as asker:
        assert missing(await LLMJudge(LARGE, asker).judge(about(language))) == {None}
        assert asker.calls == 1


@pytest.mark.anyio
async def test_a_panel_is_missing_where_fewer_than_half_of_it_can_read(
    workspace: Path, judging: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        local, nearest = LocalJudge(), LocalJudge(nearest=True)
        large, small = LLMJudge(LARGE, asker), LLMJudge(SMALL, asker)
        for members in ([local, nearest], [local, small], [local, nearest, large]):
            (why,) = missing(await PanelJudge(members).judge(about("zh")))
            assert why is not None and why.startswith("fewer than half of the judges")
            assert "English only" in why
        both = await PanelJudge([local, large]).judge(about("zh"))
        alone = await large.judge(about("zh"))
        assert [v.expressed for v in both] == [v.expressed for v in alone]
        assert {v.note for v in both} == {"without local, which has no verdict"}


def test_whether_a_judge_reads_a_language_is_told_by_its_identity() -> None:
    def llm(model: str) -> dict[str, Any]:
        return {"kind": "llm", "model": {"model": model}}

    def panel(*members: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "panel", "members": list(members), "strong": None}

    local, nearest = {"kind": "local"}, {"kind": "local-nearest"}
    small, large = llm("hf/HuggingFaceTB/SmolLM2-360M-Instruct"), llm("openai/x")
    for judge in (local, nearest, small, large, panel(local, small), {"kind": "own"}):
        assert reads(judge, "en") and reads(judge, "en-GB")
    for judge in (local, nearest, small, panel(local, small), panel(local, nearest, large)):
        assert not reads(judge, "zh") and not reads(judge, "es-MX")
    for judge in (large, panel(local, large), {"kind": "own"}):
        assert reads(judge, "zh")
