"""A server at which people work: what they and models write there is hostile, too.

Beside the hostile world there are tokens, a round of labels half way through, a reported verdict, a
run that failed with a hostile message, and items that evolved.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.evolve.writers import written
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider, in_thread
from tests.web.served import PATIENCE, Person, served, token_for
from tests.web.worlds import CLOSING, LINK, SCRIPT, SYSTEM, TEMPLATE

NAMES = {
    "olga": "operator",
    **dict.fromkeys(("ada", "ben", "cleo"), "annotator"),
    "dora": "annotator",
}
ROWS = 6
"""Of the round that is half way through."""
CALLS = 150
"""Requests of the run in which items evolve."""


@dataclass(frozen=True)
class Busy:
    """A server, who may write there, and the places of its pages by what they show."""

    workspace: Path
    address: str
    tokens: dict[str, str]
    people: dict[str, Person]
    mock: MockProvider
    views: dict[str, str]
    measurement: str


def hostile(body: dict[str, Any], index: int = 0) -> str:
    """Answer as a model that attacks whoever reads it."""
    said = written(body, index)
    attack = f" {SCRIPT} {CLOSING} {LINK} {TEMPLATE}"
    try:
        fields = json.loads(said[said.index("{") :])
    except ValueError:
        return said + attack
    for name in ("question", "fact"):
        if name in fields:
            fields[name] = f"{fields[name].rstrip('?.')} {SCRIPT}?"
    return json.dumps(fields)


@contextlib.contextmanager
def working(world: Path, folder: Path) -> Generator[Busy]:
    """Serve a copy of a world in which people have begun to work."""
    workspace = folder / "busy"
    shutil.copytree(world, workspace)
    tokens = {name: token_for(workspace, name, scope) for name, scope in NAMES.items()}
    with pytest.MonkeyPatch.context() as patch, in_thread() as mock:
        patch.setattr(mock_module, "answer", hostile)
        for name, value in (*mock.env.items(), ("NO_PROXY", "127.0.0.1,localhost")):
            patch.setenv(name, value)
        with served(workspace, "--workers", "2") as address:
            people = {name: Person(address, token) for name, token in tokens.items()}
            found = Busy(workspace, address, tokens, people, mock, {}, _measured(people["olga"]))
            found.views.update(_views(found))
            yield found


def ended(person: Person, job: str) -> dict[str, Any]:
    """Wait until a job has ended."""
    until = time.monotonic() + PATIENCE
    while (found := person.get(f"/jobs/{job}"))["state"] in ("queued", "running", "stopping"):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


def _measured(person: Person) -> str:
    systems = {s["id"]: s["measurements"] for s in person.get("/meta")["systems"]}
    return next(m["id"] for m in systems[SYSTEM] if m["kind"] == "measured")


def _views(busy: Busy) -> dict[str, str]:
    """Begin all that pages show, and return where it is seen."""
    olga = busy.people["olga"]
    evolving = olga.post("/jobs", _evolving())
    failed = olga.post("/jobs", _failing())
    case = _case(olga)
    round = _half_labelled(busy, case)
    item = next(
        line["id"]
        for line in olga.get("/items", system=SYSTEM, q=SCRIPT)["page"]["lines"]
        if SCRIPT in line["item"]["text"]
    )
    assert SCRIPT in ended(olga, failed["id"])["spec"]["respondents"][0]["label"]
    done = ended(olga, evolving["id"])
    assert done["state"] in ("done", "budget") and done["result"], done
    run = done["result"]["evolution"]
    kept = olga.get(f"/evolutions/{run}")["items"]
    assert any(SCRIPT in one["text"] for one in kept), "nothing hostile evolved"
    return _places(case, {"round": round, "item": item, "run": run, "evolved": kept[0]["id"],
                          "failed": failed["id"], "evolving": evolving["id"]})  # fmt: skip


def _evolving() -> dict[str, Any]:
    models = [{"model": f"openai-api/mock/{name}"} for name in "abc"]
    return {
        "kind": "evolve",
        "pool": models,
        "explorers": [{"model": "openai-api/mock/w"}],
        "systems": [SYSTEM],
        "safety": "none",
        "budget": {"calls": CALLS},
    }


def _failing() -> dict[str, Any]:
    named = {"model": f"nobody/{CLOSING}", "label": SCRIPT, "system": CLOSING}
    return {"kind": "run", "respondents": [named], "systems": [SYSTEM], "form": "tiny"}


def _case(person: Person) -> dict[str, Any]:
    """Return the first hostile case of those that a judge has read."""
    found = person.get(f"/cases/{SYSTEM}", kind="question", q="evil", outcome="answer")
    while found["indexing"] is not None:
        time.sleep(0.1)
        found = person.get(f"/cases/{SYSTEM}", kind="question", q="evil", outcome="answer")
    case: dict[str, Any] = found["cases"][0]
    return case


def _half_labelled(busy: Busy, case: dict[str, Any]) -> str:
    """Let the first annotator label a round and the second some of it, and report a verdict."""
    olga, ada, ben = (busy.people[name] for name in ("olga", "ada", "ben"))
    round = olga.post("/labels/rounds", {"measurement": busy.measurement, "n": ROWS})["id"]
    for person, rows in ((ada, ROWS), (ben, ROWS // 2)):
        for unit in person.get(f"/labels/rounds/{round}/units")["units"][:rows]:
            said = {"expressed": 1, "valence": 1}
            person.put(f"/labels/rounds/{round}/units/{unit['id']}", said)
    report = case["address"] | {
        "dimension": "Power", "expressed": 0, "valence": 0, "comment": SCRIPT + CLOSING,
    }  # fmt: skip
    ada.post("/labels/reports", {k: v for k, v in report.items() if v is not None})
    return round


def _places(case: dict[str, Any], ids: dict[str, str]) -> dict[str, str]:
    at = case["address"]
    place = "/".join(
        str(at[name] or 0) for name in ("measurement", "position", "item", "presentation", "repeat")
    )

    def of(path: str, **params: Any) -> str:
        return f"{path}?{urlencode({'system': SYSTEM, **params}, doseq=True)}"

    one, other = (f"/respondents/{quote(name, safe='')}" for name in (SCRIPT, LINK))
    found = {
        "board": of("/", columns="all", weights="Power=5"),
        "respondents": "/respondents",
        "respondent": of(one, dim="Power", manifest="open"),
        "respondent of an earlier day": of(other, date="2026-01-02"),
        "cases": of("/cases", q="evil"),
        "case": of(f"/cases/{place}", q="evil", beside=SCRIPT, verdicts="all"),
        "comparison": of("/compare", **{"with": [SCRIPT, TEMPLATE]}),
        "cultures": of("/cultures", respondent=SCRIPT),
        "value space": of("/space", pointers="on"),
        "begin of the questionnaire": "/you",
        "your values": of("/you", profile="_".join(["3.0", "5.3"] * 5)),
        "items": of("/items", q=SCRIPT),
        "item": f"/items/{ids['item']}",
        "evolved item": f"/items/{ids['evolved']}",
        "forms": of("/items", tab="forms"),
        "form health": of("/items", tab="health"),
        "evolving runs": of("/items", tab="runs"),
        "an evolving run": of("/items", tab="runs", run=ids["run"]),
        "findings": of("/findings"),
        "methods": "/methods",
        "runs": "/run",
        "failed run": f"/run?job={ids['failed']}",
        "finished run": f"/run?job={ids['evolving']}",
        "rounds": "/label",
        "middle of a round": f"/label?round={ids['round']}",
    }  # fmt: skip
    assert tuple(found) == VIEWS
    return found


VIEWS = (
    *("board", "respondents", "respondent", "respondent of an earlier day", "cases", "case"),
    *("comparison", "cultures", "value space", "begin of the questionnaire", "your values"),
    *("items", "item", "evolved item", "forms", "form health", "evolving runs", "an evolving run"),
    *("findings", "methods", "runs", "failed run", "finished run", "rounds", "middle of a round"),
)
"""What pages show, by the name of its place in `Busy.views`."""
WHO = {"middle of a round": "ben"}
"""Whose view it is, where it is not the operator's."""
