"""Whatever a published table holds: a message that begins with the file, or what stands in it."""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuecompass.board.boards import load_board
from valuecompass.errors import InputError
from valuecompass.measure.published import Found, import_table, survey
from valuecompass.measure.published.importing import read_meta
from valuecompass.measure.published.reading import LARGEST
from valuecompass.measure.run import resolve_system

SYSTEM = resolve_system("schwartz")
KEYS = st.sampled_from(("model", "name", "Power", "power", "Security", "data", "", "x", "\u202e"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ROWS = st.fixed_dictionaries(
    {"model": st.text(min_size=1, max_size=5) | VALUES},
    optional={"Power": VALUES, "Security": VALUES},
)
DOCUMENTS = VALUES | st.lists(ROWS, max_size=4) | st.fixed_dictionaries({"data": st.lists(ROWS)})
NAMES = (
    st.text(min_size=1, max_size=12).map(str.strip).filter(lambda name: len(name.splitlines()) == 1)
)
# one scale, so that no two rows are told to be on different ones
NUMBERS = st.one_of(st.none(), st.floats(1.5, 100), st.just(0), st.integers(2, 100))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def read(path: Path) -> Found | None:
    """Survey a table and read it as --meta: a result, or a message that names the file."""
    for reader in (lambda: survey(path, SYSTEM), lambda: read_meta(path)):
        try:
            found = reader()
        except InputError as error:
            assert str(error).startswith(str(path))
        else:
            if isinstance(found, Found):
                assert found.rows and found.dimensions and -LARGEST <= found.low <= found.high
                return found
    return None


@settings(deadline=None, max_examples=150)
@given(document=DOCUMENTS)
def test_any_json_is_read_or_told(folder, document):
    path = folder / "t.json"
    path.write_text(json.dumps(document))
    read(path)


@settings(deadline=None, max_examples=150)
@given(document=DOCUMENTS, at=st.floats(0, 1), data=st.binary(max_size=3), gone=st.integers(0, 3))
def test_damaged_json_is_read_or_told(folder, document, at, data, gone):
    path = folder / "t.json"
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    place = int(at * len(text))
    path.write_bytes(text[:place] + data + text[place + gone :])
    read(path)


@settings(deadline=None, max_examples=100)
@given(document=st.lists(ROWS, min_size=1, max_size=3), at=st.floats(0, 1, exclude_max=True))
def test_json_that_is_cut_is_told(folder, document, at):
    path = folder / "t.json"
    text = json.dumps(document)
    path.write_text(text[: int(at * len(text))])
    assert read(path) is None


@settings(deadline=None, max_examples=150)
@given(
    data=st.binary(max_size=40)
    | st.lists(
        st.lists(
            st.sampled_from(("model", "Power", "a", "0.5", "7", '"', " ", "\n", "", ";", "é")),
            max_size=4,
        ).map(",".join),
        max_size=4,
    ).map(lambda lines: "\n".join(lines).encode()),
    suffix=st.sampled_from((".csv", ".tsv", ".json")),
)
def test_any_bytes_are_read_or_told(folder, data, suffix):
    path = folder / f"t{suffix}"
    path.write_bytes(data)
    read(path)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def as_csv(table: dict[str, list[Any]]) -> str:
    def cell(value: Any) -> str:
        return "" if value is None else repr(float(value))

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    lines = [f"{quoted(name)},{','.join(map(cell, scores))}" for name, scores in table.items()]
    return "\r\n".join(["model," + ",".join(SYSTEM.names), *lines]) + "\r\n"


def as_json(table: dict[str, list[Any]]) -> str:
    return json.dumps(
        {"data": [{"model": n} | dict(zip(SYSTEM.names, s, strict=True)) for n, s in table.items()]}
    )


@settings(deadline=None, max_examples=12)
@given(
    table=st.dictionaries(
        NAMES,
        st.lists(NUMBERS, min_size=10, max_size=10).filter(lambda s: any(v is not None for v in s)),
        min_size=1,
        max_size=5,
    ),
    csv=st.booleans(),
)
def test_a_valid_table_comes_back_bit_for_bit(table, csv):
    async def there_and_back(folder: Path) -> Any:
        path = folder / ("t.csv" if csv else "t.json")
        path.write_text(as_csv(table) if csv else as_json(table), encoding="utf-8", newline="")
        done = await import_table(
            path, SYSTEM, date(2025, 1, 31), workspace=folder / "w", scale=(0, 100)
        )
        return done, await load_board(folder / "w", None, "schwartz")

    with tempfile.TemporaryDirectory() as name:
        done, board = anyio.run(there_and_back, Path(name))
    assert board.respondents == tuple(table) and board.imported and board.draws is None
    assert done.found.missing == int(np.isnan(board.scores).sum())
    for scores, found in zip(table.values(), board.scores, strict=True):
        given_ = dict(zip(SYSTEM.names, scores, strict=True))
        assert all(given_[n] is None for n in set(SYSTEM.names) - set(board.names))
        for name, value in zip(board.names, found.tolist(), strict=True):
            wanted = given_[name]
            assert np.isnan(value) if wanted is None else bits(value) == bits(float(wanted))


@pytest.mark.parametrize(
    "score", [0.29900000000000004, 5e-324, -0.0, 1 / 3, -0.0441, 1e12, sys.float_info.epsilon]
)
@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_awkward_numbers_are_read_exactly(tmp_path, score, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_text(
        f"model,Power\na,{score!r}\n"
        if suffix == ".csv"
        else f'[{{"model":"a","Power":{score!r}}}]'
    )
    assert bits(survey(path, SYSTEM).high) == bits(score + 0.0)  # a database keeps no -0.0
