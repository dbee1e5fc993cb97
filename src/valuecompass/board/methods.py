"""How numbers are made and what they cover: read off the code that makes them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy import select

from valuecompass.board import boards
from valuecompass.board.boards import age
from valuecompass.board.comparison import FDR
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.judges.quality.calibration import CARD, SHORTCUTS, Card
from valuecompass.measure.archive import utc
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, measurements
from valuecompass.values import BUILTIN, ValueSystem, builtin_system


@dataclass(frozen=True)
class Method:
    """One function that numbers of the pages come from.

    formula: its core as a line of text; empty where a sentence says more.
    summary, source: of its docstring.
    """

    title: str
    shown: str
    formula: str
    function: str
    summary: str
    source: str


@dataclass(frozen=True)
class JudgedSystem:
    """How a judge did on labels of one value system; null: the labels do not tell.

    margin: its AUC less that of the nearest shortcut, which needs no judge.
    """

    system: str
    name: str
    n: int
    judged: int
    auc: float | None
    low: float | None
    high: float | None
    shortcut: str | None
    margin: float | None
    margin_low: float | None
    margin_high: float | None
    useful: bool | None
    note: str | None


@dataclass(frozen=True)
class UsedJudge:
    """The judge of a measurement here, and whether it may be relied on (`status`)."""

    measurement: str
    system: str
    date: str
    judge: str
    status: str
    reason: str
    calibrated: bool


@dataclass(frozen=True)
class Dimension:
    """A dimension in the words of its value system."""

    name: str
    definition: str


@dataclass(frozen=True)
class Theory:
    """A value system, with where it comes from."""

    id: str
    name: str
    summary: str
    scoring: str
    source: str
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class Methods:
    """What a reader has to know of the numbers.

    covers: facets that intervals hold the chance of.
    """

    methods: tuple[Method, ...]
    covers: tuple[str, ...]
    limits: tuple[str, ...]
    card: tuple[JudgedSystem, ...]
    judges: tuple[UsedJudge, ...]
    systems: tuple[Theory, ...]
    references: tuple[str, ...]


_METHODS: tuple[tuple[str, str, str, str], ...] = (
    (
        "Scores and their intervals",
        "board, respondents",
        "score = 100 × Σᵢ wᵢ xᵢ ⁄ Σᵢ wᵢ nᵢ,  wᵢ ~ Exponential(1) for each item i",
        "stats.intervals.cluster_bootstrap_mean",
    ),
    (
        "Ranks with ties",
        "board",
        "rank of r ∈ {1 + surely better, …, R − surely worse}, all respondents together at 95 %",
        "stats.ranks.rank_sets",
    ),
    (
        "Trade-offs: which value comes first",
        "board, cultures",
        "P(a before b) = 1 ⁄ (1 + exp(−(θₐ − θ_b)))",
        "stats.tradeoff.bradley_terry",
    ),
    (
        "Differences between respondents",
        "comparison, findings",
        "d = mean over items of (x_A − x_B); p by swapping A and B within items",
        "stats.comparison.paired_difference",
    ),
    (
        "Many claims at once",
        "comparison, findings, drift",
        "q₍ₖ₎ = min over j ≥ k of m p₍ⱼ₎ ⁄ j; told where q ≤ 0.05",
        "stats.comparison.benjamini_hochberg",
    ),
    (
        "Errors of the judge taken out",
        "shares of answers",
        "π = (observed + specificity − 1) ⁄ (sensitivity + specificity − 1)",
        "stats.judge_error.rogan_gladen",
    ),
    (
        "How well verdicts order answers",
        "judges",
        "AUC = P(verdict on an answer labelled 1 > on one labelled 0), ties half",
        "stats.agreement.auc",
    ),
    (
        "Reliability of a form",
        "form health",
        "α = k ⁄ (k − 1) × (1 − Σ var(item) ⁄ var(sum))",
        "stats.reliability.cronbach_alpha",
    ),
    (
        "Which part of a design costs precision",
        "form health",
        "Φ = var(respondent) ⁄ (var(respondent) + var(error) ⁄ n)",
        "stats.generalisability.dependability",
    ),
    (
        "Items: discrimination and difficulty",
        "items",
        "P(y = 1) = 1 ⁄ (1 + exp(−a (θ − b) − u)),  u ~ N(0, τ²)",
        "evolve.information.ThetaPosterior.score",
    ),
    (
        "Can two dimensions be told apart?",
        "board, findings",
        "lower 95 % limit of the correlation, error of measurement taken out, above 0.9",
        "stats.validity.indistinguishable",
    ),
    (
        "The circle of values",
        "form health",
        "share of predicted orders of correlations kept less share broken",
        "stats.validity.circle_fit",
    ),
    ("Stated and shown values", "respondents, findings", "", "stats.mode_gaps.mode_gaps"),
    (
        "Maps of respondents",
        "value space",
        "B = −½ J D² J; coordinates from its largest eigenvalues",
        "stats.maps.classical_mds",
    ),
    (
        "Likeness to cultures",
        "cultures",
        "rank correlation over the dimensions; p by dealing a respondent's values at random",
        "board.cultures.similarity.fit_test",
    ),
)
_WORK = re.compile(r"[A-Z][^:;()]* \(\d{4}\)")
"""Authors and year, as docstrings write them."""
_MODULES = (
    *("agreement", "comparison", "divergence", "generalisability", "intervals", "irt_fit"),
    *("irt_scores", "judge_error", "linking", "maps", "mode_gaps", "ranks", "reliability"),
    *("tradeoff", "validity", "violations", "win_rate"),
)


async def methods_of(store: Store) -> Methods:
    """Return what a reader has to know of the numbers of a workspace."""
    rows = await store.rows(select(measurements))
    heads = sorted(rows, key=age, reverse=True)
    return Methods(
        tuple(_method(*one) for one in _METHODS),
        boards.COVERS,
        _limits(heads),
        shipped(),
        tuple(_used(head) for head in heads if head["kind"] == "measured"),
        _theories(heads),
        references(),
    )


def _method(title: str, shown: str, formula: str, path: str) -> Method:
    summary, source = described(_found(path))
    return Method(title, shown, formula, f"valuecompass.{path}", summary, source)


def _found(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(f"valuecompass.{module}"), name)
    except ModuleNotFoundError:  # a method of a class
        module, _, owner = module.rpartition(".")
        return getattr(getattr(import_module(f"valuecompass.{module}"), owner), name)


def described(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the first two paragraphs of a docstring, and what it names as its source."""
    parts = (inspect.getdoc(function) or "").replace("`", "").split("\n\n")
    told = [" ".join(part.split()) for part in parts]
    heads = ("Args:", "Returns:", "Raises:", "Source:", "Yields:")
    summary = [part for part in told[:2] if not part.startswith(heads)]
    source = next((part for part in told if part.startswith("Source:")), "")
    return " ".join(summary), source.removeprefix("Source:").strip()


