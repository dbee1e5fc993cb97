"""The committed bundle is what its sources build."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "src/valuecompass/web/static"
NAMED = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")


def digest() -> str:
    """Return what `scripts/digest.mjs` does: SHA-256 over paths and contents of all sources."""
    found = [FRONTEND / name for name in NAMED]
    found += [p for folder in ("src", "public") for p in (FRONTEND / folder).rglob("*")]
    names = {p.relative_to(FRONTEND).as_posix(): p for p in found if p.is_file()}
    # JavaScript sorts by UTF-16 units, which is by bytes for the names there may be
    assert all(name.isascii() for name in names)
    sha = hashlib.sha256()
    for name in sorted(names):
        sha.update(f"{name}\0".encode() + names[name].read_bytes() + b"\0")
    return sha.hexdigest()


def test_the_bundle_is_of_these_sources() -> None:
    built = (STATIC / "sources.txt").read_text(encoding="utf-8").strip()
    assert built == digest(), "build it anew: cd frontend && npm ci && npm run build"


def test_every_file_of_the_page_is_there() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = [part[2:] for part in page.split('"') if part.startswith("./")]
    assert len(named) >= 3
    assert [name for name in named if not (STATIC / name).is_file()] == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with what npm installs, where it can."""
    npm = shutil.which("npm")
    if npm is None or not os.environ.get("CI"):
        pytest.skip("NOT RUN: the pages are built anew in CI, where npm is (set CI=true)")
    copy = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("node_modules")
    shutil.copytree(FRONTEND, copy / "frontend", ignore=left_out)
    (copy / "src/valuecompass/web/static").mkdir(parents=True)
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=copy / "frontend", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    return copy


def _npm(checkout: Path, *arguments: str) -> None:
    environment = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        ["npm", *arguments],
        cwd=checkout / "frontend",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]


def test_the_types_are_those_of_the_api(checkout: Path) -> None:
    _npm(checkout, "run", "types")
    built = checkout / "frontend/src/api-types.ts"
    assert built.read_bytes() == (FRONTEND / "src/api-types.ts").read_bytes()


def test_building_anew_gives_the_same_files(checkout: Path) -> None:
    _npm(checkout, "run", "build")
    made = checkout / "src/valuecompass/web/static"
    assert _files(made) == _files(STATIC)


def test_the_tests_of_the_page_pass(checkout: Path) -> None:
    _npm(checkout, "test")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
