"""The catalogue of texts: whole in both languages, no key missing, none left over, and no text beside it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, get_args, get_type_hints

import pydantic
import pytest

from allocate import joint, model, tables
from allocate.abilities import Ability
from allocate.alternatives import How
from allocate.calibration import FIT_STATUSES, SKIPPED
from allocate.compared import Doubt, Verdict
from allocate.draw.comparison import SHARED
from allocate.gaps import Apart
from allocate.goals import GOALS
from allocate.model import ORIGINS, SITED, Generating
from allocate.outreach import DAY_NAMES, HALF_NAMES, WEEKS
from allocate.policies import REGIMES
from allocate.population import AGES, Method
from allocate.report.alternatives_page import ALTERNATIVES_SHEETS
from allocate.report.alternatives_page import STATUSES as STATUSES_OF_SITES
from allocate.report.belonging_tables import BELONGING_SHEETS, REACH_SHEETS
from allocate.report.calibrated import CALIBRATION_SHEETS
from allocate.report.candidate_tables import CANDIDATE_SHEETS
from allocate.report.care_tables import CARE_SHEETS
from allocate.report.change_log import BUDGET, CHANGE_SHEETS, CHANGES
from allocate.report.comparison import CHANGES as SITE_CHANGES
from allocate.report.comparison import COMPARISON_SHEETS
from allocate.report.faults_page import areas
from allocate.report.frames import BELONGING_LAYERS, CANDIDATE_LAYERS, LAYERS, SENDING_LAYERS
from allocate.report.joint_page import JOINT_SHEETS
from allocate.report.prices_page import PRICE_SHEETS
from allocate.report.robust_page import ROBUST_SHEETS
from allocate.report.scenarios_page import SCENARIO_SHEETS
from allocate.report.sending import SENDING_SHEETS
from allocate.report.sheets import STATUSES
from allocate.report.sweep_tables import SWEEP_SHEETS
from allocate.robust import Stability
from allocate.rows import POLICY
from allocate.rules import RULES
from allocate.rules.amounts import UNITS, USUAL
from allocate.rules.rate import PER
from allocate.rules.rounds import Rounds
from allocate.serve import model_work
from allocate.travel.links import HOW
from allocate.travel.network import ROAD_CLASSES, TRAVELLERS
from allocate.varying import LAWS
from allocate.words import LANGUAGES, both, catalogue, language, say, say_in, speaking

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "allocate").rglob("*.py"))
COMPARISON = [ROOT / "maps" / name for name in ("comparison.js", "common.js", "comparison.html")]
PAGE = [*(path for path in (ROOT / "maps").glob("*.js") if path not in COMPARISON[:1]), ROOT / "maps" / "template.html"]
# One module says the headings and notes of all sheets, and others name the columns.
REPORTS = [module for module in MODULES if module.parent.name == "report"]
SECTIONS = {key.split(".")[0] for key in catalogue()}
SHEETS = {
    *("years", "scorecard", "sites", "worth", "towns", "places", "budget", "coverage", "ages", "fairness", "proof"),
    *("nesting", "draws", "front", "assumptions", "problems", "sources", "staffing", "staff_flows", "staff_by_town"),
    *CHANGE_SHEETS,
    *SENDING_SHEETS,
    *BELONGING_SHEETS,
    *REACH_SHEETS,
    *CARE_SHEETS,
    *CANDIDATE_SHEETS,
    *CALIBRATION_SHEETS,
    *COMPARISON_SHEETS,
    *SCENARIO_SHEETS,
    *PRICE_SHEETS,
    *JOINT_SHEETS,
    *ROBUST_SHEETS,
    *ALTERNATIVES_SHEETS,
    *SWEEP_SHEETS,
}
# What the policy files say in codes: names of resources and functions, who sends whom, how often, and their units.
POLICY_FILES = [tomllib.loads(file.read_text("utf-8")) for file in sorted((ROOT / "models/policies").glob("*.toml"))]
CLAUSES = [clause for file in POLICY_FILES for clause in file["clauses"]]
TERMS = {
    term
    for clause in CLAUSES
    for key, value in clause.get("rule", {}).items()
    # (Types of hospital, and what of contracts is counted, have words of their own.)
    if key not in ("rule", "rank", "types") and (clause["rule"]["rule"], key) != ("contracts", "of")
    for term in (value if isinstance(value, list) else [value])
    if isinstance(term, str) and term not in {*tables.INSTITUTION_KINDS, *tables.PLACE_KINDS}
}
# What Baodi's model plans: its staff, beds and teams, and what its experts are experts in.
BAODI = tomllib.loads((ROOT / "models" / "baodi.toml").read_text("utf-8"))
PLANNED = {*BAODI["resources"], *(pool["specialty"] for pool in BAODI["pools"].values())}
# What rules may say besides.
MORE_TERMS = {
    *("place", "site", "new", "own", "registered", "urban", "rural"),
    *("all", "capital", "recurrent"),
    # Fields that lack staff, for which a planner may set money aside.
    *("paediatricians", "emergency_physicians"),
    # Specialties of hospitals, of which a planner may send experts.
    *("anaesthesia", "cardiology", "dentistry", "dermatology", "emergency", "endocrinology", "ent"),
    *("general_practice", "geriatrics", "neurology", "oncology", "ophthalmology", "orthopaedics", "public_health"),
    *("rehabilitation", "respiratory", "ultrasound"),
}
# Fields of medicine, and of other experts, that a pool may be of: a planner may write others.
SPECIALTIES = {
    *("internal_medicine", "surgery", "paediatrics", "obstetrics", "tcm", "psychiatry", "geriatrics", "rehabilitation"),
    *("emergency", "general_practice", "cardiology", "neurology", "respiratory", "endocrinology", "oncology"),
    *("orthopaedics", "ophthalmology", "ent", "dentistry", "dermatology", "anaesthesia", "imaging", "ultrasound"),
    *("laboratory", "public_health", "nursing", "pharmacy", "management"),
}


def keys_of_models(schema: Any) -> set[str]:
    """Return every key that a JSON schema names, however deep."""
    if isinstance(schema, list):
        return set().union(*map(keys_of_models, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(keys_of_models, schema.values()))


SCHEMAS = [
    model.head_schema(),
    joint.head_schema(),
    *(pydantic.TypeAdapter(kind).json_schema() for kind in (*RULES.values(), *GOALS.values())),
]
# Sections whose keys are codes of the data.
CODES: dict[str, set[str]] = {
    "serve_model_key": keys_of_models(SCHEMAS) | {"rule", "goal", "on"},
    "serve_model_unit": set(model_work.UNITS),
    "serve_model_base": {"document", "preset", "first", "example"},
    "serve_model_choice": {
        *("physics", "district", "town", "place", "site", "supporter", "consortium"),
        *(*model.DECISIONS, *tables.PLACE_KINDS, *model.ORIGINS),
    },
    "fault_area": {area.replace(" ", "_") for area in areas()},
    "kind": set(tables.INSTITUTION_KINDS) | set(tables.PLACE_KINDS),
    "basis": {*tables.BASES, "unknown"},
    "road_class": set(ROAD_CLASSES),
    "goes_as": set(TRAVELLERS),
    "way_by": set(HOW),
    "calibrated": set(FIT_STATUSES),
    "fits_in": {"in_line", "outlier", *SKIPPED},
    "action": {"keep", "open", "move", "merge", "upgrade", "close"},
    "strength": set(map(str, POLICY)),
    "hedge_change": {"opened", "dropped"},
    "stage": {str(strength) for strength in POLICY} | set(GOALS),
    "site": set(SITED),
    "sheet": {
        *SHEETS,
        *(f"about_{sheet}" for sheet in SHEETS - {"years"}),
        *(
            "summary",
            "about_summary",
            "contents",
            "about_contents",
            "whole_district",
            "fact",
            "file",
            "program",
            "table",
            "none_found",
            "not_asked",
            "cut",
        ),
    },
    "indicator": {*RULES, "primary_capacity"},
    # What a rule on amounts is counted in depends on its resource.
    "unit": {unit for rule in RULES.values() for unit in (rule.unit, rule.measured_in) if isinstance(unit, str)}
    | set(UNITS)
    | {f"per_{people}" for people in PER}
    | {goal.unit for goal in GOALS.values()}
    | {clause["value"]["unit"] for clause in CLAUSES if "value" in clause}
    | {"ratio", "households", "care_homes", "person-hours"},
    "sense": {"at_least", "at_most"},
    "document": {"issued", "draft"},
    "term": TERMS | PLANNED | MORE_TERMS | SPECIALTIES | set().union(*USUAL.values()),
    "fact": {
        *(f"population{part}" for part in ("", "_urban", "_rural", "_2010", "_0_14", "_registered")),
        *(f"population_{age}_and_over" for age in (60, 65, 80)),
        "households",
    },
    "status": {*STATUSES, "unknown"},
    "support": {"resident", "remote", "part", "none"},
    "having": {
        *("today", "set_up", "linked", "other_centre", "posted", "only", "by_centre"),
        *(f"asked_{what}_{where}" for what in ("share", "number") for where in ("district", "consortium")),
    },
    "within": set(get_args(Ability.model_fields["within"].annotation)),
    "week": {"every", *(str(week) for week in range(1, max(WEEKS.values()) + 1))},
    "half": set(HALF_NAMES),
    "which": set(get_args(get_type_hints(Rounds)["where"])),
    "how": {"own", "neighbour", "posted", "rounds", "no_capacity", "none"},
    "clause": {
        *("met", "missed", "reported", "undecided", "not_applicable", "planned"),
        *("other_regime", "past", "undecided_yet", "decided_here", "off", "beyond", "remote"),
        *("input", "indicator", "out_of_scope", "decision"),
    },
    "hospital": set(tables.HOSPITAL_TYPES),
    "ownership": set(tables.OWNERSHIPS),
    "step": {"worst", "sum"},
    "changed": set(CHANGES),
    "paid_for": set(BUDGET),
    "proven": {"yes", "no"},
    "differing": {"setting", "input", "version", "open", "staff", "postings", "rounds", "consortia", "functions"},
    "verdict": set(get_args(Verdict)),
    "apart": set(get_args(get_type_hints(Apart)["verdict"])),
    "apart_given": {"unproven", "other_clauses", "other_goal", "failed"},
    "worked_out": {"found", "evaluated", "unknown", "failed"},
    "joint_lacks": {"model", "data"},
    "stands_where": {"only_base", "only_here"},
    "cannot_tell": set(get_args(Doubt)) - {""},
    "site_change": set(SITE_CHANGES),
    "regime": set(REGIMES),
    "stability": set(get_args(Stability)),
    "rank": set(tables.RANKS),
    "counted": {
        "candidates",
        *("places_position", "places_people", "places_people_65", "places_people_0_14", "towns_position"),
        "towns_people",
        *(
            "institutions_position",
            "institutions_name",
            "institutions_parent",
            "institutions_profile",
            "model_rules",
            "model_siting",
            "model_circle",
            "model_circle_shares",
            "model_modes",
        ),
        *("people_later_years", *(f"people_later_years_{method}" for method in ("trend", "growth", "table"))),
        *("people_ages_held", "staff", "pools", "tours", "sessions", "fields", "functions", "observed"),
        *(f"model_{table}" for table in ("resources", "goals", "postings", "supporters", "pools", "outreach")),
        *("model_functions", "model_consortia", "model_contracts", "model_visits"),
        *("care_homes", "care_homes_position"),
    },
    "projection": set(get_args(Method)),
    "age": set(AGES),
    "example": {table.name for table in tables.TABLES},
    "gis": {*LAYERS, *SENDING_LAYERS, *BELONGING_LAYERS, *CANDIDATE_LAYERS, "no_room"},
    "origin": set(ORIGINS),
    "dropping": {"outside_layers", "replaced", "outside_district", "too_near_site", "off_roads", "reaches_nobody"},
    "serve_rule_kind": {*RULES} - {"function_reach"},
    "serve_rule_key": {"spacing_metres", "named_sites_year", "named_sites_stands", "ratio_to", "reserve_of"},
    "serve_rule_about": {*RULES} - {"function_reach"},
    "kept": {
        *("place", "listed", "greedy", "grid", "clusters", "moved", "inside", "clear", "excluded", "too_near_layer"),
        *("outside_layers", "replaced", "outside_district", "too_near_site", "off_roads", "reaches_nobody", "named"),
    },
    "near_status": {*STATUSES_OF_SITES},
    "near_by": {*get_args(How)},
    "near_proof": {"rows", "search", "none_rows", "none_search"},
    "near_change": {"opened", "closed"},
    "varied_law": {*LAWS, "list"},
    "run_outcome": {"optimal", "feasible", "failed"},
    "generating": set(get_args(Generating.model_fields["how"].annotation)),
}
# Chinese that is no text for people: table descriptions in both languages stand side by side with their columns,
# and the reader knows how a blank cell is written.
CHINESE = {"tables.py": None, "values.py": {"无"}}


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def docstrings(module: Path) -> set[int]:
    """Return the constants that are docstrings, by identity."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree(module)) if isinstance(node, owners) and node.body]
    first = [body[0] for body in bodies]
    return {id(node.value) for node in first if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}


