"""What the page of a model shows and does, beside the server: a model as rows and fields, and changes of its file."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import pydantic

from allocate import card, joint, model
from allocate.bundle import bundled
from allocate.errors import AllocateError, ModelError, Problem, UsageError
from allocate.files.text import read_bytes
from allocate.goals import GOALS
from allocate.model import Model, loaded, presets_of, read_model
from allocate.names import MOST_WRITTEN
from allocate.policies import policy_files
from allocate.replacing import write_file
from allocate.rows import POLICY, Strength
from allocate.rules import RULES, Named, Rule
from allocate.serve import history
from allocate.serve.commands import key_said, value_said
from allocate.serve.editing import NOTHING, Way, Written, leaves, like
from allocate.serve.history import Change, Entry
from allocate.serve.home import Home, Outside
from allocate.settings import entries, looked_up
from allocate.tables import INSTITUTION_KINDS
from allocate.words import catalogue, language, say, term, visible

Json = dict[str, Any]

_LOCK = "maps/.models.lock"
MOST_CHANGES = 200
# Of numbers that rest on these it is said that somebody stands for them: once changed, they are assumed.
_PROVEN = ("official", "surveyed")
_SHARES = ("share", "tail", "leaves", "gap", "doubt")
_TOLD = ("source", "basis", "note")
# What every rule has, shown beside its own numbers.
_ASIDE = ("strength", "years", "weight", "on")
_WORDS = ("clause", "document", "status", "quote", "rule")
# What a page asks for last when a rule is added, and what it does not: a document says it, or only the file can.
_LAST = ("strength", "years", "source", "basis")
_NOT_ASKED = ("clause", "document", "status", "quote", "weight", "rule")
# Rules that have tables within their table.
_BY_HAND = ("function_reach",)
# Where the names stand that keys of rules take.
_NAMES_IN: Mapping[str, tuple[str, ...]] = {
    "resources": ("resource", "resources", "or_remote", "ratio.to", "reserve.of"),
    "functions": ("function", "functions"),
}
_OWN, _TRIAL = "own_", "a-rule-that-is-tried"
_OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
UNITS: Mapping[str, tuple[str, ...]] = {
    "yuan": (
        *("opening", "yearly", "adding", "monthly", "handover", "per_visit", "per_hour", "yearly_per_bed"),
        *("linking", "linked_yearly"),
    ),
    "persons": ("people", "away", "below_people", "from_people"),
    "minutes": (
        *("minutes", "day_minutes", "unserved_minutes", "change_minutes", "balance_minutes", "outside_minutes"),
    ),
    "metres": (*("metres", "grid_metres", "spacing_metres", "move_metres", "adjoining_metres", "access_metres"),),
    "kmh": ("speed_kmh", "access_kmh", "speeds"),
    "months": ("months", "handover_months", "months_per_hour"),
    "days": ("apart", "days_per_week"),
    "times": ("times",),
    "half_days": ("half_days", "half_days_each"),
    "beds": ("most_beds",),
}
_UNIT_OF = {key: unit for unit, keys in UNITS.items() for key in keys}
_LARGEST_PLAIN = 2**53


# ---- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A model's file, and what it is read against.

    Attributes
    ----------
    written
        The file as it is written.
    version
        Its SHA-256.
    presets
        The circles and ways to travel that it may name.
    firsts
        What stood somewhere before the first change that the history knows of: the value, and how it was written.
    example
        The bundled model of the same name; None where there is none.
    """

    home: Home
    name: str
    path: Path
    written: Written
    presets: Mapping[str, Any]
    entries: tuple[Entry, ...]
    example: Written | None

    @property
    def content(self) -> dict[str, Any]:
        """Return what the file says."""
        return self.written.content

    @cached_property
    def version(self) -> str:
        """Return the SHA-256 of the file."""
        return hashlib.sha256(self.written.raw).hexdigest()

    @property
    def is_joint(self) -> bool:
        """Tell whether it is a model of several districts."""
        return isinstance(self.content.get("districts"), dict) and "district" not in self.content

    @cached_property
    def firsts(self) -> dict[Way, Change]:
        """Return the first change of every key that the history knows of."""
        found: dict[Way, Change] = {}
        for entry in self.entries:
            for change in entry.changes:
                found[change.key] = change
        return found

    def with_written(self, written: Written, *changes: Change) -> "Opened":
        """Return the same with another text of the file, and with what was changed for it in the history."""
        told = Entry("", "", "", "model", self.name, changes, "", {})
        return replace(self, written=written, entries=(told, *self.entries))

    def value(self, key: Way) -> Any:
        """Return what the file says at a key; NOTHING where it is silent."""
        return self.written.value(in_file(key, self.content))

    @cached_property
    def documents(self) -> dict[str, Json]:
        """Return the clauses of all documents by id, just as they are written there."""
        return {code: clause for _, clauses in _policies(str(self.path.parent)) for code, clause in clauses.items()}

    def base(self, key: Way) -> tuple[str, Any, str]:
        """Return what a key was before anybody changed it: according to what, the value, and how it was written."""
        if key[0] == "clauses" and len(key) > 1:
            return "document", NOTHING, ""
        if key[0] in ("modes", "circles") and entries(self.presets.get(key[0])).get(key[1] if len(key) > 1 else ""):
            return "preset", looked_or_nothing(self.presets, key), ""
        for length in range(len(key), 0, -1):
            first = self.firsts.get(key[:length])
            if first is not None and (length == len(key) or isinstance(first.before, Mapping) or first.before is None):
                before = NOTHING if first.before is None else looked_or_nothing(first.before, key[length:])
                if length == len(key) and key == ("goals",):
                    return "first", first.before, ""
                return "first", before, first.was if length == len(key) else ""
        if self.example is not None:
            way = in_file(key, self.example.content)
            if key == ("goals",):
                return "example", goal_names(self.example.content), ""
            return "example", self.example.value(way), self.example.as_written(way)
        return "first", goal_names(self.content) if key == ("goals",) else self.value(key), ""


def looked_or_nothing(content: Any, way: Sequence[str]) -> Any:
    """Return what stands at the end of a way, tables whole; NOTHING where nothing does."""
    for part in way:
        content = entries(content).get(part, NOTHING)
    return content


def goal_names(content: Mapping[str, Any]) -> list[str]:
    """Return the goals of a model in their order."""
    found = content.get("goals")
    return [str(entries(one).get("goal", "")) for one in found] if isinstance(found, list) else []


def in_file(key: Way, content: Mapping[str, Any]) -> Way:
    """Return the way to a key in the file, where goals have numbers and not names."""
    if key[0] == "goals" and len(key) > 1 and not key[1].isdigit():
        names = goal_names(content)
        return ("goals", str(names.index(key[1])), *key[2:]) if key[1] in names else ("goals", "none", *key[2:])
    return key


