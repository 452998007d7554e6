"""The examples in docstrings are tests too."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import allocate

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(allocate.__path__, "allocate.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_module_say_what_it_does(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = [test for name in MODULES for test in doctest.DocTestFinder().find(import_module(name))]
    assert sum(len(test.examples) for test in found) >= 8
