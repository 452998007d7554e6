"""Plans beside the first of them as one self-contained page: tables, and a map of what differs."""

from collections.abc import Mapping, Sequence
from typing import Any

from allocate.compared import Comparison, Faring, Pair, Standing
from allocate.comparing import standings
from allocate.draw.cells import Index, append_row, in_both
from allocate.draw.compact import DEGREE_DIGITS, centre, compact
from allocate.draw.page import island, map_file, page_around, shell
from allocate.report.comparison import comparison_sheets
from allocate.report.comparison_lines import lines_in
from allocate.report.table import DISTRICT, Content, Field, Sheet, clean
from allocate.units import FIRM
from allocate.words import LANGUAGES, Language, catalogue, language

# Sections of the catalogue that say codes, the page's own words, and what it shares with the map.
_CODES = (
    "basis", "cannot_tell", "clause", "differing", "kind", "site_change", "status", "strength", "unit", "verdict",
)  # fmt: skip
_OWN = "versus."
SHARED = (
    "approval_given", "approval_missing", "in_brackets", "language_switch", "layers", "legend", "map_region", "north",
    "panel_region", "roads_openstreetmap", "unnamed", "whole", "year_now", "years", "zoom_in", "zoom_out",
    "close_card",
)  # fmt: skip
# Rows of a table that the page shows: a browser, and a reader, has enough of them; the workbook has all.
_MOST_ROWS = 200
# Where a site stands open.
_FIRST, _OTHER, _BOTH = range(3)


def comparison_page(made: Comparison, contents: Sequence[Content]) -> str:
    """Return the page as the HTML of one file that asks no host for anything; it opens in the language of the session.

    No text of a plan passes through folium or any template: it goes into the page as JSON.
    """
    drawn = compact(contents[0])
    container, view = shell(centre(drawn["boundary"], drawn["places"]))
    scripts, looks = map(map_file, ("common.js", "comparison.js")), ("style.css", "comparison.css")
    before, after = page_around(container, "comparison.html", scripts, looks)
    shared = ("district", "datum", "approval", "boundary", "openstreetmap")
    content = {
        **{key: drawn[key] for key in shared},
        "areas": drawn["areas"]["towns"],
        **_Drawn(contents, drawn["towns"]).pairs(made),
        "view": view,
        "language": language(),
    }
    return before + island("comparison", content) + island("words", _words()) + after


def _words() -> dict[str, Mapping[Language, str]]:
    texts = catalogue()
    own = {key.removeprefix(_OWN): said for key, said in texts.items() if key.startswith(_OWN)}
    shared = {key: texts[f"map.{key}"] for key in SHARED}
    return shared | own | {key.replace(".", "_"): texts[key] for key in texts if key.split(".")[0] in _CODES}


