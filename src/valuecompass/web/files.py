"""The built pages, read once: they are small, and a server must not read a disk for them."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import FastAPI, Request
from starlette.responses import Response

from valuecompass.web.documents import Document, document, sent
from valuecompass.web.errors import error

_FOR_EVER = "public, max-age=31536000, immutable"
"""Names under assets/ hold a hash of what is in them."""


@dataclass(frozen=True)
class Pages:
    """The files of the bundle by their path."""

    found: dict[str, Document]

    def answer(self, request: Request, path: str) -> Response:
        """Send a file. There is one page: which of its views is behind the address's ``#``."""
        found = self.found.get(path or "index.html")
        if found is None:
            return error(404, f"/{path}: there is nothing here; pages begin at /.")
        return sent(request, found, _FOR_EVER if path.startswith("assets/") else "no-cache")


def read_pages() -> Pages:
    """Read the bundle that comes with the package."""
    root = files("valuecompass.web") / "static"
    return Pages(dict(_walk(root, "")))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Document]]:
    found: list[tuple[str, Document]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found += _walk(entry, f"{name}/")
        else:
            media = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            found.append((name, document(entry.read_bytes(), _with_charset(media))))
    return found


def _with_charset(media: str) -> str:
    if media.startswith("text/") or media.endswith(("javascript", "json", "svg+xml")):
        return f"{media}; charset=utf-8"
    return media


def install(app: FastAPI, pages: Pages) -> None:
    """Serve the pages under every path that is not the API's; last, so that routes come first."""

    async def page(request: Request, path: str = "") -> Response:
        return pages.answer(request, path)

    app.add_api_route("/{path:path}", page, methods=["GET", "HEAD"], include_in_schema=False)
