"""Finds fonts that have Chinese letters: the one that comes with the program, then the system's."""

import os
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from allocate.bundle import bundled
from allocate.words import say_in

# 黑体, 宋体 and 仿宋, as documents ask for them.
Kind = Literal["sans", "song", "fangsong"]
VENDORED = "vendor/noto-sans-sc-2.004"
FAMILY = "Allocate Sans SC"
_FILE = "AllocateSansSC-Regular.ttf"
# What the system calls its fonts, best first, and which of a collection's faces has the forms of the mainland.
_NAMES: dict[Kind, tuple[tuple[str, int], ...]] = {
    "sans": (
        ("msyh.ttc", 0), ("msyh.ttf", 0), ("simhei.ttf", 0), ("deng.ttf", 0),
        ("pingfang.ttc", 3), ("stheiti light.ttc", 1), ("hiragino sans gb.ttc", 0),
        ("notosanscjksc-regular.otf", 0), ("notosanscjk-regular.ttc", 2), ("sourcehansanssc-regular.otf", 0),
        ("sourcehansanscn-regular.otf", 0), ("wqy-microhei.ttc", 0), ("wqy-zenhei.ttc", 0),
        ("droidsansfallbackfull.ttf", 0), ("droidsansfallback.ttf", 0),
    ),
    "song": (
        ("simsun.ttc", 0), ("songti.ttc", 6), ("stsong.ttf", 0),
        ("notoserifcjksc-regular.otf", 0), ("notoserifcjk-regular.ttc", 2), ("sourcehanserifsc-regular.otf", 0),
        ("sourcehanserifcn-regular.otf", 0), ("uming.ttc", 0), ("gbsn00lp.ttf", 0),
    ),
    "fangsong": (
        ("simfang.ttf", 0), ("stfangsong.ttf", 0), ("stfangso.ttf", 0), ("fangsong.ttf", 0),
    ),
}  # fmt: skip
# Where one kind is missing, the next one stands in for it.
_CHAINS: dict[Kind, tuple[Kind, ...]] = {
    "sans": ("sans", "song"),
    "song": ("song", "fangsong", "sans"),
    "fangsong": ("fangsong", "song", "sans"),
}


@dataclass(frozen=True)
class Font:
    """One face of a font file.

    Attributes
    ----------
    path
        The file.
    face
        Which of the faces of a collection; 0 where the file holds one.
    """

    path: Path
    face: int = 0

    def has(self, letter: str) -> bool:
        """Tell whether the font has a letter."""
        runs = letters(self.path, self.face)
        at = bisect_right(runs, ord(letter), key=lambda run: run[0])
        return at > 0 and ord(letter) <= runs[at - 1][1]


def vendored() -> Font:
    """Return the font that comes with the program."""
    return Font(bundled() / "maps" / VENDORED / _FILE)


def font_folder() -> Path:
    """Return the folder of the font that comes with the program, for a typesetter that takes folders."""
    return vendored().path.parent


def fonts(kind: Kind = "sans") -> tuple[Font, ...]:
    """Return the fonts of a kind that have Chinese letters, best first; each may have letters that others lack.

    For 黑体 the program's own font comes first, so that a picture looks alike on every machine. The others are the
    system's, where it has them, then the program's own.
    """
    own = [vendored()] if _reads(vendored()) else []
    systems = [font for one in _CHAINS[kind] for font in _of_system(one)]
    found = [*own, *systems] if kind == "sans" else [*systems, *own]
    return tuple(dict.fromkeys(found))


@cache
def _of_system(kind: Kind) -> tuple[Font, ...]:
    files = _files()
    found = (Font(files[name], face) for name, face in _NAMES[kind] if name in files)
    return tuple(font for font in found if _reads(font))


def _reads(font: Font) -> bool:
    """Tell whether a font can be read and has Chinese letters."""
    return font.path.is_file() and all(map(font.has, say_in("zh", "kind.township_hospital")))


