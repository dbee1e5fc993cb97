"""Test items that evolve: methods that write new items by probing models."""
