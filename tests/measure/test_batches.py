"""Batches of a provider: the same answers for less, over OpenAI's own wire format."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.measure.helpers import Command, comparable, count, rows
from tests.support.mock_provider import MockProvider
from valuecompass.errors import BudgetReached, InputError, ProviderStopped, RequestFailed
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import Batched, Listener, run
from valuecompass.models import Budget, Limits, Message, Params, Patience, Price, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import open_store

MODEL = "openai/gpt-4o-mini"  # one of those that Inspect asks by chat completions
JUDGE = "openai/gpt-4o"
PRICE = Price(input=1.0, output=4.0, batch=0.5)
QUICK = Patience(retries=1, attempt_timeout=5, timeout=20, first_wait=0.02, batch_tick=0.1)
SOME = Respondent(name="some", model=MODEL, price=PRICE)


class Heard(Listener):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.got: list[Batched] = []
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def batched(self, batched: Batched) -> None:
        self.got.append(batched)


@pytest.fixture
def provider(
    mock_provider: MockProvider, able_judge: None, monkeypatch: pytest.MonkeyPatch
) -> MockProvider:
    """The mock provider as OpenAI."""
    for name, value in mock_provider.as_openai.items():
        monkeypatch.setenv(name, value)
    return mock_provider


def measured(workspace: Path, items: Path, **settings: Any) -> Measurement:
    given: dict[str, Any] = {"judge": JUDGE, "form": "tiny", "patience": QUICK} | settings
    (found,) = run([SOME], workspace=workspace, items=items, **given)
    return found


def test_a_batch_gives_what_single_requests_give_for_half_the_price(
    provider: MockProvider, tmp_path: Path, items: Path
) -> None:
    single = measured(tmp_path / "single", items)
    assert provider.batches.sizes == [] and provider.tally.requests == 21
    heard = Heard()
    batched = measured(tmp_path / "batched", items, batch=True, listener=heard)
    assert comparable(batched) == comparable(single) and batched.id == single.id
    # all answers, then all verdicts, in one batch each or a few; nothing one by one
    assert provider.tally.requests == 21 and sum(provider.batches.sizes) == 21
    assert len(provider.batches.sizes) <= 4
    keys = "select key, repeat, text, input_tokens from responses order by key, repeat"
    assert rows(tmp_path / "single", keys) == rows(tmp_path / "batched", keys)
    spent = f"select sum(usd) from ledger where model = '{MODEL}' and state = 'settled'"
    ((alone,),) = rows(tmp_path / "single", spent)
    ((together,),) = rows(tmp_path / "batched", spent)
    assert together == pytest.approx(alone / 2) and alone > 0
    (got,) = heard.got
    assert got.answers == 21 and got.saved == pytest.approx(alone / 2)
    assert got.usd == pytest.approx(together)  # the judge's price is unknown
    assert count(tmp_path / "batched", "ledger where state <> 'settled'") == 0


def test_what_was_answered_one_by_one_is_not_asked_again_by_batch(
    provider: MockProvider, workspace: Path, items: Path
) -> None:
    measured(workspace, items)
    heard = Heard()
    measured(workspace, items, batch=True, listener=heard)
    assert provider.batches.sizes == [] and heard.got == []


def test_a_budget_reserves_at_the_price_of_batches(
    provider: MockProvider, workspace: Path, items: Path
) -> None:
    # one request may take 4,096 tokens: 1.6 cents, 0.8 in a batch
    with pytest.raises(BudgetReached):
        measured(workspace, items, judge="local", limits=Limits(usd=0.012))
    assert provider.tally.requests == 0
    heard = Heard()
    tight = Limits(usd=0.012)
    measured(workspace, items, judge="local", batch=True, limits=tight, listener=heard)
    # what it holds back goes in the next batch, and that is said before the first
    assert provider.batches.sizes == [1] * 15
    assert any("in several batches, one after the other" in note for note in heard.notes)


@pytest.mark.parametrize("status", [401, 400])
def test_a_refused_batch_stops_the_run_and_leaves_nothing_waiting(
    provider: MockProvider, workspace: Path, items: Path, status: int
) -> None:
    provider.batches.refuse = status
    start = time.monotonic()
    with pytest.raises(ProviderStopped):
        measured(workspace, items, judge="local", batch=True)
    assert time.monotonic() - start < 30
    assert count(workspace, "ledger where state = 'released'") == 15


@pytest.mark.anyio
async def test_batches_go_on_after_one_that_was_refused(
    provider: MockProvider, workspace: Path
) -> None:
    # as often as the making of one batch is tried: Inspect's worker dies of it
    provider.batches.refuse, provider.batches.refuse_first = 500, 2
    async with open_store(workspace) as store:
        asker = Asker(store, Budget(store, "plan"), QUICK, batch=True)
        with pytest.raises(RequestFailed, match="no batches today"):
            await asker.ask(SOME, [Message("user", "first")], Params(max_tokens=10))
        with anyio.fail_after(30):
            reply = await asker.ask(SOME, [Message("user", "second")], Params(max_tokens=10))
        await asker.models.close()
    assert reply.text and provider.batches.sizes == [1]


def test_batches_need_a_provider_that_has_them(
    provider: MockProvider, workspace: Path, items: Path, cli: Command
) -> None:
    alone = ("run", "-m", "openai-api/mock/some-model", "--items", items, "-w", workspace)
    said = cli(*alone, "--batch")
    assert said.code == 2 and "openai-api/mock has no batches" in said.err
    with pytest.raises(InputError, match="one question after another"):
        measured(workspace, items, judge=f"{JUDGE}@mode=per-value", batch=True)
    assert provider.tally.requests == 0


def test_scenarios_are_not_asked_in_batches(
    provider: MockProvider, workspace: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="several requests one after another"):
        run([SOME], ["safety"], form="scenario", workspace=workspace, batch=True)
    assert provider.tally.requests == 0


SCRIPT = """
import sys
from tests.measure.test_batches import QUICK, SOME
from valuecompass.errors import Interrupted
from valuecompass.measure.run import Listener, run

