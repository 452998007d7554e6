"""Random models of a few hubs, planned and rechecked as a whole: no plan is worse than one that a plain program finds.

That program is written anew here, from what README and docstrings say, and takes no row or rule from the package.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from consorting import consorting_model, district
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from allocate.candidates import make_case
from allocate.details import carry_out
from allocate.nesting import look
from allocate.plans import assemble
from allocate.program import Options
from allocate.search import lay_out
from allocate.verification import insist

EXACT = Options(seconds=20, gap=0.0, threads=1)
TOLD = {"basis": "assumed", "source": "made up"}
KINDS = ["township_hospital"]
Sum = Mapping[int, float]


@dataclass
class Plain:
    """A program of variables from 0 to `high` and of sums that are at least some number."""

    high: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    sums: list[tuple[Sum, float]] = field(default_factory=list)

    def one(self, high: float = 1, *, whole: bool = True) -> Sum:
        """Return a new variable."""
        self.high.append(high)
        self.whole.append(int(whole))
        return {len(self.high) - 1: 1.0}

    def at_least(self, terms: Sum, number: float) -> None:
        """Ask for a sum that is at least a number."""
        self.sums.append((terms, number))

    def least(self, terms: Sum) -> float:
        """Return the least that a sum can be."""
        rows = np.zeros((len(self.sums), len(self.high)))
        for row, (inside, _) in zip(rows, self.sums, strict=True):
            row[list(inside)] = list(inside.values())
        goal = np.zeros(len(self.high))
        goal[list(terms)] = list(terms.values())
        low = np.array([number for _, number in self.sums])
        found = milp(
            goal,
            integrality=np.array(self.whole),
            bounds=Bounds(np.zeros(len(self.high)), np.array(self.high)),
            constraints=[LinearConstraint(rows, low, np.full(len(low), np.inf))],
            options={"mip_rel_gap": 0.0},
        )
        assert found.status == 0, found.message
        return float(found.fun)


def add(*parts: tuple[float, Sum]) -> dict[int, float]:
    """Return a weighted sum of sums."""
    whole: dict[int, float] = {}
    for times, terms in parts:
        for key, number in terms.items():
            whole[key] = whole.get(key, 0.0) + times * number
    return whole


@dataclass(frozen=True)
class Drawn:
    """Hubs and hospitals with the kilometre of each, years, consortia, functions, what is had, rules and the goal."""

    hubs: Mapping[str, tuple[float, int]]
    hospitals: Mapping[str, float]
    years: tuple[int, ...]
    consortia: Mapping[str, Any]
    imaging: Mapping[str, Any]
    unit: Mapping[str, Any]
    rules: Mapping[str, Mapping[str, Any]]


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Draw what a planner might ask for of two or three hubs and two hospitals, 10 km or a multiple of it apart."""
    few, yes, strength = st.integers(0, 5), st.booleans(), st.sampled_from(("must", "must", "in_principle", "strive"))
    spots = draw(st.lists(st.integers(0, 5), min_size=4, max_size=5, unique=True))
    hospitals = {f"S{n}": 10.0 * at for n, at in enumerate(spots[:2])}
    hubs = {f"H{n}": (10.0 * at, draw(st.sampled_from((100, 300, 1000)))) for n, at in enumerate(spots[2:])}
    consortia: dict[str, Any] = {"members": KINDS, "opening": draw(few), "yearly": draw(few)}
    consortia |= {"minutes": 25} if draw(yes) else {}
    imaging: dict[str, Any] = {
        "at": ["hospital"],
        "serves": KINDS,
        "within": draw(st.sampled_from(("district", "consortium"))),
    }
    imaging |= {key: draw(few) for key in ("opening", "yearly", "linking", "linked_yearly")}
    imaging |= {"members": draw(st.integers(1, 2))} if draw(yes) else {}
    unit = {"at": KINDS, "needs": {"imaging": draw(st.integers(0, 3))}, "opening": draw(few), "yearly": draw(few)}
    rules: dict[str, dict[str, Any]] = {
        "members": {"rule": "membership", "kinds": KINDS, "share": draw(st.sampled_from((0.5, 1.0)))},
        "number": {"rule": "consortium_size", "of": "consortia", "at_least": draw(st.integers(1, 2))},
        "people": {"rule": "consortium_size", "of": "people", "at_most": draw(st.sampled_from((300, 1200)))},
        "images": {
            "rule": "function",
            "functions": ["imaging"],
            "kinds": KINDS,
            "share": draw(st.sampled_from((0.5, 1.0))),
            "scope": draw(st.sampled_from(("district", "consortium"))),
        },
        "units": {
            "rule": "function",
            "functions": ["unit"],
            "kinds": KINDS,
            "at_least": draw(st.integers(1, 3)),
        },
    }
    kept = {name: {**rule, "strength": draw(strength)} for name, rule in rules.items() if draw(st.integers(0, 4))}
    years = draw(st.sampled_from(((2025, 2027), (2025, 2026, 2029))))
    return Drawn(
        hubs, hospitals, years, consortia, imaging, unit, kept or {"members": {**rules["members"], "strength": "must"}}
    )


