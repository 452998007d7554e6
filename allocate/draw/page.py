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
from allocate.draw.tiles import Tiles, shifted
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
# What stays as it is within a line: texts, and patterns, which follow one of three signs; then remarks, and blanks.
_KEPT = re.compile(
    r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\\n]|\\.)*`"""
    r"|(?<=[(,=])\ ?/(?![/*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*"
    r"|(?P<remark>\ +//[^\n]*)|(?P<blank>\ +)"
)
# Signs that need no blank beside them; a plus or minus needs one beside another.
_SIGNS, _ADDING = "{}()[],;:?=<>&|*!", "+-"
# Ends of lines that end nothing.
_ENDS = re.compile(r"(?<=[;{,(\[])\n|\n(?=[})\].?:&|])")
_STYLE_REMARKS = re.compile(r"/\*.*?\*/", re.DOTALL)
# The scripts that are parts of the page's own: they stand in it, in this order, where it says so.
PARTS, _PARTS_HERE = ("today.js", "picture.js", "figures.js", "spots.js", "worth.js", "framed.js"), "/* parts */\n"
# And one that is there only with base map tiles.
TILES_PART = "tiles.js"
# Words of the site cards that the page has no use for, and how the others write their numbers.
_NOT_ON_MAP = (
    "basis_of", "since", "until", "assumed_mark", "yuan", "place", "clause", "money_", "part_what", "part_staff",
    "part_money", "part_gain", "step", "label_into", "label_from", "label_parent", "label_hospital", "label_kept",
    "label_why", "label_functions", "label_opening", "label_yearly", "label_position", "label_places", "staff_",
    "worth_unknown", "label_people", "label_alone", "label_basis_prices", "label_basis_staff", "labelled",
)  # fmt: skip
_FORMAT = re.compile(r"\{(\w+):[^}]*\}")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Only these may follow `default-src 'none'`: pictures inside the page (and of tiles, where asked for), styles, and the
# scripts named by hash.
_POLICY = (
    "default-src 'none'; img-src {images}; style-src 'unsafe-inline'; script-src {hashes}; "
    "base-uri 'none'; form-action 'none'"
)


def map_page(plan: Mapping[str, Any], tiles: Tiles | None = None) -> str:
    """Return the map of a plan as the HTML of one file that asks no host for anything, but tiles where there are some.

    No text of the plan passes through folium or any template: it goes into the page as JSON, and the
    page's script writes it as text. It opens in the language of the session.
    """
    content = compact(plan)
    if tiles:
        content = shifted(content, tiles)
    container, view = shell(centre(content["boundary"], content["places"]))
    parts = (*PARTS, TILES_PART) if tiles else PARTS
    scripts = (map_file("unpack.js"), map_file("common.js"), _own_script(parts))
    before, after = page_around(container, "template.html", scripts, ("style.css",), tiles)
    packed = pack_content(content) | ({"tiles": tiles.plain()} if tiles else {})
    islands = island("plan", packed | {"view": view, "language": language()}) + island("words", _words(tiles))
    return before + islands + after


def page_around(
    container: str, frame: str, own: Iterable[str], looks: Iterable[str], tiles: Tiles | None = None
) -> tuple[str, str]:
    """Return what stands before and after the data, once it is sure that nothing in it is fetched but tiles.

    Parameters
    ----------
    frame, looks
        Files of maps/: the page without its parts, and its styles.
    own
        The scripts of the page beside Leaflet.
    """
    scripts = [_leaflet_script(), *map(_tightened, own)]
    template = map_file(frame).replace("<!-- map -->", container)
    template = template.replace("<!-- no_script -->", escape(both("map.no_script_tiles" if tiles else "map.no_script")))
    head, body = template.split("<!-- body -->")
    policy = policy_of(scripts, tiles.hosts if tiles else ())
    styles = f"<style>{_tight_style(_leaflet_style() + ''.join(map(map_file, looks)))}</style>\n"
    before = head.replace("<!-- policy -->", policy).replace("<!-- styles -->", styles) + body
    before, end = before.split("<!-- data -->")
    after = "".join(f"<script>{script}</script>\n" for script in scripts) + end
    refuse_requests(before + after)
    return before, after


def shell(location: tuple[float, float]) -> tuple[str, dict[str, Any]]:
    """Return folium's container and the options of its map; what it would fetch is left behind."""
    import folium  # takes long to load: only when a page is drawn

    drawn = folium.Map(location=location, tiles=None, zoom_start=10, zoom_control=False, prefer_canvas=True)
    text = _FOLIUM_ID.sub(MAP_ID, drawn.get_root().render())
    body = text.split(_BODY_START)[1].split(_BODY_END)[0]
    options = {key: drawn.options[key] for key in ("zoom", "zoom_control", "prefer_canvas")}
    return body.strip(), options | {"centre": list(drawn.location)}


def island(name: str, content: Any) -> str:
    """Return data as JSON that no HTML parser can take for markup."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # Half a character cannot be written to a file; its escape can.
    text = _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _words(tiles: Tiles | None) -> dict[str, Mapping[Language, str]]:
    """Return the words of the page, and those of the codes in a plan by group and code."""
    own = {key.removeprefix("map."): texts for key, texts in catalogue().items() if key.startswith("map.")}
    if tiles is None:
        own = {key: texts for key, texts in own.items() if not key.startswith("tiles_")}
    codes = [key for key in catalogue() if key.split(".")[0] in _CODES]
    return own | {key.replace(".", "_"): catalogue()[key] for key in (*codes, *_SHARED)} | _card_words()


def _card_words() -> dict[str, Mapping[Language, str]]:
    """Return the words of the site cards that the page says as they do; its script writes the numbers in them."""
    return {
        key.replace(".", "_"): {spoken: _FORMAT.sub(r"{\1}", text) for spoken, text in texts.items()}
        for key, texts in catalogue().items()
        if key.startswith("site_card.") and not key.removeprefix("site_card.").startswith(_NOT_ON_MAP)
    } | {f"said_{name}": catalogue()[f"summary.{name}"] for name in ("comma", "semicolon")}


def map_file(name: str) -> str:
    """Return a file of maps/."""
    return (bundled() / "maps" / name).read_text(encoding="utf-8")


def policy_of(scripts: Iterable[str], hosts: Iterable[str] = ()) -> str:
    """Return the policy of a page that asks no host for anything (but these for pictures) and runs no other scripts."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return _POLICY.format(hashes=hashes, images=" ".join(("data:", *hosts)))


def _own_script(parts: Iterable[str] = PARTS) -> str:
    """Return the page's own script with its parts in it."""
    return map_file("page.js").replace(_PARTS_HERE, "".join(map(map_file, parts)))


def still_policy() -> str:
    """Return the policy of a page that asks no host for anything and runs no script at all."""
    return _POLICY.format(hashes="'none'", images="data:")


def _without_remarks(script: str) -> str:
    """Return a script without what only people read: a page of many is to be small."""
    return _REMARKS.sub("", script)


def _tightened(script: str) -> str:
    """Return a script of ours without remarks, and without the blanks that nothing needs; its texts stay as they are.

    >>> _tightened('const a = [1, "b, c"]; // why\\n')
    'const a=[1,"b, c"];'
    """
    lines = _without_remarks(script)

    def shorter(found: re.Match[str]) -> str:
        if found["blank"] is None:
            return "" if found["remark"] else found[0]
        before, after = lines[found.start() - 1 : found.start()], lines[found.end() : found.end() + 1]
        if before in _SIGNS or after in _SIGNS or (before in _ADDING) != (after in _ADDING):
            return ""
        return " "

    return _ENDS.sub("", _KEPT.sub(shorter, lines))


def _tight_style(style: str) -> str:
    """Return a style without remarks, and without the blanks that nothing needs."""
    lines = (line.strip() for line in _STYLE_REMARKS.sub("", style).splitlines())
    return re.sub(r" *([{};]) *|(?<=:) +", lambda found: found[1] or "", " ".join(lines)).strip()


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
            if name in fetching
            and not (tag == "a" and name == "href" and value in self._beside)
            # (A picture that the page itself holds.)
            and not (tag == "img" and name == "src" and (value or "").startswith("data:image/png;base64,"))
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
