"""How QGIS shows the layers of a plan: one style per layer, with headings and codes in words.

The styles are QML, QGIS's own format. A rule for every year holds what is drawn in that year; the last one is shown
and the others wait to be ticked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from xml.etree import ElementTree as ET

from allocate.report.away import way_of
from allocate.report.frames import LINK
from allocate.report.sheets import STATUSES, sheets
from allocate.report.table import Cell, Field, Sheet
from allocate.tables import ENDS
from allocate.words import Language, catalogue, say_in

# Okabe and Ito's colours, as on the map.
_GREEN, _ORANGE, _SKY, _RED, _BLUE, _INK, _PINK = (
    "0,158,115", "230,159,0", "86,180,233", "213,94,0", "0,114,178", "29,35,41", "204,121,167",
)  # fmt: skip
_COLOURS = (_BLUE, _RED, _GREEN, _PINK, _ORANGE, _SKY, _INK)
_STATUS_LOOKS = {
    "served": ("circle", _GREEN),
    "no_capacity": ("triangle", _ORANGE),
    "rounds": ("circle", _SKY),
    "posted": ("star", _PINK),
    "out_of_range": ("diamond", _RED),
}
_KIND_LOOKS = {
    "clinic": ("pentagon", 2.6), "station": ("pentagon", 3.4), "township_hospital": ("square", 3.4),
    "community_centre": ("square", 3.4), "hospital": ("cross_fill", 4.2), "ems_station": ("triangle", 3.0),
    "hospital_site": ("cross_fill", 4.2),
}  # fmt: skip
# Upper ends of the classes of the share served, and their colours: the fewer, the darker.
_SHARES = ((0.5, "84,39,143"), (0.8, "117,107,177"), (0.9, "158,154,200"), (0.99, "203,201,226"), (1, "242,240,247"))


@dataclass(frozen=True)
class _Rule:
    """One line of a legend: which rows, how they look, and whether it is ticked."""

    label: str
    where: str
    symbol: "ET.Element | None" = None
    shown: bool = True
    parts: tuple["_Rule", ...] = ()


def styles(content: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return the QML of every layer by its name."""
    tables = sheets(content, language)
    years: list[int] = content["years"]
    kinds = [kind for kind in _KIND_LOOKS if any(site["kind"] == kind for site in content["sites"])]

    of_year = '"year" = {year}'

    def by_year(parts: "Sequence[_Rule]", where: str = of_year) -> list[_Rule]:
        return [
            _Rule(
                str(year), where.format(year=year), shown=year == years[-1],
                parts=tuple(_Rule(p.label, p.where.format(year=year), p.symbol) for p in parts),
            )
            for year in years
        ]  # fmt: skip

    def word(key: str) -> str:
        return say_in(language, key)

    places = [
        _Rule(word(f"status.{status}"), f"\"status\" = '{status}'", _place_marker(*_STATUS_LOOKS[status]))
        for status in STATUSES
    ]
    ended = ", ".join(f"'{action}'" for action in ENDS)
    open_sites = (
        f'"action" NOT IN ({ended}, \'upgrade\') AND "year" <= {{year}} AND ("until" IS NULL OR "until" > {{year}})'
    )
    sites = [
        _Rule(
            f"{word(f'kind.{kind}')} · {word(f'action.{action}')}",
            f'"kind" = \'{kind}\' AND {not_new} ("year" = {{year}} AND "action" = \'open\')',
            _marker(*_KIND_LOOKS[kind], colour, "basis"),
        )
        for kind in kinds
        for action, not_new, colour in (("open", "", _BLUE), ("keep", "NOT", _INK))
    ]
    closings = [
        _Rule(
            f"{year} · {word('action.close')}", f'"action" IN ({ended}) AND "year" = {year}',
            _marker("cross2", 3.4, _PINK, "basis"), shown=year == years[-1],
        )
        for year in years
        if any(site["action"] in ENDS and site["year"] == year for site in content["sites"])
    ]  # fmt: skip
    posted = [_Rule(word("gis.postings"), '"year" = {year}', _line(f"{_INK},190", 0.4, "dash"))]
    had = '("since" IS NULL OR "since" <= {year}) AND ("last_year" IS NULL OR "last_year" >= {year})'
    shades = [
        _Rule(label, where, _fill(colour, 150, "110,120,130", 0.3))
        for label, where, colour in _share_classes()
    ]  # fmt: skip
    return {
        "boundary": _qml([_Rule(word("gis.boundary"), "", _fill(_INK, 0, "90,100,110", 0.5))], (), language),
        "towns": _qml(by_year(shades), tables["towns"].fields, language, label="town"),
        "reach": _qml(
            by_year([_Rule(word("gis.reach"), '"year" = {year}', _fill(_BLUE, 28, _BLUE, 0.4))]),
            [Field("year", "year"), Field("circle", "text")], language,
        ),
        "links": _qml(
            by_year([_Rule(word("gis.links"), '"year" = {year}', _line())]),
            [field for field in tables["places"].fields if field.name in LINK], language,
        ),
        **{
            layer: _qml(by_year(looks, where), tables[sheet].fields, language)
            for layer, sheet, looks, where in (
                ("members", "members", list(_by_lead(tables, _of_lead)), of_year),
                ("centre_links", "functions", list(_by_centre(tables)), had),
                ("consortia", "consortia", list(_by_lead(tables, _at_lead)), of_year),
                ("postings", "postings_by_hospital", posted, of_year),
                ("rounds", "rounds", list(_ways(content, tables)), of_year),
            )
            if sheet in tables
        },
        "places": _qml(by_year(places), tables["places"].fields, language),
        "sites": _qml([*by_year(sites, open_sites), *closings], tables["sites"].fields, language),
    }  # fmt: skip


