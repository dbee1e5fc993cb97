"""What a server keeps open: measurements and their indexes, made in a thread of their own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from valuecompass.board.cases.address import measurement_id, measurement_of_id
from valuecompass.board.cases.build import build_index
from valuecompass.board.cases.index import CaseIndex, index_path, load_index
from valuecompass.errors import StoreError, ValueCompassError
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, open_store

T = TypeVar("T")
KEPT_INDEXES = 3
"""Each takes some 80 bytes a case."""
KEPT_MEASUREMENTS = 8


@dataclass
class Indexing:
    """An index in the making: how many cases it holds by now, and of how many."""

    done: int = 0
    total: int = 0
    failure: str | None = None


class Shelf:
    """Measurements and indexes of one workspace; for one event loop."""

    def __init__(self, workspace: Path, db: str | None) -> None:
        self.workspace, self.db = workspace, db
        self._measurements: OrderedDict[str, Measurement] = OrderedDict()
        self._indexes: OrderedDict[str, CaseIndex] = OrderedDict()
        self._making: dict[str, Indexing] = {}
        self._turn = threading.Lock()

    async def measurement(self, store: Store, wanted: str) -> Measurement:
        """Return a measurement by id.

        Raises:
            InputError: there is none with cases.
        """
        found = self._measurements.get(wanted) or await measurement_of_id(store, wanted)
        _keep(self._measurements, wanted, found, KEPT_MEASUREMENTS)
        return found

    async def named(self, store: Store, system: str, date: str | None) -> Measurement:
        """Return the measurement of a system and date, as `measurement_id`."""
        return await self.measurement(store, await measurement_id(store, system, date))

    async def index(self, measurement: Measurement) -> CaseIndex | Indexing:
        """Return the index of a measurement, or how far its making is: this does not wait.

        Raises:
            StoreError: it could not be made; asking again tries again.
        """
        wanted = measurement.id
        while (found := self._indexes.get(wanted)) is None:
            # looked up once: the thread that makes an index takes it out when it is through
            if (making := self._making.get(wanted)) is not None:
                if making.failure is not None:
                    del self._making[wanted]
                    raise StoreError(making.failure)
                return making
            path = index_path(self.workspace, wanted)
            there = await anyio.to_thread.run_sync(load_index, path)
            if there is not None:
                _keep(self._indexes, wanted, there, KEPT_INDEXES)
            elif wanted not in self._making:  # others may have asked meanwhile
                return self._start(measurement)
        self._indexes.move_to_end(wanted)
        return found

    def _start(self, measurement: Measurement) -> Indexing:
        making = self._making[measurement.id] = Indexing()

        def tell(done: int, total: int) -> None:
            making.done, making.total = done, total

        async def make() -> None:
            # a loop and a connection of its own: making it takes a minute of the processor
            async with open_store(self.workspace, self.db, create=False) as store:
                await build_index(store, self.workspace, measurement, tell)

        def run() -> None:
            try:
                with self._turn:  # several at once would starve everybody else
                    anyio.run(make)
            except ValueCompassError as error:
                making.failure = str(error)
            except BaseException as error:
                # else pages would ask for ever how far it is
                making.failure = f"the index of {measurement.id} could not be made"
                raise error
            else:
                del self._making[measurement.id]

        # a server that ends leaves it: what is half made is thrown away when it is made anew
        threading.Thread(target=run, name=f"index {measurement.id}", daemon=True).start()
        return making


def _keep(kept: OrderedDict[str, T], name: str, value: T, most: int) -> None:
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > most:
        kept.popitem(last=False)
