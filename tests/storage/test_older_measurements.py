"""What earlier formats held in free dictionaries is read into the fields that it has now."""

from __future__ import annotations

import json

import pytest
from support.places import TESTS

from hfbench_nb import load_results
from hfbench_nb.protocol.facts import Costs
from hfbench_nb.storage.journal import FILE_NAME
from hfbench_nb.storage.older_measurements import of_format_3

DATA = TESTS / "storage" / "data"


def written(folder):
    """Return the measurements of a journal as they are written."""
    return [json.loads(line)["measurement"] for line in (folder / FILE_NAME).read_text().splitlines()[1:]]


def test_a_run_of_format_3_has_the_metrics_that_it_had():
    results = load_results(DATA / "format-3")
    old = {(m["round"], m["details"]["model_class"], *m["timings"]): m["details"] for m in written(DATA / "format-3")}
    assert len(old) == 6
    rounds = [part for _, merged in results.entries for part in merged.each_round]
    for part in rounds:
        details = old[(part.round, part.model_facts.model_class, *part.timings)]
        assert part.model_facts.parameters == details["parameters"] == 18_016
        assert part.model_facts.non_persistent_buffer_bytes == details["non_persistent_buffer_bytes"]
        assert part.costs == Costs(
            **{name: details[name] for name in ("start_s", "open_s", "build_s", "calls", "calls_s")}
        )
        assert part.framework_version == "2.13.0+cpu"
        assert (part.peaks is None) == ("peaks" not in details)
        assert not {"parameters", "calls", "peaks", "framework_version"} & set(part.details)
        assert part.details["inputs"] == details["inputs"]
    frame = results.frame.set_index("task")
    assert frame["parameters"].tolist() == [18_016] * 3
    assert frame.loc["generation", ["prefill_peak_mb", "decode_peak_mb"]].tolist() == pytest.approx(
        [349.4, 350.2], abs=0.05
    )
    assert (frame["utilization"].dropna() > 0).sum() == 2
    assert results.machine_peaks()["dtype"].tolist() == ["float32"]
    assert set(results.entries[1][1].memory.phase_peak_bytes) == {"forward", "backward", "optimizer"}


def test_a_run_of_version_0_1_0_has_the_metrics_that_it_had():
    folder = DATA / "version-0.1.0" / "run"
    for (_, measurement), old in zip(load_results(folder).entries, written(folder), strict=True):
        assert measurement.model_facts.parameters == old["details"]["parameters"]
        assert measurement.costs.calls == old["details"]["calls"]
        assert measurement.framework_version == "2.13.0+cpu"


@pytest.mark.parametrize("value", ["many", None, True, 1.5, [1]])
def test_an_entry_of_another_type_stays_a_detail_and_costs_nothing(value):
    read = of_format_3({"status": "ok", "details": {"model_class": "A", "parameters": 3, "calls": value}})
    assert read["details"] == {"calls": value}
    assert read["costs"] == {}
    assert read["model_facts"] == {"model_class": "A", "parameters": 3}


def test_damaged_peaks_stay_a_detail():
    for peaks in ({"gflops_per_s": 1.0}, [], "fast"):
        read = of_format_3({"status": "ok", "details": {"peaks": peaks}})
        assert (read["peaks"], read["details"]) == (None, {"peaks": peaks})


def test_compilation_became_a_metric():
    read = of_format_3({"status": "ok", "metrics": {"flops": 1.0}, "details": {"compile_s": 2}})
    assert read["metrics"] == {"flops": 1.0, "compile_s": 2}
    assert read["model_facts"] is None


def test_details_that_are_none_are_refused():
    with pytest.raises(ValueError, match="details cannot be a list"):
        of_format_3({"status": "ok", "details": []})
