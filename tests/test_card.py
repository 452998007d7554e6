"""The card of a model: every rule in force on a page that people can read."""

import re
from pathlib import Path
from typing import Any

import pydantic
import pytest
from conftest import Tiny, call_allocate
from sent import with_postings

from allocate.card import card, sentence
from allocate.goals import GOALS
from allocate.model import Model, read_model
from allocate.rules import RULES, Rule
from allocate.words import LANGUAGES, catalogue, say_in

COMMON = {"strength": "must", "source": "a paper", "basis": "assumed"}


@pytest.fixture(scope="module")
def baodi() -> Model:
    return read_model("baodi")


def rule(name: str, **numbers: Any) -> Rule:
    strength = {"strength": "physics"} if RULES[name].is_physics else {}
    return pydantic.TypeAdapter(RULES[name]).validate_python({**COMMON, **strength, **numbers})


def section(page: str, heading: str) -> str:
    """Return what stands under a heading of the third level."""
    found = [part for part in re.split(r"^### ", page, flags=re.MULTILINE) if re.match(rf"{heading}\s", part)]
    assert len(found) == 1, heading
    return found[0]


def test_every_rule_in_force_stands_on_the_card_with_sentence_formula_numbers_and_source(baodi: Model) -> None:
    # (A rule and a resource may have the same name.)
    page = card(baodi).split("\n## ")[1]
    for name, one in baodi.rules.items():
        found = section(page, name)
        assert f"$$\n{one.formula}\n$$" in found
        for language in LANGUAGES:
            assert sentence(one, language) in found
            assert say_in(language, f"basis.{one.basis}") in found
        assert one.quote in found
        assert "数值 · numbers: `" in found


def test_a_clause_shows_its_document_its_strength_and_what_the_model_made_of_it(baodi: Model) -> None:
    page = card(baodi)
    town = section(page, "no_town_left_behind")
    assert "力争 · strive (文件为“必须”，模型已改 · changed from the document's “must”)" in town
    assert "(已印发 · issued)" in town
    assert "由本规划判断 · decided by the plan" in town
    imaging = section(page, "TJ-T03")
    assert "(征求意见稿 · draft)" in imaging
    assert "its deadline lies before the plan: a check only" in imaging
    assert "由本规划判断 · decided by the plan" in section(page, "BD-T11")
    nurses = section(page, "ST-28")
    assert "National and municipal standards, as editable defaults" in nurses
    assert "at_least = 3.8" in nurses


def test_the_card_says_goals_circles_siting_assumptions_and_the_other_clauses(baodi: Model) -> None:
    page = card(baodi)
    heads = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    assert [head.split(" · ")[1] for head in heads] == [
        "Rules", "Other clauses", "Goals", "People", "Circles", "Siting", "Staff, beds and teams",
        "Postings", "Rounds, and posts in villages", "Consortia", "Functions, shared centres and standards",
        "Scenarios", "Estimates and assumptions",
    ]  # fmt: skip
    assert "| TJ-T04 二（一）；附件第4项 |" in page
    rows = {row.split(":")[0].strip("| "): row for row in page.splitlines() if row.startswith("| ") and ": " in row}
    assert "用于规划 · planned for" in rows["rural_village"]
    assert "own place or an adjoining one within 3,000 m" in rows["rural_village"]
    assert "对照 · compared" in rows["station_300"]
    assert "300 m as the crow flies" in rows["station_300"]
    assert "| 80 % |" in rows["walk_15"]
    assert "600,000" in page
    for table in ("rules.circle", "siting.clinic", "circles.walk_15", "modes.car"):
        assert f"- {table}: 假定 · assumed" in page


