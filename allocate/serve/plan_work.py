"""What pages of plans show, worked out beside the server: every figure comes from the tables of a plan."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

from allocate.errors import AllocateError, InputError, Problem
from allocate.names import PLAN_FILE
from allocate.plans import STOPPED, inputs_of, read_plan
from allocate.report.candidate_tables import spot_sheets
from allocate.report.cells_said import cell_said
from allocate.report.sheets import people_sheets, sheets
from allocate.report.site_cards import site_cards
from allocate.report.summary import labelled, topics
from allocate.report.table import DISTRICT, Content, Field, Sheet, Source, seen
from allocate.rules import Named
from allocate.serve.commands import key_said
from allocate.siting_candidates import FIRM
from allocate.tables import INSTITUTION_KINDS
from allocate.units import SOFT
from allocate.words import catalogue, language, say, visible

# What is kept until something newer needs the room: plans as they were read, and what was made of them [bytes].
MOST_PLANS, MOST_BYTES = 2, 64 * 2**20
# What a plan of others may lack, or have of another kind, that it takes to show it.
_ODD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, StopIteration, RecursionError)
# Lines of the summary that the page says in words; people, sites and clauses stand in its table of years.
_SAID = (
    "clauses", "worst_town", "circles", "times", "calibration", "staff", "postings", "rounds", "consortia", "centres",
    "functions", "reserves", "contracts", "primary_capacity", "money", "spent", "proof", "draws", "basis", "stock",
)  # fmt: skip
# What the table of years says of the whole district.
_OF_YEAR = ("year", "people", "served", "served_share", "rounds", "posted", "no_capacity", "out_of_range")
# Columns in which a blank means that nobody knows, by table.
_UNKNOWN = {"towns": ("today_served", "today_share"), "today_and_planned": ("today_figure",)}
# Columns in which the key of a rule stands by itself, beside what it says.
_KEYS = ("rule",)
# What a site stands for in a rule, and a number that may be changed: how deep tables of a rule are looked through.
_DEEP = 3
_NO_NUMBERS = ("years", "year")
# A key that needs no quotes in TOML, and no dot that would be taken for the next key.
_KEY = re.compile(r"[\w-]+")
# A key of a model's file within a line.
_DOTTED = re.compile(r"(?<![\w./-])(?:rules|clauses|resources|siting|functions|goals|circles|population)(?:\.[\w-]+)+")


@dataclass(frozen=True)
class _Read:
    """A plan as it was read, and the checksum of its file."""

    content: Content
    mark: str


_plans: OrderedDict[tuple[str, str], _Read] = OrderedDict()
_made: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
_tables: dict[tuple[str, str], dict[str, Sheet]] = {}


def forget() -> None:
    """Forget everything that is kept."""
    _plans.clear()
    _tables.clear()
    _made.clear()


def _whole[**P, R](do: Callable[P, R]) -> Callable[P, R]:
    """Turn what a broken plan leads to into one message: it may have come from anywhere."""

    @wraps(do)
    def said(*given: P.args, **named: P.kwargs) -> R:
        try:
            return do(*given, **named)
        except AllocateError:
            raise
        except _ODD as error:
            file = next((one for one in given if isinstance(one, str)), "")
            reason = f"{type(error).__name__}: {error}"[:200]
            raise InputError([Problem("serve_plans.broken", file, details={"reason": visible(reason)})]) from error

    return said


def _read(folder: str) -> _Read:
    """Return a plan by its folder; one that was read and has not changed is not parsed again."""
    file = Path(folder) / PLAN_FILE
    try:
        mark = sha256(file.read_bytes()).hexdigest()
    except OSError:
        raise InputError([Problem("problem.file_missing", str(file))]) from None
    key = (str(file), mark)
    if key not in _plans:
        _plans[key] = _Read(read_plan(file), mark)
        while len(_plans) > MOST_PLANS:
            _plans.popitem(last=False)
    _plans.move_to_end(key)
    return _plans[key]


def _kept(key: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """Return what was made of a plan before, or make it."""
    if key not in _made:
        _made[key] = make()
        while len(_made) > 1 and sum(map(len, _made.values())) > MOST_BYTES:
            _made.popitem(last=False)
    _made.move_to_end(key)
    return _made[key]


def _bytes(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, default=str).encode(errors="backslashreplace")


def _said(text: object) -> str:
    """Return a text of a plan as the page shows it."""
    return seen(str(text))


@dataclass(frozen=True)
class _Named:
    """Rules of a plan that are called by their keys, as no document has them, with what each of them says."""

    says: Mapping[str, str]

    def told(self, text: str) -> str:
        """Return a text that names rules by their keys with what these say instead.

        Keys that could be words of a sentence are left: those of one word.
        """
        keys = sorted((key for key in self.says if "_" in key), key=len, reverse=True)
        if not any(key in text for key in keys):
            return text
        any_key = "|".join(map(re.escape, keys))
        return re.sub(
            rf"(?<![\w.-])(?:rules\.)?({any_key})(?![\w-])",
            lambda found: say("serve_plans.rule_said", says=self.says[found[1]]),
            text,
        )


def _named(content: Content) -> _Named:
    """Return what those rules of a plan say of which no document has a clause: the model's own, and what-ifs."""
    from allocate import card
    from allocate.explain import model_in

    names = {str(one["id"]): str(one["name"]) for one in content["district_data"]["institutions"]}
    names |= {str(row["id"]): str(row["name"]) for row in (*content.get("dropped", ()), *content.get("candidates", ()))}
    known = {row["rule"] for row in content["scorecard"] if row["says"]}
    try:
        model = model_in(content)
    except (AllocateError, *_ODD):
        # (A plan of others may hold a model that cannot be read any more: its keys say what can be said.)
        return _Named({})
    called = {name: one.name[language()] for name, one in model.functions.items() if one.name}
    says = {}
    for key, rule in model.rules.items():
        if key not in known:
            text = card.sentence(rule, language(), called)
            for site in rule.sites if isinstance(rule, Named) else ():
                called_so = names.get(site, site).replace("\\", r"\\")
                text = re.sub(rf"(?<![\w-]){re.escape(site)}(?![\w-])", called_so, text)
            says[key] = seen(text)
    return _Named(says)


