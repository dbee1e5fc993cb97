"""The report on what training a model changed and cost: tables of a terminal, and the page."""
