"""OpenAI's batch wire format for the mock provider: files up, batches, files down.

A batch is answered when it has been looked at often enough, so that tests hold it as long as they
want; its requests are answered as the chat route would answer them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from valuecompass.hashing import digest

Answer = Callable[[dict[str, Any], str], dict[str, Any]]
"""Makes a completion of a request's body and its hash."""


@dataclass
class Batches:
    """The routes and what they hold.

    Attributes:
        answer: makes the completions.
        looks: how often a batch is looked at before it is done.
        refuse: HTTP status with which new batches are refused; None: they are taken.
        refused: how many were.
        sizes: requests of each batch, in the order of coming.
        abandoned: batches nobody has fetched the answers of.
    """

    answer: Answer
    key: str
    looks: int = 1
    refuse: int | None = None
    refuse_first: int = 10**9
    refused: int = 0
    sizes: list[int] = field(default_factory=list[int])
    done: set[str] = field(default_factory=set[str])
    _files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _batches: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    _looked: dict[str, int] = field(default_factory=dict[str, int])

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the server."""
        return [
            web.post("/v1/files", self._upload),
            web.get("/v1/files/{id}/content", self._content),
            web.post("/v1/batches", self._create),
            web.get("/v1/batches/{id}", self._retrieve),
        ]

    def _stranger(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        error = {"message": "Incorrect API key provided", "code": "invalid_api_key"}
        return web.json_response({"error": error | {"type": "invalid_request_error"}}, status=401)

    async def _upload(self, request: web.Request) -> web.Response:
        if (stranger := self._stranger(request)) is not None:
            return stranger
        form = await request.post()
        assert form["purpose"] == "batch"
        file: Any = form["file"]
        data: bytes = file.file.read()
        name = f"file-{len(self._files) + 1}"
        self._files[name] = data
        about = {"id": name, "object": "file", "bytes": len(data), "created_at": int(time.time())}
        return web.json_response(about | {"filename": file.filename, "purpose": "batch"})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["id"]])

    async def _create(self, request: web.Request) -> web.Response:
        if self.refuse is not None and self.refused < self.refuse_first:
            self.refused += 1
            error = {"message": "no batches today", "type": "server_error", "code": None}
            return web.json_response({"error": error}, status=self.refuse)
        body = await request.json()
        assert body["completion_window"] == "24h"
        lines = [json.loads(line) for line in self._files[body["input_file_id"]].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        assert all(line["url"] == body["endpoint"] for line in lines)
        self.sizes.append(len(lines))
        name = f"batch_{len(self._batches) + 1}"
        self._batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": body["endpoint"],
            "errors": None,
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": int(time.time()),
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "metadata": None,
        }
        return web.json_response(self._batches[name])

    async def _retrieve(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        batch = self._batches[name]
        self._looked[name] = self._looked.get(name, 0) + 1
        if self._looked[name] < self.looks:
            return web.json_response(batch | {"status": "in_progress"})
        if batch["output_file_id"] is None:
            self._finish(batch)
        return web.json_response(batch)

    def _finish(self, batch: dict[str, Any]) -> None:
        lines = [json.loads(x) for x in self._files[batch["input_file_id"]].splitlines()]
        out = [
            {
                "id": f"batch_req_{place}",
                "custom_id": line["custom_id"],
                "response": {
                    "status_code": 200,
                    "request_id": f"req_{place}",
                    "body": self.answer(line["body"], digest(line["body"], 16)),
                },
                "error": None,
            }
            for place, line in enumerate(lines)
        ]
        name = f"file-{len(self._files) + 1}"
        self._files[name] = "\n".join(json.dumps(line) for line in reversed(out)).encode()
        batch["request_counts"]["completed"] = len(out)
        batch |= {"status": "completed", "output_file_id": name, "completed_at": int(time.time())}
        self.done.add(batch["id"])
