"""A real server process: what every answer carries, and what happens when things go wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fastapi.routing import APIRoute
from starlette.requests import Request

import valuecompass as vc
from tests.web.worlds import SYSTEM, Served, served
from valuecompass.store import DATABASE, open_store
from valuecompass.web.app import API
from valuecompass.web.documents import Document, Documents, document
from valuecompass.web.security import HEADERS, MOST_BODY
from valuecompass.web.serving import _listener  # pyright: ignore[reportPrivateUsage]

BOARD = f"{API}/boards/{SYSTEM}"


def raw(server: Served, request: bytes) -> bytes:
    """Send bytes that no client library would send; return what comes until the end."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        found = b""
        with contextlib.suppress(OSError):  # the server may hang up in the middle of nonsense
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            while part := line.recv(65_536):
                found += part
        return found


def copied(world: Path, to: Path) -> Path:
    shutil.copytree(world, to)
    return to


def wrong(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Check that an answer is an error of the one shape, and return it."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"status", "message", "field"}
    assert error["status"] == status
    assert error["message"]
    return error


@pytest.mark.parametrize(
    "path",
    ["/", "/icon.svg", f"{API}/meta", BOARD, f"{BOARD}/scores.csv", "/none", f"{API}/none"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_answer_carries_the_policy(server: Served, path: str, method: str) -> None:
    answer = httpx2.request(method, server.address + path, timeout=60)
    assert answer.status_code < 500
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8321", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.", 400),
        ("", 400),
        ("[::2]", 400),
    ],
)
def test_a_server_answers_only_under_names_it_knows(server: Served, host: str, status: int) -> None:
    answer = server.get(f"{API}/meta", headers={"host": host})
    assert answer.status_code == status
    if status == 400:
        assert "--host-name" in wrong(answer, 400)["message"]
        assert "content-security-policy" in answer.headers


def test_a_further_name_can_be_given(world: Path) -> None:
    with served(world, "--host-name", "values.example.org") as running:
        answer = running.get(f"{API}/meta", headers={"host": "values.example.org:443"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/none", 404, None),
        ("/assets/none.js", 404, None),
        ("/..%2f..%2fetc%2fpasswd", 404, None),
        (f"{API}/none", 404, None),
        (f"{API}/boards/unheard-of", 404, None),
        (f"{BOARD}?date=1999-01-01", 404, None),
        (f"{API}/boards/UPPER", 422, "system"),
        (f"{BOARD}?date={'x' * 33}", 422, "date"),
        (f"{BOARD}/scores.exe", 422, "kind"),
    ],
)
def test_errors_have_one_shape_and_name_the_field(
    server: Served, path: str, status: int, field: str | None
) -> None:
    answer = server.get(path)
    error = wrong(answer, status)
    assert error["field"] == field
    assert answer.headers["cache-control"] == "no-store"


def test_errors_do_not_tell_where_the_workspace_is(server: Served, world: Path) -> None:
    for path in (f"{API}/boards/unheard-of", f"{BOARD}?date=1999-01-01"):
        assert str(world) not in server.get(path).text


def test_a_method_that_is_not_there_is_said(server: Served) -> None:
    error = wrong(httpx2.post(server.address + BOARD, timeout=60), 405)
    assert "not allowed" in error["message"].lower()


