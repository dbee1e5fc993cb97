"""Drawing responses of a measurement for people to label."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from tests.measure.helpers import MODEL, QUESTIONS, Command, measure, rows
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.measure import labelling
from valuecompass.measure.archive import load_cases
from valuecompass.measure.labelling import Drawn, draw
from valuecompass.measure.measurement import Case, Measurement
from valuecompass.store import open_store
from valuecompass.values import builtin_system

OTHERS = ("openai-api/mock/another-model", "openai-api/mock/third-model")
NAMES = builtin_system("schwartz").names


@pytest.fixture
def measured(
    workspace: Path, items: Path, mock_provider: MockProvider, able_judge: None
) -> Measurement:
    """Three models' answers to six questions, each judged on ten dimensions."""
    return measure(workspace, items, models=[MODEL, *OTHERS])


def drawn(workspace: Path, measurement: Measurement, n: int, seed: int = 0) -> Drawn:
    async def work() -> Drawn:
        async with open_store(workspace) as store:
            return await draw(store, measurement, n, np.random.default_rng(seed))

    return anyio.run(work)


def cases(workspace: Path, measurement: Measurement) -> list[Case]:
    async def work() -> list[Case]:
        async with open_store(workspace) as store:
            return await load_cases(store, measurement)

    return anyio.run(work)


def verdicts(of: list[Case]) -> dict[tuple[str, str, str], float]:
    """The largest verdict on the points of each answer, by item, response and dimension."""
    found: dict[tuple[str, str, str], float] = {}
    for case in of:
        for mark in case.marks:
            assert mark.expressed is not None
            key = case.item.text, case.response, mark.dimension
            found[key] = max(found.get(key, 0), mark.expressed)
    return found


def test_a_task_is_spread_over_respondents_and_dimensions(
    workspace: Path, measured: Measurement
) -> None:
    of = cases(workspace, measured)
    verdict, who = verdicts(of), {case.response: case.respondent for case in of}
    for seed in range(20):
        units = drawn(workspace, measured, 60, seed).task.units
        keys = [(u.subject.item.text, u.subject.response, u.dimension) for u in units]
        assert len(set(keys)) == 60 and set(keys) <= verdict.keys()
        assert Counter(u.dimension for u in units) == dict.fromkeys(NAMES, 6)
        # who has read an answer for one dimension has read it for another
        assert {count % 2 for count in Counter(key[1] for key in keys).values()} == {0}
        shares = Counter(who[response] for _, response, _ in keys).values()
        assert len(shares) == 3 and max(shares) - min(shares) <= 10


def test_verdicts_from_lowest_to_highest_are_in_a_task() -> None:
    """The share of high verdicts varies less from draw to draw than by lot."""
    rng = np.random.default_rng(1)
    values, who = rng.beta(0.3, 0.6, (120, 4)), np.arange(120) % 4
    shares: list[float] = []
    for _ in range(150):
        found = labelling._pick(values, who, 60, rng)
        assert len(set(found)) == 60
        shares.append(float(np.mean([values[unit] >= 0.5 for unit in found])))
    share = float((values >= 0.5).mean())
    by_lot = np.sqrt(share * (1 - share) / 60 * (1 - 60 / values.size))
    assert abs(np.mean(shares) - share) < 3 * by_lot / np.sqrt(150)
    assert np.std(shares) < 0.85 * by_lot


def test_every_unit_has_the_same_chance_whatever_its_verdict() -> None:
    """Also where verdicts are missing and dimensions come in odd numbers."""
    rng = np.random.default_rng(0)
    values = rng.random((30, 3)) ** 3
    values[rng.random(values.shape) < 0.3] = np.nan
    seen, times, n = ~np.isnan(values), 4_000, 11
    counts = np.zeros(values.shape)
    for _ in range(times):
        picked = labelling._pick(values, np.arange(30) % 3, n, rng)
        assert len(set(picked)) == n  # cards of one and of two dimensions: not a unit fewer
        for unit in picked:
            counts[unit] += 1
    chance = n / seen.sum()
    assert not counts[~seen].any()
    error = np.sqrt(chance * (1 - chance) / times)
    assert np.abs(counts[seen] / times - chance).max() < 4 * error


def test_a_task_says_nothing_of_respondents_and_verdicts(
    workspace: Path, measured: Measurement
) -> None:
    units = drawn(workspace, measured, 40).task.units
    assert {tuple(u.row()) for u in units} == {("id", "system", "item", "response", "dimension")}
    text = json.dumps([u.row() for u in units])
    assert not [name for name in (MODEL, *OTHERS) if name.split("/")[-1] in text]
    ids = [u.id for u in units]
    assert ids == sorted(ids)  # a hash: the order of the file is that of nothing


def test_a_draw_can_be_repeated(workspace: Path, measured: Measurement) -> None:
    first, again, other = (drawn(workspace, measured, 30, seed).task for seed in (0, 0, 1))
    assert first == again and first.hash != other.hash


