"""What is told of a plan in the making, in a folder that others read: how it stands, and the best plan so far."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

from allocate import decisions
from allocate.case import Case
from allocate.errors import Problem, UsageError
from allocate.faults import disk_reason
from allocate.gaps import shown_number
from allocate.layout import Layout
from allocate.model import Model
from allocate.names import KEPT_FILE, PLAN_FILE
from allocate.plans import KEPT, STOPPED, Plan, read_kept
from allocate.program import Progress
from allocate.resolving import names, sites_in
from allocate.rows import Number
from allocate.stages import stage_values
from allocate.words import say

logger = logging.getLogger(__name__)
EVENTS_FILE = "events.jsonl"
# Lines are at least so far apart [s], and such as say the same as the line before.
_BETWEEN, _SAME = 0.2, 5.0
# Of the time that a plan takes, its answers may take no more than this part to be worked out.
_PART = 0.05
# What a layout holds by index, beside its open sites: tables by what they are of, and sets.
_TABLES, _SETS = ("serve", "amounts", "tours"), ("visits", "members", "links", "contracts")


@dataclass(frozen=True)
class Kept:
    """The best plan of a run that was not finished.

    Attributes
    ----------
    district_id
        The district it is of.
    open
        The sites that are open in every year, by their ids.
    closed
        The institutions that are open in none.
    checksum
        Of the layout and what it refers to by number: a case that names something else has another one.
    told, layout
        Everything it decides, as the file says it, and as a layout of such a case.
    """

    district_id: str
    open: Mapping[int, frozenset[str]]
    closed: frozenset[str]
    checksum: str
    told: Mapping[str, Any]
    layout: Layout

    def start_in(self, case: Case) -> Layout:
        """Return what it decides in a case: all of it where the case names the same, and else what it opens."""
        if self.checksum == _checksum(case, self.told):
            return self.layout
        return sites_in(case, self.open, self.closed.union(*self.open.values()))


class Keeper:
    """Keeps a folder up to date: a line for everything that happens, and the best plan so far."""

    def __init__(
        self, folder: Path, *, beside: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin anew in a folder, which may not lie within that of the plan (`beside`).

        Raises
        ------
        UsageError
            When it does, or cannot be written to.
        """
        if beside is not None and folder.resolve().is_relative_to(beside.resolve()):
            raise UsageError([Problem("progress.in_plan", str(folder), details={"folder": str(beside)})])
        self._folder, self._clock = folder, clock
        self._began = clock()
        self._case: Case | None = None
        self._phase, self._stage = "prepare", ""
        self._best: tuple[Number, ...] | None = None
        self._people: dict[str, int] = {}
        self._last: dict[str, Any] = {}
        self._said, self._waiting = float("-inf"), dict[str, Any]()
        # The newest answer that nobody has worked out yet, when the last one was, and how long that took.
        self._newest: tuple[str, Callable[[], Layout]] | None = None
        self._worked, self._took = float("-inf"), 0.0
        self._is_lost = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / EVENTS_FILE).write_bytes(b"")
            (folder / KEPT_FILE).unlink(missing_ok=True)
        except OSError as error:
            details = {"reason": disk_reason(error)}
            raise UsageError([Problem("progress.cannot_write", str(folder), details=details)]) from None
        self.phase("prepare")

    def begin(self, case: Case, model: Model) -> None:
        """Say what is planned: from here on plans can be worked out."""
        self._case, self._model = case, model

    def phase(self, name: str) -> None:
        """Say what is being done now."""
        self._phase = name
        if name != "stages":
            self._newest = None
        self._event({"phase": name}, is_due=True)

    def hear(self, progress: Progress) -> None:
        """Take what a search tells: how it stands, and what plan it has."""
        is_new = progress.stage != self._stage
        self._stage = progress.stage or self._stage
        if progress.plan is not None:
            self._newest = (self._stage, progress.plan)
        # (What is worked out is paid for by whoever waits for a plan: a small part of the time, and soon at first.)
        if self._newest is not None and self._clock() - self._worked >= self._took / _PART:
            stage, plan = self._newest
            self._newest = None
            began = self._clock()
            self.keep(plan(), stage)
            self._worked = self._clock()
            self._took = self._worked - began
        numbers = {"incumbent": progress.incumbent, "bound": progress.bound, "gap": progress.gap}
        told = {key: number for key, number in numbers.items() if number is not None}
        if told or is_new:
            self._event({"phase": self._phase, "stage": self._stage, **told}, is_due=is_new)

    def count(self, done: int, count: int) -> None:
        """Say how many of how many are done."""
        self._event({"phase": self._phase, "done": done, "count": count}, is_due=done == count)

    def keep(self, layout: Layout, stage: str = "") -> None:
        """Keep a plan if it is one, and better than what was kept."""
        if self._case is None:
            return
        case, rules = self._case, self._model.planned()
        values = stage_values(case, rules, self._model.goals, layout)
        if self._best is None or tuple(values.values()) < self._best:
            wrong = any(True for _ in decisions.breaches(case, layout)) or any(
                True for rule in rules.values() if rule.is_physics for _ in rule.breaches(case, layout)
            )
            if not wrong:
                self._best = tuple(values.values())
                self._people = {str(year): layout.served_in(t) for t, year in enumerate(case.years)}
                self._write(_kept(self._model, case, layout, self._people, stage or self._stage, values))

    def finish(self, plan: Plan) -> None:
        """Say that the plan's files are written, and what is proven of each stage: more than was told meanwhile."""
        stopped = {STOPPED: True} if plan.content.get(STOPPED) else {}
        proof = [
            {"stage": row["name"], "incumbent": row["value"], "bound": row["bound"], "gap": row["gap"]}
            for row in plan.content["stages"]
        ]
        self._event({"phase": "files", "done": 1, "count": 1, "proof": proof, **stopped}, is_due=True)

    def _event(self, told: dict[str, Any], *, is_due: bool = False) -> None:
        """Write a line, unless the one before was written a moment ago; then the next one says it."""
        now = self._clock()
        line = told | ({"people": self._people} if self._people else {})
        if not is_due and now - self._said < (_SAME if line == self._last else _BETWEEN):
            return
        self._last, self._said = line, now
        self._append(json.dumps({"seconds": round(now - self._began, 1), **line}, ensure_ascii=False) + "\n")

    def _append(self, line: str) -> None:
        with self._unless_lost(), (self._folder / EVENTS_FILE).open("a", encoding="utf-8") as file:
            file.write(line)

    def _write(self, content: Mapping[str, Any]) -> None:
        """Put the best plan in the place of the one before, whole or not at all."""
        with self._unless_lost():
            made = self._folder / f".{KEPT_FILE}"
            made.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            made.replace(self._folder / KEPT_FILE)

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        """Write to a folder that may be full, or gone; say once that it is: a plan is worth more than what is told."""
        try:
            yield
        except OSError as error:
            if not self._is_lost:
                self._is_lost = True
                logger.warning(say("progress.lost", folder=self._folder, reason=disk_reason(error)))


