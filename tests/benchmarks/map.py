"""Measures the map page at 50,000 places and two years, beside stock folium in the same run: `make bench`.

The peer draws 5,000 points only, a tenth: what it makes of 50,000 takes minutes. Its pages would load their scripts
from other hosts; here it is given the vendored Leaflet and a short stand-in for jQuery, which is to its advantage.

Nothing here is a test: no figure is checked, and nothing runs in the test suite.
"""

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folium
from playwright.sync_api import Browser, sync_playwright

from allocate.bundle import bundled
from allocate.draw import map_page

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plan_examples import large_plan, small_plan

PLACES, PEER_PLACES = 50_000, 5_000
MOVES, TRIES = 5, 3
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# Keeps the map of a page where it can be called: Leaflet announces itself once, whole.
_WATCH = """(() => {
    let leaflet;
    Object.defineProperty(window, "L", { configurable: true, get: () => leaflet, set(whole) {
        leaflet = whole;
        whole.Map.addInitHook(function () { window.watched = this; });
    } });
})()"""
_JQUERY = """<script>window.$ = (html) => {
    const made = document.createElement("template");
    made.innerHTML = html.trim();
    return [made.content.firstChild];
};</script>"""
# From the call to the second animation frame after it: the first one paints what the call changed.
_FRAMES = "new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(() => ok(performance.now()))))"
_MOVE = """async ({ move, turn }) => {
    const began = performance.now();
    if (move === "pan") window.watched.panBy([turn % 2 ? -240 : 240, turn % 2 ? -150 : 150], { animate: false });
    else window.watched.setZoom(window.watched.getZoom() + (turn % 2 ? -1 : 1), { animate: false });
    return (await FRAMES) - began;
}""".replace("FRAMES", _FRAMES)


@dataclass(frozen=True)
class Measured:
    """What one page took.

    Attributes
    ----------
    megabytes
        Its size [MB of 1,000,000 bytes].
    ready
        From the start of loading to the second frame after all is drawn [s].
    pan, zoom
        Median of some moves [ms].
    """

    megabytes: float
    ready: float
    pan: float
    zoom: float


def peer_page(plan: Mapping[str, Any]) -> str:
    """Return the same points as folium draws them when it is asked for markers with popups."""
    drawn = folium.Map(location=(39.65, 117.32), tiles=None, zoom_start=11)
    for place in plan["district_data"]["places"]:
        spot = (place["lat"], place["lon"])
        folium.CircleMarker(spot, radius=3, fill=True, popup=folium.Popup(place["name"])).add_to(drawn)
    html = re.sub(r"<(script|link)[^>]*\b(src|href)=[^>]*>(</script>)?", "", drawn.get_root().render())
    leaflet = bundled() / "maps" / "vendor" / "leaflet-1.9.4"
    style, script = ((leaflet / f"leaflet.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return html.replace("<head>", f"<head><style>{style}</style><script>{script}</script>{_JQUERY}", 1)


def measure(browser: Browser, html: str, folder: Path) -> Measured:
    """Return what a page takes: the median of some openings, and of some moves in each."""
    file = folder / "map.html"
    file.write_text(html, encoding="utf-8")
    ready: list[float] = []
    moves: dict[str, list[float]] = {"pan": [], "zoom": []}
    for _ in range(TRIES):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(_WATCH)
        page.goto(file.as_uri())
        ready.append(page.evaluate(_FRAMES) / 1000)
        for move, times in moves.items():
            times += [page.evaluate(_MOVE, {"move": move, "turn": turn}) for turn in range(MOVES)]
        page.close()
    pan, zoom = (statistics.median(times) for times in moves.values())
    return Measured(len(html.encode()) / 1e6, statistics.median(ready), pan, zoom)


def show(name: str, found: Measured) -> None:
    """Print one line of the table."""
    figures = f"{found.megabytes:>8.2f} MB {found.ready:>8.2f} s {found.pan:>8.0f} ms {found.zoom:>8.0f} ms"
    print(f"{name:44s} {figures}")


def main() -> None:
    """Print the table."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("There is no Chromium: run tests/browser/get-chromium.sh as root.")
    large = large_plan(PLACES)
    page, alone = map_page(large), map_page(small_plan())
    print(f"page without data at most {len(alone.encode()) / 1e6:.2f} MB, ", end="")
    print(f"data of {PLACES:,} places × 2 years {(len(page.encode()) - len(alone.encode())) / 1e6:.2f} MB\n")
    print(f"{'map page':44s} {'size':>11s} {'ready':>10s} {'pan':>11s} {'zoom':>11s}")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        show(f"allocate, {PLACES:,} places × 2 years", measure(browser, page, Path(folder)))
        few = large_plan(PEER_PLACES)
        show(f"allocate, {PEER_PLACES:,} places × 2 years", measure(browser, map_page(few), Path(folder)))
        show(f"folium, {PEER_PLACES:,} markers with popups", measure(browser, peer_page(few), Path(folder)))
        browser.close()


if __name__ == "__main__":
    main()
