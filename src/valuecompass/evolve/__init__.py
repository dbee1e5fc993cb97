"""Test items that evolve: models are probed, and what tells them apart is kept."""
