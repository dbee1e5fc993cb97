"""What an operator may ask to be run: typed, bounded, without paths of the server and without keys.

A specification means the same as a command: `run_settings` and `evolve_settings` turn it into what
``valuecompass run`` and ``valuecompass evolve adaem`` make of their options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from valuecompass.assets import ASSETS
from valuecompass.errors import InputError
from valuecompass.evolve.settings import EvolveSettings, Preset
from valuecompass.hashing import digest
from valuecompass.items import SIZES, Size
from valuecompass.measure.run import Settings, resolve_system
from valuecompass.models import Limits, Respondent, parse_respondent
from valuecompass.models.spec import MARKERS
from valuecompass.values import BUILTIN, ValueSystem
from valuecompass.web.addresses import Endpoint, parse_url
from valuecompass.web.secrets import holds_key

assert set(SIZES) >= {"tiny", "short", "full", "scenario"}
MOST_RESPONDENTS = 60
Name = Annotated[str, Field(min_length=1, max_length=300)]
JudgeMode = Literal["one-call", "per-value", "concepts"]
EMBEDDED = tuple(name for name in ASSETS if name.startswith("smollm"))
_PRIVATE = "recorded"
"""A provider whose names are files of the server."""


class _Typed(BaseModel):
    """No field that is not known: a key under any name is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class RespondentSpec(_Typed):
    """Who is asked: a model with its sampling, and what it is told first.

    model: Inspect's name; where `base_url` is given the name that the server there knows.
    label: shown on boards; left out: the model's name with its prime or system prompt.
    prime: dimension that a system prompt of ours primes for.
    base_url: address of a server that speaks OpenAI's chat completions.
    """

    model: Name
    label: str | None = Field(default=None, min_length=1, max_length=120)
    prime: str | None = Field(default=None, min_length=1, max_length=80)
    system: str | None = Field(default=None, min_length=1, max_length=8_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=200_000)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    answers: Literal["logprobs"] | None = None
    base_url: str | None = None

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, url: str | None) -> str | None:
        if url is not None:
            parse_url(url)
        return url

    @model_validator(mode="after")
    def _one_who_answers(self) -> RespondentSpec:
        if self.prime is not None and self.system is not None:
            raise ValueError("give prime or system, not both")
        if self.base_url is None:
            _check_name(self.model)
        elif self.model.startswith("/") or MARKERS.search(self.model):
            raise ValueError("model: give the name that the server at base_url knows")
        return self


class BudgetSpec(_Typed):
    """Where a job stops, resumable; null: no limit."""

    calls: int | None = Field(default=None, ge=1, le=10_000_000)
    tokens: int | None = Field(default=None, ge=0, le=100_000_000_000)
    usd: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)


class _Spec(_Typed):
    systems: Annotated[tuple[str, ...], Field(min_length=1, max_length=len(BUILTIN))] = (
        "schwartz",
    )
    judge: Name = "local"
    budget: BudgetSpec = BudgetSpec()

    @field_validator("systems")
    @classmethod
    def _known_systems(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in BUILTIN]:
            raise ValueError(f"no such value system: {unknown[0]}; known: {', '.join(BUILTIN)}")
        if len(set(names)) < len(names):
            raise ValueError("a value system is named twice")
        return names

    @field_validator("judge")
    @classmethod
    def _known_judge(cls, text: str) -> str:
        return _checked_judge(text)

    @model_validator(mode="before")
    @classmethod
    def _without_keys(cls, given: Any) -> Any:
        if _any_key(given):  # the sentence does not repeat it
            raise ValueError(
                "there is a key in this; keys come from the server's environment, by name"
            )
        return given


