"""What is measured as a page: tables between markers, and the curve of seconds against points as a picture."""

import math
from collections.abc import Sequence
from pathlib import Path

HEAD = (
    "instance",
    "peer",
    "peer [s]",
    "allocate [s]",
    "ratio",
    "whole process [s]",
    "memory, peer → allocate",
    "value",
    "gap",
    "bar",
    "met",
)

_WIDE, _HIGH, _EDGE = 720, 440, 64


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    """Return rows as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def put(page: str, name: str, content: str) -> str:
    """Return a page with what stands between the markers of a name replaced, and nothing else.

    Raises
    ------
    ValueError
        When the page does not have both markers, once each.
    """
    begin, end = f"<!-- {name}: written by classics.py -->", f"<!-- {name}: end -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        msg = f"The page needs “{begin}” and, after it, “{end}”, once each."
        raise ValueError(msg)
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{content}\n{end}{after}"


def put_in(file: Path, name: str, content: str) -> None:
    """Replace what stands between the markers of a name in a page."""
    file.write_text(put(file.read_text(encoding="utf-8"), name, content), encoding="utf-8")


def slope(counts: Sequence[float], seconds: Sequence[float]) -> float:
    """Return by how many decades the seconds grow per decade of points: the least-squares line in logarithms."""
    across, up = [math.log(n) for n in counts], [math.log(s) for s in seconds]
    middle, level = sum(across) / len(across), sum(up) / len(up)
    moved = sum((a - middle) * (u - level) for a, u in zip(across, up, strict=True))
    return moved / sum((a - middle) ** 2 for a in across)


def curve(lines: dict[str, list[tuple[float, float]]], title: str) -> str:
    """Return a picture (SVG) of seconds against points, both in decades; a line per name."""
    spots = [spot for line in lines.values() for spot in line]
    left, right = (math.floor(math.log10(min(n for n, _ in spots))), math.ceil(math.log10(max(n for n, _ in spots))))
    low, high = (math.floor(math.log10(min(s for _, s in spots))), math.ceil(math.log10(max(s for _, s in spots))))
    right, high = max(right, left + 1), max(high, low + 1)

    def x(count: float) -> float:
        return _EDGE + (math.log10(count) - left) / (right - left) * (_WIDE - _EDGE - 150)

    def y(seconds: float) -> float:
        return _HIGH - _EDGE + 14 - (math.log10(seconds) - low) / (high - low) * (_HIGH - 2 * _EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" font-family="sans-serif" '
        f'font-size="13" role="img" aria-label="{title}">',
        f'<rect width="{_WIDE}" height="{_HIGH}" fill="#fff"/>',
        f'<text x="{_EDGE}" y="30" font-size="15">{title}</text>',
    ]
    for k in range(left, right + 1):
        at = x(10.0**k)
        parts.append(f'<path d="M{at:.1f} {y(10.0**low):.1f}V{y(10.0**high):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{y(10.0**low) + 20:.1f}" text-anchor="middle">{_plain(k)}</text>')
    for k in range(low, high + 1):
        at = y(10.0**k)
        parts.append(f'<path d="M{x(10.0**left):.1f} {at:.1f}H{x(10.0**right):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_EDGE - 8}" y="{at + 4:.1f}" text-anchor="end">{_plain(k)} s</text>')
    middle = (x(10.0**left) + x(10.0**right)) / 2
    parts.append(f'<text x="{middle:.1f}" y="{_HIGH - 12}" text-anchor="middle">points</text>')
    for (name, line), ink in zip(lines.items(), ("#0b5394", "#b45f06", "#38761d", "#666"), strict=False):
        path = "L".join(f"{x(n):.1f} {y(s):.1f}" for n, s in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(n):.1f}" cy="{y(s):.1f}" r="3.5" fill="{ink}"/>' for n, s in line]
        parts.append(f'<text x="{x(line[-1][0]) + 9:.1f}" y="{y(line[-1][1]) + 4:.1f}" fill="{ink}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _plain(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def seconds_of(seconds: float) -> str:
    """Return seconds with as many digits as matter."""
    digits = 0 if seconds >= 100 else 1 if seconds >= 10 else 2 if seconds >= 0.1 else 3
    return f"{seconds:.{digits}f}"


def memory_of(count: int) -> str:
    """Return an amount of memory."""
    return "" if not count else f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def gap_of(gap: float, *, proven: bool) -> str:
    """Return a gap, rounded up; nothing that is not proven is shown as 0."""
    if proven:
        return "0, proven"
    if not math.isfinite(gap):
        return "unknown"
    if gap > 1:
        return "over 100 %"
    return f"{math.ceil(gap * 1e6) / 1e4:.4f} %" if gap < 0.001 else f"{math.ceil(gap * 1e4) / 1e2:.2f} %"
