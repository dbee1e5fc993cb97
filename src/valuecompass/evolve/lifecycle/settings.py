"""What a season is made of, as a user says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valuecompass.evolve.lifecycle.retire import RetireRules
from valuecompass.files import listed
from valuecompass.models import Patience, Respondent

__all__ = ["Models", "SeasonSettings"]

Models = Sequence[str | Respondent]


@dataclass(frozen=True)
class SeasonSettings:
    """What a season is made of.

    name: of the season; the occasion of its measurements.
    previous: form file of the season before.
    items: files of the living bank, those of the previous form included.
    pool, strong: models that items evolve on.
    explorers: models that write; none: those of the pool.
    models, roster: respondents of the board, that nothing is selected on.
    calls: most requests of the evolution.
    size, anchors: of the next form.
    most_uses, saturated: rules of retirement.
    out: folder for bank, form and change log; None: the season's name.
    tokens, usd: most tokens and US dollars that the season may spend, over all its steps.
    """

    name: str
    previous: Path
    items: Sequence[Path]
    pool: Models
    models: Models = ()
    strong: Models = ()
    explorers: Models = ()
    roster: Path | None = None
    system: str = "schwartz"
    judge: str = "local"
    judge_mode: str | None = None
    calls: int = 3_000
    size: int = 100
    anchors: int = 20
    most_uses: int = RetireRules.most_uses
    saturated: float = RetireRules.saturated
    seed: int = 0
    out: Path | None = None
    tokens: int | None = None
    usd: float | None = None
    workspace: Path = Path("valuecompass-workspace")
    db: str | None = None
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Take one for a list of one and texts for paths, as callers write them."""
        for name in ("pool", "strong", "explorers", "models"):
            object.__setattr__(self, name, tuple(listed(getattr(self, name))))
        object.__setattr__(self, "items", tuple(Path(p) for p in listed(self.items)))
        for name in ("previous", "workspace", "roster", "out"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))

    @property
    def folder(self) -> Path:
        """Where the season's files are."""
        return self.out or Path(self.name)

    @property
    def selects(self) -> dict[str, Any]:
        """What may not change once the form is selected."""
        return {k: getattr(self, k) for k in ("size", "anchors", "most_uses", "saturated")}
