"""Messages and tools as ours and as Inspect's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
)
from inspect_ai.tool import ToolCall, ToolInfo, ToolParams

from valuecompass.items import ToolSpec
from valuecompass.models.request import Call, Message
from valuecompass.store import storable


def chat_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    """Return messages as Inspect's."""
    return [_chat_message(m) for m in messages]


def _chat_message(m: Message) -> ChatMessage:
    if m.role == "system":
        return ChatMessageSystem(content=m.content)
    if m.role == "user":
        return ChatMessageUser(content=m.content)
    if m.of is not None:
        return ChatMessageTool(content=m.content, tool_call_id=m.of.id, function=m.of.name)
    calls = [ToolCall(c.id, c.name, c.arguments, parse_error=c.error) for c in m.calls]
    content: Any = m.content if m.parts is None else m.parts
    return ChatMessageAssistant(content=content, tool_calls=calls or None)


def message_of(said: ChatMessage) -> Message:
    """Return a message of Inspect's as ours; what is neither text nor a call of a tool is lost,
    but for what has to go back with calls.
    """
    if isinstance(said, ChatMessageTool):
        of = Call(said.tool_call_id or "", said.function or "", {})
        return Message("tool", storable(said.text), of=of)
    calls, parts = calls_of(said) if isinstance(said, ChatMessageAssistant) else ((), None)
    return Message(said.role, storable(said.text), calls, parts)


def calls_of(said: ChatMessageAssistant) -> tuple[tuple[Call, ...], list[dict[str, Any]] | None]:
    """Return the calls of a message, and its content where that must go back with them as it is."""
    calls = tuple(
        Call(storable(c.id), storable(c.function), _storable(c.arguments), _storable(c.parse_error))
        for c in said.tool_calls or ()
    )
    if not calls or isinstance(said.content, str):
        return calls, None
    if all(part.type == "text" for part in said.content):
        return calls, None
    parts = [part.model_dump(mode="json", exclude_none=True) for part in said.content]
    return calls, _storable(parts)


def _storable(value: Any) -> Any:
    """Replace in JSON what no database takes."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_storable(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return {storable(key): _storable(one) for key, one in told.items()}
    return value


def tool_infos(tools: Sequence[ToolSpec]) -> list[ToolInfo]:
    """Return tools as Inspect offers them to a model."""
    return [
        ToolInfo(
            name=tool.name,
            description=tool.description,
            parameters=ToolParams.model_validate(tool.parameters),
        )
        for tool in tools
    ]
