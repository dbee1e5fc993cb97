"""Questions and trade-offs are asked in the language of the item, and the answers are read."""

from __future__ import annotations

import pytest

from tests.measure.helpers import likert, question, tradeoff
from valuecompass.items import Asking, Item
from valuecompass.judges.protocol import subject_of
from valuecompass.measure.asking import Question, messages_for, read_off
from valuecompass.models import is_refusal
from valuecompass.values import builtin_system

ASKING = Asking(words=100)
CASE = tradeoff("A club has money for one thing only.", "Power", "Benevolence")
SPANISH = """Postura: no

1. **Libertad**: No puedo aceptar que otros decidan por mí.
2. **Coste**: Sale caro.
3) Nadie lo ha pedido."""
CHINESE = """立场：否

1、个人自由：每个人都应当自己决定。
2、成本太高。
3、没有人提出过这样的要求。"""


def prompt_of(item: Item, presentation: int = 0) -> str:
    (message,) = messages_for(Question(item, presentation, 0), ASKING)
    return message.content


def in_language(item: Item, language: str) -> Item:
    return item.model_copy(update={"language": language})


@pytest.mark.parametrize(
    ("language", "own", "length"),
    [
        ("en", "First write your stance", "at most 100 words"),
        ("es", "Escribe primero tu postura", "como máximo 115 palabras"),
        ("es-MX", "Escribe primero tu postura", "como máximo 115 palabras"),
        ("zh", "请先单独用一行写明立场", "不超过160个字"),
        ("zh-TW", "请先单独用一行写明立场", "不超过160个字"),
        # what has no wording of its own is asked in English, as before
        ("fr", "First write your stance", "at most 100 words"),
    ],
)
def test_a_question_is_asked_in_its_language(language: str, own: str, length: str) -> None:
    prompt = prompt_of(in_language(question("¿Qué tal?", "Power"), language))
    assert prompt.startswith("¿Qué tal?\n\n") and own in prompt and length in prompt
    assert ("three points" in prompt) == (own.startswith("First")) and "{" not in prompt


@pytest.mark.parametrize(
    ("language", "own"),
    [("es", "la letra A o B"), ("zh", "只回答字母"), ("fr", "the letter A or B")],
)
def test_a_tradeoff_is_asked_in_its_language_in_both_orders(language: str, own: str) -> None:
    item = in_language(CASE, language)
    assert item.sides is not None
    for presentation, place in ((0, 0), (1, 1)):
        prompt = prompt_of(item, presentation)
        first = item.sides[place].text
        assert own in prompt and (f"A: {first}" in prompt or f"A：{first}" in prompt)


def test_a_kind_without_a_wording_in_its_language_is_asked_in_english() -> None:
    item = in_language(likert("Me gustan los mapas.", "Security", 1), "es")
    assert "How well does this describe you?" in prompt_of(item)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Respuesta: B", "B"),
        ("**Respuesta:** A.", "A"),
        ("Opción B", "B"),
        ("Elijo la A", "A"),
        ("Elijo la opción B.", "B"),
        ("Mi respuesta es A", "A"),
        ("A porque ayuda a más gente", "A"),
        ("B\n\nAunque A es tentadora, solo me sirve a mí.", "B"),
        ("A mi juicio, la segunda.", None),
        ("A la larga, B", "B"),
        ("A o B, no sé", None),
        ("答案：B", "B"),
        ("答案是A。", "A"),
        ("我选择A", "A"),
        ("我选B。", "B"),
        ("我会选择选项A。", "A"),
        ("选项B", "B"),
        ("选A，因为它帮助更多人。", "A"),
        ("B。因为它更稳妥", "B"),
        ("我的选择是B\n虽然A也有道理。", "B"),
        ("A和B都有道理", None),
        ("在AB之间难以取舍", None),
        ("我无法选择", None),
    ],
)
def test_a_choice_in_spanish_or_chinese_is_read_off(text: str, letter: str | None) -> None:
    found = read_off(Question(CASE, 0, 0), text)
    assert (found and "AB"[int(str(found["place"]))]) == letter


@pytest.mark.parametrize(("text", "language"), [(SPANISH, "es"), (CHINESE, "zh")])
def test_an_answer_in_the_form_asked_for_has_three_opinions(text: str, language: str) -> None:
    item = in_language(question("¿Qué?", "Power"), language)
    subject = subject_of(builtin_system("schwartz"), item, text)
    assert len(subject.parts) == 3
    assert not any("Postura" in part.text or "立场" in part.text for part in subject.parts)
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("marks", "number"),
    [
        ("1. 2. 3.", 3),
        ("1、 2、 3、", 3),
        ("1． 2． 3．", 3),
        ("（1） （2） （3）", 3),
        ("一、 二、 三、", 3),
        ("（一） （二） （三）", 3),
        ("1： 2： 3：", 3),
    ],
)
def test_chinese_numbering_is_read(marks: str, number: int) -> None:
    text = "立场：是\n" + "\n".join(f"{mark}理由充分，不必多言。" for mark in marks.split())
    item = in_language(question("是吗？", "Power"), "zh")
    parts = subject_of(builtin_system("schwartz"), item, text).parts
    assert [part.text for part in parts] == ["理由充分，不必多言。"] * number


def test_a_stance_keeps_words_of_refusal_from_making_an_answer_a_refusal() -> None:
    assert is_refusal("我不能回答这个问题。") and is_refusal("Lo siento, no puedo responder a eso.")
    assert not is_refusal("我不能参与这样的做法。\n立场：否\n1. 理由")
    assert not is_refusal("No puedo dar mi apoyo.\nPostura: no\n1. Razón")
