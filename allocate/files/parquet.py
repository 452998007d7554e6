"""GeoParquet, by the extra that reads it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from allocate.fault_kinds import FaultKind
from allocate.files.features import Features, Opened, cell, limit_cells
from allocate.files.shapes import crs_of, crs_of_json, from_wkb
from allocate.files.sheet import Raw, Spotted, Unreadable, too_large

_MAGIC = b"PAR1"
_MOST_ROWS = 2_000_000
_MOST_BYTES = 1_000_000_000  # unpacked


def open_parquet(path: Path, encoding: str) -> Opened:
    """Return the one layer of a GeoParquet file; a Parquet file without shapes gives its columns.

    Raises
    ------
    Unreadable
        When it is none, when pyarrow is not installed, or when it unpacks to more than any district has.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise Unreadable(FaultKind.FILE_CONTENT, format="GeoParquet")
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise Unreadable(FaultKind.EXTRA_MISSING, extra="parquet") from None
    return (path.stem,), lambda _: _features(path)


def _features(path: Path) -> Features:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema, groups = file.schema_arrow, file.metadata
        size = sum(groups.row_group(group).total_byte_size for group in range(groups.num_row_groups))
        if size > _MOST_BYTES:
            raise too_large(size, _MOST_BYTES)
        limit_cells(groups.num_rows, len(schema.names))
        if groups.num_rows > _MOST_ROWS:
            raise Unreadable(FaultKind.LAYER_CELLS, rows=groups.num_rows, columns=len(schema.names), most=_MOST_ROWS)
        about = _about(schema.metadata)
        shape = str(about.get("primary_column", "")) if about else ""
    taken = [field.name for field in schema if field.name == shape or not _nested(field.type)]
    texts = [
        field.name for field in schema
        if field.name in taken and (_is_text(field.type) or pa.types.is_binary(field.type))
    ]  # fmt: skip
    # (One long text that stands in every line takes a few bytes of the file: as a dictionary it is unpacked once.)
    cells: dict[str, list[Any]] = {name: [] for name in taken}
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        left = _MOST_BYTES
        for batch in file.iter_batches(columns=taken):
            left -= batch.nbytes
            if left < 0 or len(cells[taken[0]]) > groups.num_rows:
                raise too_large(_MOST_BYTES, _MOST_BYTES)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                cells[name].extend(_listed(column))
    names = [
        field.name for field in schema if field.name in taken and field.name != shape and not _is_bytes(field.type)
    ]
    heading = tuple(name.strip() for name in names)
    columns: tuple[Sequence[Raw], ...] = tuple([cell(value) for value in cells[name]] for name in names)
    if shape not in cells:
        return Features(heading, columns, groups.num_rows)
    layer = about.get("columns", {}).get(shape, {})
    shapes, broken = _shapes(cells[shape], str(layer.get("encoding", "WKB")))
    crs, spotted = crs_of(layer["crs"]) if isinstance(layer.get("crs"), str) else _crs(layer.get("crs"))
    return Features(heading, columns, groups.num_rows, shapes, crs, (*broken, *spotted))


def _about(metadata: Any) -> dict[str, Any]:
    """Return what the file says of its shapes; nothing where it says nothing, or nothing that can be read."""
    try:
        about = json.loads((metadata or {}).get(b"geo", b"{}"))
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) and isinstance(about.get("columns"), dict) else {}


def _crs(said: Any) -> tuple[str, tuple[Spotted, ...]]:
    """Return the coordinates that are said; where none are, the standard's word is CRS84, and nobody's own."""
    return crs_of_json(said) if isinstance(said, dict) else ("", ())


def _nested(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind))


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _listed(column: Any) -> list[Any]:
    """Return a column as a list, in which what is equal in the file is one object."""
    import pyarrow as pa

    if isinstance(column, pa.DictionaryArray):
        values = [*column.dictionary.to_pylist(), None]
        return [values[-1 if number is None else number] for number in column.indices.to_pylist()]
    return list(column.to_pylist())


def _shapes(cells: Sequence[Any], encoding: str) -> tuple[NDArray[np.object_], tuple[Spotted, ...]]:
    """Return the shapes, which are well-known binaries, or points as pairs."""
    if encoding.upper() == "WKB":
        return from_wkb(cells)
    if encoding != "point":
        raise Unreadable(FaultKind.GEOMETRY_ENCODING, value=encoding)
    shapes = np.full(len(cells), None, dtype=object)
    there = [row for row, pair in enumerate(cells) if pair is not None]
    pairs = [(cells[row]["x"], cells[row]["y"]) for row in there]
    shapes[there] = shapely.points(np.array(pairs, dtype=float).reshape(-1, 2))
    return shapes, ()
