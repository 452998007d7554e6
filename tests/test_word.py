"""Documents as Word files: read back with python-docx, as any program would."""

import datetime
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import docx
import pytest
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from PIL import Image
from plan_examples import HOSTILE_TEXTS

from allocate.report.blocks import (
    Block,
    Bullets,
    Contents,
    Document,
    Grid,
    Heading,
    NewPage,
    Paragraph,
    Picture,
)
from allocate.report.word import word


def png(width: int = 400, height: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "#0072b2").save(buffer, "PNG")
    return buffer.getvalue()


GRID = Grid(
    "表1　站点",
    ("名称", "人口"),
    (("柳河镇", "1,234"), ("全区", "34,781")),
    (3, 1),
    frozenset({1}),
    frozenset({1}),
    "单位：人。",
)
PICTURE = Picture("图1　站点分布", png(), "开放机构 9 个。", 0.5)
BLOCKS: tuple[Block, ...] = (
    Heading("摘　要"),
    Paragraph("请审定。"),
    Bullets(("一点", "又一点")),
    NewPage(),
    Contents(),
    Heading("一、现状"),
    Heading("（一）人口", 2),
    Heading("1.分项", 3),
    Paragraph("原文", "quote"),
    Paragraph("注", "note"),
    Paragraph("未满足", "warning"),
    GRID,
    GRID,
    PICTURE,
    NewPage("landscape"),
    Heading("附件1　大表"),
    GRID,
    NewPage(),
    Heading("附件2　小表"),
    Paragraph("完"),
)


def made(*blocks: Block, language: Any = "zh", **changed: Any) -> Document:
    day = datetime.date(2024, 12, 26)
    whole = Document(
        language, "关于示例区的建议方案", "送审稿", "示例区卫生健康委员会", "资料截至2024年12月26日", day, "建议方案",
        blocks or BLOCKS,
    )  # fmt: skip
    return replace(whole, **changed)


def opened(document: Document) -> Any:
    return docx.Document(io.BytesIO(word(document)))


def styled(book: Any, style: str) -> list[str]:
    return [paragraph.text for paragraph in book.paragraphs if paragraph.style.name == style]


def test_headings_are_those_that_word_knows_so_that_they_can_be_gone_to() -> None:
    book = opened(made())
    assert styled(book, "Heading 1") == ["摘　要", "一、现状", "附件1　大表", "附件2　小表"]
    assert (styled(book, "Heading 2"), styled(book, "Heading 3")) == (["（一）人口"], ["1.分项"])
    levels = [
        style.element.pPr.find(qn("w:outlineLvl")).get(qn("w:val"))
        for style in book.styles
        if style.name.startswith("Heading")
    ]
    assert levels == ["0", "1", "2"]


def test_pages_and_letters_are_those_of_the_chinese_standard() -> None:
    book = opened(made())
    page = book.sections[0]
    assert (round(page.page_width.mm), round(page.page_height.mm)) == (210, 297)
    margins = (page.top_margin, page.bottom_margin, page.left_margin, page.right_margin)
    assert [round(margin.mm) for margin in margins] == [37, 35, 28, 26]

    def font(name: str) -> tuple[str, float]:
        style = book.styles[name]
        return style.element.rPr.rFonts.get(qn("w:eastAsia")), style.font.size.pt

    assert font("Normal") == ("仿宋_GB2312", 16)
    assert font("Title") == ("方正小标宋简体", 22)
    assert font("Heading 1") == ("黑体", 16)
    assert font("Heading 2") == ("楷体_GB2312", 16)
    assert font("Heading 3") == ("仿宋_GB2312", 16)
    assert book.styles["Heading 3"].font.bold
    body = book.styles["Normal"]
    assert body.paragraph_format.line_spacing == Pt(28)
    assert body.element.pPr.ind.get(qn("w:firstLineChars")) == "200"


def test_an_english_document_is_set_as_letters_are_set_there() -> None:
    book = opened(made(Heading("1  Today"), Paragraph("Nobody knows."), language="en"))
    assert book.styles["Normal"].font.name == "Times New Roman"
    assert book.styles["Normal"].font.size == Pt(11)
    assert book.styles["Heading 1"].font.name == "Arial"
    assert book.styles["Normal"].element.pPr.ind.get(qn("w:firstLineChars")) is None
    assert book.core_properties.language == "en-GB"
    lang = book.styles.element.find(f".//{qn('w:lang')}")
    assert (lang.get(qn("w:val")), lang.get(qn("w:eastAsia"))) == ("en-GB", "zh-CN")


