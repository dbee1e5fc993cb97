"""Disk taken by what `pip install 'valuecompass[local]'` brings, package by package.

    python benchmarks/install_size.py

Walks the requirements of the installed package (core and `local`, without `dev`) and sums the
files that each distribution has recorded, byte code included, as `du` would.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

LIMIT_MB = 1_000


def needed(name: str, extras: tuple[str, ...]) -> dict[str, Distribution]:
    """Return the distributions that a package needs, itself left out."""
    found: dict[str, Distribution] = {}
    queue = [(name, extras)]
    done: set[tuple[str, tuple[str, ...]]] = set()
    while queue:
        name, extras = queue.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform
            continue
        found[re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()] = package
        for line in package.requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
                queue.append((requirement.name, tuple(sorted(requirement.extras))))
    return found


def size(package: Distribution) -> int:
    """Return the bytes on disk of a distribution, in blocks of 512 bytes."""
    blocks = 0
    for file in package.files or ():
        path = Path(str(package.locate_file(file)))
        if path.is_file():
            blocks += path.stat().st_blocks
    return 512 * blocks


def main() -> None:
    """Print the table."""
    packages = needed("valuecompass", ("local",))
    packages.pop("valuecompass", None)
    sizes = sorted(((size(p), n) for n, p in packages.items()), reverse=True)
    for bytes_, name in sizes[:25]:
        print(f"{bytes_ / 1e6:8.1f} MB  {name}")
    rest = sum(b for b, _ in sizes[25:])
    print(f"{rest / 1e6:8.1f} MB  {len(sizes) - min(25, len(sizes))} others")
    total = sum(b for b, _ in sizes) / 1e6
    print(f"{total:8.1f} MB  in all, {len(sizes)} packages (limit {LIMIT_MB} MB)")


if __name__ == "__main__":
    main()
