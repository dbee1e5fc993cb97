"""Explorer and pool over a real store and a local server with the true wire format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evolve.players import Words
from tests.evolve.writers import written
from tests.models.helpers import open_asker
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.evolve.adaem import AdAEMConfig, evolve
from valuecompass.evolve.explorer import ModelExplorer
from valuecompass.evolve.pool import ModelPool
from valuecompass.evolve.protocols import Evidence, Reading
from valuecompass.evolve.writing import prompts_hash
from valuecompass.items import seed_items
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.models import parse_respondent
from valuecompass.values import builtin_system

pytestmark = pytest.mark.anyio
TOPICS = [item for item in seed_items("schwartz") if item.kind == "question"][:3]
TOPIC = TOPICS[0]
WRITER, *MODELS = [parse_respondent(f"openai-api/mock/{name}") for name in "wabc"]


@pytest.fixture
def writing(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    monkeypatch.setattr(mock_module, "answer", written)
    return mock_provider


async def test_a_question_is_written_in_two_requests_and_rewritten_in_two(
    workspace: Path, writing: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        explorer = ModelExplorer(asker, WRITER)
        proposal = await explorer.propose(TOPIC, [(TOPIC, 1.5)], 0)
        assert proposal is not None and asker.calls == proposal.calls == 2
        assert (proposal.region, proposal.year, proposal.parent) == ("Norway", 2019, TOPIC.id)
        assert proposal.item.dimensions == TOPIC.dimensions and proposal.fact.startswith("In 2019")
        assert proposal.item.lineage.parents == (TOPIC.id,) and proposal.item.id != TOPIC.id
        reading = Reading("a", ("Bells wake babies.",), ("Tradition",))
        evidence = Evidence(proposal.item, proposal.fact, (reading,), 1.0, TOPIC)
        better = await explorer.refine(proposal, evidence, 0)
        assert better is not None and asker.calls == 4
        assert better.parent == proposal.item.id and better.fact == proposal.fact
        assert await explorer.propose(TOPIC, [(TOPIC, 1.5)], 0) == proposal
        assert asker.calls == 4
        other = await explorer.propose(TOPIC, [(TOPIC, 1.5)], 1)
        assert other is not None and asker.calls == 6


async def test_what_is_no_question_is_left_out(
    workspace: Path, mock_provider: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        # the server fills the fields with sentences, none of which is a question
        assert await ModelExplorer(asker, WRITER).propose(TOPIC, [], 0) is None


async def test_what_an_explorer_cannot_write_is_refused(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        for change, told in (({"language": "fr"}, "not in 'fr'"), ({"kind": "stem"}, "a stem")):
            topic = TOPIC.model_copy(update=change)
            with pytest.raises(InputError, match=told):
                await ModelExplorer(asker, WRITER).propose(topic, [], 0)
        with pytest.raises(InputError, match="same name"):
            ModelPool(asker, [WRITER, WRITER])


async def test_a_whole_run_over_a_server_asks_nothing_again(
    workspace: Path, writing: MockProvider
) -> None:
    config = AdAEMConfig(p1=2, keep=3, nearest=3, advance=1)
    told: list[str] = []
    for again in (False, True):
        async with open_asker(workspace) as asker:
            done = await evolve(
                TOPICS,
                [ModelExplorer(asker, WRITER)],
                ModelPool(asker, MODELS),
                LLMJudge(parse_respondent("openai-api/mock/judge"), asker),
                [builtin_system("schwartz")],
                config,
                calls=60,
                similarity=Words(),
            )
            assert done.kept and done.meter.total <= 60
            assert all("fresh" in c.rewards for c in done.kept)
            told.append(json.dumps([c.as_json() for c in [*done.kept, *done.rejected]]))
            assert (asker.calls == 0) == again
    assert told[0] == told[1]


def test_prompts_have_a_hash() -> None:
    assert len(prompts_hash()) == 16
