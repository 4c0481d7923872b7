"""Cases beside their partners in the same run, runs at different times, and the gate for regressions."""

from __future__ import annotations

import dataclasses
import json
import math
import random

import pytest
from support.measured import case_of, failed, ok, results_of
from support.pages import Tags

from hfbench_nb import ArgumentError, BenchmarkResults, load_reference
from hfbench_nb.analysis.ratios import told_apart
from hfbench_nb.display.comparison_parts import ratio_texts
from hfbench_nb.frontends import cli
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.merging import merge
from hfbench_nb.protocol.round_stats import Estimate
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]

MOMENTS = [0.0, 0.3, -0.2, 0.1, 0.25, -0.3]
"""By how much the machine was slower in each round, logarithms: far more than the cases differ by."""


def in_rounds(time_s, *, seed=0, noise=0.01, moments=MOMENTS, memory_mib=500, reference_s=0.002):
    """A case in several rounds: the machine's speed at each moment, and processes that differ by `noise`."""
    rng = random.Random(f"{seed} {time_s}")
    rounds = []
    for number, moment in enumerate(moments, start=1):
        center_s = time_s * math.exp(moment + rng.gauss(0, noise))
        readings_s = tuple(reference_s * math.exp(moment + rng.gauss(0, 0.01)) for _ in range(3))
        timing = Timing((center_s * 0.99, center_s, center_s * 1.01), precision=0.02, reference_s=readings_s)
        rounds.append(dataclasses.replace(ok(memory_mib=memory_mib), timing=timing, round=number))
    return merge(rounds)


def with_dtype(dtype, **more):
    return dataclasses.replace(case_of(**more), settings=Settings(dtype=dtype))


def test_pairs_of_rounds_tell_what_the_machine_hides():
    results = results_of(
        (case_of("base"), in_rounds(0.1)),
        (case_of("slower"), in_rounds(0.11, memory_mib=600)),
        (case_of("alike"), in_rounds(0.1, seed=7)),
        (case_of("other", sequence_length=16), in_rounds(0.1)),
    )
    relative = results.relative(to="base")
    frame = relative.frame.set_index("model")
    assert frame["time_ratio"]["slower"] == pytest.approx(1.1, rel=0.02)
    assert frame["time_differs"].to_dict() == {"slower": True, "alike": False}
    assert frame["memory_differs"].to_dict() == {"slower": True, "alike": False}
    assert relative.notes == ()
    slower, alike, alone = str(relative).splitlines()[1:]
    assert "slower; memory 600 MB / 500 MB = 1.20 [" in slower
    assert slower.endswith("more")
    assert alike.endswith("cannot be told")
    assert alone == "Only in case: other, inference, batch size 8, sequence length 16"
    assert "case / base" in relative._repr_html_()
    assert "| `slower` | inference | 8 | 8 |" in relative.to_markdown()
    assert relative.plot().get_ylabel() or relative.plot().get_xlabel()
    # As two runs they could not be told apart: the machine's own changes are far greater.
    this, other = (results_of((case_of(), measured)) for _, measured in (results.entries[1], results.entries[0]))
    assert this.compare(other).frame["time_differs"].tolist() == [False]


def test_settings_are_compared_with_the_same_model_in_another_setting():
    names = ("float32", "bfloat16")
    pairs = list(zip(names, (2, 1), strict=True))
    results = results_of(
        *((with_dtype(dtype, sequence_length=n), in_rounds(t * n)) for n in (8, 16) for dtype, t in pairs)
    )
    for to in ({"dtype": "float32"}, "bert [float32]"):
        frame = results.relative(to).frame
        assert frame["model"].tolist() == ["bert [bfloat16]"] * 2
        assert frame["sequence_length"].tolist() == [8, 16]
        assert frame["time_ratio"].tolist() == pytest.approx([0.5, 0.5], rel=0.03)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("gone", "to='gone' cannot be used: to must be one of 'bert \\[a\\]', 'bert \\[b\\]', {'dtype': 'a'}"),
        ({"dtype": "c"}, r"to={'dtype': 'c'} cannot be used: dtype must be 'a' or 'b', as in these results\.$"),
        (
            {"dtpe": "a"},
            r"to={'dtpe': 'a'} cannot be used: no case has a setting 'dtpe'; there are .*\. Did you mean dt",
        ),
        ({"dtype": "a", "x": 1}, r"no case has a setting 'x'; there are "),
        ("brt [a]", r"to must be one of .*\. Did you mean bert \[a\]"),
        ({}, "the name of a model, or settings"),
        (7, "the name of a model, or settings"),
        ("bert", "no case differs from it in that alone"),
    ],
)
def test_what_has_no_partner_is_refused(to, why):
    results = results_of((with_dtype("a"), in_rounds(1)), (with_dtype("b"), in_rounds(2)))
    with pytest.raises(ArgumentError, match=why):
        results.relative(to)


