"""Names of documents in an export: the same for the page that asks and the command that writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

Value = str | int | float | bool | Sequence[str] | None
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_LONGEST = 200
"""Characters of one part of a name; file systems take 255 bytes."""
_FILES = (".csv", ".parquet")
"""Paths that name a file by themselves; all others are JSON."""


@dataclass(frozen=True)
class Wanted:
    """A document that an export holds.

    path: as in the OpenAPI document, without ``/api/v1``: ``/boards/{system}``.
    params: fill the places of the path, and the query; None and "" are left out.
    maybe: a system or day need not have it; then an export does not, either.
    """

    path: str
    params: Mapping[str, Value] = field(default_factory=dict[str, Value])
    maybe: bool = False

    def address(self) -> str:
        """Return path and query, as a server is asked."""
        path, query = self._filled(lambda text: quote(text, safe=""))
        return f"{path}?{urlencode(query)}" if query else path

    def shard(self) -> str:
        """Return the file under ``api/v1`` in an export, as `state/shard.ts` does.

        Names are lower-case letters, digits, ``-``, and the code point of whatever is neither, so
        that every file system takes them and no name of a respondent can leave the folder.
        """
        path, query = self._filled(plain)
        suffix = next((suffix for suffix in _FILES if path.endswith(suffix)), "")
        name = path.removeprefix("/").removesuffix(suffix)
        name += "".join(f"~{key}={plain(text)}" for key, text in query)
        return "/".join(_pieces(part) for part in name.split("/")) + (suffix or ".json")

    def _filled(self, written: Callable[[str], str]) -> tuple[str, list[tuple[str, str]]]:
        path, query = self.path, list[tuple[str, str]]()
        for name, value in sorted(self.params.items()):
            if value is None or value == "":
                continue
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", written(_text(value)))
            elif isinstance(value, str | int | float):
                query.append((name, _text(value)))
            else:
                query += [(name, one) for one in value]
        return path, query


def plain(text: str) -> str:
    """Return a text as part of a file's name."""
    return "".join(c if c in _PLAIN else f"_{ord(c):x}_" for c in text)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():  # JavaScript has one kind of number
        value = int(value)
    return str(value)


def _pieces(part: str) -> str:
    """Break a long part into folders."""
    return "/".join(part[at : at + _LONGEST] for at in range(0, len(part), _LONGEST))
