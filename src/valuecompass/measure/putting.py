"""Puts a question to a respondent: with one request, or a scenario with as many as it takes."""

from __future__ import annotations

from typing import Any

from valuecompass.hashing import digest
from valuecompass.items import Asking, Item
from valuecompass.measure.asking import Question, messages_for, params_for
from valuecompass.measure.scenario import STEPS, VERSION, outcome_of_record, play, record_of
from valuecompass.models import Message, Params, Reply, Respondent
from valuecompass.models.asker import Asker, request_of, stored_row
from valuecompass.store import responses


async def ask_question(
    asker: Asker, respondent: Respondent, question: Question, asking: Asking
) -> Reply:
    """Return what a respondent says to a question, or the record of what it does in a scenario.

    Raises:
        RequestFailed: no answer after all retries.
        ValueCompassError: as `Asker.ask`.
    """
    item = question.item
    params = params_for(respondent, item, asking)
    if item.kind == "scenario":
        key = key_of(respondent, question, asking)
        return await _ask_scenario(asker, respondent, question, params, key)
    return await asker.ask(
        respondent,
        messages_for(question, asking, cue=respondent.answers == "logprobs"),
        params,
        question.repeat,
        item=item.row(),
        presentation=question.presentation,
    )


def key_of(
    respondent: Respondent,
    question: Question,
    asking: Asking,
    messages: list[Message] | None = None,
    row: dict[str, Any] | None = None,
) -> str:
    """Return the key of the response to a question.

    That of a scenario rests on its first request and its script: all else follows from them.

    Args:
        respondent: who is asked.
        question: what is asked.
        asking: how its kind is asked.
        messages: as `messages_for` makes them without a cue, where they were made before.
        row: of the item, likewise.
    """
    item = question.item
    params = params_for(respondent, item, asking)
    cue = respondent.answers == "logprobs"
    if messages is None or cue:
        messages = messages_for(question, asking, cue=cue)
    first = request_of(respondent, messages, params, row or item.row()).key
    if item.kind != "scenario":
        return first
    return digest(["played", VERSION, STEPS, item.id, first])


async def _ask_scenario(
    asker: Asker, respondent: Respondent, question: Question, params: Params, key: str
) -> Reply:
    """Play a scenario and keep the whole as one response.

    Each step is a response of its own, too, so that an interrupted scenario goes on where it was.
    Tokens, dollars and seconds of the whole are the sums over its steps.
    """
    steps: list[Reply] = []
    item: Item = question.item
    row = item.row()

    async def answer(said: list[Message]) -> tuple[Message, str]:
        steps.append(await asker.ask(respondent, said, params, question.repeat, item=row))
        return steps[-1].message, steps[-1].stop_reason

    said, stop = await play(item, answer)
    text = record_of(said)
    paid = [step.usd for step in steps if step.usd is not None]
    whole = Reply(
        key=key,
        repeat=question.repeat,
        text=text,
        outcome=outcome_of_record(text, stop),
        stop_reason=stop,
        version=steps[-1].version,
        input_tokens=sum(step.input_tokens for step in steps),
        output_tokens=sum(step.output_tokens for step in steps),
        usd=sum(paid) if len(paid) == len(steps) else None,
        seconds=sum(step.seconds for step in steps),
        cached=all(step.cached for step in steps),
    )
    if await asker.stored(key, question.repeat) is None:
        request = request_of(respondent, said, params, row).canonical()
        stored = stored_row(whole, respondent.model, request)
        await asker.store.write((asker.store.insert_new(responses), [stored]))
    return whole
