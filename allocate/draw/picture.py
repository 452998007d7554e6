"""Draws a plan's map as a picture for documents: sites, towns by share served, or what changes against today."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import shapely

from allocate.draw.boxes import Box, box_around, meet
from allocate.draw.canvas import CENTIMETRES_PER_INCH, INK, Canvas, Point, place_symbol, png, site_symbol, times_of
from allocate.draw.legend import Legend
from allocate.draw.lettering import plain
from allocate.draw.pictured import STATES, WHATS, Pictured, Site, by_state, kinds_of, people_by_status, step_of
from allocate.draw.plate import (
    COLOURS,
    CROWD,
    DOT,
    EDGE,
    GROUND,
    LARGE,
    NAME,
    PAPER_WHITE,
    QUIET,
    SHAPES,
    STEP_COLOURS,
    TOWN_LINE,
    USUAL,
    Plate,
    district_name,
    say_step,
    steps_of,
)
from allocate.draw.today import unlisted
from allocate.report.blocks import Drawer, What
from allocate.report.summary import from_openstreetmap, percent
from allocate.words import Language, say_in

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

# How broad the picture stands in a document [cm].
PAPER = 15.0
_LEAST, _MOST = 600, 6000
# How large names of towns and their shares are written [px of the usual picture].
_NAME, _SHARE = 26, 22
# Lengths that a scale may show [m].
_SCALES = tuple(step * 10**power for power in range(1, 6) for step in (1, 2, 5))


def map_picture(
    content: Mapping[str, Any], year: int, language: Language, *, what: What = "sites", width: int = USUAL
) -> bytes:
    """Return a map of a plan in one of its years as PNG, to be printed 15 cm broad.

    `sites`: places by status, and sites by what becomes of them in the year; `coverage`: towns by the share of their
    residents who are served; `change`: what is opened, moved, upgraded and closed against today. The same plan gives
    the same bytes, with the same fonts.

    Raises
    ------
    ValueError
        When the year is none of the plan's, or nobody could read a picture of that width [px].
    """
    return _draw(Pictured(content, language), year, what, width)


def pictures(content: Mapping[str, Any], language: Language) -> dict[str, bytes]:
    """Return every map of a plan by the name of its file: one of each sort for each plan year."""
    pictured = Pictured(content, language)
    return {f"{what}-{year}.png": _draw(pictured, year, what, USUAL) for year in content["years"] for what in WHATS}


def is_picture(name: str) -> bool:
    """Tell whether a file bears the name of a picture that we write."""
    what, _, rest = name.partition("-")
    year, _, form = rest.partition(".")
    return what in WHATS and year.isdecimal() and form == "png"


def picture_words(content: Mapping[str, Any], year: int, language: Language, *, what: What = "sites") -> str:
    """Say in a sentence or two what a map of a plan shows, for those who cannot see it."""
    return _words(Pictured(content, language), year, language, what)


def drawer(content: Mapping[str, Any], language: Language, *, width: int = USUAL) -> Drawer:
    """Return what draws one map of a plan after the other, as `map_picture` does, and says in words what it shows."""
    pictured = Pictured(content, language)
    return lambda year, what: (_draw(pictured, year, what, width), _words(pictured, year, language, what))


def _words(pictured: Pictured, year: int, language: Language, what: What) -> str:
    line = pictured.of_year(year)
    comma = say_in(language, "summary.comma")
    kinds, people, steps = kinds_of(line), people_by_status(line), pictured.by_step(year)
    drawn = [*pictured.sites(year, since_today=what == "change")]
    states = by_state(drawn)
    changed = [state for state in STATES[:-1] if states[state]]
    changes = comma.join(_part(language, "kind", f"picture.word_{state}", states[state]) for state in changed)
    told = say_in(
        language,
        f"picture.words_{what}",
        district=district_name(pictured),
        year=year,
        open=f"{sum(kinds.values()):,}",
        kinds=comma.join(_part(language, "kind", f"kind.{kind}", count) for kind, count in kinds.items()),
        changes=changes or say_in(language, "picture.words_unchanged"),
        people=f"{line['people']:,}",
        served=f"{line['served']:,}",
        share=percent(line["served"], line["people"]),
        statuses=comma.join(_part(language, "part", f"status.{code}", count) for code, count in people.items()),
        towns=sum(steps.values()),
        steps=comma.join(
            say_in(language, "picture.words_step", what=say_step(language, step), count=steps[step])
            for step in steps_of(steps)
        ),
    )
    more = _unknown_today(pictured, drawn) if what != "coverage" else ""
    return say_in(language, "picture.words_and", told=told, more=more) if more else told


def _unknown_today(pictured: Pictured, sites: Iterable[Site]) -> str:
    """Say of which kinds of sites that open nobody knows what stands today; nothing where all are listed."""
    language, kinds = pictured.language, {site.kind for site in sites if site.state == "opened"}
    if not kinds:
        return ""
    if not pictured.content.get("today"):
        return say_in(language, "picture.today_unknown")
    names = [say_in(language, f"kind.{kind}") for kind in unlisted(pictured.content) if kind in kinds]
    return (
        say_in(language, "picture.today_unlisted", kinds=say_in(language, "summary.comma").join(names)) if names else ""
    )


def _part(language: Language, how: str, key: str, count: int) -> str:
    return say_in(language, f"picture.words_{how}", what=say_in(language, key), count=f"{count:,}")


def _draw(pictured: Pictured, year: int, what: What, width: int) -> bytes:
    if year not in pictured.content["years"]:
        raise ValueError(f"{year}: {pictured.content['years']}")
    if not _LEAST <= width <= _MOST:
        raise ValueError(f"{width}: {_LEAST}-{_MOST} px")
    from PIL import ImageDraw

    plate = Plate(pictured, year, what, width)
    view, legend, room = plate.view, Legend(plate), width - 2 * plate.px(24)
    names = list(_names(plate))
    named = sum(size == _NAME for _, _, size in names)
    small, step = plate.text(22, QUIET), plate.px(31)
    notes = [line for note in _notes(plate, named) for line in small.lines(note, room, 4)]
    body = max(view.high, legend.high)
    bottom = view.top + body + plate.px(18)
    canvas = Canvas(width, bottom + step * len(notes) + plate.px(20), times_of(width))
    ground = Canvas(view.wide, view.high, times_of(width), GROUND)
    _draw_ground(plate, ground)
    if what != "coverage":
        _draw_places(plate, ground)
    _draw_sites(plate, ground)
    canvas.paste(ground, (view.left, view.top))
    right, low = view.left + view.wide, view.top + view.high
    frame = [(view.left, view.top), (right, view.top), (right, low), (view.left, low)]
    canvas.polygon(frame, None, EDGE, 1.6 * plate.unit)
    left = right + plate.px(24)
    legend.draw(canvas, left, view.top)
    canvas.polygon(_arrow(plate), INK)
    image = canvas.finished()
    pen = ImageDraw.Draw(image)
    title, under = plate.text(46, bold=0.7), plate.text(25, QUIET)
    whole = plate.say(f"picture.title_{what}", district=district_name(pictured), year=year)
    title.write(pen, (view.left, plate.px(62)), title.cut(whole, room))
    name = pictured.content["title"]
    told = plain(str(name[pictured.language] if isinstance(name, Mapping) else name))
    text = plate.say("picture.subtitle", title=told, as_of=pictured.content["as_of"])
    under.write(pen, (view.left, plate.px(108)), under.cut(text, room))
    for at, line, size in names:
        letters = plate.text(size, INK, 0.4 if size == _NAME else 0)
        letters.write(pen, (view.left + at[0], view.top + at[1]), line, anchor="m", halo=plate.px(4))
    _write_scale(plate, pen)
    legend.write(pen, left, view.top)
    for n, line in enumerate(notes):
        small.write(pen, (view.left, bottom + step * n + plate.px(24)), line)
    return png(image, width / PAPER * CENTIMETRES_PER_INCH)


def _rings(plate: Plate, shape: Any) -> Iterator[tuple[list[Point], bool]]:
    """Yield every ring of an area in the map [px], and whether it is a hole."""
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield plate.view.at(part.exterior.coords[:-1]), False
            yield from ((plate.view.at(hole.coords[:-1]), True) for hole in part.interiors)


def _draw_ground(plate: Plate, canvas: Canvas) -> None:
    """Draw the district and its towns, and what share of them is served where that is the subject."""
    pictured, unit = plate.pictured, plate.unit
    boundary, lines = pictured.areas.boundary, pictured.of_towns(plate.year)
    for ring, is_hole in _rings(plate, boundary):
        canvas.polygon(ring, GROUND if is_hole else PAPER_WHITE)
    for town, shape in sorted(pictured.towns.items()):
        colour = _colour(lines.get(town)) if plate.what == "coverage" else PAPER_WHITE
        for ring, is_hole in _rings(plate, shape):
            canvas.polygon(ring, GROUND if is_hole else colour)
    edge = (QUIET, 1.6) if plate.what == "coverage" else (TOWN_LINE, 1.6)
    for _, shape in sorted(pictured.towns.items()):
        for ring, _ in _rings(plate, shape):
            canvas.polygon(ring, None, edge[0], edge[1] * unit)
    for ring, _ in _rings(plate, boundary):
        canvas.polygon(ring, None, EDGE, 3 * unit)
    if plate.what == "coverage" and not pictured.towns:
        for town, at in sorted(plate.middles.items()):
            canvas.disc(at, 26 * unit, _colour(lines.get(town)), EDGE, 1.6 * unit)


def _colour(line: Mapping[str, Any] | None) -> str:
    step = step_of(line) if line else None
    return PAPER_WHITE if step is None else STEP_COLOURS[step]


def _draw_places(plate: Plate, canvas: Canvas) -> None:
    """Draw the places: by status, or as plain dots where what changes is the subject."""
    spots = plate.spots
    crowd = len(spots) > CROWD
    sorted_people = sorted(spot.people for spot in spots if spot.people > 0) or [1]
    large = sorted_people[int(0.98 * (len(sorted_people) - 1))]
    # (A few places are drawn larger.)
    few = min(1.5, max(1.0, math.sqrt(600 / max(1, len(spots)))))
    least, most = (2.2, max(4.0, 7 * math.sqrt(CROWD / len(spots)))) if crowd else (4.5 * few, 11.5 * few)
    at = plate.view.at([(spot.lon, spot.lat) for spot in spots])
    for spot, where in zip(spots, at, strict=True):
        if not plate.view.shows(where):
            continue
        if plate.what == "change":
            canvas.disc(where, (2.0 if crowd else 3.2) * plate.unit, DOT)
            continue
        r = plate.unit * max(least, min(1.3 * most, most * math.sqrt(spot.people / large)))
        colour = COLOURS.get(spot.status, COLOURS["unknown"])
        place_symbol(canvas, where, r, SHAPES.get(spot.status, "circle"), colour, hollow=not spot.firm)


def _draw_sites(plate: Plate, canvas: Canvas) -> None:
    """Draw the sites, and arrows from where some stood before."""
    for site, at, before in plate.stood:
        if before is not None:
            _draw_move(canvas, before, at, plate.size_of(site), plate.unit)
    for site, at, _ in plate.stood:
        if plate.view.shows(at):
            site_symbol(canvas, at, plate.size_of(site), site.kind, site.state, hollow=not site.firm)


def _draw_move(canvas: Canvas, before: Point, at: Point, r: float, unit: float) -> None:
    """Draw an arrow from where a site stood to where it goes."""
    away = math.dist(before, at)
    canvas.disc(before, 4 * unit, PAPER_WHITE, INK, 1.6 * unit)
    if away <= 1.5 * r:
        return
    (x, y), across = before, ((at[0] - before[0]) / away, (at[1] - before[1]) / away)
    tip, back = away - 1.4 * r, max(0.0, away - 1.4 * r - 10 * unit)
    canvas.line([before, (x + back * across[0], y + back * across[1])], INK, 2.2 * unit)
    foot, half = (x + back * across[0], y + back * across[1]), 5 * unit
    head = [
        (x + tip * across[0], y + tip * across[1]),
        (foot[0] - half * across[1], foot[1] + half * across[0]),
        (foot[0] + half * across[1], foot[1] - half * across[0]),
    ]
    canvas.polygon(head, INK)


def _names(plate: Plate) -> Iterator[tuple[Point, str, float]]:
    """Yield the names of towns with where their foot stands in the map [px] and their size, those that find room.

    Names of towns with more people come first. None lies on another, on the scale or on the arrow.
    """
    view, lines = plate.view, plate.pictured.of_towns(plate.year)
    letters, below = plate.text(_NAME), plate.text(_SHARE)
    taken: list[Box] = [_corner(plate)]
    # (A name on a hub or hospital is better than none.)
    hubs = [box_around(at, plate.size_of(site)) for site, at, _ in plate.stood if site.kind in LARGE]
    known = {str(town["id"]): str(town["name"]) for town in plate.pictured.district["towns"]}
    order = sorted(plate.middles, key=lambda town: (-(lines.get(town) or {"people": 0})["people"], town))
    for town in order:
        name = letters.cut(known.get(town, ""), NAME * view.wide)
        line = lines.get(town)
        share = ""
        if plate.what == "coverage" and line and line["people"]:
            share = plate.say("picture.town_share", share=percent(line["served"], line["people"]))
        if not name.strip():
            continue
        wide = max(letters.width(name), below.width(share) if share else 0) + plate.px(8)
        high = plate.px(60 if share else 32)
        spots = list(_around(plate.middles[town], wide, high, plate.unit))
        for (x, y), beside in ((spot, beside) for beside in ([*taken, *hubs], taken) for spot in spots):
            box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= view.wide and box[3] <= view.high
            if inside and not any(meet(box, other) for other in beside):
                taken.append(box)
                foot = y + plate.px(9) - (plate.px(14) if share else 0)
                yield (x, foot), name, _NAME
                if share:
                    yield (x, foot + plate.px(27)), share, _SHARE
                break


def _around(at: Point, wide: float, high: float, unit: float) -> Iterator[Point]:
    """Yield positions for a name: in the middle of its town, then farther and farther round it [px]."""
    yield at
    for far in (0.6, 1.0, 1.6):
        for x, y in ((0, -1), (0, 1), (1, 0), (-1, 0), (1, -1), (-1, -1), (1, 1), (-1, 1)):
            yield at[0] + x * far * wide / 2, at[1] + y * far * (high + 6 * unit)


def _corner(plate: Plate) -> Box:
    """Return where scale and arrow stand in the map: in the lower right corner [px]."""
    view = plate.view
    wide = plate.px(40) + _scale(plate)[1] + plate.px(90)
    return view.wide - wide, view.high - plate.px(110), float(view.wide), float(view.high)


def _scale(plate: Plate) -> tuple[int, float]:
    """Return how long the scale is, on the ground [m] and in the picture [px]."""
    room = plate.px(260)
    fits = [metres for metres in _SCALES if metres / plate.view.metres <= room]
    metres = fits[-1] if fits else _SCALES[0]
    return metres, min(metres / plate.view.metres, float(room))


def _arrow(plate: Plate) -> list[Point]:
    view, unit = plate.view, plate.unit
    x, y = view.left + view.wide - 40 * unit, view.top + view.high - 98 * unit
    return [(x, y), (x + 13 * unit, y + 44 * unit), (x, y + 34 * unit), (x - 13 * unit, y + 44 * unit)]


def _write_scale(plate: Plate, pen: "ImageDraw") -> None:
    """Draw the scale, a bar of four fields, and write what it and the arrow mean."""
    view, unit = plate.view, plate.unit
    metres, long = _scale(plate)
    right, low = view.left + view.wide - 80 * unit, view.top + view.high - 24 * unit
    left, high = right - long, max(3, round(9 * unit))
    for n in range(4):
        ends = (round(left + long * n / 4), round(low - high), round(left + long * (n + 1) / 4), round(low))
        pen.rectangle(ends, fill=INK if n % 2 == 0 else PAPER_WHITE, outline=INK)
    letters = plate.text(23)
    told = (
        plate.say("picture.scale", km=metres // 1000)
        if metres >= 1000
        else plate.say("picture.scale_metres", metres=metres)
    )
    letters.write(pen, (left + long / 2, low - high - 8 * unit), told, anchor="m", halo=plate.px(3))
    north = view.left + view.wide - 40 * unit, view.top + view.high - 26 * unit
    letters.write(pen, north, plate.say("map.north"), anchor="m", halo=plate.px(3))


def _notes(plate: Plate, named: int) -> Iterator[str]:
    """Yield what a reader must know: what is estimated, left out or approximate, whose roads, and the approval."""
    pictured, content = plate.pictured, plate.pictured.content
    sites = [site for site, _, _ in plate.stood]
    shown = plate.spots if plate.what == "sites" else []
    if any(not spot.firm for spot in shown) or any(not site.firm for site in sites):
        yield plate.say("picture.hollow")
    if plate.what != "coverage" and (unknown := _unknown_today(pictured, sites)):
        yield unknown
    if plate.what == "sites" and pictured.parted(plate.year):
        yield plate.say("picture.worst")
    if pictured.towns:
        yield plate.say("map.legend_shares_note")
    elif plate.what == "coverage":
        yield plate.say("picture.no_boundary")
    if plate.missing:
        yield plate.say("picture.missing", count=plate.missing)
    if plate.outside:
        yield plate.say("picture.outside", count=plate.outside)
    if unnamed := len(pictured.district["towns"]) - named:
        yield plate.say("picture.unnamed", count=unnamed)
    if plate.is_abreast:
        yield plate.say("picture.beside")
    if from_openstreetmap(content):
        yield plate.say("picture.roads")
    yield plate.say("map.approval_given", number=plain(str(content.get("map_approval_number") or "")) or "＿" * 16)