def _kept(
    model: Model, case: Case, layout: Layout, people: Mapping[str, int], stage: str, values: Mapping[str, Number]
) -> dict[str, Any]:
    """Return the best plan so far as plain data."""
    by_year = {
        str(year): sorted(case.sites[j].id for j, u in layout.open if u == t) for t, year in enumerate(case.years)
    }
    stand = {j for j, _ in layout.open}
    tables = {
        name: [[*key, _plain(number)] for key, number in sorted(getattr(layout, name).items())] for name in _TABLES
    }
    sets = {name: [list(key) for key in sorted(getattr(layout, name))] for name in _SETS}
    told = {"open": [list(key) for key in sorted(layout.open)], **tables, **sets}
    return {
        "kind": KEPT,
        "district": model.district,
        "model": model.id,
        "scenario": model.scenario,
        "open": by_year,
        "people": dict(people),
        "stage": stage,
        "values": {name: shown_number(value) for name, value in values.items()},
        "closed": [site.id for j, site in enumerate(case.sites) if site.exists and j not in stand],
        "checksum": _checksum(case, told),
        "layout": told,
    }


def _plain(number: Number) -> int | str:
    """Return a number as JSON keeps it without loss."""
    return int(number) if number == int(number) else str(Fraction(number))


def _checksum(case: Case, told: Mapping[str, Any]) -> str:
    """Return a checksum of a layout and of what it refers to by number."""
    return sha256(f"{names(case)!r} {json.dumps(told, sort_keys=True)}".encode()).hexdigest()


def is_kept(path: Path) -> bool:
    """Tell whether a path is that of a kept plan, or of a folder that has one and no finished plan."""
    if path.is_dir():
        return (path / KEPT_FILE).is_file() and not (path / PLAN_FILE).exists()
    return path.name == KEPT_FILE


def remembered(path: Path) -> Kept:
    """Read the best plan of a run that was not finished.

    Raises
    ------
    InputError
        When there is none, or it cannot be read.
    UsageError
        When what it holds is no plan.
    """
    content = read_kept(path)
    try:
        told = content["layout"]
        layout = Layout(
            open=frozenset((j, t) for j, t in told["open"]),
            serve={(i, j, t): people for i, j, t, people in told["serve"]},
            amounts={(what, j, t): _number(number) for what, j, t, number in told["amounts"]},
            tours={(p, months, j, t): number for p, months, j, t, number in told["tours"]},
            visits=frozenset((way, i, j, t) for way, i, j, t in told["visits"]),
            members=frozenset((j, k, t) for j, k, t in told["members"]),
            links=frozenset((name, j, k, t) for name, j, k, t in told["links"]),
            contracts=frozenset((h, j, t) for h, j, t in told["contracts"]),
        )
        is_open = {int(year): frozenset(sites) for year, sites in content["open"].items()}
        closed, checksum = frozenset(content["closed"]), str(content["checksum"])
        if not is_open or not all(isinstance(site, str) for site in closed.union(*is_open.values())):
            raise ValueError(KEPT)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise UsageError([Problem("resolve.not_kept", str(path), column="--from")]) from None
    return Kept(str(content.get("district")), is_open, closed, checksum, told, layout)


def _number(value: int | str) -> Number:
    return Fraction(value) if isinstance(value, str) else value
