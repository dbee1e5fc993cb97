"""Comparison over the API: all pairs, the same as the command, and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from tests.board.measured import TRAITS, imported, level, likert_items, measured
from tests.web.people import HOSTILE, client_of, get
from valuecompass.board.comparison import compare

ITEMS = likert_items(20, TRAITS[:2])
FORMULA = "=cmd|' /C calc'!A0"
PATH = "/boards/big-five/comparison"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    own = {
        HOSTILE: level(5.5, 3, of_each=20),
        "low": level(1.5, 3, of_each=20),
        FORMULA: level(1.5, 3, of_each=20),
    }
    measured(folder, own, items=ITEMS)
    return folder / "ws"


@pytest.fixture(scope="module")
def client(workspace: Path) -> Iterator[TestClient]:
    with client_of(workspace) as opened:
        yield opened


def compared(client: TestClient, *names: str, status: int = 200, path: str = PATH) -> Any:
    return get(client, path, status, **{"with": list(names)})


def test_it_is_what_python_and_the_command_say(workspace: Path, client: TestClient) -> None:
    names = (HOSTILE, "low", FORMULA)
    told = anyio.run(partial(compare, workspace, None, "big-five", names))
    assert compared(client, *names) == told
    first, _, alike = told["pairs"]
    assert first["dimensions"][TRAITS[0]]["discovered"]
    assert first["dimensions"][TRAITS[0]]["difference"] == pytest.approx(80)
    assert not first["dimensions"][TRAITS[1]]["discovered"]
    assert not alike["dimensions"][TRAITS[0]]["discovered"]


def test_both_answers_to_what_separates_a_pair_are_there(client: TestClient) -> None:
    pair = compared(client, HOSTILE, "low")["pairs"][0]
    assert pair["items"]
    for one in pair["items"]:
        values = [
            get(
                client,
                "/boards/big-five/respondent/behind",
                name=name,
                dimension=one["dimension"],
                item=one["item"],
            )["answers"]
            for name in (pair["a"], pair["b"])
        ]
        assert [answers[0]["text"] for answers in values] == [one["text"]] * 2
        apart = 100 * (values[0][0]["value"] - values[1][0]["value"])
        assert apart == pytest.approx(one["difference"], abs=1e-4)


def test_the_table_has_a_row_for_each_pair_and_dimension_and_runs_nothing(
    client: TestClient,
) -> None:
    names = [HOSTILE, "low", FORMULA]
    answer = client.get(f"/api/v1{PATH}.csv", params={"with": names})
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    pairs = compared(client, *names)["pairs"]
    assert len(table) == 3 * len(pairs[0]["dimensions"])
    assert {row["second"] for row in table} == {"low", f"'{FORMULA}"}
    row = next(r for r in table if r["second"] == "low" and r["dimension"] == TRAITS[0])
    assert float(row["difference"]) == pairs[0]["dimensions"][TRAITS[0]]["difference"]
    assert row["discovered"] == "true"


def test_of_a_published_table_there_is_no_interval_and_nothing_is_discovered(
    tmp_path: Path,
) -> None:
    table = [
        {"model": name, "Openness": score, "Extraversion": 0.2}
        for name, score in (("a", 0.5), ("b", 0.1))
    ]
    imported(tmp_path, table, "2025-01-15")
    with client_of(tmp_path / "ws") as client:
        found = compared(client, "a", "b")
    assert found["imported"]
    cell = found["pairs"][0]["dimensions"]["Openness"]
    assert cell["difference"] == pytest.approx(0.4)
    assert all(cell[key] is None for key in ("low", "high", "p", "q", "discovered", "n"))
    assert found["pairs"][0]["items"] == []


@pytest.mark.parametrize(
    ("names", "status", "told"),
    [
        (("low",), 422, "with"),
        (("low", "low"), 400, "two to 8 different"),
        (("low", "nobody"), 400, "nobody"),
        (tuple("abcdefghi"), 422, "with"),
    ],
)
def test_what_is_wrong_is_named(
    client: TestClient, names: tuple[str, ...], status: int, told: str
) -> None:
    assert told in compared(client, *names, status=status)["error"]["message"]


def test_of_a_system_that_is_not_here_nothing_is_found(client: TestClient) -> None:
    error = compared(client, "low", HOSTILE, status=404, path="/boards/absent/comparison")
    assert "absent" in error["error"]["message"]
