"""The network's training on the published records: resumed, refused, and what it must not learn."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip(
    "keras", reason="the packages of requirements-train.txt are not installed"
)

from train_child import small  # noqa: E402

from kepler_lens.classify import inputs as inputs_of  # noqa: E402
from kepler_lens.classify.bundle import Bundle  # noqa: E402
from kepler_lens.classify.dataset import load  # noqa: E402
from kepler_lens.classify.manifest import DataSetError  # noqa: E402
from kepler_lens.classify.records import VIEW_LENGTHS  # noqa: E402
from kepler_lens.classify.scalars import SCALARS, InputError  # noqa: E402
from kepler_lens.classify.splits import SplitError, check_split  # noqa: E402
from kepler_lens.train import runs, trainer  # noqa: E402
from kepler_lens.train.errors import TrainingError  # noqa: E402
from kepler_lens.train.export import TOLERANCE, export  # noqa: E402
from kepler_lens.train.metrics import auc  # noqa: E402
from kepler_lens.train.network import Size, build, ensemble, probabilities  # noqa: E402

CHILD = Path(__file__).with_name("train_child.py")
QUICK = replace(trainer.Plan(), epochs=2, batch=32)
SETTINGS = runs.Settings(folds=2, per_fold=1, members=2, plan=QUICK)


@pytest.fixture(scope="module")
def records(data):
    return data / "astronet" / "train-00000-of-00008"


@pytest.fixture(scope="module")
def examples(records):
    return small(records)


def child(records, folder, members, epochs, *kill, **environment):
    command = [sys.executable, str(CHILD), *map(str, (records, folder, members, epochs, *kill))]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def weights(folder):
    """All that the networks of a run came to, but for seconds."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as content:
            found |= {f"{path.name} {k}": content[k] for k in content if k != "history"}
            for row in json.loads(content["history"].tobytes()):
                found[f"{path.name} {row['epoch']}"] = [row["loss"], row["validation_loss"]]
    return found


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


@pytest.fixture(scope="module")
def uninterrupted(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    done = child(records, folder, 1, 3)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) == 3 * 3 + 1
    return folder


@pytest.mark.parametrize("kill", [(1, 1, 1), (2, 0, 0)])
def test_killed_and_started_again_the_weights_are_the_same(records, uninterrupted, tmp_path, kill):
    dead = child(records, tmp_path, 1, 3, *kill)
    assert dead.returncode == -9
    again = child(records, tmp_path, 1, 3)
    assert again.returncode == 0, again.stderr
    assert same(weights(uninterrupted), weights(tmp_path))
    # Nothing is done twice: each epoch that was finished was told once.
    told = dead.stdout.split("\n")[:-1] + again.stdout.split("\n")[:-1]
    assert len(told) == len(set(told)) == 3 * 3


