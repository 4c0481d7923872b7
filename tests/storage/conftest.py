"""Fixtures of the tests of files."""

from __future__ import annotations

import pytest

from hfbench_nb.execution import servers


@pytest.fixture
def measured(monkeypatch):
    """Note which cases are really measured."""
    cases = []
    measure = servers.WorkerServer.measure

    def note(self, request, *others):
        cases.append(request.case)
        return measure(self, request, *others)

    monkeypatch.setattr(servers.WorkerServer, "measure", note)
    return cases