def plain_table(sheet: Sheet, only: Iterable[str] = (), named: _Named | None = None) -> dict[str, Any]:
    """Return a table as plain data: cells as people read them; beside them numbers to sort by, and codes to filter by.

    Parameters
    ----------
    only
        Names of the columns that are kept, in this order; all of them where none is named.
    named
        What rules say that are called by their keys; where it is given, cells say that instead.
    """
    spoken = language()
    by_name = {field.name: field for field in sheet.fields}
    fields = [by_name[name] for name in only if name in by_name] if only else list(sheet.fields)
    records = list(sheet.records())
    unknown = _UNKNOWN.get(sheet.name, ())

    def told(field: Field, record: Mapping[str, Any]) -> str:
        if named is not None and field.name == "says" and not record["says"]:
            return named.says.get(str(record.get("rule")), "")
        is_unknown = field.name in unknown or (field.name == "today" and record.get("value") is not None)
        cell = seen(cell_said(field, record, spoken, is_unknown=is_unknown))
        return named.told(cell) if named is not None and field.kind == "text" and field.name not in _KEYS else cell

    return {
        "name": sheet.name,
        "title": say(f"sheet.{sheet.name}"),
        "fields": [
            {
                "name": field.name,
                "heading": seen(field.heading(spoken)),
                "note": field.note(spoken),
                "number": field.is_number and field.kind != "year",
                "year": field.year,
                "kind": field.kind,
            }
            for field in fields
        ],
        "rows": [[told(field, record) for field in fields] for record in records],
        "sorted_by": {field.name: [record[field.name] for record in records] for field in fields if field.is_number},
        "codes": {field.name: [record[field.name] for record in records] for field in fields if field.kind == "code"},
    }


# ---- a plan ----


