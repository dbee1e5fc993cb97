"""What the explorer writes: questions and trade-offs in three languages, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evolve.writers import QUESTIONS, TRADEOFFS, wanted_of, written
from tests.models.helpers import open_asker
from tests.support import mock_provider as mock_module
from tests.support.answers import last_user_text
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.evolve.explorer import ModelExplorer
from valuecompass.evolve.protocols import Evidence, Reading
from valuecompass.evolve.writing import LANGUAGES, SIDE, SITUATION, question_in, size_of, text_in
from valuecompass.items import Item, Side, seed_items
from valuecompass.models import parse_respondent
from valuecompass.text import likeliest
from valuecompass.values import BUILTIN, builtin_system, parse_system

WRITER = parse_respondent("openai-api/mock/w")
SCHWARTZ = builtin_system("schwartz")
SITUATIONS = {
    "en": "A retired teacher can leave her savings to one thing only.",
    "es": "Una maestra jubilada solo puede dejar sus ahorros a una cosa.",
    "zh": "一位退休教师只能把积蓄留给一件事。",
}


def topic_in(language: str, kind: str) -> Item:
    """A seed: for trade-offs Power against Benevolence."""
    if kind == "question":
        text = QUESTIONS[language].format("x", "y", "z")
        return Item.model_validate(
            {"kind": kind, "system": "schwartz", "text": text, "dimensions": ["Power"]}
            | {"language": language, "topic": "society-culture"}
        )
    sides = tuple(
        Side(dimension=dimension, text=text)
        for dimension, text in zip(("Power", "Benevolence"), TRADEOFFS[language][1:], strict=True)
    )
    return Item(
        kind="tradeoff",
        system="schwartz",
        text=SITUATIONS[language],
        dimensions=("Power", "Benevolence"),
        language=language,
        sides=sides,
    )


@pytest.fixture
def prompts(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every prompt that the server is sent."""
    seen: list[str] = []

    def noted(body: dict[str, Any], index: int = 0) -> str:
        seen.append(last_user_text(body))
        return written(body, index)

    monkeypatch.setattr(mock_module, "answer", noted)
    return seen


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["question", "tradeoff"])
@pytest.mark.parametrize("language", ["en", "es", "zh", "zh-TW"])
async def test_items_are_written_and_rewritten_in_the_language_of_their_topic(
    workspace: Path, prompts: list[str], language: str, kind: str
) -> None:
    topic = topic_in(language.split("-")[0], kind).model_copy(update={"language": language})
    async with open_asker(workspace) as asker:
        explorer = ModelExplorer(asker, WRITER, [SCHWARTZ])
        first = await explorer.propose(topic, [(topic, 1.25)], 0)
        assert first is not None and asker.calls == first.calls == 2
        assert first.item.kind == kind and first.item.language == language
        assert (first.item.dimensions, first.item.topic) == (topic.dimensions, topic.topic)
        assert first.item.lineage.parents == (topic.id,) and first.parent == topic.id
        reading = Reading("a", ("¡Sí!", "Ja."), ("Power",))
        evidence = Evidence(first.item, first.fact, (reading,), 0.5, topic)
        second = await explorer.refine(first, evidence, 0)
        assert second is not None and asker.calls == 4 and second.parent == first.item.id
        assert second.item.id != first.item.id and second.fact == first.fact
        again = await explorer.propose(topic, [(topic, 1.25)], 0), explorer.name
        assert again == (first, WRITER.name) and asker.calls == 4
    explore, compose, reflect, refine = prompts
    assert "1.25" in explore and topic.text in explore
    assert first.fact in compose and "¡Sí!" in reflect and "0.50" in reflect
    assert first.item.text in reflect and first.item.text in refine
    # advice is given by who knows what the study asks about
    assert topic.text in reflect and topic.text not in first.item.text
    assert not any("{{" in prompt or "{%" in prompt for prompt in prompts)
    # the others must be in the item's language for the server to answer in it
    assert reflect.startswith({"en": "This", "es": "Para", "zh": "为了"}[language.split("-")[0]])


@pytest.mark.anyio
async def test_writers_of_tradeoffs_are_told_what_the_sides_serve(
    workspace: Path, prompts: list[str]
) -> None:
    own = parse_system(
        """id = "mine"
name = "Mine"
scoring = "expression"
summary = "A system of our own."
source = "Made up for this test."
[[dimensions]]
name = "Thrift"
definition = "Spending little and wasting nothing."
high = "saves"
low = "spends"
[[dimensions]]
name = "Splendor"
definition = "Living amid beautiful and costly things."
high = "adorns"
low = "goes without"
""",
        "mine.toml",
    )
    base = topic_in("en", "tradeoff")
    assert base.sides is not None
    sides = tuple(
        side.model_copy(update={"dimension": name})
        for side, name in zip(base.sides, ("Thrift", "Splendor"), strict=True)
    )
    topic = base.model_copy(
        update={"system": "mine", "sides": sides, "dimensions": ("Thrift", "Splendor")}
    )
    async with open_asker(workspace) as asker:
        found = await ModelExplorer(asker, WRITER, [SCHWARTZ, own]).propose(topic, [], 0)
        assert found is not None and found.item.sides is not None
        served = {side.dimension: side.text for side in found.item.sides}
        # the server writes the mayor's side first, and the first dimension is Thrift
        assert "mayor" in served["Thrift"] and "poor" in served["Splendor"]
        assert all(d.definition in prompt for d in own.dimensions for prompt in prompts)
        with pytest.raises(InputError, match="no value system 'mine'"):
            await ModelExplorer(asker, WRITER, [SCHWARTZ]).propose(topic, [], 0)


