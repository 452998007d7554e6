"""The recommendation document of a plan: its parts, its figures, and what it must never hide."""

import copy
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
from conftest import call_allocate
from docx.oxml.ns import qn
from libreoffice import Office
from plan_examples import HOSTILE_TEXTS
from test_word import png, rows_of, styled

from allocate.errors import UsageError
from allocate.outputs import check_target, export, report, write_plan
from allocate.plans import Plan
from allocate.report.blocks import Bullets, Grid, Heading, Paragraph, Picture
from allocate.report.drafting import LONGEST
from allocate.report.recommendation import recommendation
from allocate.report.sheets import sheets
from allocate.report.summary import percent
from allocate.report.word import word
from allocate.words import say_in

PARTS = (
    *(
        "编制依据",
        "现状",
        "目标",
        "分年度方案",
        "布点",
        "人员和床位",
        "专家派驻",
        "巡诊和驻村",
        "医共体、共享中心和功能",
    ),
    *("养老机构签约、转诊预留和接诊能力", "费用", "未满足的条款、原因和补救", "方案有多可靠", "风险和假定"),
)
NUMERALS = "一二三四五六七八九十"


def texts(document: Any) -> Iterator[str]:
    """Yield every text of a document."""
    for block in document.blocks:
        match block:
            case Heading(text) | Paragraph(text):
                yield text
            case Bullets(items):
                yield from items
            case Grid():
                yield from (block.caption, *block.heads, block.note)
                yield from (cell for row in block.rows for cell in row)
            case Picture():
                yield from (block.caption, block.alternative)


def titled(document: Any, title: str) -> Grid:
    """Return the table whose caption ends so."""
    found = [block for block in document.blocks if isinstance(block, Grid) and block.caption.endswith(title)]
    assert found, [block.caption for block in document.blocks if isinstance(block, Grid)]
    return found[0]


def figures(grid: Grid) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in grid.rows}


@pytest.fixture(scope="module")
def rich(hubs_plan: Plan) -> Any:
    return recommendation(hubs_plan.content, "zh")


def test_the_parts_stand_in_order_and_are_counted_through(rich: Any) -> None:
    book = docx.Document(io.BytesIO(word(rich)))
    heads = styled(book, "Heading 1")
    assert heads[0] == "摘　要"
    numbered = [
        f"{number}、{part}" for number, part in zip([*NUMERALS, "十一", "十二", "十三", "十四"], PARTS, strict=True)
    ]
    assert heads[1 : 1 + len(PARTS)] == numbered
    annexes = heads[1 + len(PARTS) :]
    assert [head.split("　")[0] for head in annexes] == [f"附件{number}" for number in range(1, len(annexes) + 1)]
    assert {head.split("　")[1] for head in annexes} >= {"全部条款对照", "全部站点", "站点说明", "派驻月历", "巡诊日程"}


def test_tables_are_counted_through(rich: Any) -> None:
    numbers = [
        re.match(r"表(\d+)　", block.caption)[1]  # type: ignore[index]
        for block in rich.blocks
        if isinstance(block, Grid)
    ]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    for block in rich.blocks:
        if isinstance(block, Grid):
            assert all(len(row) == len(block.heads) == len(block.widths) for row in block.rows)


def test_what_a_plan_does_not_decide_has_no_part(tiny_plan: Plan) -> None:
    document = recommendation(tiny_plan.content, "zh")
    heads = [block.text for block in document.blocks if isinstance(block, Heading) and block.level == 1]
    numbered = [head.split("、", 1)[1] for head in heads if "、" in head]
    assert numbered == [part for part in PARTS if part not in PARTS[5:10]]
    assert [head.split("、")[0] for head in heads[1:10]] == list(NUMERALS[:9])
    everything = "\n".join(texts(document))
    for absent in ("派驻月历", "巡诊日程", "医共体成员", "转诊预留"):
        assert absent not in everything