@_whole
def head(folder: str, models: str = "") -> dict[str, Any]:
    """Return what stands at the head of a plan's page: what it is of, its figures by year, its proof, its basis.

    Parameters
    ----------
    models
        Where its model lies, by whose files it is told whether they have changed since; empty: nowhere.
    """
    content = _read(folder).content
    spoken = language()
    told = {name: [visible(line) for line in lines] for name, lines in topics(content).items()}
    named = _named(content)
    lines = [(name, label, named.told(text)) for name in _SAID for label, text in labelled(told[name])]
    statuses = [row["status"] for row in content["scorecard"]]
    soft = {row["basis"] for row in content["assumptions"] if row["basis"] in SOFT and row["rows"]}
    return {
        "title": _said(content["title"][spoken]),
        "about": _said(told["head"][0]),
        "district": _said(content["district_data"]["name"][spoken]),
        "model": str(content["model"]),
        "scenario": _scenario(content),
        "as_of": _said(content["as_of"]),
        "years": [int(year) for year in content["years"]],
        "by_year": _by_year(content),
        "lines": [{"name": name, "label": seen(label), "text": seen(text)} for name, label, text in lines],
        "missed": statuses.count("missed"),
        "missed_musts": sum(row["status"] == "missed" and row["strength"] == "must" for row in content["scorecard"]),
        "met": statuses.count("met"),
        "proven": content["outcome"] == "optimal",
        "stopped": bool(content.get(STOPPED)),
        "changed": [_said(name) for name in _changed_since(content, Path(models))] if models else [],
        "soft": [say(f"basis.{basis}") for basis in ("estimated", "assumed", "unknown") if basis in soft],
        "version": _said(content["versions"].get("allocate", "")),
        "sends": bool(content.get("roster") or content.get("timetable")),
        "siting": [str(kind) for kind in content["settings"]["siting"]],
    }


def _changed_since(content: Content, models: Path) -> list[str]:
    """Return the files of the model and its district that are not those any more that a plan was made of."""
    from allocate.model import read_model

    path = models / f"{content['model']}.toml"
    if path.parent != models or not path.is_file():
        return []
    try:
        model = read_model(path)
        district = model.district_folder()
    except AllocateError:
        # (It cannot be read any more: so it is not what it was.)
        return [path.name]
    then, now = inputs_of(content, "model"), model.inputs
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    for name, digest in sorted(inputs_of(content, "district").items()):
        file = district / name
        is_same = file.is_file() and sha256(file.read_bytes()).hexdigest() == digest
        changed += [] if is_same else [name]
    return changed


def _scenario(content: Content) -> dict[str, str]:
    told = content.get("scenario") or {}
    return {"name": str(told.get("name", "")), "title": _said((told.get("title") or {}).get(language(), ""))}


def _by_year(content: Content) -> dict[str, Any]:
    """Return people, clauses, sites and money of the whole district, a line for every year."""
    sheet = people_sheets(content, language())["years"]
    kinds = [f"open_{kind}" for kind in INSTITUTION_KINDS]
    table = plain_table(sheet, (*_OF_YEAR, *kinds, "capital", "recurrent", "total", "people_basis"))
    counts = {
        year: {
            status: sum(row["year"] == year and row["status"] == status for row in content["scorecard"])
            for status in ("met", "missed")
        }
        for year in content["years"]
    }
    for at, (name, status) in enumerate((("clauses_met", "met"), ("clauses_missed", "missed"))):
        field = Field(name, "whole")
        spot = 4 + at
        described = {"name": name, "heading": field.heading(language()), "note": "", "number": True, "year": None}
        table["fields"].insert(spot, {**described, "kind": "whole"})
        for row, year in zip(table["rows"], table["sorted_by"]["year"], strict=True):
            row.insert(spot, f"{counts[year][status]:,}")
        table["sorted_by"][name] = [counts[year][status] for year in table["sorted_by"]["year"]]
    return table


@_whole
def tables(folder: str) -> bytes:
    """Return what the page shows at once: clauses, sites and towns; and what other tables there are."""
    read = _read(folder)
    return _kept((read.mark, language(), "tables"), lambda: _first_tables(read))


def _first_tables(read: _Read) -> bytes:
    made = _sheets(read)
    named = _named(read.content)
    first = {name: plain_table(made[name], (), named) for name in ("scorecard", "sites", "towns") if name in made}
    others = [{"name": name, "title": say(f"sheet.{name}"), "rows": len(sheet.rows)} for name, sheet in made.items()]
    return _bytes({"tables": first, "others": others, "numbers": _numbers(read.content), "rules": _rules(read.content)})


def _sheets(read: _Read) -> dict[str, Sheet]:
    """Return all tables of a plan; those made last are at hand still: to make one takes as long as to make all."""
    key = (read.mark, language())
    if key not in _tables:
        spots = {sheet.name: sheet for sheet in spot_sheets(read.content, language())}
        _tables.clear()
        _tables[key] = {**sheets(read.content, language()), **spots}
    return _tables[key]


@_whole
def table(folder: str, name: str) -> bytes | None:
    """Return a table of a plan by its name; None where it has none of this name."""
    read = _read(folder)
    key = (read.mark, language(), "table", name)
    if key not in _made and name not in _sheets(read):
        return None
    return _kept(key, lambda: _bytes(plain_table(_sheets(read)[name], (), _named(read.content))))


