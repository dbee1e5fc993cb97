"""Runs that a provider refuses for a key, an account or a model, and where keys never appear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.measure.helpers import JUDGE, MODEL, Command, comparable, count, measure, once_each
from tests.support.mock_provider import KEY, MockProvider, in_thread
from valuecompass.errors import InputError, ProviderStopped
from valuecompass.models import Respondent
from valuecompass.models.inspect_bridge import classify

SOME = Respondent(name=MODEL, model=MODEL)


@pytest.mark.usefixtures("able_judge")
def test_a_wrong_model_is_one_message_and_the_run_is_resumable(
    mock_provider: MockProvider, workspace: Path, items: Path, cli: Command
) -> None:
    mock_provider.faults("wrong_model:model=no-such")
    wrong = "openai-api/mock/no-such"
    said = cli("run", "-m", MODEL, "-m", wrong, "--judge", JUDGE, "--items", items, "-w", workspace)
    assert said.code == 2 and said.out == ""
    (message,) = [line for line in said.err.splitlines() if line.startswith("valuecompass: ")]
    assert f"{wrong}: the provider does not know this model (404" in message
    assert "Traceback" not in said.err
    mock_provider.faults()
    said = cli(
        *("run", "-m", MODEL, "-m", wrong, "--judge", JUDGE),
        *("--items", items, "-w", workspace, "--json"),
    )
    assert said.code == 0 and len(json.loads(said.out)["rows"]) == 2
    assert once_each(mock_provider)


@pytest.mark.usefixtures("able_judge")
def test_an_expired_key_stops_at_once_and_a_valid_one_goes_on(
    mock_provider: MockProvider, workspace: Path, items: Path, cli: Command
) -> None:
    command = ("run", "-m", MODEL, "--judge", JUDGE, "--items", items, "-w", workspace)
    mock_provider.faults("invalid_key:after=7")
    said = cli(*command)
    assert said.code == 2
    assert said.err.count("refuses the key (401") == 1 and "in the environment" in said.err
    stats = mock_provider.stats()
    assert stats["completed"] == 7 == count(workspace, "responses")
    assert stats["requests"] <= 15 + 7  # nobody hammers on a closed door
    mock_provider.faults()
    said = cli(*command, "--json")
    assert said.code == 0 and once_each(mock_provider)
    assert mock_provider.stats()["completed"] == 21
    assert json.loads(said.out)["rows"][0]["dimensions"]["Power"]["missing"] == 0


def test_a_key_that_never_worked_is_told_before_anything_else(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("run", "-m", MODEL, "--items", items, "-w", workspace)
    monkeypatch.delenv("MOCK_API_KEY")
    said = cli(*command)
    assert said.code == 2 and "MOCK_API_KEY" in said.err
    assert mock_provider.stats()["requests"] == 0
    monkeypatch.setenv("MOCK_API_KEY", "sk-wrong-4711")
    said = cli(*command)
    assert said.code == 2 and "refuses the key" in said.err
    assert count(workspace, "responses") == 0
    # refused requests cost nothing
    assert count(workspace, "ledger where state != 'released'") == 0


def test_an_account_without_money_is_not_asked_again_and_again(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    mock_provider.faults("insufficient_quota")
    with pytest.raises(ProviderStopped, match="quota is used up"):
        measure(workspace, items)
    assert mock_provider.stats()["requests"] <= 15


@pytest.mark.usefixtures("able_judge")
def test_the_key_is_nowhere_but_on_the_wire(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    tmp_path: Path,
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    command = ("run", "-m", MODEL, "--judge", JUDGE, "--items", items, "-w", workspace)
    mock_provider.faults(
        "server_error:first=1", "bad_request:contains=museum", "invalid_key:after=14"
    )
    said = [cli(*command)]
    mock_provider.faults()
    said += [cli(*command), cli(*command, "--json"), cli("report", "-w", workspace)]
    assert [s.code for s in said] == [2, 0, 0, 0]
    texts = [text for s in said for text in (s.out, s.err)]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"valuecompass.sqlite", "report.html"} <= {path.name for path in files}
    assert not [text for text in texts if KEY in text]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_provider_that_repeats_the_key_in_its_complaint_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOCK_API_KEY", "sk-live-0123456789")
    error = ValueError("Incorrect API key provided: sk-live-0123456789.")
    assert "0123" not in classify(error, SOME).message
    assert "$MOCK_API_KEY" in classify(error, SOME).message


@pytest.mark.usefixtures("able_judge")
def test_two_runs_in_one_process_do_not_share_connections_or_keys(
    mock_provider: MockProvider, tmp_path: Path, items: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure(tmp_path / "a", items)
    with in_thread() as other:
        monkeypatch.setenv("MOCK_BASE_URL", other.url)
        second = measure(tmp_path / "b", items)
        assert other.stats()["requests"] == mock_provider.stats()["requests"] == 21
    assert comparable(first) == comparable(second)


def test_a_caller_in_python_gets_the_error_itself(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    with pytest.raises(InputError, match="no such value system"):
        measure(workspace, items, systems=["no-such"])
    mock_provider.faults("wrong_model")
    with pytest.raises(ProviderStopped):
        measure(workspace, items)
