"""What clauses and money cost: the tables and the page of that answer, and the lines that a terminal shows."""

from collections.abc import Iterator, Mapping
from math import ceil, floor
from typing import Any

from allocate.answer import Answer
from allocate.report.blocks import Axis, Bullets, Chart, Grid, Heading, Mark, PageBlock, Paragraph, Series
from allocate.report.summary import percent_exact, percent_up
from allocate.report.table import Field, Sheet, clean, make_sheet
from allocate.words import Language, say_in

Row = Mapping[str, Any]
PRICE_SHEETS = ("price_points", "price_steps", "price_front", "price_even", "price_plans")
_MILLION = 1e6


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    """Return the tables: points of the curves, steps between them, the front, break-even prices, the plans compared."""
    content = answer.content
    years = content["years"]
    about = [
        Field("rule", "id"), Field("clause", "id"), Field("strength", "code", "strength"), Field("turned_key", "id"),
    ]  # fmt: skip
    points = make_sheet(
        "price_points",
        [
            *about, Field("target", "measure"), Field("unit", "code", "unit"), Field("is_present", "mark"),
            Field("worked_out", "code", "worked_out"), Field("goal_value", "measure"), Field("goal_bound", "measure"),
            Field("best_least", "measure"), Field("best_most", "measure"), Field("goal_unit", "code", "unit"),
            Field("gap", "gap"), Field("scenario_cost", "yuan"),
            *(Field(f"coverage_share_{year}", "share", year=year) for year in years),
            *(Field(f"sites_open_{year}", "whole", year=year) for year in years),
            Field("rules_missed", "text"), Field("basis", "code", "basis"), Field("why_not", "text"),
        ],
        (_point(answer, curve, row) for curve in content["curves"] for row in curve["points"]),
    )  # fmt: skip
    steps = make_sheet(
        "price_steps",
        [
            *about, Field("step_from", "measure"), Field("step_to", "measure"), Field("unit", "code", "unit"),
            Field("step_low", "measure"), Field("step_high", "measure"), Field("goal_unit", "code", "unit"),
            Field("against", "code", "apart"), Field("against_given", "code", "apart_given"),
        ],
        (_step(answer, curve, step) for curve in content["curves"] for step in curve["steps"]),
    )  # fmt: skip
    knee = content["knee"]
    front = make_sheet(
        "price_front",
        [
            Field("point", "whole"), Field("scenario_cost", "yuan"), Field("goal_bound", "yuan"), Field("gap", "gap"),
            Field("share_average", "share"), *(Field(f"people_served_{year}", "whole", year=year) for year in years),
            Field("is_knee", "mark"), Field("rules_missed", "text"),
        ],
        (
            {
                "point": row["point"],
                "scenario_cost": row["cost"],
                "goal_bound": row["bound"],
                "gap": row["gap"],
                "share_average": row["share"],
                **{f"people_served_{year}": row["served"][str(year)] for year in years},
                "is_knee": "✓" if knee and row["point"] == knee["point"] else None,
                "rules_missed": ", ".join(row["missed"]) or None,
            }
            for row in content["front"]
        ),
    )  # fmt: skip
    even = make_sheet(
        "price_even",
        [
            Field("model_key", "id"), Field("present_price", "yuan"), Field("even_price", "measure"),
            Field("even_exact", "text"), Field("even_change", "share"), Field("plan_now", "text"),
            Field("plan_then", "text"), Field("bought_now", "whole"), Field("bought_then", "whole"),
            Field("cost_now", "yuan"), Field("cost_then", "yuan"),
        ],
        (
            {
                "model_key": row["key"],
                "present_price": row["present"],
                "even_price": row["price"],
                "even_exact": row["at"],
                "even_change": row["change"],
                "plan_now": plan_said(row["from"], language),
                "plan_then": plan_said(row["to"], language),
                "bought_now": row["from_quantity"],
                "bought_then": row["to_quantity"],
                "cost_now": row["from_cost"],
                "cost_then": row["to_cost"],
            }
            for row in content["break_even"]
        ),
    )  # fmt: skip
    plans = make_sheet(
        "price_plans",
        [
            Field("plan_now", "text"), Field("scenario_cost", "yuan"),
            *(Field(f"people_served_{year}", "whole", year=year) for year in years),
        ],
        (
            {
                "plan_now": plan_said(row["plan"], language),
                "scenario_cost": row["cost"],
                **{f"people_served_{year}": row["served"][str(year)] for year in years},
            }
            for row in content["plans"]
        ),
    )  # fmt: skip
    return [points, steps, front, even, plans]


