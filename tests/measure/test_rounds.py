"""Labelling rounds in the store: blind, by two, decided by a third; and reports of readers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

from tests.measure.helpers import MODEL, measure
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.judges.labels.adjudication import agreement, pair_up
from valuecompass.judges.labels.labelling import Label, read_given, read_task, resume, write_task
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.measure.archive import load_cases
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.reports import Place, export_labels, list_reports, report_verdict
from valuecompass.measure.rounds import (
    Absent,
    Round,
    Turned,
    close_round,
    find_round,
    give_label,
    list_rounds,
    open_round,
    round_agreement,
    standing,
    units_for,
)
from valuecompass.store import Store, answers, open_store

pytestmark = pytest.mark.anyio
OTHER = "openai-api/mock/another-model"
YES, NO = Label(1, 1), Label(0, 0)
N = 12


@pytest.fixture
async def measured(
    workspace: Path, items: Path, mock_provider: MockProvider, able_judge: None
) -> Measurement:
    return await anyio.to_thread.run_sync(lambda: measure(workspace, items, models=[MODEL, OTHER]))


@asynccontextmanager
async def drawn(workspace: Path, of: Measurement) -> AsyncGenerator[tuple[Store, Round]]:
    async with open_store(workspace) as store:
        yield store, await open_round(store, of.id, N, 0, "olga")


async def fresh(store: Store, round: Round) -> Round:
    return await find_round(store, round.id)


async def label_all(store: Store, round: Round, name: str, *different: int) -> None:
    """Label everything alike but for some places in the order of the ids."""
    odd = {sorted(round.units)[i] for i in different}
    for unit, _, _ in await units_for(store, await fresh(store, round), name):
        label = NO if unit.id in odd else YES
        await give_label(store, await fresh(store, round), name, unit.id, label)


async def test_a_round_from_the_draw_to_labels_for_a_judge(
    workspace: Path, measured: Measurement, tmp_path: Path
) -> None:
    async with drawn(workspace, measured) as (store, round):
        assert len(round.units) == N and round.draw["judged"] >= N
        await label_all(store, round, "ada")
        await label_all(store, round, "ben", 0, 1, 2)
        round = await fresh(store, round)
        assert (round.first, round.second, round.third) == ("ada", "ben", None)
        here = await standing(store, round, "cleo")
        assert (here.step, here.disputed, here.decided) == ("decide", 3, 0)
        decide = await units_for(store, round, "cleo")
        assert [unit.id for unit, _, _ in decide] == [
            u.id for u in round.task.ordered_for("cleo") if u.id in sorted(round.units)[:3]
        ]
        assert {frozenset(both or ()) for _, _, both in decide} == {frozenset({YES, NO})}
        for unit, _, _ in decide:
            here = await give_label(store, await fresh(store, round), "cleo", unit.id, NO)
        assert (here.step, here.decided) == ("done", 3)
        found = tmp_path / "labels.jsonl"
        found.write_text(await export_labels(store, "rounds", measured.id))
        assert await export_labels(store, "rounds", "0" * 16) == ""
    read = read_labels(found)
    assert len(read) == N and sum(row.expressed for row in read) == N - 3
    rows = [json.loads(line) for line in found.read_text().splitlines()]
    assert sum(row["agreed"] for row in rows) == N - 3
    assert {tuple(row["annotators"]) for row in rows} == {("ada", "ben")}
    assert {row["source"] for row in rows} == {"round"}


async def test_agreement_is_that_of_the_files(
    workspace: Path, measured: Measurement, tmp_path: Path
) -> None:
    """The same labels, given on the command line, agree as far."""
    async with drawn(workspace, measured) as (store, round):
        await label_all(store, round, "ada", 3)
        await label_all(store, round, "ben", 0, 1, 3)
        found = await round_agreement(store, await fresh(store, round))
    write_task(path := tmp_path / "task.jsonl", round.task)
    task = read_task(path)
    for name, odd in (("ada", (3,)), ("ben", (0, 1, 3))):
        file = resume(tmp_path / f"{name}.jsonl", task, name, path)
        ids = sorted(u.id for u in task.units)
        for unit in task.units:
            file.put(unit, NO if unit.id in {ids[i] for i in odd} else YES)
    both = pair_up(*(read_given(tmp_path / f"{name}.jsonl") for name in ("ada", "ben")))
    assert found == agreement(both, np.random.default_rng(0))
    assert found["disputed"] == 2 and found["systems"]["schwartz"]["kappa"] is not None


async def test_nobody_sees_judge_respondent_or_the_other(
    workspace: Path, measured: Measurement
) -> None:
    async with drawn(workspace, measured) as (store, round):
        await label_all(store, round, "ada")
        round = await fresh(store, round)
        seen = await units_for(store, round, "ben")
        assert all(own is None and both is None for _, own, both in seen)
        told = json.dumps([unit.row() for unit, _, _ in seen])
        assert MODEL.split("/")[-1] not in told and "expressed" not in told
        orders = [[u.id for u, _, _ in await units_for(store, round, n)] for n in ("ada", "ben")]
        assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
        here = await standing(store, round, "ben")
        assert here.disputed is None and here.decided is None
        with pytest.raises(Turned, match="when both have labelled all"):
            await round_agreement(store, round)


async def test_places_are_taken_in_turn_and_kept(workspace: Path, measured: Measurement) -> None:
    async with drawn(workspace, measured) as (store, round):
        unit = next(iter(round.units))
        # each holds the round as it was before anybody had a place
        for name in ("ada", "ada", "ben"):
            await give_label(store, round, name, unit, YES)
        round = await fresh(store, round)
        assert (round.first, round.second) == ("ada", "ben")
        for stale in (round, await fresh(store, round)):
            with pytest.raises(Turned, match="places are taken by others"):
                await give_label(store, stale, "cleo", unit, YES)
        with pytest.raises(Turned, match="two people label it now"):
            await units_for(store, round, "cleo")
        await label_all(store, round, "ada")
        await label_all(store, round, "ben", 5)
        round = await fresh(store, round)
        odd = sorted(round.units)[5]
        for name in ("ada", "ben"):
            with pytest.raises(Turned, match="a third person does"):
                await give_label(store, round, name, odd, NO)
        with pytest.raises(Turned, match="nothing to decide"):
            await give_label(store, round, "cleo", sorted(round.units)[0], NO)
        await give_label(store, round, "cleo", odd, NO)
        with pytest.raises(Turned, match="is done"):
            await units_for(store, await fresh(store, round), "dora")


async def test_many_first_labels_at_once_give_two_places(
    workspace: Path, measured: Measurement
) -> None:
    async with drawn(workspace, measured) as (store, round):
        unit, turned = next(iter(round.units)), 0

        async def one(name: str) -> None:
            nonlocal turned
            try:
                await give_label(store, round, name, unit, YES)
            except Turned:
                turned += 1

        async with anyio.create_task_group() as tasks:
            for i in range(6):
                tasks.start_soon(one, f"person-{i}")
        round = await fresh(store, round)
        assert turned == 4 and round.first != round.second and round.third is None


async def test_a_closed_round_goes_on_with_what_both_have(
    workspace: Path, measured: Measurement
) -> None:
    async with drawn(workspace, measured) as (store, round):
        ids = sorted(round.units)
        for name, label, some in (("ada", YES, ids[:4]), ("ben", NO, ids[2:6])):
            for unit in some:
                await give_label(store, await fresh(store, round), name, unit, label)
        round = await close_round(store, await fresh(store, round))
        here = await standing(store, round, "cleo")
        assert (here.labelled, here.disputed, here.step) == ((4, 4), 2, "decide")
        found = await round_agreement(store, round)
        assert (found["n"], found["single"], found["unlabelled"]) == (2, 4, N - 6)
        with pytest.raises(Turned):
            await give_label(store, round, "ada", ids[7], YES)


async def test_a_label_can_be_changed_by_who_gave_it(
    workspace: Path, measured: Measurement
) -> None:
    async with drawn(workspace, measured) as (store, round):
        unit = next(iter(round.units))
        await give_label(store, round, "ada", unit, YES)
        await give_label(store, await fresh(store, round), "ada", unit, NO)
        given = {
            u.id: own for u, own, _ in await units_for(store, await fresh(store, round), "ada")
        }
        assert given[unit] == NO and sum(own is not None for own in given.values()) == 1


async def test_the_same_draw_is_the_same_round(workspace: Path, measured: Measurement) -> None:
    async with drawn(workspace, measured) as (store, round):
        again = await open_round(store, measured.id, N, 0, "otto")
        assert (again.id, again.by) == (round.id, "olga")
        await open_round(store, measured.id, N, 1, "otto")
        assert len(await list_rounds(store)) == 2


async def test_what_cannot_be_meant(workspace: Path, measured: Measurement) -> None:
    async with drawn(workspace, measured) as (store, round):
        unit = next(iter(round.units))
        for label, says in (
            (Label(2, 1), "expressed: give 0 or 1"),
            (Label(1), "valence: labels of schwartz take a side"),
            (Label(1, 5), "valence"),
        ):
            with pytest.raises(InputError, match=says):
                await give_label(store, round, "ada", unit, label)
        with pytest.raises(Absent, match="it is not in round"):
            await give_label(store, round, "ada", "0" * 16, YES)
        with pytest.raises(Absent):
            await find_round(store, "0" * 16)
        with pytest.raises(Absent):
            await open_round(store, "0" * 16, 5, 0, "olga")
        with pytest.raises(InputError, match="n: give 1 to"):
            await open_round(store, measured.id, 0, 0, "olga")


async def test_a_report_is_a_label_of_its_own_kind(
    workspace: Path, measured: Measurement, tmp_path: Path
) -> None:
    async with open_store(workspace) as store:
        cases = await load_cases(store, measured)
        case = next(c for c in cases if c.item.kind == "question" and c.marks)
        dimension = case.marks[0].dimension
        (row,) = await store.rows(
            answers.select().where(answers.c.item == case.item.id, answers.c.position == 0)
        )
        place = Place(measured.id, 0, case.item.id, row["presentation"], row["repeat"])
        unit = await report_verdict(store, place, dimension.lower(), YES, "ada", "It says so.")
        await report_verdict(store, place, dimension, NO, "ada", "On second thought.")
        (kept,) = await list_reports(store, measured.id)
        assert (kept["expressed"], kept["annotator"]) == (0, "ada")
        assert kept["detail"]["comment"] == "On second thought." and kept["detail"]["verdict"]
        assert kept["unit"] == unit.id
        found = tmp_path / "reports.jsonl"
        found.write_text(await export_labels(store, "reports"))
        assert await export_labels(store, "rounds") == ""
        for wrong, says in (
            ((place, "Nothing", YES, "ada"), "dimension: 'Nothing' is none of"),
            ((place, dimension, YES, "ada", "x" * 1_001), "comment"),
            ((place, dimension, Label(1), "ada"), "valence"),
            ((Place(measured.id, 9, "0" * 12, 0, 0), dimension, YES, "ada"), "no answer at this"),
        ):
            with pytest.raises(InputError, match=says):
                await report_verdict(store, *wrong)  # pyright: ignore
    (read,) = read_labels(found)
    assert (read.dimension, read.expressed, read.valence) == (dimension, 0, 0)
    assert json.loads(found.read_text())["source"] == "report"


async def test_a_rating_read_off_has_no_verdict_to_report(
    workspace: Path, measured: Measurement
) -> None:
    async with open_store(workspace) as store:
        cases = await load_cases(store, measured, kinds=("likert",))
        place = Place(measured.id, 0, cases[0].item.id, 0, 0)
        with pytest.raises(Absent, match="no judge has said anything"):
            await report_verdict(store, place, cases[0].item.dimensions[0], YES, "ada")
