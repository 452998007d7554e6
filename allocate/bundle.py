"""Where data/, models/ and maps/ are: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
FOLDERS = ("data", "models", "maps")


def bundled() -> Path:
    """Return the folder that holds the bundled data/, models/ and maps/."""
    installed = _PACKAGE / "bundled"
    return installed if installed.is_dir() else _PACKAGE.parent
