"""Respondents over the API: profile, what a score was made of, drift, manifest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from tests.board.measured import TRAITS, imported, level, likert_items, measured
from tests.measure.helpers import rows
from tests.web.people import (
    HOSTILE,
    REFUSAL,
    SCRIPT,
    client_of,
    free_workspace,
    get,
    whole,
)
from valuecompass.board import behind as behind_module
from valuecompass.board.drift import drift
from valuecompass.board.folders import without_folders
from valuecompass.measure.measurement import Measurement

ITEMS = likert_items(6, TRAITS[:2])


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measurement, Path]:
    folder = tmp_path_factory.mktemp("free")
    return free_workspace(folder), folder / "ws"


@pytest.fixture(scope="module")
def client(free: tuple[Measurement, Path]) -> Iterator[TestClient]:
    with client_of(free[1]) as opened:
        yield opened


@pytest.fixture(scope="module")
def traits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates of one respondent rated by statements, the later of which is higher on one."""
    folder = tmp_path_factory.mktemp("traits")
    for day, high in (("2026-01-05", 2.5), ("2026-02-05", 5.5)):
        own = {"one": level(high, 3, of_each=6), "two": level(3, 3, of_each=6)}
        measured(folder, own, items=ITEMS, day=day, occasion=day)
    return folder / "ws"


def test_a_score_is_the_mean_of_what_its_answers_count(
    free: tuple[Measurement, Path], client: TestClient
) -> None:
    checked = 0
    for row in free[0].rows:
        for name, score in row.dimensions.items():
            found = whole(client, "schwartz", row.respondent, name, limit=3)
            values = [a["value"] for a in found if a["value"] is not None]
            assert len(values) == score.n
            assert sum(a["outcome"] == "refusal" for a in found) == score.refused
            if score.score is not None:
                assert 100 * fmean(values) == pytest.approx(score.score, abs=0.006)
                checked += 1
    assert checked >= 20
    assert sum(s.refused for s in free[0].rows[0].dimensions.values()) > 0


