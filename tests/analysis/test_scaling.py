from __future__ import annotations

import itertools
import math
import random
import re

import numpy as np
import pytest
from support.measured import MIB, case_of, failed, function_row, results_of, sweep

from hfbench_nb import ArgumentError
from hfbench_nb.analysis.fits import TERMS, _closest, fit_curve
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]

LENGTHS = (8, 32, 64, 128, 256, 512)
# Of a small model on a slow machine: each term is felt at some length.
CONSTANT_S, LINEAR_S, QUADRATIC_S = 5e-3, 2e-4, 4e-7
SETS = [terms for size in (1, 2, 3) for terms in itertools.combinations(range(3), size)]


def planted(terms):
    coefficients = [value if i in terms else 0.0 for i, value in enumerate((CONSTANT_S, LINEAR_S, QUADRATIC_S))]
    return lambda n: sum(c * n**power for power, c in enumerate(coefficients))


def timed(function, lengths=LENGTHS, model="bert", noise=0.0):
    rng = random.Random(0)
    return [
        (case_of(model, sequence_length=n), Measurement("ok", Timing((function(n) * (1 + rng.gauss(0, noise)),))))
        for n in lengths
    ]


@pytest.mark.parametrize("terms", SETS)
def test_a_fit_without_noise_comes_back(terms):
    fit = fit_curve(LENGTHS, [planted(terms)(n) for n in LENGTHS])
    assert fit.terms == tuple(TERMS[i] for i in terms)
    wanted = [value if i in terms else 0 for i, value in enumerate((CONSTANT_S, LINEAR_S, QUADRATIC_S))]
    assert fit.coefficients == pytest.approx(wanted, rel=1e-6)
    assert fit.residual < 1e-9
    assert fit(1024) == pytest.approx(planted(terms)(1024))


@pytest.mark.parametrize(("lengths", "noise"), [((8, 32, 128, 512), 0.005), (LENGTHS, 0.01)])
@pytest.mark.parametrize("terms", SETS)
def test_the_terms_of_a_fit_are_found_through_noise(terms, lengths, noise):
    rng = random.Random(sum(1 << i for i in terms))
    found = [
        fit_curve(lengths, [planted(terms)(n) * (1 + rng.gauss(0, noise)) for n in lengths]).terms for _ in range(20)
    ]
    assert found.count(tuple(TERMS[i] for i in terms)) >= 16


def test_the_four_usual_lengths_show_a_quadratic_part():
    rng = random.Random(0)
    lengths = (8, 32, 128, 512)
    fit = fit_curve(lengths, [planted((0, 1, 2))(n) * (1 + rng.gauss(0, 0.01)) for n in lengths])
    assert fit.terms == TERMS
    assert fit.coefficients == pytest.approx((CONSTANT_S, LINEAR_S, QUADRATIC_S), rel=0.1)


def test_the_frame_says_what_the_fit_is_and_where_the_quadratic_part_overtakes():
    row = results_of(*timed(planted((0, 1, 2)))).scaling().frame.iloc[0]
    assert (row["model"], row["task"], row["batch_size"], row["lengths"]) == ("bert", "inference", 8, 6)
    assert row["terms"] == "constant + linear + quadratic"
    assert row["constant_s"] == pytest.approx(CONSTANT_S)
    assert row["linear_s_per_token"] == pytest.approx(LINEAR_S)
    assert row["quadratic_s_per_token2"] == pytest.approx(QUADRATIC_S)
    whole = planted((0, 1, 2))(512)
    assert row["longest_length"] == 512
    assert row["linear_share"] == pytest.approx(LINEAR_S * 512 / whole)
    assert row["constant_share"] + row["linear_share"] + row["quadratic_share"] == pytest.approx(1)
    n = row["quadratic_from"]
    assert QUADRATIC_S * n * n == pytest.approx(CONSTANT_S + LINEAR_S * n)


def test_memory_has_fits_too():
    entries = [
        (case_of(sequence_length=n), Measurement("ok", memory=MemoryUse("VmHWM", round((500 + 0.5 * n) * MIB))))
        for n in LENGTHS
    ]
    fits = results_of(*entries).scaling()  # memory is what was measured
    row = fits.frame.iloc[0]
    assert (row["terms"], row["quadratic_mb_per_token2"]) == ("constant + linear", 0)
    assert (row["constant_mb"], row["linear_mb_per_token"]) == (pytest.approx(500), pytest.approx(0.5))
    assert math.isnan(row["quadratic_from"])
    assert fits.predict(1024)["memory_mb"].tolist() == [pytest.approx(1012)]
    assert "500 MB + 0.5 MB n" in str(fits)


def test_prediction_says_where_it_reaches_beyond_what_was_measured():
    fits = results_of(*timed(planted((0, 1))), *timed(planted((1,)), model="gpt2")).scaling("time_s")
    frame = fits.predict([64, 1024])
    assert frame["model"].tolist() == ["bert", "bert", "gpt2", "gpt2"]
    assert frame["time_s"].tolist() == pytest.approx([planted(t)(n) for t in ((0, 1), (1,)) for n in (64, 1024)])
    assert frame["extrapolated"].tolist() == [False, True, False, True]
    assert fits.predict(64, model="gpt2", task="inference", batch_size=8)["model"].tolist() == ["gpt2"]
    for given in ({"model": "t5"}, {"task": "training"}, {"batch_size": 1}):
        with pytest.raises(ArgumentError, match=f"{next(iter(given))}=.* cannot be used"):
            fits.predict(64, **given)
    with pytest.raises(ArgumentError, match="sequence_length="):
        fits.predict(0)


