"""Column types that keep long texts and bodies compressed, and read plain ones as well.

A value that deflate makes smaller is kept as bytes: one byte for the format, then raw deflate with
a preset dictionary, without which texts of a hundred words would hardly shrink. SQLite takes bytes
in any column, so that rows of older versions stay as they are. PostgreSQL compresses long values
itself and gets them plain.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from sqlalchemy import JSON, Dialect, Text, TypeDecorator

SHORTEST = 200
"""Characters from which on packing is tried: what it costs is more than short values save."""
FORMAT = b"\x01"
_BITS = -15
_WORDS = (
    "however therefore although everyone something without between because against important "
    "people should could would there their about which these those where while other after "
    "before think first never every right world value human only more than that they them then "
    "what when will with from have been were does into just like make many most much must need "
    "over same some such take very want well your also and are but can for has her him his how "
    "its may not our out she the this too two use was way who why you is it in of to a I "
    " of the  in the  to the  for the  and the  on the  it is  that the  with a  is a  to be  can "
    "be  should be  I think  for example  as well as \n\n1. \n2. \n3. \nStance: yes neutral no"
)
_VERDICT = (
    '[{"part": 1, "dimension": "", "expressed": null, "missing": "the judge", "note": "", '
    '"votes": [1.0, 0.0]}, {"part": 2, "dimension": "", "expressed": 1.0, "valence": -1.0, '
    '"confidence": 0.5, "start": 10, "end": 100}, {"part": 0, "dimension": "", "expressed": 0.95, '
    '"valence": 1.0, "confidence": 0.85, "start": 20, "end": 210}, {"part": 0, "dimension": "", '
    '"expressed": 0.0, "valence": 0.0, "confidence": 0.9}, {"part": 1, "dimension": "'
)
DICTIONARY = (_WORDS + _VERDICT).encode()
"""Part of the format: another dictionary needs another first byte, or stored values are lost."""


def pack(text: str) -> str | bytes:
    """Return what a text is kept as: bytes where that is shorter, else the text itself."""
    if len(text) < SHORTEST:
        return text
    plain = text.encode("utf-8", "surrogatepass")
    deflate = zlib.compressobj(6, zlib.DEFLATED, _BITS, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    packed = FORMAT + deflate.compress(plain) + deflate.flush()
    return packed if len(packed) < len(plain) else text


def unpack(kept: str | bytes) -> str:
    """Return the text that was packed; a plain one is returned as it is.

    Raises:
        ValueError: bytes of a format that this version does not know, or damaged ones.
    """
    if isinstance(kept, str):
        return kept
    if kept[:1] != FORMAT:
        raise ValueError(f"a stored value has the unknown format {kept[:1]!r}")
    inflate = zlib.decompressobj(_BITS, DICTIONARY)
    try:
        plain = inflate.decompress(kept[1:])
    except zlib.error as error:
        raise ValueError(f"a stored value is damaged: {error}") from None
    if not inflate.eof:
        raise ValueError("a stored value is damaged: it ends too early")
    return plain.decode("utf-8", "surrogatepass")


class PackedText(TypeDecorator[str]):
    """A text that is kept packed where that is shorter."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Pack for SQLite."""
        return value if value is None or dialect.name != "sqlite" else pack(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unpack; PostgreSQL's are plain."""
        return None if value is None else unpack(value)


class PackedJSON(TypeDecorator[Any]):
    """A JSON document whose text is kept packed where that is shorter."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """Pack for SQLite, where a JSON column is a text."""
        return super().bind_processor(dialect) if dialect.name != "sqlite" else _packed_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Unpack; PostgreSQL's are plain."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return _unpacked_json


def _packed_json(value: Any) -> str | bytes:
    return pack(json.dumps(value))


def _unpacked_json(value: str | bytes | None) -> Any:
    return None if value is None else json.loads(unpack(value))
