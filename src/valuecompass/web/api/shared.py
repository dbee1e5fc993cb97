"""Parameters and parts of documents that several subjects share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel

from valuecompass.board.folders import without_folders
from valuecompass.web.phrasing import for_pages

SystemId = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Id of a value system.")
]
Day = Annotated[
    str | None,
    Query(
        max_length=32,
        description="ISO day, or id of a measurement: the board of then. Newest if left out.",
    ),
]

Notices = Annotated[
    list[str], AfterValidator(lambda said: [for_pages(without_folders(one)) for one in said])
]
"""Sentences that a command prints with its numbers, worded for a page."""


class Estimate(BaseModel):
    """A number with its 95 % limits; null: not known.

    n: responses or ratings behind it.
    """

    score: float | None
    low: float | None
    high: float | None
    n: int | None = None
