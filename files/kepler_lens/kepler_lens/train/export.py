"""Export a run as a model bundle: ONNX, calibration, thresholds, outside limit and model card."""

from __future__ import annotations

import io
import json
import platform
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import (
    AS_TRAINED,
    DR24,
    ONNX_FILE,
    OUT_OF_FOLD_FILE,
    Bundle,
    write,
)
from kepler_lens.classify.labels import CLASSES
from kepler_lens.classify.manifest import file_sha256
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.train import calibrate
from kepler_lens.train.card import card, plots
from kepler_lens.train.errors import TrainingError
from kepler_lens.train.evaluate import Evaluation, evaluate, keys
from kepler_lens.train.metrics import DR24_MIX, metrics, threshold
from kepler_lens.train.network import build, ensemble
from kepler_lens.train.runs import Run, digest

Floats = NDArray[np.float32]

PRECISIONS = (0.9, 0.99)
"""Precisions for which a bundle has thresholds, no unit (chosen)."""
TOLERANCE = 1e-5
"""Greatest difference between a probability of Keras and one of ONNX (chosen: some roundings of
single precision)."""
_DIRECTIONS = 16
"""Dimensions of the space in which distances are measured (chosen: as many as the examples of a
class determine)."""
_INSIDE = 0.99
"""Share of the training set that is not outside, no unit (chosen)."""
_QUANTILES = tuple(np.linspace(0, 1, 21).round(2).tolist())
"""Shares at which the bundle gives quantiles: 0 to 1 in steps of 0.05 (chosen)."""


def export(
    run: Run, folder: Path, recipes: Mapping[str, str], releases: Mapping[str, str]
) -> Bundle:
    """Write the bundle of a run.

    Parameters
    ----------
    run : Run
    folder : Path
        Created if needed.
    recipes : mapping
        Name of each recipe whose views the bundle may score, to the digest of the code that makes
        them; the digest is empty where records lack it.
    releases : mapping
        Name of each table of labels to its checksum.

    Returns
    -------
    Bundle
        Read back from the folder.

    Raises
    ------
    TrainingError
        Keras and ONNX do not agree.
    """
    known, label = run.examples, run.examples.label
    arrays = run.inputs.arrays(known.views, known.has, known.scalars)
    whole = ensemble(run.members, run.inputs)
    members, hidden = _outputs(whole, arrays)
    projection = project(hidden, label)
    final = ensemble(run.members, run.inputs, projection)
    # Keras exports a model only after it was called once.
    final({name: each[:1] for name, each in arrays.items()})
    files = {f"member-{k}.keras": _keras_bytes(run, k) for k in range(len(run.members))}
    files[ONNX_FILE] = _onnx_bytes(final)
    real = ~known.synthetic
    real_label = label[real]
    raw = run.out_of_fold[real].astype(np.float64)
    calibration = calibrate.fit(raw, real_label)
    p = calibration(raw)
    embedding = hidden @ projection[:-1] + projection[-1]
    files[OUT_OF_FOLD_FILE] = _table(run, real, p)
    model: dict[str, Any] = {
        "inputs": run.inputs.as_json(),
        "classes": CLASSES,
        "members": len(run.members),
        "calibration": calibration.as_json(),
        "thresholds": {
            mix: {str(a): threshold(p[:, 0], real_label, a, shares) for a in PRECISIONS}
            for mix, shares in ((AS_TRAINED, None), (DR24, DR24_MIX))
        },
        "outside": _outside(embedding, label),
        "recipes": dict(recipes),
        "trained_on": _trained_on(run, releases),
        "versions": _versions(),
        "figures": {
            "out_of_fold": _metrics(run, run.out_of_fold),
            "views_only": _metrics(run, run.out_of_fold_views),
        },
    }
    # The card needs figures that only a bundle gives, so the bundle is written twice.
    write(folder, model, files)
    bundle = Bundle.load(folder)
    _agree(bundle, members, arrays)
    found = evaluate(bundle, known)
    model["slices"] = _slices(found, bundle.threshold())
    files |= plots(found, bundle)
    files["card.md"] = card(found, model, bundle).encode()
    write(folder, model, files)
    return Bundle.load(folder)


def _metrics(run: Run, predicted: Floats) -> dict[str, list[float]]:
    """Compute figures of predictions out of fold, calibrated out of fold too."""
    real = ~run.examples.synthetic
    label, p = run.examples.label[real], predicted[real].astype(np.float64)
    calibrated = calibrate.out_of_fold(p, label, run.fold[real])
    found = metrics(p[:, 0], label, run.examples.group[real], calibrated[:, 0])
    return {name: metric.as_list() for name, metric in found.items()}


def project(hidden: Floats, label: NDArray[np.int64]) -> Floats:
    """Find the space in which distances from the training set are measured.

    The space has the principal components of the members' hidden layers. It is scaled so that the
    mean covariance within a class is 1. The distance from the centre of a class is then that of
    Mahalanobis (Lee et al. 2018).

    Parameters
    ----------
    hidden : float32[n, h]
        Outputs of the hidden layers of all members.
    label : int64[n]
        Index of `kepler_lens.classify.labels.CLASSES`.

    Returns
    -------
    float32[h + 1, d]
        Matrix to multiply with, and in its last row the vector to add.
    """
    x = hidden.astype(np.float64)
    middle = x.mean(axis=0)
    directions = np.linalg.svd(x - middle, full_matrices=False)[2][:_DIRECTIONS].T
    z = (x - middle) @ directions
    centred = (
        z
        - np.stack(
            [
                z[label == k].mean(axis=0) if (label == k).any() else 0 * z[0]
                for k in range(len(CLASSES))
            ]
        )[label]
    )
    values, vectors = np.linalg.eigh(np.cov(centred, rowvar=False))
    scaled = directions @ (vectors / np.sqrt(np.maximum(values, 1e-9 * values.max())))
    return np.concatenate([scaled, -(middle @ scaled)[None]]).astype(np.float32)


