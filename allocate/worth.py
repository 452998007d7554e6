"""What every site of a plan is worth: who would lose if it were dropped, and which other spots would do as well."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from allocate.case import Going
from allocate.changes import AsPlanned, Change
from allocate.gaps import shown_number
from allocate.goals import Goal
from allocate.model import Model
from allocate.rows import Number, amount, opened, serves
from allocate.units import exact

# An alternative may be worse than the plan by so much of each goal.
WITHIN = 0.01
# Of the spots that could serve most of a site's people, so many are looked at, and so many are named.
LOOKED_AT, _NAMED = 8, 3
# An alternative could serve this part of the site's people, at least.
_PART = 0.5
_MINUTE = 60

# Why a site cannot be dropped by one change alone: it visits villages, it receives experts, it belongs to a consortium,
# or those who would serve its people would need staff that they cannot have.
Hindrance = Literal["visits", "receives", "belongs", "staff"]


class Worth:
    """What the decided sites of a plan are worth: each dropped, or swapped for another spot, with all else held.

    Dropped, a site is gone in all the years in which it stands; its people go to the nearest other site that is open
    and has room, with all the staff that it may have, and whoever finds none is served by nobody. Swapped, the new
    spot has what the site has: its staff, beds and functions. Nothing else is planned anew, so what a change costs is
    the most that it would have cost.
    """

    def __init__(
        self,
        plan: AsPlanned,
        kinds: Collection[str],
        goals: Mapping[str, Goal],
        draws: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.plan, self.case, self.layout = plan, plan.case, plan.layout
        # (Whom postings or consortia alone concern, no change to a site that has neither can touch.)
        self.goals = {name: goal for name, goal in goals.items() if not goal.beside}
        # (A draw of a plan of an earlier version does not say which sites it opened.)
        self._drawn = [frozenset(draw["standing"]) for draw in draws if "standing" in draw]
        self.decided = [
            j for j, site in enumerate(self.case.sites) if site.kind in kinds and not site.is_fixed and self._years(j)
        ]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield what each decided site is worth, in the order of the sites."""
        for j in self.decided:
            site, years = self.case.sites[j], self._years(j)
            others, tried = self._others(j)
            yield {
                "id": site.id,
                "from": self.case.years[years[0]],
                "until": self.case.years[years[-1]],
                **self._nearest(j),
                "dropped": self._dropped(j),
                "others": others,
                "tried": tried,
                "draws": sum(site.id in drawn for drawn in self._drawn) if self._drawn else None,
            }

    def _years(self, j: int) -> list[int]:
        return [t for t in self.case.periods if (j, t) in self.layout.open]

    def _nearest(self, j: int) -> dict[str, dict[str, int]]:
        """Return by year whose nearest open site it is [persons], and how much longer the next way is for them.

        `longer` is in person-minutes one way, of those who have another open site within their circle.
        """
        case = self.case
        nearest, longer = {}, {}
        for t in self._years(j):
            people = seconds = 0
            for i in case.places_of[j]:
                near = [k for k in case.sites_of[i] if (k, t) in self.layout.open]
                at = near.index(j)
                reached = case.able_to_go(i, t, near[:at])
                left = case.able_to_go(i, t, near[: at + 1]) - reached
                people += left
                for n, k in enumerate(near[at + 1 :], at + 2):
                    # (Those who can get to this one and to none of the quicker ones but the site itself.)
                    going = min(left, case.able_to_go(i, t, (*near[:at], *near[at + 1 : n])) - reached)
                    seconds += going * (case.seconds[i, k] - case.seconds[i, j])
                    reached, left = reached + going, left - going
            year = str(case.years[t])
            nearest[year], longer[year] = people, round(seconds / _MINUTE)
        return {"nearest": nearest, "longer": longer}

    def _dropped(self, j: int) -> dict[str, Any]:
        """Return what follows when the site is dropped, or what stands against it."""
        hindrance = self.hindrance(j)
        change = None if hindrance else self.drop(j)
        return {"hindrance": hindrance or "staff"} if change is None else self._told(j, change)

    def drop(self, j: int) -> Change | None:
        """Return the change in which a site is gone; None where those who serve its people would lack staff."""
        change = Change(self.plan)
        for t, people in self._close(change, j).items():
            self._send(change, t, people)
        change.settle()
        return change if change.can_be else None

    def hindrance(self, j: int) -> Hindrance | None:
        """Return why what hangs on a site cannot go elsewhere by one change."""
        layout, years = self.layout, set(self._years(j))
        if any(site == j and t in years for _, _, site, t in layout.visits):
            return "visits"
        if any(site == j and number for (_, _, site, _), number in layout.tours.items()):
            return "receives"
        return "belongs" if any(j in (site, lead) for site, lead, _ in layout.members) else None

    def _others(self, j: int) -> tuple[list[dict[str, Any]], int]:
        """Return the best other spots, and how many were looked at."""
        spots = [] if self.hindrance(j) else self.spots(j)
        found = []
        for k in spots:
            change = self.swap(j, k)
            if change is None or change.misses():
                continue
            told = self._told(j, change)
            if all(self._is_near(name, more) for name, more in told["goals"].items()):
                found.append((self._order(told), k, told))
        best = sorted(found, key=lambda one: (one[0], self.case.sites[one[1]].id))[:_NAMED]
        return [{"id": self.case.sites[k].id, **told} for _, k, told in best], len(spots)

    def _order(self, told: Mapping[str, Any]) -> tuple[float, ...]:
        return (sum(told["unserved"].values()), *(float(told["goals"][name]) for name in self.goals))

    def _is_near(self, goal: str, more: float) -> bool:
        return bool(exact(more) <= abs(exact(self._values[goal])) * exact(WITHIN))

    def spots(self, j: int) -> list[int]:
        """Return the spots of the same kind that stay empty and could serve most of its people, the most first."""
        case, years = self.case, self._years(j)
        last = years[-1]
        mine = {i: people for i in case.places_of[j] if (people := self.layout.serve.get((i, j, last), 0))}
        wanted = sum(mine.values())
        reached: dict[int, int] = {}
        for i, people in mine.items():
            for k in case.sites_of[i]:
                if k in self._empty and case.sites[k].kind == case.sites[j].kind:
                    reached[k] = reached.get(k, 0) + min(people, case.most(i, k, last))
        able = [k for k, people in reached.items() if people >= _PART * wanted]
        travel = {k: sum(case.seconds.get((i, k), 0) * people for i, people in mine.items()) for k in able}
        return sorted(able, key=lambda k: (-reached[k], travel[k], case.sites[k].id))[:LOOKED_AT]

    @cached_property
    def _empty(self) -> frozenset[int]:
        """Return where a site may stand and none ever does."""
        standing = {j for j, _ in self.layout.open}
        return frozenset(j for j, site in enumerate(self.case.sites) if j not in standing and not site.is_fixed)

    def swap(self, j: int, k: int, on: Change | None = None) -> Change | None:
        """Return the change in which another spot has what the site has and serves its people; None where none can.

        It comes on top of another change where one is given, which leaves alone what the site itself has.
        """
        change, years = on.tried() if on else Change(self.plan), self._years(j)
        case, has = self.case, self.plan.functions_of.get(j, ())
        there = {(what, t): change.of(amount(what, j, t)) for what in case.resources for t in years}
        left = self._close(change, j)
        change.open(k, years)
        if not change.can_be or any(k not in case.havers.get(name, ()) for name in has):
            return None
        for t in years:
            for what in case.resources:
                if there[what, t] > case.posts(what, k):
                    return None
                change.put(amount(what, k, t), there[what, t])
            for name in has:
                self.take_over(change, name, j, k, t)
            self._send(change, t, left[t], first=k)
        change.begin(k, has)
        change.settle()
        return change if change.can_be and change.follows(k, has) else None

    def take_over(self, change: Change, name: str, j: int, k: int, t: int) -> None:
        """Let another spot have a function as the site has it in a year, from the same centre where there is one."""
        case = self.case
        change.put(amount(name, k, t), int(self.layout.has(name, j, t)))
        for centre in case.centres_of.get((name, j), ()):
            if (name, j, centre, t) in self.layout.links:
                if centre in case.centres_of.get((name, k), ()):
                    change.link(name, k, centre, t, 1)
                else:
                    change.can_be = False

    def _close(self, change: Change, j: int) -> dict[int, dict[int, int]]:
        """Close a site in all its years, and return whom it served, by year and place [persons]."""
        case, years = self.case, self._years(j)
        left: dict[int, dict[int, int]] = {t: {} for t in years}
        for t in years:
            for i in case.places_of[j]:
                people = change.of(serves(i, j, t))
                if people:
                    left[t][i] = people
                    change.send(i, j, t, -people)
        change.close(j, years)
        return left

    def _send(self, change: Change, t: int, left: Mapping[int, int], first: int = -1) -> None:
        """Send people of some places to open sites with room, the nearest pairs first; to one site before others."""
        case, touched, rest = self.case, set[int](), dict(left)
        pairs = ((case.seconds[i, k], i, k) for i in rest for k in case.sites_of[i] if change.of(opened(k, t)))
        going: dict[int, Going] = {}
        for i in rest if case.level else ():
            going[i] = Going(case, i, t)
            for k in case.sites_of[i]:
                going[i].take(k, change.of(serves(i, k, t)))
        for _, i, k in sorted(pairs, key=lambda pair: (pair[2] != first, *pair)):
            room = change.room(k, t)
            people = rest[i] if room is None else min(rest[i], max(0, room))
            if i in going:
                people = min(people, going[i].most(k))
                going[i].take(k, people)
            if people:
                change.send(i, k, t, people)
                rest[i] -= people
                touched.add(k)
        for k in sorted(touched):
            for name, _ in case.sites[k].per_staff:
                change.staff(name, k, t)

    def _told(self, j: int, change: Change) -> dict[str, Any]:
        """Return what a change means: people served fewer, money, goals, and the clauses that are missed for it."""
        fewer = {}
        for t in self._years(j):
            people = sum(-more for key, more in change.by.items() if key[0] == "served" and key[2] == t)
            fewer[str(self.case.years[t])] = people
        worse = change.misses()
        return {
            "unserved": fewer,
            "cost": change.cost(),
            "goals": {name: shown_number(self.difference(name, change)) for name in self.goals},
            "clauses": [name for name in self.plan.rules if name in worse],
        }

    def difference(self, name: str, change: Change) -> Number:
        """Return by how much a goal is worse with a change."""
        terms = self._terms.get(name)
        if terms is None:
            return exact(self.goals[name].value(self.case, change.layout())) - exact(self._values[name])
        return sum((exact(terms[key]) * more for key, more in change.by.items() if key in terms), exact(0))

    @cached_property
    def _values(self) -> Mapping[str, Number]:
        return {name: goal.value(self.case, self.layout) for name, goal in self.goals.items()}

    @cached_property
    def _terms(self) -> Mapping[str, Mapping[Any, Number]]:
        """Return the coefficients of the goals that are sums of decisions, with no helper variables."""
        return {
            name: goal.terms(self.case)
            for name, goal in self.goals.items()
            if next(iter(goal.columns(self.case)), None) is None
        }


def worth(model: Model, planned: AsPlanned, draws: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what every decided site is worth: see `Worth`."""
    return list(Worth(planned, model.siting, model.goals, draws).rows())
