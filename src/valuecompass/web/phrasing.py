"""Sentences that commands print, for who reads them on a page: no option, no command of a shell."""

from __future__ import annotations

import re

# what a page or its reader does instead, longest first
_SENTENCES = (
    (r"; make one with: valuecompass run\b[^;\n]*", "; the page Run makes one"),
    (r"; measure it once: valuecompass run\b[^;\n]*", "; measure it once on the page Run"),
    (r"; valuecompass board log (?:lists both|has all)", "; the page Board lists them"),
    (r"; who has: valuecompass board\b", ""),
    (r"repeat its valuecompass run with another --judge", "measure it again with another judge"),
    (r" \(only for ([^)]*)\); name one with --questionnaire FILE", r" (only for \1)"),
    (r"; give a file: --profiles FILE\.json with .*", "; compare with profiles of your own"),
    (r"repeat the command with a higher limit to go on", "resume the job with a higher limit"),
    (r", then repeat the command\b", ", then try again"),
    (r"(?<=environment) and repeat the command\b", " of the server and resume the job"),
    (r"\brepeat the command\b", "resume the job"),
    (r"\bin the environment\b(?! of the server)", "in the environment of the server"),
    (r"; --json shows every one as null", "; the JSON has every one as null"),
    (r": valuecompass judge (?:calibrate|label)\b", " (see Methods)"),
    (r"\(valuecompass judge label\)", "(page Label)"),
    (r"\(valuecompass serve (--allow-private)\)", r"(\1)"),
)
_NAMES = {
    "--baseline": "baseline",
    "--calibration": "calibration",
    "--calls": "limit of requests",
    "--date": "date",
    "--dims": "dimensions",
    "--examinees": "examinees",
    "--explorer": "explorers",
    "--form": "form",
    "--fresh": "fresh form",
    "--judge": "judge",
    "--judge-mode": "judge mode",
    "--kind": "items",
    "--language": "language",
    "--max-calls": "limit of requests",
    "--max-tokens": "limit of tokens",
    "--max-usd": "limit in USD",
    "--occasion": "occasion",
    "--opinions": "opinions",
    "--pool": "pool",
    "--preset": "preset",
    "--profiles": "profiles",
    "--safety": "safety",
    "--seeds": "seeds",
    "--strong-judge": "strong judge",
    "--system": "system",
    "--treatment": "treatment",
    "--weights": "weights",
    "-m": "respondents",
    "-s": "system",
}
"""Options that messages name, by what the pages call the same."""
_OPTION = re.compile(r"(\bwith )?(?<![\w-])(--[a-z]+(?:-[a-z]+)*|-[ms])(?![\w-])")
_RULES = tuple((re.compile(pattern), to) for pattern, to in _SENTENCES)


def for_pages(text: str) -> str:
    """Return a sentence of ours as a page says it; one that names no option stays as it is."""
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    return _OPTION.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    name = _NAMES.get(match[2])
    if name is None:
        return match[0]
    return f"as {name}" if match[1] else name
