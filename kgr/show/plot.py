"""Figures of analyses as PNG, SVG or PDF, with the extra ``plot``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgr._plots import check_plots, save_figure

if TYPE_CHECKING:
    from kgr.data.analysis import Analysis

_BARS = 20


def plot_analysis(found: Analysis, path: Path) -> None:
    """Draw an analysis into a PNG, SVG or PDF: its largest relations by size and pattern, and its rules by confidence.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed; the path ends otherwise.
    """
    check_plots(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9), layout="constrained")
    sizes, patterns, rules, ends = figure.subplots(2, 2).flat
    _bars(found, sizes, patterns)
    _rules(found, rules)
    _cardinality(found, ends)
    save_figure(figure, path)


def _bars(found: Analysis, sizes: Any, patterns: Any) -> None:
    top = sorted(found.relations.items(), key=lambda item: -item[1]["triples"])[:_BARS]
    names = [key.rpartition("/")[2][:24] for key, _ in top]
    places = range(len(top))
    sizes.barh(places, [facts["triples"] for _, facts in top])
    sizes.set(title="Triples of the largest relations", xlabel="triples")
    for shift, share in ((-0.2, "symmetry"), (0.2, "compositional")):
        at = [place + shift for place in places]
        patterns.barh(at, [100 * facts[share] for _, facts in top], height=0.4, label=share)
    patterns.set(title="Patterns", xlabel="% of the relation's triples", xlim=(0, 100))
    patterns.legend()
    for axes in (sizes, patterns):
        axes.set_yticks(places, names)
        axes.invert_yaxis()


def _rules(found: Analysis, axes: Any) -> None:
    for length in (2, 3):
        rows = [row for row in found.rules if row["length"] == length]
        x, y = ([row[name] for row in rows] for name in ("head_coverage", "pca_confidence"))
        axes.scatter(x, y, s=12, alpha=0.6, label=f"length {length} ({len(rows):,})")
    axes.set(title="Path rules", xlabel="head coverage", ylabel="PCA confidence", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()


def _cardinality(found: Analysis, axes: Any) -> None:
    relations = [facts for facts in found.relations.values() if facts["triples"]]
    x, y = ([facts[name] for facts in relations] for name in ("tails_per_head", "heads_per_tail"))
    axes.scatter(x, y, s=12)
    axes.set(title="Relations by mean degree", xlabel="tails per head", ylabel="heads per tail")
    axes.set(xscale="log", yscale="log")
