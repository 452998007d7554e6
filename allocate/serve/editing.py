"""Changes single keys of a TOML file and keeps every other byte: comments, order, blanks, ends of lines.

What is written is read again before anybody gets it: a file that does not say what was meant never comes out of here.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import tomlkit

from allocate.errors import ModelError, Problem, UsageError
from allocate.settings import entries, looked_up

Way = tuple[str, ...]


class _Nothing:
    """What stands where no value does: TOML has no word for it."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
# Deeper tables and lists are no model's.
_DEEPEST = 40
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_ONE_LINE = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_SEVERAL_LINES = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}', re.DOTALL)
_OTHER = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:[^,\]}\s#]+|[^,\]}\s#]+")
_BLANK_ABOVE = re.compile(r"\r?\n(\r?\n)\Z")
_BOM = "\ufeff"


@dataclass(frozen=True)
class _Pair:
    """Where a key and its value stand.

    Attributes
    ----------
    key, start, end
        Where the key begins, and where its value begins and ends [characters]; an entry of a list has no key.
    section
        The number of the section in which it stands.
    line
        Whether it has a line of its own, and stands neither in an inline table nor in a list.
    """

    key: int
    start: int
    end: int
    section: int
    line: bool


@dataclass
class _Section:
    """What begins with a `[table]`; the first one is what stands above all of them.

    `start` and `body` are where its header begins and where the line after it does, `last` the end of its last value.
    """

    way: Way
    start: int
    body: int
    last: int


