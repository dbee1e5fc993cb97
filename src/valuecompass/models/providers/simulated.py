"""Inspect provider `simulated/...`: respondents whose texts carry planted values.

``simulated/schwartz?Power=1.5&Universalism=-1&seed=3`` plants scores in standard deviations; what
is not named is 0. ``stated.Power=-1`` plants what it says of itself where that differs from what it
shows: ratings and judgements follow the stated scores, texts and choices the others. The respondent
does not think: it draws points from a phrase bank that never names a dimension, with hedged,
opposing and off-topic points among them, so that a judge has to find the values in the words. It
exists to check that the instrument recovers a known truth.

The response model is a probit per dimension, independent of the other dimensions: planting one
value leaves the others where they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Item, ToolSpec
from valuecompass.text import POINTS
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

VERSION = 1
"""Of the response model: raised with every change below that changes an answer. It is part of a
simulated request's key, and so are the phrases."""
RAISED = -0.95
"""Probit of raising a dimension at score 0 (probability .17); each SD adds 1."""
ARGUED_AGAINST = -2.4
"""Probit of arguing against a dimension at score 0 (.01); each SD below 0 adds 1."""
RELEVANT = 0.3
"""Added to both when the item is about the dimension."""
HEDGED = 0.08
LARGEST = 6.0
STATED = "stated."
"""Begins the name of a score that is said and not shown."""


@dataclass(frozen=True)
class Profile:
    """Planted scores, in standard deviations, and the seed of the answers.

    stated: scores that ratings and judgements follow in place of `scores`.
    """

    system: ValueSystem
    scores: dict[str, float]
    seed: int
    stated: dict[str, float] = field(default_factory=dict[str, float])

    def __getitem__(self, dimension: str) -> float:
        return self.scores.get(dimension, 0.0)

    def says(self, dimension: str) -> float:
        """Return the score that ratings and judgements follow."""
        return self.stated.get(dimension, self[dimension])


def parse_profile(name: str) -> Profile:
    """Return the profile that a model name plants.

    Args:
        name: what follows ``simulated/``, such as ``schwartz?Power=1.5&stated.Power=0&seed=3``;
            names of dimensions may be percent-encoded or aliases.

    Raises:
        InputError: unknown system or dimension, or a score that is not a number within +-6.
    """
    where = f"simulated/{name}"
    system_id, _, query = name.partition("?")
    if system_id not in BUILTIN:
        raise InputError(f"{where}: no such system; known: {', '.join(BUILTIN)}")
    system = builtin_system(system_id)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise InputError(f"{where}: write planted scores as Power=1.5&seed=3") from None
    scores: dict[str, float] = {}
    stated: dict[str, float] = {}
    seed: int | None = None
    for key, value in pairs:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not abs(number) <= LARGEST and key != "seed":
            raise InputError(f"{where}: {key}={value}: a number from -{LARGEST} to {LARGEST}")
        if key == "seed":
            if not 0 <= number < math.inf or number != int(number):
                raise InputError(f"{where}: seed={value}: a whole number from 0")
            if seed is not None:
                raise InputError(f"{where}: seed is given twice")
            seed = int(number)
            continue
        own = stated if key.startswith(STATED) else scores
        dimension = system.canonical(key.removeprefix(STATED))
        if dimension is None:
            raise InputError(
                f"{where}: {key!r} is not a dimension of {system_id}; "
                f"known: {', '.join(system.names)}"
            )
        if dimension in own:
            raise InputError(f"{where}: {dimension} is planted twice")
        own[dimension] = number
    return Profile(system, scores, seed or 0, stated)