def test_answers_come_once_each_in_one_order_whatever_the_pages(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = whole(client, "schwartz", HOSTILE, "Power", limit=50)
    monkeypatch.setattr(behind_module, "_AT_ONCE", 2)
    for limit in (1, 4):
        assert whole(client, "schwartz", HOSTILE, "Power", limit=limit) == at_once
    items = [a["item"] for a in at_once]
    assert items == sorted(set(items))
    assert len(items) == 7  # the trade-off is no free text
    path = "/boards/schwartz/respondent/behind"
    only = get(client, path, name=HOSTILE, dimension="Power", item=items[3])
    assert only["answers"] == [at_once[3]]


def test_pages_go_on_in_their_measurement_when_another_arrives(tmp_path: Path) -> None:
    def sat(day: str, high: float) -> None:
        own = {"one": level(high, 3, of_each=6), "two": level(3, 3, of_each=6)}
        measured(tmp_path, own, items=ITEMS, day=day, occasion=day)

    sat("2026-01-05", 2.5)
    with client_of(tmp_path / "ws") as site:
        path = "/boards/big-five/respondent/behind"
        asked: dict[str, Any] = {"name": "one", "dimension": TRAITS[0]}
        first = get(site, path, limit=4, **asked)
        sat("2026-02-05", 5.5)
        second = get(site, path, limit=4, after=first["next"], **asked)
        assert second["measurement"] == first["measurement"] and second["next"] is None
        seen = [a["item"] for a in (*first["answers"], *second["answers"])]
        assert len(seen) == len(set(seen)) == 6
        assert get(site, path, **asked)["measurement"] != first["measurement"]


def test_of_a_keyed_scale_the_ratings_stand_behind(traits: Path) -> None:
    with client_of(traits) as client:
        found = whole(client, "big-five", "one", TRAITS[0], limit=4)
        assert {a["kind"] for a in found} == {"likert"}
        assert len(found) == 6
        profile = get(client, "/boards/big-five/respondent", name="one")
    assert "judge" not in {f["name"] for f in profile["facts"]}
    score = next(d["score"] for d in profile["dims"] if d["name"] == TRAITS[0])
    assert 100 * fmean(a["value"] for a in found) == pytest.approx(score, abs=0.006)
    assert all(a["reading"]["rating"] in (5, 6) for a in found)


def test_spans_join_to_the_answer_and_hostile_texts_stay_texts(client: TestClient) -> None:
    found = whole(client, "schwartz", HOSTILE, "Power", limit=50)
    assert any(a["text"] == SCRIPT for a in found)
    texts = {"".join(s["text"] for s in a["spans"]) for a in found}
    assert REFUSAL in texts
    assert any("<script>alert(3)</script>" in text for text in texts)
    raw = client.get("/api/v1/boards/schwartz/respondent", params={"name": HOSTILE})
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert raw.json()["respondent"] == HOSTILE


def test_a_profile_has_what_the_measurement_has(
    free: tuple[Measurement, Path], client: TestClient
) -> None:
    profile = get(client, "/boards/schwartz/respondent", name=HOSTILE)
    own = free[0].rows[0]
    assert profile["measurement"] == free[0].id
    assert {d["name"] for d in profile["dims"]} == set(own.dimensions)
    for d in profile["dims"]:
        score = own.dimensions[d["name"]]
        for key in ("score", "low", "high", "n", "refused", "missing"):
            assert d[key] == getattr(score, key)
        for further in d["details"]:
            assert further["score"] == score.detail[further["key"]]["score"]
    power = next(d for d in profile["dims"] if d["name"] == "Power")
    assert {"expression_rate", "endorsement"} <= {x["key"] for x in power["details"]}
    facts = {f["name"]: f["value"] for f in profile["facts"]}
    assert facts["developer"] == "Nobody & Sons"
    assert facts["judge"] == "local"
    assert profile["gate"]["status"] in ("passed", "failed", "undecided", "unmeasured")
    assert not profile["simulated"]
    assert get(client, "/boards/schwartz/respondent", name="planted")["simulated"]


def test_the_cost_is_that_of_its_own_responses(
    free: tuple[Measurement, Path], client: TestClient
) -> None:
    for position, name in enumerate((HOSTILE, "plain", "planted")):
        cost = get(client, "/boards/schwartz/respondent", name=name)["cost"]
        many, tokens = rows(
            free[1],
            "select count(*), sum(output_tokens) from (select distinct r.key, r.repeat, "
            "r.output_tokens from responses r join answers a on a.key = r.key and "
            f"a.repeat = r.repeat where a.position = {position})",
        )[0]
        assert cost["responses"] == many > 0
        assert cost["output_tokens"] == tokens


def test_everybody_is_listed_with_systems_and_dates(client: TestClient, traits: Path) -> None:
    found = get(client, "/respondents")["respondents"]
    assert [r["name"] for r in found] == sorted((HOSTILE, "plain", "planted"))
    assert [r["simulated"] for r in found if r["name"] == "planted"] == [True]
    with client_of(traits) as other:
        one = get(other, "/respondents")["respondents"][0]
    assert one["systems"] == [{"system": "big-five", "date": "2026-02-05", "measurements": 2}]


def test_drift_is_what_python_says(traits: Path) -> None:
    with client_of(traits) as client:
        found = get(client, "/boards/big-five/respondent/drift", name="one")
    told = anyio.run(partial(drift, traits, None, "one", "big-five"))
    assert [s["date"] for s in found["series"]] == ["2026-01-05", "2026-02-05"]
    (change,) = found["changes"]
    assert (change["since"], change["until"]) == ("2026-01-05", "2026-02-05")
    assert change["dimensions"] == told["changes"][0]["dimensions"]
    assert change["dimensions"][TRAITS[0]]["difference"] == pytest.approx(60)


def test_the_board_of_a_day_has_the_profile_of_that_day(traits: Path) -> None:
    with client_of(traits) as client:
        path = "/boards/big-five/respondent"
        then, now = (get(client, path, name="one", date=d) for d in ("2026-01-05", "2026-02-05"))
    assert then["date"] == "2026-01-05"
    assert now["dims"][0]["score"] - then["dims"][0]["score"] == pytest.approx(60, abs=0.02)


def test_a_manifest_is_readable_and_whole(
    free: tuple[Measurement, Path], client: TestClient
) -> None:
    found = get(client, f"/measurements/{free[0].id}/manifest")
    assert found["manifest"] == without_folders(free[0].manifest)
    assert any(HOSTILE in value for g in found["groups"] for _, value in g["rows"])


def test_of_a_published_table_nothing_is_made_up(tmp_path: Path) -> None:
    table = [{"model": "theirs", "Openness": 0.5, "Extraversion": -0.1, "Neuroticism": 0.2}]
    imported(tmp_path, table, "2025-01-15")
    with client_of(tmp_path / "ws") as client:
        profile = get(client, "/boards/big-five/respondent", name="theirs")
        error = get(
            client,
            "/boards/big-five/respondent/behind",
            404,
            name="theirs",
            dimension="Openness",
        )
    assert profile["imported"]
    assert profile["cost"] is None
    assert profile["gate"] is None
    assert {d["name"]: d["score"] for d in profile["dims"]} == {
        "Openness": 0.5,
        "Extraversion": -0.1,
        "Neuroticism": 0.2,
    }
    assert all(d[key] is None for d in profile["dims"] for key in ("low", "high", "n", "refused"))
    assert profile["axis"] == {"low": -0.1, "high": 0.5}
    assert "published elsewhere" in error["error"]["message"]


@pytest.mark.parametrize(
    ("path", "params", "status", "told"),
    [
        ("/boards/schwartz/respondent", {"name": "nobody"}, 404, "nobody"),
        ("/boards/absent/respondent", {"name": "plain"}, 404, "absent"),
        ("/boards/schwartz/respondent", {}, 422, "name"),
        ("/boards/schwartz/respondent/drift", {"name": "nobody"}, 404, "nobody"),
        (
            "/boards/schwartz/respondent/behind",
            {"name": "plain", "dimension": "Bravery"},
            400,
            "Bravery",
        ),
        (
            "/boards/schwartz/respondent/behind",
            {"name": "plain", "dimension": "Power", "after": "x.y.z"},
            400,
            "after",
        ),
        (
            "/boards/schwartz/respondent/behind",
            {"name": "plain", "dimension": "Power", "limit": 51},
            422,
            "limit",
        ),
        ("/measurements/0000000000000000/manifest", {}, 404, "0000000000000000"),
    ],
)
def test_what_is_wrong_is_named(
    client: TestClient, path: str, params: dict[str, str], status: int, told: str
) -> None:
    error = get(client, path, status, **params)["error"]
    assert error["status"] == status
    assert told in error["message"]
