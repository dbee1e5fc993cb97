"""A workspace as files: the pages, and every document they ask for, for any file server.

Documents are what the server answers: each subject's module says which there are
(``exported(here)``), and they are asked of the app itself, in this process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import anyio
import httpx2
from anyio.streams.memory import MemoryObjectReceiveStream
from fastapi import FastAPI

import valuecompass
from valuecompass.errors import InputError, ValueCompassError, ungrouped
from valuecompass.files import replacing_folder
from valuecompass.store import DATABASE
from valuecompass.web.app import API, SUBJECTS, make_app
from valuecompass.web.files import read_pages
from valuecompass.web.security import POLICY
from valuecompass.web.settings import Settings
from valuecompass.web.shards import Wanted
from valuecompass.web.site import Site

MANIFEST = "valuecompass-site.json"
AT_ONCE = 4
"""Documents asked for at once: the slow ones are made in threads and processes."""
_HEAD = '<meta charset="utf-8" />'
_ASK = {"accept-encoding": "identity"}


@dataclass(frozen=True)
class ExportedSite:
    """What was written. bytes: before a file server compresses them."""

    path: Path
    documents: int
    bytes: int


async def export_site(
    out: Path,
    *,
    workspace: Path,
    db: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> ExportedSite:
    """Write the pages with every document they ask for.

    Args:
        out: folder; an earlier export there is replaced, as a whole or not at all.
        workspace: what to show.
        db: SQLAlchemy URL instead of the folder's database.
        progress: told the documents written so far, after each.

    Raises:
        InputError: there is no workspace, `out` holds something else, or cannot be written.
        StoreError: the workspace cannot be read.
    """
    if db is None and not (workspace / DATABASE).is_file():
        raise InputError(f"{workspace}: no measurements here yet; name another workspace with -w")
    with replacing_folder(out, _objection) as folder, ungrouped():
        written, documents = _pages(folder), 0

        async def keep(
            client: httpx2.AsyncClient, asked: MemoryObjectReceiveStream[Wanted]
        ) -> None:
            nonlocal written, documents
            async for one in asked:
                body = await _answer(client, one)
                if body is not None:
                    written += _write(folder / API.strip("/") / one.shard(), body, one)
                    documents += 1
                    if progress is not None:
                        progress(documents)

        send, receive = anyio.create_memory_object_stream[Wanted]()
        async with (
            _asking(make_app(Settings(workspace, db, static=True))) as (site, client),
            anyio.create_task_group() as tasks,
            send,
        ):
            for _ in range(AT_ONCE):
                tasks.start_soon(keep, client, receive)
            for exported in _subjects():
                async for one in exported(site):
                    await send.send(one)
        done = ExportedSite(out, documents, written)
        about = {"valuecompass": valuecompass.__version__, "documents": documents, "bytes": written}
        (folder / MANIFEST).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return done


def static_page(page: str) -> str:
    """Return the page of an export: it says that it is one, and carries the policy itself.

    A file server sends no policy; ``frame-ancestors`` has no effect in a page.
    """
    policy = "; ".join(p for p in POLICY.split("; ") if not p.startswith("frame-ancestors"))
    added = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}" />',
        '<meta name="valuecompass-static" content="" />',
    )
    if _HEAD not in page:
        raise ValueError("index.html: no place for what says that this is an export")
    return page.replace(_HEAD, "\n    ".join((_HEAD, *added)), 1)


def _objection(folder: Path) -> str | None:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        ours = "valuecompass" in found
    except (OSError, ValueError, TypeError):
        ours = False
    return None if ours else "there are files here that are no export of a site; name a new folder"


def _pages(folder: Path) -> int:
    written = 0
    for name, found in read_pages().found.items():
        body = found.body
        if name == "index.html":
            body = static_page(body.decode()).encode()
        elif name == "sources.txt":
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        written += (folder / name).write_bytes(body)
    return written


def _write(path: Path, body: bytes, wanted: Wanted) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            return file.write(body)
    except FileExistsError:
        raise ValueCompassError(f"{wanted.address()}: two documents have one name") from None


async def _answer(client: httpx2.AsyncClient, wanted: Wanted) -> bytes | None:
    """Return a document; None where there is none and need not be."""
    answer = await client.get(API + wanted.address(), headers=_ASK)
    if wanted.maybe and answer.status_code in (400, 404):
        return None
    if answer.status_code != 200:
        raise _failure(wanted, answer)
    return answer.content


def _subjects() -> Iterator[Callable[[Site], AsyncIterator[Wanted]]]:
    for name in reversed(SUBJECTS):  # what takes longest, findings, goes on beside the rest
        exported = getattr(import_module(f"valuecompass.web.api.{name}"), "exported", None)
        if exported is not None:
            yield exported


@contextlib.asynccontextmanager
async def _asking(app: FastAPI) -> AsyncGenerator[tuple[Site, httpx2.AsyncClient]]:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield app.state.site, client


def _failure(wanted: Wanted, answer: httpx2.Response) -> ValueCompassError:
    try:
        why = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        why = f"status {answer.status_code}"
    return ValueCompassError(f"{wanted.address()}: {why}")
