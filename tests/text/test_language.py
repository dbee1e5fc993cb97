import pytest

from valuecompass.text import language_of, likeliest
from valuecompass.text.language import SHORTEST

TEXTS = {
    "en": "I would keep the old library open, because people without books still want to read.",
    "de": "Ich würde die alte Bücherei offen lassen, weil auch Leute ohne Geld lesen möchten.",
    "fr": "Je garderais la vieille bibliothèque ouverte, car tout le monde ne peut pas payer.",
    "es": "Yo dejaría abierta la vieja biblioteca, porque no todos pueden comprarse libros.",
    "zh": "我会让这座老图书馆继续开放，因为买不起书的人也想读书。"
    "孩子们放学以后可以在那里写作业，老人也可以看报纸。",
    "ru": "Я бы оставил старую библиотеку открытой, ведь не все могут покупать книги.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_the_language_of_a_text(code: str) -> None:
    assert language_of(TEXTS[code]) == code
    assert language_of("\n " + TEXTS[code] * 100) == code


@pytest.mark.parametrize("text", ["", " " * 100, "Yes.", "Bien sûr, oui.", "好的。"])
def test_a_short_text_has_no_certain_language(text: str) -> None:
    assert language_of(text) is None


def test_the_shortest_text_that_is_looked_at() -> None:
    text = "People should be kind to one another, today and always."
    assert language_of(text[: SHORTEST - 1]) is None
    assert language_of(text[:SHORTEST]) == "en"


@pytest.mark.parametrize(
    "text",
    [
        "the the value of is is good good people people people nice nice thing thing",
        "Stance: yes 1. power power power leader leader 2. rule rule rule 3. obey obey",
        "A good good friend will do is a good friend friend and and he go go to home",
    ],
)
def test_broken_english_counts_as_english(text: str) -> None:
    assert language_of(text) == "en"


def test_the_answer_is_always_the_same() -> None:
    assert {language_of(TEXTS["de"]) for _ in range(5)} == {"de"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Should bells be banned?", "en"),
        ("Is the Rio Grande do Norte quota right?", "en"),
        ("¿Hay que prohibir las campanas?", "es"),
        ("¿Debe el Estado financiar a la Iglesia?", "es"),
        ("在 COVID-19 期间是否应当关闭教堂？", "zh"),
        ("", "en"),
    ],
)
def test_among_few_languages_a_sentence_tells(text: str, language: str) -> None:
    assert likeliest(text, ("en", "es", "zh")) == language


def test_only_the_languages_asked_for_are_named() -> None:
    assert likeliest("Soll man Glocken verbieten?", ("es", "zh")) in ("es", "zh")
