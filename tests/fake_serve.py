"""Serves a folder whose runs are those of `fake_worker.py`."""

import sys
from pathlib import Path

from allocate.cli import main
from allocate.serve import runs

if __name__ == "__main__":
    runs.WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
    main()
