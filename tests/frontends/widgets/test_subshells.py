"""The thread in which what the page says is handled."""

from __future__ import annotations

import pytest
from support.widgets import find, only

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_what_the_page_says_stays_in_the_thread_that_it_chose(make, monkeypatch):
    """ipykernel 7.4 sends it to the thread in which the widget was changed last, unless it is told otherwise."""

    comm = pytest.importorskip("comm")  # not with ipywidgets 7, where the kernel has no such threads

    class Comm(comm.DummyComm):
        def _reply_subshell_for(self, data, default):
            return "that of the cells"

    monkeypatch.setattr(comm, "create_comm", lambda **given: Comm(**given))
    panel = make(models=["gpt2"])
    only(panel, "add-model").click()
    names = find(panel, "model")
    assert len(names) == 2
    for widget in (*names, only(panel, "run"), only(panel, "field-threads")):
        assert widget.comm._reply_subshell_for({}, "the page's") == "the page's"
