"""Where a case is: a measurement, and a place in it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from valuecompass.board.boards import days, named
from valuecompass.errors import InputError
from valuecompass.measure.archive import find_measurement, utc
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, measurements


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


async def measurement_id(store: Store, system: str, date: str | None = None) -> str:
    """Return the id of the measurement whose cases are meant: imported tables have none.

    Args:
        store: the open store.
        system: id of a value system.
        date: ISO day, or id of a measurement; None: the newest.

    Raises:
        InputError: there is none.
    """
    own = (measurements.c.system == system) & (measurements.c.kind == "measured")
    # without manifests: they are long, and this is asked at every search
    rows = await store.rows(select(measurements.c.id, measurements.c.created).where(own))
    heads = sorted(rows, key=lambda head: utc(head["created"]), reverse=True)
    wanted = heads if date is None else named(heads, date, "date")
    if not wanted:
        where = system if date is None else f"date {date}: {system}"
        raise InputError(
            f"{where}: no measurement with cases here; measurements of our own are of: "
            f"{', '.join(days(heads)) or 'no day'}"
        )
    return wanted[0]["id"]


async def measurement_named(store: Store, system: str, date: str | None = None) -> Measurement:
    """Return the measurement of a `measurement_id`.

    Raises:
        InputError: there is none.
    """
    return await measurement_of_id(store, await measurement_id(store, system, date))


async def measurement_of_id(store: Store, wanted: str) -> Measurement:
    """Return a measurement with cases by its id.

    Raises:
        InputError: there is none.
    """
    found = await find_measurement(store, wanted)
    if found is None:
        raise InputError(f"measurement: {wanted} is none with cases here")
    return found
