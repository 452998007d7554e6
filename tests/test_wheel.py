"""The wheel, built and installed in another folder's environment, does the main job there and for a new folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import copy_sent, in_one_year, start_python

from allocate.outputs import CALENDARS, CARDS, FILES, TIMETABLE_FILE

ROOT = Path(__file__).resolve().parents[1]
FONT = "maps/vendor/noto-sans-sc-2.004/AllocateSansSC-Regular.ttf"
PACKED = ("allocate", "data", "models", "maps")
BUILT_FROM = (*PACKED, "pyproject.toml", "README.md", "LICENSE", ".gitignore")
# What lies about in a checkout, and what no wheel may hold.
LITTER = (
    "maps/out/old/plan.json",
    "allocate/__pycache__/cli.cpython-312.pyc",
    "data/build/places.csv",
    "tests/test_x.py",
)


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and an empty folder to work in."""

    environment: Path
    home: Path

    def run(self, *command: object, home: Path | None = None) -> str:
        """Run a program of the environment and return what it prints; it must succeed."""
        scripts = self.environment / ("Scripts" if os.name == "nt" else "bin")
        program, *arguments = map(str, command)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        done = subprocess.run(
            [str(scripts / program), *arguments],
            cwd=home or self.home,
            env=kept | {"PYTHONIOENCODING": "utf-8", "ALLOCATE_LANGUAGE": "en"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def run_here(*command: object) -> None:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the wheel is built from, so that building leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of the copy, built with litter lying about in it."""
    packed = files_of(source)
    for name in LITTER:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("litter", encoding="utf-8")
    assert files_of(source) > packed
    out = tmp_path_factory.mktemp("wheel")
    run_here("-m", "build", "--wheel", "--no-isolation", "--outdir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return an environment with the wheel, which takes third-party packages from the running one."""
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(environment, with_pip=True, symlinks=os.name != "nt")
    result = Installed(environment, tmp_path_factory.mktemp("desk"))
    result.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    # A line in a .pth file comes after the environment's own packages: the wheel's allocate is found first.
    shared = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages(result) / "shared.pth").write_text("\n".join(sorted(shared)) + "\n", encoding="utf-8")
    return result


def site_packages(installed: Installed) -> Path:
    return Path(installed.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_the_files_of_four_folders_and_no_litter(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    litter = set(LITTER)
    code = {name for name in files_of(source) - litter if name.startswith("allocate/")}
    bundled = {f"allocate/bundled/{name}" for name in files_of(source) - litter if name.startswith(PACKED[1:])}
    assert held == code | bundled
    for name in ("data/baodi/places.csv", "models/presets/circles.toml", "maps/vendor/leaflet-1.9.4/LICENSE", FONT):
        assert f"allocate/bundled/{name}" in held
    assert {"allocate/words.toml", "allocate/py.typed"} <= held


def test_the_package_that_runs_is_the_one_of_the_wheel(installed: Installed) -> None:
    code = (
        "import allocate, allocate.bundle as b, numpy; print(allocate.__file__, b.bundled(), numpy.__file__, sep='\\n')"
    )
    package, bundled, shared = installed.run("python", "-c", code).splitlines()
    home = site_packages(installed).resolve()
    assert home.is_relative_to(installed.environment.resolve())
    assert Path(package).resolve() == home / "allocate" / "__init__.py"
    assert Path(bundled).resolve() == home / "allocate" / "bundled"
    assert not Path(shared).resolve().is_relative_to(home)


def test_baodi_is_read_whole_from_the_wheel_and_copied_for_a_folder_of_ones_own(installed: Installed) -> None:
    assert "allocate new my-county" in installed.run("allocate", "new", "--help")
    assert "plan" in installed.run("allocate", "--help")
    checked = installed.run("allocate", "check", "baodi")
    assert checked.splitlines()[-1] == "There is no error."
    assert "822" in checked
    assert "BD-T13" in installed.run("allocate", "card", "baodi")

    assert "allocate plan mine" in installed.run("allocate", "new", "mine")
    copied = installed.run("allocate", "check", "mine", home=installed.home / "mine")
    assert copied.splitlines()[-1] == "There is no error."


def test_a_folder_of_ones_own_is_planned_from_the_wheel_to_the_bytes_of_the_checkout(
    installed: Installed, tmp_path: Path
) -> None:
    sent = in_one_year(copy_sent(tmp_path))
    installed.run("allocate", "new", "small", "--from", sent.model)
    folder = installed.home / "small"
    there = folder / "maps" / "out" / "small"
    installed.run("allocate", "plan", "small", home=folder)
    assert sorted(path.name for path in there.iterdir()) == sorted((*FILES, TIMETABLE_FILE, CALENDARS, CARDS))
    assert installed.run("allocate", "verify", there, home=folder).startswith("The plan is sound")
    page = (there / "map.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")

    here = tmp_path / "here"
    made = start_python(folder, "-m", "allocate", "--language", "en", "plan", "small", "--out", here)
    assert made.returncode == 0, made.stderr
    for name in ("plan.json", "map.html", TIMETABLE_FILE):
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
