"""Names of models as pages may show them: folders of the machine that measured are left out."""

from __future__ import annotations

import re
from typing import Any, cast

# provider/ABSOLUTE PATH, as weights and recorded answers in files are named
_PATH = re.compile(r"(?:/|[A-Za-z]:[\\/])(?:[^\n]*[\\/])([^\\/\n]+)[\\/]?")
_WITHIN = re.compile(r"(?<![\w:/])([a-z][a-z0-9_-]*)//(?:[^\s/]+/)+([^\s/]+)")
_FILE = re.compile(r"([a-z][a-z0-9_-]*)/(?:/|[A-Za-z]:[\\/])(?:.*[\\/])?([^\\/]+)[\\/]?")


def without_folders(of: Any) -> Any:
    """Return JSON data in which models that are files keep only the file's name.

    ``recorded//home/me/study/answers.jsonl`` becomes ``recorded/answers.jsonl``.
    """
    if isinstance(of, dict):
        table = cast("dict[Any, Any]", of)
        return {without_folders(key): without_folders(value) for key, value in table.items()}
    if isinstance(of, list | tuple):
        return [without_folders(one) for one in cast("list[Any]", of)]
    if not isinstance(of, str):
        return of
    if found := _FILE.fullmatch(of):
        return f"{found[1]}/{found[2]}"
    if found := _PATH.fullmatch(of):  # what a file says its version is
        return found[1]
    return _WITHIN.sub(r"\1/\2", of)  # a sentence of ours names it
