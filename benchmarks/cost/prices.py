r"""The prices of the roster that comes along beside those of two free tables.

    pip download --no-deps -d tables litellm genai-prices
    python benchmarks/cost/prices.py tables

Reads the tables out of the wheels; nothing of them is installed or run except for the data of
genai-prices. Exit code 1 when a price differs or is not found.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from valuecompass.models import Respondent, parse_roster

LITELLM = "litellm/model_prices_and_context_window_backup.json"
PREFIXES = {"google": "gemini/", "grok": "xai/", "together": "together_ai/"}
"""How litellm names providers that it does not name as Inspect does."""
PLAIN = ("openai", "anthropic")
"""Providers whose models litellm names alone."""
OTHER = {"grok": "x-ai", "moonshot": "moonshotai"}
"""How genai-prices names providers that it does not name as Inspect does."""
ALIASES = {"mistral-medium-2604": "mistral-medium-3-5"}


def litellm_prices(wheel: Path) -> dict[str, tuple[float, float, float | None]]:
    """Return input, output and share of batches by litellm's name."""
    with zipfile.ZipFile(wheel) as archive:
        table = json.loads(archive.read(LITELLM))
    found: dict[str, tuple[float, float, float | None]] = {}
    for name, row in table.items():
        into, out = row.get("input_cost_per_token"), row.get("output_cost_per_token")
        if not into or not out:
            continue
        batch = row.get("input_cost_per_token_batches")
        share = None if batch is None else round(batch / into, 4)
        found[name] = (round(into * 1e6, 6), round(out * 1e6, 6), share)
    return found


def genai_prices(wheel: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return input and output by provider and model, of today and of the dearest hour."""
    sys.path.insert(0, str(wheel))
    providers: Any = import_module("genai_prices.data").providers
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for provider in providers:
        for model in provider.models:
            prices = _today(model.prices)
            into, out = (getattr(prices, k, None) for k in ("input_mtok", "output_mtok"))
            if into is not None and out is not None:
                found[provider.id, model.id] = tuple(  # pyright: ignore[reportArgumentType]
                    float(getattr(p, "base", p)) for p in (into, out)
                )
    return found


def _today(prices: Any) -> Any:
    if not isinstance(prices, list):
        return prices
    chosen: Any = None
    for entry in prices:  # pyright: ignore[reportUnknownVariableType]
        one: Any = entry
        start = getattr(one.constraint, "start_date", None)
        by_hour = hasattr(one.constraint, "start_time")
        if by_hour and float(one.prices.input_mtok) < float(chosen.input_mtok):
            continue
        if start is None or start <= datetime.now(UTC).date():
            chosen = one.prices
    return chosen


def compare(
    respondent: Respondent,
    first: dict[str, tuple[float, float, float | None]],
    second: dict[tuple[str, str], tuple[float, float]],
) -> list[str]:
    """Return what of a respondent's price the tables say otherwise."""
    assert respondent.price is not None
    provider, _, rest = respondent.model.partition("/")
    own = (respondent.price.input, respondent.price.output)
    name = rest if provider in PLAIN else PREFIXES.get(provider, f"{provider}/") + rest
    one = first.get(name)
    other = second.get((OTHER.get(provider, provider), ALIASES.get(rest, rest)))
    wrong: list[str] = []
    for table, price in (("litellm", one and one[:2]), ("genai-prices", other)):
        if price is None:
            wrong.append(f"{table} does not list it")
        elif any(abs(a - b) > 1e-9 for a, b in zip(own, price, strict=True)):
            wrong.append(f"{table} says {price[0]:g} and {price[1]:g}")
    if one is not None and one[2] != respondent.price.batch:
        wrong.append(f"litellm has batches at {one[2]}")
    return wrong


def main() -> None:
    """Print what differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with the two wheels")
    folder: Path = parser.parse_args().folder
    wheels = [next(folder.glob(f"{name}-*.whl"), None) for name in ("litellm", "genai_prices")]
    if wheels[0] is None or wheels[1] is None:
        parser.error(f"{folder}: needs the wheels of litellm and genai-prices")
    first, second = litellm_prices(wheels[0]), genai_prices(wheels[1])
    roster = parse_roster(Path("current"))
    differ = {r.name: wrong for r in roster if (wrong := compare(r, first, second))}
    for name, wrong in differ.items():
        print(f"{name}: {'; '.join(wrong)}")
    print(f"{len(roster) - len(differ)} of {len(roster)} prices are those of both tables")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