@_whole
def card(folder: str, site: str) -> dict[str, Any] | None:
    """Return all that a plan says of a site, or of a spot where one could stand; None where it says nothing."""
    read = _read(folder)
    cards = json.loads(_kept((read.mark, language(), "cards"), lambda: _bytes(_cards(read.content))))
    found: dict[str, Any] | None = cards.get(site)
    return found if found is not None else _spot_card(read.content, site)


def _cards(content: Content) -> dict[str, Any]:
    from allocate.draw.cards import card_file

    named = _named(content)
    return {
        code: {
            "id": code,
            "name": seen(made.name),
            "about": [seen(text) for text in (made.kind, made.town, made.headline)],
            "example": not made.is_firm,
            "parts": [
                {
                    "name": part.name,
                    "title": part.title,
                    "lines": [{"label": seen(line.label), "text": named.told(seen(line.text))} for line in part.lines],
                }
                for part in made.parts
            ],
            "file": card_file(code),
            "decided": _kind_of(content, code) in content["settings"]["siting"],
            "stands": True,
            "against": "",
            "cannot": "",
        }
        for code, made in site_cards(content, language()).items()
    }


def _kind_of(content: Content, code: str) -> str:
    return next(str(row["kind"]) for row in content["sites"] if row["id"] == code)


# What a spot was, by the table that it stands in.
_WAS = {"candidates": "a_candidate", "dropped": "a_dropped"}


def _spot_card(content: Content, site: str) -> dict[str, Any] | None:
    """Return what is known of a candidate, of a spot that was dropped, or of what stands there and is left alone."""
    for sheet in spot_sheets(content, language()):
        for record in sheet.records():
            if record["id"] == site:
                return _from_record(content, sheet, record)
    for one in content["district_data"]["institutions"]:
        if one["id"] == site:
            source = Source(content, language())
            about = [say(f"kind.{one['kind']}"), source.towns.get(one["town"], ""), say("serve_plans.left_alone")]
            return {**_bare(site, str(one["name"]), about), "example": one["position_basis"] in SOFT}
    return None


def _bare(site: str, name: str, about: Sequence[str]) -> dict[str, Any]:
    return {
        "id": site, "name": _said(name), "about": [_said(text) for text in about], "example": False, "parts": [],
        "file": "", "decided": False, "stands": False, "against": "", "cannot": "",
    }  # fmt: skip


def _from_record(content: Content, sheet: Sheet, record: Mapping[str, Any]) -> dict[str, Any]:
    spoken = language()
    left = ("name", "kind", "town", "id", "town_id", "opens")
    lines = [
        {"label": field.heading(spoken), "text": seen(cell_said(field, record, spoken))}
        for field in sheet.fields
        if field.name not in left and record[field.name] is not None
    ]
    spot = _spot(content, sheet, record)
    about = [spot["kind"], spot["town"], say(f"serve_plans.{_WAS[sheet.name]}")]
    made = _bare(str(record["id"]), str(record["name"]), about)
    part = {"name": "spot", "title": say(f"sheet.{sheet.name}"), "lines": lines}
    told = {key: spot[key] for key in ("decided", "against", "cannot")}
    return {**made, **told, "parts": [part], "example": record.get("basis") in SOFT}


