"""Fixtures: the browser, JupyterLab over a folder of notebooks, pages that may not complain."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.tiny import TINY

from .page import Faults, close_all, start_lab
from .servers import ARTEFACTS, jupyterlab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SIZE = {"width": 1280, "height": 900}
NEEDED = ("axe_playwright_python", "jupyterlab", "playwright", "voila")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it the tests are skipped, and in the check of a submission they fail."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if missing or chromium is None:
        reason = f"needs {', '.join(missing) or 'chromium'}: see CONTRIBUTING.md"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)

    from playwright.sync_api import sync_playwright

    shutil.rmtree(ARTEFACTS, ignore_errors=True)
    ARTEFACTS.mkdir(parents=True)
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu", "--disable-quic"])
        yield chrome
        chrome.close()


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab serves; `tiny` in it is a model that needs no network."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text(json.dumps(TINY["bert"]))
    return folder


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What the pages share: the programs that they have fetched and translated, which takes seconds."""
    context = browser.new_context(viewport=SIZE, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """An empty page; the test fails if anything in it complained."""
    page = context.new_page()
    faults = Faults(page)
    yield page
    page.close()
    faults.check()


@pytest.fixture(scope="package")
def started_lab(
    context: BrowserContext, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, Faults]]:
    """The one page of JupyterLab: to start another takes ten seconds of a processor."""
    with jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        page = context.new_page()
        faults = Faults(page)
        start_lab(page, address)
        yield page, faults
        page.close()
        faults.check()


@pytest.fixture
def lab(started_lab: tuple[Page, Faults]) -> Iterator[Page]:
    """JupyterLab with nothing open; the test fails if anything in it complained."""
    page, faults = started_lab
    page.set_viewport_size(SIZE)
    yield page
    close_all(page)
    faults.check()
