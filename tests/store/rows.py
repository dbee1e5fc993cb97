"""Rows for the tests of the store."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from valuecompass.store import DATABASE


def response(key: str, **changed: Any) -> dict[str, Any]:
    """Return a row of `responses`."""
    row = {
        "key": key,
        "repeat": 0,
        "model": "openai/example",
        "request": {"messages": []},
        "text": f"the answer to {key}",
        "stop_reason": "stop",
        "version": "",
        "input_tokens": 10,
        "output_tokens": 5,
        "usd": None,
        "seconds": 0.1,
        "created": datetime(2025, 1, 1, tzinfo=UTC),
    }
    return row | changed


def keys_on_disk(workspace: Path) -> set[str]:
    """Return the keys of the stored responses, read by another connection than the store's."""
    connection = sqlite3.connect(workspace / DATABASE)
    try:
        return {row[0] for row in connection.execute("SELECT key FROM responses")}
    finally:
        connection.close()


def damage(workspace: Path) -> str:
    """Return what SQLite's own check says of the file: `ok`, or what is wrong."""
    connection = sqlite3.connect(workspace / DATABASE)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()