def plan_said(name: str, language: Language) -> str:
    """Return what a plan that was found is called: the present one, a point of the front, or one of a curve."""
    if name == "present":
        return say_in(language, "prices.present")
    about, _, target = name.rpartition("=")
    if about == "front":
        return say_in(language, "prices.of_front", point=target)
    return say_in(language, "prices.of_curve", knob=clean(about), target=target)


def _curve_about(curve: Row) -> dict[str, Any]:
    about = {key: curve[key] for key in ("rule", "clause", "strength", "unit")}
    return {**about, "turned_key": curve["key"]}


def _point(answer: Answer, curve: Row, row: Row) -> dict[str, Any]:
    years = answer.content["years"]
    return {
        **_curve_about(curve),
        "target": row["target"],
        "is_present": "✓" if row["is_present"] else None,
        "worked_out": row["status"],
        "goal_value": row.get("value"),
        "goal_bound": row.get("bound"),
        "best_least": row.get("least"),
        "best_most": row.get("most"),
        "goal_unit": answer.content["unit"],
        "gap": row.get("gap"),
        "scenario_cost": row.get("cost"),
        **{f"coverage_share_{year}": (row.get("coverage") or {}).get(str(year)) for year in years},
        **{f"sites_open_{year}": (row.get("sites") or {}).get(str(year)) for year in years},
        "rules_missed": ", ".join(row.get("missed") or ()) or None,
        "basis": curve["basis"],
        "why_not": row["reason"] or None,
    }


def _step(answer: Answer, curve: Row, step: Row) -> dict[str, Any]:
    return {
        **_curve_about(curve),
        "step_from": step["from"],
        "step_to": step["to"],
        "step_low": step["low"],
        "step_high": step["high"],
        "goal_unit": answer.content["unit"],
        "against": step["verdict"],
        "against_given": step["given"] or None,
    }


# ---- the page ----


def blocks(answer: Answer, language: Language) -> list[PageBlock]:
    """Return the page: what the next point of every clause costs, the curves, the front, and break-even prices."""
    content = answer.content

    def word(key: str, **values: object) -> str:
        return say_in(language, f"prices.{key}", **values)

    goal = say_in(language, f"stage.{content['goal']}")
    made: list[PageBlock] = [Paragraph(word("about", goal=goal))]
    if content["present"]["status"] == "failed":
        made.append(Paragraph(word("no_present", reason=clean(content["present"]["reason"])), "warning"))
    made += [
        Heading(word("next"), 1),
        _next(answer, language),
        Bullets(tuple(word(f"reading_{n}") for n in range(1, 4))),
    ]
    made.append(Heading(word("curves"), 1))
    made += [_chart(answer, curve, language) for curve in content["curves"] if _drawn(curve)]
    failed = [
        (clean(curve["rule"]), _target(curve, row["target"]), clean(row["reason"]))
        for curve in content["curves"]
        for row in curve["points"]
        if row["status"] == "failed"
    ]
    if failed:
        heads = tuple(say_in(language, f"field.{head}") for head in ("rule", "target", "why_not"))
        made.append(Grid(word("failed"), heads, tuple(failed), (2, 1, 5)))
    made.append(Heading(word("front"), 1))
    made += list(_front(answer, language))
    made.append(Heading(word("even"), 1))
    made += list(_even(answer, language))
    return made


