"""What a planner who never saw the program reads in the page: names for keys, signs on differences, room to add."""

import json
from pathlib import Path

import pytest
from serving_page import make_home

from allocate.report.cells_said import cell_said
from allocate.report.table import Field
from allocate.serve import data_work, history, model_work
from allocate.serve.commands import key_said, value_said
from allocate.serve.home import Home
from allocate.words import speaking

WHAT_IF = '{rule="named_sites", sites=["S1", "S2"], stands=false, strength="must", source="试算", basis="assumed"}'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a planner's folder with the list of a small district."""
    return make_home(tmp_path / "work")


def test_a_key_reads_in_words_and_names_stay_names() -> None:
    assert key_said("draws", "zh") == "看几个可能的区"
    assert key_said("rules.draws.share", "zh") == "draws · 比例"
    assert key_said("resources.nurses.per_year", "en") == "resources · nurses · at most joining a year"
    assert key_said("metres.urban", "zh") == "距离上限 · 城镇"
    assert key_said("nobody_knows", "zh") == "nobody_knows"


def test_a_what_if_is_told_by_its_source_and_sites() -> None:
    assert value_said(WHAT_IF) == "试算: S1、S2"
    assert value_said("0.9") == "0.9"
    assert value_said("{broken") == "{broken"


def test_the_history_of_a_run_calls_keys_by_words(place: Path) -> None:
    home = Home.at(place)
    changes = [history.Change(("draws",), 20, "0"), history.Change(("rules", "what_if_1"), None, WHAT_IF)]
    history.add(home, who="甲", what="run", of="tiny", changes=changes, told={"verb": "plan", "run": "x"})
    with speaking("zh"):
        (entry,) = model_work.told_entries(str(place), history.entries(home))
    assert [one["label"] for one in entry["changes"]] == ["看几个可能的区", "规则 · what_if_1"]
    assert entry["changes"][1]["to"] == "试算: S1、S2"


@pytest.mark.parametrize(("cell", "told"), [(-2.0, "-200%"), (-0.05, "-5%"), (0.05, "5%"), (0.0, "0%")])
def test_a_difference_of_shares_keeps_its_sign_and_size(cell: float, told: str) -> None:
    field = Field("difference", "measure")
    assert cell_said(field, {"difference": cell, "unit": "ratio"}, "zh") == told


def test_a_column_that_the_list_lacks_can_be_added_in_the_page(place: Path) -> None:
    own = place / "data" / "tiny" / "places.csv"
    before = own.read_text(encoding="utf-8-sig").splitlines()
    width = len(before[0].split(","))
    with speaking("zh"):
        shown = data_work.cells(str(place), "tiny", "places.csv", "", 1)
        assert len(shown["columns"]) == width + 1
        change = [{"row": 1, "column": width, "to": "备注"}]
        data_work.mend(str(place), "tiny", "甲", "places.csv", "", shown["version"], change)
        assert len(data_work.cells(str(place), "tiny", "places.csv", "", 1)["columns"]) == width + 2
    assert own.read_text(encoding="utf-8-sig").splitlines()[0] == before[0] + ",备注"


def test_the_page_of_a_run_calls_what_it_changes_by_words(place: Path) -> None:
    from starlette.testclient import TestClient

    from allocate.serve.app import make_app
    from allocate.serve.asking import Served
    from allocate.serve.beside import Beside

    folder = place / "maps" / "runs" / "20261123-131748-d56a"
    folder.mkdir(parents=True)
    kept = {"id": folder.name, "verb": "plan", "words": ["plan", "tiny"], "who": "甲", "language": "zh"}
    times = dict.fromkeys(("created", "started", "ended"), "2026-11-23T13:12:58.922+00:00")
    changes = {"draws": "0", "rules.what_if_1": WHAT_IF}
    state = {"state": "finished", "code": 0, "stops": 0, "model": "tiny", "target": "tiny", "changes": changes}
    text = json.dumps({**kept, **times, **state, "before": {"draws": 20}}, ensure_ascii=False)
    (folder / "run.json").write_text(text, encoding="utf-8")
    app = make_app(Served(Home.at(place), Beside(()), "zh", "甲", 1), token="a-token-of-the-tests-alone", port=8765)
    with TestClient(app, base_url="http://127.0.0.1:8765") as browser:
        browser.get("/?token=a-token-of-the-tests-alone")
        page = browser.get(f"/runs/{folder.name}")
    assert page.status_code == 200
    assert "看几个可能的区" in page.text
    assert "试算: S1、S2" in page.text


def test_no_page_hides_from_us_where_a_form_of_ours_comes_from() -> None:
    # (With `no-referrer` chromium sends `Origin: null` with a form, and the change of language was refused.)
    from allocate.serve import guard

    policies = [value for name, value in guard._HEADERS if name == b"referrer-policy"]
    assert policies == [b"same-origin"]
