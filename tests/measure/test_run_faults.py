"""Runs against a provider that fails in every way we know: they survive or say why they stop."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from inspect_ai.model import _model as inspect_model_module

from tests.measure.helpers import (
    HASTY,
    JUDGE,
    MODEL,
    Command,
    comparable,
    count,
    judging,
    likert,
    measure,
    missing,
    once_each,
    rows,
    write_items,
)
from tests.support import mock_provider as mock_module
from tests.support.faults import HUGE
from tests.support.mock_provider import MockProvider
from valuecompass.errors import BudgetReached, ProviderStopped
from valuecompass.hashing import digest
from valuecompass.measure.measurement import Measurement
from valuecompass.models import Limits, Patience, inspect_bridge
from valuecompass.models import asker as asker_module


@pytest.fixture(params=["direct", "inspect"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to a server: the short one, and Inspect's, that most providers' requests take."""
    if request.param == "inspect":
        monkeypatch.setattr(inspect_bridge, "direct", lambda name, model, patience: model)
    return request.param


def test_the_mock_alone_gives_a_whole_measurement(undisturbed: tuple[Measurement, int]) -> None:
    found, requests = undisturbed
    assert missing(found) == 0 and requests == 15 + 6
    scores = [s.score for s in found.rows[0].dimensions.values()]
    assert None not in scores and len(set(scores)) > 5


@pytest.mark.usefixtures("able_judge")
@pytest.mark.parametrize(
    "fault",
    [
        "rate_limit",
        "server_error",
        "unavailable",
        "disconnect",
        "cut",
        "truncated_json",
        "not_object",
        "html",
        "no_choices",
        "hang",
    ],
)
def test_a_passing_fault_changes_nothing(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    undisturbed: tuple[Measurement, int],
    fault: str,
) -> None:
    mock_provider.faults(f"{fault}:first_of_each=1")
    found = measure(workspace, items)
    assert comparable(found) == comparable(undisturbed[0])
    stats = mock_provider.stats()
    # every request failed once, and nobody below us repeated it on his own
    assert stats["requests"] == 2 * undisturbed[1] and stats["sdk_retries"] == 0
    assert stats["completed"] == undisturbed[1] and once_each(mock_provider)
    assert count(workspace, "ledger where state != 'settled'") == 0


