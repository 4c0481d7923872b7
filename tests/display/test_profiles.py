"""What users see of profiles: frames, tables, plots, and what changed between two cases."""

from __future__ import annotations

import dataclasses
import gzip
import json

import pytest
from matplotlib import pyplot as plt
from support.measured import case_of, ok, results_of
from support.models import short, tiny_bert

import hfbench_nb
from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.profile import PYTHON, Operator, Profile

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures")]


def planted(time_s, operators, dtype="float32", model="bert", length=8, **more):
    """A case whose traced call took twice as long as the others."""
    made = tuple(Operator(name, group, calls, 2 * spent_s, 1 << 20) for name, group, calls, spent_s in operators)
    profile = Profile(sum(each.self_s for each in made), made, {"attention": ("BertAttention (2)",)}, **more)
    case = dataclasses.replace(case_of(model, sequence_length=length), settings=Settings(dtype=dtype))
    return case, dataclasses.replace(ok(time_s), profile=profile)


FLOAT = [("addmm", "attention", 4, 0.006), ("addmm", "feed-forward", 2, 0.006), (PYTHON, "other", 0, 0.004)]
QUANTISED = [
    ("quantized::linear_dynamic", "attention", 4, 0.010),
    ("quantized::linear_dynamic", "feed-forward", 2, 0.014),
    ("addmm", "feed-forward", 1, 0.001),
    (PYTHON, "other", 0, 0.007),
]


def both():
    return results_of(planted(0.016, FLOAT), planted(0.032, QUANTISED, "int8_dynamic"))


def test_frames_have_each_operator_and_each_group_once():
    view = both().profiles[0]
    operators, modules = view.operators.set_index("operator"), view.modules.set_index("group")
    assert operators.loc["addmm", ["calls", "time_s", "share", "memory_mb"]].tolist() == [6, 0.024, 0.75, 2.0]
    assert list(modules.index) == ["attention", "feed-forward", "other"]
    assert modules["share"].sum() == pytest.approx(1)
    assert modules.loc["attention", "modules"] == "BertAttention (2)"
    assert both().profiles.frame.groupby("label")["time_s"].sum().tolist() == pytest.approx([0.016, 0.032])


def test_profiles_are_chosen_as_results_are():
    results = results_of(planted(0.016, FLOAT), planted(0.032, QUANTISED, "int8_dynamic"), (case_of("gpt2"), ok()))
    assert len(results.profiles) == 2
    second = results.profiles[1]
    for key in ({"dtype": "int8_dynamic"}, "bert [int8_dynamic]", second.row.case, -1):
        assert results.profiles[key].row == second.row
    for key, message in {
        "bert": r"key='bert' selects 2 cases: give further settings, .* position: 0: bert \[float32\]",
        "bart": "key='bart' cannot be used: key must be one of 'bert'",
        "gpt2": "has no profile: they are taken where profile=True is given",
        7: "key=7 cannot be used: there are 2 profiles",
        case_of("other"): "There is no case other",
    }.items():
        with pytest.raises(KeyError, match=message) as caught:
            results.profiles[key]
        assert isinstance(caught.value, ArgumentError)
    with pytest.raises(KeyError, match="There are no profiles: ValueError: no"):
        results_of((case_of(), dataclasses.replace(ok(), profile_failure="ValueError: no"))).profiles[0]


def test_why_one_is_slower():
    told = both().explain({"dtype": "int8_dynamic"}, {"dtype": "float32"})
    assert told.in_words() == (
        "int8_dynamic is 2.00 times slower than float32 (32.0 ms instead of 16.0 ms): +24.0 ms in operators that "
        "float32 does not have (quantized::linear_dynamic); \N{MINUS SIGN}11.0 ms in operators that take less (addmm)."
    )
    frame = told.frame.set_index("operator")
    assert frame["difference_s"].tolist() == pytest.approx([0.024, -0.011, 0.003])
    assert frame["difference_s"].sum() == pytest.approx(told.difference_s)
    assert frame["change"].tolist() == ["new", "faster", "slower"]
    assert frame["group"].tolist() == ["feed-forward", "attention", "other"]
    assert told.groups["difference_s"].sum() == pytest.approx(0.016)
    back = both().explain({"dtype": "float32"}, {"dtype": "int8_dynamic"})
    assert "float32 is 2.00 times faster" in back.in_words()
    assert "of operators that float32 does not have (quantized::linear_dynamic)" in back.in_words()
    twice = (both() + both()).explain("bert [float32] (run 2)", "bert [float32]")
    assert twice.in_words().startswith("bert [float32] (run 2) is 1.00 times")


