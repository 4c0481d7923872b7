"""Fixtures of the tests of execution."""

from __future__ import annotations

import pytest


@pytest.fixture
def brief(monkeypatch):
    """Let a run on a cluster wait for a second at most where a machine does not answer."""
    from hfbench_nb.execution import dask_discovery, dask_machine

    monkeypatch.setattr(dask_machine, "RETURN_TIMEOUT_S", 1.0)
    monkeypatch.setattr(dask_machine, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(dask_discovery, "ANSWER_TIMEOUT_S", 1.0)
