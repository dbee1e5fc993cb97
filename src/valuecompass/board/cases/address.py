"""Where a case is: a measurement, and a place in it."""

from __future__ import annotations

from dataclasses import dataclass

from valuecompass.board.boards import days, named, own_heads
from valuecompass.errors import InputError
from valuecompass.measure.archive import find_measurement, load_measurement
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store


@dataclass(frozen=True, order=True)
class Address:
    """One answer of a measurement.

    position: of the respondent, from 0. presentation: 1 where the sides of a trade-off were
    swapped. repeat: which of the answers asked for, from 0.
    """

    measurement: str
    position: int
    item: str
    presentation: int = 0
    repeat: int = 0


async def measurement_named(
    store: Store, system: str | None = None, date: str | None = None
) -> Measurement:
    """Return the measurement whose cases are meant: imported tables have none.

    Args:
        store: the open store.
        system: id of a value system; None: `date` is the id of a measurement.
        date: ISO day or id of a measurement; None: the newest of the system.

    Raises:
        InputError: there is none.
    """
    if system is None:
        found = await find_measurement(store, date or "")
        if found is None:
            raise InputError(f"{date}: there is no measurement of this id with cases here")
        return found
    heads = await own_heads(store, system)
    wanted = heads if date is None else named(heads, date, "--date")
    if not wanted:
        when = f" of {date}" if date is not None else ""
        raise InputError(
            f"{system}: no measurement{when} with cases here; measurements of our own are of: "
            f"{', '.join(days(heads)) or 'no day'}"
        )
    return await load_measurement(store, wanted[0])