def test_residuals_belong_to_their_cases():
    fits = results_of(*timed(planted((0, 1)), noise=0.01)).scaling()
    frame = fits.residuals
    assert frame["sequence_length"].tolist() == list(LENGTHS)
    assert frame["fitted"].tolist() == pytest.approx(fits.predict(LENGTHS)["time_s"].tolist())
    assert (frame["fitted"] / frame["time_s"] - 1).tolist() == pytest.approx(frame["residual"].tolist())
    assert fits.frame["residual"][0] == pytest.approx(math.sqrt((frame["residual"] ** 2).mean()))


def test_too_few_lengths_are_told_and_are_no_crash():
    few = [*timed(planted((1,)), (8, 32)), (case_of(sequence_length=128), failed())]
    fits = results_of(*few, *timed(planted((1,)), model="gpt2"), function_row()).scaling()
    assert fits.frame["note"].tolist() == ["a fit needs at least 3 sequence lengths, not 2", ""]
    assert math.isnan(fits.frame["linear_s_per_token"][0])
    assert fits.frame["terms"].tolist() == ["", "linear"]
    assert math.isnan(fits.predict(64)["time_s"][0])
    assert "no fit: a fit needs at least 3 sequence lengths, not 2" in fits._repr_html_()
    assert len(results_of(*few).plot(fit=True).lines[0].get_xdata()) == 2
    nothing = results_of((case_of(), failed())).scaling()
    assert (nothing.frame["longest_length"][0], len(nothing.residuals)) == (0, 0)


def test_three_lengths_support_one_slope():
    fit = fit_curve((8, 32, 128), [planted((0, 1))(n) for n in (8, 32, 128)])
    assert fit.coefficients == pytest.approx((CONSTANT_S, LINEAR_S, 0))
    assert math.isnan(fit.cross_validation_error)
    bent = fit_curve((8, 32, 128), [planted((0, 1, 2))(n) for n in (8, 32, 128)])
    assert bent.terms == ("constant", "linear")


def test_errors_count_in_ratio():
    for values in ((1, 1, 1.4), (1, 1.4, 1.4)):
        inverse = [1 / value for value in values]
        fits = [_closest(np.array([8.0, 32.0, 128.0]), np.array(each), (0,)) for each in (values, inverse)]
        assert fits[0][0] * fits[1][0] == pytest.approx(1)


def test_a_curve_that_misses_a_value_by_far_is_no_fit_and_is_not_drawn():
    steps = {8: 0.0284, 32: 0.0310, 512: 0.587, 1000: 0.0310}
    results = results_of(*timed(steps.get, steps))
    note = results.scaling().frame["note"][0]
    assert re.fullmatch(r"the closest curve misses the value at [\d,]+ tokens by a factor of [\d.]+", note)
    assert f"no fit: {note}" in str(results.scaling())
    assert math.isnan(results.scaling().predict(1000)["time_s"][0])
    assert len(results.plot(fit=True).lines) == len(results.plot().lines)


def test_a_value_may_be_missed_within_its_interval():
    values = [planted((0, 1))(n) for n in LENGTHS]
    values[3] *= 1.5
    with pytest.raises(ValueError, match="misses the value at 128 tokens by a factor of"):
        fit_curve(LENGTHS, values, [(0.9 * value, 1.1 * value) for value in values])
    assert fit_curve(LENGTHS, values, [(value / 2, 2 * value) for value in values]).terms


def test_figures_of_zero_have_no_fit():
    entries = [
        (c, Measurement("ok", memory=MemoryUse("VmHWM", 9 * MIB, 0, 9 * MIB, 0))) for c, _ in sweep(["b"]).entries
    ]
    assert results_of(*entries).scaling("working_mb").frame["note"].tolist() == ["a fit needs values above 0"]


def test_throughput_has_no_fit_of_its_own():
    with pytest.raises(ArgumentError, match="throughput follows from the fit of time"):
        sweep().scaling("tokens_per_s")


def test_shown_as_escaped_html_and_as_text():
    fits = results_of(*timed(planted((0, 1, 2)), model="<script>")).scaling()
    html = fits._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "5.00 ms + 200 µs n + 400 ns n²" in html
    assert html == fits._repr_html_()
    assert (
        str(fits)
        .splitlines()[1]
        .startswith(
            "<script>, inference, batch size 8: 5.00 ms + 200 µs n + 400 ns n²; residual ±0.0 %, at 512: constant 2 %"
        )
    )


def test_the_plot_draws_the_fit_through_and_beyond_the_points():
    results = results_of(*timed(planted((0, 1, 2))))
    ax = results.plot(fit=True)
    points, fit = ax.lines
    assert points.get_linestyle() == "None"
    n, time_s = fit.get_data()
    assert (n[0], n[-1]) == (pytest.approx(8), pytest.approx(512 * 1.25))
    assert time_s.tolist() == pytest.approx([planted((0, 1, 2))(x) for x in n])
    assert fit.get_linewidth() < points.get_linewidth()
    assert ax.get_xlim()[1] > 512 * 1.25
    n, tokens_per_s = results.plot("tokens_per_s", fit=True).lines[1].get_data()
    assert tokens_per_s.tolist() == pytest.approx([8 * x / planted((0, 1, 2))(x) for x in n])
