"""The real SmolLM2-135M, fetched once into the user's cache."""

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai.model import GenerateConfig, ResponseSchema
from inspect_ai.util import JSONSchema

from tests.models.helpers import open_asker
from valuecompass.assets import ASSETS
from valuecompass.errors import InputError, RequestFailed
from valuecompass.models import Message, Params, parse_respondent
from valuecompass.models.providers import embedded
from valuecompass.models.providers.embedded import EmbeddedAPI, Engine, engine, one_of, threads

pytestmark = pytest.mark.anyio

NAME = "smollm2-135m-instruct"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
QUESTIONS = (
    "Should a town build a bridge?",
    "Is honesty always right?",
    "Do rules matter?",
    "Would you share food?",
    "Is risk good?",
    "Are old customs wise?",
    "Should leaders be strong?",
    "Is rest important?",
)


async def say(prompt: str, **config: Any) -> Any:
    """Ask the provider itself, below Inspect's retries."""
    from inspect_ai.model import ChatMessageUser

    settings = GenerateConfig(**({"max_tokens": 24, "temperature": 0.0, "seed": 1} | config))
    return await EmbeddedAPI(NAME).generate(
        [ChatMessageUser(content=prompt)], tools=[], tool_choice="none", config=settings
    )


async def test_it_answers(workspace: Path) -> None:
    model = parse_respondent(f"embedded/{NAME}@system=You answer in one sentence.")
    async with open_asker(workspace) as asker:
        reply = await asker.ask(model, [Message("user", QUESTIONS[0])], Params(max_tokens=24))
        again = await asker.ask(model, [Message("user", QUESTIONS[0])], Params(max_tokens=24))
    assert len(reply.text.split()) > 5
    assert (reply.outcome, reply.usd) == ("answer", 0)
    assert reply.version.startswith(NAME)
    assert reply.input_tokens > 20
    assert 0 < reply.output_tokens <= 24
    assert (again.text, again.cached) == (reply.text, True)


