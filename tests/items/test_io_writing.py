"""Writing item files: an error or a kill leaves the old file whole."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.items.files import SCHWARTZ, SUFFIXES, written
from valuecompass.errors import InputError
from valuecompass.items import seed_items
from valuecompass.items.io import read_items, write_items


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_while_writing_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"items.{suffix}"
    old = list(seed_items("schwartz")[:3])
    write_items(old, path)

    def failing():
        yield from seed_items("schwartz")[3:50]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_items(failing(), path)
    assert read_items(path, SCHWARTZ) == old
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_kill_while_writing_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"items.{suffix}"
    old = list(seed_items("schwartz")[:3])
    write_items(old, path)
    script = """
        import os, signal, sys
        from pathlib import Path
        from valuecompass.items import seed_items
        from valuecompass.items.io import write_items

        def dying():
            yield from seed_items("schwartz")
            os.kill(os.getpid(), signal.SIGKILL)

        write_items(dying(), Path(sys.argv[1]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert read_items(path, SCHWARTZ) == old


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = written(tmp_path / "file", "")
    with pytest.raises(InputError, match="cannot be written"):
        write_items([], blocked / "items.csv")
