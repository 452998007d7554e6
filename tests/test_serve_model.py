"""The page of a model: what it shows, and how the file behind it is changed, put back and undone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_page import make_home
from starlette.testclient import TestClient

from allocate.errors import AllocateError
from allocate.model import read_model
from allocate.serve import history, model_work
from allocate.serve.home import Home
from allocate.words import speaking

Json = dict[str, Any]
MODELS = Path(__file__).parents[1] / "models"
HOSTILE = [
    '=HYPERLINK("http://x")',
    "<img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    "\x00\x1b[2J",
    "\u202egnp.exe",
    "字" * 40_000,
    '"""\n[rules]\n# ',
    "👩🏽‍⚕️",
]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with speaking("en"):
        yield


class Editing:
    """A model as somebody edits it in the page."""

    def __init__(self, folder: Path, name: str = "tiny") -> None:
        self.folder, self.name = str(folder), name
        self.path = folder / "models" / f"{name}.toml"

    def view(self) -> Json:
        return model_work.view(self.folder, self.name)

    def send(self, *changes: Json, version: str = "", who: str = "Li") -> Json:
        version = version or self.view()["version"]
        return model_work.change(self.folder, self.name, version, list(changes), who)

    def set(self, key: str, value: Any) -> Json:
        found: Json = self.send({"key": key.split("/"), "value": value})["view"]
        return found

    def reset(self, key: str) -> Json:
        found: Json = self.send({"key": key.split("/"), "reset": True})["view"]
        return found

    def undo(self, id: str) -> Json:
        found: Json = model_work.undo(self.folder, id, "Wang")["view"]
        return found

    def entries(self) -> list[history.Entry]:
        return history.entries(Home.at(self.folder))

    @property
    def raw(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def tiny(tmp_path: Path) -> Editing:
    return Editing(make_home(tmp_path / "home"))


@pytest.fixture
def papers(tiny: Editing) -> Editing:
    """Return the small model under Baodi's measures."""
    text = tiny.path.read_text(encoding="utf-8")
    text = text.replace("draws = 0\n", 'draws = 0\npolicies = ["baodi"]\nregime = "farming_district"\n')
    text = text.replace("years = [2027]\ncircle", "years = [2025, 2027]\ncircle")
    tiny.path.write_text(text, encoding="utf-8")
    read_model(tiny.path)
    return tiny


def row_of(view: Json, code: str) -> Json:
    return next(row for one in view["documents"] for row in one["rows"] if row["id"] == code)


def rule_of(view: Json, name: str) -> Json:
    rows = [*view["rules"], *view["budget"], *(row for one in view["documents"] for row in one["rows"])]
    return next(rule for row in rows for rule in row["asks"] if rule["name"] == name)


def field_of(rule: Json, key: str) -> Json:
    return next(field for field in rule["fields"] if field["key"][-1] == key)


# ---- what is shown


def test_every_bundled_model_is_shown_and_no_key_is_left_out(tmp_path: Path) -> None:
    from allocate.serve.editing import Written, leaves

    (tmp_path / "models").symlink_to(MODELS)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("models", "data"):
        (home / name).mkdir()
    for file in MODELS.glob("*.toml"):
        (home / "models" / file.name).write_bytes(file.read_bytes())
    for file in sorted((home / "models").glob("*.toml")):
        shown = model_work.view(str(home), file.stem)
        assert shown["kind"] == ("joint" if file.stem == "tianjin" else "model"), shown["problems"]
        assert len(shown["tree"]) == len(list(leaves(Written(file.read_bytes()).content)))
        assert {one["of"] for one in shown["changed"]} <= {"document"}, "a bundled model is not changed"
        json.dumps(shown, allow_nan=False)


def test_a_clause_shows_its_words_its_number_and_what_becomes_of_it(papers: Editing) -> None:
    row = row_of(papers.view(), "BD-T14")
    (rule,) = row["asks"]
    assert row["quote"].startswith("到2025年底前")
    assert field_of(rule, "share")["value"] == 0.4
    assert field_of(rule, "share")["share"] is True
    assert rule["strength"]["value"] == "must"
    assert rule["years"]["value"] == [2025]
    assert "40 %" in rule["sentence"]
    assert rule["status"] == "undecided"


def test_a_given_and_an_indicator_say_what_they_are(papers: Editing) -> None:
    assert row_of(papers.view(), "BD-T03")["what"] == "reported only"
    assert row_of(papers.view(), "BD-P01")["status"] == "none"


def test_budgets_stand_with_the_costs_and_not_among_the_other_rules(tiny: Editing) -> None:
    view = tiny.view()
    assert [row["id"] for row in view["budget"]] == ["budget"]
    assert "budget" not in [row["id"] for row in view["rules"]]
    assert field_of(rule_of(view, "budget"), "at_most")["unit"] == "yuan"


def test_goals_say_what_they_mean_in_their_order(tiny: Editing) -> None:
    goals = tiny.view()["goals"]
    assert [goal["name"] for goal in goals] == ["people_reached", "cost", "worst_town", "travel"]
    assert all(goal["says"] for goal in goals)


def test_a_model_with_a_fault_shows_the_fault_at_its_key_and_all_its_values(tiny: Editing) -> None:
    tiny.path.write_bytes(tiny.raw.replace(b"share = 0.70", b"share = 7.0"))
    shown = tiny.view()
    assert shown["kind"] == "broken"
    assert shown["problems"][0]["key"] == ["rules", "most_people", "share"]
    assert any(leaf["path"] == "rules.most_people.share" for leaf in shown["tree"])


def test_a_file_that_is_no_toml_is_refused_with_a_message(tiny: Editing) -> None:
    tiny.path.write_bytes(b"title = ")
    with pytest.raises(AllocateError, match=r"tiny\.toml"):
        tiny.view()


# ---- changing


def test_a_number_is_changed_in_the_file_and_nothing_else_is(tiny: Editing) -> None:
    before = tiny.raw
    view = tiny.set("rules/every_place/share", 0.95)
    assert tiny.raw == before.replace(b'share = 1.0\nscope = "place"', b'share = 0.95\nscope = "place"')
    field = field_of(rule_of(view, "every_place"), "share")
    assert (field["value"], field["base"], field["of"]) == (0.95, 1.0, "first")
    assert [one["key"] for one in view["changed"]] == [["rules", "every_place", "share"]]
    assert read_model(tiny.path).rules["every_place"].share == 0.95  # type: ignore[attr-defined]


def test_what_is_put_back_leaves_the_very_same_bytes(tiny: Editing) -> None:
    before = tiny.raw
    tiny.set("siting/clinic/opening", 160_000)
    tiny.set("siting/clinic/opening", 7)
    view = tiny.reset("siting/clinic/opening")
    assert tiny.raw == before
    assert view["changed"] == []


def test_a_clause_of_a_document_is_changed_in_a_table_of_its_own_and_put_back_to_the_document(papers: Editing) -> None:
    before = papers.raw
    view = papers.set("clauses/BD-T14/share", 0.5)
    assert papers.raw == before + b"\n[clauses.BD-T14]\nshare = 0.5\n"
    field = field_of(rule_of(view, "BD-T14"), "share")
    assert (field["value"], field["base"], field["of"]) == (0.5, 0.4, "document")
    assert rule_of(view, "BD-T14")["basis"]["value"] == "assumed"
    papers.set("clauses/BD-T14/strength", "strive")
    papers.reset("clauses/BD-T14/share")
    assert papers.raw == before + b'\n[clauses.BD-T14]\nstrength = "strive"\n'
    papers.reset("clauses/BD-T14/strength")
    assert papers.raw == before


def test_a_value_that_is_that_of_the_document_is_no_change(papers: Editing) -> None:
    assert papers.set("clauses/BD-T14/share", 0.4)["changed"] == []


def test_a_clause_is_switched_off_and_on_again(papers: Editing) -> None:
    view = papers.set("clauses/BD-T14/on", False)
    assert "BD-T14" not in read_model(papers.path).rules
    rule = rule_of(view, "BD-T14")
    assert (rule["status"], rule["on"]["value"]) == ("off", False)
    assert "40 %" in rule["sentence"]
    papers.set("clauses/BD-T14/on", True)
    assert "BD-T14" in read_model(papers.path).rules


def test_a_rule_of_the_models_own_is_switched_off(tiny: Editing) -> None:
    view = tiny.set("rules/apart/on", False)
    assert "apart" not in read_model(tiny.path).rules
    assert rule_of(view, "apart")["status"] == "off"
    tiny.reset("rules/apart/on")
    assert "apart" in read_model(tiny.path).rules


def test_a_clause_whose_only_rule_is_switched_off_is_not_asked_for(papers: Editing) -> None:
    text = papers.path.read_text(encoding="utf-8")
    own = '[rules.own]\nrule = "reach"\nshare = 0.9\nclause = "BD-T13"\nbasis = "assumed"\nsource = "made up"\n\n'
    papers.path.write_text(text.replace("[[goals]]", own + "[[goals]]", 1), encoding="utf-8")
    papers.set("rules/own/on", False)
    model = read_model(papers.path)
    assert not any(rule.clause == "BD-T13" for rule in model.rules.values())
    assert model.silent["BD-T13"] == "clause.off"


def test_a_switch_that_is_none_is_refused(tiny: Editing) -> None:
    with pytest.raises(AllocateError, match="true or false"):
        tiny.set("rules/apart/on", "perhaps")


def test_a_speed_that_the_presets_give_is_taken_over_whole_and_put_back_by_taking_it_out(tiny: Editing) -> None:
    before = tiny.raw
    view = tiny.set("modes/e_bike/speed_kmh", 12)
    assert read_model(tiny.path).modes["e_bike"].speed_kmh == 12
    assert [one["key"] for one in view["changed"]] == [["modes", "e_bike", "speed_kmh"]]
    assert view["changed"][0]["of"] == "preset"
    tiny.reset("modes/e_bike/speed_kmh")
    assert tiny.raw == before


def test_a_number_that_was_official_is_assumed_once_it_is_changed(tiny: Editing) -> None:
    before = tiny.raw
    rule = rule_of(tiny.set("rules/most_people/share", 0.8), "most_people")
    assert rule["basis"]["value"] == "assumed"
    assert rule["stale"] is True
    rule = rule_of(tiny.set("rules/most_people/source", "decided by the office"), "most_people")
    assert "stale" not in rule
    tiny.reset("rules/most_people/source")
    tiny.reset("rules/most_people/share")
    assert tiny.raw == before


def test_goals_are_put_in_another_order_and_back(tiny: Editing) -> None:
    before = tiny.raw
    order = ["cost", "people_reached", "travel", "worst_town"]
    view = tiny.send({"key": ["goals"], "order": order})["view"]
    assert [goal["name"] for goal in view["goals"]] == order
    assert list(read_model(tiny.path).goals) == order
    assert [one["key"] for one in view["changed"]] == [["goals"]]
    tiny.set("goals/travel/unserved_minutes", 90)
    assert read_model(tiny.path).goals["travel"].unserved_minutes == 90  # type: ignore[attr-defined]
    tiny.reset("goals/travel/unserved_minutes")
    tiny.reset("goals")
    assert tiny.raw == before


@pytest.mark.parametrize(
    "order", [["cost"], ["cost", "cost", "travel", "worst_town"], [], None, ["a", "b", "c", "d"], [{}]]
)
def test_an_order_of_other_goals_is_refused(tiny: Editing, order: Any) -> None:
    before = tiny.raw
    with pytest.raises(AllocateError):
        tiny.send({"key": ["goals"], "order": order})
    assert tiny.raw == before


def test_a_scenario_is_made_of_changes_and_the_model_goes_back(tiny: Editing) -> None:
    before = tiny.raw
    tiny.set("siting/clinic/opening", 180_000)
    table = {
        "title": {"zh": "贵", "en": "dear"},
        "basis": "assumed",
        "source": "",
        "set": {"siting.clinic.opening": 180_000},
    }
    view = tiny.send(
        {"key": ["siting", "clinic", "opening"], "reset": True}, {"key": ["scenarios", "dear"], "value": table}
    )["view"]
    assert read_model(tiny.path).siting["clinic"].opening == 150_000
    assert read_model(tiny.path, scenario="dear").siting["clinic"].opening == 180_000
    (told,) = view["scenarios"][0]["changes"]
    assert (told["key"], told["from"], told["to"]) == ("siting.clinic.opening", 150_000, 180_000)
    assert told["label"] == "siting · village clinic · one-off cost"
    tiny.undo(view["undo"])
    tiny.undo(tiny.view()["undo"])
    assert tiny.raw == before


# ---- what is wrong


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rules/most_people/share", 7, "limit is 1"),
        ("rules/most_people/share", "many", "number"),
        ("years", [2027, 2025], "earliest first"),
        ("circle", "none", "eight_minutes"),
        ("siting/clinic/opening", -1, "least is 0"),
        ("draws", None, ""),
        ("title/zh", None, ""),
        ("as_of", "soon", "date"),
        ("nonsense", 1, ""),
        ("rules/most_people/nonsense", 1, ""),
        ("rules", 5, ""),
        ("goals/none/gap", 1, ""),
        ("clauses/XX-1/on", False, ""),
    ],
)
def test_what_would_be_wrong_is_said_and_not_written(tiny: Editing, key: str, value: Any, said: str) -> None:
    before = tiny.raw
    if key == "draws":
        # (A key that has a default may go.)
        tiny.set(key, value)
        assert read_model(tiny.path).draws == 20
        return
    with pytest.raises(AllocateError, match=said or None):
        tiny.set(key, value)
    assert tiny.raw == before
    assert tiny.entries() == []


