"""The bank, forms, runs of evolve, findings and methods through a real app."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from starlette.testclient import TestClient

from tests.board.measured import Ratings, dated, likert_items, measured
from valuecompass.board.health.form import health_in
from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.history import log_retirements
from valuecompass.evolve.lifecycle.retire import Retirement
from valuecompass.items import Item
from valuecompass.store import evolutions, open_store
from valuecompass.web.app import make_app
from valuecompass.web.settings import Settings

HOSTILE = '<script>alert("1")</script> {{7*7}} \u202e% _ and a quote\' or 1=1 --'
NAME = "made-up/<img src=x onerror=alert(1)>"
EACH = 24
OLD, NEW = "2026-01-05", "2026-03-05"
RUN = "ab" * 8


def items_of_form() -> list[Item]:
    first, *rest = likert_items(EACH)
    return [first.model_copy(update={"text": HOSTILE}), *rest]


def ratings(first: int, others: int) -> Ratings:
    """Return ratings: all of Openness alike, the others in turn."""
    rest = ("Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism")
    return {"Openness": [first] * EACH} | {
        trait: [others + (n + at) % 2 for n in range(EACH)] for at, trait in enumerate(rest)
    }


def evolved(item: Item) -> dict[str, Any]:
    """Return what a run left: one item kept, one rejected, both from an item of the workspace."""
    one: dict[str, Any] = {
        "item": {"kind": "question", "system": "big-five", "text": "Kept?", "language": "en",
                 "dimensions": ["Openness"], "topic": "society-culture"},
        "topic": item.id, "parent": item.id, "fact": HOSTILE, "generator": "made-up/writer",
        "region": "Norway", "year": 2019, "rewritten": 0, "calls": 7, "reason": None,
        "rewards": {"selected": 2.0, "fresh": 1.5}, "answering": {},
        "targets": {"big-five": ["Openness"]}, "fresh": {},
    }  # fmt: skip
    text = {**one["item"], "text": f"Rejected? {HOSTILE}"}
    lost = {**one, "item": text, "rewards": {}, "targets": {}, "reason": "similar: 0123456789ab"}
    return {"kept": [one], "rejected": [lost], "meter": {"answers": 14}, "stopped": "calls",
            "warnings": [], "filtered": []}  # fmt: skip


async def fill(workspace: Path, items: list[Item]) -> None:
    manifest = {"systems": ["big-five"], "kind": "question", "language": "en",
                "pool": ["simulated/big-five?seed=1"], "seeds": {"source": "bank", "n": 1},
                "config": {}}  # fmt: skip
    now = datetime(2026, 3, 1, tzinfo=UTC)
    done = {"id": RUN, "created": now, "method": "adaem", "manifest": manifest, "finished": now,
            "body": evolved(items[0])}  # fmt: skip
    begun = {**done, "id": "cd" * 8, "finished": None, "body": None}
    async with open_store(workspace) as store:
        await store.write((evolutions.insert(), [done]), (evolutions.insert(), [begun]))
        await log_retirements(
            store, "big-five", [Retirement(items[1].id, "saturated", {"information": 0.01})]
        )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("bank")
    items = items_of_form()
    now = {NAME: ratings(6, 3), "made-up/b": ratings(2, 3), "made-up/c": ratings(2, 3)}
    # three months earlier the last one was all for Openness
    dated(folder / "ws", measured(folder, {"made-up/c": ratings(5, 3)}, items=items), OLD)
    dated(folder / "ws", measured(folder, now, items=items, occasion="2"), NEW)
    anyio.run(partial(fill, folder / "ws", items))
    with TestClient(make_app(Settings(folder / "ws")), base_url="http://localhost") as found:
        yield found


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(client: TestClient, **params: Any) -> dict[str, Any]:
    return get(client, "items", system="big-five", **params)["page"]


def test_pages_of_the_bank_hold_every_item_once(client: TestClient) -> None:
    seen: list[str] = []
    after, page = "", {}
    while page.get("next", "") is not None:
        page = listed(client, after=after)
        assert page["first"] == len(seen) + 1 and page["total"] == 5 * EACH
        seen += [line["id"] for line in page["lines"]]
        after = page["next"] or ""
    assert sorted(seen) == sorted(item.id for item in items_of_form())
    assert listed(client, after=seen[49])["previous"] == ""
    assert page["previous"] == seen[49]
    assert page["facets"]["dimension"]["Openness"] == EACH
    assert page["facets"]["status"] == {"in form": 5 * EACH - 1, "retired": 1}


def test_search_takes_signs_for_themselves(client: TestClient) -> None:
    (line,) = listed(client, q="<SCRIPT> %")["lines"]
    assert line["item"]["text"] == HOSTILE and line["uses"] == 2
    assert listed(client, q="' or 1=1")["total"] == 1
    assert listed(client, q="_zzz")["total"] == 0
    assert listed(client, q="trait number 0", dimension="Openness")["total"] == EACH - 1
    assert listed(client, kind="question")["total"] == 0


def test_what_is_known_of_items_sorts_and_filters_them(client: TestClient) -> None:
    (line,) = listed(client, status="retired")["lines"]
    assert line["retired"]["reason"] == "saturated" and line["id"] == items_of_form()[1].id
    best = [
        line["parameters"]["information"] for line in listed(client, sort="information")["lines"]
    ]
    assert best == sorted(best, reverse=True)
    assert {
        one["item"]["dimensions"][0] for one in listed(client, sort="information")["lines"][:5]
    } == {"Openness"}


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("items?system=nowhere", 404, None),
        ("items", 422, "system"),
        ("items?system=big-five&sort=age", 422, "sort"),
        ("items?system=big-five&status=new", 422, "status"),
        ("items?system=big-five&after=000000000000", 400, None),
        ("items/000000000000", 404, None),
        ("items/..%2f..", 404, None),
        ("items/notanid", 422, "item"),
        ("evolutions/cdcdcdcdcdcdcdcd", 404, None),
        ("evolutions/0000000000000000", 404, None),
        ("health/nowhere", 404, None),
        ("findings/nowhere", 404, None),
        ("findings/big-five?date=yesterday", 404, None),
    ],
)
def test_what_is_not_there_is_said(
    client: TestClient, path: str, status: int, field: str | None
) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["status"] == status and error["field"] == field and error["message"]


def test_an_item_shows_who_differs_on_it_and_what_was_made_of_it(client: TestClient) -> None:
    first = items_of_form()[0]
    found = get(client, f"items/{first.id}")["item"]
    scores = {row["respondent"]: row["scores"]["Openness"] for row in found["rows"]}
    # 6 of 1 to 6 is 100, 2 is 20
    assert scores == {NAME: 100.0, "made-up/b": 20.0, "made-up/c": 20.0}
    assert found["measured"]["date"] == NEW and found["spread"][0]["apart"] == 80.0
    assert [use["date"] for use in found["asked"]] == [NEW, OLD]
    tree = found["tree"]
    assert tree["here"] and tree["text"] == HOSTILE
    kept, lost = sorted(tree["children"], key=lambda node: not node["kept"])
    assert kept["rewards"] == {"selected": 2.0, "fresh": 1.5} and kept["fact"] == HOSTILE
    assert not lost["kept"] and lost["reason"].startswith("similar")
    # an evolved item that nobody was measured with has its page, too
    own = get(client, f"items/{kept['id']}")["item"]
    assert own["rows"] == [] and own["tree"]["id"] == first.id
    assert own["tree"]["children"][0]["here"] and own["status"] == "active"
    log = get(client, f"items/{items_of_form()[1].id}")["item"]["log"]
    assert [row["reason"] for row in log] == ["saturated"]


def test_forms_and_their_health(client: TestClient) -> None:
    (form,) = get(client, "forms")["forms"]
    assert form["items"] == 5 * EACH and len(form["measurements"]) == 2
    assert form["respondents"] == ["made-up/c", NAME, "made-up/b"]
    health = get(client, "health/big-five")
    assert health["exposure"]["times"] == {"2": 5 * EACH} and health["reliability"] is None
    assert health["saturation"]["dimensions"]["Openness"]["equal"] == 0.0
    assert health["saturation"]["dimensions"]["Neuroticism"]["equal"] == 1.0


def test_runs_of_evolve(client: TestClient) -> None:
    runs = {run["id"]: run for run in get(client, "evolutions")["runs"]}
    assert runs[RUN]["kept"] == 1 and runs["cd" * 8]["finished"] is None
    assert runs[RUN]["simulated"] == ["simulated/big-five?seed=1"]
    report = get(client, f"evolutions/{RUN}")
    (item,) = report["items"]
    assert (item["selected"], item["fresh"], item["fact"]) == (2.0, 1.5, HOSTILE)
    assert any("simulated" in notice for notice in report["notices"])


def test_findings_hold_what_was_planted(client: TestClient) -> None:
    found = get(client, "findings/big-five")["found"]
    ends = [one for one in found["findings"] if one["kind"] == "highest and lowest"]
    assert [(one["respondents"][0], one["dimensions"]) for one in ends] == [(NAME, ["Openness"])]
    assert NAME in ends[0]["sentence"] and ends[0]["value"] == 80.0 and ends[0]["n"] == EACH
    told = {one["dimensions"][0] for one in found["findings"] if one["kind"] == "not told apart"}
    assert told == {"Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism"}
    (moved,) = [one for one in found["findings"] if one["kind"] == "drift"]
    assert moved["respondents"] == ["made-up/c"] and moved["value"] == -60.0
    # as of the first day there was one respondent, and no second day: nothing to compare
    before = get(client, "findings/big-five", date=OLD)["found"]
    assert before["findings"] == [] and not [c for c in before["controls"] if c["kind"] == "drift"]
    # the page of the respondent says the same
    drift = get(client, "boards/big-five/respondent/drift", name="made-up/c")["changes"][0]
    cell = drift["dimensions"]["Openness"]
    assert (moved["low"], moved["high"]) == pytest.approx((cell["low"], cell["high"]), abs=1e-3)


def test_methods_are_read_off_the_code(client: TestClient) -> None:
    methods = get(client, "methods")["methods"]
    assert all(one["summary"] for one in methods["methods"])
    named = {one["function"] for one in methods["methods"]}
    assert "valuecompass.stats.ranks.rank_sets" in named
    assert any(one.startswith("Benjamini & Hochberg (1995)") for one in methods["references"])
    assert [one["id"] for one in methods["systems"]] == ["big-five"]
    assert {one["status"] for one in methods["judges"]} == {"not needed"}
    card = {one["system"]: one for one in methods["card"]}
    assert card["moral-foundations"]["useful"] is False


def test_a_new_retirement_changes_what_is_shown(client: TestClient) -> None:
    last = items_of_form()[-1]
    assert get(client, f"items/{last.id}")["item"]["status"] == "in form"
    workspace = cast("Any", client.app).state.site.settings.workspace

    async def retire() -> None:
        async with open_store(workspace) as store:
            await log_retirements(store, "big-five", [Retirement(last.id, "exposed", {"uses": 4})])

    anyio.run(retire)
    assert get(client, f"items/{last.id}")["item"]["status"] == "retired"
    assert listed(client, status="retired")["total"] == 2


def test_work_on_many_answers_goes_to_a_process(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from valuecompass.web import aside
    from valuecompass.web.api.findings import document_of

    site = cast("Any", client.app).state.site
    here = get(client, "findings/big-five")
    monkeypatch.setattr(aside, "MANY", 0)
    portal = cast("Any", client).portal
    there = portal.call(document_of, site, "big-five", None)
    assert there.model_dump(mode="json") == here
    # what the work refuses comes over as it is
    with pytest.raises(InputError, match="nowhere"):
        portal.call(partial(aside.aside, site, health_in, system="nowhere"))
