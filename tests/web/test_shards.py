"""Files of an export have one name for who writes and who asks; one list holds the page to it."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.web.shards import Wanted

FIXTURE = Path(__file__).parents[2] / "frontend/src/state/shard.fixture.json"
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/meta", {}),
    ("/boards/{system}", {"system": "schwartz", "date": None}),
    ("/boards/{system}", {"system": "schwartz", "date": "2026-01-01"}),
    ("/boards/{system}/scores.{kind}", {"system": "safety", "kind": "csv"}),
    ("/boards/{system}/scores.{kind}", {"system": "safety", "kind": "csv", "date": "2026-01-01"}),
    ("/respondents/{name}", {"name": "../../Ärger <img src=x> 价值.csv", "system": "schwartz"}),
    ("/respondents/{name}", {"name": "A" * 90}),
    ("/respondents/{name}", {"name": "{system}", "system": "x~y=z&a_b%20"}),
    ("/cases", {"b": ["two", "One"], "a": 5, "c": True, "empty": "", "f": 0.5, "g": 2.0}),
)


def _fixture() -> list[dict[str, Any]]:
    return [{"path": p, "params": q, "file": Wanted(p, q).shard()} for p, q in CASES]


def test_the_fixture_of_the_page_is_what_python_names() -> None:
    assert json.loads(FIXTURE.read_text(encoding="utf-8")) == _fixture(), (
        "write it anew: python -m tests.web.test_shards"
    )


@given(st.text(), st.text())
def test_no_value_leaves_the_folder_or_makes_a_name_too_long(name: str, other: str) -> None:
    shard = Wanted("/respondents/{name}", {"name": name or "x", "q": other}).shard()
    assert shard.isascii()
    parts = PurePosixPath(shard).parts
    assert parts[0] == "respondents"
    assert not any(part.startswith(".") for part in parts)
    assert max(len(part.encode()) for part in parts) <= 255


@given(
    st.dictionaries(st.sampled_from("ab"), st.text(min_size=1), min_size=2),
    st.dictionaries(st.sampled_from("ab"), st.text(min_size=1), min_size=2),
)
def test_different_documents_have_different_names(one: dict[str, str], two: dict[str, str]) -> None:
    names = {Wanted("/x/{a}", params).shard().casefold() for params in (one, two)}
    assert len(names) == (1 if one == two else 2)


def test_an_address_is_what_a_server_is_asked() -> None:
    wanted = Wanted("/respondents/{name}", {"name": "a/b?c", "z": "1 &2", "d": ["x", "y"]})
    assert wanted.address() == "/respondents/a%2Fb%3Fc?d=x&d=y&z=1+%262"


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(_fixture(), indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_keep_their_suffix(suffix: str) -> None:
    params = {"kind": suffix, "date": "2026-01-01"}
    assert Wanted("/s.{kind}", params).shard() == f"s~date=2026-01-01.{suffix}"