def test_of_several_changes_all_are_made_or_none(tiny: Editing) -> None:
    before = tiny.raw
    with pytest.raises(AllocateError):
        tiny.send({"key": ["draws"], "value": 5}, {"key": ["seed"], "value": -5})
    assert tiny.raw == before


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"key": []},
        {"key": "draws", "value": 1},
        {"key": ["draws"]},
        {"key": [5], "value": 1},
        {"key": ["a"] * 50, "value": 1},
    ],
)
def test_what_is_no_change_is_refused(tiny: Editing, change: Json) -> None:
    before = tiny.raw
    with pytest.raises(AllocateError):
        tiny.send(change)
    assert tiny.raw == before


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:8]))
def test_hostile_texts_are_kept_as_texts_and_put_back(tiny: Editing, text: str) -> None:
    before = tiny.raw
    view = tiny.set("rules/apart/source", text)
    assert rule_of(view, "apart")["source"]["value"] == text
    assert read_model(tiny.path).rules["apart"].source == text
    assert tiny.entries()[0].changes[0].after == text
    tiny.undo(view["undo"])
    assert tiny.raw == before


def test_halves_of_signs_are_refused(tiny: Editing) -> None:
    before = tiny.raw
    with pytest.raises(AllocateError):
        tiny.set("rules/apart/source", "a\ud800b")
    assert tiny.raw == before


