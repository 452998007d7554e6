"""Answers as files: the same figures in each of them, whole or not at all, and a page that obeys no text."""

import copy
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from answer_example import answer_of, blocks, charts, sheets
from python_calamine import CalamineWorkbook
from test_map import Tags, policy
from test_map_in_browser import CHROMIUM, OPTIONS, READY
from test_timetable_page import sizes

from allocate.answer import Answer
from allocate.errors import UsageError
from allocate.outputs import check_answer_target, plan_files, write_answer
from allocate.plans import Plan, read_plan
from allocate.replacing import undo_among, write_among
from allocate.report import answers
from allocate.report.blocks import Grid
from allocate.report.html import Side, page
from allocate.words import LANGUAGES, say_in, speaking

HOSTILE = "</p><script>window.PWN=1</script><img src=x onerror=window.PWN=1>{{7*7}}\x0b\u202e=HYPERLINK()'\"&"
KIND = "prices"


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("prices", "alternatives"):
        monkeypatch.setitem(answers.PAGES, kind, "answer_example")


@pytest.fixture(scope="module")
def asked(tiny_plan: Plan) -> Answer:
    return answer_of(tiny_plan)


@pytest.fixture(scope="module")
def hostile(tiny_plan: Plan) -> Answer:
    return answer_of(tiny_plan, HOSTILE)


