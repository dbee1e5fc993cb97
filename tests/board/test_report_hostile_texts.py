"""Hostile texts in the report: they change no tag, act on nothing and load nothing."""

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.board.pages import HOSTILE, Page, hostile_report, report, shape


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_change_no_tag(text):
    tame, hostile = Page(hostile_report("harmless words!")), Page(hostile_report(text))
    kept = [e for e in shape(hostile) if e[0] != "wbr" and e[0] != "tspan"]
    assert kept == [e for e in shape(tame) if e[0] != "wbr" and e[0] != "tspan"]
    for _, attributes in hostile.elements:
        assert not any(name.startswith("on") for name in attributes)


texts = st.text(
    st.one_of(st.sampled_from("<>\"'&/=`{}%#;:-!\x00\u2028\u202e\ud800"), st.characters()),
    min_size=3,
    max_size=60,
).filter(lambda t: t.strip() != "")


@given(texts)
@settings(max_examples=40, deadline=None)
def test_no_text_whatever_changes_a_tag(text):
    page = Page(hostile_report(text))
    page_tags = {tag for tag, _ in page.elements}
    assert page_tags <= {tag for tag, _ in Page(hostile_report("harmless words!")).elements} | {
        "wbr"
    }
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {
        name
        for _, attributes in Page(hostile_report("harmless words!")).elements
        for name in attributes
    }
    json.loads(page.script(data=True))


def test_acting_characters_are_made_visible():
    text = hostile_report(HOSTILE[-1])
    text.encode("utf-8")
    shown = Page(text).text()
    for sign in "\x00\x1b\u202e\u2066\ud800\ufffe":
        assert sign not in text
    for sign in ("␀", "␛", "⟦U+202E⟧", "\ufffd"):
        assert sign in shown


def test_nothing_is_loaded_from_anywhere():
    text = report()
    page = Page(text)
    policy = next(a["content"] for a in page.tags("meta") if a.get("http-equiv"))
    own = base64.b64encode(hashlib.sha256(page.script(data=False).encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{own}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in text
    assert "@import" not in text
    assert all(a["href"].startswith("#") for _, a in page.elements if "href" in a)
    assert not any("src" in a for _, a in page.elements)
    assert {"link", "img", "iframe", "object", "embed", "form", "base"}.isdisjoint(
        t for t, _ in page.elements
    )