def test_the_same_network_trains_on_jax(records, tmp_path, uninterrupted):
    pytest.importorskip("jax", reason="jax is not installed")
    done = child(records, tmp_path, 1, 3, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    # The same examples in the same order: what differs is rounding, and how dropout draws.
    one, other = weights(uninterrupted), weights(tmp_path)
    assert one.keys() == other.keys()
    assert one["member0.npz 0"] == pytest.approx(other["member0.npz 0"], rel=0.1)


def test_another_training_in_the_folder_is_refused(records, uninterrupted):
    found = child(records, uninterrupted, 2, 3)
    assert found.returncode != 0
    assert "another training stands here (settings differ)" in found.stderr


def test_networks_of_other_code_do_not_mix(examples, tmp_path, monkeypatch):
    runs._claim(tmp_path, examples, SETTINGS)
    runs._claim(tmp_path, examples, SETTINGS)
    monkeypatch.setattr(runs, "code_digest", lambda _: "of other code")
    with pytest.raises(TrainingError, match=r"another training stands here \(code differ\)"):
        runs._claim(tmp_path, examples, SETTINGS)


def part(examples, inputs):
    target = np.eye(3, dtype=np.float32)[examples.label]
    return trainer.Part(inputs.arrays(examples.views, examples.has, examples.scalars), target)


def inputs_for(examples, *branches):
    chosen = branches or inputs_of.DEFAULT
    return inputs_of.fit(examples.views, examples.has, examples.scalars, chosen)


def test_a_missing_view_is_a_dropped_branch(examples):
    """What stands in a view that is missing cannot matter."""
    rng = np.random.default_rng(0)
    views, has = dict(examples.views), dict(examples.has)
    for name in VIEW_LENGTHS:
        if name not in views:
            views[name] = rng.standard_normal((len(examples), VIEW_LENGTHS[name]), np.float32)
            has[name] = rng.random(len(examples)) < 0.7
    branches = tuple(inputs_of.BRANCHES)
    inputs = inputs_of.fit(views, has, examples.scalars, branches, SCALARS)
    assert inputs.branches == branches
    model = build(inputs, Size(filters=4, branch=8, joined=16), 1)
    arrays = inputs.arrays(views, has, examples.scalars)
    whole = probabilities(model, arrays)
    for k, branch in enumerate(inputs.branches):
        dropped = arrays | {"mask": arrays["mask"].copy()}
        dropped["mask"][:, k] = 0
        garbage = dropped | {branch: rng.standard_normal(arrays[branch].shape).astype(np.float32)}
        assert np.array_equal(probabilities(model, dropped), probabilities(model, garbage))
        assert not np.array_equal(probabilities(model, dropped), whole)


def test_branches_of_views_that_some_lack_are_trained(examples, tmp_path):
    """A record without the further views trains the same network as one with them."""
    views, has = dict(examples.views), dict(examples.has)
    views["secondary_view"] = examples.views["local_view"][:, ::-1].copy()
    has["secondary_view"] = np.arange(len(examples)) % 2 == 0
    inputs = inputs_of.fit(views, has, examples.scalars)
    assert "secondary" in inputs.branches
    model = build(inputs, Size(), 1)
    before = [w.copy() for w in model.get_weights()]
    target = np.eye(3, dtype=np.float32)[examples.label]
    some = trainer.Part(inputs.arrays(views, has, examples.scalars), target)
    trainer.train(
        model, some, some, inputs.branches, replace(QUICK, epochs=1), 1, tmp_path / "checkpoint"
    )
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_shuffled_labels_teach_nothing(data, tmp_path):
    every = load(data / "astronet", views=("global_view", "local_view"))
    inputs = inputs_for(every, "shape")
    label = np.random.default_rng(0).permutation(every.label)
    shuffled = replace(every, label=label)
    train = np.arange(len(every)) % 2 == 0
    model = build(inputs, Size(), 1)
    plan = replace(trainer.Plan(), epochs=8)
    some = part(shuffled.select(train), inputs)
    trainer.train(model, some, some, inputs.branches, plan, 1, tmp_path / "shuffled")
    rest = part(shuffled.select(~train), inputs)
    found = auc(probabilities(model, rest.arrays)[:, 0].astype(float), label[~train])
    assert found == pytest.approx(0.5, abs=0.05)
    # The same with the labels as they are: that the network could have learnt them.
    model = build(inputs, Size(), 1)
    real = part(every.select(train), inputs)
    trainer.train(model, real, real, inputs.branches, plan, 1, tmp_path / "real")
    assert auc(probabilities(model, rest.arrays)[:, 0].astype(float), every.label[~train]) > 0.95


def test_an_input_that_knows_the_answer_is_refused(examples, tmp_path):
    for name in ("av_pred_class", "tce_nkoi", "kepid", "koi_score", "tce_plnt_num"):
        settings = replace(SETTINGS, scalars=("period", name))
        with pytest.raises(InputError, match=f"{name} cannot be an input"):
            runs.run(examples, tmp_path, settings, lambda *_: None)


def test_a_split_by_candidate_is_refused(data):
    every = load(data / "astronet", views=("global_view", "local_view"))
    by_candidate = np.arange(len(every)) % 2
    with pytest.raises(SplitError, match="split by candidate is refused"):
        check_split(by_candidate, every.star, every.group, every.synthetic, ["a", "b"])


def test_one_class_alone_is_refused(examples, tmp_path):
    planets = examples.select(examples.label == 0)
    with pytest.raises(DataSetError, match="80 PC: a network learns to tell PC from AFP or NTP"):
        runs.run(planets, tmp_path, SETTINGS, lambda *_: None)


def test_a_loss_that_is_no_number_ends_in_a_sentence(examples, tmp_path):
    inputs = inputs_for(examples, "shape", "scalars")
    model = build(inputs, Size(), 1)
    broken = part(examples, inputs)
    broken.arrays["shape"][5, 3] = np.nan
    with pytest.raises(TrainingError, match="in epoch 1 the loss was nan, which is no number"):
        trainer.train(model, broken, broken, inputs.branches, QUICK, 1, tmp_path / "checkpoint")


def test_a_full_disk_keeps_the_last_good_checkpoint(examples, tmp_path):
    inputs = inputs_for(examples, "shape", "scalars")
    some = part(examples, inputs)
    checkpoint = tmp_path / "checkpoint"

    def go(epochs, model):
        plan = replace(QUICK, epochs=3)
        told = []

        def full(epoch):
            told.append(epoch.epoch)
            if len(told) == epochs:
                # A limit of the kernel's on what a file may hold is as good as a full disk.
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))

        trainer.train(model, some, some, inputs.branches, plan, 1, checkpoint, full)
        return told

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(TrainingError, match="make room and start the same command again"):
            go(1, build(inputs, Size(), 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    resumed = build(inputs, Size(), 1)
    assert go(99, resumed) == [1, 2]
    whole = build(inputs, Size(), 1)
    checkpoint.unlink()
    go(99, whole)
    assert all(map(np.array_equal, resumed.get_weights(), whole.get_weights()))


def test_a_damaged_checkpoint_is_named(examples, tmp_path):
    inputs = inputs_for(examples, "shape")
    (tmp_path / "checkpoint").write_bytes(b"PK\x03\x04 nothing")
    some = part(examples, inputs)
    with pytest.raises(TrainingError, match=r"checkpoint: this checkpoint cannot be read .* anew"):
        trainer.train(
            build(inputs, Size(), 1), some, some, inputs.branches, QUICK, 1, tmp_path / "checkpoint"
        )


def test_a_training_ends_early_with_its_best_weights(examples, tmp_path):
    inputs = inputs_for(examples, "shape")
    some = part(examples, inputs)
    # What is validated on has other labels: the more is learnt, the worse it gets.
    other = trainer.Part(some.arrays, np.roll(some.target, 1, axis=1))
    model = build(inputs, Size(), 1)
    plan = replace(trainer.Plan(), epochs=30, patience=3)
    history = trainer.train(model, some, other, inputs.branches, plan, 1, tmp_path / "checkpoint")
    briers = [epoch.validation_brier for epoch in history]
    assert len(history) < 12
    assert int(np.argmin(briers)) == len(history) - 4
    p = probabilities(model, other.arrays)[:, 0]
    assert ((p - other.target[:, 0]) ** 2).mean() == pytest.approx(min(briers), rel=1e-5)


@pytest.fixture(scope="module")
def bundle(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    done = runs.run(examples, folder / "run", SETTINGS, lambda *_: None)
    return done, export(done, folder / "model", {"astronet-1": ""}, {"a_table": "0" * 64})


def test_onnx_gives_what_keras_gives(bundle):
    run, made = bundle
    known = run.examples
    arrays = run.inputs.arrays(known.views, known.has, known.scalars)
    members, _ = made.run(arrays)
    for k, member in enumerate(run.members):
        assert np.abs(members[:, k] - probabilities(member, arrays)).max() <= TOLERANCE
    together = ensemble(run.members, run.inputs)
    found = together({name: values[:3] for name, values in arrays.items()})
    assert np.asarray(found["members"]) == pytest.approx(members[:3], abs=TOLERANCE)


def test_a_member_is_read_again_as_it_was(bundle):
    run, made = bundle
    again = keras.saving.load_model(Path(made.source) / "member-1.keras")
    pairs = zip(again.get_weights(), run.members[1].get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_the_bundle_says_what_it_was_made_of(bundle):
    run, made = bundle
    model = made.model
    assert model["trained_on"]["counts"] == {"PC": 80, "AFP": 43, "NTP": 79, "UNK": 0}
    assert list(model["trained_on"]["releases"]) == ["a_table"]
    (name,) = model["trained_on"]["records"]
    assert name == "astronet/train-00000-of-00008"
    assert 0 < made.threshold(0.9) <= made.threshold(0.99) <= 1
    assert len(made.out_of_fold()) == len(run.examples)
    files = {path.name for path in Path(made.source).iterdir()}
    assert {"roc.png", "precision_recall.png", "reliability.png", "card.md"} < files
    card = (Path(made.source) / "card.md").read_text()
    for words in ("What it is not for", "recall at precision .9", "| mes |", "| PC |"):
        assert words in card
    # About one in a hundred of those it was trained on is outside, by definition.
    scores = made.score_arrays(run.examples.views, run.examples.has, run.examples.scalars)
    assert scores.outside.mean() == pytest.approx(0.01, abs=0.01)


def test_out_of_fold_is_not_by_heart(bundle):
    """Every example was predicted by networks that had not seen its star."""
    run, _ = bundle
    assert run.out_of_fold.sum(axis=1) == pytest.approx(1, abs=1e-5)
    for fold in np.unique(run.fold):
        inside = set(run.examples.group[run.fold == fold])
        assert not inside & set(run.examples.group[run.fold != fold])


def test_a_second_start_trains_nothing(bundle, tmp_path):
    run, made = bundle
    told = []
    folder = Path(made.source).parent / "run"
    again = runs.run(run.examples, folder, SETTINGS, lambda *args: told.append(args))
    assert told == []
    assert np.array_equal(again.out_of_fold, run.out_of_fold)
    second = export(again, tmp_path / "model", {"astronet-1": ""}, {})
    assert isinstance(second, Bundle)
    assert second.model["figures"] == made.model["figures"]