class _Drawn:
    """What the page draws of several plans, by positions in lists that all of them share."""

    def __init__(self, contents: Sequence[Content], towns: Mapping[str, Sequence[Any]]) -> None:
        self._contents = contents
        self._towns = {name: list(values) for name, values in towns.items()}
        self._town = Index()
        for town in contents[0]["district_data"]["towns"]:
            self._town.of(town["id"])
        self._place, self._places = Index(), _columns("name", "town", "lon", "lat", "people", "hollow")
        self._site, self._sites = Index(), _columns("name", "kind", "town", "lon", "lat", "hollow")

    def pairs(self, made: Comparison) -> dict[str, Any]:
        """Return every pair, and the places, sites and towns that it names by their positions."""
        for content in self._contents:
            self._add(content)
        said = {chosen: lines_in(made, self._contents, chosen) for chosen in LANGUAGES}
        pairs = []
        for at, (pair, other) in enumerate(zip(made.pairs, self._contents[1:], strict=True)):
            of_pair = Comparison((made.plans[0], made.plans[at + 1]), (pair,))
            tables = {chosen: comparison_sheets(of_pair, (self._contents[0], other), chosen) for chosen in LANGUAGES}
            pairs.append(
                {
                    "first": clean(pair.first),
                    "other": clean(pair.other),
                    "same": pair.is_same,
                    "years": list(pair.years),
                    "cost_told": pair.cost is not None and pair.cost.verdict != "unknown",
                    "same_people": pair.is_of_same_people,
                    "lines": {chosen: said[chosen][at] for chosen in LANGUAGES},
                    "tables": [_table(*(tables[chosen][name] for chosen in LANGUAGES)) for name in tables["zh"]],
                    "parts": {str(year): self._parts(pair, year) for year in pair.years},
                    "standing": {str(year): self._standing(pair, other, year) for year in pair.years},
                    "towns": {str(year): self._of_towns(pair, year) for year in pair.years},
                    "people": {
                        str(row.year): [
                            row.better, row.worse, row.same, row.elsewhere, row.first_unknown, row.other_unknown,
                            row.first_people, row.other_people,
                        ]
                        for row in pair.people
                    },
                }
            )  # fmt: skip
        return {"towns": self._towns, "places": self._places, "sites": self._sites, "pairs": pairs}

    def _add(self, content: Content) -> None:
        """Add what no plan before it has; what several have is drawn as the first of them says."""
        data = content["district_data"]
        for town in data["towns"]:
            known = len(self._town.position)
            if self._town.of(town["id"]) == known and known == len(self._towns["name"]):
                append_row(self._towns, {"name": town["name"], **_spot(town)})
        for place in data["places"]:
            known = len(self._place.position)
            if self._place.of(place["id"]) == known:
                self._places["name"].append(place["name"])
                self._places["town"].append(self._town.known(place["town"]))
                self._places["people"].append(place["people"])
                self._add_spot(self._places, place, place["position_basis"])
        for site in content["sites"]:
            known = len(self._site.position)
            if self._site.of(site["id"]) == known:
                for key in ("name", "kind"):
                    self._sites[key].append(site[key])
                self._sites["town"].append(self._town.known(site["town"]))
                self._add_spot(self._sites, site, site["basis"])

    def _add_spot(self, columns: dict[str, list[Any]], row: Content, basis: str) -> None:
        for key, value in _spot(row).items():
            columns[key].append(value)
        columns["hollow"].append(int(basis not in FIRM))

    def _parts(self, pair: Pair, year: int) -> list[list[Any]]:
        return [
            [
                self._place.known(part.place), part.verdict, part.people, round(float(part.share), 4),
                self._faring(part.first), self._faring(part.other),
            ]
            for part in pair.parts
            if part.year == year
        ]  # fmt: skip

    def _faring(self, faring: Faring | None) -> list[Any] | None:
        return None if faring is None else [faring.status, self._site.known(faring.site), faring.minutes]

    def _standing(self, pair: Pair, other: Content, year: int) -> list[list[Any]]:
        """Return where each site that stands open in any of both plans does so, and whom it serves in each."""
        one, two = (standings(content, [year]) for content in (self._contents[0], other))
        rows = []
        for code in dict.fromkeys((*one, *two)):
            first, its = _open(one.get(code)), _open(two.get(code))
            if first or its:
                where = _BOTH if first and its else _FIRST if first else _OTHER
                rows.append([self._site.known(code), where, first and first.people, its and its.people])
        return rows

    def _of_towns(self, pair: Pair, year: int) -> list[list[int]]:
        return [
            [self._town.known(row.scope), row.first_served, row.other_served, row.first_people, row.other_people]
            for row in pair.towns
            if row.year == year and row.scope != DISTRICT
        ]


def _open(site: Standing | None) -> Standing | None:
    return site if site is not None and site.years else None


def _columns(*names: str) -> dict[str, list[Any]]:
    return {name: [] for name in names}


def _spot(row: Content) -> dict[str, float | None]:
    return {key: None if row[key] is None else round(row[key], DEGREE_DIGITS) for key in ("lon", "lat")}


def _table(zh: Sheet, en: Sheet) -> dict[str, Any]:
    """Return a table in both languages: a cell that they say differently is a pair."""
    rows = [
        [mine if mine == its else [mine, its] for mine, its in zip(row, same, strict=True)]
        for row, same in zip(zh.rows[:_MOST_ROWS], en.rows[:_MOST_ROWS], strict=True)
    ]
    return {
        "title": _said(f"sheet.{zh.name}"),
        "about": _said(f"sheet.about_{zh.name}"),
        "fields": [_field(field) for field in zh.fields],
        "rows": rows,
        "count": len(zh.rows),
    }


def _said(key: str) -> dict[str, str]:
    return in_both(catalogue()[key])


def _field(field: Field) -> dict[str, Any]:
    heading = {chosen: field.heading(chosen) for chosen in LANGUAGES}
    return {"name": field.name, "kind": field.kind, "group": field.group, "heading": heading}
