"""What the page may have done: the words of a command, of values that were looked at one by one."""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allocate.errors import Problem, UsageError
from allocate.names import KEPT_FILE, MOST_WRITTEN
from allocate.serve.home import OUT, RUNS, Home, Outside
from allocate.words import LANGUAGES, Language, catalogue, say_in, visible

RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
# What each verb may be told; what is empty is as good as not said.
VERBS: Mapping[str, frozenset[str]] = {
    "plan": frozenset(("model", "name", "scenario", "changes", "seconds", "gap", "from", "draws")),
    "check": frozenset(("model", "changes")),
    "explain": frozenset(("model", "plan", "changes", "seconds")),
    "alternatives": frozenset(("plan", "name", "seconds")),
    "robust": frozenset(("plan", "name", "draws")),
    "prices": frozenset(("model", "name", "scenario", "changes")),
    "scenarios": frozenset(("model", "names", "name", "changes", "seconds")),
    "compare": frozenset(("plans", "name")),
    "export": frozenset(("plan", "to", "language")),
    "verify": frozenset(("plan",)),
}
FORMS = ("xlsx", "docx", "pdf", "gpkg", "csv", "geojson", "ics", "timetable", "png", "cards")
_NEEDED = {
    "model": ("plan", "check", "prices", "scenarios"),
    "plan": ("alternatives", "robust", "export", "verify"),
    "plans": ("compare",),
    "to": ("export",),
}
MOST_SECONDS, MOST_DRAWS, MOST_CHANGES, MOST_PLANS, MOST_DEEP = 86_400, 1_000, 200, 12, 3
_LONGEST_KEY, _LONGEST_VALUE, _LONGEST_NAME = 200, 20_000, 80
# (A command of Windows holds no more than 32,767 letters.)
_LONGEST_COMMAND = 30_000
# What no folder on some system can be called.
_NO_NAME = re.compile(r'[<>:"|?*\\]|[. ]$|^[-.~ ]|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)', re.IGNORECASE)


def key_said(key: str, spoken: Language) -> str:
    """Return a dotted key of a model as planners call it: its parts in words, where the catalogue has any."""
    parts = key.split(".")
    named = 1 if len(parts) > 1 and parts[0] in ("rules", "clauses", "resources", "siting", "functions") else -1
    words = []
    for number, part in enumerate(parts):
        known = [f"{section}.{part}" for section in ("serve_model_key", "term", "kind")]
        found = next((one for one in known if one in catalogue() and number != named), None)
        words.append(say_in(spoken, found) if found else visible(part))
    return " · ".join(words[1:] if named == 1 and parts[0] in ("rules", "clauses") and len(parts) > 2 else words)


def value_said(value: str) -> str:
    """Return a value as it was asked for: of a table of its own, as a what-if sends it, its source and its sites."""
    if not value.startswith("{"):
        return value
    with suppress(tomllib.TOMLDecodeError, AttributeError, TypeError):
        table = tomllib.loads(f"value = {value}")["value"]
        sites = "、".join(table["sites"]) if table.get("rule") == "named_sites" else ""
        return f"{table['source']}: {sites}" if sites and table.get("source") else value
    return value


@dataclass(frozen=True)
class Command:
    """A command that was asked for, and is sound as far as it can be seen before it runs.

    Attributes
    ----------
    words
        What follows `allocate`.
    model, plan, plans
        What it is about, as far as it says.
    target
        The folder below maps/out that it writes; empty: none.
    changes, before
        Values that it changes by their keys, and what stood in the model's file, where anything did.
    hears
        Whether it says meanwhile how far it is.
    asked
        What was asked for, to ask for it again.
    """

    verb: str
    words: tuple[str, ...]
    model: str
    plan: str
    plans: tuple[str, ...]
    target: str
    changes: Mapping[str, str]
    before: Mapping[str, Any]
    hears: bool
    asked: Mapping[str, Any]


def command_of(home: Home, asked: Mapping[str, Any]) -> Command:
    """Return the command that does what is asked for.

    Raises
    ------
    UsageError
        With everything that is wrong with it.
    """
    verb = asked.get("verb")
    if not isinstance(verb, str) or verb not in VERBS:
        details = {"choices": ", ".join(VERBS)}
        raise UsageError([Problem("problem.choice", column="verb", value=_shown(verb), details=details)])
    given = {key: value for key, value in asked.items() if key != "verb" and value not in (None, "", [], {})}
    return _Asked(home, verb, given).command()