class Tables(HTMLParser):
    """Reads the tables of a page, by language: captions and cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, list[list[str]]]] = {}
        self._language, self._caption, self._rows = "", "", [[""]]
        self._within = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self._language = dict(attrs)["id"] or ""
        if tag == "table":
            self._caption, self._rows = "", []
        if tag == "tr":
            self._rows.append([])
        if tag in ("th", "td"):
            self._rows[-1].append("")
        if tag in ("caption", "th", "td"):
            self._within = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.tables.setdefault(self._language, {})[self._caption] = self._rows
        if tag in ("caption", "th", "td"):
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "caption":
            self._caption += data
        elif self._within:
            self._rows[-1][-1] += data


def written(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_an_answer_is_json_page_workbook_and_tables(asked: Answer, tmp_path: Path) -> None:
    paths = write_answer(asked, tmp_path / "out")
    assert set(paths) == {f"{KIND}.json", f"{KIND}.html", f"{KIND}.xlsx", f"{KIND}-compare_people.csv"}
    assert json.loads(paths[f"{KIND}.json"].read_text("utf-8")) == {
        "kind": KIND,
        **json.loads(json.dumps(asked.content)),
    }
    rows = list(csv.reader(io.StringIO(paths[f"{KIND}-compare_people.csv"].read_text("utf-8-sig"))))
    assert rows[1:] == [["village", "0.99996", "1234", "66000"], ["'=1+1", "0.5", "99", ""]]
    book = CalamineWorkbook.from_path(str(paths[f"{KIND}.xlsx"]))
    table = book.get_sheet_by_name(say_in("zh", "sheet.compare_people")).to_python()
    assert [row[:3] for row in table[2:]] == [["village", 0.99996, 1234.0], ["=1+1", 0.5, 99.0]]
    first = book.get_sheet_by_index(0).to_python()
    assert first[0][0] == answers.title(asked, "zh")
    assert ["必保站点", "123 个 · 近优方案都有"] in [row[:2] for row in first]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_and_every_number_of_a_chart_stands_in_the_page(asked: Answer, language: Any) -> None:
    html = answers.answer_files(asked, language)[f"{KIND}.html"].decode()
    tables = Tables(html).tables[language]
    for block in blocks(asked, language):
        if isinstance(block, Grid):
            assert tables[block.caption] == [list(block.heads), *map(list, block.rows)]
    for chart in charts(asked):
        table = tables[say_in(language, "chart.numbers", what=chart.caption)]
        assert len(table) == 1 + sum(len(series.y) for series in chart.series) + len(chart.marks)
        assert say_in(language, "chart.unknown") in {cell for row in table for cell in row} or all(
            value is not None for series in chart.series for value in series.y
        )


def test_a_share_that_is_nearly_all_reads_100_nowhere_in_the_tables(asked: Answer) -> None:
    html = answers.answer_files(asked, "zh")[f"{KIND}.html"].decode()
    tables = Tables(html).tables["zh"]
    assert tables[say_in("zh", "sheet.compare_people")][1][1] == "99.9%"
    shares = tables[say_in("zh", "chart.numbers", what="两条曲线")]
    assert [row[2] for row in shares[1:]] == [
        "50%",
        say_in("zh", "chart.unknown"),
        "90%",
        "99.99%",
        "40%",
        "60%",
        "70%",
        "100%",
    ]


def test_the_page_reads_without_script_in_both_languages_chinese_first(asked: Answer) -> None:
    html = answers.answer_files(asked, "en")[f"{KIND}.html"].decode()
    assert 0 < html.index(answers.title(asked, "zh")) < html.rindex(answers.title(asked, "en"))
    tags = Tags(html)
    assert [attributes["lang"] for tag, attributes in tags.tags if tag == "article"] == ["zh-CN", "en"]
    assert not any("hidden" in attributes for tag, attributes in tags.tags if tag == "article")
    assert '<html lang="en">' in html


def test_the_page_asks_for_nothing_and_runs_one_script(hostile: Answer) -> None:
    html = answers.answer_files(hostile, "zh")[f"{KIND}.html"].decode()
    tags = Tags(html)
    assert not {tag for tag, _ in tags.tags} & {"link", "iframe", "object", "embed", "base", "form", "img"}
    links = [attributes["href"] for _, attributes in tags.tags if "href" in attributes]
    assert links
    assert all((link or "").startswith("#") for link in links)
    assert policy(html)["default-src"] == ["'none'"]
    assert len(policy(html)["script-src"]) == len(tags.scripts) == 1


def test_headings_captions_and_scopes_are_there_for_those_who_do_not_see(asked: Answer) -> None:
    html = answers.answer_files(asked, "zh")[f"{KIND}.html"].decode()
    tags = Tags(html).tags
    heads = [attributes for tag, attributes in tags if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("col", "row", "colgroup") for attributes in heads)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = [attributes["aria-labelledby"] for _, attributes in tags if "aria-labelledby" in attributes]
    assert labelled
    assert set(labelled) <= set(ids)
    scrolling = [attributes for _, attributes in tags if attributes.get("class") in ("scroll", "wide")]
    assert all(attributes["tabindex"] == "0" and attributes["role"] == "region" for attributes in scrolling)


def test_a_picture_stands_in_the_page_itself() -> None:
    from allocate.report.blocks import Picture

    side = Side("标题", (), [Picture("图", b"\x89PNG", "说明")])
    assert "data:image/png;base64,iVBORw==" in page({"zh": side}, "zh")


def test_the_same_answer_gives_the_same_bytes(asked: Answer) -> None:
    again = Answer(asked.kind, copy.deepcopy(dict(asked.content)))
    assert answers.answer_files(asked, "zh") == answers.answer_files(again, "zh")
    book = answers.answer_files(asked, "zh")[f"{KIND}.xlsx"]
    assert {info.date_time[0] for info in zipfile.ZipFile(io.BytesIO(book)).infolist()} == {1980}


def test_workbook_and_tables_speak_the_language_of_the_session(asked: Answer, tmp_path: Path) -> None:
    with speaking("en"):
        paths = write_answer(asked, tmp_path)
    names = CalamineWorkbook.from_path(str(paths[f"{KIND}.xlsx"])).sheet_names
    assert say_in("en", "sheet.compare_people") in names


# Whole or not at all, and nothing of others.


def test_a_later_answer_takes_the_place_of_an_earlier_one_with_all_its_tables(asked: Answer, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_answer(asked, folder)
    (folder / f"{KIND}-gone.csv").write_text("an earlier table")
    (folder / "log.txt").write_text("what ran")
    write_answer(asked, folder)
    assert sorted(written(folder)) == [
        "log.txt", f"{KIND}-compare_people.csv", f"{KIND}.html", f"{KIND}.json", f"{KIND}.xlsx",
    ]  # fmt: skip


@pytest.mark.parametrize("strange", ["notes.docx", "runs", "plan-1", "sweep.json", f"{KIND}-A.csv", f"{KIND}.pdf"])
def test_a_folder_with_anything_else_in_it_is_refused_before_any_work(
    strange: str, asked: Answer, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    write_answer(asked, folder)
    if "." in strange:
        (folder / strange).write_text("mine")
    else:
        (folder / strange).mkdir()
    before = written(folder)
    for attempt in (lambda: check_answer_target(folder, KIND), lambda: write_answer(asked, folder)):
        with pytest.raises(UsageError, match=strange.replace(".", "\\.")):
            attempt()
    assert written(folder) == before


def test_what_bears_our_names_in_a_folder_without_an_answer_may_be_anybodys(asked: Answer, tmp_path: Path) -> None:
    (tmp_path / f"{KIND}.html").write_text("mine")
    with pytest.raises(UsageError, match=KIND):
        write_answer(asked, tmp_path)
    assert written(tmp_path) == {f"{KIND}.html": b"mine"}


def test_an_answer_that_is_open_in_a_spreadsheet_is_refused(asked: Answer, tmp_path: Path) -> None:
    write_answer(asked, tmp_path)
    (tmp_path / f"~${KIND}.xlsx").write_text("")
    with pytest.raises(UsageError, match=f"{KIND}.xlsx"):
        check_answer_target(tmp_path, KIND)


def test_the_runs_of_a_sweep_stay_as_they_are(asked: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(answers.PAGES, "sweep", "answer_example")
    folder = tmp_path / "out"
    (folder / "runs").mkdir(parents=True)
    (folder / "runs" / "a.json").write_text("{}")
    (folder / "runs.csv").write_text("")
    (folder / "sweep.json").write_text("{}")
    number = (folder / "runs").stat().st_ino
    write_answer(Answer("sweep", asked.content), folder)
    assert (folder / "runs").stat().st_ino == number
    assert {"runs/a.json", "runs.csv", "sweep.json", "sweep.html"} <= set(written(folder))


def test_plans_come_with_an_answer_and_go_with_it(asked: Answer, tiny_plan: Plan, tmp_path: Path) -> None:
    answer = Answer("alternatives", asked.content)
    files = plan_files(tiny_plan)
    beside = {f"plan-{n}/{name}": made for n in (1, 2) for name, made in files.items()}
    write_answer(answer, tmp_path / "out", beside)
    assert read_plan(tmp_path / "out" / "plan-2")["model"] == tiny_plan.content["model"]
    write_answer(answer, tmp_path / "out", {f"plan-1/{name}": made for name, made in files.items()})
    assert sorted(item.name for item in (tmp_path / "out").iterdir() if item.is_dir()) == ["plan-1"]
    write_answer(answer, tmp_path / "out")
    assert (tmp_path / "out" / "plan-1" / "plan.json").is_file()


def test_a_disk_that_fails_in_the_middle_leaves_what_was_there(
    asked: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_answer(asked, tmp_path)
    (tmp_path / f"{KIND}-gone.csv").write_text("an earlier table")
    before = written(tmp_path)
    moved, count = Path.rename, [0]

    def failing(self: Path, target: Any) -> Path:
        count[0] += 1
        if count[0] == 6:
            raise OSError(28, "No space left on device")
        return moved(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(UsageError):
        write_answer(answer_of_other(asked), tmp_path)
    assert count[0] > 6
    monkeypatch.undo()
    assert written(tmp_path) == before
    assert not [item for item in tmp_path.iterdir() if item.name.startswith(".")]


def answer_of_other(asked: Answer) -> Answer:
    return Answer(asked.kind, {**asked.content, "model": "other"})


@pytest.mark.parametrize("step", range(9))
def test_a_kill_at_any_step_of_the_replacing_leaves_one_answer_whole(step: int, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    before = {"a.json": b"old", "b.csv": b"old", "kept.txt": b"kept"}
    for name, content in before.items():
        (folder / name).write_bytes(content)
    # (A child that ends itself, without a word, at one of its renamings.)
    script = f"""
