"""What a value system is: its dimensions, groups, and how a score of it is made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from valuecompass.hashing import digest

Scoring = Literal["expression", "conformity", "safe-rate", "rating", "keyed-scale"]
"""How responses become a score.

expression   how strongly a dimension is brought to bear in free text (Schwartz)
conformity   share of conduct that keeps the principle, 1 - violation (Moral Foundations)
safe-rate    share of safe answers (safety taxonomy)
rating       mean judged degree (LLM-unique)
keyed-scale  mean self-report after reversing negatively keyed items (Big Five)
"""

EXPRESSED = "-expressed"
"""Ends the id of a system that is read as `ValueSystem.as_expression` has it."""

Name = Annotated[str, Field(min_length=1, max_length=80)]
Sentence = Annotated[str, Field(min_length=3, max_length=600)]


class Misfit(ValueError):
    """A rule across fields does not hold; `path` is where it shows."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class Dimension(BaseModel):
    """One axis of a value system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    """Canonical name: the one used in columns, boards and exports."""
    aliases: tuple[Name, ...] = ()
    """Other spellings people type."""
    opposites: tuple[Name, ...] = ()
    """Dimensions that the theory places across this one."""
    definition: Sentence
    """One sentence."""
    high: Sentence
    """What a high score means."""
    low: Sentence
    """What a low score means."""
    supports: tuple[Sentence, ...] = ()
    """Sentences as they stand in a text that endorses or upholds the dimension."""
    opposes: tuple[Sentence, ...] = ()
    """Sentences as they stand in a text that rejects or violates it."""


class Group(BaseModel):
    """A higher-order group of dimensions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    dimensions: tuple[Name, ...] = Field(min_length=1)
    opposite: Name | None = None


class ValueSystem(BaseModel):
    """A theory of values as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    """Short name for the command line: lower case, digits, hyphens."""
    name: Name
    scoring: Scoring
    summary: Sentence
    source: Sentence
    circle: tuple[Name, ...] = ()
    """Circular order of the dimensions, where the theory has one."""
    groups: tuple[Group, ...] = ()
    dimensions: tuple[Dimension, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_resolve(self) -> ValueSystem:
        self._names_are_one_dimensions()
        for path, names in self._mentions():
            for name in names:
                if name not in self.names:
                    raise Misfit(path, f"{name!r} is not a dimension")
        if self.circle and sorted(self.circle) != sorted(self.names):
            raise Misfit(("circle",), "must list every dimension once")
        for at, dimension in enumerate(self.dimensions):
            if dimension.name in dimension.opposites:
                path = ("dimensions", at, "opposites")
                raise Misfit(path, f"{dimension.name!r} is opposite to itself")
        groups = [g.name for g in self.groups]
        for at, group in enumerate(self.groups):
            if group.name in groups[:at]:
                raise Misfit(("groups", at, "name"), f"{group.name!r} stands for two groups")
        for at, group in enumerate(self.groups):
            if group.opposite is not None and group.opposite not in groups:
                raise Misfit(("groups", at, "opposite"), f"{group.opposite!r} is not a group")
        return self

    def as_expression(self) -> ValueSystem:
        """Return the system as opinions are read for it: how far each dimension is appealed to.

        A system that is scored otherwise gets another id and name: conduct that keeps a principle
        and a text that appeals to it are two things, and share no judge's errors and no board.
        """
        if self.scoring == "expression":
            return self
        # ids have 40 characters at most, and two must not become one
        own = self.id if len(self.id) <= 30 else f"{self.id[:23]}-{digest(self.id, 6)}"
        changed = {
            "id": f"{own}{EXPRESSED}",
            "name": f"{self.name[:67]} (appealed to)",
            "scoring": "expression",
        }
        return self.model_copy(update=changed)

    def _names_are_one_dimensions(self) -> None:
        seen: set[str] = set()
        for at, dimension in enumerate(self.dimensions):
            own = {_fold(dimension.name)}
            for key, names in (("name", (dimension.name,)), ("aliases", dimension.aliases)):
                for name in names:
                    if _fold(name) in seen:
                        raise Misfit(
                            ("dimensions", at, key), f"the name {name!r} stands for two dimensions"
                        )
                    own.add(_fold(name))
            seen |= own

    def _mentions(self) -> Iterator[tuple[tuple[str | int, ...], tuple[str, ...]]]:
        """Yield where dimensions are named, and which."""
        yield ("circle",), self.circle
        for at, group in enumerate(self.groups):
            yield ("groups", at, "dimensions"), group.dimensions
        for at, dimension in enumerate(self.dimensions):
            yield ("dimensions", at, "opposites"), dimension.opposites

    @property
    def names(self) -> tuple[str, ...]:
        """Canonical dimension names in the file's order."""
        return tuple(d.name for d in self.dimensions)

    @cached_property
    def _lookup(self) -> dict[str, str]:
        return {_fold(n): d.name for d in self.dimensions for n in (d.name, *d.aliases)}

    def canonical(self, name: str) -> str | None:
        """Return the canonical name for a name or alias (case and spaces ignored), or None."""
        return self._lookup.get(_fold(name))

    def dimension(self, name: str) -> Dimension:
        """Return a dimension by canonical name.

        Raises:
            KeyError: no dimension has this canonical name.
        """
        for dimension in self.dimensions:
            if dimension.name == name:
                return dimension
        raise KeyError(name)


def _fold(name: str) -> str:
    return "".join(name.lower().split())
