"""Who answers: a model with its sampling parameters and, when primed, a system prompt."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.values import BUILTIN, Dimension, ValueSystem, builtin_system

MARKERS = re.compile(r"@(prime|system|file)=")
ITEM_AWARE = ("simulated", "recorded")
"""Providers of ours that are told which item is asked, because they do not read it."""
FREE = ("embedded", "simulated", "recorded", "hf")
"""Providers that run here: no bill."""


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


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
    price: Price | None = None
    developer: str | None = None
    openness: Literal["open", "closed"] | None = None
    released: date | None = None
    licence: str | None = None
    url: str | None = None

    @property
    def provider(self) -> str:
        """The part of the model name before the first slash."""
        return self.model.split("/", 1)[0]

    @property
    def simulated(self) -> bool:
        """True when the answers are made by our simulation, not by a model."""
        return self.provider == "simulated"


def parse_respondent(text: str, systems: Sequence[ValueSystem] = ()) -> Respondent:
    """Return the respondent that a -m argument names.

    Args:
        text: ``NAME``, ``NAME@prime=DIMENSION``, ``NAME@system=TEXT`` or ``NAME@file=R.toml``.
            The name is split only at these markers, so it may hold any other ``@``. A path of a
            GGUF file or of a transformers folder is a name, too.
        systems: where a primed dimension is looked up first; then in all built-in systems.

    Raises:
        InputError: nothing before a marker, an unknown dimension, or a wrong file.
    """
    match = MARKERS.search(text)
    model = _model_name(text[: match.start()] if match else text)
    if match is None:
        return Respondent(name=text, model=model)
    kind, rest = match[1], text[match.end() :]
    if not rest:
        raise InputError(f"-m {text}: nothing follows @{kind}=")
    if kind == "system":
        return Respondent(name=text, model=model, system=rest)
    if kind == "prime":
        if model.startswith("simulated/"):
            raise InputError(f"-m {text}: a simulated respondent carries its values in its name")
        return Respondent(name=text, model=model, system=priming(rest, systems), prime=rest)
    return _from_table(_toml(Path(rest)), f"{rest}", systems, model=model, name=text)


def parse_roster(path: Path, systems: Sequence[ValueSystem] = ()) -> list[Respondent]:
    """Return the respondents of a TOML roster, one ``[[respondents]]`` table each.

    Raises:
        InputError: with file, table and field.
    """
    tables: Any = _toml(path).get("respondents")
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{path}: needs at least one [[respondents]] table")
    found = [
        _from_table(table, f"{path}, respondent {i}", systems)
        for i, table in enumerate(cast(list[dict[str, Any]], tables), start=1)
    ]
    names = [r.name for r in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: label: {name!r} stands for two respondents")
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None


def _from_table(
    table: dict[str, Any],
    where: str,
    systems: Sequence[ValueSystem],
    model: str | None = None,
    name: str | None = None,
) -> Respondent:
    body = dict(table)
    if model is not None:
        body.setdefault("model", model)
    if "model" not in body:
        raise InputError(f"{where}: model: this field is missing")
    scores, seed = body.pop("scores", None), body.pop("seed", None)
    body["model"] = _model_name(str(body["model"]))
    if scores is not None or seed is not None:
        body["model"] = _with_scores(body["model"], scores or {}, seed, where)
    if body.get("prime") is not None:
        if body.get("system") is not None:
            raise InputError(f"{where}: prime: give prime or system, not both")
        body["system"] = priming(str(body["prime"]), systems)
    body["name"] = body.pop("label", None) or name or body["model"]
    try:
        return Respondent.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(p) for p in first["loc"])
        message = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{where}: {field}: {message}") from None


def _with_scores(model: str, scores: dict[str, Any], seed: Any, where: str) -> str:
    from urllib.parse import quote

    if not model.startswith("simulated/"):
        raise InputError(f"{where}: scores: only simulated respondents have planted scores")
    pairs = [f"{quote(k, safe='')}={v}" for k, v in scores.items()]
    pairs += [] if seed is None else [f"seed={seed}"]
    return f"{model}{'&' if '?' in model else '?'}{'&'.join(pairs)}"


def _model_name(name: str) -> str:
    if not name.strip():
        raise InputError("-m: a respondent needs a model name, such as openai/gpt-5-mini")
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise InputError(f"-m {name}: no such file")
        return f"embedded/{path.resolve()}"
    if (path / "config.json").is_file():
        return f"hf/{path.resolve()}"
    if "/" not in name:
        raise InputError(
            f"-m {name}: a model name has the form provider/model, such as openai/gpt-5-mini "
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


def fingerprint(model: str) -> str | None:
    """Return a short hash of a local file that answers, or None for everything else.

    It enters the request's key, so that answers of a file that was replaced are not reused.
    Large files are told by their size and their first and last megabyte.
    """
    provider, _, rest = model.partition("/")
    if provider not in ("embedded", "recorded") or not Path(rest).is_file():
        return None
    size = Path(rest).stat().st_size
    with Path(rest).open("rb") as file:
        head = file.read(1 << 20)
        file.seek(max(0, size - (1 << 20)))
        return hashlib.sha256(head + file.read() + str(size).encode()).hexdigest()[:16]
