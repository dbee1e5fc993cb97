"""A data set of the hub is read with `datasets`; a folder in the hub's layout stands for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.align.test_data import PKU, as_jsonl, as_parquet
from valuecompass.align.train.sources import hub_part
from valuecompass.errors import InputError

pytestmark = pytest.mark.train


def test_a_split_is_loaded_with_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "set" / "data").mkdir(parents=True)
    as_parquet(tmp_path / "set" / "data" / "train-00000-of-00001.parquet", PKU[:2])
    as_parquet(tmp_path / "set" / "data" / "test-00000-of-00001.parquet", PKU[2:3])
    part = hub_part(str(tmp_path / "set"), "test", None)
    assert set(PKU[0]) == set(part.columns)
    assert list(part.rows) == [(1, PKU[2])]
    with pytest.raises(InputError, match=r"split dev: cannot be loaded: Unknown split"):
        hub_part(str(tmp_path / "set"), "dev", None)


def test_what_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"nobody/nothing: split train: cannot be loaded"):
        hub_part("nobody/nothing", "train", None)
    as_jsonl(tmp_path / "x.jsonl", PKU[:1])
