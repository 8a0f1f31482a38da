"""Write the model card: what a bundle was trained on, how good it is, and what it is not for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kepler_lens.classify.bundle import DR24, Bundle
from kepler_lens.train.evaluate import Evaluation
from kepler_lens.train.metrics import METRICS, Metric, curves, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOT_FOR = """\
## What it is not for

- **Other missions.** It has seen Kepler's long cadence alone: gaps, noise and bins are Kepler's.
- **Statistics of planets.** Occurrence rates need the completeness of the search and the mix of
  candidates that it gives; a probability here is meant for the mix of the training set.
- **A verdict.** It sees no centroid, no spectrum and no neighbour: a background star that is
  eclipsed, and whose dips are as round as a planet's, gets a planet's score.
- **Candidates marked as outside** (`outside`), and those whose members do not agree (`spread` above
  0.2): look at them yourself.
- **Views of other recipes** than those listed: their noise is another.
"""


def card(found: Evaluation, model: Mapping[str, Any], bundle: Bundle) -> str:
    """Write the card as Markdown text.

    Parameters
    ----------
    found : Evaluation
        Of the examples of the training.
    model : mapping
        Content of ``model.json``.
    bundle : Bundle
    """
    on, at = model["trained_on"], bundle.threshold()
    classes = ", ".join(f"{n} {name}" for name, n in on["counts"].items() if n)
    lines = [
        "# Model card",
        "",
        f"An ensemble of {model['members']} small networks that tells planets (PC) from eclipses "
        "(AFP) and noise (NTP), with a calibrated probability for each.",
        "",
        "## Data",
        "",
        f"- Records: {classes}; {on['stars']} stars in {on['groups']} groups that share no star "
        f"and no ephemeris; {on['synthetic']} synthetic.",
        f"- Recipe of the views: {on['recipe']}. Scores views of {', '.join(model['recipes'])}.",
        f"- Labels: {', '.join(on['releases']) or 'as the records have them'}.",
        f"- Split: {on['split']}; {on['networks']['per_fold']} networks a fold.",
        f"- Inputs: {', '.join(model['inputs']['branches'])}.",
        "- Versions: " + ", ".join(f"{k} {v}" for k, v in model["versions"].items()) + ".",
        f"- Training took {on['seconds']:.0f} s, all networks together.",
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *(f"| {name} | `{sha}` |" for name, sha in on["records"].items()),
        "",
        "## Figures",
        "",
        "Out of fold, calibrated out of fold, with 95 % intervals of a bootstrap over groups of "
        'stars. "Views only": the same networks without any scalar.',
        "",
        "| | all inputs | views only |",
        "|---|---|---|",
        *(
            f"| {words} | {_text(model['figures']['out_of_fold'][name])} | "
            f"{_text(model['figures']['views_only'][name])} |"
            for name, words in METRICS.items()
        ),
        "",
        f"Threshold of precision .9 in the training set's mix of classes: {at:.3f}; of .99: "
        f"{bundle.threshold(0.99):.3f}; in DR24's mix (23 % PC, 61 % AFP, 16 % NTP): "
        f"{bundle.threshold(0.9, DR24):.3f} and {bundle.threshold(0.99, DR24):.3f}. Candidates at "
        "or above the first, with intervals by Clopper and Pearson:",
        "",
        "| class | share |",
        "|---|---|",
        *(f"| {name} | {figure} |" for name, figure in found.by_class(at).items()),
        "",
        "| | range | records | AUC | planets at or above | others at or above |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {words} | {n} | {area} | {planets} | {others} |"
            for name, words, n, area, planets, others in found.by_scalar(at)
        ),
        "",
        "![ROC](roc.png) ![Precision and recall](precision_recall.png) "
        "![Reliability](reliability.png)",
        "",
        _NOT_FOR,
    ]
    return "\n".join(lines)


def _text(numbers: list[float]) -> str:
    return str(Metric(*numbers))


def plots(found: Evaluation, bundle: Bundle) -> dict[str, bytes]:
    """Draw the ROC curve, precision against recall, and reliability.

    Parameters
    ----------
    found : Evaluation
    bundle : Bundle
        Its threshold is marked in the first two plots.

    Returns
    -------
    dict of str to bytes
        Name of each file to its PNG image.
    """
    which = (found.examples.label >= 0) & ~found.examples.synthetic
    p, label = found.p[which, 0], found.examples.label[which]
    points = curves(p, label)
    at = bundle.threshold()
    above = p >= at
    here = {
        "recall": (above & (label == 0)).sum() / (label == 0).sum(),
        "fpr": (above & (label != 0)).sum() / (label != 0).sum(),
        "precision": (above & (label == 0)).sum() / max(above.sum(), 1),
    }

    def curve(x: str, y: str, axes: Axes) -> None:
        axes.plot(points[x], points[y], color="tab:blue")
        axes.plot(here[x], here[y], "o", color="tab:red", label=f"threshold {at:.2f}")
        axes.legend(loc="lower center")

    def roc(axes: Axes) -> None:
        curve("fpr", "recall", axes)
        axes.set(xlabel="share of others above", ylabel="share of planets above")

    def precision(axes: Axes) -> None:
        curve("recall", "precision", axes)
        axes.set(xlabel="recall", ylabel="precision", ylim=(0.5, 1.01))

    def reliable(axes: Axes) -> None:
        bins = reliability(p, label)
        x = np.array([mean for mean, _, _ in bins])
        y = np.array([s.value for _, s, _ in bins])
        error = [[s.value - s.low for _, s, _ in bins], [s.high - s.value for _, s, _ in bins]]
        axes.plot([0, 1], [0, 1], color="0.7")
        axes.errorbar(x, y, error, fmt="o", color="tab:blue")
        axes.set(xlabel="probability of a planet", ylabel="share of planets")

    draw_of = {"roc": roc, "precision_recall": precision, "reliability": reliable}
    return {f"{name}.png": _png(draw) for name, draw in draw_of.items()}


def _png(draw: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(4.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    out = io.BytesIO()
    # The file has no version of matplotlib, so equal figures give equal bytes.
    figure.savefig(out, format="png", dpi=100, metadata={"Software": None})
    return out.getvalue()
