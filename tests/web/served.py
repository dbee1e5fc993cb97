"""A server in a process of its own, and people who hold tokens of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2

from valuecompass.store import open_store
from valuecompass.web.tokens import create_token

PATIENCE = 300


def token_for(workspace: Path, name: str, scope: str) -> str:
    async def make() -> str:
        async with open_store(workspace) as store:
            return (await create_token(store, name, scope))[1]

    return anyio.run(make)


class Person:
    """Somebody at the API of a server."""

    def __init__(self, address: str, token: str | None = None) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.http = httpx2.Client(base_url=f"{address}/api/v1", headers=headers, timeout=PATIENCE)

    def get(self, path: str, **query: Any) -> Any:
        return self._said(self.http.get(path, params=query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._said(self.http.post(path, json=body))

    def put(self, path: str, body: Any) -> Any:
        return self._said(self.http.put(path, json=body))

    def refused(self, method: str, path: str, status: int, body: Any = None) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        error: dict[str, Any] = answer.json()["error"]
        assert error["status"] == status and error["message"]
        return error

    def watch(self, job: str, after: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield type and body of each message until the stream ends."""
        headers = {"last-event-id": str(after)}
        kind = ""
        with self.http.stream("GET", f"/jobs/{job}/events", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    @staticmethod
    def _said(answer: Any) -> Any:
        assert answer.is_success, (answer.status_code, answer.text)
        return answer.json()


@contextlib.contextmanager
def served(workspace: Path, *options: str) -> Generator[str]:
    """Serve a workspace; yield the address."""
    words = ["serve", "--port", "0", "-w", str(workspace), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "valuecompass", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, process.communicate()[1]
        yield line[line.index("http://") :].strip().rstrip("/")
    finally:
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in out + err, out + err
