"""The OpenAPI document; ``python -m valuecompass.web.openapi`` prints it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def describe_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Give fields the words that the text of their schema has on them, in place.

    Docstrings say ``low, high: limits. n: answers.``; a field that speaks for itself has none.
    """
    for schema in document.get("components", {}).get("schemas", {}).values():
        fields: dict[str, Any] = schema.get("properties", {})
        known = "|".join(map(re.escape, sorted(fields, key=len, reverse=True)))
        if not known:
            continue
        text = " ".join(schema.get("description", "").split())
        # what it says of fields begins the text or follows a sentence
        parts = re.split(rf"(?:^|(?<=[.;] ))((?:{known})(?:, (?:{known}))*): ", text)
        for names, words in zip(parts[1::2], parts[2::2], strict=True):
            for name in names.split(", "):
                fields[name].setdefault("description", words.strip())
    return document


if __name__ == "__main__":
    from valuecompass.web.app import make_app
    from valuecompass.web.settings import Settings

    print(json.dumps(make_app(Settings(Path("."))).openapi(), indent=1, sort_keys=True))
