"""The layers of the house, as CONTRIBUTING.md draws them: every module stands in one, and none imports an upper one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "allocate"
# What stands at the top of `allocate`: modules, and folders of them. (The package and its door stand above all.)
PARTS = {path.stem for path in HOUSE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
PARTS -= {"__init__", "__main__"}
# From the verbs down to the ground; what stands in brackets belongs to a folder, or says what a module is for.
LINES = re.findall(r"^\| .*`.*\|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
LAYERS = [set(re.findall(r"`([a-z_]+)(?:\.py|/)`", re.sub(r"\([^()]*\)", "", line))) & PARTS for line in LINES]
LAYER_OF = {part: height for height, layer in enumerate(reversed(LAYERS)) for part in layer}


def imported(module: Path) -> Iterator[str]:
    """Yield the parts of the house that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "allocate":
            below = node.module.split(".")[1:]
            yield from below[:1] or (name.name for name in node.names if name.name in PARTS)


def test_every_module_stands_in_one_layer() -> None:
    assert sorted(part for layer in LAYERS for part in layer) == sorted(PARTS)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_no_module_imports_an_upper_layer(part: str) -> None:
    modules = [HOUSE / f"{part}.py"] if (HOUSE / f"{part}.py").exists() else sorted((HOUSE / part).rglob("*.py"))
    seen = {other for module in modules for other in imported(module)}
    assert {other for other in seen if LAYER_OF[other] > LAYER_OF[part]} == set()


def test_the_scan_sees_imports() -> None:
    assert {"decisions", "case", "layout"} <= set(imported(HOUSE / "search.py"))
    assert LAYER_OF["cli"] > LAYER_OF["search"] > LAYER_OF["rules"] > LAYER_OF["case"] > LAYER_OF["units"]
