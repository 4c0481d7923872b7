"""Tests that build models in their own process: each may import the code of another model type."""

from __future__ import annotations

import pytest

from hfbench_nb.worker.heap import settle_objects


@pytest.fixture(autouse=True)
def collected_quickly() -> None:
    """Keep what is imported by now out of garbage collections, as a worker server does before it forks."""
    settle_objects()
