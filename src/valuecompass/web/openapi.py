"""Prints the OpenAPI document: ``python -m valuecompass.web.openapi``."""

from __future__ import annotations

import json
from pathlib import Path

from valuecompass.web.app import make_app
from valuecompass.web.settings import Settings

if __name__ == "__main__":
    print(json.dumps(make_app(Settings(Path("."))).openapi(), indent=1, sort_keys=True))
