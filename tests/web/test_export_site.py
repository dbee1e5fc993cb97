"""An export holds what the server answers, in a folder that is replaced whole or not at all."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.web.worlds import HOSTILE, Served
from valuecompass.web.app import API, SUBJECTS, make_app
from valuecompass.web.export import MANIFEST, static_page
from valuecompass.web.settings import Settings
from valuecompass.web.shards import Wanted

LIVE = frozenset(
    f"{API}/{path}"
    for path in (
        # of operators and annotators
        *("me", "jobs", "jobs/choices", "jobs/{job}", "jobs/{job}/events", "labels/rounds"),
        *("labels/rounds/{round}/units", "labels/rounds/{round}/agreement", "labels/reports"),
        "labels/export.jsonl",
        # computed for what somebody picked
        *("boards/{system}/comparison", "boards/{system}/comparison.csv"),
        "cultures/{system}/curve",
        # of all cases and items, of which an export holds samples and banks
        *("boards/{system}/respondent/behind", "cases/{system}", "beside/{measurement}/{item}"),
        *("cases/{measurement}/{position}/{item}/{presentation}/{repeat}", "items"),
        # a workspace without an evolution has none
        "evolutions/{run}",
    )
)
"""Routes that read and that no export holds."""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "valuecompass", "export-site", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "a" / "site"
    done = run(out, "-w", world, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    files = [p for p in out.rglob("*") if p.is_file() and p.name != MANIFEST]
    assert said["bytes"] == sum(p.stat().st_size for p in files)
    assert said["documents"] == sum(API.strip("/") in p.as_posix() for p in files)
    return out


def test_documents_are_what_the_server_answers(site: Path, server: Served) -> None:
    base = site / API.strip("/")
    meta = json.loads((base / "meta.json").read_text(encoding="utf-8"))
    assert meta.pop("static") is True
    live = server.get(f"{API}/meta").json()
    assert live.pop("static") is False
    assert meta == live
    for system in live["systems"]:
        days = list(dict.fromkeys(m["date"] for m in system["measurements"]))
        for day in (None, *days[1:]):
            wanted = Wanted("/boards/{system}", {"system": system["id"], "date": day})
            found = (base / wanted.shard()).read_bytes()
            assert found == server.get(API + wanted.address()).content
            assert len(json.loads(found)["rows"]) >= 6


def test_every_document_of_the_api_is_exported_or_named_as_live(site: Path) -> None:
    base = site / API.strip("/")
    held = [p.relative_to(base).as_posix().partition("~")[0] for p in base.rglob("*.*")]
    held = [re.sub(r"\.json$", "", name) for name in held]
    paths = make_app(Settings(Path("."))).openapi()["paths"]
    reading = {path for path, ways in paths.items() if "get" in ways}
    assert reading >= LIVE
    there = {path for path in reading if any(_names(path, name) for name in held)}
    missing = reading - LIVE - there
    assert there.isdisjoint(LIVE)
    assert not missing, f"give {', '.join(SUBJECTS)} an exported(here), or name them in LIVE"


def _names(path: str, name: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)), f"{API}/{name}"))


def _held(site: Path, wanted: Wanted) -> dict[str, Any]:
    return json.loads((site / API.strip("/") / wanted.shard()).read_text(encoding="utf-8"))


def _measured(server: Served) -> list[str]:
    systems = server.get(f"{API}/meta").json()["systems"]
    return [m["id"] for s in systems for m in s["measurements"] if m["kind"] == "measured"]


def test_the_sample_says_how_it_was_drawn_and_keeps_its_bound(site: Path, server: Served) -> None:
    measured = _measured(server)
    assert measured
    for own in measured:
        wanted = Wanted("/samples/{measurement}", {"measurement": own})
        listed = _held(site, wanted)
        assert listed == server.get(API + wanted.address()).json()
        assert f"seed {listed['seed']}" in listed["rule"]
        assert f"at most {listed['most']} cases" in listed["rule"] and listed["most"] == 17
        dims, lines = listed["measurement"]["dims"], listed["lines"]
        places = [(line["position"], line["item"], line.get("repeat", 0)) for line in lines]
        counted = Counter(position for position, _, _ in places)
        assert max(counted.values()) <= 17 * len(dims)
        assert 0 < len(lines) <= listed["of"]
        for position, n in counted.items():
            at: dict[str, Any] = {"measurement": own, "position": position}
            one = Wanted("/samples/{measurement}/{position}", at)
            cases = _held(site, one)["cases"]
            assert len(cases) == n
            assert all(case["text"] for case in cases)
            assert {case["item"] for case in cases} == {i for p, i, _ in places if p == position}
        # a respondent who is not there
        gone = Wanted("/samples/{measurement}/{position}", {"measurement": own, "position": 9_999})
        assert server.get(API + gone.address()).status_code == 404


def test_the_bank_holds_every_item_and_says_which_have_a_page(site: Path, server: Served) -> None:
    for system in server.get(f"{API}/meta").json()["systems"]:
        wanted = Wanted("/banks/{system}", {"system": system["id"]})
        answer = server.get(API + wanted.address())
        if answer.status_code == 404:  # published tables have no items
            continue
        bank = _held(site, wanted)
        assert bank == answer.json()
        of = Wanted("/items", {"system": system["id"]}).address()
        assert len(bank["lines"]) == server.get(API + of).json()["page"]["total"]
        assert bank["rule"]
        for line in bank["lines"]:
            page = Wanted("/items/{item}", {"item": line["id"]})
            there = (site / API.strip("/") / page.shard()).is_file()
            assert there is line.get("page", False)
            if there:
                assert _held(site, page)["item"]["item"]["text"] == line["text"]


def test_the_page_says_that_it_is_static_and_carries_the_policy(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert '<meta name="valuecompass-static"' in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "script-src 'self'" in policy[1]
    assert "require-trusted-types-for 'script'" in policy[1]
    assert page.index(policy[0]) < page.index("<script")
    with pytest.raises(ValueError, match="no place"):
        static_page("<html></html>")


def test_an_earlier_export_is_replaced_and_no_other_folder(
    site: Path, world: Path, tmp_path: Path
) -> None:
    left = site / "left-over.json"
    left.write_text("{}", encoding="utf-8")
    assert run(site, "-w", world).returncode == 0
    assert not left.exists()
    assert (site / MANIFEST).is_file()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    done = run(mine, "-w", world)
    assert done.returncode == 2
    assert "no export of a site" in done.stderr
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]


def test_a_workspace_that_is_not_there_is_named_and_nothing_written(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "-w", tmp_path / "none")
    assert done.returncode == 2
    assert str(tmp_path / "none") in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_it_finds_nothing_half(world: Path, tmp_path: Path, ending: int) -> None:
    command = [sys.executable, "-m", "valuecompass", "export-site", str(tmp_path / "out" / "site")]
    process = subprocess.Popen([*command, "-w", str(world)], stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    while not list(tmp_path.glob("out/.site.*/api")) and time.monotonic() - began < 240:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(ending)
    _, said = process.communicate(timeout=120)
    assert process.returncode not in (0, None)
    assert "Traceback" not in said
    assert list((tmp_path / "out").iterdir()) == []


def test_names_stay_in_the_folder(site: Path) -> None:
    assert any(".." in name for name in HOSTILE)
    assert {p.name for p in site.parent.iterdir()} == {"site"}
