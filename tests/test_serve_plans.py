"""The pages on plans: figures as in all other outputs, what comes from elsewhere harmless, files as they lie there."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from conftest import Tiny
from plan_examples import HOSTILE_TEXTS
from plans_served import NAME, make_folder, put_joint, put_plan
from serving_page import client_of
from starlette.testclient import TestClient

from allocate.comparing import compare
from allocate.errors import AllocateError, InputError
from allocate.model import read_model
from allocate.outputs import files_of
from allocate.plans import Plan, read_plan, to_json
from allocate.report.cells_said import cell_said
from allocate.report.comparison import comparison_sheets
from allocate.report.sheets import sheets
from allocate.report.site_cards import site_cards
from allocate.serve import plan_work
from allocate.serve.home import OUT, Home
from allocate.serve.zips import Changed, home_members, members_of, zipped
from allocate.words import LANGUAGES, Language, say_in, speaking

WAY = quote(NAME)
ZIP_DAY = (1980, 1, 1, 0, 0, 0)


@pytest.fixture(scope="module")
def made(hubs_home: Tiny, hubs_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the plan; nobody changes it."""
    folder = make_folder(tmp_path_factory.mktemp("served") / "规划", hubs_home, hubs_plan)
    put_joint(folder, hubs_plan.content)
    return folder


@pytest.fixture(scope="module")
def asking(made: Path) -> Iterator[TestClient]:
    with client_of(made) as client:
        yield client


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "规划"))


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    plan_work.forget()


@pytest.fixture
def content(hubs_plan: Plan) -> dict[str, Any]:
    return deepcopy(dict(hubs_plan.content))


def plan_of(folder: Path) -> str:
    return str(folder / OUT / NAME)


def tables_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plan_work.tables(plan_of(folder)))
    return found


