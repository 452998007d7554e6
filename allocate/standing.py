"""Finds what can be in no consortia at all: leads that are left without a member, and links of today across them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching

from allocate.case import Case
from allocate.consortia import Leading
from allocate.district import District
from allocate.errors import Problem
from allocate.tables import FUNCTIONS
from allocate.words import say

Group = frozenset[int]


def faults(district: District, case: Case, file: str) -> list[Problem]:
    """Return why no plan could form consortia: whoever is given leads one, and whoever is linked today stays so.

    Every lead needs a member, and a centre that serves its own consortium is in the one of those whom it serves. (Where
    members must adjoin, groups that reach their lead only over each other's towns are not looked at.)
    """
    leading = case.leading
    if leading is None:
        return []
    alone = _alone(leading, leading.given, frozenset())
    if alone:
        beside = say("problem.lead_beside") if leading.plan.contiguous else ""
        details = {k: {"name": case.sites[k].name, "beside": beside} for k in alone}
        return [
            Problem("problem.lead_alone", file, column="consortia.leads", value=case.sites[k].id, details=details[k])
            for k in alone
        ]
    links = [
        (name, j, k)
        for (name, j), k in sorted(case.had.items())
        if k >= 0 and case.abilities[name].within == "consortium"
    ]
    apart = [link for link in links if not _leads_of(leading, frozenset(link[1:]))]
    groups = _groups(links, len(case.sites))
    if not apart and any(True for _ in _settled(leading, groups, {})):
        return []
    # (Where each link would do by itself, all of them together are to blame.)
    rows = {(row.function, row.institution): row for row in district.functions}
    blamed = [rows[name, case.sites[j].id] for name, j, _ in apart or links]
    return [
        Problem(
            "problem.function_apart",
            FUNCTIONS.file,
            row.row,
            "centre",
            row.centre,
            {"function": row.function, "institution": row.institution},
        )
        for row in sorted(blamed, key=lambda row: row.row)
    ]


def _groups(links: Sequence[tuple[str, int, int]], count: int) -> list[Group]:
    """Return the sites that must be in one consortium, each group by itself."""
    if not links:
        return []
    _, ends, centres = zip(*links, strict=True)
    graph = csr_array((np.ones(len(links)), (ends, centres)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    of = {int(labels[j]): frozenset(np.flatnonzero(labels == labels[j]).tolist()) for j in ends}
    return [of[label] for label in sorted(of)]


def _leads_of(leading: Leading, group: Group) -> list[int]:
    """Return the hospitals whose consortium may hold a group."""
    return [k for k in leading.leads if group <= leading.in_reach_of(k) | {k}]


def _settled(leading: Leading, groups: Sequence[Group], chosen: Mapping[Group, int]) -> Iterator[Mapping[Group, int]]:
    """Yield the leads of the groups with which nobody leads who is a member, and no lead is left without one."""
    if len(chosen) < len(groups):
        group = groups[len(chosen)]
        for k in _leads_of(leading, group):
            both = {**chosen, group: k}
            if all(lead not in members or of == lead for lead in both.values() for members, of in both.items()):
                yield from _settled(leading, groups, both)
        return
    inside = frozenset(j for group in groups for j in group)
    if not _alone(leading, leading.given - set(chosen.values()), inside | set(chosen.values())):
        yield chosen


def _alone(leading: Leading, leads: frozenset[int], taken: frozenset[int]) -> list[int]:
    """Return the leads that are left without a member, where each gets one of its own that is not taken."""
    first = sorted(leads)
    joiners = [j for j in leading.joiners if j not in leading.given and j not in taken]
    able = [
        [(j, k) in leading.pairs and (not leading.plan.contiguous or (k, j) in leading.borders) for j in joiners]
        for k in first
    ]
    if not first or not joiners:
        return first
    matched = maximum_bipartite_matching(csr_array(np.array(able, dtype=np.int8)), perm_type="column")
    return [k for k, j in zip(first, matched.tolist(), strict=True) if j < 0]
