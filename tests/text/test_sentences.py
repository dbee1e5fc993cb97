import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from valuecompass.text import points, sentences

MARKS = ("1. ", "2) ", "(3) ", "- ", "* ", "**4.** ", "\n", "\r\n", "\t", " ", ". ", "?\n", "\x1c")
WORDS = ("Trees", "shade the street", "e.g.", "3.5", "“so”", "。", "路", "é", "İ")
PIECES = st.sampled_from((*MARKS, *WORDS))
MESSY = st.text(max_size=80) | st.lists(PIECES, max_size=25).map("".join)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(MESSY)
@example("\x1c a. b")
@example("1. a\n2. a\n3. a")
def test_sentences_are_where_they_say(text: str) -> None:
    end = 0
    for span in sentences(text):
        assert text[span.start : span.end] == span.text
        assert span.text == span.text.strip() != ""
        assert span.start >= end
        end = span.end


@settings(deadline=None, max_examples=300, derandomize=True)
@given(MESSY)
def test_sentences_leave_no_word_out(text: str) -> None:
    def words(part: str) -> str:
        return "".join(c for c in part if c.isalnum())

    assert "".join(words(s.text) for s in sentences(text)) == words(text)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(MESSY)
@example("1. a\n2. b\n3. c\n4. d")
def test_points_are_where_they_say(text: str) -> None:
    end = 0
    for span in points(text):
        assert text[span.start : span.end] == span.text
        assert span.text == span.text.strip() != ""
        assert span.start >= end
        end = span.end


def test_sentences_of_plain_prose() -> None:
    text = 'She left. "Why?" he asked. Nobody knew; the door was open!\nNext line'
    assert [s.text for s in sentences(text)] == [
        "She left.",
        '"Why?"',
        "he asked.",
        "Nobody knew;",
        "the door was open!",
        "Next line",
    ]


def test_numbers_and_short_forms_stay_whole() -> None:
    assert [s.text for s in sentences("It cost 3.50 euros. Cheap.")] == [
        "It cost 3.50 euros.",
        "Cheap.",
    ]


def test_chinese_sentences_need_no_space() -> None:
    assert [s.text for s in sentences("树很高。风很大！你怕吗？")] == [
        "树很高。",
        "风很大！",
        "你怕吗？",
    ]


@pytest.mark.parametrize("text", ["", "   \n\t ", "...", "?!\n--"])
def test_a_text_without_a_word_has_no_sentence(text: str) -> None:
    assert sentences(text) == []


@pytest.mark.parametrize(
    "marks", ["1. 2. 3.", "1) 2) 3)", "(1) (2) (3)", "- - -", "* * *", "• • •"]
)
def test_lists_of_every_style_are_points(marks: str) -> None:
    first, second, third = marks.split()
    text = (
        f"Stance: yes\n\n{first} Trees cool the street.\n   They last, too.\n"
        f"{second} Birds need them.\n\n{third} They are cheap.\n"
    )
    assert [p.text for p in points(text)] == [
        "Trees cool the street.\n   They last, too.",
        "Birds need them.",
        "They are cheap.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "**1.** Trees cool.\n**2.** Birds nest.",
        "**1. Trees** cool.\n**2. Birds** nest.",
        "1. **Trees** cool.\n2. **Birds** nest.",
        "__1.__ Trees cool.\n__2.__ Birds nest.",
        "1: Trees cool.\n2: Birds nest.",
        "  1. Trees cool.\r\n  2. Birds nest.\r\n",
    ],
)
def test_marks_in_bold_are_marks(text: str) -> None:
    found = [p.text.replace("*", "") for p in points(text)]
    assert found == ["Trees cool.", "Birds nest."]


def test_what_stands_before_the_first_point_is_no_opinion() -> None:
    assert [p.text for p in points("Stance: no\nMy reasons are these.\n1. Cost\n2. Noise")] == [
        "Cost",
        "Noise",
    ]


def test_a_text_with_one_point_is_one_opinion() -> None:
    text = "  Stance: no\n1. It costs too much.  "
    assert [p.text for p in points(text)] == [text.strip()]
    assert points(" \n ") == []


def test_a_bold_heading_is_no_mark() -> None:
    text = "**Overall** it is good.\n**Still** it costs."
    assert [p.text for p in points(text)] == [text]


def test_bullets_below_a_numbered_point_belong_to_it() -> None:
    text = "1. Cost:\n   - rent\n   - food\n2. Noise"
    assert [p.text for p in points(text)] == ["Cost:\n   - rent\n   - food", "Noise"]
    text = "- Cost:\n  - rent\n  - food\n- Noise"
    assert [p.text for p in points(text)] == ["Cost:\n  - rent\n  - food", "Noise"]


def test_rules_and_bare_marks_are_no_points() -> None:
    assert [p.text for p in points("1. Cost\n2. Noise\n3. ---\n")] == ["Cost", "Noise"]
    assert len(points("One.\n---\nTwo.\n---\nThree.")) == 1


def test_bold_stance_lines_are_not_opinions() -> None:
    text = "**Stance:** yes\n**Key points:**\n1. **Cost:** low\n2. **Noise:** none"
    assert [p.text for p in points(text)] == ["**Cost:** low", "**Noise:** none"]


def test_a_number_inside_a_sentence_is_no_mark() -> None:
    text = (
        "It takes about\n3.5 hours at best,\n4.5 with luggage,\n12 if it rains, or by\n9:30 in all."
    )
    assert [p.text for p in points(text)] == [text]


def test_every_point_ends_where_the_next_begins() -> None:
    text = "\n".join(f"{i}. point {i}" for i in range(1, 13))
    assert [p.text for p in points(text)] == [f"point {i}" for i in range(1, 13)]
