"""The recommendation document as PDF: all of it can be read, found and printed, and no text in it is obeyed."""

import io
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from plan_examples import HOSTILE_TEXTS
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject

from allocate.errors import UsageError
from allocate.outputs import EXPORTS, export, write_plan
from allocate.plans import Plan
from allocate.report import pdf as pdf_module
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
from allocate.report.pdf import pdf
from allocate.report.pdf_sizes import Room, fit, in_parts
from allocate.report.recommendation import recommendation
from allocate.report.table import clean
from allocate.words import LANGUAGES, Language, speaking

CANARY = "1337"  # 7 * 191: whoever works that out has obeyed a text
TYPST_TEXTS = (
    "#{7*191}",
    "#panic(7)",
    '#read("/etc/passwd") #include "document.typ" #import "@preview/x:0.1.0": *',
    "$7*191$ *bold* _slanted_ `raw` @label <label> = heading",
    "- point\n+ point\n/ term: point",
    "// remark /* remark */ \\ \\u{41} ~ --- -- ... \"straight\" 'quotes' [content] {code}",
    "https://example.invalid/x",
)


def picture_of(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def document(language: Language, *blocks: Block) -> Document:
    texts = {
        "zh": ("示例区建议方案", "（2025—2035年）", "示例区卫生健康委员会", "2024年12月26日", "示例区页脚"),
        "en": (
            "Recommendation for Example",
            "2025 to 2035",
            "Example Commission",
            "26 December 2024",
            "Foot of Example",
        ),
    }
    title, subtitle, issuer, day, foot = texts[language]
    return Document(
        language=language, title=title, subtitle=subtitle, issuer=issuer, date=day, day=date(2024, 12, 26), footer=foot,
        blocks=blocks,
    )  # fmt: skip


def table(rows: int) -> Grid:
    return Grid(
        caption="表1 各街镇的站点（个）",
        heads=("街镇", "今年", "2030年"),
        rows=tuple((f"第{number}镇", "未知", f"{number * 1_001:,}") for number in range(rows)),
        widths=(3, 1, 2),
        numbers=frozenset({1, 2}),
        strong=frozenset({rows - 1}),
        note="注：表下的说明",
    )


def whole(language: Language) -> Document:
    """Return a document with every kind of block."""
    return document(
        language,
        Contents(),
        NewPage(),
        Heading("一、现状"),
        Heading("（一）人口", 2),
        Heading("1. 街镇", 3),
        Paragraph("到2027年，全区设村卫生室149个，服务65.12万人，占96.8%。"),
        Paragraph("位置为推算的画成空心。", "note"),
        Paragraph("每千人口护士4.3人。", "quote"),
        Paragraph("缺主治医师3名。", "warning"),
        Bullets(("甲镇开设两个", "乙镇关闭一个")),
        Picture("图1 布点图", picture_of(300, 200), "图中有149个站点", 0.5),
        NewPage("landscape"),
        Heading("附件 站点表"),
        table(90),
        NewPage(),
        Heading("Annex in English"),
        Paragraph("The office of the district affirms five fine offers."),
    )


def texts_of(blocks: Document) -> Iterator[str]:
    """Yield every text that a reader of a document sees."""
    yield from (blocks.title, blocks.subtitle, blocks.issuer, blocks.date, blocks.footer)
    for block in blocks.blocks:
        match block:
            case Heading(text) | Paragraph(text):
                yield text
            case Bullets(items):
                yield from items
            case Grid():
                yield from (block.caption, *block.heads, *(cell for row in block.rows for cell in row), block.note)
            case Picture():
                yield block.caption


def read(made: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(made), strict=True)


def flat(text: str) -> str:
    """Return a text without what a reader may set otherwise: ends of lines, and blanks."""
    return "".join(text.split())


def pages_of(made: bytes) -> list[str]:
    return [flat(page.extract_text()) for page in read(made).pages]


def pieces_of(made: bytes, page: int) -> list[tuple[str, float, float]]:
    """Return the pieces of text of a page, counted from 0, with where each begins [points]."""
    found: list[tuple[str, float, float]] = []

    def hear(text: str, cm: Any, tm: Any, *_: object) -> None:
        if text.strip():
            found.append((text.strip(), tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]))

    read(made).pages[page].extract_text(visitor_text=hear)
    return found


