"""Text: sentences and opinions with offsets, language, sentence vectors."""

from valuecompass.text.language import language_of
from valuecompass.text.sentences import POINTS, Span, points, sentences

__all__ = ["POINTS", "Span", "language_of", "points", "sentences"]
