"""A real LibreOffice, for tests of what it opens and saves; without one they are skipped, or fail where CI=true."""

import csv
import io
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOFFICE = shutil.which("soffice")


class Office:
    """A LibreOffice with a profile of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def convert(self, file: Path, to: str) -> Path:
        """Convert a file without a word of complaint, and return the folder of what came out."""
        out = self.home / f"out{len(list(self.home.iterdir()))}"
        done = subprocess.run(
            [
                str(SOFFICE), f"-env:UserInstallation={(self.home / 'profile').as_uri()}", "--headless", "--norestore",
                "--convert-to", to, "--outdir", str(out), str(file),
            ],
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, encoding="utf-8", timeout=240, check=False,
        )  # fmt: skip
        said = [line for line in (done.stdout + done.stderr).splitlines() if "javaldx" not in line]
        assert done.returncode == 0, said
        assert not [line for line in said if re.search("warn|error|repair|fail|corrupt", line, re.IGNORECASE)]
        return out

    def tables(self, file: Path, *, as_shown: bool) -> dict[str, list[list[str]]]:
        """Return the cells of every sheet, as they are stored or as a person sees them."""
        shown = str(as_shown).lower()
        out = self.convert(file, f"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,{shown},false,false,-1")
        return {
            path.stem.removeprefix(f"{file.stem}-"): list(
                csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))
            )
            for path in out.iterdir()
        }


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    if SOFFICE is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no LibreOffice, and CI=true: run tests/office/get-libreoffice.sh as root.")
        pytest.skip("There is no LibreOffice: the tests that open workbooks in it, or read its own, are skipped.")
    return Office(tmp_path_factory.mktemp("office"))
