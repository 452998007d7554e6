"""Finds the hospitals that lead a consortium in any case and for which no member is left."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from allocate.case import Case
from allocate.consortia import Leading
from allocate.errors import Problem
from allocate.words import say


def faults(case: Case, file: str) -> list[Problem]:
    """Return the leads given that are left without a member of their own, however the others are shared out."""
    leading = case.leading
    if leading is None:
        return []
    beside = say("problem.lead_beside") if leading.plan.contiguous else ""
    return [
        Problem(
            "problem.lead_alone",
            file,
            column="consortia.leads",
            value=case.sites[k].id,
            details={"name": case.sites[k].name, "beside": beside},
        )
        for k in _alone(leading)
    ]


def _alone(leading: Leading) -> list[int]:
    """Return the leads given that are left without a member, where as many as can be have one of their own.

    (Hopcroft and Karp 1973, SIAM Journal on Computing 2(4).)
    """
    first = sorted(leading.given)
    joiners = [j for j in leading.joiners if j not in leading.given]
    if not first or not joiners:
        return first
    able = [
        [(j, k) in leading.pairs and (not leading.plan.contiguous or (k, j) in leading.borders) for j in joiners]
        for k in first
    ]
    matched = maximum_bipartite_matching(csr_array(np.array(able, dtype=np.int8)), perm_type="column")
    return [k for k, j in zip(first, matched.tolist(), strict=True) if j < 0]
