"""What is done another way where a district is large comes to the same as where it is small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.travel.adjoining import adjoining
from allocate.travel.points import Metric

# Spots strewn anywhere, on the lines of a grid (where many stand on one circle), in clouds, and in one line.
SPOTS = {
    "anywhere": lambda draw, count: draw.uniform(0, 4_000, (count, 2)),
    "grid": lambda draw, count: 100.0 * draw.integers(0, 9, (count, 2)) + (440_000, 4_380_000),
    "clouds": lambda draw, count: draw.normal(0, 200, (count, 2)) + 2_000 * draw.integers(0, 3, (count, 1)),
    "line": lambda draw, count: np.column_stack((draw.uniform(0, 4_000, count), np.zeros(count))),
}


def with_none_between(places: Metric, longest: int) -> set[tuple[int, int]]:
    """Return the pairs that adjoin, every place tried: the sentence as it stands, in whole metres where they are."""
    found = set()
    for a, here in enumerate(places):
        for b, there in enumerate(places):
            middle, half = (here + there) / 2, np.hypot(*(here - there)) / 2
            is_between = np.hypot(*(places - middle).T) < half - 1e-6 * (1 + half * 1e-3)
            if a != b and 2 * half <= longest and not is_between.any():
                found.add((a, b))
    return found


@pytest.mark.parametrize("how", SPOTS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60), longest=st.sampled_from([150, 900, 20_000]))
def test_places_adjoin_that_have_none_between_however_they_stand(how: str, seed: int, count: int, longest: int) -> None:
    places = np.unique(SPOTS[how](np.random.default_rng(seed), count), axis=0)
    assert adjoining(places, longest) == with_none_between(places, longest)


def test_cells_of_a_grid_adjoin_those_beside_and_across_a_corner() -> None:
    side = 60
    cells = 100.0 * np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    found = adjoining(cells, 3_000)
    # Of side² cells, (side − 1) · side pairs stand side by side each way, and two pairs cross every corner.
    assert len(found) == 2 * (2 * (side - 1) * side + 2 * (side - 1) ** 2)
    assert {b for a, b in found if a == 0} == {1, side, side + 1}
