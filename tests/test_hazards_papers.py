"""Hostile texts in what is printed, handed on and compared: documents, site cards, pictures and comparisons."""

import copy
import io
import posixpath
import re
import struct
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import docx
import pytest
from belonging import with_belonging
from libreoffice import Office
from plan_examples import hostile_plan
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from test_hazards import CANARY, TEXTS, Shown, is_plain, parts, poisoned, tags
from test_map import Tags, island
from test_map_in_browser import READY, as_seen, browser, opened
from test_pdf import objects_of, picture_of

from allocate.comparing import compare
from allocate.draw import card_pages, comparison_page, fonts, map_page, map_picture
from allocate.draw.cards import INDEX, card_file, is_card
from allocate.draw.lettering import Lettering, plain
from allocate.draw.pictured import WHATS
from allocate.draw.tiles import AMAP, TIANDITU, tiles_of
from allocate.outputs import report
from allocate.plans import Plan
from allocate.report.blocks import Document, Grid, Heading
from allocate.report.change_log import CHANGE_SHEETS
from allocate.report.comparison import comparison_sheets
from allocate.report.comparison_lines import comparison_lines
from allocate.report.pdf import pdf
from allocate.report.recommendation import recommendation
from allocate.report.sheets import sheets
from allocate.report.table import clean
from allocate.report.word import word
from allocate.report.workbook import comparison_workbook
from allocate.words import LANGUAGES, Language, say_in, speaking

__all__ = ["browser", "opened"]  # what the tests below ask for by name

Content = dict[str, Any]
OF_PAPER = (
    *TEXTS,
    '{ INCLUDETEXT "c:\\\\windows\\\\win.ini" } { DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc" }',
    ' TOC \\o "1-9" \\h } { PAGE } { HYPERLINK http://example.invalid }',
    '#read("/etc/passwd") #import "@preview/x:0.1.0": * $7*191$ @label <label> \\u{41} #panic(7)',
    "\U000304f8\U0002cb38㐂 卫生室",  # rare characters: of the supplementary planes, and one of the first
    "\U0001f469\U0001f3fd\u200d\u2695\ufe0f\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1f3 \U0001f3e5",
    "مرحبا \u202eשלום\u202c 柳河",
)
# One of each sort, for what takes longer.
SOME = (
    "{{7*191}} {% x %} ${7*191} <%= 7*191 %>", "<img src=x onerror=window.PWN=1>", "=HYPERLINK(\"http://x\")",
    "长" * 40_000, "a" * 40_000, "e\u0301\u0302\u0303" + "\u0489" * 300, "\ud800 half \uffff \x00\x0b\x1b \x85",
    *OF_PAPER[-6:], "", " ",
)  # fmt: skip
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
RELS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
PICTURE = picture_of(40, 20)


@pytest.fixture(scope="module")
def whole(tiny_plan: Plan) -> Content:
    """Return the plan of the small district with consortia and functions."""
    return with_belonging(tiny_plan.content)


