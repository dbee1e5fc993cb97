"""Words that somebody looks for: read from whatever was typed, and found again in texts.

Both sides of a search go through the same cutting into words, so that what is found can be shown.
A word is a run of letters and digits, without regard to case and accents; of scripts that set no
spaces (Chinese, Japanese) each character is one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 300
"""Of what is typed; longer texts are cut there."""
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])(?:(?![{_UNSPACED}])[^\W_]|[\u0300-\u036f])*"
)
_TYPED = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')
_QUOTES = str.maketrans("\u201c\u201d\u201e\u00ab\u00bb\uff02", '""""""')
Phrase = tuple[str, ...]
Span = tuple[int, int]
"""Start and end: ``text[start:end]``."""


@dataclass(frozen=True)
class Words:
    """What is looked for: each phrase is one word or several in a row."""

    wanted: tuple[Phrase, ...] = ()
    unwanted: tuple[Phrase, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)

    def marks(self, text: str) -> list[Span]:
        """Return where a text holds what is wanted, in order; spans do not overlap."""
        if not self.wanted:
            return []
        places = [m.span() for m in _WORD.finditer(text)]
        folded = [_folded(text[start:end]) for start, end in places]
        first: dict[str, list[Phrase]] = {}
        for phrase in self.wanted:
            first.setdefault(phrase[0], []).append(phrase)
        found: list[Span] = []
        for at, word in enumerate(folded):
            for phrase in first.get(word, ()):
                if tuple(folded[at : at + len(phrase)]) == phrase:
                    found.append((places[at][0], places[at + len(phrase) - 1][1]))
        return _joined(found)


def parse_words(typed: str) -> Words:
    """Read what somebody typed; whatever it is, it means something or nothing.

    Words must all be there, in any order. ``"in quotes"``: in a row. ``-word``, ``-"in quotes"``:
    must not be there. Signs stand for nothing; ``self-direction`` is two words in a row.
    """
    wanted: dict[Phrase, None] = {}
    unwanted: dict[Phrase, None] = {}
    for match in _TYPED.finditer(typed[:MOST_CHARACTERS].translate(_QUOTES)):
        phrase = tuple(words_of(match["word"] if match["phrase"] is None else match["phrase"]))
        if phrase:
            (wanted if match["minus"] is None else unwanted)[phrase] = None
    return Words(tuple(wanted), tuple(unwanted))


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    return [_folded(m[0]) for m in _WORD.finditer(text)]


def indexed(text: str) -> str:
    """Return a text as the index gets it: what SQLite cuts it into are our words."""
    return text if text.isascii() else " ".join(words_of(text))


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    # a letter whose accent was taken away; whole scripts of marks stay
    bare = "".join(c for c in parts if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFKC", bare)


def _joined(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