def out_of_file(way: Way, content: Mapping[str, Any]) -> Way:
    """Return what a way in the file is called: goals by their names, wherever they stand."""
    if way[0] == "goals" and len(way) > 1 and way[1].isdigit():
        return ("goals", goal_names(content)[int(way[1])], *way[2:])
    return way


@lru_cache(maxsize=8)
def _policies_of(folder: str, stamp: tuple[tuple[str, int], ...]) -> tuple[tuple[Json, dict[str, Json]], ...]:
    del stamp
    found = []
    for name, file in policy_files(Path(folder)).items():
        try:
            content = loaded(file, {}, name=file.name)
        except ModelError:
            continue
        document = {**entries(content.get("document")), "file": name}
        clauses = content.get("clauses")
        told = (
            {str(one.get("id")): one for one in clauses if isinstance(one, dict)} if isinstance(clauses, list) else {}
        )
        found.append((document, told))
    return tuple(found)


def _policies(folder: str) -> tuple[tuple[Json, dict[str, Json]], ...]:
    """Return every document that a model in a folder may name, with its clauses as they are written."""
    files = policy_files(Path(folder)).values()
    return _policies_of(folder, tuple((str(file), file.stat().st_mtime_ns) for file in files))


def opened(folder: str, name: str) -> Opened:
    """Open a model of a planner's folder.

    Raises
    ------
    UsageError, ModelError
        When it is not there (any more), or no TOML.
    """
    home = Home(Path(folder))
    try:
        path = home.model(name)
        written = Written(read_bytes(path, MOST_WRITTEN), path.name)
    except (Outside, OSError):
        raise UsageError([Problem("serve_models.gone", details={"name": name})]) from None
    example = bundled() / "models" / path.name
    try:
        presets = loaded(presets_of(path), {})
    except ModelError:
        presets = {}
    return Opened(
        home,
        name,
        path,
        written,
        presets,
        tuple(one for one in history.entries(home, most=10**6, of=name) if one.what in ("model", "undo")),
        Written(example.read_bytes(), example.name) if example.is_file() else None,
    )


# ---- fields --------------------------------------------------------------------------------------------------------


@cache
def _schema(kind: type[Any]) -> Json:
    return pydantic.TypeAdapter(kind).json_schema()


@cache
def _heads() -> Json:
    return model.head_schema()


@cache
def _joint_heads() -> Json:
    return joint.head_schema()


def schema_of(now: Opened, key: Way) -> Json:
    """Return what a key may hold, as a JSON schema; empty where nobody says."""
    rest: Way
    if key[0] in ("rules", "clauses") and len(key) > 2:
        if key[0] == "rules":
            kind = RULES.get(str(looked_up(now.content, ("rules", key[1], "rule"))))
        else:
            kind = RULES.get(str(looked_up(now.documents.get(key[1], {}), ("rule", "rule"))))
        if key[2] == "on":
            return {"type": "boolean", "default": True}
        if key[2] == "strength" and (kind is None or not kind.is_physics):
            return {"enum": list(POLICY)}
        if kind is None:
            return {"type": "array", "items": {"type": "integer"}} if key[2] == "years" else {}
        root, rest = _schema(kind), key[2:]
    elif key[0] == "goals" and len(key) > 2:
        goal = GOALS.get(key[1])
        if goal is None:
            return {}
        root, rest = _schema(goal), key[2:]
    else:
        root, rest = _joint_heads() if now.is_joint else _heads(), key
    found: Json = root
    for part in rest:
        found = _followed(found, root)
        inner = entries(found.get("properties")).get(part)
        if inner is None and isinstance(found.get("additionalProperties"), dict):
            inner = found["additionalProperties"]
        if inner is None and isinstance(found.get("items"), dict) and part.isdigit():
            inner = found["items"]
        if not isinstance(inner, dict):
            return {}
        found = inner
    followed = _followed(found, root)
    items = followed.get("items")
    return {**followed, "items": _followed(items, root)} if isinstance(items, dict) else followed


def _followed(schema: Json, root: Json) -> Json:
    """Return a schema with what it refers to; of several that are allowed, the first that is something."""
    for _ in range(5):
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **choice}
                break
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            break
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**entries(root.get("$defs"))[ref.rsplit("/", 1)[1]], **rest}
    return schema


def label_of(now: Opened, key: Way) -> str:
    """Return what planners call a key."""
    last = key[-1]
    kind = looked_up(now.content, (*key[:2], "rule")) if key[0] == "rules" and len(key) == 3 else ""
    if f"serve_rule_key.{kind}_{last}" in catalogue():
        return say(f"serve_rule_key.{kind}_{last}")
    known = f"serve_model_key.{last}"
    if last.isdigit():
        return f"{label_of(now, key[:-1])} {int(last) + 1}" if len(key) > 1 else last
    if known in catalogue() and not _is_named(key):
        return say(known)
    if len(key) > 1 and isinstance(now.value(key[:-1]), dict) and not _is_named(key):
        above = key[-2]
        if f"serve_model_key.{above}" in catalogue() and not _is_named(key[:-1]):
            return f"{say(f'serve_model_key.{above}')} · {called(last)}"
    return name_of(now, key)


# Tables in which every name is a planner's own.
_NAMING = (
    "rules",
    "clauses",
    "siting",
    "resources",
    "modes",
    "circles",
    "functions",
    "pools",
    "supporters",
    "outreach",
)
_NAMED = (*_NAMING, "scenarios", "scenario_sets", "districts", "shared", "goals")


def _is_named(key: Way) -> bool:
    return len(key) == 2 and key[0] in _NAMED


def name_of(now: Opened, key: Way) -> str:
    """Return what a table with a name of its own is called."""
    last = key[-1]
    if key[0] == "goals" and len(key) == 2:
        known = f"stage.{last}"
        return say(known) if known in catalogue() else last
    for content in (now.content, now.presets):
        for said in ("name", "title"):
            text = entries(looked_up(content, key)).get(said)
            if isinstance(text, dict) and isinstance(text.get(language()), str):
                return str(text[language()])
    return called(last)


def called(code: str) -> str:
    """Return a code in words, where the catalogue has any."""
    sections = ("term", "kind", "serve_model_choice", "strength", "basis", "rank", "regime", "ownership", "hospital")
    for section in (*sections, "projection", "generating", "road_class", "goes_as", "age"):
        if f"{section}.{code}" in catalogue():
            try:
                return say(f"{section}.{code}")
            except (KeyError, IndexError):
                continue
    return code


