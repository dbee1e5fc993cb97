"""What is shown of measurements: the offline HTML report and the board in the terminal."""

from valuecompass.board.report import render_report
from valuecompass.board.terminal import terminal_board

__all__ = ["render_report", "terminal_board"]