def test_one_round_says_what_its_interval_does_not_cover():
    relative = results_of((case_of("a"), ok(0.1)), (case_of("b"), ok(0.2))).relative("a")
    assert relative.notes == ("cases with one round: the intervals do not cover what differs between processes",)
    assert relative.notes[0] in str(relative)
    assert relative.notes[0] in relative._repr_html_()


def test_of_a_case_that_failed_no_interval_is_spoken_of():
    failing = [(case_of(name, sequence_length=16), failed("error")) for name in ("a", "b")]
    relative = results_of((case_of("a"), in_rounds(0.1)), (case_of("b"), in_rounds(0.2)), *failing).relative("a")
    assert relative.notes == ()
    assert "time error / error" in str(relative)


def test_the_best_of_a_table_is_told_by_pairs_and_a_wide_interval_is_not_known_yet():
    restless = [2 * moment for moment in MOMENTS]
    results = results_of(
        (case_of("fast"), in_rounds(0.1, moments=restless)), (case_of("slow"), in_rounds(0.12, moments=restless))
    )
    time_s = METRICS["time_s"]
    (_, high), (other_low, _) = (time_s.interval_of(*entry) for entry in results.entries)
    assert other_low < high  # the intervals overlap, since the machine's speed changed
    fast, slow = results.rows
    assert told_apart(fast, slow, time_s)
    html, markdown = results._repr_html_(), results.to_markdown()
    assert "not yet known: the interval is wider than" in html
    assert "<strong>" not in html.partition("</table>")[0].partition("<tbody")[2]
    assert "? 1" in markdown
    steady = results_of(
        *(
            (case_of(name), in_rounds(t, moments=[m / 3 for m in MOMENTS]))
            for name, t in (("fast", 0.1), ("slow", 0.12))
        )
    )
    assert steady.to_markdown().count("**100**") == 1


# ---- runs at different times


def environment(**facts):
    return {"cpu_model": "A", "framework": "PyTorch", "transformers_version": "4.57.6", **facts}


def run_of(slower=1.0, facts=None, times_s=(0.1, 0.2), **given):
    rounds = {"moments": [math.log(slower) + 0.02 * m for m in MOMENTS], **given}
    entries = [(case_of(sequence_length=8 * (i + 1)), in_rounds(t, **rounds)) for i, t in enumerate(times_s)]
    return BenchmarkResults(entries, facts or environment(), {})


def test_a_machine_that_was_slower_meanwhile_is_no_difference_and_is_told():
    comparison = run_of().compare(run_of(slower=1.3, seed=3))
    (note,) = comparison.notes
    assert note.startswith("the machine was 1.3")
    assert note.endswith("times slower during other: the intervals allow for that")
    assert comparison.frame["time_differs"].tolist() == [False, False]
    assert comparison.frame["time_ratio"].tolist() == pytest.approx([1 / 1.3] * 2, rel=0.02)
    comparison = run_of(slower=1.3).compare(run_of(seed=3), names=("now", "then"))
    assert "times slower during now" in str(comparison)
    # What the reference cannot explain is a difference: this is 1.6 times slower, the machine 1.3 times.
    found = run_of(slower=1.3, times_s=(0.123, 0.246)).compare(run_of(seed=3)).frame
    assert found["time_differs"].tolist() == [True, True]
    assert (found["time_ratio_ci_low"] < 1.25).all()


def test_a_machine_that_may_have_been_slower_is_allowed_for_and_told():
    """The reference says a few percent, in rounds that differ by more: neither sure nor nothing."""
    comparison = run_of().compare(run_of(moments=[math.log(1.04) + 0.45 * m for m in MOMENTS], seed=3))
    (note,) = comparison.notes
    assert note.startswith("the machine may have been 1.0")
    assert note.endswith("times slower during other: the intervals allow for that")