def field(now: Opened, key: Way, settled: Any = NOTHING) -> Json:
    """Return a key as a page shows it: its value, what it may be, and what it was before anybody changed it.

    Parameters
    ----------
    settled
        What it comes to where the file is silent: the document's, the preset's, or the default.
    """
    schema, value = schema_of(now, key), now.value(key)
    is_set = value is not NOTHING
    if not is_set:
        value = settled if settled is not NOTHING else schema.get("default", NOTHING)
    found: Json = {
        "key": list(key),
        "value": _shown(value),
        "label": label_of(now, key),
        **_control(now, key, schema, value),
    }
    if not is_set:
        found["silent"] = True
    unit = _UNIT_OF.get(key[-1]) or (_UNIT_OF.get(key[-2]) if len(key) > 1 else None)
    if unit and found["kind"] == "number":
        found["unit"] = say(f"serve_model_unit.{unit}")
    elif key[-1] == "at_most" and key[0] == "rules" and looked_up(now.content, (*key[:2], "rule")) == "spending":
        found["unit"] = say("serve_model_unit.yuan")
    changed = change_of(now, key, settled)
    if changed is not None:
        found |= {"of": changed["of"], "base": changed["from"]}
    return found


def _control(now: Opened, key: Way, schema: Json, value: Any) -> Json:
    """Return with what a value is edited, and its limits."""
    kind = schema.get("type")
    items = schema.get("items", {})
    choices = _choices(now, key, schema)
    if isinstance(value, bool) or kind == "boolean":
        return {"kind": "switch"}
    if choices is not None:
        several = kind == "array" or isinstance(value, list)
        return {"kind": "choices" if several else "choice", "choices": choices}
    if kind in ("number", "integer") or (isinstance(value, int | float) and not isinstance(value, bool)):
        limits = {
            name: schema[told]
            for name, told in (
                ("least", "minimum"),
                ("most", "maximum"),
                ("above", "exclusiveMinimum"),
                ("below", "exclusiveMaximum"),
            )
            if told in schema
        }
        is_share = _is_share(key)
        whole = kind == "integer" or (not kind and isinstance(value, int))
        return {
            "kind": "number",
            **limits,
            **({"share": True} if is_share else {}),
            **({"whole": True} if whole else {}),
        }
    if schema.get("format") == "date":
        return {"kind": "date"}
    if isinstance(value, list) or kind == "array":
        whole = items.get("type") == "integer" or (
            isinstance(value, list) and value and all(isinstance(one, int) for one in value)
        )
        simple = not isinstance(value, list) or all(isinstance(one, str | int | float) for one in value)
        return {"kind": ("numbers" if whole else "texts") if simple else "other"}
    if isinstance(value, dict) or kind == "object":
        return {"kind": "other"}
    return {"kind": "text", **({"long": True} if key[-1] in ("source", "note") else {})}


def _is_share(key: Way) -> bool:
    """Tell whether a number is a share, which people read in percent."""
    return key[-1] in _SHARES or (len(key) > 1 and key[-2] == "today_at")


def _choices(now: Opened, key: Way, schema: Json) -> list[list[str]] | None:
    """Return the values that a key may take, with their names; None where they are free."""
    last, content = key[-1], now.content
    merged = {
        table: {**entries(now.presets.get(table)), **entries(content.get(table))} for table in ("circles", "modes")
    }
    named: list[str] | None = None
    if key in (("circle",), ("compare_circles",)):
        return [[one, name_of(now, ("circles", one))] for one in merged["circles"]]
    if key == ("policies",):
        return [[str(one["file"]), _document_title(one)] for one, _ in _policies(str(now.path.parent))]
    if key == ("adopt",) or (last == "clause" and key[0] == "rules"):
        return None
    if last == "mode" and len(key) > 1:
        return [[one, name_of(now, ("modes", one))] for one in merged["modes"]]
    if last in ("resource", "resources", "of", "to") and len(key) > 2 and not schema.get("enum"):
        named = list(entries(content.get("resources"))) if _names_of(now, key, "resources") else None
    elif last in ("function", "functions") and len(key) > 2:
        named = list(entries(content.get("functions"))) if _names_of(now, key, "functions") else None
    elif last in ("kinds", "unless", "counts") and key[0] in ("rules", "clauses"):
        named = list(INSTITUTION_KINDS)
    elif last == "strength" and "enum" not in schema:
        named = list(POLICY)
    found = schema.get("enum") or entries(schema.get("items")).get("enum") or named
    if not found:
        return None
    if named and last in ("function", "functions"):
        return [[one, name_of(now, ("functions", one))] for one in named]
    if last == "strength":
        found = [one for one in found if one != Strength.PHYSICS or looked_up(content, key) == Strength.PHYSICS]
    return [[str(one), called(str(one))] for one in found]


def _names_of(now: Opened, key: Way, table: str) -> bool:
    """Tell whether what a key says are names of a table of the model, all of them."""
    value = now.value(key)
    told = settled_value(now, key) if value is NOTHING else value
    names = told if isinstance(told, list) else [told]
    return bool(names) and all(isinstance(one, str) and one in entries(now.content.get(table)) for one in names)


def _document_title(document: Mapping[str, Any]) -> str:
    title = document.get("title")
    return str(title.get(language(), document["file"])) if isinstance(title, dict) else str(document["file"])


def _shown(value: Any) -> Any:
    """Return a value as a page can hold it: what it would round stays a text, what nobody says is nothing."""
    if value is NOTHING:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_PLAIN:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return history.plain(value)


def settled_value(now: Opened, key: Way) -> Any:
    """Return what a key comes to where the file is silent, by document or preset."""
    if key[0] == "clauses" and len(key) > 2:
        return document_value(now, key)
    if key[0] in ("modes", "circles"):
        return looked_or_nothing(now.presets, key)
    return NOTHING


def document_value(now: Opened, key: Way) -> Any:
    """Return what a document says of a clause: its strength, its years, or a number of its rule."""
    clause = now.documents.get(key[1], {})
    if key[2] == "on":
        return True
    if key[2] == "weight":
        return 1.0
    if key[2] in ("strength", "years"):
        rule = entries(clause.get("rule"))
        return rule.get(key[2], clause.get(key[2], NOTHING if key[2] == "strength" else []))
    found = looked_or_nothing(clause.get("rule", {}), key[2:])
    return schema_of(now, key).get("default", NOTHING) if found is NOTHING else found


def change_of(now: Opened, key: Way, settled: Any = NOTHING) -> Json | None:
    """Return how a key differs from what it was; None where it does not."""
    value = goal_names(now.content) if key == ("goals",) else now.value(key)
    of, base, _ = now.base(key)
    if of in ("document", "preset"):
        if value is NOTHING:
            return None
        base = settled_value(now, key) if settled is NOTHING or of == "preset" else settled
    if history.plain(_none(base)) == history.plain(_none(value)):
        return None
    told = {"key": list(key), "from": _shown(base), "to": _shown(value), "of": say(f"serve_model_base.{of}")}
    return told | {"share": True} if _is_share(key) else told


def _none(value: Any) -> Any:
    return None if value is NOTHING else value


