"""Requests that mean harm, and defects that they find: a clear answer, nothing told, none twice."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from tests.web.people import client_of
from tests.web.worlds import SYSTEM, served
from valuecompass.errors import InputError
from valuecompass.store import open_store
from valuecompass.values import builtin_system
from valuecompass.web.access import FAILURES, address_of
from valuecompass.web.api.jobs import _stream  # pyright: ignore[reportPrivateUsage]
from valuecompass.web.errors import LONGEST_FIELD
from valuecompass.web.jobs import Conflict, add_job
from valuecompass.web.phrasing import for_pages
from valuecompass.web.secrets import told_of
from valuecompass.web.security import HEADERS, Guard
from valuecompass.web.site import Site
from valuecompass.web.specs import parse_spec
from valuecompass.web.tokens import create_token, revoke_token

API = "/api/v1"
KEY = "sk-" + "a1B2c3D4" * 4
WRONG = {"authorization": f"Bearer vc_00000000_{'a' * 43}"}


@pytest.fixture
def client(world: Path) -> Iterator[TestClient]:
    with client_of(world) as found:
        yield found


def statuses(address: str, how_many: int) -> set[int]:
    found: set[int] = set()
    for at in range(how_many):
        headers = WRONG | {"x-forwarded-for": f"192.0.2.{at}"}
        found.add(httpx2.get(f"{address}{API}/me", headers=headers, timeout=60).status_code)
    return found


def test_a_limit_is_of_who_asks_and_not_of_who_they_say_they_are(world: Path) -> None:
    tries = FAILURES[0] + 10
    with served(world) as running:
        assert statuses(running.address, tries) == {401, 429}
    with served(world, "--proxy", "127.0.0.1") as running:
        assert statuses(running.address, tries) == {401}


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_network_is_one_caller(host: str, counted: str) -> None:
    assert address_of(Request({"type": "http", "client": (host, 1)})) == counted


@pytest.mark.parametrize("depth", [300, 950])
def test_nested_specifications_are_refused(depth: int) -> None:
    inner: object = KEY
    for _ in range(depth):
        inner = [{"a": inner}]
    with pytest.raises(InputError, match="there is a key in this"):
        parse_spec({"kind": "run", "respondents": inner})


@pytest.mark.parametrize("text", ['{"\\ud800": {%s}}', '{"X": {"Power": %s1%s}}'])
def test_profiles_that_cannot_be_shown_are_refused(client: TestClient, text: str) -> None:
    values = ", ".join(f'"{d.name}": {n}' for n, d in enumerate(builtin_system(SYSTEM).dimensions))
    deep = 950
    filled = text % values if text.count("%s") == 1 else text % ("[" * deep, "]" * deep)
    answer = client.post(f"{API}/cultures/compare", json={"system": SYSTEM, "text": filled})
    assert answer.status_code == 400, answer.text
    assert "your profiles" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", [KEY, "k" * 100_000])
def test_a_field_that_is_not_known_is_not_repeated_whole(client: TestClient, name: str) -> None:
    answer = client.post(f"{API}/match", json={"system": SYSTEM, "answers": {name: "no number"}})
    assert answer.status_code == 422
    assert KEY not in answer.text and len(answer.text) < 4 * LONGEST_FIELD


@pytest.mark.anyio
async def test_what_no_route_expected_is_logged_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(f"inside, with {KEY}")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "headers": [(b"host", b"localhost")]}
    with caplog.at_level(logging.ERROR):
        await Guard(broken, ["localhost"])(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert sent[0]["status"] == 500 and headers.items() >= HEADERS.items()
    assert b"inside" not in sent[1]["body"]
    assert "ValueError: inside" in caplog.text and KEY not in caplog.text


def test_parameters_that_no_route_knows_have_nothing_made_anew(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = Site.board

    async def board(self: Site, system: str, *more: object, **named: object) -> object:
        made.append(system)
        return await real(self, system, *more, **named)  # pyright: ignore

    monkeypatch.setattr(Site, "board", board)
    for query in ("", "?x=1", "?x=2&date=", "?y"):
        client.get(f"{API}/boards/{SYSTEM}{query}")
    assert len(made) <= 2  # an empty date is another question


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (
            "--treatment last:X: 'X' is not a dimension of this board; known: Power",
            "treatment last:X: 'X' is not a dimension of this board; known: Power",
        ),
        (
            "no measurement of schwartz yet; make one with: valuecompass run -m MODEL -s schwartz,"
            " or import a table: valuecompass board import FILE -s schwartz",
            "no measurement of schwartz yet; the page Run makes one",
        ),
        ("a form of our own; name its day with --date", "a form of our own; name its day as date"),
        (
            "--date x: neither a day nor an id here; valuecompass board log lists both",
            "date x: neither a day nor an id here; the page Board lists them",
        ),
        ("A higher --max-usd fits more.", "A higher limit in USD fits more."),
        (
            "Everything so far is stored: repeat the command with a higher limit to go on",
            "Everything so far is stored: resume the job with a higher limit",
        ),
        (
            "Set a valid key in the environment and repeat the command",
            "Set a valid key in the environment of the server and resume the job",
        ),
        (
            "a text --with -x dashes - and a-b--c stays",
            "a text --with -x dashes - and a-b--c stays",
        ),
    ],
)
def test_sentences_of_commands_are_worded_for_pages(printed: str, shown: str) -> None:
    assert for_pages(printed) == shown


@pytest.mark.parametrize("query", ["cultures/schwartz?treatment=last:X", "boards/schwartz?date=x"])
def test_no_error_of_a_page_speaks_of_options(client: TestClient, query: str) -> None:
    message = client.get(f"{API}/{query}").json()["error"]["message"]
    assert "--" not in message and "valuecompass" not in message


def test_what_is_told_has_no_folder_key_or_unstorable_sign(tmp_path: Path) -> None:
    said = f"{tmp_path}/jobs/x.log: {KEY} \ud800\0 in {tmp_path}; {Path.home()}/.cache/y"
    told = told_of(said, tmp_path)
    assert told == "jobs/x.log: [key] \ufffd\ufffd in a folder of the server; .cache/y"


@pytest.mark.anyio
async def test_a_stream_ends_with_its_token(workspace: Path) -> None:
    spec = parse_spec({"kind": "run", "respondents": [{"model": "simulated/schwartz?Power=1"}]})
    async with open_store(workspace) as store:
        token, _ = await create_token(store, "olga", "operator")
        job = await add_job(store, spec, "olga")
        stream = _stream(store, token.id, job.id, 0)
        assert "queued" in await anext(stream)
        await revoke_token(store, "olga")
        assert [message async for message in stream] == []


@pytest.mark.anyio
async def test_of_many_who_ask_for_the_same_job_one_has_it(workspace: Path) -> None:
    spec = parse_spec({"kind": "run", "respondents": [{"model": "simulated/schwartz?Power=1"}]})
    made: list[str] = []
    async with open_store(workspace) as store:

        async def add() -> None:
            with contextlib.suppress(Conflict):
                made.append((await add_job(store, spec, "olga")).id)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(add)
    assert len(made) == 1
