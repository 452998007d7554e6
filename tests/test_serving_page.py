"""The page of a folder starts, answers whoever has its token, and ends; as all tests of the page begin."""

from collections.abc import Callable
from pathlib import Path

import pytest
from serving_page import Server, Tab
from starlette.testclient import TestClient


def test_the_first_page_names_the_districts_and_models_of_the_folder(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert 'href="/models/tiny"' in page.text
    assert 'href="/data/tiny"' in page.text


def test_whoever_lacks_the_cookie_of_this_start_sees_nothing(client: TestClient) -> None:
    client.cookies.clear()
    assert client.get("/").status_code == 401


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_the_page_opens_in_a_browser_and_shows_the_plan(
    serving: Callable[..., Server], planned_folder: Path, tab: Callable[..., Tab]
) -> None:
    server = serving(planned_folder)
    shown = tab(server)
    assert "token" not in shown.page.url
    assert shown.page.locator("a[href='/plans/tiny']").count() > 0
    server.end()
    assert server.process.returncode is not None
    assert "Traceback" not in server.said()
