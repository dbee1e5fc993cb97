"""The page of a report on a run: whole, offline, and safe whatever the texts are."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.board.evolution.documents import document, figure, one_system
from valuecompass.board.evolution.page import render_evolution

HOSTILE = '</script><img src=x onerror="alert(1)">\u202e\x1b[31m\ud800{{7*7}}'


class Page(HTMLParser):
    """The texts and tags of a page; open elements must be closed in order."""

    VOID = frozenset(["meta", "wbr", "br", "link", "img", "input"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.data = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.data += data
        elif self.open[-1:] != ["style"]:
            self.text += f" {data}"


def told(html: str) -> str:
    return " ".join(Page(html).text.split())


def test_the_page_shows_every_part_and_holds_the_data():
    html = render_evolution(document())
    text = told(html)
    for part in (
        "9 items kept",
        "UCB never chooses.",
        "left out of the five parts and of how many items are enough: m2",
        "judged by a model of the same provider, m9",
        "of these compared",
        "on another scale than those above",
        "asks for harm (1)",
        "evolved less seeds 0.3000 [0.2000, 0.4000] not 0",
        "Not shown: one answer to an item.",
        "The judge is no better than the shortcut.",
        "Without a usable answer, and left out: m3.",
        "Alpha over all dimensions 0.85 [0.75, 0.95]",
        "the choice of items (whole topics) and of models",
        "the run names none, so its own pool was asked",
        "Similarity was not checked",
        "a model's price is not known",
        "2,130",
        "explorers 20, answers 60, judge 1,050, safety filter 1,000.",
        "run fedcba9876543210 stopped: no requests left",
        "too similar to another 12",
        "requests best reward mean of the best 7 topics candidates 22 1.10 – 1 1",
        "from to items as selected items on fresh answers 0.00 0.09 0 1",
        "year items 2020 3 2021 0",
    ):
        assert part in text, part
    assert "evolved less mine.jsonl 0.0500 [−0.0500, 0.1500] not 0" not in text
    assert json.loads(Page(html).data) == document()


def test_the_page_loads_nothing_and_runs_nothing():
    html = render_evolution(document())
    page = Page(html)
    assert [attrs["type"] for tag, attrs in page.tags if tag == "script"] == ["application/json"]
    for tag, attrs in page.tags:
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in ("src", "href", "action", "poster", "data"):
                assert value is not None and value.startswith("#"), (tag, name, value)
    assert not re.search(r"url\(|@import|https?:", html)
    (policy,) = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert policy is not None and "default-src 'none'" in policy and "script-src" not in policy


def test_simulated_and_overlapping_examinees_are_labelled():
    html = render_evolution(document())
    (who,) = re.findall(r'<ul class="respondents">(.*?)</ul>', html, re.S)
    first, second = re.findall(r"<li>(.*?)</li>", who, re.S)
    assert 'badge simulated">simulated' in first and "took part" not in first
    assert "took part in the run" in second and "simulated" not in second


def poisoned(value: Any) -> Any:
    """The same with hostile text in place of every text, and in keys that are names."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list):
        return [poisoned(one) for one in value]
    if isinstance(value, dict):
        return {key: poisoned(one) for key, one in value.items()}
    return value


def test_nothing_in_any_text_acts():
    bad = document()
    kept = {"origin": "pool"}, {"status": "failed"}
    for part in ("counts", "texts", "distributions", "notices", "examinees", "systems"):
        reasons = {name: f["reason"] for name, f in bad["systems"][0]["told_apart"].items()}
        bad[part] = poisoned(bad[part])
    bad["examinees"] |= kept[0]
    system = bad["systems"][0]
    system["gate"] |= kept[1]
    for name, one in system["told_apart"].items():
        one["covers"] = ["items"] if reasons[name] is None else []
        one["values"] = {HOSTILE: figure()["values"]["seeds"]}
    for name in ("reliability", "curve", "swap", "priming"):
        system[name]["reason"] = None
    system["reliability"]["alpha"] = {HOSTILE: system["reliability"]["pooled_alpha"]}
    bad["run"] = {**bad["run"], "id": HOSTILE, "method": HOSTILE, "stopped": HOSTILE}
    bad["run"]["manifest"] = {HOSTILE: {HOSTILE: HOSTILE}, "pool": [HOSTILE]}
    html = render_evolution(bad)
    assert "<img" not in html and "\u202e" not in html and "\x1b" not in html
    assert "\ud800" not in html and "{{7*7}}" in html
    assert html.count("</script>") == 1
    Page(html)
    html.encode("utf-8")


def test_without_comparisons_the_page_says_why():
    text = told(
        render_evolution(document(systems=[], examinees=None, not_compared="nobody was asked"))
    )
    assert "Not shown: nobody was asked." in text


@pytest.mark.parametrize("name", ["reliability", "curve", "swap", "priming"])
def test_a_part_that_could_not_be_computed_says_why(name: str):
    system = one_system() | {name: {"reason": f"too little of {name}"}}
    assert f"Not shown: too little of {name}." in told(render_evolution(document(systems=[system])))


def test_a_run_without_rewards_pulls_or_survivors_has_a_page():
    from valuecompass.evolve.report.figures_run import cost, rewards

    empty = document(
        rewards=rewards([]),
        course=[],
        cost=cost({"kept": [], "meter": {"explorer": 2, "answers": 0, "judge": 0, "safety": 0}}),
        spread={"topics": 0, "seeds": None, "entropy": None, "entropy_most": None},
    )
    empty["distributions"] |= {"regions": [], "years": {"known": [], "unknown": 0}}
    text = told(render_evolution(empty))
    assert (
        "Not shown: no item was kept." in text and "Not shown: the run recorded no pulls." in text
    )
    assert "no item survived" in text and "an unknown number" in text
