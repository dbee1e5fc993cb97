"""Score tables that somebody published, as dated measurements without items."""

from valuecompass.measure.published.importing import Imported, import_table
from valuecompass.measure.published.reading import Found, survey

__all__ = ["Found", "Imported", "import_table", "survey"]
