"""A plan in eleven lines, and some more about its staff, postings and rounds, for the terminal."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from allocate.counting import resources_of
from allocate.district import Place
from allocate.reliance import STOCK
from allocate.report.away import posts_away, supported, visits_made, way_name, way_of
from allocate.report.belonging import (
    ability_of,
    forms_consortia,
    fresh,
    function_name,
    holds,
    holds_back,
    members_of,
    sets_up_functions,
)
from allocate.rules.amounts import unit_of
from allocate.synonyms import ROADS
from allocate.tables import BASES, HUB_KINDS
from allocate.travel.circles import Doubt
from allocate.travel.links import HOW
from allocate.units import SOFT, Basis
from allocate.words import Language, catalogue, language, say, say_in, term, visible

# What is paid in each year for what is also paid once: its key in the budget.
_YEARLY = {"functions": "functions_yearly", "consortia": "consortia_yearly", "contracts": "contracts_yearly"}
# Why roads that there are say nothing about the planned circle.
_UNUSED_ROADS = ("check.roads_no_minutes", "check.roads_listed", "check.roads_no_speeds")
# When the error of travel times is told: with no factor, with it, and of each pair with the factor of all others.
_ERRORS = ("before", "after", "left_out")
_TOLD = 3  # functions of a year that the terminal names


def summary(content: Mapping[str, Any]) -> list[str]:
    """Return eleven lines that say what the plan does, how good it is proven to be, and what it rests on.

    A plan that decides staff has up to four more: staff and beds against today's, money by kind, and what is assumed.
    One that decides postings has one on these, and so has one that decides rounds. One that forms consortia has a line
    on them, one that decides functions up to two, and one that holds something back has one on that; so have contracts
    of care homes, and what primary care could take.
    """
    return [visible(line) for lines in topics(content).values() for line in lines]


def topics(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the lines of the summary by what they are about; what a plan does not decide has none."""
    return {
        "head": [_head(content)],
        "sites": [_sites(content)],
        "people": [_people(content)],
        "clauses": [_clauses(content)],
        "worst_town": [_worst_town(content)],
        "circles": [_circles(content)],
        "times": [*_times(content)],
        "calibration": [*_calibration(content)],
        "staff": [*_staff(content)],
        "postings": [*_postings(content)],
        "rounds": [*_rounds(content)],
        "consortia": [*_consortia(content)],
        "centres": [*_centres(content)],
        "functions": [*_functions(content)],
        "reserves": [*_reserves(content)],
        "contracts": [*_contracts(content)],
        "primary_capacity": [*_primary_capacity(content)],
        "money": [_money(content)],
        "spent": [*_spent(content)],
        "proof": [_proof(content)],
        "draws": [_draws(content)],
        "basis": [_basis(content), *_placed(content)],
        "stock": [*_stock(content)],
    }


