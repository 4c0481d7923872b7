"""What is registered from outside, for the tests of a module at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from embedding_task import EMBEDDING
from numpy_arguments import NUMPY
from recording_executor import RecordingExecutor, recording
from support.outside import VECTORS
from support.tiny import TINY

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.executors import EXECUTORS
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.metrics import METRICS


@pytest.fixture(scope="module")
def executor():
    return RecordingExecutor()


@pytest.fixture(scope="module")
def outside(executor):
    """Register everything; the workers import the modules from this folder."""
    entries = [(FRAMEWORKS, NUMPY), (TASKS, EMBEDDING), (METRICS, VECTORS), (EXECUTORS, recording(executor))]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        for registry, entry in entries:
            registry.register(entry)
        yield
        for registry, entry in entries:
            registry.remove(entry.name)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY["bert"]))
    return str(folder)
