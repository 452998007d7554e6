"""The history of the page: who changed what, when; whatever happens to the file."""

import json
import threading
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocate.errors import UsageError
from allocate.serve import history
from allocate.serve.history import Change
from allocate.serve.home import Home


def home_in(folder: Path) -> Home:
    return Home.at(folder)


def add(home: Home, to: object = 2, **more: str) -> history.Entry:
    return history.add(home, who="李", what="model", of="baodi", changes=[Change(("draws",), 1, to)], **more)


def test_what_was_changed_is_read_back_the_newest_first(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    first = add(home)
    second = history.add(home, who="王", what="data", of="jinnan", told={"file": "places.csv"})
    assert history.entries(home) == [second, first]
    assert first.changes[0] == Change(("draws",), 1, 2)
    assert second.told == {"file": "places.csv"}
    assert [one.id for one in history.entries(home, of="baodi")] == [first.id]
    assert [one.id for one in history.entries(home, what="data")] == [second.id]
    assert [one.id for one in history.entries(home, before=second.id)] == [first.id]
    assert history.find(home, first.id) == first
    assert history.find(home, "none") is None


def test_a_folder_in_which_nothing_was_done_has_no_history(tmp_path: Path) -> None:
    assert history.entries(home_in(tmp_path)) == []


def test_a_line_that_a_killed_program_left_half_written_harms_no_other(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    first = add(home)
    path = tmp_path / history.FILE
    path.write_bytes(
        path.read_bytes() + b'{"id": "half',
    )
    second = add(home, 3)
    assert history.entries(home) == [second, first]


@pytest.mark.parametrize("strange", ["[]", "1", "{}", '{"id": 5}', '{"id": "a", "what": "cake"}', "\x00", "[" * 5000])
def test_a_line_of_somebody_else_is_left_out(tmp_path: Path, strange: str) -> None:
    home = home_in(tmp_path)
    first = add(home)
    path = tmp_path / history.FILE
    path.write_bytes(path.read_bytes() + strange.encode() + b"\n")
    assert history.entries(home) == [first]


def test_lines_longer_than_a_block_are_read_whole(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    made = [add(home, f"{sign}" * 150_000) for sign in "ab"] + [add(home)]
    assert history.entries(home) == made[::-1]


def test_only_so_much_of_a_long_history_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_in(tmp_path)
    made = [add(home, n) for n in range(50)]
    monkeypatch.setattr(history, "MOST_READ", 3_000)
    found = history.entries(home)
    assert 1 < len(found) < 50
    assert found == made[::-1][: len(found)]
    assert history.entries(home, most=1) == made[-1:]


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_people_write_stays_one_line(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = home_in(tmp_path_factory.mktemp("home"))
    entry = add(home, value)
    assert len((home.path / history.FILE).read_bytes().splitlines()) == 1
    assert history.entries(home) == [entry]


def test_a_date_is_kept_as_its_text(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    add(home, date(2024, 12, 26))
    assert history.entries(home)[0].changes[0].after == "2024-12-26"


def test_what_was_undone_and_done_again_is_not_undone(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    first = add(home)
    undo = history.add(home, who="李", what="undo", of="baodi", changes=[Change(("draws",), 2, 1)], undoes=first.id)
    assert history.undone(home) == {first.id}
    history.add(home, who="李", what="undo", of="baodi", changes=[Change(("draws",), 1, 2)], undoes=undo.id)
    assert history.undone(home) == {undo.id}


def test_many_who_write_at_once_lose_nothing(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    threads = [threading.Thread(target=lambda: [add(home, n) for n in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / history.FILE).read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 100


def test_a_disk_that_refuses_leaves_the_history_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_in(tmp_path)
    first = add(home)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError):
        add(home)
    monkeypatch.undo()
    assert history.entries(home) == [first]
