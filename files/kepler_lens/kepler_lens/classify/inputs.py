"""Turn views and scalars into the arrays that a network takes, for training and for scoring.

A network has branches. What a candidate lacks switches its branch off: the branch's entry in the
input ``mask`` is 0, as it is for a branch that training drops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.records import VIEW_LENGTHS
from kepler_lens.classify.scalars import SCALARS, InputError, check_inputs, transformed
from kepler_lens.classify.shape import DIP_LENGTH, REDUCED, SHAPE, reduced, shape

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

NEEDED = ("global_view", "local_view")
"""Views that every candidate must have: the other views are compared with these, and `dip` and
`shape` are made of them."""

BRANCHES: dict[str, tuple[str, ...]] = {
    "local": ("local_view",),
    "global": ("global_view",),
    "dip": (),
    "shape": (),
    "scalars": (),
    "odd_even": ("local_view_odd", "local_view_even"),
    "secondary": ("secondary_view",),
    "half": ("local_view_half_period",),
    "double": ("global_view_double_period",),
}
"""Branch of a network to the views that it takes. `dip` and `shape` are made of the needed views
(`kepler_lens.classify.shape`), so every record has them."""

DEFAULT = tuple(name for name in BRANCHES if name not in ("global", "double"))
"""Branches that a network has by default (chosen: with some thousand examples, convolutions of the
global view could memorise these; `shape` and `dip` hold what the global view shows).
`make bench-training PART=all` measures the row "with the global branch"."""

FURTHER = ("scalars", "odd_even", "secondary", "half", "double")
"""Branches that published records lack, all or some of them. Training drops these branches more
often, since a score must not depend on what only some examples have."""

USED = ("period", "duration", "depth", "snr", "stellar_radius", "stellar_teff")
"""Scalars that are inputs by default: those that mean the same in every search. The other three are
particular to a search: its statistic, the transits that it counts, and the candidates that it finds
in a star (also in one whose light curve is inverted). They do not improve the figures either."""

_LEAST_SHARE = 0.05
"""A view that a smaller share of the training's examples has gets no branch, no unit (chosen: fewer
examples teach too little)."""
_VIEW_LIMIT = 3.0
"""Views are clipped at this many transit depths (chosen: values beyond it are noise that would hide
all else)."""
_NUMBER_LIMIT = 4.0
"""Standardised numbers are clipped at this many standard deviations (chosen)."""
_TENTHS = 2.563
"""Distance between the first and the last tenth of a normal distribution, in standard deviations
(property of that distribution)."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of a network, and how they are standardised.

    Attributes
    ----------
    branches : tuple of str
        Keys of `BRANCHES`, in the order of the mask.
    scatter : bool
        Whether the scatter in a view's bins is a further channel of each view (`scatter_channels`).
        The channel is 0 where a candidate has no scatter.
    shape_centre, shape_scale : tuple of float
        Numbers to subtract from and to divide by, one for each name of `SHAPE`, in its unit.
    scalars : tuple of str
        Scalars that the branch `scalars` takes, of `SCALARS`.
    scalar_centre, scalar_scale : tuple of float
        Numbers to subtract from and to divide by, one for each of `scalars`, of its logarithm to
        base 10.
    """

    branches: tuple[str, ...]
    scatter: bool
    shape_centre: tuple[float, ...]
    shape_scale: tuple[float, ...]
    scalars: tuple[str, ...]
    scalar_centre: tuple[float, ...]
    scalar_scale: tuple[float, ...]

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views that the branches take, and of their scatter where that is taken."""
        names = dict.fromkeys((*NEEDED, *(v for b in self.branches for v in BRANCHES[b])))
        every = [(n, f"{n}_scatter") if self.scatter else (n,) for n in names]
        return tuple(name for pair in every for name in pair)

    def lengths(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each input, without the axis of candidates."""
        shapes: dict[str, tuple[int, ...]] = {}
        for branch in self.branches:
            shapes[branch] = {
                "dip": (DIP_LENGTH, 1),
                "shape": (len(SHAPE),),
                "scalars": (2 * len(self.scalars),),
            }.get(branch) or self._view_shape(branch)
        return shapes | {"mask": (len(self.branches),)}

    def _view_shape(self, branch: str) -> tuple[int, int]:
        views = BRANCHES[branch]
        if VIEW_LENGTHS[views[0]] == VIEW_LENGTHS["global_view"]:
            return REDUCED, 3 + self.scatter
        return VIEW_LENGTHS[views[0]], len(views) * (1 + self.scatter)

    def arrays(
        self,
        views: Mapping[str, Floats],
        has: Mapping[str, Bools],
        scalars: Floats,
    ) -> dict[str, Floats]:
        """Make the network's inputs.

        Parameters
        ----------
        views : mapping of str to float32[n, length]
            Must have those of `NEEDED`.
        has : mapping of str to bool[n]
            Whether a candidate has the view; all have a view that is not a key here.
        scalars : float32[n, 9]
            Columns by `SCALARS`, in their units; NaN where missing. Period and duration must be
            there.

        Returns
        -------
        dict of str to float32[n, …]
            Shapes by `lengths`.

        Raises
        ------
        InputError
            A needed view, a period or a duration is missing.
        """
        _check(views, has, scalars)
        numbers, dip = raw_shape(views, scalars)
        logs = _logs(scalars, self.scalars)
        out: dict[str, Floats] = {}
        mask = np.ones((len(scalars), len(self.branches)), np.float32)
        for k, branch in enumerate(self.branches):
            if branch == "dip":
                out[branch] = _cut(dip)[:, :, None]
            elif branch == "shape":
                out[branch] = _standard(numbers, self.shape_centre, self.shape_scale)
            elif branch == "scalars":
                z = _standard(logs, self.scalar_centre, self.scalar_scale)
                known = np.isfinite(logs)
                out[branch] = np.concatenate([z, known.astype(np.float32)], axis=1)
                mask[:, k] = known.any(axis=1)
            else:
                out[branch], mask[:, k] = self._view(branch, views, has)
        return out | {"mask": mask}

    def _view(
        self, branch: str, views: Mapping[str, Floats], has: Mapping[str, Bools]
    ) -> tuple[Floats, Bools]:
        n, (length, _) = len(views[NEEDED[0]]), self._view_shape(branch)
        there = np.ones(n, bool)
        channels = []
        for name in BRANCHES[branch]:
            mine = _has(name, views, has)
            there &= mine
            view = views[name] if mine.any() else np.zeros((n, VIEW_LENGTHS[name]), np.float32)
            if length == REDUCED:
                channels += list(np.moveaxis(reduced(view), 2, 0))
            else:
                channels.append(view)
            if self.scatter:
                scatter = views.get(f"{name}_scatter", np.zeros_like(view))
                channels.append(reduced(scatter)[:, :, 1] if length == REDUCED else scatter)
        return _cut(np.stack(channels, axis=2)), there

    def as_json(self) -> dict[str, object]:
        """Return the fields as JSON objects, which `of_json` reads."""
        return asdict(self)


def scatter_channels(branch: str, channels: int) -> slice:
    """Return the channels of a branch that hold scatter; an empty slice where there are none.

    Parameters
    ----------
    branch : str
        Key of `BRANCHES`; one that takes views.
    channels : int
        Number of channels of the branch.
    """
    views = BRANCHES[branch]
    if VIEW_LENGTHS[views[0]] == VIEW_LENGTHS["global_view"]:
        return slice(3, channels)
    return slice(1, channels if channels > len(views) else 1, 2)


def of_json(content: Mapping[str, object]) -> Inputs:
    """Make inputs from what `Inputs.as_json` returned."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Inputs(**values)  # type: ignore[arg-type]


def fit(
    views: Mapping[str, Floats],
    has: Mapping[str, Bools],
    scalars: Floats,
    branches: Sequence[str] = DEFAULT,
    names: Sequence[str] = USED,
) -> Inputs:
    """Choose branches, and standardise inputs by the examples of a training.

    Parameters
    ----------
    views, has, scalars
        See `Inputs.arrays`.
    branches : sequence of str
        Keys of `BRANCHES`. A branch is left out where too few examples have its views.
    names : sequence of str
        Scalars that are inputs, of `SCALARS`.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        There is no such branch, a name cannot be an input, or a needed view is missing.
    """
    if unknown := set(branches) - set(BRANCHES):
        raise InputError(f"There is no branch {min(unknown)!r}: there are {', '.join(BRANCHES)}.")
    check_inputs([*views, *names])
    _check(views, has, scalars)
    numbers, _ = raw_shape(views, scalars)

    def common(name: str) -> bool:
        return bool(_has(name, views, has).mean() >= _LEAST_SHARE)

    shape_centre, shape_scale = _spread(numbers)
    scalar_centre, scalar_scale = _spread(_logs(scalars, names))
    return Inputs(
        branches=tuple(b for b in BRANCHES if b in branches and all(map(common, BRANCHES[b]))),
        scatter=all(common(f"{name}_scatter") for name in NEEDED),
        shape_centre=shape_centre,
        shape_scale=shape_scale,
        scalars=tuple(names),
        scalar_centre=scalar_centre,
        scalar_scale=scalar_scale,
    )


def raw_shape(views: Mapping[str, Floats], scalars: Floats) -> tuple[Floats, Floats]:
    """Compute the numbers of the shape and the deepest other dip (`kepler_lens.classify.shape`).

    Parameters
    ----------
    views, scalars
        See `Inputs.arrays`.

    Returns
    -------
    numbers : float32[n, len(SHAPE)]
        Columns by `SHAPE`, not standardised.
    dip : float32[n, 61]
        In units of the transit's depth.
    """
    days = scalars[:, SCALARS.index("period")]
    hours = scalars[:, SCALARS.index("duration")]
    return shape(views["global_view"], views["local_view"], hours / (24 * days))


def _logs(scalars: Floats, names: Sequence[str]) -> Floats:
    return transformed(scalars)[:, [SCALARS.index(name) for name in names]]


def _check(views: Mapping[str, Floats], has: Mapping[str, Bools], scalars: Floats) -> None:
    for name in NEEDED:
        mine = _has(name, views, has)
        if not mine.all() or not len(mine):
            k = int(np.argmin(mine)) if len(mine) else 0
            raise InputError(
                f"Candidate {k} has no {name}: make it by the recipe that the bundle lists."
            )
    ephemeris = scalars[:, [SCALARS.index("period"), SCALARS.index("duration")]]
    known = np.isfinite(ephemeris).all(axis=1)
    if not known.all():
        raise InputError(
            f"Candidate {int(np.argmin(known))} has no period and duration: without them its views "
            "have no scale."
        )


def _has(name: str, views: Mapping[str, Floats], has: Mapping[str, Bools]) -> Bools:
    if name not in views:
        n = len(next(iter(views.values()))) if views else 0
        return np.zeros(n, bool)
    return has.get(name, np.ones(len(views[name]), bool))


def _spread(numbers: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Compute the centre and the scale of each column from its first, middle and last tenth."""
    centre, scale = np.zeros(numbers.shape[1]), np.ones(numbers.shape[1])
    for k, column in enumerate(numbers.T.astype(np.float64)):
        known = column[np.isfinite(column)]
        if known.size:
            low, centre[k], high = np.percentile(known, [10, 50, 90])
            # A least scale (chosen) keeps a number small that hardly varies.
            scale[k] = max((high - low) / _TENTHS, 1e-3)
    # Single precision survives the way through JSON unchanged.
    singles = centre.astype(np.float32).tolist(), scale.astype(np.float32).tolist()
    return tuple(singles[0]), tuple(singles[1])


def _standard(numbers: Floats, centre: Sequence[float], scale: Sequence[float]) -> Floats:
    z = (numbers - np.array(centre, np.float32)) / np.array(scale, np.float32)
    return np.asarray(np.nan_to_num(np.clip(z, -_NUMBER_LIMIT, _NUMBER_LIMIT)), np.float32)


def _cut(view: Floats) -> Floats:
    return np.clip(view, -_VIEW_LIMIT, _VIEW_LIMIT)
