"""The tables of candidates: where sites may be opened and why, what was dropped and why, what was generated."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from allocate.report.table import Field, Sheet, Source, make_sheet
from allocate.tables import ENDS
from allocate.words import Language, say_in

# All of them, in the order in which a planner reads them.
CANDIDATE_SHEETS = ("candidates", "dropped", "generated")


def candidate_sheets(source: Source) -> Iterator[Sheet]:
    """Yield the tables that a plan has: one whose candidates are just the middles of places has none."""
    content = source.content
    if all(row["from"] == "places" for row in content.get("candidates", ())) and not (
        content.get("dropped") or source.district.get("layers")
    ):
        return
    makers: tuple[Callable[[Source], Sheet], ...] = (_candidates, _dropped, _generated)
    for name, make in zip(CANDIDATE_SHEETS, makers, strict=True):
        if content.get(name):
            yield make(source)


def spot_sheets(content: Mapping[str, Any], language: Language) -> Iterator[Sheet]:
    """Yield the tables of candidates and of what was dropped, also of a plan whose candidates say nothing of their own.

    Whoever asks for another site looks for its spot here.
    """
    source = Source(content, language)
    makers: tuple[Callable[[Source], Sheet], ...] = (_candidates, _dropped)
    for name, make in zip(CANDIDATE_SHEETS, makers, strict=False):
        if content.get(name):
            yield make(source)


def layer_names(layers: Iterable[Mapping[str, Any]], language: Language) -> dict[str, str]:
    """Return what layers are called, by their ids."""
    return {layer["id"]: str(layer["name"][language]) for layer in layers}


def say_reasons(
    reasons: Sequence[Mapping[str, Any]], layers: Mapping[str, str], places: Mapping[str, str], language: Language
) -> str:
    """Say why a candidate was kept, or dropped.

    Parameters
    ----------
    layers, places
        What layers and places are called, by their ids.
    """

    def said(reason: Mapping[str, Any]) -> str:
        details = {**reason, "layer": layers.get(str(reason.get("layer")), reason.get("layer"))}
        details["place"] = places.get(str(reason.get("place")), reason.get("place"))
        if "why" in reason:
            details["why"] = said(
                {**{key: value for key, value in reason.items() if key != "why"}, "code": reason["why"]}
            )
        return say_in(language, f"kept.{details.pop('code')}", **details)

    return say_in(language, "summary.semicolon").join(map(said, reasons))


def say_kept(source: Source, site: str) -> str:
    """Say where a candidate of a plan comes from and why it was kept; nothing where it is just that of its place."""
    row = source.candidates.get(site)
    if row is None or all(reason["code"] == "place" for reason in row["kept"]):
        return ""
    return _say(source, row["kept"])


def _say(source: Source, reasons: Sequence[Mapping[str, Any]]) -> str:
    named = {str(reason["place"]) for reason in reasons if "place" in reason}
    places = {code: str(source.places[code]["name"]) for code in named if code in source.places}
    layers = layer_names(source.district.get("layers", ()), source.language)
    return say_reasons(reasons, layers, places, source.language)


def _about(source: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "town": source.towns[row["town"]], "town_id": row["town"], "origin": row["from"]}


_SPOT = (
    Field("basis", "code", "basis"),
    Field("lon", "degrees"),
    Field("lat", "degrees"),
    Field("id", "id"),
    Field("town_id", "id"),
)


def _candidates(source: Source) -> Sheet:
    """Return every candidate with the reason that it was kept for, and the year in which the plan opens it."""
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"), Field("origin", "code", "origin"),
        Field("kept", "text"), Field("opens", "year"), Field("opening_one", "yuan"), Field("yearly_one", "yuan"),
        *_SPOT,
    ]  # fmt: skip
    opens = {row["id"]: row["year"] for row in source.content["sites"] if row["action"] not in (*ENDS, "upgrade")}
    known = {code: str(place["name"]) for code, place in source.places.items()}
    layers = layer_names(source.district.get("layers", ()), source.language)

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **_about(source, row),
            "kept": say_reasons(row["kept"], layers, known, source.language),
            "opens": opens.get(row["id"]),
            "opening_one": row["opening"],
            "yearly_one": row["yearly"],
        }

    return make_sheet("candidates", fields, map(record, source.content["candidates"]))


def _dropped(source: Source) -> Sheet:
    """Return every candidate that may not stand where it would, and what keeps it out."""
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"), Field("origin", "code", "origin"),
        Field("dropped_by", "text"), *_SPOT[1:],
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**_about(source, row), "dropped_by": _say(source, [row["why"]])}

    return make_sheet("dropped", fields, map(record, source.content["dropped"]))


def _generated(source: Source) -> Sheet:
    """Return what came of generating candidates of each kind."""
    fields = [
        Field("kind", "code", "kind"), Field("generated_how", "code", "generating"), Field("asked_most", "whole"),
        Field("spots", "whole"), Field("spots_allowed", "whole"), Field("made", "whole"),
        Field("people_unreached", "whole"), Field("people_reached", "whole"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "kind": row["kind"],
            "generated_how": row["how"],
            "asked_most": row["asked"] or None,
            "spots": row["spots"],
            "spots_allowed": row["allowed"],
            "made": row["made"],
            "people_unreached": row["people"],
            "people_reached": row["reached"],
        }

    return make_sheet("generated", fields, map(record, source.content["generated"]))