@pytest.mark.usefixtures("able_judge")
def test_errors_do_not_block_the_event_loop_with_drawings_of_their_stacks(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    if way == "direct":
        pytest.skip("nothing is drawn on the short way")
    frames: list[int] = []

    def counting(_: object, error: BaseException | None, __: object) -> tuple[str, str]:
        # what Inspect would draw: the stack of the error and of each of its causes
        while error is not None:
            frames.append(len(traceback.extract_tb(error.__traceback__)))
            error = error.__cause__ or error.__context__
        return "", ""

    monkeypatch.setattr(inspect_model_module, "format_traceback", counting)
    mock_provider.faults("cut:first_of_each=1", "bad_request:contains=museum")
    measure(workspace, items)
    assert len(frames) >= 21 and max(frames) <= 3


@pytest.mark.usefixtures("able_judge")
def test_retry_after_is_obeyed_and_the_crowd_comes_back_spread(
    mock_provider: MockProvider, workspace: Path, items: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals: dict[str, list[float]] = {}
    respond = mock_provider._respond

    async def noting(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if "response_format" not in body:
            arrivals.setdefault(digest(body), []).append(time.monotonic())
        return await respond(request)

    monkeypatch.setattr(mock_provider, "_respond", noting)
    mock_provider.faults("rate_limit:first_of_each=1,retry_after=1,only=plain")
    # an attempt that times out on a busy machine would be repeated sooner than was asked for
    patience = replace(HASTY, attempt_timeout=30, timeout=60)
    assert missing(measure(workspace, items, patience=patience)) == 0
    assert len(arrivals) == 15
    waits = [second - first for first, second in arrivals.values()]
    assert min(waits) >= 1 and max(waits) < 3
    assert max(waits) - min(waits) > 0.1


@pytest.mark.usefixtures("able_judge")
def test_a_fifth_of_all_calls_failing_at_random_leaves_nothing_missing(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    names = ("rate_limit", "server_error", "cut", "truncated_json", "disconnect")
    mock_provider.faults(*(f"{name}:probability=0.044" for name in names))
    models = [MODEL, f"{MODEL}@prime=Power", f"{MODEL}@prime=Universalism", f"{MODEL}-2"]
    found = measure(workspace, items, models=models)
    stats = mock_provider.stats()
    struck = sum(stats["by_fault"].values()) / stats["requests"]
    assert 0.1 < struck < 0.3 and len(stats["by_fault"]) >= 4
    assert missing(found) == 0 and once_each(mock_provider)
    assert [row.respondent for row in found.rows] == models
    assert stats["completed"] == 4 * (15 + 6)


@pytest.mark.usefixtures("able_judge")
def test_a_provider_that_is_down_stops_the_run_which_then_goes_on(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    undisturbed: tuple[Measurement, int],
) -> None:
    with pytest.raises(BudgetReached):
        measure(workspace, items, limits=Limits(calls=3))
    mock_provider.faults("server_error")
    with pytest.raises(ProviderStopped, match=r"12 requests in a row failed.*had an error") as stop:
        measure(workspace, items, patience=Patience(retries=0))
    assert stop.value.exit_code == 2 and "repeat the command" in str(stop.value)
    assert count(workspace, "responses") == 3 and count(workspace, "measurements") == 0
    mock_provider.faults()
    assert comparable(measure(workspace, items)) == comparable(undisturbed[0])
    assert once_each(mock_provider)


@pytest.mark.usefixtures("able_judge")
def test_requests_that_fail_for_good_are_missing_with_the_reason(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    mock_provider.faults("bad_request:contains=museum,only=plain")
    found = measure(workspace, items)
    assert [s.missing for s in found.rows[0].dimensions.values()] == [1] * 10
    assert [s.n for s in found.rows[0].dimensions.values()] == [5] * 10
    (note,) = [n for n in found.rows[0].notes if "failed" in n]
    assert note == f"1 requests failed, the last: {MODEL}: 400: Unsupported value"
    # refused before any work: not billed
    assert rows(workspace, "select count(*) from ledger where state = 'released'") == [(1,)]
    mock_provider.faults()
    mock_provider.reset()
    assert missing(measure(workspace, items)) == 0
    assert mock_provider.stats()["requests"] == 2  # the one that failed, and its judging


def test_an_empty_text_is_missing_and_not_asked_again(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    mock_provider.faults("empty:first=1,contains=museum", "null_content:first=1,contains=rescue")
    found = measure(workspace, items, judge="local", models=[MODEL])
    assert rows(workspace, "select count(*) from answers where outcome = 'empty'") == [(2,)]
    assert [s.missing for s in found.rows[0].dimensions.values()] == [2] * 10
    assert [s.refused for s in found.rows[0].dimensions.values()] == [0] * 10
    before = mock_provider.stats()["requests"]
    assert measure(workspace, items, judge="local").id == found.id
    assert mock_provider.stats()["requests"] == before == 15


@pytest.mark.parametrize("fault", ["content_filter", "policy", "refusal"])
def test_a_providers_refusal_is_an_outcome_of_its_own(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the provider's word for it decides, not how the text sounds
    monkeypatch.setattr(asker_module, "is_refusal", lambda text, reason: reason == "content_filter")
    mock_provider.faults(f"{fault}:contains=museum", "hang:only=structured,after=100")
    found = measure(workspace, items)
    assert rows(workspace, "select count(*) from answers where outcome = 'refusal'") == [(1,)]
    assert [s.refused for s in found.rows[0].dimensions.values()] == [1] * 10


def test_a_prompt_that_is_too_long_is_missing_not_an_answer(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    mock_provider.faults("context_length:contains=museum,only=plain")
    found = measure(workspace, items)
    assert count(workspace, "responses where text like '%maximum context%'") == 0
    assert any("maximum context length" in note for note in found.rows[0].notes)


@pytest.mark.parametrize("judge", ["local", JUDGE])
def test_a_megabyte_of_text_is_stored_whole_and_judged_in_seconds(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    monkeypatch: pytest.MonkeyPatch,
    judge: str,
    cli: Command,
) -> None:
    monkeypatch.setattr(mock_module, "answer", judging)
    mock_provider.faults("huge:contains=museum,only=plain", "huge:contains=garden")
    start = time.monotonic()
    found = measure(workspace, items, judge=judge)
    assert time.monotonic() - start < 20
    lengths = [len(text) for (text,) in rows(workspace, "select text from responses")]
    assert sorted(lengths)[-3:] == [HUGE] * 3
    assert missing(found) == 0 and found.rows[0].dimensions["Power"].n == 6
    said = cli("report", "-w", workspace, "--json")
    assert said.code == 0 and json.loads(said.out)["bytes"] < 8 * HUGE


@pytest.mark.usefixtures("able_judge")
def test_a_model_that_changes_behind_its_name_is_told(
    mock_provider: MockProvider, workspace: Path, items: Path, tmp_path: Path, cli: Command
) -> None:
    command = ("run", "-m", MODEL, "--judge", JUDGE, "-w", workspace, "--json")
    mock_provider.faults(version="2026-01")
    assert cli(*command, "--items", items, "--max-calls", 6).code == 3
    mock_provider.faults(version="2026-05")
    said = cli(*command, "--items", items)
    (row,) = json.loads(said.out)["rows"]
    within = (
        f"the provider changed {MODEL} while this was measured: "
        "some-model-2026-01, then some-model-2026-05"
    )
    assert row["notes"][-1] == within and f"Note: {within}" in said.err
    manifest = json.loads(said.out)["manifest"]["measurements"][0]
    assert manifest["versions"][MODEL] == ["some-model-2026-01", "some-model-2026-05"]
    assert manifest["drift"][0] == within

    # another plan, after another change: the earlier answers are what it is compared with
    others = write_items(tmp_path / "others", [likert("I like to win.", "Achievement", 1)])
    mock_provider.faults(version="2026-09")
    said = cli(*command, "--items", others)
    (row,) = json.loads(said.out)["rows"]
    assert row["notes"][-1].endswith(
        "some-model-2026-09 here, some-model-2026-05 in earlier answers in this workspace"
    )
    # and the first one, repeated, says what it said
    again = json.loads(cli(*command, "--items", items).out)
    assert again["manifest"]["measurements"][0]["id"] == manifest["id"]
