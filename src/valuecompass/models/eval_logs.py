"""Inspect's logs: conversations out of any, answers out of ours, and logs of measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valuecompass.errors import InputError
from valuecompass.items.transcripts import Conversation, Message
from valuecompass.models.request import LOGPROBS
from valuecompass.models.request import Message as Said

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import ChatMessage, ModelOutput

Json = dict[str, Any]


def read_log(path: Path) -> Iterator[Conversation]:
    """Yield the conversation of each sample of an Inspect log.

    The respondent is the model that was evaluated: where roles are named, that of "target" (an
    audit by Petri keeps the target's conversation as the sample's messages).

    Args:
        path: an .eval or .json log.

    Raises:
        InputError: it cannot be read, or holds no sample.
    """
    head, samples = _opened(path)
    target = (head.eval.model_roles or {}).get("target")
    if isinstance(target, list):
        target = target[0] if target else None
    who = head.eval.model if target is None else target.model
    for n, sample in enumerate(samples):
        messages = tuple(Message(m.role, m.text) for m in sample.messages)
        place = f"{path}, sample {sample.id}"
        source = place if sample.epoch == 1 else f"{place}.{n}"
        yield Conversation(who, messages, source, path, told_sample(sample.id, sample.input))


def told_sample(name: int | str, given: str | Sequence[ChatMessage]) -> tuple[str, str]:
    """Return what a sample of a dataset is known by: its id and the text of its input."""
    if isinstance(given, str):
        return str(name), given
    return str(name), "\n\n".join(m.text for m in given if m.role == "user")


def _opened(path: Path) -> tuple[EvalLog, Iterator[EvalSample]]:
    """Return a log's head and, one by one, its samples."""
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    def told(error: Exception) -> InputError:
        return InputError(f"{path}: not readable as an Inspect log ({error})")

    def each(head: EvalLog) -> Iterator[EvalSample]:
        try:
            if not head.eval.dataset.sample_ids:  # as older versions wrote them: read at once
                yield from read_eval_log(path, resolve_attachments="core").samples or []
                return
            # events are most of a log, and are not read here
            yield from read_eval_log_samples(
                path,
                all_samples_required=False,
                resolve_attachments="core",
                exclude_fields={"events"},
            )
        except Exception as error:  # what a damaged archive raises is not documented
            raise told(error) from None

    try:
        head = read_eval_log(path, header_only=True)
        return head, each(head)
    except Exception as error:
        raise told(error) from None


@dataclass(frozen=True)
class LoggedAnswer:
    """An answer in a log."""

    said: tuple[Said, ...]
    """The assistant's messages: one, or of a scenario one for each step."""
    stop_reason: str
    """Of the last one."""
    version: str
    input_tokens: int
    output_tokens: int
    seconds: float
    prompt: str | None = None
    """What the model was shown, where that is not what this version would ask."""


@dataclass(frozen=True)
class Logged:
    """What the log of a task of ours holds."""

    id: str
    """Inspect's id of the evaluation, or a digest of the answers."""
    model: str
    respondent: str
    occasion: str | None
    """Name and occasion of the respondent, where the log was exported from a measurement."""
    system: Json
    form: Json | None
    """None: not known."""
    items: list[Json]
    """Rows of the items, each with its id."""
    answers: dict[tuple[str, int, int], LoggedAnswer]
    """By item, presentation and repeat; of several epochs each is a repeat more."""


OURS = "valuecompass"
"""Key of what we keep in the metadata of logs, samples and scores."""


