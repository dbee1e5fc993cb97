"""Every route of the app: hostile texts stay texts, and everybody can use it on any screen."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Literal
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browser.watching import (
    PATIENCE,
    Watched,
    barriers,
    patterns,
    routes,
    unfold,
    watched,
)
from tests.web.busy import VIEWS, WHO, Busy
from tests.web.worlds import CLOSING, HOSTILE, LINK, SCRIPT, TEMPLATE, TURNED, Served

PARAMETERS = (
    *("system", "date", "weights", "sort", "find", "columns", "respondent", "with", "q", "dim"),
    *("cursor", "after", "tab", "run", "job", "draft", "round", "row", "profile", "profiles"),
    *("treatment", "culture", "at", "part", "item", "beside", "first", "second", "view", "since"),
)
"""What pages read from the address."""
LIGHT_AND_DARK: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
WIDE, PHONE, SMALL = 1440, 390, 320
PLAIN = {
    *("begin of the questionnaire", "methods", "evolving runs", "form health"),
    *("finished run", "middle of a round"),
}
"""Views in which nothing stands that a model or a person wrote; two may draw other texts."""


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules, as the package ships them."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def test_every_route_has_a_view(busy: Busy) -> None:
    paths = [place.partition("?")[0] for place in busy.views.values()]
    for route in patterns():
        assert any(re.fullmatch(route, path) for path in paths), route


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_serious_barrier(browser: Browser, busy: Busy, axe: str, view: str) -> None:
    token = busy.tokens[WHO.get(view, "olga")]
    with watched(browser, busy.address, axe=True, token=token) as found:
        page = found.open(busy.views[view])
        expect(page.locator("main .failure")).to_have_count(0)
        unfold(page)
        for width in (WIDE, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in LIGHT_AND_DARK:
                page.emulate_media(color_scheme=scheme)
                # only colours differ in the dark
                rules = ("color-contrast",) if scheme == "dark" else ()
                assert barriers(page, axe, *rules) == [], (width, scheme)
        for width in (PHONE, SMALL):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("view", VIEWS)
def test_no_text_of_a_view_is_obeyed(browser: Browser, busy: Busy, view: str) -> None:
    token = busy.tokens[WHO.get(view, "olga")]
    with watched(browser, busy.address, token=token) as found:
        page = found.open(busy.views[view])
        unfold(page)
        if view not in PLAIN:
            said = page.locator("main").inner_text()
            assert any(text in said for text in (SCRIPT, CLOSING, LINK, TEMPLATE))
        targets: list[str] = page.evaluate("[...document.links].map((a) => a.href)")
        assert targets
        assert [t for t in targets if not t.startswith(busy.address)] == []
        sources: list[str] = page.evaluate(
            "[...document.querySelectorAll('[src], [action], [formaction], object, iframe')]"
            ".map((e) => e.src || e.action || e.outerHTML)"
        )
        assert [s for s in sources if not s.startswith((busy.address, "data:", "blob:"))] == []
        handlers = page.evaluate(
            "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes])"
            ".filter((a) => a.name.startsWith('on') || a.name === 'srcdoc').length"
        )
        assert handlers == 0
        found.check()


@pytest.mark.parametrize("route", routes())
def test_no_parameter_of_an_address_is_obeyed(browser: Browser, busy: Busy, route: str) -> None:
    with watched(browser, busy.address, token=busy.tokens["olga"]) as found:
        for turn in range(0, len(HOSTILE), 3):
            found.page.goto("about:blank")
            texts = [HOSTILE[(turn + at) % len(HOSTILE)] for at in range(len(PARAMETERS))]
            query = urlencode(dict(zip(PARAMETERS, texts, strict=True)))
            found.page.goto(f"{busy.address}/#{route}?{query}")
            found.page.wait_for_load_state("networkidle")
            # a parameter may be refused in words; a page that fails is a defect
            expect(found.page.get_by_text("This page failed")).to_have_count(0)
            found.check()


def test_hostile_names_are_shown_as_what_they_are(window: Watched) -> None:
    page = window.open("/?columns=all")
    shown = page.locator("table.board tbody th bdi").all_text_contents()
    assert {SCRIPT, LINK, TURNED} <= set(shown)
    # text that turns direction does so in its own place only
    directions = page.evaluate(
        "[...document.querySelectorAll('table.board tbody th bdi')].map((e) =>"
        " getComputedStyle(e).unicodeBidi)"
    )
    assert set(directions) <= {"isolate", "plaintext", "isolate-override"}
    page.locator("table.board tbody th a").first.click()
    page.wait_for_load_state("networkidle")


def test_the_policy_refuses_what_a_defect_would_let_in(browser: Browser, server: Served) -> None:
    with watched(browser, server.address) as found:
        page = found.open("/")
        for defect in (
            "document.body.setAttribute('onclick', 'window.hacked = 1')",
            "document.body.innerHTML = '<b>x</b>'",
            "document.createElement('script').textContent = 'window.hacked = 1'",
            "window.setTimeout('window.hacked = 1', 0)",
        ):
            tried = f"try {{ {defect}; return false }} catch {{ return true }}"
            refused = page.evaluate(f"() => {{ {tried} }}")
            assert refused, defect
        # nothing is loaded from another host
        page.evaluate(
            "() => { const s = document.createElement('img'); s.src = 'http://127.0.0.2:9/x.png';"
            " document.body.append(s); }"
        )
        page.wait_for_function(
            "window.violations.some((v) => v.startsWith('img-src'))", timeout=PATIENCE
        )
        assert page.evaluate("window.hacked") is None
