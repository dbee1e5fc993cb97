"""What the tests of the web share."""

from tests.web.fixtures import server, world

__all__ = ["server", "world"]
