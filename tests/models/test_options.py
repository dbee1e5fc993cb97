"""Log-probabilities of options, from the real small model and from a provider's chat answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import pytest

from tests.models.helpers import open_asker
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError, ProviderStopped, RequestFailed
from valuecompass.models import Message, Params, parse_respondent, parse_roster
from valuecompass.models.providers.embedded import Engine, engine
from valuecompass.models.providers.options import option_logprobs
from valuecompass.models.request import LOGPROBS
from valuecompass.store import ledger

pytestmark = pytest.mark.anyio

SMALL = "embedded/smollm2-135m-instruct"
RATE = '"I like order."\n\nRate this from 1 to 6. Write the number only.\n\nAnswer:'
CHOOSE = "Two doors.\n\nA: The left one\nB: The right one\n\nWhich do you choose?\n\nAnswer:"
VOCABULARY = 49_152


def after(text: str) -> dict[str, float]:
    """Return the log-probability of every token of the vocabulary after a text."""
    body = {"prompt": text, "max_tokens": 1, "temperature": 0, "n_probs": VOCABULARY}
    answer = engine(SMALL.split("/")[1]).complete(body | {"cache_prompt": False})
    (place,) = answer["choices"][0]["logprobs"]["content"]
    tops = place["top_logprobs"]
    assert len(tops) == VOCABULARY
    assert sum(math.exp(one["logprob"]) for one in tops) == pytest.approx(1, abs=1e-3)
    # tokens of half a character are shown alike: the most probable, which comes first, is kept
    return {one["token"]: one["logprob"] for one in reversed(tops)}


async def test_probabilities_are_those_of_the_whole_vocabulary() -> None:
    small = engine(SMALL.split("/")[1])
    letters, read = option_logprobs(small, CHOOSE, ["A", "B"])
    whole = after(CHOOSE)
    assert letters == pytest.approx({"A": whole[" A"], "B": whole[" B"]}, abs=1e-3)
    assert 15 < read < 60  # one call tells both
    # this model's tokeniser has no " 3": a space, then the digit
    assert " 3" not in whole
    ratings, read = option_logprobs(small, RATE, ["1", "3", "6"])
    space, digits = after(RATE)[" "], after(RATE + " ")
    assert ratings == pytest.approx({n: space + digits[n] for n in ("1", "3", "6")}, abs=1e-3)
    assert read < 60


async def test_an_option_that_is_rare_or_parts_early_takes_a_call_of_its_own() -> None:
    small = engine(SMALL.split("/")[1])
    options = ["A", "zebra crossing", "\u00fc"]
    found, _ = option_logprobs(small, CHOOSE, options)
    assert list(found) == options and all(map(math.isfinite, found.values()))
    alone = {one: option_logprobs(small, CHOOSE, [one])[0][one] for one in options}
    assert found == pytest.approx(alone, abs=1e-3)
    assert found["A"] > found["zebra crossing"]


class Told:
    """Stands for an engine whose tokeniser has " 1", "0" and " 10": what it answers is given."""

    path = Path("told.gguf")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body["grammar"])
        first = {" 1": -1.0, " 10": -2.0, " 2": -3.0}
        taken = [" 1"] if '" 1"' in body["grammar"] else [" 10"]
        places = [
            {
                "bytes": list(token.encode()),
                "logprob": first[token],
                "top_logprobs": [
                    {"bytes": list(t.encode()), "logprob": p} for t, p in first.items()
                ],
            }
            for token in taken
        ]
        return {"choices": [{"logprobs": {"content": places}}]}


async def test_the_longest_token_is_the_way_a_tokeniser_takes() -> None:
    told = Told()
    found, _ = option_logprobs(cast(Engine, told), "x", ["1", "10", "2"])
    assert found == {"1": -1.0, "10": -2.0, "2": -3.0} and len(told.asked) == 1


async def test_the_distribution_is_stored_and_not_asked_for_twice(workspace: Path) -> None:
    model = parse_respondent(f"{SMALL}@answers=logprobs")
    params = Params(max_tokens=1, choices=("A", "B"), logprobs=True)
    async with open_asker(workspace) as asker:
        first = await asker.ask(model, [Message("user", CHOOSE)], params)
        again = await asker.ask(model, [Message("user", CHOOSE)], params)
        sampled = await asker.ask(
            parse_respondent(SMALL), [Message("user", CHOOSE)], Params(4, choices=("A", "B"))
        )
    whole = after(CHOOSE)
    assert json.loads(first.text) == pytest.approx({"A": whole[" A"], "B": whole[" B"]}, abs=1e-3)
    assert (first.stop_reason, first.outcome, first.usd) == (LOGPROBS, "answer", 0)
    assert again.text == first.text and again.cached
    assert sampled.key != first.key and sampled.text in ("A", "B")


async def test_a_system_prompt_goes_before_the_text(workspace: Path) -> None:
    system = "She always takes the right door."
    roster = workspace.parent / "roster.toml"
    roster.write_text(
        f'[[respondents]]\nlabel = "r"\nmodel = "{SMALL}"\nsystem = "{system}"\n'
        'answers = "logprobs"\n'
    )
    (model,) = parse_roster(roster)
    async with open_asker(workspace) as asker:
        params = Params(max_tokens=1, choices=("A", "B"), logprobs=True)
        reply = await asker.ask(model, [Message("user", CHOOSE)], params)
    whole = after(f"{system}\n\n{CHOOSE}")
    assert json.loads(reply.text)["B"] == pytest.approx(whole[" B"], abs=1e-3)


async def test_a_prompt_that_does_not_fit_fails_alone(workspace: Path) -> None:
    model = parse_respondent(f"{SMALL}@answers=logprobs")
    async with open_asker(workspace) as asker:
        with pytest.raises(RequestFailed, match="exceeds the available context"):
            params = Params(max_tokens=1, choices=("A", "B"), logprobs=True)
            await asker.ask(model, [Message("user", "word " * 3_000)], params)


async def test_a_chat_model_gives_what_its_first_token_could_have_been(
    workspace: Path, mock_provider: MockProvider
) -> None:
    model = parse_respondent("openai-api/mock/some-model@answers=logprobs")
    async with open_asker(workspace) as asker:
        params = Params(max_tokens=16, choices=("A", "B", "D"), logprobs=True)
        reply = await asker.ask(model, [Message("user", CHOOSE)], params)
    # "A" and " A" are one option; D is not among what the provider told
    a = math.log(math.exp(-0.7) + math.exp(-4.0))
    b = math.log(math.exp(-1.5) + math.exp(-3.0))
    assert json.loads(reply.text) == pytest.approx({"A": a, "B": b}, abs=1e-6)
    assert reply.stop_reason == LOGPROBS


async def test_a_provider_without_log_probabilities_stops_the_run(
    workspace: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import mock_provider as server

    monkeypatch.setattr(server, "_logprobs", lambda body: None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    model = parse_respondent("openai-api/mock/some-model@answers=logprobs")
    params = Params(max_tokens=16, choices=("A", "B"), logprobs=True)
    for _ in range(2):
        async with open_asker(workspace) as asker:
            with pytest.raises(ProviderStopped, match="gives no log-probabilities"):
                await asker.ask(model, [Message("user", CHOOSE)], params)
            # what was paid is kept and counts; nobody pays for it again
            assert [row["state"] for row in await asker.store.rows(ledger.select())] == ["settled"]
    assert mock_provider.stats()["requests"] == 1


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (f"{SMALL}@answers=sampling", "after @answers= stands logprobs"),
        ("simulated/schwartz?Power=1@answers=logprobs", "have no log-probabilities"),
        ("hf/a/base-model@answers=logprobs", "items export --format lm-eval"),
    ],
)
async def test_a_wrong_marker_is_told(name: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_respondent(name)


async def test_nothing_is_sampled(tmp_path: Path) -> None:
    roster = tmp_path / "r.toml"
    roster.write_text(
        f'[[respondents]]\nmodel = "{SMALL}"\nanswers = "logprobs"\ntemperature = 0.5\n'
    )
    with pytest.raises(InputError, match="leave temperature out"):
        parse_roster(roster)
