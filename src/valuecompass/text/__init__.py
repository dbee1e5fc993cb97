"""Text: sentences and opinions with offsets, records of scenarios, language, sentence vectors."""

from valuecompass.text.language import language_of, likeliest
from valuecompass.text.record import Deed, arguments_text, deeds_of, fitted, own_part, record
from valuecompass.text.sentences import POINTS, Span, points, sentences

__all__ = [
    "POINTS",
    "Deed",
    "Span",
    "arguments_text",
    "deeds_of",
    "fitted",
    "language_of",
    "likeliest",
    "own_part",
    "points",
    "record",
    "sentences",
]
