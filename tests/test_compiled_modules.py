"""What Python compiles out of a zip file is compiled once, and again if its source changes."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from plays import COMPILED


@pytest.fixture
def said(tmp_path):
    """Import a module of this source out of a zip file, and return what the module prints."""

    def run(source: str) -> str:
        packed = tmp_path / "packed.zip"
        with ZipFile(packed, "w") as file:
            file.writestr("thing.py", source)
        paths = os.pathsep.join([str(COMPILED), str(packed)])
        own = {"PYTHONPATH": paths, "COMPILED_MODULES": str(tmp_path / "some" / "kept")}
        done = subprocess.run(
            [sys.executable, "-c", "import thing"],
            env=os.environ | own,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    return run


def kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "some" / "kept").iterdir())


def test_it_is_compiled_once(said, tmp_path):
    assert said("print('as it is')") == "as it is"
    (path,) = kept(tmp_path)
    path.write_bytes(marshal.dumps(compile("print('as it was kept')", "thing.py", "exec")))
    assert said("print('as it is')") == "as it was kept"
    assert kept(tmp_path) == [path]


def test_a_changed_source_is_compiled_again(said, tmp_path):
    for words in ("one", "other"):
        assert said(f"print('{words}')") == words
    assert len(kept(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_changes_nothing(said, tmp_path):
    (tmp_path / "some").write_text("a file")
    assert said("print('as it is')") == "as it is"