def test_without_rounds_or_reference_nothing_is_taken_for_slower():
    assert run_of(reference_s=0.002).compare(run_of(reference_s=0.0)).notes == ()
    assert results_of((case_of(), ok())).compare(results_of((case_of(), ok(0.04)))).notes == ()


def test_other_machines_and_versions_are_named_and_their_speed_is_what_is_compared():
    there = environment(cpu_model="B", transformers_version="5.0.0")
    comparison = run_of().compare(run_of(slower=1.5, facts=there), names=("here", "there"))
    notes = ("cpu_model: A (here), B (there)", "transformers_version: 4.57.6 (here), 5.0.0 (there)")
    assert comparison.notes == notes
    assert comparison.frame["time_differs"].tolist() == [True, True]


# ---- the gate


@pytest.fixture
def folders(tmp_path):
    """Save a baseline, and runs that are alike, 20 % slower on one length, and as before but noisy."""
    runs = {
        "base": run_of(),
        "alike": run_of(seed=3),
        "worse": run_of(times_s=(0.1, 0.24), seed=5),
        "noisy": run_of(noise=0.2, seed=11),
        "partly": BenchmarkResults(
            [run_of().entries[0], (case_of(sequence_length=16), failed())], environment(), {}
        ),
        "fewer": BenchmarkResults([run_of().entries[0]], environment(), {}),
    }  # fmt: skip
    for name, results in runs.items():
        results.save(tmp_path / name)
    return tmp_path


def test_only_what_the_interval_says_is_worse():
    worse = run_of(times_s=(0.1, 0.24), seed=5).compare(run_of()).worse(5)
    assert worse[["metric", "sequence_length"]].to_numpy().tolist() == [["time_s", 16]]
    assert 1.05 < worse["low"][0] < worse["ratio"][0] < worse["high"][0]
    assert run_of(seed=3).compare(run_of()).worse(5).empty
    noisy = run_of(noise=0.2, seed=11).compare(run_of())
    assert noisy.worse(5).empty
    assert noisy.worse(5, undecided=True)["metric"].tolist() == ["time_s", "time_s"]
    with pytest.raises(ArgumentError, match="percent='5' cannot be used"):
        noisy.worse("5")


@pytest.mark.parametrize(
    ("current", "options", "code", "says"),
    [
        ("alike", "--fail_above 5%", 0, "No case is worse by more than 5 %."),
        ("worse", "--fail-above 5%", 3, "worse by more than 5 %:\n- bert, inference, batch size 8, sequence length 16"),
        ("worse", "--fail_above 30", 0, "No case is worse by more than 30 %."),
        ("worse", "--fail_above 5% --metric memory_mb", 0, "No case is worse"),
        ("worse", "", 0, "current / baseline"),
        ("noisy", "--fail_above 5%", 0, "cannot be told whether worse by more than 5 %:\n- bert"),
        ("partly", "--fail_above 5%", 1, "missing in the current run:\n- bert, inference, batch size 8, sequence "
         "length 16: no time_s, memory_mb (oom)"),
        ("fewer", "--fail_above 5%", 1, "missing in the current run:\n- bert, inference"),
        ("fewer", "--fail_above 5% --allow_missing", 0, "No case is worse"),
        ("alike", "--fail_above much", 2, "fail_above='much' cannot be used"),
        ("alike", "--metric speed", 2, "metric=['speed'] cannot be used"),
    ],
)  # fmt: skip
def test_the_shell_fails_only_where_a_case_is_worse(folders, capsys, current, options, code, says):
    assert cli.main(["compare", str(folders / "base"), str(folders / current), *options.split()]) == code
    assert says in "".join(capsys.readouterr())


def test_the_forms_of_the_output(folders, capsys):
    def write(form):
        words = ["--fail_above", "5%", "--metric", "time_s,memory_mb", "--format", form]
        assert cli.main(["compare", str(folders / "base"), str(folders / "worse"), *words]) == 3
        return capsys.readouterr().out

    data = json.loads(write("json"))
    assert [(each["sequence_length"], each["metric"], each["verdict"]) for each in data["cases"]] == [
        (8, "time_s", "not worse"), (8, "memory_mb", "not worse"),
        (16, "time_s", "worse"), (16, "memory_mb", "not worse"),
    ]  # fmt: skip
    assert data["fail_above"] == 0.05
    entries = json.loads(write("github-action-benchmark"))
    assert entries[0]["name"] == "bert, inference, batch size 8, sequence length 8: Time"
    assert {"unit": "s", "value": pytest.approx(0.1, rel=0.05)}.items() <= entries[0].items()
    assert entries[0]["range"].startswith("± ")
    markdown = write("markdown")
    assert markdown.startswith("**1 of 4 worse by more than 5 %**")
    assert "| `bert` | inference | 8 | 16 |" in markdown


