"""What people come for, from the first click to the end, in a browser and against a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browser.watching import Watched, barriers, watched
from tests.web.busy import Busy, ended
from tests.web.worlds import SCRIPT, SYSTEM
from valuecompass.judges.quality.labelled import read_labels

EMBEDDED = "embedded/smollm2-135m-instruct"
OTHER = "big-five"
ROWS = 4
Opened = Callable[[str], AbstractContextManager[Watched]]


@pytest.fixture
def as_who(browser: Browser, busy: Busy) -> Opened:
    """Open a window with somebody's token; nothing may have gone wrong in it at the end."""

    @contextmanager
    def open_as(name: str) -> Generator[Watched]:
        with watched(browser, busy.address, token=busy.tokens.get(name)) as found:
            yield found
            found.check()

    return open_as


def test_the_questionnaire_to_its_result_by_keyboard(
    browser: Browser, busy: Busy, as_who: Opened
) -> None:
    with as_who("nobody") as found:
        page = found.open(f"/you?system={SYSTEM}")
        _tab_to(page, "Begin")
        page.keyboard.press("Enter")
        asked = busy.people["olga"].get(f"/questionnaires/{SYSTEM}")
        many = len(asked["items"])
        for n in range(many):
            expect(page.locator("#progress")).to_have_text(f"Statement {n + 1} of {many}")
            if n == 3:
                _tab_to(page, "Back")
                page.keyboard.press("Enter")
                expect(page.locator("#progress")).to_have_text(f"Statement {n} of {many}")
                page.keyboard.press("6")
                expect(page.locator("#progress")).to_have_text(f"Statement {n + 1} of {many}")
            page.keyboard.press(str(1 + (n * 5) % 6))
        expect(page.locator("h2#profile")).to_have_text("Your values")
        expect(page.locator("h2#profile")).to_be_focused()
        found.settled()
        kept = page.evaluate(f"sessionStorage.getItem('valuecompass-answers-{SYSTEM}')")
        answers = json.loads(kept)["answers"]
        assert answers[asked["items"][2]["id"]] == 6, "going back changed nothing"
        told = busy.people["olga"].post("/match", {"system": SYSTEM, "answers": answers})
        best = next(m["respondent"] for m in told["matches"] if m["match"] is not None)
        expect(page.locator("table.matches").first.locator("tbody th bdi").first).to_have_text(best)
        _tab_to(page, "Copy a link to this profile")
        page.keyboard.press("Enter")
        link = page.get_by_label("Link to this profile").input_value()
        means = page.locator("section[aria-labelledby=profile] tbody td b").all_text_contents()
    with watched(browser, busy.address) as other:
        other.page.goto(link)
        other.settled()
        expect(other.page.locator("h2#profile")).to_have_text("A shared profile")
        again = other.page.locator("section[aria-labelledby=profile] tbody td b")
        assert sorted(again.all_text_contents()) == sorted(means)
        other.check()


def test_the_middle_of_the_questionnaire_has_no_barrier(browser: Browser, busy: Busy) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with watched(browser, busy.address, axe=True) as found:
        page = found.open(f"/you?system={SYSTEM}")
        page.get_by_role("button", name="Begin").click()
        for key in "123":
            page.keyboard.press(key)
        expect(page.locator("#progress")).to_contain_text("Statement 4 of")
        assert barriers(page, axe) == []
        page.reload()
        found.settled()
        expect(page.locator("#progress")).to_contain_text("Statement 4 of")
        page.emulate_media(color_scheme="dark")
        assert barriers(page, axe) == []


def test_a_run_is_started_watched_to_its_end_and_seen_on_the_board(
    busy: Busy, as_who: Opened
) -> None:
    with as_who("nobody") as found:
        page = found.open("/")
        page.get_by_role("link", name="Run", exact=True).click()
        page.get_by_label("Token").fill(busy.tokens["olga"])
        page.get_by_role("button", name="Use it").click()
        page.get_by_label("Models that answer: model 1").fill(EMBEDDED)
        page.get_by_label("Schwartz").uncheck()
        page.get_by_label("Big Five").check()
        page.get_by_label("Form").select_option("tiny")
        page.reload()
        expect(page.get_by_label("Models that answer: model 1")).to_have_value(EMBEDDED)
        page.get_by_role("button", name="What would it cost?").click()
        price = page.get_by_role("region", name="Price", exact=True)
        expect(price.get_by_role("heading")).to_have_text("Free")
        page.get_by_role("button", name="Start").click()
        expect(page.locator("header.job-head .state")).to_have_text("done")
        expect(page.locator("label.far")).to_have_text(re.compile("10 of 10 answers"))
        expect(page.get_by_label("What it said")).to_contain_text("measured big-five")
        page.get_by_role("link", name=f"The board of {OTHER}").click()
        expect(page.locator("table.board tbody th bdi")).to_have_text([EMBEDDED])
        row = busy.people["olga"].get(f"/boards/{OTHER}")["rows"][0]
        assert row["respondent"] == EMBEDDED and not row["simulated"]


