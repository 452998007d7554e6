"""Reads models/*.toml into a Model: what is wanted and what must be obeyed, every number with its source."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import pydantic

from allocate import abilities, consortia, contracts, outreach, postings, scenario_tables, visits
from allocate.abilities import Ability
from allocate.bundle import bundled
from allocate.consortia import Consortia
from allocate.contracts import Contracts
from allocate.errors import ModelError, Problem, UsageError
from allocate.faults import problems_of
from allocate.files.sheet import Unreadable
from allocate.files.text import read_bytes
from allocate.files.written import parse_toml
from allocate.goals import GOALS, Districting, Goal, Match, TailCoverage, Travel, WorstTenth
from allocate.names import MOST_WRITTEN
from allocate.outreach import Outreach
from allocate.policies import FOLDER, REGIMES, Clause, Document, has_passed, policy_files, prefix_of, year_of
from allocate.population import Projection
from allocate.postings import Postings, Release, Supporter
from allocate.read import find_district, is_file
from allocate.resources import Resource
from allocate.rows import LEADS, UPGRADED
from allocate.rulebook import Rulebook
from allocate.rules import (
    RULES,
    Capacity,
    FunctionReach,
    NamedSites,
    PeoplePerStaff,
    Reach,
    Rule,
    Spending,
    SpendingShare,
)
from allocate.scenario_tables import BASE, TODAY, Scenario
from allocate.settings import change, entries
from allocate.tables import BELOW_HUBS, INSTITUTION_KINDS, NOT_GONE_TO, PLACE_KINDS
from allocate.travel import Circle, Mode
from allocate.travel.circles import STRICT, Doubt, OnRoads, Text
from allocate.units import Basis
from allocate.visits import Visits
from allocate.words import LANGUAGES, say, say_in

SITED = (*BELOW_HUBS, *NOT_GONE_TO)
# Where candidates come from.
ORIGINS = ("places", "list", "generated")
PRESETS = "presets/circles.toml"


class Enlarging(pydantic.BaseModel):
    """How an open site of one kind may be enlarged, once.

    Attributes
    ----------
    opening, yearly
        One-off cost, and what the enlarged site costs more in a year [yuan].
    posts
        Additional posts by resource.
    people
        How many more people than the rule on room says it may serve [persons].
    """

    model_config = STRICT

    opening: int = pydantic.Field(ge=0, le=10**12)
    yearly: int = pydantic.Field(default=0, ge=0, le=10**12)
    posts: dict[str, Annotated[int, pydantic.Field(gt=0, le=100_000)]] = {}
    people: int = pydantic.Field(default=0, ge=0, le=10_000_000)
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _brings_something(self) -> "Enlarging":
        if not self.posts and not self.people:
            raise ValueError(say("reason.upgrade_empty"))
        return self


class Moving(pydantic.BaseModel):
    """When a site that closes and one of its kind that opens in the same year and town are one that moves.

    Attributes
    ----------
    metres
        How far apart they are at most, as the crow flies [m].
    opening
        One-off cost of opening in the new place [yuan], in place of that of a new site.
    """

    model_config = STRICT

    metres: int = pydantic.Field(gt=0, le=1_000_000)
    opening: int = pydantic.Field(ge=0, le=10**12)
    basis: Basis
    source: str = pydantic.Field(min_length=2)


class Generating(pydantic.BaseModel):
    """How candidates of one kind are made where nobody is reached.

    Attributes
    ----------
    how
        "greedy": spots of a grid one after the other, each the one that reaches most people whom nothing else does;
        "grid": every spot of a grid that reaches somebody so; "clusters": the middles of clusters of such people.
    number
        At most so many; of a grid those that reach most people.
    grid_metres
        Width of the grid [m].
    spacing_metres
        How near they may come to any site or candidate of their kind [m].
    beyond
        Whom they are for: people whom no existing site reaches ("existing"), nor any other candidate ("candidates").
    move_metres
        How far a spot where none may stand is moved to the nearest where one may [m].
    """

    model_config = STRICT

    how: Literal["greedy", "grid", "clusters"]
    number: int | None = pydantic.Field(default=None, gt=0, le=5_000)
    grid_metres: int = pydantic.Field(default=500, ge=20, le=50_000)
    spacing_metres: int = pydantic.Field(default=0, ge=0, le=100_000)
    beyond: Literal["existing", "candidates"] = "candidates"
    move_metres: int = pydantic.Field(default=0, ge=0, le=10_000)
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _has_an_end(self) -> "Generating":
        if self.number is None and self.how != "grid":
            raise ValueError(say("reason.generate_number"))
        if self.how == "clusters" and "grid_metres" in self.model_fields_set:
            raise ValueError(say("reason.generate_grid"))
        return self


class Candidates(pydantic.BaseModel):
    """Where sites of one kind may be opened, what they cost, and what may become of them.

    Attributes
    ----------
    candidates
        Where candidates come from: the middles of "places", the planner's "list", those "generated"; whatever of it
        there is.
    generate
        How candidates are generated; None where none are.
    stands_in
        Kinds of place in which one may stand.
    serves
        Kinds of place whose people it serves.
    opening, yearly
        One-off cost and cost of a year [yuan].
    may_close
        Whether what the plan opens may be closed again within the plan; it never opens twice.
    upgrade, move
        How one may be enlarged, and when it counts as moved; None where neither is planned.
    """

    model_config = STRICT

    stands_in: tuple[Literal[PLACE_KINDS], ...] = pydantic.Field(min_length=1)  # type: ignore[valid-type]
    serves: tuple[Literal[PLACE_KINDS], ...] = pydantic.Field(default=PLACE_KINDS, min_length=1)  # type: ignore[valid-type]
    opening: int = pydantic.Field(ge=0, le=10**12)
    yearly: int = pydantic.Field(ge=0, le=10**12)
    may_close: bool = False
    upgrade: Enlarging | None = None
    move: Moving | None = None
    candidates: tuple[Literal[ORIGINS], ...] = pydantic.Field(default=ORIGINS, min_length=1)  # type: ignore[valid-type]
    generate: Generating | None = None
    basis: Basis
    source: str = pydantic.Field(min_length=2)

    @pydantic.model_validator(mode="after")
    def _says_how_to_generate(self) -> "Candidates":
        if "candidates" in self.model_fields_set and "generated" in self.candidates and self.generate is None:
            raise ValueError(say("reason.generate_how"))
        return self

    @pydantic.model_validator(mode="after")
    def _moving_is_no_dearer(self) -> "Candidates":
        if self.move is not None and self.move.opening > self.opening:
            raise ValueError(say("reason.move_dear"))
        return self

    @property
    def bases(self) -> tuple[Basis, ...]:
        """Return what its numbers rest on: of the sites, of enlarging, moving and generating them."""
        return (self.basis, *(one.basis for one in (self.upgrade, self.move, self.generate) if one is not None))


# What a model can decide, and which decisions each takes for granted beside the sites.
DECISIONS = ("siting", "staff", "postings", "rounds", "functions", "consortia", "contracts")
NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"postings": ("staff",), "rounds": ("staff",), "functions": ("staff", "postings", "consortia")}
)


class _Head(pydantic.BaseModel):
    """The top of a model file; rules and goals are read on their own, so that each fault names its table."""

    model_config = STRICT

    title: Text
    district: str
    as_of: date
    years: tuple[int, ...] = pydantic.Field(min_length=1, max_length=20)
    circle: str
    compare_circles: tuple[str, ...] = ()
    decides: tuple[Literal[DECISIONS], ...] = ()  # type: ignore[valid-type]
    draws: int = pydantic.Field(default=20, ge=0, le=1000)
    seed: int = pydantic.Field(default=1, ge=0, le=2**31 - 1)
    population: Projection | None = None
    siting: dict[Literal[SITED], Candidates]  # type: ignore[valid-type]
    rules: dict[str, dict[str, Any]] = {}
    goals: tuple[dict[str, Any], ...] = pydantic.Field(min_length=1)
    circles: dict[str, Circle] = {}
    modes: dict[str, Mode] = {}
    policies: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    regime: Literal[REGIMES] | None = None  # type: ignore[valid-type]
    clauses: dict[str, dict[str, Any]] = {}
    documents: dict[str, dict[str, Any]] = {}
    resources: dict[str, Resource] = {}
    postings: Postings | None = None
    supporters: dict[str, Supporter] = {}
    pools: dict[str, Release] = {}
    outreach: dict[str, Outreach] = {}
    functions: dict[str, Ability] = {}
    consortia: Consortia | None = None
    contracts: Contracts | None = None
    visits: Visits | None = None
    travel: Doubt = Doubt()
    scenarios: dict[str, Scenario] = {}
    scenario_sets: dict[str, tuple[str, ...]] = {}
    scenario: str = ""

    @pydantic.field_validator("years")
    @classmethod
    def _rising(cls, years: tuple[int, ...]) -> tuple[int, ...]:
        if list(years) != sorted(set(years)) or not all(1900 <= year <= 2200 for year in years):
            msg = say("reason.years")
            raise ValueError(msg)
        return years

    @pydantic.field_validator("decides")
    @classmethod
    def _with_what_they_need(cls, decides: tuple[str, ...]) -> tuple[str, ...]:
        for one in decides:
            lacking = [other for other in ("siting", *NEEDED.get(one, ())) if other not in decides]
            if lacking:
                msg = say("reason.decides", what=one, lacking=", ".join(lacking))
                raise ValueError(msg)
        return decides


class _Presets(pydantic.BaseModel):
    """What presets/circles.toml holds: the circles and modes that a model may name."""

    model_config = STRICT

    circles: dict[str, Circle] = {}
    modes: dict[str, Mode] = {}


@dataclass(frozen=True)
class Model:
    """What is wanted and what must be obeyed; never changed after reading.

    Attributes
    ----------
    id
        Stem of the file.
    title
        Title by language.
    district
        Name or path of the district folder.
    circle
        Name of the circle that is planned for; `compare` are only reported.
    rules
        By their names in the file; a clause that no rule of the file cites stands under its own id.
    clauses, documents
        The clauses in force by id, in the order of their documents, and the documents by the prefix of these ids.
    silent
        Why a clause is not asked for: it was switched off, or its year lies beyond the plan.
    regime
        Which regime the district is under; a document of another one does not apply.
    resources
        Staff, beds and teams that the plan decides, by name.
    postings, supporters, pools
        How experts are posted to hubs; hospitals outside that send some; whom departments can let go, by name.
    outreach
        Ways in which villages and towns are visited, by name.
    functions, consortia
        Functions that institutions may have, by name; how hubs are grouped into consortia.
    contracts
        Who may have contracts with care homes.
    visits
        How many visits residents make, and staff at primary care can take.
    goals
        In order of importance.
    draws, seed
        How many possible districts are looked at where positions are estimated, and the first's seed.
    settings
        The file as it was read, with all that was changed on the command line, ready for JSON.
    inputs
        SHA-256 of every file read.
    home
        Folder in which the file lies.
    population
        How the people of the plan years are worked out; None: today's, held still.
    travel
        How far travel times may be off.
    scenarios, scenario_sets
        What scenarios change, and several of them under one name.
    scenario
        The one that is in force; empty: the model as it is.
    """

    id: str
    title: Mapping[str, str]
    district: str
    as_of: date
    years: tuple[int, ...]
    circle: str
    compare: tuple[str, ...]
    circles: Mapping[str, Circle]
    modes: Mapping[str, Mode]
    siting: Mapping[str, Candidates]
    rules: Mapping[str, Rule]
    goals: Mapping[str, Goal]
    draws: int
    seed: int
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    home: Path = field(default=Path(), compare=False)
    population: Projection | None = None
    clauses: Mapping[str, Clause] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    regime: str | None = None
    resources: Mapping[str, Resource] = field(default_factory=dict)
    postings: Postings | None = None
    supporters: Mapping[str, Supporter] = field(default_factory=dict)
    pools: Mapping[str, Release] = field(default_factory=dict)
    outreach: Mapping[str, Outreach] = field(default_factory=dict)
    functions: Mapping[str, Ability] = field(default_factory=dict)
    consortia: Consortia | None = None
    contracts: Contracts | None = None
    visits: Visits | None = None
    travel: Doubt = field(default_factory=Doubt)
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    scenario_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scenario: str = ""

    @property
    def decided(self) -> frozenset[str]:
        """Return the decisions that the plan settles: beside sites, those of which the model says what there may be."""
        told = {
            "staff": self.resources,
            "postings": self.postings,
            "rounds": self.outreach,
            "functions": self.functions,
            "consortia": self.consortia,
            "contracts": self.contracts,
        }
        return frozenset({"siting", *(name for name, table in told.items() if table)})

    def settles(self, rule: Rule) -> bool:
        """Tell whether the plan decides all that a rule speaks of."""
        return rule.is_decided(self.decided, self.resources, self.functions)

    def has_passed(self, year: int) -> bool:
        """Tell whether a deadline's year has passed: then its clause is checked, not planned."""
        return has_passed(year, self.as_of.year, self.years[0])

    def year_of(self, deadline: int) -> int | None:
        """Return the plan year in which a deadline holds; one that has passed stays as it is; None: beyond the plan."""
        return year_of(deadline, self.years, self.as_of.year)

    def document_of(self, code: str) -> Document | None:
        """Return the document in force that a clause stands in, if there is one."""
        return self.documents.get(prefix_of(code))

    def is_foreign(self, code: str) -> bool:
        """Tell whether a clause's document binds districts of another regime."""
        document = self.document_of(code)
        return bool(self.regime and document and document.regime not in (self.regime, "city"))

    def decides(self, clause: Clause) -> bool:
        """Tell whether the plan settles a decision that a clause leaves open.

        What has to do with certain kinds of institution is settled where the plan decides it of one of them; of
        functions, consortia and contracts, where the model says that they answer the clause.
        """
        kinds: set[str] = set()
        match clause.needs:
            case "functions":
                return any(clause.id in one.clauses for one in self.functions.values())
            case "consortia":
                return self.consortia is not None and clause.id in self.consortia.clauses
            case "contracts":
                return self.contracts is not None and clause.id in self.contracts.clauses
            case "siting":
                kinds = set(self.siting)
            case "staff":
                kinds = {kind for one in self.resources.values() for kind in one.at}
            case "rounds":
                kinds = {kind for one in self.outreach.values() for kind in one.by}
            case _:
                return clause.needs in self.decided
        return bool(kinds) and (not clause.kinds or not kinds.isdisjoint(clause.kinds))

    def planned(self) -> dict[str, Rule]:
        """Return the rules that the plan can still meet: decided by it, and with a year that is not before `as_of`."""
        return {
            name: rule
            for name, rule in self.rules.items()
            if self.settles(rule) and not self.is_foreign(rule.clause)
            if not rule.years or any(not self.has_passed(year) for year in rule.years)
        }

    def district_folder(self) -> Path:
        """Return the folder of the district that it plans.

        Raises
        ------
        UsageError
            When there is none; it says where it was looked for.
        """
        return find_district(self.district, self.home, f"{self.id}.toml")


