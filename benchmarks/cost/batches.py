r"""What a request takes that waits in a batch: memory and processor time, on a local server.

python benchmarks/cost/batches.py --requests 4000
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.mock_provider import in_process

from valuecompass.models import Budget, Message, Params, Patience, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import open_store

MODEL = Respondent(name="some", model="openai/gpt-4o-mini")
TEXT = "Question number {}: " + "should the town close its main street? " * 15


def resident() -> float:
    """Return this process's memory in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(x for x in status.splitlines() if x.startswith("VmRSS")).split()[1]) / 1024


async def waiting(requests: int, folder: Path) -> tuple[float, float, float]:
    """Return memory before and at most, in MB, and processor milliseconds a request."""
    async with open_store(folder) as store:
        asker = Asker(store, Budget(store, "plan"), Patience(batch_tick=5), batch=True)
        await asker.ask(MODEL, [Message("user", "warm")], Params(max_tokens=100))
        before = most = resident()
        spent = time.process_time()

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, resident())
                await anyio.sleep(0.2)

        async with anyio.create_task_group() as watching:
            watching.start_soon(watch)
            async with anyio.create_task_group() as tasks:
                for n in range(requests):
                    messages = [Message("user", TEXT.format(n))]
                    tasks.start_soon(asker.ask, MODEL, messages, Params(max_tokens=100))
            watching.cancel_scope.cancel()
        await asker.models.close()
    return before, most, 1000 * (time.process_time() - spent) / requests


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=4_000)
    requests: int = parser.parse_args().requests
    with in_process() as mock, tempfile.TemporaryDirectory() as folder:
        os.environ.update(mock.as_openai)
        before, most, cpu = asyncio.run(waiting(requests, Path(folder)))
    each = 1024 * (most - before) / requests
    print(f"{requests:,} requests in batches: {before:.0f} MB before, {most:.0f} MB at most,")
    print(f"{each:.0f} KB and {cpu:.1f} ms of processor time each")


if __name__ == "__main__":
    main()
