"""What must be put aside for later, and the least that a run can do anything with."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from valuecompass.errors import InputError
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.probing import Prober
from valuecompass.evolve.protocols import Respondents
from valuecompass.evolve.rating import RatingConfig
from valuecompass.items import Item


def fresh_cost(
    config: AdAEMConfig, prober: Prober, topics: Collection[Item], models: int, candidates: int
) -> float:
    """Return the requests to put aside for scoring winners once more.

    Args:
        config: of the run.
        prober: knows what an answer costs.
        topics: seed items.
        models: that answer.
        candidates: questions that winners are chosen from.
    """
    if not config.rescore:
        return 0
    usual = max(map(prober.usual_cost, topics))
    # so the last winner, too, may be granted the most
    spare = max(map(prober.cost, topics)) - usual
    winners = min(candidates, config.keep or candidates)
    return min(config.p1, models) * (winners * usual + spare)


def check_calls(
    calls: int | None,
    config: AdAEMConfig,
    prober: Prober,
    topics: Collection[Item],
    explorers: int,
    models: int,
    check: int,
) -> None:
    """Refuse a budget that does not reach for one question.

    Args:
        calls: the budget; None: none.
        config: of the run.
        prober: knows what an answer costs.
        topics: seed items.
        explorers: how many write.
        models: how many answer.
        check: requests of the safety filter for a text.

    Raises:
        InputError: says how many are needed.
    """
    if calls is None:
        return
    first, final = min(config.p1, models), min(config.p2 or models, models)
    answer = max(map(prober.cost, topics))
    reads = RatingConfig(config.reward, beta=config.beta).reads_question
    text = prober.text_cost if reads else 0
    answers = max(first, final) if config.reuse else first + final
    seeds = {"none": 0, "pulled": 1, "all": len(topics)}[config.seed_scores]
    one = config.explorer_calls + 2 * check + text + answers * answer
    fresh = fresh_cost(config, prober, topics, models, config.width * explorers)
    checked = check * (len(topics) - 1 if config.seed_scores == "all" else 0)
    least = math.ceil(one + fresh + checked + seeds * (text + final * answer))
    if calls < least:
        raise InputError(
            f"--calls {calls}: too few for one question, which takes up to {one} requests here "
            f"before its fresh answers; give at least {least}"
        )


class _Nobody:
    names = ()

    async def answer(self, item: Item, name: str, repeat: int) -> Any:
        raise AssertionError("nobody is asked")


def nobody() -> Respondents:
    """Return what stands for the respondents where none is asked."""
    return _Nobody()
