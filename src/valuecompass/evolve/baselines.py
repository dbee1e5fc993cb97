"""What evolved items have to beat: reworded seeds, questions written at one go, a choice of a bank.

All of it rests on real models and is stored, so that a run that is played again pays nothing. Count
the requests of a source (each function says how many it takes) with those of its answers: only then
are two sources compared at equal cost. Random search is `AdAEMConfig(bandit="uniform")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from valuecompass.errors import InputError, RequestFailed
from valuecompass.evolve.information import InformationConfig, ThetaPosterior
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.probing import together
from valuecompass.evolve.rating import rates_of
from valuecompass.evolve.selection import together_best
from valuecompass.evolve.writing import STRING, Writer, question_in, schema_of, written_language
from valuecompass.items import TOPICS, Item, Lineage
from valuecompass.models import Respondent
from valuecompass.models.asker import Asker
from valuecompass.values import ValueSystem

AT_ONCE = 32
"""Most requests under way."""
_QUESTION = schema_of(question=STRING)


async def paraphrase(
    asker: Asker, model: Respondent, seeds: Sequence[Item], turn: int = 0
) -> list[Item]:
    """Return questions in other words, method "paraphrase"; one request for each seed.

    Args:
        asker: asks the model, within the budget.
        model: who writes.
        seeds: questions; each result has what its seed has, and the seed as parent.
        turn: another one gives other wordings.

    Returns:
        In the order of the seeds, without those of which nothing usable came: no question, or the
        same words again.

    Raises:
        InputError: a seed is no question, or in a language without prompts.
        ValueCompassError: as `Asker.ask`.
    """
    languages = [_language_of(seed) for seed in seeds]
    writer = Writer(asker, model)

    async def reworded(seed: Item, language: str) -> Item | None:
        text = await _question(writer, "question/paraphrase", language, turn, question=seed.text)
        if text is None or text == seed.text:
            return None
        lineage = Lineage(
            origin="evolved", parents=(seed.id,), method="paraphrase", model=model.name, calls=1
        )
        return seed.model_copy(update={"text": text, "lineage": lineage})

    work = [partial(reworded, *one) for one in zip(seeds, languages, strict=True)]
    return [item for item in await together(work, AT_ONCE) if item is not None]


async def one_shot(
    asker: Asker, model: Respondent, system: ValueSystem, count: int, language: str = "en"
) -> list[Item]:
    """Return controversial questions written without a seed, method "one-shot"; `count` requests.

    The model is told a dimension and a topic class, each in turn, so that questions spread over
    both as the seeds do: asked for a controversial question alone, models repeat themselves. The
    dimension's definition and the class are in English, whatever the question's language.

    Args:
        asker: asks the model, within the budget.
        model: who writes.
        system: value system whose dimensions the questions are to bear on.
        count: how many are asked for.
        language: of the questions.

    Returns:
        Different questions, in order; fewer than `count` where what came was no question or
        repeated another one's words.

    Raises:
        InputError: there are no prompts in this language.
        ValueCompassError: as `Asker.ask`.
    """
    prompts, writer = written_language(language, "one-shot questions"), Writer(asker, model)
    lineage = Lineage(origin="written", method="one-shot", model=model.name, calls=1)

    async def written(place: int) -> Item | None:
        dimension = system.dimensions[place % len(system.dimensions)]
        # a step of its own after each round, so that every class meets every dimension
        topic = TOPICS[(place + place // len(system.dimensions)) % len(TOPICS)]
        text = await _question(
            writer,
            "question/one-shot",
            prompts,
            place,
            name=dimension.name,
            definition=dimension.definition,
            topic=topic.replace("-", ", "),
        )
        if text is None:
            return None
        return Item(
            kind="question",
            system=system.id,
            text=text,
            dimensions=(dimension.name,),
            language=language,
            topic=topic,
            lineage=lineage,
        )

    found = await together([partial(written, place) for place in range(count)], AT_ONCE)
    by_text = {item.text: item for item in reversed(found) if item is not None}
    return list(reversed(by_text.values()))


def pick(
    bank: Sequence[Item],
    labels: Sequence[Labels],
    count: int,
    config: InformationConfig | None = None,
) -> list[Item]:
    """Return the items of a fixed bank that tell most by the two-parameter logistic model.

    Each is the item whose answer adds most to those before it, in the light of the models'
    positions that all items together show: as our AdAEM chooses its winners (`together_best`).

    Args:
        bank: items.
        labels: of each item the verdicts (K, L, D) on the answers of the same K models in the same
            D dimensions (`Prober.ask`, `Prober.labels`).
        count: how many to choose.
        config: of the model; give it the judge's error rates.

    Returns:
        The best first, at most `count`; items that nobody answered are never chosen. Answers that
        chose them must not be reported.

    Raises:
        ValueError: if items and labels differ in number, or labels in their models or dimensions.
    """
    if len(bank) != len(labels):
        raise ValueError(f"{len(bank)} items and labels of {len(labels)}")
    known = [n for n, one in enumerate(labels) if np.isfinite(one.expressed).any()]
    if not known:
        return []
    rates, opinions = rates_of([labels[n] for n in known])
    _, models, dimensions = rates.shape
    posterior = ThetaPosterior.start(models, dimensions, config).updated(rates, opinions)
    return [bank[known[n]] for n in together_best(posterior.curves(rates, opinions), count)]


async def _question(
    writer: Writer, prompt: str, language: str, turn: int, **words: str
) -> str | None:
    """Return a question that was asked for; None where none came."""
    try:
        said = await writer.fields(prompt, language, turn, _QUESTION, **words)
    except RequestFailed:
        return None
    return question_in(language, said.get("question"))


def _language_of(seed: Item) -> str:
    if seed.kind != "question":
        raise InputError(f"item {seed.id}: only questions can be reworded here, not a {seed.kind}")
    return written_language(seed.language, f"item {seed.id}")
