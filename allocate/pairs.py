"""Pairs put together by their first parts."""

from collections.abc import Hashable, Iterable


def by_first[K: Hashable, V](pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    """Return the second parts of pairs by their first, in the order in which they come.

    >>> by_first([("a", 2), ("b", 3), ("a", 1)])
    {'a': (2, 1), 'b': (3,)}
    """
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}
