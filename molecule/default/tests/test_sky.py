"""Requests of one star, and the status, cost the same for any number of stars.

This file runs last in its scenario: it leaves 20,000 stars behind, in the form that the import and
the search write. `make bench-sky` does the same with 550,000 stars and prints seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
from kepler_lens.ledger import Ledger
from kepler_lens.transit_search.store.read import newest
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register
from lab import SCHEDULER, SERVER
from sky_stars import curve_of, fill, star_of

FEW, MANY = 2_000, 20_000
ROUNDS = 9
# A request that reads all stars takes ten times as long with ten times as many. The status reads a
# sum for each bucket of stars; of buckets there are then 2.3 times as many, and never over 4,000.
MOST, SLACK_S = 3.0, 0.1
"""Allowed factor, and allowed seconds more: on a busy machine, short answers vary by as much."""
KNOWN = {"period": "1", "depth": "100", "snr": "10"}


class Database:
    def __init__(self, lab) -> None:
        self.lab = lab
        self.warp10 = Warp10(lab.url)
        names = ("write", "read", "ledger-read", "ledger-write", "results-write")
        self.tokens = {name: self.token(name) for name in names}
        self.ledger = Ledger(self.warp10, self.tokens["ledger-read"], self.tokens["ledger-write"])

    def token(self, name: str) -> Token:
        return Token(self.lab.shell(SERVER, f"cat /etc/warp10/tokens/{name}.token").strip())

    def fill(self, first: int, last: int) -> None:
        for _ in fill(self.warp10, self.tokens, first, last, KNOWN):
            pass
        said = self.lab.shell(
            SCHEDULER,
            "runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens status --recount "
            "--job /etc/kepler-lens/import.json",
        )
        assert "sums=right" in said

    def asked(self) -> dict[str, Callable[[], object]]:
        stars = [star_of(index)[1] for index in range(11)]
        read = self.tokens["read"]
        candidates = f"{{ 'KEPLERID' '{stars[0]}' }} @HELLOEXOWORLD/CANDIDATES"
        return {
            "status": self.ledger.summary,
            "the ledger's entries of eleven stars": lambda: self.ledger.entries(stars),
            "the register of eleven stars": lambda: Register(self.warp10, read).read(stars),
            "the search of a star": lambda: newest(self.warp10, read, stars[0]),
            "the candidates of a star": lambda: self.lab.execute(candidates),
        }

    def seconds(self) -> dict[str, float]:
        return {name: _median(ask) for name, ask in self.asked().items()}


def _median(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        ask()
        times.append(time.monotonic() - began)
    return statistics.median(times)


@pytest.fixture(scope="module")
def sky(lab) -> tuple[Database, dict[str, float], dict[str, float]]:
    """The database, and the seconds of its answers with few stars and with many."""
    database = Database(lab)
    if database.ledger.summary().stars > FEW:
        pytest.skip("this lab has the many stars already: make it anew to compare with few")
    database.fill(0, FEW)
    few = database.seconds()
    database.fill(FEW, MANY)
    return database, few, database.seconds()


def test_what_touches_one_star_costs_the_same_among_ten_times_as_many(sky):
    _, few, many = sky
    print({name: f"{few[name]:.4f} and {many[name]:.4f} s" for name in few})
    slower = {name for name in few if many[name] > MOST * few[name] + SLACK_S}
    assert not slower, {name: (few[name], many[name]) for name in slower}


def test_the_answers_are_right(sky):
    database, _, _ = sky
    before = database.lab.counts()
    summary = database.ledger.summary()
    assert summary.whole
    assert summary.stars == len({star for _, star, _ in before})
    assert summary.points == sum(before.values())
    curve = curve_of(0)
    (entry,) = database.ledger.entries([curve.star])[curve.star]
    assert entry.points == 2 * len(curve.time_us)
    assert newest(database.warp10, database.tokens["read"], curve.star).candidates == 1
    (found,) = database.lab.execute(f"{{ 'KEPLERID' '{curve.star}' }} @HELLOEXOWORLD/CANDIDATES")[0]
    assert found["l"]["KEPLERID"] == str(curve.star)
