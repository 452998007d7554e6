"""Today beside every plan year, for the district and its towns."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from allocate.report.belonging import ability_of, function_name, functions_in_order, holds
from allocate.report.known_today import had_today, is_listed, is_unknown
from allocate.report.table import DISTRICT, Cell, Field, Sheet, Source, clean, make_sheet
from allocate.rules.amounts import unit_of
from allocate.tables import BASES, HUB_KINDS, INSTITUTION_KINDS

# Who is near to people: every town may have some of them.
_NEAR = {*HUB_KINDS, "station", "clinic", "ems_station"}
_DIGITS = 9  # of a difference of shares: what lies beyond comes from the arithmetic


def today_and_planned(source: Source, tables: Mapping[str, Sheet]) -> Sheet:
    """Return the district and its towns, the worst served first, with today's figures beside those of every plan year.

    `tables` holds the sheets of the same plan: what stands in one of them is taken from there.
    """
    years = source.years
    fields = [
        Field("town", "text"), Field("item", "text"), Field("unit", "code", "unit"),
        Field("today_figure", "measure", blank="change.unknown"),
        *(Field(f"figure_in_{year}", "measure", year=year) for year in years),
        Field("figure_more", "measure"), Field("today_basis", "code", "basis"), Field("town_id", "id"),
        Field("item_id", "id"),
    ]  # fmt: skip
    return make_sheet("today_and_planned", fields, _Comparison(source, tables).lines())


class _Comparison:
    """The lines that set today beside every plan year."""

    def __init__(self, source: Source, tables: Mapping[str, Sheet]) -> None:
        self.source = source
        self.tables = tables
        # (A table holds ids as every file can hold them.)
        self._towns = {clean(town): name for town, name in source.towns.items()}

    def lines(self) -> Iterator[dict[str, Any]]:
        first = (row for row in self.tables["towns"].records() if row["year"] == self.source.years[0])
        scopes = [row["town_id"] for row in first]
        makers = (self._people, self._sites, self._resources, self._functions)
        found: dict[Cell, list[dict[str, Any]]] = {scope: [] for scope in scopes}
        for make in makers:
            for line in make():
                found[line["town_id"]].append(line)
        return (line for scope in scopes for line in found[scope])

    def _line(
        self, scope: Cell, item: tuple[str, str], unit: str, today: Any, planned: list[Any], basis: str | None = None
    ) -> dict[str, Any]:
        last = planned[-1]
        more = None if today is None or last is None else last - today
        return {
            "town": self.source.scope(DISTRICT) if scope is None else self._towns[str(scope)],
            "town_id": scope,
            "item": item[0],
            "item_id": item[1],
            "unit": unit,
            "today_figure": today,
            **{f"figure_in_{year}": figure for year, figure in zip(self.source.years, planned, strict=True)},
            "figure_more": round(more, _DIGITS) if isinstance(more, float) else more,
            "today_basis": basis,
        }

    def _people(self) -> Iterator[dict[str, Any]]:
        """Yield residents, who is served and who lives within the circle; today's are those of the first year."""
        rows = {(row["town_id"], row["year"]): row for row in self.tables["towns"].records()}
        circle = self.source.content["settings"]["circle"]
        inside = {
            (row["town_id"], row["year"]): row
            for row in self.tables["coverage"].records()
            if row["preset"] == clean(circle)
        }
        first = self.source.years[0]
        measures: tuple[tuple[str, str, Any, str, str], ...] = (
            ("people", "persons", rows, "people", "people"),
            ("served", "persons", rows, "today_served", "served"),
            ("served_share", "ratio", rows, "today_share", "served_share"),
            ("covered", "persons", inside, "today_covered", "covered"),
            ("covered_share", "ratio", inside, "today_covered_share", "covered_share"),
        )
        for scope in dict.fromkeys(scope for scope, _ in rows):
            for name, unit, of, today, planned in measures:
                if (scope, first) not in of or not rows[scope, first]["people"]:
                    continue
                figures = [of[scope, year][planned] if (scope, year) in of else None for year in self.source.years]
                item = self.source.word(f"compared.{name}"), name
                yield self._line(scope, item, unit, of[scope, first][today], figures)

    def _scopes(self) -> tuple[str | None, ...]:
        return None, *(clean(town) for town in self.source.towns)

    def _sites(self) -> Iterator[dict[str, Any]]:
        """Yield how many sites of every kind stand; of a kind of which none is listed, today's are unknown."""
        sites = self.source.content["sites"]
        here = self.source.district["institutions"]
        kinds = [kind for kind in INSTITUTION_KINDS if any(site["kind"] == kind for site in (*sites, *here))]
        standing = {year: self.source.open_sites(year) for year in self.source.years}
        for scope in self._scopes():
            for kind in kinds:

                def number(found: Iterable[Mapping[str, Any]], scope: str | None = scope, kind: str = kind) -> int:
                    return sum(one["kind"] == kind and scope in (None, clean(one["town"])) for one in found)

                today = number(here) if is_listed(self.source, kind) else None
                bases = [
                    str(one["name_basis"])
                    for one in here
                    if one["kind"] == kind and scope in (None, clean(one["town"])) and one.get("name_basis")
                ]
                item = self.source.word(f"field.open_{kind}"), f"open_{kind}"
                basis = max(bases, key=BASES.index, default=None)
                yield self._line(scope, item, "sites", today, [number(standing[year]) for year in standing], basis)

    def _resources(self) -> Iterator[dict[str, Any]]:
        """Yield staff and beds for 1,000 people, and how many of all else, as the table of staff by town has them.

        What hospitals alone may have stands with the district: a town's figure would say where the hospital is.
        """
        if "staff_by_town" not in self.tables:
            return
        found: dict[tuple[Cell, Cell], dict[Cell, dict[str, Cell]]] = {}
        for row in self.tables["staff_by_town"].records():
            found.setdefault((row["town_id"], row["resource_id"]), {})[row["year"]] = row
        names = {clean(name): name for name in self.source.resources}
        for (scope, resource), by_year in found.items():
            first = by_year[self.source.years[0]]
            if not first["people"] or (scope is not None and not self._is_near(names[str(resource)])):
                continue
            unknown, unit = is_unknown(self.source, names[str(resource)]), unit_of(names[str(resource)])
            by_people = unit in ("persons", "beds")
            today, planned = ("today_per_1000", "per_1000") if by_people else ("today_number", "number")
            what = str(first["resource"])
            yield self._line(
                scope,
                (self.source.word("compared.per_1000", what=what) if by_people else what, str(resource)),
                "per_1000" if by_people else unit,
                None if unknown else first[today],
                [by_year[year][planned] for year in self.source.years],
                None if unknown else str(first["stock_basis"]),
            )

    def _is_near(self, resource: str) -> bool:
        """Tell whether others than hospitals may have a resource."""
        table = self.source.content["settings"]["resources"][resource]
        kinds = table.get("kinds") or self.source.content["settings"]["resources"][
            self.source.counted(resource)[0]
        ].get("at", ())
        return bool(_NEAR & set(kinds)) or not kinds

    def _functions(self) -> Iterator[dict[str, Any]]:
        """Yield how many open sites have each function; in towns only of those that hubs, stations or clinics may have.

        Where the district lists nobody that has a function, it is unknown who has it today.
        """
        content = self.source.content
        rows, at = content.get("functions", ()), self.source.standing_at
        told: dict[str, list[str]] = {}
        for row in self.source.district.get("functions", ()):
            told.setdefault(row["function"], []).append(str(row["basis"]))
        standing = {year: {site["id"] for site in self.source.open_sites(year)} for year in self.source.years}
        had = {row["function"] for row in rows}
        for scope in self._scopes():
            for function in functions_in_order(content):
                ability = ability_of(content, function)
                own = [
                    row for row in rows if row["function"] == function and scope in (None, clean(at[row["id"]]["town"]))
                ]
                in_towns = _NEAR & {*ability.get("at", ()), *ability.get("serves", ())}
                if function not in had or (scope is not None and not own and not in_towns):
                    continue
                today = (
                    sum(
                        row["function"] == function and scope in (None, clean(at[row["id"]]["town"]))
                        for row in had_today(self.source)
                    )
                    if function in told
                    else None
                )
                planned = [
                    sum(holds(row, year) and row["id"] in standing[year] for row in own) for year in self.source.years
                ]
                name = function_name(content, function, self.source.language)
                item = self.source.word("compared.having", what=name), function
                basis = max(told.get(function, ()), key=BASES.index, default=None)
                yield self._line(scope, item, "sites", today, planned, basis)
