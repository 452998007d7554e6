"""Reads a model and its district and says everything that a planner should know before planning."""

from collections import Counter
from collections.abc import Iterator, Mapping

from allocate.candidates import make_case
from allocate.district import District
from allocate.errors import AllocateError, InputError, ModelError, Problem, UsageError
from allocate.model import Model, read_model
from allocate.plans import assumptions
from allocate.read import find_district, read_district
from allocate.words import language, say


def check_all(name: str, changes: Mapping[str, str]) -> Iterator[str]:
    """Yield what was read, then what is odd, then what is assumed.

    Raises
    ------
    AllocateError
        When model or district are wrong; one message lists every problem of both.
    """
    model, wrong = _try_model(name, changes)
    district = None
    if model is not None:
        try:
            district = read_district(find_district(model.district, model.home))
        except (InputError, UsageError) as error:
            wrong.append(error)
    if wrong or model is None or district is None:
        raise AllocateError("\n".join(str(error) for error in wrong))
    # (Every fault is found before the first line is said.)
    warnings = [*district.warnings, *_past(model), *_unreachable(district, model)]
    yield say(
        "check.read",
        model=model.id,
        rules=len(model.rules),
        district=district.name[language()],
        places=len(district.places),
        towns=len(district.towns),
        people=district.people,
    )
    for warning in warnings:
        yield say("check.warning", text=warning.sentence())
    for mode, count in sorted(Counter(mode for _, _, mode in district.travel).items()):
        yield say("check.travel", mode=mode, count=count)
    for row in assumptions(district, model):
        yield say("check.assumed", table=row["table"], basis=say(f"basis.{row['basis']}"), rows=row["rows"])
    yield say("check.fine")


def _try_model(name: str, changes: Mapping[str, str]) -> tuple[Model | None, list[AllocateError]]:
    try:
        return read_model(name, changes), []
    except (ModelError, UsageError) as error:
        return None, [error]


def _past(model: Model) -> Iterator[Problem]:
    planned = model.planned()
    for name in model.rules:
        if name not in planned:
            details = {"rule": name, "as_of": model.as_of.isoformat()}
            yield Problem("check.past", f"{model.id}.toml", column=f"rules.{name}", details=details)


def _unreachable(district: District, model: Model) -> Iterator[Problem]:
    """Yield the places that nobody could ever serve: no site and no candidate lies within their circle."""
    case = make_case(district, model)
    for place, sites in zip(district.places, case.sites_of, strict=True):
        if not sites:
            yield Problem(
                "check.unreachable",
                "places.csv",
                value=place.id,
                details={"name": place.name, "people": place.people or 0},
            )
