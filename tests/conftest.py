"""Fixtures that several folders use, and what holds for every test: no process is left, no other run is waited for."""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib as mpl
import psutil
import pytest

# Small machines run small models fastest on one thread, and without a screen nothing may try to open a window.
os.environ["OMP_NUM_THREADS"] = "1"
mpl.use("agg")

# Matplotlib looks for fonts once, for a second, and lists them in the user's cache. Tests have a cache of their own.
os.environ.setdefault("MPLCONFIGDIR", mpl.get_cachedir())

# In each folder in which it compiles, torch.compile tries which vector instructions the processor has. The processor's
# flags, by which it chooses what to try, say it as well: this spares the first of the seconds that it takes.
os.environ["TORCHINDUCTOR_VEC_ISA_OK"] = "1"

from hfbench_nb.execution.servers import close_all
from hfbench_nb.worker.heap import settle_objects
from hfbench_nb.worker.nvml import used_bytes_by_uuid

# Where an assertion of what tests share fails, its values are shown, as in tests.
pytest.register_assert_rewrite("support")

# A shell's job in the background is started deaf to interrupts, and so would be the scripts that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Options of the person who starts the tests are not for the processes of pytest that tests start.
os.environ.pop("PYTEST_ADDOPTS", None)

# Runs that share a temporary folder wait for each other. Each process of these tests has its own, which the scripts
# that it starts inherit: it waits for no other test process, nor for anybody else's run.
tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="hfbench-tests-")
atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


# What is imported while tests are collected stays: looking for garbage meanwhile takes a sixth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    # jsonschema, which checks notebooks, imports this if it is installed: its parsers take two seconds to build.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    # Transformers 4 imports TensorFlow beside PyTorch, which takes 6 s. Scripts and kernels of tests do not need it;
    # a process that runs tests does, and Transformers notes at its import what it may use. Workers are told by
    # hfbench_nb. The process that distributes the tests needs neither.
    os.environ.pop("USE_TF", None)  # as the process that distributes the tests has set it
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        import_module("transformers")
    os.environ["USE_TF"] = "0"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from support.scheduling import GroupScheduling

    return GroupScheduling(config, log)


HAS_GPU = bool(used_bytes_by_uuid())


@pytest.fixture(autouse=True)
def on_the_cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the GPU, if there is one, from the tests that do not ask for it: they know the metrics of a CPU."""
    if HAS_GPU and request.node.get_closest_marker("gpu") is None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def real_gpu() -> None:
    """Skip a test where there is no NVIDIA GPU."""
    if not HAS_GPU:
        pytest.skip("no NVIDIA GPU on this machine")


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    # Threads of panels that tests have made may be starting a server just now, to say what a case needs.
    for _ in range(300):
        close_all()
        if not psutil.Process().children(recursive=True):
            break
        time.sleep(0.1)
    left = psutil.Process().children(recursive=True)
    assert left == [], [child.cmdline() for child in left]


@pytest.fixture(scope="module", autouse=True)
def collected_quickly() -> None:
    """Keep what is imported by now out of garbage collections: a reading of memory makes one, of half a second."""
    settle_objects()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Make a folder with the configuration of a tiny BERT."""
    from support.tiny import TINY

    (tmp_path / "config.json").write_text(json.dumps(TINY["bert"]))
    return tmp_path


@pytest.fixture
def results() -> Any:
    """Make results of two models, of which one case failed; folders and modules have others of this name."""
    from support.measured import case_of, failed, ok

    from hfbench_nb import BenchmarkResults

    entries = [
        (case_of(sequence_length=8), ok(0.0001)),
        (case_of(sequence_length=512), ok(1.2345, 914)),
        (case_of("a-model-whose-name-is-longer-than-thirty-characters"), ok(0.02, 1281)),
        (case_of("a-model-whose-name-is-longer-than-thirty-characters", sequence_length=512), failed()),
    ]
    environment = {"transformers_version": "4.57.6", "framework": "PyTorch", "use_gpu": False}
    return BenchmarkResults(entries, environment, {"speed": True, "memory": True, "env_print": True})


@pytest.fixture(scope="session")
def ip() -> Any:
    """Start the one IPython shell of this process, with the magics."""
    from IPython import get_ipython
    from IPython.testing.globalipapp import start_ipython

    shell = start_ipython() or get_ipython()
    shell.run_line_magic("load_ext", "hfbench")
    return shell


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub be out of reach."""
    monkeypatch.setattr("hfbench_nb.configurations.lookup._answers", lambda endpoint: False)


@pytest.fixture
def close_figures() -> Iterator[None]:
    from matplotlib import pyplot as plt

    yield
    plt.close("all")