def all_changed(now: Opened) -> list[Json]:
    """Return every key that is not what it was, with both values and where it is called what."""
    ways = [out_of_file(way, now.content) for way, _ in leaves(now.content)]
    seen = dict.fromkeys(ways)
    if now.example is not None:
        seen |= dict.fromkeys(out_of_file(way, now.example.content) for way, _ in leaves(now.example.content))
    seen |= dict.fromkeys(key for key in now.firsts if key != ("goals",) and not isinstance(now.value(key), dict))
    found = []
    for key in (("goals",), *seen):
        told = change_of(now, key) if key[0] != "goals" or key == ("goals",) or len(key) > 2 else None
        if told is not None:
            found.append(told | {"label": " · ".join(_path_said(now, key))})
    return found


def _path_said(now: Opened, key: Way) -> Iterator[str]:
    if key[0] in ("clauses", "rules") and len(key) > 2:
        yield key[1]
        yield label_of(now, key)
        return
    for length in range(1, len(key) + 1):
        yield label_of(now, key[:length])


# ---- the whole model -----------------------------------------------------------------------------------------------


def view(folder: str, name: str) -> Json:
    """Return all that the page of a model shows."""
    now = opened(folder, name)
    common = {
        "name": name,
        "file": f"models/{now.path.name}",
        "version": now.version,
        "kind": "joint" if now.is_joint else "model",
        **_title(now),
        **_undoing(now),
        "changed": all_changed(now),
        "heads": {key: label_of(now, (key,)) for key in now.content},
        "tree": [_leaf(now, way) for way, _ in leaves(now.content)],
    }
    if now.is_joint:
        return {**common, **_joint_view(now), "problems": []}
    try:
        read = read_model(now.path)
    except AllocateError as error:
        return {**common, "kind": "broken", "problems": _problems(error, now)}
    return {**common, "problems": [], **_View(now, read).whole()}


def _title(now: Opened) -> Json:
    title = now.content.get("title")
    said = title.get(language()) if isinstance(title, dict) else title
    return {"title": str(said or now.name)}


def _leaf(now: Opened, way: Way) -> Json:
    key = out_of_file(way, now.content)
    found = field(now, key)
    comment = now.written.comment(way)
    return {**found, "path": ".".join(key), **({"comment": comment} if comment else {})}


def _undoing(now: Opened) -> Json:
    """Return which entry of the history can be undone, and which undoing be undone."""
    undone: set[str] = set()
    redo = ""
    kinds = {entry.id: entry.what for entry in now.entries}
    for entry in now.entries:
        if entry.undoes and entry.id not in undone:
            undone.add(entry.undoes)
            if not redo and kinds.get(entry.undoes) == "model":
                redo = entry.id
        if entry.what == "model" and entry.id not in undone:
            newer = [one.id for one in now.entries[: now.entries.index(entry)]]
            return {"undo": entry.id, "redo": redo if redo in newer else ""}
        if entry.what == "model" and entry.id in undone:
            continue
    return {"undo": "", "redo": redo}


def _problems(error: AllocateError, now: Opened) -> list[Json]:
    """Return what is wrong, each with the key at which it stands."""
    listed = getattr(error, "problems", ()) or ()
    found = [{"text": visible(one.sentence()), "key": _key_of(one.column, now)} for one in listed]
    return found or [{"text": visible(str(error)), "key": []}]


def _key_of(column: str, now: Opened) -> list[str]:
    """Return the key that a problem names, as the page calls it."""
    parts = tuple(column.replace("[", ".").replace("]", "").split(".")) if column else ()
    try:
        return list(out_of_file(parts, now.content)) if parts else []
    except (IndexError, ValueError):
        return list(parts)


