"""A season of a living bank: items evolve on new models, old ones retire, all are measured anew.

Every step is stored before the next one uses it, and each does nothing twice: the same call goes on
where an earlier one stopped. What decides the season is written down first; the form, once
selected, is never selected again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from valuecompass.blocking import blocking
from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.bank import described, due, read_bank
from valuecompass.evolve.lifecycle.changes import change_log, change_text
from valuecompass.evolve.lifecycle.forms import FormRules, living_form
from valuecompass.evolve.lifecycle.history import (
    Past,
    log_retirements,
    past_of,
    pool_occasion,
    retired_items,
)
from valuecompass.evolve.lifecycle.information import worth
from valuecompass.evolve.lifecycle.retire import Retirement, RetireRules
from valuecompass.evolve.lifecycle.settings import Models, SeasonSettings
from valuecompass.evolve.novelty import Questions, encoder_of, threshold_of
from valuecompass.evolve.record import Evolved, identity_of
from valuecompass.evolve.run import EvolveListener, evolve_async
from valuecompass.evolve.settings import EvolveSettings
from valuecompass.files import inert, read_text, write_text
from valuecompass.hashing import digest
from valuecompass.items import Form, Item, form_items, form_text, read_form
from valuecompass.items.io import read_items, write_items
from valuecompass.measure.measurement import Measurements, account_of
from valuecompass.measure.run import (
    Listener,
    Settings,
    resolve_respondents,
    resolve_system,
    run_async,
)
from valuecompass.models import Budget, Limits
from valuecompass.models.budget import Amount
from valuecompass.store import open_store, opened
from valuecompass.values import ValueSystem

__all__ = ["Season", "SeasonListener", "SeasonSettings", "season", "season_async"]

Json = dict[str, Any]
Step = Literal["evolve", "overlap", "pool", "retire", "form", "measure", "link"]
Evolve = Callable[[EvolveSettings, EvolveListener], Awaitable[Evolved | None]]


class SeasonListener(Listener, EvolveListener):
    """Hears how a season goes; the default says nothing."""

    def step(self, step: Step, about: str) -> None:
        """Hear that a step begins, and on what."""


def season(
    name: str,
    previous: Path,
    items: Path | Sequence[Path],
    pool: Models,
    *,
    listener: SeasonListener | None = None,
    **settings: object,
) -> Json:
    """`season_async` for scripts and notebooks; blocks until done.

    Args:
        name: of the season.
        previous: form file of the season before.
        items: files of the living bank.
        pool: models that items evolve on.
        listener: hears of steps and their progress.
        **settings: the further fields of `SeasonSettings`: models, judge, calls, workspace ...
    """
    chosen = SeasonSettings(name, previous, items, pool, **settings)  # pyright: ignore
    return blocking(season_async, chosen, listener)


async def season_async(
    settings: SeasonSettings,
    listener: SeasonListener | None = None,
    *,
    evolve: Evolve = evolve_async,
) -> Json:
    """Renew a form.

    1. Items evolve on the pool from those of the previous form (`evolve.run`).
    2. Those that repeat an item of the bank are left out.
    3. The pool answers the previous form: which of its items still tell such models apart?
    4. Items that are saturated, exposed or drifting are retired, by rule and logged.
    5. The next form is selected, with anchors of the previous one, and frozen.
    6. All respondents answer it, under the season's name as occasion.
    7. Scores of both forms are laid on one scale, and what changed is written down.

    Args:
        settings: what and whom.
        listener: hears of steps and their progress.
        evolve: lets items evolve.

    Returns:
        The change log, as `changes.change_log` documents it; also written to the season's folder as
        ``changes.json`` and ``changes.md``, beside ``bank.jsonl`` and ``form.json``.

    Raises:
        InputError: wrong input, or the folder holds a season of other settings.
        BudgetReached, ProviderStopped, Interrupted: stored so far; the same call goes on.
    """
    told = listener or SeasonListener()
    run = Season(settings, told, evolve)
    return await run.whole()


class Season:
    """A season with its input read and checked; nothing is written or asked before `whole`.

    Raises:
        InputError: wrong input.
    """

    def __init__(
        self,
        settings: SeasonSettings,
        listener: SeasonListener,
        evolve: Evolve = evolve_async,
    ) -> None:
        """Read what the settings name."""
        self.settings, self.listener, self.evolve = settings, listener, evolve
        self.system: ValueSystem = resolve_system(settings.system)
        self.previous: Form = read_form(settings.previous)
        self.folder = settings.folder
        self.bank_file, self.form_file = self.folder / "bank.jsonl", self.folder / "form.json"
        if self.previous.system != self.system.id:
            raise InputError(
                f"{settings.previous}: a form of {self.previous.system}, not of {self.system.id}"
            )
        FormRules(settings.size, settings.anchors, settings.most_uses, settings.seed)
        RetireRules(settings.most_uses, settings.saturated)
        # of . and .. the folder would be the user's own
        if Path(settings.name).name != settings.name or settings.name in ("", ".", ".."):
            raise InputError(f"season {settings.name!r}: give a plain name, such as 2026-12")
        given = {path.resolve() for path in (settings.previous, *settings.items)}
        for path in (self.bank_file, self.form_file):
            if path.resolve() in given:
                raise InputError(
                    f"{path}: the season would write over what it is to read; give another --out"
                )
        if settings.anchors < 2:
            raise InputError(
                "--anchors: 2 at least, better 20; without them no score can be compared with the "
                "season before"
            )
        board = Settings(models=settings.models, roster=settings.roster)
        self.board = resolve_respondents(board, [self.system])
        pool = Settings(models=(*settings.pool, *settings.strong))
        self.pool = resolve_respondents(pool, [self.system])
        if not self.board:
            raise InputError("no respondent: name at least one with -m or --roster")
        self.old = read_bank(settings.items, self.system, listener.note)
        form_items(self.previous, self.old)  # tells what is missing

    @property
    def decides(self) -> Json:
        """What may not change while the season is under way."""
        own = self.settings
        names = ("name", "system", "judge", "judge_mode", "calls", "seed")
        roles = {k: getattr(own, k) for k in ("pool", "strong", "explorers")}
        models = {
            k: resolve_respondents(Settings(models=of), [self.system]) if of else []
            for k, of in roles.items()
        }
        return {
            **{name: getattr(own, name) for name in names},
            **{k: [one.name for one in of] for k, of in models.items()},
            # a name may come to stand for other weights, or another file of settings
            "models": digest([identity_of(one) for of in models.values() for one in of], 16),
            "previous": self.previous.hash,
            "items": digest(sorted(item.id for item in self.old), 16),
        }

    async def whole(self) -> Json:
        """Do all steps, or those that are left; return the change log."""
        self.check()
        # what decides the season stands there before the first request
        write_text(self.folder / "season.json", json.dumps(self.decides, indent=1) + "\n")
        evolved = await self._evolved()
        if self.form_file.is_file():
            form, selection = read_form(self.form_file), self._read("selection")
        else:
            form, selection = await self._selected(evolved)
        await self._logged([Retirement(**one) for one in selection["retired"]])
        self.listener.step("measure", f"{len(form.items)} items")
        left = await self._left({evolved.id, *self.accounts})
        await self._measured(self.board, self.form_file, self.settings.name, left)
        return await self._linked(form, selection, evolved)

    def check(self) -> None:
        """See that what is under way was begun with these settings.

        Raises:
            InputError: it was not.
        """
        if (path := self.folder / "season.json").is_file():
            self._same(self._read("season"), self.decides, path)
        if self.form_file.is_file():
            path = self.folder / "selection.json"
            self._same(self._read("selection")["rules"], self.settings.selects, path)

    def _same(self, there: Json, ours: Json, path: Path) -> None:
        if other := next((k for k in ours if there.get(k) != ours[k]), None):
            raise InputError(
                f"{path}: {other}: this season was begun with {there.get(other)!r}, not "
                f"{ours[other]!r}; repeat its settings, or give another --out"
            )

    def _read(self, name: str) -> Json:
        return json.loads(read_text(self.folder / f"{name}.json"))

    # --- items ---

    @property
    def evolving(self) -> EvolveSettings:
        """How items evolve: from those of the previous form, nearest to today's models."""
        own, seeds = self.settings, form_items(self.previous, self.old)
        kind: Literal["question", "tradeoff"] = "question"
        if not any(item.kind == kind for item in seeds):
            kind = "tradeoff"
        return EvolveSettings(
            pool=own.pool,
            strong=own.strong,
            systems=(own.system,),
            seeds=seeds,
            kind=kind,
            language=next((i.language for i in seeds if i.kind == kind), "en"),
            explorers=own.explorers,
            examinees=self.board,
            judge=own.judge,
            judge_mode=own.judge_mode,
            seed=own.seed,
            calls=own.calls,
            tokens=own.tokens,
            usd=own.usd,
            workspace=own.workspace,
            db=own.db,
            patience=own.patience,
        )

    async def _evolved(self) -> Evolved:
        """Let items evolve; of a finished run return the result, and ask nobody."""
        self.listener.step("evolve", f"{self.settings.calls} requests at most")
        done = await self.evolve(self.evolving, self.listener)
        assert done is not None, "nobody asked for a dry run"
        return done

    def _new(self, evolved: Evolved) -> tuple[list[Item], list[Json]]:
        """Return evolved items that the bank has not, and those that repeat one of it."""
        items = [item for item in evolved.items if item.system == self.system.id]
        overlap: list[Json] = []
        found: list[Item] = []
        self.listener.step("overlap", f"{len(items)} new items, {len(self.old)} in the bank")
        for language in dict.fromkeys(item.language for item in items):
            own = [item for item in items if item.language == language]
            encoder = encoder_of({language})
            # as within a run: one near item is enough
            known = Questions(encoder, threshold=threshold_of(encoder), nearest=1)
            there = [item for item in self.old if item.language == language]
            known.add([i.id for i in there], [i.text for i in there], language)
            for item, check in zip(own, known.check([i.text for i in own], language), strict=True):
                if check.repeats:
                    overlap.append({"item": item.id, "repeats": list(check.nearest)})
                else:
                    found.append(item)
        return found, overlap

    async def _selected(self, evolved: Evolved) -> tuple[Form, Json]:
        """Select the next form and freeze it, with what was known when it was selected."""
        own = self.settings
        new, overlap = self._new(evolved)
        bank = list({item.id: item for item in [*self.old, *new]}.values())
        write_items(bank, self.bank_file)
        self.listener.step("pool", f"{len(self.previous.items)} items of the form before")
        pool = await self._measured(
            own.pool, own.previous, pool_occasion(own.name), await self._left({evolved.id})
        )
        async with open_store(own.workspace, own.db) as store:
            past = await past_of(store, self.system, under_way=own.name)
        told = worth(bank, past.evidence, self._pool_in(past))
        self.listener.step("retire", f"{len(bank)} items")
        # what a small pool agrees on may still tell the board's models apart
        board = past.reported(self.previous.hash)
        more = board.respondents if board is not None else ()
        of_all = worth(bank, past.evidence, self._pool_in(past, *more))
        gone = due(past, of_all, RetireRules(own.most_uses, own.saturated))
        self.listener.step("form", f"{own.size} items, {own.anchors} of them anchors")
        form = living_form(
            bank,
            self.system,
            FormRules(own.size, own.anchors, own.most_uses, own.seed),
            told,
            f"{self.system.id}/{own.name}",
            uses=past.uses,
            barred={*past.retired, *(one.item for one in gone)},
            previous=self.previous,
        )
        selection: Json = {
            "rules": own.selects,
            "accounts": [evolved.id, account_of([one.manifest["plan"] for one in pool])],
            "new": [item.id for item in new],
            "overlap": overlap,
            "retired": [asdict(one) for one in gone],
            "barred": dict(past.retired),
            "items": described(form, told, past),
        }
        write_text(self.folder / "selection.json", json.dumps(selection, indent=1) + "\n")
        write_text(self.form_file, form_text(form))
        return form, selection

    def _pool_in(self, past: Past, *more: str) -> list[str] | None:
        """Return those of the pool, and more, that answered anything; None: nobody did."""
        evidence = past.evidence
        names = {*(one.name for one in self.pool), *more}
        return None if evidence is None else [n for n in evidence.respondents if n in names] or None

    async def _logged(self, found: Sequence[Retirement]) -> None:
        """Log retirements, each once for the season: what was restored since is not undone."""
        own = self.settings
        async with open_store(own.workspace, own.db) as store:
            log = await retired_items(store, self.system.id, everything=True)
            ours = {row["item"] for row in log if row["detail"].get("season") == own.name}
            ours |= {row["item"] for row in await retired_items(store, self.system.id)}
            new = [
                replace(one, detail={**one.detail, "season": own.name})
                for one in found
                if one.item not in ours
            ]
            await log_retirements(store, self.system.id, new)

    # --- measuring ---

    @property
    def accounts(self) -> list[str]:
        """Accounts of the ledger that the evolution and the pool's answers were paid from.

        Of a season whose form is selected.
        """
        return self._read("selection")["accounts"]

    async def spent(self, accounts: Iterable[str]) -> Amount:
        """Return what was spent or reserved on accounts of the ledger, over all attempts."""
        own, tokens, usd = self.settings, 0, 0.0
        async with opened(own.workspace, own.db, make=False) as store:
            for account in accounts:
                budget = Budget(store, account)
                await budget.load()
                tokens, usd = tokens + budget.tokens, usd + budget.usd
        return Amount(tokens, usd)

    async def _left(self, accounts: Iterable[str]) -> Limits:
        """Return what earlier steps leave of the season's budget."""
        own, spent = self.settings, await self.spent(accounts)
        return Limits(
            tokens=None if own.tokens is None else max(own.tokens - spent.tokens, 0),
            usd=None if own.usd is None else max(own.usd - spent.usd, 0),
        )

    def measuring(self, models: Models, form: Path, occasion: str, limits: Limits) -> Settings:
        """Return how models are measured on a form."""
        own = self.settings
        return Settings(
            models=models,
            systems=(own.system,),
            form=str(form),
            items=self.bank_file,
            judge=own.judge,
            judge_mode=own.judge_mode or "one-call",
            occasion=occasion,
            workspace=own.workspace,
            db=own.db,
            limits=limits,
            patience=own.patience,
        )

    async def _measured(
        self, models: Models, form: Path, occasion: str, limits: Limits
    ) -> Measurements:
        return await run_async(self.measuring(models, form, occasion, limits), self.listener)

    async def _linked(self, form: Form, selection: Json, evolved: Evolved) -> Json:
        self.listener.step("link", f"{len(form.anchors)} anchors")
        own = self.settings
        async with open_store(own.workspace, own.db) as store:
            past = await past_of(store, self.system)
        about = {
            "id": evolved.id,
            "kept": len(evolved.items),
            "overlap": evolved.manifest["overlap"],
            "simulated": any(r.simulated for r in (*self.board, *self.pool)),
        }
        log, drifted = change_log(
            own.name, self.system, self.previous, form, selection, past, about
        )
        await self._logged(drifted)
        bank = {item.id: item for item in read_items(self.bank_file, self.system)}
        write_text(self.folder / "changes.json", inert(json.dumps(log, indent=1)) + "\n")
        write_text(self.folder / "changes.md", change_text(log, bank))
        return log
