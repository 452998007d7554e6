"""Timetables to print and pin up: a page for every village that is visited, for every team, and for the roster."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from allocate.draw.page import map_file, policy_of, refuse_requests
from allocate.draw.printed import FOOT, add, head, markup
from allocate.postings import MONTHS
from allocate.report.away import say_months
from allocate.report.outings import HOURS, Outings, Row, group
from allocate.report.table import clean
from allocate.sessions import DAYS
from allocate.tables import NOT_GONE_TO
from allocate.travel.points import metric
from allocate.units import Basis
from allocate.words import Language

_KINDS = ("villages", "teams", "rosters")


def timetable_page(content: Mapping[str, Any], language: Language) -> str:
    """Return the timetables of a plan as the HTML of one file that asks no host for anything.

    Every page is one sheet of A4, or more where a roster is long. All texts of the plan pass through a tree of
    elements, which escapes them; nothing of them is in a script, a style or an attribute.
    """
    outings = Outings(content, language)
    pages = [*_stop_pages(outings), *_team_pages(outings), *_roster_pages(outings)]
    if pages:
        pages[-1].set("class", f"{pages[-1].get('class')} last")
    script = map_file("timetable.js")
    title = f"{content['title'][language]} · {outings.word('outing.page')}"
    before = head(language, title, policy=policy_of([script]), style=map_file("timetable.css"))
    after = f"<script>{script}</script>\n{FOOT}"
    refuse_requests(before + after)
    body = map(markup, (_tools(outings, pages), *pages))
    return before + "\n".join(body) + "\n" + after


def _tools(outings: Outings, pages: Sequence[ET.Element]) -> ET.Element:
    """Return what chooses the pages to print: shown by the script, which it needs."""
    tools = ET.Element("header", {"class": "tools", "hidden": ""})
    years = list(dict.fromkeys(page.get("data-year", "") for page in pages))
    choices = {
        "year": [("", outings.word("outing.all_years"))] + [(year, outings.says_years(int(year))) for year in years],
        "kind": [("", outings.word("outing.all_kinds"))]
        + [(kind, outings.word(f"outing.kind_{kind}")) for kind in _KINDS],
    }
    for name, options in choices.items():
        label = add(tools, "label", outings.word(f"outing.show_{name}") + " ")
        select = add(label, "select", id=name)
        for value, text in options:
            add(select, "option", text, value=value)
    label = add(tools, "label", outings.word("outing.find") + " ")
    add(label, "input", id="find", type="search", autocomplete="off")
    add(tools, "button", outings.word("outing.print"), id="print", type="button")
    return tools


def _page(outings: Outings, year: int, kind: str, title: str, *, shape: str = "page") -> ET.Element:
    page = ET.Element("section", {"class": shape, "data-year": str(year), "data-kind": kind})
    add(page, "h1", title)
    add(page, "p", outings.word("outing.years", years=outings.says_years(year)), class_="years")
    return page


def _close(outings: Outings, page: ET.Element, notes: Sequence[str]) -> ET.Element:
    """End a page with what it rests on, and the plan that it is of."""
    content, language = outings.content, outings.language
    names = {"district": content["district_data"]["name"][language], "title": content["title"][language]}
    source = {key: clean(name) for key, name in names.items()} | {"as_of": content["as_of"]}
    # (A timetable is of half-days, and their hours are assumed; a roster is of months.)
    keys = [*notes, "outing.hours_note"] if notes else []
    add(page, "p", " ".join([*map(outings.word, keys), outings.word("outing.source", **source)]), class_="note")
    return page


def _stop_pages(outings: Outings) -> Iterator[ET.Element]:
    """Yield a page for every village or town and plan year in which it is visited."""
    nearest = _Nearest(outings)
    ordered = sorted(outings.visits, key=lambda visit: (visit["year"], visit["to"]))
    for (year, _), visits in group(ordered, "year", "to").items():
        called = " ".join(filter(None, (outings.town(visits[0]), outings.stop(visits[0]))))
        page = _page(outings, year, "villages", outings.word("outing.village_page", stop=called), shape="page pin")
        notes = _grids(outings, page, visits, lambda visit: f"{outings.way(visit['way'])}\n{outings.team(visit)}")
        who = add(page, "ul")
        for mine in group(visits, "way", "by", "team").values():
            add(who, "li", _comes(outings, mine))
        place = outings.place(visits[0])
        elsewhere = nearest.says(place, year) if place else ""
        if elsewhere:
            add(page, "p", elsewhere, class_="otherwise")
        bases = [Basis(place[f"{what}_basis"]) for what in ("position", "people")] if place else []
        if soft := [basis for basis in bases if basis in (Basis.ESTIMATED, Basis.ASSUMED)]:
            weakest = outings.word(f"basis.{max(soft, key=list(Basis).index)}")
            add(page, "p", outings.word("outing.example", basis=weakest), class_="note")
        yield _close(outings, page, notes)


def _team_pages(outings: Outings) -> Iterator[ET.Element]:
    """Yield a page for every team, and every post in villages, and plan year."""
    ordered = sorted(outings.visits, key=lambda visit: (visit["year"], visit["by"], visit["way"], visit["team"]))
    for (year, _, way, _), visits in group(ordered, "year", "by", "way", "team").items():
        title = outings.word("outing.team_page", team=outings.team(visits[0]), way=outings.way(way))
        page = _page(outings, year, "teams", title)
        yield _close(outings, page, _grids(outings, page, visits, lambda visit: _goes(outings, visit)))


def _comes(outings: Outings, visits: Sequence[Row]) -> str:
    """Say when those who make some visits to a village come, how often and from how far."""
    about, is_monthly = outings.round_of(visits[0]), outings.is_monthly(visits[0]["way"])
    figures = {name: about[name] for name in ("times", "half_days", "minutes")}
    basis = outings.word(f"basis.{about.get('basis', 'unknown')}")
    said = {"way": outings.way(visits[0]["way"]), "team": outings.team(visits[0]), "basis": basis}
    slot, key = ("outing.slot_month", "outing.comes_month") if is_monthly else ("outing.slot_week", "outing.comes_week")
    ordered = sorted(visits, key=lambda visit: (visit["week"], visit["day"], visit["half"]))
    times = []
    for (week, day), mine in group(ordered, "week", "day").items():
        half = mine[0]["half"] if len({visit["half"] for visit in mine}) == 1 else "both"
        said_of = {"day": outings.word(f"timetable.day_{day}"), "half": outings.word(f"timetable.half_{half}")}
        times.append(outings.word(slot, week=week, **said_of))
    return outings.word(key, when=outings.word("summary.comma").join(times), **said, **figures)


def _goes(outings: Outings, visit: Row) -> str:
    return outings.word("outing.goes", stop=outings.stop(visit), minutes=outings.round_of(visit)["minutes"])


def _grids(outings: Outings, page: ET.Element, visits: Sequence[Row], say: Callable[[Row], str]) -> list[str]:
    """Add the week of some visits to a page, the four weeks of those once a month, and return what is to be noted."""
    notes = []
    for is_monthly, note in ((False, "outing.week_note"), (True, "outing.month_note")):
        mine = [visit for visit in visits if outings.is_monthly(visit["way"]) == is_monthly]
        if mine:
            page.append(_grid(outings, mine, say))
            notes.append(note)
    return notes


def _grid(outings: Outings, visits: Sequence[Row], say: Callable[[Row], str]) -> ET.Element:
    """Return visits by day of the week, and by morning and afternoon of every week in which there are any."""
    is_monthly = outings.is_monthly(visits[0]["way"])
    at = group(visits, "week", "half", "day")
    table = ET.Element("table", {"class": "grid month" if is_monthly else "grid"})
    head = add(add(table, "thead"), "tr")
    add(head, "th")
    for day in range(1, DAYS + 1):
        add(head, "th", outings.word(f"timetable.day_{day}"))
    body = add(table, "tbody")
    for week in sorted({visit["week"] for visit in visits}):
        for half, (begin, end) in HOURS.items():
            line = add(body, "tr")
            hours = {"begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
            called = outings.word("outing.half_hours", half=outings.word(f"timetable.half_{half}"), **hours)
            add(line, "th", f"{outings.word('outing.week', week=week)}\n{called}" if is_monthly else called)
            for day in range(1, DAYS + 1):
                there = at.get((week, half, day), [])
                add(line, "td", "\n".join(map(say, there)), **({"class_": "here"} if there else {}))
    return table


class _Nearest:
    """Finds where people go when nobody visits them: the open site that is nearest in a straight line."""

    def __init__(self, outings: Outings) -> None:
        self._outings = outings
        self._sites: dict[int, tuple[list[Row], np.ndarray[Any, np.dtype[np.float64]]]] = {}

    def says(self, place: Row, year: int) -> str:
        """Return where people of a place go in a year; nothing where it has no position, or no site is open."""
        if year not in self._sites:
            self._sites[year] = self._open(year)
        sites, spots = self._sites[year]
        if not sites or None in (place["lon"], place["lat"]):
            return ""
        metres = np.hypot(*(spots - self._metric([place])).T)
        found = int(metres.argmin())
        site, km = sites[found], f"{metres[found] / 1000:.1f}"
        basis = max((Basis(place["position_basis"]), Basis(site["basis"])), key=list(Basis).index)
        words = self._outings.word
        said = {"site": self._outings.site(site["id"]), "kind": words(f"kind.{site['kind']}"), "km": km}
        if basis in (Basis.ESTIMATED, Basis.ASSUMED):
            return words("outing.otherwise_basis", **said, basis=words(f"basis.{basis}"))
        return words("outing.otherwise", **said)

    def _open(self, year: int) -> tuple[list[Row], np.ndarray[Any, np.dtype[np.float64]]]:
        rows = [row for row in self._outings.content["sites"] if str(year) in row["people"]]
        sites = sorted((row for row in rows if row["kind"] not in NOT_GONE_TO), key=lambda row: str(row["id"]))
        return sites, self._metric(sites)

    def _metric(self, rows: Sequence[Row]) -> np.ndarray[Any, np.dtype[np.float64]]:
        district = self._outings.content["district_data"]
        return metric([(row["lon"], row["lat"]) for row in rows], district["datum"], district["epsg"])


def _roster_pages(outings: Outings) -> Iterator[ET.Element]:
    """Yield the roster of every plan year twice: by hub, and by hospital."""
    for (year,), tours in group(outings.tours, "year").items():
        for side, title in (("to", "outing.hub_page"), ("from", "outing.hospital_page")):
            page = _page(outings, year, "rosters", outings.word(title), shape="page wide")
            page.append(_roster(outings, tours, side))
            if side == "to":
                _remote(outings, page, year)
            add(page, "p", outings.word("outing.tour_note", years=outings.says_years(year)), class_="note")
            yield _close(outings, page, ())


def _remote(outings: Outings, page: ET.Element, year: int) -> None:
    """Say where remote consultation stands in for a resident expert: a hub without a tour has no line of its own."""
    hubs = [outings.site(row["id"]) for row in outings.content.get("remote", ()) if row["year"] == year]
    if hubs:
        said = outings.word("outing.remote", hubs=outings.word("summary.comma").join(hubs))
        add(page, "p", said, class_="otherwise")


def _roster(outings: Outings, tours: Sequence[Row], side: str) -> ET.Element:
    """Return tours in the twelve months of a year: of a hub a line for each post there, of a hospital for each post."""
    table = ET.Element("table", {"class": "roster"})
    head = add(add(table, "thead"), "tr")
    add(head, "th", outings.word("outing.hub" if side == "to" else "outing.hospital"), class_="site")
    add(head, "th", outings.word("outing.who"), class_="post")
    for month in range(1, MONTHS + 1):
        add(head, "th", outings.word(f"field.month_{month}"))
    body = add(table, "tbody")
    ordered = sorted(tours, key=lambda tour: (tour[side], tour["from"], tour["pool"], tour["post"]))
    for mine in group(ordered, side, "from", "pool", "post").values():
        line = add(body, "tr")
        add(line, "td", outings.site(mine[0][side]), class_="site")
        add(line, "td", outings.post(mine[0]), class_="post")
        at = {month: tour for tour in mine for month in outings.months(tour)}
        month = 1
        while month <= MONTHS:
            tour = at.get(month)
            last = month
            while tour is not None and last < MONTHS and at.get(last + 1) is tour:
                last += 1
            if tour is None:
                add(line, "td")
            else:
                span = say_months(month, last - month + 1, outings.language)
                said = span if side == "to" else outings.site(tour["to"])
                add(line, "td", said, colspan=str(last - month + 1), class_="here")
            month = last + 1
    return table
