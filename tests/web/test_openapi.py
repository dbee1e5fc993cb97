"""The document of the API: fields have the words that their schema has on them."""

from __future__ import annotations

from pathlib import Path

from valuecompass.web.app import make_app
from valuecompass.web.openapi import describe_fields
from valuecompass.web.settings import Settings


def test_fields_take_their_words_from_the_text_of_their_schema() -> None:
    text = "A thing. low, high: limits: of 95 %.\nn: answers behind it; null: none is known."
    fields: dict[str, dict[str, str]] = {name: {} for name in ("low", "high", "n", "name")}
    document = {"components": {"schemas": {"Thing": {"description": text, "properties": fields}}}}
    describe_fields(document)
    assert fields["low"] == fields["high"] == {"description": "limits: of 95 %."}
    assert fields["n"] == {"description": "answers behind it; null: none is known."}
    assert fields["name"] == {}


def test_every_schema_and_route_is_described(tmp_path: Path) -> None:
    found = make_app(Settings(tmp_path)).openapi()
    assert found["info"]["version"]
    schemas = found["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert schemas["Draws"]["properties"]["data"]["description"].startswith("base64")
    for path, of in found["paths"].items():
        assert path.startswith("/api/v1/")
        assert all(one.get("description") for one in of.values()), path