# (Papers take long: each holds two texts by turns, and the files of tests/test_hazards.py one.)
@pytest.fixture(params=range(0, len(OF_PAPER), 2), ids=lambda at: f"{at}-{ascii(OF_PAPER[at][:24])[1:-1]}")
def texts(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return OF_PAPER[request.param : request.param + 2]


@pytest.fixture
def language(texts: tuple[str, ...]) -> Language:
    return LANGUAGES[OF_PAPER.index(texts[0]) // 2 % 2]


@pytest.fixture
def hostile(texts: tuple[str, ...], whole: Content) -> Content:
    return poisoned(whole, *texts)


def drafted(content: Mapping[str, Any], language: Language) -> Document:
    """Return the recommendation of a plan; its pictures are small, and say what they show in words of the plan."""
    name = content["district_data"]["name"][language]
    return recommendation(content, language, pictures=lambda year, what: (PICTURE, f"{what} {year} {name}"))


@pytest.fixture(scope="module")
def tame(whole: Content) -> dict[Language, Document]:
    content = poisoned(whole, "tame")
    return {language: drafted(content, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_papers(tame: dict[Language, Document]) -> dict[Language, bytes]:
    return {language: word(document) for language, document in tame.items()}


@pytest.fixture(scope="module")
def tame_cards(whole: Content) -> dict[Language, dict[str, str]]:
    content = poisoned(whole, "tame")
    return {language: card_pages(content, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tame_comparison(whole: Content) -> list[str]:
    """Return the tags of the page that compares two plans without hostile texts."""
    beside = spoilt_pair(whole, "tame")
    return [tag for tag, _ in Tags(comparison_page(compare(beside, ["tame", "tame2"]), beside)).tags]


# ---- Word ----


def said_in(node: ET.Element) -> str:
    """Return the text of a part of a document: ends of lines and tabs as such."""
    signs = {f"{W}br": "\n", f"{W}tab": "\t"}
    runs = (piece for run in node.iter(f"{W}r") for piece in run)
    return "".join(piece.text or "" if piece.tag == f"{W}t" else signs.get(piece.tag, "") for piece in runs)


def fields_of(made: bytes) -> Counter[str]:
    """Count the instructions of the fields of a document."""
    found: Counter[str] = Counter()
    for name, part in parts(made).items():
        if name.endswith(".xml"):
            root = ET.fromstring(part)
            found.update(node.get(f"{W}instr", "") for node in root.iter(f"{W}fldSimple"))
            found.update(node.text or "" for node in root.iter(f"{W}instrText"))
    return found


def faults_of(made: bytes) -> Iterator[str]:
    """Yield what Word would stumble over in a document: parts, relationships, ids, tables, fields, styles."""
    found = parts(made)
    roots = {name: ET.fromstring(part) for name, part in found.items() if name.endswith((".xml", ".rels"))}
    yield from _faults_of_package(found, roots)
    body = roots["word/document.xml"].find(f"{W}body")
    assert body is not None
    if body[-1].tag != f"{W}sectPr":
        yield "the last section is not last"
    styles = {node.get(f"{W}styleId") for node in roots["word/styles.xml"].iter(f"{W}style")}
    numbers = {node.get(f"{W}numId") for node in roots["word/numbering.xml"].iter(f"{W}num")}
    for node in body.iter():
        if node.tag in (f"{W}pStyle", f"{W}tblStyle", f"{W}rStyle") and node.get(f"{W}val") not in styles:
            yield f"no style {node.get(f'{W}val')}"
    yield from (
        f"no list {node.get(f'{W}val')}" for node in body.iter(f"{W}numId") if node.get(f"{W}val") not in numbers
    )
    yield from _faults_of_tables(body)
    yield from _faults_of_ids(body)
    ends = Counter(node.get(f"{W}fldCharType") for node in body.iter(f"{W}fldChar"))
    if len({ends["begin"], ends["separate"], ends["end"]}) != 1:
        yield f"fields that do not end: {ends}"
    for node in body.iter(f"{W}p"):
        inner = [child.tag for child in node]
        if f"{W}pPr" in inner[1:]:
            yield "a paragraph whose properties are not first"


def _faults_of_package(found: Mapping[str, bytes], roots: Mapping[str, ET.Element]) -> Iterator[str]:
    types = roots["[Content_Types].xml"]
    endings = {node.get("Extension", "").lower() for node in types.iter(f"{TYPES}Default")}
    named = {node.get("PartName", "").removeprefix("/") for node in types.iter(f"{TYPES}Override")}
    yield from (f"no part {name}" for name in named - set(found))
    for name in found:
        if name != "[Content_Types].xml" and name not in named and name.rsplit(".", 1)[-1].lower() not in endings:
            yield f"no type of {name}"
    for name, root in roots.items():
        if name.endswith(".rels"):
            home = posixpath.dirname(posixpath.dirname(name))
            codes = [node.get("Id") for node in root]
            if len(codes) != len(set(codes)):
                yield f"ids twice in {name}"
            for node in root:
                target = posixpath.normpath(posixpath.join(home, node.get("Target", "")))
                if node.get("TargetMode") == "External" or target.lstrip("/") not in found:
                    yield f"{name}: {node.get('Target')}"
            continue
        folder, file = posixpath.split(name)
        beside = roots.get(f"{folder}/_rels/{file}.rels")
        known = set() if beside is None else {node.get("Id") for node in beside}
        used = {value for node in root.iter() for key, value in node.attrib.items() if key.startswith(R)}
        yield from (f"{name} has no {code}" for code in used - known)


def _faults_of_tables(body: ET.Element) -> Iterator[str]:
    for table in body.iter(f"{W}tbl"):
        columns = table.findall(f"{W}tblGrid/{W}gridCol")
        widths = [int(node.get(f"{W}w", "0")) for node in columns]
        if not 0 < len(columns) <= 63 or min(widths, default=0) <= 0:
            yield f"a table of widths {widths}"
        for row in table.findall(f"{W}tr"):
            cells = row.findall(f"{W}tc")
            if len(cells) != len(columns):
                yield f"a row of {len(cells)} cells for {len(columns)} columns"
            if any(len(cell) < 2 or cell[-1].tag != f"{W}p" for cell in cells):
                yield "a cell without a paragraph at its end"
        if not table.findall(f"{W}tr"):
            yield "a table without rows"


def _faults_of_ids(body: ET.Element) -> Iterator[str]:
    starts = [node.get(f"{W}id") for node in body.iter(f"{W}bookmarkStart")]
    ends = [node.get(f"{W}id") for node in body.iter(f"{W}bookmarkEnd")]
    names = [node.get(f"{W}name", "") for node in body.iter(f"{W}bookmarkStart")]
    if starts != ends or len(set(starts)) != len(starts) or len(set(names)) != len(names) or max(map(len, names)) > 40:
        yield "bookmarks that are not one by one"
    yield from (
        f"no bookmark {node.get(f'{W}anchor')}"
        for node in body.iter(f"{W}hyperlink")
        if node.get(f"{W}anchor") not in names or node.get(f"{R}id")
    )
    pictures = [node.get("id") for node in body.iter() if node.tag.endswith("}docPr")]
    if len(set(pictures)) != len(pictures):
        yield "pictures of one id"
    about = (node.get(key, "") for node in body.iter() if node.tag.endswith("}docPr") for key in ("title", "descr"))
    yield from ("a picture of endless words" for told in about if len(told) > 2_000)


def test_a_document_for_word_holds_the_text_as_text_and_nothing_that_word_obeys(
    hostile: Content, language: Language, tame_papers: dict[Language, bytes]
) -> None:
    document = drafted(hostile, language)
    made, beside = word(document), tame_papers[language]
    assert list(faults_of(made)) == []
    assert set(parts(made)) == set(parts(beside))
    for name, part in parts(made).items():
        if name.endswith((".xml", ".rels")):
            assert tags(part) - tags(parts(beside)[name]) <= {"br", "tab", "cantSplit"}, name
    assert set(fields_of(made)) == set(fields_of(beside)) == {" PAGE ", ' TOC \\o "1-1" \\h \\z \\u '}
    body = ET.fromstring(parts(made)["word/document.xml"])
    wanted = [grid for grid in document.blocks if isinstance(grid, Grid)]
    for table, grid in zip(body.iter(f"{W}tbl"), wanted, strict=True):
        rows = [[said_in(cell) for cell in row.findall(f"{W}tc")] for row in table.findall(f"{W}tr")]
        assert rows == [[clean(cell) for cell in row] for row in (grid.heads, *grid.rows)]
    paragraphs = Counter(said_in(node) for node in body.iter(f"{W}p"))
    for block in document.blocks:
        if isinstance(block, Heading):
            assert paragraphs[clean(block.text)]
    assert paragraphs[clean(document.title)]
    book = docx.Document(io.BytesIO(made))
    assert book.core_properties.title == clean(document.title)[:255].replace("\r\n", "\n")
    for section in book.sections:
        assert len(section.footer.paragraphs[0].text) < 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_with_its_maps_is_one_that_word_can_read(language: Language, whole: Content) -> None:
    # (Texts of both directions, so that the pictures say them too.)
    assert list(faults_of(report(poisoned(whole, OF_PAPER[-1]), language))) == []


def test_the_faults_that_word_stumbles_over_are_seen(tame_papers: dict[Language, bytes]) -> None:
    found = parts(tame_papers["zh"])
    page = found["word/document.xml"].decode()
    broken = {
        "a row of": page.replace("</w:tc></w:tr>", "</w:tc><w:tc><w:tcPr/><w:p/></w:tc></w:tr>", 1),
        "no style": page.replace('<w:pStyle w:val="Cell"/>', '<w:pStyle w:val="Elsewhere"/>', 1),
        "bookmarks": page.replace('w:id="2" w:name', 'w:id="1" w:name', 1),
        "no bookmark": page.replace('w:anchor="_Toc00000001"', 'w:anchor="_Toc99999999"', 1),
        "has no": re.sub(r'r:embed="rId\d+"', 'r:embed="rId999"', page, count=1),
        "do not end": page.replace('w:fldCharType="end"', 'w:fldCharType="begin"', 1),
        "a cell without": re.sub(r"(<w:tc><w:tcPr>.*?</w:tcPr>)<w:p>.*?</w:p>(</w:tc>)", r"\1\2", page, count=1),
    }
    for words, spoilt in broken.items():
        assert spoilt != page, words
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, part in {**found, "word/document.xml": spoilt.encode()}.items():
                archive.writestr(name, part)
        assert any(words in fault for fault in faults_of(buffer.getvalue())), words


def test_libreoffice_opens_a_hostile_document_and_shows_its_texts(
    office: Office, whole: Content, tmp_path: Path
) -> None:
    content = poisoned(whole, OF_PAPER[-6])  # (fields)
    content["title"] = {"zh": "{{7*191}}=7*191<b>\U000304f8</b>\x0b", "en": "x"}
    file = tmp_path / "hostile.docx"
    file.write_bytes(word(drafted(content, "zh")))
    out = office.convert(file, "txt:Text (encoded):UTF8")
    told = (out / "hostile.txt").read_text(encoding="utf-8-sig")
    assert CANARY not in told
    assert "{{7*191}}=7*191<b>\U000304f8</b>␋" in told
    assert told.count("DDEAUTO") > 20


# ---- PDF ----


@pytest.mark.parametrize("text", SOME, ids=lambda text: ascii(text[:16])[1:-1])
def test_a_pdf_holds_no_link_out_no_script_and_no_file(text: str, whole: Content) -> None:
    made = pdf(drafted(poisoned(whole, text[:200]), LANGUAGES[SOME.index(text) % 2]))
    reader = PdfReader(io.BytesIO(made), strict=True)
    held = {
        "/JavaScript",
        "/JS",
        "/URI",
        "/Launch",
        "/EmbeddedFiles",
        "/EmbeddedFile",
        "/OpenAction",
        "/AA",
        "/AcroForm",
    }
    for one in objects_of(made):
        assert not held & set(one), one
        if one.get("/Type") == "/Annot":
            assert one["/Subtype"] == "/Link"
            assert one.get("/A", {"/S": "/GoTo"})["/S"] == "/GoTo"
    about = reader.metadata
    assert about is not None
    assert CANARY not in str(about) + reader.pages[0].extract_text()


# ---- site cards ----


def test_a_page_of_a_site_holds_the_text_and_no_tag_more(
    hostile: Content, language: Language, tame_cards: dict[Language, dict[str, str]]
) -> None:
    def kinds(pages: Mapping[str, str]) -> set[tuple[str, ...]]:
        return {(tag, *sorted(attributes)) for html in pages.values() for tag, attributes in Tags(html).tags}

    made, beside = card_pages(hostile, language), tame_cards[language]
    assert len(made) == len({name.casefold() for name in made}) == len(beside)
    assert kinds(made) <= kinds(beside)
    for name, html in made.items():
        html.encode()
        assert is_card(name)
        assert len(name.encode()) < 200
        links = {attributes["href"] for tag, attributes in Tags(html).tags if "href" in attributes}
        assert links <= set(made)
        values = [value for _, attributes in Tags(html).tags for value in attributes.values() if value]
        assert not [value for value in values if CANARY in value]
    listed = Shown(made[INDEX]).text
    for site in hostile["sites"]:
        code, name = site["id"], clean(site["name"]).strip()
        assert card_file(code) in made
        assert name in listed
        assert name in Shown(made[card_file(code)]).text


NASTY_IDS = (
    "..", ".", "../..", "../../etc/passwd", "/", "\\", "a/b", "a\\b", "C:\\x", "CON", "con", "Con.txt", "nul", "COM1",
    "com¹", "LPT9", "lpt³", "AUX", "index", "INDEX", "index-0", "site-con", "site-con-0", "a" * 300, "a" * 299 + "b",
    "长" * 300, "a b", " a b ", "a-b", "\U0001f469\u200d\u2695\ufe0f", "\U0001f3e5", "\U0001f3e5" * 2, "", " ",
    "-", "--", "é", "e\u0301", "E", "e", "#x", "?x", "%2e%2e",
    "x\x00y", "x\ny", "\ud800", "\u202egnp.exe", "a.html", "a", "A", "<b>", "javascript:x", "\U000304f8",
    "~$a", ".hidden",
)  # fmt: skip


def test_every_id_gives_a_file_of_its_own_that_every_disk_takes() -> None:
    files = [card_file(code) for code in NASTY_IDS]
    same = Counter(unicodedata.normalize("NFD", name).casefold() for name in files)
    assert [name for name, count in same.items() if count > 1] == []
    for name in files:
        assert is_card(name)
        assert name != INDEX
        assert len(name.encode()) < 200
        assert not set(name) & set('<>:"/\\|?*%# ')
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|(com|lpt)[0-9¹²³])\..*", name)
        assert not name.startswith((".", "~", "-"))


# ---- comparisons ----


def spoilt_pair(whole: Content, *texts: str) -> list[Content]:
    """Return two hostile plans of one district: in the last year the second leaves some places out."""
    other = copy.deepcopy(whole)
    served = [row for row in other["places"] if row["year"] == other["years"][-1] and row["status"] == "served"]
    for row in served[:5]:
        row |= {"status": "out_of_range", "served_by": None, "minutes": None}
    return [poisoned(content, *texts) for content in (whole, other)]


def test_a_comparison_holds_the_text_and_no_tag_or_formula_more(
    texts: tuple[str, ...], language: Language, whole: Content, tame_comparison: list[str]
) -> None:
    contents, names = spoilt_pair(whole, *texts), [texts[0], f"{texts[-1]}2"]
    made = compare(contents, names)
    page = comparison_page(made, contents)
    page.encode()
    assert [tag for tag, _ in Tags(page).tags] == tame_comparison
    drawn = island(page, "comparison")
    assert [pair["other"] for pair in drawn["pairs"]] == [clean(names[1])]
    with speaking(language):
        assert all(is_plain(line) for lines in comparison_lines(made, contents) for line in lines)
    file = comparison_workbook(made, contents, language)
    tables = comparison_sheets(made, contents, language)
    ours = {f"'{say_in(language, f'sheet.{name}')}'!A1" for name in tables}
    for name, part in parts(file).items():
        assert not tags(part) & {"externalReference", "oleObject", "f"}, name
        links = [node.attrib for node in ET.fromstring(part).iter() if node.tag.endswith("}hyperlink")]
        assert {link["location"] for link in links} <= ours
        assert not {key for link in links for key in link} - {"ref", "location", "display"}
        assert b'TargetMode="External"' not in part
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    for name, table in tables.items():
        _, _, *rows = book.get_sheet_by_name(say_in(language, f"sheet.{name}")).to_python()
        assert len(rows) == max(1, len(table.rows))


def test_the_new_tables_of_a_plan_are_looked_at_with_all_others(whole: Content) -> None:
    # (Workbook, comma tables and summaries go through every table that a plan has: tests/test_hazards.py.)
    assert {"worth", *CHANGE_SHEETS} <= set(sheets(whole, "zh"))
    told = [
        cell
        for name in ("worth", *CHANGE_SHEETS)
        for row in sheets(poisoned(whole, "HOSTILE"), "zh")[name].rows
        for cell in row
    ]
    assert sum("HOSTILE" in str(cell) for cell in told) > 50


# ---- maps ----


@pytest.mark.parametrize("text", SOME, ids=lambda text: ascii(text[:16])[1:-1])
def test_a_picture_of_hostile_names_is_as_large_as_any_other(text: str, whole: Content) -> None:
    content = poisoned(whole, text)
    content["map_approval_number"] = text
    for what in WHATS:
        made = map_picture(content, content["years"][-1], LANGUAGES[SOME.index(text) % 2], what=what, width=600)
        wide, high = struct.unpack(">II", made[16:24])
        assert wide == 600
        assert 300 < high < 1_200
        chunks, at = [], 8
        while at < len(made):
            (length,) = struct.unpack(">I", made[at : at + 4])
            chunks.append(made[at + 4 : at + 8].decode())
            at += 12 + length
        # (No chunk of text: no name stands in the file but as points.)
        assert set(chunks) == {"IHDR", "pHYs", "IDAT", "IEND"}


def test_a_computer_without_any_font_draws_pictures_and_a_document(
    whole: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The program's own font has what planners write; what it lacks is a box.
    monkeypatch.setattr(fonts, "_files", dict)
    fonts._of_system.cache_clear()
    content = poisoned(whole, "柳河镇\U000304f8")
    assert fonts.fonts() == (fonts.vendored(),)
    assert Lettering(20).width(plain("柳河镇\U000304f8🏥")) > 80
    for what in WHATS:
        assert map_picture(content, content["years"][0], "zh", what=what, width=600)
    assert pdf(drafted(content, "zh"))[:4] == b"%PDF"
    fonts._of_system.cache_clear()


@pytest.mark.parametrize("provider", [AMAP, TIANDITU])
def test_a_map_with_tiles_names_the_provider_and_holds_no_tag_more(provider: str, whole: Content) -> None:
    tiles = tiles_of(provider, "0123456789abcdef")
    beside = Tags(map_page(poisoned(whole, "tame"), tiles)).tags
    for text in SOME:
        html = map_page(poisoned(whole, text), tiles)
        assert Tags(html).tags == beside
        assert island(html, "plan")["tiles"]["name"] == provider


# ---- in a browser ----

PAYLOADS = (
    "<img src=x onerror=window.PWN=1>", "</script><script>window.PWN=1</script>", "\"'><svg onload=window.PWN=1>",
    "javascript:window.PWN=1", "{{7*191}}${window.PWN=1}`${window.PWN=1}`", "\u202eright\u202c to left 柳河\U000304f8",
)  # fmt: skip


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_pages_of_sites_and_their_list_show_hostile_texts_and_run_nothing(
    browser: Any, whole: Content, tmp_path: Path
) -> None:
    context = browser.new_context()
    context.set_offline(True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else complaints.append(request.url))
    for number, text in enumerate(PAYLOADS):
        content, folder = poisoned(whole, text), tmp_path / str(number)
        folder.mkdir()
        for name, html in card_pages(content, LANGUAGES[number % 2]).items():
            (folder / name).write_text(html, encoding="utf-8")
        page.goto((folder / INDEX).as_uri())
        assert (
            page.locator("td.name a").all_text_contents() == [clean(text).strip()] * page.locator("td.name a").count()
        )
        page.locator("td.name a").last.click()
        page.wait_for_selector("h1")
        assert as_seen(page.text_content("h1")) == clean(text)
        assert page.evaluate("window.PWN") is None
        assert page.locator("script, img, iframe, object, [onload], [onerror]").count() == 0
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
        page.emulate_media(media="screen")
    assert complaints == []
    context.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_a_comparison_shows_hostile_texts_and_runs_nothing(opened: Any, whole: Content) -> None:
    for text in PAYLOADS:
        contents = spoilt_pair(whole, text)
        shown = opened({}, (1280, 800), comparison_page(compare(contents, [text, f"{text}2"]), contents))
        shown.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        for _ in range(2):
            shown.page.click("#language")
            assert as_seen(clean(text)) in shown.text("#tables")
            assert f"{as_seen(clean(text))}2" in shown.text("body")
        assert shown.page.locator("img, iframe, body link, body base, svg [onload]").count() == 0


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_the_card_of_a_site_in_the_map_shows_hostile_texts_and_runs_nothing(opened: Any) -> None:
    plan = hostile_plan()
    for text in PAYLOADS:
        site = next(one for one in plan["sites"] if one["action"] == "open")
        site["name"] = text
        plan["worth"] = [
            {
                "id": site["id"], "from": plan["years"][0], "until": plan["years"][-1],
                "nearest": {str(year): 100 for year in plan["years"]},
                "longer": {str(year): 500 for year in plan["years"]},
                "dropped": {"unserved": {}, "cost": 5, "goals": {"cost": 5}, "clauses": [text]},
                "others": [], "tried": 3, "draws": None,
            }
        ]  # fmt: skip
        shown = opened(plan)
        assert shown.page.wait_for_selector(READY, state="attached")
        shown.page.fill("#find", text[:16])
        shown.page.locator("#found button").first.click()
        assert as_seen(text) in shown.text("#card")
        shown.page.click("#pair")
        shown.page.click("#language")
        assert as_seen(text) in shown.text("#card")