def _spot(content: Content, sheet: Sheet, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spot where the plan has no site of today: what became of it, and whether one can be made to stand there.

    What cannot says why: `cannot`. What was dropped can, where a rule names it (see `siting_candidates`), and says what
    speaks `against` it.
    """
    spoken = language()
    site, kind = str(record["id"]), str(record["kind"])
    against = cannot = ""
    if sheet.name == "dropped":
        against = seen(str(record["dropped_by"]))
        cannot = next((say(f"serve_plans.cannot_{code}") for code in FIRM if (site, kind) in _out(content, code)), "")
    if kind not in content["settings"]["siting"]:
        cannot = say("serve_plans.cannot_kind")
    opens = record.get("opens")
    return {
        "id": site,
        "name": _said(record["name"]),
        "kind": seen(cell_said(next(field for field in sheet.fields if field.name == "kind"), record, spoken)),
        "town": _said(record["town"]),
        "year": None if opens is None else int(opens),
        "decided": not cannot,
        "against": against,
        "cannot": cannot,
    }


def _out(content: Content, code: str) -> set[tuple[str, str]]:
    """Return the spots that were dropped for a reason, by id and kind."""
    return {(str(row["id"]), str(row["kind"])) for row in content["dropped"] if row["why"]["code"] == code}


@_whole
def spots(folder: str) -> bytes:
    """Return every candidate of a plan, and every spot that was dropped, by name."""
    read = _read(folder)

    def make() -> bytes:
        found = [
            _spot(read.content, sheet, record)
            for sheet in spot_sheets(read.content, language())
            for record in sheet.records()
        ]
        return _bytes({"spots": sorted(found, key=lambda one: (one["town"], one["name"], one["id"]))})

    return _kept((read.mark, language(), "spots"), make)


def _numbers(content: Content) -> list[dict[str, Any]]:
    """Return the numbers of rules and of clauses in force that may be changed, each by the key that `--set` takes."""
    said = {row["rule"]: row for row in reversed(content["scorecard"])}
    named = _named(content).says
    found = []
    for table, name, rule in _in_force(content["settings"], said):
        row = said.get(name)
        indicator = (row or {}).get("indicator")
        measured = say(str(indicator)) if indicator in catalogue() else ""
        title = row["says"][language()] if row and row["says"] else named.get(name) or f"{measured} {name}".strip()
        basis = f"basis.{rule.get('basis') or (row or {}).get('basis')}"
        for way, value in _leaves(rule) if _KEY.fullmatch(name) else ():
            found.append(
                {
                    "key": ".".join((table, name, *way)),
                    "rule": name,
                    "what": _said(key_said(".".join(way), language())),
                    "value": value,
                    "title": _said(title),
                    "clause": _said((row or {}).get("clause") or ""),
                    "basis": say(basis) if basis in catalogue() else "",
                }
            )
    return found


def _in_force(settings: Content, said: Mapping[str, Content]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Yield rules of the model, and clauses of documents that are rules of it, with what they say."""
    for name, rule in settings["rules"].items():
        yield "rules", str(name), rule
    changed = settings.get("clauses") or {}
    for document in (settings.get("documents") or {}).values():
        for clause in document["clauses"]:
            row = said.get(clause["id"])
            if clause.get("rule") and row is not None and row["target"] is not None:
                yield "clauses", str(clause["id"]), {**clause["rule"], **changed.get(clause["id"], {})}


def _leaves(table: Mapping[str, Any], way: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], float]]:
    """Yield the numbers of a rule with the way to each; years are no numbers to be changed."""
    for key, value in table.items():
        if isinstance(value, bool) or key in _NO_NUMBERS or not _KEY.fullmatch(str(key)):
            continue
        if isinstance(value, int | float):
            yield (*way, str(key)), value
        elif isinstance(value, Mapping) and len(way) < _DEEP:
            yield from _leaves(value, (*way, str(key)))


def _rules(content: Content) -> list[str]:
    """Return the names of all rules, so that a new one has a name of its own."""
    return [str(name) for name in content["settings"]["rules"]]


@_whole
def drawn(folder: str) -> bytes:
    """Return the map of a plan, drawn anew: what lies in the folder may be of another version, or of others."""
    from allocate.draw import map_page

    read = _read(folder)
    return _kept((read.mark, language(), "map"), lambda: map_page(read.content).encode(errors="backslashreplace"))


def held(folder: str) -> list[dict[str, Any]]:
    """Return what a plan's folder holds of the plan's own: name, bytes, and how many files a folder has."""
    from allocate.outputs import EXPORTS, files_of

    forms = {name: form for form, name in EXPORTS.items()}
    found = []
    for item in files_of(folder):
        files = [file for file in item.iterdir() if file.is_file()] if item.is_dir() else [item]
        found.append(
            {
                "name": item.name,
                "form": forms.get(item.name, ""),
                "bytes": sum(file.stat().st_size for file in files),
                "files": len(files) if item.is_dir() else None,
            }
        )
    return found


def removed(folder: str) -> None:
    """Remove a plan's folder, where it is the plan's alone."""
    from allocate.outputs import remove_plan

    remove_plan(folder)
    forget()


def renamed(folder: str, target: str) -> None:
    """Give a plan's folder another name, where it is the plan's alone and the name is free."""
    from allocate.outputs import move_plan

    move_plan(folder, target)
    forget()


# ---- several plans ----


