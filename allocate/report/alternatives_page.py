"""Sites that every near-best plan has, that none has, that can be swapped, and plans that differ: tables and a page."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from allocate.answer import Answer
from allocate.report.blocks import (
    Bullets,
    Card,
    Cards,
    ClassedMap,
    ClassedSite,
    Heading,
    PageBlock,
    Paragraph,
    SiteClass,
)
from allocate.report.cells_said import share_said
from allocate.report.page_parts import grid_of, ground_of
from allocate.report.summary import percent_up
from allocate.report.table import Field, Kind, Sheet, clean, make_sheet, share_of
from allocate.units import FIRM
from allocate.words import Language, catalogue, say_in

Row = Mapping[str, Any]
ALTERNATIVES_SHEETS = (
    "alternatives_counts", "alternatives_sites", "alternatives_plans", "alternatives_differences",
)  # fmt: skip
STATUSES = ("must", "swappable", "never", "undecided")
# Names in a list on the page; the tables have all of them.
_NAMED, _TOWNS, _LINES = 12, 3, 40
_COLOURS: Mapping[str, tuple[str, str]] = {
    "must": ("#0072b2", "circle"),
    "swap_out": ("#e69f00", "square"),
    "swap_in": ("#009e73", "diamond"),
    "never": ("#d55e00", "triangle"),
    "undecided": ("#5a6670", "cross"),
}


class Told:
    """An answer with what several of its tables ask of it."""

    def __init__(self, answer: Answer, language: Language) -> None:
        self.content, self.language = answer.content, language
        self.within: list[float] = self.content["settings"]["within"]
        self.sites: list[Row] = self.content["sites"]
        self.towns = {town["id"]: str(town["name"]) for town in self.content["district_data"]["towns"]}

    def word(self, key: str, **values: object) -> str:
        """Return the text of a key of the catalogue, filled in."""
        return say_in(self.language, key, **values)

    def list(self, items: Iterable[object], most: int | None = None) -> str:
        """Return some things as a list; what is left out is counted."""
        every = [clean(str(item)) for item in items]
        shown = every[:most]
        text = self.word("summary.comma").join(shown)
        return text if len(shown) == len(every) else self.word("near.and_more", names=text, count=len(every))

    def town(self, town: str) -> str:
        """Return the name of a town."""
        return self.towns.get(town, town)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return the names of sites by id."""
        return {site["id"]: str(site["name"]) for site in self.sites}

    def share(self, share: float) -> str:
        """Return a share that was asked for, as it was asked for."""
        return f"{100 * share:g}%"

    def goal(self, name: str) -> str:
        """Return what a goal is called."""
        return self.word(f"stage.{name}") if f"stage.{name}" in catalogue() else name

    def rules(self, names: Iterable[str]) -> str:
        """Return what clauses ask for."""
        said = self.content["rules"]
        return self.word("summary.semicolon").join(clean(str(said[name][self.language])) for name in names)

    def status(self, site: Row, share: float) -> str:
        """Return what a site is within a share."""
        return str(site["status"][f"{share:g}"])


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return the tables: how many, site by site, plan by plan, and what sets each plan apart."""
    told = Told(answer, language)
    made: tuple[Callable[[Told], Sheet], ...] = (_counts, _sites, _plans, _differences)
    return [make(told) for make in made]


def _counts(told: Told) -> Sheet:
    fields = [Field("within_share", "share"), *(Field(f"near_{status}", "whole") for status in STATUSES)]
    rows = (
        {"within_share": row["within"]} | {f"near_{status}": row[status] for status in STATUSES}
        for row in told.content["counts"]
    )
    return make_sheet("alternatives_counts", fields, rows)


def _sites(told: Told) -> Sheet:
    by_share = [
        Field(f"stands_{share:g}", "code", "near_status", resource=f"{share:g}", title=told.share(share))
        for share in told.within
    ]
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"), Field("is_in_plan", "mark"),
        *by_share, Field("people", "whole"), Field("near_distance", "gap"), Field("near_how", "code", "near_by"),
        Field("near_partners", "text"), Field("near_moved", "whole"), Field("near_bound", "share"),
        Field("near_proof", "code", "near_proof"), Field("near_because", "text"), Field("near_unserved", "whole"),
        Field("near_fails", "text"), Field("in_plans", "whole"), Field("of_plans", "whole"),
        Field("basis", "code", "basis"), Field("id", "id"), Field("town_id", "id"),
    ]  # fmt: skip

    def record(site: Row) -> dict[str, Any]:
        return {
            **{name: site[name] for name in ("id", "name", "kind", "basis", "people", "of_plans")},
            **{f"stands_{share:g}": told.status(site, share) for share in told.within},
            "town": told.town(site["town"]),
            "town_id": site["town"],
            "is_in_plan": "●" if site["open"] else None,
            "near_distance": None if site["distance"] is None else max(0.0, site["distance"]),
            "near_how": site["how"],
            "near_partners": told.list(site["partner_names"]) or None,
            "near_moved": site["moved"],
            "near_bound": _lifted(site),
            "near_proof": ("none_" if site["impossible"] else "") + site["proof"] if _proves(told, site) else None,
            "near_because": told.rules(site["proven_by"]) or None if _proves(told, site) else None,
            "near_unserved": site["unserved"],
            "near_fails": told.rules(site["clauses"]) or None,
            "in_plans": site["plans"],
        }

    return make_sheet("alternatives_sites", fields, map(record, told.sites))


def _proves(told: Told, site: Row) -> bool:
    """Tell whether it is proven of a site that no plan within some share has it otherwise."""
    return any(told.status(site, share) in ("must", "never") for share in told.within)


def _lifted(site: Row) -> float | None:
    """Return what is proven about the distance of plans that have a site otherwise, where it says anything."""
    return site["bound"] if site["bound"] is not None and site["bound"] > 0 else None


def _plans(told: Told) -> Sheet:
    goals = told.content["goals"]
    held = [goal for goal in goals if goal["held"]]
    fields = [
        Field("near_plan", "text"), Field("folder", "id"), Field("near_distance", "gap"),
        *(Field(f"near_goal_{one['name']}", _kind(one), resource=one["name"], title=_with_unit(told, one))
          for one in goals),
        *(Field(f"near_worse_{one['name']}", "share", resource=one["name"], title=told.goal(one["name"]))
          for one in held),
        Field("served_last", "whole"), Field("near_covered", "share"), Field("near_sites", "whole"),
        Field("near_kept", "whole"), Field("near_opened", "whole"), Field("near_closed", "whole"),
        Field("near_apart", "whole"), Field("near_most_towns", "text"), Field("near_towns", "text"),
    ]  # fmt: skip

    def record(plan: Row) -> dict[str, Any]:
        n = plan["plan"]
        towns = sorted(plan["towns"].items(), key=lambda one: (-one[1], one[0]))
        said = [told.word("near.town_count", town=told.town(town), count=count) for town, count in towns]
        return {
            "near_plan": told.word("near.plan_itself") if not n else told.word("near.plan_number", number=n),
            "folder": plan["folder"],
            "near_distance": max(0.0, plan["distance"]),
            **{f"near_goal_{name}": value for name, value in plan["goals"].items()},
            **{f"near_worse_{name}": share for name, share in plan["worse"].items()},
            "served_last": plan["served"],
            "near_covered": share_of(plan["served"], plan["people"]),
            "near_sites": plan["sites"],
            "near_kept": plan["kept"],
            "near_opened": len(plan["opened"]),
            "near_closed": len(plan["closed"]),
            "near_apart": min((apart for m, apart in enumerate(plan["apart"]) if m != n), default=None),
            "near_most_towns": told.list(said, _TOWNS) or None,
            "near_towns": told.list(said) or None,
        }

    return make_sheet("alternatives_plans", fields, map(record, (told.content["plan"], *told.content["plans"])))


def _kind(goal: Row) -> Kind:
    return "share" if goal["unit"] == "share" else "measure"


def _with_unit(told: Told, goal: Row) -> str:
    unit = f"unit.{goal['unit']}"
    if goal["unit"] == "share":
        # (A share says so itself.)
        return told.goal(goal["name"])
    return told.word(
        "near.goal_unit", goal=told.goal(goal["name"]), unit=told.word(unit) if unit in catalogue() else ""
    )


def _differences(told: Told) -> Sheet:
    fields = [
        Field("near_plan", "text"), Field("near_change", "code", "near_change"), Field("name", "text"),
        Field("town", "text"), Field("kind", "code", "kind"), Field("basis", "code", "basis"), Field("id", "id"),
    ]  # fmt: skip
    sites = {site["id"]: site for site in told.sites}
    rows = (
        {
            "near_plan": told.word("near.plan_number", number=plan["plan"]),
            "near_change": change,
            **{name: sites[code][name] for name in ("id", "name", "kind", "basis")},
            "town": told.town(sites[code]["town"]),
        }
        for plan in told.content["plans"]
        for change in ("opened", "closed")
        for code in plan[change]
    )
    return make_sheet("alternatives_differences", fields, rows)


# ---- the page


def blocks(answer: Answer, language: Language) -> list[PageBlock]:
    """Return the page: the answer in figures and a paragraph, then must-haves, what can be swapped, plans, a map."""
    told = Told(answer, language)
    tables = {sheet.name: sheet for sheet in sheets(answer, language)}
    return [
        *_begin(told, tables), *_five(told, tables), *_must(told, tables), *_swaps(told, tables),
        *_undecided(told), *_drawn(told), *_method(told),
    ]  # fmt: skip


def _begin(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    first = told.within[0]
    now = [site for site in told.sites if site["open"]]
    count = {status: sum(told.status(site, first) == status for site in now) for status in STATUSES}
    yield Cards(
        (
            *(
                Card(told.word(f"near.card_{status}"), f"{count[status]:,}", told.word(f"near.card_note_{status}"))
                for status in ("must", "swappable", "undecided")
            ),
            Card(told.word("near.card_plans"), f"{len(told.content['plans']):,}", told.word("near.card_note_plans")),
        )
    )
    yield Paragraph(headline(told))
    yield Paragraph(_near_means(told), "note")
    estimated = sum(site["basis"] not in FIRM for site in told.sites)
    if estimated:
        yield Paragraph(told.word("near.estimated", count=estimated, of=len(told.sites)), "warning")
    yield grid_of(tables["alternatives_counts"], told.language, note=told.word("near.counts_note"))


def headline(told: Told) -> str:
    """Return the answer in one paragraph for whoever reads no further."""
    first = told.within[0]
    now = [site for site in told.sites if site["open"]]
    count = {status: sum(told.status(site, first) == status for site in now) for status in STATUSES}
    return told.word(
        "near.headline",
        within=told.share(first),
        sites=len(now),
        must=count["must"],
        swappable=count["swappable"],
        undecided=count["undecided"],
        plans=len(told.content["plans"]),
        year=told.content["year"],
    )


def _near_means(told: Told) -> str:
    goals = told.content["goals"]
    held = [told.goal(goal["name"]) for goal in goals if goal["held"]]
    beside = [told.goal(goal["name"]) for goal in goals if not goal["held"]]
    text = told.word("near.means", goals=told.list(held))
    return text + (told.word("near.means_beside", goals=told.list(beside)) if beside else "")


def _five(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("near.plans_heading"))
    asked, found = told.content["settings"]["plans"], len(told.content["plans"])
    if found < asked:
        key = "near.plans_no_more" if told.content["no_more_plans"] else "near.plans_fewer"
        last = told.share(told.within[-1])
        yield Paragraph(told.word(key, found=found, asked=asked, within=last), "warning")
    if not found:
        return
    searched = told.content["searched"]
    how = "near.plans_by_milp" if searched["every_row"] else "near.plans_by_swaps"
    about = told.word("near.plans_about", most=searched["most_sites"])
    said = (about, told.word(how, nodes=searched["nodes"]))
    yield Paragraph(("" if told.language == "zh" else " ").join(said), "note")
    goals = [goal["name"] for goal in told.content["goals"]]
    held = [goal["name"] for goal in told.content["goals"] if goal["held"]]
    wanted = (
        "near_plan", "near_distance", *(f"near_goal_{name}" for name in goals if name in held),
        "near_covered", "near_sites", "near_kept", "near_opened", "near_closed", "near_apart", "near_most_towns",
    )  # fmt: skip
    yield grid_of(tables["alternatives_plans"], told.language, columns=wanted, caption=told.word("near.plans_caption"))


def _must(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("near.must_heading"))
    rows = [n for n, site in enumerate(told.sites) if site["open"] and told.status(site, told.within[0]) == "must"]
    if not rows:
        yield Paragraph(told.word("near.must_none", within=told.share(told.within[0])))
        return
    # (What no plan can do without comes first, then those without which most people are left.)
    rows.sort(key=lambda n: (not told.sites[n]["impossible"], -(told.sites[n]["people"] or 0), n))
    wanted = ("name", "town", "people", *_by_share(told), "near_because", "near_unserved", "near_fails", "basis")
    caption = told.word("near.must_caption", within=told.share(told.within[0]))
    note = told.word("near.must_note", year=told.content["year"])
    sheet = tables["alternatives_sites"]
    yield grid_of(sheet, told.language, columns=wanted, rows=rows, caption=caption, note=note, most=_LINES)


def _by_share(told: Told) -> list[str]:
    return [f"stands_{share:g}" for share in told.within]


def _swaps(told: Told, tables: Mapping[str, Sheet]) -> Iterator[PageBlock]:
    yield Heading(told.word("near.swap_heading"))
    first = told.within[0]
    rows = [n for n, site in enumerate(told.sites) if site["open"] and told.status(site, first) == "swappable"]
    spots = [site for site in told.sites if not site["open"]]
    counts = {status: sum(told.status(site, first) == status for site in spots) for status in STATUSES}
    values = {"within": told.share(first), "count": len(spots), **{status: counts[status] for status in STATUSES}}
    yield Paragraph(told.word("near.spots", **values))
    if not rows:
        yield Paragraph(told.word("near.swap_none", within=told.share(first)))
        return
    rows.sort(key=lambda n: (-(told.sites[n]["people"] or 0), n))
    wanted = ("name", "town", "people", "near_distance", "near_how", "near_partners", "near_moved", "in_plans", "basis")
    sheet = tables["alternatives_sites"]
    caption = told.word("near.swap_caption", within=told.share(first))
    note = told.word("near.swap_note", plans=len(told.content["plans"]) + 1)
    yield grid_of(sheet, told.language, columns=wanted, rows=rows, caption=caption, note=note, most=_LINES)


def _undecided(told: Told) -> Iterator[PageBlock]:
    first = told.within[0]
    left = [site["name"] for site in told.sites if told.status(site, first) == "undecided"]
    if left:
        yield Heading(told.word("near.undecided_heading"))
        names = told.list(left, _NAMED)
        yield Paragraph(
            told.word("near.undecided_says", count=len(left), within=told.share(first), names=names), "warning"
        )


def _drawn(told: Told) -> Iterator[PageBlock]:
    yield Heading(told.word("near.map_heading"))
    first = told.within[0]

    def group(site: Row) -> str:
        status = told.status(site, first)
        return ("swap_out" if site["open"] else "swap_in") if status == "swappable" else status

    present = {group(site) for site in told.sites}
    classes = tuple(
        SiteClass(key, told.word(f"near.class_{key}"), letter, colour, sign)  # type: ignore[arg-type]
        for (key, (colour, sign)), letter in zip(_COLOURS.items(), "ABCDE", strict=True)
        if key in present
    )
    sites = tuple(
        ClassedSite(
            site["id"],
            str(site["name"]),
            told.town(site["town"]),
            site["lon"],
            site["lat"],
            group(site),
            site["basis"] in FIRM,
            told.word("near.partners_said", names=told.list(site["partner_names"])) if site["partner_names"] else "",
        )
        for site in told.sites
    )
    caption = told.word("near.map_caption", within=told.share(first), year=told.content["year"])
    yield ClassedMap(caption, ground_of(told.content), classes, sites)


def _method(told: Told) -> Iterator[PageBlock]:
    yield Heading(told.word("near.method_heading"))
    searched = told.content["searched"]
    points = [
        told.word(
            "near.method_goal",
            goal=_with_unit(told, goal),
            value=_number(goal, goal["value"]),
            bound=_number(goal, goal["bound"]),
            gap=percent_up(goal["gap"]),
        )
        for goal in told.content["goals"]
        if goal["held"]
    ]
    points += [
        told.word("near.method_own"),
        told.word("near.method_missed" if told.content["missed"] else "near.method_none_missed"),
        told.word("near.method_whole" if searched["every_row"] else "near.method_sums"),
        told.word("near.method_proofs"),
        told.word("near.method_shown"),
        told.word("near.method_time", seconds=f"{told.content['settings']['seconds']:g}"),
    ]
    yield Bullets(tuple(points))


def _number(goal: Row, value: float) -> str:
    if goal["unit"] == "share":
        return share_said(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.4g}"


def lines(answer: Answer, language: Language) -> Iterator[str]:
    """Yield what a terminal shows."""
    told = Told(answer, language)
    yield headline(told)
    for row in told.content["counts"]:
        yield told.word("near.line", within=told.share(row["within"]), **{name: row[name] for name in STATUSES})
    if len(told.content["plans"]) < told.content["settings"]["plans"]:
        key = "near.plans_no_more" if told.content["no_more_plans"] else "near.plans_fewer"
        values = {"found": len(told.content["plans"]), "asked": told.content["settings"]["plans"]}
        yield told.word(key, within=told.share(told.within[-1]), **values)
    for plan in told.content["plans"]:
        towns = told.list(map(told.town, plan["towns"]), 5)
        yield told.word(
            "near.line_plan", number=plan["plan"], distance=percent_up(max(0.0, plan["distance"])), kept=plan["kept"],
            opened=len(plan["opened"]), closed=len(plan["closed"]), towns=towns,
        )  # fmt: skip
