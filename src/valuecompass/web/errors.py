"""Errors of the API: one JSON shape, one sentence that says what to mend."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from valuecompass.errors import BudgetReached, InputError, StoreError, ValueCompassError
from valuecompass.web.phrasing import for_pages
from valuecompass.web.secrets import covered, told_of
from valuecompass.wording import visible

T = TypeVar("T")
_LOG = logging.getLogger("valuecompass.web")
LONGEST_FIELD = 120
"""Signs of a field's name in an error."""


class ErrorBody(BaseModel):
    """What went wrong.

    status: the HTTP status.
    message: one sentence, with the mend where there is one.
    field: the parameter it is about, where it is about one.
    """

    status: int
    message: str
    field: str | None = None


class ErrorDocument(BaseModel):
    """Every answer that is no success."""

    error: ErrorBody


class NotFound(InputError):
    """What was asked for is not here."""


async def or_absent(found: Awaitable[T]) -> T:
    """Return what is there; what is not is a 404."""
    try:
        return await found
    except InputError as error:
        raise NotFound(str(error)) from None


class Refused(ValueCompassError):
    """A request that may not be made, with its status: 401, 403, 409, 413, 429."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorDocument, "description": "A parameter is wrong"},
    401: {"model": ErrorDocument, "description": "A token is missing or not valid"},
    404: {"model": ErrorDocument, "description": "It is not here"},
    413: {"model": ErrorDocument, "description": "The body is too large"},
    422: {"model": ErrorDocument, "description": "A parameter has the wrong shape"},
    429: {"model": ErrorDocument, "description": "Too many requests; Retry-After says how long"},
    503: {"model": ErrorDocument, "description": "The database cannot be read just now"},
}
"""Answers that every route may give besides its own."""
TURNED: dict[int | str, dict[str, Any]] = {
    403: {"model": ErrorDocument, "description": "The token is not of the scope that this needs"},
    409: {"model": ErrorDocument, "description": "As it stands now, this cannot be done"},
}
"""Answers that routes give besides, by which people with tokens work together."""


def install(app: FastAPI) -> None:
    """Let every error of an app be answered in the one shape."""
    app.add_exception_handler(ValueCompassError, _ours)
    app.add_exception_handler(RequestValidationError, _shape)
    app.add_exception_handler(HTTPException, _http)


def error(
    status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return the answer of an error."""
    body = ErrorDocument(error=ErrorBody(status=status, message=visible(message), field=field))
    # an error is of this moment: nobody keeps it
    return JSONResponse(
        body.model_dump(), status, headers={"cache-control": "no-store", **(headers or {})}
    )


async def _ours(request: Request, raised: Exception) -> JSONResponse:
    if isinstance(raised, Refused):
        return error(raised.status, str(raised), headers=raised.headers)
    # where the workspace lies is nobody's business on the other side of a network
    site = request.app.state.site
    said = str(raised).removeprefix(f"{site.store.name}: ")
    message = told_of(for_pages(said), site.settings.workspace)
    if isinstance(raised, StoreError):
        _LOG.error("%s", covered(str(raised)))
        return error(503, f"The workspace cannot be read just now: {message}")
    known = ((NotFound, 404), (InputError, 400), (BudgetReached, 409))
    return error(next((s for kind, s in known if isinstance(raised, kind)), 400), message)


async def _shape(request: Request, raised: Exception) -> JSONResponse:
    assert isinstance(raised, RequestValidationError)
    first = raised.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("query", "path", "body")]
    # a field that is not known has the name that was given, which may be long, or a secret
    field = visible(covered(".".join(place)))[:LONGEST_FIELD] or None
    # pydantic's sentence without what was given: that may be long, or a secret
    said = first["msg"].removeprefix("Value error, ")
    return error(422, f"{field or 'the body'}: {said}", field)


async def _http(request: Request, raised: Exception) -> JSONResponse:
    assert isinstance(raised, HTTPException)
    return error(
        raised.status_code,
        str(raised.detail),
        headers=dict(raised.headers) if raised.headers else None,
    )
