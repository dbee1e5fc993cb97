"""The page of a report on training: whole, offline, honest, and safe whatever the texts are."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.board.pages import HOSTILE, Page, shape
from tests.board.training.documents import NOTHING, document, figure, gate, system
from valuecompass.board.training.page import render_training
from valuecompass.board.training.tables import tables
from valuecompass.board.training.view import checks, gate_verdict, verdict


def told(html: str) -> str:
    found = Page(html).texts
    texts = [one for at, one in found if "body" in at and "script" not in at]
    return " ".join(" ".join(texts).split())


def lead(found: dict[str, Any]) -> str:
    return " ".join(verdict(found)).replace("\u00a0", " ")


def test_the_page_shows_every_part_and_holds_the_data():
    html = render_training(document())
    text = told(html)
    for part in (
        "Before embedded/ small After d2o-small",
        "judge local bfloat16 on cpu seed 7 60 items 120 answers of each model",
        "Of 3 scores 1 differs: Malicious Use rose.",
        "The gate on side effects is passed",
        "21 of these items were trained on",
        "The judge is no better than the shortcut.",
        "harmful answers from 40.0 → to 20.0 difference −20.0 [−25.0, −15.0] not 0",
        "answers in loops from 0.0 → to 0.0 difference 0.0 no interval",
        "Malicious Use from 50.0 → to 80.0 difference +30.0 [+20.0, +40.0] differs",
        "Misinformation Harms from 60.0 → to 72.0 difference +12.0 [+4.0, +20.0] not after",
        "Toxicity from 60.0 → to 61.0 difference +1.0 [−7.0, +9.0] no difference shown",
        "Not measured: Autonomy .",
        "new content words an answer 69.1 312.5 +243.4",
        "−0.100 [−0.120, −0.080] after less before; the rise may be 0.1. The whole interval lies",
        "of 100 questions 1 gained, 3 lost (McNemar's exact test, p = 0.62)",
        "safety: 21 of the items were trained on",
        "versions · torch 2.13.0",
        "651227b514fcf2ba",
        "3542ba48",
    ):
        assert part in text, part
    (data,) = [t for at, t in Page(html).texts if at[-1:] == ("script",)]
    shown = json.loads(data)
    assert shown["systems"] == document()["systems"] and shown["gate"] == document()["gate"]


def test_folders_of_the_machine_stay_at_home():
    assert "/home/me" not in render_training(document())


def test_every_chart_has_its_table():
    page = render_training(document())
    text = told(page)
    for one in tables(document()):
        assert all(len(row) == len(one.head) for row in one.rows)
        for row in one.rows:
            assert " ".join(cell for cell in row if cell) in text
    assert page.count('<details class="twin">') == len(tables(document()))
    assert all(a["aria-hidden"] == "true" for a in Page(page).tags("svg") if "class" in a)


def test_the_page_loads_nothing_and_runs_nothing():
    html = render_training(document())
    page = Page(html)
    assert [a["type"] for a in page.tags("script")] == ["application/json"]
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "action", "poster", "data"):
                assert value.startswith("#"), (tag, name, value)
    assert not re.search(r"url\(|@import|https?:", html)
    (policy,) = [a["content"] for a in page.tags("meta") if "http-equiv" in a]
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_every_link_leads_to_a_part_and_every_part_has_a_name():
    html = render_training(document(systems={"a": system(), "b": system(name="Other")}))
    page = Page(html)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.tags("a")} <= set(ids)
    assert all(a["aria-labelledby"] in ids for a in page.tags("section"))


@pytest.mark.parametrize("status", ["passed", "undecided", "unmeasured", "failed"])
def test_a_judge_that_failed_its_gate_makes_a_demonstration(status: str):
    gated = {"status": status, "reason": "Because."}
    html = render_training(document(systems={"safety": system(judge_gate=gated)}))
    assert html.count('badge demonstration">') == (2 if status == "failed" else 0)
    assert f'class="gate {status}"' in html
    without = render_training(document(systems={"safety": system(judge_gate=None)}))
    assert "badge demonstration" not in without and 'class="gate' not in without


def test_a_verdict_says_no_more_than_the_intervals():
    assert lead(system()) == (
        "Harmful answers fell from 40.0 % to 20.0 % (−20.0 points, 95 % −25.0 to −15.0). "
        "Harmful answers to items not trained on: no difference shown, 38.0 % before, 37.0 % after "
        "(−1.0 points, 95 % −6.0 to 4.0). "
        "Informative answers fell from 70.0 % to 55.0 %. "
        "Answers in loops: 0.0 % before, 0.0 % after, without an interval. "
        "No difference shown in refusals, empty answers and answers on their question. "
        "To the model before, the answers after are less probable than its own: 3.41 and 4.91 nats "
        "a token. A judge may take broken text for harmless."
    )
    smoother = lead(system(surprise=figure(3.4, 3.0, 0.2)))
    assert smoother.endswith("are more probable than its own: 3.40 and 3.00 nats a token.")
    assert "probable" not in lead(system(surprise=figure(3.4, 3.5, 0.2)))
    touching = system(harm=figure(40.0, 35.0, 5.0), harm_elsewhere=None)
    assert lead(touching).startswith("Harmful answers: no difference shown, 40.0 % before")
    worse = system(harm=figure(20.0, 40.0), harm_elsewhere=None)
    assert lead(worse).startswith("Harmful answers rose from 20.0 % to 40.0 %")
    unknown = system(harm=NOTHING, harm_elsewhere=None, empty=NOTHING, surprise=NOTHING)
    assert lead(unknown).endswith("Not measured: harmful answers and empty answers.")
    assert "armful" not in lead(system(harm=None, harm_elsewhere=None))


@pytest.mark.parametrize(
    ("fluency", "ability", "status", "said"),
    [
        (
            "passed",
            "passed",
            "passed",
            "fluency, coherence and ability stayed within their margins",
        ),
        ("failed", "passed", "failed", "failed: fluency suffered beyond the margin"),
        ("failed", "failed", "failed", "failed: fluency and ability suffered beyond the margin"),
        (
            "passed",
            "not known",
            "not known",
            "not known (fluency passed, coherence passed, ability not known)",
        ),
        (
            "not measured",
            "passed",
            "not known",
            "(fluency not measured, coherence passed, ability passed)",
        ),
    ],
)
def test_the_gate_is_put_into_words(fluency: str, ability: str, status: str, said: str):
    found = gate(fluency, ability, status)
    assert said in gate_verdict(found)
    text = told(render_training(document(gate=found)))
    assert f"Fluency {fluency}" in text and f"Ability {ability}" in text


def test_a_margin_lies_on_the_side_of_the_harm():
    fluent, _, able = checks(gate())
    edge = r'class="beyond" style="left:([\d.]+)%;width:([\d.]+)%"'
    (rise,), (loss,) = (re.findall(edge, str(c.chart)) for c in (fluent, able))
    assert float(rise[0]) > 50 and float(rise[0]) + float(rise[1]) == pytest.approx(100)
    assert float(loss[0]) == 0 and 0 < float(loss[1]) < 50
    assert "margin +0.1<" in fluent.chart and "margin −10<" in able.chart
    whisker = r'class="whisker" x1="([\d.]+)%" x2="([\d.]+)%"/>'
    assert float(re.findall(whisker, str(fluent.chart))[0][1]) < float(rise[0])


def test_marks_stand_where_the_numbers_say():
    html = render_training(document())
    first = html[html.index("harmful answers</bdi>") :]
    assert '<line class="join" x1="40.00%" x2="20.00%"/>' in first[:1500]
    # all differences share one scale: 0 in the middle, ends at the next ten
    assert '<circle class="dot" cx="25.00%"' in first[:3000]
    for label in ("−40", "−20", "0", "+20", "+40"):
        assert f'text-anchor="middle">{label}</text>' in html


def test_what_is_missing_is_said_and_drawn_as_nothing():
    nothing = {
        name: NOTHING | {"unpaired": 9, "q": None, "discovered": False} for name in ("A", "B")
    }
    silent = system(
        harm=None,
        harm_elsewhere=None,
        trained_on=0,
        refusals=NOTHING,
        empty=NOTHING,
        surprise=NOTHING,
        informativeness=dict.fromkeys(system()["informativeness"], NOTHING),
        dimensions=nothing,
    )
    broken = gate("not measured", "not measured", "not known")
    for part, why in (("fluency", "no text fits both models' windows"), ("ability", "")):
        broken[part] |= {**NOTHING, "tokens": 0, "why": why}
    text = told(render_training(document(systems={"own": silent}, gate=broken, notes=[])))
    assert "Not measured: A , B ." in text
    assert "No text fits both models' windows." in text
    assert "There is no interval to hold against the margin." in text
    assert "refusals, % – – not measured 0 0" in text and "nan" not in text and "None" not in text
    text = told(render_training(document(systems={}, measurements={})))
    assert "0 items 0 answers of each model" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_any_text_acts(text: str):
    def page(name: str) -> Page:
        scores = {name if k == "Malicious Use" else k: v for k, v in system()["dimensions"].items()}
        gated = {"status": "failed", "reason": name}
        found = document(
            before={"name": name, "weights": name},
            systems={name: system(name=name, judge_gate=gated, dimensions=scores)},
            measurements={name: name},
            notes=[name],
        )
        found["engine"] |= {"judge": name, "device": name, "dtype": name, "versions": {name: name}}
        found["gate"]["fluency"] |= {"why": name}
        html = render_training(found)
        assert not set("\x00\x1b\u202e\u2066\ud800\ufffe") & set(html)
        html.encode("utf-8")
        return Page(html)

    def tags(one: Page) -> list[Any]:
        return [found for found in shape(one) if found[0] != "wbr"]

    assert tags(page(text)) == tags(page("plain"))


def test_a_long_name_is_cut_beside_charts_and_whole_in_its_table():
    name = "x" * 500
    scores = {name: system()["dimensions"]["Toxicity"]}
    html = render_training(document(systems={"s": system(name=name, dimensions=scores)}))
    assert html.count(f"<bdi>{name}</bdi>") == 1
    title = Page(html).text("title", but=())
    assert len(title) < 160
