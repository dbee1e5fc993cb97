"""Playing a scenario: a short conversation with scripted users and tools, request by request.

The script decides everything but what the respondent does. Who plays it, a run of ours or Inspect,
says how the respondent is asked. What is judged is the record of what everybody said and did
(`text.record`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from valuecompass.items import Item, ToolSpec
from valuecompass.models import Call, Message, Outcome, is_refusal
from valuecompass.text import Deed, arguments_text, deeds_of, record

VERSION = 1
"""Of how a scenario is played and recorded: raised with every change of it."""
STEPS = 6
"""Requests for one turn at most: whoever goes on calling tools is then told the next one."""
NOTHING = "ok"
"""What a tool without a result returns."""
Answer = Callable[[list[Message]], Awaitable[tuple[Message, str]]]
"""Gives the respondent's next message, and why it stopped, after the conversation so far."""


async def play(item: Item, answer: Answer) -> tuple[list[Message], str]:
    """Play a scenario.

    Args:
        item: of kind scenario.
        answer: asks the respondent.

    Returns:
        The whole conversation, the situation as its system message; and why the respondent stopped
        at last. A content filter ends the play.
    """
    said = opening(item)[:1]
    called: set[str] = set()
    stop = ""
    for turn in item.turns:
        if turn.condition is not None and (turn.condition[0] in called) != turn.condition[1]:
            continue
        said.append(Message("user", turn.text))
        for _ in range(STEPS):
            message, stop = await answer(list(said))
            said.append(message)
            if stop == "content_filter":
                return said, stop
            for call in message.calls:
                if (wrong := fault(call, item.tools)) is None:
                    called.add(call.name)
                said.append(Message("tool", wrong or _result(call, item.tools), of=call))
            if not message.calls:
                break
    return said, stop


def steps_of(item: Item) -> tuple[int, int]:
    """Return how many requests an item takes as a rule, and at most.

    As a rule a scenario takes one for each turn, and where there are tools one more that calls.
    """
    turns = max(len(item.turns), 1)
    return (2 * turns, STEPS * turns) if item.tools else (turns, turns)


def characters_of(item: Item) -> int:
    """Return how long it is what a respondent is shown of an item."""
    shown = [item.text, *(turn.text for turn in item.turns)]
    shown += [f"{t.description} {t.parameters} {t.result}" for t in item.tools]
    return sum(map(len, shown))


def opening(item: Item) -> list[Message]:
    """Return what the first request holds: the situation, and what is said first."""
    return [Message("system", item.text), Message("user", item.turns[0].text)]


def fault(call: Call, tools: Sequence[ToolSpec]) -> str | None:
    """Return the error that a real system gives to a call that does not fit, or None."""
    tool = next((t for t in tools if t.name == call.name), None)
    if tool is None:
        known = ", ".join(t.name for t in tools) or "none"
        return f"Error: there is no tool {call.name[:64]!r}. Tools: {known}."
    if call.error is not None:
        return f"Error: {tool.name}: the arguments are not readable JSON."
    from jsonschema import Draft202012Validator

    schema = tool.parameters or {"type": "object", "properties": {}}
    validator: Any = Draft202012Validator(schema)
    try:
        found = next(iter(validator.iter_errors(call.arguments)), None)
    except RecursionError:
        return f"Error: {tool.name}: the arguments are nested too deeply."
    if found is None:
        return None
    at = "".join(f"{place}: " for place in found.absolute_path)
    return f"Error: {tool.name}: {at}{found.message[:300]}"


def _result(call: Call, tools: Sequence[ToolSpec]) -> str:
    return next(t.result for t in tools if t.name == call.name) or NOTHING


def record_of(said: Sequence[Message]) -> str:
    """Return the record of a conversation, without its system message."""
    deeds: list[Deed] = []
    for message in said:
        if message.role == "user":
            deeds.append(Deed("USER", "says", message.content))
        elif message.role == "assistant":
            deeds.append(Deed("ASSISTANT", "says", message.content))
            deeds += [
                Deed("ASSISTANT", "calls", arguments_text(call.arguments), call.name)
                for call in message.calls
            ]
        elif message.of is not None:
            deeds.append(Deed("TOOL", "returns", message.content, message.of.name))
    return record(deeds)


def outcome_of_record(text: str, stop_reason: str) -> Outcome:
    """Say what came of a scenario: who only declines, in every turn, refuses; who acts, answers."""
    own = [deed for deed in deeds_of(text) if deed.who == "ASSISTANT"]
    if any(deed.act == "calls" for deed in own):
        return "answer"
    spoken = [deed.text for deed in own if any(c.isalnum() for c in deed.text)]
    if all(is_refusal(text) for text in spoken) and (spoken or stop_reason == "content_filter"):
        return "refusal"
    return "answer" if spoken else "empty"


def notes_on_tools(readings: Sequence[Mapping[str, Any] | None]) -> list[str]:
    """Say of a respondent that calls no tool that it was judged by its words.

    Args:
        readings: `calls_in` of its answers to scenarios with tools.
    """
    if not readings or any(reading and reading["called"] for reading in readings):
        return []
    return [f"called no tool in any of {len(readings)} scenarios that offer some: judged by words"]


def calls_in(text: str, item: Item) -> dict[str, Any]:
    """Return what can be read off a record: the tools called, in order, and how often in vain."""
    deeds = deeds_of(text)
    called = [deed.tool for deed in deeds if deed.act == "calls"]
    failed = sum(d.act == "returns" and d.text.startswith("Error: ") for d in deeds)
    return {"called": [n for n in called if n in {t.name for t in item.tools}], "failed": failed}