@pytest.mark.anyio
async def test_neither_value_always_stands_first(workspace: Path, prompts: list[str]) -> None:
    topic = topic_in("en", "tradeoff")
    async with open_asker(workspace) as asker:
        explorer = ModelExplorer(asker, WRITER, [SCHWARTZ])
        found = [await explorer.propose(topic, [], turn) for turn in range(24)]
    first = [one.item.sides[0].dimension for one in found if one and one.item.sides]
    assert len(first) == 24 and 4 <= first.count("Power") <= 20


GOOD = dict(zip(("situation", "first", "second"), TRADEOFFS["en"], strict=True))
LONG = " ".join(["It pays for bells and kites, as the mayor asks,"] * 2) + " and for more."


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "usable"),
    [
        (GOOD, True),
        (GOOD | {"second": GOOD["first"].upper()}, False),
        (GOOD | {"second": LONG}, False),
        (GOOD | {"first": LONG, "second": LONG.replace("bells", "wells")}, True),
        (GOOD | {"first": "Bells."}, False),
        (GOOD | {"second": None}, False),
        (GOOD | {"situation": 7}, False),
        (GOOD | {"situation": TRADEOFFS["zh"][0]}, False),
        ({"question": "Should bells be banned?"}, False),
    ],
)
async def test_a_tradeoff_has_two_different_sides_of_about_one_length(
    workspace: Path,
    mock_provider: MockProvider,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    usable: bool,
) -> None:
    def composed(body: dict[str, Any], index: int = 0) -> str:
        step = wanted_of(body).get("name")
        return json.dumps(said) if step == "compose" else written(body, index)

    monkeypatch.setattr(mock_module, "answer", composed)
    async with open_asker(workspace) as asker:
        explorer = ModelExplorer(asker, WRITER, [SCHWARTZ])
        found = await explorer.propose(topic_in("en", "tradeoff"), [], 0)
    assert (found is not None) == usable


@pytest.mark.parametrize(
    ("language", "said", "question"),
    [
        ("en", " Should bells\nbe banned? ", "Should bells be banned?"),
        ("en", "Should bells be banned.", None),
        ("en", "Should bells?", None),
        ("en", "Should " + "bells and " * 40 + "kites be banned?", None),
        ("en", "¿Deberían prohibirse las campanas de las iglesias por la noche?", None),
        ("en", "教堂夜间是否应当停止敲钟？", None),
        ("en", None, None),
        ("en", ["Should bells be banned?"], None),
        ("es", "¿Hay que prohibir las campanas?", "¿Hay que prohibir las campanas?"),
        ("es", "Hay que prohibir las campanas?", "¿Hay que prohibir las campanas?"),
        (
            "es",
            "Muchos duermen mal. Hay que prohibir las campanas?",
            "Muchos duermen mal. ¿Hay que prohibir las campanas?",
        ),
        ("es", "Should the bells of churches be silent during the night?", None),
        ("zh", "教堂夜间是否应当停止敲钟？", "教堂夜间是否应当停止敲钟？"),
        ("zh", "教堂夜间是否应当停止敲钟?", "教堂夜间是否应当停止敲钟?"),
        ("zh", "在 COVID-19 期间是否应当关闭教堂？", "在 COVID-19 期间是否应当关闭教堂？"),
        ("zh", "可以吗？", None),
        ("zh", "教堂夜间是否应当停止敲钟，" * 9 + "对吗？", None),
        ("zh", "Should the bells of churches be silent during the night?", None),
    ],
)
def test_a_question_is_one_in_its_language_and_of_its_length(
    language: str, said: object, question: str | None
) -> None:
    assert question_in(language, said) == question


def test_chinese_is_measured_by_characters() -> None:
    assert size_of("Should bells be banned?") == 4
    assert size_of("教堂夜间是否应当停止敲钟？") == 12
    assert size_of("在 COVID-19 期间") == 4
    assert size_of("") == size_of("¿ ?") == 0


@pytest.mark.parametrize("kind", ["question", "tradeoff"])
def test_seeds_of_ours_pass_for_what_explorers_write(kind: str) -> None:
    """The bounds are not so tight that good items of known quality would be left out."""
    items = [item for item in seed_items("schwartz") if item.kind == kind]
    if kind == "question":
        assert all(question_in("en", item.text) == item.text for item in items)
        return
    assert all(text_in("en", item.text, SITUATION) for item in items)
    assert all(text_in("en", side.text, SIDE) for item in items for side in item.sides or ())
    sizes = [sorted(size_of(side.text) for side in item.sides or ()) for item in items]
    equal = [long <= 1.5 * short for short, long in sizes]
    assert sum(equal) >= 0.95 * len(equal)


def test_all_of_our_bank_is_told_for_english() -> None:
    items = [item for system in BUILTIN for item in seed_items(system)]
    texts = [text for i in items for text in (i.text, *(side.text for side in i.sides or ()))]
    assert len(items) > 1_000
    assert {likeliest(text, LANGUAGES) for text in texts} == {"en"}
