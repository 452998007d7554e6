"""Districts in a real browser: files dropped and chosen, cells mended by mouse and keyboard, in two tabs at once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe
import pytest
from serving_page import NARROW, WIDE, Server, Tab

from allocate.files.mending import mend_text
from allocate.words import say_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("serve-data")]
Serve = Callable[[Path], Server]
Open = Callable[..., Tab]

READY = "html[data-ready=yes]"
SHEET = "/data/tiny/tables/places.csv"
PEOPLE = 7
# What a browser says of an answer that is a refusal.
REFUSED = "Failed to load resource"


def places(folder: Path) -> Path:
    return folder / "data" / "tiny" / "places.csv"


def opened(tab: Open, server: Server, way: str, **options: Any) -> Tab:
    shown = tab(server, way, **options)
    shown.page.wait_for_selector(READY)
    return shown


def drop(page: Any, files: dict[str, str]) -> None:
    """Drop files on the page, as a hand does."""
    held = page.evaluate_handle(
        """(files) => {
            const held = new DataTransfer();
            for (const [name, text] of Object.entries(files)) held.items.add(new File([text], name));
            return held;
        }""",
        files,
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": held})
    page.dispatch_event("#drop", "drop", {"dataTransfer": held})


def forgive(shown: Tab) -> None:
    """Take out the complaints about refusals, which are expected."""
    shown.complaints[:] = [one for one in shown.complaints if REFUSED not in one]


def test_from_an_empty_folder_to_the_model_of_baodi_is_one_click(serving: Serve, tab: Open, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    shown = tab(serving(folder), "/")
    shown.page.click("[data-example=baodi]")
    shown.page.wait_for_url("**/models/baodi")
    assert (folder / "data" / "baodi" / "places.csv").is_file()
    forgive(shown)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_model_of_several_districts_is_one_press_of_a_key_and_says_which_are_missing(
    serving: Serve, tab: Open, tmp_path: Path, language: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    shown = tab(serving(folder), language=language)
    shown.page.focus("[data-example=tianjin]")
    shown.page.keyboard.press("Enter")
    shown.page.locator("#lacking").wait_for()
    said = shown.page.inner_text("#lacking")
    assert say_in(language, "serve_script_models.joint_lacking", count=7) in said
    assert ("武清区" if language == "zh" else "Wuqing") in said
    assert shown.page.locator("a[href='/models/baodi']").count() == 1
    assert shown.page.locator("a[href='/data/jinnan']").count() == 1


def test_an_own_district_is_begun_with_its_files_and_says_what_is_wrong_in_them(
    serving: Serve, tab: Open, home_folder: Path
) -> None:
    path = places(home_folder)
    path.write_bytes(mend_text(path.read_bytes(), "", {(6, PEOPLE): "12x"}))
    shown = tab(serving(home_folder), "/")
    page = shown.page
    page.click("summary")
    page.fill("#own-name", "新区")
    page.set_input_files("#own-files", [places(home_folder), home_folder / "data" / "tiny" / "boundary.geojson"])
    page.click("#own button")
    page.wait_for_url("**/data/*")
    page.get_by_role("button", name="带着问题放入").click()
    page.wait_for_selector("#sending:has-text('已放入')")
    made = home_folder / "data" / "新区"
    assert sorted(item.name for item in made.iterdir()) == ["boundary.geojson", "district.toml", "places.csv"]
    assert (made / "places.csv").read_bytes() == places(home_folder).read_bytes()
    forgive(shown)


def test_a_dropped_file_replaces_only_after_the_question(serving: Serve, tab: Open, home_folder: Path) -> None:
    before = places(home_folder).read_bytes()
    shown = opened(tab, serving(home_folder), "/data/tiny")
    page = shown.page
    changed = before.decode("utf-8-sig") + "\n"
    drop(page, {"places.csv": changed})
    page.get_by_role("button", name="不放入").click()
    page.wait_for_selector("#sending:has-text('没有放入')")
    assert places(home_folder).read_bytes() == before
    page.wait_for_selector(READY)
    drop(page, {"places.csv": changed})
    page.get_by_role("button", name="替换").click()
    page.wait_for_selector("#sending:has-text('已放入')")
    assert places(home_folder).read_bytes() == changed.encode()
    page.click("#undo")
    page.wait_for_selector("#sending:has-text('已撤销')")
    assert places(home_folder).read_bytes() == before
    forgive(shown)


def test_a_wrong_file_shows_its_faults_and_changes_nothing(serving: Serve, tab: Open, home_folder: Path) -> None:
    before = places(home_folder).read_bytes()
    shown = opened(tab, serving(home_folder), "/data/tiny")
    page = shown.page
    wrong = home_folder / "wrong"
    wrong.mkdir()
    (wrong / "places.csv").write_bytes(mend_text(before, "", {(5, PEOPLE): "许多"}))
    page.set_input_files("#choose", wrong / "places.csv")
    page.get_by_role("button", name="替换").click()
    page.wait_for_selector(".asked td:has-text('许多')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#sending:has-text('没有放入')")
    assert places(home_folder).read_bytes() == before
    forgive(shown)


def test_hostile_files_and_names_are_refused_and_shown_as_text(serving: Serve, tab: Open, home_folder: Path) -> None:
    evil = "<img src=x onerror=document.title='evil'>.csv"
    before = sorted(item.name for item in (home_folder / "data" / "tiny").iterdir())
    shown = opened(tab, serving(home_folder), "/data/tiny")
    page = shown.page
    drop(page, {evil: "id\n1\n"})
    page.wait_for_selector("#notice .bad:has-text('<img src=x')")
    page.wait_for_selector(READY)
    drop(page, {"roads.kml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'})
    page.wait_for_selector(".asked li")
    assert page.title() != "evil"
    assert page.locator("main img").count() == 0
    assert sorted(item.name for item in (home_folder / "data" / "tiny").iterdir()) == before
    forgive(shown)


def test_a_cell_is_found_mended_and_downloaded_with_the_keyboard_alone(
    serving: Serve, tab: Open, home_folder: Path
) -> None:
    path = places(home_folder)
    original = path.read_bytes()
    right = original.decode("utf-8-sig").splitlines()[5].split(",")[PEOPLE]
    path.write_bytes(mend_text(original, "", {(6, PEOPLE): "12x"}))
    shown = opened(tab, serving(home_folder), "/data/tiny")
    page = shown.page
    page.locator("#findings a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{SHEET}*")
    page.wait_for_selector(READY)
    assert page.evaluate("() => document.activeElement.textContent") == "12x"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type(right)
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:has-text('还有 0 个')")
    assert path.read_bytes() == original
    page.wait_for_selector(READY)
    assert page.locator("#cells .fault").count() == 0
    with page.expect_download() as saved:
        page.click("a[download]")
    assert Path(saved.value.path()).read_bytes() == original


@pytest.mark.parametrize(("language", "size"), [("zh", WIDE), ("en", NARROW)])
def test_all_of_a_column_that_is_wrong_alike_is_mended_by_keyboard_and_undone_at_once(
    serving: Serve, tab: Open, home_folder: Path, language: str, size: tuple[int, int]
) -> None:
    path = places(home_folder)
    original = mend_text(path.read_bytes(), "", {(row, PEOPLE): "无" for row in (6, 8, 11)})
    path.write_bytes(original)
    shown = opened(tab, serving(home_folder), "/data/tiny", language=language, size=size)
    page = shown.page
    said = say_in(language, "serve_script_data.alike", count=3)
    assert page.locator("#findings tr", has_text=said).count() == 3
    page.locator("#findings a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    page.wait_for_url("**/tables/places.csv**")
    page.keyboard.press("Enter")
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "alike"
    page.keyboard.press("Enter")
    page.locator("#alike-asked").wait_for()
    assert "6, 8, 11" in page.inner_text("#alike-asked")
    assert path.read_bytes() == original, "first it is said how many"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    assert path.read_bytes() == mend_text(original, "", {(row, PEOPLE): "12" for row in (6, 8, 11)})
    with page.expect_navigation():
        page.click("#undo")
    page.wait_for_selector(READY)
    assert path.read_bytes() == original


def test_two_tabs_do_not_overwrite_each_other(serving: Serve, tab: Open, home_folder: Path) -> None:
    server = serving(home_folder)
    one = opened(tab, server, f"{SHEET}?row=6&column={PEOPLE}")
    two = opened(tab, server, f"{SHEET}?row=7&column={PEOPLE}", beside=one)
    one.page.fill("#value", "1111")
    one.page.click("#mend")
    one.page.wait_for_selector("#notice:has-text('已改正')")
    after = places(home_folder).read_bytes()
    two.page.fill("#value", "2222")
    two.page.click("#mend")
    two.page.wait_for_selector("#notice .bad:has-text('刚被')")
    assert places(home_folder).read_bytes() == after
    one.page.wait_for_selector(READY)
    one.page.click("#undo")
    one.page.wait_for_selector("#notice:has-text('已撤销')")
    assert places(home_folder).read_bytes() != after
    forgive(two)


def test_what_a_list_lacks_is_estimated_after_a_question(serving: Serve, tab: Open, home_folder: Path) -> None:
    shutil.copytree(Path(__file__).parent / "data" / "tiny-list", home_folder / "data" / "list")
    shown = opened(tab, serving(home_folder), "/data/list")
    page = shown.page
    page.get_by_role("button", name="推算缺的人口和位置").click()
    page.get_by_role("button", name="写入推算的表").click()
    page.wait_for_selector("#tables:has-text('推算')")
    assert "estimated" in (home_folder / "data" / "list" / "places.csv").read_text(encoding="utf-8-sig")
    forgive(shown)


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("way", ["/", "/data/tiny", f"{SHEET}?row=6&column={PEOPLE}"])
def test_no_barrier_stands_in_what_is_faulty(
    serving: Serve, tab: Open, home_folder: Path, way: str, size: tuple[int, int]
) -> None:
    path = places(home_folder)
    path.write_bytes(mend_text(path.read_bytes(), "", {(6, PEOPLE): "12x"}))
    shown = tab(serving(home_folder), way, size=size)
    if way != "/":
        shown.page.wait_for_selector(READY)
    forgive(shown)
    assert axe.barriers(shown.page) == []
    assert axe.overflow(shown.page) <= 0


def test_what_was_mended_is_undone_from_the_history(serving: Serve, tab: Open, home_folder: Path) -> None:
    before = places(home_folder).read_bytes()
    shown = opened(tab, serving(home_folder), f"{SHEET}?row=6&column={PEOPLE}")
    page = shown.page
    page.fill("#value", "1111")
    page.click("#mend")
    page.wait_for_selector("#notice:has-text('已改正')")
    page.goto(page.url.partition("/data/")[0] + "/history")
    row = page.locator("#entries tbody tr").first
    assert "1111" in row.inner_text()
    row.get_by_role("button").click()
    page.wait_for_function("() => document.querySelectorAll('#entries tbody tr').length === 2")
    assert places(home_folder).read_bytes() == before
