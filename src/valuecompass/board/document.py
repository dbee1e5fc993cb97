"""A board as the documented JSON object: what the command prints and the web page shows."""

from __future__ import annotations

from typing import Any

from valuecompass.board.alignment import Alignment
from valuecompass.board.boards import COVERS, Board
from valuecompass.board.weights import Weights


def board_document(
    ranked: Alignment,
    used: Weights,
    turned: dict[str, Any] | None = None,
    beats: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a ranked board as a JSON object.

    Args:
        ranked: the board under its weights.
        used: these weights.
        turned: how often other weights would order it otherwise (`alignment.stability`).
        beats: shares of a population (`alignment.preferred`); None: nobody was asked.
    """
    board = ranked.board
    document = {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "measurements": [m.id for m in board.measurements],
        "imported": board.imported,
        "scale": scale_of(board),
        "covers": None if board.imported else list(COVERS),
        "dims": list(board.names),
        "weights": {"name": used.name, "values": used.by_name(board.names)},
        "rows": ranked.rows(),
        "stability": turned,
        "notices": [*board.notices, *used.notices],
    }
    return document if beats is None else document | {"beats": beats}


def scale_of(board: Board) -> dict[str, Any]:
    """Return lowest and highest score possible; null where a table's are not known."""
    known = not board.imported or board.measurements[0].manifest["scale"]["declared"]
    low, high = board.scale if known else (None, None)
    return {"low": low, "high": high}