def _target(curve: Row, number: float) -> str:
    return f"{percent_exact(number)} %" if curve["is_share"] else f"{number:,.10g}"


def _scaled(answer: Answer) -> tuple[float, str]:
    """Return by what goal values are divided to be read, and the key of the unit that is left."""
    return (
        (_MILLION, "prices.millions") if answer.content["unit"] == "yuan" else (1.0, f"unit.{answer.content['unit']}")
    )


def step_said(answer: Answer, curve: Row, step: Row, language: Language) -> str:
    """Say what a step costs, for a point of a hundred or for one more."""
    if step["low"] is None:
        return say_in(language, f"prices.given_{step['given']}")
    unit = f"unit.{answer.content['unit']}"
    # (Money in whole yuan, outwards: a range is never shown narrower than it is. What is nothing has no sign.)
    digits = 0 if answer.content["unit"] == "yuan" else 2
    low, high = (floor(step["low"] * 10**digits), ceil(step["high"] * 10**digits))
    told = {"low": f"{low / 10**digits:,.{digits}f}", "high": f"{high / 10**digits:,.{digits}f}"}
    per = "prices.per_point" if curve["is_share"] else "prices.per_unit"
    said = say_in(language, per, unit=say_in(language, unit), of=say_in(language, f"unit.{curve['unit']}"), **told)
    return said + (say_in(language, "prices.given_unproven") if step["given"] else "")


def _next(answer: Answer, language: Language) -> Grid:
    """Return what a step tighter, and a step looser, costs or saves for every clause."""
    lines = []
    for curve in answer.content["curves"]:
        at = next(n for n, row in enumerate(curve["points"]) if row["is_present"])
        looser = curve["steps"][at - 1] if at else None
        tighter = curve["steps"][at] if at < len(curve["steps"]) else None
        lines.append(
            (
                clean(curve["rule"]),
                clean(curve["clause"] or ""),
                say_in(language, f"strength.{curve['strength']}"),
                _target(curve, curve["present"]),
                *(
                    say_in(
                        language,
                        "prices.at_target",
                        target=_target(curve, step[end]),
                        price=step_said(answer, curve, step, language),
                    )
                    if step
                    else "—"
                    for step, end in ((looser, "from"), (tighter, "to"))
                ),
            )
        )
    heads = (
        *(say_in(language, f"field.{head}") for head in ("rule", "clause", "strength")),
        *(say_in(language, f"prices.{head}") for head in ("now", "looser", "tighter")),
    )
    return Grid(say_in(language, "prices.next_caption"), heads, tuple(lines), (3, 2, 1.5, 1.5, 4, 4), frozenset({3}))


def _drawn(curve: Row) -> bool:
    return len([row for row in curve["points"] if row["status"] == "found"]) > 1


def _chart(answer: Answer, curve: Row, language: Language) -> Chart:
    """Return a curve with the range in which the best lies at every target."""
    scale, unit = _scaled(answer)
    rows = sorted((row for row in curve["points"] if row["status"] == "found"), key=lambda row: row["target"])
    goal = say_in(language, f"stage.{answer.content['goal']}")
    up = say_in(language, "prices.axis", what=goal, unit=say_in(language, unit))
    series = Series(
        goal,
        tuple(row["target"] for row in rows),
        tuple(row["most"] / scale for row in rows),
        tuple(row["least"] / scale for row in rows),
        tuple(row["most"] / scale for row in rows),
    )
    target = say_in(language, "field.target")
    across = target if curve["is_share"] else say_in(
        language, "prices.axis", what=target, unit=say_in(language, f"unit.{curve['unit']}")
    )  # fmt: skip
    return Chart(
        say_in(language, "prices.curve", rule=clean(curve["rule"]), clause=clean(curve["clause"] or "—")),
        "line",
        Axis(across, "share" if curve["is_share"] else "number"),
        Axis(up, "number"),
        (series,),
        (Mark(say_in(language, "prices.now"), x=curve["present"]),),
        say_in(language, "prices.ranges"),
    )


