"""The whole report: runs of the planted world in a real store, real measurements of examinees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World, read_world

from tests.evolve.players import run as evolve_run
from tests.evolve.report.runs import PEOPLE, body_of, manifest_of, save
from tests.measure.helpers import judging, rows
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.evolve.adaem import AdAEMConfig, Evolution
from valuecompass.evolve.report.document import evolution_report
from valuecompass.evolve.report.measuring import OCCASION, ReportSettings
from valuecompass.items import seed_items
from valuecompass.items.io import write_items
from valuecompass.measure.run import Listener, Settings
from valuecompass.models import Limits

CONFIG = AdAEMConfig(keep=14)


@pytest.fixture(scope="module")
def world() -> World:
    return read_world(1)


@pytest.fixture(scope="module")
def done(world: World) -> Evolution:
    return evolve_run(world, CONFIG, 350)


@pytest.fixture
def saved(workspace: Path, world: World, done: Evolution) -> str:
    """A finished run whose examinees are simulated."""
    return written(workspace, world, done)


def written(
    workspace: Path,
    world: World,
    done: Evolution,
    examinees: Sequence[str] = PEOPLE,
    **changed: Any,
) -> str:
    workspace.parent.mkdir(exist_ok=True)
    path = workspace.parent / "seeds.jsonl"
    write_items(seeds(world), path)
    manifest = manifest_of(world, path, len(seeds(world)), CONFIG, examinees) | changed
    return save(workspace, manifest, body_of(world, done), done.events)


def report(workspace: Path, listener: Listener | None = None, **settings: Any) -> dict[str, Any]:
    own = {key: settings.pop(key) for key in ("models", "judge", "limits") if key in settings}
    measuring = Settings(workspace=workspace, **own)
    chosen = ReportSettings(measuring, **{"size": 6, **settings})
    found = anyio.run(evolution_report, chosen, listener)
    json.dumps(found, allow_nan=False)  # it is JSON as it stands
    return found


def answers(workspace: Path) -> int:
    return rows(workspace, "select count(*) from responses")[0][0]


def test_a_run_is_reported_and_its_items_held_against_seeds(workspace: Path, saved: str, done):
    found = report(workspace)
    assert found["run"]["id"] == saved
    assert found["counts"]["kept"] == len(done.kept) == 14
    assert found["counts"]["rejected"] == len(done.rejected)
    assert sum(row["n"] for row in found["counts"]["reasons"]) == len(done.rejected)
    assert found["rewards"]["n"] == 14
    assert found["cost"]["total"]["requests"] == done.meter.total
    pulls = [e for e in done.events if e["event"] == "pull"]
    assert found["course"][-1]["found"] == sum(len(e["kept"]) for e in pulls)
    assert found["examinees"]["origin"] == "run" and found["examinees"]["overlap"] == []
    assert all(m["simulated"] for m in found["examinees"]["models"])
    assert any("simulated" in notice for notice in found["notices"])
    (one,) = found["systems"]
    assert [(s["name"], s["n"]) for s in one["sets"]] == [("evolved", 6), ("seeds", 6)]
    assert [s["available"] for s in one["sets"]] == [14, len(seeds(read_world(1)))]
    assert set(one["told_apart"]) == {"between", "shared", "divergence", "information"}
    for figure in one["told_apart"].values():
        assert set(figure["values"]) == {"evolved", "seeds"}
        assert figure["reason"] is None and figure["values"]["evolved"]["value"] is not None
    assert one["models"] == list(PEOPLE)
    assert "ten items" in one["reliability"]["reason"]
    assert "--other" in one["swap"]["reason"] and "--prime" in one["priming"]["reason"]
    assert found["texts"]["sets"][0]["similarity_to_reference"] is not None
    # 5 models x 2 sets x 6 items x 2 answers; the store holds them, so a second report asks nobody
    assert answers(workspace) == 120
    assert report(workspace) == found
    assert answers(workspace) == 120


def test_nobody_is_asked_for_the_run_alone(workspace: Path, saved: str):
    found = report(workspace, size=0)
    assert found["systems"] == [] and "--size 0" in found["not_compared"]
    assert found["counts"]["kept"] == 14
    assert answers(workspace) == 0


def test_a_dry_run_leaves_it_at_the_plans(workspace: Path, saved: str):
    class Dry(Listener):
        asks = False
        seen: list[str]

        def outlook(self, outlook: Any) -> bool:
            self.seen.append(outlook.plan.form.name)
            return False

    dry = Dry()
    dry.seen = []
    found = report(workspace, dry)
    assert "nobody was asked" in found["not_compared"]
    # the evolved items last: what is newest in the workspace is theirs
    assert [name.split(",")[0] for name in dry.seen] == ["schwartz/seeds", "schwartz/evolved"]
    assert answers(workspace) == 0


def test_other_sets_and_another_run_are_held_against_it(
    workspace: Path, world: World, done: Evolution, saved: str, tmp_path: Path
):
    other = evolve_run(world, replace(CONFIG, seed=5), 350)
    path = workspace.parent / "seeds.jsonl"
    manifest = manifest_of(world, path, 9, replace(CONFIG, seed=5), PEOPLE)
    second = save(workspace, manifest, body_of(world, other), other.events, day=2)
    own = tmp_path / "own.jsonl"
    write_items(seeds(world)[:40], own)
    found = report(
        workspace, run=saved[:6], against=["seeds", own], other=second, size=12, repeats=1
    )
    (one,) = found["systems"]
    names = ["evolved", "seeds", "own.jsonl", "other run"]
    assert [s["name"] for s in one["sets"]] == names
    assert set(one["told_apart"]["shared"]["differences"]) == {"seeds", "own.jsonl"}
    assert "one answer" in one["told_apart"]["between"]["reason"]
    assert one["told_apart"]["between"]["values"]["evolved"]["value"] is None
    assert one["swap"]["reason"] is None and one["swap"]["cells"] == 50
    assert one["swap"]["pearson"]["value"] is not None
    assert one["reliability"]["reason"] is None and len(one["reliability"]["alpha"]) == 10
    assert [b["size"] for b in one["curve"]["apart"]] == [5, 6]
    assert [b["size"] for b in one["curve"]["part"]] == [5, 10, 12]
    with pytest.raises(InputError, match="this is the run itself"):
        report(workspace, run=saved, other=saved)


def test_the_pool_is_asked_anew_and_that_is_flagged(
    workspace: Path, world: World, done: Evolution, mock_provider: MockProvider
):
    pool = ["openai-api/mock/a", "openai-api/mock/b"]
    written(workspace, world, done, examinees=(), pool=pool, explorers=[])
    found = report(workspace, size=2)
    assert found["examinees"]["origin"] == "pool"
    assert found["examinees"]["overlap"] == pool
    assert any("pool was asked again" in notice for notice in found["notices"])
    # what these models said in the run has other keys: a name of its own stands in the request
    asked = rows(workspace, "select request from responses")
    assert {json.loads(body).get("occasion") for (body,) in asked} == {OCCASION}
    clean = report(workspace, size=2, models=["openai-api/mock/c", pool[0]])
    assert clean["examinees"]["overlap"] == [pool[0]]
    assert clean["examinees"]["origin"] == "given"
    asked = rows(workspace, "select model, request from responses where model like '%mock/c'")
    # what others answered may have selected items of the other run, or those of a file
    assert asked and {json.loads(body)["occasion"] for _, body in asked} == {OCCASION}


def test_primed_models_are_held_against_themselves(
    workspace: Path,
    world: World,
    done: Evolution,
    mock_provider: MockProvider,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(mock_module, "answer", judging)
    written(workspace, world, done, examinees=["openai-api/mock/a", PEOPLE[0]])
    found = report(workspace, size=1, prime=True, judge="openai-api/mock/judge")
    (one,) = found["systems"]
    primed = one["priming"]
    assert primed["reason"] is None and list(primed["by_examinee"]) == ["openai-api/mock/a"]
    assert primed["all"]["target"]["n"] == 10
    # each of ten values has 2 or 3 opposites and 1 to 4 companions
    opposites = sum(len(d.opposites) for d in world.systems[0].dimensions)
    assert primed["all"]["opposite"]["n"] == opposites
    assert len(primed["by_dimension"]) == 10
    names = rows(
        workspace, "select count(distinct respondent) from scores where respondent like '%@prime=%'"
    )
    assert names == [(10,)]


def test_a_model_that_refuses_most_is_left_out_by_name(
    workspace: Path,
    world: World,
    done: Evolution,
    mock_provider: MockProvider,
    monkeypatch: pytest.MonkeyPatch,
):
    told = iter(["It should, for order matters most to me.", "It should not."])
    refusal = "I'm sorry, but I can't help with that."
    monkeypatch.setattr(mock_module, "answer", lambda body, index=0: next(told, refusal))
    shy = "openai-api/mock/e"
    written(workspace, world, done, examinees=[*PEOPLE, shy])
    (one,) = report(workspace, size=12, repeats=1, against=[])["systems"]
    assert shy in one["models"] and one["sparse"] == [shy]
    assert one["reliability"]["reason"] is None
    assert one["reliability"]["pooled_alpha"]["value"] is not None
    assert one["curve"]["apart"]


def test_where_nobody_answers_that_is_said(
    workspace: Path,
    world: World,
    done: Evolution,
    mock_provider: MockProvider,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(mock_module, "answer", lambda body, index=0: "I can't help with that.")
    written(workspace, world, done, examinees=["openai-api/mock/a", "openai-api/mock/b"])
    (one,) = report(workspace, size=3, repeats=1)["systems"]
    assert one["models"] == [] and len(one["silent"]) == 2
    told = {f["reason"] for f in one["told_apart"].values()} | {one["reliability"]["reason"]}
    assert all(why.startswith("no model") for why in told)


class Heard(Listener):
    """Keeps what it hears, and leaves plans at that."""

    asks = False

    def __init__(self) -> None:
        self.notes: list[str] = []

    def outlook(self, outlook: Any) -> bool:
        self.notes.append("a plan")
        return False

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def test_parts_that_few_examinees_leave_empty_are_named_before_anything_is_asked(
    workspace: Path, world: World, done: Evolution, saved: str
):
    heard = Heard()
    found = report(workspace, heard, models=PEOPLE[:1])
    assert heard.notes[0].startswith("With one examinee these parts stay empty: how well sets")
    assert heard.notes[0] in found["notices"] and heard.notes[1] == "a plan"
    heard = Heard()
    report(workspace, heard, models=PEOPLE[:3])
    assert "how many items are enough (4)" in heard.notes[0]
    assert "sets tell" not in heard.notes[0]
    heard = Heard()
    report(workspace, heard, models=PEOPLE[:4])
    assert heard.notes == ["a plan", "a plan"]
    manifest = manifest_of(world, workspace.parent / "seeds.jsonl", 9, CONFIG, PEOPLE)
    other = save(workspace, manifest, body_of(world, done), day=2)
    with pytest.raises(InputError, match="takes 3 examinees, and there are 2"):
        report(workspace, run=saved, other=other, models=PEOPLE[:2])


def test_items_of_another_kind_or_language_are_no_comparison(
    workspace: Path, world: World, done: Evolution, saved: str, tmp_path: Path
):
    file = tmp_path / "own.jsonl"
    tradeoffs = seeds(world, "tradeoff")[:9]
    write_items(tradeoffs, file)
    with pytest.raises(InputError, match=r"own\.jsonl: no questions of schwartz in en"):
        report(workspace, Heard(), against=[file])
    foreign = [i.model_copy(update={"language": "es"}) for i in seeds(world)[:5]]
    write_items([*tradeoffs, *foreign], file)
    with pytest.raises(InputError, match="no questions of schwartz in en"):
        report(workspace, Heard(), against=[file])
    manifest = manifest_of(world, "bank", 9, CONFIG, PEOPLE) | {"language": "es"}
    other = save(workspace, manifest, body_of(world, done) | {"kept": []}, day=2)
    with pytest.raises(InputError, match="kept no questions of schwartz in en"):
        report(workspace, Heard(), run=saved, other=other)


def test_further_evolved_items_are_asked_beyond_the_comparison(
    workspace: Path, saved: str, world: World, tmp_path: Path
):
    few = tmp_path / "few.jsonl"
    write_items(seeds(world)[:3], few)
    (one,) = report(workspace, against=[few], size=12, repeats=1)["systems"]
    assert [(s["n"], s["compared"]) for s in one["sets"]] == [(12, 3), (3, 3)]
    assert one["reliability"]["reason"] is None
    assert [b["size"] for b in one["curve"]["part"]] == [5, 10, 12]


def test_simulated_examinees_cannot_be_primed(workspace: Path, saved: str):
    (one,) = report(workspace, size=2, prime=True)["systems"]
    assert "no examinee can be primed" in one["priming"]["reason"]


def test_one_examinee_has_nobody_to_be_told_apart_from(workspace: Path, world, done):
    written(workspace, world, done, examinees=PEOPLE[:1])
    (one,) = report(workspace, size=2)["systems"]
    assert {f["reason"] for f in one["told_apart"].values()} == {
        "one model alone: there is nobody to tell it apart from"
    }
    assert "one model" in one["reliability"]["reason"] and "4 models" in one["curve"]["reason"]


def test_a_budget_holds_over_all_sets(workspace: Path, saved: str):
    from valuecompass.errors import BudgetReached

    with pytest.raises(BudgetReached):
        report(workspace, limits=Limits(calls=70))
    assert answers(workspace) <= 70
    assert report(workspace)["systems"]


def test_what_is_wrong_is_said_before_anything_is_asked(
    workspace: Path, world: World, done: Evolution
):
    unknown = written(workspace, world, done, examinees=["a label of a roster"])
    with pytest.raises(InputError, match="name them with --examinees"):
        report(workspace)
    (workspace.parent / "seeds.jsonl").unlink()
    with pytest.raises(InputError, match=r"seeds\.jsonl: no such file.*--against FILE"):
        report(workspace, models=PEOPLE[:2])
    # of the run alone the report says what it could not read
    (why,) = report(workspace, size=0)["texts"]["reasons"]
    assert "seeds could not be read" in why
    with pytest.raises(InputError, match="an empty id"):
        report(workspace, run="")
    with pytest.raises(InputError, match="no run of evolve whose id begins with zz"):
        report(workspace, run="zz")
    with pytest.raises(InputError, match="--repeats"):
        ReportSettings(repeats=0)
    manifest = manifest_of(world, "bank", 5, CONFIG, ())
    open_run = save(workspace, manifest, None, day=3)
    with pytest.raises(InputError, match="has not finished"):
        report(workspace, run=open_run)
    assert report(workspace, size=0)["run"]["id"] == unknown
    assert answers(workspace) == 0


def test_seeds_that_are_not_the_runs_are_refused(workspace: Path, saved: str, world: World):
    write_items(seeds(world)[:1], workspace.parent / "seeds.jsonl")
    with pytest.raises(InputError, match="of the run's seeds are not there"):
        report(workspace)


def test_a_run_that_kept_nothing_has_a_report(workspace: Path, world: World, done: Evolution):
    body = body_of(world, done) | {"kept": []}
    save(workspace, manifest_of(world, "bank", 5, CONFIG, PEOPLE), body, done.events)
    found = report(workspace)
    assert found["not_compared"] == "the run kept no items"
    # the seeds are those of the kind that evolved
    questions = [i for i in seed_items("schwartz") if i.kind == "question"]
    assert found["texts"]["sets"][0]["texts"] == len({i.text for i in questions})
    assert found["rewards"]["reason"] == "no item was kept"
    assert found["cost"]["per_survivor"]["requests"] is None
