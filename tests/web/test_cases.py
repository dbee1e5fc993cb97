"""The routes of cases, asked of a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from tests.board.cases.made import DAY, made
from tests.board.cases.test_search import CHOICE, GIVEN, RULES, TEXT
from tests.web.served import served
from valuecompass.board.cases import index_path
from valuecompass.measure.measurement import Measurement


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Measurement]]:
    workspace = tmp_path_factory.mktemp("cases") / "ws"
    measurement = anyio.run(made, workspace, GIVEN)
    with served(workspace) as address:
        yield address, workspace, measurement


Site = tuple[str, Path, Measurement]


def ask(site: Site, path: str, status: int = 200, **params: Any) -> Any:
    answer = httpx.get(f"{site[0]}/api/v1/{path}", params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def page(site: Site, **params: Any) -> Any:
    """Ask for a page of cases, and again while the index is being made."""
    for _ in range(100):
        found = ask(site, "cases/schwartz", **params)
        if found["indexing"] is None:
            return found
        assert found["cases"] == [] and found["total"] == 0
        time.sleep(0.1)
    raise AssertionError("the index was not made")


def test_the_first_search_makes_the_index(site: Site) -> None:
    found = page(site)
    assert index_path(site[1], site[2].id).is_file()
    assert found["total"] == len(GIVEN) and len(found["cases"]) == len(GIVEN)
    assert found["measurement"]["id"] == site[2].id
    assert found["measurement"]["judge"] == "simulated judge"
    assert [r["name"] for r in found["measurement"]["respondents"]] == ["model 0", "model 1"]


def test_words_filters_and_pages(site: Site) -> None:
    found = page(site, q='rules -joy "order is"')
    assert found["total"] == 1 and found["wanted"] == [["rules"], ["order", "is"]]
    assert found["unwanted"] == [["joy"]]
    (case,) = found["cases"]
    text = case["response"]["text"]
    assert [text[a:b] for a, b in case["response"]["marks"]] == ["rules", "order is"]
    both = page(site, respondent=["model 0", "model 1"], dimension="Security", low=0.5)
    assert both["total"] == 2
    facets = {c["value"]: c["count"] for c in both["facets"]["outcome"]}
    assert facets == {"answer": 2}
    first = page(site, limit=3)
    second = page(site, limit=3, cursor=first["cursor"])
    seen = [str(c["address"]) for c in (*first["cases"], *second["cases"])]
    assert len(set(seen)) == 6 and first["total"] == second["total"] == len(GIVEN)


def test_pages_go_on_in_their_measurement_when_another_arrives(tmp_path: Path) -> None:
    earlier = anyio.run(made, tmp_path / "ws", GIVEN)
    with served(tmp_path / "ws") as address:
        own = (address, tmp_path / "ws", earlier)
        first = page(own, limit=3)
        later = anyio.run(partial(made, tmp_path / "ws", GIVEN[:4], day=DAY + timedelta(days=1)))
        second = page(own, limit=9, cursor=first["cursor"])
        assert second["measurement"]["id"] == earlier.id and second["cursor"] is None
        seen = {str(c["address"]) for c in (*first["cases"], *second["cases"])}
        assert len(seen) == len(GIVEN) == first["total"]
        assert page(own)["measurement"]["id"] == later.id
        ask(own, "cases/safety", 404, cursor=first["cursor"])


def test_hostile_texts_come_as_they_are_and_as_json(site: Site) -> None:
    answer = httpx.get(f"{site[0]}/api/v1/cases/schwartz", params={"q": "joy script"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (case,) = answer.json()["cases"]
    assert case["response"]["text"] == TEXT and "<b>old</b>" in case["item"]["text"]["text"]


@pytest.mark.parametrize(
    "typed", ['"', "a OR (", "NEAR(x", "*", "-", "\0", "';--", "{x}:", "x" * 300]
)
def test_no_words_are_an_error(site: Site, typed: str) -> None:
    assert page(site, q=typed)["total"] >= 0


def test_a_case_has_an_address(site: Site) -> None:
    own = f"cases/{site[2].id}/0/{RULES.id}/0/0"
    whole = ask(site, own)
    assert whole["case"]["response"]["text"] == TEXT
    assert whole["case"]["asked"]["parameters"] == {"temperature": 0.5}
    assert len(whole["case"]["verdicts"]) == 3
    listed = next(c for c in page(site, q="joy")["cases"])
    a = listed["address"]
    assert own == "cases/{measurement}/{position}/{item}/{presentation}/{repeat}".format(**a)
    marked = ask(site, own, q="joy")["case"]["response"]["marks"]
    assert [TEXT[s:e] for s, e in marked] == ["Joy"]
    ask(site, f"cases/{site[2].id}/7/{RULES.id}/0/0", 404)
    ask(site, f"cases/{'0' * 16}/0/{RULES.id}/0/0", 404)
    ask(site, f"cases/nothing/0/{RULES.id}/0/0", 422)


def test_answers_stand_side_by_side(site: Site) -> None:
    path = f"beside/{site[2].id}/{RULES.id}"
    found = ask(site, path, respondent=["model 1", "model 0"])
    assert [b["respondent"] for b in found["answers"]] == ["model 1", "model 0"]
    assert found["answers"][1]["cases"][0]["response"]["text"] == TEXT
    choice = ask(site, f"beside/{site[2].id}/{CHOICE.id}", respondent=["model 0"])
    assert len(choice["answers"][0]["cases"]) == 2
    ask(site, path, 404, respondent=["nobody"])
    ask(site, path, 422)


@pytest.mark.parametrize(
    ("status", "params"),
    [
        (400, {"dimension": "Joy"}),
        (400, {"respondent": "nobody"}),
        (400, {"low": 0.9, "high": 0.1}),
        (400, {"cursor": "x"}),
        (404, {"cursor": "0123456789abcdef.1"}),
        (422, {"low": 2}),
        (422, {"order": "best"}),
        (422, {"limit": 1_000}),
        (422, {"q": "x" * 301}),
        (404, {"date": "2001-01-01"}),
        (404, {"date": "never"}),
    ],
)
def test_what_is_wrong_is_named(site: Site, status: int, params: dict[str, Any]) -> None:
    page(site)
    error = ask(site, "cases/schwartz", status, **params)["error"]
    assert error["status"] == status
    assert next(iter(params)) in error["message"] or error["field"] in params


def test_another_system_has_no_cases(site: Site) -> None:
    error = ask(site, "cases/safety", 404)["error"]
    assert "no measurement with cases" in error["message"]


def test_a_document_is_sent_once(site: Site) -> None:
    page(site)
    address = f"{site[0]}/api/v1/cases/schwartz"
    first = httpx.get(address)
    again = httpx.get(address, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
