"""Tokens of those who may write: shown once, kept as a hash.

A token is ``vc_ID_SECRET``. The id finds the row; the secret, 256 bits by the system's generator,
is kept as its SHA-256 alone. A slow hash would add nothing: nobody can try 2^256 secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select

from valuecompass.errors import InputError
from valuecompass.measure.archive import utc
from valuecompass.store import Store, tokens

Scope = Literal["operator", "annotator"]
SCOPES: tuple[Scope, ...] = ("operator", "annotator")
"""An operator may do what an annotator may, too."""
NAME = re.compile(r"[\w.-]{1,40}")
_FORM = re.compile(r"vc_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_BY_ID = select(tokens).where(tokens.c.id == bindparam("of_id"))
MOST_DAYS = 3_650


@dataclass(frozen=True)
class Token:
    """A token as it is kept: without its secret."""

    id: str
    name: str
    """Of who holds it: jobs and labels carry it."""
    scope: Scope
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    def valid(self, now: datetime) -> bool:
        """Say whether it opens anything at this time."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def may(self, scope: Scope) -> bool:
        """Say whether it is good for what needs a scope."""
        return self.scope in (scope, "operator")

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "id": self.id,
            "name": self.name,
            "scope": self.scope,
            "created": _iso(self.created),
            "expires": _iso(self.expires),
            "revoked": _iso(self.revoked),
            "valid": self.valid(datetime.now(UTC)),
        }


async def create_token(
    store: Store, name: str, scope: str, days: int | None = None
) -> tuple[Token, str]:
    """Make a token and return it with its text, which is kept nowhere.

    Args:
        store: the open store.
        name: of who is to hold it; no two valid tokens share one.
        scope: operator or annotator.
        days: after which it opens nothing any more, 1 to `MOST_DAYS`; None: never.

    Raises:
        InputError: a wrong name, scope or number, or the name is taken.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"--name {name}: give up to 40 letters, digits, '.', '-' or '_'")
    known: Scope | None = next((s for s in SCOPES if s == scope), None)
    if known is None:
        raise InputError(f"--scope {scope}: give {' or '.join(SCOPES)}")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InputError(f"--days {days}: give 1 to {MOST_DAYS}")
    now = datetime.now(UTC)
    if any(t.name == name and t.valid(now) for t in await list_tokens(store)):
        raise InputError(
            f"--name {name}: there is a valid token of this name; revoke it first "
            f"(valuecompass token revoke {name}), or give another name"
        )
    expires = None if days is None else now + timedelta(days=days)
    token = Token(secrets.token_hex(4), name, known, now, expires, revoked=None)
    secret = secrets.token_urlsafe(32)
    row = {**vars(token), "hash": _hash(secret)}
    await store.write((tokens.insert(), [row]))
    return token, f"vc_{token.id}_{secret}"


async def list_tokens(store: Store) -> list[Token]:
    """Return all tokens, the newest first."""
    rows = await store.rows(select(tokens).order_by(tokens.c.created.desc()))
    return [_token(row) for row in rows]


async def revoke_token(store: Store, name: str) -> Token:
    """Let a token open nothing any more, at once.

    Args:
        store: the open store.
        name: of a valid token, or its id.

    Raises:
        InputError: there is none.
    """
    now = datetime.now(UTC)
    found = [t for t in await list_tokens(store) if t.valid(now) and name in (t.name, t.id)]
    if not found:
        raise InputError(f"{name}: no valid token of this name; valuecompass token list shows all")
    change = tokens.update().where(tokens.c.id == found[0].id).values(revoked=now)
    await store.write((change, []))
    return replace(found[0], revoked=now)


async def token_of(store: Store, text: str) -> Token | None:
    """Return the valid token of a text; None: it opens nothing.

    The comparison takes the same time wherever the secret differs, and also where no token has the
    id.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    row = await store.row(_BY_ID, {"of_id": match[1]})
    same = hmac.compare_digest(_hash(match[2]), _NOBODY if row is None else row["hash"])
    if row is None or not same:
        return None
    token = _token(row)
    return token if token.valid(datetime.now(UTC)) else None


async def still_valid(store: Store, id: str) -> bool:
    """Say whether a token that opened something a while ago would open it now."""
    row = await store.row(_BY_ID, {"of_id": id})
    return row is not None and _token(row).valid(datetime.now(UTC))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_NOBODY = "0" * 64


def _token(row: Mapping[str, Any]) -> Token:
    expires, revoked = (None if row[n] is None else utc(row[n]) for n in ("expires", "revoked"))
    return Token(row["id"], row["name"], row["scope"], utc(row["created"]), expires, revoked)


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="seconds")