def with_dropped(content: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's content with two clinics that were dropped beforehand: one of use to nobody, one outside."""
    town = content["sites"][0]["town"]
    about = {"name": "水边", "kind": "clinic", "town": town, "lon": 117.4, "lat": 39.7, "from": "generated"}
    out = [
        {**about, "id": "clinic-x", "why": {"code": "reaches_nobody"}},
        {**about, "id": "clinic-y", "why": {"code": "outside_district"}},
    ]
    return {**content, "dropped": out}


# ---- the same figures as everywhere else ----


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cell_of_the_page_stands_in_the_tables_that_all_outputs_are_made_of(
    made: Path, hubs_plan: Plan, language: Language
) -> None:
    with speaking(language):
        told = tables_of(made)["tables"]
    keys = [key for key in hubs_plan.content["settings"]["rules"] if "_" in key]
    for name, sheet in sheets(hubs_plan.content, language).items():
        if name not in told:
            continue
        assert [field["heading"] for field in told[name]["fields"]] == [
            field.heading(language) for field in sheet.fields
        ]
        for row, record in zip(told[name]["rows"], sheet.records(), strict=True):
            for cell, field in zip(row, sheet.fields, strict=True):
                # (What nobody knows is said to be unknown; a rule that has but its key is said in words.)
                own = cell_said(field, record, language)
                assert cell in (own, say_in(language, "card.unknown")) or is_own_rule(field.name, own, keys)
    assert set(told) == {"scorecard", "sites", "towns"}


def is_own_rule(column: str, cell: str, keys: list[str]) -> bool:
    """Tell whether a cell names a rule that no document has a clause of, or should say one."""
    return any(key in cell for key in keys) or (column == "says" and cell in ("", "—"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_that_no_document_has_are_said_in_words_and_not_by_their_keys(
    folder: Path, content: dict[str, Any], language: Language
) -> None:
    site = content["candidates"][0]
    rule = {"rule": "named_sites", "sites": [site["id"]], "strength": "must", "source": "a trial", "basis": "assumed"}
    content["settings"]["rules"]["what_if_1"] = rule
    row = {**content["scorecard"][0], "rule": "what_if_1", "clause": None, "says": None, "status": "missed"}
    content["scorecard"].append(row)
    put_plan(folder, "own", content)
    where = str(folder / OUT / "own")
    with speaking(language):
        table = json.loads(plan_work.tables(where))["tables"]["scorecard"]
        lines = [line["text"] for line in plan_work.head(where)["lines"] if line["name"] == "clauses"]
    columns = [field["name"] for field in table["fields"]]
    said = [row[columns.index("says")] for row in table["rows"] if row[columns.index("rule")] == "what_if_1"]
    words = say_in(language, "card.rule_named_sites", since="", sites=site["name"])
    assert said == [words[:1].upper() + words[1:]]
    assert said[0] in " ".join(lines)
    assert "what_if_1" not in " ".join(lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_candidate_is_a_spot_and_those_dropped_say_what_speaks_against_them(
    folder: Path, content: dict[str, Any], language: Language
) -> None:
    put_plan(folder, "dropped", with_dropped(content))
    where = str(folder / OUT / "dropped")
    with speaking(language):
        spots = {one["id"]: one for one in json.loads(plan_work.spots(where))["spots"]}
        cards = {site: plan_work.card(where, site) for site in ("clinic-x", "clinic-y")}
    assert set(spots) == {*(row["id"] for row in content["candidates"]), "clinic-x", "clinic-y"}
    opens = {row["id"]: row["year"] for row in content["sites"] if row["action"] == "open"}
    assert {site: one["year"] for site, one in spots.items() if one["year"]} == opens
    assert spots["clinic-x"]["decided"]
    assert spots["clinic-x"]["against"] == say_in(language, "kept.reaches_nobody")
    assert not spots["clinic-y"]["decided"]
    assert spots["clinic-y"]["cannot"] == say_in(language, "serve_plans.cannot_outside_district")
    for site, card in cards.items():
        assert card is not None
        assert {key: card[key] for key in ("decided", "against", "cannot")} == {
            key: spots[site][key] for key in ("decided", "against", "cannot")
        }


def test_a_kind_of_site_that_the_plan_does_not_decide_on_cannot_be_asked_to_stand(
    folder: Path, content: dict[str, Any]
) -> None:
    made = with_dropped(content)
    made["dropped"][0]["kind"] = "community_centre"
    put_plan(folder, "dropped", made)
    (spot,) = [
        one for one in json.loads(plan_work.spots(str(folder / OUT / "dropped")))["spots"] if one["id"] == "clinic-x"
    ]
    assert (spot["decided"], spot["cannot"]) == (False, say_in("zh", "serve_plans.cannot_kind"))


def test_clauses_that_are_missed_come_first(folder: Path, content: dict[str, Any]) -> None:
    last = next(row for row in reversed(content["scorecard"]) if row["status"] == "met")
    last |= {"status": "missed", "shortfall": 3}
    put_plan(folder, "missed", content)
    told = json.loads(plan_work.tables(str(folder / OUT / "missed")))["tables"]["scorecard"]
    count = sum(row["status"] == "missed" for row in content["scorecard"])
    assert told["codes"]["status"][:count] == ["missed"] * count
    at = [field["name"] for field in told["fields"]].index("rule")
    assert last["rule"] in {row[at] for row in told["rows"][:count]}
    head = plan_work.head(str(folder / OUT / "missed"))
    assert head["missed"] == count
    assert sum(head["by_year"]["sorted_by"]["clauses_missed"]) == count


def test_the_head_says_what_is_estimated_and_that_the_plan_is_not_proven_best(
    folder: Path, content: dict[str, Any]
) -> None:
    content["outcome"] = "feasible"
    content["assumptions"] = [{"table": "places.position", "basis": "estimated", "rows": 4}]
    put_plan(folder, "soft", content)
    content["outcome"], content["assumptions"] = "optimal", []
    put_plan(folder, "firm", content)
    with client_of(folder) as client:
        soft, firm = (client.get(f"/plans/{name}").text for name in ("soft", "firm"))
    assert say_in("zh", "serve_plans.not_proven") in soft
    assert say_in("zh", "serve_plans.soft", names=say_in("zh", "basis.estimated")) in soft
    assert say_in("zh", "serve_plans.proven") in firm
    assert say_in("zh", "serve_plans.firm") in firm


def test_a_share_of_nearly_all_is_not_shown_as_all(folder: Path, content: dict[str, Any]) -> None:
    row = next(row for row in content["ledger"] if row["scope"] == "district")
    row |= {"people": 1_000_000, "served": 999_999}
    put_plan(folder, "nearly", content)
    by_year = plan_work.head(str(folder / OUT / "nearly"))["by_year"]
    at = [field["name"] for field in by_year["fields"]].index("served_share")
    assert by_year["rows"][0][at] == "99.9%"


def test_a_card_says_all_that_the_printed_card_says(made: Path, hubs_plan: Plan) -> None:
    for code, card in site_cards(hubs_plan.content, "zh").items():
        told = plan_work.card(plan_of(made), code)
        assert told is not None
        lines = [line["text"] for part in told["parts"] for line in part["lines"]]
        printed = [line.text for part in card.parts for line in part.lines]
        keys = [key for key in hubs_plan.content["settings"]["rules"] if "_" in key]
        assert len(lines) == len(printed)
        assert all(one == other or is_own_rule("", other, keys) for one, other in zip(lines, printed, strict=True))
        assert told["example"] is not card.is_firm


def test_a_spot_that_the_plan_does_not_use_has_a_card_and_may_be_asked_for(made: Path, hubs_plan: Plan) -> None:
    used = {row["id"] for row in hubs_plan.content["sites"]}
    spare = next(row for row in hubs_plan.content["candidates"] if row["id"] not in used)
    told = plan_work.card(plan_of(made), spare["id"])
    assert told is not None
    assert (told["decided"], told["stands"]) == (True, False)
    assert say_in("zh", "serve_plans.a_candidate") in told["about"]
    assert plan_work.card(plan_of(made), "nothing of this name") is None


def test_every_number_that_may_be_changed_is_a_key_of_the_model(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    numbers = tables_of(made)["numbers"]
    assert {one["key"].split(".")[0] for one in numbers} >= {"rules"}
    for one in numbers:
        model = read_model("tiny", {one["key"]: json.dumps(one["value"])})
        assert one["rule"] in {**model.rules}


def test_other_tables_are_there_by_name_and_nothing_else_is(asking: TestClient) -> None:
    others = asking.get(f"/api/plans/{WAY}/tables").json()["others"]
    assert {"change_log", "budget", "places"} <= {one["name"] for one in others}
    changes = asking.get(f"/api/plans/{WAY}/tables/change_log").json()
    assert len(changes["rows"]) == next(one["rows"] for one in others if one["name"] == "change_log")
    assert asking.get(f"/api/plans/{WAY}/tables/nothing").status_code == 404


def test_figures_follow_the_file_when_the_plan_is_made_anew(folder: Path, content: dict[str, Any]) -> None:
    before = tables_of(folder)["tables"]["sites"]["rows"]
    content["sites"][0]["name"] = "新的站点"
    (folder / OUT / NAME / "plan.json").write_text(to_json(content), encoding="utf-8")
    after = tables_of(folder)["tables"]["sites"]["rows"]
    assert next(row for row in after if row not in before)[2] == "新的站点"


# ---- what comes from elsewhere ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "broken",
    ["{", "[]", '{"schema": 99}', '{"schema": 1}', "\x00", "[" * 100_000],
    ids=["half", "list", "other schema", "empty", "no text", "deep"],
)
def test_a_file_that_is_no_plan_gives_one_message(folder: Path, broken: str, language: Language) -> None:
    (folder / OUT / NAME / "plan.json").write_text(broken, encoding="utf-8")
    with client_of(folder, language) as client:
        page, table = client.get(f"/plans/{WAY}"), client.get(f"/api/plans/{WAY}/tables")
    assert (page.status_code, table.status_code) == (422, 422)
    assert "Traceback" not in page.text
    (problem,) = table.json()["problems"]
    assert problem["what"] in ("problem.not_plan", "serve_plans.broken")


def test_a_plan_that_lacks_anything_is_shown_without_it_or_refused_with_a_message(
    content: dict[str, Any], tmp_path: Path
) -> None:
    refused = set()
    for number, key in enumerate(content):
        file = put_plan(tmp_path, f"lacks-{number}", {name: value for name, value in content.items() if name != key})
        for do in (plan_work.head, plan_work.tables):
            try:
                do(str(file.parent))
            except AllocateError:
                refused.add(key)
    assert {"schema", "places", "sites", "scorecard"} <= refused


def test_a_plan_with_values_of_another_kind_is_refused_with_a_message(content: dict[str, Any], tmp_path: Path) -> None:
    for number, key in enumerate(("sites", "scorecard", "ledger", "district_data", "settings", "years")):
        file = put_plan(tmp_path, f"odd-{number}", {**content, key: [17]})
        with pytest.raises(InputError):
            plan_work.tables(str(file.parent))


def hostile(content: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with hostile texts wherever people are named or write, its ids and codes left as they are."""
    texts = iter(range(10**9))

    def poison(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: poison(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner, key) for inner in value]
        if isinstance(value, str) and key in ("name", "quote", "document", "source", "zh", "en", "clause"):
            return HOSTILE_TEXTS[next(texts) % len(HOSTILE_TEXTS)]
        return value

    named = ("title", "sites", "scorecard", "district_data", "candidates")
    return {key: poison(value, key) if key in named else value for key, value in content.items()}


def test_names_of_a_plan_are_text_on_the_page_and_in_what_scripts_read(folder: Path, content: dict[str, Any]) -> None:
    put_plan(folder, "<b onclick=x>{{7*191}}", hostile(content))
    way = quote("<b onclick=x>{{7*191}}")
    with client_of(folder) as client:
        answers = [client.get(one) for one in (f"/plans/{way}", f"/plans/{way}/map.html", "/compare")]
        table = client.get(f"/api/plans/{way}/tables")
    assert [one.status_code for one in (*answers, table)] == [200] * 4
    for one in answers:
        assert "1337" not in one.text
        for text in HOSTILE_TEXTS:
            if "<" in text:
                assert text not in one.text
        assert "<b onclick" not in one.text
    assert table.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("way", ["..", "../..", "%2e%2e", f"{WAY}/../..", f"{WAY}%2f..%2f..", "a\\b", "", "nothing"])
def test_an_address_that_leads_out_of_the_folder_leads_nowhere(asking: TestClient, way: str) -> None:
    for address in (f"/plans/{way}/map.html", f"/api/plans/{way}/tables", f"/plans/{way}/files/plan.json"):
        assert asking.get(address).status_code in (404, 405)


@pytest.mark.parametrize(
    "file", ["../x", "%2e%2e/%2e%2e/models/tiny.toml", "..%2f..%2f..%2fmodels%2ftiny.toml", "no.xlsx"]
)
def test_no_file_but_the_plans_own_is_sent(asking: TestClient, file: str) -> None:
    assert asking.get(f"/plans/{WAY}/files/{file}").status_code == 404
    assert asking.get(f"/plans/{WAY}/shown/{file}").status_code == 404


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "plan.json").write_text("{}", encoding="utf-8")
    (folder / OUT / "linked").symlink_to(secret)
    (folder / OUT / NAME / "linked.txt").symlink_to(secret / "plan.json")
    (folder / OUT / NAME / "map.html").unlink()
    (folder / OUT / NAME / "map.html").symlink_to(folder / "models" / "tiny.toml")
    with client_of(folder) as client:
        for way in (
            "/plans/linked",
            "/plans/linked/all.zip",
            *(f"/plans/{WAY}/files/{x}" for x in ("linked.txt", "map.html")),
        ):
            assert client.get(way).status_code == 404, way
        names = ZipFile(io.BytesIO(client.get("/home.zip").content)).namelist()
    assert not [name for name in names if "linked" in name or "map.html" in name]


def test_maps_and_printed_pages_are_shown_where_they_reach_nobody(asking: TestClient) -> None:
    card = next(file.name for file in (Path(asking.app.app.state.served.home.path) / OUT / NAME / "cards").iterdir())  # type: ignore[attr-defined]
    for way in ("map.html", f"shown/cards/{quote(card)}", "shown/timetable.html"):
        found = asking.get(f"/plans/{WAY}/{way}")
        policy = found.headers["content-security-policy"]
        assert found.status_code == 200
        assert policy.startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in policy
        assert "default-src 'none'" in policy
    assert asking.get(f"/plans/{WAY}/shown/plan.json").status_code == 404


# ---- files, zips, names ----


def test_a_file_is_sent_as_it_lies_there_under_the_plans_own_name(asking: TestClient, made: Path) -> None:
    for name in ("plan.json", "plan.xlsx", "report.docx", "plan.gpkg", "sites.csv", "map.html"):
        sent = asking.get(f"/plans/{WAY}/files/{name}")
        assert sent.content == (made / OUT / NAME / name).read_bytes()
        assert f"filename*=utf-8''{quote(NAME)}-{name}" in sent.headers["content-disposition"]
        assert sent.headers["content-disposition"].startswith("attachment")
    listed = asking.get(f"/api/plans/{WAY}/files").json()["files"]
    assert [one["name"] for one in listed] == [item.name for item in files_of(made / OUT / NAME)]


def test_a_plan_as_a_zip_holds_every_file_and_is_the_same_twice(asking: TestClient, made: Path) -> None:
    once, again = (asking.get(f"/plans/{WAY}/all.zip") for _ in range(2))
    assert once.content == again.content
    assert f"filename*=UTF-8''{quote(f'{NAME}.zip')}" in once.headers["content-disposition"]
    opened = ZipFile(io.BytesIO(once.content))
    assert opened.testzip() is None
    place = made / OUT / NAME
    expected = {f"{NAME}/{file.relative_to(place).as_posix()}": file for file in place.rglob("*") if file.is_file()}
    assert opened.namelist() == sorted(expected)
    assert {name: opened.read(name) for name in expected} == {
        name: file.read_bytes() for name, file in expected.items()
    }
    assert {info.date_time for info in opened.infolist()} == {ZIP_DAY}


def test_a_folder_within_a_plan_is_sent_as_a_zip(asking: TestClient, made: Path) -> None:
    sent = asking.get(f"/plans/{WAY}/files/cards")
    names = ZipFile(io.BytesIO(sent.content)).namelist()
    assert names == sorted(f"cards/{file.name}" for file in (made / OUT / NAME / "cards").iterdir())


def test_the_whole_folder_leaves_runs_out_by_choice_and_its_size_is_said_before(folder: Path) -> None:
    run = folder / "maps" / "runs" / "1" / "events.jsonl"
    run.parent.mkdir(parents=True)
    run.write_text("x" * 1000, encoding="utf-8")
    (folder / "secret.txt").write_text("not ours", encoding="utf-8")
    left = folder / OUT / ".allocate-abcdefgh"
    left.mkdir()
    (left / "half").write_text("x", encoding="utf-8")
    with client_of(folder) as client:
        without, whole = (client.get(way).content for way in ("/home.zip", "/home.zip?runs=1"))
        said = client.get("/api/home/size").json()
    some, all_ = (ZipFile(io.BytesIO(made)) for made in (without, whole))
    more = set(all_.namelist()) - set(some.namelist())
    assert "规划/maps/runs/1/events.jsonl" in more
    assert all(name.startswith("规划/maps/runs/") for name in more)
    assert "规划/models/tiny.toml" in some.namelist()
    assert not [name for name in all_.namelist() if "secret" in name or "half" in name]
    for name, made in (("without", some), ("with", all_)):
        infos = made.infolist()
        assert said[name] == {"files": len(infos), "bytes": sum(info.file_size for info in infos)}


def test_a_zip_of_a_plan_that_is_replaced_meanwhile_ends_without_the_other_half(folder: Path, tmp_path: Path) -> None:
    place = folder / OUT / NAME
    pieces = zipped(members_of(place, "plan"), place)
    next(pieces)
    place.rename(tmp_path / "before")
    shutil.copytree(tmp_path / "before", place)
    with pytest.raises(Changed):
        list(pieces)


def test_a_file_that_goes_while_the_folder_is_sent_is_left_out(folder: Path) -> None:
    members = home_members(Home.at(folder), runs=True)
    gone = members[-1]
    gone.path.unlink()
    opened = ZipFile(io.BytesIO(b"".join(zipped(members))))
    assert opened.namelist() == [member.name for member in members[:-1]]


def test_a_plan_gets_another_name_and_goes_when_its_name_is_said_again(folder: Path) -> None:
    with client_of(folder) as client:
        renamed = client.post(f"/api/plans/{WAY}/rename", json={"to": "方案 二"}).json()
        assert (folder / OUT / "方案 二" / "plan.json").is_file()
        assert not (folder / OUT / NAME).exists()
        way = renamed["way"]
        assert client.get(way).status_code == 200
        assert client.post(f"/api{way}/remove", json={"name": NAME}).status_code == 422
        assert (folder / OUT / "方案 二").is_dir()
        assert client.post(f"/api{way}/remove", json={"name": "方案 二"}).status_code == 200
    assert sorted(item.name for item in (folder / OUT).iterdir()) == ["two"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "con", "NUL.txt", "a:b", "end.", "x" * 61, "\n", None]
)
def test_a_name_that_not_every_disk_takes_is_refused(asking: TestClient, made: Path, name: str | None) -> None:
    refused = asking.post(f"/api/plans/{WAY}/rename", json={"to": name})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["what"] == "serve_plans.bad_name"
    assert (made / OUT / NAME).is_dir()


def test_a_folder_that_is_not_the_plans_alone_is_neither_renamed_nor_removed(folder: Path) -> None:
    (folder / OUT / NAME / "notes.txt").write_text("mine", encoding="utf-8")
    shutil.copytree(folder / OUT / NAME, folder / OUT / "taken", ignore=lambda *_: ["notes.txt"])
    with client_of(folder) as client:
        for way, body in (("rename", {"to": "other"}), ("remove", {"name": NAME})):
            refused = client.post(f"/api/plans/{WAY}/{way}", json=body)
            assert refused.json()["problems"][0]["what"] == "problem.out_not_ours"
        # A plan that is part of an answer goes with it alone; and no name is taken from another plan.
        for way, body in (("rename", {"to": "three"}), ("remove", {"name": "two/one"})):
            refused = client.post(f"/api/plans/two/one/{way}", json=body)
            assert refused.json()["problems"][0]["what"] == "problem.plan_of_answer"
        (folder / OUT / NAME / "notes.txt").unlink()
        refused = client.post(f"/api/plans/{WAY}/rename", json={"to": "taken"})
        assert refused.json()["problems"][0]["what"] == "problem.name_taken"
    assert (folder / OUT / NAME / "plan.json").is_file()
    assert (folder / OUT / "two" / "one" / "plan.json").is_file()


# ---- several plans ----


def test_plans_side_by_side_say_what_the_comparison_says(folder: Path, content: dict[str, Any]) -> None:
    other = deepcopy(content)
    other["budget"][0]["total"] += 1_000_000
    put_plan(folder, "dearer", other)
    contents, names = [content, other], [NAME, "dearer"]
    expected = comparison_sheets(compare(contents, names), contents, "zh")
    with client_of(folder) as client:
        told = client.get("/api/compare", params={"plan": names}).json()
        listed = client.get("/api/plans").json()["plans"]
    for name, table in told["tables"].items():
        assert table["rows"] == [
            [cell_said(field, record, "zh") for field in expected[name].fields] for record in expected[name].records()
        ]
    verdicts = told["tables"]["compare_proof"]["codes"]["verdict"]
    assert "better" not in verdicts
    assert "worse" not in verdicts
    assert [one["name"] for one in listed if not one.get("broken")] == sorted(
        {*names, "two/one"}, key=[one["name"] for one in listed].index
    )


def test_plans_that_cannot_be_compared_give_one_message(folder: Path, content: dict[str, Any]) -> None:
    put_plan(folder, "elsewhere", {**content, "district": "elsewhere"})
    put_plan(folder, "broken", {"schema": 1})
    with client_of(folder) as client:
        refused = [
            client.get("/api/compare", params={"plan": names})
            for names in ([NAME], [NAME] * 3, [NAME, "elsewhere"], [NAME, "broken"], [NAME, "nothing"])
        ]
        listed = client.get("/api/plans").json()["plans"]
    assert [one.status_code for one in refused] == [422, 422, 422, 422, 404]
    assert refused[2].json()["problems"][0]["what"] == "compare.other_district"
    assert [one["name"] for one in listed if one.get("broken")] == ["broken"]


def test_a_plan_of_several_districts_leads_to_each_of_them(asking: TestClient) -> None:
    page = asking.get("/plans/two")
    assert '<a href="/plans/two/one" dir="auto">甲区</a>' in page.text
    assert "<b>乙区</b>" not in page.text
    assert say_in("zh", "serve_plans.joint_not_planned") in page.text
    assert asking.get("/plans/two/shown/joint.html").headers["content-security-policy"].startswith("sandbox")
    assert "two" in asking.get("/plans/two/one").text
    names = ZipFile(io.BytesIO(asking.get("/plans/two/all.zip").content)).namelist()
    assert names == ["two/joint.html", "two/joint.json", "two/one/plan.json"]


def test_a_share_that_several_districts_are_asked_for_reads_as_a_share(made: Path) -> None:
    told = plan_work.joint(str(made / OUT / "two"))
    (clauses,) = (table for table in told["tables"] if table["name"] == "joint_clauses")
    names = [field["name"] for field in clauses["fields"]]
    row = dict(zip(names, clauses["rows"][0], strict=True))
    assert (row["target"], row["unit"]) == ("100%", say_in("zh", "unit.ratio"))


# ---- whether the figures hold ----


def test_a_plan_is_rechecked_beside_its_page_and_one_with_a_wrong_figure_says_so(folder: Path) -> None:
    def rechecked(client: TestClient, way: str) -> dict[str, Any]:
        for _ in range(600):
            found: dict[str, Any] = client.get(f"/api/plans/{way}/recheck").json()
            if found["state"] != "checking":
                return found
            client.portal.call(_wait)  # type: ignore[union-attr]
        raise AssertionError

    async def _wait() -> None:
        import anyio

        await anyio.sleep(0.1)

    wrong = read_plan(folder / OUT / NAME)
    row = next(row for row in wrong["ledger"] if row["scope"] == "district")
    row["served"] += 1
    put_plan(folder, "wrong", wrong)
    shutil.copytree(folder / OUT / NAME, folder / OUT / "same")
    with client_of(folder) as client:
        beside = [client.get("/compare/page.html", params={"plan": [NAME, other]}) for other in ("same", "wrong")]
        assert [page.status_code for page in beside] == [422, 422]
        assert rechecked(client, "wrong")["state"] == "wrong"
        assert rechecked(client, WAY)["state"] == rechecked(client, "same")["state"] == "sound"
        assert re.search("ledger", " ".join(rechecked(client, "wrong")["lines"]))
        # (The page of a comparison says that all plans have passed.)
        beside = [client.get("/compare/page.html", params={"plan": [NAME, other]}) for other in ("same", "wrong")]
        assert [page.status_code for page in beside] == [200, 422]
        assert beside[0].headers["content-security-policy"].startswith("sandbox allow-scripts")
