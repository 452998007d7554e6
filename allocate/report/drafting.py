"""The pen of a document about a plan: numbered headings, figures as people write them, tables made of sheets."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from allocate.report.blocks import Block, Bullets, Grid, Heading, Look, NewPage, Paragraph, Picture, Turn
from allocate.report.cells_said import cell_said
from allocate.report.clauses import amount
from allocate.report.sheets import sheets
from allocate.report.summary import labelled, percent, topics
from allocate.report.table import Cell, Content, Field, Sheet, Source, seen
from allocate.words import Language, say_in

Record = Mapping[str, Cell]
# Characters of a text that one cell or sentence shows: the rest stands in plan.json.
LONGEST = 1_500
# Rows of a table in the text: those who want all of them open the workbook.
_MOST_ROWS = 120
_TEN_THOUSAND, _HUNDRED_MILLION = 10_000, 100_000_000
_DIGITS = "paper.digits"
_MEASURES = ("stage_value", "bound", "tolerance", "value_alone", "bound_alone")
# How broad a column is [narrow characters]: no less, and no more.
_NARROWEST, _BROADEST = 5, 34
# Signs as broad as a Chinese letter where they stand between these.
_BROAD = "\u2014\u2018\u2019\u201c\u201d\u2026\u25cb\u25cf"
_SHORT = 12  # narrow characters that are never broken
_KEPT_APART = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[0-9])|(?<=[0-9%]) (?=[%\u3000-\u9fff\uff00-\uffef])")


def shown(text: str) -> str:
    r"""Return a text of people as a document shows it: cut where it is endless, and with nothing that turns it round.

    >>> shown("a\u202eb")
    'a\\u202eb'
    """
    kept = text if len(text) <= LONGEST else text[:LONGEST] + say_in("zh", "paper.ellipsis")
    return seen(kept)


def whole(cell: Cell) -> int:
    """Return a cell that holds a whole number; one that is missing counts 0."""
    return cell if isinstance(cell, int) else int(cell or 0)


class Draft:
    """A document about a plan while it is written: its blocks so far, and the tables that its figures come from."""

    def __init__(self, content: Content, language: Language) -> None:
        self.content, self.language = content, language
        self.source = Source(content, language)
        self.tables: dict[str, Sheet] = sheets(content, language)
        self.topics = topics(content)
        self.blocks: list[Block] = []
        self.years = self.source.years
        self.first, self.last = self.years[0], self.years[-1]
        self.by_year = {whole(record["year"]): record for record in self.tables["years"].records()}
        self._numbers = [0, 0, 0]
        self._grids = self._figures = self._annexes = 0

    # What is written down.

    def word(self, key: str, **values: object) -> str:
        """Return a text of the catalogue, filled in."""
        return say_in(self.language, key, **values)

    def heading(self, key: str, level: int = 1, **values: object) -> None:
        """Begin a section; its number follows from those before it."""
        self._numbers[level - 1] += 1
        self._numbers[level:] = [0] * (len(self._numbers) - level)
        self.blocks.append(Heading(self._numbered(level) + shown(self.word(key, **values)), level))

    def plain_heading(self, text: str, level: int = 1) -> None:
        """Begin a section that has no number."""
        self.blocks.append(Heading(shown(text), level))

    def annex(self, key: str, turn: Turn = "portrait", **values: object) -> None:
        """Begin an annex on a new page."""
        self._annexes += 1
        self._numbers = [0, 0, 0]
        self.blocks.append(NewPage(turn))
        title = self.word(key, **values)
        self.plain_heading(self.word("paper.annex", number=self._annexes, title=title))

    def write(self, text: str, look: Look = "body") -> None:
        """Write a paragraph; nothing where there is no text."""
        if text:
            self.blocks.append(Paragraph(shown(text), look))

    def say(self, key: str, look: Look = "body", **values: object) -> None:
        """Write a paragraph of the catalogue."""
        self.write(self.word(key, **values), look)

    def points(self, items: Iterable[str]) -> None:
        """Write points one below the other."""
        said = tuple(shown(item) for item in items if item)
        if said:
            self.blocks.append(Bullets(said))

    def topic(self, name: str) -> str:
        """Return what the summary says about something, as a sentence; nothing where it says nothing."""
        texts = [text for _, text in labelled(self.topics[name])]
        return "".join(self.sentence(text) for text in texts)

    def topic_points(self, name: str) -> None:
        """Write what the summary says about something: each year, or whatever it lists, as a point."""
        mark = self.word("summary.semicolon")
        *parts, last = self.topic(name).split(mark)
        if parts:
            self.points([*(part + mark.rstrip() for part in parts), last])
        else:
            self.write(last)

    def sentence(self, text: str) -> str:
        """Return a line of the summary as a sentence."""
        if self.language == "zh":
            text = _KEPT_APART.sub("", text)
        stop = self.word("paper.stop")
        text = text[:1].upper() + text[1:]
        return text if text.endswith(stop.strip()) else text + stop

    def grid(
        self,
        key: str,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        numbers: Iterable[int] = (),
        strong: Iterable[int] = (),
        note: str = "",
        widths: Sequence[float] = (),
        **values: Any,
    ) -> None:
        """Write a table with its number; nothing where it has no rows."""
        cells = tuple(tuple(shown(cell) for cell in row) for row in rows)
        if not cells:
            return
        self._grids += 1
        caption = self.word("paper.table", number=self._grids, title=self.word(key, **values))
        self.blocks.append(
            Grid(
                shown(caption),
                tuple(map(shown, heads)),
                cells,
                tuple(widths) or _widths(heads, cells),
                frozenset(numbers),
                frozenset(strong),
                shown(note),
            )
        )

    def sheet(
        self,
        key: str,
        name: str,
        columns: Sequence[str],
        *,
        where: Callable[[Record], bool] = lambda record: True,
        unknown: Iterable[str] = (),
        most: int | None = None,
        note: str = "",
        **values: Any,
    ) -> None:
        """Write some columns of a sheet as a table, its figures as they stand there.

        Parameters
        ----------
        unknown
            Columns in which a blank means that nobody knows.
        most
            Rows that are written at most; a note says where the others stand.
        """
        table = self.tables.get(name)
        if table is None:
            return
        fields = {field.name: field for field in table.fields}
        lines = [_in_hours(record) for record in table.records() if where(record)]
        told = lines if most is None else lines[:most]
        # (A column in which nothing stands says nothing.)
        kept = [
            column
            for column in columns
            if column in fields and (column in unknown or any(record[column] is not None for record in told))
        ]
        if len(told) < len(lines):
            cut = self.word("paper.rows_left", shown=len(told), rows=len(lines), sheet=self.word(f"sheet.{name}"))
            note = f"{note} {cut}".strip()
        self.grid(
            key,
            [fields[column].heading(self.language) for column in kept],
            [[self.cell(fields[column], record, is_unknown=column in unknown) for column in kept] for record in told],
            numbers=[at for at, column in enumerate(kept) if _is_figure(fields[column])],
            strong=_districts(told),
            note=note,
            **values,
        )

    def of_last_year(
        self,
        key: str,
        name: str,
        columns: Sequence[str],
        *,
        unknown: Iterable[str] = (),
        most: int | None = _MOST_ROWS,
        where: Callable[[Record], bool] = lambda record: True,
        **values: Any,
    ) -> None:
        """Write some columns of a sheet as a table: those of its rows that are of the plan's last year."""
        self.sheet(
            key,
            name,
            columns,
            where=lambda record: record["year"] == self.last and where(record),
            unknown=unknown,
            most=most,
            year=self.last,
            **values,
        )

    def picture(self, caption: str, png: bytes, words: str, share: float = 1.0) -> None:
        """Put a picture with its number, and what it shows in words."""
        self._figures += 1
        said = self.word("paper.figure", number=self._figures, title=caption)
        self.blocks.append(Picture(shown(said), png, shown(words), share))

    # Figures as people write them.

    def day(self, day: date) -> str:
        """Return a day as it is written."""
        month = self.word(f"field.month_{day.month}")
        return self.word("paper.day_is", year=day.year, month=month, day=day.day)

    def cell(self, field: Field, record: Record, *, is_unknown: bool) -> str:
        """Return a cell of a sheet as text."""
        return cell_said(field, record, self.language, is_unknown=is_unknown)

    def share(self, part: float, all_of: int) -> str:
        """Return a share in percent; not quite all is never a full hundred."""
        return f"{percent(part, all_of)}%" if all_of else percent(part, all_of)

    def people(self, number: int) -> str:
        """Return a number of people: in units of 10,000 where Chinese does so."""
        if self.language == "zh" and number >= _TEN_THOUSAND:
            return self.word("paper.people_many", number=f"{number / _TEN_THOUSAND:.2f}")
        return self.word("paper.people", number=f"{number:,}")

    def money(self, yuan: float) -> str:
        """Return a sum of money with its unit."""
        if self.language == "en":
            return self.word("paper.money", number=f"{yuan / 1e6:,.2f}")
        if yuan >= _HUNDRED_MILLION:
            return self.word("paper.money_many", number=f"{yuan / _HUNDRED_MILLION:,.2f}")
        return self.word("paper.money", number=self.in_tables(yuan))

    def in_tables(self, yuan: float) -> str:
        """Return a sum of money as tables have it: in the unit that `paper.money_unit` says."""
        return f"{yuan / 1e6:,.2f}" if self.language == "en" else f"{yuan / _TEN_THOUSAND:,.1f}"

    def amount(self, number: Any, unit: str | None, target: Any = None) -> str:
        """Return a figure of a clause with its unit; what nobody knows says so."""
        if isinstance(number, float) and unit != "share":
            number = _rounded(number, target)
        return _KEPT_APART.sub("", amount(number, unit, target)).replace(" %", "%")

    def span(self, years: Sequence[int]) -> str:
        """Return years as a list; where they are all of the plan's, in a word."""
        if list(years) == self.years and len(years) > 1:
            return self.word("paper.every_year")
        at = self.years.index(years[0]) if years[0] in self.years else 0
        if len(years) > 2 and self.years[at : at + len(years)] == list(years):
            return self.word("roster.span", first=years[0], last=years[-1])
        return self.listed(map(str, years))

    def listed(self, names: Iterable[str]) -> str:
        """Return names as a list in a sentence."""
        return self.word("summary.comma").join(names)

    def sites(self, kind: str, number: int) -> str:
        """Return how many sites of a kind there are."""
        key = f"kind.{kind}" if number == 1 else f"field.open_{kind}"
        return self.word("paper.number_of_kind", kind=self.word(key), number=number)

    def of_source(self, text: str) -> str:
        """Return the half of a source in the language of the document, where it is written in both."""
        halves = text.split(" · ")
        return halves[self.language == "en"] if len(halves) == 2 else text

    def _numbered(self, level: int) -> str:
        if self.language == "en":
            return ".".join(map(str, self._numbers[:level])) + "  "
        number = self._numbers[level - 1]
        if level > 2:
            return f"{number}."
        return self.word(
            "paper.numbered_first" if level == 1 else "paper.numbered_second", number=self._chinese(number)
        )

    def _chinese(self, number: int) -> str:
        """Return a number as headings have it."""
        digits = self.word(_DIGITS)
        tens, ones = divmod(number, 10)
        lead = "" if not tens else digits[10] if tens == 1 else digits[tens] + digits[10]
        return lead + (digits[ones] if ones or not tens else "")


