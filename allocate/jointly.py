"""Plans several districts together: shares experts out, plans every district, and sums up what came of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from allocate.answer import Answer, Plain
from allocate.crews import Crew, Failure
from allocate.district import District
from allocate.errors import AllocateError
from allocate.gaps import shown_bound, shown_gap, shown_number
from allocate.joint import JointModel, Member, with_shares
from allocate.model import Model
from allocate.planning import plan
from allocate.plans import Plan
from allocate.policies import prefix_of
from allocate.program import Options
from allocate.sharing import Wanting, share_out
from allocate.units import exact
from allocate.versions import library_versions
from allocate.words import LANGUAGES, Language, language, say, say_in, speaking, visible

Hear = Callable[[int, int], None]
# Goals whose values of several districts add up to the value of all of them.
ADDITIVE = ("cost", "travel", "people_reached", "match")
# What is kept of a clause's line in the scorecard of a district.
_OF_CLAUSE = ("rule", "status", "target", "value", "shortfall", "shortfall_unit")
# The status of a clause in several districts is the first of these that it has in any.
_ORDER = ("failed", "missed", "undecided", "met", "reported", "not_applicable")


@dataclass(frozen=True)
class _Shared:
    districts: Mapping[str, District]
    language: Language


@dataclass(frozen=True)
class _Job:
    name: str
    model: Model
    options: Options
    gap: float | None


@dataclass(frozen=True)
class Joint:
    """The answer, with the plans of the districts by name."""

    answer: Answer
    plans: Mapping[str, Plan]


def shares_of(joint: JointModel) -> dict[str, dict[str, int]]:
    """Return how many experts of each shared pool every district has, by district and pool [persons]."""
    senders: dict[str, str] = {}
    for pool in joint.shared:
        member = joint.members[joint.sharing(pool)[0]]
        senders[pool] = member.sender(pool)[0]
    districts = {
        name: Wanting(
            member.district.people,
            {
                key: member.asks(supporter.sends_as)
                for key, supporter in (member.sender(pool) for pool in joint.shared if pool in member.model.pools)
            },
            frozenset(joint.shared) & frozenset(member.model.pools),
        )
        for name, member in joint.members.items()
    }
    return share_out({pool: (senders[pool], one.away) for pool, one in joint.shared.items()}, districts)


def plan_jointly(
    joint: JointModel,
    options: Options,
    crew: Crew,
    *,
    gap: float | None = None,
    hear: Hear | None = None,
) -> Joint:
    """Plan the districts of a model, each with its share of the experts, and sum up.

    Without shared pools the districts have nothing in common, and the best of all is the best of each. With them, the
    plans are the best that were found for these shares. `hear` is told how many of how many are done.

    Raises
    ------
    AllocateError
        When what the plans come to together breaks a rule of sharing: it must not be shown.
    """
    shares = shares_of(joint) if joint.shared else {name: {} for name in joint.members}
    models = {name: with_shares(member, shares[name], joint.shared) for name, member in joint.members.items()}
    jobs = {name: _Job(name, model, options, gap) for name, model in models.items()}
    shared = _Shared({name: member.district for name, member in joint.members.items()}, language())
    found: dict[str, Plan | Failure] = {}
    for name, made in crew.work(_plan, shared, jobs):
        found[name] = made
        if hear is not None:
            hear(len(found), len(jobs))
    plans: dict[str, Plan] = {}
    failed: dict[str, str] = {}
    for name in joint.members:
        made = found[name]
        if isinstance(made, Failure):
            failed[name] = made.reason
        else:
            plans[name] = made
    content = assemble(joint, shares, {name: one.content for name, one in plans.items()}, failed, options)
    wrong = findings(content, {name: one.content for name, one in plans.items()})
    if wrong:
        raise AllocateError(say("verify.not_sound", lines="\n".join(f"  * {visible(line)}" for line in wrong[:10])))
    return Joint(Answer("joint", content), plans)


def _plan(shared: _Shared, job: _Job) -> Plan:
    with speaking(shared.language):
        return plan(shared.districts[job.name], job.model, job.options, gap=job.gap, processes=1)


# ---- what it comes to ----


def assemble(
    joint: JointModel,
    shares: Mapping[str, Mapping[str, int]],
    plans: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
    options: Options,
) -> Plain:
    """Return all that is said of several districts, as plain data."""
    return {
        "kind": "joint",
        "model": joint.id,
        "title": dict(joint.title),
        "district": ", ".join(joint.members),
        "district_name": {
            one: say_in(one, "summary.comma").join(member.title[one] for member in joint.members.values())
            for one in LANGUAGES
        },
        "as_of": joint.as_of.isoformat(),
        "years": sorted({year for member in joint.members.values() for year in member.model.years}),
        "settings": dict(joint.settings),
        "documents": [{"name": one, "title": _document(joint, one)["title"]} for one in joint.policies],
        "seeds": sorted({member.model.seed for member in joint.members.values()}),
        "method": {
            **{str(one): say_in(one, f"joint.method_{'shared' if joint.shared else 'alone'}") for one in LANGUAGES},
            "seconds": options.seconds,
        },
        "missing": [
            {"name": name, "title": dict(title), "lacks": lacks} for name, (title, lacks) in joint.missing.items()
        ],
        "districts": [_row(member, plans.get(name), failed.get(name)) for name, member in joint.members.items()],
        "totals": totals(plans) if not failed else None,
        "shares": list(_share_rows(joint, shares, plans)),
        "clauses": clause_rows(plans, [str(_document(joint, one)["id"]) for one in joint.policies]),
        "inputs": [
            {"of": "model", "path": path, "sha256": digest} for path, digest in sorted(joint.inputs.items())
        ]
        + [
            {"of": f"{name} · {row['of']}", "path": f"{name}/{row['path']}", "sha256": row["sha256"]}
            for name, content in plans.items()
            for row in content["inputs"]
        ],
        "versions": library_versions(),
    }  # fmt: skip


def _document(joint: JointModel, name: str) -> Mapping[str, Any]:
    """Return the head of a document that all districts take."""
    member = next(iter(joint.members.values()))
    head: Mapping[str, Any] = member.model.settings["documents"][name]["document"]
    return head


def _row(member: Member, content: Mapping[str, Any] | None, reason: str | None) -> Plain:
    """Return the figures of one district."""
    row: Plain = {"name": member.name, "title": dict(member.title), "model": member.model.id}
    if content is None:
        return {**row, "status": "failed", "reason": reason}
    soft = dict.fromkeys(("estimated", "assumed"), 0)
    for line in content["assumptions"]:
        soft[line["basis"]] = soft.get(line["basis"], 0) + line["rows"]
    return {
        **row,
        "status": "planned",
        "reason": "",
        "outcome": content["outcome"],
        "gap": content["gap"],
        "soft": soft,
        **figures(content),
        "coverage": [
            {
                **{key: line[key] for key in ("year", "preset", "people", "covered", "share")},
                "today": line["today"]["share"] if line.get("today") else None,
            }
            for line in content["coverage"]
            if line["scope"] == "district"
        ],
        "circle": content["settings"]["circle"],
        "circles": {preset: circle["name"] for preset, circle in content["settings"]["circles"].items()},
    }


def figures(content: Mapping[str, Any]) -> Plain:
    """Return what can be summed up over districts: people, sites and money of every year, goals with their bounds."""
    years = [int(year) for year in content["years"]]
    served = {row["year"]: row for row in content["ledger"] if row["scope"] == "district"}
    return {
        "people": {str(year): served[year]["people"] for year in years},
        "served": {str(year): served[year]["served"] for year in years},
        "sites": {str(year): _open(content, year) for year in years},
        "goals": [
            {key: stage[key] for key in ("name", "value", "bound", "gap", "unit")}
            for stage in content["stages"]
            if stage["name"] in ADDITIVE
        ],
        "clauses": {
            status: sum(row["status"] == status for row in content["scorecard"])
            for status in ("met", "missed", "undecided", "reported", "not_applicable")
        },
    }


def _open(content: Mapping[str, Any], year: int) -> dict[str, int]:
    """Return how many sites of each kind are open in a year."""
    kinds = list({row["id"]: row["kind"] for row in content["sites"] if str(year) in row["people"]}.values())
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def totals(plans: Mapping[str, Mapping[str, Any]]) -> Plain:
    """Return the sums over districts; of a year, or a goal, that some district has not, there is none."""
    parts = [figures(content) for content in plans.values()]
    if not parts:
        return {}
    years = [year for year in parts[0]["people"] if all(year in part["people"] for part in parts)]
    goals = []
    for goal in parts[0]["goals"]:
        mine = [other for part in parts for other in part["goals"] if other["name"] == goal["name"]]
        if len(mine) == len(parts):
            value = shown_number(sum((exact(one["value"]) for one in mine), Fraction(0)))
            bound = shown_bound(float(sum((exact(one["bound"]) for one in mine), Fraction(0))), value)
            goals.append({**goal, "value": value, "bound": bound, "gap": shown_gap(value, bound)})
    kinds = {year: sorted({kind for part in parts for kind in part["sites"][year]}) for year in years}
    return {
        "people": {year: sum(part["people"][year] for part in parts) for year in years},
        "served": {year: sum(part["served"][year] for part in parts) for year in years},
        "sites": {
            year: {kind: sum(part["sites"][year].get(kind, 0) for part in parts) for kind in kinds[year]}
            for year in years
        },
        "goals": goals,
        "clauses": {key: sum(part["clauses"][key] for part in parts) for key in parts[0]["clauses"]},
    }


def _share_rows(
    joint: JointModel, shares: Mapping[str, Mapping[str, int]], plans: Mapping[str, Mapping[str, Any]]
) -> Iterable[Plain]:
    """Yield who has how many of each shared pool, and how many are away in the month that has most."""
    for pool, one in joint.shared.items():
        for name in joint.sharing(pool):
            member = joint.members[name]
            key, supporter = member.sender(pool)
            yield {
                "pool": pool,
                "specialty": member.model.pools[pool].specialty,
                "sender": key,
                "sender_name": dict(supporter.name),
                "experts": one.away,
                "district": name,
                "share": shares[name][pool],
                "asked": member.asks(supporter.sends_as),
                "away": most_away(plans[name], key, member.model.pools[pool].specialty) if name in plans else {},
                "basis": str(one.basis),
                "source": one.source,
            }


def most_away(content: Mapping[str, Any], sender: str, specialty: str) -> dict[str, int]:
    """Return how many of a sender's experts in a specialty are away in the fullest month, by year [persons]."""
    found: dict[str, int] = {}
    for year in content["years"]:
        months = [0] * 12
        for tour in content.get("roster", ()):
            if (tour["year"], tour["from"], tour["specialty"]) == (year, sender, specialty):
                for month in range(tour["first_month"], tour["first_month"] + tour["months"]):
                    months[(month - 1) % 12] += 1
        found[str(year)] = max(months)
    return found


