"""The report on a screen: contrast, width, and a browser that has nothing to complain of."""

import html
import re
import shutil
import subprocess

import pytest

from tests.board.pages import HOSTILE, hostile_report, report
from valuecompass.board.page import render_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the PATH: install one to check the page in a browser"
)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_aa_in_light_and_dark():
    style = render_report([], []).split("<style>")[1].split("</style>")[0]
    light = dict(re.findall(r"--([\w-]+): (#\w{6})", style.split("@media")[0]))
    dark = dict(
        re.findall(
            r"--([\w-]+): (#\w{6})", style.split("prefers-color-scheme: dark")[1].split("@media")[0]
        )
    )
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        for ground in ("paper", "card", "shade"):
            for text in ("ink", "muted", "accent"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for side in ("for", "against", "open", "both"):
            assert contrast(colours["ink"], colours[side]) >= 4.5, side
            assert contrast(colours[f"{side}-line"], colours["card"]) >= 4.5, side
        for side in ("against", "open"):  # badges of outcomes
            assert contrast(colours[f"{side}-line"], colours[side]) >= 4.5, side
        for series in range(8):
            assert contrast(colours[f"s{series}"], colours["paper"]) >= 3, series


def browse(tmp_path, page: str, *options: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking "
        "--disable-dev-shm-usage --enable-logging=stderr --virtual-time-budget=4000 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *flags.split(), profile, *options, path.as_uri()]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
    )


@NEEDS_CHROMIUM
@pytest.mark.parametrize("hostile", [False, True])
def test_the_browser_finds_nothing_to_complain_of(tmp_path, hostile):
    text = "".join(HOSTILE) + "W" * 400
    done = browse(tmp_path, hostile_report(text) if hostile else report())
    assert "CONSOLE" not in done.stderr
    assert re.search(r'<output aria-live="polite">(\d+) of \1 cases</output>', done.stdout)


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_is_never_wider_than_the_screen(tmp_path, width, hostile):
    text = "".join(HOSTILE) + "W" * 400
    page = hostile_report(text) if hostile else report()
    opened = page.replace("<details", "<details open")
    harness = f"""<!doctype html><body><p id="is"></p>
    <iframe style="width:{width}px;height:800px" srcdoc="{html.escape(opened)}"></iframe>
    <script>onload = () => {{
      const root = document.querySelector("iframe").contentDocument.documentElement;
      const is = `width ${{root.scrollWidth}} of ${{root.clientWidth}}`;
      document.querySelector("#is").textContent = is;
    }}</script>"""
    found = re.search(
        r"width (\d+) of (\d+)", browse(tmp_path, harness, "--window-size=1600,1000").stdout
    )
    assert found is not None
    assert int(found[1]) <= int(found[2])
    assert width - 20 <= int(found[2]) <= width
