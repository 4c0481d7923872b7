"""The control panel as its user sees it: found by the classes that its style sheet uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Every text that the line of progress shows, in order.
WATCH = """status => {
    window.progress = [];
    window.watcher?.disconnect();
    window.watcher = new MutationObserver(() => window.progress.push(status.innerText));
    window.watcher.observe(status, {childList: true, subtree: true, characterData: true});
}"""
# Before a run has begun, the line says how much there is to measure.
IS_OVER = """() => window.progress.some(text => / of \\d+ (measurements|cases) in /.test(text))
    && document.querySelector('button.hfbench-stop').disabled
    && !document.querySelector('button.hfbench-run').disabled"""


class PanelView:
    """A panel in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".hfbench-panel")
        self.status, self.table = self.root.locator(".hfbench-status"), self.root.locator(".hfbench-table")
        self.run, self.stop = self.root.locator("button.hfbench-run"), self.root.locator("button.hfbench-stop")

    def type(self, name: str, text: str) -> None:
        """Type a text into a field, and leave it."""
        entry = self.root.locator(f".hfbench-{name} input").last
        entry.fill(text)
        entry.press("Tab")

    def describe(self, model: str, lengths: str, **advanced: object) -> None:
        """Fill the form: one model, a batch size of 1."""
        self.type("model", model)
        self.type("field-batch_sizes", "1")
        self.type("field-sequence_lengths", lengths)
        self.open_advanced()
        for name, value in advanced.items():
            self.type(f"field-{name}", str(value))

    def add_model(self, name: str) -> None:
        """Name one more model."""
        rows = self.root.locator(".hfbench-model")
        former = rows.count()
        self.root.locator("button.hfbench-add-model").click()
        rows.nth(former).wait_for()
        self.type("model", name)

    def open_advanced(self) -> None:
        self.root.get_by_text("Advanced", exact=True).click()

    def open_tab(self, title: str) -> None:
        self.root.locator(".hfbench-tabs").get_by_text(title, exact=True).first.click()

    def press_run(self) -> None:
        """Press Run as soon as it is on, and note from then on what the line of progress says."""
        self.status.evaluate(WATCH)
        self.run.click()

    def wait_for_end(self, seconds: float = 60.0) -> str:
        """Wait until a run is over; return the last word of the line of progress."""
        self.page.wait_for_function(IS_OVER, timeout=1000 * seconds)
        return self.status.inner_text()

    @property
    def progress(self) -> list[str]:
        """What the line of progress has said since Run was pressed."""
        return self.page.evaluate("() => window.progress")

    def copy_code(self, name: str) -> str:
        """Copy a text of the tab Code; return what the clipboard then holds."""
        self.open_tab("Code")
        self.root.locator(f".hfbench-code-{name} textarea").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Control+C")
        return self.page.evaluate("() => navigator.clipboard.readText()")
