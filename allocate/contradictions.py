"""Finds clauses that contradict each other: crossing bounds, sites kept and forbidden, budgets that pay for nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from allocate.findings import Book, Finding, Value, shown
from allocate.implied import Limit, limits
from allocate.rules import Rate, Ratio, Rule, SiteMinimum, Spacing, Spending, Total, to_go, to_stand
from allocate.units import exact

# What is counted for registered people is kept apart under a name of its own.
_APART = "/registered"


def contradictions(book: Book) -> Iterator[Finding]:
    """Yield what cannot hold together: amounts, numbers of sites, named sites, and what a budget does not even pay."""
    for look in (_amounts, _equalities, _site_limits, _named_sites, _budgets):
        yield from look(book)


@dataclass(frozen=True)
class _Edge:
    """A limit of an amount, and the rules that it follows from."""

    value: Fraction
    because: tuple[str, ...]


def _amounts(book: Book) -> Iterator[Finding]:
    """Yield the resources of which rates, totals and ratios ask for more than others allow."""
    ratios = {name: rule for name, rule in book.rules.items() if isinstance(rule, Ratio)}
    said: set[tuple[str, ...]] = set()
    for first, second in combinations(ratios, 2):
        one, two = ratios[first], ratios[second]
        turn = (one.resource, one.to) == (two.to, two.resource)
        if turn and exact(one.at_least) * exact(two.at_least) > 1 and set(book.years(one)) & set(book.years(two)):
            said.add(tuple(sorted((first, second))))
            yield Finding(
                "contradiction",
                (first, second),
                "finding.ratios",
                {"first": book.cite(first), "second": book.cite(second)},
            )
    for year in sorted({year for rule in book.rules.values() for year in book.years(rule)}):
        lows, highs = _edges(book, year)
        for what in sorted(lows.keys() & highs.keys()):
            low, high = lows[what], highs[what]
            names = tuple(dict.fromkeys((*low.because, *high.because)))
            key = tuple(sorted(names))
            if low.value > high.value and key not in said:
                said.add(key)
                details: dict[str, Value] = {
                    "year": year,
                    "low": shown(low.value),
                    "least": book.cite_all(low.because),
                    "high": shown(high.value),
                    "most": book.cite_all(high.because),
                }
                words = "finding.amounts_registered" if what.endswith(_APART) else "finding.amounts"
                yield Finding("contradiction", names, words, details)


def _edges(book: Book, year: int) -> tuple[dict[str, _Edge], dict[str, _Edge]]:
    """Return the least and the most of every resource in a year, carried over from one to the other by the ratios.

    A rate for registered people is no rate for residents: it is kept apart, for 1,000 of them.
    """
    t = next((t for t, one in enumerate(book.case.years) if one == year), 0)
    people = book.case.total(t)
    lows: dict[str, _Edge] = {}
    highs: dict[str, _Edge] = {}

    def at_least(what: str, value: Fraction, because: tuple[str, ...]) -> bool:
        if what in lows and lows[what].value >= value:
            return False
        lows[what] = _Edge(value, because)
        return True

    def at_most(what: str, value: Fraction, because: tuple[str, ...]) -> bool:
        if what in highs and highs[what].value <= value:
            return False
        highs[what] = _Edge(value, because)
        return True

    holding = {name: rule for name, rule in book.rules.items() if year in book.years(rule)}
    for name, rule in holding.items():
        low = high = None
        what = ""
        match rule:
            case Rate():
                apart = rule.denominator == "registered"
                what = f"{rule.resource}{_APART}" if apart else rule.resource
                times = Fraction(1000 if apart else people, rule.per)
                low = None if rule.at_least is None else exact(rule.at_least) * times
                high = None if rule.at_most is None else exact(rule.at_most) * times
            case Total():
                what = rule.resource
                low = None if rule.at_least is None else exact(rule.at_least)
                high = None if rule.at_most is None else exact(rule.at_most)
            case SiteMinimum():
                what = rule.resource
                low = exact(rule.at_least) * sum(book.standing.get(kind, 0) for kind in set(rule.kinds))
        if low:
            at_least(what, low, (name,))
        if high is not None:
            at_most(what, high, (name,))
    ratios = {name: rule for name, rule in holding.items() if isinstance(rule, Ratio)}
    # Each pass carries a limit one ratio further; a chain is no longer than the ratios there are.
    for _ in ratios:
        for name, rule in ratios.items():
            times = exact(rule.at_least)
            if rule.to in lows:
                at_least(rule.resource, lows[rule.to].value * times, (*lows[rule.to].because, name))
            if rule.resource in highs:
                at_most(rule.to, highs[rule.resource].value / times, (*highs[rule.resource].because, name))
    return lows, highs


def _equalities(book: Book) -> Iterator[Finding]:
    """Yield a ratio beside the rates of both its resources: what they say as floors, and as exact numbers."""
    rates = {
        name: rule
        for name, rule in book.rules.items()
        if isinstance(rule, Rate) and rule.at_least is not None and rule.at_most is None
    }
    for name, ratio in book.rules.items():
        if not isinstance(ratio, Ratio):
            continue
        for upper, above in rates.items():
            for lower, below in rates.items():
                years = set(book.years(ratio)) & set(book.years(above)) & set(book.years(below))
                same = (above.denominator == "registered") == (below.denominator == "registered")
                if not years or not same or (above.resource, below.resource) != (ratio.resource, ratio.to):
                    continue
                asked = exact(above.at_least or 0) * below.per / above.per
                given = exact(below.at_least or 0) * exact(ratio.at_least)
                if asked == given:
                    continue
                details: dict[str, Value] = {
                    "upper": book.cite(upper),
                    "lower": book.cite(lower),
                    "ratio": book.cite(name),
                    "base": shown(exact(below.at_least or 0)),
                    "times": shown(exact(ratio.at_least)),
                    "given": shown(given),
                    "asked": shown(asked),
                }
                words = "finding.equalities_above" if given > asked else "finding.equalities_below"
                yield Finding("contradiction", (lower, name, upper), words, details)


def _site_limits(book: Book) -> Iterator[Finding]:
    """Yield pairs of rules of which one asks for more sites than the other allows."""
    found = {name: limits(rule, book.case) for name, rule in book.planned.items()}
    for first, wanted in found.items():
        for second, allowed in found.items():
            crossing = [
                (one, two)
                for one in wanted
                for two in allowed
                if first != second and two.high is not None and one.low > two.high
                if (one.what, one.part, one.t) == (two.what, two.part, two.t) and one.kinds <= two.kinds
            ]
            if crossing:
                # Where towns contradict each other one by one, that says more than their sum.
                local = [pair for pair in crossing if pair[0].part] or crossing
                yield _crossing(book, first, second, local)


def _crossing(book: Book, first: str, second: str, pairs: list[tuple[Limit, Limit]]) -> Finding:
    one, two = pairs[0]
    details: dict[str, Value] = {
        "first": book.cite(first),
        "second": book.cite(second),
        "year": book.case.years[one.t],
        "where": book.towns(pair[0].part for pair in pairs if pair[0].t == one.t),
        "low": one.low,
        "high": int(two.high or 0),
    }
    return Finding("contradiction", (first, second), "finding.sites", details)


def _named_sites(book: Book) -> Iterator[Finding]:
    """Yield what the sites to be kept contradict: the sites forbidden, the distance between sites, their number."""
    case = book.case
    keeps = {name: rule for name, rule in book.planned.items() if to_stand(rule)}
    for name, keep in keeps.items():
        kept = {case.site_index[site] for site in to_stand(keep)}
        for other, rule in book.planned.items():
            years = [t for t in keep.when(case) if t in rule.when(case)]
            if not years:
                continue
            names = (name, other)
            cited: dict[str, Value] = {"first": book.cite(name), "second": book.cite(other)}
            if to_go(rule):
                both = kept & {case.site_index[site] for site in to_go(rule)}
                if both:
                    yield Finding(
                        "contradiction", names, "finding.kept_and_forbidden", cited | {"sites": book.sites(both)}
                    )
            elif isinstance(rule, Spacing):
                near = {(j, k) for j, k, _ in rule.pairs(case) if {j, k} <= kept}
                if near:
                    details = cited | {"sites": book.sites(j for pair in sorted(near) for j in pair)}
                    yield Finding("contradiction", names, "finding.kept_too_near", details)
            else:
                yield from _kept_too_many(book, names, kept, limits(rule, case), cited)


def _kept_too_many(
    book: Book, names: tuple[str, str], kept: set[int], allowed: list[Limit], cited: dict[str, Value]
) -> Iterator[Finding]:
    case = book.case
    keep = book.planned[names[0]]
    for one in allowed:
        if one.what != "open" or one.high is None or one.t not in keep.when(case):
            continue
        inside = [j for j in kept if case.sites[j].kind in one.kinds and one.part in ("", case.sites[j].town)]
        if len(inside) > one.high:
            details: dict[str, Value] = {
                **cited,
                "year": case.years[one.t],
                "where": book.towns([one.part]),
                "low": len(inside),
                "high": one.high,
            }
            yield Finding("contradiction", names, "finding.sites", details)
            return


def _budgets(book: Book) -> Iterator[Finding]:
    """Yield budgets that do not even pay for the sites that another rule names or counts, the cheapest ones taken."""
    case = book.case
    for name, budget in book.planned.items():
        if not isinstance(budget, Spending):
            continue
        for other, rule in book.planned.items():
            for t in (t for t in budget.when(case) if t in rule.when(case)):
                cost = _least_cost(book, budget, rule, t)
                if cost > budget.at_most:
                    details: dict[str, Value] = {
                        "first": book.cite(other),
                        "second": book.cite(name),
                        "year": case.years[t],
                        "low": shown(Fraction(cost)),
                        "high": shown(Fraction(budget.at_most)),
                    }
                    yield Finding("contradiction", (other, name), "finding.budget", details)
                    break


def _least_cost(book: Book, budget: Spending, rule: Rule, t: int) -> int:
    """Return what a year costs at least where a rule is met [yuan]: openings count in the first year only."""
    case = book.case

    def cost(j: int) -> int:
        site = case.sites[j]
        cheapest = site.opening if site.moving is None else min(site.opening, site.moving)
        once = cheapest if t == 0 and not site.exists else 0
        return sum({"recurrent": site.yearly, "capital": once}[nature] for nature in budget.natures)

    if to_stand(rule):
        return sum(cost(case.site_index[site]) for site in to_stand(rule))
    least = 0
    for one in limits(rule, case):
        if (one.what, one.t, one.part) == ("open", t, "") and one.low:
            costs = sorted(cost(j) for j, site in enumerate(case.sites) if site.kind in one.kinds)
            least = max(least, sum(costs[: one.low]))
    return least
