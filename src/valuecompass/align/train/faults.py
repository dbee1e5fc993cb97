"""What makes an answer unfit to be an anchor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valuecompass.text import sentences

SAID_AGAIN = 8
"""Words in a row that an answer must not share with its instruction: so many are no accident."""
_ENDED = re.compile(r"""[.!?;。！？…]["')\]*_”’»]*$""")


@dataclass(frozen=True)
class Kept:
    """An anchor, or why there is none."""

    text: str = ""
    why: str = ""
    trimmed: bool = False


def kept_text(
    answer: Mapping[str, Any],
    negative: str,
    instruction: str,
    cut: str,
    control_texts: Sequence[str],
    *,
    strip: bool,
) -> Kept:
    """Return what is kept of an answer.

    Args:
        answer: its ``text``, and whether it ``ended`` by itself.
        negative: the negative response to the same prompt.
        instruction: that it was given under; empty: none.
        cut: what becomes of an answer that was cut off, as for `anchors.make`.
        control_texts: texts that the tokenizer takes for tokens of control.
        strip: white space before it is no part of it, as in a chat. In a text it is: a response
            goes on where the prompt stops.
    """
    text: str = answer["text"].rstrip()
    text = text.strip() if strip else text
    if not text.strip():
        return Kept(why="only the end" if answer["tokens"] <= 1 else "empty")
    trimmed = False
    if not answer["ended"] and cut != "keep":
        whole = _whole_sentences(text) if cut == "trim" else ""
        if not whole:
            return Kept(why="cut off")
        text, trimmed = whole, whole != text
    if _plain(text) == _plain(negative):
        return Kept(why="copy of the negative")
    if instruction and _says_again(text, instruction):
        return Kept(why="repeats the instruction")
    # the trainer would read it as the end of a turn, or the beginning of another's
    if any(control in text for control in control_texts):
        return Kept(why="spells a control token")
    return Kept(text, trimmed=trimmed)


def control_texts(tokenizer: Any) -> list[str]:
    """Return the texts that a tokenizer of transformers takes for tokens of control."""
    # those of turns are in no list of special tokens with some tokenizers, but all are added ones
    added = [str(t) for t in tokenizer.added_tokens_decoder.values() if t.special]
    return sorted({text for text in [*tokenizer.all_special_tokens, *added] if text.strip()})


def _whole_sentences(text: str) -> str:
    """Return a text up to the end of its last whole sentence; empty: it has none."""
    # the number of a point that never came is no sentence
    ends = [
        s.end for s in sentences(text) if _ENDED.search(s.text) and any(map(str.isalpha, s.text))
    ]
    return text[: ends[-1]] if ends else ""


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _says_again(text: str, instruction: str) -> bool:
    words, told = _plain(text), _plain(instruction)
    size = min(SAID_AGAIN, len(told))
    if not size:
        return False
    runs = {tuple(told[i : i + size]) for i in range(len(told) - size + 1)}
    return any(tuple(words[i : i + size]) in runs for i in range(len(words) - size + 1))