def formatted(module: Path) -> list[ast.JoinedStr]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, ast.JoinedStr)]


@cache
def constants(module: Path) -> set[str]:
    """Return every string of a module that is neither a docstring nor a part of an f-string."""
    skip = docstrings(module) | {id(part) for node in formatted(module) for part in node.values}
    nodes = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Constant) and id(node) not in skip]
    return {node.value for node in nodes if isinstance(node.value, str)}


@cache
def patterns(module: Path) -> set[str]:
    """Return every f-string of a module as a regular expression."""

    def shape(part: ast.expr) -> str:
        return re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"

    return {"".join(map(shape, node.values)) for node in formatted(module)}


@cache
def said(module: Path) -> tuple[str, ...]:
    """Return the keys that a module hands to whatever says them: all of them that it writes out."""
    return tuple(_said(module))


def _said(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = {"say": 0, "both": 0, "Problem": 0, "blame": 0, "warn": 0, "say_in": 1, "Breach": 3}.get(name)
            if at is not None and len(node.args) > at:
                options = node.args[at]
                for part in [options.body, options.orelse] if isinstance(options, ast.IfExp) else [options]:
                    if isinstance(part, ast.Constant):
                        yield str(part.value)


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def script_key(key: str) -> str:
    """Return what scripts of the planner's page call a text."""
    return key.removeprefix("serve_script").removeprefix(".").removeprefix("_")


@cache
def said_by_pages() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return every word between quotation marks in templates and scripts of the planner's page; and every beginning
    of one to which something is added there."""
    files = [
        *(ROOT / "allocate" / "serve" / "templates").iterdir(),
        *(ROOT / "allocate" / "serve" / "static").iterdir(),
    ]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.suffix in (".html", ".js"))
    words = re.findall(r"""["'`]([a-z_]+(?:\.[a-z_0-9]+)?)["'`]""", text)
    words += re.findall(r"""["'`\s,(]([a-z_]+):\s""", text)
    begun = re.findall(r"""["'`]([a-z_]+(?:\.[a-z_0-9]*)?_)(?:["']\s*[~+]|\$\{)""", text)
    return frozenset(words), tuple(begun)


def is_said_by_pages(key: str) -> bool:
    """Tell whether a page says a text: by its key, or by what stands in it after the section."""
    words, begun = said_by_pages()
    names = {key, key.split(".", 1)[1]}
    if key.startswith("serve_script"):
        names.add(script_key(key))
    return not names.isdisjoint(words) or any(name.startswith(begun) for name in names if begun)


def test_every_text_that_a_page_says_is_in_the_catalogue() -> None:
    known = {script_key(key) for key in catalogue() if key.startswith("serve_script")} | set(catalogue())
    for file in sorted((ROOT / "allocate" / "serve").glob("*/*.*")):
        if file.suffix in (".html", ".js"):
            asked = re.findall(r"""\bsay\(\s*["']([a-z_.0-9]+)["']\s*[,)]""", file.read_text(encoding="utf-8"))
            assert set(asked) <= known, file.name


def is_used(key: str) -> bool:
    section, rest = key.split(".", 1)
    if section == "field" and rest in DAY_NAMES:
        return True
    if section in CODES:
        return rest in CODES[section]
    if section == "versus":
        return page_uses(rest, comparison_page())
    if section.startswith("serve_script"):
        return is_said_by_pages(key)
    if section.split("_")[0] == "serve" and is_said_by_pages(key):
        return True
    if section == "map":
        return page_uses(rest, page()) or any(key in constants(module) for module in MODULES)
    for module in MODULES:
        texts, shapes = constants(module), patterns(module)
        if section in ("field", "note") and module.name == "table.py":
            # (A timetable has a column for every day of the week.)
            texts = set(tables.DAY_NAMES).union(*map(constants, REPORTS))
            shapes = set().union(*map(patterns, REPORTS))
        helper = f"{section}\\..+"
        whole = {shape for shape in shapes if shape.startswith(f"{section}\\.") and shape != helper}
        if key in texts or any(re.fullmatch(shape, key) for shape in whole):
            return True
        # A helper that puts the section before the word: the word stands in the same module.
        words = {shape for shape in shapes if re.match(r"[a-z]+_", shape)}
        if helper in shapes and (rest in texts or any(re.fullmatch(shape, rest) for shape in words)):
            return True
    return False


@cache
def page() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in PAGE)


@cache
def comparison_page() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in COMPARISON)


