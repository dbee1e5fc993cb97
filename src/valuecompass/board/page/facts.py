"""A manifest as something people can read: groups of short facts, and safe JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from markupsafe import Markup

from valuecompass.hashing import digest
from valuecompass.wording import clip

__all__ = ["Facts", "facts", "script_json", "shared", "without"]

_VALUE_LIMIT = 400
_LIST_LIMIT = 24
_GROUP_LIMIT = 80


@dataclass(frozen=True)
class Facts:
    """One top-level entry of a manifest: rows of (name, value)."""

    heading: str
    rows: tuple[tuple[str, str], ...]
    omitted: int
    """Rows left out of the table; they stand in the embedded JSON."""


def facts(manifest: Mapping[str, Any]) -> tuple[Facts, ...]:
    """Flatten a manifest: single entries first, under "General", then each nested one.

    A value system's definition is shown by name and hash; it is long, and the embedded JSON has it.
    """
    general: list[tuple[str, str]] = []
    groups: list[Facts] = []
    for key, value in manifest.items():
        if key == "rows":  # the notes, which stand beside the scores
            continue
        if key == "system" and isinstance(value, Mapping):
            general.extend(_system(cast("Mapping[str, Any]", value)))
        elif isinstance(value, Mapping) or _is_nested(value):
            groups.append(_group(_words(key), list(_walk((), value))))
        else:
            general.append((_words(key), _plain(value)))
    return ((_group("General", general), *groups)) if general else tuple(groups)


def shared(manifests: Sequence[tuple[Facts, ...]]) -> tuple[Facts, ...]:
    """Return the rows that every manifest has alike, in the groups of the first."""
    if len(manifests) < 2:
        return ()
    others = [{(f.heading, row) for f in m for row in f.rows} for m in manifests[1:]]
    common: list[Facts] = []
    for group in manifests[0]:
        rows = tuple(r for r in group.rows if all((group.heading, r) in o for o in others))
        if rows:
            common.append(Facts(group.heading, rows, 0))
    return tuple(common)


def without(manifest: tuple[Facts, ...], common: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """Return a manifest's rows less the common ones."""
    known = {(f.heading, row) for f in common for row in f.rows}
    left = (
        Facts(f.heading, tuple(r for r in f.rows if (f.heading, r) not in known), f.omitted)
        for f in manifest
    )
    return tuple(f for f in left if f.rows or f.omitted)


def script_json(value: Any) -> Markup:
    """Return JSON that can stand inside a script element and means the same to a JSON reader.

    Everything but ASCII is escaped (so are U+2028 and lone surrogates), and `<`, `>` and `&`, so
    that no text can close the element or open a comment. Numbers JSON has no word for become null.
    """
    text = json.dumps(_finite(value), ensure_ascii=True, default=str, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in cast("Sequence[Any]", value)]
    return value


def _group(heading: str, rows: list[tuple[str, str]]) -> Facts:
    return Facts(heading, tuple(rows[:_GROUP_LIMIT]), max(0, len(rows) - _GROUP_LIMIT))


def _system(system: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "value system", str(system.get("name", system.get("id", "")))
    yield "value system, definition hash", digest(dict(system), 16)


def _is_nested(value: Any) -> bool:
    items = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    return any(isinstance(v, Mapping | list | tuple) for v in items)


def _walk(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[Any, Any]", value).items():
            yield from _walk((*path, _words(str(key))), inner)
    elif _is_nested(value):
        for at, inner in enumerate(cast("Sequence[Any]", value), start=1):
            yield from _walk((*path, str(at)), inner)
    else:
        yield " · ".join(path), _plain(value)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        more = f" … and {len(items) - _LIST_LIMIT} more" if len(items) > _LIST_LIMIT else ""
        return ", ".join(_plain(v) for v in items[:_LIST_LIMIT]) + more or "none"
    text, dropped = clip(str(value), _VALUE_LIMIT)
    return f"{text} … ({dropped:,} more characters)" if dropped else text