class RunSpec(_Spec):
    """A measurement, as ``valuecompass run`` takes it.

    opinions: how the points of an answer are joined.
    occasion: asks everything anew under this name.
    """

    kind: Literal["run"] = "run"
    respondents: Annotated[
        tuple[RespondentSpec, ...], Field(min_length=1, max_length=MOST_RESPONDENTS)
    ]
    form: Size = "short"
    judge_mode: JudgeMode = "one-call"
    strong_judge: Name | None = None
    opinions: Literal["any", "mean", "rank-weighted"] = "any"
    occasion: str | None = Field(default=None, min_length=1, max_length=40)

    @field_validator("strong_judge")
    @classmethod
    def _known_strong(cls, text: str | None) -> str | None:
        return None if text is None else _checked_judge(text)

    @model_validator(mode="after")
    def _plain_requests_only(self) -> RunSpec:
        # requests with tools take a way that follows redirects, which an address of somebody's
        # could use to lead inside
        if self.form == "scenario" and any(r.base_url for r in self.respondents):
            raise ValueError("form: scenarios are not played at a base_url")
        return self

    @property
    def named(self) -> tuple[RespondentSpec, ...]:
        """Everybody it names with fields of their own."""
        return self.respondents


class EvolveSpec(_Spec):
    """An evolving run, as ``valuecompass evolve adaem`` takes it.

    pool: models that answer and, unless `explorers` names others, write.
    strong: further models that answer.
    examinees: models that will be measured with the items.
    items: kind of the items.
    safety: local, none, or a model by name.
    """

    kind: Literal["evolve"] = "evolve"
    pool: Annotated[tuple[RespondentSpec, ...], Field(min_length=1, max_length=MOST_RESPONDENTS)]
    strong: Annotated[tuple[RespondentSpec, ...], Field(max_length=MOST_RESPONDENTS)] = ()
    explorers: Annotated[tuple[RespondentSpec, ...], Field(max_length=MOST_RESPONDENTS)] = ()
    examinees: Annotated[tuple[RespondentSpec, ...], Field(max_length=MOST_RESPONDENTS)] = ()
    items: Literal["question", "tradeoff"] = "question"
    language: Literal["en", "es", "zh"] = "en"
    judge_mode: JudgeMode | None = None
    preset: Preset = "ours"
    disentanglement: float | None = Field(default=None, ge=-10, le=10)
    keep: int | None = Field(default=None, ge=1, le=10_000)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    safety: Name = "local"

    @field_validator("safety")
    @classmethod
    def _known_safety(cls, text: str) -> str:
        if text not in ("local", "none"):
            _check_name(text)
        return text

    @property
    def named(self) -> tuple[RespondentSpec, ...]:
        """Everybody it names with fields of their own."""
        return (*self.pool, *self.strong, *self.explorers, *self.examinees)


Spec = Annotated[RunSpec | EvolveSpec, Field(discriminator="kind")]
_SPEC: TypeAdapter[RunSpec | EvolveSpec] = TypeAdapter(Spec)


def parse_spec(given: Any) -> RunSpec | EvolveSpec:
    """Return a specification from JSON.

    Raises:
        InputError: naming the field; never what was given there, which may be a key.
    """
    try:
        return _SPEC.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("run", "evolve"))
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {message}" if place else message) from None


def same(spec: RunSpec | EvolveSpec) -> str:
    """Return what two specifications share that ask for the same: all but the budget."""
    return digest(spec.model_dump(mode="json", exclude={"budget"}), 32)


def run_settings(
    spec: RunSpec, workspace: Path, db: str | None, endpoints: Mapping[str, Endpoint]
) -> Settings:
    """Return a measurement's settings.

    Args:
        spec: what is asked for.
        workspace: where.
        db: where, if not there.
        endpoints: every `base_url` of the specification, looked up.

    Raises:
        InputError: a name that stands for nothing.
    """
    systems = [resolve_system(name) for name in spec.systems]
    return Settings(
        models=_respondents(spec.respondents, systems, endpoints, "respondents"),
        systems=spec.systems,
        form=spec.form,
        judge=spec.judge,
        judge_mode=spec.judge_mode,
        strong_judge=spec.strong_judge,
        occasion=spec.occasion,
        opinions=spec.opinions,
        workspace=workspace,
        db=db,
        limits=Limits(spec.budget.calls, spec.budget.tokens, spec.budget.usd),
    )