async def test_the_system_prompt_is_heard(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        texts = {
            (
                await asker.ask(parse_respondent(name), [Message("user", "Who are you?")], params)
            ).text
            for name in (f"embedded/{NAME}", f"embedded/{NAME}@system=You are a pirate.")
            for params in [Params(max_tokens=24, temperature=0.0)]
        }
    assert len(texts) == 2


async def test_an_answer_cut_short_says_so() -> None:
    output = await say(QUESTIONS[0], max_tokens=5)
    assert output.stop_reason == "max_tokens"
    assert output.usage.output_tokens == 5


@pytest.mark.parametrize(
    "choices",
    [("A", "B"), ("1", "2", "3", "4", "5"), ('say "yes"', "back\\slash"), ("ünï", "路", "no way")],
)
async def test_choices_are_held_by_the_grammar(choices: tuple[str, ...]) -> None:
    found: set[str] = set()
    for seed in range(12):
        output = await say(
            "Sing me a song.",
            temperature=2.0,
            seed=seed,
            extra_body={"choices": list(choices)},
        )
        found.add(output.completion)
    assert found <= set(choices)
    assert len(found) > 1


async def test_choices_come_through_the_asker(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        params = Params(max_tokens=8, temperature=1.0, choices=("A", "B"))
        for repeat in range(6):
            reply = await asker.ask(
                parse_respondent(f"embedded/{NAME}"), [Message("user", "Hello!")], params, repeat
            )
            assert reply.text in ("A", "B")


def test_a_grammar_quotes_its_answers() -> None:
    assert one_of(["A", 'x"\\']) == 'root ::= "A" | "x\\"\\\\"'


async def test_a_json_schema_is_held(workspace: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "stance": {"type": "string", "enum": ["yes", "no"]},
            "strength": {"type": "integer"},
        },
        "required": ["stance", "strength"],
        "additionalProperties": False,
    }
    wanted = ResponseSchema(name="verdict", json_schema=JSONSchema.model_validate(schema))
    for seed in range(4):
        output = await say(
            QUESTIONS[1], max_tokens=60, temperature=1.0, seed=seed, response_schema=wanted
        )
        body = json.loads(output.completion)
        assert set(body) == {"stance", "strength"}
        assert body["stance"] in ("yes", "no")
        assert isinstance(body["strength"], int)
    async with open_asker(workspace) as asker:
        reply = await asker.ask(
            parse_respondent(f"embedded/{NAME}"),
            [Message("user", QUESTIONS[1])],
            Params(max_tokens=60, schema=schema),
        )
    assert json.loads(reply.text)["stance"] in ("yes", "no")


@pytest.mark.parametrize("temperature", [0.0, 0.9])
async def test_answers_do_not_depend_on_what_is_decoded_beside_them(temperature: float) -> None:
    async def one(number: int) -> None:
        output = await say(QUESTIONS[number], temperature=temperature, seed=number)
        together[number] = output.completion

    alone = [
        (await say(q, temperature=temperature, seed=i)).completion for i, q in enumerate(QUESTIONS)
    ]
    together = [""] * len(QUESTIONS)
    async with anyio.create_task_group() as tasks:
        for number in range(len(QUESTIONS)):
            tasks.start_soon(one, number)
    assert together == alone
    assert len(set(alone)) == len(QUESTIONS)


async def test_the_seed_decides_a_sample() -> None:
    texts = [(await say(QUESTIONS[2], temperature=1.0, seed=seed)).completion for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1]


async def test_a_prompt_that_is_too_long_fails_alone(workspace: Path) -> None:
    model = parse_respondent(f"embedded/{NAME}")
    async with open_asker(workspace) as asker:
        with pytest.raises(RequestFailed, match="exceeds the available context size"):
            await asker.ask(model, [Message("user", "word " * 5_000)], Params(max_tokens=8))
        reply = await asker.ask(model, [Message("user", QUESTIONS[3])], Params(max_tokens=8))
    assert reply.text


async def test_a_gguf_file_by_its_path_is_the_same_model(workspace: Path) -> None:
    path = engine(NAME).path
    async with open_asker(workspace) as asker:
        params = Params(max_tokens=8, temperature=0.0)
        replies = [
            await asker.ask(parse_respondent(name), [Message("user", QUESTIONS[4])], params)
            for name in (f"embedded/{NAME}", str(path))
        ]
        stored = await asker.store.rows(_requests())
    assert replies[0].text == replies[1].text
    marks = [row["request"]["file"] for row in stored]
    assert marks == [ASSETS[NAME].sha256[:16], hashlib.sha256(path.read_bytes()).hexdigest()[:16]]


def _requests() -> Any:
    from valuecompass.store import responses

    return responses.select().order_by(responses.c.created)


async def test_a_file_that_was_replaced_is_loaded_anew(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    shutil.copyfile(engine(NAME).path, path)
    model = parse_respondent(str(path))
    async with open_asker(workspace) as asker:
        first = await asker.ask(model, [Message("user", QUESTIONS[5])], Params(max_tokens=4))
        loaded = engine(str(path))
        assert engine(str(path)) is loaded
        other = tmp_path / "other.gguf"
        other.write_bytes(b"GGUF" + b"\0" * 100)
        other.replace(path)
        with pytest.raises(InputError, match="cannot load this model"):
            await asker.ask(model, [Message("user", QUESTIONS[5])], Params(max_tokens=4))
    assert first.text
    assert engine(str(path)) is not loaded


# --- what cannot be loaded


async def test_a_file_that_is_no_model(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 100)
    async with open_asker(workspace) as asker:
        with pytest.raises(InputError, match=r"broken\.gguf: the engine cannot load this model"):
            await asker.ask(parse_respondent(str(path)), [Message("user", "?")], Params(8))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match=rf"embedded/gpt: no such model; known: embedded/{NAME}"):
        engine("gpt")


def test_a_missing_engine_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(InputError, match=r"pip install 'valuecompass\[local\]'"):
        Engine(tmp_path / "m.gguf")


# --- threads


def test_a_busy_machine_gets_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VALUECOMPASS_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    load = 0.0
    monkeypatch.setattr(embedded.os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert threads() == 8
    load = 3.9
    assert threads() == 8
    load = 4.0
    assert threads() == 1
    monkeypatch.setenv("VALUECOMPASS_THREADS", "3")
    assert threads() == 3
    monkeypatch.setenv("VALUECOMPASS_THREADS", "0")
    assert threads() == 1


async def test_no_more_requests_are_sent_to_the_engine_than_it_has_slots(tmp_path, monkeypatch):
    class Counting:
        now = most = asked = 0

        def chat(self, body: dict[str, Any]) -> dict[str, Any]:
            with lock:
                self.now += 1
                self.asked += 1
                self.most = max(self.most, self.now)
            time.sleep(0.02)
            with lock:
                self.now -= 1
            message = {"content": "Yes."}
            return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE}

    lock, fake = threading.Lock(), Counting()
    monkeypatch.setattr(embedded, "engine", lambda name: fake)
    model = parse_respondent(f"embedded/{NAME}")
    async with open_asker(tmp_path) as asker, anyio.create_task_group() as tasks:
        for number in range(160):  # an adaptive limit would have grown by now
            prompt = [Message("user", f"Question {number}")]
            tasks.start_soon(asker.ask, model, prompt, Params(16))
    assert fake.asked == 160
    assert fake.most <= embedded.SLOTS
