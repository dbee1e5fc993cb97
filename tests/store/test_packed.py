"""Long values are kept packed; what older versions wrote is read as it is."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.rows import response
from tests.store.test_upgrade import migrate
from valuecompass.store import DATABASE, open_store, responses, verdicts
from valuecompass.store.packed import DICTIONARY, FORMAT, SHORTEST, pack, unpack

LONG = "Rules protect those who cannot protect themselves, and keeping them is a duty. " * 8


@given(st.text(st.characters(codec="utf-8"), max_size=2_000), st.integers(1, 5))
def test_what_is_packed_is_unpacked(text: str, times: int) -> None:
    assert unpack(pack(text * times)) == text * times


def test_only_what_gets_shorter_is_packed() -> None:
    assert pack("a" * (SHORTEST - 1)) == "a" * (SHORTEST - 1)
    noise = "".join(chr(0x4E00 + int(d, 16) * 977 % 20_000) for d in hashlib.sha512().hexdigest())
    hard = "".join(hashlib.sha512(bytes([i])).hexdigest() for i in range(2))
    for text in (LONG, noise * 4, hard):
        kept = pack(text)
        assert isinstance(kept, str) or len(kept) < len(text.encode())
    assert len(pack(LONG)) < len(LONG) / 4


def test_half_a_surrogate_pair_survives() -> None:
    assert unpack(pack(LONG + "\ud83d")) == LONG + "\ud83d"


def test_the_dictionary_is_part_of_the_format() -> None:
    # another one makes stored values unreadable: it needs a format of its own
    assert hashlib.sha256(DICTIONARY).hexdigest()[:16] == "076ddde2f3b09868"
    assert FORMAT == b"\x01"


def test_damage_is_told() -> None:
    kept = pack(LONG)
    assert isinstance(kept, bytes)
    for wrong in (b"\x02" + kept[1:], kept[:-5], b"", FORMAT + b"\xff\xff\xff"):
        with pytest.raises(ValueError, match="a stored value"):
            unpack(wrong)


@pytest.mark.anyio
async def test_the_store_packs_long_values_and_reads_plain_ones(workspace: Path) -> None:
    body = [{"part": p, "dimension": f"D{d}", "expressed": 0.0} for p in range(3) for d in range(9)]
    verdict = {"judge": "j", "item": "i", "created": response("a")["created"]}
    async with open_store(workspace) as store:
        await store.write((responses.insert(), [response("a", text=LONG), response("b")]))
        rows = [verdict | {"key": "a", "repeat": 0, "body": body}]
        await store.write((verdicts.insert(), rows))
    with sqlite3.connect(workspace / DATABASE) as connection:
        found = dict(connection.execute("SELECT key, typeof(text) FROM responses"))
        assert found == {"a": "blob", "b": "text"}
        assert connection.execute("SELECT typeof(body) FROM verdicts").fetchone() == ("blob",)
        # as an older version wrote it
        plain = "INSERT INTO verdicts VALUES ('b', 0, 'j', 'i', ?, '2025-01-01 00:00:00')"
        connection.execute(plain, [json.dumps(body)])
        connection.execute("UPDATE responses SET text = ? WHERE key = 'b'", [LONG])
    async with open_store(workspace) as store:
        assert {r["text"] for r in await store.rows(responses.select())} == {LONG}
        assert [r["body"] for r in await store.rows(verdicts.select())] == [body, body]
        row = await store.row(responses.select().where(responses.c.key == "a"), {})
        assert row is not None and row["text"] == LONG


def test_going_back_a_version_leaves_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "ws.sqlite"
    migrate(path, "head")
    row = response("a", text=LONG)
    with sqlite3.connect(path) as connection:
        names = ", ".join(row)
        values = [json.dumps(v) if isinstance(v, dict) else v for v in row.values()]
        values[list(row).index("text")] = pack(LONG)
        values[list(row).index("created")] = "2025-01-01 00:00:00"
        marks = ", ".join("?" for _ in values)
        connection.execute(f"INSERT INTO responses ({names}) VALUES ({marks})", values)
    migrate(path, "0004", down=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT text FROM responses").fetchall() == [(LONG,)]