def test_more_than_there_is_gives_all_of_it(workspace: Path, measured: Measurement) -> None:
    found = drawn(workspace, measured, 10_000)
    assert len(found.task.units) == found.judged == 3 * len(QUESTIONS) * 10
    high = sum(v >= 0.5 for v in verdicts(cases(workspace, measured)).values())
    assert found.high == high and found.unread == 0


def test_a_large_measurement_is_thinned_by_lot_first(
    workspace: Path, measured: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "MOST", 50)
    found = drawn(workspace, measured, 20)
    assert len(found.task.units) == 20 and found.judged == 180
    assert len(drawn(workspace, measured, 1_000).task.units) == 180


def test_the_same_text_is_labelled_once(
    workspace: Path,
    items: Path,
    mock_provider: MockProvider,
    able_judge: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_judge = mock_module.answer

    def alike(body: dict[str, Any], index: int = 0) -> str:
        judge = "some-judge" in body["model"]
        return of_judge(body, index) if judge else "1. It is safe.\n2. It is fair."

    monkeypatch.setattr(mock_module, "answer", alike)
    measurement = measure(workspace, items, models=[MODEL, *OTHERS])
    found = drawn(workspace, measurement, 1_000)
    assert len(found.task.units) == len(QUESTIONS) * 10
    assert len({unit.id for unit in found.task.units}) == len(QUESTIONS) * 10


def test_what_the_judge_could_not_read_is_left_out_and_counted(
    workspace: Path,
    items: Path,
    mock_provider: MockProvider,
    able_judge: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_judge, blind_to = mock_module.answer, QUESTIONS[0][0]

    def half_blind(body: dict[str, Any], index: int = 0) -> str:
        if "some-judge" in body["model"] and blind_to in json.dumps(body["messages"]):
            return "no idea"
        return of_judge(body, index)

    monkeypatch.setattr(mock_module, "answer", half_blind)
    measurement = measure(workspace, items, models=[MODEL, *OTHERS])
    found = drawn(workspace, measurement, 1_000)
    assert {unit.subject.item.text for unit in found.task.units} == {q for q, _ in QUESTIONS[1:]}
    assert found.unread == 3


def test_a_measurement_without_verdicts_has_nothing_to_label(
    workspace: Path, tmp_path: Path, mock_provider: MockProvider
) -> None:
    from tests.measure.helpers import TRADEOFFS, tradeoff, write_items

    only_choices = write_items(tmp_path / "choices", [tradeoff(*t) for t in TRADEOFFS])
    measurement = measure(workspace, only_choices)
    with pytest.raises(InputError, match="no answer with a verdict to label"):
        drawn(workspace, measurement, 10)


def test_the_command_writes_a_task_once(
    workspace: Path, measured: Measurement, cli: Command, tmp_path: Path
) -> None:
    task = tmp_path / "task.jsonl"
    arguments = ("judge", "label", "draw", "-w", workspace, "-o", task, "--n")
    done = cli(*arguments, 40, "-s", "schwartz", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["rows"] == 40 and said["task"] == str(task)
    before = task.read_bytes()
    assert cli(*arguments, 40, "--measurement", measured.id).code == 0
    assert task.read_bytes() == before
    done = cli(*arguments, 41, "-s", "schwartz")
    assert done.code == 2 and "already there with other rows" in done.err
    assert task.read_bytes() == before


def test_labels_of_a_task_are_rows_for_the_judge(
    workspace: Path, measured: Measurement, tmp_path: Path
) -> None:
    path = tmp_path / "labels.jsonl"
    units = drawn(workspace, measured, 12).task.units
    path.write_text("".join(json.dumps(u.row() | {"expressed": 1}) + "\n" for u in units))
    read = read_labels(path)
    texts = {row[0] for row in rows(workspace, "select text from responses")}
    assert {r.subject.response for r in read} <= texts and len(read) == 12


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either --system ID or --measurement ID"),
        (("-s", "schwartz", "--measurement", "0" * 16), "either --system ID or --measurement ID"),
        (("--measurement", "0" * 16), "--measurement 0000000000000000: not in"),
        (("-s", "safety"), "no measurement of safety yet"),
    ],
)
def test_a_draw_that_cannot_be_meant(
    workspace: Path,
    measured: Measurement,
    cli: Command,
    tmp_path: Path,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    task = tmp_path / "task.jsonl"
    done = cli("judge", "label", "draw", "-w", workspace, "-o", task, *arguments)
    assert done.code == 2 and says in done.err and not task.exists()


def test_a_rare_class_is_told(workspace: Path, measured: Measurement, cli: Command) -> None:
    done = cli(
        "judge",
        "label",
        "draw",
        "-w",
        workspace,
        "-s",
        "schwartz",
        "--n",
        12,
        "-o",
        workspace / "task.jsonl",
    )
    assert done.code == 0 and "draw more (--n)" in done.err
