"""Names of models as pages may show them: folders of the machine that measured are left out."""

from __future__ import annotations

import re
from typing import Any

# provider/ABSOLUTE PATH, as weights and recorded answers in files are named
_FILE = re.compile(r"([a-z][a-z0-9_-]*)/(?:/|[A-Za-z]:[\\/])(?:.*[\\/])?([^\\/]+)[\\/]?")


def without_folders(of: Any) -> Any:
    """Return JSON data in which models that are files keep only the file's name.

    ``recorded//home/me/study/answers.jsonl`` becomes ``recorded/answers.jsonl``.
    """
    if isinstance(of, dict):
        return {key: without_folders(value) for key, value in of.items()}
    if isinstance(of, list | tuple):
        return [without_folders(one) for one in of]
    found = _FILE.fullmatch(of) if isinstance(of, str) else None
    return of if found is None else f"{found[1]}/{found[2]}"