def test_what_cannot_be_explained():
    results = results_of(planted(0.016, FLOAT), (case_of("gpt2"), ok()))
    with pytest.raises(ArgumentError, match="profile=True"):
        results.explain("bert", "gpt2")
    with pytest.raises(ArgumentError, match="select the same case"):
        results.explain("bert", 0)
    with pytest.raises(ArgumentError, match="profile=True"):
        results_of((case_of(), ok())).plot_profiles()


def test_tables_say_the_same_in_each_form(tmp_path):
    trace = tmp_path / "a&b.json.gz"
    results = results_of(planted(0.016, FLOAT, model="<b>", trace=str(trace), note="a & b"))
    view = results.profiles[0]
    html = view._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<script" not in html
    for text in (html, str(view), view.to_markdown()):
        assert all(word in text for word in ("attention", "38 %", "addmm", "12.0 ms", "BertAttention (2)", "perfetto"))
    for text in (str(results.profiles), results.profiles.to_markdown(), results.profiles._repr_html_()):
        assert all(word in text for word in ("Attention", "38 %", "16.0 ms", str(tmp_path), "perfetto"))
    assert "WHERE THE TIME GOES" in str(results)
    assert "Where the time goes" in results._repr_html_()
    plain = results_of((case_of(), ok()))
    assert "ime goes" not in str(plain) + plain._repr_html_()
    told = both().explain(1, 0)
    for text in (told._repr_html_(), str(told), told.to_markdown()):
        assert all(word in text for word in ("2.00 times slower", "quantized::linear_dynamic", "+24.0 ms", "new"))


def test_bars_are_parts_of_the_call():
    axes = both().plot_profiles()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["Attention", "Feed-forward", "Other"]
    drawn = [patch for patch in axes.patches if patch.get_width()]
    assert [patch.get_x() + patch.get_width() for patch in drawn[2::3]] == pytest.approx([100, 100])
    assert {"16.0 ms", "32.0 ms", "38 %"} <= {text.get_text() for text in axes.texts}
    absolute = both().plot_profiles(absolute=True)
    drawn = [patch for patch in absolute.patches if patch.get_width()]
    assert drawn[-1].get_x() + drawn[-1].get_width() == pytest.approx(32)
    assert absolute.get_xlabel() == "Time of a call (ms)"
    _, own = plt.subplots(figsize=(3, 2))
    assert both().profiles.plot(ax=own) is own
    assert own.get_xlim()[1] > 100


# ---- a real run


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    pytest.importorskip("torch")
    args = short(profile=True, training=True)
    return PyTorchBenchmark(args, configs=[tiny_bert()]).run(tmp_path_factory.mktemp("run"))


def test_a_run_keeps_its_traces(results, tmp_path):
    assert list(results.frame["status"]) == ["ok", "ok"]
    assert results.frame[["time_s", "memory_mb"]].notna().all().all()
    assert [measurement.profile_failure for _, measurement in results.entries] == ["", ""]
    again = hfbench_nb.load_results(results.folder)
    assert again.entries == results.entries
    for view in again.profiles:
        assert view.trace.parent == results.folder / "traces"
        assert view.trace.stat().st_size < 200_000
        assert json.loads(gzip.decompress(view.trace.read_bytes()))["traceEvents"]
        assert view.modules["time_s"].sum() == pytest.approx(view.profile.traced_s)
    line = (results.folder / "results.jsonl").read_text().splitlines()[1]
    assert str(results.folder) not in line
    assert len(line) < 30_000
    for _ in range(2):  # the second time, the same results are there
        (results + again).save(tmp_path / "saved")
    copies = hfbench_nb.load_results(tmp_path / "saved").profiles
    assert [view.trace.parent for view in copies] == [tmp_path / "saved" / "traces"] * len(copies)
    copies[0].trace.unlink()
    assert hfbench_nb.load_results(tmp_path / "saved").profiles[0].trace is None


def test_a_function_is_profiled(tmp_path):
    pytest.importorskip("torch")

    def work():
        import torch

        return torch.nn.Linear(8, 8)(torch.ones(4, 8))

    results = hfbench_nb.measure(work, framework="PyTorch", profile=True, max_seconds=0.05, memory=False)
    view = results.profiles[0]
    assert "addmm" in view.operators["operator"].tolist()
    assert view.trace.is_file()  # as long as this process runs
    results.save(tmp_path)
    assert hfbench_nb.load_results(tmp_path).profiles["work"].trace.parent == tmp_path / "traces"


@pytest.mark.parametrize("framework", [None, "TensorFlow"])
def test_other_frameworks_are_refused_before_anything_runs(framework):
    with pytest.raises(ArgumentError, match=r"profile=True and framework=.*: framework must be 'PyTorch' for that"):
        hfbench_nb.measure(print, framework=framework, profile=True)
    with pytest.raises(
        ArgumentError, match="profile=True cannot be used with TensorFlow: it is an argument of PyTorch"
    ):
        hfbench_nb.TensorFlowBenchmarkArguments(models=["m"], profile=True)
