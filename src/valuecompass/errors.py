"""The few ways a command can stop, each with its exit code.

Everything a user can cause is one of these; anything else is a defect of ours and keeps its
traceback.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import cast

_Group = BaseExceptionGroup[BaseException]


class ValueCompassError(Exception):
    """A stop that the user can understand and mend; the message is the whole story."""

    exit_code = 2


class InputError(ValueCompassError):
    """Wrong usage or bad input: the message names the file, the row, the field and the mend."""


class RequestFailed(ValueCompassError):
    """One request failed for good: its answer is missing, the run goes on."""


class BudgetReached(ValueCompassError):
    """The next request would exceed the budget; what was done is stored, the run is resumable."""

    exit_code = 3


class Interrupted(ValueCompassError):
    """Ctrl-C or SIGTERM: what was in flight has been stored, the run is resumable."""

    exit_code = 130


class ProviderStopped(ValueCompassError):
    """The provider refuses every further request (key, model name, quota): going on is useless."""


class StoreError(ValueCompassError):
    """The workspace cannot be read or written (locked, read-only, full, from a newer version)."""


@contextlib.contextmanager
def ungrouped() -> Generator[None]:
    """Raise an error alone: the task groups that it went through are nobody's business.

    Of several that came together, one of ours; several others stay the group that they are.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(ValueCompassError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]
        if ours is not None:
            raise ours from None
        alone = _alone(group)
        if alone is group:
            raise
        raise alone from alone.__cause__


def _alone(group: _Group) -> BaseException:
    """Return what a group of one holds, at any depth; else the group."""
    if len(group.exceptions) > 1:
        return group
    one = next(iter(group.exceptions))
    return _alone(cast("_Group", one)) if isinstance(one, BaseExceptionGroup) else one
