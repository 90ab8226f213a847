"""The few shapes that charts are made of, as SVG text in which every name is escaped.

Colours are classes, so that one drawing serves a light and a dark page; text stays text.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

Point = tuple[float, float]


def element(name: str, *children: str, **attributes: object) -> str:
    """Return an element; ``None`` leaves an attribute out, ``_`` stands for ``-`` in its name.

    Children are SVG already, values of attributes are escaped.

    Examples
    --------
    >>> element("circle", r=2, class_="dot", stroke_width=None)
    '<circle r="2" class="dot"></circle>'
    >>> element("g", aria_label='<"')
    '<g aria-label="&lt;&quot;"></g>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def _written(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def label(words: str, x: float, y: float, *, class_: str = "", anchor: str = "start") -> str:
    """Return text at a point.

    Examples
    --------
    >>> label("a < b", 1.0, 2.0)
    '<text x="1" y="2" class="" text-anchor="start">a &lt; b</text>'
    """
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def hint(words: str) -> str:
    """Return what is shown where the pointer rests on the shape around it."""
    return element("title", escape(words))


def line(points: Sequence[Point], class_: str) -> str:
    """Return a line through points; without any, nothing."""
    if not points:
        return ""
    return element("path", d=_path(points), class_=f"line {class_}")


def area(points: Sequence[Point], class_: str, *inside: str) -> str:
    """Return a filled shape."""
    return element("path", *inside, d=_path(points) + "Z", class_=f"area {class_}")


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def drawing(width: int, height: int, title: str, description: str, *content: str) -> str:
    """Return a whole drawing with what it shows in words, for those who cannot see it."""
    words = f"{title}. {description}"
    return element(
        "svg",
        *content,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=words,
        class_="chart",
    )


class Scale(NamedTuple):
    """From values to places: linear, or by their logarithm.

    Attributes
    ----------
    low, high : float
        Values at both ends.
    start, end : float
        Their places.
    is_log : bool
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value; what lies outside is put at the end that it passes.

        Examples
        --------
        >>> Scale(1.0, 100.0, 0.0, 10.0, is_log=True)(10.0), Scale(0.0, 2.0, 0.0, 10.0)(9.0)
        (5.0, 10.0)
        """
        value = min(max(value, self.low), self.high)
        if self.high <= self.low:
            return (self.start + self.end) / 2.0
        if self.is_log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Return round values inside, at most about so many.

        Examples
        --------
        >>> Scale(0.0, 9.0, 0.0, 1.0).ticks(5), Scale(1.0, 150.0, 0.0, 1.0, is_log=True).ticks(4)
        ([0.0, 2.0, 4.0, 6.0, 8.0], [1.0, 10.0, 100.0])
        """
        return self._log_ticks(most) if self.is_log else self._even_ticks(most)

    def _even_ticks(self, most: int) -> list[float]:
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        rough = span / max(most, 1)
        base = 10.0 ** math.floor(math.log10(rough))
        step = next(base * each for each in (1, 2, 2.5, 5, 10) if base * each >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [round((first + i) * step, 12) for i in range(count)]

    def _log_ticks(self, most: int) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for parts in ((1, 2, 5), (1, 3), (1,)):
            found = [
                part * 10.0**power
                for power in powers
                for part in parts
                if self.low * 0.999 <= part * 10.0**power <= self.high * 1.001
            ]
            if len(found) <= most:
                return found
        return found[:: math.ceil(len(found) / most)]


def number(value: float) -> str:
    """Write a number with three figures, without an exponent.

    Examples
    --------
    >>> [number(v) for v in (1234.5, 12.0, 0.183, 0.00021, 0.0, -2.5)]
    ['1,230', '12', '0.183', '0.00021', '0', '-2.5']
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    digits = 2 - math.floor(math.log10(abs(value)))
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
