"""Test items that evolve: topics are chosen, models are probed, and what tells them apart is kept."""