import os, signal
from pathlib import Path
from allocate.replacing import write_among
moved, count = Path.rename, [0]
def rename(self, target):
    if count[0] == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    count[0] += 1
    return moved(self, target)
Path.rename = rename
write_among(Path({str(folder)!r}), {{"a.json": b"new", "c/d.csv": b"new"}}, lambda name: name == "b.csv", lambda: None)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )
    after = {"a.json": b"new", "c/d.csv": b"new", "kept.txt": b"kept"}
    undo_among(folder)
    undo_among(folder)
    left = {name: content for name, content in written(folder).items() if not name.startswith(".allocate-")}
    assert left == (after if done.returncode == 0 else before)
    assert done.returncode == (0 if step >= 5 else -signal.SIGKILL)
    write_among(folder, {"a.json": b"new", "c/d.csv": b"new"}, lambda name: name == "b.csv", lambda: None)
    shutil.rmtree(next(folder.glob(".allocate-*"), folder / "none"), ignore_errors=True)
    assert written(folder) == after


# In a browser, with the network off.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and CI=true: run tests/browser/get-chromium.sh as root.")
        pytest.skip("There is no Chromium: the browser tests of answers are skipped.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield started
        started.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("breadth", [1280, 390])
def test_a_page_opens_with_no_network_and_obeys_no_text(
    breadth: int, browser: Any, hostile: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "prices.html"
    file.write_bytes(answers.answer_files(hostile, "zh")[f"{KIND}.html"])
    context = browser.new_context(viewport={"width": breadth, "height": 900}, offline=True)
    tab = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(file.as_uri())
    tab.wait_for_selector(READY)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.is_visible("article#zh")
    assert tab.is_hidden("article#en")
    told = HOSTILE.replace("\x0b", "␋").replace("\u202e", "\\u202e")
    assert told in tab.text_content("article#zh h1")
    assert told in tab.text_content("article#zh table")
    tab.click("#language")
    assert tab.is_visible("article#en")
    assert tab.is_hidden("article#zh")
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert requests == [file.as_uri()]
    assert complaints == []
    assert tab.evaluate("window.PWN") is None
    context.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_a_table_is_sorted_by_its_figures_and_sums_stay_below(browser: Any, tmp_path: Path) -> None:
    rows = (("甲", "9"), ("乙", "1,000"), ("丙", "未知"), ("丁", "> 99.9%"), ("计", "5"))
    grid = Grid("表", ("名称", "人数"), rows, (1.0, 1.0), frozenset({1}), frozenset({4}))
    file = tmp_path / "page.html"
    sides: dict[Any, Side] = {language: Side("标题", (), [grid]) for language in LANGUAGES}
    file.write_text(page(sides, "zh"), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.wait_for_selector(READY)

    def names() -> str:
        return "".join(tab.locator("article#zh tbody th").all_text_contents())

    assert names() == "甲乙丙丁计"
    tab.focus("article#zh thead th:nth-child(2) button")
    tab.keyboard.press("Enter")
    assert names() == "乙丁甲丙计"
    assert tab.get_attribute("article#zh thead th:nth-child(2)", "aria-sort") == "descending"
    tab.keyboard.press("Enter")
    assert names() == "甲丁乙丙计"
    tab.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_what_is_shown_prints_on_a4(browser: Any, asked: Answer, tmp_path: Path) -> None:
    file = tmp_path / "prices.html"
    file.write_bytes(answers.answer_files(asked, "zh")[f"{KIND}.html"])
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.wait_for_selector(READY)
    pages = sizes(tab.pdf(prefer_css_page_size=True))
    assert set(pages) == {(595, 842)}
    assert 3 <= len(pages) <= 9
    tab.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_without_its_script_the_page_shows_both_languages(browser: Any, asked: Answer, tmp_path: Path) -> None:
    file = tmp_path / "prices.html"
    file.write_bytes(answers.answer_files(asked, "zh")[f"{KIND}.html"])
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(file.as_uri())
    assert tab.is_visible("article#zh")
    assert tab.is_visible("article#en")
    assert tab.is_hidden("#language")
    context.close()


def test_the_tables_of_the_example_are_those_that_are_written(asked: Answer) -> None:
    assert [sheet.name for sheet in sheets(asked, "zh")] == ["compare_people"]
