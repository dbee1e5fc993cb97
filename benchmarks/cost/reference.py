r"""Writes the reference that `valuecompass plan` falls back on: the spread of a pilot's responses.

valuecompass run -m embedded/smollm2-135m-instruct -s schwartz -s moral-foundations \
        -s safety -s llm-unique --form short -w pilot
python benchmarks/cost/reference.py pilot > src/valuecompass/measure/reference.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from valuecompass.measure.archive import latest_measurements
from valuecompass.measure.pilot import spreads_of
from valuecompass.store import open_store


async def made(workspace: Path) -> dict[str, Any]:
    """Return the reference as a JSON object."""
    async with open_store(workspace, create=False) as store:
        found = await latest_measurements(store)
        systems = {
            m.system: {
                name: [None if v is None else round(v, 5) for v in spread]
                for name, spread in (await spreads_of(store, m)).items()
            }
            for m in found
        }
    first = found[0]
    who = ", ".join(sorted({row.respondent for m in found for row in m.rows}))
    size = first.manifest["form"]["name"].rpartition("/")[2]
    source = (
        f"the reference that comes along: {who}, form {size}, judge "
        f"{first.manifest['judge_name']}, {first.created:%Y-%m-%d}; a real but very small model"
    )
    return {"source": source, "systems": systems}


def main() -> None:
    """Print the reference."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workspace", type=Path)
    body = asyncio.run(made(parser.parse_args().workspace))
    rows = ",\n".join(
        f" {json.dumps(system)}: {{\n"
        + ",\n".join(f"  {json.dumps(n)}: {json.dumps(row)}" for n, row in of.items())
        + "\n }"
        for system, of in body["systems"].items()
    )
    print(f'{{"source": {json.dumps(body["source"])},\n"systems": {{\n{rows}\n}}}}')


if __name__ == "__main__":
    main()
