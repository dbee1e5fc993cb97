"""Score tables that somebody published, as dated measurements without items."""

from valuecompass.measure.published.importing import Imported, import_table
from valuecompass.measure.published.reading import LARGEST, Found, survey

__all__ = ["LARGEST", "Found", "Imported", "import_table", "survey"]
