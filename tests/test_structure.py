"""The house keeps its shape: rooms import from rooms above them only, and the lock fits."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "valuecompass"
MODULES = sorted(SOURCE.rglob("*.py"))

ROOMS = (
    *("values", "stats", "text", "items", "store", "models"),
    *("judges", "measure", "evolve", "align", "board"),
)
"""From the ground up: DESIGN, section 3."""
GROUND = ("errors", "hashing", "files", "toml", "assets", "blocking", "wording", "templates")
"""Modules that every room may use; they use each other only."""
FACES = ("web", "cli", "tasks", "demo", "doctor", "__init__", "__main__")
"""They may use every room and each other."""
PURE = ("values", "stats")
NO_INPUT_OUTPUT = ("anyio", "asyncio", "sqlalchemy", "subprocess", "socket", "pathlib", "os")
MOST_LINES = 450
CODE = (".py", ".js", ".css", ".j2", ".md")


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file imports, also inside functions, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def _home(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _may_use(home: str, other: str) -> bool:
    if home == other or home in FACES:
        return True
    if home in GROUND:
        return other in GROUND
    return other in GROUND or (other in ROOMS and ROOMS.index(other) < ROOMS.index(home))


def _misplaced(path: Path) -> list[str]:
    home = _home(path)
    wrong: list[str] = []
    for module, line in dict(_imports(path)).items():
        package, _, rest = module.partition(".")
        if package != "valuecompass" or not rest:  # the bare package: its version
            continue
        other = rest.split(".")[0]
        if not _may_use(home, other):
            wrong.append(f"{path.relative_to(ROOT)}:{line}: {home} imports {other}")
    return wrong


def test_every_module_stands_in_a_known_room() -> None:
    homes = {_home(path) for path in MODULES}
    assert homes <= {*ROOMS, *GROUND, *FACES}


def test_rooms_import_only_from_rooms_above_them() -> None:
    assert not [line for path in MODULES for line in _misplaced(path)]


def test_the_import_rule_notices_a_room_that_looks_down() -> None:
    down = (("values", "stats"), ("items", "models"), ("store", "cli"), ("files", "items"))
    up = (("board", "store"), ("measure", "judges"), ("text", "assets"), ("cli", "board"))
    assert not any(_may_use(home, other) for home, other in down)
    assert all(_may_use(home, other) for home, other in up)


def test_inspect_is_imported_in_models_and_tasks_only() -> None:
    users = {
        _home(path)
        for path in MODULES
        for module, _ in _imports(path)
        if module.split(".")[0] == "inspect_ai"
    }
    assert users <= {"models", "tasks"}
    assert "models" in users


def test_the_pure_rooms_do_no_input_or_output() -> None:
    for path in MODULES:
        if _home(path) in PURE:
            used = {module.split(".")[0] for module, _ in _imports(path)}
            assert not used & set(NO_INPUT_OUTPUT), path
            assert "open(" not in path.read_text(encoding="utf-8"), path


def test_torch_is_imported_nowhere_outside_training() -> None:
    for path in MODULES:
        if "train" not in path.parts:
            used = {module.split(".")[0] for module, _ in _imports(path)}
            assert not used & {"torch", "transformers", "trl", "peft"}, path


def test_no_file_needs_long_scrolling() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCE.rglob("*")
        if path.suffix in CODE
        and "static" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_every_package_and_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


@pytest.fixture(scope="module")
def project() -> dict[str, list[str]]:
    """The dependencies of pyproject.toml: core under "", extras by name."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": table["dependencies"], **table["optional-dependencies"]}


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    """The lock's packages, normalised name -> version; every one has a hash."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            assert "--hash=sha256:" in line, line[:80]
            found[_normal(match[1])] = match[2]
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_holds_every_dependency_in_a_fitting_version(
    project: dict[str, list[str]], locked: dict[str, str]
) -> None:
    assert len(locked) > 50
    for extra in ("", "local", "dev"):
        for text in project[extra]:
            wanted = Requirement(text)
            version = locked.get(_normal(wanted.name))
            assert version is not None, f"{wanted.name} is not locked: make lock"
            assert wanted.specifier.contains(Version(version)), f"{text}, locked: {version}"


def test_torch_never_enters_the_lock(locked: dict[str, str]) -> None:
    heavy = ("torch", "transformers", "trl", "peft", "accelerate", "sentence-transformers")
    assert not [name for name in locked if name in heavy or name.startswith("nvidia-")]


def test_no_dependency_is_gpl(project: dict[str, list[str]]) -> None:
    from importlib.metadata import metadata

    for extra in ("", "local", "dev"):
        for text in project[extra]:
            about = metadata(Requirement(text).name)
            said = [about.get("License-Expression") or "", *(about.get_all("Classifier") or [])]
            assert not [s for s in said if re.search(r"\bA?GPL|GNU General", s)], text


def test_the_command_page_is_what_the_commands_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    import generate_cli

    said = generate_cli.PAGE.read_text(encoding="utf-8")
    assert said == generate_cli.page(), "run: python docs/generate_cli.py"


def test_the_documentation_has_every_page_in_its_contents() -> None:
    about = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [page for entry in about["nav"] for page in entry.values()]
    there = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert set(listed) == there
    assert len(listed) == len(set(listed))


def test_versions_agree() -> None:
    import valuecompass

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert valuecompass.__version__ == project["version"] == citation["version"]
    assert f"## {valuecompass.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_entry_point_of_inspect_leads_to_the_registry() -> None:
    from importlib.metadata import entry_points

    (found,) = [e for e in entry_points(group="inspect_ai") if e.name == "valuecompass"]
    module, _, _ = found.value.partition(":")
    assert (SOURCE.parent / (module.replace(".", "/") + ".py")).is_file()
