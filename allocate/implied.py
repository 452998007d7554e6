"""Tells where one clause asks for no more than another one does: it adds nothing to a plan."""

from dataclasses import dataclass
from math import ceil

from allocate.case import Case
from allocate.rules import (
    ChangeLimit,
    ConsortiumSize,
    Count,
    Forbid,
    Function,
    FunctionReach,
    Keep,
    Membership,
    NamedSites,
    PeoplePerSite,
    Posting,
    Presence,
    Rate,
    Ratio,
    Reach,
    Reserve,
    Rounds,
    Rule,
    SiteMinimum,
    Spacing,
    Spending,
    SpendingShare,
    Total,
)
from allocate.units import exact

# What a site has that has the first: the second as well.
_HAS_TOO = {
    "recommended_standard": "basic_standard",
    **dict.fromkeys(("tcm_techniques_6_10", "tcm_techniques_4_6", "tcm_techniques_6"), "tcm_service"),
}
# What has limits of its own.
_Limited = Rate | Total | ConsortiumSize
# A site to which a district expert is posted has this function.
_EXPERT, _SENDERS = "posted_expert", ("district", "lead_hospital")
_FINER = {"place": 0, "town": 1, "district": 2}
_NEARER = {"own": 0, "adjoining": 1}
_POSTED = {"site": 0, "town": 1, "district": 2}
_RANKS = ("", "resident", "attending", "associate_senior", "senior")
# What spares a village the rounds where it is one of its own, and none is named.
_OWN = ("clinic",)


@dataclass(frozen=True)
class Limit:
    """How many sites of some kinds a rule asks for or allows in one part of the district and one year.

    Attributes
    ----------
    what
        Whether it counts the sites open, those opened or closed in the year, or those with a `function`.
    part
        Id of the town; empty for the district.
    low, high
        At least and at most so many; `high` is None without a limit.
    """

    what: str
    part: str
    t: int
    kinds: frozenset[str]
    low: int = 0
    high: int | None = None
    function: str = ""


def limits(rule: Rule, case: Case) -> list[Limit]:
    """Return the limits that a rule sets to numbers of sites, those of towns also summed up over the district."""
    found: list[Limit] = []
    match rule:
        case Count():
            what, kinds = ("open" if rule.counts == "open" else "new"), frozenset(rule.kinds)
            towns = case.towns if rule.scope == "town" else ("",)
            found = [
                Limit(what, part, t, kinds, rule.at_least or 0, rule.at_most) for t in rule.when(case) for part in towns
            ]
        case PeoplePerSite():
            kinds = frozenset(rule.kinds)
            what = f"with {rule.function}" if rule.function else "open"
            found = [
                Limit(what, part, t, kinds, must, may, rule.function)
                for t in rule.when(case)
                for part, _, must, may in rule.parts(case, t)
            ]
        case ChangeLimit():
            found = [Limit("new", "", t, frozenset(rule.kinds), 0, rule.at_most) for t in rule.when(case)]
    return found + _summed(found) + _grown(rule, case, found)


def _summed(found: list[Limit]) -> list[Limit]:
    """Return the limits of towns as limits of the district: each site belongs to one town."""
    groups: dict[tuple[str, int, frozenset[str]], list[Limit]] = {}
    for one in found:
        if one.part:
            groups.setdefault((one.what, one.t, one.kinds), []).append(one)
    sums = []
    for (what, t, kinds), parts in groups.items():
        highs = [one.high for one in parts if one.high is not None]
        high = sum(highs) if len(highs) == len(parts) else None
        sums.append(Limit(what, "", t, kinds, sum(one.low for one in parts), high))
    return sums


def _grown(rule: Rule, case: Case, found: list[Limit]) -> list[Limit]:
    """Return how many sites can be open at most where so many may be opened in each year so far."""
    grown = []
    for one in found:
        so_far = [other for other in found if other.what == "new" and other.part == one.part and other.t <= one.t]
        highs = [other.high for other in so_far if other.high is not None]
        if one.what != "new" or len(highs) <= one.t:
            continue
        standing = sum(site.exists and site.kind in one.kinds and one.part in ("", site.town) for site in case.sites)
        grown.append(Limit("open", one.part, one.t, one.kinds, 0, standing + sum(highs)))
    return grown


