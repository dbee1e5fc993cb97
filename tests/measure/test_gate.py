"""The gate finds a planted change, asks no more than needed, and compares like with like."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.board.measured import TRAITS, dated, item_file, level, likert_items, measured, rated
from tests.measure.helpers import MODEL, Command, Said, count, once_each, rows
from tests.support.mock_provider import MockProvider
from valuecompass import values
from valuecompass.board.gate_report import junit, markdown
from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.measure.gate import LEAST_SD, Gated, Shift, Watched
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run
from valuecompass.stats import Interval
from valuecompass.stats.sequential import SequentialMean

DAY = "2026-01-05"
OF_EACH = 30
ITEMS = likert_items(OF_EACH, TRAITS[:2])
HOSTILE = "\x1b[31m[x](javascript:1)\u202e\"'<b>&|`*_# ]]>\x07\nend"
KEYS = {
    *("status", "respondent", "system", "baseline", "occasion", "max_shift", "alpha", "items"),
    *(
        "items_of_form",
        "requests",
        "requests_of_form",
        "refused",
        "refused_at_baseline",
        "dimensions",
    ),
}


def planted(folder: Path, label: str, **scores: float) -> str:
    """Return the argument of -m for a simulated respondent whose file may be planted anew."""
    path = folder / "respondent.toml"
    told = ", ".join(f"{name} = {score}" for name, score in scores.items())
    path.write_text(f"label = {json.dumps(label)}\nseed = 3\nscores = {{ {told} }}\n")
    return f"simulated/big-five@file={path}"


def baseline(folder: Path, label: str, **scores: float) -> Measurement:
    file = item_file(folder, ITEMS)
    model = planted(folder, label, **scores)
    (found,) = run([model], ["big-five"], items=file, form="tiny", workspace=folder / "ws")
    dated(folder / "ws", found, DAY)
    return found


def gated(cli: Command, folder: Path, model: str, *more: object, day: str = DAY) -> Said:
    return cli(
        *("gate", "-m", model, "--baseline", day, "-s", "big-five", "--form", "tiny"),
        *("--items", folder / "items.jsonl", "-w", folder / "ws"),
        *more,
    )


def document(said: Said) -> dict[str, Any]:
    found = json.loads(said.out, parse_constant=pytest.fail)
    assert set(found) == KEYS and not set("\x1b\x07\u202e") & set(said.out)
    return found


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    baseline(folder, HOSTILE, Openness=-1.5)
    return folder


def test_a_planted_change_is_found_where_it_was_planted(before: Path, cli: Command) -> None:
    model = planted(before, HOSTILE, Openness=2.0)
    files = ("--junit", before / "gate.xml", "--summary", before / "gate.md")
    said = gated(cli, before, model, *files, "--occasion", "changed", "--json")
    assert said.code == 1, said.err
    found = document(said)
    assert (found["status"], found["respondent"]) == ("drift", HOSTILE)
    assert found["baseline"]["date"] == DAY and found["occasion"] == "changed"
    assert found["max_shift"] == {"size": 0.2, "unit": "sd"} and found["alpha"] == 0.05
    openness, other = found["dimensions"].values()
    assert list(found["dimensions"]) == list(TRAITS[:2])  # what nobody was asked is not watched
    assert openness["status"] == "drift" and other["status"] != "drift"
    assert openness["limit"] < openness["low"] <= openness["shift"] <= openness["high"]
    assert openness["shift"] > 30 and openness["n"] + other["n"] == found["items"]
    assert found["requests"] == found["items"] < found["requests_of_form"] == 2 * OF_EACH
    assert found["items_of_form"] == 2 * OF_EACH

    suite = ElementTree.parse(before / "gate.xml").getroot()
    cases = {case.attrib["name"]: case for case in suite}
    assert suite.tag == "testsuite" and list(cases) == list(TRAITS[:2])
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    assert [n for n, case in cases.items() if case.find("failure") is not None] == ["Openness"]
    assert (cases[TRAITS[1]].find("skipped") is not None) == (other["status"] == "undecided")
    assert int(suite.attrib["skipped"]) == len(suite.findall(".//skipped"))

    said = gated(cli, before, model, "--occasion", "changed")
    assert said.code == 1 and "has drifted since 2026-01-05" in " ".join(said.out.split())
    assert "Openness" in said.out and "drifted" in said.out


def pieces(token: Token) -> list[Token]:
    return [*(token.children or ()), *([token] if token.type.startswith("html") else ())]


def test_what_a_name_holds_does_not_act(before: Path, cli: Command) -> None:
    """Control characters, markup and quotes of names, in every output."""
    model = planted(before, HOSTILE, Openness=2.0)
    files = ("--junit", before / "gate.xml", "--summary", before / "gate.md")
    occasion = ("--occasion", HOSTILE)
    said = gated(cli, before, model, *files, *occasion)
    xml, text = ((before / name).read_text() for name in ("gate.xml", "gate.md"))
    for shown in (said.out, said.err, xml, text):
        assert not set("\x1b\x07\u202e") & set(shown)
    case = ElementTree.fromstring(xml)[0]
    assert case.attrib["classname"].startswith("␛[31m[x](javascript:1)⟦U+202E⟧\"'<b>&|`*_# ]]>␇")
    parts = [part for token in MarkdownIt().enable("table").parse(text) for part in pieces(token)]
    assert {part.type for part in parts} <= {
        "text",
        "code_inline",
        "softbreak",
        "strong_open",
        "strong_close",
    }
    shown = "␛[31m[x](javascript:1)⟦U+202E⟧\"'<b>&|`*_# ]]>␇ end"
    codes = [part.content for part in parts if part.type == "code_inline"]
    assert codes[:2] == [shown, shown] and len(codes) == 3
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 2 + 2
    assert document(gated(cli, before, model, *occasion, "--json"))["occasion"] == HOSTILE


def test_without_a_change_none_is_found(before: Path, cli: Command) -> None:
    model = planted(before, HOSTILE, Openness=-1.5)
    said = gated(cli, before, model, "--occasion", "same", "--json")
    found = document(said)
    assert said.code == 0 and found["status"] == "undecided"  # .2 sd need many more items
    assert found["items"] == found["items_of_form"] == 2 * OF_EACH
    for one in found["dimensions"].values():
        assert one["low"] < 0 < one["high"] and one["n"] == OF_EACH
    said = gated(cli, before, model, "--occasion", "same")
    assert said.code == 0 and "60 of 60 items" in said.err
    assert "shows no drift, but the form is too short" in " ".join(said.out.split())


def test_no_drift_is_shown_when_large_shifts_are_excluded(before: Path, cli: Command) -> None:
    model = planted(before, HOSTILE, Openness=-1.5)
    said = gated(
        *(cli, before, model, "--max-shift", "60", "--occasion", "same", "--json"),
        *("--junit", before / "steady.xml"),
    )
    found = document(said)
    assert said.code == 0 and found["status"] == "steady"
    assert found["max_shift"] == {"size": 60, "unit": "points"}
    assert found["items"] < found["items_of_form"]
    for one in found["dimensions"].values():
        assert -60 < one["low"] <= one["shift"] <= one["high"] < 60 and one["limit"] == 60
    suite = ElementTree.parse(before / "steady.xml").getroot()
    assert suite.attrib["failures"] == suite.attrib["skipped"] == "0" and not suite.findall("*/*")


@pytest.fixture
def mocked(mock_provider: MockProvider, tmp_path: Path) -> tuple[MockProvider, Path]:
    """A baseline of the mock provider's model, and the provider counting anew."""
    file = item_file(tmp_path, ITEMS)
    how: dict[str, Any] = {"items": file, "form": "tiny", "workspace": tmp_path / "ws"}
    (found,) = run([MODEL], ["big-five"], **how)
    dated(tmp_path / "ws", found, DAY)
    assert mock_provider.stats()["requests"] == 2 * OF_EACH
    mock_provider.reset()
    return mock_provider, tmp_path


