"""Rules added on the page of a model: every kind as the terminal reads it, wrong ones at their field, undone whole."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_page import NARROW, WIDE, Server, Tab, client_of, make_home
from starlette.testclient import TestClient

from allocate.model import read_model
from allocate.rules import RULES
from allocate.serve import history
from allocate.serve.home import Home
from allocate.words import say_in

WAY = "/api/models/tiny/rules"
TOLD = {"source": "区卫健委会议纪要", "basis": "official"}
CLINICS = {"kinds": ["clinic"], "strength": "must"}
# A rule of every kind that can be added, by what a planner fills in.
SOUND: dict[str, dict[str, Any]] = {
    "reach": {"share": 0.8, "strength": "strive"},
    "capacity": {"kinds": ["clinic"], "people": 3000},
    "count": {**CLINICS, "at_most": 9},
    "spending": {"at_most": 9_000_000, "strength": "strive"},
    "spending_share": {"share": 0.1, "kinds": ["clinic"], "strength": "strive"},
    "keep": {"sites": ["old-station"], "strength": "must"},
    "forbid": {"sites": ["clinic-T2017"], "strength": "must"},
    "named_sites": {"sites": ["clinic-T2017"], "strength": "must", "year": 2027},
    "spacing": {**CLINICS, "metres": 500},
    "change_limit": {**CLINICS, "at_most": 9},
    "membership": {**CLINICS, "share": 0.7},
    "people_per_site": {**CLINICS, "at_least": 100},
    "people_per_staff": {"kinds": ["clinic"], "resource": "nurses", "people": 2000},
    "posting": {"to": ["township_hospital"], "sent_by": "district", "strength": "strive"},
    "presence": {**CLINICS, "places": ["village"], "share": 0.1},
    "rounds": {"times": 1, "strength": "strive"},
    "rate": {"resource": "nurses", "per": "1000", "at_least": 2, "strength": "strive"},
    "total": {"resource": "nurses", "at_least": 20, "strength": "strive"},
    "ratio": {"resource": "nurses", "to": "doctors", "at_least": 1, "strength": "strive"},
    "site_minimum": {**CLINICS, "resource": "doctors", "at_least": 1},
    "function": {"functions": ["x_ray"], "kinds": ["hospital"], "share": 1, "strength": "strive"},
    "reserve": {"of": ["beds"], "share": 0.2, "strength": "strive"},
    "consortium_size": {"of": "members", "at_most": 9, "strength": "strive"},
    "contracts": {"share": 0.5, "strength": "strive"},
}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Path]]:
    home = make_home(tmp_path_factory.mktemp("rules") / "规划")
    with client_of(home) as client:
        yield client, home / "models" / "tiny.toml"


def add(client: TestClient, name: str, kind: str, values: dict[str, Any], version: str = "") -> Any:
    version = version or client.get(WAY).json()["version"]
    return client.post(WAY, json={"version": version, "name": name, "kind": kind, "values": {**values, **TOLD}})


@pytest.mark.parametrize("kind", sorted({*SOUND} - {"people_per_staff"}))
def test_a_rule_of_every_kind_is_read_as_the_terminal_reads_it_and_undone_to_the_byte(
    asking: tuple[TestClient, Path], kind: str
) -> None:
    client, path = asking
    before = path.read_bytes()
    form = client.get(WAY, params={"kind": kind}).json()["fields"]
    assert {*SOUND[kind], *TOLD} <= {field["key"][0] for field in form}
    done = add(client, "own_rule", kind, SOUND[kind])
    assert done.status_code == 200, done.text
    text = path.read_text(encoding="utf-8")
    assert [line for line in before.decode().splitlines() if line not in text.splitlines()] == [], "comments stay"
    wanted = {**SOUND[kind], **TOLD, "rule": kind}
    assert tomllib.loads(text)["rules"]["own_rule"] == wanted | ({"per": 1000} if "per" in wanted else {})
    assert isinstance(read_model(path).rules["own_rule"], RULES[kind])
    # (Budgets stand with the costs.)
    assert '"rules","own_rule"' in done.text.replace(" ", "")
    (entry, *_) = history.entries(Home.at(path.parents[1]))
    assert client.post(f"/api/history/{entry.id}/undo").status_code == 200
    assert path.read_bytes() == before


def test_all_kinds_but_those_with_tables_inside_can_be_added_and_say_what_they_are_for(
    asking: tuple[TestClient, Path],
) -> None:
    told = asking[0].get(WAY).json()
    assert {one["kind"] for one in told["kinds"]} == set(SOUND) == {*RULES} - {"function_reach"}
    assert told["name"] == "own_1"
    assert asking[0].get(WAY, params={"kind": "function_reach"}).status_code == 422


@pytest.mark.parametrize(
    ("name", "kind", "values", "column"),
    [
        ("own 1", "reach", SOUND["reach"], "name"),
        ("一", "reach", SOUND["reach"], "name"),
        ("apart", "reach", SOUND["reach"], "name"),
        ("APART", "reach", SOUND["reach"], "name"),
        ("own_1", "reach", {"strength": "must"}, "rules.own_1.share"),
        ("own_1", "reach", {"share": 1.5, "strength": "must"}, "rules.own_1.share"),
        ("own_1", "reach", {"share": "九成", "strength": "must"}, "rules.own_1.share"),
        ("own_1", "reach", {"share": 0.9, "strength": "physics"}, "rules.own_1.strength"),
        ("own_1", "named_sites", {"sites": ["clinic-T2O17"], "strength": "must"}, "rules.own_1.sites"),
        ("own_1", "named_sites", {"sites": ["clinic-T2017"], "strength": "must", "year": 2099}, "rules.own_1.year"),
        ("own_1", "reach", {"share": 0.9, "strength": "must", "weight": 3}, "weight"),
        ("own_1", "no_such", {}, "rule"),
        # (The model has no staff.)
        ("own_1", "people_per_staff", SOUND["people_per_staff"], "rules.own_1.resource"),
    ],
)
def test_what_is_wrong_with_a_new_rule_is_said_at_its_field_and_nothing_is_written(
    asking: tuple[TestClient, Path], name: str, kind: str, values: dict[str, Any], column: str
) -> None:
    client, path = asking
    before = path.read_bytes()
    refused = add(client, name, kind, values)
    assert refused.status_code == 422, refused.text
    assert [one["column"] for one in refused.json()["problems"]] == [column]
    assert path.read_bytes() == before


def test_limits_that_cross_are_said_of_the_whole_rule(asking: tuple[TestClient, Path]) -> None:
    refused = add(asking[0], "own_1", "count", {**CLINICS, "at_least": 5, "at_most": 4})
    assert refused.status_code == 422
    assert len(refused.json()["problems"]) == 1


def test_a_file_that_was_changed_elsewhere_gets_no_rule(asking: tuple[TestClient, Path]) -> None:
    client, path = asking
    before = path.read_bytes()
    assert add(client, "own_1", "reach", SOUND["reach"], version="0" * 64).status_code == 409
    assert path.read_bytes() == before


@pytest.mark.browser
@pytest.mark.xdist_group("serve_model_browser")
@pytest.mark.parametrize(("language", "size"), [("zh", WIDE), ("en", NARROW)])
def test_a_rule_is_added_by_keyboard_wrong_at_first_and_undone(
    serving: Callable[..., Server], tab: Callable[..., Tab], home_folder: Path, language: str, size: tuple[int, int]
) -> None:
    path = home_folder / "models" / "tiny.toml"
    before = path.read_bytes()
    shown = tab(serving(home_folder), "/models/tiny", language=language, size=size)
    page = shown.page
    page.locator("#rule-new").focus()
    page.keyboard.press("Enter")
    page.locator("#add-rule[open]").wait_for()
    assert page.evaluate("document.activeElement.id") == "rule-kind"
    # A letter chooses a kind, as it does everywhere.
    page.select_option("#rule-kind", "count")
    page.locator("#rule-fields [data-field=at_most]").wait_for()
    assert page.inner_text("#rule-about") == say_in(language, "serve_rule_about.count")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("no_more")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    # What is missing is said at its field, before anything is sent.
    needed = say_in(language, "serve_script_models.rule_missing")
    page.locator("#wrong-kinds", has_text=needed).wait_for()
    assert page.inner_text("#wrong-source") == needed
    page.locator("#rule-fields [data-key=kinds] input[value=clinic]").press("Space")
    page.fill("#rule-source", "x")
    page.fill("#rule-at_least", "7")
    page.fill("#rule-at_most", "3")
    page.press("#rule-at_most", "Enter")
    page.locator("#wrong-source, #rule-trouble:not(:empty)").first.wait_for()
    assert path.read_bytes() == before
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.fill("#rule-source", "会议纪要")
    page.fill("#rule-at_least", "")
    page.press("#rule-at_most", "Enter")
    page.locator("#add-rule[open]").wait_for(state="detached")
    page.locator("td.at", has_text="no_more").wait_for()
    told = tomllib.loads(path.read_text(encoding="utf-8"))["rules"]["no_more"]
    given = {"kinds": ["clinic"], "at_most": 3, "strength": "must", "source": "会议纪要", "basis": "assumed"}
    assert told == {"rule": "count", **given}
    page.click("#undo")
    page.locator("td.at", has_text="no_more").wait_for(state="detached")
    assert path.read_bytes() == before
    shown.complaints[:] = [one for one in shown.complaints if "status of 422" not in one]
