"""The verbs that ask many questions of a model or a plan, one file each; `cli.py` gives them their names."""
