"""What a sweep varies: values, ranges with a step and random draws of a model's keys, and every combination of them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from itertools import product
from math import sqrt
from random import Random
from statistics import NormalDist

from allocate.errors import Problem, UsageError
from allocate.settings import value_of

# So many combinations a sweep has at most.
MOST = 100_000
# Digits that a random number keeps, all told.
DIGITS = 6
_NUMBER = r"[+-]?\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d{1,2})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::({_NUMBER}))?")
_CALL = re.compile(r"([a-z_]+)\((.*)\)", re.DOTALL)
_LONGEST_NUMBER = 30  # signs
# (Sums and multiples of numbers that are so short come out exactly.)
_EXACT = Context(prec=200)
_PAIRS = {"[": "]", "{": "}", "(": ")"}
_QUOTES = "\"'"


@dataclass(frozen=True)
class Span:
    """Evenly spaced numbers, both ends among them: exactly what the decimal numbers say."""

    first: Decimal
    step: Decimal
    count: int

    def texts(self) -> Iterator[str]:
        """Yield the numbers as they are written, all with the same digits after the point.

        >>> list(Span(Decimal("0.80"), Decimal("0.05"), 4).texts())
        ['0.80', '0.85', '0.90', '0.95']
        """
        digits = min(0, _exponent(self.first), _exponent(self.step))
        for n in range(self.count):
            value = _EXACT.add(self.first, _EXACT.multiply(self.step, Decimal(n)))
            yield f"{_EXACT.quantize(value, Decimal(1).scaleb(digits)):f}"


@dataclass(frozen=True)
class Listed:
    """A key with the values that it takes one after the other, as they are written in TOML."""

    key: str
    said: str
    parts: tuple[str | Span, ...]

    @property
    def count(self) -> int:
        """Return how many values it takes."""
        return sum(part.count if isinstance(part, Span) else 1 for part in self.parts)

    def texts(self) -> list[str]:
        """Return the values, in the order in which they were given."""
        return [text for part in self.parts for text in (part.texts() if isinstance(part, Span) else (part,))]


@dataclass(frozen=True)
class Drawn:
    """A key whose values are drawn: from what, and the numbers that describe it, or what is chosen among."""

    key: str
    said: str
    law: str
    numbers: tuple[Decimal, ...] = ()
    choices: tuple[str, ...] = ()

    def at(self, share: float, *, whole: bool = False) -> str:
        """Return the value below which so large a share of all draws lies, as it is written in TOML.

        >>> Drawn("k", "", "uniform", (Decimal("0.8"), Decimal("1.2"))).at(0.25)
        '0.9'
        >>> Drawn("k", "", "choice", choices=("a", "b")).at(0.6)
        'b'
        """
        if self.law == "choice":
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        low, high = self.ends()
        value = Decimal(repr(_LAWS[self.law](share, *map(float, self.numbers))))
        if whole:
            low, high = (end.to_integral_value(way) for end, way in ((low, ROUND_CEILING), (high, ROUND_FLOOR)))
            value = value.to_integral_value(ROUND_HALF_EVEN)
        else:
            value = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN).plus(value)
        return _plain(min(max(value, low), high))

    def ends(self) -> tuple[Decimal, Decimal]:
        """Return the smallest and the largest number that can be drawn."""
        low, high = (self.numbers[2], self.numbers[3]) if self.law == "normal" else (self.numbers[0], self.numbers[-1])
        return low, high


Varied = Listed | Drawn


def _uniform(share: float, low: float, high: float) -> float:
    return low + share * (high - low)


def _triangular(share: float, low: float, mode: float, high: float) -> float:
    left = (mode - low) / (high - low)
    if share < left:
        return low + sqrt(share * (high - low) * (mode - low))
    return high - sqrt((1 - share) * (high - low) * (high - mode))


def _normal(share: float, mean: float, deviation: float, low: float, high: float) -> float:
    bell = NormalDist(mean, deviation)
    below, within = bell.cdf(low), bell.cdf(high) - bell.cdf(low)
    # (At either end of the bell nothing lies below, or above: the cut keeps both out.)
    return bell.inv_cdf(min(max(below + share * within, 1e-15), 1 - 1e-15))


_LAWS: Mapping[str, Callable[..., float]] = {"uniform": _uniform, "normal": _normal, "triangular": _triangular}
# How many numbers describe each; the choices are as many as there are.
_NUMBERS = {"uniform": 2, "normal": 4, "triangular": 3}
LAWS = (*_LAWS, "choice")


def varied_of(asked: Sequence[str]) -> tuple[Varied, ...]:
    """Return what is varied, of texts such as `key=a,b`, `key=0.80..0.95:0.05` and `key=uniform(0.8,1.2)`.

    Raises
    ------
    UsageError
        When anything in them is wrong; it lists all of it.
    """
    found: list[Varied] = []
    problems: list[Problem] = []
    for text in asked:
        try:
            found.append(_one(text))
        except UsageError as error:
            problems += error.problems
    keys = [one.key for one in found]
    for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
        problems.append(Problem("varying.key_twice", column="--vary", value=key))
    if problems:
        raise UsageError(problems)
    return tuple(found)


def _one(text: str) -> Varied:
    key, equals, said = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise _wrong("varying.form", text)
    call = _CALL.fullmatch(said)
    if call:
        return _drawn(text, key, said, call[1], _split(call[2]))
    parts = tuple(_part(text, part) for part in _split(said))
    if not parts or "" in parts:
        raise _wrong("varying.empty", text)
    listed = Listed(key, said, parts)
    seen = set[str]()
    for one in listed.texts() if listed.count <= MOST else ():
        value = repr(value_of(one))
        if value in seen:
            raise _wrong("varying.value_twice", text, twice=one)
        seen.add(value)
    return listed


def _part(text: str, part: str) -> str | Span:
    """Return one value, or a range of them."""
    found = _RANGE.fullmatch(part)
    if found is None:
        # (A path such as ../there is a text like any other.)
        if ".." in part and re.match(r"[+-]?\d", part):
            raise _wrong("varying.range_form", text)
        return part
    if found[3] is None:
        raise _wrong("varying.no_step", text)
    first, last, step = (_number(text, number) for number in found.groups())
    if not step:
        raise _wrong("varying.step_zero", text)
    if (last - first) * step < 0:
        raise _wrong("varying.step_sign", text)
    steps, rest = _EXACT.divmod(last - first, step)
    if rest:
        met = _EXACT.add(first, _EXACT.multiply(step, steps))
        raise _wrong("varying.step_misses", text, last=_plain(last), met=_plain(met))
    return Span(first, step, int(steps) + 1)


def _drawn(text: str, key: str, said: str, law: str, given: list[str]) -> Drawn:
    if law not in LAWS:
        raise _wrong("varying.law", text, laws=", ".join(LAWS))
    if law == "choice":
        if len(given) < 2 or "" in given:
            raise _wrong("varying.choice", text)
        return Drawn(key, said, law, choices=tuple(given))
    if len(given) != _NUMBERS[law] or not all(re.fullmatch(_NUMBER, one) for one in given):
        raise _wrong("varying.law_numbers", text)
    numbers = tuple(_number(text, one) for one in given)
    drawn = Drawn(key, said, law, numbers)
    low, high = drawn.ends()
    if low >= high or (law == "triangular" and not low <= numbers[1] <= high):
        raise _wrong("varying.ends", text)
    if law == "normal":
        if numbers[1] <= 0:
            raise _wrong("varying.deviation", text)
        # (So far out on the bell, no number could tell one draw from another.)
        if low > numbers[0] + 5 * numbers[1] or high < numbers[0] - 5 * numbers[1]:
            raise _wrong("varying.far_out", text)
    return drawn


def _number(text: str, number: str) -> Decimal:
    if len(number) > _LONGEST_NUMBER:
        raise _wrong("varying.long_number", text)
    return Decimal(number)


def _wrong(what: str, text: str, **details: str) -> UsageError:
    return UsageError([Problem(what, column="--vary", value=text, details=details)])


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # all of them are finite
    return exponent


def _plain(number: Decimal) -> str:
    """Return a number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _split(text: str) -> list[str]:
    """Return what stands between the commas, but for those within brackets or quotes.

    >>> _split('["a","b"], 2'), _split("")
    (['["a","b"]', '2'], [])
    """
    parts, depth, quote = [""], list[str](), ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _PAIRS:
            depth.append(_PAIRS[sign])
        elif depth and sign == depth[-1]:
            depth.pop()
        elif sign == "," and not depth:
            parts.append("")
            continue
        parts[-1] += sign
    return [part.strip() for part in parts] if text.strip() else []


