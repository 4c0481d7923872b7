"""Files that are written from the panel."""

from __future__ import annotations

import html

import pytest
from support.widgets import only, run_to_its_end, said

from hfbench_nb import load_results

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_results_are_exported_and_named(quick, tmp_path):
    assert only(quick, "exports").layout.display == "none"
    run_to_its_end(quick)
    assert only(quick, "exports").layout.display == ""
    assert f"hfbench_nb.load_results({str(quick.results.folder)!r})" in html.unescape(only(quick, "results-name").value)
    folder = tmp_path / "kept <here>"
    only(quick, "export-folder").value = str(folder)
    for name, file in (("csv", "inference_time.csv"), ("markdown", "results.md"), ("save", "results.jsonl")):
        only(quick, f"export-{name}").click()
        assert html.escape(str(folder / file)) in only(quick, "written").value
        assert (folder / file).is_file()
    assert load_results(folder).frame["status"].tolist() == ["ok", "ok", "error"]
    run_to_its_end(quick)
    only(quick, "export-save").click()
    assert "overwrite" in said(quick)[0]  # the results of another run stay
