"""The ratios of a run as bars in an SVG file that the README shows."""

from html import escape
from pathlib import Path
from typing import Any

WIDTH, LABEL, BAR, GAP, TOP = 980, 460, 18, 8, 80
SCALE = 220  # pixels for a ratio of 1
MOST = 2.0
GOOD, BAD, INK, GRID = "#1f7a6d", "#c2570c", "#1f2933", "#9aa5b1"
FONT = 'font-family="system-ui, sans-serif" font-size="13"'

Json = dict[str, Any]


def draw(document: Json, path: Path) -> None:
    """Write the picture of a stored run: a bar per ratio, green where Tidegate is level with the better peer or ahead."""
    bars = [
        (f"{work['work']}: {figure['figure']}", figure["ratio"], figure["more_is_better"])
        for work in document["works"]
        for figure in work["figures"]
        if figure["ratio"] is not None
    ]
    groups = [("more is better", [bar for bar in bars if bar[2]]), ("less is better", [bar for bar in bars if not bar[2]])]
    parts: list[str] = []
    y = TOP
    for title, members in groups:
        parts.append(_text(LABEL, y, title, weight="bold"))
        y += GAP + 4
        for label, ratio, more_is_better in members:
            parts.append(_bar(y, label, ratio, good=ratio >= 0.995 if more_is_better else ratio <= 1.005))
            y += BAR + GAP
        y += 3 * GAP
    one = LABEL + SCALE
    line = f'<line x1="{one}" x2="{one}" y1="{TOP - 12}" y2="{y - 3 * GAP}" stroke="{GRID}" stroke-dasharray="4 3"/>'
    heading = _text(
        16, 24, "Tidegate divided by the better of nginx stream and HAProxy, same machine, same run", weight="bold"
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


def _bar(y: int, label: str, ratio: float, *, good: bool) -> str:
    width = round(min(ratio, MOST) * SCALE)
    rectangle = f'<rect x="{LABEL}" y="{y}" width="{width}" height="{BAR}" fill="{GOOD if good else BAD}"/>'
    middle = y + BAR - 5
    return "\n".join(
        [_text(LABEL - 8, middle, label, anchor="end"), rectangle, _text(LABEL + width + 6, middle, f"{ratio:.2f}")]
    )


def _text(x: int, y: int, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 13) -> str:
    font = FONT.replace("13", str(size))
    place = f'x="{x}" y="{y}" {font} font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}" paint-order="stroke" stroke="#ffffff" stroke-width="3">{escape(text)}</text>'
