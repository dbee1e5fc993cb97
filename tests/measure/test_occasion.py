"""An occasion asks anew, once; without one nothing is asked that was asked before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measure.helpers import MODEL, Command, count, measure, once_each, rows
from tests.support.mock_provider import MockProvider
from valuecompass.hashing import digest
from valuecompass.models import Message, Params, Respondent
from valuecompass.models.request import Request

ASKED, JUDGED = 15, 6


def key_of(occasion: str | None) -> str:
    respondent = Respondent(name="any", model="openai/gpt-5-mini", occasion=occasion)
    return Request(respondent, (Message("user", "Yes?"),), Params(max_tokens=9)).key


def test_without_an_occasion_a_request_has_the_key_it_always_had() -> None:
    body = {
        "model": "openai/gpt-5-mini",
        "messages": [{"role": "user", "content": "Yes?"}],
        "params": {"max_tokens": 9},
    }
    assert key_of(None) == digest(body)
    # as the first version made it
    assert key_of(None) == "121b513f04f0ea3741cec37a9958d3ac643d2090b85028c392d2da027302f75f"
    assert key_of("2026-12") == digest(body | {"occasion": "2026-12"})
    assert len({key_of(None), key_of(""), key_of("2026-12"), key_of("2027-01")}) == 4


@pytest.mark.usefixtures("able_judge")
def test_an_occasion_asks_everything_anew_and_once(
    mock_provider: MockProvider, items: Path, workspace: Path
) -> None:
    def asked(occasion: str | None) -> tuple[str, int, int]:
        mock_provider.reset()
        found = measure(workspace, items, occasion=occasion)
        assert once_each(mock_provider)
        stats = mock_provider.stats()
        return found.id, stats["by_model"].get("some-model", 0), stats["requests"]

    first, requests, with_judge = asked(None)
    assert (requests, with_judge) == (ASKED, ASKED + JUDGED)
    assert asked(None) == (first, 0, 0)
    december, requests, _ = asked("2026-12")
    assert requests == ASKED and december != first
    assert asked("2026-12") == (december, 0, 0)
    january, requests, _ = asked("2027-01")
    assert requests == ASKED and january not in (first, december)
    # and what was before is there as it was
    assert asked(None) == (first, 0, 0) and asked("2026-12") == (december, 0, 0)
    assert count(workspace, "measurements") == 3
    kept = rows(
        workspace,
        "select json_extract(request, '$.occasion'), count(*) from responses r "
        "where model = '" + MODEL + "' group by 1 order by 1",
    )
    assert kept == [(None, ASKED), ("2026-12", ASKED), ("2027-01", ASKED)]
    # one name on the board, of three occasions
    assert rows(workspace, "select distinct respondent from scores") == [(MODEL,)]


@pytest.mark.usefixtures("able_judge")
def test_the_command_takes_one(
    mock_provider: MockProvider, items: Path, workspace: Path, cli: Command
) -> None:
    arguments = ("run", "-m", MODEL, "--judge", "local-nearest", "--items", items, "--form", "tiny")
    command = (*arguments, "-w", workspace, "--json")
    for more, requests in (((), 15), (("--occasion", "x"), 15), (("--occasion", "x"), 0), ((), 0)):
        mock_provider.reset()
        said = cli(*command, *more)
        assert said.code == 0, said.err
        assert mock_provider.stats()["requests"] == requests
    said = cli(*command, "--occasion", "y", "--dry-run")
    assert said.code == 0 and mock_provider.stats()["requests"] == 0
