"""The package's commands, run as their users run them."""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]

Done = subprocess.CompletedProcess[str]


def run(*words: object, module: str = "cli", answer: str = "", columns: int = 200) -> Done:
    """Run a command in this process, from its entry point to its exit status.

    Parameters
    ----------
    words
        Arguments of the command.
    module
        The module of the package whose ``main`` is the command.
    answer
        What is typed while the command runs.
    columns
        Width of the terminal.

    Returns
    -------
    subprocess.CompletedProcess
        As of a process of its own, which takes a core two seconds longer.
    """
    main = importlib.import_module(f"kepler_lens.{module}").main
    inward = io.TextIOWrapper(io.BytesIO(answer.encode()), encoding="utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _terminal(columns).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["kepler-lens", *map(str, words)])
        for name, stream in (("stdin", inward), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Done(words, status, *(_text(stream) for stream in (out, err)))


def process(*words: object, **environment: str) -> Done:
    """Run a command in a process of its own; `environment` adds to that of this process."""
    return subprocess.run(
        [sys.executable, "-m", "kepler_lens", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE), **_terminal(200), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _terminal(columns: int) -> dict[str, str]:
    return {"TERM": "dumb", "COLUMNS": str(columns)}


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