def test_an_occasion_is_asked_once(mocked: tuple[MockProvider, Path], cli: Command) -> None:
    mock, folder = mocked
    first = document(gated(cli, folder, MODEL, "--json"))
    assert first["occasion"] == datetime.now(UTC).date().isoformat()
    assert mock.stats()["requests"] == first["requests"] > 0 and once_each(mock)
    assert document(gated(cli, folder, MODEL, "--json")) == first
    assert mock.stats()["requests"] == first["requests"]
    other = document(gated(cli, folder, MODEL, "--occasion", "other", "--json"))
    assert mock.stats()["requests"] == first["requests"] + other["requests"]
    assert count(folder / "ws", "measurements") == 1  # a gate publishes nothing


def test_it_goes_on_after_the_budget(mocked: tuple[MockProvider, Path], cli: Command) -> None:
    mock, folder = mocked
    how = ("--occasion", "x", "--json")
    said = gated(cli, folder, MODEL, "--max-calls", 11, *how)
    assert said.code == 3 and not said.out and "budget reached" in said.err
    assert mock.stats()["requests"] == 11
    assert gated(cli, folder, MODEL, "--max-calls", 11, *how).code == 3
    assert mock.stats()["requests"] == 11
    found = document(gated(cli, folder, MODEL, "--max-calls", 500, *how))
    assert mock.stats()["requests"] == found["requests"] and once_each(mock)
    # another occasion has an account of its own
    assert gated(cli, folder, MODEL, "--occasion", "y", "--max-calls", 11).code == 3
    assert mock.stats()["requests"] == found["requests"] + 11


