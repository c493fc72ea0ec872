"""The pages for people, in a real browser that has no way to the internet."""

import os
import re
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.e2e.processes import Stack

pytestmark = pytest.mark.e2e

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a headless browser; only outside CI may it be absent."""
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have a Chromium: the pages for people are untested")
        pytest.skip("no Chromium on the PATH")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=OPTIONS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def abroad() -> list[str]:
    """Return a list of the requests to other hosts; it must stay empty."""
    return []


@pytest.fixture
def page(browser: Browser, stack: Stack, abroad: list[str]) -> Iterator[Page]:
    """Return a page from which only our own server can be reached."""

    def pass_or_block(route: Route) -> None:
        if urlsplit(route.request.url).netloc in (urlsplit(stack.url).netloc, ""):  # no host: `data:` and `blob:`
            route.continue_()
        else:
            abroad.append(route.request.url)
            route.abort()

    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*", pass_or_block)
    yield page
    page.close()


def test_the_example_can_be_tried_out(page: Page, stack: Stack, abroad: list[str]) -> None:
    page.goto(f"{stack.url}/docs")
    operation = page.locator("#operations-trip-predict_trip")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    expect(operation.locator("textarea")).to_have_value(re.compile("PULocationID"))
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .highlight-code").first
    expect(answer).to_contain_text('"duration"')

    duration = stack.predict().json()["duration"]
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(answer).to_contain_text(f'"duration": {duration}')
    assert abroad == []


def test_the_reference_is_rendered(page: Page, stack: Stack, abroad: list[str]) -> None:
    page.goto(f"{stack.url}/redoc")

    expect(page.get_by_role("heading", name="Tripcast").first).to_be_visible()
    expect(page.get_by_role("heading", name="Predict trip duration").first).to_be_visible()
    assert abroad == []
