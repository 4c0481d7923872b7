"""Panels of the tests, and their end."""

from __future__ import annotations

import dataclasses

import pytest
from support.processes import wait_until

import hfbench_nb
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.frontends.widgets.background import current_run


@pytest.fixture
def model(model):
    return str(model)


@pytest.fixture
def make(model):
    """Make panels, and end what they have begun."""
    made = []

    def make_panel(*args, **values):
        made.append(hfbench_nb.panel(*args, **values))
        return made[-1]

    yield make_panel
    for panel in made:
        panel.close()
    assert wait_until(lambda: current_run() is None)


@pytest.fixture
def quick(make, model):
    """A panel whose run is over quickly, but for a case that fails."""
    return make(models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 128], max_seconds=0.05, rounds=1)


@pytest.fixture
def slow(make, model):
    """A panel whose run takes an hour."""
    return make(
        models=[model],
        batch_sizes=[1],
        sequence_lengths=[8, 16],
        max_seconds=3600.0,
        rounds=1,
        repeat=10**9,
        memory=False,
    )


@pytest.fixture
def replace_arguments():
    """Let another dataclass stand for PyTorch's arguments."""
    before = FRAMEWORKS["PyTorch"]

    def replace(kind):
        FRAMEWORKS.register(dataclasses.replace(before, arguments=kind), replace=True)

    yield replace
    FRAMEWORKS.register(before, replace=True)
