"""Reads a model of several districts: each has a model of its own, and some pools of experts are shared among them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pydantic

from allocate.district import District
from allocate.errors import InputError, ModelError, Problem, UsageError
from allocate.faults import problems_of
from allocate.model import Model, changed, find_model, loaded, read_model
from allocate.policies import policy_files
from allocate.postings import Supporter
from allocate.read import is_file, read_district
from allocate.rules import Posting
from allocate.settings import change
from allocate.travel.circles import STRICT, Text
from allocate.units import Basis
from allocate.words import language

# Folders are called after districts.
_NAME = r"^\w[\w-]{0,39}$"
Name = Annotated[str, pydantic.Field(pattern=_NAME)]


class Listed(pydantic.BaseModel):
    """One district of the file.

    Attributes
    ----------
    model
        Name of its model; empty: that of the district's table.
    set
        Keys of that model which are changed here, by their dotted names, each value written as in TOML.
    """

    model_config = STRICT

    name: Text
    model: str = ""
    set: dict[str, Any] = {}


class Shared(pydantic.BaseModel):
    """A pool of experts that the districts share: the models of districts have a pool of its name.

    Attributes
    ----------
    away
        How many can be away at once, in all districts together [persons].
    """

    model_config = STRICT

    away: int = pydantic.Field(ge=0, le=1000)
    basis: Basis
    source: str = pydantic.Field(min_length=2)


class _Head(pydantic.BaseModel):
    model_config = STRICT

    title: Text
    as_of: date
    policies: tuple[str, ...] = ()
    districts: dict[Name, Listed] = pydantic.Field(min_length=1)
    shared: dict[str, Shared] = {}


@dataclass(frozen=True)
class Member:
    """A district that is planned: its name in the file, its model, and its data."""

    name: str
    title: Mapping[str, str]
    model: Model
    district: District

    def sender(self, pool: str) -> tuple[str, Supporter]:
        """Return who sends the experts of a shared pool: the key and the supporter."""
        (key,) = self.model.pools[pool].hospitals
        return key, self.model.supporters[key]

    def asks(self, sends_as: str) -> int:
        """Return how many persons its clauses ask of every supporter of a kind, in the year that asks for most."""
        rules = self.model.planned().values()
        wanted = [
            rule.at_least
            for rule in rules
            if isinstance(rule, Posting) and rule.scope == "supporter" and rule.sent_by == sends_as
        ]
        return max(wanted, default=0)


@dataclass(frozen=True)
class JointModel:
    """What several districts want together.

    Attributes
    ----------
    members
        The districts that can be planned, by their names in the file, in its order.
    missing
        What those lack that cannot: their title, and `model` or `data`.
    shared
        The pools that the districts share, by name.
    policies
        Documents that the model of every district takes.
    settings
        The file as it was read, with what was changed on the command line.
    inputs
        SHA-256 of the file.
    """

    id: str
    title: Mapping[str, str]
    as_of: date
    members: Mapping[str, Member]
    missing: Mapping[str, tuple[Mapping[str, str], str]]
    shared: Mapping[str, Shared]
    policies: tuple[str, ...]
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]

    def sharing(self, pool: str) -> list[str]:
        """Return the districts whose models have a shared pool."""
        return [name for name, member in self.members.items() if pool in member.model.pools]


def is_joint(name: str | Path) -> bool:
    """Tell whether a model file is one of several districts.

    Raises
    ------
    UsageError, ModelError
        When there is no such file, or it cannot be read.
    """
    return isinstance(loaded(find_model(str(name)), {}).get("districts"), dict)


def head_schema() -> dict[str, Any]:
    """Return what the keys of a file of several districts may hold, as a JSON schema."""
    return _Head.model_json_schema()


def read_joint(name: str | Path, changes: Mapping[str, str] | None = None, *, raw: bytes | None = None) -> JointModel:
    """Read a model of several districts, their models and their data; `raw` stands for what the file holds.

    `changes` override keys of the file, or, after the name of a district and a dot, keys of its model. A district
    whose model or data is not there is missing, and no fault.

    Raises
    ------
    ModelError, InputError
        When anything is wrong in the file, in a model or in the data of a district; it lists all of it.
    UsageError
        When a key that is changed is not there.
    """
    path = find_model(str(name))
    inputs: dict[str, str] = {}
    content = loaded(path, inputs, raw=raw)
    own, within = _parted(content, changes or {})
    for key, value in own.items():
        change(content, key, value, _Head.model_fields)
    try:
        head = _Head.model_validate(content)
    except pydantic.ValidationError as error:
        raise ModelError(list(problems_of(error, path.name, _keys))) from None
    files = policy_files(path.resolve().parent)
    problems = [
        Problem("problem.choice", path.name, column="policies", value=one, details={"choices": ", ".join(files)})
        for one in head.policies
        if one not in files
    ]
    if problems:
        raise ModelError(problems)
    members, missing = _members(head, path, within)
    problems = list(_wrong_pools(head, members, path.name))
    if problems:
        raise ModelError(problems)
    settings = pydantic.TypeAdapter(dict[str, Any]).dump_python(content, mode="json")
    return JointModel(path.stem, head.title, head.as_of, members, missing, head.shared, head.policies, settings, inputs)


def _keys(place: tuple[str, ...]) -> list[str]:
    """Return the keys that a table may have."""
    inner: dict[str, type[pydantic.BaseModel]] = {"districts": Listed, "shared": Shared}
    return list((inner.get(place[0], _Head) if place else _Head).model_fields)


def _parted(content: Mapping[str, Any], changes: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the changes of the file, and those of the models of districts."""
    listed = content.get("districts")
    own: dict[str, str] = {}
    within: dict[str, dict[str, str]] = {}
    for key, value in changes.items():
        first, _, rest = key.partition(".")
        if rest and isinstance(listed, dict) and first in listed:
            within.setdefault(first, {})[rest] = value
        elif first in ("shared", *_Head.model_fields):
            own[key] = value
        else:
            choices = ", ".join((*(f"{one}.{key}" for one in listed or ()), *(f"{one}." for one in _Head.model_fields)))
            raise UsageError([Problem("joint.set_key", column="--set", value=key, details={"choices": choices})])
    return own, within