def test_what_computers_lack_has_a_font_that_stands_in() -> None:
    with zipfile.ZipFile(io.BytesIO(word(made()))) as parts:
        fonts = parts.read("word/fontTable.xml").decode()
        names = parts.namelist()
    for name, other in (("方正小标宋简体", "宋体"), ("仿宋_GB2312", "仿宋"), ("楷体_GB2312", "楷体")):
        assert f'<w:font w:name="{name}"><w:altName w:val="{other}"/>' in fonts
    assert not [name for name in names if "thumbnail" in name or "customXml" in name]


def test_the_properties_are_those_of_the_document_and_its_day() -> None:
    about = opened(made()).core_properties
    assert (about.title, about.author, about.language) == ("关于示例区的建议方案", "allocate", "zh-CN")
    day = datetime.datetime(2024, 12, 26, tzinfo=datetime.UTC)
    assert [moment.replace(tzinfo=datetime.UTC) for moment in (about.created, about.modified)] == [day, day]


def test_the_first_page_begins_with_the_title_and_who_puts_it_forward() -> None:
    book = opened(made())
    first = [(paragraph.style.name, paragraph.text) for paragraph in book.paragraphs[:3]]
    assert first == [
        ("Title", "关于示例区的建议方案"),
        ("Subtitle", "送审稿"),
        ("Subtitle", "示例区卫生健康委员会　资料截至2024年12月26日"),
    ]


def title_size(title: str) -> float:
    return opened(made(title=title)).paragraphs[0].runs[0].font.size.pt


def test_a_title_is_as_large_as_one_line_holds_it() -> None:
    assert title_size("关于示例区的建议方案") == 22
    assert 18 < title_size("关于示例区" + "很" * 12 + "长的方案") < 22
    assert title_size("长" * 300) == 18


def test_every_page_has_its_number_at_its_outer_edge() -> None:
    book = opened(made())
    assert book.settings.odd_and_even_pages_header_footer
    for footer, align in ((book.sections[0].footer, "right"), (book.sections[0].even_page_footer, "left")):
        (line,) = footer.paragraphs
        assert line.text.replace("\u3000", "") in ("建议方案—  —", "—  —建议方案")
        assert [field.get(qn("w:instr")) for field in line._p.iter(qn("w:fldSimple"))] == [" PAGE "]
        assert line._p.pPr.jc.get(qn("w:val")) == align
    assert all(section.footer.is_linked_to_previous for section in list(book.sections)[1:])


def test_broad_pages_begin_and_end_where_the_document_says() -> None:
    book = opened(made())
    turns = [section.orientation for section in book.sections]
    assert turns == [WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT]
    assert book.sections[1].page_width == book.sections[0].page_height
    room = book.sections[1].page_width - book.sections[1].left_margin - book.sections[1].right_margin
    assert sum(column.width for column in book.tables[2].columns) == pytest.approx(room, rel=0.01)


def test_a_new_page_that_lies_the_same_way_is_begun_by_its_first_paragraph() -> None:
    book = opened(made(Paragraph("一"), NewPage(), GRID, NewPage(), Heading("二")))
    broken = [paragraph.text for paragraph in book.paragraphs if paragraph.paragraph_format.page_break_before]
    assert broken == [GRID.caption, "二"]
    assert len(book.sections) == 1


