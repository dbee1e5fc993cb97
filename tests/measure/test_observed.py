"""`profile`: what models wrote elsewhere, scored by conversation and marked observational."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.measure.helpers import Command, rows
from tests.support.mock_provider import MockProvider
from valuecompass.board.boards import load_board
from valuecompass.errors import InputError
from valuecompass.measure.observed import find, profile

KIND = "We should look after each other, because nobody thrives alone."
HARD = "Whoever is strongest should command, and the rest should obey."
NEITHER = "The train leaves at nine from platform four."


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


def chat(model: str, *said: str, asked: str = "What now?") -> dict[str, Any]:
    messages = [
        message
        for text in said
        for message in (
            {"role": "user", "content": asked},
            {"role": "assistant", "content": text},
        )
    ]
    return {"model": model, "messages": messages}


def file(folder: Path, *conversations: dict[str, Any], name: str = "log.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in conversations), encoding="utf-8")
    return path


def profiled(workspace: Path, *paths: Path, **settings: Any) -> Any:
    (found,) = profile(paths, workspace=workspace, **settings)
    return found


def test_messages_are_scored_and_conversations_are_the_clusters(
    tmp_path: Path, workspace: Path
) -> None:
    # one model says the same ten times in one conversation, the other in ten
    alone = chat("alone", *([HARD] * 10))
    many = [chat("many", HARD, asked=f"What now, number {n}?") for n in range(10)]
    found = profiled(workspace, file(tmp_path, alone, *many))
    assert [row.respondent for row in found.rows] == ["alone", "many"]
    first, second = (row.dimensions["Power"] for row in found.rows)
    assert first.n == second.n == 10 and first.score == second.score > 50
    # ten messages of one conversation tell hardly more than one
    assert first.high - first.low > 2 * (second.high - second.low)
    assert found.manifest["observational"] == {
        "files": ["log.jsonl"],
        "conversations": 11,
        "messages": 20,
        "duplicates": 0,
        "silent": 0,
        "left_out": 0,
    }
    assert found.rows[0].notes[0].startswith("observational: ")


def test_boards_and_reports_say_what_it_is(tmp_path: Path, workspace: Path, cli: Command) -> None:
    path = file(tmp_path, chat("a", KIND, NEITHER), chat("b", HARD), chat("c", NEITHER))
    assert cli("profile", path, "-w", workspace).code == 0
    board = anyio.run(partial(load_board, workspace, None, "schwartz"))
    assert board.respondents == ("a", "b", "c") and board.draws is not None
    assert "observational" in " ".join(board.notices)
    said = cli("board", "-s", "schwartz", "-w", workspace)
    assert said.code == 0 and "observational" in " ".join(said.out.split())
    page = tmp_path / "report.html"
    assert cli("report", "-w", workspace, "-o", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "observational" in text and "What now?" in text and HARD in text
    folder = tmp_path / "study"
    assert cli("export", "--study", folder, "-w", workspace).code == 0


def test_nothing_is_judged_twice(
    tmp_path: Path, workspace: Path, mock_provider: MockProvider, cli: Command
) -> None:
    path = file(tmp_path, chat("a", KIND, NEITHER), chat("b", HARD))
    judge = ("--judge", "openai-api/mock/some-judge")
    said = cli("profile", path, *judge, "-w", workspace, "--max-calls", 2)
    assert said.code == 3
    spent = mock_provider.stats()["requests"]
    assert spent == 2
    assert cli("profile", path, *judge, "-w", workspace).code == 0
    done = mock_provider.stats()["requests"]
    said = cli("profile", path, *judge, "-w", workspace, "--json")
    assert said.code == 0 and mock_provider.stats()["requests"] == done
    assert len(json.loads(said.out)["manifest"]["measurements"]) == 1
    assert rows(workspace, "select count(*) from measurements") == [(1,)]


@pytest.mark.parametrize("system", ["moral-foundations", "safety", "llm-unique"])
def test_conduct_is_judged_on_every_dimension(tmp_path: Path, workspace: Path, system: str) -> None:
    refusal = "I'm sorry, but I can't help with that."
    path = file(tmp_path, chat("a", KIND, refusal, NEITHER), chat("b", HARD))
    found = profiled(workspace, path, systems=[system])
    for row, n, refused in zip(found.rows, (3, 1), (1, 0), strict=True):
        for score in row.dimensions.values():
            # declining is a safe answer; elsewhere it leaves the score alone
            assert score.refused == refused
            assert score.n + score.missing == (n if system == "safety" else n - refused)


def test_what_was_there_already_or_says_nothing_is_left_out(tmp_path: Path) -> None:
    silent = {"messages": [{"role": "user", "content": "Hello?"}], "model": "a"}
    path = file(tmp_path, chat("a", KIND), chat("a", KIND), chat("b", KIND), silent)
    (tmp_path / "more").mkdir()
    file(tmp_path / "more", chat("a", KIND), name="again.jsonl")
    (tmp_path / "more" / "notes.txt").write_text("no log")
    found = find([path, tmp_path / "more"])
    assert [c.respondent for c in found.conversations] == ["a", "b"]
    assert (found.duplicates, found.silent, found.left_out) == (2, 1, 0)
    assert {c.respondent for c in find([path], respondent="all").conversations} == {"all"}


def test_names_are_kept_as_they_can_be(tmp_path: Path, workspace: Path) -> None:
    path = file(tmp_path, chat("half \ud800 of it", KIND), chat("\x1b[31m<b>", KIND))
    found = profiled(workspace, path)
    assert [row.respondent for row in found.rows] == ["\x1b[31m<b>", "half \ufffd of it"]
    long = file(tmp_path, chat("x" * 1_025, KIND), name="long.jsonl")
    with pytest.raises(InputError, match=r"long\.jsonl, line 1: the respondent's name has 1,025"):
        find([long])
    assert find([long], respondent="x").conversations[0].respondent == "x"


def test_a_sample_is_the_same_in_any_order(tmp_path: Path) -> None:
    talks = [chat(name, f"{KIND} {n}") for n in range(20) for name in ("a", "b")]
    one = find([file(tmp_path, *talks)], sample=5)
    other = find([file(tmp_path, *talks[::-1], name="other.jsonl")], sample=5)
    assert {c.digest for c in one.conversations} == {c.digest for c in other.conversations}
    assert len(one.conversations) == 10 and one.left_out == 30


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.jsonl",), "cannot be read"),
        (("empty",), "no file of a known kind in it"),
        (("silent.jsonl",), "no message of a model"),
        (("log.jsonl", "-s", "big-five"), "scored from ratings, not from what is written"),
        (("log.jsonl", "-s", "nope"), "-s nope"),
        (("log.jsonl", "--judge", "recorded/x"), "this cannot read"),
        (("log.jsonl", "--text", "nope"), "log.jsonl, line 1: nope: there is no such column"),
        (("notes.txt",), "unknown kind of file"),
    ],
)
def test_what_cannot_be_profiled_is_told(
    tmp_path: Path,
    workspace: Path,
    cli: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file(tmp_path, chat("a", KIND))
    file(tmp_path, {"messages": [{"role": "user", "content": "Hello?"}]}, name="silent.jsonl")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    found = cli("profile", *arguments, "-w", workspace)
    assert found.code == 2 and said in found.err
    assert not (workspace / "valuecompass.sqlite").exists()


def test_nobody_is_asked_such_an_item(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no message of a model"):
        find([file(tmp_path, {"messages": []})])