def test_what_was_measured_otherwise_is_refused(before: Path, cli: Command, tmp_path: Path) -> None:
    model = planted(before, HOSTILE, Openness=-1.5)
    requests = count(before / "ws", "responses")
    other = item_file(tmp_path, likert_items(3), "other.jsonl")
    for arguments, said in (
        (("--items", other), "form: not as in the baseline"),
        (("--judge", "local-nearest"), "judge: not as in the baseline"),
        (("-s", "safety"), "was not measured on safety then"),
        (("--baseline", "2026-01-06"), f"of our own are of: {DAY}"),
        (("--baseline", "soon"), "--baseline soon: neither a day"),
        (("-m", "simulated/big-five?Openness=1"), "was not measured on big-five then"),
        (("--max-shift", "0.2 percent"), "--max-shift 0.2 percent: expected 0.2sd"),
        (("--max-shift", "0"), "--max-shift 0: expected 0.2sd, or points such as 5"),
        (("--form", "nothing"), "--form nothing"),
        (("-w", tmp_path / "none"), "no measurements here yet"),
    ):
        found = gated(cli, before, model, *arguments)
        assert found.code == 2 and not found.out and said in found.err, arguments
        assert found.err.startswith("valuecompass: ") and "\x1b" not in found.err
    assert "--form or --items" in gated(cli, before, model, "--items", other).err
    (file := tmp_path / "file").write_text("")
    for path in (tmp_path, file / "gate.xml"):  # told before anything is asked
        said = gated(cli, before, model, "--junit", path)
        assert said.code == 2 and "cannot be written" in said.err
    assert count(before / "ws", "responses") == requests


def test_a_value_system_of_ones_own_may_be_gated(tmp_path: Path, cli: Command) -> None:
    theory = tmp_path / "mine.toml"
    text = (Path(values.__file__).parent / "systems" / "big-five.toml").read_text()
    theory.write_text(text.replace('id = "big-five"', 'id = "mine"'))
    items = [
        Item(
            kind="likert",
            system="mine",
            text=i.text,
            dimensions=i.dimensions,
            keying=1,
            scale=(1, 6),
        )
        for i in likert_items()
    ]
    file = item_file(tmp_path, items)
    model = rated(tmp_path, "a", level(2, 3, 4, 5, 6), items).model
    more = ["-s", theory, "--items", file, "-w", tmp_path / "ws"]
    assert cli("run", "-m", model, *more).code == 0
    day = datetime.now(UTC).date().isoformat()
    said = cli("gate", "-m", model, *more, "--baseline", day, "--occasion", "x", "--json")
    assert said.code == 0, said.err
    assert [one["shift"] for one in document(said)["dimensions"].values()] == [0] * 5


def test_the_baselines_own_answers_are_no_comparison(tmp_path: Path, cli: Command) -> None:
    items = likert_items(4, TRAITS[:1])
    found = measured(tmp_path, {"a": level(3)}, items=items, occasion="today", day=DAY)
    model = recorded(found)
    (tmp_path / "r.toml").write_text('label = "a"\n')
    said = gated(cli, tmp_path, f"{model}@file={tmp_path / 'r.toml'}", "--occasion", "today")
    assert said.code == 2 and "--occasion today: that is the baseline's own" in said.err


def recorded(measurement: Measurement) -> str:
    return measurement.manifest["respondents"][0]["model"]


def test_who_has_no_scores_in_the_baseline_is_refused(tmp_path: Path, cli: Command) -> None:
    items = likert_items(4, TRAITS[:1])
    found = measured(tmp_path, {"a": {}, "b": level(3)}, items=items, day=DAY)
    (tmp_path / "r.toml").write_text('label = "a"\n')
    said = gated(cli, tmp_path, f"{recorded(found)}@file={tmp_path / 'r.toml'}")
    assert said.code == 2 and "-m a: no scores in the baseline" in said.err


