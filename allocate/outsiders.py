"""Finds who can be in no consortium, whatever the plan: out of reach of every lead, cut off from it, or not asked."""

from collections.abc import Iterator, Sequence

from allocate.affiliations import leads_of
from allocate.case import Case
from allocate.consortia import LONGEST, Leading
from allocate.findings import Book, Finding, Text, Value
from allocate.rules import ConsortiumSize, Membership
from allocate.units import whole_minutes
from allocate.words import LANGUAGES, say_in


def memberships(book: Book) -> Iterator[Finding]:
    """Yield the clauses on consortia that want more members, or more consortia, than there can be."""
    leading = book.case.leading
    if leading is None:
        return
    reach = {k: inside for k in leading.leads if (inside := leading.in_reach_of(k))}
    able = {j for k, inside in reach.items() for j in (*inside, k)}
    for name, rule in book.planned.items():
        if not rule.when(book.case):
            continue
        if isinstance(rule, Membership):
            sites = rule.sites(book.case)
            outside = [j for j in sites if j not in able]
            if len(sites) - len(outside) < rule.asks() * len(sites):
                yield from _outside(book, leading, name, outside)
        if isinstance(rule, ConsortiumSize) and rule.of == "consortia" and len(reach) < (rule.at_least or 0):
            details: dict[str, Value] = {"clause": book.cite(name), "low": rule.at_least or 0, "may": len(reach)}
            yield Finding("unmeetable", (name,), "finding.few_leads", details)


def _outside(book: Book, leading: Leading, name: str, outside: Sequence[int]) -> Iterator[Finding]:
    """Yield why sites can be in no consortium, a finding for each cause, with what would do."""
    case, plan = book.case, leading.plan
    no_kind = [j for j in outside if case.sites[j].kind not in plan.members]
    far = [j for j in outside if j not in no_kind and j not in leading.joiners]
    cut_off = [j for j in outside if j in leading.joiners]
    needed = _needed(book, far)
    causes: list[tuple[str, list[int], dict[str, Value]]] = [
        ("finding.member_kind", no_kind, {"kinds": _kinds(case, no_kind)}),
        (
            "finding.member_far" if needed <= LONGEST else "finding.member_beyond",
            far,
            {"minutes": plan.minutes or 0, "needed": needed},
        ),
        ("finding.member_apart", cut_off, {}),
    ]
    for words, sites, more in causes:
        if sites:
            told: dict[str, Value] = {"clause": book.cite(name), "count": len(sites), "sites": book.sites(sites)}
            yield Finding("unmeetable", (name,), words, told | more)


def _kinds(case: Case, sites: Sequence[int]) -> Text:
    """Return what kinds of site there are among some."""
    kinds = sorted({case.sites[j].kind for j in sites})
    return {
        chosen: say_in(chosen, "finding.comma").join(say_in(chosen, f"kind.{kind}") for kind in kinds)
        for chosen in LANGUAGES
    }


def _needed(book: Book, sites: Sequence[int]) -> int:
    """Return how long the way to the nearest lead would have to be allowed to be for all of some sites [min]."""
    return max((whole_minutes(_nearest(book, j)) for j in sites), default=0)


def _nearest(book: Book, j: int) -> int:
    """Return the way from a site to the nearest hospital that leads or may, however far that is [s]."""
    case, plan = book.case, book.model.consortia
    assert plan is not None
    leads = [case.site_index[one.id] for one in leads_of(book.district, plan)]
    return min(case.way(plan.mode, j, k) for k in leads if k != j)
