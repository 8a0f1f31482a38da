"""What the tests share: a process that renders the templates of roles, and runs of modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_modules import loaded
from renders import Renderer


@pytest.fixture(scope="session")
def render() -> Iterator[Renderer]:
    """Render templates of roles, or texts, for a host; see `Renderer`."""
    renderer = Renderer()
    yield renderer
    renderer.close()


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a module with arguments and returns its result."""

    def run(
        name: str, /, *, check: bool = False, diff: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        given = arguments | {"_ansible_check_mode": check, "_ansible_diff": diff}
        with patch_module_args(given), pytest.raises(SystemExit):
            loaded(name).main()
        return json.loads(capsys.readouterr().out)

    return run