def test_only_items_with_a_value_of_its_own_are_asked(tmp_path: Path, cli: Command) -> None:
    items = likert_items(8, TRAITS[:2])
    half = {TRAITS[0]: level(3)[TRAITS[0]], TRAITS[1]: [None] * 8}
    found = measured(tmp_path, {"a": half, "b": level(3, 3, of_each=8)}, items=items, day=DAY)
    (tmp_path / "r.toml").write_text('label = "a"\n')
    said = gated(cli, tmp_path, f"{recorded(found)}@file={tmp_path / 'r.toml'}", "--json")
    gate = document(said)
    assert gate["items_of_form"] == 4 and list(gate["dimensions"]) == [TRAITS[0]]
    assert gate["dimensions"][TRAITS[0]]["shift"] == 0


def test_who_refuses_everything_does_not_pass(tmp_path: Path, cli: Command) -> None:
    items = likert_items(4, TRAITS[:1])
    found = measured(tmp_path, {"a": level(3)}, items=items, day=DAY)
    path = Path(recorded(found).removeprefix("recorded/"))
    silent = rated(tmp_path, "a", {}, items)
    path.write_text(Path(silent.model.removeprefix("recorded/")).read_text())
    (tmp_path / "r.toml").write_text('label = "a"\n')
    said = gated(cli, tmp_path, f"{recorded(found)}@file={tmp_path / 'r.toml'}")
    assert said.code == 2 and "none of 4 answers could be compared with the baseline" in said.err
    refused = "select count(*) from responses where text like 'I%m sorry%'"
    assert rows(tmp_path / "ws", refused) == [(4,)]


@pytest.mark.parametrize(
    ("text", "size", "unit"),
    [("0.2sd", 0.2, "sd"), (" .5 sd ", 0.5, "sd"), ("5", 5, "points"), ("2.", 2, "points")],
)
def test_shifts_are_read(text: str, size: float, unit: str) -> None:
    assert Shift.parse(text) == Shift(size, unit)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("text", ["", "sd", "-1", "0", "0.0sd", "1e3", "5 points", "nan", "1,5"])
def test_other_shifts_are_told(text: str) -> None:
    with pytest.raises(InputError, match=r"--max-shift .*: expected 0.2sd, or points such as 5"):
        Shift.parse(text)


def test_a_limit_in_sd_follows_the_spread_of_the_items() -> None:
    values = np.array([[0.0, 0.5, np.nan], [1.0, 0.5, 0.2], [0.0, 0.5, 0.6], [1.0, 0.5, np.nan]])
    found = Shift(0.2, "sd").limits(values)
    np.testing.assert_allclose(found, [0.1, 0.2 * LEAST_SD, 0.04])
    np.testing.assert_allclose(Shift(5, "points").limits(values), 0.05)


def shown(**shifts: tuple[float, float, float]) -> Gated:
    """Return a result with these shifts and a limit of 10 points."""
    watched: list[Watched] = []
    for name, interval in shifts.items():
        sequence = SequentialMean()
        sequence.update([0.0] * (3 if np.isfinite(interval[0]) else 0))
        watched.append(Watched(name, 0.1, sequence, Interval(*interval)))
    when = datetime(2026, 1, 5, tzinfo=UTC)
    before = Measurement("id", when, "big-five", {}, ())
    return Gated(
        "m", "big-five", before, "o", Shift(10, "points"), tuple(watched), 3, 9, 3, 9, 0, 0
    )


NAN = float("nan")


def test_what_a_dimension_is_called() -> None:
    found = shown(
        **{"a|b`": (0.0, -0.09, 0.09)},
        up=(0.3, 0.11, 0.5),
        down=(-0.3, -0.5, -0.101),
        steady=(0.0, -0.09, 0.09),
        wide=(0.3, 0.05, 0.5),
        half=(0.0, -0.09, 0.2),
        silent=(NAN, NAN, NAN),
    )
    assert [d.status for d in found.dimensions] == [
        *("steady", "drift", "drift", "steady", "undecided", "undecided", "undecided"),
    ]
    assert found.status == "drift"
    assert shown(a=(0.0, -0.09, 0.09)).status == "steady"
    assert shown(a=(0.0, -0.09, 0.09), b=(0.0, -0.2, 0.2)).status == "undecided"
    suite = ElementTree.fromstring(junit(found))
    failed = [case.attrib["name"] for case in suite if case.find("failure") is not None]
    skipped = [case.attrib["name"] for case in suite if case.find("skipped") is not None]
    assert failed == ["up", "down"] and skipped == ["wide", "half", "silent"]
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("2", "3")
    text = markdown(found)
    assert "| up | +30.0 [+11.0, +50.0] | ±10.0 | **drifted** |" in text
    assert "| a&#124;b&#96; | +0.0 " in text
    assert "| silent | no usable answer | ±10.0 | no drift shown" in text
    json.dumps(found.json(), allow_nan=False)
    assert found.json()["dimensions"]["silent"]["shift"] is None
