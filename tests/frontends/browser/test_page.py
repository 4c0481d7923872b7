"""The browser tests' own eyes: what is wrong in a page must be seen."""

from __future__ import annotations

import pytest

from .page import STAND_INS, Faults

pytestmark = pytest.mark.xdist_group("browser")  # one server, one browser


def test_errors_exceptions_and_requests_to_other_machines_are_seen(browser):
    page = browser.new_page()
    faults = Faults(page)
    page.goto("data:text/html,<title>x</title>")
    page.evaluate("() => { console.error('one'); console.log('not this'); setTimeout(() => { throw Error('two') }) }")
    page.evaluate("() => fetch('https://example.com/three').catch(() => 0)")
    page.wait_for_timeout(100)
    page.close()
    assert [fault.split("\n")[0] for fault in faults.seen[:2]] == ["one", "two"]
    assert "asks another machine for https://example.com/three" in faults.seen


def test_badges_are_stood_in_for(page):
    badges = [address for address in STAND_INS if address.endswith(".svg")]
    page.goto("data:text/html," + "".join(f'<img src="{address}">' for address in badges))
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    assert page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)") == [110, 110]
