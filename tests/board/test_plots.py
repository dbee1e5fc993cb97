"""Figures show the measurement's own numbers, mark what is simulated, and save as vectors."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pytest

import valuecompass as vc
from valuecompass.board import plots
from valuecompass.board.comparison import compare
from valuecompass.errors import InputError
from valuecompass.models import Respondent

matplotlib.use("agg")
WHO = [
    Respondent(name="_for $power$ <b>", model="simulated/schwartz?Power=2&Achievement=1.5"),
    Respondent(name="for others", model="simulated/schwartz?Universalism=2&Power=-2&seed=2"),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> vc.Measurements:
    workspace = tmp_path_factory.mktemp("plots") / "ws"
    return vc.run(WHO, ["schwartz"], form="tiny", workspace=workspace)


@pytest.fixture(autouse=True)
def _closed() -> Any:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def _drawn(ax: Any) -> list[tuple[Any, Any, str]]:
    """Return x, y and the face of each series of dots."""
    dots = [line for line in ax.lines if line.get_marker() not in ("", "None", None)]
    return [(line.get_xdata(), line.get_ydata(), line.get_markerfacecolor()) for line in dots]


def _limits(ax: Any) -> list[Any]:
    """Return the ends of the whiskers, series by series."""
    return [np.array(lines.get_segments()) for lines in ax.collections]


def _legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("kind", ["score", "within", "endorsement"])
def test_a_profile_shows_every_score_and_limit(measured: vc.Measurements, kind: str) -> None:
    ax = vc.plot_profile(measured, kind=kind)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    for row, (x, y, face), ends in zip(measured[0].rows, _drawn(ax), _limits(ax), strict=True):
        of_one = [row.dimensions[name] for name in names]
        own = [vars(s) if kind == "score" else s.detail[kind] for s in of_one]
        assert list(x) == [one["score"] for one in own]
        assert ends[:, 0, 0].tolist() == [one["low"] for one in own]
        assert ends[:, 1, 0].tolist() == [one["high"] for one in own]
        assert [round(place) for place in y] == list(range(10))
        assert face == "white"  # simulated
    assert ax.get_xlim() == (0, 100)


def test_a_legend_says_who_is_simulated_and_n_and_nothing_in_a_name_acts(
    measured: vc.Measurements,
) -> None:
    ax = vc.plot_profile(measured)
    assert _legend(ax) == [
        "_for $power$ <b> (simulated), n = 20",
        "for others (simulated), n = 20",
    ]
    assert not any(text.get_parse_math() for text in ax.get_legend().get_texts())
    real = replace(measured[0], rows=tuple(replace(r, simulated=False) for r in measured[0].rows))
    ax = vc.plot_profile(real)
    assert _legend(ax)[1] == "for others, n = 20" and _drawn(ax)[0][2] == plots.COLOURS[0]


def test_missing_is_not_drawn_as_zero(measured: vc.Measurements) -> None:
    row = measured[0].rows[0]
    nothing = replace(row.dimensions["Power"], score=None, low=None, high=None, n=0)
    with_gap = replace(row, dimensions=row.dimensions | {"Power": nothing})
    ax = vc.plot_profile(replace(measured[0], rows=(with_gap,)))
    ((x, _, _),) = _drawn(ax)
    assert [math.isnan(one) for one in x].count(True) == 1


@pytest.mark.anyio
async def test_a_difference_is_what_compare_says(measured: vc.Measurements) -> None:
    workspace = measured[0].workspace
    assert workspace is not None
    told = await compare(workspace, None, "schwartz", [r.name for r in WHO])
    cells = told["pairs"][0]["dimensions"]
    ax = vc.plot_difference(measured, WHO[0].name, WHO[1].name)  # inside this test's loop
    for cell, (x, _, face), ends in zip(cells.values(), _drawn(ax), _limits(ax), strict=True):
        assert x[0] == cell["difference"]
        assert ends[0, :, 0].tolist() == [cell["low"], cell["high"]]
        assert (face != "white") == cell["discovered"]
    ticks = [tick.get_text() for tick in ax.get_yticklabels()]
    assert ticks == [f"{name} (n = {cell['n']})" for name, cell in cells.items()]
    assert "(simulated)\nless for others (simulated)" in ax.get_title()
    turned = vc.plot_difference(measured, WHO[1].name, WHO[0].name)
    assert [x[0] for x, _, _ in _drawn(turned)] == [-x[0] for x, _, _ in _drawn(ax)]


def test_a_circle_shows_the_trade_off_scale_in_the_theorys_order(
    measured: vc.Measurements,
) -> None:
    ax = vc.plot_circle(measured)
    names = [tick.get_text() for tick in ax.get_xticklabels()]
    assert names == list(vc.builtin_system("schwartz").circle)
    for row, (_, radius, _) in zip(measured[0].rows, _drawn(ax), strict=True):
        assert list(radius) == [row.dimensions[n].detail["within"]["score"] for n in names]
    assert "Trade-off scale" in ax.get_title()


def test_a_failed_judge_is_said_where_it_judged(measured: vc.Measurements) -> None:
    gate = {"status": "failed", "reason": "no better than chance"}
    weak = replace(measured[0], manifest=measured[0].manifest | {"judge_gate": gate})
    assert vc.plot_profile(weak).get_title().startswith("Demonstration")
    assert not vc.plot_circle(weak).get_title().startswith("Demonstration")
    assert not vc.plot_profile(measured).get_title().startswith("Demonstration")


def test_found_texts_are_said_to_be_so(tmp_path: Any) -> None:
    path = tmp_path / "chats.jsonl"
    talk = '{{"model": "{0}", "messages": [{{"role": "user", "content": "Of {0}?"}}, {1}]}}\n'
    said = '{"role": "assistant", "content": "Whoever is strongest should command."}'
    path.write_text("".join(talk.format(name, said) for name in "ab"))
    found = vc.profile(path, "schwartz", workspace=tmp_path / "ws")  # one alone is a list of one
    assert "observational" in vc.plot_profile(found, respondents="a").get_title()
    with pytest.raises(InputError, match="a and b answered no item in common"):
        vc.plot_difference(found, "a", "b")
    table = vc.table(found).to_pydict()
    assert set(table["observational"]) == {True}


def test_measured_ones_are_not(measured: vc.Measurements) -> None:
    assert "observational" not in vc.plot_profile(measured).get_title()
    assert set(vc.table(measured).to_pydict()["observational"]) == {False}


def test_they_draw_where_they_are_told_and_save_as_vectors(measured: vc.Measurements) -> None:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    assert vc.plot_profile(measured, ax=left) is left
    assert vc.plot_difference(measured, WHO[0].name, WHO[1].name, ax=right) is right
    for kind, head in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        out = io.BytesIO()
        figure.savefig(out, format=kind)
        assert out.getvalue().startswith(head)
    with plt.rc_context({"svg.fonttype": "none"}):
        out = io.BytesIO()
        figure.savefig(out, format="svg")
    assert "_for $power$ &lt;b&gt; (simulated)" in out.getvalue().decode()


def test_what_cannot_be_drawn_is_said(measured: vc.Measurements) -> None:
    import matplotlib.pyplot as plt

    with pytest.raises(InputError, match=r"choose one: \[0\] of schwartz, \[1\] of"):
        vc.plot_profile([measured[0], measured[0]])
    with pytest.raises(InputError, match="nobody: not in this measurement; there are: _for"):
        vc.plot_profile(measured, respondents=["nobody"])
    with pytest.raises(InputError, match=r"respondents=\[\]: name at least one; there are: _for"):
        vc.plot_profile(measured, respondents=[])
    with pytest.raises(InputError, match=r"kind='evr': nothing of this kind .* there are: score, "):
        vc.plot_profile(measured, kind="evr")
    with pytest.raises(InputError, match="give polar axes"):
        vc.plot_circle(measured, ax=plt.subplots()[1])
    row = measured[0].rows[0]
    many = tuple(replace(row, respondent=f"model {n}") for n in range(9))
    with pytest.raises(InputError, match="tells 8 respondents apart, not 9"):
        vc.plot_profile(replace(measured[0], rows=many))
    manifest = measured[0].manifest
    flat = manifest | {"system": manifest["system"] | {"circle": []}}
    with pytest.raises(InputError, match="schwartz has no circular order"):
        vc.plot_circle(replace(measured[0], manifest=flat))


def test_without_matplotlib_the_extra_is_named(
    measured: vc.Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(InputError, match=r"pip install 'valuecompass\[notebook\]'"):
        vc.plot_profile(measured)