def rows_of(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_a_table_repeats_its_heading_row_and_keeps_its_rows_whole() -> None:
    table = opened(made()).tables[0]
    assert rows_of(table) == [["名称", "人口"], ["柳河镇", "1,234"], ["全区", "34,781"]]
    marks = [[child.tag.split("}")[1] for child in row._tr.trPr] for row in table.rows]
    assert marks == [["cantSplit", "tblHeader"], ["cantSplit"], ["cantSplit"]]


def test_figures_stand_to_the_right_and_sums_are_bold() -> None:
    table = opened(made()).tables[0]
    styles = [[cell.paragraphs[0].style.name for cell in row.cells] for row in table.rows]
    assert styles == [["Cell Head"] * 2, ["Cell", "Cell Figure"], ["Cell", "Cell Figure"]]
    assert [bool(row.cells[0].paragraphs[0].runs[0].bold) for row in table.rows] == [False, False, True]


def test_a_table_stands_between_its_caption_and_its_note_and_never_beside_another() -> None:
    book = opened(made(GRID, replace(GRID, note=""), GRID))
    tags = [(child.tag.split("}")[1], child) for child in book.element.body]
    for at, (tag, child) in enumerate(tags):
        if tag == "tbl":
            assert (tags[at - 1][0], tags[at + 1][0]) == ("p", "p")
            assert child.tblPr.find(qn("w:tblCaption")).get(qn("w:val")) == GRID.caption
    assert styled(book, "Caption") == [GRID.caption] * 3
    assert styled(book, "Note") == [GRID.note] * 2


def test_a_row_higher_than_a_page_may_break() -> None:
    long = replace(GRID, rows=(("长" * 40_000, "1"), ("短", "2")))
    rows = opened(made(long)).tables[0].rows
    assert [row._tr.trPr is not None and len(row._tr.trPr) for row in rows] == [2, 0, 1]
    assert rows[1].cells[0].text == "长" * 40_000


def letters(count: int) -> float:
    columns = tuple(f"第{at}列名" for at in range(count))
    grid = Grid("表", columns, (tuple("很好很好很" for _ in columns),), (1.0,) * count)
    return opened(made(grid)).tables[0].rows[1].cells[0].paragraphs[0].runs[0].font.size.pt


def test_a_table_with_many_columns_has_smaller_letters() -> None:
    sizes = [letters(count) for count in (3, 8, 20)]
    assert sizes[0] == 10.5
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 7.5


def test_a_picture_says_what_it_shows_and_fits_on_its_page() -> None:
    book = opened(made(PICTURE, replace(PICTURE, png=png(200, 4000), share=1.0)))
    broad, high = book.inline_shapes
    about = broad._inline.docPr
    assert (about.get("descr"), about.get("title")) == (PICTURE.alternative, PICTURE.caption)
    assert broad.width == pytest.approx(Mm(156) * 0.5, rel=0.01)
    assert broad.height == pytest.approx(broad.width / 2, rel=0.01)
    assert high.height <= Mm(151)
    assert styled(book, "Picture Caption") == [PICTURE.caption] * 2


def test_the_contents_link_to_every_heading_and_ask_nothing_on_opening() -> None:
    made_bytes = word(made())
    book = docx.Document(io.BytesIO(made_bytes))
    marks = {
        mark.get(qn("w:name")): "".join(text.text for text in mark.getparent().iter(qn("w:t")))
        for mark in book.element.body.iter(qn("w:bookmarkStart"))
    }
    links = list(book.element.body.iter(qn("w:hyperlink")))
    said = ["".join(text.text for text in link.iter(qn("w:t"))) for link in links]
    assert said == styled(book, "Heading 1")
    assert [marks[link.get(qn("w:anchor"))] for link in links] == said
    kinds = [mark.get(qn("w:fldCharType")) for mark in book.element.body.iter(qn("w:fldChar"))]
    assert kinds == ["begin", "separate", "end"]
    with zipfile.ZipFile(io.BytesIO(made_bytes)) as parts:
        assert b"updateFields" not in parts.read("word/settings.xml")


def test_a_document_without_headings_has_empty_contents() -> None:
    assert styled(opened(made(Contents(), Paragraph("一"))), "TOC Heading") == ["目　录"]


def test_the_same_document_gives_the_same_bytes_without_a_time_of_day() -> None:
    first = word(made())
    assert first == word(made())
    with zipfile.ZipFile(io.BytesIO(first)) as parts:
        assert {member.date_time for member in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_a_hostile_text_is_text_wherever_it_stands(text: str) -> None:
    grid = Grid(text, (text, "数"), ((text, "1"),), (2, 1), frozenset({1}), note=text)
    whole: Sequence[Block] = (
        Heading(text), Paragraph(text), Bullets((text,)), grid, Picture(text, png(), text), Contents(),
    )  # fmt: skip
    book = opened(made(*whole, title=text, subtitle=text, issuer=text, footer=text))
    shown = text.replace("\x00", "␀").replace("\ud83d", "\ufffd").replace("\u2028", "\u2028")
    assert [found.replace("\r", "") for found in styled(book, "Heading 1")] == [shown]
    assert book.tables[0].rows[1].cells[0].text == shown
    assert shown in styled(book, "Normal")
    assert styled(book, "List Bullet") == [shown]
