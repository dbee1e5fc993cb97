"""The test item: one schema for every kind, identified by its content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from valuecompass.hashing import canonical, digest

Kind = Literal[
    "question",
    "opening",
    "request",
    "stem",
    "tradeoff",
    "likert",
    "judgement",
    "scenario",
    "conversation",
]
KINDS: tuple[Kind, ...] = (
    "question",
    "opening",
    "request",
    "stem",
    "tradeoff",
    "likert",
    "judgement",
    "scenario",
    "conversation",
)
TOPICS = (
    "law-justice-rights",
    "arts-entertainment",
    "society-culture",
    "education-media",
    "economy-business",
    "technology-innovation",
    "philosophy-belief",
    "politics-international",
    "science-health-environment",
)
"""The nine topic classes of the seed bank; a user's items may name others."""

MOST_TURNS = 8
"""Turns of a scenario; each takes a request at least, with all before it sent again."""
MOST_RATINGS = 100
"""Steps of a rating scale; nobody rates more finely, and each becomes a rule of a grammar."""

Text = Annotated[str, Field(min_length=1, max_length=20_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Part):
    """One of the two options of a trade-off, and the dimension it serves."""

    dimension: str
    text: Text


_NAME = r"[a-z][a-z0-9_]{0,63}"


class Turn(_Part):
    """What somebody says to the respondent in a scenario.

    The setting is the item's `text`, what a tool returns is its `result`: so only users speak.
    """

    role: Literal["user"] = "user"
    text: Text
    when: Annotated[str, Field(pattern=rf"^(not )?called:{_NAME}$")] | None = None
    """``called:NAME``: said only if the respondent has called this tool before, with arguments that
    it takes; ``not called:NAME``: only if it has not. None: always."""

    @property
    def condition(self) -> tuple[str, bool] | None:
        """The tool that `when` names, and whether it must have been called."""
        if self.when is None:
            return None
        return self.when.rpartition(":")[2], not self.when.startswith("not ")


_NOT_IN_SCHEMAS = {
    **dict.fromkeys(("$ref", "$dynamicRef"), "it could name an address; write its parts out"),
    **dict.fromkeys(("pattern", "patternProperties"), "some take for ever; use enum"),
}
FAULT = "Error: "
"""Begins what a call that does not fit returns."""


class ToolSpec(_Part):
    """A tool that a scenario offers to the respondent; its results are scripted."""

    name: Annotated[str, Field(pattern=rf"^{_NAME}$")]
    description: Text
    parameters: dict[str, Any] = Field(default_factory=dict)
    """JSON schema of the arguments, an object with `properties`; empty: it takes none."""
    result: str = ""
    """What it returns to every call with arguments that fit the schema; empty: "ok"."""
    keying: Literal[1, -1] | None = None
    """1: calling it serves the item's main dimension, -1: it serves what stands against it. Nobody
    is shown it: it tells simulated respondents what to do."""

    @field_validator("result")
    @classmethod
    def _no_fault(cls, given: str) -> str:
        if given.startswith(FAULT):
            raise ValueError(f"begins with {FAULT!r}, as what a call that does not fit returns")
        return given

    @field_validator("parameters")
    @classmethod
    def _schema_of_an_object(cls, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            return given
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        if given.get("type") != "object" or not isinstance(given.get("properties"), dict):
            raise ValueError('expected {"type": "object", "properties": {...}} or nothing')
        for word, why in _NOT_IN_SCHEMAS.items():
            if f'"{word}"' in canonical(given):
                raise ValueError(f"a schema with {word} is not supported: {why}")
        own: dict[str, Any] = given["properties"]
        if other := next((n for n, of in own.items() if not isinstance(of, dict)), None):
            raise ValueError(f"properties: {other}: an object with a type is needed")
        if absent := next((n for n in given.get("required", []) if n not in own), None):
            raise ValueError(f"required: {absent!r} is not among the properties")
        try:
            Draft202012Validator.check_schema(given)
        except SchemaError as error:
            raise ValueError(f"no JSON schema: {error.message}") from None
        return given


class Media(_Part):
    """An image or sound that belongs to an item."""

    type: Literal["image", "audio"]
    uri: Annotated[str, Field(min_length=1, max_length=2_000)]
    """Path relative to the item file, or URL."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    description: str | None = None


class Lineage(_Part):
    """Where an item comes from."""

    origin: Literal["seed", "import", "evolved", "written"] = "seed"
    parents: tuple[str, ...] = ()
    """Ids of the items it was made from."""
    method: str | None = None
    model: str | None = None
    licence: str | None = None
    fact: str | None = None
    """evolved: the event or circumstance that it rests on."""
    region: str | None = None
    year: int | None = None
    rewards: dict[str, float] = Field(default_factory=dict)
    """evolved: by stage. Only "fresh", of answers that selected nothing, may be reported."""
    calls: int | None = None
    """evolved: requests that it took, from the first proposal on."""


class Item(_Part):
    """One test item.

    `id` is a hash of everything the respondent or the judge is shown, so equal items are one item
    wherever they were written; lineage and licence do not enter it.
    """

    kind: Kind
    system: Annotated[str, Field(min_length=1)]
    """Id of the value system it belongs to."""
    text: Text
    dimensions: Annotated[tuple[str, ...], Field(min_length=1)]
    """Target dimensions, the main one first."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] = "en"
    topic: str | None = None
    principle: Text | None = None
    """The norm that an opening or a judgement bears on."""
    sides: tuple[Side, Side] | None = None
    """The two options of a trade-off."""
    keying: Literal[1, -1] | None = None
    """likert, judgement: 1 when agreement means more of the dimension, -1 when less."""
    scale: tuple[int, int] | None = None
    """likert, judgement: lowest and highest rating."""
    turns: tuple[Turn, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    media: tuple[Media, ...] = ()
    transcript: str | None = None
    """conversation: digest of what was asked in it before the first answer; `text` is how it
    begins. Nobody is asked such an item: it is what somebody wrote elsewhere."""
    lineage: Lineage = Lineage()

    @model_validator(mode="after")
    def _kind_has_its_fields(self) -> Item:
        if (self.sides is not None) != (self.kind == "tradeoff"):
            raise ValueError("sides: a tradeoff needs two, other kinds have none")
        if self.sides and self.sides[0].dimension == self.sides[1].dimension:
            raise ValueError("sides: the two sides must serve different dimensions")
        rated = self.kind in ("likert", "judgement")
        if rated and (self.scale is None or self.keying is None):
            raise ValueError(f"scale, keying: a {self.kind} item needs both")
        if self.scale and not self.scale[0] < self.scale[1]:
            raise ValueError("scale: the lowest rating must be below the highest")
        if self.scale and self.scale[1] - self.scale[0] > MOST_RATINGS:
            raise ValueError(f"scale: at most {MOST_RATINGS} steps from lowest to highest")
        if self.kind in ("opening", "judgement") and self.principle is None:
            raise ValueError(f"principle: an item of kind {self.kind} needs one")
        if (self.transcript is not None) != (self.kind == "conversation"):
            raise ValueError("transcript: a conversation needs one, other kinds have none")
        if self.kind == "scenario":
            self._check_script()
        return self

    def _check_script(self) -> None:
        if not self.turns:
            raise ValueError("turns: a scenario needs at least one")
        if len(self.turns) > MOST_TURNS:
            raise ValueError(f"turns: at most {MOST_TURNS}")
        if self.turns[0].when is not None:
            raise ValueError("turns: the first has no `when`: somebody has to begin")
        names = [tool.name for tool in self.tools]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"tools: {name!r} is the name of two")
        for number, turn in enumerate(self.turns, start=1):
            if turn.condition is not None and turn.condition[0] not in names:
                raise ValueError(f"turns.{number}.when: the item has no tool {turn.condition[0]!r}")

    @cached_property
    def id(self) -> str:
        """Twelve hex digits of the content's SHA-256."""
        # defaults are left out so that a field added later leaves today's ids as they are
        return digest(self.model_dump(mode="json", exclude={"lineage"}, exclude_defaults=True), 12)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changed fields; its id is its own."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("id", None)
        return copied

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the item of a `row`."""
        return cls.model_validate({k: v for k, v in row.items() if k != "id"})

    def row(self) -> dict[str, Any]:
        """Return the item as a JSON object with its id, without empty fields."""
        body = self.model_dump(mode="json", exclude_defaults=True)
        return {"id": self.id, **body}
