from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import Executable

from tests.models.helpers import open_asker
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError, Interrupted, ProviderStopped, RequestFailed
from valuecompass.items import Item, Side
from valuecompass.models import Message, Outcome, Params, Respondent, parse_respondent
from valuecompass.models import asker as asker_module
from valuecompass.models.asker import Asker, request_of
from valuecompass.models.request import Request, seed_for
from valuecompass.store import ledger, responses
from valuecompass.store.schema import metadata

pytestmark = pytest.mark.anyio

MODEL = parse_respondent("simulated/schwartz?Power=1.5&seed=3")
ITEM = Item(
    kind="question", system="schwartz", text="Should bells ring?", dimensions=("Tradition",)
)
PARAMS = Params(max_tokens=200)


def question(text: str = "Should bells ring?") -> list[Message]:
    return [Message("user", text)]


def key(model: Respondent = MODEL, **changed: Any) -> str:
    arguments: dict[str, Any] = {"messages": question(), "params": PARAMS, "item": ITEM.row()}
    return request_of(model, **(arguments | changed)).key


# --- each question once


async def test_the_second_asking_makes_no_call(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        first = await asker.ask(MODEL, question(), PARAMS, item=ITEM.row())
        second = await asker.ask(MODEL, question(), PARAMS, item=ITEM.row())
        assert asker.calls == 1
    async with open_asker(workspace) as asker:
        third = await asker.ask(MODEL, question(), PARAMS, item=ITEM.row())
        assert asker.calls == 0
        assert asker.budget.calls == 1
        assert asker.versions == {MODEL.model: {first.version}}
        assert len(await asker.store.rows(responses.select())) == 1
        assert len(await asker.store.rows(ledger.select())) == 1
    assert (first.cached, second.cached, third.cached) == (False, True, True)
    assert first.text == second.text == third.text
    assert first.text.startswith("Stance: ")


async def test_equal_requests_in_flight_share_one_call(workspace: Path) -> None:
    texts: set[str] = set()

    async def one(asker: Asker, delay: int) -> None:
        for _ in range(delay):
            await anyio.sleep(0)
        texts.add((await asker.ask(MODEL, question(), PARAMS, item=ITEM.row())).text)

    async with open_asker(workspace) as asker:
        async with anyio.create_task_group() as tasks:
            for delay in range(100):
                tasks.start_soon(one, asker, delay)
        assert asker.calls == 1
        assert len(await asker.store.rows(ledger.select())) == 1
    assert len(texts) == 1


async def test_nothing_is_asked_twice_however_tasks_interleave(workspace: Path) -> None:
    async def one(asker: Asker, number: int) -> None:
        for step in range(6):
            text = f"Question {(number * 7 + step) % 20}?"
            await asker.ask(MODEL, question(text), PARAMS)

    async with open_asker(workspace) as asker:
        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(one, asker, number)
        assert asker.calls == 20
        assert len(await asker.store.rows(ledger.select())) == 20


async def test_a_failure_is_not_shared(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"item": "another", "response": "x"}\n')
    model = parse_respondent(f"recorded/{path}")
    failed = 0

    async def one(asker: Asker) -> None:
        nonlocal failed
        try:
            await asker.ask(model, question(), PARAMS)
        except RequestFailed:
            failed += 1

    async with open_asker(workspace) as asker:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one, asker)
        assert (failed, asker.calls) == (4, 4)


