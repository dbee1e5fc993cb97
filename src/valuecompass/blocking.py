"""Async functions for callers who wait: scripts, and notebooks, whose thread has a loop already.

A loop cannot run inside a running one. In a notebook the work therefore runs on a loop in another
thread while this one waits; Ctrl-C reaches the waiting thread, which passes it on.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import wait
from contextvars import ContextVar
from typing import TypeVar, TypeVarTuple

import anyio
from anyio.from_thread import start_blocking_portal
from anyio.streams.memory import MemoryObjectSendStream

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
TICK = 0.2
"""Seconds after which a waiting thread looks up: on Windows no signal ends a wait."""
Listeners = list[MemoryObjectSendStream[None]]
_LISTENERS: ContextVar[Listeners | None] = ContextVar("listeners", default=None)
"""Who is to hear of Ctrl-C in the waiting thread; None: this thread gets its signals itself."""


def blocking(function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts) -> T:
    """Run an async function and wait for it, whether or not this thread has a running loop.

    Ctrl-C is heard by `interruptions` in the function where there are any; else it cancels the
    function and is raised.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return anyio.run(function, *arguments)
    listeners: Listeners = []
    with _presses() as presses, start_blocking_portal() as portal:
        outside = _LISTENERS.set(listeners)
        try:  # the task begins with a copy of this context
            future = portal.start_task_soon(function, *arguments)
        finally:
            _LISTENERS.reset(outside)
        while not wait([future], TICK).done:
            if presses and presses.pop() and not portal.call(_tell, listeners):
                future.cancel()
    if presses or future.cancelled():
        raise KeyboardInterrupt
    return future.result()


@contextlib.contextmanager
def _presses() -> Generator[list[bool]]:
    """Yield a list that grows with each Ctrl-C, which then raises nothing.

    Raised between two steps of starting or ending the other thread, it would leave that behind.
    """
    presses: list[bool] = []

    def press(*_: object) -> None:
        presses.append(True)

    try:
        before = signal.signal(signal.SIGINT, press)
    except ValueError:  # not the main thread, which alone hears signals
        yield presses
        return
    try:
        yield presses
    finally:
        # None: a handler that was not set from Python cannot be set again from there
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)


@contextlib.contextmanager
def pressable() -> Generator[Callable[[], bool]]:
    """Yield what acts as Ctrl-C does on `interruptions` in tasks that are begun inside.

    It returns whether anybody heard; nobody does before the work has begun.
    """
    listeners: Listeners = []
    outside = _LISTENERS.set(listeners)
    try:
        yield lambda: _tell(listeners)
    finally:
        _LISTENERS.reset(outside)


def _tell(listeners: Listeners) -> bool:
    for listener in listeners:
        listener.send_nowait(None)
    return bool(listeners)


@contextlib.contextmanager
def interruptions() -> Generator[AsyncIterator[object]]:
    """Yield an iterator over Ctrl-C and SIGTERM, which do nothing else meanwhile.

    Raises:
        NotImplementedError, ValueError, RuntimeError: somebody else owns this thread's signals.
    """
    listeners = _LISTENERS.get()
    if listeners is None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            yield signals
        return
    send, receive = anyio.create_memory_object_stream[None](math.inf)
    with send, receive:
        listeners.append(send)
        try:
            yield receive
        finally:
            listeners.remove(send)
