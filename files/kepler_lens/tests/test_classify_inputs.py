"""The shape's numbers, and the arrays that a network takes."""

import numpy as np
import pytest

from kepler_lens.classify import inputs as inputs_of
from kepler_lens.classify.inputs import BRANCHES, DEFAULT, USED, of_json
from kepler_lens.classify.records import VIEW_LENGTHS
from kepler_lens.classify.scalars import SCALARS, InputError
from kepler_lens.classify.shape import ODD, REDUCED, SHAPE, reduced, shape

PHASE = (np.arange(2001) - 1000) / 2001
DURATIONS = np.linspace(-4, 4, 201)
DUTY = 0.02


def views(second_phase=None, second_depth=0.3, wave=0.0, noise=0.02, seed=0):
    """A transit of one depth, noise, and on request a second dip and a wave in phase."""
    rng = np.random.default_rng(seed)
    near = np.abs(PHASE) < DUTY / 2
    whole = -1.0 * near + wave * np.cos(4 * np.pi * PHASE) * ~near
    whole += noise * rng.standard_normal(2001)
    if second_phase is not None:
        away = np.abs((PHASE - second_phase + 0.5) % 1 - 0.5)
        whole -= second_depth * (away < DUTY / 2)
    local = -1.0 * (np.abs(DURATIONS) < 0.5) + noise * rng.standard_normal(201)
    return whole.astype(np.float32)[None], local.astype(np.float32)[None]


def numbers(*args, **kwargs):
    whole, local = views(*args, **kwargs)
    found, dip = shape(whole, local, np.array([DUTY], np.float32))
    return dict(zip(SHAPE, found[0], strict=True)), dip[0]


@pytest.mark.parametrize("phase", [0.5, 0.3, -0.21, 0.498])
def test_a_second_dip_is_found_where_it_is(phase):
    found, dip = numbers(second_phase=phase)
    assert found["dip_phase"] == pytest.approx(abs(phase), abs=0.003)
    assert found["dip_depth"] == pytest.approx(0.3, abs=0.03)
    assert dip[30] == pytest.approx(-0.3, abs=0.1)
    without, flat = numbers()
    assert without["dip_depth"] < 0.05
    assert np.abs(flat).max() < 0.15
    assert found["dip_significance"] > without["dip_significance"] + 0.4


def test_what_stands_at_half_a_period_is_measured_there():
    assert numbers(second_phase=0.5)[0]["half_phase"] == pytest.approx(-0.3, abs=0.03)
    assert numbers(second_phase=0.3)[0]["half_phase"] == pytest.approx(0, abs=0.03)


def test_a_wave_in_phase_has_its_amplitude():
    assert numbers(wave=0.4)[0]["cosine_2"] == pytest.approx(0.4, abs=0.05)
    assert abs(numbers()[0]["cosine_2"]) < 0.02


def test_time_running_backwards_changes_signs_alone():
    whole, local = views(second_phase=0.3, wave=0.1)
    local[0, 120:140] += 0.2
    duty = np.array([DUTY], np.float32)
    ahead, _ = shape(whole, local, duty)
    back, _ = shape(whole[:, ::-1], local[:, ::-1], duty)
    assert np.where(ODD, -back, back) == pytest.approx(ahead, abs=2e-3)
    assert np.abs(ahead[0, ODD]).max() > 0.02


def test_bins_of_five_keep_the_narrowest_dip():
    view = np.zeros((1, 2001), np.float32)
    view[0, 777] = -1
    low, mean, high = np.moveaxis(reduced(view), 2, 0)
    assert low.shape == (1, REDUCED)
    assert (low.min(), high.max()) == (-1, 0)
    assert mean.min() == pytest.approx(-0.2)


@pytest.mark.parametrize("duty", [0.0, 1e-6, 0.02, 0.3, 0.9, 5.0])
@pytest.mark.parametrize("level", [0.0, 1.0, 1e6])
def test_numbers_are_finite_whatever_the_views(duty, level):
    rng = np.random.default_rng(1)
    for whole in (np.full((2, 2001), level), level * rng.standard_normal((2, 2001))):
        whole = whole.astype(np.float32)
        found, dip = shape(whole, whole[:, :201], np.full(2, duty, np.float32))
        assert np.isfinite(found).all()
        assert np.isfinite(dip).all()


def test_many_candidates_are_measured_as_one_by_one():
    whole = np.concatenate([views(seed=k)[0] for k in range(300)])
    local = np.concatenate([views(seed=k)[1] for k in range(300)])
    duty = np.linspace(0.001, 0.3, 300, dtype=np.float32)
    together, dips = shape(whole, local, duty)
    for k in (0, 255, 256, 299):
        one, dip = shape(whole[k : k + 1], local[k : k + 1], duty[k : k + 1])
        assert one[0] == pytest.approx(together[k], rel=1e-4, abs=1e-5)
        assert dip[0] == pytest.approx(dips[k], abs=1e-6)