def _ways(content: Mapping[str, Any], tables: Mapping[str, Sheet]) -> Iterator[_Rule]:
    """Yield how the lines of every way of outreach look: posts in villages, rounds to villages, rounds to towns."""
    rounds = tables.get("rounds")
    for way, name in sorted(set(zip(rounds.column("way_id"), rounds.column("way"), strict=True))) if rounds else ():
        plan = way_of(content, str(way))
        colour = _PINK if plan.get("is_post") else _BLUE if plan.get("to") == "town" else _SKY
        yield _Rule(str(name), _is("way_id", way), _line(f"{colour},220", 0.4))


def _is(column: str, code: Cell) -> str:
    """Return the filter for the lines of one code."""
    # (Braces stand for the year in the filters of years.)
    quoted = str(code).replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"\"{column}\" = '{quoted}'"


def _by_lead(tables: Mapping[str, Sheet], look: Callable[[str], ET.Element]) -> Iterator[_Rule]:
    """Yield how every consortium looks: each lead in a colour of its own, as long as there are enough."""
    if "consortia" in tables:
        for colour, (lead, name) in zip(cycle(_COLOURS), _named(tables["consortia"], "lead_id", "lead")):
            yield _Rule(name, _is("lead_id", lead), look(colour))


def _of_lead(colour: str) -> ET.Element:
    return _line(f"{colour},200", 0.5)


def _at_lead(colour: str) -> ET.Element:
    return _marker("circle", 6.0, colour, "basis")


def _by_centre(tables: Mapping[str, Sheet]) -> Iterator[_Rule]:
    """Yield how the links to shared centres look: each function in a colour of its own, as long as there are enough."""
    if "centres" in tables:
        for colour, (code, name) in zip(cycle(_COLOURS), _named(tables["centres"], "function_id", "function")):
            yield _Rule(name, _is("function_id", code), _line(f"{colour},200", 0.4, "dash"))


def _named(sheet: Sheet, code: str, name: str) -> list[tuple[Cell, str]]:
    """Return the codes of a sheet with their names, each once, in its order."""
    return list(dict(zip(sheet.column(code), map(str, sheet.column(name)), strict=True)).items())


def _share_classes() -> Iterator[tuple[str, str, str]]:
    low = 0.0
    for high, colour in _SHARES:
        last = high == 1
        label = f"{100 * low:.0f} – {100 * high:.0f} %"
        yield label, f'"served_share" >= {low} AND "served_share" {"<=" if last else "<"} {high}', colour
        low = high


def _qml(rules: Sequence[_Rule], fields: Sequence[Field], language: Language, label: str = "") -> str:
    root = ET.Element(
        "qgis", version="3.22.0", styleCategories="AllStyleCategories", labelsEnabled=str(int(bool(label)))
    )
    _field_words(root, fields, language)
    renderer = ET.SubElement(
        root, "renderer-v2", type="RuleRenderer", symbollevels="0", enableorderby="0", forceraster="0"
    )
    symbols: list[ET.Element] = []
    top = ET.SubElement(renderer, "rules", key="root")
    for number, rule in enumerate(rules):
        _add_rule(top, rule, f"r{number}", symbols)
    held = ET.SubElement(renderer, "symbols")
    for number, symbol in enumerate(symbols):
        symbol.set("name", str(number))
        held.append(symbol)
    if label:
        _labels(root, label)
    return ET.tostring(root, encoding="unicode")