def _rounded(number: float, target: Any) -> float:
    """Return a figure to as many places as it takes to differ from a target that it is not; to two at least."""
    places = (round(number, count) for count in range(2, 9))
    return next((said for said in places if number == target or said != target), number)


def _in_hours(record: Record) -> Record:
    """Return a line with its seconds of travel as hours: nobody reads thousands of millions of seconds."""
    if record.get("unit") != "person-seconds":
        return record
    cells = ((name, record.get(name)) for name in _MEASURES)
    hours = {name: seconds / 3_600 for name, seconds in cells if isinstance(seconds, int | float)}
    return {**record, **hours, "unit": "person-hours"}


def _districts(records: Sequence[Record]) -> list[int]:
    """Return which rows are of the whole district, where others are of its towns."""
    whole = [at for at, record in enumerate(records) if "town_id" in record and record["town_id"] is None]
    return whole if len(whole) < len(records) else []


def _is_figure(field: Field) -> bool:
    return field.is_number and field.kind != "year"


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Return how broad columns should be: what most of their cells take, within reason."""
    found = []
    for at, head in enumerate(heads):
        lengths = sorted(max(map(length_of, row[at].split("\n")), default=0) for row in rows)
        most = lengths[int(0.95 * (len(lengths) - 1))]
        short = max((length for length in lengths if length <= _SHORT), default=0)
        word = max((len(part) for part in re.findall(r"[A-Za-z]+", head)), default=0)
        held = max(short, min(most, _BROADEST), word, length_of(head) / 3) + 2
        found.append(float(max(_NARROWEST, held)))
    return tuple(found)


def length_of(text: str) -> int:
    """Return how many narrow characters a text takes."""
    return sum(2 if ord(sign) > 0x2E7F or sign in _BROAD else 1 for sign in text[:200])