class Loud(Listener):
    def note(self, sentence):
        print(sentence, file=sys.stderr, flush=True)

try:
    run([SOME], judge="local", form="tiny", patience=QUICK, batch=True, listener=Loud(),
        workspace=sys.argv[1], items=__import__("pathlib").Path(sys.argv[2]))
except Interrupted:
    sys.exit(130)
"""


@pytest.fixture
def started(
    provider: MockProvider, workspace: Path, items: Path
) -> Callable[[], subprocess.Popen[str]]:
    """Start a run by batch in a process of its own; return when its batch is at the provider."""

    def start() -> subprocess.Popen[str]:
        environment = {**os.environ, **provider.as_openai}
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(workspace), str(items)],
            cwd=Path(__file__).parents[2],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        patience = time.monotonic() + 60
        while sum(provider.batches.sizes) < 15:
            assert process.poll() is None and time.monotonic() < patience
            time.sleep(0.05)
        return process

    return start


def test_an_interrupt_waits_for_batches_and_stores_them(
    provider: MockProvider, workspace: Path, started: Callable[[], subprocess.Popen[str]]
) -> None:
    provider.batches.looks = 10**9
    process = started()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "What is in batches is billed" in process.stderr.readline()
    time.sleep(0.5)
    assert process.poll() is None
    provider.batches.looks = 1
    assert process.wait(30) == 130
    assert count(workspace, "responses") == 15
    assert count(workspace, "ledger where state = 'settled'") == 15


def test_a_second_interrupt_gives_batches_up_and_keeps_them_reserved(
    provider: MockProvider, workspace: Path, started: Callable[[], subprocess.Popen[str]]
) -> None:
    provider.batches.looks = 10**9
    process = started()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Ctrl-C again" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert count(workspace, "responses") == 0
    assert count(workspace, "ledger where state = 'reserved'") == 15