def clause_rows(plans: Mapping[str, Mapping[str, Any]], prefixes: Sequence[str]) -> list[Plain]:
    """Return every clause of the documents of all districts, by year: what it comes to in each, and in all of them.

    Where a clause is missed in one district it is missed; it is met where no district misses it.
    """
    lines: dict[tuple[str, int | None], dict[str, Mapping[str, Any]]] = {}
    for name, content in plans.items():
        for row in content["scorecard"]:
            if row["clause"] and prefix_of(row["clause"]) in prefixes:
                mine = lines.setdefault((row["clause"], row["year"]), {})
                # (Several rules may answer one clause: what is worse counts.)
                if name not in mine or _ORDER.index(row["status"]) < _ORDER.index(mine[name]["status"]):
                    mine[name] = row
    rows = []
    for (clause, year), by in lines.items():
        first = next(iter(by.values()))
        statuses = [row["status"] for row in by.values()]
        rows.append(
            {
                "clause": clause,
                "year": year,
                "strength": first["strength"],
                "says": first["says"],
                "unit": first["unit"],
                "status": min(statuses, key=_ORDER.index),
                "by_district": {
                    name: {key: row[key] for key in _OF_CLAUSE} for name, row in by.items()
                },
            }
        )  # fmt: skip
    return rows


