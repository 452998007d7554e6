"""Lets `python -m allocate` do what `allocate` does."""

from allocate.cli import main

main()
