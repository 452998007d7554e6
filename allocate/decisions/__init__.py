"""What a plan decides: one file per kind of decision."""

from collections.abc import Iterator
from itertools import chain

from allocate.case import Case
from allocate.decisions import consortia, contracts, functions, outreach, posting, siting, staffing
from allocate.layout import Layout
from allocate.rows import Breach, Column, Row

# What is decided beside the sites and whom they serve.
_BESIDE = (staffing, posting, outreach, consortia, functions, contracts)


def columns(case: Case) -> Iterator[Column]:
    """Yield the variables of everything that a plan decides."""
    return chain.from_iterable(one.columns(case) for one in (siting, *_BESIDE))


def rows_beside_sites(case: Case) -> Iterator[Row]:
    """Yield the physics of all that is decided beside the sites and whom they serve."""
    return chain.from_iterable(one.rows(case) for one in _BESIDE)


def breaches(case: Case, layout: Layout) -> Iterator[Breach]:
    """Yield everything in a finished plan that cannot be."""
    return chain.from_iterable(one.breaches(case, layout) for one in (siting, *_BESIDE))
