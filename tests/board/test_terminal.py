import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.board.examples import (
    NAMES,
    SYSTEMS,
    corrected_measurement,
    made_up_measurement,
)
from valuecompass.board.page import terminal_board
from valuecompass.measure.measurement import Measurement, Row, Score
from valuecompass.values import builtin_system


def board(measurements, width=120, *, colour=False, encoding="utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    terminal_board(measurements, console)
    file.flush()
    return raw.getvalue().decode(encoding)


def one_row(score: Score, name: str = "made-up/a", notes: tuple[str, ...] = ()) -> Measurement:
    source = made_up_measurement("safety")
    row = Row(name, False, "safety", dict.fromkeys(builtin_system("safety").names, score), notes)
    return Measurement("i", source.created, "safety", source.manifest, (row,))


def test_cell_holds_bar_and_numbers_on_the_full_axis():
    text = board([one_row(Score(50, 25, 75, 24, 0, 0))])
    assert "▕   ━━━●━━━   ▏  50 (25–75)" in text
    assert "▕●            ▏   0 (0–0)" in board([one_row(Score(0, 0, 0, 3, 0, 0))])
    assert "▕            ●▏ 100 (100–100)" in board([one_row(Score(100, 100, 100, 3, 0, 0))])


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 240])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_it_fits_and_nobody_is_left_out(width, count):
    names = tuple(f"made-up/model-{i}" for i in range(count))
    text = board([made_up_measurement("schwartz", names)], width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    table = text[text.index("Schwartz") :]
    at = [table.index(f"model-{i}") for i in range(count)]
    assert len(at) == count
    assert len(re.findall(r"\d \(\d+–\d+\)", text)) == 10 * count


def test_choices_and_ratings_are_shown_where_there_is_no_free_text():
    detail = {"within": {"score": 62.0, "low": 55.0, "high": 70.0, "n": 9}}
    detail |= {"self_report": {"score": 41.0, "low": 30.0, "high": 52.0, "n": 4}}
    text = board([one_row(Score(None, None, None, 0, 0, 0, detail))])
    assert "nothing was measured" not in text and "no free text was scored" in text
    assert "trade-off scale" in text and "62 (55–70)" in text
    assert "self report" in text and "41 (30–52)" in text
    assert "nothing was measured" in board([one_row(Score(None, None, None, 0, 0, 0))])


def test_rows_stand_in_the_order_of_the_circle():
    text = board([made_up_measurement("schwartz")])
    at = [text.index(f"\n {d} ") for d in builtin_system("schwartz").circle]
    assert at == sorted(at)


def test_simulated_and_unmeasured_are_said():
    text = board([made_up_measurement(s) for s in SYSTEMS])
    assert text.count("▨ simulated") >= 2 * 5
    assert text.count("not measured") == 2 * 3
    gone = Score(None, None, None, 0, 1, 2)
    measurement = made_up_measurement("safety", NAMES[:1])
    some = {**measurement.rows[0].dimensions, "Malicious Use": gone}
    row = Row("made-up/a", False, "safety", some)
    text = board([Measurement("i", measurement.created, "safety", measurement.manifest, (row,))])
    assert re.search(r"Malicious Use +not measured", text)


def test_footing_tells_counts_judge_and_notes():
    text = board([one_row(Score(50, 25, 75, 24, 2, 1), notes=("Mind the position.",))])
    assert "n 24, refused 2, missing 1" in text
    assert "judge made-up" in text
    assert "Mind the position." in text


def test_hostile_names_are_read_and_not_obeyed():
    name = "[bold red]x[/bold]\x1b[2J\x07\u202e\r\n:smile:[link=http://a]"
    text = board([one_row(Score(50, 25, 75, 24, 0, 0), name, (name,))])
    for sign in "\x1b\x07\u202e\r":
        assert sign not in text
    assert "[bold red]x[/bold]␛[2J␇⟦U+202E⟧" in text
    assert ":smile:[link=http://a]" in text


def test_a_console_without_unicode_gets_ascii():
    text = board([made_up_measurement("schwartz", ("made-up/ünï", *NAMES))], encoding="ascii")
    assert text.isascii()
    assert re.search(r"\|[ =]*o[ =]*\|", text)
    assert re.search(r"\d \(\d+-\d+\)", text)


def test_colours_only_where_the_console_has_them():
    measurement = made_up_measurement("safety")
    assert "\x1b" in board([measurement], colour=True)
    assert "\x1b" not in board([measurement])


def test_no_measurement_prints_next_to_nothing():
    assert board([]).strip().count("\n") == 0


def test_a_demonstration_is_marked_before_its_numbers():
    text = board([corrected_measurement("safety", "failed", "No better than length.", 30)])
    head = text[: text.index("Malicious Use")]
    assert "DEMONSTRATION: No better than length." in head
    for status, said in (("unmeasured", True), ("passed", False)):
        text = board([corrected_measurement("safety", status, "A reason.", 30)])
        assert "DEMONSTRATION" not in text and ("A reason." in text) is said


def test_a_measurement_without_a_gate_is_shown():
    text = board([made_up_measurement("safety")])
    assert "judge calibrate" in text and "Malicious Use" in text
    assert "judge calibrate" not in board([made_up_measurement("big-five")])


@pytest.mark.parametrize("system", ["schwartz", "safety"])
def test_corrected_stands_below_the_share_as_judged(system):
    text = board([corrected_measurement(system, "passed", "Good.", 30)])
    below = text[text.index("judged → corrected for the judge's errors") :]
    dimensions = len(builtin_system(system).names)
    assert below.count(" 40 (30–50)") == below.count("→ 30 (25–35)") == dimensions
    none = board([corrected_measurement(system, "passed", "Good.", None)])
    assert none.count("→ not corrected") == dimensions
    assert "corrected" not in board([made_up_measurement(system)])
    assert "> 30 (25-35)" in board(
        [corrected_measurement(system, "passed", "Good.", 30)], encoding="ascii"
    )
