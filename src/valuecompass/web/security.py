"""What every answer carries so that hostile text stays text, and who may ask under which name."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from valuecompass.web.errors import error
from valuecompass.web.secrets import covered

_LOG = logging.getLogger("valuecompass.web")
# Pages load scripts, styles and data from their own server and nothing else; no inline script, and
# no text of anybody can be made into markup (Trusted Types) by a mistake of ours. Charts set styles
# through the object model, which `style-src 'self'` allows.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
MOST_BODY = 2_000_000
"""Bytes of a request: a set of profiles, or a long specification; never a data set."""


class Guard:
    """Refuses unknown hosts and large bodies, and puts the headers on every answer.

    What no route expected ends here, too: further out an answer would carry no headers.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found.setdefault(name, value)
            await send(message)

        host = headers.get(b"host", b"").decode("latin-1").lower()
        if "*" not in self.hosts and _name(host) not in self.hosts:
            refused = error(
                400, f"This server does not answer as {host!r}; its operator can add --host-name."
            )
            await refused(scope, receive, guarded)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BODY:
            refused = error(413, f"The body is larger than {MOST_BODY:,} bytes.")
            await refused(scope, receive, guarded)
            return
        try:
            await self.app(scope, _bounded(receive), guarded)
        except Exception as failure:
            # who asked learns nothing of the inside
            _LOG.error("%s", covered("".join(traceback.format_exception(failure))))
            if begun:
                raise
            await error(500, "The server failed; its log says why.")(scope, receive, guarded)


def _bounded(receive: Receive) -> Receive:
    """Stop a body that is sent in pieces and never says how long it is."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BODY:
            return {"type": "http.disconnect"}
        return message

    return bounded


def _name(host: str) -> str:
    """Return a host without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]