def objects_of(made: bytes) -> Iterator[DictionaryObject]:
    """Yield every dictionary of a PDF."""
    reader = read(made)
    for number in range(1, len(reader.xref_objStm) + sum(map(len, reader.xref.values())) + 1):
        try:
            held = reader.get_object(IndirectObject(number, 0, reader))
        except Exception:  # (Numbers may be left out.)
            continue
        if isinstance(held, dict):
            yield held


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_every_block_is_in_the_pdf_as_letters(language: Language) -> None:
    made = whole(language)
    held = "".join(pages_of(pdf(made)))
    assert [text for text in texts_of(made) if flat(text) not in held] == []


def test_figures_are_found_as_they_are_written() -> None:
    (page,) = read(
        pdf(document("zh", Paragraph("到2027年服务65.12万人。"), Paragraph("占96.8%（15分钟）", "note")))
    ).pages
    assert "到2027年服务65.12万人。" in page.extract_text()
    assert "占96.8%（15分钟）" in page.extract_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_fonts_are_embedded_and_only_with_the_letters_used(language: Language) -> None:
    made = pdf(whole(language))
    described = [found for found in objects_of(made) if found.get("/Type") == "/FontDescriptor"]
    fonts = [found for found in objects_of(made) if found.get("/Type") == "/Font"]
    assert described
    assert all("/FontFile2" in found or "/FontFile3" in found for found in described)
    assert all(re.match(r"/[A-Z]{6}\+", found["/FontName"]) for found in described)
    assert all("/ToUnicode" in found for found in fonts if found["/Subtype"] == "/Type0")
    assert len(made) < 400_000


def test_the_headings_of_a_table_stand_on_every_page_that_it_runs_over() -> None:
    pages = pages_of(pdf(document("zh", Heading("表"), table(200))))
    with_rows = [page for page in pages if "镇未知" in page]
    assert len(with_rows) > 3
    assert all(page.count("街镇今年2030年") == 1 for page in with_rows)
    assert sum("表1各街镇的站点" in page for page in pages) == 1


def test_a_row_stands_on_one_page() -> None:
    rows = tuple((f"第{number}行首" + "字" * (7 * number % 150) + f"第{number}行尾", "1") for number in range(60))
    pages = pages_of(pdf(document("zh", Grid("表", ("文字", "数"), rows, (2, 1)))))
    assert len(pages) > 4
    for number in range(60):
        first = next(at for at, page in enumerate(pages) if f"第{number}行首" in page)
        assert f"第{number}行尾" in pages[first], number


def test_figures_stand_to_the_right_and_words_to_the_left() -> None:
    rows = (("甲", "7"), ("乙", "7,654,321"))
    pieces = pieces_of(pdf(document("zh", Grid("", ("街镇", "人口"), rows, (1, 1), frozenset({1})))), 0)
    begins = {text: across for text, across, _ in pieces}
    assert begins["甲"] == pytest.approx(begins["乙"], abs=0.1)
    assert begins["7"] > begins["7,654,321"] + 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_bookmarks_are_the_headings_and_the_contents_say_their_pages(language: Language) -> None:
    made = whole(language)
    reader = read(pdf(made))

    def walk(outline: list[Any], level: int) -> Iterator[tuple[str, int, int]]:
        for entry in outline:
            if isinstance(entry, list):
                yield from walk(entry, level + 1)
            else:
                yield entry.title, level, reader.get_destination_page_number(entry)

    marks = list(walk(reader.outline, 1))
    headings = [block for block in made.blocks if isinstance(block, Heading)]
    assert [(text, level) for text, level, _ in marks] == [(block.text, block.level) for block in headings]
    contents = flat(reader.pages[0].extract_text())
    for text, level, page in marks:
        assert flat(text) in flat(reader.pages[page].extract_text())
        assert bool(re.search(rf"{re.escape(flat(text))}\.*{page + 1}(?!\d)", contents)) == (level < 2)
    links = [note.get_object() for note in reader.pages[0]["/Annots"]]
    assert len(links) >= sum(level < 2 for _, level, _ in marks)
    assert all(link["/Subtype"] == "/Link" and "/URI" not in str(link.get("/A")) for link in links)