def find_model(name: str) -> Path:
    """Return the path of a model: a file, a folder whose models/ holds one, or the name of one in models/ or bundled.

    Raises
    ------
    UsageError
        When there is none, or when the folder holds several.
    """
    given = Path(name)
    if is_file(given):
        return given
    inside = _models_in(given)
    if len(inside) > 1:
        details = {"names": ", ".join(path.name for path in inside), "example": str(inside[0])}
        raise UsageError([Problem("problem.several_models", value=name, details=details)])
    for path in (*inside, Path("models") / f"{name}.toml", bundled() / "models" / f"{name}.toml"):
        if is_file(path):
            return path
    names = sorted(path.stem for path in (bundled() / "models").glob("*.toml"))
    details = {"names": ", ".join(names)}
    here = ", ".join(path.stem for path in _models_in(Path()))
    if here:
        raise UsageError([Problem("problem.no_model_here", value=name, details=details | {"here": here})])
    raise UsageError([Problem("problem.no_model", value=name, details=details)])


def _models_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in (folder / "models").glob("*.toml") if path.is_file())
    except (OSError, ValueError):
        return []


def head_schema() -> dict[str, Any]:
    """Return what the keys of a model file may hold, as a JSON schema; rules and goals have schemas of their own."""
    return _Head.model_json_schema()


