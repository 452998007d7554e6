"""Plans for the worst possible cases beside the plan at hand, as tables and as a part of a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from allocate.report.blocks import Heading, PageBlock, Paragraph
from allocate.report.page_parts import grid_of
from allocate.report.summary import percent, percent_exact, percent_up
from allocate.report.table import Field, Sheet, clean, make_sheet
from allocate.words import Language, say_in

# Every figure of coverage, of the cases that the plans were made for and of others.
_FIGURES = ("fitted_worst", "fitted_tail", "fitted_mean", "fresh_worst", "fresh_tail", "fresh_mean")
HEDGED_SHEETS = ("hedged", "hedged_sites")


def hedged_sheets(hedged: Mapping[str, Any], language: Language) -> Iterator[Sheet]:
    """Yield the table of the plans, and that of the sites in which they differ from the plan at hand."""
    yield _plans(hedged, language)
    sites = list(_sites(hedged, language))
    if sites:
        fields = [Field("hedge_plan", "text"), Field("hedge_change", "code", "hedge_change"), Field("name", "text")]
        yield make_sheet("hedged_sites", [*fields, Field("id", "id")], sites)


def _plans(hedged: Mapping[str, Any], language: Language) -> Sheet:
    fields = [
        Field("hedge_plan", "text"), Field("hedge_cost", "yuan"), Field("hedge_more", "yuan"),
        *(Field(name, "share") for name in _FIGURES), Field("hedge_sites", "whole"), Field("hedge_opened", "whole"),
        Field("hedge_dropped", "whole"), Field("hedge_bound", "share"),
    ]  # fmt: skip

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "hedge_plan": _name(row, language),
            "hedge_cost": row["cost"],
            "hedge_more": row["more"],
            **{f"{of}_{figure}": row[of][figure] for of in ("fitted", "fresh") for figure in row[of]},
            "hedge_sites": row["sites"],
            "hedge_opened": len(row["opened"]),
            "hedge_dropped": len(row["dropped"]),
            # (No plan at this price covers more of the worst cases that it was made for.)
            "hedge_bound": None if not row["bound"] else 1 - row["bound"],
        }

    return make_sheet("hedged", fields, map(record, (hedged["nominal"], *hedged["plans"])))


def _sites(hedged: Mapping[str, Any], language: Language) -> Iterator[dict[str, Any]]:
    for row in hedged["plans"]:
        for change in ("opened", "dropped"):
            for code in row[change]:
                told = {"hedge_plan": _name(row, language), "hedge_change": change}
                yield told | {"name": clean(hedged["names"][code]), "id": code}


def _name(row: Mapping[str, Any], language: Language) -> str:
    """Return what a plan is called: by what it may cost more."""
    if row["price"] is None:
        return say_in(language, "hedged.nominal")
    key = "hedged.at_price" if row["price"] else "hedged.at_no_price"
    return say_in(language, key, price=percent_exact(row["price"]) if row["price"] else "0")


def hedged_blocks(hedged: Mapping[str, Any], language: Language) -> Iterator[PageBlock]:
    """Yield the part of a page: what the worst cases gain, at what price, and how that was found."""

    def word(key: str, **values: object) -> str:
        return say_in(language, f"hedged.{key}", **values)

    yield Heading(word("heading"))
    yield Paragraph(hedged_headline(hedged, language))
    wanted = ("hedge_plan", "hedge_more", *_FIGURES, "hedge_opened", "hedge_dropped")
    years = say_in(language, "summary.comma").join(map(str, hedged["years"]))
    table = _plans(hedged, language)
    yield grid_of(table, language, columns=wanted, caption=word("caption", years=years))
    yield Paragraph(word("fresh", draws=len(hedged["draws"]), fresh=len(hedged["fresh"])), "note")
    yield Paragraph(word("method", worst=percent_exact(hedged["worst_share"])), "note")
    proven = [row for row in hedged["plans"] if row["bound"]]
    if proven:
        gap = percent_up(max(row["gap"] for row in proven))
        yield Paragraph(word("proven", count=len(proven), gap=gap), "note")
    else:
        yield Paragraph(word("unproven"), "note")


def hedged_headline(hedged: Mapping[str, Any], language: Language) -> str:
    """Return in one sentence what the dearest plan gains in cases that it never saw, and what it costs more."""
    before, best = hedged["nominal"], hedged["plans"][-1]
    figure = "worst" if hedged["how"] == "worst" else "tail"
    gains = best["fresh"][figure] > before["fresh"][figure]
    return say_in(
        language,
        f"hedged.{'gains' if gains else 'gains_nothing'}_{figure}",
        fresh=len(hedged["fresh"]),
        before=percent(before["fresh"][figure], 1),
        after=percent(best["fresh"][figure], 1),
        more=f"{best['more']:,}",
        opened=len(best["opened"]),
        dropped=len(best["dropped"]),
        worst=percent_exact(hedged["worst_share"]),
    )
