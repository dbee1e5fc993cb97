"""Cases: what was asked, answered and judged, to be searched and read."""

from valuecompass.board.cases.address import Address, measurement_named, measurement_of_id
from valuecompass.board.cases.build import Indexed, build_index, build_indexes, open_index
from valuecompass.board.cases.index import CaseIndex, index_path
from valuecompass.board.cases.reading import Case, read_case, read_cases, read_many, side_by_side
from valuecompass.board.cases.sample import sample_addresses
from valuecompass.board.cases.search import Found, Search, search

__all__ = [
    "Address",
    "Case",
    "CaseIndex",
    "Found",
    "Indexed",
    "Search",
    "build_index",
    "build_indexes",
    "index_path",
    "measurement_named",
    "measurement_of_id",
    "open_index",
    "read_case",
    "read_cases",
    "read_many",
    "sample_addresses",
    "search",
    "side_by_side",
]
