"""Reads a model and its district and says everything that a planner should know before planning."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from allocate.calibration import calibration_rows, calibrations
from allocate.candidates import make_case
from allocate.case import Case
from allocate.consistency import findings
from allocate.data_problems import data_problems
from allocate.district import District
from allocate.errors import AllocateError, InputError, ModelError, UsageError
from allocate.model import Model, district_of, read_model
from allocate.plans import assumptions
from allocate.population import project, registered_share, yearly_rate
from allocate.read import read_district
from allocate.reliance import stock_rows
from allocate.report.sheets import say_table
from allocate.report.summary import say_calibration
from allocate.scenario_tables import say_value
from allocate.scenarios import changes_against, read_scenarios
from allocate.synonyms import BARRIERS, BOUNDARY, choice_called, is_own, title_of
from allocate.tables import ROADS as ROADS_TABLE
from allocate.tables import TABLES
from allocate.travel.network import ROAD_CLASSES
from allocate.units import Basis
from allocate.words import language, say, term, visible


def check_all(name: str, changes: Mapping[str, str]) -> Iterator[str]:
    """Yield what was read, then what is odd in the data and in the clauses, then what is assumed.

    Raises
    ------
    AllocateError
        When model or district are wrong; one message lists every problem of both.
    """
    model, wrong = _try_model(name, changes)
    district = None
    try:
        folder = district_of(name, changes) if model is None else model.district_folder()
        district = read_district(folder) if folder else None
    except (InputError, UsageError) as error:
        wrong += [error] if str(error) not in map(str, wrong) else []
    if wrong or model is None or district is None:
        raise AllocateError("\n".join(str(error) for error in wrong))
    # (Every fault is found before the first line is said.)
    told = (*notes(model, district), *_scenarios(name, changes, model, district))
    yield from told
    yield say("check.fine")


def notes(model: Model, district: District) -> Iterator[str]:
    """Yield what was read, what is odd in it, and what is assumed."""
    case = make_case(district, model)
    # (A deadline that has passed is said with its clause.)
    warnings = [one for one in data_problems(district, model, case) if one.what != "check.past"]
    odd = findings(model, district, case)
    yield say(
        "check.read",
        model=model.id,
        rules=len(model.rules),
        district=district.name[language()],
        places=len(district.places),
        towns=len(district.towns),
        people=district.people,
    )
    yield _population(district, model)
    share = registered_share(district)
    if share is not None:
        yield say("check.population_registered", share=f"{float(share):.3f}")
    yield from _origins(district)
    yield from _roads(district)
    for warning in warnings:
        yield say("check.warning", text=warning.sentence())
    for finding in odd:
        yield say("check.warning", text=finding.sentence())
    for mode, count in sorted(Counter(mode for _, _, mode in district.travel).items()):
        yield say("check.travel", mode=mode, count=count)
    for row in calibration_rows(calibrations(district, model, case.roads)):
        mode = model.modes[row["mode"]].name[language()]
        yield visible(say("check.calibration", text=say_calibration(row, mode)))
    yield from _candidates(district, case)
    for row in assumptions(district, model):
        table = say_table(row["table"], language())
        yield say("check.assumed", table=table, basis=say(f"basis.{row['basis']}"), rows=row["rows"])
    for row in stock_rows(district, case):
        if row["resource"] in case.employed and row["basis"] == Basis.ASSUMED:
            yield say("check.stock", what=term(row["resource"]), number=f"{row['number']:,}")


def _scenarios(name: str, changes: Mapping[str, str], model: Model, district: District) -> Iterator[str]:
    """Say every scenario that can be planned, and the sets of them.

    Raises
    ------
    ModelError
        When some cannot: the model refuses a value, or does not fit the district any more; it lists all of it.
    """
    for one, chosen in read_scenarios(name, model.scenarios, changes).items():
        own = chosen.district_folder()
        make_case(district if own == model.district_folder() else read_district(own), chosen)
        told = [
            say("scenarios.from_to", key=key, old=say_value(old), new=say_value(new))
            for key, old, new in changes_against(model, chosen)
        ]
        title = chosen.scenarios[one].title[language()]
        line = {"count": len(told), "changes": say("summary.semicolon").join(told)}
        yield visible(say("scenarios.check_line", name=one, title=title, **line))
    for one, members in model.scenario_sets.items():
        yield visible(say("scenarios.check_sets", name=one, members=say("summary.comma").join(members)))


def _candidates(district: District, case: Case) -> Iterator[str]:
    """Say where candidates come from and how many each layer drops, where there is more than the middles of places."""
    comma = say("summary.comma")
    if not district.layers and not case.dropped and all(site.origin in ("", "places") for site in case.sites):
        return
    kinds = [*(site.kind for site in case.sites if site.origin), *(one.kind for one in case.dropped)]
    for kind in dict.fromkeys(kinds):
        counts = Counter(site.origin for site in case.sites if site.kind == kind and site.origin)
        parts = [say("check.candidates_part", origin=say(f"origin.{origin}"), count=n) for origin, n in counts.items()]
        out = sum(one.kind == kind for one in case.dropped)
        told = {"kind": say(f"kind.{kind}"), "count": sum(counts.values()), "dropped": out}
        yield say("check.candidates", parts=comma.join(parts) or "—", **told)
    for layer in district.layers:
        out = sum(one.why.get("layer") == layer.id for one in case.dropped)
        told = {"name": layer.name[language()], "file": layer.file, "areas": layer.areas, "hectares": layer.hectares}
        yield say("check.layer_out", dropped=out, **told) if layer.keeps == "out" else say("check.layer_in", **told)
    others = Counter(str(one.why["code"]) for one in case.dropped if "layer" not in one.why)
    for code, count in sorted(others.items()):
        yield say("check.dropped", why=say(f"dropping.{code}"), count=count)
    # (Said whatever else is: it stands where the district's own files would have none.)
    named = [site.name for site in case.sites for reason in site.kept if reason["code"] == "named"]
    if named:
        yield say("check.named", count=len(named), names=comma.join(named))
    for made in case.generated:
        told = {"kind": say(f"kind.{made.kind}"), "how": say(f"generating.{made.how}"), "made": made.made}
        counts_of = {"spots": made.spots, "allowed": made.allowed, "people": made.people, "reached": made.reached}
        yield say("check.generated", **told, **counts_of)


def _origins(district: District) -> Iterator[str]:
    """Say where every table came from that is not just a CSV of this program's own: files, headings and datums."""
    comma = say("summary.comma")
    known = {table.name: table for table in (*TABLES, ROADS_TABLE)}
    for name in (*known, BOUNDARY, BARRIERS):
        origin = district.origins.get(name)
        if origin is None or (name in known and not origin.rows):
            # (Of a template, sheets that nobody filled in stay.)
            continue
        same = origin.datum in ("", district.datum)
        datum = "" if same else say("check.origin_datum", datum=origin.datum, planned=district.datum)
        # (What the templates call a column needs no word.)
        own = [
            (f"{said} = {column}") for column, said in origin.headings.items() if not is_own(known[name], column, said)
        ]
        headings = say("check.origin_headings", pairs=comma.join(own)) if own else ""
        unread = say("check.origin_unread", names=comma.join(origin.unread)) if origin.unread else ""
        usual = Path(origin.file).stem == name and Path(origin.file).suffix in (".csv", ".geojson")
        if not usual or datum or headings or unread:
            title = title_of(name, language())
            rows = say("check.origin_rows", rows=origin.rows) if origin.rows else ""
            told = {"rows": rows, "datum": datum, "headings": headings, "unread": unread}
            yield visible(say("check.origin", table=title, file=origin.file, **told))


