"""Names, items and answers that are attacks: no judge sees a name, and no face lets one act."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.board.pages import Page
from tests.judges.attacks import ACTING, NAMES, of
from tests.measure.helpers import (
    Command,
    judging,
    likert,
    measure,
    question,
    tradeoff,
    write_items,
)
from tests.support import mock_provider as mock_module
from tests.support.answers import answer
from tests.support.mock_provider import in_thread
from valuecompass.board.page.publish import write_report
from valuecompass.items import Item
from valuecompass.items.io import read_items
from valuecompass.items.io import write_items as write_item_file
from valuecompass.values import builtin_system


@dataclass
class Hostile:
    """A measurement in which names, items and answers are attacks, and the requests it took."""

    workspace: Path
    roster: Path
    items: Path
    sent: list[dict[str, Any]]


def toml_text(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def hostile_items() -> list[Item]:
    texts = [text.replace("{dimension}", "Power") for text in of("item")[2:7]]
    sides = [text.replace("{dimension}", "Power") for text in of("response") if "\x1b" in text]
    return [
        *(question(text, "Power") for text in texts),
        tradeoff(sides[0], "Power", "Benevolence"),
        likert(sides[1], "Power", 1),
    ]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("hostile")
    replies = itertools.cycle(of("response"))
    sent: list[dict[str, Any]] = []

    def reply(body: dict[str, Any], index: int = 0) -> str:
        sent.append(body)
        if "some-judge" in body["model"]:
            return judging(body)
        text = answer(body, index)
        return text if len(text) < 3 else f"{text}\n{next(replies)}"

    roster = folder / "roster.toml"
    roster.write_text(
        "".join(
            f'[[respondents]]\nlabel = {toml_text(name)}\nmodel = "openai-api/mock/one"\n'
            f"system = {toml_text(f'You are number {n}. ' + name)}\n"
            for n, name in enumerate(NAMES)
        ),
        encoding="utf-8",
    )
    items = write_items(folder, hostile_items())
    with pytest.MonkeyPatch.context() as patch, in_thread() as mock:
        patch.setattr(mock_module, "answer", reply)
        for name, value in mock.env.items():
            patch.setenv(name, value)
        measure(folder / "ws", items, models=[], roster=roster)
        yield Hostile(folder / "ws", roster, items, sent)


def test_no_name_and_no_system_prompt_reaches_a_judge(hostile: Hostile):
    asked = {True: [], False: []}
    for body in hostile.sent:
        asked["some-judge" in body["model"]].append(json.dumps(body, ensure_ascii=False))
    assert len(asked[True]) >= 5 * len(NAMES)
    written = [json.dumps(name, ensure_ascii=False)[1:-1] for name in NAMES]
    assert all(any(name in body for body in asked[False]) for name in written)
    for body in asked[True]:
        assert not any(name in body for name in written)
        assert "You are number" not in body and "openai-api" not in body


@pytest.fixture
def shown(hostile: Hostile, cli: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the command prints when it is repeated: everything is stored."""

    monkeypatch.setenv("MOCK_API_KEY", "none")
    monkeypatch.setenv("MOCK_BASE_URL", "http://127.0.0.1:9/v1")  # nobody is asked

    def command(*options: str) -> str:
        run = ["run", "--roster", hostile.roster, "--items", hostile.items, "--form", "tiny"]
        said = cli(*run, "-w", hostile.workspace, "--judge", "openai-api/mock/some-judge", *options)
        assert said.code == 0, said.err
        assert not ACTING.search(said.err)
        return said.out

    return command


def test_the_terminal_shows_names_and_obeys_none(shown: Callable[..., str]):
    out = shown()
    assert not ACTING.search(out)
    for sign in ("␛[31mred", "⟦U+202E⟧", "<script>", "[bold red]", "=HYPERLINK", "{{ 7 * 7 }}"):
        assert sign in out


def test_json_on_stdout_has_the_names_and_no_control_character(shown: Callable[..., str]):
    out = shown("--json")
    assert not ACTING.search(out)
    assert [row["respondent"] for row in json.loads(out)["rows"]] == NAMES


def test_csv_on_stdout_holds_no_formula_and_no_control_character(shown: Callable[..., str]):
    out = shown("--csv")
    assert not ACTING.search(out.replace("\r\n", "\n"))
    cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "\t"))]


@pytest.mark.anyio
async def test_the_report_shows_names_items_and_answers_and_obeys_none(
    hostile: Hostile, tmp_path: Path
):
    out = tmp_path / "report.html"
    await write_report(hostile.workspace, None, out, 30)
    text = out.read_text(encoding="utf-8")
    assert not ACTING.search(text)
    page = Page(text)  # fails where tags do not nest
    assert len(page.tags("script")) == 2 and not page.tags("img") and not page.tags("iframe")
    assert not [a for _, given in page.elements for a in given if a.startswith("on")]
    seen = page.text()
    for sign in ("<script>alert('name')</script>", "onerror=\"alert('rate 1')\"", "{{ 7 * 7 }}"):
        assert sign in seen
    assert "␛[2J␛[1;1H" in seen  # of an answer


def test_an_exported_study_holds_no_formula_and_its_texts_do_not_act(
    hostile: Hostile, tmp_path: Path, cli: Command
):
    said = cli("export", "-w", hostile.workspace, "--study", tmp_path / "study", "--format", "csv")
    assert said.code == 0, said.err
    tables = list((tmp_path / "study").glob("*.csv"))
    texts = [path.read_text(encoding="utf-8") for path in tables]
    for name in ("methods.md", "codebook.md", "codebook.json", "manifest.json"):
        assert not ACTING.search((tmp_path / "study" / name).read_text(encoding="utf-8"))
    assert len(tables) > 3 and sum("=HYPERLINK" in text for text in texts) > 2
    for path in tables:
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [c for c in cells if c.startswith(("=", "@", "+", "\t", "\r", "\n"))]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_imported_items_stay_as_they_are_and_no_file_of_them_acts(tmp_path: Path, suffix: str):
    texts = [
        *filter(None, of("item") + of("response") + NAMES),
        "'tis",
        "''tis",
        "'=1+1",
        "-2 or 3",
    ]
    items = [question(text, "Power") for text in texts]
    path = tmp_path / f"items.{suffix}"
    write_item_file(items, path)
    assert read_items(path, builtin_system("schwartz")) == items
    if suffix == "jsonl":
        assert not ACTING.search(path.read_text(encoding="utf-8"))
        return
    separator = {"csv": ",", "tsv": "\t"}[suffix]
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter=separator) for cell in row]
    assert sum("HYPERLINK" in cell for cell in cells) == 2
    assert not [c for c in cells if c.startswith(("=", "@", "+", "-", "\t", "\r", "\n"))]
