"""TRANSITS answers only the holder of its token, and explains errors."""

from __future__ import annotations

import pytest
from lab import SERVER


@pytest.fixture(scope="module")
def token(lab) -> str:
    done = lab.host(SERVER).run("test -e /opt/warp10/calls/transits && cat %s", CALL)
    if done.rc != 0:
        pytest.skip("TRANSITS is off: set warp10_transits")
    return done.stdout.strip()


CALL = "/etc/warp10/tokens/call.token"


@pytest.mark.usefixtures("token")
def test_another_token_is_refused(lab):
    with pytest.raises(AssertionError, match="not the call token"):
        lab.execute("@HELLOEXOWORLD/GETREADTOKEN 1 @HELLOEXOWORLD/TRANSITS")


def test_a_star_that_is_not_there_is_said_to_be_so(lab, token):
    with pytest.raises(AssertionError, match="no long cadence of star 999"):
        lab.execute(f"'{token}' 999 @HELLOEXOWORLD/TRANSITS")