def _add_rule(above: ET.Element, rule: _Rule, key: str, symbols: list[ET.Element]) -> None:
    attributes = {"key": key, "label": rule.label, "checkstate": str(int(rule.shown))}
    if rule.where:
        attributes["filter"] = rule.where
    if rule.symbol is not None:
        attributes["symbol"] = str(len(symbols))
        # Each rule owns its symbol: one that several rules share is copied.
        symbols.append(ET.fromstring(ET.tostring(rule.symbol)))
    made = ET.SubElement(above, "rule", attributes)
    for number, part in enumerate(rule.parts):
        _add_rule(made, part, f"{key}-{number}", symbols)


def _symbol(kind: str, layer: str, options: Mapping[str, str], formula: Mapping[str, str] | None = None) -> ET.Element:
    symbol = ET.Element("symbol", type=kind, name="0", alpha="1", clip_to_extent="1", force_rhr="0")
    drawn = ET.SubElement(symbol, "layer", {"class": layer, "enabled": "1", "locked": "0", "pass": "0"})
    held = ET.SubElement(drawn, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(held, "Option", type="QString", name=name, value=value)
    if formula:
        defined = ET.SubElement(ET.SubElement(drawn, "data_defined_properties"), "Option", type="Map")
        ET.SubElement(defined, "Option", type="QString", name="name", value="")
        properties = ET.SubElement(defined, "Option", type="Map", name="properties")
        for name, expression in formula.items():
            one = ET.SubElement(properties, "Option", type="Map", name=name)
            ET.SubElement(one, "Option", type="bool", name="active", value="true")
            ET.SubElement(one, "Option", type="QString", name="expression", value=expression)
            ET.SubElement(one, "Option", type="int", name="type", value="3")
        ET.SubElement(defined, "Option", type="QString", name="type", value="collection")
    return symbol


def _marker(shape: str, size: float, colour: str, basis: str) -> ET.Element:
    """Return a point symbol: hollow where the position is not official or surveyed."""
    firm = f"\"{basis}\" IN ('official', 'surveyed')"
    return _symbol(
        "marker",
        "SimpleMarker",
        {
            "name": shape, "size": f"{size}", "size_unit": "MM", "color": f"{colour},255",
            "outline_color": f"{colour},255", "outline_style": "solid", "outline_width": "0.4",
            "outline_width_unit": "MM",
        },
        {"fillColor": f"if({firm}, '{colour},255', '255,255,255,255')"},
    )  # fmt: skip


def _place_marker(shape: str, colour: str) -> ET.Element:
    return _marker(shape, 1.6, colour, "position_basis")


def _fill(colour: str, alpha: int, edge: str, width: float) -> ET.Element:
    return _symbol(
        "fill",
        "SimpleFill",
        {
            "color": f"{colour},{alpha}", "style": "solid" if alpha else "no", "outline_color": f"{edge},255",
            "outline_style": "solid", "outline_width": f"{width}", "outline_width_unit": "MM",
        },
    )  # fmt: skip


def _line(colour: str = "77,87,97,140", width: float = 0.2, style: str = "solid") -> ET.Element:
    look = {"line_color": colour, "line_width": f"{width}", "line_width_unit": "MM", "line_style": style}
    return _symbol("line", "SimpleLine", look)


def _labels(root: ET.Element, field: str) -> None:
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    text = ET.SubElement(
        settings, "text-style", fieldName=field, fontSize="9", fontSizeUnit="Point", textColor="43,51,59,255",
        isExpression="0", textOpacity="1",
    )  # fmt: skip
    ET.SubElement(
        text, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor="255,255,255,255"
    )
    ET.SubElement(settings, "placement", placement="1", centroidWhole="1", centroidInside="1", fitInPolygonOnly="0")
    ET.SubElement(settings, "rendering", obstacle="0", displayAll="0")


def _field_words(root: ET.Element, fields: Sequence[Field], language: Language) -> None:
    """Give every column its heading, and every code its word, in the attribute table."""
    configuration = ET.SubElement(root, "fieldConfiguration")
    aliases = ET.SubElement(root, "aliases")
    for at, field in enumerate(fields, start=1):
        ET.SubElement(aliases, "alias", field=field.name, index=str(at), name=field.heading(language))
        if field.kind == "code":
            one = ET.SubElement(configuration, "field", name=field.name)
            widget = ET.SubElement(one, "editWidget", type="ValueMap")
            options = ET.SubElement(ET.SubElement(widget, "config"), "Option", type="Map")
            words = ET.SubElement(options, "Option", type="List", name="map")
            for key, texts in catalogue().items():
                group, code = key.split(".", 1)
                if group == field.group:
                    pair = ET.SubElement(words, "Option", type="Map")
                    ET.SubElement(pair, "Option", type="QString", name=texts[language], value=code)
