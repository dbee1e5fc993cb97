"""A server process: one address, a clear message when it cannot have it."""

from __future__ import annotations

import contextlib
import ctypes
import socket
from collections.abc import Callable

import uvicorn

from valuecompass.errors import InputError, ValueCompassError
from valuecompass.store import DATABASE
from valuecompass.web.app import make_app
from valuecompass.web.settings import Settings


def run_server(
    settings: Settings, host: str, port: int, ready: Callable[[str], object] | None = None
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: of the app.
        host: address to listen on.
        port: 0: any that is free.
        ready: told the address once it answers.

    Raises:
        InputError: there is no workspace, or the address cannot be had.
        StoreError: the workspace cannot be read.
    """
    if settings.db is None and not (settings.workspace / DATABASE).is_file():
        raise InputError(
            f"{settings.workspace}: no measurements here yet; make one with: "
            "valuecompass run -m MODEL -s SYSTEM, or name another workspace with -w"
        )
    _give_back()
    listener = _listener(host, port)
    try:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}"
        server = _Server(settings, address, ready)
        # uvicorn ends the process when the app cannot start; why is told below
        with contextlib.suppress(SystemExit):
            server.run(sockets=[listener])
    finally:
        listener.close()
    failure: ValueCompassError | None = getattr(server.app.state, "failure", None)
    if failure is not None:
        raise failure
    if not server.started:
        raise ValueCompassError("the server could not start")


def _give_back() -> None:
    """Have glibc return what large arrays took; elsewhere this does nothing.

    By itself it comes to keep arrays of up to 32 MB for later, in each thread anew.
    """
    trim_from, arenas = -3, -8  # M_MMAP_THRESHOLD, M_ARENA_MAX
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(trim_from, 1 << 18)
        mallopt(arenas, 2)


class _Server(uvicorn.Server):
    """Uvicorn that says when it answers, and says nothing else by itself."""

    def __init__(
        self, settings: Settings, address: str, ready: Callable[[str], object] | None
    ) -> None:
        self.app = make_app(settings)
        super().__init__(
            uvicorn.Config(
                self.app,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                date_header=False,
                timeout_graceful_shutdown=5,
                timeout_keep_alive=30,
            )
        )
        self.address, self.ready = address, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell whoever waits."""
        await super().startup(sockets=sockets)
        if self.started and self.ready is not None:
            self.ready(self.address)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay only where the protocol is named: else answers wait 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # a server that was stopped a moment ago leaves its address waiting
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"--port {port}: {host} cannot be listened on ({error.strerror}); "
            "is another server running there? Give another --port, or 0 for any that is free"
        ) from None
    return listener