class Written:
    """A TOML file as it is written: what it says, and where in it each value stands.

    Raises
    ------
    ModelError
        When it is no TOML.
    """

    def __init__(self, raw: bytes, file: str = "") -> None:
        self.raw, self.file = raw, file
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ModelError([Problem("problem.model_encoding", file)]) from None
        self.mark = _BOM if text.startswith(_BOM) else ""
        self.text = text.removeprefix(_BOM)
        try:
            self.content: dict[str, Any] = tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise ModelError([Problem("problem.not_toml", file, details={"reason": str(error)})]) from None
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    @cached_property
    def _places(self) -> tuple[dict[Way, _Pair], list[_Section]]:
        scan = _Scan(self.text)
        scan.whole()
        return scan.pairs, scan.sections

    def value(self, way: Sequence[str]) -> Any:
        """Return what stands at the end of a way; NOTHING where nothing does."""
        *path, last = way
        return entries(looked_up(self.content, path)).get(last, NOTHING)

    def as_written(self, way: Sequence[str]) -> str:
        """Return a value just as it is written; empty where it is none of its own, or stands in several tables."""
        pair = self._places[0].get(tuple(way))
        return self.text[pair.start : pair.end] if pair else ""

    def span(self, way: Sequence[str]) -> tuple[int, int]:
        """Return where a value begins and ends [characters]."""
        pair = self._places[0][tuple(way)]
        return pair.start, pair.end

    def comment(self, way: Sequence[str]) -> str:
        """Return the remark behind a value, on its line."""
        pair = self._places[0].get(tuple(way))
        if pair is None or not pair.line:
            return ""
        rest = self.text[pair.end :].split("\n", 1)[0].strip()
        return rest.removeprefix("#").strip()

    def put(self, way: Sequence[str], value: Any, as_written: str = "") -> "Written":
        """Return the file with another value at the end of a way; NOTHING takes the key out.

        Parameters
        ----------
        as_written
            How the value is to be written; empty: as everything like it is, or as what stands there.

        Raises
        ------
        UsageError
            When there is no place for such a key.
        """
        way = tuple(way)
        old = self.value(way)
        expected = _with(self.content, way, value)
        if old is NOTHING and value is NOTHING:
            return self
        if value is NOTHING:
            made = self._without(way)
        else:
            made = self._set(way, value, as_written) if old is not NOTHING else self._added(way, value, as_written)
        return self._proven(made, expected, way)

    def ordered(self, way: Sequence[str], order: Sequence[int]) -> "Written":
        """Return the file with the entries of a list in another order: `order` says which of today's comes where.

        What is written above an entry goes with it.
        """
        way = tuple(way)
        found = looked_up(self.content, way)
        if not isinstance(found, list) or sorted(order) != list(range(len(found))):
            raise _no_place(self.file, way)
        spans = [self._span((*way, str(n))) for n in range(len(found))]
        texts = [self.text[start:end] for start, end in spans]
        made, at = "", 0
        for (start, end), n in zip(spans, order, strict=True):
            made += self.text[at:start] + texts[n]
            at = end
        expected = deepcopy(self.content)
        table: Any = expected
        for part in way[:-1]:
            table = entries(table)[part]
        table[way[-1]] = [found[n] for n in order]
        return self._proven(made + self.text[at:], expected, way)

    def _proven(self, made: str, expected: Mapping[str, Any], way: Way) -> "Written":
        """Return a text as a file that says what is expected of it.

        Raises
        ------
        UsageError
            When it does not: no such key can be written in the file as it stands.
        """
        try:
            new = Written((self.mark + made).encode(), self.file)
        except (ModelError, UnicodeEncodeError):
            raise _no_place(self.file, way) from None
        if not _same(new.content, expected):
            raise _no_place(self.file, way)
        return new

    def _set(self, way: Way, value: Any, as_written: str) -> str:
        pair = self._places[0].get(way)
        if pair is None:
            raise _no_place(self.file, way)
        old = self.text[pair.start : pair.end]
        return self.text[: pair.start] + _written(value, as_written, old) + self.text[pair.end :]

    def _added(self, way: Way, value: Any, as_written: str) -> str:
        pairs, sections = self._places
        parent, name = way[:-1], way[-1]
        said = f"{_key(name)} = {_written(value, as_written)}"
        inline = pairs.get(parent)
        if inline is not None:
            if self.text[inline.start] != "{":
                raise _no_place(self.file, way)
            inside = [
                one.end for other, one in pairs.items() if other[: len(parent)] == parent and len(other) > len(parent)
            ]
            if not inside:
                return f"{self.text[: inline.start]}{{ {said} }}{self.text[inline.end :]}"
            return f"{self.text[: max(inside)]}, {said}{self.text[max(inside) :]}"
        for section in sections:
            if section.way == parent:
                return self._line_after(section.last, said, is_first=section.last < section.body)
        dotted = [
            one
            for other, one in pairs.items()
            if one.line and len(other) > len(parent) and other[: len(parent)] == parent
        ]
        if dotted and len(sections[dotted[-1].section].way) < len(parent):
            above = sections[dotted[-1].section].way
            head = "".join(f"{_key(part)}." for part in parent[len(above) :])
            return self._line_after(dotted[-1].end, head + said, is_first=False)
        if isinstance(value, Mapping) and value:
            lines = [f"{_key(str(key))} = {_written(one)}" for key, one in value.items()]
            return self._section_at_the_end(way, lines)
        return self._section_at_the_end(parent, [said])

    def _line_after(self, at: int, said: str, *, is_first: bool) -> str:
        """Return the text with a line after the one in which something ends; a first one stands above everything."""
        if is_first and at == 0:
            return said + self.newline + self.text
        end = self.text.find("\n", at)
        if end < 0:
            return self.text + self.newline + said
        return self.text[: end + 1] + said + self.newline + self.text[end + 1 :]

    def _section_at_the_end(self, way: Way, lines: Sequence[str]) -> str:
        own = self.newline.join([f"[{'.'.join(map(_key, way))}]", *lines])
        if not self.text:
            return own
        if self.text.endswith("\n"):
            return self.text + self.newline + own + self.newline
        return self.text + 2 * self.newline + own

    def _without(self, way: Way) -> str:
        pairs, sections = self._places
        pair = pairs.get(way)
        if pair is None:
            return self._without_sections(way)
        if pair.line:
            number = pair.section
            section = sections[number]
            others = any(one.section == number and one is not pair and one.line for one in pairs.values())
            end = sections[number + 1].start if number + 1 < len(sections) else len(self.text)
            start, stop = self._line_of(pair.key, pair.end)
            rest = self.text[section.start : start] + self.text[stop:end]
            is_bare = section.way and not others and rest.strip() == self.text[section.start : section.body].strip()
            if is_bare and "#" not in rest and not any(_is_below(one.way, section.way) for one in sections):
                return self._without_sections(section.way)
            return self._cut(start, stop)
        above = way[:-1]
        beside = [other for other in pairs if len(other) == len(way) and other[:-1] == above]
        at = beside.index(way)
        if len(beside) == 1:
            whole = pairs[above]
            return f"{self.text[: whole.start]}{{}}{self.text[whole.end :]}"
        if at:
            return self.text[: pairs[beside[at - 1]].end] + self.text[pair.end :]
        return self.text[: pair.key] + self.text[pairs[beside[1]].key :]

    def _without_sections(self, way: Way) -> str:
        """Return the text without a table and those below it, and without the blank line above it."""
        sections = self._places[1]
        gone = [n for n, one in enumerate(sections) if n and (one.way == way or _is_below(one.way, way))]
        if not gone or looked_up(self.content, way[:-1]) is None or isinstance(looked_up(self.content, way[:-1]), list):
            raise _no_place(self.file, way)
        text = self.text
        for n in reversed(gone):
            start = sections[n].start
            stop = self._head_of(n + 1) if n + 1 < len(sections) else len(self.text)
            blank = _BLANK_ABOVE.search(self.text, 0, start) if stop == len(self.text) else None
            if blank is not None:
                # (The blank line above was that of the table; a last line without an end has taken one before it.)
                start = blank.start(1) if self.text.endswith("\n") else blank.start()
            text = text[:start] + text[stop:]
        return text

    def _head_of(self, number: int) -> int:
        """Return where a section begins with what is written right above it."""
        start = self._places[1][number].start
        while True:
            before = self.text.rfind("\n", 0, max(0, start - 1)) + 1
            line = self.text[before:start].strip()
            if start == 0 or not line.startswith("#"):
                return start
            start = before

    def _line_of(self, key: int, end: int) -> tuple[int, int]:
        start = self.text.rfind("\n", 0, key) + 1
        stop = self.text.find("\n", end)
        return start, len(self.text) if stop < 0 else stop + 1

    def _cut(self, start: int, stop: int) -> str:
        if stop == len(self.text) and not self.text.endswith("\n") and start:
            # (The last line has no end of its own: it takes that of the line above with it.)
            start -= len(self.newline)
        return self.text[:start] + self.text[stop:]

    def _span(self, way: Way) -> tuple[int, int]:
        """Return where an entry of a list stands, with what is written above it, and without blank lines below."""
        pairs, sections = self._places
        if way in pairs:
            return pairs[way].start, pairs[way].end
        own = [n for n, one in enumerate(sections) if one.way == way or _is_below(one.way, way)]
        if not own or own != list(range(own[0], own[0] + len(own))):
            raise _no_place(self.file, way)
        stop = self._head_of(own[-1] + 1) if own[-1] + 1 < len(sections) else len(self.text)
        start = self._head_of(own[0])
        return start, start + len(self.text[start:stop].rstrip())


