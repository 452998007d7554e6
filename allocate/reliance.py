"""What nobody has counted or published, and which figures of a plan rest on it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from allocate.case import Case
from allocate.district import District
from allocate.model import Model
from allocate.resources import Resources, is_employed
from allocate.rules import Function, PeoplePerStaff, Posting, Reach, Rounds, Rule, Spending
from allocate.units import Basis, weakest

# How an assumed number of today's staff or beds is named among what a figure rests on: this and its resource.
STOCK = "stock."


def stock_bases(district: District, resources: Resources) -> dict[str, Basis]:
    """Return where today's number of every resource comes from: the weakest basis of its rows in staff.csv.

    What staff.csv does not list at all is assumed, even where that means none. A sum has the basis of what it adds up.
    """
    listed: dict[str, list[Basis]] = {}
    for row in district.staff:
        listed.setdefault(row.resource, []).append(row.basis)
    return {name: weakest(listed.get(resource.sum_of or name, [Basis.ASSUMED])) for name, resource in resources.items()}


def stock_rows(district: District, case: Case) -> list[dict[str, Any]]:
    """Return what there is of every resource before the plan begins, altogether and at each site that has any.

    How many teams there are today is unknown where nobody lists them: a plan forms them anew.
    """
    bases = stock_bases(district, case.resources)
    rows = []
    for name in case.resources:
        counted, sites = case.holders(name)
        there = {case.sites[j].id: has for j in sites if (has := case.stock.get((counted, j), 0))}
        is_known = there or counted in case.employed or bases[name] is not Basis.ASSUMED
        number = sum(there.values()) if is_known else None
        rows.append({"resource": name, "number": number, "basis": str(bases[name]), "at": there})
    return rows


def rests_on(district: District, model: Model, case: Case, rule: Rule) -> list[str]:
    """Return what the figures of a rule rest on that is assumed: today's staff and beds, pools, ways and prices.

    How many serve at a site rests on its staff, and what a year costs on everybody who is paid. Who goes to a village
    is staff of a hub. Who may lead a consortium, or is asked for a function, rests on what is known of hospitals.
    """
    counted: Collection[str] = rule.resources
    prices: list[str] = []
    match rule:
        case Reach():
            counted = {name for site in case.sites for name, _ in site.per_staff}
            counted |= {model.outreach[name].resource for name in rule.or_by}
            prices = _assumed("model.outreach", (model.outreach[name].basis for name in rule.or_by))
        case Rounds():
            counted = {model.outreach[name].resource for name in rule.ways(case)}
            prices = _assumed("model.outreach", (model.outreach[name].basis for name in rule.ways(case)))
        case Posting():
            pools = (pool.basis for p, pool in enumerate(case.pools) if rule.looks_at(case, p))
            prices = _assumed("model.pools", pools)
        case PeoplePerStaff():
            counted = (rule.resource,)
        case Spending():
            counted = [name for name, one in case.resources.items() if one.yearly or one.adding]
            prices = list(_assumed_prices(model))
        case _:
            pass
    return _assumed_stock(district, case, counted) + prices + _assumed_belonging(district, model, rule)


def _assumed_belonging(district: District, model: Model, rule: Rule) -> list[str]:
    """Return what is assumed of hospitals, and of the functions of today, that a rule looks at."""
    sees_profiles = "consortia" in rule.needs or (isinstance(rule, Function) and rule.types)
    profiles = (one.profile_basis for one in district.institutions if sees_profiles and one.kind == "hospital")
    there = (one.basis for one in district.functions if one.function in rule.abilities)
    return _assumed("institutions.profile", filter(None, profiles)) + _assumed("functions", there)


def visits_rest_on(district: District, model: Model, case: Case) -> list[str]:
    """Return what the visits that primary care could take rest on that is assumed: today's staff, what one can take."""
    if model.visits is None:
        return []
    return _assumed_stock(district, case, model.visits.per_staff) + _assumed("model.visits", (model.visits.basis,))


def _assumed_stock(district: District, case: Case, counted: Iterable[str]) -> list[str]:
    """Return the staff of today that resources rest on and that nobody has listed."""
    bases = stock_bases(district, case.resources)
    needed = set(_needed(case.resources, counted))
    assumed = (name for name in case.resources if name in needed and bases[name] is Basis.ASSUMED)
    return [f"{STOCK}{name}" for name in assumed if is_employed(case.resources, name)]


def _needed(resources: Resources, names: Iterable[str]) -> Iterator[str]:
    """Yield resources, and all that they are part of, are made of or add up."""
    for name in names:
        if (resource := resources.get(name)) is not None:
            yield name
            below = [*resource.needs, *(one for one in (resource.part_of, resource.sum_of) if one)]
            yield from _needed(resources, below)


def price_bases(model: Model) -> list[Basis]:
    """Return where the prices of everything that a plan pays for come from."""
    return [basis for bases in _prices(model).values() for basis in bases]


def _prices(model: Model) -> Mapping[str, Iterable[Basis]]:
    """Return the bases of all prices by the table of the model in which they stand."""
    posted = [model.postings] if model.postings else []
    signed = [model.contracts] if model.contracts else []
    formed = [model.consortia] if model.consortia else []
    return {
        "model.siting": [basis for candidates in model.siting.values() for basis in candidates.bases],
        "model.resources": [one.basis for one in model.resources.values() if one.yearly or one.adding],
        "model.postings": [one.basis for one in posted if one.monthly or one.handover],
        "model.outreach": [one.basis for one in model.outreach.values() if one.per_visit or one.per_hour],
        "model.functions": [one.basis for one in model.functions.values() if one.is_priced],
        "model.consortia": [one.basis for one in formed if one.opening or one.yearly],
        "model.contracts": [one.basis for one in signed if one.yearly or one.yearly_per_bed],
    }


def _assumed_prices(model: Model) -> Iterator[str]:
    return (name for table, bases in _prices(model).items() for name in _assumed(table, bases))


def _assumed(table: str, bases: Iterable[Basis]) -> list[str]:
    """Return the table where any of what is taken from it is assumed."""
    return [table] if Basis.ASSUMED in bases else []
