"""Tooltips for figures: each mark in a figure's SVG gets a ``<title>`` with its values."""

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator

from smallbatch.core.rates import rate_text

SVG = "http://www.w3.org/2000/svg"
NEAR = 0.3  # octaves; figures shift marks slightly so that their intervals do not overlap


def name_marks(figure: plt.Figure) -> dict[str, list[str]]:
    """Assign ids to the lines and scatter plots of a figure; returns, for each id, one text per
    mark in drawing order."""
    titles: dict[str, list[str]] = {}
    colors = _legend(figure)
    for axes in figure.axes:
        x_axis, y_axis = _Axis(axes.xaxis), _Axis(axes.yaxis)
        for artist in [*axes.lines, *axes.collections]:
            places = _places(artist)
            if places is None or not len(places):
                continue
            name = f"marks-{len(titles)}"
            artist.set_gid(name)
            series = _series(artist, colors)
            titles[name] = [
                "\n".join([*series, x_axis.value(x), y_axis.value(y)]) for x, y in places
            ]
    return titles


def _places(artist: Any) -> np.ndarray | None:
    """Positions of the marks in data coordinates, ``[marks, 2]``; None for an artist without
    marks."""
    marker = artist.get_marker() if hasattr(artist, "get_marker") else None
    cap = artist.get_label() == "_nolegend_" and marker in ("_", "|")  # the end of an error bar
    if not artist.get_visible() or cap:
        return None
    if isinstance(artist, PathCollection):
        places = np.asarray(artist.get_offsets(), float)
    elif marker not in ("None", "none", "", " ", None):
        places = np.column_stack(
            [np.asarray(data, float) for data in (artist.get_xdata(), artist.get_ydata())]
        )
    else:
        return None
    axes = artist.axes
    for column, scale in enumerate((axes.get_xscale(), axes.get_yscale())):
        if scale == "log":
            places = places[places[:, column] > 0]
    return places[np.isfinite(places).all(1)]


def _legend(figure: plt.Figure) -> dict[str, str]:
    """The legend text of each colour in a figure."""
    found: dict[str, str] = {}
    for legend in [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]:
        title = legend.get_title().get_text()
        handles: list[Any] = legend.legend_handles
        for handle, text in zip(handles, legend.get_texts(), strict=False):
            color = handle.get_color() if hasattr(handle, "get_color") else handle.get_facecolor()
            if isinstance(color, np.ndarray):
                color = color[0] if color.ndim > 1 and len(color) else color
            name = f"{title}: {text.get_text()}" if title and len(title) < 30 else text.get_text()
            found.setdefault(to_hex(color), name)
    return found


def _series(artist: Any, colors: dict[str, str]) -> list[str]:
    label = str(artist.get_label())
    if label and not label.startswith("_"):
        return [label]
    if hasattr(artist, "get_color"):
        return [colors[to_hex(artist.get_color())]] if to_hex(artist.get_color()) in colors else []
    return []


class _Axis:
    """Formats values as an axis does. Labels are read once, because matplotlib is slow to return
    them."""

    def __init__(self, axis: Any) -> None:
        # Inner panels of a grid have no label; use that of another panel.
        kind = "xaxis" if axis.axis_name == "x" else "yaxis"
        names = [
            axis.get_label_text(),
            *(getattr(axes, kind).get_label_text() for axes in axis.axes.figure.axes),
        ]
        self.name = next((name for name in names if name), "")
        fixed = (
            isinstance(locator := axis.get_major_locator(), FixedLocator)
            and axis.get_scale() == "log"
        )
        self.fixed = [tick for tick in locator.tick_values(0, 1) if tick > 0] if fixed else []
        ticks = dict(
            zip(
                axis.get_ticklocs(),
                (text.get_text() for text in axis.get_ticklabels()),
                strict=False,
            )
        )
        in_words = any(label and not _number(label) for label in ticks.values())
        self.words = (
            {place: label.replace("\n", " ") for place, label in ticks.items()} if in_words else {}
        )

    def value(self, value: float) -> str:
        """``learning rate η: 2⁻⁸``."""
        text = (
            rate_text(_octave(value))
            if "rate η" in self.name and value > 0
            else self._written(value)
        )
        return f"{self.name}: {text}" if self.name else text

    def _written(self, value: float) -> str:
        """The text of a tick near the value, else four digits."""
        near = [tick for tick in self.fixed if value > 0 and abs(math.log2(tick / value)) < NEAR]
        if near:
            return f"{min(near, key=lambda tick: abs(math.log2(tick / value))):.6g}"
        return self.words.get(value, f"{value:.4g}")


def _octave(rate: float) -> float:
    """The power of two that equals the rate up to rounding, else the rate to three digits."""
    exponent = round(math.log2(rate))
    return (
        2.0**exponent if math.isclose(rate, 2.0**exponent, rel_tol=1e-6) else float(f"{rate:.3g}")
    )


def _number(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        return "$" in text  # a power in math text
    return True


def add_titles(path: Path, titles: dict[str, list[str]]) -> None:
    """Write the titles of `name_marks` into an SVG file; a line or scatter plot is skipped if the
    file has another number of marks."""
    for prefix, uri in (("", SVG), ("xlink", "http://www.w3.org/1999/xlink")):
        ElementTree.register_namespace(prefix, uri)
    tree = ElementTree.parse(path)
    for group in tree.iter(f"{{{SVG}}}g"):
        texts = titles.get(group.get("id", ""), [])
        marks = list(group.iter(f"{{{SVG}}}use"))
        if len(marks) == len(texts):
            for mark, text in zip(marks, texts, strict=True):
                ElementTree.SubElement(mark, f"{{{SVG}}}title").text = text
    tree.write(path, encoding="utf-8", xml_declaration=True)
