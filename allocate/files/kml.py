"""KML, read element by element: what it links to is never fetched, and a document that declares entities is refused."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.files.features import Features, Opened, tabled
from allocate.files.markup import xml_parser
from allocate.files.sheet import Spotted, Unreadable
from allocate.files.text import ENCODINGS, decode, limit_signs, read_bytes

_SAID = re.compile(rb"""^\s*<\?xml[^>]{0,200}\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_DEEPEST = 64  # elements in elements
_MOST_TAGS = 10_000_000
_MOST_MARKS = 1_000_000
_COLLECTED = 8  # shapes in shapes
_FOLDERS = ("Document", "Folder")
_FIELDS = ("name", "description", "address", "phoneNumber")
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")
# Shapes of Google's own, which are none of KML: the way of a vehicle.
_TRACKS = ("Track", "MultiTrack")


class _Marks:
    """What the parser tells, sorted into layers: a folder with placemarks of its own is one.

    Attributes
    ----------
    layers
        Fields, and the shape if there is one, of every placemark, by folder.
    """

    def __init__(self, stem: str) -> None:
        self.layers: dict[str, list[tuple[dict[str, str], ElementTree.Element | None]]] = {}
        self.links = 0
        self._stem = stem
        self._count = 0
        self._folders: list[str] = []
        self._open: list[str] = []
        self._mark: ElementTree.TreeBuilder | None = None
        self._title: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element; prefixes are left aside, as they are often not declared."""
        tag = tag.rpartition(":")[2]
        if not self._open and tag != "kml":
            raise Unreadable(FaultKind.FILE_CONTENT, format="KML")
        if len(self._open) > _DEEPEST:
            raise Unreadable(FaultKind.FILE_CONTENT, format="KML")
        if tag == "Placemark" and self._mark is None:
            self._count += 1
            if self._count > _MOST_MARKS:
                raise Unreadable(FaultKind.CELLS_MANY, most=_MOST_MARKS)
            self._mark = ElementTree.TreeBuilder()
        if self._mark is not None:
            self._mark.start(tag, attributes)
        elif tag in _FOLDERS:
            self._folders.append("")
        elif tag == "NetworkLink":
            self.links += 1
        elif tag == "name" and self._open[-1] in _FOLDERS:
            self._title = []
        self._open.append(tag)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        tag = self._open.pop()
        if self._mark is not None:
            self._mark.end(tag)
            if tag == "Placemark" and "Placemark" not in self._open:
                self._close(self._mark.close())
                self._mark = None
        elif tag in _FOLDERS:
            self._folders.pop()
        elif tag == "name" and self._title is not None:
            self._folders[-1] = "".join(self._title).strip()
            self._title = None

    def text(self, text: str) -> None:
        """Take what stands between."""
        if self._mark is not None:
            self._mark.data(text)
        elif self._title is not None:
            self._title.append(text)

    def _close(self, mark: ElementTree.Element) -> None:
        name = next((name for name in reversed(self._folders) if name), self._stem)
        self.layers.setdefault(name, []).append((dict(_fields(mark)), next(_geometries(mark), None)))


def open_kml(path: Path, encoding: str) -> Opened:
    """Return the layers of a KML file, which are its folders; all that is in it is text.

    The file says nothing of its coordinates. By the standard they are WGS-84; many a Chinese program writes others.

    Raises
    ------
    Unreadable
        When it is no KML, or declares entities.
    """
    text = _text(read_bytes(path), encoding)
    limit_signs(text, "<", _MOST_TAGS)
    marks = _Marks(path.stem)
    # (As UTF-8, since expat does not know GBK; and at once, since its older versions wait for the rest in square time.)
    parser = xml_parser(encoding="utf-8")
    parser.StartElementHandler, parser.EndElementHandler = marks.start, marks.end
    parser.CharacterDataHandler = marks.text
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        if not text.lstrip().startswith("<"):
            raise Unreadable(FaultKind.FILE_CONTENT, format="KML") from None
        raise Unreadable(FaultKind.FILE_UNREADABLE, row=error.lineno, reason=expat.ErrorString(error.code)) from None
    links = (Spotted(FaultKind.NETWORK_LINK, details={"count": marks.links}),) if marks.links else ()
    names = tuple(marks.layers) or (path.stem,)
    return names, lambda name: _features(marks.layers.get(name, []), links)


def _text(raw: bytes, encoding: str) -> str:
    """Return the text of a file: as asked, else as it says itself if that fits, else as every text is read."""
    found = _SAID.match(raw)
    said = found[1].decode() if found else ""
    if not encoding and said.lower() in ENCODINGS:
        with suppress(Unreadable):
            return decode(raw, said)
    return decode(raw, encoding)


def _fields(mark: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Yield the fields of a placemark: its name, what it says of itself, and the data that a program added."""
    for child in mark:
        if child.tag in _FIELDS and (text := (child.text or "").strip()):
            yield child.tag, text
    for data in mark.iter("Data"):
        value = data.find("value")
        if value is not None and (text := (value.text or "").strip()):
            yield data.get("name", ""), text
    for data in mark.iter("SimpleData"):
        if text := (data.text or "").strip():
            yield data.get("name", ""), text


def _geometries(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (child for child in element if child.tag in _SHAPES or child.tag in _TRACKS)


def _features(marks: list[tuple[dict[str, str], ElementTree.Element | None]], links: tuple[Spotted, ...]) -> Features:
    heading, columns = tabled([fields for fields, _ in marks])
    shapes = np.full(len(marks), None, dtype=object)
    broken = []
    for row, (_, element) in enumerate(marks):
        if element is not None:
            try:
                shapes[row] = _shape(element, 0)
            except (ValueError, shapely.errors.ShapelyError):
                broken.append(Spotted(FaultKind.GEOMETRY_BROKEN, row + 1))
    return Features(heading, columns, len(marks), shapes, "", (*broken, *links))


def _shape(element: ElementTree.Element, depth: int) -> Any:
    if depth > _COLLECTED:
        raise ValueError(element.tag)
    match element.tag:
        case "Point":
            positions = _positions(element)
            if len(positions) > 1:
                raise ValueError(element.tag)
            return shapely.Point(positions[0]) if len(positions) else None
        case "LineString" | "LinearRing":
            positions = _positions(element)
            return shapely.LineString(positions) if len(positions) else None
        case "Polygon":
            shells = [_positions(ring) for ring in element.iterfind("outerBoundaryIs/LinearRing")]
            holes = [_positions(ring) for ring in element.iterfind("innerBoundaryIs/LinearRing")]
            return shapely.Polygon(shells[0], holes) if shells and len(shells[0]) else None
        case "MultiGeometry":
            parts = [_shape(part, depth + 1) for part in _geometries(element)]
            return shapely.GeometryCollection([part for part in parts if part is not None])
    raise ValueError(element.tag)


def _positions(element: ElementTree.Element) -> NDArray[np.float64]:
    """Return the positions of a shape, shape (positions, 2), without heights."""
    text = element.findtext("coordinates") or ""
    pairs = [position.split(",")[:2] for position in text.split()]
    return np.array([(float(x), float(y)) for x, y in pairs]).reshape(-1, 2)
