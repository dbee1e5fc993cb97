"""Pages in Debian's chromium, watched for scripts that ran, broken policies and errors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.worlds import SCRIPT

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60_000
"""Milliseconds that a test waits on a busy machine."""
_APP = Path(__file__).parents[3] / "frontend/src/app.tsx"
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) =>
  window.violations.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`));
"""
# a page that has no origin keeps nothing
_HOLD = "if (location.origin !== 'null') sessionStorage.setItem('valuecompass-token', 'TOKEN');"
SERIOUS = ("serious", "critical")


def patterns() -> list[str]:
    """Return a pattern for every route of the app."""
    return [re.sub(r":\w+", "[^/]+", path) for path in _paths()]


def routes() -> list[str]:
    """Return every route of the app, its places filled from the hostile world."""
    return [re.sub(r":\w+", quote(SCRIPT, safe=""), path) for path in _paths()]


def _paths() -> list[str]:
    return re.findall(r'\{ path: "(/[^"]*)"', _APP.read_text(encoding="utf-8"))


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    """Start the browser; without one: fail in CI, skip elsewhere."""
    place = shutil.which("chromium")
    if place is None:
        why = "NOT RUN: there is no chromium here (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=place, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page and what went wrong in it."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list[str])

    def open(self, place: str = "/") -> Page:
        """Load a view anew and wait until it has its data."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/#{place}")
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until nothing is loading."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator("main h1, main .failure").first).to_be_visible()
        expect(self.page.locator(".waiting")).to_have_count(0)

    def check(self) -> None:
        """Fail if a text was obeyed, the policy was broken, or the page complained."""
        assert self.page.evaluate("window.hacked") is None
        assert self.page.evaluate("window.violations") == []
        assert self.complaints == []


@contextlib.contextmanager
def watched(
    browser: Browser,
    address: str,
    *,
    width: int = 1440,
    axe: bool = False,
    token: str | None = None,
) -> Generator[Watched]:
    """Open a window of its own.

    Args:
        browser: in it.
        address: of the server; a request to any other is a complaint.
        width: in pixels.
        axe: let its script in, which the policy would refuse.
        token: as if somebody had typed it.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        bypass_csp=axe,
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_WATCH)
    if token is not None:
        context.add_init_script(_HOLD.replace("TOKEN", token))
    page = context.new_page()
    found = Watched(page, address)
    page.on("request", lambda request: _asked(found, request.url))
    page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (found.complaints.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: _heard(found, said.type, said.text))
    try:
        yield found
    finally:
        context.close()


def _asked(found: Watched, url: str) -> None:
    if not url.startswith((found.address, "data:", "blob:", "about:")):
        found.complaints.append(f"a request left the server: {url}")


def _heard(found: Watched, kind: str, text: str) -> None:
    # a view of what is not there says so in words; a failure of the server is another matter
    absent = text.startswith("Failed to load resource: the server responded with a status of 4")
    if kind in ("error", "warning") and not absent:
        found.complaints.append(f"{kind}: {text}")


def barriers(page: Page, axe: str, *rules: str) -> list[str]:
    """Return what hinders people seriously, by all rules of axe-core or some."""
    page.evaluate(axe)
    only = json.dumps({"runOnly": list(rules)} if rules else {})
    found: dict[str, Any] = page.evaluate(f"axe.run(document, {only})")
    assert found["passes"], "the rules did not run"
    return [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in SERIOUS
    ]


def unfold(page: Page) -> None:
    """Open whatever is folded: tables beside charts, sliders."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    # where opening one closes another, each is opened once
    page.evaluate(
        "document.querySelectorAll('main button[aria-expanded=false]').forEach((b) => b.click())"
    )
    page.wait_for_load_state("networkidle")
