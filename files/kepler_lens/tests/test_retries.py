"""The policy of retries: what is sent again, when, and how long."""

import time

import pytest
import requests

from kepler_lens import retries
from kepler_lens.retries import ARCHIVE, GUESTS, SERVER, PassingError


class Failing:
    """Fails so many times, then gives the number of the call."""

    def __init__(self, times, error=None, seconds=0.0):
        self.times, self.calls, self.at = times, 0, []
        self.error = PassingError("away") if error is None else error
        self.seconds = seconds

    def __call__(self):
        self.at.append(time.monotonic())
        self.calls += 1
        time.sleep(self.seconds)
        if self.calls <= self.times:
            raise self.error
        return self.calls


@pytest.mark.parametrize(
    ("policy", "statuses", "longest_s"),
    [
        (SERVER, {429, 502, 503, 504}, 5),
        (GUESTS, {429, 503}, 2),
        (ARCHIVE, {408, 425, 429, 500, 502, 503, 504}, 30),
    ],
)
def test_what_may_pass_and_how_long_a_pause_is(policy, statuses, longest_s):
    assert (policy.statuses, policy.longest_pause_s) == (statuses, longest_s)


def test_pauses_grow_and_differ():
    failing = Failing(4)
    assert retries.patiently(failing, ARCHIVE, 30) == 5
    pauses = [after - before for before, after in zip(failing.at, failing.at[1:], strict=False)]
    for number, pause in enumerate(pauses):
        assert 0.125 * 2**number <= pause < 0.25 * 2**number + 0.2


def test_a_pause_is_as_long_as_the_server_asks_for():
    failing = Failing(1, PassingError("busy", retry_after=1.0))
    assert retries.patiently(failing, ARCHIVE, 30) == 2
    assert failing.at[1] - failing.at[0] >= 1.0


@pytest.mark.parametrize(("policy", "calls"), [(ARCHIVE, 1), (GUESTS, 1), (SERVER, 2)])
def test_patience_with_a_slow_failure(policy, calls):
    """Only for the server patience begins with the failure."""
    failing = Failing(9, seconds=0.6)
    with pytest.raises(PassingError, match="away"):
        retries.patiently(failing, policy, 0.5)
    assert failing.calls == calls


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (PassingError("x"), True),
        (requests.ConnectionError("x"), True),
        (requests.Timeout("x"), True),
        (requests.exceptions.ChunkedEncodingError("x"), True),
        (requests.exceptions.SSLError("EOF occurred"), True),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), False),
        (requests.exceptions.InvalidURL("x"), False),
        (ValueError("x"), False),
    ],
)
def test_a_lost_connection_may_pass_and_a_wrong_certificate_not(error, passes):
    failing = Failing(1, error)
    if passes:
        assert retries.patiently(failing, GUESTS, 9) == 2
    else:
        with pytest.raises(type(error)):
            retries.patiently(failing, GUESTS, 9)
        assert failing.calls == 1


def test_a_batch_is_tried_again_after_each_pause():
    assert retries.after_pauses(Failing(2, KeyError("x")), KeyError, (0, 0)) == 3
    for failing, kind in ((Failing(3, KeyError("x")), KeyError), (Failing(1, OSError()), KeyError)):
        with pytest.raises(type(failing.error)):
            retries.after_pauses(failing, kind, (0, 0))


def test_the_innermost_cause_is_named():
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get("http://127.0.0.1:9/", timeout=5)
    assert retries.cause(caught.value) == "Connection refused"
