"""The server answers as its OpenAPI document says, whatever it is asked for.

Requests are generated from the document by schemathesis and sent to a real process.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.busy import Busy
from tests.web.served import token_for
from tests.web.worlds import Served
from valuecompass.hashing import digest
from valuecompass.web.app import API, make_app
from valuecompass.web.settings import Settings

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


SCHEMA = schemathesis.openapi.from_dict(make_app(Settings(Path("."))).openapi())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
BOTH = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


WITH_TOKENS = [label for label in OPERATIONS if "/jobs" in label or "/labels" in label]
"""Operations that answer nobody else."""


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", BOTH, ids=lambda mode: mode.value)
def test_every_route_keeps_to_its_document(
    server: Served, label: str, mode: schemathesis.GenerationMode
) -> None:
    _ask(server.address, label, mode, 5 if label in WITH_TOKENS else 40)


@pytest.mark.parametrize("label", WITH_TOKENS)
@pytest.mark.parametrize("mode", BOTH, ids=lambda mode: mode.value)
def test_every_route_keeps_to_its_document_for_operators(
    busy: Busy, label: str, mode: schemathesis.GenerationMode
) -> None:
    # a token of its own: the writes of one are limited
    name = digest([label, mode.value], 12)
    token = token_for(busy.workspace, name, "operator")
    _ask(busy.address, label, mode, 30, {"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("label", [label for label in WITH_TOKENS if "GET" not in label])
def test_writes_of_annotators_are_documented(busy: Busy, label: str) -> None:
    token = {"authorization": f"Bearer {busy.tokens['dora']}"}
    _ask(busy.address, label, schemathesis.GenerationMode.POSITIVE, 5, token)


def _ask(
    address: str,
    label: str,
    mode: schemathesis.GenerationMode,
    examples: int,
    headers: dict[str, str] | None = None,
) -> None:
    cases: SearchStrategy[schemathesis.Case] = OPERATIONS[label].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=address, checks=CHECKS, headers=headers)

    try:
        asked()
    except Unsatisfiable:  # a route without parameters: no request to it is wrong
        assert "{" not in label and mode is schemathesis.GenerationMode.NEGATIVE


def test_the_document_names_every_route_with_its_answers(server: Served) -> None:
    document = server.get(f"{API}/openapi.json").json()
    assert len(document["paths"]) >= 4
    for path, ways in document["paths"].items():
        for way, operation in ways.items():
            assert operation["description"], f"{way} {path} says nothing of itself"
            told = set(operation["responses"])
            assert {"400", "401", "404", "413", "422", "429", "503"} <= told, f"{way} {path}"
            turned = path.startswith((f"{API}/jobs", f"{API}/labels"))
            assert ({"403", "409"} <= told) == turned, f"{way} {path}"