def test_a_run_is_stopped_and_taken_up_again(busy: Busy, as_who: Opened) -> None:
    busy.mock.faults("hang:after=4", latency_ms=200)
    spec = {"kind": "run", "respondents": [{"model": "openai-api/mock/slow"}],
            "systems": [OTHER], "form": "tiny"}  # fmt: skip
    with as_who("olga") as found:
        found.open("/")
        found.page.goto(f"{busy.address}/#/run?draft={quote(json.dumps(spec))}")
        found.page.get_by_role("button", name="Start").click()
        state = found.page.locator("header.job-head .state")
        expect(found.page.locator("label.far")).to_have_text(re.compile("[1-9] of 10 answers"))
        found.page.get_by_role("button", name="Stop").click()
        expect(state).to_have_text("stopped")
        busy.mock.faults()
        found.page.get_by_role("button", name="Resume").click()
        expect(state).to_have_text("done")
    job = busy.people["olga"].get("/jobs")["jobs"][0]
    assert ended(busy.people["olga"], job["id"])["progress"]["done"] == 10


def test_two_label_a_third_decides_and_the_labels_are_taken_along(
    busy: Busy, as_who: Opened
) -> None:
    with as_who("olga") as found:
        page = found.open("/label")
        page.get_by_label("Measurement").select_option(busy.measurement)
        page.get_by_label("Rows").fill(str(ROWS))
        page.get_by_label("Seed of the draw").fill("7")
        page.get_by_role("button", name="Draw").click()
        expect(page.get_by_role("heading", name=re.compile(f", {ROWS} rows"))).to_be_visible()
    (round,) = [
        r["id"] for r in busy.people["olga"].get("/labels/rounds")["rounds"] if r["units"] == ROWS
    ]
    for name, first in (("ada", "y"), ("ben", "n")):
        with as_who(name) as found:
            page = found.open(f"/label?round={round}")
            for n in range(ROWS):
                expect(page.get_by_text(f"Row {n + 1} of {ROWS}")).to_be_visible()
                _label(page, first if n == 0 else "y")
            expect(page.get_by_text("All rows have a label")).to_be_visible()
    at = next(r for r in busy.people["cleo"].get("/labels/rounds")["rounds"] if r["id"] == round)
    assert (at["disputed"], at["step"]) == (1, "decide")
    with as_who("cleo") as found:
        page = found.open("/label")
        page.get_by_role("link", name="Decide where they differ").click()
        expect(page.get_by_text(re.compile("One says: .* The other says: "))).to_be_visible()
        _label(page, "y")
        page.get_by_role("link", name="All rounds").last.click()
        card = page.locator("ul.rounds > li", has_text=f", {ROWS} rows")
        expect(card).to_contain_text("They differ on 1; 1 of these decided")
        card.get_by_text("How far they agree").click()
        expect(card.locator("tbody tr").first).to_contain_text(str(ROWS))
        with page.expect_download() as coming:
            page.get_by_role("button", name="Labels of rounds").click()
        # the file is gone with the window
        found_labels = read_labels(coming.value.path())
    assert len(found_labels) >= ROWS
    assert [row.expressed for row in found_labels].count(1) >= ROWS


def test_cases_are_found_and_read_whole(busy: Busy, as_who: Opened) -> None:
    with as_who("nobody") as found:
        page = found.open("/cases")
        # of what is found all may be of one kind, and then there is nothing to choose
        page.get_by_label("Kind of item").select_option("question")
        found.settled()
        page.get_by_role("searchbox").fill("evil")
        page.get_by_role("button", name="Search").click()
        expect(page).to_have_url(re.compile("q=evil"))
        found.settled()
        told = busy.people["olga"].get(f"/cases/{SYSTEM}", q="evil", kind="question")
        number = page.get_by_role("status").locator("b").first
        expect(number).to_have_text(f"{told['total']:,}")
        assert told["total"] > 0 and "kind=question" in page.url
        page.reload()
        found.settled()
        expect(number).to_have_text(f"{told['total']:,}")
        page.get_by_role("link", name=re.compile("Whole case")).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("One case")
        expect(page.locator("mark").first).to_be_visible()
        page.get_by_label("Beside it").select_option(SCRIPT)
        expect(page.get_by_role("region", name=f"Answer of {SCRIPT}")).to_be_visible()


def test_a_wrong_verdict_is_reported_and_kept(busy: Busy, as_who: Opened) -> None:
    why = f"No power in it. {SCRIPT}"
    with as_who("ben") as found:
        page = found.open(busy.views["case"].partition("?")[0])
        page.get_by_role("button", name="Report a wrong verdict").click()
        page.get_by_role("combobox", name="Verdict on").select_option("Hedonism")
        send = page.get_by_role("button", name="Send the report")
        expect(send).to_be_disabled()
        page.get_by_label("it does not").check()
        page.get_by_label("against it").check()
        page.get_by_label("Why (may stay empty)").fill(why)
        send.click()
        expect(page.get_by_role("status")).to_contain_text("Your report on Hedonism is kept")
    kept = busy.people["olga"].get("/labels/reports")["reports"]
    (own,) = [r for r in kept if r["annotator"] == "ben"]
    assert (own["dimension"], own["expressed"], own["valence"]) == ("Hedonism", 0, -1)
    assert own["comment"] == why
    with as_who("olga") as found:
        page = found.open("/label")
        page.get_by_text(f"{len(kept)} reported verdicts").click()
        expect(page.get_by_role("region", name="Reported verdicts")).to_contain_text(why)