def _outputs(model: keras.Model, arrays: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    parts = []
    for k in range(0, len(arrays["mask"]), 512):
        found = model({n: a[k : k + 512] for n, a in arrays.items()}, training=False)
        parts.append((np.asarray(found["members"]), np.asarray(found["embedding"])))
    return np.concatenate([m for m, _ in parts]), np.concatenate([h for _, h in parts])


def _keras_bytes(run: Run, k: int) -> bytes:
    """Save a member without the state of the optimizer, which is twice as large as the weights."""
    plain = build(run.inputs, run.settings.size, seed=0)
    plain.set_weights(run.members[k].get_weights())
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "member.keras"
        plain.save(path)
        # The file has no time of day, so equal networks give equal bytes.
        with zipfile.ZipFile(path) as saved, zipfile.ZipFile(out, "w") as archive:
            for name in saved.namelist():
                content = saved.read(name)
                if name == "metadata.json":
                    kept = json.loads(content)
                    del kept["date_saved"]
                    content = json.dumps(kept).encode()
                archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _onnx_bytes(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Keras uses a name of numpy whose meaning will change.
        warnings.simplefilter("ignore", FutureWarning)
        path = Path(folder) / ONNX_FILE
        model.export(path, format="onnx", verbose=False)
        return path.read_bytes()


def _agree(bundle: Bundle, members: Floats, arrays: Mapping[str, Floats]) -> None:
    worst = 0.0
    for k in range(0, len(members), 512):
        found, _ = bundle.run({n: a[k : k + 512] for n, a in arrays.items()})
        worst = max(worst, float(np.abs(found - members[k : k + 512]).max()))
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"{bundle.source}: ONNX and Keras differ by {worst:.1e}, at most {TOLERANCE:.0e} is "
            "allowed: compile the locks anew with versions that agree."
        )


def _table(run: Run, real: NDArray[np.bool_], p: NDArray[np.float64]) -> bytes:
    out = io.StringIO("")
    out.write("kepid,tce_plnt_num,tce_period,label,fold,p_planet,p_eclipse,p_noise\n")
    known = run.examples.select(real)
    for (star, number, days), label, fold, q in zip(
        keys(known), known.label, run.fold[real], p, strict=True
    ):
        numbers = ",".join(f"{x:.6g}" for x in q)
        out.write(f"{star},{number},{days:.9g},{CLASSES[label]},{fold},{numbers}\n")
    return out.getvalue().encode()


def _outside(embedding: Floats, label: NDArray[np.int64]) -> dict[str, Any]:
    there = [k for k in range(len(CLASSES)) if (label == k).any()]
    centres = np.stack([embedding[label == k].mean(axis=0) for k in there])
    off = embedding[:, None] - centres
    distance = np.sqrt((off**2).sum(axis=2).min(axis=1))
    return {
        "centres": centres.round(5).tolist(),
        "threshold": float(np.quantile(distance, _INSIDE)),
        "quantiles": dict(zip(map(str, _QUANTILES), _quantiles(distance), strict=True)),
    }


def _quantiles(values: NDArray[np.floating[Any]]) -> list[float]:
    known = values[np.isfinite(values)].astype(np.float64)
    return [float(f"{x:.6g}") for x in np.quantile(known, _QUANTILES)] if len(known) else []


def _trained_on(run: Run, releases: Mapping[str, str]) -> dict[str, Any]:
    known = run.examples
    s = run.settings
    files = [Path(file) for file in known.files]
    return {
        "records": {f"{f.parent.name}/{f.name}": file_sha256(f) for f in files},
        "digest": digest(known),
        "recipe": known.recipe,
        "releases": dict(releases),
        "counts": known.counts(),
        "synthetic": int(known.synthetic.sum()),
        "stars": len(np.unique(known.star)),
        "groups": len(np.unique(known.group)),
        "split": f"{s.folds} folds by star and shared ephemeris, seed {s.seed}",
        "networks": {"per_fold": s.per_fold, "members": s.members},
        "seed": s.seed,
        "seconds": round(run.seconds, 1),
        "scalars": {name: _quantiles(known.scalars[:, k]) for k, name in enumerate(SCALARS)},
        "quantiles": _QUANTILES,
    }


def _versions() -> dict[str, str]:
    names = ("keras", "numpy", "onnx", "onnxruntime", "tf2onnx")
    found = {name: version(name) for name in names}
    backend = keras.backend.backend()
    return {"python": platform.python_version(), "backend": backend} | found


def _slices(found: Evaluation, at: float) -> dict[str, Any]:
    return {
        "threshold": at,
        "class": {name: f.as_list() for name, f in found.by_class(at).items()},
        "scalar": [
            {
                "scalar": name,
                "range": words,
                "examples": n,
                "auc": area.as_list(),
                "planets_above": planets.as_list(),
                "others_above": others.as_list(),
            }
            for name, words, n, area, planets, others in found.by_scalar(at)
        ],
    }
