"""Whether tables fit the datum that they declare: tried against roads, the boundary and each other, never changed.

A table of points that is read in a wrong datum is moved as a whole: in Tianjin by about 550 m (GCJ-02 taken for
WGS-84) or 1,350 m (BD-09), in nearly the same direction everywhere in a district. So each table is read as it would be
in each of the three datums, and what should lie near must come nearer: villages to roads, clinics to their villages,
everything to the inside of the boundary.

Each point, or each group of points that share a reference, has one vote: by how much nearer, or farther, than as
declared. Whether the votes are beyond chance is asked by Wilcoxon's signed-rank test, which takes no distribution for
granted and which a few gross errors cannot sway. Four more things are asked before anything is said, so that unrelated
tables raise no alarm: most votes must agree; what is left over must be small beside what was moved; points without
links must be nearer to their references than these to each other; and only what was surveyed or is official votes.

After: Wilcoxon 1945, Biometrics Bulletin 1(6).
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from allocate.datum import DEGREE_M, Array, Datum, Flags, convert
from allocate.synonyms import BOUNDARY, ROADS

HYPOTHESES: Final = ("wgs84", "gcj02", "bd09")

# How likely chance alone may be to bring points nearer. A district with five tables is asked some 50 questions, and at
# most one district in a hundred may be troubled for nothing. It takes 14 votes, if all of them agree.
CHANCE = 1e-4
# How many of the votes must agree besides: where votes are many, the least trend would be beyond chance.
AGREE = 0.6
# What may be left between points and what is nearest to them, as a share of what the points were moved by: where it is
# more, they were never near, and say nothing about the datum.
LEFT = 0.5
# The same for the drift that all points of a table have in common: under the right reading there is none.
DRIFT = 0.25
# Points that are not linked must come nearer to their references than these are to each other [share of that]: where
# both merely crowd into the same quarters, a move that brings the quarters together says nothing.
AMONG = 0.7
# How likely chance may be to make another reading of a table second best; what is not shown worse is named as well.
SECOND = 0.05
# A vote whose distance changes by less says nothing [m]: the shifts themselves vary so much within a district.
_SAME_M = 20.0
# More votes than this make nothing clearer, only slower.
_MOST_VOTES = 2000
_LEAST_VOTES = 10
# Up to so many votes chance is counted exactly; beyond, the normal distribution is as good.
_EXACT = 50

type _Rows = NDArray[np.intp]
# A table, and how it would be read.
type _Reading = tuple[str, str]


@dataclass(frozen=True)
class Points:
    """A table of points, read as it declares.

    Attributes
    ----------
    name
        As people know it: its file.
    degrees
        Positions in WGS-84 or CGCS2000 as converted from the declared datum [°], shape (n, 2); NaN where there is none.
    counts
        Which rows are evidence: those surveyed or official. What was estimated or assumed proves nothing.
    """

    name: str
    declared: Datum
    degrees: Array
    counts: Flags


@dataclass(frozen=True)
class Link:
    """Rows of two tables that should lie near each other: a clinic and its village, or the same name in both.

    Attributes
    ----------
    rows
        Row of the first and of the second table, shape (n, 2), the first row of a table being 0.
    """

    first: str
    second: str
    rows: _Rows


@dataclass(frozen=True)
class Ground:
    """What lies on the ground as WGS-84 or CGCS2000 has it; None where it is not known.

    Attributes
    ----------
    boundary
        A polygon, or several [°].
    roads
        Lines [°].
    roads_name, roads_declared
        What people know the roads as, their file; and the datum that they declare.
    """

    boundary: shapely.Geometry | None = None
    roads: shapely.Geometry | None = None
    roads_name: str = ROADS
    roads_declared: str = HYPOTHESES[0]


@dataclass(frozen=True)
class Suspect:
    """A table that would fit if it were in another datum.

    Attributes
    ----------
    metres, minutes
        Median displacement between the two [m], and how long a person walks for it [min].
    """

    table: str
    declared: str
    fits: str
    metres: float
    minutes: float


@dataclass(frozen=True)
class Misfit:
    """A table does not fit its declared datum, or one of two tables does not.

    Attributes
    ----------
    suspects
        One; or several where nothing tells which of them is right.
    against
        What was compared: the other files, `roads`, `boundary`.
    votes, nearer
        Points whose distance differs, and those of them that come nearer as the first suspect says.
    before, after
        Median distance of these points as declared, and as the first suspect says [m].
    """

    suspects: tuple[Suspect, ...]
    against: tuple[str, ...]
    votes: int
    nearer: int
    before: float
    after: float


def misfits(
    tables: Sequence[Points],
    links: Sequence[Link] = (),
    ground: Ground | None = None,
    *,
    kmh: float,
    detour: float,
) -> Iterator[Misfit]:
    """Yield what does not fit, the surest first; minutes are at a walking speed [km/h] on ways `detour` times as long.

    The boundary is taken as it is, and so are roads, unless no reading of any table brings it to them and another
    reading of the roads does. Tables that fit each other prove nothing about the two of them, so what the ground says
    of a table is settled first; only then are tables compared, each read as it then fits best.
    """
    pace = detour / (kmh * 1000 / 60)
    scale = _scale(tables)
    trials, references = _trials(tables, scale), _references(ground, scale)
    settled: dict[str, str] = {}
    cleared: set[_Reading] = set()
    for trial in trials.values():
        clues = list(_ground_clues(trial, references))
        refuted = {reading for clue in clues for reading in clue.readings if clue.worse(reading)}
        blamed = [clue for clue in clues if set(clue.explained) - refuted]
        cleared |= refuted
        if blamed:
            # Roads come first: they are finer than a boundary.
            possible = [reading for reading in blamed[0].explained if reading not in refuted]
            suspects = [r for r in possible if all(r in clue.explained for clue in blamed)] or possible
            settled[trial.name] = suspects[0][1]
            yield _misfit(suspects, [clue for clue in blamed if suspects[0] in clue.explained], trials, pace)
    if not settled and ground is not None and ROADS in references:
        yield from _wrong_roads(ground, references[ROADS], trials, scale, pace)
    verdicts = [_verdict(list(_pair_clues(pair, trials, settled, cleared))) for pair in _pairs(trials, links)]
    yield from _compared(verdicts, trials, pace)


@dataclass(frozen=True)
class _Trial:
    """A table in all the datums that it might be in.

    Attributes
    ----------
    declared, datum
        What it declares, and which of the three that is.
    spots
        Its points on a flat sheet, by what they would be read as [m].
    known, voting
        Rows that are evidence and have a position; and of these evenly as many as are asked.
    """

    name: str
    declared: str
    datum: str
    spots: Mapping[str, Array]
    known: _Rows
    voting: _Rows

    def moved(self, datum: str) -> float:
        """Return the median displacement between what was declared and another datum [m]."""
        step = self.spots[datum][self.voting] - self.spots[self.datum][self.voting]
        return float(np.median(np.hypot(step[:, 0], step[:, 1])))


@dataclass(frozen=True)
class _Clue:
    """What one comparison says: the distance of each vote as declared, and as each other reading would have it [m].

    Attributes
    ----------
    close
        The readings under which points and reference are as close as they must be to say anything.
    """

    against: tuple[str, ...]
    declared: Array
    readings: Mapping[_Reading, Array]
    close: Collection[_Reading]

    @cached_property
    def explained(self) -> tuple[_Reading, ...]:
        """The readings that would make it fit, best first; those that are shown to fit worse are left out."""
        better = [
            reading
            for reading, distances in self.readings.items()
            if reading in self.close and _nearer(self.declared, distances)
        ]
        # (By the mean, as most points lie inside the boundary under any reading.)
        better.sort(key=lambda reading: float(np.mean(self.readings[reading])))
        return tuple(r for r in better if _chance(self.readings[r], self.readings[better[0]]) > SECOND)

    @cached_property
    def chance(self) -> float:
        """How likely chance alone brings the votes as near as the best reading does; 1 where none fits."""
        return min((_chance(self.declared, self.readings[reading]) for reading in self.explained), default=1.0)

    def worse(self, reading: _Reading) -> bool:
        """Return whether the votes speak for what was declared, and against a reading."""
        return _nearer(self.readings[reading], self.declared)


@dataclass(frozen=True)
class _Pair:
    """Two tables to be compared, with the rows of both that are linked, one array for each kind of link."""

    first: str
    second: str
    links: Sequence[_Rows]


@dataclass(frozen=True)
class _Verdict:
    """What the comparison of two tables says: by which readings they would fit, and which would part them."""

    clue: _Clue | None
    refuted: frozenset[_Reading]

    @property
    def explained(self) -> tuple[_Reading, ...]:
        return self.clue.explained if self.clue else ()


def _count(before: Array, after: Array) -> tuple[int, int]:
    """Return how many votes there are, and how many of them come nearer."""
    change = before - after
    return int((np.abs(change) > _SAME_M).sum()), int((change > _SAME_M).sum())


def _chance(before: Array, after: Array) -> float:
    """Return how likely chance alone brings points so much nearer."""
    change = before - after
    change = change[np.abs(change) > _SAME_M]
    if not (change > 0).any():
        return 1.0
    from scipy.stats import wilcoxon  # takes long to load: only when tables seem to disagree

    # (Left to choose, it would try all the signs of up to 13 equal distances one by one.)
    method: Literal["exact", "auto"] = "exact" if len(change) <= _EXACT else "auto"
    return float(wilcoxon(change, alternative="greater", method=method).pvalue)


def _nearer(before: Array, after: Array) -> bool:
    votes, nearer = _count(before, after)
    return nearer >= max(AGREE * votes, 1) and _chance(before, after) < CHANCE


def _scale(tables: Sequence[Points]) -> Array:
    """Return the metres of a degree of longitude and of latitude amid the tables.

    One scale for a whole district is wrong by less than 1 % at its edges, and by the same for all readings.
    """
    latitudes = np.array([lat for table in tables for lat in table.degrees[:, 1].tolist() if math.isfinite(lat)])
    middle = float(np.median(latitudes)) if len(latitudes) else 0.0
    return np.array([DEGREE_M * np.cos(np.radians(middle)), DEGREE_M])


def _trials(tables: Sequence[Points], scale: Array) -> dict[str, _Trial]:
    """Read each table in each datum, on one flat sheet for all; tables with too few votes are left out."""
    trials = {}
    for table in tables:
        known = np.flatnonzero(np.isfinite(table.degrees).all(axis=1) & table.counts)
        if len(known) < _LEAST_VOTES:
            continue
        datum = table.declared.name if table.declared.name in HYPOTHESES else HYPOTHESES[0]
        raw = convert(table.degrees, "wgs84", datum)
        spots = {other: (table.degrees if other == datum else convert(raw, other, "wgs84")) for other in HYPOTHESES}
        trials[table.name] = _Trial(
            table.name,
            table.declared.name,
            datum,
            {other: degrees * scale for other, degrees in spots.items()},
            known,
            known[:: -(-len(known) // _MOST_VOTES)],
        )
    return trials


def _references(ground: Ground | None, scale: Array) -> dict[str, shapely.STRtree]:
    """Return what lies on the ground, on the same flat sheet."""
    known = {ROADS: ground.roads, BOUNDARY: ground.boundary} if ground else {}
    return {
        name: shapely.STRtree(shapely.get_parts(shapely.transform(geometry, lambda degrees: degrees * scale)))
        for name, geometry in known.items()
        if geometry is not None and not shapely.is_empty(geometry)
    }


def _ground_clues(trial: _Trial, references: Mapping[str, shapely.STRtree]) -> Iterator[_Clue]:
    """Yield what roads and boundary say of one table."""
    for name, tree in references.items():
        far = {datum: _far(tree, spots[trial.voting]) for datum, spots in trial.spots.items()}
        declared = far.pop(trial.datum)
        readings = {(trial.name, datum): some for datum, some in far.items()}
        close = [reading for reading, far in readings.items() if np.median(far) <= LEFT * trial.moved(reading[1])]
        yield _Clue((name,), declared, readings, close)


def _wrong_roads(
    ground: Ground, tree: shapely.STRtree, trials: Mapping[str, _Trial], scale: Array, pace: float
) -> Iterator[Misfit]:
    """Yield that roads would fit the tables in another datum: some table says so, and none speaks against it.

    It is the points that are moved, the other way: that is quicker, and comes to the same.
    """
    declared = ground.roads_declared if ground.roads_declared in HYPOTHESES else HYPOTHESES[0]
    clues: dict[str, _Clue] = {}
    moved: dict[_Reading, float] = {}
    for trial in trials.values():
        spots = trial.spots[trial.datum][trial.voting]
        degrees = spots / scale
        readings = {}
        for datum in HYPOTHESES:
            if datum != declared:
                there = convert(convert(degrees, "wgs84", datum), declared, "wgs84") * scale
                readings[ROADS, datum] = _far(tree, there)
                moved[ROADS, datum] = float(np.median(np.hypot(*(there - spots).T)))
        close = [reading for reading, far in readings.items() if np.median(far) <= LEFT * moved[reading]]
        clues[trial.name] = _Clue((trial.name,), _far(tree, spots), readings, close)
    refuted = {reading for clue in clues.values() for reading in clue.readings if clue.worse(reading)}
    told = {name: clue for name, clue in clues.items() if set(clue.explained) - refuted}
    if not told:
        return
    surest = min(told.values(), key=lambda clue: clue.chance)
    suspects = [reading for reading in surest.explained if reading not in refuted]
    if not suspects:
        return
    before, after = surest.declared, surest.readings[suspects[0]]
    votes, nearer = _count(before, after)
    differ = np.abs(before - after) > _SAME_M
    yield Misfit(
        tuple(Suspect(ground.roads_name, declared, r[1], moved[r], moved[r] * pace) for r in suspects),
        tuple(told),
        votes,
        nearer,
        float(np.median(before[differ])),
        float(np.median(after[differ])),
    )


def _far(tree: shapely.STRtree, spots: Array) -> Array:
    """Return how far points are from what is nearest [m]; 0 inside."""
    (asked, _), metres = tree.query_nearest(shapely.points(spots), return_distance=True, all_matches=False)
    far = np.zeros(len(spots))
    far[asked] = metres
    return far


def _pairs(trials: Mapping[str, _Trial], links: Sequence[Link]) -> Iterator[_Pair]:
    """Yield every two tables."""
    for first, second in combinations(trials, 2):
        linked = [link.rows for link in links if (link.first, link.second) == (first, second)]
        linked += [link.rows[:, ::-1] for link in links if (link.first, link.second) == (second, first)]
        yield _Pair(first, second, linked)


def _pair_clues(
    pair: _Pair, trials: Mapping[str, _Trial], settled: Mapping[str, str], cleared: Collection[_Reading]
) -> Iterator[_Clue]:
    """Yield what two tables say of each other: by their links, and by which points are nearest.

    A table that the ground has settled is read so, and not in question any more.
    """
    first, second = trials[pair.first], trials[pair.second]
    base = {trial.name: settled.get(trial.name, trial.datum) for trial in (first, second)}
    readings = [
        (name, datum)
        for name in base
        for datum in HYPOTHESES
        if name not in settled and datum != base[name] and (name, datum) not in cleared
    ]

    def spots(trial: _Trial, reading: _Reading | None) -> Array:
        return trial.spots[reading[1] if reading and reading[0] == trial.name else base[trial.name]]

    moved = {(name, datum): trials[name].moved(datum) for name, datum in readings}

    def clue(offsets: Mapping[_Reading | None, Array], most: Mapping[_Reading, float]) -> _Clue:
        far = {reading: np.hypot(some[:, 0], some[:, 1]) for reading, some in offsets.items()}
        apart = {reading: far[reading] for reading in readings}
        close = [
            reading
            for reading in readings
            if np.hypot(*np.median(offsets[reading], axis=0)) <= DRIFT * moved[reading]
            and np.median(far[reading]) <= most.get(reading, math.inf)
        ]
        return _Clue((pair.first, pair.second), far[None], apart, close)

    for rows in pair.links:
        some = rows[np.isin(rows[:, 0], first.known) & np.isin(rows[:, 1], second.known)]
        groups = _groups(some)
        if len(groups) >= _LEAST_VOTES:
            # Villages of one town share the error of its centre, so they have one vote: the median of their offsets.
            yield clue(
                {
                    reading: _medians(spots(first, reading)[some[:, 0]] - spots(second, reading)[some[:, 1]], groups)
                    for reading in (None, *readings)
                },
                {},
            )
    fewer, more = sorted((first, second), key=lambda trial: len(trial.known))

    def nearest(reading: _Reading | None) -> Array:
        there, here = spots(more, reading)[more.known], spots(fewer, reading)[fewer.voting]
        offsets: Array = here - there[cKDTree(there).query(here)[1]]
        return offsets

    among = AMONG * _spacing(spots(more, None)[more.known])
    most = {reading: min(LEFT * moved[reading], among) for reading in readings}
    yield clue({reading: nearest(reading) for reading in (None, *readings)}, most)


def _spacing(spots: Array) -> float:
    """Return the median distance from a spot to the next one [m]; several points on one spot count once."""
    once = np.unique(spots.round(), axis=0)
    return float(np.median(cKDTree(once).query(once, k=2)[0][:, 1]))


def _groups(rows: _Rows) -> list[_Rows]:
    """Group linked rows that share a row of the table that has fewer of them."""
    if not len(rows):
        return []
    counts = [len(np.unique(rows[:, side])) for side in (0, 1)]
    keys = rows[:, int(np.argmin(counts))]
    order = np.argsort(keys, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
    return groups[:: -(-len(groups) // _MOST_VOTES)]


def _medians(offsets: Array, groups: Sequence[_Rows]) -> Array:
    return np.array([offsets[rows[0]] if len(rows) == 1 else np.median(offsets[rows], axis=0) for rows in groups])


def _verdict(clues: Sequence[_Clue]) -> _Verdict:
    """Return what the surest of several comparisons of two tables says; what any of them refutes is refuted."""
    surest = min(clues, key=lambda clue: clue.chance)
    refuted = frozenset(reading for clue in clues for reading in clue.readings if clue.worse(reading))
    return _Verdict(surest if surest.explained else None, refuted)


def _compared(verdicts: Sequence[_Verdict], trials: Mapping[str, _Trial], pace: float) -> Iterator[Misfit]:
    """Yield the fewest wrong declarations that explain why tables do not fit each other.

    A reading counts one for each pair of tables that it would make fit, and one less for each that it would part.
    """
    open_ones = [verdict for verdict in verdicts if verdict.explained]
    while open_ones:
        score = Counter(reading for verdict in open_ones for reading in verdict.explained)
        score.subtract(reading for verdict in verdicts for reading in verdict.refuted if reading in score)
        best = max(score.values())
        verdict, first = next((v, r) for v in open_ones for r in v.explained if score[r] == best)
        suspects = [first, *(r for r in verdict.explained if r != first and score[r] == best)]
        told = [v.clue for v in open_ones if v.clue and first in v.explained]
        yield _misfit(suspects, told, trials, pace)
        open_ones = [v for v in open_ones if not set(suspects) & set(v.explained)]


def _misfit(suspects: Sequence[_Reading], clues: Sequence[_Clue], trials: Mapping[str, _Trial], pace: float) -> Misfit:
    named = {name for name, _ in suspects}
    others = [other for clue in clues for other in clue.against if len(named) > 1 or other not in named]
    before, after = clues[0].declared, clues[0].readings[suspects[0]]
    votes, nearer = _count(before, after)
    differ = np.abs(before - after) > _SAME_M
    blamed = []
    for name, datum in suspects:
        metres = trials[name].moved(datum)
        blamed.append(Suspect(name, trials[name].declared, datum, metres, metres * pace))
    return Misfit(
        tuple(blamed),
        tuple(dict.fromkeys(others)),
        votes,
        nearer,
        float(np.median(before[differ])),
        float(np.median(after[differ])),
    )
