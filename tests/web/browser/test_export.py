"""An export on a plain file server, in a folder of it, with no other server there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browser.test_board import lines, names
from tests.web.browser.watching import Watched, watched
from tests.web.worlds import Served


@pytest.fixture(scope="module")
def files(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("files")
    export = [sys.executable, "-m", "valuecompass", "export-site", str(root / "some where" / "b")]
    subprocess.run([*export, "-w", str(world)], check=True, capture_output=True, timeout=300)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    server = subprocess.Popen(
        [*command, "-d", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    port = re.search(r"port (\d+)", server.stdout.readline())
    assert port is not None
    yield f"http://127.0.0.1:{port[1]}/some%20where/b"
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def window(browser: Browser, files: str) -> Iterator[Watched]:
    with watched(browser, files) as found:
        yield found
        found.check()


def test_the_board_is_the_same_as_on_the_server(
    window: Watched, browser: Browser, server: Served
) -> None:
    with watched(browser, server.address) as live:
        told = lines(live.open("/"))
    page = window.open("/")
    assert lines(page) == told
    expect(page.get_by_text("These are files without a server.")).to_be_visible()


def test_weights_days_and_systems_work_without_a_server(window: Watched) -> None:
    page = window.open("/?weights=Power=5")
    expect(page.get_by_text("Weighing …")).to_have_count(0)
    weighed = names(page)
    page.get_by_label("Date").select_option("2026-01-02")
    window.settled()
    expect(page.locator("table.board tbody tr")).to_have_count(7)
    assert names(page) != weighed
    page.get_by_role("group", name="Value system").get_by_role("button").nth(1).click()
    window.settled()
    assert "system=safety" in page.url


@pytest.mark.parametrize("kind", ["CSV", "JSON", "Parquet"])
def test_files_can_be_taken_along(window: Watched, kind: str) -> None:
    page = window.open("/")
    with page.expect_download() as coming:
        page.get_by_role("link", name=kind, exact=True).click()
    assert coming.value.path().stat().st_size > 1_000