class _Scan:
    """Finds where every value of a sound TOML text stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs: dict[Way, _Pair] = {}
        self.sections = [_Section((), 0, 0, 0)]
        self._lists: dict[Way, int] = {}

    def whole(self) -> None:
        """Look through the whole text, line by line."""
        at = 0
        while (at := _end(_BETWEEN, self.text, at)) < len(self.text):
            at = self._header(at) if self.text[at] == "[" else self._line(at)

    def _header(self, at: int) -> int:
        is_list = self.text.startswith("[[", at)
        parts, end = self._keys(_end(_BLANK, self.text, at + 1 + is_list))
        end = _end(_BLANK, self.text, end) + 1 + is_list
        way: Way = ()
        for n, part in enumerate(parts):
            way = (*way, part)
            if is_list and n == len(parts) - 1:
                self._lists[way] = self._lists.get(way, -1) + 1
            if way in self._lists:
                way = (*way, str(self._lists[way]))
        start = self.text.rfind("\n", 0, at) + 1
        stop = self.text.find("\n", end)
        self.sections.append(_Section(way, start, len(self.text) if stop < 0 else stop + 1, end))
        return end

    def _line(self, at: int) -> int:
        section = self.sections[-1]
        end = self._pair(at, section.way, is_line=True)
        section.last = end
        return end

    def _pair(self, at: int, above: Way, *, is_line: bool) -> int:
        parts, end = self._keys(at)
        start = _end(_BLANK, self.text, _end(_BLANK, self.text, end) + 1)
        way = (*above, *parts)
        # (Members of a table come after it: whoever looks for the table finds it first.)
        self.pairs[way] = _Pair(at, start, start, len(self.sections) - 1, is_line)
        stop = self._value(start, way)
        self.pairs[way] = _Pair(at, start, stop, len(self.sections) - 1, is_line)
        return stop

    def _keys(self, at: int) -> tuple[list[str], int]:
        parts = []
        while True:
            bare = _BARE.match(self.text, at)
            quoted = None if bare else _ONE_LINE.match(self.text, at)
            assert bare or quoted
            found = bare or quoted
            assert found is not None
            parts.append(found[0] if bare else str(tomllib.loads(f"key = {found[0]}")["key"]))
            after = _end(_BLANK, self.text, found.end())
            if self.text[after : after + 1] != ".":
                return parts, found.end()
            at = _end(_BLANK, self.text, after + 1)

    def _value(self, at: int, way: Way) -> int:
        if len(way) > _DEEPEST:
            raise UsageError([Problem("serve_models.no_place", column=".".join(way[:4]))])
        sign = self.text[at]
        if self.text.startswith(('"""', "'''"), at):
            return _end(_SEVERAL_LINES, self.text, at)
        if sign in "\"'":
            return _end(_ONE_LINE, self.text, at)
        if sign == "[":
            return self._members(at, "]", lambda n, start: self._entry(start, (*way, str(n))))
        if sign == "{":
            return self._members(at, "}", lambda _, start: self._pair(start, way, is_line=False))
        return _end(_OTHER, self.text, at)

    def _entry(self, at: int, way: Way) -> int:
        self.pairs[way] = _Pair(at, at, at, len(self.sections) - 1, False)
        end = self._value(at, way)
        self.pairs[way] = _Pair(at, at, end, len(self.sections) - 1, False)
        return end

    def _members(self, at: int, last: str, look: Callable[[int, int], int]) -> int:
        at, n = _end(_BETWEEN, self.text, at + 1), 0
        while self.text[at] != last:
            at = _end(_BETWEEN, self.text, look(n, at))
            n += 1
            if self.text[at] == ",":
                at = _end(_BETWEEN, self.text, at + 1)
        return at + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    assert found is not None
    return found.end()