def presets_of(model: Path) -> Path:
    """Return the circles that a model file may name: those beside it, else the bundled ones."""
    own = model.resolve().parent / PRESETS
    return own if is_file(own) else bundled() / "models" / PRESETS


def read_model(
    file: str | Path, changes: Mapping[str, str] | None = None, scenario: str = "", *, raw: bytes | None = None
) -> Model:
    """Read a model file; `changes` override it by dotted key, each value written as in TOML.

    They come on top of what a `scenario` of the model changes, where one is named. `raw` is read in the place of what
    stands in the file: whoever changes it can look at the model first.

    Raises
    ------
    ModelError
        When anything is wrong; it lists all of it.
    UsageError
        When a key that is changed, or the scenario, is not there.
    """
    path = find_model(str(file))
    inputs: dict[str, str] = {}
    content = loaded(path, inputs, raw=raw)
    _insist_on_one(content, path)
    presets = loaded(presets_of(path), inputs, name=PRESETS)
    wrong = _wrong_presets(presets)
    # The circles in force stand in the settings too: a plan must be readable without the presets.
    for table in ("modes", "circles"):
        mine = content.get(table, {})
        # (What is no table is left for the model to complain about.)
        content[table] = {**entries(presets.get(table)), **mine} if isinstance(mine, dict) else mine
    tables, heads = scenario_tables.read_tables(content), _Head.model_fields
    wrong += scenario_tables.unknown_keys(content, tables, path.name, heads)
    if "scenario" in content:
        wrong.append(Problem("scenarios.head", path.name, column="scenario"))
    if scenario and scenario != BASE:
        _check_scenario(scenario, entries(content.get("scenarios")), path.name)
        if not wrong and scenario in tables:
            scenario_tables.apply(content, tables, scenario, heads)
            content["scenario"] = scenario
    for key, value in (changes or {}).items():
        if key.split(".")[0] in ("scenario", "scenarios", "scenario_sets"):
            raise UsageError([Problem("scenarios.of_scenarios", column="--set", value=key)])
        change(content, key, value, heads)
    # So do the clauses in force: whoever reads a plan must find their words in it.
    unread = _take_documents(content, path, inputs)
    wrong += unread
    try:
        model = model_of(content, path.stem, path.name, inputs, whole=not unread)
    except ModelError as error:
        # A fault of the presets comes up again in the model that took it over.
        blamed = {problem.column for problem in wrong}
        raise ModelError([*wrong, *(one for one in error.problems if one.column not in blamed)]) from None
    if wrong:
        raise ModelError(wrong)
    return replace(model, home=path.resolve().parent)