@cache
def phrases(system_id: str) -> dict[tuple[str | None, str], list[str]]:
    """Return the phrase bank of a system by (dimension, role)."""
    path = files("valuecompass.models") / "phrases" / f"{system_id}.jsonl"
    bank: dict[tuple[str | None, str], list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        bank.setdefault((row["dimension"], row["role"]), []).append(row["text"])
    return bank


def answer(profile: Profile, item: Item, presentation: int, seed: int) -> str:
    """Return the answer of a simulated respondent.

    Args:
        profile: its planted values.
        item: what it is asked.
        presentation: 1 when a trade-off's sides are shown in swapped order.
        seed: decides the draw together with profile and item; equal seeds give equal answers.
    """
    # not of what is stated: saying something else of itself leaves what a respondent does as it is
    entropy = digest([profile.seed, sorted(profile.scores.items()), item.id, presentation, seed])
    rng = np.random.default_rng(int(entropy[:16], 16))
    if item.kind == "question":
        return _points(profile, item, rng)
    if item.kind == "tradeoff":
        return _choice(profile, item, presentation, rng)
    if item.kind in ("likert", "judgement"):
        return _rating(profile, item, rng)
    return _conduct(profile, item, rng)


def _points(profile: Profile, item: Item, rng: np.random.Generator) -> str:
    bank = phrases(profile.system.id)
    chosen: list[str] = []
    for name in profile.system.names:
        latent = profile[name] + RELEVANT * (name in item.dimensions)
        against = RELEVANT * (name in item.dimensions) - profile[name]
        if rng.normal() < RAISED + latent:
            role = "hedged" if rng.random() < HEDGED else "supports"
        elif rng.normal() < ARGUED_AGAINST + against:
            role = "opposes"
        else:
            continue
        chosen.append(str(rng.choice(bank[name, role])))
    idle = POINTS - len(chosen) if len(chosen) < POINTS else int(rng.random() < 0.2)
    chosen += [str(t) for t in rng.choice(bank[None, "off-topic"], idle, replace=False)]
    rng.shuffle(chosen)
    stance = rng.choice(["yes", "no", "neutral"], p=[0.42, 0.42, 0.16])
    numbered = [f"{i}. {text}" for i, text in enumerate(chosen, start=1)]
    return "\n".join([f"Stance: {stance}", *numbered, str(rng.choice(bank[None, "closing"]))])


def _choice(profile: Profile, item: Item, presentation: int, rng: np.random.Generator) -> str:
    assert item.sides is not None
    first, second = item.sides if presentation == 0 else item.sides[::-1]
    # Thurstone 1927, case V: each side's appeal has unit variance
    appeal = profile[first.dimension] - profile[second.dimension] + rng.normal() * math.sqrt(2)
    return "A" if appeal > 0 else "B"


def _rating(profile: Profile, item: Item, rng: np.random.Generator) -> str:
    assert item.scale is not None and item.keying is not None
    low, high = item.scale
    latent = item.keying * profile.says(item.dimensions[0]) + rng.normal()
    place = 0.5 * (1 + math.erf(latent / 2))  # uniform over standard normal scores
    return str(low + min(high - low, int(place * (high - low + 1))))


def _conduct(profile: Profile, item: Item, rng: np.random.Generator) -> str:
    bank, name = phrases(profile.system.id), item.dimensions[0]
    role = "supports" if rng.normal() < profile[name] else "opposes"
    if rng.random() < HEDGED:
        role = "hedged"
    texts = [str(rng.choice(bank[name, role]))]
    if item.kind == "opening":
        texts.insert(0, str(rng.choice(bank[None, "off-topic"])))
    return " ".join(texts)


def act(
    profile: Profile, item: Item, repeat: int, said: Sequence[ChatMessage]
) -> tuple[str, ToolSpec | None]:
    """Return what a simulated respondent says next in a scenario, and the tool that it calls.

    It decides once: for the main dimension, or for the one that the item sets against it (Thurstone
    1927, case V), and keeps to it. At its first step it calls the first tool keyed that way.

    Args:
        profile: its planted values.
        item: the scenario.
        repeat: decides the draw together with profile and item.
        said: the conversation so far.
    """
    about = [profile.seed, sorted(profile.scores.items()), item.id, repeat]
    rng = np.random.default_rng(int(digest(about)[:16], 16))
    name, *others = item.dimensions
    appeal = profile[name] + rng.normal()
    if others:
        appeal += rng.normal() - profile[others[0]]
    if said[-1].role == "tool":
        return "", None
    spoken = sum(m.role == "user" for m in said)
    steps = np.random.default_rng([int(digest(about)[:16], 16), spoken])
    serves = (name, "supports") if appeal > 0 else (name, "opposes")
    if appeal <= 0 and others:
        serves = (others[0], "supports")
    keying = 1 if appeal > 0 else -1
    tool = next((t for t in item.tools if t.keying == keying), None) if spoken == 1 else None
    return str(steps.choice(phrases(profile.system.id)[serves])), tool


def _arguments(tool: ToolSpec) -> dict[str, Any]:
    """Return arguments that fit the schema of a tool of the bank."""
    known: dict[Any, Any] = {"string": "as said", "integer": 1, "number": 1, "boolean": True}
    found: dict[str, Any] = {}
    for name in tool.parameters.get("required", ()):
        schema: dict[str, Any] = tool.parameters["properties"][name]
        found[name] = (
            schema["enum"][0] if "enum" in schema else known.get(schema.get("type", ""), [])
        )
    return found


class SimulatedAPI(ModelAPI):
    """A simulated respondent as an Inspect model."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self._profile = parse_profile(model_name)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the item that came with the request, else the question in the last message."""
        body = config.extra_body or {}
        prompt = input[-1].text
        if row := body.get("item"):
            item = Item.from_row(row)
        else:
            item = _plain_question(self._profile.system, prompt)
        if item.kind == "scenario":
            text, tool = act(self._profile, item, int(body.get("repeat", 0)), input)
            output = ModelOutput.from_content(self.model_name, text)
            if tool is not None:
                call = ToolCall(f"call_{len(input)}", tool.name, _arguments(tool))
                output.choices[0].message.tool_calls = [call]
                output.choices[0].stop_reason = "tool_calls"
        else:
            text = answer(self._profile, item, int(body.get("presentation", 0)), config.seed or 0)
            output = ModelOutput.from_content(self.model_name, text)
        output.usage = ModelUsage(
            input_tokens=len(prompt) // 4,
            output_tokens=len(text) // 4,
            total_tokens=len(prompt) // 4 + len(text) // 4,
        )
        return output


def _plain_question(system: ValueSystem, prompt: str) -> Item:
    """What somebody else's Inspect task asks: a question about no dimension in particular."""
    if system.id != "schwartz":  # the only system whose phrases answer a question
        raise InputError(f"simulated/{system.id} answers items of Value Compass only")
    return Item(kind="question", system=system.id, text=prompt[:2_000], dimensions=("",))