def test_nobody_reports_without_a_token(busy: Busy, as_who: Opened) -> None:
    with as_who("nobody") as found:
        page = found.open(busy.views["case"].partition("?")[0])
        page.get_by_role("button", name="Report a wrong verdict").click()
        expect(page.get_by_label("Token")).to_be_visible()
        expect(page.get_by_role("button", name="Send the report")).to_have_count(0)


def test_the_bank_is_searched_and_leads_to_items_and_forms(busy: Busy, as_who: Opened) -> None:
    olga = busy.people["olga"]
    with as_who("nobody") as found:
        page = found.open(f"/items?system={SYSTEM}")
        rows = page.locator("table.items tbody tr")
        page.get_by_role("combobox", name="Sorted by").select_option("information")
        page.get_by_role("searchbox").fill(SCRIPT)
        found.settled()
        told = olga.get("/items", system=SYSTEM, sort="information", q=SCRIPT)
        ids = [line["id"] for line in told["page"]["lines"]]
        assert 0 < len(ids) < olga.get("/items", system=SYSTEM)["page"]["total"]
        expect(rows).to_have_count(len(ids))
        page.reload()
        found.settled()
        expect(page.get_by_role("searchbox")).to_have_value(SCRIPT)
        expect(page.get_by_role("combobox", name="Sorted by")).to_have_value("information")
        links = [row.locator("a").get_attribute("href") for row in rows.all()]
        assert links == [f"#/items/{one}" for one in ids]
        rows.first.locator("a").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            told["page"]["lines"][0]["item"]["text"]
        )
        page.go_back()
        page.get_by_role("button", name="Forms", exact=True).click()
        found.settled()
        hashes = [form["hash"] for form in olga.get("/forms")["forms"]]
        shown = page.locator("table.forms tbody tr td:nth-child(2)")
        expect(shown).to_have_text([one or "none" for one in hashes])


def test_a_page_with_a_chart_can_be_left(busy: Busy, as_who: Opened) -> None:
    with as_who("nobody") as found:
        page = found.open(busy.views["form health"])
        expect(page.locator(".chart svg").first).to_be_visible()
        page.get_by_role("link", name="Board", exact=True).click()
        found.settled()
        expect(page.locator("table.board tbody tr").first).to_be_visible()
        assert page.evaluate("window.violations") == []


def test_an_evolved_item_leads_back_to_where_it_came_from(busy: Busy, as_who: Opened) -> None:
    evolved = busy.views["evolved item"].rsplit("/", 1)[1]
    tree = busy.people["olga"].get(f"/items/{evolved}")["item"]["tree"]
    with as_who("nobody") as found:
        page = found.open(busy.views["evolving runs"])
        page.locator("table.runs button").first.click()
        found.settled()
        assert "run=" in page.url
        page.locator(f"table.items a[href$='{evolved}']").click()
        here = page.locator("ul.tree [aria-current=true]")
        expect(here).to_contain_text(SCRIPT)
        expect(page.locator("ul.tree > li").first).to_contain_text(tree["text"] or tree["id"])
        assert tree["id"] != evolved, "the item has no ancestor"


def test_findings_lead_to_pages_that_show_what_they_say(busy: Busy, as_who: Opened) -> None:
    findings = busy.people["olga"].get(f"/findings/{SYSTEM}")["found"]["findings"]
    assert findings
    board = busy.people["olga"].get(f"/boards/{SYSTEM}")["rows"]
    names = [row["respondent"] for row in board]
    places = {one["page"]: one for one in findings}
    with as_who("nobody") as found:
        page = found.open(f"/findings?system={SYSTEM}")
        shown = page.locator("ul.findings a[href^='#']")
        linked = {link.get_attribute("href") for link in shown.all()}
        assert linked == {f"#{place}" for place in places}
        for place, one in list(places.items())[:8]:
            page = found.open(place)
            expect(page.locator("main .failure")).to_have_count(0)
            text = page.locator("main").inner_text()
            assert [n for n in names if n in one["sentence"] and n not in text] == [], one


def _label(page: Page, key: str) -> None:
    """Say yes, and for it; or no, and neither."""
    page.keyboard.press(key)
    expect(page.get_by_role("button", name="+ for it")).to_be_visible()
    page.keyboard.press("+" if key == "y" else "0")


def _tab_to(page: Page, label: str) -> None:
    for _ in range(80):
        if page.evaluate("document.activeElement.textContent") == label:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{label!r} is not reached with Tab")
