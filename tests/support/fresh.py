"""Fresh interpreters for PyTorch, with fewer of them than users have."""

from __future__ import annotations

import pytest

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.servers import FreshInterpreters, workers


def measure_in_fresh_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each case in an interpreter of its own; the server describes the environment: that saves one of them."""
    server = workers(FRAMEWORKS["PyTorch"])
    monkeypatch.setattr(FreshInterpreters, "environment", lambda self, *how: server.environment(*how))
    monkeypatch.setenv("HFBENCH_FRESH_INTERPRETER", "1")
