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

from tests.web.worlds import Served
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


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", BOTH, ids=lambda mode: mode.value)
def test_every_route_keeps_to_its_document(
    server: Served, label: str, mode: schemathesis.GenerationMode
) -> None:
    cases: SearchStrategy[schemathesis.Case] = OPERATIONS[label].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=server.address, checks=CHECKS)

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
            assert {"404", "422", "503"} <= set(operation["responses"]), f"{way} {path}"
