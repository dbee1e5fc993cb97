"""Measurements for people: the offline HTML report and the tables in the terminal."""

from valuecompass.board.page.report import render_report
from valuecompass.board.page.terminal import terminal_board

__all__ = ["render_report", "terminal_board"]
