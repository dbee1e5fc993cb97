"""The few ways a command can stop, each with its exit code.

Everything a user can cause is one of these; anything else is a defect of ours and keeps its
traceback.
"""

from __future__ import annotations


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


def known_error(group: BaseExceptionGroup[BaseException]) -> ValueCompassError | None:
    """Return the error of ours inside a task group's error, if there is one."""
    ours = group.subgroup(ValueCompassError)
    while isinstance(ours, BaseExceptionGroup):
        ours = ours.exceptions[0]
    return ours
