"""What a picture of a plan shows in a year, from its tables: places by status, sites by what becomes of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from allocate.areas import Areas
from allocate.compared import BEST_FIRST
from allocate.report.blocks import What
from allocate.report.sheets import STATUSES, people_sheets
from allocate.report.table import Sheet
from allocate.tables import ENDS, INSTITUTION_KINDS
from allocate.units import FIRM
from allocate.words import Language

WHATS: tuple[What, ...] = get_args(What)
# What becomes of a site; `other`: an institution that the plan does not decide on.
State = Literal["opened", "moved", "upgraded", "closed", "kept", "other"]
STATES: tuple[State, ...] = ("opened", "moved", "upgraded", "closed", "kept")
# From which share of a town's people served each step goes; the last step is everybody.
STEPS = (0.0, 0.6, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Spot:
    """A place with its status.

    Attributes
    ----------
    lon, lat
        Where it stands [°].
    people
        Who live there [persons].
    status
        The worst of its people.
    firm
        Whether somebody has surveyed where it stands.
    """

    lon: float
    lat: float
    people: int
    status: str
    firm: bool


@dataclass(frozen=True)
class Site:
    """A site, or another institution, with what becomes of it.

    Attributes
    ----------
    lon, lat
        Where it stands [°].
    kind, state
        As codes.
    firm
        Whether somebody has surveyed where it stands.
    came_from
        Where it stood before it moved [°]; None where it did not move, or nobody knows.
    """

    lon: float
    lat: float
    kind: str
    state: State
    firm: bool
    came_from: tuple[float, float] | None = None


class Pictured:
    """A plan's content with what its pictures ask of it; whoever draws several asks one of these.

    All figures are those of the plan's tables (`report/sheets.py`).
    """

    def __init__(self, content: Mapping[str, Any], language: Language) -> None:
        self.content = content
        self.language = language
        self.district: Mapping[str, Any] = content["district_data"]
        self.areas = Areas(content)
        self._decided = {row["id"] for row in content["sites"]}

    @cached_property
    def tables(self) -> dict[str, Sheet]:
        """Return the tables of who is served where, by name."""
        return people_sheets(self.content, self.language)

    @cached_property
    def towns(self) -> dict[str, Any]:
        """Return the ground of every town that has some [°], by the town's id; none without a boundary."""
        if self.areas.boundary.is_empty:
            return {}
        return {town: shape for town, shape in self.areas.towns().items() if not shape.is_empty}

    def of_year(self, year: int) -> dict[str, Any]:
        """Return the line of a year: people by status, open sites by kind."""
        return next(row for row in self.tables["years"].records() if row["year"] == year)

    def of_towns(self, year: int) -> dict[str, dict[str, Any]]:
        """Return the line of every town in a year, by the town's id."""
        lines = (row for row in self.tables["towns"].records() if row["year"] == year)
        return {str(row["town_id"]): row for row in lines if row["town_id"] is not None}

    def by_step(self, year: int) -> Counter[int | None]:
        """Return how many towns there are in each of `STEPS`; None counts those without people."""
        return Counter(step_of(row) for row in self.of_towns(year).values())

    def places(self, year: int) -> list[Spot]:
        """Return the places that have people in a year and a position."""
        return [spot for spot in self._places(year) if spot.lon is not None and spot.lat is not None]

    def by_status(self, year: int) -> Counter[str]:
        """Return how many places there are in each status, with or without a position."""
        return Counter(spot.status for spot in self._places(year))

    def parted(self, year: int) -> bool:
        """Tell whether the people of some place are in several statuses."""
        statuses: dict[Any, Any] = {}
        rows = (row for row in self._place_rows if row["year"] == year)
        return any(statuses.setdefault(row["id"], row["status"]) != row["status"] for row in rows)

    def sites(self, year: int, *, since_today: bool) -> list[Site]:
        """Return the open sites, those that end, and other institutions: what became of them in a year.

        With `since_today`, what became of them up to and in that year, beside what stands today.
        """

        def changed(row: Mapping[str, Any]) -> bool:
            return bool(row["year"] <= year if since_today else row["year"] == year)

        rows = self.content["sites"]
        moves = {row["id"]: row for row in rows if row["action"] == "move" and changed(row)}
        upgraded = {row["id"] for row in rows if row["action"] == "upgrade" and changed(row)}
        found = []
        for row in rows:
            if row["action"] in ENDS:
                if row["action"] != "move" and changed(row) and (not since_today or row["id"] in self._stand):
                    found.append(self._site(row, "closed"))
            elif str(year) in row["people"]:
                fresh = row["action"] == "open" and changed(row)
                before = moves.get(row.get("from")) if fresh else None
                fresh_as: State = "moved" if before else "opened"
                state: State = fresh_as if fresh else "upgraded" if row["id"] in upgraded else "kept"
                found.append(self._site(row, state, before))
        others = [row for row in self.district["institutions"] if row["id"] not in self._decided]
        found += [self._site(row, "other") for row in others]
        return found

    @cached_property
    def _stand(self) -> set[str]:
        """Return the sites that stand today: those of which the plan does not begin with opening them."""
        opened = {row["id"] for row in self.content["sites"] if row["action"] == "open"}
        return self._decided - opened

    def _site(self, row: Mapping[str, Any], state: State, before: Mapping[str, Any] | None = None) -> Site:
        came_from = None if before is None or None in (before["lon"], before["lat"]) else (before["lon"], before["lat"])
        basis = row.get("basis") or row.get("position_basis")
        return Site(row["lon"], row["lat"], row["kind"], state, basis in FIRM, came_from)

    @cached_property
    def _place_rows(self) -> list[dict[str, Any]]:
        return list(self.tables["places"].records())

    def _places(self, year: int) -> Iterable[Any]:
        if year not in self._spots:
            rows = (row for row in self._place_rows if row["year"] == year)
            worst: dict[str, dict[str, Any]] = {}
            for row in rows:
                held = worst.setdefault(row["id"], row)
                # (A place in several states is drawn in the worst of them.)
                if rank(row["status"]) > rank(held["status"]):
                    worst[row["id"]] = row
            self._spots[year] = [
                Spot(row["lon"], row["lat"], row["residents"], row["status"], row["position_basis"] in FIRM)
                for row in worst.values()
            ]
        return self._spots[year]

    @cached_property
    def _spots(self) -> dict[int, list[Spot]]:
        return {}


def rank(status: str) -> int:
    """Return how badly those of a status are served: 0 is best, and what nobody knows comes last."""
    return BEST_FIRST.index(status) if status in BEST_FIRST else len(BEST_FIRST)


def step_of(row: Mapping[str, Any]) -> int | None:
    """Return in which of `STEPS` a town is; None where nobody lives."""
    if not row["people"]:
        return None
    if row["served"] == row["people"]:
        return len(STEPS) - 1
    return max(n for n, least in enumerate(STEPS[:-1]) if row["served"] >= least * row["people"])


def by_state(sites: Iterable[Site]) -> Counter[State]:
    """Return how many sites there are in each state."""
    return Counter(site.state for site in sites)


def kinds_of(line: Mapping[str, Any]) -> dict[str, int]:
    """Return how many sites of each kind are open, from the line of a year; kinds of which there are none left out."""
    return {kind: line[f"open_{kind}"] for kind in INSTITUTION_KINDS if line.get(f"open_{kind}")}


def people_by_status(line: Mapping[str, Any]) -> dict[str, int]:
    """Return the people of each status, from the line of a year; those without anybody left out, but the served."""
    return {status: line[status] for status in STATUSES if line[status] or status == "served"}
