"""One browser for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browser.watching import PATIENCE, Watched, chromium, watched
from tests.web.busy import Busy
from tests.web.worlds import Served


# playwright keeps a loop in this thread: it must end with the module, and the servers, whose
# workspaces take loops of their own, must be there before
@pytest.fixture(scope="module")
def browser(server: Served, busy: Busy) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser, server: Served) -> Iterator[Watched]:
    """A window on the server; whatever a test does there, no text may have been obeyed."""
    with watched(browser, server.address) as found:
        yield found
        found.check()
