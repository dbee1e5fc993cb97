"""The command line: one small file a command; no logic of its own."""

from valuecompass.cli.app import main

__all__ = ["main"]
