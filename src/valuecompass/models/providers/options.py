"""How probable each of some answers is as the next text of a local model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valuecompass.models.providers.embedded import Engine

TOKENS = 1_000
"""Most probable tokens looked at in each place; what is rarer takes a call more."""


def one_of(choices: Sequence[str]) -> str:
    """Return a GBNF grammar that allows exactly these answers."""
    quoted = " | ".join('"' + c.replace("\\", "\\\\").replace('"', '\\"') + '"' for c in choices)
    return f"root ::= {quoted}"


def option_logprobs(
    engine: Engine, prompt: str, options: Sequence[str]
) -> tuple[dict[str, float], int]:
    """Return the log-probability of each option after a prompt, and how many tokens were read.

    That of an option is the sum over the tokens of a space and the option, given the prompt, over
    the whole vocabulary: what lm-evaluation-harness calls its log-likelihood. A grammar leads the
    model along one option; the probabilities are those from before the grammar is applied. In each
    place the most probable tokens are seen, so that one call tells all options that part from the
    way in their last token, which letters and digits do in every tokeniser known to us.

    Args:
        engine: the loaded model.
        prompt: as the model is to read it, without the space at its end.
        options: non-empty, different.

    Raises:
        RuntimeError: the engine refuses the request (a prompt that is too long).
    """
    found: dict[str, float] = {}
    read, left = 0, list(options)
    while left:
        body: dict[str, Any] = {
            "prompt": prompt,
            "grammar": one_of([f" {option}" for option in left]),
            "max_tokens": 1 + max(len(option.encode()) for option in left),
            "temperature": 0,
            "n_probs": TOKENS,
            "cache_prompt": False,
        }
        answer = engine.complete(body)
        read += answer.get("usage", {}).get("prompt_tokens", 0)
        places: list[dict[str, Any]] = answer["choices"][0]["logprobs"]["content"]
        alone = len(left) == 1
        told = {option: _along(places, f" {option}".encode(), alone) for option in left}
        new = {option: value for option, value in told.items() if value is not None}
        if alone and not new:
            raise RuntimeError(f"{engine.path.name}: the engine tells no probability of {left[0]}")
        found |= new
        left = [option for option in options if option not in found]
        left = left if new else left[:1]
    return {option: found[option] for option in options}, read


def _along(places: Sequence[Mapping[str, Any]], rest: bytes, alone: bool) -> float | None:
    """Return the log-probability of a text along the tokens that were taken, None if they part.

    Args:
        places: each with the ``bytes`` and ``logprob`` of the token taken, and ``top_logprobs``.
        rest: the text.
        alone: the model could take no other way: the tokens taken are those of the text.
    """
    total = 0.0
    for place in places:
        taken = bytes(place["bytes"])
        if taken == rest:
            return total + place["logprob"]
        seen = {bytes(one["bytes"]): one["logprob"] for one in place["top_logprobs"]}
        if rest in seen:
            return total + seen[rest]
        if not taken or not rest.startswith(taken):
            return None
        if not alone and any(len(t) > len(taken) and rest.startswith(t) for t in seen):
            return None  # a tokeniser would take the longer token: another way
        total, rest = total + place["logprob"], rest[len(taken) :]
    return None