def test_a_document_is_sent_once(server: Served) -> None:
    first = server.get(BOARD)
    mark = first.headers["etag"]
    again = server.get(BOARD, headers={"if-none-match": f'"other", {mark}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == mark
    assert again.headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert server.get(BOARD, headers={"if-none-match": '"other"'}).status_code == 200


def test_documents_are_compressed_for_who_takes_it(server: Served) -> None:
    with httpx2.stream(
        "GET", server.address + BOARD, headers={"accept-encoding": "gzip"}, timeout=60
    ) as answer:
        packed = b"".join(answer.iter_raw())
    plain = server.get(BOARD, headers={"accept-encoding": "identity"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert answer.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 2


def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_the_page_is_not(
    server: Served,
) -> None:
    page = server.get("/")
    assert page.headers["cache-control"] == "no-cache"
    script = next(p for p in page.text.split('"') if p.startswith("./assets/"))
    assert "immutable" in server.get(script[1:]).headers["cache-control"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Served) -> None:
    head = f"POST {API}/meta HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    for length in (str(MOST_BODY + 1), "9" * 400):
        answer = raw(server, f"{head}{length}\r\nConnection: close\r\n\r\n".encode())
        # where the number is absurd the HTTP parser refuses it by itself
        assert answer.split()[1] in (b"413", b"400"), answer[:200]
    exact = raw(server, f"{head}{MOST_BODY + 1}\r\nConnection: close\r\n\r\n".encode())
    assert b"2,000,000 bytes" in exact
    assert server.get(f"{API}/meta").status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_end_nothing(server: Served, request_: bytes) -> None:
    answer = raw(server, request_)
    assert not answer or b"500" not in answer.split(b"\r\n")[0]
    assert server.get(f"{API}/meta").status_code == 200


def test_many_at_once_are_answered_alike(world: Path) -> None:
    with served(world) as running, ThreadPoolExecutor(24) as many:
        answers = list(many.map(lambda _: running.get(BOARD), range(96)))
        assert {a.status_code for a in answers} == {200}
        assert len({a.content for a in answers}) == 1


@pytest.mark.anyio
async def test_who_asks_for_the_same_at_once_waits_for_one_who_makes_it(world: Path) -> None:
    made: list[str] = []

    async def make() -> Document:
        made.append("one")
        await anyio.sleep(0.05)
        if len(made) == 1:
            raise ValueError("the first attempt fails")
        return document(json.dumps({"n": len(made)}).encode())

    def request() -> Request:
        return Request(
            {
                **{"type": "http", "method": "GET", "path": "/x", "headers": []},
                **{"query_string": b"", "route": APIRoute("/x", lambda: None)},
            }
        )

    found: list[bytes | None] = []
    async with open_store(world) as store:
        documents = Documents(store)

        async def ask() -> None:
            try:
                found.append(bytes((await documents.answer(request(), make)).body))
            except ValueError:
                found.append(None)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)
    # who made it and failed is told; the next one makes it anew, for all others
    assert found.count(None) == 1
    assert found.count(b'{"n": 2}') == 19
    assert len(made) == 2


def test_a_new_measurement_appears_while_serving(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "ws")
    with served(workspace) as running:
        before = running.get(f"{API}/meta")
        old = running.get(BOARD)
        vc.run(
            [f"simulated/{SYSTEM}?Power=1.5&seed=77"], [SYSTEM], form="tiny", workspace=workspace
        )
        marked = running.get(f"{API}/meta", headers={"if-none-match": before.headers["etag"]})
        assert marked.status_code == 200
        count = {m["id"] for s in before.json()["systems"] for m in s["measurements"]}
        now = {m["id"] for s in marked.json()["systems"] for m in s["measurements"]}
        assert len(now - count) == 1
        assert running.get(BOARD).headers["etag"] != old.headers["etag"]


def test_reading_goes_on_while_somebody_else_writes(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "ws")
    with served(workspace) as running, sqlite3.connect(workspace / DATABASE) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert running.get(BOARD).status_code == 200
        assert time.monotonic() - began < 20
        other.rollback()


def test_a_server_does_not_start_on_a_database_that_another_holds_alone(
    world: Path, tmp_path: Path
) -> None:
    workspace = copied(world, tmp_path / "ws")
    with sqlite3.connect(workspace / DATABASE) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        done = started(workspace)
        assert done.returncode == 2
        assert "another process holds it" in done.stderr
        other.rollback()
    other.close()
    with served(workspace) as running:
        assert running.get(BOARD).status_code == 200


def test_a_database_that_breaks_while_serving_is_an_error_that_says_so(
    world: Path, tmp_path: Path
) -> None:
    workspace = copied(world, tmp_path / "ws")
    with served(workspace) as running:
        assert running.get(f"{API}/meta").status_code == 200
        size = (workspace / DATABASE).stat().st_size
        with (workspace / DATABASE).open("r+b") as file:
            file.seek(8_192)
            file.write(b"\xa5" * (size - 8_192))
        error = wrong(running.get(BOARD), 503)
        assert "damaged" in error["message"]
        assert str(workspace) not in error["message"]
        # pages are no part of the database
        assert running.get("/").status_code == 200


def test_reading_goes_on_when_the_disk_is_full_and_an_export_says_so(
    world: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", megabytes=12) as disk:
        workspace = copied(world, disk / "ws")
        filler = disk / "filler"
        with served(workspace) as running:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"0" * 65_536):
                    pass
            assert running.get(BOARD).status_code == 200
            assert running.get(f"{API}/boards/{SYSTEM}?date=2026-01-02").status_code == 200
        command = [sys.executable, "-m", "valuecompass", "export-site", str(disk / "site")]
        done = subprocess.run(
            [*command, "-w", str(world)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 2
        assert "No space left" in done.stderr
        assert {p.name for p in disk.iterdir()} == {"ws", "filler"}


@contextlib.contextmanager
def small_disk(at: Path, megabytes: int) -> Generator[Path]:
    """A file system of its own, which can be filled without filling the machine's."""
    at.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(at)]
    made = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no small disk can be made here to fill it: {made.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def started(workspace: Path, port: str = "0") -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    command = [sys.executable, "-m", "valuecompass", "serve", "-w", str(workspace)]
    return subprocess.run(
        [*command, "--port", port], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_server_does_not_start_on_what_it_cannot_read(tmp_path: Path) -> None:
    for content, said in ((None, "no measurements here yet"), (b"x" * 5000, "not a database")):
        if content is not None:
            (tmp_path / DATABASE).write_bytes(content)
        done = started(tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_answers_are_sent_without_delay() -> None:
    """asyncio asks the socket for its protocol; without it each answer waits for the client."""
    with _listener("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_two_servers_cannot_have_one_address(server: Served, world: Path) -> None:
    port = server.address.rpartition(":")[2]
    done = started(world, port)
    assert done.returncode == 2
    assert f"--port {port}" in done.stderr


def test_a_server_ends_at_once_and_leaves_the_database_whole(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "ws")
    with served(workspace) as running:
        running.get(BOARD)
        began = time.monotonic()
        assert "Traceback" not in _ended(running)
        assert time.monotonic() - began < 10
        # by the signal, as whoever sent it expects, or by itself
        assert running.process.returncode in (0, -15, 143)
    with sqlite3.connect(workspace / DATABASE) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.execute("BEGIN EXCLUSIVE")
        database.rollback()


def _ended(running: Served) -> str:
    running.process.terminate()
    return running.process.communicate(timeout=30)[1]
