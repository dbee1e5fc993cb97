"""Answers of a frozen model, many at once."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import inspect
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from valuecompass.align.train.faults import control_texts
from valuecompass.errors import InputError
from valuecompass.hashing import digest

LEAST_ROOM = 16
"""Tokens that the window must leave for an answer, or fewer where fewer are asked for."""
STILL_WORTH = 0.75
"""Share of a batch still being written at which the rest leaves it: leaving copies the cache."""
LIKELIEST = 256
"""Tokens that are sorted at first; they nearly always hold the mass that is sampled from."""


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn, as `anchors.make` has it."""

    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int


@dataclass(frozen=True)
class Prompt:
    """What one answer is given to: row and place among its answers, from 0, and its tokens."""

    row: int
    place: int
    tokens: array[int]
    """Not a list: a hundred thousand prompts of some hundred tokens each are held at once."""


def place_of(dtype: str, device: str | None) -> tuple[str, str]:
    """Return the precision and the device that are meant: a GPU, if there is one."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    return dtype, device


def versions() -> dict[str, str]:
    """Return the versions that decide the answers beside the settings."""
    return {"torch": torch.__version__, "transformers": transformers.__version__}


def open_writer(folder: str, sampling: Sampling, dtype: str, device: str) -> Writer:
    """Load a model to write with.

    Args:
        folder: a folder of transformers, or a hub id.
        sampling: how it writes.
        dtype: float32 or bfloat16.
        device: of torch.

    Raises:
        InputError: it cannot be loaded.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        model = model.to(device).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{folder}: cannot be loaded: {said}") from None
    return Writer(model, tokenizer, sampling)