def references() -> tuple[str, ...]:
    """Return the works that functions of `stats` name as their sources, each once, by author."""
    found: dict[str, str] = {}
    for name in _MODULES:
        module = import_module(f"valuecompass.stats.{name}")
        for public in getattr(module, "__all__", ()):
            _, source = described(getattr(module, public))
            for one in source.split(";"):
                text = one.strip().rstrip(".")
                if (work := _WORK.search(text)) is None:  # "as `claims`" points elsewhere
                    continue
                told = text[work.start() :]
                # of several mentions the longest has the journal
                if len(told) > len(found.get(work[0], "")):
                    found[work[0]] = told
    return tuple(sorted(found.values(), key=str.casefold))


def shipped() -> tuple[JudgedSystem, ...]:
    """Return how the local judge did on labels that trained nothing of it: its card."""
    card = Card.model_validate(json.loads(CARD.read_bytes()))
    found: list[JudgedSystem] = []
    for system, one in card.systems.items():
        auc, margin = one.auc, one.margin
        found.append(
            JudgedSystem(
                system=system,
                name=builtin_system(system).name if system in BUILTIN else system,
                n=one.n,
                judged=one.judged,
                auc=None if auc is None else auc.value,
                low=None if auc is None else auc.low,
                high=None if auc is None else auc.high,
                shortcut=None if margin is None else SHORTCUTS.get(margin.shortcut),
                margin=None if margin is None else margin.value,
                margin_low=None if margin is None else margin.low,
                margin_high=None if margin is None else margin.high,
                useful=one.useful,
                note=one.note,
            )
        )
    return tuple(found)


def _used(head: Mapping[str, Any]) -> UsedJudge:
    manifest = head["manifest"]
    measurement = Measurement(head["id"], utc(head["created"]), head["system"], manifest, ())
    gate = measurement.gate
    return UsedJudge(
        head["id"],
        head["system"],
        measurement.created.date().isoformat(),
        str(manifest.get("judge_name") or "none"),
        "not needed" if gate is None else gate.status,
        "Ratings and choices are read off without a judge." if gate is None else gate.reason,
        manifest.get("calibration") is not None,
    )


def _limits(heads: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what no number here says; of published tables and found texts where there are any."""
    told = [
        "Scores say what texts express, not what a model is: another prompt, language or frame may "
        "give others.",
        f"Intervals hold the chance of which {' and '.join(_many(boards.COVERS))} were drawn; not "
        "wording, frame, language, nor errors of the judge where it was not calibrated.",
        f"A verdict counts as expressed from {THRESHOLD:g} on.",
        f"Differences are told at a false discovery rate of {FDR:.0%}: of twenty that are told, "
        "one may be chance.",
        boards.SALIENCE,
    ]
    if any(head["kind"] == "published" for head in heads):
        told.append(boards.NO_INTERVAL)
    if any("observational" in head["manifest"] for head in heads):
        told += [boards.OBSERVATIONAL, boards.OTHER_PROMPTS]
    return tuple(told)


def _many(names: tuple[str, ...]) -> list[str]:
    return [f"{name}s" for name in names]


def _theories(heads: list[Mapping[str, Any]]) -> tuple[Theory, ...]:
    """Return the systems that were measured here, else those that come with the package."""
    own = {head["system"]: head["manifest"]["system"] for head in reversed(heads)}
    systems = [ValueSystem.model_validate(one) for one in own.values()]
    systems = systems or [builtin_system(name) for name in BUILTIN]
    return tuple(
        Theory(
            one.id,
            one.name,
            one.summary,
            one.scoring,
            one.source,
            tuple(Dimension(d.name, d.definition) for d in one.dimensions),
        )
        for one in systems
    )
