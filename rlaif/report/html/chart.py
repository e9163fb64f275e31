"""Small charts as SVG text. Words and axes are in `currentColor`; series have the classes s0, s1, ...

The page's style sheet colours the classes for light and dark; alone, an SVG shows the colours below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

COLOURS = ("#2563b8", "#c2570c", "#0d7d63", "#a3368b", "#7a6a00", "#5b5bd6")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 3", "10 4")
"""A second mark of a series, for those who cannot tell the colours apart."""

WIDTH, HEIGHT = 380, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 10, 38
FONT = "11"


@dataclass(frozen=True)
class Series:
    """A line: (x, y) in the order of x. `secondary` reads its y on the axis to the right."""

    name: str
    points: Sequence[tuple[float, float]]
    secondary: bool = False


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` in data, `start` to `end` in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        return [value for value in nice_ticks(self.low, self.high) if self.low <= value <= self.high * (1 + 1e-9)]


def line_chart(
    series: Sequence[Series], *, x_label: str, label: str, y_label: str = "", right_label: str = "",
    y_range: tuple[float, float] | None = None,
) -> str:  # fmt: skip
    """Lines over a common x. ValueError where no series has a point."""
    points = [point for one in series for point in one.points]
    if not points:
        raise ValueError("nothing to draw")
    second = any(one.secondary for one in series)
    right = WIDTH - (LEFT if second else RIGHT)
    xs = Axis(*_spread([x for x, _ in points], padding=0.0), LEFT, right)
    primary = y_range or _spread([y for one in series if not one.secondary for _, y in one.points])
    ys = Axis(*primary, HEIGHT - BOTTOM, TOP)
    svg = _svg(WIDTH, HEIGHT, label)
    _draw_axes(svg, xs, ys, x_label, y_label)
    others = ys
    if second:
        others = Axis(*_spread([y for one in series if one.secondary for _, y in one.points]), HEIGHT - BOTTOM, TOP)
        _draw_right_axis(svg, others, right, right_label)
    for index, one in enumerate(series):
        _draw_series(svg, one, index, xs, others if one.secondary else ys)
    return ElementTree.tostring(svg, encoding="unicode")


def reliability(bins: Sequence[tuple[float, float, int]], *, label: str, x_label: str, y_label: str) -> str:
    """What is said (x) against what is true (y), both in [0, 1]; a dot's area is its number of answers."""
    size = 260
    xs, ys = Axis(0, 1, LEFT, size - RIGHT), Axis(0, 1, size - BOTTOM, TOP)
    svg = _svg(size, size, label)
    _draw_axes(svg, xs, ys, x_label, y_label)
    ends = {"x1": xs.at(0), "y1": ys.at(0), "x2": xs.at(1), "y2": ys.at(1)}
    _add(svg, "line", **ends, stroke="currentColor", opacity=0.4, stroke_dasharray="4 4")
    most = max((num for *_, num in bins), default=1)
    for said, true, num in bins:
        dot = _add(
            svg, "circle", cx=xs.at(said), cy=ys.at(true), r=3 + 9 * math.sqrt(num / most),
            fill=COLOURS[0], fill_opacity=0.75, class_="f0",
        )  # fmt: skip
        _add(dot, "title").text = f"said {said:.2f}, true {true:.2f}, n = {num}"
    return ElementTree.tostring(svg, encoding="unicode")


@dataclass(frozen=True)
class Segment:
    """A part of a stacked bar."""

    name: str
    count: int
    kind: str
    """Its class: v-pass, v-fault, ..."""
    colour: str


def stacked_bars(bars: Sequence[tuple[str, Sequence[Segment]]], *, label: str) -> str:
    """A horizontal bar a row, 100% wide; the parts of one kind are set apart by hairlines."""
    width, step, thickness, left = 760, 44, 26, 140
    height = step * len(bars) + 26
    svg = _svg(width, height, label)
    for share in (0, 25, 50, 75, 100):
        x = left + (width - left - 20) * share / 100
        _add(svg, "line", x1=x, x2=x, y1=2, y2=height - 24, stroke="currentColor", opacity=0.15)
        _text(svg, x, height - 8, f"{share}%", "middle")
    for row, (name, segments) in enumerate(bars):
        y = 8 + row * step
        _text(svg, left - 10, y + thickness / 2 + 4, name, "end", size="13")
        total, x = sum(segment.count for segment in segments), float(left)
        for segment in segments:
            part = (width - left - 20) * segment.count / total
            box = _add(
                svg, "rect", x=x, y=y, width=max(part - 1, 0.5), height=thickness, fill=segment.colour,
                class_=segment.kind,
            )  # fmt: skip
            said = f"{segment.name}: {segment.count} of {total} ({100 * segment.count / total:.1f}%)"
            _add(box, "title").text = said
            if part > 8 * len(segment.name):
                inside = _text(svg, x + part / 2, y + thickness / 2 + 4, segment.name, "middle", colour="#fff")
                inside.set("class", f"on {segment.kind}-text")
            x += part
    return ElementTree.tostring(svg, encoding="unicode")