class _View:
    """A model that can be read, as rows and fields."""

    def __init__(self, now: Opened, read: Model) -> None:
        self.now, self.model = now, read
        rules = entries(now.content.get("rules"))
        self.citing: dict[str, list[str]] = {}
        for name, table in rules.items():
            if isinstance(table, dict):
                self.citing.setdefault(str(table.get("clause", "")), []).append(name)

    def whole(self) -> Json:
        """Return everything."""
        now, content = self.now, self.now.content
        own = entries(content.get("rules"))
        free = [name for name in own if str(entries(own[name]).get("clause", "")) not in self.model.clauses]
        money = [
            name for name in free if RULES.get(str(own[name].get("rule"))) and RULES[str(own[name]["rule"])].spends
        ]
        return {
            "district": self.model.district,
            "documents": list(self._documents()),
            "rules": [self._free_rule(name) for name in free if name not in money],
            "budget": [self._free_rule(name) for name in money],
            "adoptable": list(self._adoptable()),
            "settings": [field(now, (key,)) for key in _SETTINGS if key in content or key not in ("title",)],
            "circles": {name: self._circle(name) for name in self.model.circles},
            "groups": list(self._groups()),
            "goals": list(self._goals()),
            "scenarios": [self._scenario(name) for name in self.model.scenarios],
            "sets": {name: list(members) for name, members in self.model.scenario_sets.items()},
        }

    def _documents(self) -> Iterator[Json]:
        for document, clauses in _policies(str(self.now.path.parent)):
            rows = [self._clause(code, clause) for code, clause in clauses.items() if code in self.model.clauses]
            if not rows:
                continue
            read = self.model.documents.get(str(document.get("id")))
            note = read.note[language()] if read and read.note else ""
            yield {
                "id": document.get("id"),
                "title": _document_title(document),
                "issuer": str(entries(document.get("issuer")).get(language(), "")),
                "status": say(f"document.{document.get('status')}"),
                "draft": document.get("status") == "draft",
                "as_of": str(document.get("as_of", "")),
                "regime": say(f"regime.{document.get('regime')}"),
                "foreign": bool(read and self.model.is_foreign(f"{read.id}-1")),
                "note": note,
                "rows": rows,
            }

    def _clause(self, code: str, clause: Json) -> Json:
        """Return the row of a clause: its words, and what the model makes of them."""
        role = str(clause.get("is", ""))
        found: Json = {
            "id": code,
            "at": str(clause.get("at", "")),
            "quote": str(clause.get("quote", "")),
            "says": _spoken(clause.get("says")),
            "note": _spoken(clause.get("note")),
            "reason": _spoken(clause.get("reason")),
            "label": str(clause.get("label", "")),
            "source": str(clause.get("source", "")),
            "role": role,
            "asks": [],
        }
        if code in self.citing:
            found["asks"] = [self._rule(("rules", name)) for name in self.citing[code]]
        elif role == "rule":
            found["asks"] = [self._rule(("clauses", code))]
        else:
            ways = [("clauses", code, key) for key in self._asides(role, code)]
            found["aside"] = [field(self.now, way, document_value(self.now, way)) for way in ways]
        found["status"], found["what"] = self._status(code, role)
        return found

    def _asides(self, role: str, code: str) -> tuple[str, ...]:
        if code in self.citing:
            return ()
        return ("on", "strength", "years") if role == "decision" else ("on",)

    def _status(self, code: str, role: str) -> tuple[str, str]:
        """Return what becomes of a clause, as a kind and in words."""
        if self.model.is_foreign(code):
            return "none", say("serve_models.status_foreign")
        if code in self.model.silent:
            return "off", say(self.model.silent[code])
        if code in self.citing or role == "rule":
            return "", ""
        if role == "decision":
            here = self.model.decides(self.model.clauses[code])
            return ("decided", say("clause.decided_here")) if here else ("undecided", say("clause.undecided_yet"))
        return ("reported" if role == "indicator" else "none"), say(f"clause.{role}")

    def _rule(self, way: Way) -> Json:
        """Return a rule: its sentence, its numbers, how strongly and when it holds."""
        now, name = self.now, way[1]
        rule = self.model.rules.get(name)
        told = self._table_of(way)
        kind = RULES.get(str(told.get("rule", "")))
        numbers = self._numbers(kind, way, told)
        on = field(now, (*way, "on"))
        found: Json = {
            "name": name,
            "key": list(way),
            "sentence": self._sentence(rule) if rule else self._off_sentence(kind, told),
            "fields": [
                field(now, (*way, *key), document_value(now, (*way, *key)) if way[0] == "clauses" else NOTHING)
                for key in numbers
            ],
            "on": on,
            "strength": field(now, (*way, "strength"), told.get("strength", NOTHING)),
            "years": field(now, (*way, "years"), list(rule.years) if rule else told.get("years", NOTHING)),
            "weight": field(now, (*way, "weight")),
            "source": field(now, (*way, "source"), rule.source if rule else told.get("source", "")),
            "basis": field(now, (*way, "basis"), str(rule.basis) if rule else told.get("basis", "assumed")),
        }
        found["status"], found["what"] = self._rule_status(rule, on)
        if way[0] == "rules" and _is_stale(now, way):
            found["stale"] = True
        return found

    def _table_of(self, way: Way) -> Json:
        """Return what is known of a rule: what its document says, and what the model does."""
        if way[0] == "clauses":
            clause = self.now.documents.get(way[1], {})
            own = entries(looked_up(self.now.content, way))
            above: Json = {key: clause[key] for key in ("strength", "years", "basis") if key in clause}
            return {
                **above,
                "source": clause.get("source") or clause.get("at", ""),
                **entries(clause.get("rule")),
                **own,
            }
        own = entries(looked_up(self.now.content, way))
        clause = self.now.documents.get(str(own.get("clause", "")), {})
        strength: Json = {"strength": clause["strength"]} if "strength" in clause else {}
        return {**strength, **own}

    def _numbers(self, kind: type[Rule] | None, way: Way, told: Json) -> list[Way]:
        """Return the keys of a rule's own numbers that it gives, or could: members of tables one by one."""
        found: list[Way] = []
        for key, value in told.items():
            if key in (*_WORDS, *_ASIDE, *_TOLD):
                continue
            found += [(key, one) for one in value] if isinstance(value, dict) and value else [(key,)]
        limits: list[Way] = [("at_least",), ("at_most",), ("share",)]
        if kind is not None and not any(one in found for one in limits):
            names = entries(_schema(kind).get("properties"))
            found += [one for one in limits if one[0] in names][:1]
        first = {key: n for n, key in enumerate(_NUMBERS_FIRST)}
        return sorted(found, key=lambda one: first.get(one[0], len(first)))

    def _off_sentence(self, kind: type[Rule] | None, told: Json) -> str:
        """Say a rule that is switched off, where it can be read at all."""
        if kind is None:
            return ""
        given = {key: value for key, value in told.items() if key not in ("rule", "on")}
        given = {"strength": "physics" if kind.is_physics else "must", "source": "—", "basis": "assumed"} | given
        try:
            rule: Rule = pydantic.TypeAdapter(kind).validate_python(given)
        except pydantic.ValidationError:
            return ""
        return self._sentence(rule)

    def _sentence(self, rule: Rule) -> str:
        """Say a rule, functions by their names in the model."""
        names = {name: ability.name for name, ability in self.model.functions.items()}
        return card.sentence(rule, language(), {name: text[language()] for name, text in names.items() if text})

    def _rule_status(self, rule: Rule | None, on: Json) -> tuple[str, str]:
        if rule is None:
            return ("off", say("clause.off")) if on["value"] is False else ("none", say("clause.beyond"))
        if self.model.is_foreign(rule.clause):
            return "none", say("serve_models.status_foreign")
        if rule.is_physics:
            return "decided", say("serve_models.status_physics")
        if rule.years and all(map(self.model.has_passed, rule.years)):
            return "reported", say("serve_models.status_past")
        if not self.model.settles(rule):
            needs = sorted(rule.needs - self.model.decided)
            lacking = [called(one) for one in needs] or [
                term(one) for one in sorted(set(rule.resources) - set(self.model.resources))
            ]
            lacking = lacking or [
                name_of(self.now, ("functions", one)) for one in rule.abilities if one not in self.model.functions
            ]
            return "undecided", say("serve_models.status_lacking", needs=say("summary.comma").join(lacking))
        return "decided", say("serve_models.status_planned")

    def _free_rule(self, name: str) -> Json:
        """Return the row of a rule that no clause in force stands behind."""
        table = entries(looked_up(self.now.content, ("rules", name)))
        return {
            "id": name,
            "at": str(table.get("clause", "")),
            "quote": str(table.get("quote", "")),
            "says": "",
            "own": not table.get("clause"),
            "asks": [self._rule(("rules", name))],
        }

    def _adoptable(self) -> Iterator[Json]:
        """Yield the clauses of standards that the model could adopt one by one."""
        for document, clauses in _policies(str(self.now.path.parent)):
            if str(document.get("file")) in self.model.settings.get("policies", ()) or document.get("id") != "ST":
                continue
            for code, clause in clauses.items():
                if code not in self.model.clauses:
                    yield {"id": code, "says": _spoken(clause.get("says")), "source": str(clause.get("source", ""))}

    def _groups(self) -> Iterator[Json]:
        """Yield the tables of numbers: what sites, staff and ways cost, how fast one goes, how near is near enough."""
        now = self.now
        for table, keys in _GROUPS.items():
            ways: list[Way]
            names: Iterable[str] = (
                {**entries(now.presets.get(table)), **entries(now.content.get(table))}
                if table in ("modes", "circles")
                else entries(now.content.get(table))
            )
            if table in _SINGLE:
                ways = [(table,)] if table in now.content else []
            else:
                ways = [(table, name) for name in names]
            rows = []
            for way in ways:
                found = [field(now, (*way, *key), self._preset(way, key)) for key in keys if self._has(way, key)]
                row: Json = {"name": name_of(now, way), "code": way[-1], "key": list(way), "fields": found}
                for key in ("source", "basis"):
                    row[key] = field(now, (*way, key), self._preset(way, (key,)))
                if _is_stale(now, way):
                    row["stale"] = True
                if found:
                    rows.append(row)
            if rows:
                yield {"table": table, "label": say(f"serve_model_key.{table}"), "rows": rows}

    def _circle(self, name: str) -> str:
        """Say how far a circle reaches, by which ways to travel, and which kinds of site count."""
        circle, spoken = self.model.circles[name], language()
        parts = []
        if circle.adjoining_metres:
            parts.append(say("card.in_adjoining", metres=f"{circle.adjoining_metres:,}"))
        if circle.minutes:
            ways = say("summary.comma").join(self.model.modes[mode].name[spoken] for mode in circle.modes)
            parts.append(f"{ways} {say('card.in_minutes', minutes=f'{circle.minutes:g}')}")
        if circle.metres:
            parts.append(say("card.in_metres", metres=f"{circle.metres:,}"))
        kinds = say("summary.comma").join(say(f"kind.{kind}") for kind in circle.kinds)
        return f"{say('summary.semicolon').join(parts)} ({kinds}; {called(str(circle.basis))})"

    def _preset(self, way: Way, key: Way) -> Any:
        return looked_or_nothing(self.now.presets, (*way, *key)) if way[0] in ("modes", "circles") else NOTHING

    def _has(self, way: Way, key: Way) -> bool:
        """Tell whether a table has a key, or is of a kind that commonly says it."""
        if self.now.value((*way, *key)) is not NOTHING or self._preset(way, key) is not NOTHING:
            return True
        table = entries(looked_up(self.now.content, way))
        if way[0] == "resources":
            return (
                len(key) == 1
                and key[0] in ("yearly", "adding")
                and not ({"sum_of", "held_back", "needs", "part_of"} & set(table))
            )
        return way[0] == "siting" and len(key) == 1

    def _goals(self) -> Iterator[Json]:
        for name, goal in self.model.goals.items():
            yield self._goal(name, goal)
        for name in goal_names(self.now.content):
            if name not in self.model.goals:
                yield {
                    "name": name,
                    "label": name_of(self.now, ("goals", name)),
                    "says": say("clause.undecided_yet"),
                    "fields": [],
                }

    def _goal(self, name: str, goal: Any) -> Json:
        now = self.now
        table = entries(looked_up(now.content, in_file(("goals", name), now.content)))
        keys = [("goals", name, key) for key, value in table.items() if key != "goal" and not isinstance(value, dict)]
        return {
            "name": name,
            "label": name_of(now, ("goals", name)),
            "says": card.goal_sentence(goal, language()),
            "fields": [field(now, key) for key in keys],
        }

    def _scenario(self, name: str) -> Json:
        from allocate.scenario_tables import changes_in

        scenario = self.model.scenarios[name]
        own = changes_in({name: scenario}, name, self.model.settings)
        return {
            "name": name,
            "title": scenario.title[language()],
            "from": scenario.parent,
            "note": scenario.note,
            "basis": called(str(scenario.basis)),
            "source": scenario.source,
            "changes": [
                {
                    "key": ".".join(way),
                    "label": " · ".join(_path_said(self.now, way)),
                    "share": _is_share(way),
                    "from": _shown(looked_or_nothing(self.model.settings, way)),
                    "to": _shown(value),
                }
                for way, value in own.items()
            ],
        }


