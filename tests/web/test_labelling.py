"""A round over HTTP from its draw to labels for a judge, and a report of a wrong verdict."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.measure.helpers import MODEL, judging, measure, write_items
from tests.measure.helpers import rows as kept
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import in_thread
from tests.web.served import Person, served, token_for
from valuecompass.judges.quality.labelled import read_labels

N = 6
NAMES = (("olga", "operator"), *((name, "annotator") for name in ("ada", "ben", "cleo", "dora")))


class Place(NamedTuple):
    workspace: Path
    measurement: str
    people: dict[str, Person]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """A server over a small judged measurement."""
    folder = tmp_path_factory.mktemp("labelled")
    with pytest.MonkeyPatch.context() as patch, in_thread() as mock:
        patch.setattr(mock_module, "answer", judging)
        for name, value in (*mock.env.items(), ("NO_PROXY", "127.0.0.1")):
            patch.setenv(name, value)
        made = measure(folder / "ws", write_items(folder))
        held = {name: token_for(folder / "ws", name, scope) for name, scope in NAMES}
        with served(folder / "ws") as address:
            people = {n: Person(address, t) for n, t in held.items()}
            yield Place(folder / "ws", made.id, people)


def label_all(person: Person, round: str, body: dict[str, Any], *different: str) -> dict[str, Any]:
    at: dict[str, Any] = {}
    for unit in person.get(f"/labels/rounds/{round}/units")["units"]:
        said = {"expressed": 0, "valence": 0} if unit["id"] in different else body
        at = person.put(f"/labels/rounds/{round}/units/{unit['id']}", said)
    return at


def test_a_round_from_its_draw_to_labels(place: Place, tmp_path: Path) -> None:
    olga, ada, ben, cleo, dora = place.people.values()
    ada.refused("POST", "/labels/rounds", 403, {"measurement": place.measurement})
    olga.refused("POST", "/labels/rounds", 404, {"measurement": "0" * 16})
    olga.refused("POST", "/labels/rounds", 422, {"measurement": place.measurement, "n": 0})
    drawn = olga.post("/labels/rounds", {"measurement": place.measurement, "n": N})
    path = f"/labels/rounds/{drawn['id']}"
    assert (drawn["units"], drawn["role"], drawn["step"]) == (N, None, "label")
    seen = ada.get(f"{path}/units")
    assert seen["wording"]["ask_side"] and {d["name"] for d in seen["dimensions"]} == {
        u["dimension"] for u in seen["units"]
    }
    assert MODEL.split("/")[-1] not in json.dumps(seen["units"])
    odd = sorted(u["id"] for u in seen["units"])[:2]
    yes = {"expressed": 1, "valence": 1}
    ada.refused("PUT", f"{path}/units/{odd[0]}", 400, {"expressed": 1})
    ada.refused("PUT", f"{path}/units/{odd[0]}", 422, {"expressed": 2, "valence": 1})
    ada.refused("PUT", f"{path}/units/{'0' * 16}", 404, yes)
    assert label_all(ada, drawn["id"], yes)["step"] == "wait"
    assert ben.refused("GET", f"{path}/agreement", 409)
    # a file of what both say alike would tell each of the other, too
    ben.put(f"{path}/units/{odd[0]}", yes)
    so_far = ben.http.get("/labels/export.jsonl", params={"measurement": place.measurement})
    assert (so_far.status_code, so_far.text) == (200, "")
    at = label_all(ben, drawn["id"], yes, *odd)
    assert (at["disputed"], at["decided"], at["step"]) == (2, 0, "wait")
    assert ada.refused("PUT", f"{path}/units/{odd[0]}", 409, yes)
    assert ada.get(f"{path}/agreement")["disputed"] == 2
    to_decide = cleo.get(f"{path}/units")["units"]
    assert sorted(u["id"] for u in to_decide) == odd and all(u["both"] for u in to_decide)
    assert label_all(cleo, drawn["id"], yes)["step"] == "done"
    assert dora.refused("GET", f"{path}/units", 409)
    text = ada.http.get("/labels/export.jsonl", params={"measurement": place.measurement}).text
    (found := tmp_path / "labels.jsonl").write_text(text)
    assert [row.expressed for row in read_labels(found)] == [1] * N
    (listed,) = dora.get("/labels/rounds")["rounds"]
    assert (listed["id"], listed["labelled"]) == (drawn["id"], [N, N])


def test_a_reported_verdict_is_kept_apart(place: Place) -> None:
    olga, ada = place.people["olga"], place.people["ada"]
    ((item,),) = kept(
        place.workspace,
        "select a.item from answers a join items i on i.id = a.item "
        "where json_extract(i.body, '$.kind') = 'question' limit 1",
    )
    body = {"measurement": place.measurement, "position": 0, "item": item, "dimension": "Power"}
    comment = "<img src=x onerror=alert(1)>"
    said = ada.post("/labels/reports", {**body, "expressed": 1, "valence": -1, "comment": comment})
    assert said["mine"] == {"expressed": 1, "valence": -1}
    ada.refused("POST", "/labels/reports", 400, {**body, "expressed": 1})
    ada.refused(
        "POST", "/labels/reports", 404, {**body, "position": 9, "expressed": 1, "valence": 0}
    )
    ada.refused("POST", "/labels/reports", 422, {**body, "expressed": 1, "comment": "x" * 1_001})
    ada.refused("GET", "/labels/reports", 403)
    (report,) = olga.get("/labels/reports")["reports"]
    assert (report["comment"], report["annotator"], report["item"]) == (comment, "ada", item)
    ada.refused("GET", "/labels/export.jsonl?kind=reports", 403)
    answer = olga.http.get("/labels/export.jsonl", params={"kind": "reports"})
    assert json.loads(answer.text)["source"] == "report"
    assert answer.headers["content-disposition"].startswith("attachment")
