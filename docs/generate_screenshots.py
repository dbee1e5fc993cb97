"""Writes PNGs of every page in the widths of a desk and of a phone: docs/img/NAME-WIDTH.png.

    python docs/generate_screenshots.py [WORKSPACE] [--out docs/img] [--dark]

WORKSPACE is what `make demo` made; pages about one respondent show the first of its board, the
comparison the first three. Pictures have 128 colours: a fifth of the bytes. Needs chromium and the
extra `dev`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = (1440, 390)
TALLEST = 1_800
"""Pixels of a picture: the beginning of a long page says what it is."""
COLOURS = 128


def main() -> None:
    """Serve the workspace, look at each page, and say how large the pictures are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workspace", type=Path, nargs="?", default=Path("valuecompass-workspace"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs/img")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    command = [sys.executable, "-m", "valuecompass", "serve", "-w", str(given.workspace)]
    server = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = re.search(r"http://\S+", server.stdout.readline())
        if said is None:
            sys.exit("the server did not start")
        written = _pictures(said[0].rstrip("/"), given.out, "dark" if given.dark else "light")
    finally:
        server.terminate()
        server.wait(timeout=30)
    for path in written:
        print(f"{path.stat().st_size / 1_000:8.0f} kB  {path}")
    print(f"{sum(path.stat().st_size for path in written) / 1_000:8.0f} kB")


def pages(address: str) -> list[tuple[str, str]]:
    """Return name and route of every page, its places filled with what the workspace has."""
    system = _json(f"{address}/api/v1/meta")["systems"][0]["id"]
    names = [r["respondent"] for r in _json(f"{address}/api/v1/boards/{system}")["rows"]]
    text = (ROOT / "frontend/src/app.tsx").read_text(encoding="utf-8")
    routes = re.findall(r'\{ path: "(/[^"]*)"', text)
    named = [r for r in routes if ":" not in r or r.endswith("/:name")]
    found = [
        (
            re.sub(r"\W+", "-", route).strip("-") or "board",
            route.replace(":name", quote(names[0], "")),
        )
        for route in named
    ]
    compared = urlencode({"system": system, "with": names[:3]}, doseq=True)
    return [(name, f"{r}?{compared}" if r == "/compare" else r) for name, r in found]


def _json(address: str) -> dict[str, list[dict[str, str]]]:
    with urllib.request.urlopen(address) as answer:
        return json.load(answer)


def _pictures(address: str, out: Path, scheme: str) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with sync_playwright() as driver:
        place = shutil.which("chromium")
        if place is None:
            sys.exit("there is no chromium here (apt-get install chromium)")
        browser = driver.chromium.launch(executable_path=place, args=ARGUMENTS)
        for width in WIDTHS:
            context = browser.new_context(viewport={"width": width, "height": 900})
            page = context.new_page()
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            for name, route in pages(address):
                dark = "-dark" if scheme == "dark" else ""
                written.append(_picture(page, f"{address}/#{route}", out / f"{name}-{width}{dark}"))
            context.close()
        browser.close()
    return written


def _picture(page: Page, address: str, name: Path) -> Path:
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".waiting")).to_have_count(0, timeout=60_000)
    size = page.viewport_size
    assert size is not None
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    path = name.with_name(f"{name.name}.png")
    clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
    page.screenshot(path=path, full_page=True, clip=clip)  # pyright: ignore[reportArgumentType]
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    return path


if __name__ == "__main__":
    main()
