"""What observed travel times say, as tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from allocate.report.table import Field, Sheet, Source, make_sheet

# Those that only a plan with observed travel times has: after the coverage.
CALIBRATION_SHEETS = ("calibration", "observed")


def calibration_sheets(source: Source) -> Iterator[Sheet]:
    """Yield how well every way to travel fits what was observed, and every pair; nothing where nobody observed any."""
    if source.content.get("calibration"):
        yield _fits(source)
        yield _pairs(source)


def _mode(source: Source, name: str) -> str:
    return str(source.content["settings"]["modes"][name]["name"][source.language])


def _fits(source: Source) -> Sheet:
    fields = [
        Field("mode", "text"), Field("calibrated", "code", "calibrated"), Field("pairs", "whole"),
        Field("observations", "whole"), Field("by_road", "whole"), Field("factor", "measure"),
        Field("applied", "measure"), Field("mape_before", "share"), Field("mape_after", "share"),
        Field("mape_left_out", "share"), Field("in_line_before", "share"), Field("in_line_after", "share"),
        Field("in_line_left_out", "share"), Field("minutes_before", "minutes"), Field("minutes_after", "minutes"),
        Field("minutes_left_out", "minutes"), Field("correlation", "measure"), Field("outliers", "whole"),
        Field("not_compared", "whole"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        errors: dict[str, Any] = {}
        for when in ("before", "after", "left_out"):
            found = row[when] or dict.fromkeys(("mape", "mape_in_line", "median_minutes"))
            errors |= {f"mape_{when}": found["mape"], f"in_line_{when}": found["mape_in_line"]}
            errors |= {f"minutes_{when}": found["median_minutes"]}
        named = {"mode": _mode(source, row["mode"]), "calibrated": row["status"]}
        return {**row, **errors, **named, "not_compared": len(row["skipped"])}

    return make_sheet("calibration", fields, map(record, source.content["calibration"]))


def _pairs(source: Source) -> Sheet:
    """Return every pair, by way to travel: those farthest out of line first, those that are not compared last."""
    fields = [
        Field("mode", "text"), Field("from_name", "text"), Field("to_name", "text"),
        Field("way_by", "code", "way_by"), Field("observations", "whole"), Field("observed_minutes", "minutes"),
        Field("modelled_minutes", "minutes"), Field("corrected_minutes", "minutes"),
        Field("observed_ratio", "measure"), Field("fits_in", "code", "fits_in"), Field("from_id", "id"),
        Field("to_id", "id"),
    ]  # fmt: skip
    data = source.district
    names = {one["id"]: str(one["name"]) for key in ("places", "institutions", "care_homes") for one in data[key]}
    blank = dict.fromkeys(
        ("way_by", "observations", "observed_minutes", "modelled_minutes", "corrected_minutes", "observed_ratio")
    )

    def ends(row: Mapping[str, Any], mode: str) -> dict[str, Any]:
        start, end = row["from"], row["to"]
        named = {"from_name": names.get(start, start), "to_name": names.get(end, end)}
        return {"mode": _mode(source, mode), "from_id": start, "to_id": end, **named}

    records = []
    for one in source.content["calibration"]:
        for trip in one["trips"]:
            times = {f"{key}_minutes": trip[key] for key in ("observed", "modelled", "corrected")}
            told = {"way_by": trip["how"], "observations": trip["times"], "observed_ratio": trip["ratio"]}
            fits = {"fits_in": "outlier" if trip["outlier"] else "in_line"}
            records.append({**ends(trip, one["mode"]), **times, **told, **fits})
        records += [{**blank, **ends(pair, one["mode"]), "fits_in": pair["why"]} for pair in one["skipped"]]
    return make_sheet("observed", fields, records)
