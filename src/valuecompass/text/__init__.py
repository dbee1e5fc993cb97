"""Text: sentences and opinions with offsets, language, sentence vectors."""

from valuecompass.text.language import language_of
from valuecompass.text.sentences import Span, points, sentences

__all__ = ["Span", "language_of", "points", "sentences"]
