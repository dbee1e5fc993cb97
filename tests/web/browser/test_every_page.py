"""Every route of the app: hostile texts stay texts, and everybody can use it on any screen."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browser.watching import PATIENCE, Watched, routes, watched, windows
from tests.web.worlds import HOSTILE, LINK, SCRIPT, TURNED, Served

WINDOWS = list(windows())
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules, as the package ships them."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(params=WINDOWS, ids=lambda w: f"{w[0]}-{w[1]}")
def open_to_axe(browser: Browser, server: Served, request: Any) -> Iterator[Watched]:
    width, scheme = request.param
    with watched(browser, server.address, width=width, scheme=scheme, axe=True) as found:
        yield found


@pytest.mark.parametrize("route", routes())
def test_a_page_has_no_serious_barrier(open_to_axe: Watched, axe: str, route: str) -> None:
    page = open_to_axe.open(route)
    _unfold(page)
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 10, "the rules did not run"
    serious = [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in SERIOUS
    ]
    assert serious == []


@pytest.mark.parametrize("route", routes())
@pytest.mark.parametrize("width", [390, 320])
def test_a_page_is_no_wider_than_a_phone(
    browser: Browser, server: Served, route: str, width: int
) -> None:
    with watched(browser, server.address, width=width) as found:
        page = found.open(route)
        _unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found.check()


@pytest.mark.parametrize("route", routes())
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_parameter_of_an_address_is_obeyed(window: Watched, route: str, name: str) -> None:
    page = window.page
    names = ("system", "date", "weights", "sort", "find", "columns", "respondent", "with", "q")
    query = page.evaluate(
        "([names, text]) => new URLSearchParams(names.map((n) => [n, text])).toString()",
        [list(names), name],
    )
    page.goto(f"{window.address}/#{route}?{query}")
    page.wait_for_load_state("networkidle")
    # a parameter may be refused in words; a page that fails is a defect
    expect(page.get_by_text("This page failed")).to_have_count(0)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.violations") == []


@pytest.mark.parametrize("route", routes())
def test_no_link_of_a_page_leaves_it_or_runs(window: Watched, route: str) -> None:
    page = window.open(route)
    _unfold(page)
    targets: list[str] = page.evaluate("[...document.links].map((a) => a.href)")
    assert targets
    assert [t for t in targets if not t.startswith(window.address)] == []
    sources: list[str] = page.evaluate(
        "[...document.querySelectorAll('[src], [action], [formaction], object, iframe')]"
        ".map((e) => e.src || e.action || e.outerHTML)"
    )
    assert [s for s in sources if not s.startswith((window.address, "data:", "blob:"))] == []
    handlers = page.evaluate(
        "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes])"
        ".filter((a) => a.name.startsWith('on') || a.name === 'srcdoc').length"
    )
    assert handlers == 0


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


def _unfold(page: Page) -> None:
    """Open whatever is folded: tables beside charts, sliders."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    # where opening one closes another, each is opened once
    page.evaluate(
        "document.querySelectorAll('main button[aria-expanded=false]').forEach((b) => b.click())"
    )
    page.wait_for_load_state("networkidle")