def stages_of(told: Drawn) -> tuple[Plain, list[tuple[str, Sum]]]:
    """Return the plain program, and what is made small, one after the other: clauses by strength, then the cost."""
    plain, hubs, leads, periods = Plain(), list(told.hubs), list(told.hospitals), range(len(told.years))
    spans = [*(after - year for year, after in zip(told.years, told.years[1:], strict=False)), 1]
    limit = told.consortia.get("minutes", 1000)
    near = [(j, k) for j in hubs for k in leads if abs(told.hubs[j][0] - told.hospitals[k]) <= limit]
    lead = {(k, t): plain.one() for k in leads for t in periods}
    join = {(j, k, t): plain.one() for j, k in near for t in periods}
    has = {
        (name, j, t): plain.one()
        for name, those in (("imaging", [*hubs, *leads]), ("unit", hubs))
        for j in those
        for t in periods
    }
    link = {(j, k, t): plain.one() for j in hubs for k in leads for t in periods}
    cost: list[tuple[float, Sum]] = []

    def stays(one: Sum, before: Sum | None, opening: float, yearly: float, t: int) -> None:
        """Pay for what is new, and for every calendar year; once there, it stays."""
        if before is not None:
            plain.at_least(add((1, one), (-1, before)), 0)
            cost.append((-opening, before))
        cost.append((opening + spans[t] * yearly, one))

    for t in periods:
        for k in leads:
            stays(lead[k, t], lead.get((k, t - 1)), told.consortia["opening"], told.consortia["yearly"], t)
            plain.at_least(add((-1, lead[k, t]), *((1, join[j, k, t]) for j, led in near if led == k)), 0)
        for j, k in near:
            stays(join[j, k, t], join.get((j, k, t - 1)), 0, 0, t)
            plain.at_least(add((1, lead[k, t]), (-1, join[j, k, t])), 0)
        for j in hubs:
            plain.at_least(add(*((-1, join[j, k, t]) for k in leads if (j, k) in near)), -1)
            linked = add(*((1, link[j, k, t]) for k in leads))
            plain.at_least(add((1, linked), (-1, has["imaging", j, t])), 0)
            plain.at_least(add((-1, linked), (1, has["imaging", j, t])), 0)
            # A unit needs imaging at the hub in a plan year that lies so many calendar years back.
            back = [u for u in range(t + 1) if told.years[t] - told.years[u] >= told.unit["needs"]["imaging"]]
            plain.at_least(add((-1, has["unit", j, t]), *((1, has["imaging", j, u]) for u in back[-1:])), 0)
            stays(
                has["imaging", j, t],
                has.get(("imaging", j, t - 1)),
                told.imaging["linking"],
                told.imaging["linked_yearly"],
                t,
            )
            stays(has["unit", j, t], has.get(("unit", j, t - 1)), told.unit["opening"], told.unit["yearly"], t)
            for k in leads:
                stays(link[j, k, t], link.get((j, k, t - 1)), 0, 0, t)
                plain.at_least(add((1, has["imaging", k, t]), (-1, link[j, k, t])), 0)
                if told.imaging["within"] == "consortium":
                    # (The centre is a hospital, so that it is in no consortium but its own.)
                    plain.at_least(add((-1, link[j, k, t]), *([(1, join[j, k, t])] if (j, k) in near else [])), 0)
        for k in leads:
            stays(
                has["imaging", k, t], has.get(("imaging", k, t - 1)), told.imaging["opening"], told.imaging["yearly"], t
            )
            most = told.imaging.get("members", len(hubs))
            plain.at_least(add(*((-1, link[j, k, t]) for j in hubs)), -most)
    missing: dict[str, list[Sum]] = {}

    def want(rule: Mapping[str, Any], terms: Sum, number: float, target: float) -> None:
        """Ask for a sum, or for a share of the target that is missing."""
        short = plain.one(1000, whole=False)
        plain.at_least(add((1, terms), (target, short)), number)
        missing.setdefault(rule["strength"], []).append(short)

    for rule in told.rules.values():
        for t in periods:
            match rule:
                case {"rule": "membership", "share": share}:
                    want(rule, add(*((1, join[j, k, t]) for j, k in near)), share * len(hubs), len(hubs))
                case {"of": "consortia", "at_least": number}:
                    want(rule, add(*((1, lead[k, t]) for k in leads)), number, number)
                case {"of": "people", "at_most": number}:
                    for k in leads:
                        size = [(-told.hubs[j][1], join[j, k, t]) for j, led in near if led == k]
                        want(rule, add((number, lead[k, t]), *size), 0, number)
                case {"functions": [name], "at_least": number}:
                    want(rule, add(*((1, has[name, j, t]) for j in hubs)), number, number)
                case {"functions": [name], "share": share, "scope": "district"}:
                    want(rule, add(*((1, has[name, j, t]) for j in hubs)), share * len(hubs), share * len(hubs))
                case {"functions": [name], "share": share}:
                    for k in leads:
                        inside = [j for j, led in near if led == k]
                        both = {j: plain.one() for j in inside}
                        for j, one in both.items():
                            plain.at_least(add((1, join[j, k, t]), (-1, one)), 0)
                            plain.at_least(add((1, has[name, j, t]), (-1, one)), 0)
                        asked = [(-share, join[j, k, t]) for j in inside]
                        want(rule, add(*((1, one) for one in both.values()), *asked), 0, share * len(hubs))
    stages: list[tuple[str, Sum]] = []
    for strength in ("must", "in_principle", "strive"):
        worst = plain.one(1000, whole=False)
        for short in missing.get(strength, ()):
            plain.at_least(add((1, worst), (-1, short)), 0)
        if strength in missing:
            stages += [(f"{strength}.worst", worst), (f"{strength}.sum", add(*((1, one) for one in missing[strength])))]
    return plain, [*stages, ("cost", add(*cost))]


