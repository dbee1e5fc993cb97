"""What costs the server work and keeps nothing is limited for each address."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.people import client_of
from tests.web.worlds import SYSTEM
from valuecompass.errors import InputError
from valuecompass.web.access import COMPARED_AT_ONCE, COMPARISONS
from valuecompass.web.api import cultures

API = "/api/v1"


@pytest.fixture
def client(world: Path) -> Iterator[TestClient]:
    with client_of(world) as found:
        yield found


@pytest.mark.parametrize("path", ["/match", "/cultures/compare"])
def test_comparisons_are_limited_and_reading_goes_on(client: TestClient, path: str) -> None:
    # on a slow machine some of it is regained meanwhile
    answers = [client.post(f"{API}{path}", json={})]
    while answers[-1].status_code == 422 and len(answers) < 2_000:
        answers.append(client.post(f"{API}{path}", json={}))
    assert answers[-1].status_code == 429 and len(answers) > COMPARISONS[0]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Too many comparisons" in answers[-1].json()["error"]["message"]
    # one limit for all that is compared; none for what is only read
    other = client.post(f"{API}/match", json={})
    assert other.status_code == 429
    assert client.get(f"{API}/boards/{SYSTEM}").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/match", {"system": SYSTEM, "answers": {str(n): 1 for n in range(201)}}, "answers"),
        ("/cultures/compare", {"system": SYSTEM, "text": "x" * 1_000_001}, "text"),
    ],
)
def test_what_is_compared_is_bounded(
    client: TestClient, path: str, body: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{API}{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_a_body_in_pieces_that_never_ends_is_refused(client: TestClient) -> None:
    pieces = (b"x" * 100_000 for _ in range(40))
    answer = client.post(
        f"{API}/match", content=pieces, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["message"]


def test_some_comparisons_are_made_at_a_time_and_others_wait(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def slow(*_: object) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.2)
        with lock:
            now -= 1
        raise InputError("no profiles")

    monkeypatch.setattr(cultures, "parse_profiles", slow)
    body = {"system": SYSTEM, "text": "{}"}
    with ThreadPoolExecutor(8) as many:
        answers = many.map(lambda _: client.post(f"{API}/cultures/compare", json=body), range(8))
        assert {answer.status_code for answer in answers} == {400}
    assert most == COMPARED_AT_ONCE
