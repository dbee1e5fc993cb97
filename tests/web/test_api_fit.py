"""Cultures, value space and match over the API: the numbers of Python callers, nothing stored."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from scipy.stats import spearmanr
from starlette.testclient import TestClient

from tests.board.measured import imported
from tests.measure.helpers import QUESTIONS, question, write_items
from valuecompass.board.boards import load_board
from valuecompass.board.cultures.profiles import demonstration_profiles
from valuecompass.board.cultures.report import culture_report
from valuecompass.board.persons.space import value_space
from valuecompass.measure.run import run
from valuecompass.models import Respondent
from valuecompass.store import DATABASE
from valuecompass.values import builtin_system
from valuecompass.web.api.cultures import MOST_CULTURES
from valuecompass.web.app import make_app
from valuecompass.web.settings import Settings

SCHWARTZ = builtin_system("schwartz")
NAMES = SCHWARTZ.names
HOSTILE = "<img src=x onerror=alert(1)>/../\"'&?#%25"
KNOWN = demonstration_profiles(SCHWARTZ)
CHINA = dict(zip(NAMES, KNOWN.values[0].tolist(), strict=True))


@contextlib.contextmanager
def serving(workspace: Path) -> Generator[TestClient]:
    with TestClient(make_app(Settings(workspace)), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published table: one like China, one at random, one hostile name, one without order."""
    folder = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(4)
    rows = [
        {"model": "like China", **CHINA},
        {"model": "random", **dict(zip(NAMES, rng.permutation(10).tolist(), strict=True))},
        {"model": HOSTILE, **dict(zip(NAMES, rng.permutation(10).tolist(), strict=True))},
        {"model": "flat", **dict.fromkeys(NAMES, 3)},
    ]
    imported(folder, rows, "2025-01-31", system="schwartz")
    return folder / "ws"


@pytest.fixture(scope="module")
def client(published: Path) -> Iterator[TestClient]:
    with serving(published) as opened:
        yield opened


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("simulated")
    items = [question(*one) for one in QUESTIONS]
    run(
        [
            Respondent(name=f"planted {n}", model=f"simulated/schwartz?Power={n}&seed={n}")
            for n in (1, 2)
        ],
        ["schwartz"],
        items=write_items(folder, items),
        form="tiny",
        judge="local",
        workspace=folder / "ws",
    )
    with serving(folder / "ws") as opened:
        yield opened