def page_uses(word: str, text: str) -> bool:
    """Tell whether a page writes a word out, or puts it together from a group and a code."""
    if re.search(rf"""["'`]{re.escape(word)}["'`]""", text):
        return True
    groups = set(re.findall(r"`([a-z_]+)_\$\{", text)) | set(re.findall(r"""sayCode\(["']([a-z_]+)["']""", text))
    return any(word.startswith(f"{group}_") for group in groups)


# (A test for each of some thousand texts would take longer to hand out than to run.)
@pytest.mark.parametrize("section", sorted({key.split(".")[0] for key in catalogue()}))
def test_every_text_stands_in_both_languages_and_fills_in_the_same(section: str) -> None:
    for key in (key for key in sorted(catalogue()) if key.split(".")[0] == section):
        texts = catalogue()[key]
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        assert fields(texts["zh"]) == fields(texts["en"]), key
        if key != "map.language_switch":
            assert not re.search(r"[\u4e00-\u9fff]", texts["en"].replace("{zh}", "")), key


def test_the_scan_sees_what_the_code_says() -> None:
    keys = {key for module in MODULES for key in said(module)}
    assert {"problem.file_missing", "cli.app", "breach.reach", "verify.differs", "summary.head"} <= keys


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_every_text_that_a_module_says_is_in_the_catalogue(module: Path) -> None:
    files = re.compile(r".*\.(csv|html|xlsx|svg|txt|json|toml|geojson|js|css|py|md|typ)")
    written = {
        text for text in constants(module) if re.fullmatch(r"[a-z]+\.[a-z_0-9]+", text) and not files.fullmatch(text)
    }
    asked = {text for text in written if text.split(".")[0] in SECTIONS} | set(said(module))
    assert asked <= set(catalogue())


