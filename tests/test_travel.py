"""What within the circle means: straight lines by mode, adjoining places, and the planner's own times."""

import numpy as np
import pytest

from allocate.travel import Circle, Links, Mode, Spots, links
from allocate.travel.adjoining import adjoining

WALK = Mode(name={"zh": "步行", "en": "on foot"}, speed_kmh=4, detour=1.3, basis="assumed", source="a toy")
BIKE = Mode(name={"zh": "电动车", "en": "by e-bike"}, speed_kmh=15, detour=1.3, basis="assumed", source="a toy")
MODES = {"walk": WALK, "e_bike": BIKE}
NAME = {"zh": "圈", "en": "circle"}


def circle(**numbers: object) -> Circle:
    base = {"name": NAME, "modes": ["e_bike"], "kinds": ["clinic"], "basis": "assumed", "source": "a toy"}
    return Circle.model_validate(base | numbers)


def line(*metres: float) -> Spots:
    """Return places on a line, each with a site of its own."""
    points = np.array([(x, 0.0) for x in metres])
    return Spots(tuple(f"P{n}" for n in range(len(metres))), points, np.arange(len(metres)))


def pairs(found: Links) -> dict[tuple[int, int], int]:
    return {(int(i), int(j)): int(s) for i, j, s in zip(found.places, found.sites, found.seconds, strict=True)}


def test_a_kilometre_by_e_bike_takes_312_seconds() -> None:
    # 1,000 m × 1.3 = 1,300 m on the road; 15 km/h are 25/6 m/s; 1,300 ÷ 25/6 = 312 s.
    assert BIKE.seconds(1000) == 312


def test_15_minutes_on_foot_are_769_metres_as_the_crow_flies() -> None:
    # 900 s × 10/9 m/s ÷ 1.3 = 769.2 m.
    spots = line(0, 769, 1540)
    assert pairs(links(spots, spots, circle(modes=["walk"], minutes=15), MODES)).keys() == {
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (2, 2),
    }


def test_an_adjoining_village_counts_beyond_the_minutes_and_one_behind_it_does_not() -> None:
    spots = line(0, 2900, 5800)
    found = pairs(links(spots, spots, circle(minutes=5, adjoining_metres=3000), MODES))
    assert found[0, 1] == BIKE.seconds(2900)
    assert (0, 2) not in found


def test_two_places_adjoin_when_none_lies_between_them() -> None:
    points = np.array([(0.0, 0.0), (1000.0, 0.0), (2000.0, 0.0), (1100.0, 300.0)])
    # The second lies within the circle over the first and the fourth, and between the first and the third.
    found = {pair for pair in adjoining(points, 3000) if pair[0] < pair[1]}
    assert found == {(0, 1), (1, 2), (1, 3), (2, 3)}


def test_a_time_of_one_s_own_overrules_straight_lines_even_next_door() -> None:
    # A river lies between: forty minutes by the bridge, however near the village.
    spots = line(0, 500)
    ring = circle(minutes=15, adjoining_metres=3000)
    found = pairs(links(spots, spots, ring, MODES, {("P0", "P1", "e_bike"): 40, ("P1", "P0", "e_bike"): 14}))
    assert found.keys() == {(0, 0), (1, 0), (1, 1)}
    assert found[1, 0] == 14 * 60


def test_a_pair_that_the_own_table_leaves_out_is_out_of_reach_by_that_mode_alone() -> None:
    spots = line(0, 500, 900)
    table = {("P0", "P1", "e_bike"): 3.0}
    by_bike = links(spots, spots, circle(minutes=15), MODES, table)
    assert pairs(by_bike).keys() == {(0, 0), (0, 1), (1, 1), (2, 2)}
    also_on_foot = links(spots, spots, circle(modes=["e_bike", "walk"], minutes=15), MODES, table)
    assert pairs(also_on_foot)[1, 2] == WALK.seconds(400)
    assert pairs(also_on_foot)[0, 1] == 180


def test_metres_count_as_the_crow_flies() -> None:
    spots = line(0, 1000, 2001)
    found = pairs(links(spots, spots, circle(modes=["walk"], metres=1000), MODES))
    assert {(0, 1), (1, 0)} <= found.keys()
    assert (1, 2) not in found


def test_nowhere_to_go_is_no_pair() -> None:
    assert len(links(line(0), Spots((), np.zeros((0, 2)), np.zeros(0, dtype=np.int64)), circle(minutes=15), MODES)) == 0


def test_a_circle_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="metres"):
        circle()