def test_the_figures_of_the_years_are_those_of_the_sheets(rich: Any, hubs_plan: Plan) -> None:
    years = list(sheets(hubs_plan.content, "zh")["years"].records())
    shown, main = figures(titled(rich, "各年的人口和站点")), figures(titled(rich, "主要数据（费用单位：万元）"))
    for at, year in enumerate(years):
        for name, head in (("people", "人口"), ("served", "有服务"), ("rounds", "巡诊"), ("open_clinic", "村卫生室")):
            assert shown[head][at] == f"{year[name]:,}"
        assert shown["服务占比"][at] == main["服务占比"][at] == f"{percent(year['served'], year['people'])}%"  # type: ignore[arg-type]
        assert main["人口"][at] == f"{year['people']:,}"
        assert main["村卫生室和服务站"][at] == str(int(year["open_clinic"]) + int(year["open_station"]))  # type: ignore[arg-type]


def test_the_money_is_that_of_the_sheets(rich: Any, hubs_plan: Plan) -> None:
    budget = list(sheets(hubs_plan.content, "zh")["budget"].records())
    shown = figures(titled(rich, "各年费用（单位：万元）"))
    assert shown["代表年数"] == (*(str(row["calendar_years"]) for row in budget), "")

    def parts(name: str) -> list[str]:
        return [f"{float(row[name]) / 10_000:,.1f}" for row in budget]  # type: ignore[arg-type]

    for name, head in (("opening", "一次性：开办站点"), ("pay", "每年：人员和床位"), ("recurrent", "每年合计")):
        assert list(shown[head][:-1]) == parts(name)
    total = sum(int(row["total"]) for row in budget)  # type: ignore[arg-type]
    assert shown["合计（每年费用乘以代表年数）"][-1] == f"{total / 10_000:,.1f}"
    once, yearly = (float(shown[head][-1].replace(",", "")) for head in ("一次性合计", "每年合计"))
    assert once + yearly == pytest.approx(total / 10_000, abs=0.2)
    assert f"费用合计{total / 10_000:,.1f}万元" in "".join(texts(rich))


def test_every_town_stands_in_the_siting_table_with_its_sites_of_every_year(rich: Any, hubs_plan: Plan) -> None:
    content = hubs_plan.content
    grid = titled(rich, "各街镇设站数和服务占比")
    shown = figures(grid)
    assert set(shown) == {"全区", *(town["name"] for town in content["district_data"]["towns"])}
    assert grid.strong == {0}
    sited = {row["town"]: [] for row in sheets(content, "zh")["towns"].records()}
    for row in sheets(content, "zh")["towns"].records():
        sited[row["town"]].append(str(row["sited"]))
    years = len(content["years"])
    for town, cells in shown.items():
        assert list(cells[2 : 2 + years]) == sited[town]
    # (Two are listed: an old clinic and an old station.)
    assert shown["全区"][1] == "2"


def test_what_nobody_knows_reads_unknown_and_never_nought(hubs_plan: Plan) -> None:
    content = copy.deepcopy(hubs_plan.content)
    content["today"] = []
    content["district_data"]["institutions"] = [
        one for one in content["district_data"]["institutions"] if one["kind"] not in ("clinic", "station")
    ]
    for row in content["stock"]:
        if row["resource"] == "nurses":
            row["number"] = None
    document = recommendation(content, "zh")
    assert {row[2] for row in titled(document, "各街镇设站数和服务占比").rows} == {"未知"}
    staff = figures(titled(document, "人员、床位和团队"))
    assert staff["护士"][0] == "未知"
    assert staff["床位"][0] == "70（假定）"
    # (Assumed to be none is not known either.)
    assert staff["vans"][0] == "未知"
    everything = "".join(texts(document))
    assert "现有村卫生室、社区卫生服务站没有名单，现状未知" in everything
    assert "现有村卫生室和服务站未知，全部按新设计算" in everything


def test_every_clause_that_is_missed_is_listed_with_its_shortfall_and_its_causes(rich: Any, hubs_plan: Plan) -> None:
    missed = [row for row in hubs_plan.content["scorecard"] if row["status"] == "missed"]
    assert missed
    grid = titled(rich, "未满足的要求")
    assert [row[2] for row in grid.rows] == [str(row["year"]) for row in missed]
    # None of them cites a clause: they are the model's own, and codes of rules are nothing for leaders.
    assert {row[0] for row in grid.rows} == {"模型自定"}
    assert grid.rows[0][-1] == "95人"
    everything = "".join(texts(rich))
    assert "苇荡区（95）" in everything
    assert f"可以判断的64项要求中{len(missed)}项未满足" in everything