# ---- one number for all cases


def test_the_geometric_mean_of_two_runs_has_an_interval_over_rounds():
    comparison = run_of(times_s=(0.12, 0.24, 0.48), seed=5).compare(run_of(times_s=(0.1, 0.2, 0.4)))
    time, memory = comparison.overall.to_dict("records")
    ratios = comparison.frame["time_ratio"]
    assert (time["metric"], time["cases"], time["differs"]) == ("time_s", 3, True)
    assert time["ratio"] == pytest.approx(ratios.prod() ** (1 / 3))
    assert time["ratio_ci_low"] < 1.2 < time["ratio_ci_high"]
    assert (memory["ratio"], memory["differs"]) == (1.0, False)
    # The processes of the cases differ independently: of three, the mean is known better than each.
    widths = comparison.frame["time_ratio_ci_high"] / comparison.frame["time_ratio_ci_low"]
    assert 1 < time["ratio_ci_high"] / time["ratio_ci_low"] < widths.min()
    for text in (str(comparison), comparison._repr_html_(), comparison.to_markdown()):
        assert "Geometric mean of 3 cases" in text
    assert comparison.to_html() == comparison._repr_html_()
    assert comparison.to_markdown() in Tags(comparison.to_html()).texts  # to be copied
    assert comparison.plot().get_title() == "Inference, batch size 8"


def test_a_machine_that_was_slower_widens_the_mean_too_and_one_round_takes_the_mean_of_the_ends():
    (time, _) = run_of().compare(run_of(slower=1.3, seed=3)).overall.to_dict("records")
    assert time["ratio_ci_low"] < 1 / 1.25
    assert time["ratio_ci_high"] > 0.97
    this, other = (
        results_of((case_of(), ok(a)), (case_of(sequence_length=16), ok(b))) for a, b in ((0.02, 0.04), (0.01, 0.04))
    )
    comparison = this.compare(other)
    (time, _) = comparison.overall.to_dict("records")
    frame = comparison.frame
    for name, end in (
        ("ratio", "time_ratio"),
        ("ratio_ci_low", "time_ratio_ci_low"),
        ("ratio_ci_high", "time_ratio_ci_high"),
    ):
        assert time[name] == pytest.approx(math.sqrt(frame[end].prod()))


def test_one_case_and_partners_of_one_run_have_no_mean():
    one = results_of((case_of(), ok()))
    assert one.compare(one).overall.empty
    several = results_of((case_of("a"), ok(0.1)), (case_of("b"), ok(0.2)), (case_of("c"), ok(0.3)))
    assert several.relative("a").overall.empty
    assert "Geometric mean" not in several.relative("a")._repr_html_()


def test_a_ratio_that_could_be_anything_is_too_noisy():
    wide = [30 * moment for moment in MOMENTS]
    (row,) = (
        results_of((case_of(), in_rounds(0.1, moments=wide)))
        .compare(results_of((case_of(), in_rounds(0.1, seed=2))))
        .texts()
    )
    assert row["metrics"][0]["interval"] == "too noisy"
    assert row["metrics"][0]["verdict"] == "cannot be told"


def test_a_wide_interval_that_still_tells_which_is_faster_is_shown():
    assert ratio_texts(Estimate(5.5, 1.1, 27.0), METRICS["time_s"]) == {
        "ratio": "5.50", "interval": "[1.10, 27.0]", "verdict": "slower",
    }  # fmt: skip
    assert ratio_texts(Estimate(5.5, 0.9, 27.0), METRICS["time_s"])["interval"] == "too noisy"


def test_where_no_case_has_settings_that_is_said():
    refused = r"^to={'dtype': 'a'} cannot be used: no case has a setting 'dtype'; there are none\.$"
    with pytest.raises(ArgumentError, match=refused):
        load_reference("bert-configurations-pytorch").relative(to={"dtype": "a"})