def test_pages_are_numbered_as_offices_number_them() -> None:
    chinese, english = read(pdf(whole("zh"))), read(pdf(whole("en")))
    assert chinese.page_labels[:2] == ["— 1 —", "— 2 —"]
    assert english.page_labels[:2] == ["1", "2"]
    for number, page in enumerate(chinese.pages, start=1):
        assert f"—{number}—" in flat(page.extract_text())


def test_the_number_stands_at_the_outer_edge() -> None:
    made = pdf(whole("zh"))
    feet = [next(at for text, at, _ in pieces_of(made, page) if "—" in text and "2025" not in text) for page in (0, 1)]
    assert feet[0] > 400
    assert feet[1] < 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_says_title_issuer_day_and_language(language: Language) -> None:
    made = whole(language)
    reader = read(pdf(made))
    about = reader.metadata
    assert about is not None
    assert (about.title, about.author) == (made.title, made.issuer)
    assert about.creation_date is not None
    assert about.creation_date.date() == made.day == about.modification_date.date()
    assert reader.root_object["/Lang"] == {"zh": "zh-CN", "en": "en-GB"}[language]


def test_whoever_cannot_see_it_hears_headings_tables_and_what_pictures_show() -> None:
    made = pdf(whole("zh"))
    assert read(made).root_object["/MarkInfo"]["/Marked"]
    tags = [found for found in objects_of(made) if found.get("/Type") == "/StructElem" or "/S" in found]
    kinds = {str(tag.get("/S")) for tag in tags}
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Figure", "/Caption", "/L", "/LI"} <= kinds
    assert any("图中有149个站点" in str(tag.get("/Alt")) for tag in tags)


def test_broad_tables_lie_across() -> None:
    shapes = [page.mediabox.width > page.mediabox.height for page in read(pdf(whole("zh"))).pages]
    assert shapes[0] is False
    assert shapes[-1] is False
    assert sum(shapes) >= 2
    assert sorted(shapes[2:-1]) == [True] * (len(shapes) - 3)


def test_a_new_page_begins_a_page_and_none_is_left_empty() -> None:
    made = pdf(document("zh", NewPage(), NewPage("landscape"), Heading("附件"), NewPage(), NewPage(), Paragraph("末")))
    pages = pages_of(made)
    assert len(pages) == 3
    assert "附件" in pages[1]
    assert "末" in pages[2]