class Writer:
    """A frozen model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, sampling: Sampling) -> None:
        self.model, self.tokenizer, self.sampling = model, tokenizer, sampling
        self.ends = _ends(model, tokenizer)
        pad = tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else (self.ends or [0])[0]
        config = model.config.get_text_config()
        self.window: int | None = getattr(config, "max_position_embeddings", None)
        self.takes = inspect.signature(model.forward).parameters

    @property
    def has_template(self) -> bool:
        """Whether the model is one for chats."""
        return self.tokenizer.chat_template is not None

    @property
    def control_texts(self) -> list[str]:
        """Texts that the tokenizer takes for tokens of control."""
        return control_texts(self.tokenizer)

    def prompts(
        self, asked: Sequence[Any], instructions: Sequence[str], k: int, chat: bool
    ) -> list[Prompt]:
        """Return what each answer is given to.

        Args:
            asked: the prompts, texts or chats.
            instructions: in turn for the k answers; none: the bare prompt.
            k: answers a prompt.
            chat: whether the prompts are chats.

        Raises:
            InputError: a chat for a model without a template, or a prompt that leaves no room for
                an answer, with the row's number.
        """
        if chat and not self.has_template:
            raise InputError(
                "rows: they are chats, and the model's tokenizer has no chat template; "
                "give rows of texts, or a model for chats"
            )
        found: list[Prompt] = []
        for row, prompt in enumerate(asked):
            own: list[array[int]] = []
            for instruction in list(instructions[:k]) or [""]:
                own.append(array("I", self._tokens(prompt, instruction, chat, row)))
                self._check_room(len(own[-1]), row, bool(instruction))
            found += [Prompt(row, place, own[place % len(own)]) for place in range(k)]
        return found

    def _check_room(self, length: int, row: int, instructed: bool) -> None:
        least = min(LEAST_ROOM, self.sampling.max_new_tokens)
        if self.window is not None and length + least > self.window:
            raise InputError(
                f"row {row + 1}: prompt: {length:,} tokens"
                f"{' with the instruction' if instructed else ''}, longer than the model's window "
                f"of {self.window:,} less {least} for an answer; shorten it or leave the row out"
            )

    def _tokens(self, prompt: Any, instruction: str, chat: bool, row: int) -> list[int]:
        if chat:
            text = self._rendered(prompt, instruction, row)
            # the template has written all that a text begins with
            return self.tokenizer(text, add_special_tokens=False)["input_ids"]
        text = f"{instruction}\n\n{prompt}" if instruction else prompt
        tokens = list(self.tokenizer(text)["input_ids"])
        # some tokenizers end every text, and nothing comes after an end
        while len(tokens) > 1 and tokens[-1] in self.ends:
            tokens.pop()
        return tokens

    def _rendered(self, said: Sequence[Mapping[str, str]], instruction: str, row: int) -> str:
        """Return a chat as the model reads it, the instruction in it."""
        try:
            if not instruction:
                return self._template(said)
            text = self._with_system(said, instruction)
            return text if text is not None else self._template(_before_user(said, instruction))
        except Exception as error:  # templates raise their own kinds
            raise InputError(
                f"row {row + 1}: prompt: the model's chat template refuses it: {error}"
            ) from None

    def _with_system(self, said: Sequence[Mapping[str, str]], instruction: str) -> str | None:
        """Return the chat with the instruction as system message; None: the template has none."""
        system = said[0]["content"] if said[0]["role"] == "system" else None
        rest = said if system is None else said[1:]
        own = instruction if system is None else f"{system}\n\n{instruction}"
        try:
            text = self._template([{"role": "system", "content": own}, *rest])
        except Exception:  # it says no in its own kind of error
            return None
        return text if instruction in text else None  # others leave the message out in silence

    def _template(self, said: Sequence[Mapping[str, str]]) -> str:
        return self.tokenizer.apply_chat_template(
            list(said), tokenize=False, add_generation_prompt=True
        )

    @torch.inference_mode()
    def answer(self, batch: Sequence[Prompt], number: int) -> list[dict[str, Any]]:
        """Return the answers to a batch.

        Args:
            batch: what they are given to.
            number: of the batch: with the seed it decides the draws, so that a batch that is
                written again, after a stop, is the same.

        Returns:
            For each ``row``, ``place``, ``text``, ``tokens`` (written, the end included) and
            ``ended`` (by itself, not by the limit).
        """
        longest = max(len(p.tokens) for p in batch)
        ids = torch.full((len(batch), longest), self.pad)
        mask = torch.zeros_like(ids)
        for place, prompt in enumerate(batch):
            ids[place, longest - len(prompt.tokens) :] = torch.tensor(prompt.tokens.tolist())
            mask[place, longest - len(prompt.tokens) :] = 1
        most = self.sampling.max_new_tokens
        if self.window is not None:
            most = min(most, self.window - longest)
        generator = torch.Generator().manual_seed(
            int(digest([self.sampling.seed, number], 8), 16)  # on the CPU: the same draws anywhere
        )
        device = self.model.device
        written = self._written(ids.to(device), mask.to(device), most, generator)
        return [self._answer(p, tokens) for p, tokens in zip(batch, written, strict=True)]

    def _written(
        self, ids: torch.Tensor, mask: torch.Tensor, most: int, generator: torch.Generator
    ) -> list[list[int]]:
        """Return the tokens that a batch is gone on with; after an end token they mean nothing.

        As `generate` of transformers, but answers that have ended leave the batch, and only the
        likeliest tokens are sorted.
        """
        rows, ended = list(range(len(ids))), set[int]()
        written: list[list[int]] = [[] for _ in rows]
        step, positions, cache = ids, (mask.cumsum(-1) - 1).clamp(min=0), None
        for _ in range(most):
            given = {"position_ids": positions, "logits_to_keep": 1}
            out = self.model(
                input_ids=step,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
                **{name: value for name, value in given.items() if name in self.takes},
            )
            cache = out.past_key_values
            chances = torch.rand(len(ids), generator=generator, dtype=torch.float64)[rows]
            tokens = drawn(out.logits[:, -1], self.sampling, chances.to(ids.device))
            for row, token in zip(rows, tokens.tolist(), strict=True):
                written[row].append(token)
                if token in self.ends:
                    ended.add(row)
            going = [at for at, row in enumerate(rows) if row not in ended]
            if not going:
                break
            step, positions = tokens[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(step)], dim=1)
            if len(going) <= STILL_WORTH * len(rows) and hasattr(cache, "batch_select_indices"):
                at = torch.tensor(going, device=ids.device)
                cache.batch_select_indices(at)
                step, positions, mask = step[at], positions[at], mask[at]
                rows = [rows[place] for place in going]
        return written

    def _answer(self, prompt: Prompt, tokens: list[int]) -> dict[str, Any]:
        end = next((at for at, token in enumerate(tokens) if token in self.ends), None)
        text = self.tokenizer.decode(
            tokens if end is None else tokens[:end],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return {
            "row": prompt.row,
            "place": prompt.place,
            "text": text,
            "tokens": len(tokens) if end is None else end + 1,
            "ended": end is not None,
        }


def drawn(logits: torch.Tensor, sampling: Sampling, chances: torch.Tensor) -> torch.Tensor:
    """Draw a token of each row from its likeliest tokens of mass `top_p` (Holtzman et al. 2020).

    Args:
        logits: (rows, vocabulary).
        sampling: temperature (0: the likeliest token) and top_p.
        chances: (rows,), uniform in [0, 1): what decides.

    Returns:
        (rows,) tokens.
    """
    if sampling.temperature == 0:
        return logits.argmax(-1)
    scaled = logits.float() / sampling.temperature
    whole = scaled.logsumexp(-1, keepdim=True)
    size, vocabulary = min(LIKELIEST, scaled.shape[-1]), scaled.shape[-1]
    while True:  # sorting a vocabulary of a hundred thousand would take as long as the model
        size = vocabulary if sampling.top_p == 1 else size
        best, tokens = scaled.topk(size)
        mass = (best - whole).double().exp().cumsum(-1)
        if size == vocabulary or bool((mass[:, -1] >= sampling.top_p).all()):
            break
        size = min(16 * size, vocabulary)
    # the smallest set that reaches top_p: all before the place where it is reached, and that one
    last = (mass < sampling.top_p).sum(-1, keepdim=True).clamp(max=size - 1)
    aim = chances[:, None] * mass.gather(-1, last)
    place = torch.searchsorted(mass, aim, right=True).clamp(max=last)
    return tokens.gather(-1, place)[:, 0]


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """Return all tokens that end an answer: chat models name several, in several places."""
    found: list[int] = []
    for given in (
        tokenizer.eos_token_id,
        model.generation_config.eos_token_id if model.generation_config is not None else None,
        model.config.get_text_config().eos_token_id,
    ):
        for token in given if isinstance(given, list | tuple) else [given]:
            if token is not None and token not in found:
                found.append(token)
    return found


def _before_user(said: Sequence[Mapping[str, str]], instruction: str) -> list[dict[str, str]]:
    """Return a chat with the instruction before the last user's message."""
    first = next(at for at in reversed(range(len(said))) if said[at]["role"] == "user")
    changed = [dict(message) for message in said]
    changed[first]["content"] = f"{instruction}\n\n{changed[first]['content']}"
    return changed
