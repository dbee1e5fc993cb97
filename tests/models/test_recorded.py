import json
from pathlib import Path

import pytest

from tests.models.helpers import open_asker
from valuecompass.errors import InputError, RequestFailed
from valuecompass.items import Item
from valuecompass.models import Message, Params, Respondent, parse_respondent
from valuecompass.models.providers.recorded import recorded_answers

FIRST = Item(
    kind="question", system="schwartz", text="Should bells ring?", dimensions=("Tradition",)
)
SECOND = Item(
    kind="question", system="schwartz", text="Should dogs vote?", dimensions=("Tradition",)
)


def recorded(tmp_path: Path, *rows: object) -> Respondent:
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    return parse_respondent(f"recorded/{path}")


@pytest.mark.anyio
async def test_answers_are_found_by_id_text_and_repeat(tmp_path: Path) -> None:
    model = recorded(
        tmp_path,
        {"item": FIRST.id, "response": "They should."},
        {"item": FIRST.id, "response": "Not at night.", "repeat": 1},
        {"item": SECOND.text, "response": "I can't help with that.", "note": "kept elsewhere"},
        {"item": "What is this?", "response": " ... "},
    )
    async with open_asker(tmp_path / "ws") as asker:

        async def ask(item: Item, repeat: int = 0) -> tuple[str, str]:
            messages = [Message("user", f"Please answer: {item.text}")]
            reply = await asker.ask(model, messages, Params(99), repeat, item=item.row())
            return reply.text, reply.outcome

        assert await ask(FIRST) == ("They should.", "answer")
        assert await ask(FIRST, 1) == ("Not at night.", "answer")
        assert await ask(SECOND) == ("I can't help with that.", "refusal")
        plain = await asker.ask(model, [Message("user", "What is this?")], Params(99))
        assert (plain.text, plain.outcome) == (" ... ", "empty")
        with pytest.raises(RequestFailed, match="no recorded answer to this item"):
            await ask(FIRST, 2)
        assert asker.calls == 5


@pytest.mark.anyio
async def test_a_replaced_file_is_asked_anew(tmp_path: Path) -> None:
    texts: list[str] = []
    for text in ("before", "after", "after"):
        model = recorded(tmp_path, {"item": FIRST.id, "response": text})
        async with open_asker(tmp_path / "ws") as asker:
            reply = await asker.ask(
                model, [Message("user", FIRST.text)], Params(9), item=FIRST.row()
            )
            texts.append(f"{reply.text} {asker.calls}")
    assert texts == ["before 1", "after 1", "after 0"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"item": "a", "response": ', "line 2, column"),
        ("[]", "line 2: expected a JSON object"),
        ('{"response": "x"}', "line 2: item: a text is needed"),
        ('{"item": "b", "response": 3}', "line 2: response: a text is needed"),
        ('{"item": "b", "response": "x", "repeat": -1}', "line 2: repeat: a number from 0"),
        ('{"item": "b", "response": "x", "repeat": "0"}', "line 2: repeat: a number from 0"),
        ('{"item": "a", "response": "y"}', "line 2: item: a second answer to the same item"),
        ('{"item": "a", "response": "y", "repeat": 0}', "line 2: item: a second answer"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f'{{"item": "a", "response": "x"}}\n{line}\n')
    with pytest.raises(InputError) as error:
        recorded_answers(str(path))
    assert str(error.value).startswith(f"{path}, {what}")


@pytest.mark.anyio
async def test_a_missing_file_stops_with_one_message(tmp_path: Path) -> None:
    async with open_asker(tmp_path / "ws") as asker:
        model = parse_respondent(f"recorded/{tmp_path}/none.jsonl")
        with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
            await asker.ask(model, [Message("user", "?")], Params(9), item=FIRST.row())
        assert asker.budget.calls == 0  # nothing was sent
