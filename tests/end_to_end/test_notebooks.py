"""The notebooks: they run and show what they hold, and their badges lead to them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns
from support.places import ROOT

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.protocol.errors import IsolationError

pytestmark = pytest.mark.xdist_group("notebooks")

FOLDER = ROOT / "notebooks"
SANITIZE = Path(__file__).with_name("nbval_sanitize.cfg")
NAMES = [
    "quickstart",
    "compare_pretrained_models",
    "compare_configurations",
    "pytorch_vs_tensorflow",
    "generation",
    "finetuning",
    "core_models",
    "panel_and_magics",
]

# Together these show everything that depends on the front end, so that Colab's runs them alone.
WITH_ALL_DISPLAYS = ["quickstart", "panel_and_magics"]

WITH_TENSORFLOW = ["pytorch_vs_tensorflow", "core_models"]

# What a notebook may take on two cores with small sizes.
LIMIT_S = 180.0


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(name):
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def repository():
    """The address that stands in pyproject.toml."""
    return re.search(r'^Repository = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]


def has_tensorflow():
    try:
        check_requirements(FRAMEWORKS["TensorFlow"], None)
    except IsolationError:
        return False
    return True


def has_peft():
    return importlib.util.find_spec("peft") is not None


@pytest.fixture(scope="module")
def run_times() -> Iterator[dict[str, float]]:
    """Seconds that each notebook took; left in a file."""
    taken: dict[str, float] = {}
    yield taken
    folder = ROOT / "test-artefacts"
    folder.mkdir(exist_ok=True)
    (folder / "notebook_times_s.json").write_text(json.dumps(taken, indent=2) + "\n")


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.shows] if name in WITH_ALL_DISPLAYS else []) for name in NAMES]
)
def test_a_notebook_runs_and_shows_what_it_holds(name, tmp_path, monkeypatch, run_times):
    shutil.copy(FOLDER / f"{name}.ipynb", tmp_path)  # what it writes stays there
    # Without TensorFlow, or PEFT, its cells say so: they run, but show something else.
    has_all = {"pytorch_vs_tensorflow": has_tensorflow, "finetuning": has_peft}.get(name, lambda: True)
    strictness = "--nbval" if has_all() else "--nbval-lax"
    # The stored outputs are those of a processor. With a temporary folder of its own no run waits for another.
    for variable, value in {"HFBENCH_FAST": "1", "CUDA_VISIBLE_DEVICES": "", "TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("MPLBACKEND", raising=False)  # as a user has it
    if name in (*WITH_ALL_DISPLAYS, *WITH_TENSORFLOW):  # likewise; the others import no TensorFlow
        monkeypatch.delenv("USE_TF", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.chdir(tmp_path)
    command = ["-q", "-p", "nbval.plugin", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), strictness]
    command += ["--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE), "--nbval-cell-timeout", str(LIMIT_S)]
    outcomes = Outcomes()
    start = time.monotonic()
    code = pytest.main([*command, f"{name}.ipynb"], plugins=[outcomes])  # here: a process for it takes two seconds
    run_times[name] = round(time.monotonic() - start, 1)
    assert (code, outcomes.failed) == (0, [])
    assert outcomes.passed == len(code_cells(name))


class Outcomes:
    """A plugin of pytest that notes which cells passed."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext}")
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.append(report.longreprtext)


def sanitized(text):
    for regex, replacement in get_sanitize_patterns(SANITIZE.read_text()):
        text = re.sub(regex, replacement, text)
    return text


def shown(results):
    return sanitized(results._repr_html_()), sanitized(str(results)), sanitized(results.to_markdown())


def results_of(models, lengths, time_s=0.1, status="ok"):
    from hfbench_nb import BenchmarkResults
    from hfbench_nb.protocol.case import Case
    from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
    from hfbench_nb.protocol.timing import Timing

    done = Measurement("ok", Timing((time_s, 1.1 * time_s, 1.2 * time_s)), MemoryUse("VmHWM", peak_bytes=2**30))
    failed = Measurement(status, failure=Failure("MemoryError", "no room"))
    entries = [
        (Case("PyTorch", model, "inference", 8, length), failed if status != "ok" and length == lengths[-1] else done)
        for model in models
        for length in lengths
    ]
    return BenchmarkResults(entries, {"framework": "PyTorch", "date": "2026-11-24"}, {"speed": True, "memory": True})


def test_outputs_are_compared_but_for_what_follows_from_numbers():
    assert len(get_sanitize_patterns(SANITIZE.read_text())) == SANITIZE.read_text().count("regex: ")
    real = shown(results_of(["bert-6-lay", "b"], [8, 128]))
    assert shown(results_of(["bert-6-lay", "b"], [1, 2], time_s=5e-5)) == real
    assert shown(results_of(["bert-6-lay", "b"], [8, 128], status="oom"))[0] == real[0]
    for other in (
        results_of(["bert-7-lay", "b"], [8, 128]),  # another name
        results_of(["bert-6-lay"], [8, 128]),  # a row less
        results_of(["bert-6-lay", "b"], [8, 128, 512]),  # a column more
        results_of(["bert-6-lay", "b"], [8, 128], status="error"),  # a cell that fails
    ):
        assert all(one != another for one, another in zip(shown(other)[:2], real, strict=False))


def test_the_notebooks_are_these():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small_and_complete(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 1_000_000
    assert set(notebook.metadata) == {"kernelspec", "language_info", "colab"}
    assert all(re.fullmatch(r"[a-z-]+", cell.id) for cell in notebook.cells)
    # A notebook whose cells were not run, all of them and in order, shows what it does not do.
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    # What a page without a kernel can show.
    known = {"text/plain", "text/html", "image/png"}
    assert all(set(output.data) <= known for output in outputs if "data" in output)
    assert any("image/png" in output.data for output in outputs if "data" in output)
    assert any("<table" in output.data.get("text/html", "") for output in outputs if "data" in output)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_begins_with_its_badges_and_the_installation(name):
    title, install = read(name).cells[:2]
    address = repository()
    owner_and_name = address.removeprefix("https://github.com/")
    path = f"notebooks/{name}.ipynb"
    badges = dict(re.findall(r"\[!\[([^]]+)\]\([^)]+\)\]\(([^)]+)\)", title.source))
    assert badges == {
        "Open in Colab": f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{path}",
        "Open in Binder": f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/{path}",
    }
    assert title.source.startswith("# ")
    assert re.findall(r"%pip install --quiet (\S+)", install.source) == [f"git+{address}"]
    assert "HFBENCH_FAST" in read(name).cells[2].source


def test_every_address_of_a_badge_is_that_of_the_repository():
    """Also those of other pages: a badge that leads to an older address shows no error, only another notebook."""
    owner_and_name = repository().removeprefix("https://github.com/")
    pages = [ROOT / "README.md", *FOLDER.glob("*.ipynb")]
    hosts = r"(?:colab\.research\.google\.com/github/|mybinder\.org/v2/gh/|git\+https://github\.com/)([\w.-]+/[\w.-]+)"
    found = [address for page in pages for address in re.findall(hosts, page.read_text())]
    assert len(found) >= 3 * len(NAMES)
    assert set(found) == {owner_and_name}


def test_links_between_notebooks_lead_to_one():
    texts = [cell.source for name in NAMES for cell in read(name).cells if cell.cell_type == "markdown"]
    targets = {target for text in texts for target in re.findall(r"\]\((\w+)\.ipynb\)", text)}
    assert targets
    assert targets <= set(NAMES)