def _members(
    head: _Head, path: Path, within: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Member], dict[str, tuple[Mapping[str, str], str]]]:
    """Return the districts that can be planned, and what the others lack."""
    members: dict[str, Member] = {}
    missing: dict[str, tuple[Mapping[str, str], str]] = {}
    in_models: list[Problem] = []
    in_data: list[Problem] = []
    odd: list[Problem] = []
    for name, listed in head.districts.items():
        file = _model_file(listed.model or name, path)
        if file is None:
            missing[name] = (listed.name, "model")
            continue
        try:
            model = _model(file, head, listed, within.get(name, {}))
        except ModelError as error:
            in_models += [replace(one, file=f"{name} · {one.file}") for one in error.problems]
            continue
        except UsageError as error:
            if not all(one.value in listed.set for one in error.problems):
                raise
            in_models += [replace(one, file=path.name, column=f"districts.{name}.set") for one in error.problems]
            continue
        try:
            folder = model.district_folder()
        except UsageError:
            missing[name] = (listed.name, "data")
            continue
        try:
            members[name] = Member(name, listed.name, model, read_district(folder))
        except InputError as error:
            in_data += [replace(one, file=f"{name} · {one.file}") for one in error.problems]
            odd += [replace(one, file=f"{name} · {one.file}") for one in error.warnings]
    if in_models:
        raise ModelError(in_models)
    if in_data:
        raise InputError(in_data, odd)
    if not members:
        names = ", ".join(one[language()] for one, _ in missing.values())
        raise UsageError([Problem("joint.nobody", path.name, column="districts", details={"names": names})])
    return members, missing


def _model_file(model: str, path: Path) -> Path | None:
    """Return the file of a district's model: beside that of all districts, or as `find_model` finds it; or None."""
    beside = path.resolve().parent / f"{model}.toml"
    if is_file(beside):
        return beside
    try:
        return find_model(model)
    except UsageError:
        return None


def _model(file: Path, head: _Head, listed: Listed, changes: Mapping[str, str]) -> Model:
    """Return a district's model with the documents of all districts, and with what is changed here."""
    told = {key: json.dumps(value, ensure_ascii=False) for key, value in listed.set.items()} | dict(changes)
    model = read_model(file, told)
    named = [str(one) for one in model.settings.get("policies", ())]
    lacking = [one for one in head.policies if one not in named]
    if not lacking:
        return model
    return read_model(file, told | {"policies": json.dumps([*named, *lacking], ensure_ascii=False)})


def _wrong_pools(head: _Head, members: Mapping[str, Member], file: str) -> Iterator[Problem]:
    """Yield what keeps pools from being shared."""
    for pool in head.shared:
        column = f"shared.{pool}"
        having = {name: one for name, one in members.items() if pool in one.model.pools}
        if not having:
            known = ", ".join(sorted({key for one in members.values() for key in one.model.pools}))
            yield Problem("joint.no_pool", file, column=column, value=pool, details={"choices": known or "—"})
        for name, member in having.items():
            hospitals = member.model.pools[pool].hospitals
            outside = [one for one in hospitals if one in member.model.supporters]
            if len(hospitals) != 1 or len(outside) != 1:
                yield Problem("joint.not_outside", file, column=column, value=name, details={"pool": pool})
            if member.district.pools:
                yield Problem("joint.own_pools", file, column=column, value=name, details={"pool": pool})


def with_shares(member: Member, shares: Mapping[str, int], shared: Mapping[str, Shared]) -> Model:
    """Return a district's model with its shares of the pools [persons]; where they come from stands with them."""
    changes: dict[str, str] = {}
    for pool, share in shares.items():
        changes[f"pools.{pool}.away"] = str(share)
        changes[f"pools.{pool}.basis"] = json.dumps(str(shared[pool].basis))
        changes[f"pools.{pool}.source"] = json.dumps(shared[pool].source, ensure_ascii=False)
    return changed(member.model, changes) if changes else member.model
