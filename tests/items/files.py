"""Item files that the tests of reading and writing share."""

from pathlib import Path

from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
SUFFIXES = ("jsonl", "csv", "tsv", "parquet")
HEADER = "kind,text,dimensions\n"
GOOD = "question,Should bells ring at dawn?,Tradition\n"


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet(path: Path, rows: list[dict]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
