"""Tables in memory are those of the study's files, and measurements show as tables."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import valuecompass as vc
from tests.measure.study_examples import HOSTILE_NAME
from valuecompass.errors import InputError
from valuecompass.measure.study.tables import codebook
from valuecompass.models import Respondent

WHO = [
    Respondent(name=HOSTILE_NAME, model="simulated/schwartz?Power=1.5"),
    Respondent(name="<script>alert(1)</script>\u202e", model="simulated/schwartz?seed=2"),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> vc.Measurements:
    workspace = tmp_path_factory.mktemp("frame") / "ws"
    return vc.run(WHO, ["schwartz"], form="tiny", workspace=workspace)


def test_every_table_is_that_of_the_parquet_export(
    measured: vc.Measurements, tmp_path: Path
) -> None:
    workspace = measured[0].workspace
    assert workspace is not None
    vc.export_study(tmp_path / "study", workspace=workspace)
    for name in codebook()[0]:
        expected = pq.read_table(tmp_path / "study" / f"{name}.parquet")
        for source in (measured, measured[0], workspace, str(workspace)):
            found = vc.table(source, name)  # type: ignore[arg-type]
            assert isinstance(found, pa.Table)
            assert found.equals(expected) and found.schema.equals(expected.schema, True), name
    assert vc.table(measured).num_rows == vc.table(measured, "scores").num_rows > 0


def test_a_table_may_have_no_rows() -> None:
    from valuecompass.measure.study.tables import MemorySink

    sink = MemorySink(codebook()[0]["verdicts"])
    sink.close()
    assert sink.table.num_rows == 0
    assert sink.table.column_names == [c.name for c in codebook()[0]["verdicts"].columns]


def test_the_types_in_pandas_are_those_the_page_promises(measured: vc.Measurements) -> None:
    scores = vc.table(measured).to_pandas()
    assert {name: str(scores[name].dtype) for name in ("respondent", "estimate", "n")} == {
        "respondent": "str",
        "estimate": "float64",
        "n": "int64",
    }
    assert str(scores["simulated"].dtype) == "bool"
    assert str(scores["created"].dtype) == "datetime64[us, UTC]"
    readings = vc.table(measured, "readings").to_pandas()
    assert str(readings["rating"].dtype) == "float64"  # an integer that may be missing
    assert readings["rating"].isna().any()


def test_the_numbers_are_the_measurements(measured: vc.Measurements) -> None:
    scores = vc.table(measured).to_pandas()
    wide = scores[scores["kind"] == "score"].pivot(
        index="dimension", columns="respondent", values="estimate"
    )
    for row in measured[0].rows:
        assert wide[row.respondent].to_dict() == {n: s.score for n, s in row.dimensions.items()}
    responses = vc.table(measured, "responses").to_pandas()
    verdicts = vc.table(measured, "verdicts").to_pandas()
    joined = verdicts.merge(responses, on=["measurement", "respondent", "item", "repeat"])
    assert len(joined) == len(verdicts) > 0
    assert isinstance(joined, pd.DataFrame)


def test_what_cannot_be_given_is_said(measured: vc.Measurements, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no table 'score'; there are: scores, responses"):
        vc.table(measured, "score")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no measurements here yet"):
        vc.table(tmp_path)
    with pytest.raises(InputError, match="there is no measurement in what was given"):
        vc.table([])
    elsewhere = replace(measured[0], workspace=tmp_path)
    with pytest.raises(InputError, match="measurements of one workspace"):
        vc.table([measured[0], elsewhere])
    with pytest.raises(InputError, match="measurements of one workspace"):
        vc.table(replace(measured[0], workspace=None))


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert not attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_shows_a_table_in_which_no_name_acts(measured: vc.Measurements) -> None:
    assert vc.Measurements()._repr_html_() is None
    html = measured._repr_html_()
    assert html is not None
    shown = _Tags(html)
    assert set(shown.tags) <= {
        *("div", "strong", "bdi", "small", "br", "em"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert "<script>alert(1)</script>" in shown.text and "\u202e" not in html
    assert shown.tags.count("tr") == 11 and shown.text.count("simulated") >= 2
    score = measured[0].rows[0].dimensions["Power"]
    assert score.score is not None and score.low is not None and score.high is not None
    line = re.search(r"<tr><th><bdi>Power</bdi></th>(.*?)</tr>", html)
    assert line and f"<td>{score.score:.0f} <small>[{score.low:.0f}–" in line[1]
    assert html == measured[0]._repr_html_()


def test_a_measurement_names_itself_in_one_line(measured: vc.Measurements) -> None:
    said = repr(measured[0])
    assert said.startswith(f"<Measurement {measured[0].id}: schwartz, ")
    assert "\u202e" not in said and len(said) < 300


def test_paths_may_be_texts(tmp_path: Path) -> None:
    settings = vc.Settings(items="a.jsonl", roster="r.toml", workspace=str(tmp_path))  # type: ignore[arg-type]
    assert settings.items == Path("a.jsonl") and settings.roster == Path("r.toml")
    assert settings.workspace == tmp_path and settings.calibration is None