async def test_a_repeat_is_another_sample(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        replies = [
            await asker.ask(MODEL, question(), PARAMS, repeat, item=ITEM.row())
            for repeat in (0, 1, 2, 1)
        ]
        assert asker.calls == 3
    assert len({r.text for r in replies}) == 3
    assert len({r.key for r in replies}) == 1
    assert replies[1].text == replies[3].text
    assert len({seed_for(replies[0].key, r) for r in range(50)}) == 50
    assert 0 <= seed_for(replies[0].key, 1) < 2**31


# --- what makes a request another one


def test_what_decides_the_answer_is_in_the_key() -> None:
    other = Item(
        kind="question", system="schwartz", text="Should dogs vote?", dimensions=("Tradition",)
    )
    keys = [
        key(),
        key(parse_respondent("simulated/schwartz?Power=1.5&seed=4")),
        key(MODEL.model_copy(update={"system": "Be brief."})),
        key(MODEL.model_copy(update={"temperature": 0.5})),
        key(MODEL.model_copy(update={"top_p": 0.5})),
        key(MODEL.model_copy(update={"max_tokens": 50})),
        key(MODEL.model_copy(update={"reasoning_effort": "low"})),
        key(messages=question("Should dogs vote?")),
        key(messages=[*question(), Message("assistant", "Yes."), Message("user", "Why?")]),
        key(messages=[Message("system", "Should bells ring?")]),
        key(params=Params(max_tokens=201)),
        key(params=Params(max_tokens=200, temperature=0.0)),
        key(params=Params(max_tokens=200, choices=("A", "B"))),
        key(params=Params(max_tokens=200, schema={"type": "object"})),
        key(item=other.row()),
        key(item=None),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(k) == 64 for k in keys)


def test_what_does_not_decide_the_answer_is_not_in_the_key() -> None:
    described = MODEL.model_copy(
        update={"name": "Sim", "developer": "us", "url": "https://example.org", "licence": "x"}
    )
    assert key(described) == key()
    assert key(params=Params(max_tokens=200, schema_name="verdict")) == key()
    elsewhere = Respondent(name="a", model="openai/example")
    assert key(elsewhere) == key(elsewhere, item=None)  # it reads, so the item adds nothing


def test_keys_stay_the_same_for_good() -> None:
    request = Request(
        Respondent(name="x", model="openai/example"),
        (Message("system", "Sei knapp."), Message("user", "Wärme?")),
        Params(max_tokens=10, temperature=0.5),
    )
    # a change here asks every stored question again
    assert request.key == "a7d9f03f9633a52c7a419138c3438aab11c5a7f518bac633a0d9410c073fe909"
    assert seed_for(request.key, 1) == 576827598


def test_the_respondents_own_parameters_override_the_tasks() -> None:
    model = MODEL.model_copy(update={"temperature": 0.0, "max_tokens": 7, "system": "Be brief."})
    request = request_of(model, question(), Params(max_tokens=99, temperature=1.0, top_p=0.9))
    assert request.params == Params(max_tokens=7, temperature=0.0, top_p=0.9)
    assert [m.role for m in request.messages] == ["system", "user"]


async def test_our_providers_see_item_and_presentation(workspace: Path) -> None:
    item = Item(
        kind="tradeoff",
        system="schwartz",
        text="Which?",
        dimensions=("Power", "Benevolence"),
        sides=(
            Side(dimension="Power", text="lead"),
            Side(dimension="Benevolence", text="help"),
        ),
    )
    model = parse_respondent("simulated/schwartz?Power=6&Benevolence=-6")
    async with open_asker(workspace) as asker:
        texts = [
            (await asker.ask(model, question(str(p)), PARAMS, item=item.row(), presentation=p)).text
            for p in (0, 1)
        ]
    assert texts == ["A", "B"]


# --- what is stored


async def test_the_stored_row_says_what_was_asked_and_answered(workspace: Path) -> None:
    model = MODEL.model_copy(update={"system": "Be brief."})
    async with open_asker(workspace) as asker:
        reply = await asker.ask(model, question(), PARAMS, item=ITEM.row())
        [row] = await asker.store.rows(responses.select())
    assert row["key"] == reply.key
    assert row["model"] == MODEL.model
    assert row["request"] == request_of(model, question(), PARAMS, ITEM.row()).canonical()
    assert row["request"]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (row["text"], row["stop_reason"]) == (reply.text, "stop")
    assert row["output_tokens"] == reply.output_tokens > 0
    assert row["usd"] == 0
    assert row["seconds"] >= 0


async def test_of_two_processes_both_use_the_answer_that_is_stored(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_asker(workspace) as first, open_asker(workspace) as second:
        write = first.store.write

        async def late(*statements: tuple[Executable, list[dict[str, Any]]]) -> None:
            for _, rows in statements:
                if rows and "text" in rows[0]:  # the other process's answer comes before ours
                    theirs = rows[0] | {"text": "Theirs.", "version": "theirs"}
                    await second.store.write((responses.insert(), [theirs]))
            await write(*statements)

        monkeypatch.setattr(first.store, "write", late)
        reply = await first.ask(MODEL, question(), PARAMS)
        monkeypatch.undo()
        assert (reply.text, reply.cached) == ("Theirs.", True)
        assert first.versions == {MODEL.model: {"theirs"}}
        assert await first.ask(MODEL, question(), PARAMS) == reply
        assert [r["state"] for r in await first.store.rows(ledger.select())] == ["settled"]


async def test_what_a_text_is_follows_the_rules_of_the_day(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def outcome(asker: Asker) -> Outcome:
        return (await asker.ask(MODEL, question(), PARAMS)).outcome

    async with open_asker(workspace) as asker:
        assert await outcome(asker) == "answer"
        monkeypatch.setattr(asker_module, "is_refusal", lambda text, reason: True)
        assert await outcome(asker) == "refusal"


# --- stopping


async def test_after_a_stop_only_stored_replies_are_given(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        await asker.ask(MODEL, question(), PARAMS)
        asker.stop = Interrupted("stop")
        assert (await asker.ask(MODEL, question(), PARAMS)).cached
        with pytest.raises(Interrupted):
            await asker.ask(MODEL, question("Another?"), PARAMS)
        assert (asker.calls, asker.budget.calls) == (1, 1)


async def test_a_model_that_cannot_be_used_stops_at_once(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        for name in ("nobody/model", "openai/example", "simulated/zodiac"):
            with pytest.raises(InputError) as error:
                await asker.ask(parse_respondent(name), question(), PARAMS)
            assert str(error.value).startswith(name)
            assert "[bold]" not in str(error.value)
        assert asker.budget.calls == 0


# --- secrets


async def test_keys_never_reach_the_disk(
    workspace: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-hush-0123456789abcdef"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, secret)
    used = mock_provider.env["MOCK_API_KEY"]
    mock = Respondent(name="mock", model="openai-api/mock/example")
    async with open_asker(workspace) as asker:
        await asker.ask(MODEL, question(), PARAMS)
        reply = await asker.ask(mock, question(), PARAMS)
        assert reply.text
        mock_provider.faults("invalid_key")
        with pytest.raises(ProviderStopped) as error:
            await asker.ask(mock, question("Another?"), PARAMS)
        # the database keeps long values packed: read as they were, and files as they are
        kept = [row for t in metadata.sorted_tables for row in await asker.store.rows(t.select())]
        files = b"".join(p.read_bytes() for p in workspace.rglob("*") if p.is_file())
        on_disk = files + str([dict(row) for row in kept]).encode()
    assert repr(reply.text)[1:-1].encode() in on_disk
    for key_ in (secret, used):
        assert key_ not in str(error.value)
        assert key_.encode() not in on_disk