def _front(answer: Answer, language: Language) -> Iterator[PageBlock]:
    content = answer.content
    if not content["front"]:
        reason = content["front_failed"] or say_in(language, "prices.no_front")
        yield Paragraph(clean(reason), "warning")
        return
    points, knee = content["front"], content["knee"]
    yield Paragraph(say_in(language, "prices.front_about", rules=clean(", ".join(content["front_without"]) or "—")))
    marks: tuple[Mark, ...] = ()
    if knee:
        yield Paragraph(
            say_in(
                language, "prices.knee_said", point=knee["point"], cost=f"{knee['cost'] / _MILLION:,.2f}",
                before=f"{knee['before'] * 10_000:,.2f}", after=f"{knee['after'] * 10_000:,.2f}",
            )
        )  # fmt: skip
        marks = (Mark(say_in(language, "prices.knee"), x=knee["cost"] / _MILLION, y=knee["share"]),)
    money = say_in(
        language, "prices.axis", what=say_in(language, "stage.cost"), unit=say_in(language, "prices.millions")
    )
    yield Chart(
        say_in(language, "prices.front"),
        "line",
        Axis(money, "number"),
        Axis(say_in(language, "field.share_average"), "share"),
        (
            Series(
                say_in(language, "field.share_average"),
                tuple(row["cost"] / _MILLION for row in points),
                tuple(row["share"] for row in points),
                labels=tuple(say_in(language, "prices.of_front", point=row["point"]) for row in points),
            ),
        ),
        marks,
        note=say_in(language, "prices.front_note", gap=percent_up(max(row["gap"] for row in points))),
    )


def _even(answer: Answer, language: Language) -> Iterator[PageBlock]:
    rows = answer.content["break_even"]
    yield Paragraph(say_in(language, "prices.even_about", count=len(answer.content["plans"])))
    if not rows:
        yield Paragraph(say_in(language, "prices.even_none"))
        return
    names = ("model_key", "present_price", "even_price", "even_change", "plan_then")
    heads = tuple(say_in(language, f"field.{name}") for name in names)
    lines = tuple(
        (
            clean(row["key"]), f"{row['present']:,}", f"{row['price']:,.2f}",
            f"{100 * row['change']:+.1f} %", plan_said(row["to"], language),
        )
        for row in rows
    )  # fmt: skip
    yield Grid(say_in(language, "prices.even_caption"), heads, lines, (3, 1.5, 1.5, 1, 4), frozenset({1, 2, 3}))


def lines(answer: Answer, language: Language) -> Iterator[str]:
    """Yield for a terminal what a step more of every clause costs, the knee, and what prices would change."""
    for curve in answer.content["curves"]:
        at = next(n for n, row in enumerate(curve["points"]) if row["is_present"])
        told = []
        if at < len(curve["steps"]):
            step = curve["steps"][at]
            told.append(f"{_target(curve, step['to'])}: {step_said(answer, curve, step, language)}")
        yield say_in(
            language, "prices.line", rule=clean(curve["rule"]), present=_target(curve, curve["present"]),
            step=told[0] if told else say_in(language, "prices.at_end"),
        )  # fmt: skip
        for row in curve["points"]:
            if row["status"] == "failed":
                yield say_in(
                    language, "prices.line_failed", rule=clean(curve["rule"]), target=_target(curve, row["target"]),
                    reason=clean(row["reason"]),
                )  # fmt: skip
    knee = answer.content["knee"]
    if knee:
        yield say_in(
            language, "prices.knee_said", point=knee["point"], cost=f"{knee['cost'] / _MILLION:,.2f}",
            before=f"{knee['before'] * 10_000:,.2f}", after=f"{knee['after'] * 10_000:,.2f}",
        )  # fmt: skip
    yield say_in(
        language, "prices.line_even", count=len({row["key"] for row in answer.content["break_even"]}),
        plans=len(answer.content["plans"]),
    )  # fmt: skip