def test_a_file_that_was_changed_elsewhere_is_left_alone(tiny: Editing) -> None:
    version = tiny.view()["version"]
    elsewhere = tiny.raw + b"# by hand\n"
    tiny.path.write_bytes(elsewhere)
    outcome = tiny.send({"key": ["draws"], "value": 5}, version=version)
    assert outcome["conflict"] is True
    assert tiny.raw == elsewhere
    assert tiny.entries() == []


def test_a_history_that_cannot_be_written_leaves_the_model_as_it_was(tiny: Editing) -> None:
    before = tiny.raw
    tiny.view()
    (tiny.path.parents[1] / "maps" / "history.jsonl").mkdir(parents=True)
    with pytest.raises(AllocateError):
        tiny.set("draws", 5)
    assert tiny.raw == before


# ---- undoing


def test_changes_are_undone_one_after_the_other_and_done_again(tiny: Editing) -> None:
    texts = [tiny.raw]
    for value in (5, 6, 7):
        tiny.set("draws", value)
        texts.append(tiny.raw)
    for text in (texts[2], texts[1], texts[0]):
        tiny.undo(tiny.view()["undo"])
        assert tiny.raw == text
    assert tiny.view()["undo"] == ""
    for text in texts[1:]:
        tiny.undo(tiny.view()["redo"])
        assert tiny.raw == text
    assert tiny.view()["redo"] == ""
    tiny.undo(tiny.view()["undo"])
    assert tiny.raw == texts[2]
    tiny.set("seed", 9)
    assert tiny.view()["redo"] == "", "after another change there is nothing to do again"


