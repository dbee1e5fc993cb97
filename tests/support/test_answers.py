"""The mock's answers fit their schemas; its faults strike the requests they name."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.support.answers import from_schema
from tests.support.faults import Rule, parse_rule

SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": -3, "exclusiveMaximum": 4},
    {"type": "number", "exclusiveMinimum": 2, "maximum": 2.5},
    {"type": "string", "minLength": 120},
    {"type": "string", "maxLength": 5},
    {"type": ["boolean", "null"]},
    {"const": "verdict/1"},
    {"type": "array", "minItems": 3, "maxItems": 3, "items": {"enum": ["a", 2, None]}},
    {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Leaf"}], "$defs": {"Leaf": {"const": 1}}},
    {
        "allOf": [
            {"type": "object", "properties": {"x": {"type": "boolean"}}, "required": ["x"]},
            {"properties": {"y": {"type": "integer"}}},
        ]
    },
    {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {
                    "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
                    "more": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                },
                "required": ["left", "more"],
            }
        },
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_generated_values_satisfy_their_schema(schema: dict[str, Any]) -> None:
    for key in "abcdefgh":
        value = from_schema(schema, key)
        jsonschema.validate(value, schema)
        assert value == from_schema(schema, key)


def test_conditions_say_which_requests_are_struck() -> None:
    def struck(text: str, bodies: str = "aaabbb") -> str:
        rule = parse_rule(text)
        requests = [{"model": b, "messages": [{"role": "user", "content": b}]} for b in bodies]
        return "".join(
            "x" if rule.strikes(request, request["model"], seed=0) else "." for request in requests
        )

    assert struck("server_error") == "xxxxxx"
    assert struck("server_error:first=2") == "xx...."
    assert struck("server_error:first_of_each=1") == "x..x.."
    assert struck("server_error:every=3") == "..x..x"
    assert struck("invalid_key:after=4") == "....xx"
    assert struck("server_error:model=b,first=1") == "...x.."
    assert struck("server_error:contains=b") == "...xxx"
    assert struck("judge_nan") == "......"
    share = struck("server_error:probability=0.2", "a" * 2000).count("x") / 2000
    assert share == pytest.approx(0.2, abs=0.03)
    for wrong in ("earthquake", "server_error:often=1"):
        with pytest.raises(ValueError, match="unknown"):
            parse_rule(wrong)


def test_the_probable_fault_does_not_depend_on_the_order_of_requests() -> None:
    requests = [{"model": "m", "messages": [str(i // 3)]} for i in range(90)]

    def struck(order: list[dict[str, Any]]) -> list[str]:
        rule = Rule("server_error", probability=0.5)
        return sorted(r["messages"][0] for r in order if rule.strikes(r, r["messages"][0], seed=1))

    assert struck(requests) == struck(requests[::-1])