def test_no_heading_is_left_alone_at_the_foot_of_a_page() -> None:
    for lines in range(14, 24):
        blocks = [Paragraph("行") for _ in range(lines)]
        pages = pages_of(pdf(document("zh", *blocks, Heading("某标题"), Paragraph("某正文" * 30))))
        (there,) = [page for page in pages if "某标题" in page]
        assert "某标题某正文" in there


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_document_gives_the_same_bytes_whatever_fonts_the_machine_has(
    language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = pdf(whole(language))
    assert pdf(whole(language)) == once
    monkeypatch.setattr(pdf_module, "_lacks", lambda _: True)
    assert pdf(whole(language)) == once


def test_our_own_font_is_enough_for_what_planners_write() -> None:
    written = "宝坻区大口屯镇、霍各庄、㙍里、·“”《》—…①②③ⅠⅡ％‰℃×÷±≤≥ ABC xyz 0123456789"
    assert not pdf_module._lacks(written)
    assert pdf_module._lacks("한")


@pytest.mark.parametrize("language", LANGUAGES)
def test_typst_has_nothing_to_remark(language: Language, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        pdf(whole(language))
    assert caplog.records == []


def shown(text: str) -> str:
    """Return the letters of a text that a font surely has and that stand in the order in which they are read."""
    return "".join(letter for letter in flat(clean(text)) if letter.isascii() or "一" <= letter <= "鿿")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_text_is_shown_and_never_obeyed(language: Language) -> None:
    texts = [text[:300] for text in (*HOSTILE_TEXTS, *TYPST_TEXTS) if "\u202e" not in text]
    blocks: list[Block] = []
    for text in texts:
        blocks += [
            Heading(text), Paragraph(text), Paragraph(text, "quote"), Bullets((text,)),
            Grid(text, (text, text), ((text, text),), (3, 1), strong=frozenset({0}), note=text),
            Picture(text, picture_of(40, 20), text),
        ]  # fmt: skip
    held = "".join(pages_of(pdf(document(language, Contents(), *blocks))))
    assert CANARY not in held
    seen = shown(held)
    for text in texts:
        assert seen.count(shown(text)) >= 9, text


@pytest.mark.parametrize("text", [*(text[:2_000] for text in HOSTILE_TEXTS), *TYPST_TEXTS, "", " ", "\u0301" * 50])
def test_a_hostile_name_of_the_district_stands_on_the_first_page_and_in_the_properties(text: str) -> None:
    named = replace(document("zh", Contents(), Heading("一")), title=text, subtitle=text, issuer=text, footer=text)
    made = pdf(named)
    about = read(made).metadata
    assert about is not None
    assert CANARY not in "".join(pages_of(made)) + str(about)
    if "\u202e" not in text:
        assert shown("".join(pages_of(made))).startswith(shown(text)[:200])


@pytest.mark.parametrize("letter", ["长", "a", "長 "])
def test_a_cell_of_forty_thousand_letters_runs_over_pages_and_loses_none(letter: str) -> None:
    text = (letter * 40_000)[:40_000]
    made = pdf(document("zh", Grid("表", ("名称", "数"), (("前", "1"), (text, "2"), ("后", "3")), (3, 1))))
    reader = read(made)
    assert len(reader.pages) > 5
    assert "".join(page.extract_text() for page in reader.pages).count(letter[0]) == text.count(letter[0])
    # Nothing runs out of the cell: the column ends where three quarters of the text's width do.
    for page in (1, 3):
        for words, across, _ in pieces_of(made, page):
            if set(words) == {letter[0]}:
                size = 10.5 * (1 if letter != "a" else 0.57)
                assert across + len(words) * size < 80 + 442 * 0.75 + 5


def test_a_heading_row_of_forty_thousand_letters_is_not_repeated() -> None:
    made = pdf(document("zh", Grid("表", ("长" * 40_000, "数"), (("前", "1"), ("后", "3")), (3, 1))))
    held = "".join(pages_of(made))
    assert held.count("长") == 40_000
    assert "前1后3" in held


def test_letters_get_smaller_where_a_figure_would_not_fit_its_column() -> None:
    room = Room.of("zh", "portrait")
    narrow = Grid("", ("年", "元"), (("2025", "1,234,567,890"),), (12, 1), frozenset({1}))
    assert fit(replace(narrow, widths=(1, 1)), room, "portrait").size == 10.5
    fitted = fit(narrow, room, "portrait")
    assert fitted.size < 10.5
    # A name that is one long word makes no table small: it comes in parts.
    named = Grid("", ("名", "元"), (("a" * 500, "1"),), (1, 1))
    assert fit(named, room, "portrait").size == 10.5
    parts = in_parts("a" * 500, fit(named, room, "portrait").rooms[0], 10.5)
    assert "".join(parts) == "a" * 500
    assert max(map(len, parts)) <= 12


def test_a_picture_that_is_higher_than_a_page_is_made_to_fit() -> None:
    made = pdf(document("zh", Picture("高", picture_of(30, 900), "高"), Picture("宽", picture_of(900, 30), "宽")))
    reader = read(made)
    found = [found for page in reader.pages for found in re.findall(
        rb"([\d.]+) 0 0 (-?[\d.]+) [\d.]+ [\d.]+ cm\s*/\w+ Do", page.get_contents().get_data())]  # fmt: skip
    sizes = [(float(across), abs(float(down))) for across, down in found]
    assert len(sizes) == 2
    assert sizes[0][1] < 842 - (37 + 35) * 72 / 25.4
    assert sizes[0][0] * 30 == pytest.approx(sizes[0][1], rel=0.02)
    assert sizes[1][0] == pytest.approx(442, abs=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_extra_one_message_says_how_to_install_it(
    language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError) as caught:
        pdf(whole("zh"))
    with speaking(language):
        assert 'pip install "allocate[pdf]"' in caught.value.problems[0].sentence()
    assert len(caught.value.problems) == 1


def test_a_failure_inside_typst_is_one_message() -> None:
    with pytest.raises(UsageError) as caught:
        pdf(document("zh", Picture("坏图", b"\x89PNG\r\n\x1a\nbroken", "坏图")))
    assert [problem.what for problem in caught.value.problems] == ["pdf.failed"]
    assert "docx" in caught.value.problems[0].sentence()


def test_where_typst_gives_up_altogether_it_is_one_message_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """What the bindings of Rust raise: no `Exception`."""

    def give_up(*_: object, **__: object) -> None:
        raise PanicException("index out of bounds")

    monkeypatch.setattr("typst.compile_with_warnings", give_up)
    with pytest.raises(UsageError, match="index out of bounds"):
        pdf(document("zh"))
    monkeypatch.setattr("typst.compile_with_warnings", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        pdf(document("zh"))


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(UsageError) as caught:
        pdf(document("zh"))
    assert [problem.what for problem in caught.value.problems] == ["pdf.failed"]


def test_a_document_may_be_empty_and_a_table_too() -> None:
    made = pdf(document("en", Grid("Nothing yet", ("Town", "Sites"), (), (1, 1)), Bullets(())))
    (page,) = pages_of(made)
    assert "NothingyetTownSites" in page
    assert len(read(pdf(document("zh"))).pages) == 1


def test_the_foot_of_a_page_stays_on_one_line() -> None:
    made = pdf(replace(document("zh", Paragraph("正文")), footer="很长的页脚" * 40))
    pieces = [(text, down) for text, _, down in pieces_of(made, 0) if "页脚" in text]
    assert len({round(down) for _, down in pieces}) == 1
    assert "".join(text for text, _ in pieces).endswith("…")


def test_the_lines_of_a_title_are_about_as_long_as_each_other() -> None:
    made = pdf(replace(document("zh"), title="关于示例区十五分钟健康服务圈布点的建议方案"))
    lines = [
        text for text, _, down in pieces_of(made, 0) if down > 842 - 200 and "（" not in text and "卫生" not in text
    ]
    titled = [line for line in lines if any(sign in line for sign in "关于案")]
    assert len(titled) == 2
    assert abs(len(titled[0]) - len(titled[1])) <= 2


def test_the_template_holds_no_words_of_its_own_and_fetches_nothing() -> None:
    source = (Path(pdf_module.__file__).parents[2] / "maps" / pdf_module.TEMPLATE).read_text(encoding="utf-8")
    code = re.sub(r"//.*", "", source)
    assert not re.search(r"[一-鿿]", code)
    assert not re.search(r"#?\b(import|include|eval|read|plugin)\b", code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_recommendation_of_a_plan_is_in_its_pdf(language: Language, hubs_plan: Plan, tmp_path: Path) -> None:
    drawn = recommendation(hubs_plan.content, language)
    made = export(hubs_plan.content, "pdf", tmp_path / "report.pdf", language).read_bytes()
    pages = list(map(shown, pages_of(made)))
    held = "".join(pages)
    texts = set(map(shown, texts_of(drawn)))
    assert len(texts) > 300
    assert [text for text in texts if text not in held and not runs_over(text, pages)] == []
    marks = [block.text for block in drawn.blocks if isinstance(block, Heading)]
    assert [entry.title for entry in flattened(read(made).outline)] == marks


def runs_over(text: str, pages: list[str]) -> bool:
    """Tell whether a text begins on one page and ends on the next: feet and heading rows stand between."""
    return any(
        text[:at] in page and text[at:] in after for page, after in pairwise(pages) for at in range(1, len(text))
    )


def flattened(outline: list[Any]) -> Iterator[Any]:
    for entry in outline:
        yield from flattened(entry) if isinstance(entry, list) else [entry]


def test_a_pdf_that_is_open_elsewhere_stays_and_a_new_plan_leaves_no_old_one(tiny_plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(tiny_plan, folder)
    file = export(tiny_plan.content, "pdf", folder / EXPORTS["pdf"], "zh")
    before = file.read_bytes()
    assert export(tiny_plan.content, "pdf", file, "zh").read_bytes() == before
    lock = folder / ".~lock.report.pdf#"
    lock.write_text("open")
    for write in (
        lambda: export(tiny_plan.content, "pdf", file, "en"),
        lambda: write_plan(tiny_plan, folder),
    ):
        with pytest.raises(UsageError) as caught:
            write()
        assert [problem.what for problem in caught.value.problems] == ["problem.out_in_use"]
    assert file.read_bytes() == before
    lock.unlink()
    write_plan(tiny_plan, folder)
    assert not file.exists()


def test_without_the_extra_nothing_is_exported(
    tiny_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match=r"allocate\[pdf\]"):
        export(tiny_plan.content, "pdf", tmp_path / "new" / "report.pdf", "zh")
    assert list(tmp_path.iterdir()) == []