class _Asked:
    """What is asked for, while it is looked at; problems are gathered."""

    def __init__(self, home: Home, verb: str, given: Mapping[str, Any]) -> None:
        self.home, self.verb, self.given = home, verb, given
        self.problems: list[Problem] = []

    def command(self) -> Command:
        for key in self.given:
            if key not in VERBS[self.verb]:
                details = {"verb": self.verb, "known": ", ".join(sorted(VERBS[self.verb]))}
                self.problems.append(Problem("serve_runs.unknown_key", column=visible(key), details=details))
        for key, verbs in _NEEDED.items():
            if self.verb in verbs and key not in self.given:
                self.wrong("serve_runs.needed", key)
        if self.verb == "explain" and ("model" in self.given) == ("plan" in self.given):
            self.wrong("serve_runs.one_of", "model, plan")
        model, plan, scenario = self.model(), self.plan("plan"), self.text("scenario")
        plans = self.plans()
        changes = self.changes()
        content = content_of(self.home, model) if model else {}
        is_joint = isinstance(content.get("districts"), dict)
        if is_joint:
            for key in ("scenario", "from", "draws"):
                if key in self.given:
                    self.wrong("serve_runs.not_joint", key)
        words = [self.verb, *([model] if model else []), *([f"{OUT}/{plan}"] if plan else [])]
        words += [f"{OUT}/{one}" for one in plans]
        words += self.names()
        target = self.target(model, plan, scenario)
        if target:
            words.append(f"--out={OUT}/{target}")
        words += [f"--{key}={text}" for key, text in self.numbers()]
        words += [f"--scenario={scenario}"] if scenario else []
        words += self.begin()
        words += self.form()
        words += [f"--set={key}={text}" for key, text in changes.items()]
        if sum(len(word) + 3 for word in words) > _LONGEST_COMMAND:
            self.wrong("serve_runs.too_long", "changes", most=_LONGEST_COMMAND)
        if self.problems:
            raise UsageError(self.problems)
        before = {key: found for key in changes if (found := value_at(content, key)) is not None}
        return Command(
            self.verb, tuple(words), model, plan, tuple(plans), target, changes, before,
            self.verb == "plan" and not is_joint, {"verb": self.verb, **self.given},
        )  # fmt: skip

    def wrong(self, what: str, key: str, value: object = None, **details: Any) -> None:
        shown = None if value is None else _shown(value)
        self.problems.append(Problem(what, column=key, value=shown, details=details))

    def text(self, key: str) -> str:
        """Return a short text; what could be taken for an option is none."""
        text = self.given.get(key, "")
        if not isinstance(text, str) or len(text) > _LONGEST_KEY or text.startswith("-") or visible(text) != text:
            self.wrong("serve_runs.no_text", key, text)
            return ""
        return text

    def model(self) -> str:
        name = self.text("model")
        if name and name not in self.home.models():
            self.wrong("serve_runs.no_model", "model", name)
            return ""
        return name

    def plan(self, key: str) -> str:
        name = self.text(key)
        return name if not name or self.is_plan(name) else self.no_plan(key, name)

    def no_plan(self, key: str, name: object) -> str:
        self.wrong("serve_runs.no_plan", key, name)
        return ""

    def is_plan(self, name: object) -> bool:
        with suppress(Outside, OSError, ValueError):
            return isinstance(name, str) and self.home.plan(name).is_dir()
        # (A plan of several districts is a folder of plans.)
        with suppress(Outside, OSError, ValueError):
            return isinstance(name, str) and (self.home.inside(OUT, name) / "joint.json").is_file()
        return False

    def plans(self) -> list[str]:
        names = self.given.get("plans", [])
        if not isinstance(names, list) or len(names) > MOST_PLANS or len(names) == 1:
            self.wrong("serve_runs.few_plans", "plans", most=MOST_PLANS)
            return []
        return [name if self.is_plan(name) else self.no_plan("plans", name) for name in names]

    def names(self) -> list[str]:
        names = self.given.get("names", [])
        if not isinstance(names, list) or len(names) > MOST_PLANS:
            self.wrong("serve_runs.no_text", "names", names)
            return []
        for name in names:
            if not isinstance(name, str) or not name or name.startswith("-") or visible(name) != name:
                self.wrong("serve_runs.no_text", "names", name)
        return [name for name in names if isinstance(name, str)]

    def changes(self) -> dict[str, str]:
        found = self.given.get("changes", {})
        if not isinstance(found, dict) or len(found) > MOST_CHANGES:
            self.wrong("serve_runs.no_changes", "changes", most=MOST_CHANGES)
            return {}
        for key, value in found.items():
            if not key.strip() or len(key) > _LONGEST_KEY or "=" in key or visible(key) != key:
                self.wrong("serve_runs.no_key", "changes", key)
            elif not isinstance(value, str) or len(value) > _LONGEST_VALUE or visible(value) != value:
                self.wrong("serve_runs.no_value", "changes", f"{key}={_shown(value)}")
        kept = {key.strip(): value.strip() for key, value in found.items() if isinstance(value, str)}
        if self.verb == "plan":
            # (Asked for by itself, and a key of the model like others.)
            kept.update(("draws", str(number)) for number in self.number("draws", 0, MOST_DRAWS, whole=True))
        return kept

    def number(self, key: str, least: float, most: float, *, whole: bool = False) -> list[float]:
        """Return a number that was given, else nothing."""
        if key not in self.given:
            return []
        value = self.given[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        if not is_number or (whole and value != int(value)):
            self.wrong("serve_runs.no_number", key, value, least=least, most=most)
            return []
        return [int(value) if value == int(value) else float(value)]

    def numbers(self) -> list[tuple[str, str]]:
        found = [("seconds", self.number("seconds", 1, MOST_SECONDS)), ("gap", self.number("gap", 0, 1))]
        if self.verb == "robust":
            found.append(("draws", self.number("draws", 0, MOST_DRAWS, whole=True)))
        return [(key, f"{number}") for key, numbers in found for number in numbers]

    def target(self, model: str, plan: str, scenario: str) -> str:
        """Return the folder below maps/out that is written."""
        if "name" not in VERBS[self.verb] or (self.verb == "compare" and "name" not in self.given):
            return ""
        of = "-".join(filter(None, (model, scenario))) if model else plan.replace("/", "-")
        if not of and "name" not in self.given:
            # (What it would be called after is missing, which was said already.)
            return ""
        name = self.given.get("name", of if self.verb == "plan" else f"{of}-{self.verb}")
        parts = name.split("/") if isinstance(name, str) else [""]
        bad = [part for part in parts if not part or len(part) > _LONGEST_NAME or _NO_NAME.search(part)]
        if bad or len(parts) > MOST_DEEP or visible(name) != name:
            self.wrong("serve_runs.no_name", "name", name)
            return ""
        try:
            self.home.inside(OUT, name)
        except (Outside, OSError):
            self.wrong("serve_runs.no_name", "name", name)
        return str(name)

    def begin(self) -> list[str]:
        """Return the option that says from which plan, or from what a run that was ended kept, a search begins."""
        name = self.text("from")
        if not name:
            return []
        head, _, run = name.partition("run:")
        if not head and run:
            if RUN.fullmatch(run) and (self.home.path / RUNS / run / KEPT_FILE).is_file():
                return [f"--from={RUNS}/{run}/{KEPT_FILE}"]
            self.wrong("serve_runs.nothing_kept", "from", name)
            return []
        return [f"--from={OUT}/{name}"] if self.plan("from") else []

    def form(self) -> list[str]:
        words = []
        for key, choices in (("to", FORMS), ("language", LANGUAGES)):
            value = self.given.get(key)
            if value is None:
                continue
            if value not in choices:
                self.wrong("problem.choice", key, value, choices=", ".join(choices))
            words.append(f"--{key}={value}")
        return words


def content_of(home: Home, model: str) -> dict[str, Any]:
    """Return what a model's file holds; nothing where it cannot be read, which whoever runs it says."""
    with suppress(OSError, ValueError, RecursionError, Outside):
        path: Path = home.model(model)
        if path.stat().st_size <= MOST_WRITTEN:
            return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return {}


def value_at(content: Mapping[str, Any], key: str) -> Any:
    """Return what a file holds under a dotted key, as JSON has it; None where it holds nothing there.

    >>> value_at({"goals": [{"goal": "cost"}], "rules": {"circle": {"share": 0.9}}}, "rules.circle.share")
    0.9
    """
    found: Any = content
    for part in key.split("."):
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return None
    return found if isinstance(found, str | int | float | bool) else visible(str(found))[:_LONGEST_KEY]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)[:_LONGEST_KEY]