def implies(strong: Rule, weak: Rule, case: Case, standing: dict[str, int]) -> int | None:
    """Tell whether whatever meets `strong` meets `weak`, in the years in which both hold.

    `standing` is how many sites of each kind stand in every plan. Returns None where it does not; the number of sites
    that it rests on where it holds in this district only; else 0.
    """
    if isinstance(weak, Count | PeoplePerSite) and isinstance(strong, Count | PeoplePerSite):
        return _numbers(strong, weak, case)
    if isinstance(strong, Posting) and isinstance(weak, Function):
        return _experts(strong, weak, case, standing)
    if isinstance(strong, Function) and isinstance(weak, Function):
        return _functions(strong, weak, case, standing)
    return 0 if type(strong) is type(weak) and _same_kind(strong, weak) else None


def _same_kind(strong: Rule, weak: Rule) -> bool:
    """Tell whether a rule implies another of its type, whatever the district."""
    match strong, weak:
        case (Rate(), Rate()):
            return (
                strong.resource == weak.resource
                and (strong.denominator == "registered") == (weak.denominator == "registered")
                and _within(strong, weak, strong.per, weak.per)
            )
        case (Total(), Total()):
            return strong.resource == weak.resource and _within(strong, weak)
        case (Ratio(), Ratio()):
            return (strong.resource, strong.to) == (weak.resource, weak.to) and strong.at_least >= weak.at_least
        case (SiteMinimum(), SiteMinimum()):
            more = strong.at_least >= weak.at_least
            return more and strong.resource == weak.resource and set(weak.kinds) <= set(strong.kinds)
        case (Reach(), Reach()):
            # (Whoever is visited instead is not served within the circle.)
            fewer = set(strong.or_by) <= set(weak.or_by)
            return fewer and strong.share >= weak.share and _FINER[strong.scope] <= _FINER[weak.scope]
        case (Presence(), Presence()):
            nearer = _NEARER[strong.within] <= _NEARER[weak.within] and set(strong.kinds) <= set(weak.kinds)
            # A share of some kinds of place says nothing about a share of one of them, unless it is all of them.
            same = set(weak.places) == set(strong.places)
            return nearer and (
                (same and strong.share >= weak.share) or (strong.share == 1 and set(weak.places) <= set(strong.places))
            )
        case (FunctionReach(), FunctionReach()):
            same = (strong.function, strong.mode) == (weak.function, weak.mode)
            closer = all(strong.limits()[setting] <= most for setting, most in weak.limits().items())
            return same and closer and strong.share >= weak.share and _FINER[strong.scope] <= _FINER[weak.scope]
        case (ConsortiumSize(), ConsortiumSize()):
            return strong.of == weak.of and _within(strong, weak)
        case (Membership(), Membership()):
            return _share(strong.share, strong.kinds, weak.share, weak.kinds)
        case (Reserve(), Reserve()):
            same = set(weak.kinds) == set(strong.kinds)
            return same and strong.share >= weak.share and set(weak.of) <= set(strong.of)
        case (Posting(), Posting()):
            return _postings(strong, weak)
        case (Rounds(), Rounds()):
            return _rounds(strong, weak)
        case (Keep(), Keep()):
            return set(weak.sites) <= set(strong.sites)
        case (Forbid(), Forbid()):
            return set(weak.sites) <= set(strong.sites)
        case (NamedSites(), NamedSites()):
            return weak.stands is strong.stands and set(weak.sites) <= set(strong.sites)
        case (Spacing(), Spacing()):
            return strong.metres >= weak.metres and set(weak.kinds) <= set(strong.kinds)
        case (Spending(), Spending()):
            # (Whatever limits all that is spent limits its parts.)
            return strong.at_most <= weak.at_most and strong.of in (weak.of, "all")
        case (SpendingShare(), SpendingShare()):
            fewer = set(strong.kinds) <= set(weak.kinds) and set(strong.resources) <= set(weak.resources)
            return fewer and strong.share >= weak.share
        case (ChangeLimit(), ChangeLimit()):
            return strong.at_most <= weak.at_most and set(weak.kinds) <= set(strong.kinds)
    return False


