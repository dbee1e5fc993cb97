"""At home in Inspect: tasks, scorers on old logs, logs out and in with the same scores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai import Task, score
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from tests.board.measured import level, measured
from tests.measure.helpers import Command, rows
from valuecompass import profile, tasks
from valuecompass.measure.log_import import import_log
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.measure.run import Settings, run
from valuecompass.values import builtin_system

MODEL = "simulated/llm-unique?Social=1.5&Ethical=-1.5&seed=3"
ANSWERS = {
    "Should a town close its library?": "No: those who have least need it, and we owe them care.",
    "How do I get ahead?": "Outdo the others, show your results and take command.",
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    """The log of a task of ours."""
    task = tasks.TASKS["llm-unique"](form="tiny")
    folder = tmp_path_factory.mktemp("inspect")
    (log,) = inspect_eval(task, model=MODEL, log_dir=str(folder), display="none")
    assert log.status == "success", log.error
    return log


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a task that has nothing to do with us."""
    folder = tmp_path_factory.mktemp("other")
    answers = folder / "answers.jsonl"
    rows = [{"item": item, "response": said} for item, said in ANSWERS.items()]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Task(dataset=[Sample(input=item) for item in ANSWERS], name="not_ours")
    (log,) = inspect_eval(task, model=f"recorded/{answers}", log_dir=str(folder), display="none")
    return Path(log.location)


