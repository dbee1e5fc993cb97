"""Operators and annotators over HTTP: a run watched to its end, and who may do what."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from tests.measure.helpers import count, rows
from tests.support.mock_provider import KEY, MockProvider, in_thread
from tests.web.served import PATIENCE, Person, served, token_for
from valuecompass.store import open_store
from valuecompass.web.access import Limiter
from valuecompass.web.tokens import revoke_token

EMBEDDED = "embedded/smollm2-135m-instruct"


class Place(NamedTuple):
    workspace: Path
    address: str
    people: dict[str, Person]


def run_of(*models: str, **fields: Any) -> dict[str, Any]:
    named = [{"model": model} for model in models or ("openai-api/mock/some-model",)]
    of = {"kind": "run", "respondents": named, "systems": ["big-five"], "form": "tiny"}
    return of | fields


@pytest.fixture(scope="module")
def mock() -> Generator[MockProvider]:
    with in_thread() as mock:
        yield mock


@pytest.fixture(scope="module")
def place(mock: MockProvider, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """One server for all: two operators, an annotator and a reader at it."""
    workspace = tmp_path_factory.mktemp("served") / "ws"
    held = {
        name: token_for(workspace, name, scope)
        for name, scope in (("olga", "operator"), ("otto", "operator"), ("ada", "annotator"))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        for name, value in (*mock.env.items(), ("NO_PROXY", "127.0.0.1")):
            patch.setenv(name, value)
        with served(workspace, "--workers", "2") as address:
            people = {n: Person(address, t) for n, t in held.items()}
            yield Place(workspace, address, people | {"reader": Person(address)})


@pytest.fixture(autouse=True)
def _no_faults(mock: MockProvider) -> None:
    mock.faults()


def ended(person: Person, job: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while (found := person.get(f"/jobs/{job}"))["state"] in ("queued", "running", "stopping"):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


def test_a_run_is_started_and_watched_to_its_end_on_the_embedded_model(workspace: Path) -> None:
    token = token_for(workspace, "olga", "operator")
    with served(workspace) as address:
        olga = Person(address, token)
        assert olga.get("/me")["scope"] == "operator"
        price = olga.post("/jobs/price", run_of(EMBEDDED))
        assert price["usd"] == 0 and price["lines"][0]["requests"] == 10
        assert count(workspace, "jobs") == 0
        job = olga.post("/jobs", run_of(EMBEDDED))
        seen = list(olga.watch(job["id"]))
        events = [body for kind, body in seen if kind == "event"]
        assert [e["number"] for e in events] == list(range(1, len(events) + 1))
        assert [e["state"] for e in events if e["event"] == "state"] == ["running", "done"]
        last = [body for kind, body in seen if kind == "job"][-1]
        assert last["state"] == "done" and last["progress"]["done"] == 10
        assert seen[-1][0] == "end"
        (made,) = last["result"]["measurements"]
        assert rows(workspace, "select id from measurements") == [(made["id"],)]
        # who comes back hears the rest, not all again
        again = [b["number"] for k, b in olga.watch(job["id"], events[1]["number"]) if k == "event"]
        assert again == [e["number"] for e in events[2:]]
        assert olga.get("/boards/big-five")["rows"][0]["respondent"] == EMBEDDED


def test_two_operators_at_once(place: Place, mock: MockProvider) -> None:
    people = place.people
    mock.faults("hang:after=3", latency_ms=100)
    olga, otto = people["olga"], people["otto"]
    first = olga.post("/jobs", run_of("openai-api/mock/first"))
    second = otto.post("/jobs", run_of("openai-api/mock/second"))
    error = otto.refused("POST", "/jobs", 409, run_of("openai-api/mock/first"))
    assert first["id"] in error["message"]
    listed = {job["id"]: job["by"] for job in otto.get("/jobs")["jobs"]}
    assert listed.items() >= {first["id"]: "olga", second["id"]: "otto"}.items()
    for job in (first, second):
        otto.post(f"/jobs/{job['id']}/stop")  # each may stop the other's
        assert ended(otto, job["id"])["state"] == "stopped"
    mock.faults()
    for job in (first, second):
        olga.post(f"/jobs/{job['id']}/resume", {"budget": {"calls": 100}})
    assert {ended(olga, job["id"])["state"] for job in (first, second)} == {"done"}
    assert olga.refused("POST", f"/jobs/{first['id']}/resume", 409, {})["message"]


def test_who_may_do_what(place: Place) -> None:
    people, jobs = place.people, count(place.workspace, "jobs")
    reader, ada, olga = people["reader"], people["ada"], people["olga"]
    assert reader.get("/meta")["static"] is False
    for method, path, body in (
        ("GET", "/jobs", None),
        ("GET", "/jobs/choices", None),
        ("POST", "/jobs", run_of()),
        ("POST", "/jobs/price", run_of()),
        ("GET", f"/jobs/{'0' * 16}/events", None),
        ("POST", "/labels/rounds", {"measurement": "0" * 16}),
        ("GET", "/labels/reports", None),
    ):
        assert "token of an operator" in reader.refused(method, path, 401, body)["message"]
        assert "yours is of an annotator" in ada.refused(method, path, 403, body)["message"]
    for method, path in (
        ("GET", "/labels/rounds"),
        ("GET", "/labels/export.jsonl"),
        ("GET", "/me"),
    ):
        assert "token of an annotator" in reader.refused(method, path, 401)["message"]
    assert ada.get("/labels/rounds") == olga.get("/labels/rounds") == {"rounds": []}
    assert olga.refused("GET", f"/jobs/{'0' * 16}", 404)
    assert count(place.workspace, "jobs") == jobs


def test_a_wrong_token_opens_nothing_and_too_many_have_to_wait(place: Place) -> None:
    wrong = Person(place.address, "vc_00000000_" + "a" * 43)
    revoked = Person(place.address, token_for(place.workspace, "nina", "operator"))
    assert revoked.get("/me")["name"] == "nina"

    async def revoke() -> None:
        async with open_store(place.workspace) as store:
            await revoke_token(store, "nina")

    anyio.run(revoke)
    assert "not valid" in revoked.refused("GET", "/me", 401)["message"]
    for path in ("/meta", "/jobs", "/labels/rounds"):
        assert "not valid" in wrong.refused("GET", path, 401)["message"]
    codes = [wrong.http.get("/jobs").status_code for _ in range(10)]
    assert codes[0] == 401 and codes[-1] == 429
    assert int(wrong.http.get("/jobs").headers["retry-after"]) >= 1
    assert place.people["olga"].get("/me")["name"] == "olga"  # from the same address


def test_a_closed_server_answers_holders_of_tokens_only(workspace: Path) -> None:
    token = token_for(workspace, "ada", "annotator")
    with served(workspace, "--closed") as address:
        assert "closed" in Person(address).refused("GET", "/meta", 401)["message"]
        assert Person(address, token).get("/meta")["systems"] == []


def test_writes_are_limited(place: Place) -> None:
    stop = f"/jobs/{'0' * 16}/stop"
    hasty = Person(place.address, token_for(place.workspace, "hasty", "operator"))
    answers = (hasty.http.post(stop).status_code for _ in range(2_000))
    assert next(answers) == 404 and 429 in answers
    assert place.people["olga"].http.post(stop).status_code == 404


def test_a_limit_is_regained_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("valuecompass.web.access.time.monotonic", lambda: now)
    limiter = Limiter(2, 0.5)
    assert [limiter.wait("a") for _ in range(3)] == [0, 0, 2]
    assert limiter.wait("b") == 0
    now = 2.0
    assert [limiter.wait("a") for _ in range(2)] == [0, 2]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (run_of("recorded//etc/passwd"), "files of the server"),
        (run_of(systems=["nobody"]), "no such value system"),
        (run_of(api_key="sk-" + "a1b2" * 8), "environment, by name"),
        (run_of(form="long"), "form"),
        ({"kind": "walk"}, "kind"),
        ([], "body"),
    ],
)
def test_a_specification_that_is_refused(place: Place, body: Any, says: str) -> None:
    jobs = count(place.workspace, "jobs")
    for path in ("/jobs", "/jobs/price"):
        error = place.people["olga"].refused("POST", path, 422, body)
        assert says in error["message"] and "a1b2" not in str(error)
    assert count(place.workspace, "jobs") == jobs


def test_no_secret_is_in_database_log_or_answers(place: Place, mock: MockProvider) -> None:
    people, workspace = place.people, place.workspace
    olga = people["olga"]
    mock.faults("invalid_key")
    job = olga.post("/jobs", run_of("openai-api/mock/refused"))
    told = str(ended(olga, job["id"])) + str(list(olga.watch(job["id"])))
    assert "refuses the key" in told
    secrets = [KEY]
    for person in people.values():
        if match := re.search(r"vc_\w{8}_(.{43})", person.http.headers.get("authorization", "")):
            secrets.append(match[1])
    assert len(secrets) == 4
    for secret in secrets:
        assert secret not in told
        for path in workspace.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_a_missing_key_is_named(place: Place) -> None:
    olga = place.people["olga"]
    spec = run_of("anthropic/claude-haiku-4-5")
    (line,) = olga.post("/jobs/price", spec)["lines"]
    assert line["lacks"] == "ANTHROPIC_API_KEY"
    job = ended(olga, olga.post("/jobs", spec)["id"])
    assert job["state"] == "failed" and "ANTHROPIC_API_KEY" in job["message"]