@pytest.mark.parametrize(
    ("name", "numbers", "zh", "en"),
    [
        (
            "reach",
            {"share": 0.9, "scope": "town"},
            "每个街镇至少 90 % 的人在圈内有服务",
            "At least 90 % of the people of each town are served within the circle",
        ),
        (
            "count",
            {"kinds": ["clinic", "station"], "counts": "new", "at_most": 5},
            "全区新开的村卫生室、社区卫生服务站不多于 5 个",
            "The newly opened sites of the district (village clinic, community station) number at most 5",
        ),
        (
            "rate",
            {"resource": "township_beds", "per": 1000, "at_least": 0.6, "at_most": 1.2, "denominator": "unstated"},
            "每 1,000 人的镇卫生院床位0.6 至 1.2（人口：未写明的人口口径）",
            "Beds of township hospitals per 1,000 people: 0.6 to 1.2 (people counted: people, of a kind not stated)",
        ),
        (
            "posting",
            {"to": ["township_hospital"], "sent_by": "lead_hospital", "rank": "attending", "months": 6},
            "牵头医院派驻街镇卫生院，每个机构不少于 1 人，主治（主管）以上，每期不少于 6 个月",
            "At least 1 persons are posted from the lead hospital to township hospital, for each site, "
            "of rank attending physician or above, for 6 months or more",
        ),
        (
            "rounds",
            {"times": 2, "half_days": 1, "below_people": 800},
            "到每个村巡诊，每周不少于 2 次（圈内没有任何服务点的村），每次不少于 1 个半天，只计不足 800 人的村",
            "Rounds come to each village at least 2 times a week (villages without any site within the circle), "
            "of 1 half-days or more, counting villages of fewer than 800 people",
        ),
        (
            "rounds",
            {"times": 1, "where": "without_own", "from_people": 1000},
            "到每个村巡诊，每周不少于 1 次（本村没有村卫生室的村），只计 1,000 人以上的村",
            "Rounds come to each village at least 1 times a week (villages without village clinic of their own), "
            "counting villages of 1,000 people or more",
        ),
        (
            "rounds",
            {"times": 1, "per": "month", "where": "listed", "listed": ["P1", "P2"]},
            "到每个村巡诊，每月不少于 1 次（名单上的村：P1、P2）",
            "Rounds come to each village at least 1 times a month (villages of a list: P1, P2)",
        ),
        (
            "rounds",
            {"to": "town", "times": 1, "per": "month"},
            "到每个街镇巡诊，每月不少于 1 次",
            "Rounds come to each town at least 1 times a month",
        ),
        (
            "reach",
            {"share": 1.0, "scope": "place", "or_by": ["village_rounds"]},
            "每个村和社区至少 100 % 的人在圈内有服务，或由下列方式上门服务：village_rounds",
            "At least 100 % of the people of each place are served within the circle, or is visited in one of these "
            "ways: village_rounds",
        ),
        (
            "function",
            {"functions": ["imaging"], "kinds": ["township_hospital"], "share": 0.5, "scope": "consortium"},
            "每个医共体的街镇卫生院中不少于 50 %具备：医学影像",
            "Of the sites (township hospital) of each consortium, at least 50 % have: imaging",
        ),
        (
            "function",
            {"functions": ["gp_department"], "kinds": ["hospital"], "share": 1.0, "types": ["general"]},
            "全区的医院中不少于 100 %具备：全科医学科，医院只计综合医院",
            "Of the sites (hospital) of the district, at least 100 % have: a department of general practice, of "
            "hospitals only these counted: general",
        ),
        (
            "consortium_size",
            {"of": "people", "at_least": 200_000, "at_most": 500_000},
            "每个医共体的常住人口（各处归本街镇最近的卫生院或中心）：200,000 至 500,000",
            "People of each consortium (each place belongs to the nearest hub of its town): 200,000 to 500,000",
        ),
        (
            "membership",
            {"kinds": ["township_hospital"]},
            "至少 100 % 的街镇卫生院加入医共体",
            "At least 100 % of the sites (township hospital) belong to a consortium",
        ),
        (
            "keep",
            {"sites": ["station-1"]},
            "保持开放：station-1",
            "These stay open: station-1",
        ),
    ],
)
def test_a_rule_is_said_in_both_languages_with_its_numbers(name: str, numbers: Any, zh: str, en: str) -> None:
    assert [sentence(rule(name, **numbers), language) for language in LANGUAGES] == [zh, en]


@pytest.mark.parametrize("key", [f"rule_{name}" for name in RULES] + [f"goal_{name}" for name in GOALS])
def test_every_rule_and_goal_has_its_sentence(key: str) -> None:
    assert f"card.{key}" in catalogue()


def test_every_rule_of_every_policy_file_can_be_said(tiny: Tiny) -> None:
    names = ", ".join(f'"{name}"' for name in ("baodi", "dongli", "jinnan", "nankai", "tianjin", "standards"))
    tiny.edit("tiny.toml", "draws = 3", f"policies = [{names}]\ndraws = 3")
    model = read_model(tiny.model)
    assert len(model.rules) > 60
    for one in model.rules.values():
        chinese, english = (sentence(one, language) for language in LANGUAGES)
        assert not re.search(r"[a-z]{3}_[a-z]", english), "a code is no word"
        assert not re.search(r"[a-z]{4}", chinese.replace("station", "").replace("clinic", "")), chinese
    assert card(model).count("\n### ") > 60


