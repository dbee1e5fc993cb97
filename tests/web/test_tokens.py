"""Tokens: shown once, kept as a hash, good until they end or are revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.measure.helpers import Command, rows
from valuecompass.errors import InputError
from valuecompass.store import DATABASE, open_store, tokens
from valuecompass.web.tokens import create_token, list_tokens, revoke_token, token_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


async def test_a_token_is_found_by_its_text_and_by_nothing_else(workspace: Path) -> None:
    async with open_store(workspace) as store:
        token, text = await create_token(store, "ada", "operator")
        assert await token_of(store, text) == token
        head, _, secret = text.rpartition("_")
        other = "A" if secret[0] != "A" else "B"
        wrong = (head + "_" + other + secret[1:], "vc_00000000_" + secret, text[:-1], "", "vc__")
        for one in wrong:
            assert await token_of(store, one) is None
        assert await token_of(store, text + "\n") is None


async def test_the_secret_is_nowhere_in_the_workspace(workspace: Path) -> None:
    async with open_store(workspace) as store:
        _, text = await create_token(store, "ada", "operator")
    secret = text.rpartition("_")[2].encode()
    for path in workspace.rglob("*"):
        assert path.is_dir() or secret not in path.read_bytes()
    assert b"ada" in (workspace / DATABASE).read_bytes()  # what is there is found this way


async def test_a_revoked_and_an_expired_token_open_nothing(workspace: Path) -> None:
    async with open_store(workspace) as store:
        _, first = await create_token(store, "ada", "annotator")
        _, second = await create_token(store, "ben", "annotator", days=1)
        await revoke_token(store, "ada")
        assert await token_of(store, first) is None
        assert await token_of(store, second) is not None
        past = datetime.now(UTC) - timedelta(seconds=1)
        await store.write((tokens.update().where(tokens.c.name == "ben").values(expires=past), []))
        assert await token_of(store, second) is None
        with pytest.raises(InputError, match="no valid token"):
            await revoke_token(store, "ada")


async def test_a_name_stands_for_one_person_at_a_time(workspace: Path) -> None:
    async with open_store(workspace) as store:
        await create_token(store, "ada", "annotator")
        with pytest.raises(InputError, match="revoke it first"):
            await create_token(store, "ada", "operator")
        await revoke_token(store, "ada")
        token, _ = await create_token(store, "ada", "operator")
        assert [t.scope for t in await list_tokens(store)] == ["operator", "annotator"]
        assert token.may("annotator") and token.may("operator")


@pytest.mark.parametrize(
    ("name", "scope", "days", "says"),
    [
        ("a b", "operator", None, "--name a b: give up to 40"),
        ("ada", "root", None, "--scope root: give operator or annotator"),
        ("ada", "operator", 0, "--days 0: give 1 to"),
    ],
)
async def test_what_cannot_be_meant(
    workspace: Path, name: str, scope: str, days: int | None, says: str
) -> None:
    async with open_store(workspace) as store:
        with pytest.raises(InputError, match=says):
            await create_token(store, name, scope, days)


def test_the_commands(workspace: Path, cli: Command) -> None:
    done = cli("token", "create", "--name", "ada", "--scope", "annotator", "-w", workspace)
    assert done.code == 0 and done.out.startswith("vc_") and "not shown again" in done.err
    secret = done.out.strip().rpartition("_")[2]
    listed = cli("token", "list", "-w", workspace, "--json")
    assert secret not in listed.out + listed.err
    (one,) = json.loads(listed.out)["tokens"]
    assert (one["name"], one["scope"], one["valid"]) == ("ada", "annotator", True)
    assert cli("token", "revoke", "ada", "-w", workspace).code == 0
    assert "revoked" in cli("token", "list", "-w", workspace).out
    assert rows(workspace, "select count(*) from tokens where revoked is not null") == [(1,)]
    done = cli("token", "list", "-w", workspace / "nowhere")
    assert done.code == 2 and not (workspace / "nowhere").exists()
