"""What somebody in front of a page waits for, in headless chromium."""

from __future__ import annotations

import gzip
import shutil
import urllib.request
from statistics import median

from playwright.sync_api import Browser, Response, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WINDOWS = 5
"""Of a page; figures are their medians."""
MOVES = 9
"""Of its first slider."""
PATIENCE = 120_000
# a move is what a hand makes: an input event, with the change that follows when it lets go
MOVE = """
([slider, table, value]) => new Promise((done, failed) => {
  const knob = document.querySelectorAll(slider)[0];
  const shown = document.querySelector(table);
  const began = performance.now();
  const watch = new MutationObserver(() => {
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  watch.observe(shown, { subtree: true, childList: true, characterData: true });
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(knob, value);
  for (const kind of ["input", "change", "pointerup"]) {
    knob.dispatchEvent(new Event(kind, { bubbles: true }));
  }
  setTimeout(() => failed(new Error("the table did not change")), 60000);
})
"""
PAINT = """
() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null
"""


def measured(address: str, slider: str, table: str) -> dict[str, float]:
    """Return bytes, first paint and interaction of a page with a table and a slider."""
    with sync_playwright() as driver:
        place = shutil.which("chromium")
        assert place is not None, "chromium is needed"
        browser = driver.chromium.launch(executable_path=place, args=ARGUMENTS)
        found = [_window(browser, address, slider, table) for _ in range(WINDOWS)]
        browser.close()
    return {name: median(one[name] for one in found) for name in found[0]}


def _window(browser: Browser, address: str, slider: str, table: str) -> dict[str, float]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address)
    page.locator(table).first.wait_for()
    page.locator(slider).first.wait_for()
    stood = page.evaluate("performance.now()")
    page.wait_for_load_state("networkidle")
    found = {a.url for a in answers if a.request.method == "GET" and a.status == 200}
    loaded = sum(_packed(url) for url in found if url.startswith("http"))
    painted = page.evaluate(PAINT)
    # the first move may load what weighing needs; it is told apart
    first = page.evaluate(MOVE, [slider, table, "0"])
    page.wait_for_load_state("networkidle")
    moves = [page.evaluate(MOVE, [slider, table, str(value)]) for value in range(1, MOVES + 1)]
    page.context.close()
    return {
        "first page (kB gzip)": loaded / 1_000,
        "first contentful paint (ms)": painted,
        "table stands (ms)": stood,
        "first interaction (ms)": first,
        "interaction (ms)": median(moves),
    }


def _packed(address: str) -> int:
    """Return a file's bytes, compressed; fetched anew, as the browser does not keep large ones."""
    with urllib.request.urlopen(address) as answer:
        return len(gzip.compress(answer.read(), 6))
