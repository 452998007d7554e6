"""Measures reading and checking 50,000 villages from four kinds of file, beside the bare reading of the same bytes.

What `allocate` does beyond the bare reading is to find headings, read 17 columns of cells, convert positions, check
every row and every link between tables, and test the datum. Nothing here is a test: no figure is checked.
"""

import csv
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
from python_calamine import CalamineWorkbook

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from forms import as_csv, as_gbk, as_geopackage, as_workbook

from allocate import datum
from allocate.bundle import bundled
from allocate.read import read_district

VILLAGES, TRIES, POINTS = 50_000, 3, 1_000_000


def villages(folder: Path) -> None:
    """Write Baodi with so many villages: its own again and again, each copy a hair beside the one before, surveyed."""
    shutil.copytree(bundled() / "data" / "baodi", folder)
    (folder / "facts.csv").unlink()
    with (folder / "places.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "places.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for n in range(VILLAGES):
            row = rows[n % len(rows)]
            moved = {
                "id": f"{120115000000 + n}",
                "lon": f"{float(row['lon']) + n * 1e-9:.9f}",
                "position_basis": "surveyed",
            }
            writer.writerow(row | moved)


def bare_text(path: Path, encoding: str) -> None:
    list(csv.reader(io.StringIO(path.read_bytes().decode(encoding), newline="")))


def seconds(work: Callable[[], object]) -> float:
    """Return the least of some tries [s]."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        first = Path(home) / "first"
        villages(first)
        kinds: dict[str, tuple[Callable[[Path, Path], None], Callable[[Path], object]]] = {
            "CSV": (as_csv, lambda folder: bare_text(folder / "places.csv", "utf-8")),
            "CSV, pandas": (as_csv, lambda folder: pd.read_csv(folder / "places.csv", dtype=str)),
            "CSV in GBK": (as_gbk, lambda folder: bare_text(folder / "村居.csv", "gb18030")),
            "XLSX": (
                as_workbook,
                lambda folder: (
                    CalamineWorkbook.from_path(str(next(folder.glob("*.xlsx")))).get_sheet_by_index(0).to_python()
                ),
            ),
            "GeoPackage": (
                as_geopackage,
                lambda folder: pyogrio.read_dataframe(folder / "district.gpkg", layer="places"),
            ),
        }
        print(f"| {VILLAGES:,} villages | bare reading, s | reading and checking, s | beyond, s | ratio |")
        print("| --- | --- | --- | --- | --- |")
        for name, (make, bare) in kinds.items():
            folder = Path(home) / name.replace(" ", "-").replace(",", "")
            make(first, folder)
            alone = seconds(lambda bare=bare, folder=folder: bare(folder))
            whole = seconds(lambda folder=folder: read_district(folder))
            print(f"| {name} | {alone:.2f} | {whole:.2f} | {whole - alone:.2f} | {whole / alone:.1f} |")
    points = np.random.default_rng(0).uniform((116.7, 38.6), (118.1, 40.3), (POINTS, 2))
    print(f"\n| {POINTS:,} points | s |\n| --- | --- |")
    for have, want in (("wgs84", "gcj02"), ("gcj02", "wgs84"), ("gcj02", "bd09"), ("bd09", "gcj02")):
        print(f"| {have} to {want} | {seconds(lambda a=have, b=want: datum.convert(points, a, b)):.2f} |")


if __name__ == "__main__":
    main()
