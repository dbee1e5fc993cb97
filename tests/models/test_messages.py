"""Messages between our requests and Inspect's: nothing that has to go back is lost."""

from __future__ import annotations

import math

from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageTool,
    ContentReasoning,
    ContentText,
)
from inspect_ai.tool import ToolCall

from valuecompass.hashing import canonical
from valuecompass.items import ToolSpec
from valuecompass.models import Call, Message
from valuecompass.models.messages import chat_messages, message_of, tool_infos

CALL = ToolCall("id_1", "erase", {"name": "Quill"})
THOUGHT = ContentReasoning(reasoning="Hm.", signature="signed by the provider")


def test_reasoning_goes_back_with_the_calls_it_led_to() -> None:
    said = ChatMessageAssistant(content=[THOUGHT, ContentText(text="At once.")], tool_calls=[CALL])
    ours = message_of(said)
    assert (ours.content, ours.calls) == ("At once.", (Call("id_1", "erase", {"name": "Quill"}),))
    (back,) = chat_messages([Message.from_json(ours.json())])
    assert isinstance(back, ChatMessageAssistant)
    assert back.content == said.content and back.tool_calls == said.tool_calls


def test_reasoning_without_calls_is_not_kept() -> None:
    ours = message_of(ChatMessageAssistant(content=[THOUGHT, ContentText(text="No.")]))
    assert ours == Message("assistant", "No.")
    assert ours.json() == {"role": "assistant", "content": "No."}


def test_a_result_names_its_call() -> None:
    ours = Message("tool", "Erased.", of=Call("id_1", "erase", {"name": "Quill"}))
    (theirs,) = chat_messages([ours])
    assert isinstance(theirs, ChatMessageTool)
    assert (theirs.tool_call_id, theirs.function, theirs.content) == ("id_1", "erase", "Erased.")


def test_arguments_that_no_database_takes_are_mended() -> None:
    call = ToolCall("id_1", "x\0", {"a\ud83d": ["\0", {"b": math.nan}], "c": 1.5})
    (ours,) = message_of(ChatMessageAssistant(content="", tool_calls=[call])).calls
    assert ours.name == "x\ufffd" and ours.arguments["c"] == 1.5
    canonical(ours.json()).encode("utf-8")
    assert "\ufffd" in canonical(ours.arguments) and "nan" in canonical(ours.arguments)


def test_what_a_tool_returns_is_not_offered() -> None:
    tool = ToolSpec(name="erase", description="Erase it.", result="Erased.", keying=-1)
    (told,) = tool_infos([tool])
    offered = told.model_dump_json()
    assert "Erased." not in offered and "keying" not in offered
