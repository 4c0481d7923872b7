"""A page of the browser: what is wrong in it, and a notebook of JupyterLab to work in.

Nothing here imports Playwright: where it is missing, these tests are skipped and not broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .servers import ARTEFACTS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
OWN = ("http://127.0.0.1:", "data:", "blob:")
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
CELLS = "jupyterapp.shell.currentWidget.content.widgets"
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
BADGE = '<svg xmlns="http://www.w3.org/2000/svg" width="110" height="20"><rect width="110" height="20"/></svg>'
# The only things that a page may want from other machines, by the start of their address, and what it gets instead.
STAND_INS = {
    "https://colab.research.google.com/assets/colab-badge.svg": ("image/svg+xml", BADGE),
    "https://mybinder.org/badge_logo.svg": ("image/svg+xml", BADGE),
    # Voilà's own page takes its icons from there.
    "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@": ("text/css", ""),
}


class Faults:
    """What a page complains about: errors in the console, exceptions, and requests to other machines."""

    def __init__(self, page: Page) -> None:
        self.seen: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.seen.append(message.text))
        page.on("pageerror", lambda error: self.seen.append(str(error)))
        page.route(lambda address: not address.startswith(OWN), self._outside)

    def check(self) -> None:
        """Fail if the page has complained since the last check."""
        seen, self.seen[:] = "\n".join(self.seen), []
        assert not seen, seen

    def _outside(self, route: Route) -> None:
        address = route.request.url
        for start, (content_type, body) in STAND_INS.items():
            if address.startswith(start):
                return route.fulfill(content_type=content_type, body=body)
        self.seen.append(f"asks another machine for {address}")
        return route.abort()


def barriers(page: Page, selector: str, rules: Sequence[str] = ("wcag2a", "wcag2aa")) -> list[str]:
    """Look for what keeps people from reading or using a part of a page, such as too little contrast, by axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    # Of the rules that hold, one place each is told; none of these rules needs the style sheets' texts.
    options = {"runOnly": list(rules), "resultTypes": ["violations"], "preload": False}
    found = Axe().run(page, context=selector, options=options).response
    looked_at = {rule["id"] for kind in ("passes", "violations") for rule in found[kind]}
    assert "color-contrast" in looked_at, f"nothing was looked at in {selector}"
    return [f"{rule['help']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def start_lab(page: Page, address: str) -> None:
    """Open JupyterLab in a page."""
    page.goto(address)
    page.wait_for_function("() => window.jupyterapp", timeout=60_000)
    page.evaluate("async () => { await jupyterapp.restored; jupyterapp.shell.collapseLeft() }")


def start_kernel(page: Page) -> dict[str, str]:
    """Start a kernel in JupyterLab that notebooks can share."""
    return page.evaluate(
        """async () => {
            const kernel = await jupyterapp.serviceManager.kernels.startNew({name: 'python3'});
            return {id: kernel.id, name: kernel.name};
        }"""
    )


def close_all(page: Page) -> None:
    """Close the notebooks in JupyterLab as they are; their kernels stay."""
    page.evaluate("() => [...jupyterapp.shell.widgets('main')].forEach(widget => widget.dispose())")


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page: Page, path: str, **given: Any) -> None:
        """Open a notebook, with a kernel of its own unless one is `given`."""
        self.page = page
        self.command("docmanager:open", path=path, **given)
        page.wait_for_function(f"() => {KERNEL}?.status === 'idle'", timeout=60_000)
        self.set_theme(LIGHT)

    def set_theme(self, theme: str) -> None:
        self.command("apputils:change-theme", theme=theme)
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{theme}'")

    def command(self, name: str, **arguments: Any) -> None:
        """Start one of JupyterLab's commands, without waiting for its end: JavaScript's promises have no time limit."""
        self.page.evaluate("([name, given]) => { jupyterapp.commands.execute(name, given) }", [name, arguments])

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run_all(self, seconds: float = 60.0) -> None:
        """Run every cell, and wait until each has ended well."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            f"() => {CELLS}.every(cell => cell.model.type !== 'code' || cell.model.executionCount)",
            timeout=1000 * seconds,
        )
        errors = self.page.locator('.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]')
        assert errors.all_inner_texts() == []

    def start(self, code: str) -> Locator:
        """Run code in a new cell at the end, without waiting; return the cell."""
        self.page.evaluate(
            """async code => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
                await jupyterapp.commands.execute('notebook:insert-cell-below');
                notebook.activeCell.model.sharedModel.setSource(code);
                jupyterapp.commands.execute('notebook:run-cell');
            }""",
            code,
        )
        return self.page.locator(".jp-Notebook .jp-Cell").last

    def run(self, code: str, seconds: float = 30.0) -> str:
        """Run code in a new cell at the end; return the text of its output."""
        cell = self.start(code)
        self.page.wait_for_function(f"() => {CELLS}.at(-1).model.executionCount", timeout=1000 * seconds)
        return cell.locator(".jp-OutputArea").inner_text()

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")

    def image_widths(self) -> list[int]:
        """Return the widths of the images in outputs, in pixels; 0 for one that could not be shown."""
        self.page.wait_for_function("() => [...document.images].every(image => image.complete)")
        images = self.page.locator(".jp-Notebook .jp-OutputArea-output img")
        return images.evaluate_all("images => images.map(image => image.naturalWidth)")

    def screenshot(self, name: str) -> None:
        """Keep the whole notebook as an image: the window grows if something would have to scroll."""
        size = self.page.viewport_size
        scrolled = self.page.evaluate(
            """() => {
                const outer = document.querySelector('.jp-WindowedPanel-outer');
                return outer.scrollHeight - outer.clientHeight;
            }"""
        )
        if scrolled:
            self.page.set_viewport_size({"width": size["width"], "height": min(size["height"] + scrolled, 16_000)})
        self.page.evaluate(TWO_FRAMES)  # for the layout
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
        if scrolled:
            self.page.set_viewport_size(size)
