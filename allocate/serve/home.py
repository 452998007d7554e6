"""The planner's folder that is served: data/, models/ and maps/; nothing outside of it is read or written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from allocate.names import CARD, MOST_WRITTEN, PLAN_FILE

DATA, MODELS, OUT, RUNS = "data", "models", "maps/out", "maps/runs"
# No disk takes a longer name [bytes].
_LONGEST = 255
# How deep below maps/out plans are looked for: those of several scenarios or districts lie in a folder of theirs.
_DEEP = 3


class Outside(Exception):
    """A path that leads out of the folder, or is none."""


@dataclass(frozen=True)
class Home:
    """A planner's folder.

    Attributes
    ----------
    path
        Where it is; its links are followed once, here, and never below it.
    """

    path: Path

    @classmethod
    def at(cls, folder: str | Path) -> "Home":
        """Return the folder of a path, as the system names it."""
        return cls(Path(folder).resolve())

    def inside(self, *parts: str) -> Path:
        """Return a path within the folder.

        Raises
        ------
        Outside
            When it leads out of it: by a name, or by a link.
        """
        for part in parts:
            names = part.split("/")
            if not part or "\0" in part or "\\" in part or any(name in ("", ".", "..") for name in names):
                raise Outside(part)
            if any(len(name.encode(errors="surrogatepass")) > _LONGEST for name in names):
                raise Outside(part)
        path = self.path.joinpath(*parts)
        if not path.resolve().is_relative_to(self.path):
            raise Outside(str(path))
        return path

    def districts(self) -> list[str]:
        """Return the names of the folders in data/ that hold a district's card."""
        return sorted(card.parent.name for card in (self.path / DATA).glob(f"*/{CARD}") if card.is_file())

    def models(self) -> list[str]:
        """Return the names of the models in models/."""
        return sorted(file.stem for file in (self.path / MODELS).glob("*.toml") if file.is_file())

    def model(self, name: str) -> Path:
        """Return the file of a model.

        Raises
        ------
        Outside
            When there is none of this name.
        """
        path = self.inside(MODELS, f"{name}.toml")
        if "/" in name or not path.is_file() or path.stat().st_size > MOST_WRITTEN:
            raise Outside(name)
        return path

    def plans(self) -> list[str]:
        """Return the plans below maps/out, as their ways from there, the newest first."""
        found = [
            file
            for depth in range(_DEEP)
            for file in (self.path / OUT).glob("/".join(["*"] * depth + ["*", PLAN_FILE]))
        ]
        newest = sorted(found, key=lambda file: (-file.stat().st_mtime_ns, str(file)))
        return [file.parent.relative_to(self.path / OUT).as_posix() for file in newest if self._is_within(file)]

    def plan(self, name: str) -> Path:
        """Return the folder of a plan.

        Raises
        ------
        Outside
            When there is none of this name.
        """
        path = self.inside(OUT, name)
        if not (path / PLAN_FILE).is_file():
            raise Outside(name)
        return path

    def answers(self) -> Iterator[tuple[str, str]]:
        """Yield the answers below maps/out, as the name of the folder and the kind of answer."""
        for folder in sorted(path for path in (self.path / OUT).glob("*") if path.is_dir()):
            for file in sorted(folder.glob("*.json")):
                if file.with_suffix(".html").is_file() and file.name != PLAN_FILE and self._is_within(file):
                    yield folder.name, file.stem

    def _is_within(self, file: Path) -> bool:
        return file.resolve().is_relative_to(self.path)
