"""The app: API, pages, and what every answer has in common."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from importlib import import_module

import anyio
from fastapi import APIRouter, Depends, FastAPI

import valuecompass
from valuecompass.errors import ValueCompassError
from valuecompass.store import Store, open_store
from valuecompass.web import errors, files
from valuecompass.web.access import Limits, reader
from valuecompass.web.documents import Documents
from valuecompass.web.errors import ERRORS
from valuecompass.web.jobs import Supervisor
from valuecompass.web.openapi import describe_fields
from valuecompass.web.security import Guard
from valuecompass.web.settings import Settings
from valuecompass.web.site import Site

SUBJECTS = (
    *("meta", "boards", "people", "comparison", "cases", "samples", "cultures", "persons"),
    *("items", "evolutions", "findings", "methods", "access", "jobs", "labels"),
)
"""Modules of `valuecompass.web.api`, each with a ``router``."""
API = "/api/v1"


def make_app(settings: Settings) -> FastAPI:
    """Return the app of a server; it opens the workspace when it starts.

    Raises, at its start:
        InputError: there is no workspace.
        StoreError: it cannot be opened.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            async with (
                open_store(settings.workspace, settings.db, create=False) as store,
                anyio.create_task_group() as tasks,
            ):
                supervisor = _supervisor(settings, store)
                app.state.site = Site(settings, store, Documents(store), supervisor, Limits())
                tasks.start_soon(supervisor.run)
                yield
                tasks.cancel_scope.cancel()
        except ValueCompassError as error:  # the server's process would only say that it failed
            app.state.failure = error
            raise

    app = FastAPI(
        title="Value Compass",
        version=valuecompass.__version__,
        description="Values that language models show in what they write, with how sure they are.",
        openapi_url=f"{API}/openapi.json",
        # FastAPI's own pages load their scripts from elsewhere, which the policy forbids
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=ERRORS,
    )
    errors.install(app)
    api = APIRouter(prefix=API, dependencies=[Depends(reader)])
    for name in SUBJECTS:
        api.include_router(import_module(f"valuecompass.web.api.{name}").router, tags=[name])
    app.include_router(api)
    made = app.openapi
    app.openapi = lambda: describe_fields(made())
    files.install(app, files.read_pages())
    app.add_middleware(Guard, hosts=settings.hosts)
    return app


def _supervisor(settings: Settings, store: Store) -> Supervisor:
    return Supervisor(
        store,
        settings.workspace,
        settings.db,
        workers=settings.workers,
        allow_private=settings.allow_private,
    )
