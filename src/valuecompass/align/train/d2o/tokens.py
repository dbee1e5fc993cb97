# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""From rows of text or chat to token ids, and what is wrong with a row."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

from valuecompass.align.train.faults import control_texts
from valuecompass.errors import InputError

log = logging.getLogger(__name__)
TRAIN_ANCHORS = "`valuecompass train anchors` makes anchors for every prompt"
Example = dict[str, Any]
_warned: set[str] = set()
_controls = functools.lru_cache(maxsize=2)(control_texts)  # hundreds, with some tokenizers


def tokenise(
    example: Example,
    row: int,
    *,
    tokenizer: Any,
    name: str,
    anchors: bool,
    max_length: int | None,
) -> Example:
    """Return `prompt_ids`, `rejected_ids`, `anchor_ids`, `row` and `cut` of an example.

    A prompt and its response are tokenised together and parted where they differ from the prompt
    alone; text (not chat) gets the end token, once. `cut`: how many responses are longer than the
    room that is left to them; the collator cuts their ends off.

    Args:
        example: with `prompt`, `rejected` and, where they are used, `anchors`; texts or messages.
            `chosen` stands for a single anchor, so that preference rows of TRL can be used.
        row: place of the example in its dataset, from 0.
        tokenizer: of the model.
        name: of the dataset, for messages.
        anchors: whether they are used.
        max_length: tokens of a prompt with a response.

    Raises:
        InputError: the row cannot be used; it names dataset, row and field.
    """
    where = f"{name} dataset, row {row}"
    prompt = _text(example.get("prompt"), f"{where}: prompt")
    chat = not isinstance(prompt, str)
    rejected = _response(example.get("rejected"), chat, f"{where}: rejected")
    kept = _anchors(example, chat, where) if anchors else []
    if rejected in kept:
        raise InputError(
            f"{where}: anchors[{kept.index(rejected)}] is the rejected response itself; leave it "
            "out"
        )
    if chat:
        controls = _controls(tokenizer)
        _check_controls(controls, rejected, f"{where}: rejected")
        for at, anchor in enumerate(kept):
            _check_controls(controls, anchor, f"{where}: anchors[{at}]")
    try:
        alone, *whole = (_ids(tokenizer, prompt, response) for response in (None, rejected, *kept))
    except Exception as error:  # templates raise their own kinds
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{where}: the model's tokenizer refuses it: {said}") from None
    # the last sign of a prompt may be one token with the first of a response
    length = min(_alike(alone, ids) for ids in whole)
    if length < len(alone):
        _warn_of_merging(where, tokenizer.decode(alone[length:]))
    if not length:
        raise InputError(
            f"{where}: prompt: nothing of it is left before the response, as their tokens merge; "
            "end it where a token ends"
        )
    if (at := next((at for at, ids in enumerate(whole) if len(ids) == length), None)) is not None:
        raise InputError(
            f"{where}: {'anchors[' + str(at - 1) + ']' if at else 'rejected'}: no token is left of "
            "it; does the model's chat template leave it out?"
        )
    if max_length is not None and length >= max_length:
        raise InputError(
            f"{where}: prompt has {length} tokens, and prompt and response together may have "
            f"{max_length}: shorten it, leave the row out, or raise max_length"
        )
    cut = 0 if max_length is None else sum(len(ids) > max_length for ids in whole)
    rejected_ids, *anchor_ids = (ids[length:] for ids in whole)
    return {
        "prompt_ids": alone[:length],
        "rejected_ids": rejected_ids,
        "anchor_ids": anchor_ids,
        "row": row,
        "cut": cut,
    }


def _check_controls(controls: list[str], response: Any, where: str) -> None:
    for control in controls:
        if any(control in message["content"] for message in response):
            raise InputError(
                f"{where} spells {control}, a token of control: the model would read it as the end "
                "of the answer or another's turn; take it out, or leave the row out"
            )


def _warn_of_merging(where: str, end: str) -> None:
    if not _warned:  # of thousands of rows most are alike
        log.warning(
            "%s: the end of the prompt, %r, is tokenised otherwise before a response than alone "
            "and is left out of it; so it may be in other rows. End prompts where a token ends.",
            where,
            end,
        )
        _warned.add(where)


def _anchors(example: Example, chat: bool, where: str) -> list[Any]:
    given = example.get("anchors")
    if given is None and example.get("chosen") is not None:
        return [_response(example["chosen"], chat, f"{where}: chosen")]
    if not given:
        raise InputError(f"{where}: anchors: there is none; {TRAIN_ANCHORS}")
    if isinstance(given, str):
        raise InputError(f"{where}: anchors is a text; give a list of one or more")
    return [_response(one, chat, f"{where}: anchors[{at}]") for at, one in enumerate(given)]


def _text(given: Any, where: str) -> Any:
    if isinstance(given, str):
        if given.strip():
            return given
    elif isinstance(given, Sequence) and given:
        for at, message in enumerate(given):
            if not isinstance(message, dict) or not isinstance(message.get("content"), str):
                raise InputError(f"{where}[{at}]: a message has role and content, both texts")
        if given[-1]["content"].strip():
            return [dict(message) for message in given]
    elif given is not None:
        raise InputError(f"{where} is neither a text nor a list of messages")
    raise InputError(f"{where} is empty; give a text, or leave the row out")


def _response(given: Any, chat: bool, where: str) -> Any:
    response = _text(given, where)
    if isinstance(response, str):
        return [{"role": "assistant", "content": response}] if chat else response
    if not chat:
        raise InputError(f"{where} is a list of messages, the prompt is a text; give both alike")
    return response


def _alike(one: list[int], other: list[int]) -> int:
    """Return how many tokens two lists begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _ids(tokenizer: Any, prompt: Any, response: Any) -> list[int]:
    if not isinstance(prompt, str):
        messages = prompt if response is None else prompt + response
        made = tokenizer.apply_chat_template(
            messages, tokenize=True, return_dict=True, add_generation_prompt=response is None
        )
        return list(made["input_ids"])
    end = tokenizer.eos_token or ""
    text = prompt
    if response is not None:
        text += response if response.endswith(end) else response + end
    ids = list(tokenizer(text)["input_ids"])
    # some tokenizers end every text of themselves, prompts too
    own = bool(end) and text.endswith(end)
    if ids[-1 - own :] == [tokenizer.eos_token_id] * (1 + own):
        ids.pop()
    return ids