def several(n=20, names=("global_view", "local_view")):
    rng = np.random.default_rng(3)
    made = {name: rng.standard_normal((n, VIEW_LENGTHS[name])).astype(np.float32) for name in names}
    scalars = np.full((n, len(SCALARS)), np.nan, np.float32)
    scalars[:, :3] = 10 ** rng.normal(0.5, 0.3, (n, 3))
    return made, {name: np.ones(n, bool) for name in names}, scalars


def test_branches_are_those_whose_views_are_there():
    assert inputs_of.fit(*several()).branches == ("local", "dip", "shape", "scalars")
    made, has, scalars = several(names=tuple(VIEW_LENGTHS))
    assert inputs_of.fit(made, has, scalars).branches == DEFAULT
    has["local_view_scatter"][:] = False
    has["secondary_view"][:] = False
    found = inputs_of.fit(made, has, scalars, branches=tuple(BRANCHES))
    assert found.branches == tuple(b for b in BRANCHES if b != "secondary")
    assert not found.scatter


def test_what_is_missing_switches_its_branch_off():
    made, has, scalars = several(names=tuple(VIEW_LENGTHS))
    has["local_view_odd"][3] = False
    scalars[4, 2] = np.nan
    found = inputs_of.fit(made, has, scalars)
    arrays = found.arrays(made, has, scalars)
    mask = arrays["mask"]
    assert mask[3, found.branches.index("odd_even")] == 0
    assert mask.sum() == mask.size - 1
    assert {k: v.shape[1:] for k, v in arrays.items()} == found.lengths()
    depth = USED.index("depth")
    assert arrays["scalars"][4, [depth, len(USED) + depth]].tolist() == [0, 0]
    assert arrays["scalars"][5, len(USED) + depth] == 1
    del made["secondary_view"], made["secondary_view_scatter"]
    without = found.arrays(made, has, scalars)
    assert (without["mask"][:, found.branches.index("secondary")] == 0).all()


@pytest.mark.parametrize("branch", [name for name, views in BRANCHES.items() if views])
def test_the_channels_of_scatter_are_known(branch):
    made, has, scalars = several(names=tuple(VIEW_LENGTHS))
    for name in made:
        if name.endswith("_scatter"):
            made[name][:] = 2
    found = inputs_of.fit(made, has, scalars, branches=(branch,))
    values = found.arrays(made, has, scalars)[branch]
    scatter = (values == 2).all(axis=(0, 1))
    assert scatter.any()
    of = np.arange(values.shape[2])[inputs_of.scatter_channels(branch, values.shape[2])]
    assert of.tolist() == np.flatnonzero(scatter).tolist()
    without = values.shape[2] - len(of)
    assert not np.arange(without)[inputs_of.scatter_channels(branch, without)].size


def test_standardisation_survives_json():
    found = inputs_of.fit(*several())
    assert of_json(found.as_json()) == found
    arrays = found.arrays(*several())
    assert np.abs(np.median(arrays["shape"], axis=0)).max() < 0.2
    assert np.abs(arrays["shape"]).max() <= 4


def test_what_is_needed_is_asked_for():
    made, has, scalars = several()
    found = inputs_of.fit(made, has, scalars)
    has["local_view"][2] = False
    with pytest.raises(InputError, match="Candidate 2 has no local_view"):
        found.arrays(made, has, scalars)
    has["local_view"][2] = True
    scalars[7, 1] = np.nan
    with pytest.raises(InputError, match="Candidate 7 has no period and duration"):
        found.arrays(made, has, scalars)
    with pytest.raises(InputError, match="no branch 'koi'"):
        inputs_of.fit(*several(), branches=("koi",))


def test_scalars_that_are_no_inputs_do_not_count():
    made, has, scalars = several()
    found = inputs_of.fit(made, has, scalars, names=("period", "depth"))
    before = found.arrays(made, has, scalars)
    scalars[:, SCALARS.index("mes")] = 9.0
    after = found.arrays(made, has, scalars)
    assert found.lengths()["scalars"] == (4,)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_an_input_that_knows_the_answer_is_refused():
    made, has, scalars = several()
    made["av_pred_class"] = made["local_view"]
    with pytest.raises(InputError, match="verdict"):
        inputs_of.fit(made, has, scalars)
    with pytest.raises(InputError, match="by heart"):
        inputs_of.fit(*several(), names=("period", "kepid"))
