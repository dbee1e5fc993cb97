"""Inspect provider `recorded/FILE`: answers that were given elsewhere.

FILE is JSON lines ``{"item": id or item text, "response": text, "repeat": 0}``; for trade-offs also
``"presentation"``: 0 when the sides were shown as written, 1 when swapped. ``item`` may also be
the whole prompt. An item without a recorded answer is missing.

The ``response`` to a scenario is the list of what the respondent said and did, step by step: each a
text, or ``{"text": "...", "calls": [{"name": "...", "arguments": {...}}]}``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.items.rows import jsonl_rows
from valuecompass.models.fingerprint import fingerprint


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any] = {}


class Step(BaseModel):
    """What a respondent said and did at once."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    calls: list[_Call] = []


Answers = dict[tuple[str, int, int | None], list[Step]]
"""By item id or text, repeat, and presentation (None: given for either order)."""
_RESPONSE = TypeAdapter(str | list[str | Step])


def recorded_answers(path: str) -> Answers:
    """Return the answers of a file, read again when it was replaced.

    Raises:
        InputError: with file, line and field.
    """
    return _read(path, fingerprint(f"recorded/{path}"))


@cache
def _read(path: str, mark: str | None) -> Answers:
    answers: Answers = {}
    for line, row in jsonl_rows(read_text(Path(path)), path):
        if not isinstance(row.get("item"), str):
            raise InputError(f"{path}, line {line}: item: a text is needed")
        steps = _steps(row.get("response"), f"{path}, line {line}: response")
        repeat = row.get("repeat", 0)
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 0:
            raise InputError(f"{path}, line {line}: repeat: a number from 0 is needed")
        order = row.get("presentation")
        if order not in (None, 0, 1):
            raise InputError(f"{path}, line {line}: presentation: 0 (as written) or 1 (swapped)")
        key = (row["item"], repeat, order)
        if key in answers:
            raise InputError(
                f"{path}, line {line}: item: a second answer to the same item; "
                "give it another repeat"
            )
        answers[key] = steps
    return answers


def _steps(told: Any, where: str) -> list[Step]:
    if not isinstance(told, list):
        if not isinstance(told, str):
            raise InputError(f"{where}: a text is needed (of a scenario the list of its steps)")
        return [Step(text=told)]
    try:
        found = _RESPONSE.validate_python(told)
    except ValidationError as error:
        raise InputError(f"{where}: {error.errors()[0]['msg']}: {STEPS}") from None
    return [Step(text=step) if isinstance(step, str) else step for step in found]


STEPS = 'each step is a text or {"text": "...", "calls": [{"name": "...", "arguments": {...}}]}'


class RecordedAPI(ModelAPI):
    """Looks answers up by the item that Value Compass says it is asking."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        recorded_answers(model_name)  # a wrong line is told before the first request

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Return the recorded answer, or an output with `error` set when there is none."""
        # looked up each time: the request's key holds the fingerprint that the file has now
        answers = recorded_answers(self.model_name)
        body = config.extra_body or {}
        item: dict[str, Any] = body.get("item") or {}
        repeat, order = int(body.get("repeat", 0)), int(body.get("presentation", 0))
        scenario = item.get("kind") == "scenario"
        at = sum(message.role == "assistant" for message in input) if scenario else 0
        # an answer "A" to one order of a trade-off is no answer to the other
        orders = (order,) if item.get("sides") else (order, None)
        for name in (item.get("id"), item.get("text")):
            for place in orders:
                if name is not None and (name, repeat, place) in answers:
                    return self._output(answers[name, repeat, place], at)
        if (input[-1].text, repeat, None) in answers:  # the whole prompt shows its order
            return self._output(answers[input[-1].text, repeat, None], at)
        return ModelOutput(model=self.model_name, error="no recorded answer to this item")

    def _output(self, steps: list[Step], at: int) -> ModelOutput:
        if at >= len(steps):
            error = f"the recorded answer has {len(steps)} steps, the scenario needs more"
            return ModelOutput(model=self.model_name, error=error)
        output = ModelOutput.from_content(self.model_name, steps[at].text)
        if calls := steps[at].calls:
            output.choices[0].message.tool_calls = [
                ToolCall(f"call_{at}_{n}", call.name, call.arguments)
                for n, call in enumerate(calls)
            ]
            output.choices[0].stop_reason = "tool_calls"
        return output
