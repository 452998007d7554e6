"""One small answer of every kind about a district whose names are hostile, each made once for whoever reads it."""

import csv
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conftest import Tiny, copy_tiny

from allocate.alternatives import alternatives
from allocate.answer import Answer, AnswerKind
from allocate.candidates import make_case
from allocate.crews import Processes
from allocate.hedging import Asked as Hedging
from allocate.hedging import hedge
from allocate.joint import read_joint
from allocate.jointly import plan_jointly
from allocate.layout import Layout
from allocate.model import read_model
from allocate.planning import plan
from allocate.plans import to_json
from allocate.prices import break_even, price
from allocate.program import Options
from allocate.read import read_district
from allocate.robust import Asked as Doubting
from allocate.robust import kept_plan, robust
from allocate.scenarios import Asked as Comparing
from allocate.scenarios import compare_scenarios
from allocate.sweep import Asked as Sweeping
from allocate.sweep import sweep
from allocate.units import Basis

KINDS: tuple[AnswerKind, ...] = ("scenarios", "sweep", "alternatives", "robust", "prices", "joint")
HOSTILE = "</p><script>window.PWN=1</script><img src=x onerror=window.PWN=1>{{7*7}}\u202e'\"&"
# A look at this model takes a tenth of a second.
RULES = """
[rules.most_people]
rule = "reach"
share = 0.70
scope = "district"
strength = "must"
basis = "official"
source = "made up, page 1"

[rules.keep_station]
rule = "keep"
sites = ["old-station"]
strength = "must"
basis = "official"
source = "made up, page 4"

[[goals]]
goal = "cost"
gap = 0.2
"""
SCENARIOS = f"""
[scenarios.more]
title = {{ zh = {json.dumps(HOSTILE)}, en = {json.dumps(HOSTILE)} }}
source = {json.dumps("=1+1 " + HOSTILE)}
note = {json.dumps(HOSTILE)}
[scenarios.more.set]
rules.most_people.share = 0.8

[scenarios.dear]
title = {{ zh = "更贵", en = "Dearer" }}
basis = "estimated"
[scenarios.dear.set]
"siting.clinic.yearly" = 70_000
siting.clinic.opening = 200_000
"""


def hostile_tiny(folder: Path) -> Tiny:
    """Return the small district with hostile names of places, towns, institutions and the model."""
    tiny = copy_tiny(folder)
    for file in ("places", "towns", "institutions"):
        path = tiny.folder / f"{file}.csv"
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        for row in rows:
            row["name"] = f"={row['id']} {HOSTILE}"
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")
    text = tiny.model.read_text(encoding="utf-8")
    begin = text.index("[rules.most_people]")
    title = json.dumps(HOSTILE, ensure_ascii=False)
    text = text[:begin].replace('"Plan of the example district"', title).replace('"示例区方案"', title)
    tiny.model.write_text(text + RULES, encoding="utf-8")
    return tiny


@cache
def made(kind: AnswerKind) -> Answer:
    """Return the answer of a kind; whoever changes it copies its content first."""
    with TemporaryDirectory() as folder:
        answer = _MAKERS[kind](hostile_tiny(Path(folder)))
    # (What stands in the file: no tuples, and keys are text.)
    return Answer(kind, json.loads(to_json(answer.content)))


def _scenarios(tiny: Tiny) -> Answer:
    one_year_of(tiny)
    tiny.model.write_text(tiny.model.read_text(encoding="utf-8") + SCENARIOS, encoding="utf-8")
    return compare_scenarios(
        Comparing(str(tiny.model), changes={"siting.clinic.yearly": "61_000"}), Processes(1)
    ).answer


def _sweep(tiny: Tiny) -> Answer:
    one_year_of(tiny)
    vary = ("rules.most_people.share=0.70,0.90", "siting.clinic.opening=uniform(100_000,200_000)")
    asked = Sweeping(vary=vary, samples=3)
    return sweep(str(tiny.model), asked, Processes(1), tiny.folder.parent / "sweep")


def _prices(tiny: Tiny) -> Answer:
    one_year_of(tiny)
    district, model = read_district(tiny.folder), read_model(tiny.model)
    answer = price(district, model, Processes(1), points=3, front=3)
    # (So few plans are even at no price: these two are, four clinics and a station.)
    free = replace(model, rules={})
    case = make_case(district, free)
    spare = {kind: [j for j, at in enumerate(case.sites) if at.kind == kind and not at.exists] for kind in model.siting}
    clinics, station = (
        Layout(frozenset((j, 0) for j in spare[kind][:number])) for kind, number in (("clinic", 4), ("station", 1))
    )
    even = break_even(district, free, case, {"present": clinics, "front=2": station})
    return Answer("prices", {**answer.content, **even})


@cache
def plan_content() -> dict[str, Any]:
    """Return the plan of the small district whose villages are anywhere, for two years."""
    with TemporaryDirectory() as folder:
        tiny = hostile_tiny(Path(folder))
        tiny.edit("tiny.toml", "draws = 3", "draws = 1")
        district = read_district(tiny.folder)
        places = (
            replace(one, position_basis=Basis.ESTIMATED) if one.kind == "village" else one for one in district.places
        )
        made = plan(replace(district, places=tuple(places)), read_model(tiny.model))
    found: dict[str, Any] = json.loads(to_json(made.content))
    return found


def _alternatives(_: Tiny) -> Answer:
    return alternatives(plan_content(), Options(seconds=60, threads=1), plans=2).answer


def _robust(_: Tiny) -> Answer:
    content = plan_content()
    asked = Doubting(draws=3, again=1)
    answer = robust(content, kept_plan(content, asked), Processes(1))
    hedged = hedge(content, Hedging(draws=3, fresh=4, prices=(0.0, 0.15)))
    return Answer("robust", {**answer.content, "hedged": hedged.content})


def one_year_of(tiny: Tiny) -> None:
    """Leave the model one plan year and no draws."""
    tiny.edit("tiny.toml", "draws = 3", "draws = 0")
    tiny.edit("tiny.toml", "years = [2025, 2027]", "years = [2027]")


def _joint(tiny: Tiny) -> Answer:
    # (Imported here: the districts of that are made of these.)
    from joined import make_both

    both = make_both(tiny.folder.parent / "both")
    both.edit("as_of = 2025-01-01", 'as_of = 2025-01-01\npolicies = ["tianjin"]')
    for name in ("甲区", "丙区", "made up", "两个区", "Both districts"):
        both.edit(json.dumps(name, ensure_ascii=False), json.dumps(HOSTILE))
    return plan_jointly(read_joint(both.file), Options(seconds=60, threads=1), Processes(2)).answer


_MAKERS = {
    "scenarios": _scenarios, "sweep": _sweep, "alternatives": _alternatives, "robust": _robust, "prices": _prices,
    "joint": _joint,
}  # fmt: skip
