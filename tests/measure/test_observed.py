"""`profile`: what models wrote elsewhere, scored by conversation and marked observational."""

from __future__ import annotations

import json
import sqlite3
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
        "prompts": 11,
        "shared_prompts": 0,
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


def test_what_inspect_keeps_beside_its_logs_is_no_chat(
    tmp_path: Path, workspace: Path, cli: Command
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    file(folder, chat("a", KIND), name="chats.json")
    head = {"version": 2, "status": "success", "eval": {"task": "x", "model": "m"}}
    for name, body in (
        ("eval-set.json", {"eval_set_id": "x", "tasks": []}),
        ("logs.json", {"2026_x.eval": head}),
        ("listing.json", [{"name": "2026_x.eval"}]),
    ):
        (folder / name).write_text(json.dumps(body))
    said = cli("profile", folder, "-w", workspace)
    assert said.code == 0 and "3 JSON files are neither logs nor chats" in said.err
    # named, they are read, and told to be none
    said = cli("profile", folder / "logs.json", "-w", workspace)
    assert said.code == 2 and "logs.json, row 1: no text" in said.err
    # a chat about logs is no log
    talk = chat("a", KIND) | {"meta": {"eval": 1, "version": 2}}
    assert find([file(tmp_path, talk, name="about.json")]).conversations
    (folder / "damaged.json").write_text("{")
    with pytest.raises(InputError, match=r"damaged\.json: not readable JSON"):
        find([folder])


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
        (("log.jsonl", "--respondent", ""), "--respondent: the name is empty"),
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


@pytest.mark.parametrize("sample", [0, -1])
def test_a_sample_of_nothing_is_told(tmp_path: Path, sample: int) -> None:
    with pytest.raises(InputError, match=f"--sample {sample}: give 1 or more"):
        profile(file(tmp_path, chat("a", KIND)), sample=sample)


def test_a_roster_lends_the_judge_its_price(
    tmp_path: Path, workspace: Path, mock_provider: MockProvider, cli: Command
) -> None:
    path = file(tmp_path, chat("a", KIND))
    judge = "openai-api/mock/some-judge"
    command = ("profile", path, "--judge", judge, "-w", workspace, "--max-usd", 1)
    said = cli(*command)
    assert said.code == 2 and "price" in said.err and mock_provider.stats()["requests"] == 0
    roster = tmp_path / "prices.toml"
    roster.write_text(
        f'[[respondents]]\nmodel = "{judge}"\nprice = {{ input = 0.25, output = 2.0 }}\n'
    )
    assert cli(*command, "--roster", roster).code == 0
    ((spent,),) = rows(workspace, "select sum(usd) from ledger")
    assert 0 < spent < 1


def test_nobody_is_asked_such_an_item(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no message of a model"):
        find([file(tmp_path, {"messages": []})])


def test_answers_to_one_prompt_are_one_cluster(tmp_path: Path, workspace: Path) -> None:
    # the same judgements: of one model on one prompt, of the other on ten
    said = [f"{HARD} {'So it is. ' * n}" for n in range(10)]
    alike = [chat("epochs", text) for text in said]
    apart = [chat("prompts", text, asked=f"And number {n}?") for n, text in enumerate(said)]
    found = profiled(workspace, file(tmp_path, *alike, *apart))
    first, second = (row.dimensions["Power"] for row in found.rows)
    assert first.n == second.n == 10 and first.score == second.score
    assert first.high - first.low > 2 * (second.high - second.low)
    assert found.manifest["observational"]["prompts"] == 11
    assert found.manifest["observational"]["shared_prompts"] == 0


def test_who_was_asked_the_same_is_paired(tmp_path: Path, workspace: Path, cli: Command) -> None:
    prompts = [f"What about number {n}?" for n in range(8)]
    talks = [chat("hard", HARD, asked=p) for p in prompts]
    talks += [chat("kind", KIND, asked=p) for p in prompts]
    assert cli("profile", file(tmp_path, *talks), "-w", workspace).code == 0
    said = cli("compare", "hard", "kind", "-s", "schwartz", "-w", workspace, "--json")
    told = json.loads(said.out)
    cell = told["pairs"][0]["dimensions"]["Power"]
    assert cell["n"] == 8 and cell["difference"] > 50
    assert "were asked the same" in " ".join(told["notices"])
    assert "differ in what they were asked" not in " ".join(told["notices"])
    # all cases are there to read: none hides another
    assert rows(workspace, "select count(*) from answers") == [(16,)]


def test_a_bare_text_is_an_item_of_its_own(tmp_path: Path) -> None:
    greeting = {"role": "assistant", "content": "Hello!"}
    talks: list[dict[str, Any]] = [
        {"messages": [greeting, {"role": "user", "content": "Hm."}, greeting]},
        {"messages": [greeting, {"role": "user", "content": "Well."}, greeting]},
        {"response": KIND},
        {"response": HARD},
    ]
    found = find([file(tmp_path, *talks)]).conversations
    assert len({one.prompt_digest for one in found}) == 4


def test_what_was_judged_under_another_name_of_the_item_is_not_judged_again(
    tmp_path: Path, workspace: Path, mock_provider: MockProvider, cli: Command
) -> None:
    path = file(tmp_path, chat("a", KIND, NEITHER), chat("b", HARD))
    command = ("profile", path, "--judge", "openai-api/mock/some-judge", "-w", workspace, "--json")
    before = json.loads(cli(*command).out)
    asked = mock_provider.stats()["requests"]
    found = "select count(*) from answers a join verdicts v using (key, repeat, item)"
    judged = rows(workspace, found)
    assert judged != [(0,)]
    with sqlite3.connect(workspace / "valuecompass.sqlite") as store:  # as an earlier version did
        store.execute("pragma foreign_keys = off")
        store.execute("update verdicts set item = 'abcdefabcdef'")
        for table in ("item_tables", "answers", "scores", "measurements"):
            store.execute(f"delete from {table}")
    after = json.loads(cli(*command).out)
    assert mock_provider.stats()["requests"] == asked
    assert after["rows"] == before["rows"]
    assert rows(workspace, found) == judged
