"""A program with staff summed up by employer, and later years summed up too: small, and it proves what it finds.

A sum of variables takes the place of the variables, and rows that say the same of every site, town or place are added
up. Whatever keeps all rows keeps their sum, so this is a relaxation (Rogers, Plante, Wong & Evans 1991, Operations
Research 39(4)): what it cannot do more cheaply, the whole cannot either. Where the parts of a sum have different
coefficients in a row, the one that helps the row most stands for all of them; in an objective, the least.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from allocate import decisions
from allocate.case import Case
from allocate.rows import UPGRADED, Column, Key, Number, Row, Sense

_SUM = "sum"


@dataclass(frozen=True)
class Coarse:
    """How variables of a case are summed up.

    Attributes
    ----------
    fine
        Indices of the years in which it is said who goes where; in the others, people are counted by the employer to
        whose sites they go.
    members
        Variables that each sum takes the place of, how many they are and the most that they come to.
    """

    case: Case
    fine: frozenset[int]
    members: dict[Key, tuple[int, float]] = field(default_factory=dict)

    @cached_property
    def key(self) -> Callable[[Key], Key]:
        """Return a way to look up the variable that takes the place of one: itself, or a sum."""
        # (Each variable is asked for once a row: a million times for a district of 800 places.)
        return cache(self._key)

    @cached_property
    def _is_summed(self) -> Callable[[Key], bool]:
        return cache(lambda key: self.key(key) != key)

    def _key(self, key: Key) -> Key:
        match key:
            case ("amount", what, int(j), t) if what != UPGRADED:
                return (_SUM, what, *self._group(j), t)
            case ("serve", _, int(j), int(t)) if t not in self.fine:
                return (_SUM, "serve", *self._group(j), t)
        return key

    def columns(self, *, whole: bool = True) -> Iterator[Column]:
        """Yield the variables; a sum may be any number."""
        for column in decisions.columns(self.case):
            key = self.key(column.key)
            if key == column.key:
                yield column if whole else replace(column, whole=False)
            else:
                number, most = self.members.get(key, (0, 0.0))
                self.members[key] = number + 1, most + float(column.high)
        for key, (_, most) in self.members.items():
            yield Column(key, high=int(most))

    def _group(self, j: int) -> tuple[str, int]:
        """Return what a site is counted with: those of its kind whose staff has the same employer."""
        return self.case.sites[j].kind, self.case.employer_of[j]

    @cached_property
    def _ids(self) -> Mapping[str, str]:
        """Return what each place, town or site is counted with."""
        alike = dict.fromkeys((*self.case.places, *self.case.towns), "")
        groups = ((site.id, *self._group(j)) for j, site in enumerate(self.case.sites))
        return alike | {name: f"{kind} {employer}" for name, kind, employer in groups}

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows of the sums: those that speak of no sum stay as they are, the others are added up."""
        added: dict[Key, list[Row]] = {}
        for row in rows:
            if not any(map(self._is_summed, row.terms)):
                yield row
            else:
                about = tuple(self._ids.get(part, part) if isinstance(part, str) else part for part in row.about)
                added.setdefault((*about, row.sense), []).append(row)
        for about, group in added.items():
            yield from self._added(about, group)

    def _added(self, about: Key, group: list[Row]) -> Iterator[Row]:
        first = group[0]
        bound: Number = sum((row.bound for row in group), 0)
        target: Number = sum((row.target for row in group), 0)
        parts: dict[Key, list[Number]] = {}
        single: dict[Key, Number] = {}
        whole: dict[Key, Number] = {}
        for row in group:
            for key, times in row.terms.items():
                whole[key] = whole.get(key, 0) + times
        for key, times in whole.items():
            if self._is_summed(key):
                parts.setdefault(self.key(key), []).append(times)
            else:
                single[key] = times
        senses: tuple[Sense, ...] = ("<=", ">=") if first.sense == "==" else (first.sense,)
        sums = {key: self._ends(key, times) for key, times in parts.items()}
        if all(low == high for low, high in sums.values()):
            senses = (first.sense,)
        for sense in senses:
            terms = single | {key: low if sense == "<=" else high for key, (low, high) in sums.items()}
            terms = {key: times for key, times in terms.items() if times}
            if terms:
                yield Row((*about, sense), terms, sense, bound, target, first.times, first.implied)

    def _ends(self, key: Key, times: list[Number]) -> tuple[Number, Number]:
        """Return the least and the greatest coefficient of the parts of a sum; of those not named it is 0."""
        number, _ = self.members.get(key, (len(times), 0.0))
        rest = [0] if len(times) < number else []
        return min([*times, *rest]), max([*times, *rest])

    def terms(self, terms: Mapping[Key, Number]) -> dict[Key, Number]:
        """Return an objective of the sums that is never above the original one."""
        found: dict[Key, Number] = {key: times for key, times in terms.items() if not self._is_summed(key)}
        parts: dict[Key, list[Number]] = {}
        for key, times in terms.items():
            if key not in found:
                parts.setdefault(self.key(key), []).append(times)
        return found | {key: self._ends(key, times)[0] for key, times in parts.items()}

    def values(self, values: Mapping[Key, float]) -> dict[Key, float]:
        """Return what variables come to when they are summed up."""
        found: dict[Key, float] = {}
        for key, number in values.items():
            found[self.key(key)] = found.get(self.key(key), 0.0) + number
        return found