def nice_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round numbers that cover [low, high], about `wanted` of them: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 12) for at in range(first, math.floor(high / step + 1e-9) + 1)]


def _spread(values: Sequence[float], padding: float = 0.06) -> tuple[float, float]:
    """The range of the values, a little wider; never empty."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = 0.5 * abs(high) or 0.5
        return low - margin, high + margin
    return low - padding * (high - low), high + padding * (high - low)


def _draw_axes(svg: ElementTree.Element, xs: Axis, ys: Axis, x_label: str, y_label: str) -> None:
    for value in ys.ticks:
        y = ys.at(value)
        _add(svg, "line", x1=xs.start, x2=xs.end, y1=y, y2=y, stroke="currentColor", opacity=0.15)
        _text(svg, xs.start - 6, y + 4, f"{value:.6g}", "end")
    for value in xs.ticks:
        _text(svg, xs.at(value), ys.start + 15, f"{value:.6g}", "middle")
    _text(svg, (xs.start + xs.end) / 2, ys.start + 31, x_label, "middle")
    _add(svg, "line", x1=xs.start, x2=xs.end, y1=ys.start, y2=ys.start, stroke="currentColor", opacity=0.6)
    if y_label:
        middle = (ys.start + ys.end) / 2
        _text(svg, 11, middle, y_label, "middle").set("transform", f"rotate(-90 11 {middle:.1f})")


def _draw_right_axis(svg: ElementTree.Element, ys: Axis, x: float, label: str) -> None:
    for value in ys.ticks:
        _text(svg, x + 6, ys.at(value) + 4, f"{value:.6g}", "start")
    middle = (ys.start + ys.end) / 2
    _text(svg, WIDTH - 12, middle, label, "middle").set("transform", f"rotate(90 {WIDTH - 12} {middle:.1f})")


def _draw_series(svg: ElementTree.Element, one: Series, index: int, xs: Axis, ys: Axis) -> None:
    at = index % len(COLOURS)
    path = " ".join(f"{xs.at(x):.1f},{min(max(ys.at(y), TOP), HEIGHT - BOTTOM):.1f}" for x, y in one.points)
    if len(one.points) > 1:
        line = _add(
            svg, "polyline", points=path, fill="none", stroke=COLOURS[at], stroke_width=1.8,
            stroke_linejoin="round", class_=f"s{at}",
        )  # fmt: skip
        if DASHES[at]:
            line.set("stroke-dasharray", DASHES[at])
    if len(one.points) <= 12:
        for point in path.split():
            cx, cy = point.split(",")
            _add(svg, "circle", cx=cx, cy=cy, r=2.6, fill=COLOURS[at], class_=f"f{at}")


def _svg(width: float, height: float, label: str) -> ElementTree.Element:
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "role": "img",
        "aria-label": label, "font-family": "system-ui, sans-serif",
    }  # fmt: skip
    return ElementTree.Element("svg", attributes)


def _add(parent: ElementTree.Element, tag: str, **attributes: str | float) -> ElementTree.Element:
    """Underscores in a name stand for hyphens; `class_` is the class."""
    named = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else f"{value:.4g}"
        for name, value in attributes.items()
    }
    return ElementTree.SubElement(parent, tag, named)


def _text(
    parent: ElementTree.Element, x: float, y: float, said: str, anchor: str, *, size: str = FONT,
    colour: str = "currentColor",
) -> ElementTree.Element:  # fmt: skip
    element = _add(parent, "text", x=x, y=y, text_anchor=anchor, font_size=size, fill=colour)
    element.text = said
    return element
