"""Documents: JSON that is made once for a state of the workspace, and then only sent.

Measurements never change, so nearly everything a page shows depends on nothing but which of them
there are. A document is computed once, kept as bytes with its compressed form, and sent with an
ETag that browsers give back; a new measurement makes a new state, and so new documents.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import anyio
from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from sqlalchemy import func, select
from starlette.responses import Response

from valuecompass.hashing import digest
from valuecompass.store import Store, evolutions, measurements, retirements

T = TypeVar("T")
MOST_BYTES = 64_000_000
"""Of documents kept; the ones not asked for the longest go first."""
SMALL = 600
"""Bytes below which compressing saves nothing."""
_STATE = select(
    select(func.count()).select_from(measurements).scalar_subquery().label("measurements"),
    # of two measurements on one day the later import may be the newer: both enter
    select(func.max(measurements.c.created)).scalar_subquery().label("newest"),
    select(func.count()).select_from(retirements).scalar_subquery().label("retirements"),
    select(func.count()).select_from(evolutions).scalar_subquery().label("evolutions"),
    select(func.count(evolutions.c.finished)).scalar_subquery().label("finished"),
)


@dataclass(frozen=True)
class Document:
    """Bytes that are ready to be sent."""

    body: bytes
    packed: bytes | None
    etag: str
    media: str

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + len(self.packed or b"")


def document(body: bytes, media: str = "application/json") -> Document:
    """Make a document of its bytes."""
    packed = gzip.compress(body, 6, mtime=0) if len(body) >= SMALL else None
    return Document(body, packed, f'"{digest(body.hex(), 20)}"', media)


def lean(made: BaseModel) -> Document:
    """Make a document of a model, without what is usual: files of an export are many."""
    return document(made.model_dump_json(exclude_defaults=True).encode())


class Documents:
    """The documents of one server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._bytes = 0
        self._making: dict[str, anyio.Event] = {}
        self._values: dict[str, tuple[str, Any]] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def state(self) -> str:
        """Return what changes whenever a document may have: no more than a look-up."""
        row = await self.store.row(_STATE, {})
        return str(tuple((row or {}).values()))

    async def kept(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Return a value that several documents rest on, made once for a state of the workspace.

        Args:
            name: of the value; names come from code and systems, so there are few.
            make: computes it.
        """
        state = await self.state()
        async with self._locks.setdefault(name, anyio.Lock()):
            found = self._values.get(name)
            if found is None or found[0] != state:
                found = self._values[name] = (state, await make())
        return cast("T", found[1])

    async def answer(
        self, request: Request, make: Callable[[], Awaitable[BaseModel | Document]]
    ) -> Response:
        """Answer a request with its document, made now if nobody has asked for it yet.

        Args:
            request: its path and query name the document.
            make: computes it: a model of pydantic, sent as JSON, or a document.
        """
        key = f"{request.url.path}?{_asked(request)} {await self.state()}"
        found = await self._found(key, make)
        return sent(request, found)

    async def _found(
        self, key: str, make: Callable[[], Awaitable[BaseModel | Document]]
    ) -> Document:
        # many who ask for the same at once wait for one who makes it
        while key not in self._kept and key in self._making:
            await self._making[key].wait()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        done = self._making[key] = anyio.Event()
        try:
            made = await make()
            if isinstance(made, BaseModel):
                made = await anyio.to_thread.run_sync(_written, made)
            self._keep(key, made)
            return made
        finally:
            del self._making[key]
            done.set()

    def _keep(self, key: str, made: Document) -> None:
        if made.size > MOST_BYTES // 4:
            return
        self._kept[key] = made
        self._bytes += made.size
        while self._bytes > MOST_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.size


def _asked(request: Request) -> str:
    """Return the parameters that a route knows; others would have the same made again and again."""
    known = _known(request.scope["route"].dependant)
    pairs = (pair for pair in request.query_params.multi_items() if pair[0] in known)
    return urlencode(sorted(pairs, key=itemgetter(0)))


def _known(of: Dependant) -> set[str]:
    names = {field.alias for field in of.query_params}
    return names.union(*map(_known, of.dependencies))


def _written(made: BaseModel) -> Document:
    return document(made.model_dump_json().encode())


def sent(request: Request, found: Document, cache: str = "no-cache") -> Response:
    """Send a document: nothing where the browser has it, else compressed where it may be."""
    headers = {"etag": found.etag, "cache-control": cache, "vary": "accept-encoding"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            found.packed, media_type=found.media, headers=headers | {"content-encoding": "gzip"}
        )
    return Response(found.body, media_type=found.media, headers=headers)