def test_every_code_of_the_data_has_its_text() -> None:
    for section, codes in CODES.items():
        assert codes <= {key.split(".", 1)[1] for key in catalogue() if key.startswith(f"{section}.")}, section


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_says_what_it_measures(rule: str) -> None:
    assert RULES[rule].indicator in catalogue()


def test_every_word_of_the_page_is_in_the_catalogue() -> None:
    found = set(re.findall(r"""\bsay\(["']([a-z_]+)["']""", page())) | set(
        re.findall(r'data-(?:word|label)="([a-z_]+)"', page())
    )
    assert "unnamed" in found
    assert {f"map.{word}" for word in found} <= set(catalogue())


def test_every_word_of_the_page_that_compares_is_in_the_catalogue() -> None:
    text = comparison_page()
    found = set(re.findall(r"""\b(?:say|sentence)\(["']([a-z_]+)["']""", text))
    found |= set(re.findall(r'data-(?:word|label)="([a-z_]+)"', text))
    assert "chooser" in found
    assert {word for word in found if f"versus.{word}" not in catalogue()} <= set(SHARED)
    assert {f"map.{word}" for word in SHARED} <= set(catalogue())


def test_no_text_is_left_over() -> None:
    assert [key for key in sorted(catalogue()) if not is_used(key)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_no_chinese_stands_outside_the_catalogue(module: Path) -> None:
    allowed = CHINESE.get(module.name, set()) if module.parent == ROOT / "allocate" else set()
    texts = constants(module) | patterns(module)
    found = {text for text in texts if re.search(r"[\u4e00-\u9fff]", text)}
    assert allowed is None or found <= allowed


# English that is no text for users: what columns mean (Chinese stands beside it), examples of commands, words of other
# languages (SQL, QML, CSP), citations and formulas, and faults of the program itself, which no user can cause.
NO_TEXT_FOR_USERS = {
    *("allocate/tables.py", "allocate/program.py", "allocate/settle.py", "allocate/__init__.py", "allocate/words.py"),
    *("allocate/report/geopackage.py", "allocate/report/styles.py", "allocate/draw/page.py"),
    *("allocate/files/geopackage.py", "allocate/files/database.py"),
}
PLAIN_ENGLISH = re.compile(r"(?:[A-Za-z']+[,;:]? ){3,}[A-Za-z']+")
CITED = re.compile(r"\b(1[89]|20)\d\d\b|^allocate |\\[a-z]+")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_no_english_sentence_stands_outside_the_catalogue(module: Path) -> None:
    texts = constants(module) | {re.sub(r"\\(.)", r"\1", shape) for shape in patterns(module)}
    found = {text for text in texts if PLAIN_ENGLISH.search(text) and not CITED.search(text)}
    allowed = str(module.relative_to(ROOT)) in NO_TEXT_FOR_USERS
    assert allowed or found <= {"What holds the page together"}


def test_the_scan_for_sentences_finds_one() -> None:
    assert PLAIN_ENGLISH.search("the file could not be read")
    assert not CITED.search("the file could not be read")


def test_the_language_is_the_one_spoken_and_chinese_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOCATE_LANGUAGE", raising=False)
    assert language() == "zh"
    monkeypatch.setenv("ALLOCATE_LANGUAGE", "en_GB")
    assert language() == "en"
    with speaking("zh"):
        assert say("kind.clinic") == say_in("zh", "kind.clinic")
        with speaking("en"):
            assert say("kind.clinic") == "village clinic"
        assert language() == "zh"
    assert both("kind.clinic") == f"{say_in('zh', 'kind.clinic')} · village clinic"


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_value_with_braces_is_filled_in_as_it_is(spoken: str) -> None:
    assert "{7*7}" in say_in(spoken, "problem.no_model", names="{7*7}")  # type: ignore[arg-type]
