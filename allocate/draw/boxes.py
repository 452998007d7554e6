"""Boxes on a drawing: whether a name finds room beside what is drawn already."""

# Left, upper, right and lower edge [px].
Box = tuple[float, float, float, float]


def box_around(at: tuple[float, float], r: float) -> Box:
    """Return the box around a symbol that reaches so far from its middle [px]."""
    return at[0] - r, at[1] - r, at[0] + r, at[1] + r


def meet(one: Box, other: Box) -> bool:
    """Tell whether two boxes share any ground; a common edge is none."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