@_whole
def joint(folder: str) -> dict[str, Any]:
    """Return what a plan of several districts says of itself, with a line for each district and one for all."""
    from allocate.answer import Answer
    from allocate.plans import read_answer
    from allocate.report.joint_page import sheets as joint_sheets

    content = read_answer(folder, "joint")
    spoken = language()
    made = joint_sheets(Answer("joint", content), spoken)
    return {
        "title": _said(content["title"][spoken]),
        "as_of": _said(content["as_of"]),
        "years": [int(year) for year in content["years"]],
        "districts": [
            {"name": str(row["name"]), "title": _said(row["title"][spoken]), "planned": row["status"] == "planned"}
            for row in content["districts"]
        ],
        "tables": [plain_table(sheet) for sheet in made if sheet.rows],
    }


@_whole
def compared(folders: Sequence[str], names: Sequence[str]) -> bytes:
    """Return plans beside the first of them: figures, clauses, sites, money, and what is proven of the difference."""
    marks, contents = _several(folders)
    return _kept((*marks, *names, language(), "compared"), lambda: _compared(contents, names))


def _several(folders: Sequence[str]) -> tuple[list[str], list[Content]]:
    read = [_read(folder) for folder in folders]
    return [one.mark for one in read], [one.content for one in read]


def _compared(contents: Sequence[Content], names: Sequence[str]) -> bytes:
    from allocate.comparing import compare
    from allocate.report.comparison import comparison_sheets
    from allocate.report.comparison_lines import comparison_lines

    made = compare(contents, names)
    spoken = language()
    tables = comparison_sheets(made, contents, spoken)
    wanted = ("compare_plans", "compare_proof", "compare_clauses", "compare_sites", "compare_money", "compare_people")
    by_year = [
        {"plan": seen(name), "table": plain_table(people_sheets(content, spoken)["years"], (*_OF_YEAR, "total"))}
        for name, content in zip(names, contents, strict=True)
    ]
    named = [_named(content) for content in contents]
    # (Of plans whose rules of one key say different things, the key is what both have.)
    every = {key: {one.says[key] for one in named if key in one.says} for one in named for key in one.says}
    both = _Named({key: next(iter(says)) for key, says in every.items() if len(says) == 1})

    def told(line: str) -> str:
        return both.told(_key_in_line(line))

    lines = comparison_lines(made, contents)
    return _bytes(
        {
            "names": [seen(name) for name in names],
            "by_year": by_year,
            "tables": {name: plain_table(tables[name], (), both) for name in wanted},
            "pairs": [
                {"first": seen(pair.first), "other": seen(pair.other), "lines": [told(seen(line)) for line in some]}
                for pair, some in zip(made.pairs, lines, strict=True)
            ],
        }
    )


def _key_in_line(line: str) -> str:
    """Return a line of a comparison with keys of the model's file as planners call them."""
    return _DOTTED.sub(lambda found: key_said(found[0], language()), line)


@_whole
def compared_page(folders: Sequence[str], names: Sequence[str]) -> bytes:
    """Return the page that a comparison of plans writes, with its map."""
    marks, contents = _several(folders)

    def make() -> bytes:
        from allocate.comparing import compare
        from allocate.draw import comparison_page

        return comparison_page(compare(contents, names), contents).encode(errors="backslashreplace")

    return _kept((*marks, *names, language(), "compared page"), make)


@_whole
def listed(folders: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return what may be compared: of every plan its district, model, years and a few figures; a broken one says so."""
    found = []
    for folder, name in zip(folders, names, strict=True):
        try:
            found.append({"name": name, **_short(folder)})
        except (AllocateError, *_ODD):
            found.append({"name": name, "broken": True})
    return found


def _short(folder: str) -> dict[str, Any]:
    file = Path(folder) / PLAN_FILE
    stat = file.stat()
    key = (str(file), str(stat.st_mtime_ns), str(stat.st_size), language(), "short")

    def make() -> bytes:
        content = read_plan(file)
        last = next(row for row in reversed(content["ledger"]) if row["scope"] == DISTRICT)
        statuses = [row["status"] for row in content["scorecard"]]
        return _bytes(
            {
                "title": _said(content["title"][language()]),
                "district": _said(content["district"]),
                "district_name": _said(content["district_data"]["name"][language()]),
                "model": _said(content["model"]),
                "scenario": _scenario(content)["title"],
                "years": [int(year) for year in content["years"]],
                "year": int(last["year"]),
                "served": f"{last['served']:,}",
                "people": f"{last['people']:,}",
                "met": statuses.count("met"),
                "missed": statuses.count("missed"),
            }
        )

    made: dict[str, Any] = json.loads(_kept(key, make))
    return made