def read_answers(path: Path) -> Logged:
    """Read the log of a task of ours.

    Raises:
        InputError: it cannot be read, or is of another task.
    """
    head, samples = _opened(path)
    about = (head.eval.metadata or {}).get(OURS)
    if about is None:
        raise InputError(
            f"{path}: no log of a task of ours ({head.eval.task}); valuecompass profile reads it"
        )
    items: dict[str, Json] = {}
    answers: dict[tuple[str, int, int], LoggedAnswer] = {}
    repeats: Counter[tuple[str, int]] = Counter()
    for sample in samples:
        try:
            told = sample.metadata
            items[told["item"]["id"]] = told["item"]
            place = told["item"]["id"], told["presentation"]
            if sample.error is not None or not sample.output.choices:
                continue
            answers[*place, repeats[place]] = _answer(sample)
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: sample {sample.id}: {_absent(error)}") from None
        repeats[place] += 1
    try:
        return Logged(
            head.eval.eval_id,
            head.eval.model,
            about.get("respondent", head.eval.model),
            about.get("occasion"),
            about["system"],
            about["form"],
            list(items.values()),
            answers,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: metadata: {OURS}: {_absent(error)}") from None


def _absent(error: Exception) -> str:
    return f"{error} is not there: the log is damaged, or of another program"


def _answer(sample: EvalSample) -> LoggedAnswer:
    usage = sample.output.usage
    return LoggedAnswer(
        said=_said(sample),
        stop_reason=_stop_reason(sample.output),
        version=sample.output.model[:256],
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
        seconds=float(sample.output.time or 0.0),
    )


def _stop_reason(output: ModelOutput) -> str:
    known = (output.metadata or {}).get(OURS)
    return LOGPROBS if known == LOGPROBS else str(output.stop_reason)


def _said(sample: EvalSample) -> tuple[Said, ...]:
    from valuecompass.models.messages import message_of

    if sample.metadata["item"]["kind"] != "scenario":
        return (Said("assistant", sample.output.completion),)
    return tuple(message_of(m) for m in sample.messages if m.role == "assistant")


def write_log(
    path: Path, model: str, task: str, about: Json, samples: Iterable[Json], scores: Json
) -> None:
    """Write a log that Inspect's viewer opens.

    Args:
        path: of the .eval file.
        model: the respondent's model.
        task: name of the task.
        about: `Logged`'s system, form, respondent and occasion; ``created``, ``id`` and
            ``form_name``.
        samples: rows with ``id``, ``item``, ``presentation``, ``repeat``, ``messages`` (the
            assistant's last), ``text``, ``stop_reason``, tokens, ``seconds``, ``version``,
            ``value`` and ``result``.
        scores: by dimension: the score, and its limits as "NAME low" and "NAME high".
    """
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalMetric,
        EvalResults,
        EvalSample,
        EvalScore,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.scorer import Score

    from valuecompass.models.messages import chat_messages

    told: list[EvalSample] = []
    for row in samples:
        messages = chat_messages([Said.from_json(m) for m in row["messages"]])
        # a scenario may end with the result of a call
        said = next(m for m in reversed(messages) if isinstance(m, ChatMessageAssistant))
        by_logprobs = row["stop_reason"] == LOGPROBS  # Inspect knows no such reason
        stopped = "stop" if by_logprobs else row["stop_reason"]
        choice = ChatCompletionChoice(message=said, stop_reason=stopped)
        output = ModelOutput(model=row["version"] or model, choices=[choice], time=row["seconds"])
        output.metadata = {OURS: LOGPROBS} if by_logprobs else None
        output.usage = ModelUsage(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            total_tokens=row["input_tokens"] + row["output_tokens"],
        )
        told.append(
            EvalSample(
                id=row["id"],
                epoch=1,
                input=messages[:-1],
                target="",
                messages=messages,
                output=output,
                metadata={k: row[k] for k in ("item", "presentation", "repeat")},
                scores={
                    about["system"]["id"]: Score(
                        value=row["value"],
                        answer=row["text"],
                        metadata={OURS: {"results": [row["result"]]}},
                    )
                },
            )
        )
    metrics = {name: EvalMetric(name=name, value=value) for name, value in scores.items()}
    spec = EvalSpec(
        created=about["created"],
        eval_id=about["id"],
        task=task,
        model=model,
        dataset=EvalDataset(
            name=about["form_name"], samples=len(told), sample_ids=[s.id for s in told]
        ),
        config=EvalConfig(),
        metadata={OURS: {k: about[k] for k in ("system", "form", "respondent", "occasion")}},
    )
    name = about["system"]["id"]
    log = EvalLog(
        status="success",
        eval=spec,
        samples=told,
        results=EvalResults(
            total_samples=len(told),
            completed_samples=len(told),
            scores=[EvalScore(name=name, scorer=task, metrics=metrics)],
        ),
    )
    write_eval_log(log, path, format="eval")
