"""What answers on this machine is known by its content."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from valuecompass.assets import ASSETS
from valuecompass.models import Message, Params, fingerprint, parse_respondent
from valuecompass.models.asker import request_of
from valuecompass.models.providers import simulated
from valuecompass.values import BUILTIN

# the package exports a function of the module's name
module = sys.modules["valuecompass.models.fingerprint"]


def key(model: str) -> str:
    return request_of(parse_respondent(model), [Message("user", "?")], Params(9)).key


def test_the_fingerprint_of_a_file_follows_its_content(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    block = 1 << 20
    middle = bytearray(b"a" * 5 * block)
    middle[2 * block + 7] = 0
    seen: set[str | None] = set()
    for content in (b"a", b"b", b"a" * 5 * block, bytes(middle), b"a" * 2 * block):
        path.write_bytes(content)
        seen.add(fingerprint(f"embedded/{path}"))
    assert len(seen) == 5
    assert None not in seen
    assert fingerprint(f"recorded/{path}") == fingerprint(f"embedded/{path}")


def test_a_file_is_hashed_once(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    before = module._hash_of.cache_info().misses
    assert len({fingerprint(f"embedded/{path}") for _ in range(5)}) == 1
    assert module._hash_of.cache_info().misses == before + 1


def test_a_folder_is_known_by_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    seen: list[str | None] = []
    for name, content in (("config.json", "{}"), ("model.bin", "a"), ("model.bin", "bb")):
        (folder / name).write_text(content)
        seen.append(fingerprint(f"hf/{folder}"))
    (folder / "model.bin").rename(folder / "other.bin")
    seen.append(fingerprint(f"hf/{folder}"))
    assert len(set(seen)) == 4
    assert None not in seen


@pytest.mark.parametrize("model", ["openai/x", "embedded/gpt", "recorded/none", "simulated/zodiac"])
def test_what_is_not_here_has_no_fingerprint(model: str) -> None:
    assert fingerprint(model) is None


# --- what a release brings along


def test_weights_that_come_along_are_known_by_their_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "smollm2-135m-instruct"
    assert fingerprint(f"embedded/{name}") == ASSETS[name].sha256[:16]
    before = key(f"embedded/{name}")
    other = ASSETS["all-minilm-l6-v2"]
    monkeypatch.setitem(ASSETS, name, other)
    assert key(f"embedded/{name}") != before


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget what is known of the simulation, before and after."""
    module._simulation.cache_clear()
    yield
    module._simulation.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_another_response_model_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"simulated/{system}?seed=3" for system in BUILTIN]
    before = [key(name) for name in names]
    monkeypatch.setattr(simulated, "VERSION", simulated.VERSION + 1)
    module._simulation.cache_clear()
    assert not {key(name) for name in names} & set(before)


@pytest.mark.usefixtures("fresh")
def test_other_phrases_are_asked_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = importlib.resources.files("valuecompass.models") / "phrases"
    (tmp_path / "phrases").mkdir()
    for file in there.iterdir():
        text = file.read_text(encoding="utf-8")
        if file.name == "schwartz.jsonl":
            text = text.replace("a", "e", 1)
        (tmp_path / "phrases" / file.name).write_text(text, encoding="utf-8")
    before = [fingerprint(f"simulated/{s}") for s in ("schwartz", "safety")]
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    module._simulation.cache_clear()
    after = [fingerprint(f"simulated/{s}?seed=3") for s in ("schwartz", "safety")]
    assert after[0] != before[0]
    assert after[1] == before[1]
