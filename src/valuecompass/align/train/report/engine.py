"""One engine for both models: batched answers with a seed of their own, and log-probabilities.

Inspect's provider of transformers models draws from one random stream in the order in which
requests happen to arrive, so that a model does not even agree with itself. A comparison in pairs
wants the contrary: the same prompts in the same batches, and the same noise for both.
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from valuecompass.align.train.report.folders import Weights
from valuecompass.errors import InputError

SCORED = 4096
"""Most tokens whose log-probabilities are computed at once: each has one for every other token."""
CUT = "length"
STOPPED = "stop"


@dataclass(frozen=True)
class Ask:
    """A prompt to be answered once."""

    messages: Sequence[tuple[str, str]]
    """(role, content)."""
    most: int
    """Tokens of the answer."""
    seed: int
    """Of this answer alone: what else is in the batch does not matter."""
    temperature: float


@dataclass(frozen=True)
class Answer:
    """What was written."""

    text: str
    tokens: int
    end: str
    """`STOPPED` or `CUT`."""


@dataclass(frozen=True)
class Told:
    """How probable a given text is."""

    logp: float
    """Sum over its tokens, in nats; not finite where the model gives no probability."""
    tokens: int


class Engine:
    """A model in memory.

    Args:
        weights: what to load.
        device: as torch names it; None: a GPU where there is one, else the CPU.
        batch: prompts that are answered together.
    """

    def __init__(self, weights: Weights, device: str | None = None, batch: int = 16) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.batch = batch
        self.name = weights.name
        logging.disable_progress_bar()
        dtype = getattr(torch, weights.dtype)
        self.model: Any = AutoModelForCausalLM.from_pretrained(weights.folder, dtype=dtype)
        self.model.to(self.device).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(weights.folder)
        config = self.model.config.get_text_config()
        self.window: int = int(getattr(config, "max_position_embeddings", 0) or 2**31)
        ends = self.model.generation_config.eos_token_id
        ends = [self.tokenizer.eos_token_id] if ends is None else ends
        self.ends: set[int] = (
            {ends} if isinstance(ends, int) else {e for e in ends if e is not None}
        )
        pad = self.tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else min(self.ends, default=0)

    def prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Return the tokens of a prompt: the chat template's, or a text without one."""
        if self.tokenizer.chat_template is None:
            return self.tokenizer("\n\n".join(content for _, content in messages) + "\n").input_ids
        said = [{"role": role, "content": content} for role, content in messages]
        # the text first: a template may hold what a tokenizer would add again
        text = self.tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def answers(
        self, asks: Sequence[Ask], done: Collection[int] = ()
    ) -> Iterator[list[tuple[int, Answer]]]:
        """Yield the places of prompts and their answers, batch by batch.

        Batches hold prompts of about one length, and depend on the prompts alone: two models of one
        tokenizer have the same. Sampling is by the Gumbel-max method with noise that follows from
        the seed of each answer and the place of the token in it (Maddison et al. 2014): exact, and
        equal models write equal texts.

        Args:
            asks: the prompts.
            done: places that need no answer; a batch is left out when all of its prompts do.

        Raises:
            InputError: a prompt that leaves no room for an answer.
        """
        prompts = [self.prompt(ask.messages) for ask in asks]
        for ask, ids in zip(asks, prompts, strict=True):
            if len(ids) + ask.most > self.window:
                raise InputError(
                    f"{self.name}: a prompt of {len(ids)} tokens and an answer of {ask.most} do "
                    f"not fit into {self.window}: {ask.messages[-1][1][:80]!r}; give a form with "
                    "shorter items, or a model with a longer window"
                )
        order = sorted(range(len(asks)), key=lambda i: (asks[i].most, len(prompts[i]), i))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            if all(i in done for i in chosen):
                continue
            most = asks[chosen[-1]].most
            found = self._batch([prompts[i] for i in chosen], [asks[i] for i in chosen], most)
            yield list(zip(chosen, found, strict=True))

    def _batch(self, prompts: list[list[int]], asks: list[Ask], most: int) -> list[Answer]:
        import torch
        from transformers import LogitsProcessorList

        width = max(map(len, prompts))
        rows = [[self.pad] * (width - len(p)) + p for p in prompts]
        mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
        with torch.inference_mode():
            found = self.model.generate(
                input_ids=torch.tensor(rows, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=most,
                do_sample=False,  # the noise is in the logits
                temperature=None,
                top_p=None,
                top_k=None,
                num_beams=1,
                pad_token_id=self.pad,
                eos_token_id=sorted(self.ends) or None,
                logits_processor=LogitsProcessorList([_Gumbel(asks, self.device)]),
            )
        return [
            self._answer(row[width:].tolist(), ask) for row, ask in zip(found, asks, strict=True)
        ]

    def _answer(self, ids: list[int], ask: Ask) -> Answer:
        ids = ids[: ask.most]
        end = next((at for at, token in enumerate(ids) if token in self.ends), None)
        written = ids[:end]
        text = self.tokenizer.decode(
            written, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Answer(text.strip(), len(written), CUT if end is None else STOPPED)

    def told(self, pairs: Sequence[tuple[Sequence[tuple[str, str]], str]]) -> list[Told | None]:
        """Return how probable texts are, each after its messages.

        Args:
            pairs: (messages, text); a message is (role, content).

        Returns:
            In their order; None: longer than the model's window.
        """
        rows: list[tuple[list[int], int] | None] = []
        for messages, text in pairs:
            head = self.prompt(messages)
            own = self.tokenizer(text, add_special_tokens=False).input_ids
            rows.append((head + own, len(own)) if len(head + own) <= self.window else None)
        fitting = [i for i, row in enumerate(rows) if row is not None]
        order = sorted(fitting, key=lambda i: (len(rows[i][0]), i))  # type: ignore[index]
        found: list[Told | None] = [None] * len(pairs)
        while order:
            longest = len(rows[order[min(self.batch, len(order)) - 1]][0])  # type: ignore[index]
            size = max(1, min(self.batch, SCORED // longest))
            chosen, order = order[:size], order[size:]
            for i, one in zip(chosen, self._told([rows[i] for i in chosen]), strict=True):  # type: ignore[misc]
                found[i] = one
        return found

    def _told(self, rows: list[tuple[list[int], int]]) -> list[Told]:
        import torch

        width = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), width), self.pad, device=self.device)
        mask = torch.zeros_like(ids)
        for at, (row, _) in enumerate(rows):
            ids[at, : len(row)] = torch.tensor(row, device=self.device)
            mask[at, : len(row)] = 1
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=mask).logits
            found: list[Told] = []
            for at, (row, own) in enumerate(rows):
                span = slice(len(row) - own - 1, len(row) - 1)
                logp = torch.log_softmax(logits[at, span].float(), dim=-1)
                picked = logp.gather(1, ids[at, len(row) - own : len(row), None])
                found.append(Told(float(picked.double().sum()), own))
        return found

    def about(self) -> dict[str, Any]:
        """Return what the figures were made with."""
        from importlib.metadata import version

        names = ("torch", "transformers", "peft")
        return {"device": self.device, "versions": {name: version(name) for name in names}}

    def close(self) -> None:
        """Give the memory back before the other model is loaded."""
        import gc

        import torch

        self.model = None
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()


class _Gumbel:
    """Adds to each row's scores the noise that makes their maximum a draw."""

    def __init__(self, asks: Sequence[Ask], device: str) -> None:
        import torch

        self._temperatures = torch.tensor([max(a.temperature, 1e-6) for a in asks], device=device)
        self._cold = torch.tensor([a.temperature == 0 for a in asks], device=device)
        self._generators = [torch.Generator(device).manual_seed(a.seed) for a in asks]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        drawn = scores.float() / self._temperatures[:, None] - noise.log()
        drawn = torch.where(self._cold[:, None], scores.float(), drawn)
        return torch.nan_to_num(drawn, nan=-torch.inf)