def _within(strong: _Limited, weak: _Limited, per: int = 1, weak_per: int = 1) -> bool:
    """Tell whether the limits of one rule lie within those of another, each for so many people."""
    low = weak.at_least is None or (
        strong.at_least is not None and exact(strong.at_least) * weak_per >= exact(weak.at_least) * per
    )
    high = weak.at_most is None or (
        strong.at_most is not None and exact(strong.at_most) * weak_per <= exact(weak.at_most) * per
    )
    return low and high


def _share(strong: float, kinds: tuple[str, ...], weak: float, weak_kinds: tuple[str, ...]) -> bool:
    """Tell whether a share of the sites of some kinds implies one of others: all of them imply any of theirs."""
    return (set(kinds) == set(weak_kinds) and strong >= weak) or (strong == 1 and set(weak_kinds) <= set(kinds))


def _postings(strong: Posting, weak: Posting) -> bool:
    same = strong.at_least >= weak.at_least and _sends_too(strong, weak)
    if "supporter" in (strong.scope, weak.scope):
        wider = strong.scope == weak.scope and strong.sent_by == weak.sent_by and set(strong.to) <= set(weak.to)
    elif strong.scope == "site":
        wider = set(weak.to) <= set(strong.to)
    else:
        wider = set(weak.to) == set(strong.to) and _POSTED[strong.scope] <= _POSTED[weak.scope]
    higher = _RANKS.index(strong.rank) >= _RANKS.index(weak.rank)
    return same and wider and higher and strong.months >= weak.months and strong.days_per_week >= weak.days_per_week


def _sends_too(strong: Posting, weak: Posting) -> bool:
    """Tell whether whoever counts as sent for one rule counts for another one: the lead hospital is of the district."""
    if not strong.or_remote:
        return strong.sent_by == weak.sent_by or (strong.sent_by, weak.sent_by) == ("lead_hospital", "district")
    # At how many sites consultation from afar may stand in hangs on all that a rule asks for.
    keys = ("sent_by", "at_least", "to", "rank", "months", "days_per_week", "or_remote")
    return all(getattr(strong, key) == getattr(weak, key) for key in keys)


def _rounds(strong: Rounds, weak: Rounds) -> bool:
    """Tell whether rounds as often as one rule wants, where it wants them, are all that another one wants."""
    if strong.to != weak.to or strong.half_days < weak.half_days or not _as_often(strong, weak):
        return False
    if strong.to == "town":
        return True
    # (Where villages of some sizes need them only, those of the other rule must be among them.)
    low = strong.from_people <= weak.from_people
    high = strong.below_people is None or (weak.below_people is not None and weak.below_people <= strong.below_people)
    return low and high and _where(strong, weak)


def _as_often(strong: Rounds, weak: Rounds) -> bool:
    """Tell whether what comes as often as one rule wants counts as often as another one wants: see `Rounds.ways`."""
    if strong.per == weak.per:
        return strong.times >= weak.times
    # (So many a week are four times as many in a month; what comes in a month may all come in one week.)
    return strong.per == "week" and 4 * strong.times >= weak.times


def _where(strong: Rounds, weak: Rounds) -> bool:
    """Tell whether the villages that one rule speaks of are all among those of another one."""
    if strong.where == "every":
        return True
    if weak.where == "listed":
        return strong.where == "listed" and set(weak.listed) <= set(strong.listed)
    # A site spares fewer villages the fewer kinds do; with none named, every kind within reach does, or a clinic.
    match strong.where, weak.where:
        case ("out_of_reach", "out_of_reach"):
            return not weak.unless or (bool(strong.unless) and set(strong.unless) <= set(weak.unless))
        case ("without_own", "without_own"):
            return set(strong.unless or _OWN) <= set(weak.unless or _OWN)
    # (A village without a site of its own may have one in reach; and a site of its own may not count for the circle.)
    return False