_NUMBERS_FIRST = ("share", "at_least", "at_most", "people", "times", "metres", "minutes", "per", "half_days")
_SETTINGS = (
    "title",
    "years",
    "as_of",
    "decides",
    "circle",
    "compare_circles",
    "policies",
    "adopt",
    "regime",
    "draws",
    "seed",
)
_SINGLE = ("population", "travel", "postings", "consortia", "contracts", "visits")
_GROUPS: Mapping[str, tuple[Way, ...]] = {
    "population": (("method",),),
    "travel": (("doubt",), ("calibrate",), ("speed_factor",)),
    "modes": (("speed_kmh",), ("detour",)),
    "circles": (("minutes",), ("metres",), ("adjoining_metres",), ("share",)),
    "siting": (
        *(("opening",), ("yearly",), ("upgrade", "opening"), ("upgrade", "yearly"), ("move", "opening")),
        *(("move", "metres"), ("generate", "number")),
    ),
    "resources": (("yearly",), ("adding",), ("per_year",), ("leaves",), ("today",)),
    "functions": (("opening",), ("yearly",), ("linking",), ("linked_yearly",)),
    "outreach": (("times",), ("minutes",), ("per_visit",), ("per_hour",), ("below_people",)),
    "postings": (("monthly",), ("handover",)),
    "pools": (("away",),),
    "consortia": (("opening",), ("yearly",), ("minutes",)),
    "contracts": (("yearly",), ("yearly_per_bed",), ("minutes",)),
    "visits": (("per_resident",), ("share",)),
}


def _spoken(texts: Any) -> str:
    return str(texts.get(language(), "")) if isinstance(texts, dict) else ""


def _is_stale(now: Opened, way: Way) -> bool:
    """Tell whether numbers of a table were changed while its source still is that of the former ones."""
    table = entries(looked_up(now.content, in_file(way, now.content)))
    if "source" not in table or change_of(now, (*way, "source")) is not None:
        return False
    keys = [
        (*way, *rest) for rest, value in leaves(table) if rest and rest[0] not in (*_TOLD, *_ASIDE, "name", "title")
    ]
    return any(change_of(now, key) is not None for key in keys)


def _joint_view(now: Opened) -> Json:
    """Return what a model of several districts shows."""
    home = now.home
    models, districts = set(home.models()), set(home.districts())
    rows = []
    for name, table in entries(now.content.get("districts")).items():
        own = str(entries(table).get("model") or name)
        title = entries(entries(table).get("name")).get(language(), name)
        rows.append(
            {"name": name, "title": str(title), "model": own, "has_model": own in models, "has_data": name in districts}
        )
    shared = [
        {
            "name": called(name),
            "code": name,
            "key": ["shared", name],
            "fields": [field(now, ("shared", name, "away"))],
            "source": field(now, ("shared", name, "source")),
            "basis": field(now, ("shared", name, "basis")),
        }
        for name in entries(now.content.get("shared"))
    ]
    return {
        "districts": rows,
        "groups": [{"table": "shared", "label": say("serve_model_key.shared"), "rows": shared}] if shared else [],
        "settings": [field(now, (key,)) for key in ("title", "as_of", "policies") if key in now.content],
    }


def _opened_or_none(folder: str, name: str) -> Opened | None:
    try:
        return opened(folder, name)
    except AllocateError:
        return None


def told_entries(folder: str, found: Sequence[Entry]) -> list[Json]:
    """Return entries of the history with what planners call the keys, where their model still is there."""
    models: dict[str, Opened | None] = {}
    said = []
    for entry in found:
        told = entry.as_json()
        if entry.what in ("model", "undo"):
            now = models[entry.of] if entry.of in models else _opened_or_none(folder, entry.of)
            models[entry.of] = now
            if now is not None:
                for one, change in zip(told["changes"], entry.changes, strict=True):
                    one["label"] = " · ".join(_path_said(now, change.key))
                    one["share"] = _is_share(change.key)
        if entry.what == "run":
            for one, change in zip(told["changes"], entry.changes, strict=True):
                one["label"] = key_said(".".join(change.key), language())
                one["to"] = value_said(one["to"]) if isinstance(one["to"], str) else one["to"]
        said.append(told)
    return said


