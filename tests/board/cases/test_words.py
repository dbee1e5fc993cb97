"""What is typed is read as words; what is found can be shown."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.board.cases.words import MOST_CHARACTERS, Words, indexed, parse_words, words_of


@pytest.mark.parametrize(
    ("typed", "wanted", "unwanted"),
    [
        ("rules protect", [("rules",), ("protect",)], []),
        ('"rules protect" -town', [("rules", "protect")], [("town",)]),
        ('-"small town" "unfinished phrase', [("unfinished", "phrase")], [("small", "town")]),
        ("self-direction", [("self", "direction")], []),
        ("\u201cfair play\u201d Caf\u00e9", [("fair", "play"), ("cafe",)], []),
        ("\u81ea\u7531", [("\u81ea", "\u7531")], []),
        ("rules RULES rules", [("rules",)], []),
        ('* ( ) AND " NEAR/3 ^:', [("and",), ("near", "3")], []),
        ("- -- \"\" ''", [], []),
        ("", [], []),
    ],
)
def test_what_is_typed_is_read(typed: str, wanted: list[str], unwanted: list[str]) -> None:
    found = parse_words(typed)
    assert list(found.wanted) == [*wanted] or set(found.wanted) == set(wanted)
    assert list(found.unwanted) == unwanted


def test_long_texts_are_cut() -> None:
    assert len(parse_words("a b " * 10_000).wanted) == 2
    assert len(parse_words("".join(f"w{i} " for i in range(9_999))).wanted) < MOST_CHARACTERS


def test_marks_are_where_the_words_are() -> None:
    text = "Rules protect. The CAF\u00c9 has rules, and cafe\u0301s have none; \u81ea\u7531\u5e78."
    marks = parse_words('rules caf\u00e9 \u81ea\u7531 "the cafe"').marks(text)
    assert [text[a:b] for a, b in marks] == ["Rules", "The CAF\u00c9", "rules", "\u81ea\u7531"]
    assert parse_words("-rules").marks(text) == []


@given(st.text(max_size=400), st.text(max_size=80))
def test_no_text_is_an_error(text: str, typed: str) -> None:
    words = parse_words(typed)
    marks = words.marks(text)
    assert all(0 <= a < b <= len(text) for a, b in marks)
    assert all(b < c for (_, b), (c, _) in pairwise(marks))


@given(st.text(max_size=60), st.text(max_size=30))
def test_sqlite_finds_what_is_marked(text: str, typed: str) -> None:
    """Whatever is looked up in a text that holds it is found, and marked."""
    words = Words(wanted=tuple((w,) for w in words_of(text))[:5])
    file = sqlite3.connect(":memory:")
    file.execute(
        "CREATE VIRTUAL TABLE t USING fts5(a, content='', tokenize='unicode61 remove_diacritics 2')"
    )
    file.execute("INSERT INTO t (rowid, a) VALUES (1, ?)", [indexed(text)])
    for (word,) in words.wanted:
        found = file.execute("SELECT rowid FROM t WHERE t MATCH ?", [f'"{word}"']).fetchall()
        if not word.isascii() and not found:
            # a letter that SQLite's older tables do not know: never an error, at worst not found
            continue
        assert found == [(1,)]
        assert Words(((word,),)).marks(text)
    file.execute("SELECT rowid FROM t WHERE t MATCH ?", ['"' + " ".join(words_of(typed)) + '"'])
    file.close()