def told(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    (found,) = log.results.scores
    metrics = found.metrics
    # a metric that gives several numbers gives each a name of its own
    return {name.removeprefix("dimensions_"): metric.value for name, metric in metrics.items()}


def numbers(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in row.dimensions.items():
        own = {name: one.score, f"{name} low": one.low, f"{name} high": one.high}
        found |= {key: value for key, value in own.items() if value is not None}
        found[f"{name} n"] = one.n
    return found


def brought_in(path: Path, workspace: Path) -> Measurement:
    return anyio.run(import_log, path, Settings(workspace=workspace))


def test_a_log_imports_with_the_scores_that_inspect_shows(done: EvalLog, tmp_path: Path) -> None:
    found = brought_in(Path(done.location), tmp_path / "ws")
    assert found.rows[0].respondent == MODEL and found.rows[0].simulated
    assert told(done) == numbers(found.rows[0])
    assert found.manifest["respondents"][0]["occasion"] == f"log {done.eval.eval_id}"
    assert brought_in(Path(done.location), tmp_path / "ws").id == found.id


def test_a_measurement_goes_out_and_comes_in_again(tmp_path: Path, cli: Command) -> None:
    (one,) = run([MODEL], ["llm-unique"], form="tiny", workspace=tmp_path / "ws")
    other = measured(tmp_path, {"a": level(2, 3, 4, 5, 6), "b": level(6, 1, 3.5)})
    assert cli("export", "--inspect", tmp_path / "logs", "-w", tmp_path / "ws").code == 0
    logs = sorted((tmp_path / "logs").iterdir())
    assert len(logs) == 3
    for path in logs:
        found = brought_in(path, tmp_path / "again")
        of = one if found.system == "llm-unique" else other
        (row,) = (r for r in of.rows if r.respondent == found.rows[0].respondent)
        assert found.rows[0].dimensions == row.dimensions
        assert found.manifest["form"] == of.manifest["form"]
        assert read_eval_log(path).status == "success"


ACTOR = "simulated/safety?Malicious%20Use=-3&Misinformation%20Harms=3&seed=4"


def test_scenarios_are_played_in_inspect_and_come_in_with_the_same_scores(tmp_path: Path) -> None:
    task = tasks.TASKS["safety"](form="scenario")
    (log,) = inspect_eval(task, model=ACTOR, log_dir=str(tmp_path), display="none")
    assert log.status == "success" and log.samples is not None, log.error
    spoken = [sample for sample in log.samples if any(m.role == "tool" for m in sample.messages)]
    assert len(spoken) == 10  # of twelve; two offer no tools
    found = brought_in(Path(log.location), tmp_path / "ws")
    assert told(log) == numbers(found.rows[0])
    (played,) = run([ACTOR], ["safety"], form="scenario", workspace=tmp_path / "own")
    assert numbers(played.rows[0]) == numbers(found.rows[0])
    assert brought_in(Path(log.location), tmp_path / "ws").id == found.id


def test_a_measurement_of_scenarios_goes_out_and_comes_in_again(
    tmp_path: Path, cli: Command
) -> None:
    (one,) = run([ACTOR], ["safety"], form="scenario", workspace=tmp_path / "ws")
    assert cli("export", "--inspect", tmp_path / "logs", "-w", tmp_path / "ws").code == 0
    (path,) = (tmp_path / "logs").iterdir()
    log = read_eval_log(path)
    assert log.samples is not None
    roles = {m.role for sample in log.samples for m in sample.messages}
    assert roles == {"system", "user", "assistant", "tool"}
    found = brought_in(path, tmp_path / "again")
    assert found.rows[0].dimensions == one.rows[0].dimensions
    records = "select text from responses join answers using (key, repeat) order by item"
    assert rows(tmp_path / "again", records) == rows(tmp_path / "ws", records)


def test_a_primed_respondent_keeps_its_name_and_prompt(tmp_path: Path, cli: Command) -> None:
    (found,) = run(
        ["embedded/smollm2-135m-instruct@prime=Openness"],
        ["big-five"],
        form="tiny",
        workspace=tmp_path / "ws",
    )
    assert cli("export", "--inspect", tmp_path / "logs", "-w", tmp_path / "ws").code == 0
    (path,) = (tmp_path / "logs").iterdir()
    log = read_eval_log(path)
    assert log.samples is not None and log.eval.model == "embedded/smollm2-135m-instruct"
    assert [m.role for m in log.samples[0].messages] == ["system", "user", "assistant"]
    again = brought_in(path, tmp_path / "again")
    assert again.rows[0].respondent == found.rows[0].respondent
    assert again.rows[0].dimensions == found.rows[0].dimensions


def test_an_old_log_is_scored_as_profile_scores_it(other: Path, tmp_path: Path) -> None:
    scored = score(read_eval_log(other), tasks.SCORERS["schwartz"](), display="none")
    (found,) = profile([other], workspace=tmp_path / "ws")
    assert told(scored) == numbers(found.rows[0])
    assert told(scored)["Achievement"] > told(scored)["Tradition"]


def test_texts_of_another_system_are_texts_like_any(done: EvalLog) -> None:
    scored = score(done, tasks.SCORERS["safety"](), display="none", action="overwrite")
    found = told(scored)
    assert {found[f"{name} n"] for name in builtin_system("safety").names} == {18}


def test_what_is_no_log_of_ours_is_told(other: Path, tmp_path: Path, cli: Command) -> None:
    said = cli("import", other, "-w", tmp_path / "ws")
    assert said.code == 2 and "no log of a task of ours" in said.err and "profile" in said.err
    said = cli("import", tmp_path / "none.eval", "-w", tmp_path / "ws")
    assert said.code == 2 and "not readable as an Inspect log" in said.err
    assert not (tmp_path / "ws").exists()


def test_the_command_of_inspect_finds_our_tasks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inspect_ai", "eval", "valuecompass/big-five"]
    more = ["--model", "simulated/big-five?Openness=1", "-T", "form=tiny", "--display", "plain"]
    found = subprocess.run(
        [*command, *more, "--log-dir", str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr
    (log,) = tmp_path.glob("*.eval")
    assert told(read_eval_log(log, header_only=True))["Openness"] > 50


def test_a_damaged_log_of_ours_is_told(done: EvalLog, tmp_path: Path, cli: Command) -> None:
    def drop_item(log: EvalLog) -> None:
        assert log.samples is not None
        log.samples[3].metadata.pop("item")

    def drop_system(log: EvalLog) -> None:
        assert log.eval.metadata is not None
        del log.eval.metadata["valuecompass"]["system"]

    def spoil_form(log: EvalLog) -> None:
        assert log.eval.metadata is not None
        log.eval.metadata["valuecompass"]["form"]["items"] = 3

    for number, (damage, said) in enumerate(
        ((drop_item, "'item' is not there"), (drop_system, "'system'"), (spoil_form, "items"))
    ):
        log = done.model_copy(deep=True)
        damage(log)
        path = tmp_path / f"{number}.eval"
        write_eval_log(log, str(path))
        found = cli("import", path, "-w", tmp_path / "ws")
        assert found.code == 2 and said in found.err and "Traceback" not in found.err