def test_an_entry_whose_value_was_changed_since_is_not_undone(tiny: Editing) -> None:
    tiny.set("draws", 5)
    first = tiny.entries()[0].id
    tiny.set("draws", 6)
    before = tiny.raw
    with pytest.raises(AllocateError, match="draws is no longer"):
        tiny.undo(first)
    assert tiny.raw == before


def test_an_older_entry_about_something_else_is_undone_by_itself(tiny: Editing) -> None:
    tiny.set("draws", 5)
    first = tiny.entries()[0].id
    tiny.set("seed", 6)
    tiny.undo(first)
    assert read_model(tiny.path).draws == 0
    assert read_model(tiny.path).seed == 6
    with pytest.raises(AllocateError, match="already"):
        tiny.undo(first)


def test_an_entry_that_is_not_there_or_no_change_of_a_model_is_not_undone(tiny: Editing) -> None:
    run = history.add(Home.at(tiny.folder), who="Li", what="run", of="tiny")
    for id in ("none", run.id):
        with pytest.raises(AllocateError):
            tiny.undo(id)


def test_the_history_says_who_changed_what(tiny: Editing) -> None:
    tiny.set("rules/apart/metres", 800)
    (entry,) = tiny.entries()
    assert (entry.who, entry.what, entry.of) == ("Li", "model", "tiny")
    assert entry.changes == (history.Change(("rules", "apart", "metres"), 700, 800, "700"),)
    (told,) = model_work.told_entries(tiny.folder, [entry])
    assert told["changes"][0]["label"] == "apart · at least apart"


