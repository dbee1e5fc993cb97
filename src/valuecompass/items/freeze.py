"""Writes the frozen forms of the seed bank: ``python -m valuecompass.items.freeze``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from valuecompass.errors import InputError
from valuecompass.files import write_text
from valuecompass.items.bank import seed_items
from valuecompass.items.forms import Form, builtin_sizes, form_text, read_form, select_form
from valuecompass.values import BUILTIN, builtin_system

FROZEN = Path(__file__).parent / "frozen"


def freeze(folder: Path = FROZEN, *, replace: bool = False) -> list[Form]:
    """Write the form of every built-in system and size, all of them or none.

    Args:
        folder: where the files `SYSTEM-SIZE.json` lie.
        replace: let a form take the place of one with other content.

    Raises:
        InputError: a form of other content is there; measurements made with it could no longer
            be repeated.
    """
    forms = {
        folder / f"{system_id}-{size}.json": select_form(
            seed_items(system_id), builtin_system(system_id), size
        )
        for system_id in BUILTIN
        for size in builtin_sizes(system_id)
    }
    for path, form in forms.items():
        if path.exists() and not replace and read_form(path).hash != form.hash:
            raise InputError(f"{path}: a form of other content is frozen here; use --replace")
    for path, form in forms.items():
        write_text(path, form_text(form))
    return list(forms.values())


def main() -> int:
    """Freeze the forms and print the hash and the number of items of each."""
    parser = argparse.ArgumentParser(
        prog="python -m valuecompass.items.freeze", description=__doc__
    )
    parser.add_argument("--replace", action="store_true", help="overwrite forms of other content")
    try:
        forms = freeze(replace=parser.parse_args().replace)
    except InputError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for form in forms:
        print(f"{form.name:26} {form.hash} {len(form.items):5} items")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
