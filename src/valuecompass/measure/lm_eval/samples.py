"""The samples that lm-evaluation-harness logs of our tasks, read as answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.lm_eval.export import OURS
from valuecompass.measure.logprobs import options_of
from valuecompass.models.eval_logs import Logged, LoggedAnswer
from valuecompass.models.request import LOGPROBS, Message
from valuecompass.store import storable
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

Json = dict[str, Any]
_NAME = re.compile(r"samples_.*_(\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl")
"""As lm-evaluation-harness names its files; what it finished together has one time."""


@dataclass
class _Run:
    """What one run of lm-evaluation-harness says of one system."""

    folder: Path
    time: str
    system: ValueSystem
    form: str = ""
    asking: dict[Any, Asking] = field(default_factory=dict[Any, Asking])
    items: dict[int, Item] = field(default_factory=dict[int, Item])
    """By place in the form."""
    answers: dict[tuple[str, int, int], LoggedAnswer] = field(
        default_factory=dict[tuple[str, int, int], LoggedAnswer]
    )


def read_samples(paths: Sequence[Path], respondent: str | None = None) -> list[Logged]:
    """Read what ``lm_eval --log_samples`` wrote of tasks of ours.

    The model is named by the file ``results_TIME.json`` beside the samples, else by their folder.

    Args:
        paths: files ``samples_TASK_TIME.jsonl``.
        respondent: who answered, where that is not to be the model's name.

    Returns:
        One entry for each run and value system: the tasks of a run belong together. Its form holds
        the items that were asked, in the order of the form that was exported.

    Raises:
        InputError: a line that is no sample of a task of ours (with file, line and field), a
            request that is there twice, or one name for several runs.
    """
    runs: dict[tuple[Path, str, str], _Run] = {}
    for path in paths:
        named = _NAME.fullmatch(path.name)
        time = named[1] if named else ""
        lines = [(n, s) for n, s in enumerate(read_text(path).split("\n"), 1) if s.strip()]
        if not lines:
            raise InputError(f"{path}: no samples; run lm_eval again with --log_samples")
        for number, line in lines:
            _add(runs, path.parent, time, line, f"{path}, line {number}")
    found = [_logged(run, respondent) for run in runs.values()]
    if respondent is not None and len({(run.folder, run.time) for run in runs.values()}) > 1:
        raise InputError(
            f"--respondent {respondent}: these samples are of several runs; import them one by one"
        )
    return found


def _add(
    runs: dict[tuple[Path, str, str], _Run], folder: Path, time: str, line: str, where: str
) -> None:
    sample = _object(line, where)
    doc = sample.get("doc")
    kept = doc.get(OURS) if isinstance(doc, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(kept, str):
        raise InputError(
            f"{where}: doc: no sample of a task that valuecompass items export --format lm-eval "
            "wrote"
        )
    told = _object(kept, f"{where}: doc.{OURS}")
    try:
        system = _system(told["system"])
        item = Item.from_row(told["item"])
        asking = Asking.model_validate(told["asking"])
        place, presentation, repeat = (int(told[n]) for n in ("place", "presentation", "repeat"))
        form = storable(str(told["form"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # pydantic's: ValueError
        raise InputError(f"{where}: doc.{OURS}: {_reason(error)}") from None
    if unknown := [d for d in item.dimensions if d not in system.names]:
        raise InputError(f"{where}: doc.{OURS}: {unknown[0]!r} is no dimension of {system.id}")
    run = runs.setdefault((folder, time, system.id), _Run(folder, time, system))
    if run.items.setdefault(place, item).id != item.id or run.form not in ("", form):
        raise InputError(
            f"{where}: doc: of another form than the samples before ({form!r}); import them apart"
        )
    if run.asking.setdefault(item.kind, asking) != asking:
        raise InputError(
            f"{where}: doc.{OURS}: the {item.kind} before was asked otherwise; import them apart"
        )
    run.form = form
    key = item.id, presentation, repeat
    if key in run.answers:
        raise InputError(f"{where}: doc: the answer to this request is there already")
    run.answers[key] = _answer(sample, item, where)


def _system(told: Any) -> ValueSystem:
    if isinstance(told, str):
        if told not in BUILTIN:
            raise ValueError(f"system: {told!r} is no built-in system of this version")
        return builtin_system(told)
    return ValueSystem.model_validate(told)


def _answer(sample: Json, item: Item, where: str) -> LoggedAnswer:
    told: Any = sample.get("filtered_resps")
    arguments: Any = sample.get("arguments")
    try:
        prompt = _prompt(arguments["gen_args_0"]["arg_0"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{where}: arguments: the prompt is not there") from None
    if item.kind in READ_OFF:
        logs = dict(zip(options_of(item), _logs(told, item, where), strict=True))
        text = json.dumps({option: v for option, v in logs.items() if math.isfinite(v)})
        return LoggedAnswer((Message("assistant", text),), LOGPROBS, "", 0, 0, 0.0, prompt)
    texts = cast(list[Any], told) if isinstance(told, list) else []
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise InputError(f"{where}: filtered_resps: one text is needed")
    return LoggedAnswer((Message("assistant", texts[0]),), "stop", "", 0, 0, 0.0, prompt)


def _prompt(told: Any) -> str:
    """Return what the model was shown.

    With an API model and its chat template lm-evaluation-harness writes a list that holds one text,
    the messages as JSON.
    """
    if not isinstance(told, list):
        return str(told)
    (text,) = cast(list[Any], told)
    return "\n\n".join(str(message["content"]) for message in json.loads(text))


def _logs(told: Any, item: Item, where: str) -> Iterator[float]:
    """Yield the log-likelihood of each option; lm-evaluation-harness writes numbers as texts."""
    count = len(options_of(item))
    if not isinstance(told, list) or len(cast(list[Any], told)) != count:
        raise InputError(f"{where}: filtered_resps: {count} log-likelihoods are needed")
    for pair in cast(list[Any], told):
        try:
            value = float(pair[0])
        except (TypeError, ValueError, IndexError, KeyError):
            value = math.nan
        if math.isnan(value) or value > 1e-3:  # rounding may leave the log of 1 above 0
            raise InputError(f"{where}: filtered_resps: {pair!r} holds no log-likelihood")
        yield min(value, 0.0)


def _logged(run: _Run, respondent: str | None) -> Logged:
    about = _results(run)
    model = storable(str(about.get("model_name") or run.folder.name))
    # of a local model the whole path is nobody's name
    name = respondent or (Path(model).name if Path(model).is_absolute() else model)
    how = " with a chat template" if about.get("chat_template") else ""
    version = f"lm_eval {about.get('lm_eval_version', '')} {about.get('model_source', '')}{how}"
    answers = {key: replace(answer, version=version[:256]) for key, answer in run.answers.items()}
    items = [run.items[place] for place in sorted(run.items)]
    form = Form(
        name=run.form, system=run.system.id, asking=run.asking, items=tuple(i.id for i in items)
    )
    told = sorted((*key, a.said[0].content, a.prompt) for key, a in answers.items())
    return Logged(
        id=f"lm-eval {digest([model, told], 16)}",
        model=f"lm-eval/{model}",
        respondent=name,
        occasion=f"lm-eval {run.time}".strip(),
        system=run.system.model_dump(mode="json"),
        form=form.model_dump(mode="json"),
        items=[item.row() for item in items],
        answers=answers,
    )


def _results(run: _Run) -> Json:
    path = run.folder / f"results_{run.time}.json"
    return _object(read_text(path), str(path)) if run.time and path.is_file() else {}


def _object(text: str, where: str) -> Json:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: not JSON") from None
    if not isinstance(found, dict):
        raise InputError(f"{where}: a JSON object is needed")
    return cast(Json, found)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
