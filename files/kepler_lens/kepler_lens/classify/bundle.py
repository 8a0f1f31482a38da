"""Read, check, run and write a model bundle, with numpy and onnxruntime only.

A bundle is a folder with ``model.json`` (inputs, calibration, thresholds, training set and
figures), ``model.onnx`` (the whole ensemble), ``member-….keras``, ``out_of_fold.csv``, ``card.md``
and its plots. ``model.json`` holds the SHA-256 of every other file, and ``bundle.sha256`` holds
that of ``model.json``. One hash therefore covers all files.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
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
from kepler_lens.transit_search.score import Scores

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

MODEL_FILE, ONNX_FILE, HASH_FILE = "model.json", "model.onnx", "bundle.sha256"
OUT_OF_FOLD_FILE = "out_of_fold.csv"
AS_TRAINED, DR24 = "as trained", "DR24"
"""Mixes of classes for which a bundle has thresholds."""
FORMAT = 1
"""Version of the format of ``model.json``; other versions are refused."""
_TO_SCORE = (MODEL_FILE, ONNX_FILE, HASH_FILE)
_AT_ONCE = 256
"""Candidates that are prepared and scored at once (chosen: limits memory to some tens of
megabytes)."""
_GET = "copy the bundle again, or make it anew with kepler-lens train"


class BundleError(KeplerLensError):
    """A bundle is damaged or incomplete, or cannot score its input."""


class Bundle:
    """A bundle whose hash was verified.

    Parameters
    ----------
    files : mapping of str to bytes
        Names of the bundle's files to their contents.
    source : str
        Name of the bundle in messages.

    Attributes
    ----------
    name : str
        First twelve digits of its hash; equal names mean equal models.
    sha256 : str
        Hash over all its files.
    model : dict
        Content of ``model.json``.

    Raises
    ------
    BundleError
        A file is missing or damaged, or the format is another.
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
        """Read a bundle and check that every file is unchanged.

        Parameters
        ----------
        path : str or Path, optional
            A folder, or a file with what `to_bytes` returned; by default the package's own bundle.

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
        """Read a bundle from what `to_bytes` returned.

        Parameters
        ----------
        content : bytes
        source : str, optional
            Name of the bundle in messages.

        Raises
        ------
        BundleError
            The content is no bundle, or is damaged.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return cls({name: archive.read(name) for name in archive.namelist()}, source)
        except (zipfile.BadZipFile, KeyError) as error:
            raise BundleError(f"{source}: this is no bundle ({error}): {_GET}.") from None

    def to_bytes(self) -> bytes:
        """Return the files that scoring needs as one zip file, to be sent with a job."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._files.items():
                # The entry has no time of day, so equal bundles give equal bytes.
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    def check_recipe(self, name: str, digest: str = "") -> None:
        """Refuse views of a recipe that the bundle does not list.

        Parameters
        ----------
        name : str
            Name of the recipe.
        digest : str, optional
            Hash of the code that made the views; published records have none.

        Raises
        ------
        BundleError
            The bundle lists no recipe of this name, or another version of it.
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
        """Return the probability of a planet above which a given share of candidates are planets.

        Parameters
        ----------
        precision : float, optional
            That share, 0.9 or 0.99.
        mix : str, optional
            Mix of the classes. `AS_TRAINED` is the mix of the training set, for which the
            probabilities are calibrated. `DR24` is the mix of a search of all stars, in which three
            of five candidates are eclipses. Both thresholds are measured out of fold.

        Returns
        -------
        float
            Between 0 and 1.

        Raises
        ------
        BundleError
            The bundle has no threshold of this precision.
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
            For each candidate the names of its views to float32[length]. All views but those of
            `kepler_lens.classify.inputs.NEEDED` may be missing.
        scalars : float32[n, 9]
            Columns by `kepler_lens.classify.scalars.SCALARS`, in their units, NaN where missing.
            Period and duration must be there.

        Returns
        -------
        Scores

        Raises
        ------
        BundleError
            A view has a wrong length.
        InputError
            A needed view, a period or a duration is missing.
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
        """Score candidates whose views are in arrays.

        Parameters
        ----------
        views, has, scalars
            See `kepler_lens.classify.inputs.Inputs.arrays`.

        Returns
        -------
        Scores

        Raises
        ------
        InputError
            A needed view, a period or a duration is missing.
        """
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
        """Run the networks on their inputs (`kepler_lens.classify.inputs.Inputs.arrays`).

        Returns
        -------
        members : float32[n, m, 3]
            Probabilities by each of the m members, of a planet, an eclipse and noise.
        embedding : float32[n, d]
            Place of each candidate in the space in which distances are measured.
        """
        members, embedding = self._session.run(["members", "embedding"], dict(arrays))
        return np.asarray(members), np.asarray(embedding)

    def judge(self, members: Singles, embedding: Singles) -> Scores:
        """Compute scores from the outputs of the networks, see `run`."""
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
        """Return median and standard deviation of the training set's own distances (`Scores`)."""
        at = {float(share): value for share, value in self._outside["quantiles"].items()}
        # The middle 70 % of a normal distribution lie within 1.036 standard deviations.
        return at[0.5], (at[0.85] - at[0.15]) / 2 / 1.036

    def out_of_fold(self) -> dict[tuple[int, int, float], tuple[float, float, float]]:
        """Return the probabilities of the training's candidates by networks that had not seen them.

        Returns
        -------
        dict
            Star, number and period (days, rounded to single precision) to the probabilities of a
            planet, an eclipse and noise.
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
        # One thread: a worker has one core, and so small a network gains nothing from more.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            self._files[ONNX_FILE], options, providers=["CPUExecutionProvider"]
        )


def shipped() -> Path:
    """Return the folder of the package's own bundle.

    Raises
    ------
    BundleError
        The package was built without a bundle.
    """
    folder = Path(str(resources.files("kepler_lens"))) / "models" / "shipped"
    if not folder.is_dir():
        raise BundleError(f"{folder}: the package has no bundle: name one, or install it again.")
    return folder


def write(folder: Path, model: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Write the files of a bundle, with their hashes in ``model.json``.

    Parameters
    ----------
    folder : Path
        Created if needed.
    model : mapping
        Content of ``model.json``, without the format and the hashes.
    files : mapping
        Name of each other file to its content.

    Returns
    -------
    str
        Hash over all files.
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
    # The hash is written last, so a bundle that has it is complete.
    (folder / HASH_FILE).write_text(sha256 + "\n", encoding="utf-8")
    return sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