def _roads(district: District) -> Iterator[str]:
    """Say what network the roads are: kilometres by class, and whether it holds together."""
    network = district.roads
    if network is None:
        return
    metres = np.bincount(network.classes, weights=network.metres, minlength=len(ROAD_CLASSES))
    classes = say("summary.comma").join(
        say("check.roads_class", name=choice_called("class", name, language()), km=f"{length / 1000:,.1f}")
        for name, length in zip(ROAD_CLASSES, metres.tolist(), strict=True)
        if length
    )
    _, parts = network.parts()
    whole = "check.roads_whole" if len(parts) == 1 else "check.roads_parts"
    percent = f"{math.floor(1000 * parts.max() / parts.sum()) / 10:g}"
    told = {} if len(parts) == 1 else {"parts": f"{len(parts):,}", "percent": percent}
    yield say(
        "check.roads",
        km=f"{metres.sum() / 1000:,.1f}",
        classes=classes,
        pieces=f"{len(network):,}",
        nodes=f"{len(network.nodes):,}",
        share=say(whole, barriers=f"{len(network.barriers):,}", **told),
    )


def _try_model(name: str, changes: Mapping[str, str]) -> tuple[Model | None, list[AllocateError]]:
    try:
        return read_model(name, changes), []
    except (ModelError, UsageError) as error:
        return None, [error]


def _population(district: District, model: Model) -> str:
    """Say who lives in the district in every plan year, and how that was worked out."""
    found = project(district, model.population, model.years)
    method = say(f"projection.{found.method}")
    if found.method == "trend":
        method += say("check.population_rate", rate=f"{100 * yearly_rate(district):.3f}")
    parts = []
    for t, year in enumerate(found.years):
        if t and all(np.array_equal(of[:, t], of[:, t - 1]) for of in (found.people, *found.ages.values())):
            # (What stays as it was is said once.)
            continue
        ages = [
            say("check.population_age", age=say(f"age.{group}"), people=int(people[:, t].sum()))
            for group, people in found.ages.items()
        ]
        what = "check.population_year_ages" if ages else "check.population_year"
        told = {"ages": say("summary.comma").join(ages)} if ages else {}
        basis = say(f"basis.{found.bases[t]}")
        parts.append(say(what, year=year, people=found.total(t), basis=basis, **told))
    return say("check.population", method=method, years=say("summary.semicolon").join(parts))