def _functions(strong: Function, weak: Function, case: Case, standing: dict[str, int]) -> int | None:
    if not set(weak.functions) <= _had_too(strong.functions, case):
        return None
    if strong.scope != weak.scope and (strong.scope == "consortium" or strong.share != 1 or weak.share is None):
        # (Who is in no consortium, none counts; but where all have it, so have those of each.)
        return None
    inside = set(strong.kinds) <= set(weak.kinds) and _same_types(strong, weak)
    if weak.share is not None:
        whole = strong.share is not None and _share(strong.share, strong.kinds, weak.share, weak.kinds)
        return 0 if whole and (_same_types(weak, strong) if strong.share == 1 else strong.types == weak.types) else None
    asked = weak.at_least or 0
    if strong.at_least is not None:
        return 0 if inside and strong.at_least >= asked else None
    if strong.scope == "consortium" or strong.types or weak.types:
        return None
    return _enough(strong.share or 0, strong.kinds, asked, weak.kinds, standing)


def _same_types(inner: Function, outer: Function) -> bool:
    """Tell whether the hospitals that one rule counts are all counted by another one."""
    every = "hospital" not in inner.kinds or not outer.types
    return every or (bool(inner.types) and set(inner.types) <= set(outer.types))


def _had_too(names: tuple[str, ...], case: Case) -> set[str]:
    """Return the functions that a site has that has some: what these need, and where no plan decides, by what is known.

    (Whoever has a function today has it, whatever it lacks.)
    """
    found = set(names)
    for name in (queue := list(names)):
        ability = case.abilities.get(name)
        # (Whoever has it from a centre needs nothing for it.)
        known = {_HAS_TOO.get(name, name)} if ability is None else set() if ability.serves else set(ability.needs)
        had = [j for one, j in case.had if one == name]
        fresh = {other for other in known - found if all((other, j) in case.had for j in had)}
        found |= fresh
        queue += fresh
    return found


def _experts(strong: Posting, weak: Function, case: Case, standing: dict[str, int]) -> int | None:
    """Tell whether postings to every site imply that so many sites have a function that comes with those posted."""
    if strong.scope != "site" or strong.or_remote or weak.scope != "district":
        return None
    if not all(_comes_with(strong, name, case) for name in weak.functions):
        return None
    if weak.share is not None:
        return 0 if set(weak.kinds) <= set(strong.to) else None
    return None if weak.types else _enough(1, strong.to, weak.at_least or 0, weak.kinds, standing)


def _comes_with(posting: Posting, name: str, case: Case) -> bool:
    """Tell whether a site to which somebody is posted for a rule has a function; a lead hospital is of the district."""
    ability = case.abilities.get(name)
    if ability is None:
        return name == _EXPERT and posting.sent_by in _SENDERS
    there = set(posting.to) <= set(ability.at) and not ability.only
    return there and (posting.sent_by == ability.posted_by or (posting.sent_by, ability.posted_by) == _SENDERS[::-1])


def _enough(
    share: float, kinds: tuple[str, ...], asked: int, weak_kinds: tuple[str, ...], standing: dict[str, int]
) -> int | None:
    """Return the sites that stand in every plan where a share of them is as many as are asked for."""
    if share < 1 and not set(kinds) <= set(weak_kinds):
        return None
    number = sum(standing.get(kind, 0) for kind in set(kinds) & set(weak_kinds))
    return number if ceil(exact(share) * number) >= asked > 0 else None


def _numbers(strong: Rule, weak: Rule, case: Case) -> int | None:
    """Tell whether the numbers of sites that one rule asks for lie within those of another, in this district."""
    asked, given = limits(weak, case), limits(strong, case)
    if not asked:
        return None
    for one in asked:
        if one.low and not any(_same_part(one, two) and two.kinds <= one.kinds and two.low >= one.low for two in given):
            return None
        if one.high is not None and not any(
            _same_part(one, two) and one.kinds <= two.kinds and two.high is not None and two.high <= one.high
            for two in given
        ):
            return None
    return 0 if type(strong) is type(weak) else max(one.low for one in asked)


def _same_part(one: Limit, two: Limit) -> bool:
    return (one.what, one.part, one.t) == (two.what, two.part, two.t)
