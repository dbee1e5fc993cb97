"""The real models of the benchmark: files with their hashes, and how each is asked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from valuecompass.assets import ASSETS, fetch
from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.models import Respondent
from valuecompass.models.providers.embedded import CONTEXT, SLOTS, threads
from valuecompass.toml import field_lines, load_toml, place, plain

SERVICE = "base"
"""Of Inspect's provider `openai-api`, by which base models are asked."""
PLAIN = "{% for m in messages %}{{ m.content }}\n\n{% endfor %}Stance:"
"""Template for a model without one: it goes on with the text, and so needs its beginning."""


class Player(BaseModel):
    """One model, as a table of the file says it.

    name: as shown.
    role: whether it chooses items or is examined by them.
    file: its weights in GGUF, or the name of weights that come with the package.
    sha256: of the file; it is checked where it is given.
    writes: it is the explorer.
    judges: it is the second judge.
    base: it was never taught to answer, and is asked to go on with a text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    role: Literal["pool", "examinee"]
    file: str
    sha256: str
    writes: bool = False
    judges: bool = False
    base: bool = False

    @property
    def model(self) -> str:
        """Inspect's name of it; of a service the name alone enters the key of a request."""
        return f"openai-api/{SERVICE}/{self.sha256[:16]}" if self.base else f"embedded/{self.file}"

    def respondent(self, words: int) -> Respondent:
        """Return the model as it answers items in so many words."""
        if not self.base:
            return Respondent(name=self.name, model=self.model)
        # as `measure.asking.params_for` has it for models that run here
        most = 16 + int(1.5 * words)
        return Respondent(name=self.name, model=self.model, temperature=1.0, max_tokens=most)

    def about(self) -> dict[str, Any]:
        """Return what a reader has to know; paths are of one machine."""
        return self.model_dump(exclude={"file"}, exclude_defaults=True)


def read_players(path: Path) -> list[Player]:
    """Return the models of a TOML file, one ``[[models]]`` table each.

    Raises:
        InputError: with file, line and field; weights with another hash; not two models in the
            pool and two examinees, one writer, and at most one judge and one base model.
    """
    text = read_text(path)
    lines, given = field_lines(text), load_toml(text, str(path)).get("models")
    tables = cast("list[Any]", given) if isinstance(given, list) else []
    found: list[Player] = []
    for at, table in enumerate(tables):
        try:
            player = Player.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            where = place(str(path), lines, ("models", at, *first["loc"]))
            raise InputError(f"{where}: {plain(first['type'], first['msg'])}") from None
        weights = weights_of(player, path.parent)
        if not weights.is_file():
            where = place(str(path), lines, ("models", at, "file"))
            raise InputError(f"{where}: {weights}: no such file")
        if (sha256 := hash_of(weights)) != player.sha256:
            where = place(str(path), lines, ("models", at, "sha256"))
            raise InputError(f"{where}: the file has {sha256}; take the file that is meant")
        if player.file not in ASSETS:
            player = player.model_copy(update={"file": str(weights)})
        found.append(player)
    _check(found, path)
    return found


def _check(players: Sequence[Player], path: Path) -> None:
    roles = [player.role for player in players]
    for what, number, least, most in (
        ("two or more models with role 'pool'", roles.count("pool"), 2, len(players)),
        ("two or more models with role 'examinee'", roles.count("examinee"), 2, len(players)),
        ("one model with writes = true", sum(p.writes for p in players), 1, 1),
        ("at most one model with judges = true", sum(p.judges for p in players), 0, 1),
        ("at most one model with base = true", sum(p.base for p in players), 0, 1),
        ("a name of its own for each model", len({p.name for p in players}), *[len(players)] * 2),
    ):
        if not least <= number <= most:
            raise InputError(f"{path}: {what} is needed, and there are {number}")


def weights_of(player: Player, beside: Path) -> Path:
    """Return the file of a model's weights; relative paths start beside the TOML file."""
    if player.file in ASSETS:
        return fetch(player.file) / "model.gguf"
    return (beside / player.file).resolve()


def hash_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def served(players: Sequence[Player]) -> Generator[None]:
    """Serve the base model, if there is one, over HTTP on this machine.

    The engine puts the signs of another model's chat around what it asks a model without a
    template, and a base model answers such signs with more of them.
    """
    base = next((player for player in players if player.base), None)
    if base is None:
        yield
        return
    import xllamacpp

    module: Any = xllamacpp
    params: Any = module.CommonParams()
    params.model.path, params.chat_template = base.file, PLAIN
    params.n_parallel, params.n_ctx, params.port = SLOTS, SLOTS * CONTEXT, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    params.verbosity, params.warmup, params.cache_ram_mib = -1, False, 0
    params.cache_idle_slots, params.n_ctx_checkpoints = False, 0
    params.n_batch = params.n_ubatch = 256
    server: Any = module.Server(params)
    os.environ[f"{SERVICE.upper()}_BASE_URL"] = f"{server.listening_address}/v1"
    os.environ[f"{SERVICE.upper()}_API_KEY"] = "none"
    yield
    del server
