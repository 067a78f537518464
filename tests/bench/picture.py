"""The ratios of a run as bars in an SVG file that the README shows."""

from html import escape
from pathlib import Path
from typing import Any, NamedTuple

WIDTH, LABEL, BAR, GAP, TOP = 980, 460, 18, 8, 80
SCALE = 220  # pixels for a ratio of 1
MOST = 2.0
GOOD, BAD, INK, GRID = "#1f7a6d", "#c2570c", "#1f2933", "#9aa5b1"
FONT = 'font-family="system-ui, sans-serif" font-size="13"'

Json = dict[str, Any]


class Bar(NamedTuple):
    """One ratio."""

    label: str
    ratio: float
    goal: float | None
    more_is_better: bool

    @property
    def is_good(self) -> bool:
        """Level or ahead."""
        return self.ratio >= 0.995 if self.more_is_better else self.ratio <= 1.005


def draw(document: Json, path: Path) -> None:
    """Write the picture of a stored run: a bar per ratio, green where Tidegate is level with the better peer or ahead.

    A mark across a bar is its goal.
    """
    bars = [
        Bar(f"{work['work']}: {figure['figure']}", figure["ratio"], figure["goal"], figure["more_is_better"])
        for work in document["works"]
        for figure in work["figures"]
        if figure["ratio"] is not None
    ]
    groups = [
        ("more is better", [bar for bar in bars if bar.more_is_better]),
        ("less is better", [bar for bar in bars if not bar.more_is_better]),
    ]
    parts: list[str] = []
    y = TOP
    for title, members in groups:
        parts.append(_text(LABEL, y, title, weight="bold"))
        y += GAP + 4
        for bar in members:
            parts.append(_bar(y, bar))
            y += BAR + GAP
        y += 3 * GAP
    one = LABEL + SCALE
    line = f'<line x1="{one}" x2="{one}" y1="{TOP - 12}" y2="{y - 3 * GAP}" stroke="{GRID}" stroke-dasharray="4 3"/>'
    heading = _text(
        16,
        24,
        "Tidegate divided by the better of nginx stream and HAProxy, same machine, same run; a mark is a goal",
        weight="bold",
    )
    facts = [f"{name} {value}" for name, value in document["machine"].items()]
    half = len(facts) // 2
    captions = [_text(16, 42, ", ".join(facts[:half]), size=11), _text(16, 58, ", ".join(facts[half:]), size=11)]
    body = "\n".join([heading, *captions, line, *parts])
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img" '
        f'aria-label="Ratios to the better of nginx and HAProxy">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"{body}\n</svg>\n",
        encoding="utf-8",
    )


def _bar(y: int, bar: Bar) -> str:
    width = round(min(bar.ratio, MOST) * SCALE)
    rectangle = f'<rect x="{LABEL}" y="{y}" width="{width}" height="{BAR}" fill="{GOOD if bar.is_good else BAD}"/>'
    middle = y + BAR - 5
    parts = [_text(LABEL - 8, middle, bar.label, anchor="end"), rectangle]
    number = LABEL + width + 6
    if bar.goal is not None:
        x = LABEL + round(bar.goal * SCALE)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{y - 3}" y2="{y + BAR + 3}" stroke="{INK}" stroke-width="2"/>')
        number = max(number, x + 6) if x > LABEL + width else number
    return "\n".join([*parts, _text(number, middle, f"{bar.ratio:.2f}")])


def _text(x: int, y: int, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 13) -> str:
    font = FONT.replace("13", str(size))
    place = f'x="{x}" y="{y}" {font} font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}" paint-order="stroke" stroke="#ffffff" stroke-width="3">{escape(text)}</text>'
