"""A sweep as a page: what came of its runs, by what was varied, and which of them the gaps leave undecided."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from allocate.answer import Answer
from allocate.gaps import HOLD_ABSOLUTE, HOLD_RELATIVE
from allocate.report.blocks import (
    Axis,
    Card,
    Cards,
    Chart,
    Grid,
    Heading,
    Heat,
    Mark,
    PageBlock,
    Paragraph,
    Series,
)
from allocate.report.cells_said import number_said, share_said
from allocate.report.page_parts import bins_of, grid_of, rank_correlation
from allocate.report.summary import percent_up
from allocate.report.sweep_tables import about, sweep_sheets
from allocate.report.table import Sheet, clean
from allocate.words import Language, say_in

Run = Mapping[str, Any]

_MOST_NAMED = 20  # failures, and runs that are undecided against the best
_WIDEST = 16  # columns of a shaded table
_MOST_BOXES = 40  # values of a key with a box each
_FEWEST = 5  # runs of which a distribution is shown
_MOST_YEARS = 8
_LABEL = 90  # characters of what a run is about, in a card


@dataclass(frozen=True)
class Key:
    """What is varied in a list: a key of the model, or the scenario.

    Attributes
    ----------
    values
        In the order of the runs.
    read
        Returns the value of a run.
    """

    name: str
    values: tuple[Any, ...]
    read: Callable[[Run], Any]

    @property
    def is_number(self) -> bool:
        """Tell whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True)