def get(client: TestClient, path: str, status: int = 200, **params: Any) -> Any:
    answer = client.get(f"/api/v1{path}", params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def post(client: TestClient, path: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"/api/v1{path}", json={"system": "schwartz", **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def row_of(document: Any, name: str) -> Any:
    return next(row for row in document["rows"] if row["respondent"] == name)


@pytest.mark.parametrize("method", ["spearman", "kendall", "pearson"])
@pytest.mark.parametrize("treatment", ["as-is", "without:Power", "last:Power"])
def test_cells_are_those_of_python(
    published: Path, client: TestClient, method: Any, treatment: str
) -> None:
    board = anyio.run(partial(load_board, published, None, "schwartz"))
    expected = culture_report(board, [KNOWN], method=method, treatment=treatment)
    found = get(client, "/cultures/schwartz", method=method, treatment=treatment)
    assert treatment in found["treatments"]
    for row in found["rows"]:
        cells = [cell["value"] for cell in row["cells"]]
        assert cells == list(expected["cells"][row["respondent"]].values())
        assert row["fits"] == expected["fits"][row["respondent"]]
        assert row["p"] == expected["p"][row["respondent"]]
    assert found["notices"] == expected["notices"]


def test_who_is_like_a_culture_fits_and_a_random_order_does_not(client: TestClient) -> None:
    found = get(client, "/cultures/schwartz")
    like = row_of(found, "like China")
    assert (like["nearest"], like["fits"]) == (["China"], True)
    assert like["cells"][0]["value"] == pytest.approx(1)
    assert [one["claim"] for one in like["claims"]] == ["like China is nearest to China"]
    assert row_of(found, "random")["fits"] is False
    flat = row_of(found, "flat")
    assert flat["nearest"] == [] and flat["cells"][0]["value"] is None and flat["fits"] is None
    assert found["countries"]["UK"] == "826" and found["countries"]["Singapore"] == "702"
    assert any("reconstruction" in said for said in found["notices"])


def test_simulated_respondents_are_marked_and_have_intervals(simulated: TestClient) -> None:
    found = get(simulated, "/cultures/schwartz")
    assert [row["simulated"] for row in found["rows"]] == [True, True]
    cells = [cell for row in found["rows"] for cell in row["cells"] if cell["value"] is not None]
    assert cells
    assert all(-1 <= c["low"] <= c["value"] <= c["high"] <= 1 for c in cells)


def test_the_curve_counts_where_a_culture_alone_is_nearest(client: TestClient) -> None:
    found = get(client, "/cultures/schwartz/curve", respondent="like China")
    whole = get(client, "/cultures/schwartz")
    assert len(found["specifications"]) == 53
    for claim in found["claims"]:
        alone = [s["nearest"] == [claim["culture"]] for s in found["specifications"]]
        assert claim["share"] == pytest.approx(np.mean(alone))
        assert claim["supported"] == (claim["share"] >= found["threshold"])
    # the report counts its claims in another place: both must say the same
    (claim,) = row_of(whole, "like China")["claims"]
    top = found["claims"][0]
    assert top["culture"] == "China"
    assert all(top[key] == claim[key] for key in ("share", "of", "supported", "hangs_on"))
    first = found["specifications"][0]
    assert (first["method"], first["treatment"]) == ("spearman", "as-is")
    cells = [cell["value"] for cell in row_of(whole, "like China")["cells"]]
    assert first["estimates"] == pytest.approx(cells)


def test_a_hostile_name_is_an_ordinary_one_and_an_unknown_one_is_not_found(
    client: TestClient,
) -> None:
    assert get(client, "/cultures/schwartz/curve", respondent=HOSTILE)["respondent"] == HOSTILE
    error = get(client, "/cultures/schwartz/curve", 404, respondent="nobody")["error"]
    assert "nobody" in error["message"]
    nothing = get(client, "/cultures/schwartz/curve", respondent="flat")
    assert nothing["claims"] == []
    assert {e for s in nothing["specifications"] for e in s["estimates"]} == {None}


def test_wrong_parameters_are_named(client: TestClient) -> None:
    assert get(client, "/cultures/schwartz", 422, method="x")["error"]["field"] == "method"
    assert get(client, "/cultures/schwartz", 422, treatment="x")["error"]["field"] == "treatment"
    assert (
        "Nope" in get(client, "/cultures/schwartz", 400, treatment="last:Nope")["error"]["message"]
    )
    get(client, "/cultures/safety", 404)
    get(client, "/space/safety", 404)
    get(client, "/questionnaires/safety", 404)
    get(client, "/questionnaires/nope", 404)


def sheet(rows: dict[str, list[float]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["culture", *NAMES])
    writer.writerows([name, *values] for name, values in rows.items())
    return out.getvalue()


def test_profiles_that_are_sent_are_compared_like_the_others(client: TestClient) -> None:
    as_json = json.dumps(
        {
            "about": {"source": "Ours.", "notices": ["Asked in one town."]},
            "profiles": {
                name: dict(zip(NAMES, row, strict=True))
                for name, row in zip(KNOWN.cultures, KNOWN.values.tolist(), strict=True)
            },
        }
    )
    shipped = get(client, "/cultures/schwartz")
    rows = dict(zip(KNOWN.cultures, KNOWN.values.tolist(), strict=True))
    sent = {"json": as_json, "csv": "\ufeff" + sheet(rows), "tsv": sheet(rows, "\t")}
    for kind, text in sent.items():
        found = post(client, "/cultures/compare", kind=kind, text=text, respondent="random")
        assert found["report"]["rows"] == shipped["rows"]
        assert found["curve"]["respondent"] == "random"
        names = {s["profiles"] for s in found["curve"]["specifications"]}
        assert names == {"your profiles"}
        told = found["report"]["notices"]
        assert ("Asked in one town." in told) == (kind == "json")


def test_one_culture_has_no_curve_and_groups_are_not_on_the_map(client: TestClient) -> None:
    one = sheet({"DEU, gndr 1": list(range(10))})
    found = post(client, "/cultures/compare", kind="csv", text=one)
    assert found["curve"] is None and found["report"]["pairs"] is None
    two = sheet({"DEU": list(range(10)), "the <b>Moon</b>": list(range(10))[::-1]})
    found = post(client, "/cultures/compare", kind="csv", text=two)
    assert found["report"]["countries"] == {"DEU": "276"}
    assert found["curve"]["respondent"] == "like China"


@pytest.mark.parametrize(
    ("kind", "text", "named"),
    [
        ("csv", "culture,Power\nHere,1\n", ("mine, line 2", "Here", "Self-direction")),
        ("csv", sheet({"Here": [1] * 9 + [float("nan")]}), ("line 2", "Universalism")),
        ("csv", "country,Power\nHere,1\n", ("mine, line 1", "culture")),
        ("csv", "", ("mine, line 1", "empty")),
        ("csv", "a\0b", ("mine", "culture")),
        ("json", "{", ("mine, line 1", "JSON")),
        ("json", "[" * 5000, ("mine",)),
        ("json", '{"Here": {"Power": "much"}}', ("Here", "Power", "much")),
        ("json", '{"Here": {"Power": 1e999}}', ("Here", "Power", "finite")),
        (
            "csv",
            sheet({f"c{n}": list(range(10)) for n in range(MOST_CULTURES + 1)}),
            (str(MOST_CULTURES),),
        ),
    ],
)
def test_a_set_that_cannot_be_read_is_told_with_place_and_field(
    client: TestClient, kind: str, text: str, named: tuple[str, ...]
) -> None:
    error = post(client, "/cultures/compare", 400, kind=kind, text=text, name="mine")["error"]
    for part in named:
        assert part in error["message"]


def test_a_set_that_is_too_long_is_refused(client: TestClient) -> None:
    error = post(client, "/cultures/compare", 422, text="x" * 1_000_001)["error"]
    assert error["field"] == "text" and len(error["message"]) < 300
    post(client, "/cultures/compare", 413, text="x" * 2_100_000)


def test_the_space_is_that_of_python(published: Path, client: TestClient) -> None:
    board = anyio.run(partial(load_board, published, None, "schwartz", samples=0))
    for shown, cultures in (("true", KNOWN), ("false", None)):
        expected = value_space(board, cultures).json()
        found = get(client, "/space/schwartz", cultures=shown)
        assert [p["name"] for p in found["points"]] == [p["name"] for p in expected["points"]]
        assert found["points"][0]["x"] == pytest.approx(expected["points"][0]["x"])
        assert found["directions"].keys() == set(NAMES)
        assert found["stress_means"] == expected["stress_means"]
    assert any("flat" in said for said in found["notices"])


def answers_like(asked: Any, profile: dict[str, float]) -> dict[str, float]:
    """Return answers of somebody who orders values so: ranks 1 to 10 on the scale."""
    given: dict[str, float] = {}
    for item in asked["items"]:
        value = 1 + 5 * (profile[item["dimension"]] - 1) / 9
        given[item["id"]] = value if item["keying"] > 0 else 7 - value
    return given


def test_a_person_is_matched_by_the_order_of_values(client: TestClient) -> None:
    asked = get(client, "/questionnaires/schwartz")
    assert len(asked["items"]) == 30 and set(asked["circle"]) == set(NAMES)
    found = post(client, "/match", answers=answers_like(asked, CHINA))
    assert (found["fits"], found["winners"]) == (True, ["like China"])
    assert found["cultures"]["nearest"] == ["China"] and found["cultures"]["fits"] is True
    assert found["matches"][-1]["reason"] == "all its scores are equal"
    mine = [found["person"][name] for name in found["dimensions"]]
    for one in found["cultures"]["matches"]:
        other = KNOWN.values[KNOWN.cultures.index(one["culture"])]
        assert one["rho"] == pytest.approx(spearmanr(mine, other).statistic)
        assert one["match"] == pytest.approx(50 * (one["rho"] + 1))
    assert found["orders"]["respondents"]["like China"] == found["order"]
    assert "flat" not in found["orders"]["respondents"]


def test_rounded_scores_of_a_link_match_as_the_answers_did(client: TestClient) -> None:
    asked = get(client, "/questionnaires/schwartz")
    rng = np.random.default_rng(2)
    for _ in range(5):
        answers = {item["id"]: int(rng.integers(1, 7)) for item in asked["items"]}
        found = post(client, "/match", answers=answers)
        rounded = {name: round(mean, 1) for name, mean in found["person"].items()}
        again = post(client, "/match", scores=rounded)
        assert again["matches"] == found["matches"] and again["cultures"] == found["cultures"]


def test_nobody_fits_an_order_drawn_by_lot_and_equal_answers_rank_nobody(
    client: TestClient,
) -> None:
    asked = get(client, "/questionnaires/schwartz")
    lot = dict(zip(NAMES, np.random.default_rng(8).permutation(10) + 1.0, strict=True))
    found = post(client, "/match", answers=answers_like(asked, lot))
    assert found["fits"] is False and found["winners"] == []
    assert found["notices"][0].startswith("Nobody fits")
    assert found["cultures"]["fits"] is False and found["cultures"]["nearest"] == []
    assert found["cultures"]["notices"][0].startswith("No culture fits")
    same = post(client, "/match", answers={item["id"]: 4 for item in asked["items"]})
    assert same["matches"] == [] and same["fits"] is None and same["cultures"] is None


def test_matches_of_measured_respondents_have_intervals(simulated: TestClient) -> None:
    asked = get(simulated, "/questionnaires/schwartz")
    found = post(simulated, "/match", answers=answers_like(asked, CHINA))
    known = [one for one in found["matches"] if one["match"] is not None]
    assert known and all(one["simulated"] for one in known)
    assert all(0 <= one["low"] <= one["match"] <= one["high"] <= 100 for one in known)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 422, "either answers or scores"),
        ({"answers": {}, "scores": {}}, 422, "either answers or scores"),
        ({"answers": {"1": 3}}, 400, "no answer to '2'"),
        ({"answers": {"1": 7}}, 400, "answer '1'"),
        ({"answers": {"99": 1}}, 400, "'99'"),
        ({"answers": {"1": "x"}}, 422, "answers.1"),
        ({"scores": {"Power": 3}}, 400, "no score for Self-direction"),
        ({"scores": dict.fromkeys(NAMES, 9.0)}, 400, "not on the scale"),
        ({"scores": {**dict.fromkeys(NAMES, 3.0), "power": 3}}, 400, "given twice"),
        ({"scores": {"Greed": 3}}, 400, "Greed"),
        ({"system": "safety", "answers": {}}, 404, "safety"),
    ],
)
def test_wrong_answers_are_told(
    client: TestClient, body: dict[str, Any], status: int, named: str
) -> None:
    assert named in post(client, "/match", status, **body)["error"]["message"]


def test_nothing_of_a_person_or_a_set_is_stored(published: Path, client: TestClient) -> None:
    def whole() -> list[Any]:
        with contextlib.closing(sqlite3.connect(published / DATABASE)) as database:
            return list(database.iterdump())

    before = whole()
    asked = get(client, "/questionnaires/schwartz")
    post(client, "/match", answers=answers_like(asked, CHINA))
    post(client, "/cultures/compare", kind="csv", text=sheet({"A": list(range(10))}))
    assert whole() == before


def test_documents_are_made_once_and_sent_with_their_tag(client: TestClient) -> None:
    for path in ("/cultures/schwartz", "/space/schwartz", "/questionnaires/schwartz"):
        first = client.get(f"/api/v1{path}")
        again = client.get(f"/api/v1{path}", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304 and again.content == b""
