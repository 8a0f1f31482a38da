"""What a training does to its examples, as a function of (seed, epoch, step)."""

import numpy as np
import pytest

from kepler_lens.classify.scalars import SCALARS
from kepler_lens.classify.shape import ODD, SHAPE
from kepler_lens.train.augment import Augment, batches, steps

N = 70
BRANCHES = ("local", "dip", "shape", "scalars")
PLAIN = Augment(0, 0, 0, 0, 0, 0, 0)


def arrays():
    rng = np.random.default_rng(0)
    shapes = {"local": (201, 1), "dip": (61, 1), "shape": (len(SHAPE),), "mask": (4,)}
    made = {k: rng.standard_normal((N, *s)).astype(np.float32) for k, s in shapes.items()}
    made["mask"][:] = 1
    made["scalars"] = np.ones((N, 2 * len(SCALARS)), np.float32)
    # The example's number, to be found again.
    made["shape"][:, 0] = np.arange(N)
    return made


def epoch(number, augment=None, seed=4, size=16):
    target = np.eye(3, dtype=np.float32)[np.arange(N) % 3]
    drawn = batches(arrays(), target, BRANCHES, augment or Augment(), size, seed, number)
    return list(drawn)


def test_the_same_epoch_is_the_same_and_another_is_not():
    one, again, other, seeded = epoch(3), epoch(3), epoch(4), epoch(3, seed=5)
    for (a, t), (b, u) in zip(one, again, strict=True):
        assert np.array_equal(t, u)
        assert all(np.array_equal(a[name], b[name]) for name in a)
    for different in (other, seeded):
        assert not np.array_equal(one[0][0]["local"], different[0][0]["local"])


def test_a_step_does_not_depend_on_those_before():
    target = np.eye(3, dtype=np.float32)[np.zeros(N, int)]
    drawn = batches(arrays(), target, BRANCHES, Augment(), 16, 4, 3)
    next(drawn)
    assert np.array_equal(next(drawn)[0]["local"], epoch(3)[1][0]["local"])


def test_each_example_is_seen_once_and_the_originals_stay():
    before = arrays()
    seen = np.concatenate([batch["shape"][:, 0] for batch, _ in epoch(0, PLAIN)])
    assert len(seen) == len(set(seen)) == N // 16 * 16
    target = np.eye(3, dtype=np.float32)[np.arange(N) % 3]
    list(batches(before, target, BRANCHES, Augment(), 16, 4, 0))
    assert all(np.array_equal(before[name], values) for name, values in arrays().items())
    assert (steps(N, 16), steps(3, 16)) == (4, 1)


def test_time_runs_backwards_for_half_of_them_in_all_views_at_once():
    whole = arrays()
    back = 0
    for batch, _ in epoch(0, PLAIN):
        for row in range(16):
            k = int(batch["shape"][row, 0])
            flipped = np.array_equal(batch["local"][row], whole["local"][k, ::-1])
            assert flipped or np.array_equal(batch["local"][row], whole["local"][k])
            assert np.array_equal(batch["dip"][row], whole["dip"][k, :: -1 if flipped else 1])
            sign = np.where(ODD, -1 if flipped else 1, 1)
            assert np.array_equal(batch["shape"][row], whole["shape"][k] * sign)
            back += flipped
    assert 16 < back < 48


def test_branches_and_scalars_are_dropped_as_often_as_asked():
    strong = Augment(0, 0, 0, drop_branch=0.2, drop_further=0.7, drop_scalar=0.4, smoothing=0)
    drawn = [batch for k in range(30) for batch, _ in epoch(k, strong)]
    mask = np.concatenate([batch["mask"] for batch in drawn])
    assert mask[:, :3].mean() == pytest.approx(0.8, abs=0.04)
    assert mask[:, 3].mean() == pytest.approx(0.3, abs=0.04)
    assert mask.any(axis=1).all()
    values = np.concatenate([batch["scalars"] for batch in drawn])
    known = values[:, len(SCALARS) :]
    assert known.mean() == pytest.approx(0.6, abs=0.03)
    assert (values[:, : len(SCALARS)][known == 0] == 0).all()


def test_nothing_that_is_missing_comes_back():
    made = arrays()
    made["mask"][:, 1] = 0
    made["scalars"][:, [0, len(SCALARS)]] = 0
    target = np.eye(3, dtype=np.float32)[np.zeros(N, int)]
    for batch, _ in batches(made, target, BRANCHES, Augment(), 16, 1, 0):
        assert (batch["mask"][:, 1] == 0).all()
        assert (batch["scalars"][:, [0, len(SCALARS)]] == 0).all()


def test_labels_are_smoothed():
    _, target = epoch(0, Augment(smoothing=0.06))[0]
    assert np.allclose(np.sort(target, axis=1), [0.02, 0.02, 0.96])


def test_the_scatter_of_views_is_hidden_as_often_as_further_branches_are():
    channels = {"local": 2, "odd_even": 4, "global": 4}
    lengths = {"local": 201, "odd_even": 201, "global": 401}
    made = {n: np.ones((N, lengths[n], k), np.float32) for n, k in channels.items()}
    made["mask"] = np.ones((N, 3), np.float32)
    branches, target = tuple(channels), np.ones((N, 3), np.float32) / 3
    (batch, _), *_ = batches(made, target, branches, Augment(), N, 4, 3)
    hidden = (batch["local"][:, :, 1] == 0).all(axis=1)
    assert 0.3 < hidden.mean() < 0.7
    for name, scatter in (("local", [1]), ("odd_even", [1, 3]), ("global", [3])):
        gone = (batch[name] == 0).all(axis=1)
        assert (gone == np.isin(np.arange(channels[name]), scatter) * hidden[:, None]).all(), name