def test_where_all_are_met_it_says_so(hubs_plan: Plan) -> None:
    content = copy.deepcopy(hubs_plan.content)
    content["scorecard"] = [row for row in content["scorecard"] if row["status"] != "missed"]
    everything = "".join(texts(recommendation(content, "zh")))
    assert "可以判断的57项要求（每条每年一项）全部满足，没有未满足的。" in everything
    assert "未满足的要求" not in everything


def test_a_share_that_is_nearly_all_is_not_shown_as_all(hubs_plan: Plan) -> None:
    content = copy.deepcopy(hubs_plan.content)
    for row in content["ledger"]:
        if row["scope"] == "district":
            row |= {
                "people": 1_000_000,
                "served": 999_999,
                "out_of_range": 1,
                "rounds": 0,
                "posted": 0,
                "no_capacity": 0,
            }
    document = recommendation(content, "zh")
    assert set(figures(titled(document, "主要数据（费用单位：万元）"))["服务占比"]) == {"99.9%"}


def test_a_rate_that_falls_short_is_never_rounded_up_to_its_target(hubs_plan: Plan) -> None:
    content = copy.deepcopy(hubs_plan.content)
    row = next(row for row in content["scorecard"] if row["rule"] == "nurses_per_thousand")
    row |= {"status": "missed", "target": 1, "value": 0.999996}
    line = next(
        line for line in titled(recommendation(content, "zh"), "未满足的要求").rows if line[4].endswith("（每千人）")
    )
    assert line[4] == "0.999996（每千人）"


def test_documents_stand_with_their_status_and_their_words(hubs_plan: Plan) -> None:
    content = copy.deepcopy(hubs_plan.content)
    text = {"zh": "示例办法（征求意见稿）", "en": "Example measures (draft)"}
    document = {"id": "EX", "title": text, "issuer": text, "status": "draft", "as_of": "2024-06-30", "regime": "city"}
    clause = {"id": "EX-1", "at": "二（一）", "is": "rule", "rule": {}}
    content["settings"]["documents"] = {"example": {"document": document, "clauses": [clause]}}
    row = next(row for row in content["scorecard"] if row["status"] == "met")
    row |= {"clause": "EX-1", "at": "二（一）", "document_name": text, "quote": "七成居民有服务"}
    made = recommendation(content, "zh")
    everything = "".join(texts(made))
    assert "其中《示例办法（征求意见稿）》为征求意见稿，不是正式文件" in everything
    assert titled(made, "依据的文件").rows == (
        ("示例办法（征求意见稿）", "示例办法（征求意见稿）", "征求意见稿", "2024-06-30", "1", "0"),
    )
    line = titled(made, "示例办法（征求意见稿）：要求和目标").rows[0]
    assert line[:2] == ("EX-1\n二（一）", "“七成居民有服务”")


def test_the_english_document_speaks_english(hubs_plan: Plan) -> None:
    document = recommendation(hubs_plan.content, "en")
    heads = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert heads[:3] == ["Summary", "1  What the plan rests on", "2  Today"]
    assert "9.1  Consortia" in heads
    assert [head for head in heads if re.search(r"[\u4e00-\u9fff]", head)] == []
    assert document.date == "As of 26 Dec 2024"
    main = titled(document, "Main figures (money in million yuan)")
    total = sum(row["total"] for row in hubs_plan.content["budget"]) / 1e6
    assert main.heads == ("item", "2025", "2027", "2030")
    assert f"All years cost {total:,.2f} million yuan." in "".join(texts(document))


