"""What decides how a server behaves; `valuecompass serve` fills it from its options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Settings of a server.

    workspace, db: what it shows, as for every command.
    hosts: names under which it may be asked; others are refused, so that a page from elsewhere
        cannot reach a loopback server under a name of its own (DNS rebinding).
    proxies: addresses of servers in front of this one, who say in X-Forwarded-For who asks;
        from anybody else the header is worth nothing: it would let a caller be somebody else each
        time, and no limit would hold.
    closed: reading needs a token, too.
    workers: runs at a time; further ones wait.
    allow_private: endpoints of models that operators name may lie in private networks.
    static: documents are made for an export: files without a server.
    """

    workspace: Path
    db: str | None = None
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    proxies: tuple[str, ...] = ()
    closed: bool = False
    workers: int = 1
    allow_private: bool = False
    static: bool = False
