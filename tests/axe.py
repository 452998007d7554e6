"""Looks for barriers in a page that a browser shows, by the rules of WCAG 2.2 A and AA."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "browser" / "axe-core-4.14.1"
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def barriers(page: Any) -> list[str]:
    """Return what is serious or critical in a page, a line each; what is in its frames is left to tests of theirs."""
    # (The browser runs it from outside of the page, whose policy allows no script of others.)
    page.evaluate((FOLDER / "axe.min.js").read_text(encoding="utf-8") + "; undefined")
    found = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, iframes: false })", list(_RULES)
    )
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def overflow(page: Any) -> int:
    """Return by how much a page is wider than its window [px]."""
    wide: int = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return wide
