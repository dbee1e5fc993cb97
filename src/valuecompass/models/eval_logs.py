"""Conversations out of Inspect's logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from valuecompass.errors import InputError
from valuecompass.items.transcripts import Conversation, Message


def read_log(path: Path) -> Iterator[Conversation]:
    """Yield the conversation of each sample of an Inspect log.

    The respondent is the model that was evaluated: where roles are named, that of "target" (an
    audit by Petri keeps the target's conversation as the sample's messages).

    Args:
        path: an .eval or .json log.

    Raises:
        InputError: it cannot be read, or holds no sample.
    """
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    try:
        head = read_eval_log(path, header_only=True)
        target = (head.eval.model_roles or {}).get("target")
        if isinstance(target, list):
            target = target[0] if target else None
        who = head.eval.model if target is None else target.model
        # events are most of a log, and are not read here
        samples = read_eval_log_samples(
            path, all_samples_required=False, resolve_attachments="core", exclude_fields={"events"}
        )
        for n, sample in enumerate(samples):
            messages = tuple(Message(m.role, m.text) for m in sample.messages)
            place = f"{path}, sample {sample.id}"
            yield Conversation(who, messages, place if sample.epoch == 1 else f"{place}.{n}")
    except InputError:
        raise
    except Exception as error:  # what a damaged archive raises is not documented
        raise InputError(f"{path}: not readable as an Inspect log ({error})") from None
