"""Who answers: a model with its sampling parameters and, when primed, a system prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.toml import FieldPath, field_lines, load_toml, place, plain
from valuecompass.values import BUILTIN, Dimension, ValueSystem, builtin_system

MARKERS = re.compile(r"@(prime|system|answers|file)=")
ITEM_AWARE = ("simulated", "recorded")
"""Providers of ours that are told which item is asked, because they do not read it."""
SIMULATED_PRIME = "a simulated respondent carries its values in its name"
SAMPLING = ("temperature", "top_p", "max_tokens", "reasoning_effort")
"""A respondent's own sampling parameters."""
FREE = ("embedded", "simulated", "recorded", "hf")
"""Providers that run here: no bill."""
ROSTERS = ("current",)
"""Rosters that come along, by name."""


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    batch: float | None = Field(default=None, gt=0, le=1)
    """What a provider's batch costs as a share of these; None: no reduced price is known."""

    def usd(self, tokens_in: float, tokens_out: float) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6

    @property
    def in_batch(self) -> Price:
        """The price of a batch."""
        share = 1.0 if self.batch is None else self.batch
        return Price(input=self.input * share, output=self.output * share)


class Respondent(BaseModel):
    """A respondent: the same weights under another system prompt are another respondent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """As shown on boards; what was given with -m, or `label` of a file."""
    model: str
    """Inspect's model name."""
    system: str | None = None
    """System prompt."""
    prime: str | None = None
    """Name of the dimension that the system prompt primes for, as given."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    answers: Literal["logprobs"] | None = None
    """logprobs: choices and ratings are read off the log-probabilities of the options, nothing is
    sampled, and free text is not asked for. None: what the model writes is the answer."""
    occasion: str | None = None
    """Name of a repetition: the same request of another occasion is asked anew."""
    price: Price | None = None
    checked: date | None = None
    """Day on which the price was looked up."""
    source: str | None = None
    """Address of the page the price is from."""
    context: int | None = Field(default=None, ge=1)
    """Tokens of prompt and answer together, at most."""
    max_output: int | None = Field(default=None, ge=1)
    """Tokens of an answer, at most."""
    developer: str | None = None
    openness: Literal["open", "closed"] | None = None
    released: date | None = None
    licence: str | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _nothing_is_sampled(self) -> Respondent:
        if self.answers == "logprobs":
            if self.provider in ITEM_AWARE:
                raise ValueError(f"{self.provider} respondents have no log-probabilities")
            if self.provider == "hf":  # Inspect would put a chat template around the prompt
                raise ValueError(
                    "log-probabilities of a transformers model go through lm-evaluation-harness: "
                    "valuecompass items export --format lm-eval"
                )
            for name in SAMPLING:
                if getattr(self, name) is not None:
                    raise ValueError(f"log-probabilities are not sampled: leave {name} out")
        return self

    @property
    def provider(self) -> str:
        """The part of the model name before the first slash."""
        return self.model.split("/", 1)[0]

    @property
    def simulated(self) -> bool:
        """True when the answers are made by our simulation, not by a model."""
        return self.provider == "simulated"


def parse_respondent(
    text: str, systems: Sequence[ValueSystem] = (), option: str = "-m"
) -> Respondent:
    """Return the respondent that an argument of -m, or of another option, names.

    Args:
        text: ``NAME``, ``NAME@prime=DIMENSION``, ``NAME@system=TEXT``, ``NAME@answers=logprobs``
            or ``NAME@file=R.toml``. The name is split only at these markers, so it may hold any
            other ``@``. A path of a GGUF file or of a transformers folder is a name, too.
        systems: where a primed dimension is looked up first; then in all built-in systems.
        option: named in messages.

    Raises:
        InputError: nothing before a marker, an unknown dimension, or a wrong file.
    """
    if any("\ud800" <= c <= "\udfff" for c in text):  # bytes of a shell that are no text
        raise InputError(f"{option}: the name is not UTF-8")
    match = MARKERS.search(text)
    model = _model_name(text[: match.start()] if match else text, f"{option} {text}")
    if match is None:
        return Respondent(name=text, model=model)
    kind, rest = match[1], text[match.end() :]
    if not rest:
        raise InputError(f"{option} {text}: nothing follows @{kind}=")
    if kind == "system":
        return Respondent(name=text, model=model, system=rest)
    if kind == "answers":
        return _by_logprobs(text, model, rest, option)
    if kind == "prime":
        if model.startswith("simulated/"):
            raise InputError(f"{option} {text}: {SIMULATED_PRIME}")
        return Respondent(name=text, model=model, system=priming(rest, systems), prime=rest)
    return _from_table(_Source.read(Path(rest)), systems, model=model, name=text)


def _by_logprobs(text: str, model: str, rest: str, option: str) -> Respondent:
    if rest != "logprobs":
        raise InputError(f"{option} {text}: after @answers= stands logprobs")
    try:
        return Respondent(name=text, model=model, answers="logprobs")
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{option} {text}: {plain(first['type'], first['msg'])}") from None


def parse_roster(path: Path, systems: Sequence[ValueSystem] = ()) -> list[Respondent]:
    """Return the respondents of a TOML roster, one ``[[respondents]]`` table each.

    Args:
        path: a file, or the name of a roster that comes along (`ROSTERS`).
        systems: where a primed dimension is looked up first.

    Raises:
        InputError: with file, line and field.
    """
    source = _Source.read(path if path.is_file() or str(path) not in ROSTERS else _shipped(path))
    tables: Any = source.table.get("respondents")
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in cast(Any, tables)):
        tables = []
    if not tables:
        raise InputError(f"{path}: needs at least one [[respondents]] table")
    if other := [key for key in source.table if key != "respondents"]:
        raise InputError(f"{source.at(other[0])}: unknown field")
    found: list[Respondent] = []
    for i, table in enumerate(cast(list[dict[str, Any]], tables)):
        one = replace(source, table=table, path=("respondents", i))
        respondent = _from_table(one, systems)
        if any(respondent.name == r.name for r in found):
            raise InputError(f"{one.at('label')}: {respondent.name!r} stands for two respondents")
        found.append(respondent)
    return found


def listed_price(model: str) -> Price | None:
    """Return the price that the roster of current models names for a model, if it lists it."""
    return _listed().get(model)


def _shipped(name: str | Path) -> Path:
    return Path(str(files("valuecompass.models"))) / "rosters" / f"{name}.toml"


@cache
def _listed() -> dict[str, Price]:
    roster = parse_roster(_shipped(ROSTERS[0]))
    return {r.model: r.price for r in roster if r.price is not None}


@dataclass(frozen=True)
class _Source:
    """A table of a TOML file, and where its fields stand."""

    name: str
    table: dict[str, Any]
    lines: dict[FieldPath, int]
    path: FieldPath = ()

    @staticmethod
    def read(path: Path) -> _Source:
        text = read_text(path)
        return _Source(str(path), load_toml(text, str(path)), field_lines(text))

    def at(self, *field: str | int) -> str:
        return place(self.name, self.lines, (*self.path, *field))


def _from_table(
    source: _Source,
    systems: Sequence[ValueSystem],
    model: str | None = None,
    name: str | None = None,
) -> Respondent:
    body = dict(source.table)
    if "name" in body:
        raise InputError(f"{source.at('name')}: unknown field; the name on boards is `label`")
    given = body.setdefault("model", model)
    if not isinstance(given, str):
        what = "this field is missing" if given is None else "should be a text"
        raise InputError(f"{source.at('model')}: {what}")
    body["model"] = _model_name(given, source.at("model"))
    if model is not None and body["model"] != model:
        raise InputError(f"{source.at('model')}: {given!r} is not the model named with -m")
    _plant(body, source)
    if (prime := body.get("prime")) is not None:
        body["system"] = _primed(prime, body, source, systems)
    body["name"] = body.pop("label", None) or name or body["model"]
    try:
        return Respondent.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ("label",) if first["loc"] == ("name",) else first["loc"]
        raise InputError(f"{source.at(*field)}: {plain(first['type'], first['msg'])}") from None


def _primed(
    prime: Any, body: dict[str, Any], source: _Source, systems: Sequence[ValueSystem]
) -> str:
    if body.get("system") is not None:
        raise InputError(f"{source.at('prime')}: give prime or system, not both")
    if body["model"].startswith("simulated/"):
        raise InputError(f"{source.at('prime')}: {SIMULATED_PRIME}")
    try:
        return priming(str(prime), systems)
    except InputError as error:
        raise InputError(f"{source.at('prime')}: {error}") from None


def _plant(body: dict[str, Any], source: _Source) -> None:
    """Write planted scores and seed into a simulated respondent's model name."""
    from urllib.parse import quote

    scores, seed = body.pop("scores", None), body.pop("seed", None)
    if scores is None and seed is None:
        return
    model: str = body["model"]
    field = "seed" if scores is None else "scores"
    if not model.startswith("simulated/"):
        raise InputError(f"{source.at(field)}: only simulated respondents have planted scores")
    if scores is not None and not isinstance(scores, dict):
        raise InputError(f"{source.at(field)}: write scores = {{ Power = 1.5 }}")
    planted = cast(dict[str, Any], scores or {})
    for name, value in planted.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{source.at(field)}: {name}: a number is needed")
    pairs = [f"{quote(k, safe='')}={v}" for k, v in planted.items()]
    pairs += [] if seed is None else [f"seed={seed}"]
    body["model"] = f"{model}{'&' if '?' in model else '?'}{'&'.join(pairs)}"