# ---- findings ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _district(folder: str, stamp: tuple[tuple[str, int, int], ...]) -> Any:
    from allocate.read import read_district

    del stamp
    return read_district(Path(folder))


def findings(folder: str, name: str) -> Json:
    """Return what is odd about clauses, each with the rows that it is about.

    Raises
    ------
    AllocateError
        When the model or its district cannot be read.
    """
    from allocate import consistency
    from allocate.candidates import make_case

    now = opened(folder, name)
    read = read_model(now.path)
    where = read.district_folder()
    files = sorted(path for path in where.rglob("*") if path.is_file())
    stamp = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    district = _district(str(where), stamp)
    odd = consistency.findings(read, district, make_case(district, read))
    found = [{"kind": one.kind, "rows": list(one.clauses), "text": one.sentence()} for one in odd]
    return {"version": now.version, "findings": found, "counts": dict(Counter(one.kind for one in odd))}


# ---- changing ------------------------------------------------------------------------------------------------------


def change(folder: str, name: str, version: str, changes: list[Json], who: str) -> Json:
    """Change keys of a model's file, all of them or none, and return what the page shows then.

    Where the file is not what the page was made of, nothing is changed: `conflict` says so.

    Raises
    ------
    AllocateError
        When the model would be wrong; it says each fault at its key.
    """
    if not changes or len(changes) > MOST_CHANGES:
        raise UsageError([Problem("serve_models.too_many", details={"most": MOST_CHANGES})])

    def work(now: Opened) -> tuple[Written, list[Change]]:
        if now.version != version:
            raise _Elsewhere
        made = now
        done: list[Change] = []
        for one in changes:
            made, more = _changed(made, one)
            done += more
        return made.written, done

    return _write(folder, name, who, "model", work)


def rule_kinds(folder: str, name: str) -> Json:
    """Return the kinds of rules that a page can add to a model, with what each is for, and a name that is free."""
    now = opened(folder, name)
    taken = entries(now.content.get("rules"))
    count = next(n for n in range(1, len(taken) + 2) if f"{_OWN}{n}" not in taken)
    kinds = [
        {"kind": kind, "name": say(f"serve_rule_kind.{kind}"), "about": say(f"serve_rule_about.{kind}")}
        for kind in RULES
        if kind not in _BY_HAND
    ]
    return {"version": now.version, "kinds": kinds, "name": f"{_OWN}{count}"}


def rule_form(folder: str, name: str, kind: str) -> Json:
    """Return the keys that a rule of a kind takes, as fields: those that it must have first.

    Raises
    ------
    UsageError
        When there is no such kind, or none that a page can add.
    """
    now, rule = opened(folder, name), _addable(kind)
    schema = _schema(rule)
    needed = [key for key in schema.get("required", ()) if key not in _LAST]
    others = [key for key in schema["properties"] if key not in (*needed, *_LAST, *_NOT_ASKED)]
    last = [key for key in _LAST if key != "strength" or not rule.is_physics]
    with_one = now.with_written(now.written.put(("rules", _TRIAL), {"rule": kind}, ""))
    fields = []
    for key in (*needed, *others, *last):
        made = field(with_one, ("rules", _TRIAL, key))
        table = next((one for one, keys in _NAMES_IN.items() if key in keys or f"{kind}.{key}" in keys), "")
        if table and made["kind"] in ("text", "texts"):
            names = [[one, name_of(now, (table, one))] for one in entries(now.content.get(table))]
            made |= {"kind": "choices" if made["kind"] == "texts" else "choice", "choices": names} if names else {}
        settled = {"strength": "must", "basis": "assumed"}.get(key)
        made = {one: what for one, what in made.items() if one not in ("of", "base", "silent")}
        made |= {"value": settled} if settled else {}
        fields.append({**made, "key": [key], "needed": key in (*needed, "strength", "source", "basis")})
    return {"fields": fields}


def _addable(kind: str) -> type[Rule]:
    if kind not in RULES or kind in _BY_HAND:
        raise UsageError([Problem("serve_models.no_kind", column="rule", value=kind)])
    return RULES[kind]


def add_rule(folder: str, name: str, version: str, called_so: str, kind: str, values: Json, who: str) -> Json:
    """Add a rule to a model's file, and return what the page shows then.

    Where the file is not what the page was made of, nothing is changed: `conflict` says so.

    Raises
    ------
    AllocateError
        When the name cannot be used, or the model would be wrong; it says each fault at its key.
    """
    rule = _addable(kind)
    known = [key for key in _schema(rule)["properties"] if key not in _NOT_ASKED]
    odd = next((key for key in values if key not in known), None)
    if odd is not None:
        raise UsageError([Problem("serve_models.wrong_change", column=odd)])
    if not _OWN_NAME.fullmatch(called_so):
        raise UsageError([Problem("serve_models.rule_name", column="name", value=called_so)])

    def work(now: Opened) -> tuple[Written, list[Change]]:
        if now.version != version:
            raise _Elsewhere
        taken = {*entries(now.content.get("rules")), *entries(now.content.get("clauses")), *now.documents}
        if called_so.casefold() in {one.casefold() for one in taken}:
            raise UsageError([Problem("serve_models.rule_taken", column="name", value=called_so)])
        told = {key: _as_listed(value, _schema(rule), key) for key, value in values.items()}
        made, done = _put(now, ("rules", called_so), {"rule": kind, **told}, "")
        _check_sites(made, called_so)
        return made.written, done

    return _write(folder, name, who, "model", work)


def _as_listed(value: Any, schema: Json, key: str) -> Any:
    """Return a value as the schema lists it: a page says numbers that are chosen by their names."""
    listed = _followed(entries(schema["properties"])[key], schema).get("enum", ())
    return next((one for one in listed if str(one) == value), value)


def _check_sites(after: Opened, name: str) -> None:
    """Refuse a rule that names a site that there is not, where the district can be read.

    Raises
    ------
    ModelError
    """
    from allocate.candidates import make_case
    from allocate.read import read_district

    read = read_model(after.path, raw=after.written.raw)
    if not isinstance(read.rules.get(name), Named):
        return
    try:
        district = read_district(read.district_folder())
    except AllocateError:
        # (What is wrong with the district is said there.)
        return
    make_case(district, read)