def labelled(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield every line of the summary as its label and its text."""
    for line in lines:
        label, *text = re.split(r"\u3000|\s{2,}", line, maxsplit=1)
        yield (label, text[0]) if text else ("", label)


def front_line(content: Mapping[str, Any], file: object) -> str:
    """Return what the front of a plan says in one line, and the file of its figure."""
    front = content["front"]
    if not front:
        return visible(say("summary.no_front"))
    ends = {
        f"{end}_{key}": text
        for end, point in (("low", front[0]), ("high", front[-1]))
        for key, text in (("share", percent(point["share"], 1)), ("cost", _millions(point["cost"])))
    }
    line = say(
        "summary.front",
        count=len(front),
        dropped=front[0]["points"] - len(front),
        gap=percent_up(max(point["gap"] for point in front)),
        file=file,
        **ends,
    )
    return visible(line)


def _district_ledger(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in content["ledger"] if row["scope"] == "district"]


def _head(content: Mapping[str, Any]) -> str:
    return say(
        "summary.head",
        title=content["title"][language()],
        district=content["district_data"]["name"][language()],
        year=content["years"][0],
        people=_district_ledger(content)[0]["people"],
        places=len(content["district_data"]["places"]),
        as_of=content["as_of"],
    )


def _sites(content: Mapping[str, Any]) -> str:
    parts = []
    for year in content["years"]:
        counts: dict[str, int] = {}
        for row in content["sites"]:
            if str(year) in row["people"]:
                counts[row["kind"]] = counts.get(row["kind"], 0) + 1
        kinds = say("summary.comma").join(
            say("summary.kind", kind=say(f"kind.{k}"), number=n) for k, n in sorted(counts.items())
        )
        parts.append(say("summary.year", year=year, text=kinds))
    return say("summary.sites", text=_without_repeats(parts, content["years"]))


def _without_repeats(parts: Sequence[str], years: Sequence[int]) -> str:
    """Join the texts of years, leaving out those that say the same as the year before."""
    kept: list[str] = []
    before = ""
    for part, year in zip(parts, years, strict=True):
        text = part.replace(str(year), "", 1)
        if text != before:
            kept.append(part)
        before = text
    return say("summary.semicolon").join(kept)


def _people(content: Mapping[str, Any]) -> str:
    parts = [
        say(
            "summary.people_year",
            year=row["year"],
            served=row["served"],
            share=percent(row["served"], row["people"]),
            no_capacity=row["no_capacity"],
            out_of_range=row["out_of_range"],
        )
        + "".join(say(f"summary.also_{how}", people=row[how]) for how in ("rounds", "posted") if row.get(how))
        for row in _district_ledger(content)
    ]
    return say("summary.people", text=_without_repeats(parts, content["years"]))


def _clauses(content: Mapping[str, Any]) -> str:
    rows = content["scorecard"]
    missed = [f"{row['rule']} {row['year']}" for row in rows if row["status"] == "missed"]
    met = sum(row["status"] == "met" for row in rows)
    text = say("summary.none_missed") if not missed else say("summary.missed", names=say("summary.comma").join(missed))
    return say("summary.clauses", met=met, count=met + len(missed), text=text) + _other_clauses(rows)


def _other_clauses(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say how many clauses no plan was made for, each counted once however many years it has."""
    counts = {
        status: len({row["rule"] for row in rows if row["status"] == status})
        for status in ("undecided", "reported", "not_applicable")
    }
    parts = [say(f"summary.{status}", count=count) for status, count in counts.items() if count]
    return say("summary.besides", text=say("summary.comma").join(parts)) if parts else ""


def _worst_town(content: Mapping[str, Any]) -> str:
    year = content["years"][0]
    names = {town["id"]: town["name"] for town in content["district_data"]["towns"]}
    towns = [row for row in content["ledger"] if row["scope"] != "district" and row["year"] == year and row["people"]]
    worst = min(towns, key=lambda row: (row["served"] / row["people"], row["scope"]))
    return say(
        "summary.worst",
        year=year,
        town=names[worst["scope"]],
        share=percent(worst["served"], worst["people"]),
        more=_worst_tenth(content),
    )


def _worst_tenth(content: Mapping[str, Any]) -> str:
    """Say how the worst-off tenth of people fare in the same year; nothing where a plan does not say it."""
    for row in content.get("fairness", ())[:1]:
        unserved, minutes, basis = row["worst_tenth_unserved"], row["worst_tenth_minutes"], say(f"basis.{row['basis']}")
        if unserved:
            return say("summary.worst_tenth_unserved", unserved=percent(unserved, 1), basis=basis)
        if minutes is not None:
            gini = f"{row['gini_minutes']:.2f}"
            return say("summary.worst_tenth", minutes=f"{minutes:.1f}", gini=gini, basis=basis)
    return ""


def _circles(content: Mapping[str, Any]) -> str:
    year = content["years"][-1]
    circles = content["settings"]["circles"]
    rows = [row for row in content["coverage"] if row["scope"] == "district" and row["year"] == year]
    parts = []
    for row in rows:
        name, share, before = circles[row["preset"]]["name"][language()], _covered(row, row), row.get("today")
        if before:
            parts.append(say("summary.circle_today", name=name, share=share, today=_covered(before, row)))
        else:
            parts.append(say("summary.circle", name=name, share=share))
    text = say("summary.semicolon").join(parts)
    if any(map(_has_range, rows)):
        text += say("summary.range_means", doubt=percent_exact(doubt_of(content)))
    if not any(row.get("today") for row in rows):
        text += say("summary.today_unknown")
    return say("summary.circles", year=year, text=text)


def _times(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield what the minutes of those who are served rest on; a plan of an earlier version does not say it."""
    year = content["years"][-1]
    people: Counter[str] = Counter()
    for row in content["places"]:
        if row["year"] == year and row["status"] == "served" and row.get("how"):
            people[row["how"]] += row["people"]
    if not people:
        return
    parts = [
        say("summary.times_by", by=say(f"way_by.{how}"), people=people[how], share=percent(people[how], people.total()))
        for how in reversed(HOW)
        if people[how]
    ]
    found = content.get("problems", ())
    modes = set(content["settings"]["circles"][content["settings"]["circle"]]["modes"])
    off = max(
        (
            row["details"]["number"]
            for row in found
            if row["what"] == "check.off_roads" and modes & set(row["details"]["modes"].split(", "))
        ),
        default=0,
    )
    more = say("summary.times_off", number=off) if off else ""
    if any(row["what"] in _UNUSED_ROADS for row in found):
        more += say("summary.times_unused")
    if from_openstreetmap(content):
        more += say("summary.semicolon") + say("map.roads_openstreetmap")
    yield say("summary.times", year=year, text=say("summary.comma").join(parts), more=more)


def from_openstreetmap(content: Mapping[str, Any]) -> bool:
    """Tell whether the roads of a plan look like those of OpenStreetMap, whose licence asks for its name.

    By the name of their file, or by what it calls the class of a road: extracts have `highway` or `fclass`.
    """
    origin = ((content.get("district_data") or {}).get("origins") or {}).get(ROADS) or {}
    file = str(origin.get("file", "")).casefold()
    heading = str((origin.get("headings") or {}).get("class", "")).casefold()
    return "osm" in file or "openstreetmap" in file or file.endswith(".pbf") or heading in ("highway", "fclass")


def doubt_of(content: Mapping[str, Any]) -> float:
    """Return by which share speeds may be lower or higher."""
    return float(Doubt.model_validate(content["settings"].get("travel", {})).doubt)


def _has_range(row: Mapping[str, Any]) -> bool:
    return any(
        part is not None and part.get("slower") is not None and part["slower"] != part["faster"]
        for part in (row, row.get("today"))
    )


def _covered(part: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return the share of people within a circle, today or by the plan; with its range where speeds matter."""
    share = percent(part["covered"], row["people"]) + " %"
    if part.get("slower") is None or part["slower"] == part["faster"]:
        return share
    ends = {how: percent(part[how]["covered"], row["people"]) for how in ("slower", "faster")}
    return say("summary.range", share=share, low=ends["slower"], high=ends["faster"])


def _calibration(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how well observed travel times fit; nothing where nobody observed any."""
    rows = content.get("calibration", ())
    modes = content["settings"]["modes"] if rows else {}
    parts = [say_calibration(row, modes[row["mode"]]["name"][language()]) for row in rows]
    if parts:
        yield say("summary.calibration", text=say("summary.semicolon").join(parts))


def say_calibration(row: Mapping[str, Any], mode: str) -> str:
    """Say what observed times mean for a way to travel, and how far off they are."""
    if not row["pairs"]:
        return say("summary.observed_none", mode=mode, skipped=len(row["skipped"]))
    told = {"mode": mode, "pairs": row["pairs"], "by_road": row["by_road"], "factor": f"{row['factor']:g}"}
    errors = {when: "—" if row[when] is None else f"{100 * row[when]['mape_in_line']:.1f}" for when in _ERRORS}
    minutes = {
        f"{when}_minutes": "—" if row[when] is None else f"{row[when]['median_minutes']:.1f}" for when in _ERRORS
    }
    key = "summary.observed_applied" if row["status"] == "applied" else "summary.observed_not"
    why = say(f"calibrated.{row['status']}")
    return say(key, **told, **errors, **minutes, why=why, outliers=row["outliers"])


def _money(content: Mapping[str, Any]) -> str:
    total = sum(row["total"] for row in content["budget"])
    opening = sum(row["opening"] for row in content["budget"])
    basis = say(f"basis.{content['budget'][0]['basis']}")
    first, last = content["years"][0], content["years"][-1]
    return say("summary.money", first=first, last=last, total=_millions(total), opening=_millions(opening), basis=basis)


def _millions(yuan: int) -> str:
    return f"{yuan / 1e6:,.2f}"


def assumed_stock(content: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """Return those of some resources of which nobody has listed how many there are today."""
    tables = content["settings"].get("resources") or {}
    return [
        row["resource"]
        for row in content.get("stock", ())
        if row["resource"] in names and is_assumed(row) and not tables[row["resource"]].get("sum_of")
    ]


def is_assumed(stock: Mapping[str, Any]) -> bool:
    """Tell whether the plan assumes how many of a resource there are today; of teams it may know nothing at all."""
    return stock["basis"] == "assumed" and stock["number"] is not None


def say_grounds(row: Mapping[str, Any], chosen: Language) -> str:
    """Say what the figures of a line of the scorecard rest on that is assumed; nothing where nothing is."""
    grounds: Sequence[str] = row.get("rests_on") or ()
    stock = [term(one.removeprefix(STOCK), chosen) for one in grounds if one.startswith(STOCK)]
    comma = say_in(chosen, "summary.comma")
    parts = [say_in(chosen, "card.rests_stock", names=comma.join(stock))] if stock else []
    for one in grounds:
        key = f"card.rests_{one.replace('.', '_')}"
        if not one.startswith(STOCK):
            parts.append(say_in(chosen, key) if key in catalogue() else one)
    return comma.join(parts)


def _staff(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield the staff, then the beds and teams, of the first and the last year beside today's."""
    names = resources_of(content)
    persons = [name for name in names if unit_of(name) == "persons"]
    for key, some in (("staff", persons), ("beds", [name for name in names if name not in persons])):
        if some:
            parts = (_numbers(content, name) for name in some)
            yield say(f"summary.{key}", text=say("summary.semicolon").join(parts))


def _numbers(content: Mapping[str, Any], resource: str) -> str:
    table, years = content["settings"]["resources"][resource], content["years"]
    counted, kinds = table.get("sum_of") or resource, table.get("kinds") or ()
    kind_of = {site["id"]: site["kind"] for site in content["sites"]}
    (row,) = (row for row in content["stock"] if row["resource"] == resource)
    told = []
    for year in dict.fromkeys((years[0], years[-1])):
        there = (one for one in content["staff"] if one["year"] == year and one["resource"] == counted)
        number = sum(one["number"] for one in there if not kinds or kind_of[one["id"]] in kinds)
        told.append(say("summary.number_of", year=year, number=f"{number:,}"))
    today = say("card.unknown") if row["number"] is None else f"{row['number']:,}" + "*" * is_assumed(row)
    return say("summary.number", what=term(resource), today=today, years=say("summary.comma").join(told))


def _stock(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield of whom nobody has listed how many there are today."""
    assumed = assumed_stock(content, resources_of(content))
    if assumed:
        yield say("summary.stock", names=say("summary.comma").join(map(term, assumed)))


def _contracts(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how many care homes have a contract, by year, and how far the farthest is."""
    rows = content.get("contracts", ())
    parts = []
    for year in content["years"] if rows else ():
        mine = [row for row in rows if row["year"] == year]
        signed = [row for row in mine if row["id"] is not None]
        farthest = max((row["minutes"] for row in signed), default=0)
        without = len({row["home"] for row in mine}) - len({row["home"] for row in signed})
        more = say("summary.contracts_without", number=without) if without else ""
        text = say(
            "summary.contracts_year",
            year=year,
            signed=len(signed),
            sites=len({row["id"] for row in signed}),
            farthest=farthest,
            more=more,
        )
        parts.append(text)
    if parts:
        bases = [home["basis"] for home in content["district_data"]["care_homes"]]
        yield say("summary.contracts", text=_without_repeats(parts, content["years"]), basis=_weakest_of(bases))


def _primary_capacity(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield whether primary care could take the visits that should be made there, and how many towns could not."""
    rows = content.get("primary_capacity", ())
    parts = []
    for row in (row for row in rows if row["scope"] == "district"):
        short = sum(one["year"] == row["year"] and one["scope"] != "district" and one["short"] > 0 for one in rows)
        key = "summary.primary_short" if row["short"] else "summary.primary_enough"
        text = say(key, capacity=row["capacity"], expected=row["expected"], short=row["short"])
        more = say("summary.primary_towns", number=short) if short else ""
        parts.append(say("summary.year", year=row["year"], text=text + more))
    if parts:
        visits = content["settings"]["visits"]
        share, basis = percent(visits["share"], 1), say(f"basis.{visits['basis']}")
        yield say("summary.primary", share=share, text=_without_repeats(parts, content["years"]), basis=basis)


def _spent(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield what is spent once and in each year, and what of it is for sites and for staff."""
    if resources_of(content):
        rows = content["budget"]
        last = rows[-1]
        yield say(
            "summary.spent",
            capital=_millions(sum(row["capital"] for row in rows)),
            opening=_millions(sum(row["opening"] for row in rows)),
            adding=_millions(sum(row["adding"] for row in rows)),
            more_once="".join(
                say(f"summary.spent_{what}", **{what: _millions(sum(row[what] for row in rows))})
                for what, is_there in (
                    ("functions", sets_up_functions(content)),
                    ("consortia", forms_consortia(content)),
                )
                if is_there
            ),
            first=rows[0]["year"],
            low=_millions(rows[0]["recurrent"]),
            last=last["year"],
            high=_millions(last["recurrent"]),
            sites=_millions(last["yearly"]),
            pay=_millions(last["pay"]),
            standing=_millions(last["standing_pay"]),
            more="".join(
                say(f"summary.spent_{what}", **{what: _millions(last[_YEARLY.get(what, what)])})
                for what, is_there in (
                    ("postings", posts_away(content)),
                    ("outreach", visits_made(content)),
                    ("functions", sets_up_functions(content)),
                    ("consortia", forms_consortia(content)),
                    ("contracts", bool(content.get("contracts"))),
                )
                if is_there
            ),
        )


def _postings(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how many posts are away in every year, and at how many hubs an expert is all the year."""
    if not posts_away(content):
        return
    rows = content.get("roster", ())
    support = supported(content)
    of_hubs = {site["id"] for site in content["sites"] if site["kind"] in HUB_KINDS}
    parts = []
    for year in content["years"]:
        hubs = [how for (site, of), how in support.items() if of == year and site in of_hubs]
        # (One after the other, two tours are one post away.)
        posts = {(row["pool"], row["post"]) for row in rows if row["year"] == year}
        more = "".join(
            say(f"summary.postings_{how}", **{how: hubs.count(how)}) for how in ("part", "remote") if how in hubs
        )
        resident = hubs.count("resident")
        text = say("summary.postings_year", year=year, posts=len(posts), hubs=len(hubs), resident=resident, more=more)
        parts.append(text)
    if rows or content.get("postings"):
        bases = (str(row["basis"]) for row in content.get("postings", ()))
        yield say("summary.postings", text=_without_repeats(parts, content["years"]), basis=_weakest_of(bases))
    else:
        yield say("summary.no_postings")


def _rounds(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how many villages and towns are visited in each way in every year, by how many teams, on how many days."""
    if not visits_made(content):
        return
    rounds, timetable = content.get("rounds", ()), content.get("timetable", ())
    parts = []
    for year in content["years"]:
        texts = []
        for way in dict.fromkeys(row["way"] for row in rounds):
            mine = [row for row in rounds if (row["year"], row["way"]) == (year, way)]
            teams = {(row["by"], row["team"]) for row in timetable if (row["year"], row["way"]) == (year, way)}
            half_days = sum(row["times"] * row["half_days"] for row in mine)
            if mine:
                name = way_name(content, way, language())
                stops = say(f"summary.to_{way_of(content, way).get('to', 'village')}", number=len(mine))
                key = f"summary.rounds_{mine[0]['per']}"
                texts.append(say(key, way=name, stops=stops, teams=len(teams), half_days=half_days))
        parts.append(say("summary.year", year=year, text=say("summary.comma").join(texts)))
    if rounds:
        bases = (str(row["basis"]) for row in rounds)
        yield say("summary.rounds", text=_without_repeats(parts, content["years"]), basis=_weakest_of(bases))
    else:
        yield say("summary.no_rounds")


def _consortia(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how many consortia there are in every year, who leads them, and how many hubs and people each has."""
    if not forms_consortia(content):
        return
    led = members_of(content)
    if not led:
        yield say("summary.no_consortia")
        return
    names = {site["id"]: site["name"] for site in content["sites"]}
    parts = []
    for year in content["years"]:
        texts = [
            say(
                "summary.consortium",
                lead=names.get(lead, lead),
                members=len(members),
                people=sum(row["people"] for row in members),
                farthest=max((row["minutes"] for row in members), default=0),
            )
            for (of, lead), members in sorted(led.items())
            if of == year
        ]
        text = say("summary.comma").join(texts)
        parts.append(say("summary.consortia_year", year=year, count=len(texts), text=text))
    basis = _weakest_of([str((content["settings"].get("consortia") or {}).get("basis", "unknown"))])
    yield say("summary.consortia", text=_without_repeats(parts, content["years"]), basis=basis)


def _centres(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield which shared centres there are at the end, where, and how many are linked to each."""
    year = content["years"][-1]
    rows = [row for row in content.get("functions", ()) if holds(row, year)]
    names = {site["id"]: site["name"] for site in content["sites"]}
    linked = Counter((row["function"], row["centre"]) for row in rows if row["centre"] is not None)
    hosts = sorted(linked, key=lambda key: (-linked[key], key))
    texts = [
        say(
            "summary.centre",
            function=function_name(content, function, language()),
            host=names.get(host, host),
            linked=linked[function, host],
        )
        for function, host in hosts
    ]
    if texts:
        yield say("summary.centres", year=year, count=len(texts), text=say("summary.comma").join(texts))


def _functions(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how many functions are set up or linked in every year, and which most of all; experts posted are not."""
    if not sets_up_functions(content):
        return
    begun: dict[int, Counter[str]] = {}
    for row in fresh(content):
        if not ability_of(content, row["function"]).get("posted_by"):
            begun.setdefault(row["since"], Counter())[row["function"]] += 1
    parts = []
    for year, counts in sorted(begun.items()):
        most = sorted(counts, key=lambda code: (-counts[code], code))
        texts = (
            say("summary.function_count", function=function_name(content, code, language()), number=counts[code])
            for code in most[:_TOLD]
        )
        text = say("summary.comma").join(texts)
        if len(most) > _TOLD:
            text = say("summary.more", text=text, count=len(most))
        parts.append(say("summary.functions_year", year=year, count=counts.total(), text=text))
    if parts:
        yield say("summary.functions", text=say("summary.semicolon").join(parts))
    else:
        yield say("summary.no_functions")


def _reserves(content: Mapping[str, Any]) -> Iterable[str]:
    """Yield how much of what hospitals have is held back in every year for those who are referred."""
    if not holds_back(content):
        return
    rows, parts = content["reserves"], []
    for year in content["years"]:
        texts = []
        for what in dict.fromkeys(row["resource"] for row in rows):
            mine = [row for row in rows if (row["year"], row["resource"]) == (year, what)]
            number, reserved = (sum(row[key] for row in mine) for key in ("number", "reserved"))
            share = percent(reserved, number)
            told = {"hospitals": len(mine), "number": number, "reserved": reserved, "share": share}
            texts.append(say("summary.reserve", what=term(what), **told))
        parts.append(say("summary.year", year=year, text=say("summary.comma").join(texts)))
    yield say("summary.reserves", text=_without_repeats(parts, content["years"]))


def _weakest_of(bases: Iterable[str]) -> str:
    """Return the weakest of some bases, in words."""
    return say(f"basis.{max(bases, key=BASES.index, default='unknown')}")


def _proof(content: Mapping[str, Any]) -> str:
    gaps: dict[str, float] = {}
    for row in content["stages"]:
        name = say_stage(row["name"])
        gaps[name] = max(row["gap"], gaps.get(name, 0.0))
    parts = [say("summary.stage", stage=name, gap=percent_up(gap)) for name, gap in gaps.items()]
    key = "summary.proven" if content["outcome"] == "optimal" else "summary.not_proven"
    return say(key, text=say("summary.semicolon").join(parts)) + _nesting(content) + _stopped(content)


def _stopped(content: Mapping[str, Any]) -> str:
    """Say that a person stopped the search, where one did, and whether the years were looked at by themselves."""
    if not content.get("stopped"):
        return ""
    is_left_out = len(content["years"]) > 1 and not content.get("nesting")
    return say("summary.stopped_years" if is_left_out else "summary.stopped")


def _nesting(content: Mapping[str, Any]) -> str:
    """Say what it costs at most that the plan's years build on each other, in the year in which it costs most."""
    rows = content.get("nesting", ())
    if not rows:
        return ""
    dearest = max(rows, key=lambda row: row["most"])
    return say(
        "summary.nesting", year=dearest["year"], goal=say_stage(dearest["goal"]), share=percent_up(dearest["most"])
    )


def stage_key(name: str) -> str:
    """Return the key of a stage's name in the catalogue: that of a strength of clauses, or of a goal."""
    return f"stage.{name.split('.')[0]}"


def say_stage(name: str) -> str:
    """Return the name of a stage for people."""
    return say(stage_key(name))


def _draws(content: Mapping[str, Any]) -> str:
    draws = content["draws"]
    if not draws:
        if any(Place(**place).is_drawn for place in content["district_data"]["places"]):
            is_left_out = content.get("stopped") and content["settings"].get("draws") != 0
            return say("summary.stopped_draws" if is_left_out else "summary.not_drawn")
        rests = [row for row in content["assumptions"] if row["table"].startswith("places.")]
        estimated = any(row["basis"] == "estimated" for row in rests)
        return say(f"summary.{'not_random' if estimated else 'not_assumed' if rests else 'no_draws'}")
    first, last = str(content["years"][0]), str(content["years"][-1])
    sites = [draw["sites"][last] for draw in draws]
    sited = set(content["settings"]["siting"])
    own = sum(site["kind"] in sited and last in site["people"] for site in content["sites"])
    shares = [draw["coverage"][first] for draw in draws]
    return say(
        "summary.draws",
        count=len(draws),
        year=last,
        low=min(sites),
        high=max(sites),
        own=own,
        first=first,
        least=percent(min(shares), 1),
        most=percent(max(shares), 1),
        gap=percent_up(max(draw["gap"] for draw in draws)),
    )


def _basis(content: Mapping[str, Any]) -> str:
    counts: dict[tuple[str, str], int] = {(row["table"], row["basis"]): row["rows"] for row in content["assumptions"]}

    def soft(table: str) -> int:
        return sum(rows for (name, basis), rows in counts.items() if name == table and basis in SOFT)

    positions = soft("places.position")
    return say(
        "summary.basis" if positions else "summary.basis_surveyed",
        positions=positions,
        people=soft("places.people"),
        places=len(content["district_data"]["places"]),
        numbers=sum(rows for (table, _), rows in counts.items() if table.startswith("model.")),
    )


def placed_by_estimate(content: Mapping[str, Any]) -> Counter[str]:
    """Return how many institutions of each kind stand where an estimate put them."""
    institutions = content["district_data"]["institutions"]
    return Counter(one["kind"] for one in institutions if one["position_basis"] == Basis.ESTIMATED)


def _placed(content: Mapping[str, Any]) -> Iterator[str]:
    counts = placed_by_estimate(content)
    if counts:
        kinds = (say("summary.kind", kind=say(f"kind.{kind}"), number=number) for kind, number in counts.items())
        yield say("summary.placed", count=counts.total(), kinds=say("summary.comma").join(kinds))


def percent(part: float, whole: int) -> str:
    """Return a share in percent; what is not all is never shown as a full hundred, what is not nothing never as 0.

    >>> percent(999_999, 1_000_000)
    '99.9'
    >>> percent(0, 0)
    '—'
    """
    if not whole:
        return "—"
    if part == whole:
        return "100"
    return f"{min(99.9, max(0.1 if part else 0.0, 100 * part / whole)):.1f}"


def percent_up(share: float) -> str:
    """Return a gap in percent, rounded up.

    >>> percent_up(0.00912)
    '0.92'
    """
    return f"{-int(-share * 10_000 // 1) / 100:.2f}".rstrip("0").rstrip(".") if share else "0"


def percent_exact(share: float) -> str:
    """Return a share in percent, to as many places as a person wrote, up to two; nearly all is never a full hundred.

    >>> percent_exact(0.999999), percent_exact(0.9), percent_exact(0.2)
    ('99.99', '90', '20')
    """
    if share in (0, 1):
        return f"{share:.0%}"[:-1]
    shown = 100 * share if share > 1 else min(99.99, max(0.01, 100 * share))
    return f"{shown:.2f}".rstrip("0").rstrip(".")