def _model_name(name: str, where: str) -> str:
    if not name.strip():
        raise InputError(f"{where}: a respondent needs a model name, such as openai/gpt-5-mini")
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise InputError(f"{where}: {path}: no such file")
        return f"embedded/{path.resolve()}"
    if (path / "config.json").is_file():
        return f"hf/{path.resolve()}"
    if "/" not in name:
        raise InputError(
            f"{where}: a model name has the form provider/model, such as openai/gpt-5-mini "
            "or embedded/smollm2-135m-instruct"
        )
    return name


def priming(name: str, systems: Sequence[ValueSystem] = ()) -> str:
    """Return the system prompt that primes a model for a dimension.

    Raises:
        InputError: no system at hand has this dimension.
    """
    dimension = find_dimension(name, systems)
    return (
        f"You are someone for whom {dimension.name} matters more than anything else: "
        f"{dimension.definition} "
        "Let this guide every judgement, choice and reason you give, without naming it."
    )


def find_dimension(name: str, systems: Sequence[ValueSystem] = ()) -> Dimension:
    """Return a dimension by name or alias from the given systems, else from the built-in ones."""
    candidates = [*systems, *(builtin_system(i) for i in BUILTIN)]
    for system in candidates:
        if canonical := system.canonical(name):
            return system.dimension(canonical)
    known = ", ".join(n for s in (systems or candidates[:1]) for n in s.names)
    raise InputError(f"{name!r} is not a dimension of any value system; for example: {known}")
