"""The pages for users are followed word by word: what they show is what the commands print."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from tests.support.markdown import Block, absent, blocks, environment, follow, run

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
MARKDOWN = [*PAGES, *sorted((ROOT / "design").glob("*.md")), *sorted(ROOT.glob("C*.md"))]
KEYS = {"OPENAI_API_KEY": "none", "ANTHROPIC_API_KEY": "none", "GOOGLE_API_KEY": "none"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    wrong = follow(page, tmp_path)
    assert not wrong, "\n\n".join(wrong)


def test_the_readme_has_no_block_that_nothing_checks() -> None:
    kinds = {b.language: b for b in blocks(README) if b.save_as is None}
    assert set(kinds) == {"sh", "console", "python"}


def test_the_readme_says_what_it_must() -> None:
    text = " ".join(README.read_text(encoding="utf-8").split())
    for phrase in (
        "Independent implementation, not affiliated with the research platform of the same name",
        "make demo",
        "make test",
        "arxiv.org/abs/2505.13531",
        "arxiv.org/abs/2501.07071",
        "arxiv.org/abs/2310.11053",
    ):
        assert phrase in text, phrase


@cache
def _help(words: tuple[str, ...], folder: Path) -> str:
    code, text = run(shlex.join(["valuecompass", *words, "--help"]), folder)
    assert code == 0, f"valuecompass {' '.join(words)}: no such command\n{text}"
    return text


def _shell_lines(language: str) -> list[tuple[Path, Block, str]]:
    return [
        (page, block, line)
        for page in PAGES
        for block in blocks(page)
        if block.language == language
        for line in block.text.replace("\\\n", " ").splitlines()
    ]


def test_commands_that_are_not_run_exist_with_their_options(tmp_path: Path) -> None:
    seen = 0
    for page, block, line in _shell_lines("sh"):
        where = f"{page.name}:{block.line}: {line}"
        words = shlex.split(line.partition(" #")[0])
        if words[:1] == ["make"]:
            assert re.search(rf"(?m)^{words[1]}:", (ROOT / "Makefile").read_text()), where
        if words[:1] != ["valuecompass"]:
            continue
        seen += 1
        depth = (
            3
            if words[1] in ("evolve", "items", "judge", "models", "token", "train", "workspace")
            else 2
        )
        depth += words[1:3] == ["judge", "label"]
        depth += words[1] in ("board", "cultures", "systems") and words[2:3] > ["a"]
        text = _help(tuple(words[1:depth]), tmp_path)
        for word in words[depth:]:
            if word.startswith("-"):
                option = re.escape(word.split("=")[0])
                assert re.search(rf"(?m)^\s+(?:-\w, )?{option}[, ]", text), where
    assert seen > 5


def test_runs_that_need_a_key_can_be_planned(tmp_path: Path) -> None:
    planned = 0
    for block in blocks(README):
        if block.save_as:
            (tmp_path / block.save_as).write_text(block.text, encoding="utf-8")
        if block.language != "sh":
            continue
        for line in block.text.splitlines():
            if not line.startswith("valuecompass run") or "-m ./" in line:
                continue
            code, text = run(f"{line} --dry-run", tmp_path, {**environment(), **KEYS})
            assert code == 0, f"{line}\n{text}"
            assert absent(("requests ...", "price ..."), text) is None, text
            planned += 1
    assert planned >= 5


def test_links_inside_the_repository_lead_somewhere() -> None:
    for page in MARKDOWN:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_changed_number_is_noticed() -> None:
    printed = "Power   ● 51 (46–57)  \nSecurity ● 24\n"
    assert absent(("Power   ● 51 (46–57)", "Security ● 24"), printed) is None
    assert absent(("Power   ... (46–57)",), printed) is None
    assert absent(("Power   ● 52 (46–57)",), printed) == "Power   ● 52 (46–57)"
    assert absent(("Security ● 24", "Power   ● 51 (46–57)"), printed) == "Power   ● 51 (46–57)"


def test_a_page_that_promises_wrongly_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Save this as `a.txt`:\n\n```csv\nx\n```\n\n```console\n$ cat a.txt\nx\n$ cat a.txt\ny\n"
        "$ cat b.txt\n```\n\n```python\nassert 1 == 2\n```\n"
    )
    wrong = follow(page, tmp_path)
    assert len(wrong) == 3
    assert "not printed: y" in wrong[0]
    assert "cat b.txt: exit code 1" in wrong[1]
    assert "AssertionError" in wrong[2]
