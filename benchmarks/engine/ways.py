"""One way of asking for answers and verdicts; started by `run.py`, prints one JSON object."""

from __future__ import annotations

import asyncio
import contextvars
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

Json = dict[str, Any]
IN_FLIGHT = 64
ITEMS = 1_000
ANSWERS, JUDGE = "openai-api/mock/some-model", "openai-api/mock/some-judge"


def ours(place: Path, pairs: int) -> Callable[[], None]:
    """Our run: asks, judges, stores, scores. Its requests are kept for the others.

    At most a thousand items: more pairs are more respondents, the same model under other prompts.
    """
    from sqlalchemy import create_engine, select

    from valuecompass.items import Item
    from valuecompass.measure.run import run
    from valuecompass.models import Patience
    from valuecompass.store import DATABASE, responses

    file, workspace = place / "items.jsonl", place / "ws"
    rows = (
        Item(
            kind="question",
            system="schwartz",
            text=f"Should the town of number {n} keep its only library open at night?",
            dimensions=("Universalism",),
        ).row()
        for n in range(min(pairs, ITEMS))
    )
    models = [
        ANSWERS,
        *(f"{ANSWERS}@system=Answer as number {n}." for n in range(1, pairs // ITEMS)),
    ]
    file.write_text(
        "".join(json.dumps({k: v for k, v in row.items() if k != "id"}) + "\n" for row in rows)
    )

    def work() -> None:
        run(
            models,
            ["schwartz"],
            items=file,
            judge=JUDGE,
            workspace=workspace,
            patience=Patience(first_wait=0.1),
        )
        taken = usage()
        engine = create_engine(f"sqlite:///{workspace / DATABASE}")
        with engine.connect() as connection:
            found = connection.execute(select(responses.c.model, responses.c.request)).all()
        by_model: dict[str, list[Json]] = {ANSWERS: [], JUDGE: []}
        for model, request in found:
            by_model[model].append(request)
        both = zip(by_model[ANSWERS], by_model[JUDGE], strict=True)
        (place / "pairs.json").write_text(json.dumps(list(both)))
        finish(taken)

    return work


def transport(place: Path, pairs: int) -> Callable[[], None]:
    """The same two bare calls through the SDK's aiohttp transport in place of httpx2."""
    return get_model(place, pairs, own_client=True)


def get_model(place: Path, pairs: int, own_client: bool = False) -> Callable[[], None]:
    """Two bare calls of Inspect's models, each in a task and context of its own."""
    from inspect_ai.model import get_model as model_of
    from openai import DefaultAioHttpClient

    told = requests_of(place)
    models = {
        name: model_of(
            name, memoize=False, **({"http_client": DefaultAioHttpClient()} if own_client else {})
        )
        for name in (ANSWERS, JUDGE)
    }

    async def call(request: Json) -> None:
        messages, config = inspect_request(request)
        coroutine = models[request["model"]].generate(messages, config=config)
        await asyncio.create_task(coroutine, context=contextvars.Context())

    return lambda: asyncio.run(all_pairs(told, call))


def aiohttp(place: Path, pairs: int) -> Callable[[], None]:
    """Two bare posts."""
    import os

    from aiohttp import ClientSession, TCPConnector

    told = requests_of(place)
    url = os.environ["MOCK_BASE_URL"] + "/chat/completions"

    async def work() -> None:
        headers = {"Authorization": f"Bearer {os.environ['MOCK_API_KEY']}"}
        async with ClientSession(headers=headers, connector=TCPConnector(limit=0)) as session:

            async def call(request: Json) -> None:
                params = request["params"]
                body: Json = {
                    "model": request["model"].rsplit("/", 1)[1],
                    "messages": request["messages"],
                    "max_tokens": params["max_tokens"],
                }
                if "schema" in params:
                    schema = {"name": "answer", "schema": params["schema"], "strict": True}
                    body["response_format"] = {"type": "json_schema", "json_schema": schema}
                async with session.post(url, json=body) as response:
                    found = await response.json()
                    assert found["choices"][0]["message"]["content"]

            await all_pairs(told, call)

    return lambda: asyncio.run(work())


def inspect_eval(place: Path, pairs: int) -> Callable[[], None]:
    """Inspect's eval(): a sample a pair, its scorer asks for the verdict."""
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import Sample
    from inspect_ai.model import get_model as model_of
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
    from inspect_ai.solver import TaskState

    told = requests_of(place)

    @scorer(metrics=[mean()])
    def asked() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            messages, config = inspect_request(told[int(state.sample_id)][1])
            output = await model_of(JUDGE).generate(messages, config=config)
            return Score(value=float(bool(output.completion)))

        return score

    samples = [Sample(id=n, input=inspect_request(answer)[0]) for n, (answer, _) in enumerate(told)]

    def work() -> None:
        (log,) = evaluate(
            Task(dataset=samples, scorer=asked()),
            model=ANSWERS,
            max_samples=IN_FLIGHT,
            max_connections=IN_FLIGHT,
            log_dir=str(place / "logs"),
            display="none",
        )
        assert log.status == "success", log.error

    return work


def lm_eval(place: Path, pairs: int) -> Callable[[], None]:
    """The model class of lm-evaluation-harness: all answers, then all verdicts, nothing stored."""
    import os

    from lm_eval.api.instance import Instance  # pyright: ignore[reportMissingImports]
    from lm_eval.models.api_models import JsonChatStr  # pyright: ignore[reportMissingImports]
    from lm_eval.models.openai_completions import (  # pyright: ignore[reportMissingImports]
        LocalChatCompletion,
    )

    steps: list[tuple[Any, list[Any]]] = []
    for step in zip(*requests_of(place), strict=True):
        model = LocalChatCompletion(
            base_url=os.environ["MOCK_BASE_URL"] + "/chat/completions",
            model=step[0]["model"].rsplit("/", 1)[1],
            num_concurrent=IN_FLIGHT,
            header={"Authorization": f"Bearer {os.environ['MOCK_API_KEY']}"},
        )
        asked: list[Any] = []
        for request in step:
            params = request["params"]
            own: Json = {"max_gen_toks": params["max_tokens"], "until": []}
            if "schema" in params:
                schema = {"name": "answer", "schema": params["schema"], "strict": True}
                own["response_format"] = {"type": "json_schema", "json_schema": schema}
            told = JsonChatStr(json.dumps(request["messages"]))
            asked.append(Instance("generate_until", {}, (told, own), len(asked)))
        steps.append((model, asked))

    def work() -> None:
        for model, asked in steps:
            found = model.generate_until(asked, disable_tqdm=True)
            assert len(found) == pairs and all(found)

    return work


def requests_of(place: Path) -> list[tuple[Json, Json]]:
    """Return the pairs of requests that our run made."""
    return json.loads((place / "pairs.json").read_text())


def inspect_request(request: Json) -> tuple[Any, Any]:
    """Return a request as Inspect's models take it."""
    from inspect_ai.model import (
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        ResponseSchema,
    )
    from inspect_ai.util import JSONSchema

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
    messages = [kinds[m["role"]](content=m["content"]) for m in request["messages"]]
    params = request["params"]
    config = GenerateConfig(max_tokens=params["max_tokens"], max_connections=IN_FLIGHT)
    if "schema" in params:
        schema = JSONSchema.model_validate(params["schema"])
        config.response_schema = ResponseSchema(name="answer", json_schema=schema, strict=True)
    return messages, config


async def all_pairs(
    told: list[tuple[Json, Json]], call: Callable[[Json], Coroutine[Any, Any, None]]
) -> None:
    """Make all pairs, `IN_FLIGHT` at the same time."""
    jobs = iter(told)

    async def worker() -> None:
        for answer, verdict in jobs:
            await call(answer)
            await call(verdict)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def usage() -> tuple[float, float, float]:
    """Return the clock, and this process's processor seconds and most memory in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


DONE: list[tuple[float, float, float]] = []


def finish(taken: tuple[float, float, float]) -> None:
    """Note when the work itself was done."""
    DONE.append(taken)


WAYS = {
    "ours": ours,
    "get_model": get_model,
    "transport": transport,
    "eval": inspect_eval,
    "aiohttp": aiohttp,
    "lm-eval": lm_eval,
}


def main() -> None:
    """Prepare, work, and print what the work took."""
    way, place, pairs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    work = WAYS[way](place, pairs)  # imports are no part of the work
    start = usage()
    work()
    end = DONE[0] if DONE else usage()
    print(
        json.dumps(
            {
                "pairs": pairs,
                "seconds": end[0] - start[0],
                "cpu_ms": 1000 * (end[1] - start[1]) / pairs,
                "megabytes": end[2],
            }
        )
    )


if __name__ == "__main__":
    main()