def test_the_card_says_who_is_posted_who_goes_to_villages_and_where_that_is_from(tiny: Tiny) -> None:
    model = read_model(with_postings(tiny).model)
    page = card(model)
    assert "每期 6 或 12 个月；驻点每人每月 2,000 元" in page
    assert "A tour lasts 6 or 12 months; a month costs 2,000 yuan for each person" in page
    assert "the first plan year begins with those who are away already (tours.csv)" in page
    assert "sends as a tertiary hospital" in section(page, "city: 市里的医院 · a hospital of the city")
    medicine = section(page, "medicine")
    assert "hospital-1：内科，主治（主管）以上；每家最多同时外派 3 人；每周在基层 5 天；属于本院doctors" in medicine
    assert "hospital-1: internal medicine, of rank attending physician or above; at most 3 away at once" in medicine
    assert "来源 · source: made up\n- 依据 · basis: 假定 · assumed" in medicine
    # (All the year round goes unsaid, and so does staff that nobody asks for.)
    assert "months:" not in medicine
    assert "among" not in section(page, "city_nursing")
    rounds = section(page, "village_rounds: 村级巡诊 · village rounds")
    assert "街镇卫生院到每个村巡诊，每周 2 次，每次 1 个半天；由巡诊队承担，每队（人）每周最多外出 8 个半天" in rounds
    assert "rounds from a township hospital to each village, 2 times a week, 1 half-day(s) each" in rounds
    assert "nobody is out at these times: fri pm" in rounds
    assert "staff of a township hospital posted in each village, 5 times a week" in section(page, "village_posts:")
    for table in ("postings", "supporters.city", "pools.medicine", "outreach.village_posts"):
        assert f"- {table}: 假定 · assumed" in page


def test_the_card_says_what_a_pool_and_a_round_have_beside_the_usual(tiny: Tiny) -> None:
    with_postings(tiny)
    tiny.edit("tiny.toml", "away = 3", "away = 3\ntours = 4\nmonths = [3, 4, 5, 6, 7, 8]")
    tiny.edit("tiny.toml", "half_days_each = 8", "half_days_each = 8\napart = 2\nday_minutes = 90\nper_visit = 60")
    page = card(read_model(tiny.model))
    assert "at most 4 tours begin in a year from each; only in these months: 3, 4, 5, 6, 7, 8" in section(
        page, "medicine"
    )
    rounds = section(page, "village_rounds:")
    assert "at most 90 min on the road in a day; two visits to the same at least 2 days apart" in rounds
    assert "60 yuan a visit, 0 yuan for an hour on the road" in rounds
    assert "yuan" not in section(page, "village_posts:")


def test_the_card_says_who_joins_whose_consortium_and_who_may_have_what(hubs_tiny: Tiny) -> None:
    hubs_tiny.edit("tiny.toml", 'leads = ["hospital-1"]', 'leads = ["hospital-1"]\njoining = ["hub-3"]')
    model = read_model(hubs_tiny.model)
    page = card(model)
    for words in (
        "能牵头的医院：2 级以上，综合医院、中医医院，公立 或 社会办非营利；指定牵头：hospital-1；可以牵头：hospital-2",
        "a lead is a hospital of level 2 or above (general, Chinese medicine), public or private, non-profit",
        "privately run, and join: hub-3; at most 60 min to the lead, by car; members adjoin the lead's town",
        "每个一次 100,000 元，每年 20,000 元",
        "of hospitals only these counted: general",
        "只是预留，不另花钱、不另招人",
    ):
        assert words in page, words
    rows = {row.split(":")[0].strip("| "): row for row in page.splitlines() if row.startswith("| ")}
    assert set(model.functions) <= rows.keys()
    for name, words in (
        ("imaging", "接入本医共体的中心就有；一家中心最多接入 4 家"),
        ("imaging", "30,000 yuan once and 5,000 yuan a year for each that is linked"),
        ("laboratory", "at most 40 min to the centre, by car"),
        ("chest_pain_unit", "needs imaging centre for 1 year(s) before; at least 1 nurses"),
        ("chest_pain_unit", "先要有影像中心满 1 年；至少有护士 1"),
        ("gp_department", "hospitals of these types only: general"),
        ("expert", "wherever an expert of"),
    ):
        assert words in rows[name], rows[name]
    for table in ("consortia", *(f"functions.{name}" for name in model.functions)):
        assert f"- {table}: 假定 · assumed" in page
    hubs_tiny.edit("tiny.toml", "needs = { imaging = 1 }", "needs = { imaging = 0 }\nbrings = { nurses = 3 }")
    assert "needs imaging centre (the same year will do)" in card(read_model(hubs_tiny.model))
    assert "up to 3 nurses, and none without it" in card(read_model(hubs_tiny.model))


def test_a_text_that_is_markdown_stands_as_it_was_written(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", 'source = "made up, page 1"', "source = '**bold** | [x](y) <b> `code`\\n$1'")
    page = card(read_model(tiny.model))
    assert r"\*\*bold\*\* \| \[x\](y) \<b\> \`code\`\\n\$1" in page


def test_the_command_prints_the_card_or_writes_it(tiny: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "tiny.md"
    printed = call_allocate(tmp_path, "card", tiny.model)
    written = call_allocate(tmp_path, "card", tiny.model, "--out", file)
    assert (printed.returncode, written.returncode) == (0, 0), printed.stderr + written.stderr
    wanted = card(read_model(tiny.model))
    assert file.read_text(encoding="utf-8") == wanted
    assert printed.stdout.splitlines() == wanted.splitlines()
    refused = call_allocate(tmp_path, "card", tiny.model, "--out", tmp_path / "none" / "tiny.md")
    assert refused.returncode == 2
    assert str(tmp_path / "none" / "tiny.md") in refused.stderr