def _is_below(way: Way, above: Way) -> bool:
    return len(way) > len(above) and way[: len(above)] == above


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else str(tomlkit.item(name).as_string())


def _written(value: Any, as_written: str = "", old: str = "") -> str:
    """Return a value as TOML writes it: as asked, where that says the same; a number like the one that it replaces."""
    if as_written and _is_written(value, as_written):
        return as_written
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}" if "_" in old or (old and abs(value) >= 10**6) else str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(str(key))} = {_written(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, date):
        return value.isoformat()
    return str(tomlkit.item(value).as_string())


def _is_written(value: Any, text: str) -> bool:
    try:
        return _same(tomllib.loads(f"value = {text}"), {"value": value})
    except (ValueError, RecursionError):
        return False


def _with(content: Mapping[str, Any], way: Way, value: Any) -> dict[str, Any]:
    """Return what a file says once a value stands at the end of a way, or nothing does."""
    made: dict[str, Any] = deepcopy(dict(content))
    above: list[tuple[Any, str]] = []
    table: Any = made
    for part in way[:-1]:
        if isinstance(table, list):
            if part not in entries(table):
                raise _no_place("", way)
            inner = table[int(part)]
        elif isinstance(table, dict):
            inner = table.setdefault(part, {})
        else:
            raise _no_place("", way)
        above.append((table, part))
        table = inner
    last = way[-1]
    if isinstance(table, list):
        if value is NOTHING or last not in entries(table):
            raise _no_place("", way)
        table[int(last)] = deepcopy(value)
    elif not isinstance(table, dict):
        raise _no_place("", way)
    elif value is NOTHING:
        table.pop(last, None)
    else:
        table[last] = deepcopy(value)
    return made


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, kinds of numbers and all; a table with nothing in it is as good as none."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = {key for key in (*one, *other) if not all(_is_empty(table.get(key, {})) for table in (one, other))}
        return all(key in one and key in other and _same(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def _is_empty(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_empty, value.values()))


def _no_place(file: str, way: Way) -> UsageError:
    return UsageError([Problem("serve_models.no_place", file, column=".".join(way))])


def like(value: Any, old: Any) -> Any:
    """Return what a browser sends as what it replaces: a date for a date, a number with a point for one.

    >>> like(1, 0.5), like("2025-01-01", date(2024, 12, 26)), like(2.0, 3)
    (1.0, datetime.date(2025, 1, 1), 2)
    """
    if isinstance(old, date) and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, bool) or isinstance(old, bool):
        return value
    if isinstance(old, float) and isinstance(value, int) and abs(value) < 2**53:
        return float(value)
    if isinstance(value, float) and value.is_integer() and isinstance(old, int):
        return int(value)
    if isinstance(value, list) and isinstance(old, list):
        return [like(one, before) for one, before in zip(value, [*old, *value[len(old) :]], strict=False)]
    if isinstance(value, dict) and isinstance(old, dict):
        return {key: like(one, old.get(key, one)) for key, one in value.items()}
    return value


def leaves(content: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Yield every value of a file that is no table, and the way to it; of lists only those of tables are gone into."""
    if isinstance(content, Mapping):
        if not content and way:
            yield way, content
        for key, one in content.items():
            yield from leaves(one, (*way, str(key)))
    elif isinstance(content, list) and content and all(isinstance(one, Mapping) for one in content):
        for n, one in enumerate(content):
            yield from leaves(one, (*way, str(n)))
    else:
        yield way, content