def undo(folder: str, id: str, who: str) -> Json:
    """Undo an entry of the history, where what it changed is still what it made of it.

    Raises
    ------
    AllocateError
        When it is not, or the model would be wrong.
    """
    home = Home(Path(folder))
    entry = history.find(home, id)
    if entry is None:
        raise UsageError([Problem("serve_models.no_entry", value=id)])
    if entry.what not in ("model", "undo") or not entry.changes:
        raise UsageError([Problem("serve_models.not_undone")])
    if id in history.undone(home):
        raise UsageError([Problem("serve_models.undone_already")])

    def work(now: Opened) -> tuple[Written, list[Change]]:
        made = now
        done: list[Change] = []
        for one in reversed(entry.changes):
            key = one.key
            current = goal_names(made.content) if key == ("goals",) else made.value(key)
            if history.plain(_none(current)) != one.after:
                raise UsageError([Problem("serve_models.moved_on", details={"key": ".".join(key)})])
            if key == ("goals",):
                made, more = _reordered(made, one.before)
            else:
                value = NOTHING if one.before is None else like(one.before, current)
                made, more = _put(made, key, value, one.was)
            done += more
        return made.written, done

    return _write(folder, entry.of, who, "undo", work, undoes=id)


class _Elsewhere(Exception):
    """The file is not what the page was made of."""


def _write(
    folder: str,
    name: str,
    who: str,
    what: history.What,
    work: Callable[[Opened], tuple[Written, list[Change]]],
    undoes: str = "",
) -> Json:
    home = Home(Path(folder))
    with history.held(home.inside(*_LOCK.split("/"))):
        now = opened(folder, name)
        try:
            written, done = work(now)
        except _Elsewhere:
            return {"conflict": True, "version": now.version}
        if written.raw != now.written.raw:
            after = now.with_written(written)
            _insist(after, done)

            def check() -> None:
                if now.path.read_bytes() != now.written.raw:
                    raise _Elsewhere

            try:
                write_file(now.path, written.raw, check)
            except _Elsewhere:
                return {"conflict": True, "version": ""}
            try:
                history.add(home, who=who, what=what, of=name, changes=done, undoes=undoes)
            except AllocateError:
                # (What nobody could tell later has not happened.)
                write_file(now.path, now.written.raw, lambda: None)
                raise
    return {"view": view(folder, name)}


def _insist(after: Opened, done: Sequence[Change]) -> None:
    """Refuse a text of a file that is no model; what is wrong with a key that was changed does not say where it stands.

    Raises
    ------
    AllocateError
    """
    try:
        if after.is_joint:
            joint.read_joint(after.path, raw=after.written.raw)
        else:
            read_model(after.path, raw=after.written.raw)
    except ModelError as error:
        own = {".".join(in_file(change.key, after.content)) for change in done}
        own |= {".".join(change.key) for change in done}
        raise ModelError(
            [replace(one, file="", column="") if one.column in own else one for one in error.problems]
        ) from None


def _changed(now: Opened, one: Json) -> tuple[Opened, list[Change]]:
    """Change one key as a page asks for it."""
    key = one.get("key")
    if not isinstance(key, list) or not key or not all(isinstance(part, str) and part for part in key) or len(key) > 12:
        raise UsageError([Problem("serve_models.wrong_change")])
    way = tuple(key)
    if way == ("goals",) and "order" in one:
        order = one["order"]
        return _reordered(now, order if isinstance(order, list) else [])
    if one.get("reset") is True:
        return _reset(now, way)
    if "value" not in one:
        raise UsageError([Problem("serve_models.wrong_change")])
    value = NOTHING if one["value"] is None else like(one["value"], _old_kind(now, way))
    made, done = _put(now, way, value, "")
    if done and not any(part in _TOLD for part in way):
        made, more = _assumed(made, way)
        done += more
    return made, done


def _old_kind(now: Opened, way: Way) -> Any:
    """Return a value of the kind that a key holds: what stands there, or what stood there by document or preset."""
    value = now.value(way)
    if value is NOTHING:
        value = settled_value(now, way)
    return value if value is not NOTHING else now.base(way)[1]


def _put(now: Opened, key: Way, value: Any, as_written: str) -> tuple[Opened, list[Change]]:
    """Put a value, and return what was changed; a preset that the file does not have yet is taken over whole."""
    if key[0] in ("modes", "circles") and len(key) > 2 and value is not NOTHING:
        preset = entries(now.presets.get(key[0])).get(key[1])
        if preset is not None and key[1] not in entries(now.content.get(key[0])):
            table = deepcopy(preset)
            inner = table
            for part in key[2:-1]:
                inner = inner.setdefault(part, {})
            inner[key[-1]] = value
            if table == preset:
                return now, []
            return _put(now, key[:2], table, "")
    way = in_file(key, now.content)
    before = now.value(key)
    was = now.written.as_written(way)
    written = now.written.put(way, value, as_written)
    if written.raw == now.written.raw:
        return now, []
    # (A change is kept at the key that it is about, whole tables included.)
    change = Change(
        key, history.plain(_none(before)), history.plain(_none(value)), "" if isinstance(before, dict) else was
    )
    return now.with_written(written, change), [change]


def _assumed(made: Opened, key: Way) -> tuple[Opened, list[Change]]:
    """Say of a number that was official, and is no more, that it is assumed, where its table says what it rests on."""
    for length in range(len(key) - 1, 0, -1):
        basis = made.value((*key[:length], "basis"))
        if basis is NOTHING:
            continue
        if basis in _PROVEN and key[0] != "clauses" and change_of(made, key) is not None and key[-1] not in _ASIDE:
            return _put(made, (*key[:length], "basis"), "assumed", "")
        break
    return made, []


def _reset(now: Opened, key: Way) -> tuple[Opened, list[Change]]:
    """Put back what a key was: the document's or the preset's by taking it out, else the former value."""
    of, base, was = now.base(key)
    if key == ("goals",):
        return _reordered(now, base)
    if of == "document":
        return _put(now, key, NOTHING, "")
    if of == "preset":
        settled = looked_or_nothing(now.presets, key)
        made, done = _put(now, key, settled, "") if now.value(key) is not NOTHING else (now, [])
        table = entries(looked_up(made.content, key[:2]))
        if table and len(key) > 2 and table == looked_or_nothing(now.presets, key[:2]):
            made, more = _put(now, key[:2], NOTHING, "")
            return made, more
        return made, done
    made, done = _put(now, key, base, was)
    for length in range(len(key) - 1, 0, -1):
        told = (*key[:length], "basis")
        if made.value(told) is NOTHING or key[-1] in _TOLD:
            continue
        others = leaves(looked_up(made.content, in_file(key[:length], made.content)))
        if change_of(made, told) is not None and not any(
            change_of(made, (*key[:length], *rest)) for rest, _ in others if rest and rest[0] not in _TOLD
        ):
            _, basis, written = made.base(told)
            made, more = _put(made, told, basis, written)
            done += more
        break
    return made, done


def _reordered(now: Opened, names: Any) -> tuple[Opened, list[Change]]:
    before = goal_names(now.content)
    if not isinstance(names, list) or sorted(map(str, names)) != sorted(before) or len(set(before)) != len(before):
        raise UsageError([Problem("serve_models.wrong_change")])
    if names == before:
        return now, []
    written = now.written.ordered(("goals",), [before.index(str(one)) for one in names])
    change = Change(("goals",), before, names)
    return now.with_written(written, change), [change]
