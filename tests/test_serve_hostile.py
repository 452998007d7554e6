"""A planner's folder that others have made: what its files say leads nowhere else, and starts nothing by itself."""

import hashlib
from pathlib import Path

import pytest
from serving_page import client_of

from allocate.serve import history
from allocate.serve.home import Home


def entry_of(folder: Path, files: dict[str, list[str]], before: str = "") -> str:
    """Put an entry into the history as the page writes them, and return its id."""
    changes = [history.Change((file,), None, "1 B") for file in files]
    told = {"before": before, "files": files}
    return history.add(Home.at(folder), who="x", what="data", of="tiny", changes=changes, told=told).id


@pytest.mark.parametrize("file", ["../" * 4 + "evil.csv", "/evil.csv", ".hidden.csv", "..\\evil.csv", "c:evil.csv"])
def test_an_entry_of_the_history_that_names_files_elsewhere_puts_nothing_there(home_folder: Path, file: str) -> None:
    planted = b"planted"
    home = Home.at(home_folder).path
    kept = home / "maps" / "before" / "kept"
    kept.mkdir(parents=True)
    if not file.startswith("/"):
        (kept / file).resolve().write_bytes(planted)
    before = sorted(home.parent.rglob("*evil*"))
    id = entry_of(home, {file: [hashlib.sha256(planted).hexdigest(), ""]}, "kept")
    with client_of(home) as page:
        answer = page.post("/api/data/tiny/undo", json={"id": id})
    assert answer.status_code == 422, answer.text
    assert sorted(home.parent.rglob("*evil*")) == before
