"""Operators and annotators over HTTP: a run watched to its end, and who may do what."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.measure.helpers import count, rows
from tests.support.mock_provider import KEY, MockProvider
from tests.web.served import PATIENCE, Person, serving, token_for
from valuecompass.web.tokens import revoke_token

EMBEDDED = "embedded/smollm2-135m-instruct"


def run_of(*models: str, **fields: Any) -> dict[str, Any]:
    named = [{"model": model} for model in models or ("openai-api/mock/some-model",)]
    of = {"kind": "run", "respondents": named, "systems": ["big-five"], "form": "tiny"}
    return of | fields


@pytest.fixture
def people(workspace: Path, mock_provider: MockProvider) -> Generator[dict[str, Person]]:
    """Two operators, an annotator and a reader at a server that reaches the mock provider."""
    held = {
        name: token_for(workspace, name, scope)
        for name, scope in (("olga", "operator"), ("otto", "operator"), ("ada", "annotator"))
    }
    with serving(workspace, "--workers", "2") as address:
        yield {"reader": Person(address)} | {n: Person(address, t) for n, t in held.items()}


def ended(person: Person, job: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while (found := person.get(f"/jobs/{job}"))["state"] in ("queued", "running", "stopping"):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


def test_a_run_is_started_and_watched_to_its_end_on_the_embedded_model(workspace: Path) -> None:
    token = token_for(workspace, "olga", "operator")
    with serving(workspace) as address:
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


def test_two_operators_at_once(people: dict[str, Person], mock_provider: MockProvider) -> None:
    mock_provider.faults("hang:after=3", latency_ms=100)
    olga, otto = people["olga"], people["otto"]
    first = olga.post("/jobs", run_of("openai-api/mock/first"))
    second = otto.post("/jobs", run_of("openai-api/mock/second"))
    error = otto.refused("POST", "/jobs", 409, run_of("openai-api/mock/first"))
    assert first["id"] in error["message"]
    listed = {job["id"]: job["by"] for job in otto.get("/jobs")["jobs"]}
    assert listed == {first["id"]: "olga", second["id"]: "otto"}
    for job in (first, second):
        otto.post(f"/jobs/{job['id']}/stop")  # each may stop the other's
        assert ended(otto, job["id"])["state"] == "stopped"
    mock_provider.faults()
    for job in (first, second):
        olga.post(f"/jobs/{job['id']}/resume", {"budget": {"calls": 100}})
    assert {ended(olga, job["id"])["state"] for job in (first, second)} == {"done"}
    assert olga.refused("POST", f"/jobs/{first['id']}/resume", 409, {})["message"]


def test_who_may_do_what(people: dict[str, Person], workspace: Path) -> None:
    reader, ada, olga = people["reader"], people["ada"], people["olga"]
    assert reader.get("/meta")["systems"] == []
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
    assert count(workspace, "jobs") == 0


def test_a_wrong_token_opens_nothing_and_too_many_have_to_wait(
    people: dict[str, Person], workspace: Path
) -> None:
    base = str(people["reader"].http.base_url).removesuffix("/api/v1/")
    wrong = Person(base, "vc_00000000_" + "a" * 43)
    assert "not valid" in wrong.refused("GET", "/meta", 401)["message"]
    for _ in range(9):
        wrong.refused("GET", "/jobs", 401)
    answer = wrong.http.get("/jobs")
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    assert people["olga"].get("/jobs")["jobs"] == []  # from the same address
    import anyio

    from valuecompass.store import open_store

    async def revoke() -> None:
        async with open_store(workspace) as store:
            await revoke_token(store, "olga")

    anyio.run(revoke)
    people["olga"].http.get("/jobs")
    assert people["olga"].http.get("/jobs").status_code in (401, 429)


def test_a_closed_server_answers_holders_of_tokens_only(workspace: Path) -> None:
    token = token_for(workspace, "ada", "annotator")
    with serving(workspace, "--closed") as address:
        assert "closed" in Person(address).refused("GET", "/meta", 401)["message"]
        assert Person(address, token).get("/meta")["systems"] == []


def test_writes_are_limited(people: dict[str, Person]) -> None:
    stop = f"/jobs/{'0' * 16}/stop"
    codes = [people["otto"].http.post(stop).status_code for _ in range(140)]
    assert codes[0] == 404 and codes[-1] == 429
    assert people["olga"].http.post(stop).status_code == 404


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
def test_a_specification_that_is_refused(
    people: dict[str, Person], workspace: Path, body: Any, says: str
) -> None:
    for path in ("/jobs", "/jobs/price"):
        error = people["olga"].refused("POST", path, 422, body)
        assert says in error["message"] and "a1b2" not in str(error)
    assert count(workspace, "jobs") == 0


def test_no_secret_is_in_database_log_or_answers(
    people: dict[str, Person], workspace: Path, mock_provider: MockProvider
) -> None:
    olga = people["olga"]
    mock_provider.faults("invalid_key")
    job = olga.post("/jobs", run_of())
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


def test_a_missing_key_is_named(people: dict[str, Person]) -> None:
    olga = people["olga"]
    spec = run_of("anthropic/claude-haiku-4-5")
    (line,) = olga.post("/jobs/price", spec)["lines"]
    assert line["lacks"] == "ANTHROPIC_API_KEY" and line["usd"] > 0
    job = ended(olga, olga.post("/jobs", spec)["id"])
    assert job["state"] == "failed" and "ANTHROPIC_API_KEY" in job["message"]