@cache
def _files() -> dict[str, Path]:
    """Return the system's font files by their names in small letters; of several of one name the first."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for above, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                found.setdefault(name.casefold(), Path(above) / name)
    return found


def _folders() -> Iterator[Path]:
    """Yield where a system keeps its fonts, the planner's own last."""
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"
        yield home / "AppData" / "Local" / "Microsoft" / "Windows" / "Fonts"
    elif sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts")
        # (Where newer systems put what they fetch when it is first used.)
        yield Path("/System/Library/AssetsV2/com_apple_MobileAsset_Font7")
    else:
        yield from (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
        yield from (home / ".local" / "share" / "fonts", home / ".fonts")


@cache
def letters(path: Path, face: int = 0) -> tuple[tuple[int, int], ...]:
    """Return the letters that a font has, as first and last code of each run; none where the file is no font.

    After the OpenType specification 1.9, “cmap”, formats 4 and 12; the others are those of old or special fonts.
    """
    try:
        with path.open("rb") as file:
            return tuple(_merged(sorted(_runs(file, face))))
    except (OSError, struct.error, LookupError):
        return ()


def _merged(runs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    held: tuple[int, int] | None = None
    for first, last in runs:
        if held and first <= held[1] + 1:
            held = held[0], max(held[1], last)
            continue
        if held:
            yield held
        held = first, last
    if held:
        yield held


def _take(file: BinaryIO, at: int, form: str) -> tuple[Any, ...]:
    file.seek(at)
    return struct.unpack(f">{form}", file.read(struct.calcsize(f">{form}")))


def _runs(file: BinaryIO, face: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of codes of every table of letters of a face."""
    start = 0
    if _take(file, 0, "4s") == (b"ttcf",):
        (start,) = _take(file, 12 + 4 * face, "I")
    (count,) = _take(file, start + 4, "H")
    tables = {name: at for name, _, at, _ in (_take(file, start + 12 + 16 * n, "4sIII") for n in range(count))}
    cmap = tables[b"cmap"]
    (count,) = _take(file, cmap + 2, "H")
    for n in range(count):
        platform, coded, offset = _take(file, cmap + 4 + 8 * n, "HHI")
        # Unicode's own, and Windows' for the first plane and for all planes; others count otherwise.
        if platform == 0 or (platform, coded) in ((3, 1), (3, 10)):
            (form,) = _take(file, cmap + offset, "H")
            yield from {4: _of_format_4, 12: _of_format_12}.get(form, _of_no_format)(file, cmap + offset)


def _of_no_format(_: BinaryIO, __: int) -> Iterator[tuple[int, int]]:
    return iter(())


def _of_format_12(file: BinaryIO, at: int) -> Iterator[tuple[int, int]]:
    (count,) = _take(file, at + 12, "I")
    numbers = _take(file, at + 16, f"{3 * min(count, 0x110000)}I")
    yield from (pair for pair in zip(numbers[::3], numbers[1::3], strict=True) if pair[0] <= pair[1])


def _of_format_4(file: BinaryIO, at: int) -> Iterator[tuple[int, int]]:
    (twice,) = _take(file, at + 6, "H")
    count = twice // 2
    lasts = _take(file, at + 14, f"{count}H")
    firsts = _take(file, at + 16 + twice, f"{count}H")
    steps = _take(file, at + 16 + 2 * twice, f"{count}H")
    where = at + 16 + 3 * twice
    shifts = _take(file, where, f"{count}H")
    for n, (first, last, step, shift) in enumerate(zip(firsts, lasts, steps, shifts, strict=True)):
        if first > last or first == 0xFFFF:
            continue
        if not shift:
            # (A code may still stand for glyph 0, the one of what is missing.)
            lost = -step % 0x10000
            yield from ((a, b) for a, b in ((first, min(last, lost - 1)), (max(first, lost + 1), last)) if a <= b)
            continue
        glyphs = _take(file, where + 2 * n + shift, f"{last - first + 1}H")
        yield from ((code, code) for code, glyph in enumerate(glyphs, first) if glyph)