# ---- several districts


def test_a_model_of_several_districts_shows_their_models_and_what_they_share(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    text = (MODELS / "tianjin.toml").read_text(encoding="utf-8")
    (home / "models" / "tianjin.toml").write_text(
        text.replace("[districts.baodi]", "[districts.tiny]"), encoding="utf-8"
    )
    shown = model_work.view(str(home), "tianjin")
    assert shown["kind"] == "joint"
    first = shown["districts"][0]
    assert (first["model"], first["has_model"], first["has_data"]) == ("tiny", True, True)
    assert not shown["districts"][1]["has_model"]
    assert shown["groups"][0]["rows"][0]["fields"][0]["value"] == 4


# ---- findings


def test_findings_name_the_rows_that_they_are_about(papers: Editing) -> None:
    found = model_work.findings(papers.folder, "tiny")
    rows = {name for one in found["findings"] for name in one["rows"]}
    view = papers.view()
    known = {row["id"] for one in view["documents"] for row in one["rows"]} | {row["id"] for row in view["rules"]}
    assert rows
    assert rows <= known
    papers.set("clauses/BD-T14/on", False)
    after = model_work.findings(papers.folder, "tiny")
    assert any(one["kind"] == "changed" and one["rows"] == ["BD-T14"] for one in after["findings"])


# ---- addresses


def test_the_page_opens_at_once_and_its_addresses_answer(client: TestClient) -> None:
    page = client.get("/models/tiny")
    assert page.status_code == 200
    assert "onclick" not in page.text
    assert client.get("/models/none").status_code == 404
    assert client.get("/models/..%2F..%2Fetc").status_code == 404
    assert client.get("/history").status_code == 200
    shown = client.get("/api/models/tiny").json()
    made = client.post(
        "/api/models/tiny/changes", json={"version": shown["version"], "changes": [{"key": ["draws"], "value": 3}]}
    )
    assert made.status_code == 200
    assert made.json()["version"] != shown["version"]
    again = client.post(
        "/api/models/tiny/changes", json={"version": shown["version"], "changes": [{"key": ["draws"], "value": 4}]}
    )
    assert again.status_code == 409
    wrong = client.post(
        "/api/models/tiny/changes",
        json={"version": made.json()["version"], "changes": [{"key": ["draws"], "value": -4}]},
    )
    assert wrong.status_code == 422
    assert wrong.json()["problems"]
    for body in ({}, {"version": 1, "changes": []}, {"version": "", "changes": [1]}, {"version": "", "changes": {}}):
        assert client.post("/api/models/tiny/changes", json=body).status_code == 422
    (entry,) = client.get("/api/history?of=tiny").json()["entries"]
    assert entry["who"] == "planner"
    assert client.post(f"/api/history/{entry['id']}/undo").status_code == 200
    assert client.post(f"/api/history/{entry['id']}/undo").status_code == 422
    assert [one["what"] for one in client.get("/api/history").json()["entries"]] == ["undo", "model"]
    assert client.get("/api/models/tiny/changes").status_code == 405
