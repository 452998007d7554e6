"""The table of what every decided site is worth: who would lose without it, and where else it could stand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from allocate.report.site_cards import Cards, Line, Part, SiteCard, is_spare
from allocate.report.table import Field, Sheet, Source, make_sheet

# The columns that there are for every year: it follows.
_NEAREST, _FEWER = "nearest_to", "fewer_served"


def worth_sheets(source: Source) -> Iterator[Sheet]:
    """Yield the table; a plan of an earlier version, or one that decides no site, has none."""
    if source.content.get("worth"):
        yield _worth(source)


def _worth(source: Source) -> Sheet:
    """Return a line for every decided site, by town and id: whom it is nearest to, and what follows without it."""
    years, count = source.years, len(source.content["draws"])
    fields = [
        Field("name", "text"), Field("kind", "code", "kind"), Field("town", "text"), Field("becomes", "text"),
        *(Field(f"{_NEAREST}_{year}", "whole", year=year) for year in years), Field("longer_by", "minutes"),
        *(Field(f"{_FEWER}_{year}", "whole", year=year) for year in years), Field("cost_more", "yuan"),
        Field("goals_more", "text"), Field("clauses_without", "text"), Field("can_go", "mark"),
        Field("worth_remark", "text"), Field("spots_tried", "whole"), Field("other_spots", "text"),
        Field("in_draws", "whole"), Field("of_draws", "whole"), Field("basis", "code", "basis"), Field("id", "id"),
        Field("town_id", "id"),
    ]  # fmt: skip
    asked = Cards(source)
    cards = asked.made()
    sites = {row["id"]: row for row in reversed(source.content["sites"])}

    def record(row: Mapping[str, Any]) -> dict[str, Any]:
        card, dropped = cards[row["id"]], row["dropped"]
        farther = asked.farther(row["id"])
        fewer = dropped.get("unserved", {})
        return {
            "name": card.name,
            "kind": sites[row["id"]]["kind"],
            "town": card.town,
            "becomes": card.headline,
            **{f"{_NEAREST}_{year}": row["nearest"].get(str(year)) for year in years},
            "longer_by": None if farther is None else round(farther.minutes, 1),
            **{f"{_FEWER}_{year}": fewer.get(str(year)) for year in years},
            "cost_more": dropped.get("cost"),
            "goals_more": _goals(source, card) or None,
            "clauses_without": source.word("summary.comma").join(dropped.get("clauses", ())) or None,
            "can_go": "●" if "hindrance" not in dropped and is_spare(dropped) else None,
            "worth_remark": _remark(card) or None,
            "spots_tried": None if "hindrance" in dropped else row["tried"],
            "other_spots": _lines(source, card.part("others")) or None,
            "in_draws": row["draws"],
            "of_draws": None if row["draws"] is None else count,
            "basis": sites[row["id"]]["basis"],
            "id": row["id"],
            "town_id": card.town_id,
        }

    order = {code: at for at, code in enumerate(cards)}
    rows = sorted((row for row in source.content["worth"] if row["id"] in order), key=lambda row: order[row["id"]])
    return make_sheet("worth", fields, map(record, rows))


def _lines(source: Source, part: Part | None) -> str:
    """Return the lines of a part that have a label."""
    return _joined(source, [line for line in part.lines if line.label] if part is not None else [])


def _goals(source: Source, card: SiteCard) -> str:
    part = card.part("without")
    return _joined(source, [line for line in part.lines if line.name == "goal"] if part is not None else [])


def _joined(source: Source, lines: Sequence[Line]) -> str:
    told = (source.word("site_card.labelled", label=line.label, text=line.text) for line in lines)
    return source.word("summary.semicolon").join(told)


def _remark(card: SiteCard) -> str:
    """Return what stands against dropping it, or that nothing but other goals does."""
    part = card.part("without")
    return next((line.text for line in part.lines if line.name == "verdict"), "") if part is not None else ""