def sampled(drawn: Drawn, samples: int, seed: int, *, whole: bool = False) -> list[str]:
    """Return a Latin hypercube's values of one key: one from each of as many equally likely parts, in random order.

    The order comes from the seed and the key alone: another key beside it changes nothing (McKay, Beckman & Conover
    1979, Technometrics 21(2)).
    """
    # (Of all of `random`, only this method is promised to give the same numbers in every version.)
    draw = Random(f"{seed} {drawn.key}").random
    order = sorted(range(samples), key=[draw() for _ in range(samples)].__getitem__)
    return [drawn.at((part + draw()) / samples, whole=whole) for part in order]


@dataclass(frozen=True)
class Combination:
    """One run of a sweep: which scenario, what is set, and with which seed the district is drawn.

    Attributes
    ----------
    scenario
        Its name; nothing: the model as it is.
    changes
        Values as texts, by their keys.
    seed
        None: the district as it is.
    """

    scenario: str
    changes: Mapping[str, str]
    seed: int | None


def count_of(varied: Sequence[Varied], samples: int, scenarios: int, seeds: int) -> int:
    """Return how many combinations there are."""
    count = max(1, scenarios) * max(1, seeds)
    for one in varied:
        count *= one.count if isinstance(one, Listed) else 1
    return count * (samples if any(isinstance(one, Drawn) for one in varied) else 1)


def combinations(
    varied: Sequence[Varied],
    drawn: Mapping[str, Sequence[str]],
    scenarios: Sequence[str],
    seeds: Sequence[int],
) -> Iterator[Combination]:
    """Yield every combination: scenarios, then the values of each key in its order, then draws, then seeds.

    `drawn` holds the values of the keys that are drawn, of which the first go together, and the second, and so on: the
    same for every other value, so that what is compared differs in nothing else.
    """
    listed = [[(one.key, text) for text in one.texts()] for one in varied if isinstance(one, Listed)]
    together = [dict(zip(drawn, values, strict=True)) for values in zip(*drawn.values(), strict=True)] or [{}]
    order = [one.key for one in varied]
    drawn_anew: Sequence[int | None] = seeds or [None]
    for scenario, values, random, seed in product(scenarios or [""], product(*listed), together, drawn_anew):
        found = dict(values) | random
        yield Combination(scenario, {key: found[key] for key in order}, seed)
