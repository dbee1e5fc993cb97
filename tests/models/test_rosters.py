"""The rosters that come along hold together: names, prices, providers, dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from inspect_ai._util.registry import registry_find, registry_info

from valuecompass.errors import InputError
from valuecompass.models import parse_roster, price_of
from valuecompass.models.batching import PACKAGES, has_batches, why_no_batch
from valuecompass.models.spec import ROSTERS, Price, Respondent

ROSTER = parse_roster(Path("current"))


def test_it_has_as_many_models_and_developers_as_promised() -> None:
    assert len(ROSTER) >= 33
    assert len({r.developer for r in ROSTER}) >= 10
    assert {r.openness for r in ROSTER} >= {"open", "closed"}
    assert len({r.model for r in ROSTER}) == len({r.name for r in ROSTER}) == len(ROSTER)


def test_every_price_has_a_day_and_a_source() -> None:
    for r in ROSTER:
        assert r.price is not None and r.checked is not None and r.source is not None, r.name
        assert r.price.output >= r.price.input > 0, r.name
        assert r.source.startswith("https://") and r.checked >= (r.released or date.min), r.name
        assert r.context is not None and r.context >= 8_192, r.name
        assert r.max_output is None or r.max_output <= r.context, r.name
        # a batch price of a provider that we cannot ask in batches would promise a saving
        assert r.price.batch is None or has_batches(r.model), r.name


def test_inspect_knows_every_provider() -> None:
    known = {registry_info(o).name.removeprefix("inspect_ai/") for o in registry_find(_is_provider)}
    assert {r.provider for r in ROSTER} <= known
    assert set(PACKAGES) <= known


def _is_provider(info: object) -> bool:
    return getattr(info, "type", None) == "modelapi"


def test_a_listed_model_has_its_price_wherever_it_is_named() -> None:
    listed = next(r for r in ROSTER if r.model == "openai/gpt-6-luna")
    named = Respondent(name="x", model=listed.model)
    assert price_of(named) == listed.price
    own = Price(input=9, output=9)
    assert price_of(named.model_copy(update={"price": own})) == own


def test_a_batch_costs_its_share() -> None:
    assert Price(input=2, output=10, batch=0.8).in_batch.usd(1e6, 1e6) == pytest.approx(9.6)
    assert Price(input=2, output=10).in_batch.usd(1e6, 1e6) == 12


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("openai/gpt-6-luna", None),
        ("openai/azure/gpt-6-luna", "openai/azure has no batches"),
        ("openai-api/mock/x", "openai-api/mock has no batches"),
        ("embedded/x", "embedded has no batches"),
    ],
)
def test_who_has_batches_is_said(model: str, why: str | None) -> None:
    assert why_no_batch(model) == why


def test_a_file_of_that_name_goes_first_and_another_name_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(parse_roster(Path(ROSTERS[0]))) == len(ROSTER)
    Path("current").write_text('[[respondents]]\nmodel = "openai/mine"\n')
    assert [r.model for r in parse_roster(Path("current"))] == ["openai/mine"]
    with pytest.raises(InputError):
        parse_roster(Path("currant"))


def test_a_folder_of_that_name_does_not_hide_the_roster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_roster(Path("current"))