class Figure:
    """What is shown of every run: its title with the unit, how it is written, its value and its proven bound."""

    title: str
    is_share: bool
    read: Callable[[Run], float | None]
    bound: Callable[[Run], float | None]
    is_goal: bool = False

    @property
    def axis(self) -> Axis:
        """Return the axis that shows it."""
        return Axis(self.title, "share" if self.is_share else "number")

    def said(self, value: float) -> str:
        """Return a value as text."""
        return share_said(value) if self.is_share else number_said(float(f"{value:.6g}"))


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return the tables of a sweep."""
    return list(sweep_sheets(answer.content, language).values())


def blocks(answer: Answer, language: Language) -> list[PageBlock]:
    """Return what the page of a sweep shows."""
    return list(_Told(answer.content, language).blocks())


class _Told:
    """A sweep with what its page asks of it."""

    def __init__(self, content: Mapping[str, Any], language: Language) -> None:
        self.content, self.language = content, language
        self.runs: list[Run] = list(content["runs"])
        self.done = [run for run in self.runs if run.get("outcome") not in (None, "failed")]
        self.failed = [run for run in self.runs if run.get("outcome") == "failed"]
        self.years = sorted({int(year) for run in self.done for year in run["coverage"]})
        self.has_repeats = bool(content["asked"]["draws"]) or bool(self.drawn)

    def word(self, name: str, **values: object) -> str:
        return say_in(self.language, f"sweep_page.{name}", **values)

    # ---- what is varied, and what is shown of it ----

    @cached_property
    def keys(self) -> list[Key]:
        """Return what takes more than one value of a list."""
        found = []
        if len(self.content["asked"]["scenarios"]) > 1:
            found.append(Key(self.word("scenario"), _values(self.runs, _scenario), _scenario))
        for one in self.content["varied"]:
            if one["law"] == "list":
                read = _reading(one["key"])
                found.append(Key(clean(one["key"]), _values(self.runs, read), read))
        return [key for key in found if len(key.values) > 1]

    @cached_property
    def drawn(self) -> list[str]:
        """Return the keys that are drawn at random."""
        return [one["key"] for one in self.content["varied"] if one["law"] != "list"]

    @cached_property
    def goal(self) -> str | None:
        """Return the first goal, where all runs have the same."""
        names = {run["goal"] for run in self.done}
        return str(names.pop()) if len(names) == 1 else None

    @cached_property
    def figures(self) -> list[Figure]:
        """Return what is shown: cost, coverage in the last year, and the first goal where it is neither."""
        unit = 1e4 if self.language == "zh" else 1e6

        def cost(run: Run) -> float | None:
            return None if run["cost"] is None else run["cost"] / unit

        def cost_bound(run: Run) -> float | None:
            # (What is proven is proven of the goal: of the cost only where that is the goal.)
            is_goal = run["goal"] == "cost" and run["value"] == run["cost"] and run["bound"] is not None
            return run["bound"] / unit if is_goal else None

        found = [Figure(self.word("cost"), is_share=False, read=cost, bound=cost_bound, is_goal=self.goal == "cost")]
        if self.years:
            found.append(self._coverage(self.years[-1]))
        if self.goal is not None and self.goal != "cost":
            title = self.word("goal", goal=say_in(self.language, f"stage.{self.goal}"))
            value, bound = (_field(name) for name in ("value", "bound"))
            found.append(Figure(title, is_share=False, read=value, bound=bound, is_goal=True))
        return found

    def _coverage(self, year: int) -> Figure:
        def share(run: Run) -> float | None:
            found = run["coverage"].get(str(year))
            return None if found is None else float(found)

        return Figure(self.word("coverage", year=year), is_share=True, read=share, bound=lambda _: None)

    # ---- which is best ----

    @cached_property
    def keeping(self) -> list[Run]:
        """Return the runs that keep the clauses best: stage by stage, the least is missing."""
        kept = self.done
        for stage in sorted({stage for run in self.done for stage in run["short"]}, key=_order):
            missing = [float(run["short"].get(stage, 0.0)) for run in kept]
            # (As much as a stage may give way when later ones are planned is no difference.)
            most = min(missing) + max(HOLD_ABSOLUTE, float(HOLD_RELATIVE) * min(missing))
            kept = [run for run, number in zip(kept, missing, strict=True) if number <= most]
        return kept

    @cached_property
    def best(self) -> Run | None:
        """Return the run that is best in the first goal, of those that keep the clauses best."""
        if self.goal is None:
            return None
        return min(self.keeping, key=lambda run: (run["value"], run["run"]), default=None)

    @cached_property
    def undecided(self) -> list[Run]:
        """Return the runs of which nobody has proven that they are no better than the best."""
        if self.best is None:
            return []
        least = self.best["value"]
        rest = [run for run in self.keeping if run is not self.best]
        return [run for run in rest if run["bound"] is None or run["bound"] < least]

    @property
    def undecided_pairs(self) -> int:
        """Return of how many pairs nobody has proven which is no worse: the ranges from bound to value overlap."""
        known = [(float(run["bound"]), float(run["value"])) for run in self.keeping if run["bound"] is not None]
        known.sort()
        bounds = [bound for bound, _ in known]
        return sum(max(0, bisect_left(bounds, value) - at - 1) for at, (_, value) in enumerate(known))

    @cached_property
    def most(self) -> Run | None:
        """Return the run that serves the largest share in the last year; of several, the cheapest."""
        if not self.years:
            return None
        last = str(self.years[-1])
        return max(self.done, key=lambda run: (run["coverage"].get(last, 0.0), -run["cost"], -run["run"]), default=None)

    # ---- the page ----

    def blocks(self) -> Iterator[PageBlock]:
        """Yield what the page shows, from what to know first to the table of all runs."""
        yield self._cards()
        yield Paragraph(self._first())
        if self.done:
            yield Paragraph(self.word("quick" if not self.content["asked"]["full"] else "full"), "note")
            yield from self._best()
            yield Heading(self.word("charts"))
            yield from self._charts()
        if self.failed:
            yield Heading(self.word("failures"))
            yield self._failures()
        yield Heading(self.word("tables"))
        runs, keys = sheets_of(self.content, self.language)
        if keys.rows:
            yield grid_of(keys, self.language)
        exact = [field.name for field in runs.fields if field.word == "varied"]
        yield grid_of(runs, self.language, columns=self._shown(runs), exact=exact)

    def _cards(self) -> Cards:
        cards = [Card(self.word("card_runs"), f"{len(self.runs):,}", self._count())]
        if self.best is not None:
            label = self.word("card_best", goal=say_in(self.language, f"stage.{self.goal}"))
            cards.append(Card(label, self._told(self.best), self._missed(self.best)))
        if self.most is not None:
            share = self._coverage(self.years[-1])
            cards.append(
                Card(self.word("card_most"), share.said(share.read(self.most) or 0.0), self._missed(self.most))
            )
        gaps = [run["gap"] for run in self.done if run["gap"] is not None]
        if gaps:
            cards.append(Card(self.word("card_gap"), f"{percent_up(max(gaps))}%", self.word("card_gap_note")))
        return Cards(tuple(cards))

    def _count(self) -> str:
        return self.word("count", done=len(self.done), failed=len(self.failed))

    def _told(self, run: Run) -> str:
        """Return the value of the first goal of a run, with its unit where that is money."""
        if self.goal == "cost":
            return self.word("money", number=self.figures[0].said(self.figures[0].read(run) or 0.0))
        return number_said(float(f"{run['value']:.6g}"))

    def _about(self, run: Run) -> str:
        told = about(run, self.language)
        told = told if len(told) <= _LABEL else told[: _LABEL - 1] + "…"
        return self.word("run", number=run["run"], about=told) if told else self.word("run_alone", number=run["run"])

    def _missed(self, run: Run) -> str:
        """Return which run it is, and how many clauses it misses."""
        return f"{self._about(run)} {self.word('misses', count=len(run['missed']))}".strip()

    def _first(self) -> str:
        keys = [key.name for key in self.keys]
        told = [self.word("first", count=len(self.runs), model=self.content["model"])]
        names = say_in(self.language, "summary.comma").join([*keys, *map(clean, self.drawn)])
        told += [self.word("varies", names=names)] if names else []
        if self.drawn:
            told.append(
                self.word("sampled", samples=self.content["asked"]["samples"], seed=self.content["asked"]["seed"])
            )
        if self.content["asked"]["draws"]:
            told.append(self.word("draws", draws=self.content["asked"]["draws"]))
        told.append(self._count())
        return " ".join(told)

    def _best(self) -> Iterator[PageBlock]:
        """Yield which runs are best, and of which that is proven."""
        yield Heading(self.word("best"))
        if self.goal is None or self.best is None:
            yield Paragraph(self.word("goals_differ"), "warning")
            return
        missed = self.best["missed"]
        if missed:
            names = say_in(self.language, "summary.comma").join(map(clean, missed))
            yield Paragraph(self.word("none_keeps", names=names), "warning")
        if len(self.keeping) < len(self.done):
            yield Paragraph(self.word("keeping", count=len(self.keeping), done=len(self.done)))
        yield Paragraph(self.word("best_is", run=self._about(self.best), value=self._told(self.best)))
        count = len(self.keeping) - 1
        if count and not self.undecided:
            yield Paragraph(self.word("all_decided", count=count))
        elif count:
            yield Paragraph(self.word("undecided", count=len(self.undecided), rest=count - len(self.undecided)))
            heads = [self.word(name) for name in ("head_run", "head_about", "head_value", "head_bound", "head_gap")]
            rows = [
                (
                    f"{run['run']}",
                    about(run, self.language),
                    self._in_unit(run["value"]),
                    self.word("unknown") if run["bound"] is None else self._in_unit(run["bound"]),
                    self.word("unknown") if run["gap"] is None else f"{percent_up(run['gap'])}%",
                )
                for run in sorted(self.undecided, key=lambda run: (run["value"], run["run"]))[:_MOST_NAMED]
            ]
            left = len(self.undecided) - len(rows)
            note = self.word("more_undecided", count=left) if left else ""
            caption = self.word("undecided_runs", unit=self.word("unit") if self.goal == "cost" else "").strip()
            yield Grid(caption, tuple(heads), tuple(rows), (1.0, 4.0, 2.0, 2.0, 1.0), frozenset({2, 3, 4}), note=note)
        pairs = len(self.keeping) * (len(self.keeping) - 1) // 2
        if pairs:
            yield Paragraph(self.word("pairs", undecided=self.undecided_pairs, pairs=pairs), "note")

    def _in_unit(self, value: float) -> str:
        unit = (1e4 if self.language == "zh" else 1e6) if self.goal == "cost" else 1.0
        return number_said(float(f"{value / unit:.6g}"))

    def _failures(self) -> Grid:
        heads = tuple(self.word(name) for name in ("head_run", "head_about", "head_reason"))
        rows = tuple(
            (f"{run['run']}", about(run, self.language), str(run["reason"][self.language]))
            for run in self.failed[:_MOST_NAMED]
        )
        left = len(self.failed) - len(rows)
        note = self.word("more_failed", count=left) if left else ""
        return Grid(self.word("failed_runs"), heads, rows, (1.0, 3.0, 5.0), note=note)

    def _shown(self, runs: Sheet) -> list[str]:
        """Return which columns of the table of runs the page shows: of the years the last, and none that is empty."""
        last = str(self.years[-1]) if self.years else ""
        kept = ("run_coverage", "run_sites")
        return [
            field.name
            for field in runs.fields
            if (field.year is None or (field.word in kept and field.name.endswith(f"_{last}")))
            and any(cell is not None for cell in runs.column(field.name))
            and (field.name != "run_goal" or self.goal is None)
        ]

    # ---- charts ----

    def _charts(self) -> Iterator[PageBlock]:
        match len(self.keys):
            case 0:
                pass
            case 1:
                yield from self._by_one(self.keys[0])
            case 2:
                for figure in self.figures:
                    yield self._heat(figure, *self.keys)
            case _:
                yield Paragraph(self.word("over_others"), "note")
                for figure, key in product(self.figures, self.keys):
                    yield self._boxes(figure, key)
        if self.has_repeats and len(self.done) >= _FEWEST:
            for figure in self.figures:
                yield from self._histogram(figure)
        if self.drawn and len(self.done) >= _FEWEST:
            for figure in self.figures:
                yield from self._tornado(figure)

    def _by_one(self, key: Key) -> Iterator[PageBlock]:
        """Yield a chart of each figure against the one key: coverage in every plan year."""
        for figure in self.figures:
            if figure.is_share:
                shown = [(f"{year}", self._coverage(year)) for year in self.years[-_MOST_YEARS:]]
                title = Figure(self.word("coverage_by_year"), figure.is_share, figure.read, figure.bound)
            else:
                shown, title = [("", figure)], figure
            series = tuple(self._series(name, one, key) for name, one in shown)
            has_ranges = any(number is not None for one in series for number in one.low)
            ranges = self.word("ranges_draws" if self.has_repeats else "ranges_bound") if has_ranges else ""
            yield Chart(
                self.word("against", what=title.title, key=key.name),
                "line" if key.is_number else "bars",
                self._axis(key),
                title.axis,
                series,
                self._present(key),
                ranges,
            )

    def _grouped(self, key: Key) -> dict[Any, list[Run]]:
        """Return the runs with a result by their value of a key."""
        grouped: dict[Any, list[Run]] = {}
        for run in self.done:
            grouped.setdefault(key.read(run), []).append(run)
        return grouped

    def _axis(self, key: Key) -> Axis:
        if key.is_number:
            is_share = all(0 <= value <= 1 and isinstance(value, float) for value in key.values)
            return Axis(key.name, "share" if is_share else "number")
        return Axis(key.name, names=tuple(map(_said, key.values)))

    def _present(self, key: Key) -> tuple[Mark, ...]:
        """Return the value of a key in the model as it is, where it lies among those that are shown."""
        found = next((one["present"] for one in self.content["varied"] if clean(one["key"]) == key.name), None)
        if not key.is_number or isinstance(found, bool | str | None) or not min(key.values) <= found <= max(key.values):
            return ()
        return (Mark(self.word("present"), x=float(found)),)

    def _series(self, name: str, figure: Figure, key: Key) -> Series:
        order = sorted(key.values) if key.is_number else key.values
        grouped = self._grouped(key)
        of_value = [grouped.get(value, []) for value in order]
        middles, lows, highs = [], [], []
        for runs in of_value:
            known = _read(runs, figure)
            middles.append(_quantile(known, 0.5))
            if self.has_repeats:
                lows.append(_quantile(known, 0.05))
                highs.append(_quantile(known, 0.95))
            else:
                lows.append(figure.bound(runs[0]) if runs else None)
                highs.append(None)
        across = tuple(float(value) for value in order) if key.is_number else tuple(map(float, range(len(order))))
        has_ranges = any(number is not None for number in lows)
        return Series(
            name, across, tuple(middles), tuple(lows) if has_ranges else (), tuple(highs) if has_ranges else ()
        )

    def _heat(self, figure: Figure, one: Key, other: Key) -> Heat:
        """Return a figure over two keys, the one with fewer values across; a cell of several runs shows the middle."""
        across, down = sorted((one, other), key=lambda key: len(key.values))
        columns = (sorted(across.values) if across.is_number else list(across.values))[:_WIDEST]
        rows = sorted(down.values) if down.is_number else list(down.values)
        cells: dict[tuple[Any, Any], list[Run]] = {}
        for run in self.runs:
            cells.setdefault((down.read(run), across.read(run)), []).append(run)
        values: list[list[float | None]] = []
        texts: list[list[str]] = []
        open_ = {run["run"] for run in self.undecided}
        best: set[tuple[int, int]] = set()
        is_goal = self.best is not None and figure.is_goal
        for at_row, row in enumerate(rows):
            line: list[float | None] = []
            told: list[str] = []
            for at_column, column in enumerate(columns):
                found = cells.get((row, column), [])
                middle = _quantile(
                    [v for run in found if run in self.done and (v := figure.read(run)) is not None], 0.5
                )
                line.append(middle)
                text = self._missing(found) if middle is None else figure.said(middle)
                if is_goal and any(run is self.best for run in found):
                    best.add((at_row, at_column))
                elif is_goal and any(run["run"] in open_ for run in found):
                    text = f"≈ {text}"
                told.append(text)
            values.append(line)
            texts.append(told)
        notes = [self.word("heat_note")] if is_goal else []
        notes += [self.word("heat_middle")] if self.has_repeats else []
        notes += [self.word("heat_cut", most=_WIDEST)] if len(across.values) > _WIDEST else []
        return Heat(
            figure.title,
            across.name,
            down.name,
            tuple(map(_said, columns)),
            tuple(map(_said, rows)),
            tuple(map(tuple, values)),
            tuple(map(tuple, texts)),
            frozenset(best),
            " ".join(notes),
        )

    def _missing(self, runs: Sequence[Run]) -> str:
        return self.word("failed" if any(run.get("outcome") == "failed" for run in runs) else "unknown")

    def _boxes(self, figure: Figure, key: Key) -> Chart:
        """Return how a figure lies for every value of a key, whatever the others are."""
        order = (sorted(key.values) if key.is_number else list(key.values))[:_MOST_BOXES]
        grouped = self._grouped(key)
        parts = [_read(grouped.get(value, ()), figure) for value in order]
        middle, low, high, box_low, box_high = (
            tuple(_quantile(part, level) for part in parts) for level in (0.5, 0.0, 1.0, 0.25, 0.75)
        )
        series = Series("", tuple(map(float, range(len(order)))), middle, low, high, box_low, box_high)
        return Chart(
            self.word("by", what=figure.title, key=key.name),
            "box",
            Axis(key.name, names=tuple(map(_said, order))),
            figure.axis,
            (series,),
            ranges=self.word("ranges_all"),
            note=self.word("boxes"),
            lies=True,
        )

    def _histogram(self, figure: Figure) -> Iterator[PageBlock]:
        known = _read(self.done, figure)
        if len(known) < _FEWEST:
            return
        low, middle, high = (_quantile(known, level) or 0.0 for level in (0.05, 0.5, 0.95))
        told = {name: figure.said(v) for name, v in (("low", low), ("middle", middle), ("high", high))}
        yield Chart(
            self.word("spread", what=figure.title, count=len(known)),
            "histogram",
            figure.axis,
            Axis(self.word("number_of_runs"), "whole"),
            (bins_of("", known),),
            (Mark(self.word("middle"), x=middle),),
            note=self.word("spread_note", **told),
        )

    def _tornado(self, figure: Figure) -> Iterator[PageBlock]:
        """Yield how closely a figure goes with each key that is drawn: by ranks, the closest first."""
        found = []
        for key in self.drawn:
            read = _reading(key)
            pairs = [
                (float(value), number)
                for run in self.done
                if isinstance(value := read(run), int | float) and (number := figure.read(run)) is not None
            ]
            found.append((key, rank_correlation(*zip(*pairs, strict=True)) if len(pairs) >= _FEWEST else None))
        found.sort(key=lambda one: (one[1] is None, -abs(one[1] or 0.0), one[0]))
        if not any(number is not None for _, number in found):
            return
        yield Chart(
            self.word("tornado", what=figure.title),
            "bars",
            Axis(self.word("key"), names=tuple(clean(key) for key, _ in found)),
            Axis(self.word("correlation")),
            (Series("", tuple(map(float, range(len(found)))), tuple(number for _, number in found)),),
            note=self.word("tornado_note", count=len(self.done)),
            lies=True,
        )


def sheets_of(content: Mapping[str, Any], language: Language) -> tuple[Sheet, Sheet]:
    """Return the table of runs, and that of what is varied."""
    made = sweep_sheets(content, language)
    return made["sweep_runs"], made["sweep_keys"]


def _field(name: str) -> Callable[[Run], float | None]:
    return lambda run: None if run[name] is None else float(run[name])


def _read(runs: Iterable[Run], figure: Figure) -> list[float]:
    """Return a figure of the runs that have it."""
    return [
        value for run in runs if run.get("outcome") not in (None, "failed") and (value := figure.read(run)) is not None
    ]


def _scenario(run: Run) -> Any:
    return run["scenario"]


def _reading(key: str) -> Callable[[Run], Any]:
    return lambda run: run["varied"].get(key)


def _values(runs: Sequence[Run], read: Callable[[Run], Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(map(read, runs)))


def _said(value: Any) -> str:
    """Return a value of a key as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_said(value)
    return clean(str(value))


def _order(stage: str) -> tuple[int, str]:
    """Return where a stage stands: what the documents insist on comes first."""
    strengths = ("must", "in_principle", "strive", "encourage")
    name = stage.removesuffix(".sum")
    return (strengths.index(name) if name in strengths else len(strengths)), stage


def _quantile(values: Sequence[float], level: float) -> float | None:
    """Return a quantile, in between by straight lines; of nothing there is none."""
    return float(np.quantile(values, level)) if values else None
