"""One self-contained page: folium's empty shell, our own template, script and style, and the plan as JSON."""

import base64
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from html import escape
from html.parser import HTMLParser
from typing import Any

from allocate.bundle import bundled
from allocate.draw.compact import centre, compact
from allocate.draw.pack import pack_content
from allocate.tables import DAY_NAMES
from allocate.tours import YEAR
from allocate.words import Language, both, catalogue, language

LEAFLET = "vendor/leaflet-1.9.4"
MAP_ID = "map"
_FOLIUM_ID = re.compile(r"map_[0-9a-f]{32}")
# Sections of the catalogue that say codes.
_CODES = (
    "action",
    "basis",
    "clause",
    "half",
    "how",
    "kind",
    "sense",
    "status",
    "strength",
    "support",
    "way_by",
    "week",
)
# And single words that the page shares with the tables.
_SHARED = (
    "roster.span", "roster.over", *(f"field.{day}" for day in DAY_NAMES), *(f"field.month_{month}" for month in YEAR),
)  # fmt: skip
_HEAD_END, _BODY_START, _BODY_END = "</head>", "<body>", "</body>"
# What of a script only people read: lines of remarks, and the blanks before a line (no text goes over several lines).
_REMARKS = re.compile(r"^[ \t]*(?://.*\n|/\*.*\*/\n|\n)?", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")

# Only these may follow `default-src 'none'`: pictures inside the page, styles, and the scripts named by hash.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}; "
    "base-uri 'none'; form-action 'none'"
)


def map_page(plan: Mapping[str, Any]) -> str:
    """Return the map of a plan as the HTML of one file that asks no host for anything.

    No text of the plan passes through folium or any template: it goes into the page as JSON, and the
    page's script writes it as text. It opens in the language of the session.
    """
    content = compact(plan)
    container, view = _shell(centre(content["boundary"], content["places"]))
    before, after = _page(container)
    packed = pack_content(content)
    islands = _island("plan", packed | {"view": view, "language": language()}) + _island("words", _words())
    return before + islands + after


def _page(container: str) -> tuple[str, str]:
    """Return what stands before and after the data, once it is sure that nothing in it is fetched."""
    scripts = [_leaflet_script(), *(_without_remarks(map_file(name)) for name in ("unpack.js", "page.js"))]
    template = map_file("template.html").replace("<!-- map -->", container)
    template = template.replace("<!-- no_script -->", escape(both("map.no_script")))
    head, body = template.split("<!-- body -->")
    policy = policy_of(scripts)
    styles = f"<style>\n{_leaflet_style()}\n{map_file('style.css')}</style>\n"
    before = head.replace("<!-- policy -->", policy).replace("<!-- styles -->", styles) + body
    before, end = before.split("<!-- data -->")
    after = "".join(f"<script>{script}</script>\n" for script in scripts) + end
    refuse_requests(before + after)
    return before, after


def _shell(location: tuple[float, float]) -> tuple[str, dict[str, Any]]:
    """Return folium's container and the options of its map; what it would fetch is left behind."""
    import folium  # takes long to load: only when a page is drawn

    drawn = folium.Map(location=location, tiles=None, zoom_start=10, zoom_control=False, prefer_canvas=True)
    text = _FOLIUM_ID.sub(MAP_ID, drawn.get_root().render())
    body = text.split(_BODY_START)[1].split(_BODY_END)[0]
    options = {key: drawn.options[key] for key in ("zoom", "zoom_control", "prefer_canvas")}
    return body.strip(), options | {"centre": list(drawn.location)}


def _island(name: str, content: Any) -> str:
    """Return data as JSON that no HTML parser can take for markup."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # Half a character cannot be written to a file; its escape can.
    text = _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _words() -> dict[str, Mapping[Language, str]]:
    """Return the words of the page, and those of the codes in a plan by group and code."""
    own = {key.removeprefix("map."): texts for key, texts in catalogue().items() if key.startswith("map.")}
    codes = [key for key in catalogue() if key.split(".")[0] in _CODES]
    return own | {key.replace(".", "_"): catalogue()[key] for key in (*codes, *_SHARED)}


def map_file(name: str) -> str:
    """Return a file of maps/."""
    return (bundled() / "maps" / name).read_text(encoding="utf-8")


def policy_of(scripts: Iterable[str]) -> str:
    """Return the policy of a page that asks no host for anything and runs these scripts only."""
    return _POLICY.format(hashes=" ".join(f"'sha256-{_digest(script)}'" for script in scripts))


def still_policy() -> str:
    """Return the policy of a page that asks no host for anything and runs no script at all."""
    return _POLICY.format(hashes="'none'")


def _without_remarks(script: str) -> str:
    """Return a script without what only people read: a page of many is to be small."""
    return _REMARKS.sub("", script)


def _leaflet_script() -> str:
    return map_file(f"{LEAFLET}/leaflet.js")


def _leaflet_style() -> str:
    """Return Leaflet's style without the pictures of its markers and layer box, which the page never uses."""
    style = map_file(f"{LEAFLET}/leaflet.css")
    return re.sub(r"^\s*(background-image|behavior):\s*url\([^)]*\);\n", "", style, flags=re.MULTILINE)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _Fetches(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self, beside: Collection[str]) -> None:
        super().__init__()
        self.found: list[str] = []
        self._beside = beside
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note tags and attributes that fetch."""
        self._in_style = tag == "style"
        fetching = {"src", "srcset", "href", "action", "data", "poster", "background", "xlink:href"}
        # (A link to a page beside this one fetches nothing until somebody follows it, and then a file of the folder.)
        self.found += [
            f"{tag} {name}={value}"
            for name, value in attrs
            if name in fetching and not (tag == "a" and name == "href" and value in self._beside)
        ]
        if tag in {"link", "base", "iframe", "object", "embed"}:
            self.found.append(tag)

    def handle_data(self, data: str) -> None:
        """Note styles that fetch."""
        if self._in_style:
            self.found += re.findall(r"@import[^;]*|url\((?!['\"]?(?:data:|#))[^)]*\)", data)


def refuse_requests(html: str, beside: Collection[str] = ()) -> None:
    """Stop where the page would ask some host for something: a fault in the template or in its parts.

    Parameters
    ----------
    beside
        Names of files that stand beside the page, and that it may link to.

    Raises
    ------
    AssertionError
        If a tag or style fetches anything.
    """
    parser = _Fetches(beside)
    parser.feed(html)
    parser.close()
    if parser.found:
        msg = f"The page would fetch: {'; '.join(parser.found)}"
        raise AssertionError(msg)
