"""Pictures of what lies round an entity, and of a query with its answers: PNG, SVG or PDF, with the extra ``plot``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kgr._plots import check_plots, save_figure
from kgr.data.known import open_store
from kgr.data.neighbourhood import Link, Neighbourhood, named_links, neighbourhood
from kgr.data.splits import Message
from kgr.errors import ConfigError
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.query.answers import Evaluator
from kgr.query.evidence import Step, evidence
from kgr.query.keyed import read_arguments
from kgr.query.words import parse
from kgr.show.glyphs import drawable, families, shown
from kgr.show.table import clean
from kgr.show.words import query_in_words

_COLOURS = {"start": "#1f4e8c", "answer": "#2a7d3f", "new": "#d97706", "other": "#6b7280"}
_SAID = {"start": "asked of", "answer": "answers by train", "new": "answers by held-out edges"}
_PALETTES = ("tab10", "Dark2")
_NOT = "#b91c1c"
_TITLE = 110  # letters that fit


@dataclasses.dataclass(frozen=True)
class _Spot:
    """A node: its place, its text, the turn of that in degrees, and on which side of the place it stands."""

    x: float
    y: float
    text: str
    kind: str = "other"
    turn: float = 0.0
    side: str = "left"


@dataclasses.dataclass(frozen=True)
class _Arrow:
    """An edge between two spots, its colour by relation; ``text`` stands on it, at so much of the way to the head."""

    tail: Any
    head: Any
    relation: str
    text: str = ""
    at: float = 0.5
    dashed: bool = False
    negated: bool = False


def draw(
    store: Store | str | Path,
    key: str,
    out: str | Path,
    *,
    hops: int = 1,
    size: int = 40,
    language: str = "en",
    message: Message | None = None,
) -> Neighbourhood:
    """Draw what lies round an entity into a PNG, SVG or PDF, and return it; see :func:`kgr.neighbourhood`.

    The entity stands in the middle, others on rings by their hops; held-out edges are dashed. The same arguments give
    the same places. ``message`` is told what there was no room for, and which labels no font here can write: these
    entities stand by key.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed; ``out`` ends otherwise.
    UnknownKey
        No entity has the key; the nearest are named.
    """
    check_plots(out)
    store = open_store(store)
    found = neighbourhood(store, key, hops, size=size, language=language)
    spots, parents = _rings(found)
    drawn = [_arrow_of(link, parents) for link in found.links]
    lines = [f"{found.left_out:,} edges more are left out: --size is {size}"] if found.left_out else []
    _tell(lines, [(entity.label, entity.key) for entity in found.entities], message)
    label = clean(found.entities[0].label)
    title = shown(f"{label} ({key})" if label != key else key, key, _TITLE)
    _picture(spots, drawn, title, lines, Path(out), square=True)
    return found


def _arrow_of(link: Link, parents: Mapping[str, str]) -> _Arrow:
    outward, inward = parents.get(link.tail) == link.head, parents.get(link.head) == link.tail
    name = shown(clean(link.label), link.relation)
    text, at = name if outward or inward or link.head == link.tail else "", 0.66 if outward else 0.34
    return _Arrow(link.head, link.tail, name, text, at, link.held_out)


def _rings(found: Neighbourhood) -> tuple[dict[Any, _Spot], dict[str, str]]:
    """Place entities on rings, each near the one that it was reached from; return these parents too."""
    parents = _parents(found)
    children: dict[str, list[str]] = {entity.key: [] for entity in found.entities}
    for child, parent in parents.items():
        children[parent].append(child)
    angles: dict[str, float] = {}
    leaves = sum(1 for key in children if not children[key])

    def turn(key: str, taken: int) -> int:
        """Give the leaves under a key their angles in turn, and the key the mean of these."""
        first = taken
        for child in children[key]:
            taken = turn(child, taken)
        taken += not children[key]
        angles[key] = math.tau * (first + taken - 1) / 2 / max(leaves, 1)
        return taken

    turn(found.key, 0)
    spots: dict[Any, _Spot] = {}
    for entity in found.entities:
        angle = angles[entity.key]
        x, y = entity.hops * math.cos(angle), entity.hops * math.sin(angle)
        text, turned = shown(clean(entity.label), entity.key), math.degrees(angle)
        if not entity.hops:
            spots[entity.key] = _Spot(0, 0, text, "start", side="over")
        elif math.cos(angle) >= 0:
            spots[entity.key] = _Spot(x, y, text, "other", (turned + 180) % 360 - 180, "right")
        else:
            spots[entity.key] = _Spot(x, y, text, "other", turned - 180, "left")
    return spots, parents


def _parents(found: Neighbourhood) -> dict[str, str]:
    """Return for each entity but the middle one that is a hop nearer, ordered by relation."""
    hops = {entity.key: entity.hops for entity in found.entities}
    parents: dict[str, str] = {}
    for link in sorted(found.links, key=lambda link: (link.relation, link.tail == found.key)):
        for child, parent in ((link.head, link.tail), (link.tail, link.head)):
            if hops[child] == hops[parent] + 1:
                parents.setdefault(child, parent)
    return parents


def draw_query(
    store: Store | str | Path,
    structure: str,
    keys: Sequence[str],
    out: str | Path,
    *,
    k: int = 10,
    language: str = "en",
    message: Message | None = None,
) -> list[str]:
    """Draw a query with its exact answers in the graph of train, valid and test; return their keys.

    The picture is a PNG, SVG or PDF. From the anchors on the left edges lead to the answers on the right, those first
    that train alone has; what a negation forbids is red and dotted, held-out edges are dashed. At most ``k`` answers
    are drawn, from at most three entities each; ``message`` is told of the others.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed; ``out`` ends otherwise.
    QueryError, UnknownKey
        No structure, or keys that do not fit it.
    """
    check_plots(out)
    if k < 1:
        raise ConfigError(f"k is {k}, expected at least 1")
    store, word = open_store(store), parse(structure)
    arguments = read_arguments(store, word, keys)
    graph = load_graph(store, store.facts())
    every = Evaluator(graph, word).answers(arguments)
    known = np.isin(every, Evaluator(load_graph(store), word).answers(arguments))
    ordered = every[np.argsort(~known, kind="stable")]
    steps = evidence(graph, word, arguments, ordered[:k])
    spots = _columns(store, steps, ordered[:k].tolist(), set(every[known].tolist()), language)
    for place, slot in enumerate(word.anchors):  # those that lead nowhere too
        anchor = int(arguments[slot])
        if not any(entity == anchor and spot.kind == "start" for (_, entity), spot in spots.items()):
            spots[(99, anchor)] = _Spot(
                -_depth(steps) - 1, -place, _text(store, anchor, language), "start", side="left"
            )
    lines = [f"{len(every):,} answers, {len(every) - int(known.sum()):,} of them by held-out edges"]
    lines += [f"{len(every) - k:,} answers more are not drawn: -k is {k}"] if len(every) > k else []
    named = [(store.label("entries", entity, language), store.entries.key(entity)) for _, entity in spots]
    _tell(lines, named, message)
    title = f"{word.name}: {query_in_words(store, structure, keys, language)}"
    title = shown(title, f"{word.name}: {' '.join(keys)}", _TITLE)
    _picture(spots, _arrows(store, graph, steps, language), title, lines, Path(out), square=False)
    return store.entries.keys_of(ordered)


def _depth(steps: Sequence[Step]) -> int:
    return max((step.level for step in steps), default=0)


def _columns(
    store: Store, steps: Sequence[Step], answers: Sequence[int], known: set[int], language: str
) -> dict[Any, _Spot]:
    """Place answers in the last column, in their order, and what leads to them in those before it."""
    spots = {
        (0, answer): _Spot(
            0, -place, _text(store, answer, language), "answer" if answer in known else "new", side="right"
        )
        for place, answer in enumerate(answers)
    }
    targets: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for step in steps:
        targets.setdefault((step.level + 1, step.source), []).append((step.level, step.target))
    reached = {(step.level, step.target) for step in steps}
    for level in range(1, _depth(steps) + 2):
        own = [(sum(spots[t].y for t in ts) / len(ts), node) for node, ts in targets.items() if node[0] == level]
        height = max(len(answers) - 1, 1)
        for place, (mean, node) in enumerate(sorted(own)[::-1]):
            even = -height * (place + 0.5) / len(own) if len(own) > 1 else mean
            kind = "other" if node in reached else "start"
            side = "left" if kind == "start" else "over"
            spots[node] = _Spot(-level, even, _text(store, node[1], language), kind, side=side)
    return spots


def _arrows(store: Store, graph: Graph, steps: Sequence[Step], language: str) -> list[_Arrow]:
    """Return the edges of steps as they lie in the graph, whichever way the query goes along them."""
    ends = [(s.target, s.source) if s.relation & 1 else (s.source, s.target) for s in steps]
    rows = [(head, step.relation >> 1, tail) for (head, tail), step in zip(ends, steps, strict=True)]
    triples = np.array(rows, np.int32).reshape(-1, 3)
    there, new = graph.holds(triples).tolist(), ~load_graph(store).holds(triples)
    arrows = []
    for step, link, real in zip(steps, named_links(store, triples, new, language), there, strict=True):
        spots = [(step.level + 1, step.source), (step.level, step.target)]
        tail, head = spots[::-1] if step.relation & 1 else spots
        name = shown(clean(link.label), link.relation)
        text, at = name if real else f"not {name}", 0.3 if step.relation & 1 else 0.7
        arrows.append(_Arrow(tail, head, name, text, at, link.held_out and real, not real))
    return arrows


def _text(store: Store, entity: int, language: str) -> str:
    return shown(clean(store.label("entries", entity, language)), store.entries.key(entity))


def _tell(lines: list[str], named: Sequence[tuple[str, str]], message: Message | None) -> None:
    strange = sum(not drawable(clean(label)) for label, _ in named)
    if strange:
        lines.append(f"{strange:,} labels are in letters that no font here has, and stand by key: install Noto's fonts")
    for line in lines:
        if message:
            message(line)


def _picture(
    spots: Mapping[Any, _Spot], arrows: Sequence[_Arrow], title: str, notes: Sequence[str], out: Path, *, square: bool
) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.family": list(families()), "axes.unicode_minus": False, "text.parse_math": False}):
        height = 11 if square else max(4.0, 2.2 + 0.42 * len({spot.y for spot in spots.values()}))
        figure = Figure(figsize=(13, height))
        axes = figure.add_axes((0.01, 0.02, 0.8, 0.9))
        colours = _colours(arrows)
        for arrow, bend in zip(arrows, _bends(arrows), strict=True):
            _draw_arrow(
                axes,
                spots[arrow.tail],
                spots[arrow.head],
                arrow,
                _NOT if arrow.negated else colours[arrow.relation],
                bend,
            )
        for spot in spots.values():
            _draw_spot(axes, spot)
        _frame(axes, spots, square)
        figure.text(0.01, 0.965, title, fontsize=14, fontweight="bold", va="top")
        _legend(figure, colours, {spot.kind for spot in spots.values()}, arrows, notes)
        save_figure(figure, out)


def _colours(arrows: Sequence[_Arrow]) -> dict[str, Any]:
    from matplotlib import colormaps

    names = sorted({arrow.relation for arrow in arrows if not arrow.negated})
    palette = [colour for name in _PALETTES for colour in colormaps[name](range(colormaps[name].N))]
    return {name: palette[place % len(palette)] for place, name in enumerate(names)}


def _bends(arrows: Sequence[_Arrow]) -> list[float]:
    """Return how far each edge bends, so that those of the same two ends lie side by side; of loops, their number."""
    seen: dict[frozenset[Any], int] = {}
    bends = []
    for arrow in arrows:
        ends = frozenset((arrow.tail, arrow.head))
        count = seen[ends] = seen.get(ends, 0) + 1
        if len(ends) == 1:
            bends.append(float(count))
            continue
        bends.append((count // 2) * 0.12 * (1 if count % 2 else -1) * (1 if str(arrow.tail) < str(arrow.head) else -1))
    return bends


def _draw_arrow(axes: Any, tail: _Spot, head: _Spot, arrow: _Arrow, colour: Any, bend: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    style = ":" if arrow.negated else "--" if arrow.dashed else "-"
    start, end = (tail.x, tail.y), (head.x, head.y)
    looks = {
        "arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 5, "shrinkB": 6, "linestyle": style, "color": colour,
        "linewidth": 1.1 if arrow.text else 0.7, "alpha": 0.9 if arrow.text else 0.45, "zorder": 1,
    }  # fmt: skip
    if tail is head:
        _draw_loop(axes, tail, arrow.text, colour, bend, looks)
        return
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **looks))
    if arrow.text:
        across = 2 * bend * arrow.at * (1 - arrow.at)  # of a parabola as high as the bend is in the middle
        x = start[0] + arrow.at * (end[0] - start[0]) + across * (end[1] - start[1])
        y = start[1] + arrow.at * (end[1] - start[1]) - across * (end[0] - start[0])
        turn = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
        turn = turn - 180 if turn > 90 else turn + 180 if turn <= -90 else turn
        axes.text(
            x, y, arrow.text, fontsize=6.5, color=colour, rotation=turn, transform_rotates_text=True,
            rotation_mode="anchor", ha="center", va="center", zorder=2,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )  # fmt: skip


def _draw_loop(axes: Any, spot: _Spot, text: str, colour: Any, number: float, looks: Mapping[str, Any]) -> None:
    """Draw the n-th edge from a spot to itself, across the way to the middle, its text at its far end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line
    from matplotlib.transforms import Affine2D, ScaledTranslation

    middle, reach = math.radians(spot.turn - 90 if spot.side != "over" else -65), 24 + 22 * number
    out, back = ((reach * math.cos(middle + way), reach * math.sin(middle + way)) for way in (-0.5, 0.5))
    points = Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans + ScaledTranslation(spot.x, spot.y, axes.transData)
    near, far = ((5 * x / reach, 5 * y / reach) for x, y in (out, back))
    curve = Line([near, out, back, far], [Line.MOVETO, Line.CURVE4, Line.CURVE4, Line.CURVE4])
    axes.add_patch(FancyArrowPatch(path=curve, transform=points, **looks))
    axes.annotate(
        text, (spot.x, spot.y), (0.75 * reach * math.cos(middle), 0.75 * reach * math.sin(middle)),
        textcoords="offset points", fontsize=6.5, color=colour, ha="center", va="center", zorder=2,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip


def _draw_spot(axes: Any, spot: _Spot) -> None:
    large = spot.kind != "other"
    axes.scatter([spot.x], [spot.y], s=90 if large else 36, color=_COLOURS[spot.kind], zorder=3, linewidths=0)
    weight, size = ("bold", 10) if large else ("normal", 8.5)
    box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    if spot.side == "over":
        shift, across, upright = (0.0, 9.0), "center", "bottom"
    else:
        across, upright = ("left" if spot.side == "right" else "right"), "center"
        far, angle = (9 if spot.side == "right" else -9), math.radians(spot.turn)
        shift = (far * math.cos(angle), far * math.sin(angle))
    axes.annotate(
        spot.text, (spot.x, spot.y), shift, textcoords="offset points", rotation=spot.turn, rotation_mode="anchor",
        ha=across, va=upright, fontsize=size, fontweight=weight, color=_COLOURS[spot.kind], zorder=4, bbox=box,
    )  # fmt: skip


def _frame(axes: Any, spots: Mapping[Any, _Spot], square: bool) -> None:
    axes.axis("off")
    xs, ys = [spot.x for spot in spots.values()], [spot.y for spot in spots.values()]
    if square:
        edge = max(max(map(abs, xs)), max(map(abs, ys)), 1) * 1.45
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    else:
        axes.set(xlim=(min(xs) - 0.55, max(xs) + 0.6), ylim=(min(ys) - 0.7, max(ys) + 0.9))


def _legend(
    figure: Any, colours: Mapping[str, Any], kinds: set[str], arrows: Sequence[_Arrow], notes: Sequence[str]
) -> None:
    """Write what colours and strokes mean down the right side, as far as there is room."""
    entries = [(f"● {said}", _COLOURS[kind]) for kind, said in _SAID.items() if kind in kinds]
    entries += [(f"→ {name}", colour) for name, colour in colours.items()]
    entries += [("- - held out of train", "#374151")] * any(arrow.dashed for arrow in arrows)
    entries += [("··· forbidden by the query", _NOT)] * any(arrow.negated for arrow in arrows)
    entries += [(part, "#374151") for note in notes for part in _wrapped(note)]
    step = 0.24 / figure.get_figheight()
    for place, (text, colour) in enumerate(entries):
        if 0.9 - place * step > 0:
            figure.text(0.815, 0.9 - place * step, text, color=colour, fontsize=8.5, va="top")


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 34)