def evolve_settings(
    spec: EvolveSpec, workspace: Path, db: str | None, endpoints: Mapping[str, Endpoint]
) -> EvolveSettings:
    """Return an evolving run's settings; arguments and errors as of `run_settings`."""
    systems = [resolve_system(name) for name in spec.systems]

    def models(name: str) -> list[Respondent]:
        return _respondents(getattr(spec, name), systems, endpoints, name)

    return EvolveSettings(
        pool=models("pool"),
        systems=spec.systems,
        kind=spec.items,
        language=spec.language,
        strong=models("strong"),
        explorers=models("explorers"),
        examinees=models("examinees"),
        judge=spec.judge,
        judge_mode=spec.judge_mode,
        preset=spec.preset,
        disentanglement=spec.disentanglement,
        seed=spec.seed,
        keep=spec.keep,
        safety=spec.safety,
        calls=spec.budget.calls,
        tokens=spec.budget.tokens,
        usd=spec.budget.usd,
        workspace=workspace,
        db=db,
    )


def _respondents(
    specs: Sequence[RespondentSpec],
    systems: Sequence[ValueSystem],
    endpoints: Mapping[str, Endpoint],
    field: str,
) -> list[Respondent]:
    found: list[Respondent] = []
    for i, spec in enumerate(specs):
        where = f"{field}.{i}.model"
        one = _respondent(spec, systems, endpoints, where)
        if any(one.name == other.name for other in found):
            raise InputError(f"{where}: {one.name} is named twice; give one of them a label")
        found.append(one)
    return found


def _respondent(
    spec: RespondentSpec,
    systems: Sequence[ValueSystem],
    endpoints: Mapping[str, Endpoint],
    where: str,
) -> Respondent:
    model = spec.model
    if spec.base_url is not None:
        model = f"openai-api/{endpoints[spec.base_url].service}/{spec.model}"
    text = model
    if spec.prime is not None:
        text = f"{model}@prime={spec.prime}"
    elif spec.system is not None:
        text = f"{model}@system={spec.system}"
    base = parse_respondent(text, systems, where)
    sampling = spec.model_dump(
        include={"temperature", "top_p", "max_tokens", "reasoning_effort", "answers"}
    )
    try:
        return Respondent.model_validate(
            {**base.model_dump(), **sampling, "name": spec.label or base.name}
        )
    except ValidationError as error:
        message = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {message}") from None


def _checked_judge(text: str) -> str:
    head = text.partition("@system=")[0]
    for name in head.split(","):
        if name.strip() not in ("local", "local-nearest"):
            _check_name(name.partition("@mode=")[0].strip())
    return text


def _check_name(name: str) -> None:
    """Refuse a name that leads to a file of the server; what a provider is, its layer says."""
    if MARKERS.search(name):
        raise ValueError(f"{name}: give prime, system and answers as fields of their own")
    provider, _, rest = name.partition("/")
    if not rest or provider in ("", ".", "..", "~") or provider == _PRIVATE or "\\" in name:
        raise ValueError(
            f"{name}: a model's name has the form provider/model, such as openai/gpt-5-mini; "
            "files of the server cannot be named here"
        )
    if provider == "embedded" and rest not in EMBEDDED:
        known = ", ".join(f"embedded/{one}" for one in EMBEDDED)
        raise ValueError(f"{name}: no such model; known: {known}")
    file = rest.endswith(".gguf") or rest.startswith(("/", "."))
    # any other name of a folder here would be taken for the weights in it
    if provider != "simulated" and (file or Path(name).exists() or Path(rest).exists()):
        raise ValueError(f"{name}: files of the server cannot be named here")


def _any_key(given: Any) -> bool:
    left = [given]  # no recursion: what somebody sends may be nested deeper than Python's stack
    while left:
        one = left.pop()
        if isinstance(one, str) and holds_key(one):
            return True
        if isinstance(one, Mapping):
            pairs = cast("Mapping[Any, Any]", one)
            left += [*pairs.keys(), *pairs.values()]
        elif isinstance(one, list | tuple):
            left += cast("Sequence[Any]", one)
    return False