@settings(max_examples=5, deadline=None)
@given(drawn())
def test_no_plan_is_worse_than_a_plain_program_finds_and_no_bound_is_above_it(told: Drawn) -> None:
    model = consorting_model(
        told.consortia,
        {name: {**rule, **TOLD} for name, rule in told.rules.items()},
        years=told.years,
        functions={
            name: {"name": {"zh": name, "en": name}, **one, **TOLD}
            for name, one in (("imaging", told.imaging), ("unit", told.unit))
        },
        goals=[{"goal": "cost"}],
    )
    land = district(told.hubs, {name: (at, {}) for name, at in told.hospitals.items()})
    case = make_case(land, model)
    found = carry_out(case, model, lay_out(case, model, EXACT, gap=0.0), EXACT, 0.0)
    alone = [look(land, model, EXACT, t) for t in case.periods]
    content = assemble(land, model, case, found.layout, found.bounds, [], alone)
    insist(content)
    plain, stages = stages_of(told)
    assert [stage["name"] for stage in content["stages"]] == [name for name, _ in stages]
    for stage, (name, terms) in zip(content["stages"], stages, strict=True):
        best = plain.least(terms)
        near = 1e-6 * max(1.0, abs(best))
        assert stage["bound"] <= best + near, name
        # (A stage may give way by a thousandth for the next ones, in the plan.)
        assert best - near <= stage["value"] <= best + near + Fraction(2, 1000) * abs(best), name
        plain.at_least({key: -number for key, number in terms.items()}, -max(best, stage["value"]) - near)
