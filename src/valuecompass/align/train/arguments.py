"""Settings of `valuecompass train d2o`: from a config file and arguments, by TRL's parser."""
# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from valuecompass.errors import InputError


@dataclass
class ScriptArguments:
    """What is trained on."""

    train_rows: list[str] = field(
        default_factory=list,
        metadata={"help": "JSONL files with prompt, rejected and anchors (train anchors)."},
    )
    eval_rows: list[str] = field(
        default_factory=list, metadata={"help": "Rows of the same kind to evaluate on."}
    )

    def __post_init__(self) -> None:
        for name in ("train_rows", "eval_rows"):
            if isinstance(given := getattr(self, name), str):  # one, as a config file may say it
                setattr(self, name, [given])


def parsed(argv: Sequence[str] | None) -> tuple[ScriptArguments, Any, Any]:
    """Return the settings that a config file and arguments say.

    Raises:
        InputError: no such file, an unknown field, or a value that a field does not take.
    """
    import yaml
    from trl import ModelConfig, TrlParser

    from valuecompass.align.train.d2o import D2OConfig

    given = list(sys.argv[1:] if argv is None else argv)
    kinds: Any = (ScriptArguments, D2OConfig, ModelConfig)
    parser: Any = TrlParser(kinds, prog="valuecompass train d2o")
    name = given[given.index("--config") + 1] if "--config" in given[:-1] else "arguments"

    def error(message: str) -> None:
        raise InputError(f"{name}: {message}")

    def with_config(**config: Any) -> Any:
        _check_kinds(parser, config)
        return set_defaults(**config)

    parser.error, set_defaults = error, parser.set_defaults_with_config
    parser.set_defaults_with_config = with_config
    try:
        found = parser.parse_args_and_config(given)
        _check_choices(parser)
        rate = found[1].learning_rate
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(f"learning_rate: {rate}: give a number from 0 on")
    except (OSError, ValueError, TypeError, yaml.YAMLError) as problem:
        reason = getattr(problem, "strerror", None) or " ".join(str(problem).split())
        raise InputError(f"{name}: {_plain(reason)}") from None
    return found


def _check_kinds(parser: Any, config: dict[str, Any]) -> None:
    """Refuse a list where a field takes a number, and the like.

    The parser reads texts only: whatever else a file holds, it hands on.

    Raises:
        ValueError: naming the field.
    """
    for action in parser._actions:
        given = config.get(action.dest)
        if given is None or isinstance(given, str) or action.choices is not None:
            continue
        if action.nargs in ("+", "*"):
            if not isinstance(given, list):
                raise ValueError(f"{action.dest}: {given!r}: give a text or a list of texts")
        elif action.type is not None:
            try:
                action.type(str(given))
            except (ValueError, TypeError, argparse.ArgumentTypeError):
                raise ValueError(
                    f"{action.dest}: {given!r} is no value of this field; valuecompass train "
                    "d2o --fields names what it takes"
                ) from None


def _check_choices(parser: Any) -> None:
    """Refuse what a config file says in place of one of a field's choices.

    The parser checks arguments only: a file's values are defaults to it.

    Raises:
        ValueError: naming the field.
    """
    for action in parser._actions:
        given = getattr(action.default, "value", action.default)
        if action.choices is None or given is None or given == argparse.SUPPRESS:
            continue
        choices = [str(choice) for choice in action.choices]
        if any(str(one) not in choices for one in (given if isinstance(given, list) else [given])):
            raise ValueError(f"{action.dest}: {given!r}: invalid choice; give {', '.join(choices)}")


def _plain(reason: str) -> str:
    """Return what a parser says of unknown fields as people name them."""
    match = re.search(
        r"(?:Unknown arguments from config file|not used by the .*?): \[(.*?)\]", reason
    )
    if match is None:
        return reason
    names = re.findall(r"'--(\w+)'", match[1])
    return f"unknown field {', '.join(names)}; valuecompass train d2o --fields names them"
