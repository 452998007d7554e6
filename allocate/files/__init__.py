"""The files that planners have, of any format, each opened as plain sheets of cells before anybody asks what they mean.

`finding.py` says which file holds which table; `text.py`, `spreadsheets.py`, `layers.py` and `database.py` open them.
"""