def test_maps_stand_where_sites_do_and_say_what_they_show(hubs_plan: Plan) -> None:
    asked: list[tuple[int, str]] = []

    def drawn(year: int, what: str) -> tuple[bytes, str]:
        asked.append((year, what))
        return png(), f"{year} {what}"

    document = recommendation(hubs_plan.content, "zh", pictures=drawn)
    book = docx.Document(io.BytesIO(word(document)))
    assert asked == [(2030, "sites"), (2025, "coverage"), (2030, "coverage")]
    said = [shape._inline.docPr.get("descr") for shape in book.inline_shapes]
    assert said == ["2030 sites", "2025 coverage", "2030 coverage"]
    assert [block.caption for block in document.blocks if isinstance(block, Picture)] == [
        "图1　2030年站点分布", "图2　2025年各街镇服务占比", "图3　2030年各街镇服务占比",
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_a_hostile_name_is_shown_and_turns_no_figure_round(hubs_plan: Plan, text: str) -> None:
    content = copy.deepcopy(hubs_plan.content)
    content["title"] = {"zh": text, "en": text}
    content["district_data"]["name"] = {"zh": text, "en": text}
    content["district_data"]["towns"][0]["name"] = text
    for site in content["sites"][:6]:
        site["name"] = text
    document = recommendation(content, "zh")
    everything = "\n".join(texts(document))
    assert not re.search("[\x00\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", everything)
    assert max(map(len, texts(document))) < 20 * LONGEST
    start = text[:8].replace("\u202e", "\\u202e").replace("\u2028", "\\u2028")
    assert start in everything
    assert docx.Document(io.BytesIO(word(document))).tables


def test_the_same_plan_gives_the_same_bytes(hubs_plan: Plan) -> None:
    assert report(hubs_plan.content, "zh") == report(copy.deepcopy(hubs_plan.content), "zh")


def test_a_plan_is_written_with_its_document(tiny_plan: Plan, tmp_path: Path) -> None:
    files = write_plan(tiny_plan, tmp_path / "plan")
    book = docx.Document(str(files["report.docx"]))
    assert book.paragraphs[0].text == f"关于{tiny_plan.content['title']['zh'].removesuffix('方案')}的建议方案"
    assert len(book.inline_shapes) == 3
    assert all("示例区" in shape._inline.docPr.get("descr") for shape in book.inline_shapes)


def test_every_table_of_the_document_in_the_file_is_one_of_its_blocks(rich: Any) -> None:
    book = docx.Document(io.BytesIO(word(rich)))
    grids = [block for block in rich.blocks if isinstance(block, Grid)]
    assert [rows_of(table) for table in book.tables] == [[list(grid.heads), *map(list, grid.rows)] for grid in grids]
    heads = [table.rows[0]._tr.trPr.find(qn("w:tblHeader")) for table in book.tables]
    assert None not in heads


@pytest.mark.parametrize("lock", ["~$report.docx", "~$port.docx", ".~lock.report.docx#"])
def test_a_document_that_is_open_elsewhere_leaves_the_plan_untouched(
    tiny_plan: Plan, tmp_path: Path, lock: str
) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    before = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    (folder / lock).write_bytes(b"")
    for refused in (
        lambda: check_target(folder),
        lambda: write_plan(tiny_plan, folder),
        lambda: export(tiny_plan.content, "docx", folder / "report.docx", "zh"),
    ):
        with pytest.raises(UsageError, match=re.escape(say_in("zh", "problem.out_in_use")[:4])) as told:
            refused()
        assert "report.docx" in str(told.value)
    (folder / lock).unlink()
    assert {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_a_document_is_exported_in_the_language_asked_for(tiny_plan: Plan, tmp_path: Path) -> None:
    write_plan(tiny_plan, tmp_path / "plan")
    done = call_allocate(
        tmp_path, "export", "plan", "--to", "docx", "--language", "en", "--out", tmp_path / "for decision.docx"
    )
    assert (done.returncode, done.stderr) == (0, "")
    book = docx.Document(str(tmp_path / "for decision.docx"))
    assert book.paragraphs[0].text.startswith("Recommendation: ")


@pytest.mark.office
@pytest.mark.parametrize("language", ["zh", "en"])
def test_libreoffice_opens_it_and_shows_every_part(
    hubs_plan: Plan, office: Office, language: Any, tmp_path_factory: Callable[..., Any]
) -> None:
    file = office.home / f"{language}.docx"
    file.write_bytes(report(hubs_plan.content, language))
    (printed,) = office.convert(file, "pdf").iterdir()
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed.read_bytes()))
    assert 20 < pages < 60
    (written,) = office.convert(file, "txt:Text (encoded):UTF8").iterdir()
    text = written.read_text(encoding="utf-8-sig")
    for block in recommendation(hubs_plan.content, language).blocks:
        if isinstance(block, Heading):
            assert block.text.split("\n")[0] in text