# ---- recheck, without a solver ----


def findings(content: Mapping[str, Any], plans: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what is wrong in an answer beside its plans: sums, statuses, and who has more experts than there are."""
    try:
        return _findings(content, plans)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Whatever is missing or of the wrong kind in the file is a fault of the file, never of the reader.
        return [say("verify.broken", reason=f"{type(error).__name__}: {error}")]


def _findings(content: Mapping[str, Any], plans: Mapping[str, Mapping[str, Any]]) -> list[str]:
    wrong = []
    given: dict[str, int] = {}
    experts: dict[str, int] = {}
    for row in content["shares"]:
        pool, name = row["pool"], row["district"]
        given[pool] = given.get(pool, 0) + row["share"]
        experts[pool] = row["experts"]
        plan_of = plans.get(name)
        if plan_of is None:
            continue
        allowed = plan_of["settings"]["pools"][pool]["away"]
        away = most_away(plan_of, row["sender"], row["specialty"])
        told = {"district": name, "pool": pool}
        if allowed != row["share"]:
            wrong.append(say("joint.wrong_share", **told, said=row["share"], found=allowed))
        if away != row["away"]:
            wrong.append(say("joint.wrong_away", **told, said=row["away"], found=away))
        # (Several pools of a model may be of one sender and specialty: all of them together bound who is away.)
        alike = [
            pools["away"]
            for pools in plan_of["settings"]["pools"].values()
            if pools["specialty"] == row["specialty"] and row["sender"] in pools["hospitals"]
        ]
        if any(number > sum(alike) for number in away.values()):
            wrong.append(say("joint.too_many_away", **told, said=sum(alike), found=max(away.values())))
    wrong += [
        say("joint.too_many_given", pool=pool, said=experts[pool], found=number)
        for pool, number in given.items()
        if number > experts[pool]
    ]
    planned = [row["name"] for row in content["districts"] if row["status"] == "planned"]
    wrong += [say("joint.no_plan", district=name) for name in planned if name not in plans]
    if planned == list(plans):
        for row in content["districts"]:
            if row["status"] == "planned":
                mine = figures(plans[row["name"]])
                wrong += [
                    say("joint.wrong_sum", district=row["name"], figure=key) for key in mine if row[key] != mine[key]
                ]
        if content["totals"] is not None and content["totals"] != totals(plans):
            wrong.append(say("joint.wrong_sum", district="*", figure="totals"))
        prefixes = sorted({prefix_of(row["clause"]) for row in content["clauses"]})
        if content["clauses"] != clause_rows(plans, prefixes):
            wrong.append(say("joint.wrong_sum", district="*", figure="clauses"))
    return wrong
