"""Sentences made from the data of a board; one that no longer holds is not made any more."""
