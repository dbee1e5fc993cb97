"""Reading and writing files with messages that name the file, and nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar, cast

from valuecompass.errors import InputError

# controls but tab and line feed, directional embeddings, overrides and isolates, invisible tags
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")

T = TypeVar("T")


def inert(text: str) -> str:
    r"""Return a text with a JSON escape (\u001b) for every character that would act when shown.

    A text that is JSON says the same afterwards.
    """
    return _ACTING.sub(lambda found: json.dumps(found[0])[1:-1], text)


def listed(given: T | Sequence[T]) -> list[T]:
    """Return what a caller gave as a list; a text or a path given alone is a list of one."""
    if isinstance(given, (str, Path)) or not isinstance(given, Sequence):
        return cast("list[T]", [given])
    return list(cast("Sequence[T]", given))


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text.

    Raises:
        InputError: the file is absent, unreadable or not UTF-8 (the message names the line).
    """
    return decoded(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        InputError: the file is absent or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def decoded(data: bytes, path: Path) -> str:
    """Return the text that a file's UTF-8 bytes stand for.

    Raises:
        InputError: they are not UTF-8 (the message names the line).
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not UTF-8; "
            "save the file with UTF-8 encoding"
        ) from None


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block succeeds.

    Raises:
        InputError: it cannot be written, or is there and not a plain file.
    """
    path = path.resolve()  # a link stays a link
    temporary = _beside(path)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes it private
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise what `replacing` would: before hours of work whose result goes there."""
    _beside(path.resolve()).unlink()


def _beside(path: Path) -> Path:
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: cannot be written (it is not a plain file)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    os.close(handle)
    return Path(name)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing_folder(path: Path, objection: Callable[[Path], str | None]) -> Generator[Path]:
    """Yield a temporary folder beside `path` that takes its place when the block succeeds.

    Args:
        path: the folder to be; absent, empty, or one that `objection` lets go.
        objection: says why a folder that is not empty may not be replaced, or None.

    Raises:
        InputError: an objection, `path` is a file, or it cannot be written.
    """
    target = path.resolve()  # a link stays a link
    _check_replaceable(target, path, objection)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        _check_replaceable(target, path, objection)
        _put(temporary, target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(target: Path, shown: Path, objection: Callable[[Path], str | None]) -> None:
    try:
        if target.exists() and not target.is_dir():
            raise InputError(f"{shown}: it is a file; name a folder")
        why = objection(target) if target.exists() and any(target.iterdir()) else None
    except OSError as error:
        raise InputError(f"{shown}: cannot be read ({error.strerror})") from None
    if why is not None:
        raise InputError(f"{shown}: {why}")


def _put(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    # no system renames over a folder that holds something: the old one steps aside, and comes
    # back when the new one cannot take its place
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    old = aside / target.name
    try:
        target.rename(old)
        temporary.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
