"""What a run of AdAEM is asked to do, as a user says it, and what that means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import TypeAdapter, ValidationError

from valuecompass.errors import InputError
from valuecompass.evolve.adaem_config import OPTIONAL, AdAEMConfig
from valuecompass.evolve.explorer import CALLS
from valuecompass.evolve.information import InformationConfig
from valuecompass.evolve.writing import written_language
from valuecompass.files import listed, read_text
from valuecompass.items import Item, seed_items
from valuecompass.items.topics import read_topics
from valuecompass.judges import Judge
from valuecompass.judges.quality.calibration import Calibration, read_calibration
from valuecompass.judges.spec import JudgeSpec, parse_judge
from valuecompass.measure.run import resolve_system
from valuecompass.models import Patience, Respondent, fingerprint, parse_respondent
from valuecompass.models.spec import ITEM_AWARE
from valuecompass.toml import FieldPath, field_lines, load_toml, place, plain
from valuecompass.values import BUILTIN, ValueSystem

Preset = Literal["ours", "paper"]
Models = Sequence[str | Respondent]


@dataclass(frozen=True)
class EvolveSettings:
    """What to let evolve, and on whom."""

    pool: Models
    """Models that items are tried on and, unless `explorers` names others, that write them: the
    cheap ones, in the order in which a preset that does not choose asks them (P1)."""
    systems: Sequence[str] = ("schwartz",)
    """Ids of built-in systems or paths of TOML files; every answer is judged by all of them."""
    seeds: str | Path | Sequence[Item] = "bank"
    """bank, a file or folder as for `read_topics` (rows that name no system belong to the first),
    or items."""
    kind: Literal["question", "tradeoff"] = "question"
    """Of the items."""
    language: str = "en"
    """Of the items: seeds in other languages are left out."""
    strong: Models = ()
    """Further models, asked for the final reward only where a preset says so (P2 beside P1)."""
    explorers: Models = ()
    """Models that write; none: those of the pool."""
    examinees: Models = ()
    """Models that are to be measured later: items selected on them would flatter or harm them."""
    judge: str = "local"
    judge_mode: str | None = None
    """one-call, per-value or concepts, of judges that name none; None: as the preset says."""
    calibration: Path | None = None
    """The judge's errors (``judge calibrate``), which the expected information allows for."""
    preset: Preset = "ours"
    config: Path | AdAEMConfig | None = None
    """A TOML file whose fields replace those of the preset, or all settings."""
    disentanglement: float | None = None
    seed: int | None = None
    keep: int | None = None
    """Fields of `AdAEMConfig` that replace those of preset and file."""
    safety: str = "local"
    """local, none, or the name of a moderation model."""
    calls: int | None = None
    """Most requests of all kinds; what is stored already counts, too."""
    tokens: int | None = None
    usd: float | None = None
    """Most tokens and US dollars that may really be spent."""
    workspace: Path = Path("valuecompass-workspace")
    db: str | None = None
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Take one for a list of one and texts for paths, as callers write them."""
        for name in ("pool", "strong", "explorers", "examinees"):
            object.__setattr__(self, name, tuple(listed(getattr(self, name))))
        object.__setattr__(self, "systems", tuple(str(name) for name in listed(self.systems)))
        for name in ("calibration", "workspace"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))
        if isinstance(self.config, str):
            object.__setattr__(self, "config", Path(self.config))
        for name, least in (("calls", 1), ("keep", 1), ("tokens", 0), ("seed", 0), ("usd", 0)):
            value: object = getattr(self, name)
            kinds = (int, float) if name == "usd" else (int,)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, kinds) or not value >= least
            ):
                kind = "a number" if name == "usd" else "a whole number"
                raise InputError(f"{name}: give {kind} from {least} on, not {value!r}")


@dataclass(frozen=True)
class Players:
    """Everybody who takes part, and on what.

    overlap: names of examinees that are in the pool or write, under whatever name.
    notes: what the user should know before anything is asked.
    """

    systems: tuple[ValueSystem, ...]
    topics: tuple[Item, ...]
    source: str
    config: AdAEMConfig
    judge: JudgeSpec
    pool: tuple[Respondent, ...]
    strong: tuple[Respondent, ...]
    explorers: tuple[Respondent, ...]
    examinees: tuple[Respondent, ...]
    overlap: tuple[str, ...]
    moderator: Respondent | None
    calibration: Calibration | None
    notes: tuple[str, ...]

    @property
    def answering(self) -> tuple[Respondent, ...]:
        """All who answer, the pool first."""
        return (*self.pool, *self.strong)


def resolve(settings: EvolveSettings) -> Players:
    """Return who and what the settings name.

    Raises:
        InputError: a wrong name, file or number, or no seed that can be used.
    """
    systems = tuple(resolve_system(name) for name in settings.systems)
    ids = [system.id for system in systems]
    if not ids or len(set(ids)) < len(ids):
        raise InputError("--system: name at least one value system, and none twice")
    if settings.safety == "":
        raise InputError("--safety: give local, none, or the name of a model")
    pool, strong, explorers, examinees = (
        _models(getattr(settings, name), systems, f"--{option}")
        for name, option in _OPTIONS.items()
    )
    notes: list[str] = []
    topics, source = _topics(settings, systems, notes)
    if len(pool) + len(strong) < 2:
        raise InputError("--pool: where models differ shows on two at least; name more")
    explorers = _writers(explorers, pool)
    overlap = overlap_of(examinees, (m.model for m in (*pool, *strong, *explorers)))
    if overlap:
        notes.append(
            f"{', '.join(overlap)}: to be measured with items that are selected on the same model; "
            "the manifest says so, and scores of such a model are not comparable with others"
        )
    if simulated := [r.name for r in (*pool, *strong) if r.simulated]:
        notes.append(
            f"{', '.join(simulated)}: simulated, so what evolves here says nothing of real models"
        )
    moderator = None
    if settings.safety not in ("local", "none"):
        moderator = parse_respondent(settings.safety, systems, "--safety")
        if moderator.provider in ITEM_AWARE:
            raise InputError(f"--safety {settings.safety}: this cannot read; give a model")
    calibration = None if settings.calibration is None else read_calibration(settings.calibration)
    config = _config(settings, len(pool), len(pool) + len(strong))
    if config.explorer_calls < CALLS:
        raise InputError(
            f"settings: explorer_calls: a model writes in {CALLS} requests; give {CALLS} or more"
        )
    for language in sorted({item.language for item in topics}):
        written_language(language, "--language")
    pool, strong, explorers = (_sampled(of, config) for of in (pool, strong, explorers))
    if settings.calls is None and config.pulls is None:
        raise InputError("--calls: give the most requests that the run may take")
    return Players(
        systems,
        tuple(topics),
        source,
        config,
        parse_judge(settings.judge, settings.judge_mode or config.judge_mode),
        pool,
        strong,
        explorers,
        examinees,
        overlap,
        moderator,
        calibration,
        tuple(notes),
    )


def _sampled(models: tuple[Respondent, ...], config: AdAEMConfig) -> tuple[Respondent, ...]:
    """Return models with the sampling of the settings, where they name none of their own."""
    of_run = {"temperature": config.temperature, "top_p": config.top_p}

    def missing(model: Respondent) -> dict[str, float]:
        named = {name: value for name, value in of_run.items() if value is not None}
        return {name: v for name, v in named.items() if getattr(model, name) is None}

    return tuple(model.model_copy(update=missing(model)) for model in models)


_OPTIONS = {
    "pool": "pool",
    "strong": "strong",
    "explorers": "explorer",
    "examinees": "examinees",
}


def with_error_rates(
    config: AdAEMConfig,
    calibration: Calibration | None,
    judge: Judge,
    systems: Sequence[ValueSystem],
) -> AdAEMConfig:
    """Return settings whose expected information allows for the judge's errors as calibrated.

    Counts are added up over the systems, with half a label more on either side, so that no rate
    is 1: to a judge taken for perfect one odd verdict would outweigh all others.

    Raises:
        InputError: the calibration is of another judge or system, or of a judge no better than a
            coin.
    """
    if calibration is None:
        return config
    rates = [calibration.entry(judge, system).all_dimensions for system in systems]
    tp, fn, tn, fp = (sum(getattr(r, n) for r in rates) for n in ("tp", "fn", "tn", "fp"))
    sensitivity, specificity = (tp + 0.5) / (tp + fn + 1), (tn + 0.5) / (tn + fp + 1)
    if not tp + fn or not tn + fp or sensitivity + specificity <= 1:
        raise InputError(
            f"{calibration.source}: its labels do not show that {judge.name} tells values from "
            "their absence (sensitivity and specificity together must exceed 1); take another "
            "judge, or leave --calibration out"
        )
    told = replace(config.information, sensitivity=sensitivity, specificity=specificity)
    return replace(config, information=told)


def read_config(path: Path, base: AdAEMConfig) -> AdAEMConfig:
    """Return settings with the fields of a TOML file in place of their own.

    Fields are those of `AdAEMConfig`; the tables `information` and `floors` hold theirs. "none"
    stands for no limit, or for what the field's None does.

    Raises:
        InputError: with file, line and field.
    """
    text = read_text(path)
    given, lines = load_toml(text, str(path)), field_lines(text)

    def refuse(at: FieldPath, why: str) -> InputError:
        return InputError(f"{place(str(path), lines, at)}: {why}")

    known = {f.name for f in fields(AdAEMConfig)}
    for name in given:
        if name not in known:
            raise refuse((name,), f"unknown field; known: {', '.join(sorted(known))}")
    body = asdict(base)
    inner = {f.name for f in fields(InformationConfig)}
    for name, value in given.items():
        if isinstance(value, dict) and name in ("information", "floors"):
            table = cast("Mapping[str, Any]", value)
            for key in table if name == "information" else ():
                if key not in inner:
                    raise refuse((name, key), f"unknown field; known: {', '.join(sorted(inner))}")
            body[name] = {**body[name], **table}
        else:
            body[name] = None if name in OPTIONAL and value == "none" else value
    try:
        return TypeAdapter(AdAEMConfig).validate_python(body)
    except ValidationError as error:
        first = error.errors()[0]
        message = plain(first["type"], first["msg"])
        if not first["loc"]:  # found after all were read; the message begins with the field
            name, _, why = message.partition(" ")
            at = tuple(name.rstrip(":").split("."))
            told = refuse(at, why) if _given(given, at) else InputError(f"{path}: {message}")
            raise told from None
        raise refuse(tuple(first["loc"]), message) from None


def _given(table: Mapping[str, Any], at: Sequence[str]) -> bool:
    found: Any = table
    for name in at:
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = cast("Mapping[str, Any]", found)[name]
    return True


def _config(settings: EvolveSettings, pool: int, answering: int) -> AdAEMConfig:
    given = settings.config
    if settings.preset not in ("ours", "paper"):
        raise InputError(f"--preset {settings.preset}: give ours or paper")
    if isinstance(given, AdAEMConfig):
        found = given
    else:
        found = AdAEMConfig() if settings.preset == "ours" else AdAEMConfig.preset("paper")
        if not found.contrast:  # who is first is not chosen: the pool, then all
            found = replace(found, p1=pool, p2=answering)
        if given is not None:
            found = read_config(given, found)
    names = ("disentanglement", "seed", "keep")
    asked = {n: value for n in names if (value := getattr(settings, n)) is not None}
    mode = settings.judge_mode
    if mode is not None:
        asked["judge_mode"] = "per-value" if mode == "per-value" else "one-call"
    try:
        return replace(found, **asked)
    except ValueError as error:
        raise InputError(f"settings: {error}") from None


def _models(named: Models, systems: Sequence[ValueSystem], option: str) -> tuple[Respondent, ...]:
    found = tuple(
        m if isinstance(m, Respondent) else parse_respondent(m, systems, option) for m in named
    )
    names = [model.name for model in found]
    if repeated := next((n for n in names if names.count(n) > 1), None):
        raise InputError(f"{option} {repeated}: named twice")
    return found


def _writers(
    explorers: tuple[Respondent, ...], pool: tuple[Respondent, ...]
) -> tuple[Respondent, ...]:
    for one in explorers:
        if one.provider in ITEM_AWARE:
            raise InputError(f"--explorer {one.name}: this cannot write; give a model")
    found = explorers or tuple(m for m in pool if m.provider not in ITEM_AWARE)
    if not found:
        raise InputError("--explorer: nobody of the pool can write; name a model that does")
    return found


def overlap_of(examinees: Sequence[Respondent], used: Iterable[str]) -> tuple[str, ...]:
    """Return who of the examinees has the same weights as a model in use, whatever its name."""
    weights = {one for model in used for one in (model, fingerprint(model)) if one}
    return tuple(e.name for e in examinees if weights & {e.model, fingerprint(e.model)})


def _topics(
    settings: EvolveSettings, systems: Sequence[ValueSystem], notes: list[str]
) -> tuple[list[Item], str]:
    """Return the seeds of the kind and language asked for, and where they are from."""
    kind, language, given = settings.kind, settings.language, settings.seeds
    if kind not in ("question", "tradeoff"):
        raise InputError(f"--kind {kind}: give question or tradeoff")
    if given == "bank":
        source = "bank"
        found = [item for s in systems if s.id in BUILTIN for item in seed_items(s.id)]
    elif isinstance(given, str | Path):
        source = Path(given).name
        found = read_topics(Path(given), systems[0], others=systems[1:], tell=notes.append)
    else:
        source, found = "items", list(given)
    of_kind = [item for item in found if item.kind == kind]
    if not of_kind:
        where = "the bank has" if given == "bank" else f"{given}: there are"
        raise InputError(
            f"--seeds: {where} no {kind}s of {', '.join(s.id for s in systems)}; give a file of "
            f"{kind}s, or name schwartz beside: its seeds are judged by every system of the run"
        )
    chosen = [i for i in of_kind if i.language.split("-")[0] == language.split("-")[0]]
    if not chosen:
        there = ", ".join(sorted({item.language for item in of_kind}))
        raise InputError(
            f"--language {language}: the seeds are in {there}; give seeds in that language, with "
            f'"language": "{language}" in each row (items import -d language={language} writes it '
            "into a file of them)"
        )
    if len(chosen) < len(of_kind):
        notes.append(f"{len(of_kind) - len(chosen)} seeds in other languages are left out")
    bare = [s.id for s in systems if not any(item.system == s.id for item in chosen)]
    if bare:
        notes.append(f"no seeds of {', '.join(bare)}: its values are judged on those of the others")
    return chosen, source
