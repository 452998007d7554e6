"""What the planner's files are called, and how large those written by hand may be: known before anything is loaded."""

# What says of a folder that it is a district's, and of one that it is a plan's.
CARD, PLAN_FILE = "district.toml", "plan.json"
# The best plan so far of a run that has not finished.
KEPT_FILE = "kept.json"
# What people write by hand is far shorter [bytes]; a reader of TOML may take its time over more.
MOST_WRITTEN = 1_000_000
# What Windows takes for a device, whatever stands after a dot.
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def is_plain(name: object) -> bool:
    """Tell whether this is the name of a file in a folder, and of none elsewhere."""
    return isinstance(name, str) and name not in ("", ".", "..") and not any(sign in name for sign in "/\\:\0")
