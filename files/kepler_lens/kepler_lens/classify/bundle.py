"""The model bundle: what scores candidates, with numpy and onnxruntime only.

A folder: ``model.json`` (inputs, calibration, thresholds, what it was trained on, its figures),
``model.onnx`` (the whole ensemble), ``member-….keras``, ``out_of_fold.csv``, ``card.md`` and its
plots. ``model.json`` has the SHA-256 of every other file, and ``bundle.sha256`` that of
``model.json``: one hash over all.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kepler_lens.classify import calibration, inputs
from kepler_lens.classify.records import VIEW_LENGTHS
from kepler_lens.errors import KeplerLensError

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

MODEL_FILE, ONNX_FILE, HASH_FILE = "model.json", "model.onnx", "bundle.sha256"
OUT_OF_FOLD_FILE = "out_of_fold.csv"
AS_TRAINED, DR24 = "as trained", "DR24"
"""Mixes of classes that thresholds are given for."""
FORMAT = 1
"""Of ``model.json``; another is refused."""
_TO_SCORE = (MODEL_FILE, ONNX_FILE, HASH_FILE)
_AT_ONCE = 256
"""Candidates that are scored at once: bounds memory to some tens of megabytes."""
_GET = "copy the bundle again, or make it anew with kepler-lens train"


class BundleError(KeplerLensError):
    """A bundle is damaged, not whole, or cannot score what it is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a bundle says of candidates.

    Attributes
    ----------
    p_planet, p_eclipse, p_noise : float64[n]
        Calibrated probabilities; they add up to 1.
    spread : float64[n]
        Standard deviation of the members' probabilities of a planet.
    distance : float64[n]
        From the nearest class of the training set, in standard deviations of a class, in the space
        of the members' hidden layers.
    outside : bool[n]
        Whether that is farther than 99 of 100 candidates of the training set: no score should be
        trusted there.
    """

    p_planet: Floats
    p_eclipse: Floats
    p_noise: Floats
    spread: Floats
    distance: Floats
    outside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.p_planet)

    def select(self, which: NDArray[np.bool_] | slice) -> Scores:
        """Take some of the candidates."""
        return Scores(
            self.p_planet[which],
            self.p_eclipse[which],
            self.p_noise[which],
            self.spread[which],
            self.distance[which],
            self.outside[which],
        )


class Bundle:
    """A bundle whose hash was verified.

    Attributes
    ----------
    name : str
        Its hash's first twelve digits: the same name, the same model.
    sha256 : str
        One hash over all its files.
    model : dict
        The content of ``model.json``.
    """

    def __init__(self, files: Mapping[str, bytes], source: str) -> None:
        lacking = [name for name in _TO_SCORE if name not in files]
        if lacking:
            raise BundleError(f"{source}: a model bundle has a file {lacking[0]}: {_GET}.")
        self.source = source
        self.sha256 = _sha256(files[MODEL_FILE])
        if files[HASH_FILE].decode(errors="replace").strip() != self.sha256:
            raise BundleError(f"{source}: {MODEL_FILE} is damaged, its hash is another: {_GET}.")
        self.model: dict[str, Any] = json.loads(files[MODEL_FILE])
        found = self.model.get("format")
        if found != FORMAT:
            raise BundleError(f"{source}: its format is {found}, this is of {FORMAT}: {_GET}.")
        for name, content in files.items():
            expected = self.model["files"].get(name)
            if name not in (MODEL_FILE, HASH_FILE) and _sha256(content) != expected:
                raise BundleError(f"{source}: {name} is damaged, its hash is another: {_GET}.")
        self.name = self.sha256[:12]
        self.inputs = inputs.of_json(self.model["inputs"])
        self._calibrate = calibration.of_json(self.model["calibration"])
        self._outside = self.model["outside"]
        self._centres = np.array(self._outside["centres"], np.float64)
        self._files = {name: files[name] for name in _TO_SCORE}
        self._out_of_fold = files.get(OUT_OF_FOLD_FILE, b"")

    @classmethod
    def load(cls, path: str | Path | None = None) -> Bundle:
        """Read a bundle, every file of which must be as it was made.

        Parameters
        ----------
        path : str or Path, optional
            A folder, or what `to_bytes` gave as a file; by default the bundle of the package.

        Raises
        ------
        BundleError
            A file is missing or damaged.
        """
        if path is None:
            return cls._of_folder(shipped())
        path = Path(path)
        if path.is_file():
            return cls.from_bytes(path.read_bytes(), str(path))
        if not path.is_dir():
            raise BundleError(f"{path}: there is no such bundle: {_GET}.")
        return cls._of_folder(path)

    @classmethod
    def _of_folder(cls, folder: Path) -> Bundle:
        files = {
            name: (folder / name).read_bytes() for name in _TO_SCORE if (folder / name).is_file()
        }
        bundle = cls(files, str(folder))
        files = {}
        for name in bundle.model["files"]:
            if not (folder / name).is_file():
                raise BundleError(f"{folder}: {name} is missing: {_GET}.")
            files[name] = (folder / name).read_bytes()
        return cls(files | bundle._files, str(folder))

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "bundle") -> Bundle:
        """Read what `to_bytes` gave."""
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return cls({name: archive.read(name) for name in archive.namelist()}, source)
        except (zipfile.BadZipFile, KeyError) as error:
            raise BundleError(f"{source}: this is no bundle ({error}): {_GET}.") from None

    def to_bytes(self) -> bytes:
        """Give what scoring needs, to be sent along with a job."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._files.items():
                # Without the time of day: the same bundle, the same bytes.
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    def check_recipe(self, name: str, digest: str = "") -> None:
        """Refuse views of a recipe that the bundle does not list.

        Parameters
        ----------
        name : str
        digest : str, optional
            Hash of the code that made the views; published records have none.

        Raises
        ------
        BundleError
            It is another recipe, or another version of it.
        """
        listed: dict[str, str] = self.model["recipes"]
        if name not in listed:
            raise BundleError(
                f"The views are of the recipe {name}, the bundle {self.name} scores those of "
                f"{', '.join(listed)}: make the views by one of these, or train with {name}."
            )
        if digest and listed[name] and digest != listed[name]:
            raise BundleError(
                f"The views are of another version of the recipe {name} ({digest[:12]}) than the "
                f"bundle {self.name} lists ({listed[name][:12]}): make them anew, or train anew."
            )

    def threshold(self, precision: float = 0.9, mix: str = AS_TRAINED) -> float:
        """Give the probability of a planet from which on such a share are planets.

        Parameters
        ----------
        precision : float, optional
            0.9 or 0.99.
        mix : str, optional
            Of the classes: `AS_TRAINED`, that of the training set, for which the probabilities are
            calibrated; or `DR24`, that of a search of all stars, three in five of whose candidates
            are eclipses. Both are measured out of fold.

        Raises
        ------
        BundleError
            There is none for that precision.
        """
        at: dict[str, float] = self.model["thresholds"][mix]
        if str(precision) not in at:
            raise BundleError(
                f"The bundle {self.name} has no threshold of precision {precision}: it has those "
                f"of {', '.join(at)}."
            )
        return at[str(precision)]

    def score(self, views: Sequence[Mapping[str, Singles]], scalars: Singles) -> Scores:
        """Score candidates.

        Parameters
        ----------
        views : sequence of mappings
            A candidate's views by name; any but those of `kepler_lens.classify.inputs.NEEDED` may
            be missing.
        scalars : float32[n, 9]
            By `kepler_lens.classify.scalars.SCALARS`, NaN where missing; period and duration must
            be there.

        Raises
        ------
        BundleError
            A needed view is missing, or a view is not of its length.
        InputError
            A period or duration is missing.
        """
        names = self.inputs.views
        stacked, has = {}, {}
        for name in names:
            rows = [one.get(name) for one in views]
            has[name] = np.array([row is not None for row in rows], bool)
            length = VIEW_LENGTHS[name]
            wrong = [k for k, row in enumerate(rows) if row is not None and len(row) != length]
            if wrong:
                raise BundleError(
                    f"Candidate {wrong[0]} has {len(views[wrong[0]][name])} bins in {name} where "
                    f"{length} belong: it is of another recipe."
                )
            empty = np.zeros(length, np.float32)
            stacked[name] = np.array([empty if row is None else row for row in rows], np.float32)
        return self.score_arrays(stacked, has, scalars)

    def score_arrays(
        self, views: Mapping[str, Singles], has: Mapping[str, NDArray[np.bool_]], scalars: Singles
    ) -> Scores:
        """Score candidates whose views are in arrays; see `kepler_lens.classify.inputs.Inputs`."""
        parts = []
        for a in range(0, len(scalars), _AT_ONCE):
            part = slice(a, a + _AT_ONCE)
            parts.append(
                self.inputs.arrays(
                    {name: view[part] for name, view in views.items()},
                    {name: mask[part] for name, mask in has.items()},
                    np.asarray(scalars[part], np.float32),
                )
            )
        outputs = [self.run(part) for part in parts]
        if not outputs:
            nothing = np.empty(0)
            return Scores(nothing, nothing, nothing, nothing, nothing, nothing.astype(bool))
        return self.judge(*(np.concatenate(each) for each in zip(*outputs, strict=True)))

    def run(self, arrays: Mapping[str, Singles]) -> tuple[Singles, Singles]:
        """Run the networks.

        Returns
        -------
        members : float32[n, m, 3]
            Each member's probabilities, of a planet, an eclipse and noise.
        embedding : float32[n, d]
        """
        members, embedding = self._session.run(["members", "embedding"], dict(arrays))
        return np.asarray(members), np.asarray(embedding)

    def judge(self, members: Singles, embedding: Singles) -> Scores:
        """Turn what the networks give into scores."""
        each = members.astype(np.float64)
        p = self._calibrate(each.mean(axis=1))
        off = embedding[:, None].astype(np.float64) - self._centres
        distance = np.sqrt((off**2).sum(axis=2).min(axis=1))
        return Scores(
            p_planet=p[:, 0],
            p_eclipse=p[:, 1],
            p_noise=p[:, 2],
            spread=self._calibrate(each)[:, :, 0].std(axis=1),
            distance=distance,
            outside=distance > self._outside["threshold"],
        )

    def usual_distance(self) -> tuple[float, float]:
        """Give the median and the deviation of the training set's own distances (`Scores`)."""
        at = {float(share): value for share, value in self._outside["quantiles"].items()}
        # So far from the median lie the middle 70 % of a normal distribution.
        return at[0.5], (at[0.85] - at[0.15]) / 2 / 1.036

    def out_of_fold(self) -> dict[tuple[int, int, float], tuple[float, float, float]]:
        """Give what networks that had not seen them said of the candidates of the training.

        Returns
        -------
        dict
            Star, number and period (days, in single precision) to the three probabilities.
        """
        rows = csv.DictReader(io.StringIO(self._out_of_fold.decode()))
        return {
            (int(r["kepid"]), int(r["tce_plnt_num"]), float(np.float32(r["tce_period"]))): (
                float(r["p_planet"]),
                float(r["p_eclipse"]),
                float(r["p_noise"]),
            )
            for r in rows
        }

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        # One thread: a worker has a core, and what is so small gains nothing by more.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            self._files[ONNX_FILE], options, providers=["CPUExecutionProvider"]
        )


def shipped() -> Path:
    """Give the folder of the bundle that the package brings along.

    Raises
    ------
    BundleError
        The package was built without.
    """
    folder = Path(str(resources.files("kepler_lens"))) / "models" / "shipped"
    if not folder.is_dir():
        raise BundleError(f"{folder}: the package has no bundle: name one, or install it again.")
    return folder


def write(folder: Path, model: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Write a bundle's files, with their hashes in ``model.json``.

    Parameters
    ----------
    folder : Path
        Made if needed.
    model : mapping
        What ``model.json`` shall say, but for format and hashes.
    files : mapping
        Names to contents.

    Returns
    -------
    str
        The hash over all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {name: _sha256(content) for name, content in sorted(files.items())}
    content = json.dumps({"format": FORMAT, **model, "files": hashes}, indent=1).encode() + b"\n"
    for old in folder.glob("member-*.keras"):
        if old.name not in files:
            old.unlink()
    for name, each in {**files, MODEL_FILE: content}.items():
        (folder / name).write_bytes(each)
    sha256 = _sha256(content)
    # Last: what has it is whole.
    (folder / HASH_FILE).write_text(sha256 + "\n", encoding="utf-8")
    return sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
