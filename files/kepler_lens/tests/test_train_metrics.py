"""Figures of merit: against counting by hand, and their intervals."""

import numpy as np
import pytest

from kepler_lens.classify.calibration import Calibration, of_json
from kepler_lens.train import calibrate
from kepler_lens.train.metrics import DR24_MIX, curves, metrics, reliability, share, threshold

RNG = np.random.default_rng(5)
N = 400
LABEL = RNG.integers(0, 3, N)
# Rounded: ties must count half.
P = np.round(np.clip(0.5 + 0.3 * (LABEL == 0) + 0.25 * RNG.standard_normal(N), 0.01, 0.99), 2)
GROUP = np.arange(N) // 2


def by_hand_auc(p, planet):
    pairs = p[planet][:, None] - p[~planet][None]
    return ((pairs > 0) + 0.5 * (pairs == 0)).mean()


def by_hand_precision_recall(p, planet, weight):
    points = []
    for at in sorted(set(p), reverse=True):
        over = p >= at
        right = weight[over & planet].sum()
        points.append((right / weight[over].sum(), right / weight[planet].sum()))
    return points


def by_hand_ap(points):
    before = [0, *[recall for _, recall in points]]
    return sum(
        precision * (recall - old) for (precision, recall), old in zip(points, before, strict=False)
    )


def test_ranking_is_that_of_counting_pairs():
    found = metrics(P, LABEL, GROUP)
    planet = LABEL == 0
    assert found["auc"].value == pytest.approx(by_hand_auc(P, planet))
    for name, other in (("auc_afp", 1), ("auc_ntp", 2)):
        which = planet | (other == LABEL)
        assert found[name].value == pytest.approx(by_hand_auc(P[which], planet[which]))


@pytest.mark.parametrize("mixed", [False, True])
def test_precision_is_that_of_counting(mixed):
    weight = np.ones(N)
    if mixed:
        weight = np.array(DR24_MIX)[LABEL] / np.bincount(LABEL)[LABEL]
    points = by_hand_precision_recall(P, LABEL == 0, weight)
    found = metrics(P, LABEL, GROUP)
    prefix = "mixed_" if mixed else ""
    assert found[f"{prefix}ap"].value == pytest.approx(by_hand_ap(points))
    best = max((recall for precision, recall in points if precision >= 0.9), default=0)
    assert found[f"{prefix}recall"].value == pytest.approx(best)


def test_errors_of_calibration_are_of_the_calibrated():
    sure = np.where(LABEL == 0, 0.999, 0.001)
    assert metrics(P, LABEL, GROUP, sure)["brier"].value == pytest.approx(1e-6)
    assert metrics(P, LABEL, GROUP, sure)["ece"].value == pytest.approx(0.001)
    plain = metrics(P, LABEL, GROUP)
    assert plain["brier"].value == pytest.approx(((P - (LABEL == 0)) ** 2).mean())
    # All at one place: the bin's mean against the share of planets.
    level = np.full(N, 0.35)
    found = metrics(level, LABEL, GROUP)["ece"].value
    assert found == pytest.approx(abs(0.35 - (LABEL == 0).mean()))


def test_intervals_widen_where_candidates_share_a_star():
    together, alone = np.arange(N) // 40, np.arange(N)
    order = np.argsort(LABEL + 0.001 * P)
    found = [metrics(P[order], LABEL[order], g)["auc"] for g in (together, alone)]
    for figure in found:
        assert figure.low < figure.value < figure.high
    assert found[0].high - found[0].low > 1.5 * (found[1].high - found[1].low)


def test_a_class_that_is_not_there_gives_no_figure():
    found = metrics(P[LABEL != 1], LABEL[LABEL != 1], GROUP[LABEL != 1])
    assert np.isnan(found["auc_afp"].value)
    assert found["auc_ntp"].value == pytest.approx(found["auc"].value)


def test_shares_have_the_intervals_of_clopper_and_pearson():
    # Clopper and Pearson 1934: 95 % limits of 1 in 10 and of none in 10.
    assert share(1, 10).low == pytest.approx(0.00253, abs=1e-5)
    assert share(1, 10).high == pytest.approx(0.44502, abs=1e-5)
    assert share(0, 10).as_list() == [0.0, 0.0, pytest.approx(0.30850, abs=1e-5)]
    assert np.isnan(share(0, 0).value)


def test_a_threshold_keeps_its_precision_and_is_the_lowest():
    for mix in (None, DR24_MIX):
        weight = np.ones(N) if mix is None else np.array(mix)[LABEL] / np.bincount(LABEL)[LABEL]
        at = threshold(P, LABEL, 0.7, mix)
        precision = {
            t: weight[(t <= P) & (LABEL == 0)].sum() / weight[t <= P].sum() for t in set(P)
        }
        assert precision[at] >= 0.7
        assert all(precision[t] < 0.7 for t in precision if t < at)
    assert threshold(P, LABEL, 1.01, None) == 1.0


def test_curves_begin_low_and_end_whole():
    points = curves(P, LABEL)
    for name in ("recall", "fpr"):
        assert (np.diff(points[name]) >= 0).all()
        assert points[name][-1] == 1
    assert sum(n for _, _, n in reliability(P, LABEL)) == N


def draws(calibration, n, seed):
    """Probabilities that need a calibration, and labels drawn from the calibrated ones."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.7, 0.7, 0.7], n)
    q = calibration(p)
    return p, (rng.random((n, 1)) > np.cumsum(q, axis=1)).sum(axis=1)


def test_calibration_finds_what_the_labels_were_drawn_with():
    true = Calibration((0.6, 0.8, 1.2), (0.3, 0.0, -0.4))
    p, label = draws(true, 20000, 1)
    fitted = calibrate.fit(p, label)
    assert np.abs(fitted(p) - true(p)).max() < 0.04
    assert of_json(fitted.as_json()) == fitted
    error = [
        metrics(x[:, 0], label, np.arange(len(label)), resamples=0)["ece"].value
        for x in (p, calibrate.out_of_fold(p, label, np.arange(len(label)) % 5))
    ]
    assert error[1] < 0.01 < 0.03 < error[0]


def test_a_fold_is_calibrated_by_the_others_alone():
    p, label = draws(Calibration(), 600, 2)
    fold = np.arange(600) % 3
    before = calibrate.out_of_fold(p, label, fold)
    changed = np.where(fold == 0, (label + 1) % 3, label)
    after = calibrate.out_of_fold(p, changed, fold)
    assert np.array_equal(before[fold == 0], after[fold == 0])
    assert not np.allclose(before[fold == 1], after[fold == 1])


def test_calibration_keeps_probabilities():
    q = Calibration((2.0, 0.5, 1.0), (3.0, -3.0, 0.0))(np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]))
    assert q.sum(axis=1) == pytest.approx(1)
    assert np.isfinite(q).all()
