"""The board as somebody uses it: weights, filters, order, files, by mouse and by keyboard alone."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pyarrow import parquet

from tests.web.browser.watching import Watched, watched
from tests.web.worlds import HOSTILE, LINK, SYSTEM, Served

BOARD = f"/api/v1/boards/{SYSTEM}"


def lines(page: Page) -> list[list[str]]:
    """Return the cells of the board's rows, from the rank on."""
    rows = page.locator("table.board tbody tr")
    return [row.locator("th, td:not(.pick)").all_inner_texts() for row in rows.all()]


def names(page: Page) -> list[str]:
    return page.locator("table.board tbody th bdi").all_text_contents()


def shown_score(cells: list[str]) -> float:
    """Return the weighted score of a row, which has one decimal."""
    found = re.match(r"\d+\.\d", cells[2])
    assert found is not None, cells
    return float(found[0])


def test_every_row_is_what_the_api_says(window: Watched, server: Served) -> None:
    page = window.open("/")
    rows = server.get(BOARD).json()["rows"]
    assert names(page) == [row["respondent"] for row in rows]
    for cells, row in zip(lines(page), rows, strict=True):
        assert cells[0].startswith(str(row["rank"]))
        assert shown_score(cells) == pytest.approx(row["score"], abs=0.051)
        assert ("simulated" in cells[1].lower()) == row["simulated"]


def test_weights_change_the_ranks_and_a_link_restores_them(
    window: Watched, browser: Browser, server: Served
) -> None:
    page = window.open("/")
    equal = lines(page)
    page.get_by_role("button", name="Change the weights").click()
    for slider in page.locator("#sliders input[type=range]").all()[1:]:
        slider.fill("0")
    expect(page.get_by_text("Weighing …")).to_have_count(0)
    first = page.locator("#sliders output").first
    expect(first).to_have_text("100 %")
    weighed = lines(page)
    assert weighed != equal
    dims = server.get(BOARD).json()["dims"]
    scores = {
        row["respondent"]: row["dimensions"][dims[0]]["score"]
        for row in server.get(BOARD).json()["rows"]
    }
    for name, cells in zip(names(page), weighed, strict=True):
        assert shown_score(cells) == pytest.approx(scores[name], abs=0.051)
    assert [scores[n] for n in names(page)] == sorted(scores.values(), reverse=True)
    with watched(browser, server.address) as other:
        other.page.goto(page.url)
        other.settled()
        expect(other.page.locator("#sliders output").first).to_have_text("100 %")
        expect(other.page.get_by_text("Weighing …")).to_have_count(0)
        assert lines(other.page) == weighed
        other.check()
    page.get_by_role("button", name="Back to equal weights").click()
    assert lines(page) == equal


def test_filters_and_order_are_in_the_address(window: Watched) -> None:
    page = window.open("/")
    everybody = names(page)
    page.get_by_role("combobox", name="Weights", exact=True).select_option("open")
    some = names(page)
    assert 0 < len(some) < len(everybody)
    assert "open=open" in page.url
    page.reload()
    window.settled()
    assert names(page) == some
    page.get_by_role("combobox", name="Weights", exact=True).select_option("")
    page.get_by_role("searchbox").fill("javascript:")
    assert names(page) == [LINK]
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Respondent", exact=True).click()
    ordered = names(page)
    assert sorted(ordered) == sorted(everybody)
    collated = page.evaluate("(n) => [...n].sort((a, b) => a.localeCompare(b))", everybody)
    assert ordered == collated
    assert "sort=name" in page.url
    page.go_back()
    assert names(page) == everybody


def test_another_system_and_an_earlier_day_are_shown(window: Watched, server: Served) -> None:
    page = window.open("/")
    page.get_by_label("Date").select_option("2026-01-02")
    window.settled()
    earlier = [r["respondent"] for r in server.get(f"{BOARD}?date=2026-01-02").json()["rows"]]
    expect(page.locator("table.board tbody tr")).to_have_count(len(earlier))
    assert names(page) == earlier
    page.get_by_role("group", name="Value system").get_by_role("button").nth(1).click()
    window.settled()
    expect(page.locator("h1")).not_to_have_text("Schwartz basic values")
    assert "system=safety" in page.url
    assert "date=" not in page.url


@pytest.mark.parametrize("kind", ["CSV", "JSON", "Parquet"])
def test_downloads_hold_every_score(
    window: Watched, server: Served, tmp_path: Path, kind: str
) -> None:
    page = window.open("/")
    with page.expect_download() as coming:
        page.get_by_role("link", name=kind, exact=True).click()
    file = tmp_path / coming.value.suggested_filename
    coming.value.save_as(file)
    assert file.name == f"{SYSTEM}-{server.get(BOARD).json()['date']}.{kind.lower()}"
    document = server.get(BOARD).json()
    if kind == "JSON":
        assert json.loads(file.read_text(encoding="utf-8")) == document
        return
    rows: list[dict[str, Any]]
    if kind == "CSV":
        text = file.read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        # what a spreadsheet would run is a text there
        assert not re.search(r"(^|,)\"?=", text, re.MULTILINE)
    else:
        rows = parquet.read_table(file).to_pylist()
        assert {r["respondent"] for r in rows} == {r["respondent"] for r in document["rows"]}
    found = [None if r["score"] in (None, "") else float(r["score"]) for r in rows]
    told = [row["dimensions"][d]["score"] for row in document["rows"] for d in row["dimensions"]]
    assert found == pytest.approx(told)


def test_everything_is_reached_by_keyboard_alone(window: Watched) -> None:
    page = window.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    _tab_to(page, "Change the weights")
    page.keyboard.press("Enter")
    slider = page.locator("#sliders input[type=range]").first
    expect(slider).to_be_visible()
    _tab_to_kind(page, "range")
    before = float(slider.input_value())
    page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == before + 0.5
    assert "weights=" in page.url
    assert page.evaluate("document.activeElement.type") == "range", "the focus was lost"
    _tab_to(page, "Show all 10 dimensions")
    page.keyboard.press("Space")
    expect(page.locator("table.board.all")).to_be_visible()


def test_what_has_the_focus_is_seen(window: Watched) -> None:
    page = window.open("/")
    for _ in range(12):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0; })()"
        )
        assert shown, page.evaluate("document.activeElement.outerHTML.slice(0, 120)")


def test_a_page_that_is_not_there_says_so(window: Watched) -> None:
    page = window.open("/none/such")
    expect(page.get_by_role("alert")).to_contain_text("no such page")
    assert any(name in HOSTILE for name in names(window.open("/")))


def _tab_to(page: Page, label: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == label:
            return
    raise AssertionError(f"{label!r} is not reached with Tab")


def _tab_to_kind(page: Page, kind: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == kind:
            return
    raise AssertionError(f"no {kind} is reached with Tab")
