"""Score tables that somebody published, as dated measurements without items."""

from valuecompass.measure.published.importing import Imported, import_table
from valuecompass.measure.published.reading import LARGEST, LONGEST_NAME, Found, survey

__all__ = ["LARGEST", "LONGEST_NAME", "Found", "Imported", "import_table", "survey"]