def _insist_on_one(content: Mapping[str, Any], path: Path) -> None:
    """Refuse a file that speaks of several districts where the model of one is asked for."""
    listed = content.get("districts")
    if isinstance(listed, dict) and "district" not in content:
        names = ", ".join(str(entries(one).get("model", name)) for name, one in listed.items())
        raise UsageError([Problem("joint.of_several", path.name, column="districts", details={"names": names})])


def _check_scenario(scenario: str, known: Mapping[str, Any], file: str) -> None:
    """Refuse a scenario that is not in the model, or of which no plan can be made."""
    if scenario == TODAY:
        raise UsageError([Problem("scenarios.today_planned", column="--scenario", value=scenario)])
    if scenario not in known:
        choices = {"choices": ", ".join((BASE, *known)), "file": file}
        raise UsageError([Problem("scenarios.unknown", column="--scenario", value=scenario, details=choices)])


def district_of(file: str | Path, changes: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder of the district that a model file names, whatever else is wrong in it; None where it is silent.

    So the faults of a model and of its district can be said at once.

    Raises
    ------
    UsageError
        When there is no such folder.
    """
    path = find_model(str(file))
    try:
        content = loaded(path, {})
        for key, value in (changes or {}).items():
            if key == "district":
                change(content, key, value, _Head.model_fields)
    except (ModelError, UsageError):
        return None
    name = content.get("district")
    if not isinstance(name, str) or not name.strip():
        return None
    return find_district(name, path.resolve().parent, path.name)


def _take_documents(content: dict[str, Any], path: Path, inputs: dict[str, str]) -> list[Problem]:
    """Put the documents that a model names, and single clauses that it cites from others, into its content."""
    named = [name for name in _texts(content.get("policies")) if name]
    rules = entries(content.get("rules")).values()
    cited = {*_texts(content.get("adopt")), *(str(rule.get("clause", "")) for rule in rules if isinstance(rule, dict))}
    files = policy_files(path.resolve().parent)
    problems = [
        Problem("problem.choice", path.name, column="policies", value=name, details={"choices": ", ".join(files)})
        for name in named
        if name not in files
    ]
    taken = dict(entries(content.get("documents")))
    for name, file in files.items():
        seen: dict[str, str] = {}
        try:
            document = loaded(file, seen, name=f"{FOLDER}/{file.name}")
        except ModelError as error:
            if name in named:
                problems += error.problems
            continue
        if name not in named:
            clauses = document.get("clauses")
            kept = (
                [c for c in clauses if isinstance(c, dict) and c.get("id") in cited]
                if isinstance(clauses, list)
                else []
            )
            if not kept:
                continue
            document = {**document, "clauses": kept}
        inputs.update(seen)
        taken.setdefault(name, document)
    if taken:
        content["documents"] = taken
    return problems


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list | tuple) else []


def _wrong_presets(presets: Mapping[str, Any]) -> list[Problem]:
    try:
        _Presets.model_validate(presets)
    except pydantic.ValidationError as error:
        return _faults(error, PRESETS, (), _Presets)
    return []


def loaded(path: Path, inputs: dict[str, str], name: str = "", raw: bytes | None = None) -> dict[str, Any]:
    """Return what a TOML file says, and put its SHA-256 into `inputs`, under its own name or the one given.

    `raw` stands for what the file holds, where it is given.

    Raises
    ------
    ModelError
        When it cannot be read, or is no TOML.
    """
    shown = name or path.name
    try:
        raw = read_bytes(path, MOST_WRITTEN) if raw is None else raw
        inputs[shown] = hashlib.sha256(raw).hexdigest()
        return parse_toml(raw.decode("utf-8-sig"))
    except Unreadable as error:
        raise ModelError([Problem(error.what, shown, details=error.details)]) from None
    except UnicodeDecodeError:
        raise ModelError([Problem("problem.model_encoding", shown)]) from None
    except ValueError as error:
        raise ModelError([Problem("problem.not_toml", shown, details={"reason": str(error)})]) from None


def changed(model: Model, changes: Mapping[str, str]) -> Model:
    """Return a model with some keys changed as on the command line: each value is written as in TOML.

    Raises
    ------
    AllocateError
        When a key or a value cannot be used.
    """
    content = deepcopy(dict(model.settings))
    for key, value in changes.items():
        change(content, key, value, _Head.model_fields)
    return replace(model_of(content, model.id, f"{model.id}.toml", model.inputs), home=model.home)


def model_of(
    content: Mapping[str, Any], name: str, file: str, inputs: Mapping[str, str], *, whole: bool = True
) -> Model:
    """Make a model of the content of its file.

    Where it is not `whole`, a document could not be read: nothing is said of clauses that may stand in it.

    Raises
    ------
    ModelError
        When anything is wrong; it lists all of it.
    """
    problems: list[Problem] = []
    head: _Head | None = None
    try:
        head = _Head.model_validate(content)
    except pydantic.ValidationError as error:
        problems += _faults(error, file, (), _Head)
    problems += scenario_tables.faults(content, file)
    sheet = Rulebook.of(content, file, problems, whole=whole)
    rules = _tables(sheet.own, "rules", "rule", RULES, file, problems)
    rules |= _tables(sheet.clauses, "clauses", "rule", RULES, file, problems)
    goals = _goals(content.get("goals", ()), file, problems)
    if head is not None:
        problems += [
            *_inconsistent(head, rules, sheet, file),
            *_unknown_resources(head, rules, sheet, file),
            *postings.faults(head.postings, head.supporters, head.pools, head.resources, file),
            *outreach.faults(head.outreach, head.resources, head.modes, file),
            *abilities.faults(
                head.functions,
                head.resources,
                head.modes,
                file,
                joining=dict.fromkeys(("hospital", *head.consortia.members)) if head.consortia else (),
                has_consortia=head.consortia is not None,
                has_postings=head.postings is not None,
            ),
            *consortia.faults(head.consortia, head.modes, file),
            *_unknown_modes(head, rules, sheet, file),
            *contracts.faults(head.contracts, head.modes, file),
            *visits.faults(head.visits, head.resources, _indicators(sheet) if whole else None, file),
            *_unknown_ways(head, rules, sheet, file),
            *_stations(head, file),
            *_idle_budgets(head, rules, sheet, file),
            *_cheap_to_drop(head, goals, file),
            *_years_of_goals(head, goals, file),
            *_unmatched(head, goals, file),
        ]
    if problems or head is None:
        raise ModelError(problems)
    return _deciding(
        head.decides,
        Model(
            id=name,
            title=_titled(head),
            district=head.district,
            as_of=head.as_of,
            years=head.years,
            circle=head.circle,
            compare=head.compare_circles,
            circles=head.circles,
            modes=head.modes,
            siting=head.siting,
            rules=rules,
            goals=goals,
            draws=head.draws,
            seed=head.seed,
            settings=pydantic.TypeAdapter(dict[str, Any]).dump_python(dict(content), mode="json"),
            inputs=inputs,
            clauses=sheet.in_force,
            documents=sheet.documents,
            silent=sheet.silent,
            regime=head.regime,
            resources=head.resources,
            postings=head.postings,
            supporters=head.supporters,
            pools=head.pools,
            outreach=head.outreach,
            functions=head.functions,
            consortia=head.consortia,
            contracts=head.contracts,
            visits=head.visits,
            population=head.population,
            travel=head.travel,
            scenarios=head.scenarios,
            scenario_sets=head.scenario_sets,
            scenario=head.scenario,
        ),
    )


def _titled(head: _Head) -> Mapping[str, str]:
    """Return the title of a model, with that of the scenario that is in force."""
    scenario = head.scenarios.get(head.scenario)
    if scenario is None:
        return head.title
    return {
        language: say_in(language, "scenarios.of_title", title=head.title[language], scenario=scenario.title[language])
        for language in LANGUAGES
    }


def _deciding(decides: Collection[str], model: Model) -> Model:
    """Return a model that decides no more than asked; what else it describes, and goals on it alone, are left out.

    Rules that speak of what is left out stay in the model, and are undecided.
    """
    if not decides:
        return model
    has_staff = "staff" in decides
    model = replace(
        model,
        resources=model.resources if has_staff else {},
        visits=model.visits if has_staff else None,
        postings=model.postings if "postings" in decides else None,
        supporters=model.supporters if "postings" in decides else {},
        pools=model.pools if "postings" in decides else {},
        outreach=model.outreach if "rounds" in decides else {},
        functions=model.functions if "functions" in decides else {},
        consortia=model.consortia if "consortia" in decides else None,
        contracts=model.contracts if "contracts" in decides else None,
    )
    goals = {name: goal for name, goal in model.goals.items() if not goal.beside or goal.beside in model.decided}
    return replace(model, goals=goals)


def _indicators(sheet: Rulebook) -> frozenset[str]:
    """Return the clauses in force that are only reported."""
    return frozenset(code for code, clause in sheet.in_force.items() if clause.role == "indicator")


def _goals(entries: Any, file: str, problems: list[Problem]) -> dict[str, Goal]:
    if not isinstance(entries, list | tuple):
        return {}
    named = {f"{n}": entry for n, entry in enumerate(entries)}
    found = _tables(named, "goals", "goal", GOALS, file, problems)
    names = [str(entry.get("goal")) for entry in entries if isinstance(entry, dict)]
    for twice in sorted({goal for goal in names if names.count(goal) > 1}):
        problems += [Problem("problem.goal_twice", file, column="goals", value=twice)]
    return {str(entries[int(n)]["goal"]): goal for n, goal in found.items()}


def _tables[T](
    entries: Any,
    table: str,
    chooser: str,
    registry: Mapping[str, type[T]],
    file: str,
    problems: list[Problem],
) -> dict[str, T]:
    """Make a rule or goal of every table that says which one it is."""
    found: dict[str, T] = {}
    if not isinstance(entries, dict):
        return found
    for name, entry in entries.items():
        where = (table, name)
        if not isinstance(entry, dict):
            problems.append(Problem("problem.not_table", file, column=".".join(where)))
            continue
        numbers = dict(entry)
        kind = registry.get(str(numbers.pop(chooser, "")))
        if kind is None:
            choices = ", ".join(registry)
            value = str(entry.get(chooser, ""))
            problems.append(
                Problem(
                    "problem.choice",
                    file,
                    column=".".join((*where, chooser)),
                    value=value,
                    details={"choices": choices},
                )
            )
            continue
        try:
            found[name] = pydantic.TypeAdapter(kind).validate_python(numbers)
        except pydantic.ValidationError as error:
            problems += _faults(error, file, where, kind)
    return found


def _faults(error: pydantic.ValidationError, file: str, where: tuple[str, ...], kind: type[Any]) -> list[Problem]:
    """Say what pydantic found in the planner's language, with the keys that are allowed."""
    return list(problems_of(error, file, lambda place: _keys(kind, place), lambda place: ".".join((*where, *place))))


def _keys(kind: type[Any], path: tuple[str, ...]) -> list[str]:
    """Return the keys that a table may have."""
    inner = {
        "siting": Candidates,
        "resources": Resource,
        "circles": Circle,
        "modes": Mode,
        "population": Projection,
        "postings": Postings,
        "supporters": Supporter,
        "pools": Release,
        "outreach": Outreach,
        "functions": Ability,
        "consortia": Consortia,
        "contracts": Contracts,
        "visits": Visits,
        "travel": Doubt,
        "scenarios": Scenario,
    }
    if kind in (_Head, _Presets) and path and path[0] in inner:
        # (Inside a table of a kind of site: enlarging and moving it. Inside one of a way to travel: its roads.)
        within: dict[str, dict[str, type[Any]]] = {
            "siting": {"upgrade": Enlarging, "move": Moving, "generate": Generating},
            "modes": {"roads": OnRoads},
        }
        own = within.get(path[0], {})
        kind = own.get(path[2], inner[path[0]]) if len(path) > 2 else inner[path[0]]
    if issubclass(kind, pydantic.BaseModel):
        return [one.alias or name for name, one in kind.model_fields.items()]
    return [one.name for one in fields(kind)]


def _inconsistent(head: _Head, rules: Mapping[str, Rule], sheet: Rulebook, file: str) -> list[Problem]:
    """Return what contradicts itself across the tables of a model."""
    problems = []
    choices: tuple[tuple[str, tuple[str, ...], Mapping[str, object]], ...] = (
        ("circle", (head.circle,), head.circles),
        ("compare_circles", head.compare_circles, head.circles),
        *((f"circles.{name}.modes", circle.modes, head.modes) for name, circle in head.circles.items()),
    )
    for key, names, known in choices:
        problems += [
            Problem("problem.choice", file, column=key, value=name, details={"choices": ", ".join(known)})
            for name in names
            if name not in known
        ]
    if head.years[0] < head.as_of.year:
        details = {"year": head.as_of.year}
        problems.append(Problem("problem.past_year", file, column="years", value=head.years[0], details=details))
    for name, rule in rules.items():
        table = "clauses" if name in sheet.clauses else "rules"
        problems += [
            Problem(
                "problem.choice",
                file,
                column=f"{table}.{name}.kinds",
                value=kind,
                details={"choices": ", ".join(INSTITUTION_KINDS)},
            )
            for kind in getattr(rule, "kinds", ())
            if kind not in INSTITUTION_KINDS
        ]
        problems += [
            Problem(
                "problem.year_outside",
                file,
                column=f"{table}.{name}.years",
                value=year,
                details={"years": ", ".join(map(str, head.years))},
            )
            for year in rule.years
            if year not in head.years and not has_passed(year, head.as_of.year, head.years[0])
        ]
        if isinstance(rule, NamedSites) and rule.year is not None and rule.year > head.years[-1]:
            problems.append(
                Problem(
                    "problem.year_late",
                    file,
                    column=f"{table}.{name}.year",
                    value=rule.year,
                    details={"last": head.years[-1]},
                )
            )
    return problems


def _unknown_resources(head: _Head, rules: Mapping[str, Rule], sheet: Rulebook, file: str) -> Iterator[Problem]:
    """Yield what the resources of a model, and the rules that need their posts, say of resources that it has not."""
    choices = {"choices": ", ".join(head.resources)}
    for name, resource in head.resources.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in (UPGRADED, LEADS):
            yield Problem("problem.resource_name", file, column="resources", value=name)
        for key in ("adding", "per_year", "leaves", "lent") if _is_formed(resource, head.resources) else ():
            if getattr(resource, key) != Resource.model_fields[key].default:
                yield Problem("problem.resource_formed", file, column=f"resources.{name}.{key}")
        for key, others in (
            ("part_of", (resource.part_of,)),
            ("sum_of", (resource.sum_of,)),
            ("needs", tuple(resource.needs)),
        ):
            for other in filter(None, others):
                column = f"resources.{name}.{key}"
                known = head.resources.get(other)
                if known is None or other == name:
                    rest = {"choices": ", ".join(choice for choice in head.resources if choice != name)}
                    yield Problem("problem.choice", file, column=column, value=other, details=rest)
                elif not _may_point(key, known, head.resources):
                    # One step is enough for every document, and a circle is impossible.
                    yield Problem("problem.resource_step", file, column=column, value=other)
                elif not (set(resource.at) | set(resource.kinds)) <= set(known.at):
                    lacking = ", ".join(sorted((set(resource.at) | set(resource.kinds)) - set(known.at)))
                    yield Problem(
                        "problem.resource_posts", file, column=column, value=other, details={"kinds": lacking}
                    )
    yield from _useless_upgrades(head, rules, file)
    for name, rule in rules.items():
        table = "clauses" if name in sheet.clauses else "rules"
        if isinstance(rule, SpendingShare):
            for what in rule.resources:
                column, favoured = f"{table}.{name}.resources", head.resources.get(what)
                if favoured is None or favoured.sum_of:
                    yield Problem("problem.choice", file, column=column, value=what, details=choices)
                elif not (favoured.yearly or favoured.adding):
                    yield Problem("problem.resource_free", file, column=column, value=what, details={"resource": what})
        if isinstance(rule, PeoplePerStaff):
            column = f"{table}.{name}.resource"
            known = head.resources.get(rule.resource)
            if known is None or known.sum_of:
                yield Problem("problem.choice", file, column=column, value=rule.resource, details=choices)
            elif not set(rule.kinds) <= set(known.at):
                details = {"kinds": ", ".join(sorted(set(rule.kinds) - set(known.at)))}
                yield Problem("problem.resource_posts", file, column=column, value=rule.resource, details=details)


def _stations(head: _Head, file: str) -> Iterator[Problem]:
    """Yield what is said of sites that nobody goes to and that makes no sense there: whom they serve, that they close.

    Their staff is employed there: it would have nobody to go to once the site is closed.
    """
    for kind, candidates in head.siting.items():
        if kind not in NOT_GONE_TO:
            continue
        for key in ("serves", "may_close", "generate"):
            if key in candidates.model_fields_set:
                yield Problem("problem.siting_ambulances", file, column=f"siting.{kind}.{key}")
        # (An ambulance station is nothing else; what a new site of a hospital is for, the plan may choose.)
        said = "always_at" if kind == "ems_station" else "at"
        if not any(kind in getattr(ability, said) for ability in head.functions.values()):
            yield Problem(f"problem.siting_function_{kind}", file, column=f"siting.{kind}")


def _unknown_modes(head: _Head, rules: Mapping[str, Rule], sheet: Rulebook, file: str) -> Iterator[Problem]:
    """Yield the ways to travel that rules name and the model has not."""
    for name, rule in rules.items():
        if isinstance(rule, FunctionReach) and rule.mode and rule.mode not in head.modes:
            column = f"{'clauses' if name in sheet.clauses else 'rules'}.{name}.mode"
            details = {"choices": ", ".join(head.modes)}
            yield Problem("problem.choice", file, column=column, value=rule.mode, details=details)


def _unknown_ways(head: _Head, rules: Mapping[str, Rule], sheet: Rulebook, file: str) -> Iterator[Problem]:
    """Yield the ways to visit villages that rules name and the model has not."""
    known = [name for name, plan in head.outreach.items() if plan.to == "village"]
    for name, rule in rules.items():
        for way in rule.or_by if isinstance(rule, Reach) else ():
            if way not in known:
                column = f"{'clauses' if name in sheet.clauses else 'rules'}.{name}.or_by"
                details = {"choices": ", ".join(known)}
                yield Problem("problem.choice", file, column=column, value=way, details=details)


def _idle_budgets(head: _Head, rules: Mapping[str, Rule], sheet: Rulebook, file: str) -> Iterator[Problem]:
    """Yield budgets that would buy nothing at all: most likely they are not in yuan."""
    siting, resources = head.siting.values(), head.resources.values()
    prices = {
        "capital": [one.adding for one in resources],
        "recurrent": [one.yearly for one in resources],
    }
    for one in siting:
        prices["capital"] += [part.opening for part in (one, one.upgrade, one.move) if part is not None]
        prices["recurrent"] += [part.yearly for part in (one, one.upgrade) if part is not None]
    for name, rule in rules.items():
        if not isinstance(rule, Spending):
            continue
        counted = [price for nature in rule.natures for price in prices[nature] if price]
        if counted and 0 < rule.at_most < min(counted):
            column = f"{'clauses' if name in sheet.clauses else 'rules'}.{name}.at_most"
            details = {"cheapest": f"{min(counted):,}"}
            yield Problem("problem.budget_unit", file, column=column, value=rule.at_most, details=details)


def _is_formed(resource: Resource, resources: Mapping[str, Resource]) -> bool:
    """Tell whether a resource is made of others, or a part of one that is."""
    whole = resources.get(resource.part_of)
    return resource.is_formed or (whole is not None and whole.is_formed)


def _may_point(key: str, known: Resource, resources: Mapping[str, Resource]) -> bool:
    """Tell whether a resource may be part of another one, be the sum of it, or need it at the same site.

    A sum may count anything but a sum. A part has a whole that is none itself. A team takes people whom somebody
    employs: neither teams, nor those who are part of a team.
    """
    if known.sum_of:
        return False
    match key:
        case "part_of":
            return not known.part_of
        case "needs":
            return not _is_formed(known, resources)
        case _:
            return True


def _useless_upgrades(head: _Head, rules: Mapping[str, Rule], file: str) -> Iterator[Problem]:
    """Yield where enlarging a kind of site brings posts that it cannot have, or room that no rule limits."""
    limited = {kind for rule in rules.values() if isinstance(rule, Capacity) for kind in rule.kinds}
    for kind, candidates in head.siting.items():
        upgrade, column = candidates.upgrade, f"siting.{kind}.upgrade"
        for resource in upgrade.posts if upgrade else ():
            known = head.resources.get(resource)
            if known is None or known.sum_of:
                choices = {"choices": ", ".join(name for name, one in head.resources.items() if not one.sum_of)}
                yield Problem("problem.choice", file, column=f"{column}.posts", value=resource, details=choices)
            elif kind not in known.at:
                details = {"kinds": str(kind)}
                yield Problem("problem.resource_posts", file, column=f"{column}.posts", value=resource, details=details)
        if upgrade and upgrade.people and kind not in limited:
            yield Problem("problem.upgrade_room", file, column=f"{column}.people", value=upgrade.people)


def _cheap_to_drop(head: _Head, goals: Mapping[str, Goal], file: str) -> list[Problem]:
    """Return a problem where leaving people out would count as less travel than serving them."""
    circle = head.circles.get(head.circle)
    if circle is None or circle.minutes is None:
        return []
    return [
        Problem(
            "problem.unserved_short",
            file,
            column=f"goals.{name}.unserved_minutes",
            value=goal.unserved_minutes,
            details={"minutes": circle.minutes},
        )
        for name, goal in goals.items()
        if isinstance(goal, Travel | WorstTenth) and goal.unserved_minutes <= circle.minutes
    ]


def _years_of_goals(head: _Head, goals: Mapping[str, Goal], file: str) -> Iterator[Problem]:
    """Yield the year that a goal looks at where it is none of the plan."""
    details = {"years": ", ".join(map(str, head.years))}
    for name, goal in goals.items():
        if isinstance(goal, TailCoverage) and goal.year is not None and goal.year not in head.years:
            yield Problem("problem.year_outside", file, column=f"goals.{name}.year", value=goal.year, details=details)


def _unmatched(head: _Head, goals: Mapping[str, Goal], file: str) -> Iterator[Problem]:
    """Yield what a goal beside the sites lacks: the way to travel that it names; postings, or consortia."""
    decided = {"postings": head.postings, "consortia": head.consortia}
    for name, goal in goals.items():
        if isinstance(goal, Match) and goal.mode not in head.modes:
            details = {"choices": ", ".join(head.modes)}
            yield Problem("problem.choice", file, column=f"goals.{name}.mode", value=goal.mode, details=details)
        if goal.beside and decided[goal.beside] is None:
            words = "problem.match_postings" if goal.beside == "postings" else "problem.districting_consortia"
            yield Problem(words, file, column=f"goals.{name}")
        if isinstance(goal, Districting) and head.consortia is not None:
            longest = (head.consortia.minutes or 0) + goal.balance_minutes
            if goal.outside_minutes <= longest:
                column, limit = f"goals.{name}.outside_minutes", {"minutes": longest}
                yield Problem("problem.outside_short", file, column=column, value=goal.outside_minutes, details=limit)
